"""Scripts, formulas and marks in every text field, on every page, sheet, letter and table that shows it.

The fields are those of the registry: statements may be made by any program, so what the forms refuse is
planted past them.
"""

from __future__ import annotations

import csv
import email
import io
import os
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Page as Tab
from playwright.async_api import async_playwright
from pypdf import PdfReader

from coopnode import testing
from coopnode.cli.node import all_projections
from coopnode.testing import START, Cooperative, FixedClock, Person, seed
from protocol import documents, registry, signatures
from protocol.identifiers import identifier
from tests.node.society import DAY, Society
from tests.web.hostile_kit import RATIONS
from tests.web.test_shell import Page, Shell
from web.app import create_app

CHROMIUM = os.environ.get("COOPNODE_CHROMIUM", "/usr/bin/chromium")
FIELDS = {(type, item.name) for type, kind in registry.TYPES.items() for item in kind.private}
#: Of another kind of cooperative: `tests/web/test_refused_forms.py` has one, and its pages are the same.
ELSEWHERE = {field for field in FIELDS if field[0] == "founding.join/1"}


def mark(type: str, name: str) -> str:
    return "Z" + re.sub(r"[^a-z]", "", type) + "Q" + name.replace("_", "") + "Z"


def trap(type: str, name: str) -> str:
    """Breaks out of text, attributes, scripts, templates and typst, if anything lets it."""
    word = mark(type, name)
    return (
        f"{word} <script>window.ran='{word}'</script><img src=x onerror=\"window.ran='{word}'\">"
        f"\"'><svg onload=window.ran=1></textarea></title></option>{{{{7*7}}}}${{7*7}}%(x)s #panic()"
        "\u202e\u200b javascript:alert(1)"
    )


class Traps(Cooperative):
    """Puts a trap into every private field that somebody fills in."""

    planted: set[tuple[str, str]]

    async def submit(self, person: Person, type: str, fields: Mapping[str, Any], **more: Any) -> Any:
        if more.get("values"):
            more["values"] = {item.name: trap(type, item.name) for item in registry.TYPES[type].private}
            self.planted |= {(type, name) for name in more["values"]}
        return await super().submit(person, type, fields, **more)


class Trapped(Shell):
    coop: Traps
    people: dict[str, Person]
    paths: list[str]


