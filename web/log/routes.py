"""Routes of the log: `setup` registers them.

Checkpoints, hash tiles and proofs are for everybody; entry bundles and single statements for those the log
entitles (SPEC §10). Look-ups take whole digests only and are rationed (P1).
"""

from __future__ import annotations

import base64
import ipaddress
from functools import lru_cache
from typing import Any, Final

from aiohttp import web

from coopnode.admission import Buckets
from coopnode.answers import Busy, Committed, Refusal
from coopnode.config import Config
from protocol import tiles
from protocol.errors import TileError
from protocol.tiles import TILE_WIDTH, Tile
from web.keys import NODE, SIGNING
from web.log import submission
from web.log.submission import BadBody, Full, Room
from web.problems import problem

JSON: Final = {"Content-Type": "application/json", "X-Content-Type-Options": "nosniff"}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_LOOKUPS: Final = web.AppKey("log_lookups", Buckets)
ROOM: Final = web.AppKey("log_room", Room)


def setup(app: web.Application) -> None:
    limits = app[NODE].config.limits
    app[_LOOKUPS] = Buckets(limits.lookups_burst, limits.lookups_rate)
    app[ROOM] = Room()
    app.router.add_get("/checkpoint", checkpoint)
    app.router.add_get("/tile/entries/{rest:.+}", bundle)
    app.router.add_get("/tile/{rest:.+}", tile)
    app.router.add_post("/entries", submit)
    app.router.add_get("/entries/{digest:[0-9a-f]{64}}", lookup)
    app.router.add_get("/entries/{digest:[0-9a-f]{64}}/statement", statement)
    app.router.add_get("/entries/{digest:[0-9a-f]{64}}/proof", proof)
    app.router.add_get("/blobs/{digest:[0-9a-f]{64}}", blob)
    app.router.add_get("/api/v1/log/consistency", consistency)


# -- submission -------------------------------------------------------------------------------------------


async def submit(request: web.Request) -> web.Response:
    try:
        with request.app[ROOM].held(request, request.app[NODE].config.limits):
            return await _submit(request)
    except Full:
        return problem("busy", retry_after=1)


async def _submit(request: web.Request) -> web.Response:
    node = request.app[NODE]
    try:
        body = await submission.read(request, node.config.limits)
    except BadBody as error:
        return problem(error.code, at=error.field)
    ticket: str | bytes | None = body.ticket
    if ticket is None and body.signing is not None:
        ticket = await request.app[SIGNING].ticket_of(body.signing)
    answer = await node.engine.submit(
        body.statement, body.private, source=client(request), ticket=ticket, blobs=body.blobs
    )
    if isinstance(answer, Committed):
        return web.Response(body=committed(answer), headers=JSON)
    return turned_away(answer)


def turned_away(answer: Busy | Refusal) -> web.Response:
    if isinstance(answer, Busy):
        return problem(answer.code, detail=answer.reason or None, retry_after=answer.retry_after)
    more = {"refused": _b64(answer.message)} if answer.message else {}
    return problem(answer.code, at=answer.at, facts=answer.facts, more=more)


def committed(answer: Committed) -> bytes:
    # Only digits, hexadecimal and base64url: nothing needs escaping.
    text = (
        f'{{"index":{answer.index},"entry":"{answer.entry.hex()}","digest":"{answer.digest.hex()}",'
        f'"tick":{answer.tick},"committed":"{_promise(answer.message)}","path":"{_b64(answer.path)}"}}'
    )
    return text.encode()


def client(request: web.Request) -> str:
    """The address a request came from."""
    forwarded = request.headers.get("X-Forwarded-For", "")
    return address(request.remote or "", forwarded, request.app[NODE].config)


def address(remote: str, forwarded: str, config: Config) -> str:
    """A trusted proxy's word is taken for it. Of IPv6 the network of 64 bits: one host has all addresses in
    it."""
    if remote in config.trusted_proxies:
        remote = forwarded.rpartition(",")[2].strip() or remote
    if ":" not in remote:
        return remote
    try:
        found = ipaddress.IPv6Address(remote)
    except ValueError:
        return remote
    return str(found.ipv4_mapped or ipaddress.IPv6Address(found.packed[:8] + bytes(8)))


# -- the static log ---------------------------------------------------------------------------------------


async def checkpoint(request: web.Request) -> web.Response:
    note = request.app[NODE].files.checkpoint()
    if note is None:
        return problem("not_found")
    return web.Response(
        body=note, content_type="text/plain", charset="utf-8", headers={"Cache-Control": "public, max-age=1"}
    )


async def tile(request: web.Request) -> web.StreamResponse:
    return await _file(request, f"tile/{request.match_info['rest']}", "public")


