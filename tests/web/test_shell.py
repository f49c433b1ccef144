"""The frame of the pages: headers, errors, origins, sessions, languages, files, signing (R9–R14, P28)."""

from __future__ import annotations

import asyncio
import gzip
import json
import re
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse, ClientSession
from aiohttp.test_utils import TestClient, TestServer
from babel import dates, numbers

from coopnode.admission import Buckets
from coopnode.cli.node import all_projections
from coopnode.signing import Item, b64, unb64
from coopnode.testing import START, FixedClock, Person, seed
from protocol import documents, encoding, signatures
from protocol.wording import LOCALES, Locale
from tests.node.society import Society
from web import i18n, rendering
from web.app import create_app, create_signing_app
from web.home import Event, Task
from web.keys import EVENTS, SESSIONS, SIGNING, TASKS
from web.middleware import RATION

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

Client = TestClient[Any, Any]
PUBLIC = ("/", "/sign-in", "/verify", "/join", "/no-such-page")
SIGNED_IN = ("/now", "/cooperatives", "/documents", "/me", "/me/data", "/me/membership", "/council", "/desk")


class Shell:
    """A constituted cooperative behind its two origins."""

    def __init__(self, society: Society, server: TestServer) -> None:
        self.society, self.server = society, server
        self.clients: list[Client] = []

    @property
    def origin(self) -> str:
        return self.society.node.config.public_url

    async def browser(self, person: Person | None = None, language: str = "ru") -> Client:
        client: Client = TestClient(self.server, headers={"Accept-Language": language})
        self.clients.append(client)
        if person is not None:
            store = self.server.app[SESSIONS]
            made, _ = await store.create()
            _, token = await store.sign_in(made, person.id)
            client.session.cookie_jar.update_cookies({"coopnode": token}, self.server.make_url("/"))
        return client

    async def post(
        self, client: Client, path: str, headers: Mapping[str, str] | None = None, **fields: Any
    ) -> ClientResponse:
        own = {"Origin": self.origin, "Sec-Fetch-Site": "same-origin"}
        return await client.post(
            path, data=fields, headers=own if headers is None else headers, allow_redirects=False
        )


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    society = await Society.make(tmp_path, clock=FixedClock(), projections=all_projections())
    server = TestServer(create_app(society.node))
    await server.start_server()
    made = Shell(society, server)
    yield made
    for client in made.clients:
        await client.close()
    await server.close()
    await society.node.stop()


# --- pages ----------------------------------------------------------------------------------------


class Page(HTMLParser):
    """What a strict policy and a screen reader care about."""

    VOID = frozenset(("meta", "link", "input", "br", "img", "hr", "rect", "line", "use", "path", "circle"))

    def __init__(self, text: str) -> None:
        super().__init__()
        self.faults: list[str] = []
        self.ids: list[str] = []
        self.headings: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = dict(attributes)
        if tag not in self.VOID:
            self.open.append(tag)
        if "style" in found or tag == "style":
            self.faults.append(f"inline style in <{tag}>")
        if tag == "script" and "src" not in found:
            self.faults.append("inline script")
        self.faults += [f"{name} in <{tag}>" for name in found if name.startswith("on")]
        if (found.get("href") or "").startswith("javascript:"):
            self.faults.append("javascript: address")
        if "id" in found:
            self.ids.append(found["id"] or "")
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.VOID:
            return
        if self.open and self.open[-1] == tag:
            self.open.pop()
        elif tag not in ("p", "li", "dd", "dt", "option"):
            self.faults.append(f"</{tag}> closes {self.open[-1:]}")


async def test_pages_are_clean(shell: Shell) -> None:
    """No inline style or script on any page, one h1, ids once, no word left to fill in (P28)."""
    stranger = await shell.browser()
    chair = await shell.browser(shell.society.officers["chair"])
    for client, paths in ((stranger, PUBLIC), (chair, SIGNED_IN)):
        for path in paths:
            answer = await client.get(path)
            text = await answer.text()
            assert answer.status == (404 if "no-such" in path else 200), (path, answer.status)
            page = Page(text)
            assert not page.faults, (path, page.faults)
            assert page.headings.count("h1") == 1, (path, page.headings)
            assert len(page.ids) == len(set(page.ids)), (path, page.ids)
            assert "%(" not in text, path
            assert "Undefined" not in text, path
            policy = answer.headers["Content-Security-Policy"]
            assert policy.startswith("default-src 'none'"), path
            assert "unsafe" not in policy, path
            assert "frame-ancestors 'none'" in policy and "base-uri 'none'" in policy
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.headers["Cache-Control"] == "no-store"