async def full(data: Path) -> Trapped:
    """A cooperative in which every kind of private text has been written, and where it can be looked at."""
    clock = FixedClock()
    plain = await testing.cooperative(
        data, clock=clock, projections=all_projections(), name=f"Росток {trap('coop', 'name')}"
    )
    coop = Traps(plain.node, plain.id, plain.founder)
    coop.planted = set()
    society = Society(coop, clock)
    await society.constitute()
    app = create_app(society.node)
    for ration in RATIONS:
        app[ration]._burst = app[ration]._rate = 1e9
    server = TestServer(app)
    await server.start_server()
    made = Trapped(society, server)
    made.coop, made.people = coop, dict(society.officers)
    for name in ("back", "member", "open", "waiting", "refused", "old"):
        made.people[name] = await coop.person(name)
    people = made.people
    matters: list[str] = []
    fields: dict[str, Any]
    await society.join(people["member"])
    back = (await society.apply(people["back"])).digest
    secretary, chair = people["secretary"], people["chair"]
    reason = {"reason": "-"}
    await coop.must(secretary, "membership.incomplete/1", {"re": [back]}, sub=identifier(back), values=reason)
    refused = (await society.apply(people["refused"])).digest
    await society.identify(refused)
    matters.append(identifier((await society.complete(refused)).digest))
    await society.decide(matters[-1], "against")
    await society.apply(people["open"])
    waiting = (await society.apply(people["waiting"])).digest
    await society.identify(waiting)
    matters.append(identifier((await society.complete(waiting)).digest))
    for _ in range(2):
        values = {"title": "-", "text": "-"}
        done = await coop.must(
            people["one"], "council.propose/1", {"kind": "free"}, sub=coop.id, values=values
        )
        matters.append(identifier(done.digest))
        fields = {"matter": matters[-1]}
        await coop.must(people["one"], "council.comment/1", fields, sub=matters[-1], values={"text": "-"})
    await society.decide(matters[-2])
    await society.vote(matters[-1], "against")
    fields = {"matter": matters[-1], "round": 1}
    await coop.must(chair, "council.return/1", fields, sub=matters[-1], values=reason)
    fields = {"number": 500, "since": START - 400 * DAY, "person": "person"}
    fields["invitation"] = signatures.public_key(seed("old"))
    enrolled = await coop.must(secretary, "membership.enrol/1", fields, sub=coop.id, values={"name": "-"})
    await society.sign_texts(people["old"])
    fields = {"re": [enrolled.digest], "proof": people["old"].proof_for(seed("old"), enrolled.digest)}
    await coop.must(people["old"], "membership.accept/1", fields, values={"name": "-"})
    fields = {"number": 501, "since": START - 400 * DAY, "person": "person"}
    fields["invitation"] = signatures.public_key(seed("mistake"))
    enrolled = await coop.must(secretary, "membership.enrol/1", fields, sub=coop.id, values={"name": "-"})
    fields = {"re": [enrolled.digest]}
    await coop.must(secretary, "membership.void/1", fields, sub=coop.id, values={"reason": "-"})
    rubles = {"amount": 100, "currency": "RUB"}
    fields = {"as_of": START - DAY, "members": 2, "entrance": rubles, "share": rubles}
    words = {"title": "-", "scan": "-"}
    await coop.must(secretary, "membership.opening/1", fields, sub=coop.id, values=words)
    words = {"title": "-", "text": "-"}
    asked = await coop.must(people["member"], "membership.petition/1", {}, values=words)
    leaving = await coop.must(people["old"], "membership.leave/1", {}, values={"reason": "-", "payout": "-"})
    matters += [identifier(done.digest) for done in (asked, leaving)]
    entries = await society.node.in_thread(society.node.store.raw, 0, society.node.engine.head.size)
    digests = [documents.parse(raw).digest.hex() for raw in entries if b"node.tick/1" not in raw]
    await society.node.publisher.wait_for(society.node.engine.head.size)
    listed = await (await made.browser(secretary)).get("/desk/applications?list=ended")
    numbers = set(re.findall(r"/desk/applications/(\d+)", await listed.text()))
    for name in ("new", "papers", "council", "payments"):
        listed = await (await made.browser(secretary)).get(f"/desk/applications?list={name}")
        numbers |= set(re.findall(r"/desk/applications/(\d+)", await listed.text()))
    made.paths = [
        *(
            "/",
            "/now?all=1",
            "/cooperatives",
            "/me",
            "/documents",
            "/me/data",
            "/me/data/export.zip",
            "/me/membership",
            "/me/requests",
            "/me/leave",
            "/inbox",
            "/desk/deliveries",
        ),
        *(
            "/me/membership/certificate.pdf",
            "/join",
            "/join/status",
            "/council",
            "/council/decisions",
            "/council/propose",
        ),
        *(
            "/desk",
            "/desk/council",
            "/desk/texts",
            "/desk/texts/privacy",
            "/desk/enrol",
            "/desk/import",
            "/desk/keys",
            "/desk/keys.csv",
            "/desk/documents",
            "/desk/documents?q=z",
            "/desk/documents?who=zm",
            "/desk/documents?who=zc",
            f"/desk/documents?who={quote(trap('typed', 'who'))}&q={quote(trap('typed', 'q')[:110])}",
            "/members?q=zm",
            f"/members?q={quote(trap('typed', 'q')[:110])}",
            "/desk/applications?q=zm",
            f"/desk/applications?q={quote(trap('typed', 'q')[:110])}",
            "/api/v1/people?q=zm",
            "/api/v1/documents",
            "/members",
            "/members.csv",
        ),
        *(
            "/found/result",
            "/members/1",
            "/members/3",
            "/members/500",
            "/members/501",
            "/api/v1/applications",
            "/api/v1/me/data",
        ),
        *(f"/desk/applications?list={name}" for name in ("new", "papers", "council", "payments", "ended")),
        *(
            f"/desk/applications/{number}{step}"
            for number in numbers
            for step in ("", "/identify", "/return", "/pay")
        ),
        *(
            f"/council/{matter}{page}"
            for matter in matters
            for page in ("", "/minutes", "/minutes.pdf", "/extract.pdf")
        ),
        *(f"/{place}/{digest}" for digest in digests for place in ("verify", "documents")),
        *(f"/me/texts/{kind}" for kind in ("privacy", "charter")),
    ]
    return made


