"""`/verify`: is this paper real? For everybody, without an account and without JavaScript; with it the
reader's own browser repeats the checks. `/documents`: what the signed-in may read, with the reason why.
"""

from __future__ import annotations

import re
from typing import Any, Final

from aiohttp import web

from coopnode import evidence
from coopnode.admission import Buckets
from coopnode.evidence import Evidence
from coopnode.membership import queries
from coopnode.membership.people import Names, Viewer, reason
from coopnode.membership.queries import Paper
from protocol import registry, wording
from protocol.documents import parse
from protocol.errors import EncodingError
from protocol.identifiers import parse_fingerprint
from web import i18n, openapi, sessions
from web.council.words import Words
from web.forms import text
from web.founding.shell import FOUNDING
from web.keys import NODE
from web.rendering import render
from web.verification import api
from web.verification.api import LOOKUPS, find, ration
from web.verification.fields import Line, lines

NAMES: Final = web.AppKey("documents_names", Names)
_DIGEST: Final = "{digest:[0-9a-f]{64}}"
_PAGE: Final = 30


def setup(app: web.Application) -> None:
    limits = app[NODE].config.limits
    app[LOOKUPS] = Buckets(limits.lookups_burst, limits.lookups_rate)
    app[NAMES] = Names(app[NODE].vault)
    app.router.add_get("/verify", enter)
    app.router.add_get(f"/verify/{_DIGEST}", verify)
    app.router.add_get(f"/verify/{_DIGEST}/evidence.zip", evidence_zip)
    app.router.add_get("/verify/{rest:.+}", mistyped)
    app.router.add_get("/documents", documents)
    app.router.add_get(f"/documents/{_DIGEST}", document)
    openapi.register(app, api.ROUTES)


# --- verification ---------------------------------------------------------------------------------------


async def enter(request: web.Request) -> web.StreamResponse:
    """A fingerprint as printed: groups of four, any case. A QR code leads past this page."""
    typed = text(request.query, "fingerprint", 400)
    if not typed:
        return render(request, "verify/enter.html", typed="", error="")
    digest = _read(typed)
    if digest is None:
        return render(request, "verify/enter.html", status=422, typed=typed, error=_fault(typed))
    raise web.HTTPSeeOther(f"/verify/{digest.hex()}")


def _read(typed: str) -> bytes | None:
    """The digest in what somebody typed or pasted: a fingerprint, or the whole address."""
    found = re.search(r"/verify/([0-9A-Fa-f]{64})(?![0-9A-Fa-f])", typed)
    try:
        return parse_fingerprint(found[1] if found else typed)
    except EncodingError:
        return None


def _fault(typed: str) -> str:
    digits = "".join(typed.split())
    if re.fullmatch(r"[0-9A-Fa-f]+", digits) and len(digits) < 64:
        return "The fingerprint has 64 characters; some are missing. A part of it is not enough."
    return "A fingerprint has 64 characters: digits and the letters a to f."


async def mistyped(request: web.Request) -> web.StreamResponse:
    """An address with something else than a whole fingerprint: the same calm page, with what is wrong."""
    typed = request.match_info["rest"][:200]
    digest = _read(typed)
    if digest is not None:
        raise web.HTTPSeeOther(f"/verify/{digest.hex()}")
    return render(request, "verify/enter.html", status=404, typed=typed, error=_fault(typed))


async def verify(request: web.Request) -> web.StreamResponse:
    if wait := ration(request):
        raise web.HTTPTooManyRequests(headers={"Retry-After": str(wait)})
    digest = bytes.fromhex(request.match_info["digest"])
    found = await find(request, digest)
    if found is None:
        return render(request, "verify/unknown.html", status=404, digest=digest)
    return render(request, "verify/verify.html", found=found, title=_title(request, found), digest=digest)


def _title(request: web.Request, found: Evidence) -> str:
    if found.result is not None:
        number = i18n.number(found.result.number, i18n.locale_of(request))
        return i18n.gettext(request, "Decision of the council No. %(number)s", number=number)
    if found.type is not None:
        return wording.title(found.type, i18n.locale_of(request))
    return i18n.gettext(request, "A document of the cooperative")