async def test_first_page_is_light(shell: Shell) -> None:
    """ui, Always: at most 100 KB at the first load, as it goes over the wire."""
    client = await shell.browser()
    answer = await client.get("/")
    text = await answer.text()
    weight = len(gzip.compress(text.encode()))
    for address in set(re.findall(r'(?:src|href)="(/static/[^"#]+)', text)):
        data = await (await client.get(address)).read()
        weight += len(gzip.compress(data))
    assert 5_000 < weight < 100_000


async def test_places_mark_where_one_is(shell: Shell) -> None:
    """Four places for everybody, the desk for officers."""
    chair = await shell.browser(shell.society.officers["chair"])
    text = await (await chair.get("/me")).text()
    assert 'href="/me" aria-current="page"' in text
    assert 'class="desk-place"' in text
    member = Person.make("nobody in particular", shell.society.coop.id)
    text = await (await (await shell.browser(member)).get("/now")).text()
    assert 'class="desk-place"' not in text
    assert "Дел нет" in text


async def test_now_shows_five_things_and_counts_all(shell: Shell) -> None:
    async def seven(request: Any, account: str) -> list[Task]:
        return [Task(title=f"дело {n}", href="/x", action="Открыть", due=START + 100 - n) for n in range(7)]

    async def happened(request: Any, account: str) -> list[Event]:
        return [Event(START, "начало"), Event(START + 5, "<b>конец</b>", "/y")]

    shell.server.app[TASKS][:] = [seven]
    shell.server.app[EVENTS][:] = [happened]
    client = await shell.browser(shell.society.officers["one"])
    text = await (await client.get("/now")).text()
    assert "7 дел ждут вас" in text
    assert text.count('class="card task"') == 5
    assert text.index("дело 6") < text.index("дело 5"), "the nearest deadline comes first"
    assert "Ещё 2 дела" in text
    assert text.index("конец") < text.index("начало")
    assert "<b>конец" not in text
    assert (await (await client.get("/now?all=1")).text()).count('class="card task"') == 7


async def test_profile_shows_only_what_is_so(shell: Shell) -> None:
    text = await (await (await shell.browser()).get("/")).text()
    assert "Росток" in text and "Устав" in text and "300\u00a0₽" in text
    assert "Орлова" not in text, "no names of people on a public page"


# --- errors ---------------------------------------------------------------------------------------


async def test_errors_speak_to_their_reader(shell: Shell) -> None:
    client = await shell.browser()
    page = await client.get("/nothing/here")
    assert page.status == 404 and "Такой страницы нет" in await page.text()
    program = await client.get("/api/v1/nothing")
    assert program.status == 404
    assert program.content_type == "application/problem+json"
    assert (await program.json())["code"] == "not_found"
    forbidden = await (await shell.browser(Person.make("x", shell.society.coop.id))).get("/desk")
    assert forbidden.status == 403


async def test_a_fault_shows_a_number_and_nothing_else(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(request: Any, account: str) -> list[Task]:
        raise RuntimeError("Иванова Мария, паспорт 4510")

    shell.server.app[TASKS][:] = [broken]
    client = await shell.browser(shell.society.officers["one"])
    answer = await client.get("/now")
    text = await answer.text()
    assert answer.status == 500
    assert "паспорт" not in text and "Traceback" not in text
    assert re.search(r"<dd>[0-9a-f]{12}</dd>", text)


# --- where a change may come from -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"Origin": "own"}, True),
        ({"Origin": "own", "Sec-Fetch-Site": "same-origin"}, True),
        ({"Sec-Fetch-Site": "same-origin"}, True),
        ({"Origin": "https://evil.example"}, False),
        ({"Origin": "null"}, False),
        ({"Origin": "signing"}, False),
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "same-site"}, False),
        ({}, False),
    ],
)
async def test_changes_come_from_our_own_pages(shell: Shell, headers: dict[str, str], allowed: bool) -> None:
    config = shell.society.node.config
    names = {"own": config.public_url, "signing": config.signing_url}
    client = await shell.browser(shell.society.officers["one"])
    sent = {name: names.get(value, value) for name, value in headers.items()}
    answer = await shell.post(client, "/sign-out", sent)
    assert answer.status == (303 if allowed else 403)