async def end(made: Trapped) -> None:
    for client in made.clients:
        await client.close()
    await made.server.close()
    await made.society.node.stop()


@pytest.fixture
async def trapped(tmp_path: Path) -> AsyncIterator[Trapped]:
    made = await full(tmp_path)
    yield made
    await end(made)


def images(text: str) -> list[str]:
    """Elements that only a trap would bring."""
    return re.findall(r"<(?:img|svg)[^>]*(?:src=x|onload|onerror)|<script>", text)


@pytest.mark.long
async def test_what_is_written_is_shown_as_text(trapped: Trapped) -> None:
    """Everybody looks at everything: no element, no attribute and no turn of the line comes from a person."""
    assert trapped.coop.planted == FIELDS - ELSEWHERE
    shown: set[str] = set()
    for role in ("chair", "secretary", "accountant", "member", "back", "waiting", "refused", "old"):
        client = await trapped.browser(trapped.people[role])
        for path in trapped.paths:
            answer = await client.get(path, allow_redirects=False)
            assert answer.status < 500, (role, path)
            data = await answer.read()
            if answer.content_type == "text/html":
                text = data.decode()
                assert not Page(text).faults and not images(text), (role, path, Page(text).faults)
                assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b]", text), (role, path)
            elif answer.content_type == "application/pdf":
                text = " ".join(page.extract_text() for page in PdfReader(io.BytesIO(data)).pages)
                assert not re.search(rb"/(JavaScript|JS|Launch|OpenAction|EmbeddedFile)\b", data), (
                    role,
                    path,
                )
                assert "\u202e" not in text
            else:
                text = data.decode("utf-8", "replace")
                assert answer.content_type in (
                    "application/json",
                    "application/problem+json",
                    "text/csv",
                    "application/zip",
                    "text/plain",
                )
                assert answer.headers["X-Content-Type-Options"] == "nosniff", path
            shown |= set(re.findall(r"Z[a-z]+Q[a-z]+Z", re.sub(r"\s", "", text)))
    missing = {field for field in trapped.coop.planted if mark(*field) not in shown}
    assert not missing, "what is shown nowhere is not looked at here"


async def test_letters_hold_nobodys_words(trapped: Trapped) -> None:
    """Plain text; no text of a person in it or in a header, but for the cooperative's own name."""
    folder = trapped.society.node.config.mail
    for letter in sorted(folder.iterdir()) if folder.exists() else ():
        message = email.message_from_bytes(letter.read_bytes())
        content: Any = message.get_payload(decode=True)
        found = set(re.findall(r"Z[a-z]+Q[a-z]+Z", content.decode()))
        assert message.get_content_type() == "text/plain" and found <= {mark("coop", "name")}
        assert not re.findall(r"Z[a-z]+Q", str(message["Subject"])), letter


FORMULAS = (
    "=cmd|'/C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\uff1d1+1",
    "\u200b=1+1",
    "\r=1+1",
    " =1",
)


