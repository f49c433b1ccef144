"""A stranger, an applicant and a curious member try what they can with the pages (SECURITY.md)."""

from __future__ import annotations

import json
import random
import re
from collections.abc import AsyncIterator
from itertools import product
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import structlog
from yarl import URL

from coopnode.signing import unb64
from coopnode.testing import Person, seed
from protocol import signatures
from protocol.identifiers import identifier
from tests.web.hostile_kit import World, filled, guarded, made_world, routes
from tests.web.test_shell import Client, answers, begin, done, message
from web.keys import SESSIONS
from web.rendering import visible

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

PERSONAL = ("ул. Тайная", "+79990001122", "applicant@example.org")


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with made_world(tmp_path) as made:
        yield made


# --- reading what is somebody else's ------------------------------------------------------------------


async def test_nobody_reads_what_is_not_theirs(world: World) -> None:
    """Every page and operation that looks, asked for the same application by those who have no business
    with it. Officers are the control."""
    await world.society.identify(world.apply)
    other = await world.society.coop.person("other")
    await world.society.sign_texts(other)
    who = {
        "stranger": None,
        "other applicant": other,
        "member": world.member,
        "outsider": Person.make("outsider", world.society.coop.id),
    }
    leaks, seen = [], 0
    paths = sorted({filled(path, world) for method, path in routes(world) if method == "GET"})
    for name, person in who.items():
        client = await world.browser(person)
        for path in paths:
            answer = await client.get(path, allow_redirects=False)
            text = (await answer.read()).decode("utf-8", "replace")
            guarded(answer, (name, path))
            leaks += [(name, path, word) for word in PERSONAL if word in text]
            if person is not world.member:  # the register lets members read names
                leaks += [(name, path, "name")] if "Тайнова" in text else []
            if path.startswith(("/desk", "/members")):
                assert answer.status in (303, 403, 404), (name, path, answer.status)
    assert not leaks
    secretary = await world.browser(world.society.officers["secretary"])
    for path in paths:
        answer = await secretary.get(path, allow_redirects=False)  # some lead to the signing origin
        seen += "Тайнова" in (await answer.read()).decode("utf-8", "replace")
    assert seen >= 4


async def test_the_accountant_sees_no_birth_date_before_it_concerns_them(world: World) -> None:
    accountant = await world.browser(world.society.officers["accountant"])
    text = await (await accountant.get(f"/api/v1/applications/{world.number}")).text()
    assert "1985-03-14" not in text and "Советская" not in text


async def test_private_answers_are_not_kept(world: World) -> None:
    secretary = await world.browser(world.society.officers["secretary"])
    for path in ("/desk", "/members", "/members.csv", "/me/data", "/api/v1/members", "/api/v1/me/data"):
        answer = await secretary.get(path)
        assert answer.status == 200 and "no-store" in answer.headers["Cache-Control"], path
        guarded(answer, path)


# --- where changes come from --------------------------------------------------------------------------

#: Posted to without a cookie by the signing origin and by programs.
FOREIGN = ("/entries", "/api/v1/signing/", "/api/v1/accounts/", "/api/v1/devices")


async def test_no_change_comes_from_another_site(world: World) -> None:
    """Every POST of the router, by every header a foreign page can bring about."""
    client = await world.browser(world.society.officers["secretary"])
    attacks: list[dict[str, str]] = [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": world.society.node.config.signing_url, "Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "cross-site", "Content-Type": "text/plain"},
        {"Origin": world.origin + ".evil.example"},
    ]
    size, tried = world.society.node.engine.head.size, 0
    for method, pattern in routes(world):
        if method != "POST" or pattern.startswith(FOREIGN):
            continue
        path = filled(pattern, world)
        for headers in attacks:
            answer = await client.post(path, data=b"{}", headers=headers, allow_redirects=False)
            assert answer.status == 403, (path, headers, answer.status)
            guarded(answer, path)
            tried += 1
        if not path.startswith("/api/"):
            assert (await client.post(path, data=b"", allow_redirects=False)).status == 403, path
    assert tried > 100 and world.society.node.engine.head.size == size