async def test_strangers_are_rationed(shell: Shell) -> None:
    shell.server.app[RATION]._burst = 3
    shell.server.app[RATION]._rate = 0.1
    client = await shell.browser()
    statuses = [(await shell.post(client, "/me/language", locale="ru", back="/")).status for _ in range(6)]
    assert statuses[0] == 303 and statuses[-1] == 429
    last = await shell.post(client, "/me/language", locale="ru", back="/")
    assert int(last.headers["Retry-After"]) >= 1
    assert (await client.get("/")).status == 200, "reading goes on"


# --- languages and words --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("language", "said"), [("ru", "Закон 3085-1, ст. 10"), ("en", "Russian law 3085-1, art. 10")]
)
async def test_a_law_is_cited_in_the_readers_language(shell: Shell, language: str, said: str) -> None:
    secretary = await shell.browser(shell.society.officers["secretary"], language)
    stranger = await shell.browser(None, language)
    pages = [await (await who.get(path)).text() for who, path in ((secretary, "/desk"), (stranger, "/join"))]
    assert all(said in page for page in pages)
    assert language == "ru" or not any("Закон" in page for page in pages)


async def test_language_follows_choice_then_browser(shell: Shell) -> None:
    client = await shell.browser(language="en-GB,en;q=0.9")
    assert '<html lang="en">' in await (await client.get("/")).text()
    done = await shell.post(client, "/me/language", locale="ru", back="/sign-in")
    assert done.headers["Location"] == "/sign-in"
    assert '<html lang="ru">' in await (await client.get("/")).text()
    german = await shell.browser(language="de")
    assert '<html lang="ru">' in await (await german.get("/")).text()


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", ""])
async def test_language_never_leads_away(shell: Shell, back: str) -> None:
    done = await shell.post(await shell.browser(), "/me/language", locale="en", back=back)
    assert done.headers["Location"] == "/"


@pytest.mark.parametrize("locale", LOCALES)
def test_days_and_numbers_are_those_of_the_languages_own_data(locale: Locale) -> None:
    for month in range(1, 13):
        when = datetime(2024, month, 2 * month + 3, 12, tzinfo=UTC)
        for year, pattern in ((True, "d MMMM y"), (False, "d MMMM")):
            said = i18n.day(int(when.timestamp()), locale, year=year)
            assert said == dates.format_date(when.date(), pattern, locale=locale)
    for value in (0, 7, -5, 999, 1_000, 12_345, 10**9, -(10**6), 1.5):
        said = numbers.format_decimal(value, locale=locale).replace("\u00a0", "\u202f")
        assert i18n.number(value, locale) == said


def test_numbers_and_times_are_said_as_people_write_them() -> None:
    assert i18n.money(120_000, "RUB") == "1\u202f200\u00a0₽"
    assert i18n.money(15_050, "RUB") == "150,50\u00a0₽"
    assert i18n.money(-100_000_00, "EUR", "en") == "−100,000\u00a0€"
    assert i18n.moment(1_779_087_600, year=False) == "18 мая, 10:00 (мск)"
    assert i18n.moment(1_779_087_600, "en", year=True) == "18 May 2026, 10:00 (Moscow)"
    assert i18n.until(START, START + 1) == ""
    assert i18n.until(START + 2 * 86_400 + 5, START) == "2 дня"
    assert rendering.mark("Потребительское общество «Росток»") == "РО"
    assert rendering.monogram("Иванова Мария Сергеевна") == "ИМ"