async def bundle(request: web.Request) -> web.StreamResponse:
    if not await _entitled(request):
        return problem("not_entitled")
    node = request.app[NODE]
    scope = "public" if await node.in_thread(node.reading.may_read, None) else "private"
    return await _file(request, f"tile/entries/{request.match_info['rest']}", scope)


async def _file(request: web.Request, path: str, scope: str) -> web.StreamResponse:
    try:
        wanted = tiles.parse_tile_path(path)
    except TileError:
        return problem("not_found")
    node = request.app[NODE]
    headers = {"Cache-Control": _FOR_EVER.replace("public", scope)}
    name = node.files.folder / wanted.path
    if name.is_file():
        return web.FileResponse(name, headers=headers | {"Content-Type": "application/octet-stream"})
    # A partial tile that was dropped when its full one came: cut it from that.
    whole = (
        await node.in_thread(node.files.read, Tile(wanted.level, wanted.index))
        if wanted.width < TILE_WIDTH
        else None
    )
    if whole is None:
        return problem("not_found")
    if wanted.level == "entries":
        data = tiles.encode_bundle(tiles.decode_bundle(whole)[: wanted.width])
    else:
        data = whole[: 32 * wanted.width]
    return web.Response(body=data, content_type="application/octet-stream", headers=headers)


# -- single entries ---------------------------------------------------------------------------------------


async def lookup(request: web.Request) -> web.Response:
    """Status, index and place of the proof. What the statement is and says is for those who may read it."""
    node, digest = request.app[NODE], bytes.fromhex(request.match_info["digest"])
    refused = _ration(request)
    if refused is not None:
        return refused
    found = await node.in_thread(node.reading.find, digest)
    if found is None:
        return problem("not_found")
    published = found.index < node.publisher.published
    answer: dict[str, Any] = {
        "status": "published" if published else "committed",
        "index": found.index,
        "tick": found.tick,
        "proof": f"/entries/{digest.hex()}/proof",
    }
    if found.public or await _entitled(request):
        answer |= {"type": found.type, "statement": _b64(found.raw)}
    return web.json_response(answer, headers={"Cache-Control": "no-store"})


async def statement(request: web.Request) -> web.Response:
    node = request.app[NODE]
    refused = _ration(request)
    if refused is not None:
        return refused
    found = await node.in_thread(node.reading.find, bytes.fromhex(request.match_info["digest"]))
    if found is None:
        return problem("not_found")
    if not found.public and not await _entitled(request):
        return problem("not_entitled")
    return web.Response(body=found.raw, content_type=submission.COSE)


async def proof(request: web.Request) -> web.Response:
    node = request.app[NODE]
    refused = _ration(request)
    if refused is not None:
        return refused
    found = await node.in_thread(node.reading.find, bytes.fromhex(request.match_info["digest"]))
    if found is None:
        return problem("not_found")
    text = await node.in_thread(node.reading.proof, found.index)
    if text is None:
        return problem("not_published", retry_after=2)
    return web.Response(
        body=text, content_type="text/plain", charset="utf-8", headers={"Cache-Control": "no-store"}
    )


async def consistency(request: web.Request) -> web.Response:
    node = request.app[NODE]
    refused = _ration(request)
    if refused is not None:
        return refused
    sizes = [request.query.get(name, "") for name in ("from", "to")]
    if not all(text.isascii() and text.isdigit() and len(text) < 20 for text in sizes):
        return problem("bad_request", at="from")
    old, new = (int(text) for text in sizes)
    path = await node.in_thread(node.reading.consistency, old, new)
    if path is None:
        return problem("not_found")
    return web.json_response(
        {"from": old, "to": new, "path": [base64.b64encode(item).decode() for item in path]}
    )


async def blob(request: web.Request) -> web.Response:
    """A public text by its digest: what a charter or agreement names."""
    node, digest = request.app[NODE], bytes.fromhex(request.match_info["digest"])

    found = await node.in_thread(node.reading.blob, digest)
    if found is None:
        return problem("not_found")
    media_type, data = found
    headers = {
        "Cache-Control": _FOR_EVER,
        "Content-Type": media_type + ("; charset=utf-8" if media_type.startswith("text/") else ""),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return web.Response(body=data, headers=headers)


# -- shared -----------------------------------------------------------------------------------------------


async def _entitled(request: web.Request) -> bool:
    node = request.app[NODE]
    name = node.cooperative
    if name is None:
        return False

    def judge() -> bool:
        account = node.reading.reader(
            request.headers.get("Authorization"), request.path, name, node.clock.peek()
        )
        return node.reading.may_read(account)

    return await node.in_thread(judge)


def _ration(request: web.Request) -> web.Response | None:
    wait = request.app[_LOOKUPS].take(client(request))
    return problem("too_many_requests", retry_after=int(wait) + 1) if wait else None


@lru_cache(8)
def _promise(message: bytes) -> str:
    """One for all entries of a commit."""
    return _b64(message)


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