async def test_only_the_signing_origin_is_answered_across_origins(world: World) -> None:
    """And only where it has business; refusals included, so that its page can say what went wrong."""
    client, signing = await world.browser(), world.society.node.config.signing_url
    may = (*FOREIGN, "/checkpoint", "/api/v1/log/", "/blobs/")
    for _, pattern in routes(world):
        path = filled(pattern, world)
        for origin in (signing, "https://evil.example", "null"):
            answer = await client.get(path, headers={"Origin": origin}, allow_redirects=False)
            given = answer.headers.get("Access-Control-Allow-Origin")
            allowed = origin == signing and path.startswith(may)
            assert given in ((signing, None) if allowed else (None,)), (path, origin, given)
            assert "Access-Control-Allow-Credentials" not in answer.headers
    refused = await client.get("/api/v1/devices", headers={"Origin": signing})
    assert refused.status == 405 and refused.headers["Access-Control-Allow-Origin"] == signing


AWAY = (
    "//evil.example",
    "/\\evil.example",
    "/\t/evil.example",
    "/\n/evil.example",
    "\t//evil.example",
    "https://evil.example",
    "javascript:alert(1)",
    "/\r\nSet-Cookie: a=b",
)


async def test_nobody_is_led_away(world: World) -> None:
    client = await world.browser(world.member)
    found = []
    for away in AWAY:
        found.append(await client.get("/sign-in?to=" + quote(away, safe=""), allow_redirects=False))
        found.append(await world.post(client, "/me/language", locale="ru", back=away))
    for answer in found:
        place = answer.headers["Location"]
        assert re.match(r"/(?![/\\])[^\s]*$", place), place
        assert "evil" not in place or place.startswith("/%"), place
        assert "a" not in answer.cookies


# --- signing in ---------------------------------------------------------------------------------------


async def test_a_token_known_before_signing_in_is_dead_after(world: World) -> None:
    client, person = await world.browser(), world.society.officers["one"]
    token, request = await begin_any(world, client)
    before = client.session.cookie_jar.filter_cookies(client.make_url("/"))["coopnode"].value
    finished = await done(world, token, answers(world, person, request["challenge"]))
    await client.get((await finished.json())["return"], allow_redirects=False)
    assert (await client.get("/me", allow_redirects=False)).status == 200
    thief = await world.browser()
    thief.session.cookie_jar.update_cookies({"coopnode": before}, world.server.make_url("/"))
    assert (await thief.get("/me", allow_redirects=False)).status == 303
    assert await world.server.app[SESSIONS].load(before) is None


async def test_offices_are_read_anew_with_each_request(world: World) -> None:
    """What a session brings of them is of this request; nothing is kept for the next."""
    client, person = await world.browser(), world.society.officers["secretary"]
    token, request = await begin_any(world, client)
    finished = await done(world, token, answers(world, person, request["challenge"]))
    await client.get((await finished.json())["return"], allow_redirects=False)
    cookie = client.session.cookie_jar.filter_cookies(client.make_url("/"))["coopnode"].value
    loaded = await world.server.app[SESSIONS].load(cookie)
    assert loaded is not None and loaded.roles == world.society.node.facts.roles(person.id) >= {"secretary"}
    assert (await client.get("/council", allow_redirects=False)).status == 200
    stranger = await world.browser(world.member)
    assert (await stranger.get("/council", allow_redirects=False)).status == 403


async def begin_any(world: World, client: Client) -> tuple[str, dict[str, Any]]:
    client.session.headers["Accept-Language"] = "ru"
    return await begin(world, client)