async def test_no_cell_is_a_formula(tmp_path: Path) -> None:
    """A spreadsheet runs what begins with = + - or @, also after blanks and in wide letters."""
    society = await Society.make(tmp_path, clock=FixedClock(), projections=all_projections())
    server = TestServer(create_app(society.node))
    await server.start_server()
    shell, secretary = Shell(society, server), society.officers["secretary"]
    for number, name in enumerate(FORMULAS, 500):
        fields: dict[str, Any] = {"number": number, "since": START - 400 * DAY, "person": "person"}
        fields["invitation"] = signatures.public_key(seed(f"formula {number}"))
        await society.coop.must(
            secretary, "membership.enrol/1", fields, sub=society.coop.id, values={"name": name}
        )
    try:
        client = await shell.browser(secretary)
        text = (await (await client.get("/members.csv")).read()).decode("utf-8-sig")
        table = list(csv.reader(io.StringIO(text, newline=""), delimiter=";"))
        assert len(table) >= len(FORMULAS) + 3
        for cell in (cell for row in table for cell in row):
            assert not re.match(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20]", cell), cell
        assert sum("1+1" in cell or "calc" in cell for row in table for cell in row) >= 6
    finally:
        await shell.clients[0].close()
        await server.close()
        await society.node.stop()


async def test_fields_of_another_form_than_ours_are_shown_too(tmp_path: Path) -> None:
    """Another program may write a birth date that is none, or nothing at all: the desk goes on."""
    society = await Society.make(tmp_path, clock=FixedClock(), projections=all_projections())
    server = TestServer(create_app(society.node))
    await server.start_server()
    shell = Shell(society, server)
    try:
        secretary = await shell.browser(society.officers["secretary"])
        for place, value in enumerate(("0123456789", "", "----------", "9999-99-99", "\x00", "a" * 20_000)):
            person = await society.coop.person(f"odd {place}")
            fields = dict.fromkeys(("birth_date", "address", "phone", "email", "document", "inn"), value)
            await society.apply(person, value, **fields)
            own = await shell.browser(person)
            for path in ("/join/status", "/me/data", "/documents", "/me/data/export.zip", "/now"):
                assert (await own.get(path)).status == 200, (path, value[:20])
        listed = await (await secretary.get("/desk/applications")).text()
        numbers = set(re.findall(r"/desk/applications/(\d+)", listed))
        assert len(numbers) == 6
        for number in numbers:
            assert (await secretary.get(f"/desk/applications/{number}")).status == 200
            assert (await secretary.get(f"/desk/applications/{number}/identify")).status == 200
    finally:
        for client in shell.clients:
            await client.close()
        await server.close()
        await society.node.stop()


# --- a real browser -----------------------------------------------------------------------------------

_WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective} ${event.blockedURI}`));
"""


def watch(page: Tab, said: list[str]) -> None:
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)


@pytest.mark.long
async def test_no_script_of_a_person_runs(trapped: Trapped) -> None:
    """Chromium opens the main pages of four people: nothing ran, and the policy had nothing to stop."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        opened = 0
        for role in ("secretary", "chair", "waiting", "back"):
            client = await trapped.browser(trapped.people[role])
            cookie = next(iter(client.session.cookie_jar))
            context = await browser.new_context(locale="ru-RU")
            root = str(trapped.server.make_url("/"))
            await context.add_cookies([{"name": "coopnode", "value": cookie.value, "url": root}])
            await context.add_init_script(_WATCH)
            page = await context.new_page()
            said: list[str] = []
            watch(page, said)
            for path in trapped.paths:
                if path.startswith(("/verify", "/documents/", "/api")) or path.endswith(
                    (".pdf", ".zip", ".csv")
                ):
                    continue
                answer = await client.get(path, allow_redirects=False)
                if answer.status != 200 or not re.search(rb"Z[a-z]+Q[a-z]+Z", await answer.read()):
                    continue
                await page.goto(root[:-1] + path, wait_until="load")
                found = await page.evaluate("({ran: window.ran ?? null, violations: window.violations})")
                assert found == {"ran": None, "violations": []} and not said, (role, path, found, said)
                assert not await page.locator("img[src=x]").count()
                opened += 1
            await context.close()
        await browser.close()
    assert opened >= 25