def test_components_never_choose_for_the_voter() -> None:
    """ui: never preselect an answer in a ballot; 3 of 5 with 4 needed draws the line at 80 %."""
    source = (
        '{% import "components.html" as c with context %}'
        '{{ c.choice("v", "Голос", [("for", "За", ""), ("against", "Против", "")]) }}'
        "{{ c.quorum_bar(3, 4, 5, 1779087600) }}"
    )
    text = rendering.environment("ru").from_string(source).render()
    assert "checked" not in text
    assert 'x1="80.0%"' in text and 'width="60.0%"' in text
    assert "проголосовали 3 из 5" in text and "18 мая" in text


# --- files ----------------------------------------------------------------------------------------


async def test_built_files_are_kept_for_ever_and_checked_by_tag(shell: Shell) -> None:
    client = await shell.browser()
    address = rendering.static("app.css")
    first = await client.get(address)
    assert first.status == 200 and "immutable" in first.headers["Cache-Control"]
    again = await client.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status == 304
    assert (await client.get("/static/build/../../middleware.py")).status == 404
    assert (await client.get("/static/build/.inputs")).status == 404
    for fixed in ("/manifest.webmanifest", "/robots.txt"):
        assert (await client.get(fixed)).status == 200


# --- sessions -------------------------------------------------------------------------------------


async def test_a_session_ends_when_asked(shell: Shell) -> None:
    person = shell.society.officers["one"]
    here, there = await shell.browser(person), await shell.browser(person)
    text = await (await here.get("/me")).text()
    (digest,) = re.findall(r'name="session" value="([0-9a-f]{64})"', text)
    assert (await shell.post(here, "/me/sessions/end", session=digest)).status == 303
    assert (await there.get("/now", allow_redirects=False)).headers["Location"] == "/sign-in?to=/now"
    assert (await here.get("/now")).status == 200
    stranger = await shell.browser(shell.society.officers["accountant"])
    own = re.findall(r'value="([0-9a-f]{64})"', text)
    assert (await shell.post(stranger, "/me/sessions/end", session=own[0])).status == 303
    assert (await shell.post(here, "/sign-out")).status == 303
    assert (await here.get("/now", allow_redirects=False)).status == 303


async def test_all_other_devices_are_signed_out_at_once(shell: Shell) -> None:
    """Of many browsers the latest few are listed."""
    person, other = shell.society.officers["one"], shell.society.officers["accountant"]
    here, *there = [await shell.browser(person, "en") for _ in range(8)]
    stranger = await shell.browser(other)
    page = await (await here.get("/me")).text()
    assert page.count("Sign out there") == 4 and "and 3 more browsers" in page
    assert (await shell.post(here, "/me/sessions/end-others", headers={})).status == 403
    assert (await shell.post(here, "/me/sessions/end-others")).headers["Location"] == "/me"
    for browser in there:
        assert (await browser.get("/now", allow_redirects=False)).status == 303
    page = await (await here.get("/me")).text()
    assert "On all other devices you are signed out." in page and "Sign out there" not in page
    assert (await stranger.get("/now")).status == 200


async def test_my_documents_come_in_pages(shell: Shell) -> None:
    person = shell.society.officers["one"]
    for _ in range(40):
        await shell.society.consent(person)
    client = await shell.browser(person, "en")
    pages, path = [], "/documents"
    while path:
        text = await (await client.get(path)).text()
        pages.append(re.findall(r'href="/documents/([0-9a-f]{64})"', text))
        assert ("To the newest" in text) == (len(pages) > 1)
        more = re.search(r'href="(/documents\?before=\d+)"', text)
        path = more[1] if more else ""
    seen = [digest for page in pages for digest in page]
    assert len(pages) == 2 and len(pages[0]) == 30 and len(seen) == len(set(seen)) > 40
    assert "No earlier documents" in await (await client.get("/documents?before=0")).text()


