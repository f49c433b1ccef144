"""Every address there is, asked by somebody in every position, for things that are really there.

A new route without a row fails. `in`: away to sign in; `to`: away to another page of the site; `sign`: on to
the signing origin; otherwise the status. One word stands for all columns.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import ClientResponse, FormData
from pypdf import PdfReader

from tests.web.hostile_kit import guarded, raw
from tests.web.matrix_kit import NAMES, PICTURE, PRIVATE, ROLES, Matrix, made_matrix, told

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

#: Columns: stranger, applicant, other applicant, refused applicant, member, former bookkeeper; then of the
#: council: a member, the accountant, the secretary, the chair.
TABLE = """
GET / | 200
GET /api/v1/accounts/{account:[a-z2-7]{52}}/chain | 200
GET /api/v1/applications | 403 403 403 403 403 403 403 200 200 200
GET /api/v1/applications/mine | 403 200 200 200 200 200 404 404 404 404
GET /api/v1/applications/{number:[0-9]{1,12}} | 403 200 404 404 404 404 404 200 200 200
GET /api/v1/council/decisions | 403 403 403 403 403 403 200 200 200 200
GET /api/v1/council/matters | 403 403 403 403 403 403 200 200 200 200
GET /api/v1/council/matters/{id:[a-z2-7]{52}} | 403 403 403 403 403 403 200 200 200 200
GET /api/v1/devices/{secret} | 404
GET /api/v1/documents | 403 403 403 403 403 403 200 200 200 200
GET /api/v1/inbox | 403 200 200 200 200 200 200 200 200 200
GET /api/v1/log/consistency | 400
GET /api/v1/me/data | 403 200 200 200 200 200 200 200 200 200
GET /api/v1/members | 403 403 403 403 403 403 403 200 200 200
GET /api/v1/members/{number:[0-9]{1,10}} | 403 403 403 403 403 403 403 200 200 200
GET /api/v1/membership/rules | 200
GET /api/v1/openapi.json | 200
GET /api/v1/people | 403 403 403 403 403 403 403 422 422 422
GET /api/v1/signing/assets | 200
GET /api/v1/signing/{token} | 200
GET /api/v1/verify/{digest:[0-9a-f]{64}} | 200
GET /blobs/{digest:[0-9a-f]{64}} | 200
GET /calendar.ics | 404
GET /checkpoint | 200
GET /cooperatives | in 200 200 200 200 200 200 200 200 200
GET /council | in 403 403 403 403 403 200 200 200 200
GET /council/decisions | in 403 403 403 403 403 200 200 200 200
GET /council/propose | in 403 403 403 403 403 200 403 200 200
GET /council/robot | in 403 403 403 403 403 200 200 200 200
GET /council/robot/lend | in 403 403 403 403 403 to to to to
GET /council/robot/review | in 403 403 403 403 403 200 200 200 200
GET /council/robot/stop | in 403 403 403 403 403 to 403 to to
GET /council/robot/terms | in 403 403 403 403 403 200 403 200 200
GET /council/{id:[a-z2-7]{52}} | in 403 403 403 403 403 200 200 200 200
GET /council/{id:[a-z2-7]{52}}/minutes | in 403 403 403 403 403 404 404 404 404
GET /council/{id:[a-z2-7]{52}}/return | in 403 403 403 403 403 to to to to
GET /council/{id:[a-z2-7]{52}}/sign | in 403 403 403 403 403 to to to to
GET /council/{id:[a-z2-7]{52}}/{kind:minutes|extract}.pdf | in 403 403 403 403 403 404 404 404 404
GET /desk | in 403 403 403 403 403 200 200 200 200
GET /desk/applications | in 403 403 403 403 403 200 200 200 200
GET /desk/applications/{number:[0-9]{1,12}} | in 403 403 403 403 403 200 200 200 200
GET /desk/applications/{number:[0-9]{1,12}}/copies/{digest:[0-9a-f]{64}} | in 200 404 404 404 404 404 404 200 200
GET /desk/applications/{number:[0-9]{1,12}}/identify | in 403 403 403 403 403 to to 200 200
GET /desk/applications/{number:[0-9]{1,12}}/pay | in 403 403 403 403 403 to to to to
GET /desk/applications/{number:[0-9]{1,12}}/return | in 403 403 403 403 403 to to 200 to
GET /desk/council | 403 403 403 403 403 403 403 403 200 200
GET /desk/balances/{digest:[0-9a-f]{64}}/scan | in 404 404 404 404 404 404 404 404 404
GET /desk/deliveries | in 403 403 403 403 403 403 403 200 200
GET /desk/deliveries/{id:[0-9]{1,15}} | in 403 403 403 403 403 403 403 200 200
GET /desk/deliveries/{id:[0-9]{1,15}}.csv | in 403 403 403 403 403 403 403 200 200
GET /desk/documents | in 403 403 403 403 403 200 200 200 200
GET /desk/enrol | 403 403 403 403 403 403 403 403 200 200
GET /desk/enrol/{number:[0-9]{1,10}}/void | 403 403 403 403 403 403 403 403 to to
GET /desk/erasure | in 403 403 403 403 403 403 403 200 200
GET /desk/import | 403 403 403 403 403 403 403 403 200 200
GET /desk/import/balances | 403 403 403 403 403 403 403 403 to to
GET /desk/import/check | 403 403 403 403 403 403 403 403 to to
GET /desk/import/columns | 403 403 403 403 403 403 403 403 to to
GET /desk/import/report.csv | 403 403 403 403 403 403 403 403 to to
GET /desk/import/sign | 403 403 403 403 403 403 403 403 to to
GET /desk/keys | 403 403 403 403 403 403 403 403 200 200
GET /desk/keys.csv | 403 403 403 403 403 403 403 403 200 200
GET /desk/texts | 403 403 403 403 403 403 403 403 200 200
GET /desk/texts/{kind} | 403 403 403 403 403 403 403 403 200 200
GET /documents | in 200 200 200 200 200 200 200 200 200
GET /documents/{digest:[0-9a-f]{64}} | in 200 to to 200 200 200 200 200 200
GET /documents/{digest:[0-9a-f]{64}}/minutes | in 404 404 404 404 404 404 404 404 404
GET /entries/{digest:[0-9a-f]{64}} | 200
GET /entries/{digest:[0-9a-f]{64}}/proof | 200
GET /entries/{digest:[0-9a-f]{64}}/statement | 403
GET /favicon.ico | 301
GET /found | 403
GET /found/ballot | to
GET /found/result | 403 403 403 403 403 403 200 200 200 200
GET /found/rules/{group} | to
GET /found/texts/{kind} | to
GET /found/{step} | 403
GET /inbox | in 200 200 200 200 200 200 200 200 200
GET /inbox/{id:[0-9]{1,15}}/date.ics | in 404 404 404 404 404 200 404 404 404
GET /invite/key/{kid:[0-9a-f]{64}} | 404
GET /invite/{digest:[0-9a-f]{64}}/{index:[0-9]{1,4}} | 404
GET /invite/{digest:[0-9a-f]{64}}/{index:[0-9]{1,4}}/consents | 404
GET /invite/{digest:[0-9a-f]{64}}/{index:[0-9]{1,4}}/person | 404
GET /invite/{digest:[0-9a-f]{64}}/{index:[0-9]{1,4}}/texts | 404
GET /join | 200
GET /join/payment.png | in to to to to to to to to to
GET /join/status | 200 200 200 200 200 200 to to to to
GET /join/texts/{kind:[a-z-]{1,64}} | 200 to to 200 to to 200 200 to to
GET /join/{step:email|code|kind|person|texts|consents|check} | to
GET /livez | 200
GET /manifest.webmanifest | 200
GET /me | in 200 200 200 200 200 200 200 200 200
GET /me/data | in 200 200 200 200 200 200 200 200 200
GET /me/data/export.zip | in 200 200 200 200 200 200 200 200 200
GET /me/devices/add | in 200 200 200 200 200 200 200 200 200
GET /me/devices/confirm | in to to to to to to to to to
GET /me/keys | in 200 200 200 200 200 200 200 200 200
GET /me/keys/{key:[0-9a-f]{64}}/revoke | in 200 404 404 404 404 404 404 404 404
GET /me/leave | in to to to 200 200 to to 200 200
GET /me/requests | in 200 200 200 200 200 200 200 200 200
GET /me/requests/new | in to to to 200 200 to to 200 200
GET /me/membership | in to to to 200 200 200 200 200 200
GET /me/membership/certificate.pdf | in to to to 200 200 to to 200 200
GET /me/notifications | in 200 200 200 200 200 200 200 200 200
GET /me/notifications/calendar | in 200 200 200 200 200 200 200 200 200
GET /me/notifications/devices | in 200 200 200 200 200 200 200 200 200
GET /me/notifications/hours | in 200 200 200 200 200 200 200 200 200
GET /me/notifications/{group:votes|membership|desk} | in 200 200 200 200 200 200 200 200 200
GET /me/texts/{kind:[a-z-]{1,64}} | in 200 200 200 200 200 200 200 200 200
GET /members | in 403 403 403 403 403 403 200 200 200
GET /members.csv | in 403 403 403 403 403 403 200 200 200
GET /members/{number:[0-9]{1,10}} | in 403 403 403 403 403 403 200 200 200
GET /metrics | 200
GET /now | in 200 200 200 200 200 200 200 200 200
GET /object/{account:.*} | sign
GET /operator | in 403 403 403 403 403 403 403 200 200
GET /push-worker.js | 200
GET /readyz | 200
GET /readyz/serve | 200
GET /recover | 200
GET /robots.txt | 200
GET /sign-in | 200 to to to to to to to to to
GET /signed/{token} | 404 to 404 404 404 404 404 404 404 404
GET /static/build/{name} | 200
GET /static/{name} | 404
GET /tile/entries/{rest:.+} | 403
GET /tile/{rest:.+} | 404
GET /verify | 200
GET /verify/{digest:[0-9a-f]{64}} | 200
GET /verify/{digest:[0-9a-f]{64}}/evidence.zip | 200
GET /verify/{rest:.+} | 404
POST /api/v1/accounts/find | 404
POST /api/v1/applications/{number:[0-9]{1,12}}/complete | 403 403 403 403 403 403 403 422 422 422
POST /api/v1/applications/{number:[0-9]{1,12}}/identify | 403 403 403 403 403 403 403 422 200 200
POST /api/v1/applications/{number:[0-9]{1,12}}/payment | 403 403 403 403 403 403 403 422 422 422
POST /api/v1/applications/{number:[0-9]{1,12}}/return | 403 403 403 403 403 403 403 422 200 422
POST /api/v1/applications/{number:[0-9]{1,12}}/withdraw | 403 200 404 404 404 404 404 422 422 422
POST /api/v1/council/matters | 403 403 403 403 403 403 200 422 200 200
POST /api/v1/council/matters/{id:[a-z2-7]{52}}/approve | 403 403 403 403 403 403 422 422 422 422
POST /api/v1/council/matters/{id:[a-z2-7]{52}}/comment | 403 403 403 403 403 403 200 422 200 200
POST /api/v1/council/matters/{id:[a-z2-7]{52}}/return | 403 403 403 403 403 403 422 422 422 422
POST /api/v1/council/matters/{id:[a-z2-7]{52}}/vote | 403 403 403 403 403 403 200 422 200 200
POST /api/v1/devices | 400
POST /api/v1/devices/{secret}/proof | 404
POST /api/v1/inbox/devices | 403 200 200 200 200 200 200 200 200 200
POST /api/v1/inbox/devices/forget | 403 200 200 200 200 200 200 200 200 200
POST /api/v1/inbox/read | 403 200 200 200 200 200 200 200 200 200
POST /api/v1/me/consents/{digest:[0-9a-f]{64}}/withdraw | 403 422 422 422 200 422 422 422 422 422
POST /api/v1/signing/{token}/done | 400
POST /council/propose | in 403 403 403 403 403 sign 403 sign sign
POST /council/robot/lend | in 403 403 403 403 403 to to to to
POST /council/robot/stop | in 403 403 403 403 403 to 403 to to
POST /council/robot/take-back | in 403 403 403 403 403 to to to to
POST /council/robot/terms | in 403 403 403 403 403 sign 403 sign sign
POST /council/{id:[a-z2-7]{52}}/comment | in 403 403 403 403 403 sign 422 sign sign
POST /council/{id:[a-z2-7]{52}}/return | in 403 403 403 403 403 to to to to
POST /council/{id:[a-z2-7]{52}}/sign | in 403 403 403 403 403 to to to to
POST /council/{id:[a-z2-7]{52}}/vote | in 403 403 403 403 403 sign 422 sign sign
POST /desk/applications/{number:[0-9]{1,12}}/complete | in 403 403 403 403 403 to to to to
POST /desk/applications/{number:[0-9]{1,12}}/identify | in 403 403 403 403 403 to to sign sign
POST /desk/applications/{number:[0-9]{1,12}}/pay | in 403 403 403 403 403 to to to to
POST /desk/applications/{number:[0-9]{1,12}}/return | in 403 403 403 403 403 to to sign to
POST /desk/council/{seat:[0-9]{1,3}} | 403 403 403 403 403 403 403 403 403 to
POST /desk/enrol | 403 403 403 403 403 403 403 403 sign sign
POST /desk/enrol/{number:[0-9]{1,10}}/void | 403 403 403 403 403 403 403 403 to to
POST /desk/erasure | in 403 403 403 403 403 403 403 to to
POST /desk/import | 403 403 403 403 403 403 403 403 to to
POST /desk/import/balances | 403 403 403 403 403 403 403 403 to to
POST /desk/import/check | 403 403 403 403 403 403 403 403 to to
POST /desk/import/columns | 403 403 403 403 403 403 403 403 to to
POST /desk/import/forget | 403 403 403 403 403 403 403 403 to to
POST /desk/import/sign | 403 403 403 403 403 403 403 403 to to
POST /desk/keys/again | 403 403 403 403 403 403 403 403 to to
POST /desk/keys/remind | 403 403 403 403 403 403 403 403 to to
POST /desk/texts/{kind} | 403 403 403 403 403 403 403 403 sign sign
POST /entries | 400
POST /found/ballot | to
POST /found/key | to
POST /found/mail | to
POST /found/minutes | to
POST /found/open | to
POST /found/rules/{group} | to
POST /found/sign | to
POST /found/texts/{kind} | to
POST /found/{step} | to
POST /inbox/read | in to to to to to to to to to
POST /inbox/{id:[0-9]{1,15}}/open | in to 404 404 404 404 404 404 404 404
POST /invite/{digest:[0-9a-f]{64}}/{index:[0-9]{1,4}}/consents | 404
POST /invite/{digest:[0-9a-f]{64}}/{index:[0-9]{1,4}}/person | 404
POST /invite/{digest:[0-9a-f]{64}}/{index:[0-9]{1,4}}/texts | 404
POST /join/code/again | to
POST /join/copies | in 422 422 422 422 422 to to to to
POST /join/copies/{digest:[0-9a-f]{64}}/remove | in to to to to to to to to to
POST /join/withdraw | in sign sign 409 409 409 to to to to
POST /join/{step:email|code|kind|person|texts|consents|check} | to
POST /me/data/consents/{digest:[0-9a-f]{64}}/withdraw | in 409 409 409 sign 409 409 409 409 409
POST /me/data/consents/{purpose:[a-z_]{1,32}}/give | in sign sign sign 409 sign sign sign sign sign
POST /me/devices/add | in 422 422 422 422 422 422 422 422 422
POST /me/devices/confirm | in to to to to to to to to to
POST /me/keys/{key:[0-9a-f]{64}}/revoke | in sign 404 404 404 404 404 404 404 404
POST /me/language | to
POST /me/leave | in to to to sign sign to to sign 409
POST /me/requests/new | in to to to sign sign to to sign sign
POST /me/requests/{id:[a-z2-7]{52}}/withdraw | in 409 409 409 409 409 409 409 409 409
POST /me/notifications/calendar | in to to to to to to to to to
POST /me/notifications/devices/{id:[0-9]{1,15}}/forget | in to to to to to to to to to
POST /me/notifications/hours | in to to to to to to to to to
POST /me/notifications/{group:votes|membership|desk} | in to to to to to to to to to
POST /me/sessions/end | in to to to to to to to to to
POST /me/sessions/end-others | in to to to to to to to to to
POST /me/texts/{kind:[a-z-]{1,64}} | in 409 409 409 409 409 409 409 409 409
GET /council/{id:[a-z2-7]{52}} @decided | in 403 403 403 403 403 200 200 200 200
GET /council/{id:[a-z2-7]{52}}/minutes @decided | in 403 403 403 403 403 200 200 200 200
GET /council/{id:[a-z2-7]{52}}/{kind:minutes|extract}.pdf @decided | in 403 403 403 403 403 200 200 200 200
GET /documents/{digest:[0-9a-f]{64}} @identified | in to 200 to 200 200 200 200 200 200
GET /documents/{digest:[0-9a-f]{64}} @admitted | in to to to 200 200 200 200 200 200
GET /council/{id:[a-z2-7]{52}} @refused | in 403 403 403 403 403 200 200 200 200
GET /council/{id:[a-z2-7]{52}}/{kind:minutes|extract}.pdf @refused | in 403 403 403 403 403 200 200 200 200
GET /verify/{digest:[0-9a-f]{64}}/evidence.zip @admitted | 200
"""  # noqa: E501


def rows() -> dict[str, list[str]]:
    found = {}
    for line in TABLE.strip().splitlines():
        row, _, cells = line.rpartition(" | ")
        words = cells.split()
        found[row] = words * len(ROLES) if len(words) == 1 else words
        assert len(found[row]) == len(ROLES), row
    return found


@pytest.fixture
async def matrix(tmp_path: Path) -> AsyncIterator[Matrix]:
    async with made_matrix(tmp_path) as made:
        yield made


async def words_of(answer: ClientResponse) -> str:
    """Everything that can be read in an answer, also inside a PDF or an archive."""
    data = await answer.read()
    if answer.content_type == "application/pdf":
        return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)
    if answer.content_type == "application/zip":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            return " ".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())
    return data.decode("utf-8", "replace")


def surnames(text: str) -> set[str]:
    return {role for role, name in NAMES.items() if name.split()[0] in text}


async def test_everybody_sees_what_is_theirs_and_nothing_else(matrix: Matrix) -> None:
    table = rows()
    served = {
        f"{route.method} {raw(route.resource)}"
        for route in matrix.server.app.router.routes()
        if route.method not in ("HEAD", "OPTIONS")
    }
    described = {row.partition(" @")[0] for row in table}
    assert served - {"POST /sign-out"} == described, served ^ described
    signing, seen = matrix.society.node.config.signing_url, 0
    wrong: list[tuple[object, ...]] = []
    for row, cells in table.items():
        for role, cell in zip(ROLES, cells, strict=True):
            before = await matrix.standing() if row.startswith("POST") else ()
            answer = await matrix.ask(row, role)
            guarded(answer, (row, role))
            found, text = told(answer, signing), await words_of(answer)
            if found != cell:
                wrong.append((row, role, found, cell))
            if found in ("in", "to", "403", "404", "401") and surnames(text):
                wrong.append((row, role, "a refusal with names", surnames(text)))
            # What was made for the applicant alone is a capability: whoever holds the token sees it.
            private = [] if "{token}" in row else [word for word in PRIVATE if word in text]
            seen += len(private)
            wrong += [(row, role, "reads", word) for word in private if role not in PRIVATE[word]]
            if role in ("stranger", "applicant", "other", "refused"):
                wrong += [(row, role, "reads", name) for name in surnames(text) - {role}]
            if before and found not in ("200", "sign") and await matrix.standing() != before:
                wrong.append((row, role, "changed something", found))
    assert not wrong, "\n".join(map(str, wrong))
    assert seen >= 20, "officers are the control: they do read it"


async def test_copies_belong_to_one_application(matrix: Matrix) -> None:
    """A copy is found at its own application only, whoever asks; and taken back by its owner only."""
    copy = matrix.path("POST /join/copies/{digest:[0-9a-f]{64}}/remove").split("/")[-2]
    number = int(matrix.places["number"])
    secretary, applicant = matrix.browsers["secretary"], matrix.browsers["applicant"]
    here = f"/desk/applications/{number}/copies/{copy}"
    assert (await (await secretary.get(here)).read()) == PICTURE
    for other in range(1, 8):
        if other != number:
            answer = await secretary.get(f"/desk/applications/{other}/copies/{copy}")
            assert answer.status == 404, other
    for role in ROLES:
        if role != "applicant":
            await matrix.ask("POST /join/copies/{digest:[0-9a-f]{64}}/remove", role)
            assert (await applicant.get(here)).status == 200, role
    form = FormData()
    form.add_field("copy", PICTURE, filename="x.png", content_type="image/png")
    for role in ("member", "refused", "ended", "other"):
        before = await matrix.standing()
        answer = await matrix.browsers[role].post(
            "/join/copies", data=form(), headers={"Origin": matrix.origin}, allow_redirects=False
        )
        assert answer.status == 422 and await matrix.standing() == before, role
    await matrix.ask("POST /join/copies/{digest:[0-9a-f]{64}}/remove", "applicant")
    assert (await secretary.get(here)).status == 404, "taken back"


async def test_drafts_belong_to_a_browser(matrix: Matrix) -> None:
    """What a stranger has typed while joining is seen in that browser only, also not by an officer."""
    first, second = await matrix.browser(), await matrix.browser()
    assert (await matrix.post(first, "/join/email", email="first@example.org")).status == 303
    assert "first@example.org" in await (await first.get("/join/email")).text()
    for client in (second, *matrix.browsers.values()):
        for path in ("/join", "/join/email", "/join/code", "/join/person", "/join/check"):
            assert "first@example.org" not in await (await client.get(path)).text()


async def test_a_request_for_signatures_comes_back_to_one_browser(matrix: Matrix) -> None:
    token = matrix.token
    for role in ROLES:
        answer = await matrix.browsers[role].get(f"/signed/{token}", allow_redirects=False)
        assert answer.status == (303 if role == "applicant" else 404), role
    again = await matrix.browser(matrix.people["applicant"])
    assert (await again.get(f"/signed/{token}", allow_redirects=False)).status == 404, "another browser"


async def test_an_office_that_ended_opens_nothing(matrix: Matrix) -> None:
    """The person who kept the books reads as any member from the decision on, in the same session too."""
    for row, cells in rows().items():
        if row.startswith(("GET /desk", "GET /members", "GET /council")):
            assert cells[ROLES.index("ended")] in ("403", "404"), row
    for role, shown in (("ended", False), ("accountant", True)):
        text = await (await matrix.browsers[role].get("/me")).text()
        assert ('href="/desk' in text) is shown, role