async def test_a_login_serves_one_request_of_one_cooperative(world: World) -> None:
    client, person = await world.browser(), world.society.officers["one"]
    token, request = await begin(world, client)
    other, second = await begin(world, client)
    good = answers(world, person, request["challenge"])
    assert (await done(world, token, good)).status == 200
    assert (await done(world, other, good)).status == 422, "another request, another challenge"
    login, now = seed(f"{person.name}/login"), world.society.node.clock.peek()
    fields = {
        "purpose": "login",
        "challenge": unb64(second["challenge"]),
        "aud": world.society.coop.id,
        "iss": person.id,
        "exp": now + 300,
    }
    wrong: list[dict[str, Any]] = [
        {"aud": person.id},
        {"exp": now - 100},
        {"exp": now + 10**9},
        {"iss": world.member.id},
        {"purpose": "enrol"},
        {"challenge": b""},
        {"exp": "soon"},
    ]
    for change in wrong:
        body = {"account": person.id, "answers": [], "login": message(login, fields | change)}
        assert (await done(world, other, body)).status in (400, 422), change
    stranger = Person.make("nobody", world.society.coop.id)
    key = {"purpose": "enrol", "key": signatures.public_key(login), "aud": world.society.coop.id}
    enrol = message(stranger.key, key | {"iss": stranger.id, "exp": now + 300})
    answer = await done(world, other, {"account": stranger.id, "enrol": enrol})
    assert answer.status == 422, "an account nobody opened"


async def test_junk_reported_by_a_signing_page_is_refused(world: World) -> None:
    client = await world.browser()
    token, _ = await begin(world, client)
    bodies = (b"[" * 200_000, b'{"a":' * 40_000, b"\xff\xfe", b"", b"[]", b"17", b'{"account":"\\ud800"}')
    for body in (*bodies, b'{"answers":"' + b"x" * 300_000 + b'"}', b'{"login":7,"enrol":[]}'):
        answer = await client.post(f"/api/v1/signing/{token}/done", data=body)
        assert 400 <= answer.status < 500, (body[:20], answer.status)
        assert answer.content_type == "application/problem+json"
    for guess in ("A" * 43, token[:-1] + "_", token[:20], "%00" * 10, "x" * 101):
        assert (await client.get(f"/api/v1/signing/{guess}")).status == 404
        assert (await client.get(f"/signed/{guess}", allow_redirects=False)).status == 404
    assert (await (await world.browser()).get(f"/signed/{token}", allow_redirects=False)).status == 404


async def test_the_founders_token_opens_nothing_afterwards(world: World) -> None:
    client = await world.browser()
    for token in ("x" * 32, "", "%00", "a" * 5000):
        answer = await client.get(f"/found?token={token}", allow_redirects=False)
        assert answer.status == 403, token[:5]
    for step in ("start", "address", "mail", "sign", "key", "people", "open"):
        posted = await world.post(client, f"/found/{step}", public_url="https://evil.example", agreed="yes")
        assert posted.status == 303 and "evil" not in posted.headers["Location"], step


# --- what people write --------------------------------------------------------------------------------


async def test_what_people_write_is_text(world: World) -> None:
    """A script and a mark that turns the writing round, in a name that came past the forms."""
    society = world.society
    await society.identify(world.apply)
    complete = await society.complete(world.apply)
    shown = 0
    matter = identifier(complete.digest)
    people = (society.officers["secretary"], society.officers["chair"], world.applicant)
    clients = [await world.browser(person) for person in people]
    paths = [filled(path, world) for method, path in routes(world) if method == "GET"]
    paths += [f"/council/{matter}", f"/council/{matter}/sign", "/desk/applications?list=council"]
    for client in clients:
        for path in paths:
            answer = await client.get(path, allow_redirects=False)
            if answer.content_type != "text/html":
                continue
            text = await answer.text()
            assert "<script>alert" not in text, path
            assert "\u202e" not in text, path
            shown += "Тайнова" in text
    assert shown >= 5


async def test_cells_of_the_register_are_no_formulas(world: World) -> None:
    secretary = await world.browser(world.society.officers["secretary"])
    answer = await secretary.get("/members.csv")
    guarded(answer, "/members.csv")
    text = await answer.text()
    assert "'=HYPERLINK(1)" in text
    cells = [cell for line in text.splitlines() for cell in line.split(";")]
    assert not [cell for cell in cells if cell.strip('" \r')[:1] in tuple("=+-@")]
    assert re.fullmatch(r'attachment; filename="[\w.-]+"', answer.headers["Content-Disposition"])