@pytest.mark.parametrize("language", ["ru", "en"])
async def test_no_page_is_dated_1970(shell: Shell, language: str) -> None:
    """The first entries precede the first tick: their own time is shown, and that it is the signer's."""
    node = shell.society.node
    chair = await shell.browser(shell.society.officers["chair"], language)
    stranger = await shell.browser(None, language)
    words = "первой отметки времени" if language == "ru" else "first time stamp"
    first = [documents.parse(raw).digest.hex() for raw in node.store.raw(0, 2)]
    assert [node.store.tick_at(index) for index in (0, 1)] == [0, 0]
    for digest in first:
        for client, path in ((stranger, "/verify"), (chair, "/verify"), (chair, "/documents")):
            page = await (await client.get(f"{path}/{digest}")).text()
            # Four digits of a fingerprint may be just these.
            shown = re.sub(r"\b[0-9a-f]{4}( [0-9a-f]{4})+|[0-9a-f]{64}", "", page)
            assert words in page and "1970" not in shown, (path, digest)
    for path in (*SIGNED_IN, "/me/keys", "/members", "/members/1", "/council/decisions", "/"):
        answer = await chair.get(path)
        assert answer.status == 200 and "1970" not in await answer.text(), path


async def test_an_idle_session_ends(shell: Shell) -> None:
    client = await shell.browser(shell.society.officers["one"])
    shell.society.move(13 * 86_400)
    assert (await client.get("/now", allow_redirects=False)).status == 200
    shell.society.move(15 * 86_400)
    assert (await client.get("/now", allow_redirects=False)).status == 303


async def test_a_message_is_shown_once(shell: Shell) -> None:
    client = await shell.browser(shell.society.officers["one"])
    store = shell.server.app[SESSIONS]
    (held,) = await store.of(shell.society.officers["one"].id)
    held.data["flash"] = "success:Saved."
    await store.save(held)
    assert "alert-success" in await (await client.get("/me")).text()
    assert "alert-success" not in await (await client.get("/me")).text()


# --- requests for signatures and signing in -------------------------------------------------------


def message(key: bytes, fields: dict[str, Any]) -> str:
    kid = signatures.public_key(key)
    protected, payload = documents.message_header(documents.LOGIN, kid), encoding.encode(fields)
    signature = signatures.sign(key, documents.sig_structure(protected, payload))
    return b64(documents.assemble(protected, payload, signature))


def answers(shell: Shell, person: Person, challenge: str) -> dict[str, Any]:
    """What the signing page reports when `person` signs in: a login key, brought by the signing key."""
    login = seed(f"{person.name}/login")
    coop, now = shell.society.coop.id, shell.society.node.clock.peek()
    common = {"aud": coop, "iss": person.id, "exp": now + 300}
    given = unb64(challenge)
    return {
        "account": person.id,
        "answers": [],
        "enrol": message(person.key, {"purpose": "enrol", "key": signatures.public_key(login), **common}),
        "login": message(login, {"purpose": "login", "challenge": given, **common}),
    }


async def begin(shell: Shell, client: Client) -> tuple[str, dict[str, Any]]:
    """`/sign-in` up to the signing origin: the token and what the page there fetches."""
    away = await client.get("/sign-in?go=1&to=/me", allow_redirects=False)
    location = away.headers["Location"]
    config = shell.society.node.config
    assert location.startswith(f"{config.signing_url}/#r=")
    token = re.findall(r"#r=([^&]+)&m=[^&]+&l=ru$", location)[0]
    fetched = await client.get(f"/api/v1/signing/{token}", headers={"Origin": config.signing_url})
    assert fetched.headers["Access-Control-Allow-Origin"] == config.signing_url
    assert fetched.headers["Cache-Control"] == "no-store"
    return token, await fetched.json()


async def done(shell: Shell, token: str, body: dict[str, Any]) -> ClientResponse:
    """From the signing origin, without cookies."""
    client = await shell.browser()
    headers = {"Origin": shell.society.node.config.signing_url, "Content-Type": "application/json"}
    return await client.post(f"/api/v1/signing/{token}/done", data=json.dumps(body), headers=headers)