async def evidence_zip(request: web.Request) -> web.StreamResponse:
    if wait := ration(request):
        raise web.HTTPTooManyRequests(headers={"Retry-After": str(wait)})
    found = await find(request, bytes.fromhex(request.match_info["digest"]))
    if found is None:
        raise web.HTTPNotFound
    data = await request.app[NODE].in_thread(evidence.archive, found)
    name = f"coopnode-{found.digest.hex()[:16]}.zip"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"}
    return web.Response(body=data, content_type="application/zip", headers=headers)


# --- documents ------------------------------------------------------------------------------------------


async def documents(request: web.Request) -> web.StreamResponse:
    """What concerns the person, the newest first and in pages, and the texts in force."""
    account = await sessions.need_account(request)
    node = request.app[NODE]
    given = request.query.get("before", "")
    before = int(given) if given.isascii() and given.isdigit() and len(given) < 16 else None

    def query(connection: Any) -> tuple[list[Paper], list[queries.TextInForce]]:
        mine = queries.statements_about(connection, node.vault, account, before=before, limit=_PAGE + 1)
        texts = queries.texts(node.state, account) if before is None and node.cooperative else []
        return mine, texts

    mine, texts = await node.database.read(query)
    older = mine[_PAGE - 1].idx if len(mine) > _PAGE else None
    published = node.publisher.published
    return render(
        request,
        "documents/list.html",
        papers=mine[:_PAGE],
        texts=texts,
        older=older,
        paged=before is not None,
        published=published,
        words=Words(request),
    )


async def document(request: web.Request) -> web.StreamResponse:
    """The human form of one document: its public part, and what of the private part this reader may see."""
    account = await sessions.need_account(request)
    if wait := ration(request):
        raise web.HTTPTooManyRequests(headers={"Retry-After": str(wait)})
    node = request.app[NODE]
    digest = bytes.fromhex(request.match_info["digest"])
    found = await find(request, digest)
    if found is None:
        return render(request, "verify/unknown.html", status=404, digest=digest)

    def query(connection: Any) -> tuple[Paper | None, Viewer, str | None, dict[str, str | None]]:
        viewer = Viewer.of(node.state, account)
        about = _about(connection, node.store.find_document(digest))
        paper = queries.paper(connection, node.vault, digest, viewer, about)
        people = {paper.by} if paper else set()
        return paper, viewer, about, request.app[NAMES].of_accounts(connection, people, viewer)

    paper, viewer, about, names = await node.database.read(query)
    own = paper is not None and paper.by == account
    if paper is None or not (found.readable or own or paper.private == "open"):
        raise web.HTTPSeeOther(f"/verify/{digest.hex()}")
    locale = i18n.locale_of(request)
    shown: list[Line] = lines(paper, locale)
    return render(
        request,
        "documents/document.html",
        paper=paper,
        found=found,
        lines=shown,
        closed=_closed(paper, viewer, about),
        author=names.get(paper.by),
        title=wording.title(paper.type, locale),
        pdf=_pdf(paper, viewer),
        scan=await _scan(request, paper, account),
    )


def _about(connection: Any, held: tuple[int, bytes] | None) -> str | None:
    """Whom a document concerns, when it is not its signer: the applicant of the application it speaks of."""
    if held is None:
        return None

    application = queries.application_by_id(connection, parse(held[1]).sub)
    return application.applicant if application else None


def _closed(paper: Paper, viewer: Viewer, about: str | None) -> list[str]:
    """Private fields this reader has no right to. One that was left empty is not closed to anybody."""
    return [
        item.name
        for item in registry.TYPES[paper.type].private
        if not any(reason(viewer, paper.type, item.name, person) for person in (about, paper.by))
    ]


def _pdf(paper: Paper, viewer: Viewer) -> str | None:
    """Where the printed form of a document is, when there is one for this reader."""
    if paper.type == "council.approve/1" and not viewer.roles.isdisjoint(("council", "chair", "secretary")):
        return f"/council/{paper.public['matter']}/minutes.pdf"
    return None


async def _scan(request: web.Request, paper: Paper, account: str) -> str | None:
    """Where the minutes are that an appointment rests on, when they are kept here for this reader."""
    if paper.type != "council.appoint/1":
        return None
    found = await request.app[FOUNDING].minutes_scan(paper.digest, account)
    return f"/documents/{paper.digest.hex()}/minutes" if found else None