def test_turning_marks_are_shown() -> None:
    assert visible("а\u202eб\u2066в") == "а\ufffdб\ufffdв"
    assert visible("Иванова Мария\nвторая строка") == "Иванова Мария\nвторая строка"
    assert visible(7) == 7


# --- junk ---------------------------------------------------------------------------------------------

JUNK = (
    "9999-12-31",
    "0001-01-01",
    "9" * 5000,
    "-1",
    "\u0661\u0662",
    "\x00",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "<script>",
    "%s{{7*7}}%(x)s",
    "a" * 9000,
    "../../etc/passwd",
    "1e309",
    "",
)
NAMES = (
    *("at", "after", "before", "number", "status", "list", "person", "kind", "fingerprint", "token", "code"),
    *("to", "from", "email", "name", "birth_date", "inn", "ogrn", "phone", "address", "reason", "text"),
    *("title", "roles", "entrance", "share", "received", "reference", "method", "level", "details", "sure"),
    *("choice", "why", "since", "same", "session", "locale", "back", "rows", "anyway", "seats", "days"),
)


async def test_junk_never_breaks_anything(world: World) -> None:
    """Every address with fields of any kind, by a stranger and by an officer; from a fixed seed."""
    draw = random.Random(20261122)
    for person in (None, world.society.officers["secretary"], world.society.officers["chair"], world.member):
        client = await world.browser(person)
        own = {"Origin": world.origin}
        for method, pattern in routes(world):
            if pattern == "/sign-out" or pattern.startswith("/static"):
                continue
            for junk in (None, draw):
                path = filled(pattern, world, junk)
                fields = {name: draw.choice(JUNK) for name in draw.sample(NAMES, 25)}
                query = "&".join(f"{name}={quote(value[:300])}" for name, value in list(fields.items())[:12])
                if method == "POST":
                    answer = await client.post(path, data=fields, headers=own, allow_redirects=False)
                elif method == "GET":
                    answer = await client.get(f"{path}?{query}", allow_redirects=False)
                else:
                    continue
                guarded(answer, (method, path, fields))


async def test_strange_dates_are_refused(world: World) -> None:
    secretary = await world.browser(world.society.officers["secretary"])
    for day in ("9999-12-31", "0001-01-01", "31.12.9999", "00.00.0000", "2026-02-30", "1" * 400):
        for path in ("/members", "/members.csv", "/api/v1/members"):
            guarded(await secretary.get(f"{path}?at={day}", allow_redirects=False), (path, day))


BROKEN = (
    ("application/x-www-form-urlencoded; charset=no-such", b"email=a"),
    ("application/x-www-form-urlencoded; charset=unicode_escape", b"email=\\ud800&\\udfff=1"),
    ("application/x-www-form-urlencoded; charset=hex", b"00"),
    ("application/x-www-form-urlencoded", b"a=1&" * 3000),
    ("application/x-www-form-urlencoded", b"email=%ff%fe%00"),
    ("application/x-www-form-urlencoded", b"a=" + b"x" * (2**20 + 10)),
    ("multipart/form-data", b"--x"),
    ("multipart/form-data; boundary=x", b"--x\r\n\r\nz\r\n--x--"),
    ("multipart/form-data; boundary=x", b"junk"),
    ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="email"\r\n'),
    (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="email"\r\nContent-Transfer-Encoding: bad\r\n\r\nz'
        b"\r\n--x--\r\n",
    ),
    (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="email"\r\nContent-Encoding: bad\r\n\r\nz\r\n--x--\r\n',
    ),
    (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="email"\r\nContent-Type: text/plain; charset=bad'
        b"\r\n\r\nz\r\n--x--\r\n",
    ),
    (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="email"\r\nContent-Type: multipart/mixed; boundary=y'
        b"\r\n\r\n--y\r\n\r\n--y--\r\n--x--\r\n",
    ),
    ("text/plain", b"email=a"),
    ("\u0436".encode().decode("latin-1"), b"email=a"),
)