async def test_signing_in_by_key(shell: Shell) -> None:
    """R11, R12: one key, no password; the cookie changes at sign-in."""
    client, person = await shell.browser(), shell.society.officers["one"]
    token, request = await begin(shell, client)
    assert request["purpose"] == "login" and request["items"] == []
    before = client.session.cookie_jar.filter_cookies(client.make_url("/"))["coopnode"].value
    finished = await done(shell, token, answers(shell, person, request["challenge"]))
    assert finished.status == 200
    back = (await finished.json())["return"]
    landed = await client.get(back, allow_redirects=False)
    assert landed.status == 303 and landed.headers["Location"] == "/me"
    cookie = landed.cookies["coopnode"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie.value != before
    assert (await client.get("/me", allow_redirects=False)).status == 200
    again = await client.get(back, allow_redirects=False)
    assert again.status == 404, "the way back works once"


async def test_an_answer_obtained_from_somebody_else_signs_nobody_in(shell: Shell) -> None:
    """A stranger asks for a login and sends the address to a member, whose key answers it: the stranger stays
    a stranger, because only the browser that signed is told how to come back."""
    stranger, person = await shell.browser(), shell.society.officers["chair"]
    token, request = await begin(shell, stranger)
    finished = await done(shell, token, answers(shell, person, request["challenge"]))
    assert finished.status == 200
    await stranger.get(f"/signed/{token}", allow_redirects=False)
    assert (await stranger.get("/me", allow_redirects=False)).status == 303
    victim = await shell.browser()
    landed = await victim.get((await finished.json())["return"], allow_redirects=False)
    assert landed.status == 404
    assert (await victim.get("/me", allow_redirects=False)).status == 303


@pytest.mark.parametrize(
    "change",
    [
        lambda body: body.pop("login"),
        lambda body: body.update(login=body["enrol"]),
        lambda body: body.update(enrol=body["login"]),
        lambda body: body.update(login="AAAA"),
        lambda body: body.update(account="a" * 52),
        lambda body: body.update(account=17),
        lambda body: body.update(login="!" * 200_000),
    ],
)
async def test_a_wrong_login_is_refused(shell: Shell, change: Any) -> None:
    client = await shell.browser()
    token, request = await begin(shell, client)
    body = answers(shell, shell.society.officers["one"], request["challenge"])
    change(body)
    refused = await done(shell, token, body)
    assert refused.status >= 400
    assert refused.content_type == "application/problem+json"
    await client.get(f"/signed/{token}", allow_redirects=False)
    assert (await client.get("/me", allow_redirects=False)).status == 303


async def test_an_answer_to_another_challenge_is_refused(shell: Shell) -> None:
    client = await shell.browser()
    token, _ = await begin(shell, client)
    _, other = await begin(shell, client)
    refused = await done(shell, token, answers(shell, shell.society.officers["one"], other["challenge"]))
    assert refused.status >= 400


async def test_requests_are_for_the_signing_origin_only(shell: Shell) -> None:
    client = await shell.browser()
    token, _ = await begin(shell, client)
    other = await client.get(f"/api/v1/signing/{token}", headers={"Origin": "https://evil.example"})
    assert "Access-Control-Allow-Origin" not in other.headers
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    assert (await client.options(f"/api/v1/signing/{token}/done", headers=asked)).status == 403
    allowed = {**asked, "Origin": shell.society.node.config.signing_url}
    answer = await client.options(f"/api/v1/signing/{token}/done", headers=allowed)
    assert answer.status == 204
    assert "Access-Control-Allow-Credentials" not in answer.headers
    assert (await client.get("/api/v1/signing/" + "A" * 43)).status == 404
    shell.society.move(86_401)
    assert (await client.get(f"/api/v1/signing/{token}")).status == 404, "a request lives a day"


async def test_private_values_rest_encrypted(shell: Shell) -> None:
    signing, person = shell.server.app[SIGNING], shell.society.officers["one"]
    item = Item("membership.apply/1", {}, "self", "self", private={"name": "Иванова Мария"})
    token = await signing.create(
        session=bytes(32),
        purpose="sign",
        items=[item],
        account=person.id,
        return_to="/",
        cancel="/",
        locale="ru",
    )
    found = await signing.find(token)
    assert found is not None and found.items[0]["private"] == {"name": "Иванова Мария"}
    data = shell.society.node.config.data
    for path in data.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert "Иванова Мария".encode() not in content and token.encode() not in content, path


async def test_a_finished_request_holds_nothing_and_a_second_report_changes_nothing(shell: Shell) -> None:
    """What was to be signed goes with the first report; only the key that signed in learns the way back
    again."""
    signing, person = shell.server.app[SIGNING], shell.society.officers["one"]
    client = await shell.browser()
    held, _ = await shell.server.app[SESSIONS].create()
    item = Item("membership.apply/1", {}, "self", "self", private={"name": "Иванова Мария"})
    token = await signing.create(
        session=held.digest,
        purpose="sign",
        items=[item],
        account=person.id,
        return_to="/join/status",
        cancel="/",
        locale="ru",
        ticket=bytes(32),
    )
    fetched = await (await client.get(f"/api/v1/signing/{token}")).json()
    assert not fetched["finished"] and fetched["items"][0]["private"] == {"name": "Иванова Мария"}
    body = answers(shell, person, fetched["challenge"])
    body["answers"] = [{"index": 7, "name": "Иванова Мария"}]
    first = await (await done(shell, token, body)).json()
    kept = await signing.find(token)
    assert kept is not None and kept.items == [] and kept.ticket is None
    assert "Иванова" not in json.dumps(kept.outcome, ensure_ascii=False)
    assert kept.outcome is not None and set(kept.outcome) == {"account", "signed_in", "code", "kid"}
    fetched = await (await client.get(f"/api/v1/signing/{token}")).json()
    assert fetched["finished"] and fetched["items"] == []
    assert await (await done(shell, token, body)).json() == first, "the answer was lost on its way"
    other = answers(shell, shell.society.officers["chair"], fetched["challenge"])
    for report in ({}, {"account": person.id}, {**body, "login": "AAAA"}, {**body, "login": 7}, other):
        answer = await done(shell, token, report)
        assert answer.status == 200 and (await answer.json())["return"] == f"/signed/{token}", report
    assert await signing.find(token) == kept


async def test_of_two_reports_at_once_one_counts(shell: Shell) -> None:
    signing, client = shell.server.app[SIGNING], await shell.browser()
    token, request = await begin(shell, client)
    people = [shell.society.officers[name] for name in ("one", "chair")]
    reports = [answers(shell, person, request["challenge"]) for person in people]
    found = await signing.find(token)
    assert found is not None
    codes = await asyncio.gather(*(signing.finish(found, report) for report in reports))
    assert sorted(bool(code) for code in codes) == [False, True]
    kept = await signing.find(token)
    assert kept is not None and kept.outcome is not None
    assert kept.outcome["account"] == people[codes.index("") - 1].id


async def test_the_signing_origin_serves_files_and_nothing_else(shell: Shell) -> None:
    """P28: no cookies, no posting, trusted types; the main site may be talked to, nobody else."""
    node = shell.society.node
    server = TestServer(create_signing_app(node))
    client: Client = TestClient(server)
    await client.start_server()
    try:
        page = await client.get("/")
        policy = page.headers["Content-Security-Policy"]
        assert "require-trusted-types-for 'script'" in policy and "trusted-types 'none'" in policy
        assert f"connect-src 'self' {node.config.public_url};" in policy
        assert "form-action 'none'" in policy and "unsafe" not in policy
        assert "Set-Cookie" not in page.headers
        assert not Page(await page.text()).faults
        assert (await (await client.get("/config.json")).json()) == {"main": node.config.public_url}
        assert (await client.get("/now")).status == 404
        assert (await client.post("/", data=b"x")).status in (404, 405, 413)
    finally:
        await client.close()


# --- rations --------------------------------------------------------------------------------------


async def test_new_sessions_are_rationed_by_address(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session is a row: who asks for one after another without keeping a cookie waits."""
    few = Buckets(2, 0.001)
    monkeypatch.setattr(shell.server.app[RATION], "take", few.take)
    address = str(shell.server.make_url("/sign-in?go=1"))
    answers = []
    for _ in range(3):
        async with ClientSession() as client, client.get(address, allow_redirects=False) as answer:
            answers.append((answer.status, "Retry-After" in answer.headers))
    assert answers == [(303, False), (303, False), (429, True)]