async def test_broken_forms_are_refused_calmly(world: World) -> None:
    client = await world.browser()
    for path, (kind, body) in product(("/join/email", "/me/language", "/entries"), BROKEN):
        headers = {"Origin": world.origin, "Content-Type": kind}
        answer = await client.post(path, data=body, headers=headers, allow_redirects=False)
        guarded(answer, (path, kind))
        if answer.status >= 400:
            machine = path.startswith("/entries")
            assert answer.content_type == ("application/problem+json" if machine else "text/html")
            assert "Traceback" not in await answer.text()


async def test_deep_json_and_bodies_without_length(world: World) -> None:
    async def endless(size: int) -> AsyncIterator[bytes]:
        for _ in range(size):
            yield b"[" * 65_536

    client = await world.browser(world.society.officers["secretary"])
    own = {"Origin": world.origin, "Content-Type": "application/json"}
    for method, pattern in routes(world):
        if method == "POST" and pattern.startswith(("/api/", "/entries")):
            path = filled(pattern, world)
            answer = await client.post(path, data=b'{"a":' * 40_000, headers=own)
            guarded(answer, path)
            answer = await client.post(path, data=endless(3), headers=own)
            guarded(answer, path)
    gzip = own | {"Content-Encoding": "gzip"}
    answer = await client.post("/api/v1/council/matters", data=b"junk", headers=gzip, skip_auto_headers=())
    guarded(answer, "gzip")


async def test_weird_addresses_and_methods(world: World) -> None:
    client = await world.browser(world.society.officers["chair"])
    weird: tuple[str, ...] = (
        "/%00",
        "/..%2f..%2fetc",
        "//evil.example/x",
        "/me%2fdata",
        "/%ff",
        "/" + "a" * 7000,
    )
    weird += (
        "/static/%00",
        "/static/" + "b" * 3000 + ".js",
        "/static/..%2fapp.py",
        "/static/build/..%2f..%2fx.css",
    )
    weird += ("/tile/0/%00", "/tile/" + "x" * 900, "/tile/entries/..%2f..%2fkeys", "/blobs/%00")
    weird += ("/entries/" + "0" * 64 + "/..%2f", "/verify/%00%0d%0aX:%20y", "/api/v1/%00", "/desk/texts/%00")
    for path in weird:
        url = URL(str(world.server.make_url("/"))[:-1] + path, encoded=True)
        answer = await client.session.get(url, allow_redirects=False)
        guarded(answer, path)
        assert answer.status in (303, 400, 403, 404, 422), (path, answer.status)
        if path.startswith("/api/"):
            assert answer.content_type == "application/problem+json"
    for method in ("PUT", "DELETE", "PATCH", "TRACE", "OPTIONS"):
        for path in ("/me", "/entries", "/api/v1/members", "/no-such"):
            answer = await client.request(method, path, headers={"Origin": world.origin})
            guarded(answer, (method, path))
            assert answer.status in (403, 404, 405), (method, path, answer.status)


# --- traces -------------------------------------------------------------------------------------------


async def test_the_log_knows_no_cookie_and_lines_hold_nobody(world: World) -> None:
    secretary, stranger = await world.browser(world.society.officers["secretary"]), await world.browser()
    for path in ("/checkpoint", "/tile/0/000.p/1", f"/entries/{world.apply.hex()}", "/livez", "/readyz"):
        answer = await secretary.get(path)
        assert "Set-Cookie" not in answer.headers, path
    with structlog.testing.capture_logs() as lines:
        token, request = await begin_any(world, stranger)
        await done(world, token, answers(world, world.member, request["challenge"]))
        await stranger.get(f"/signed/{token}?code=secretcode", allow_redirects=False)
        await secretary.get(f"/desk/applications/{world.number}?name=Тайнова")
        await world.post(stranger, "/join/email", email="ivanova@example.org")
    text = json.dumps(lines, default=str, ensure_ascii=False)
    assert len(lines) >= 5
    held = (token, "secretcode", "Тайнова", "ivanova@example.org", "127.0.0.1", world.member.id)
    assert not [word for word in held if word in text]
