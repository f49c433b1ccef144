"""What strangers cost and how often one may guess: sessions, rations, codes, requests that are none."""

from __future__ import annotations

import asyncio
import email
import logging
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from structlog.testing import capture_logs

from coopnode.admission import Buckets
from coopnode.signing import b64
from coopnode.store.schema import drafts, email_codes, sessions, signing_requests
from coopnode.store.sql import func, select
from coopnode.testing import seed
from protocol import signatures
from protocol.identifiers import identifier
from tests.node.council_kit import KEYS, table
from tests.web.hostile_kit import HEADERS, World, filled, made_world, routes
from tests.web.test_shell import answers, begin, done
from web.accounts.shell import CODES, FINDS, READS
from web.app import create_app, create_signing_app
from web.founding.shell import FOUNDING
from web.log.routes import _LOOKUPS as LOG_LOOKUPS
from web.middleware import RATION
from web.server import create_runner
from web.verification.api import LOOKUPS


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with made_world(tmp_path) as made:
        yield made


async def rows(world: World) -> dict[str, int]:
    """How many rows a browser can bring about."""
    tables = (sessions, signing_requests, drafts, email_codes)

    def count(connection: Any) -> dict[str, int]:
        return {
            table.name: connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in tables
        }

    return await world.society.node.database.read(count)


# --- looking costs nothing ----------------------------------------------------------------------


async def test_looking_makes_no_session(world: World) -> None:
    """Every address there is, asked by a stranger: no cookie, no row, and nobody waits for it."""
    stranger = await world.browser()
    before = await rows(world)
    paths = sorted({filled(path, world) for method, path in routes(world) if method == "GET"})
    assert len(paths) > 60
    for path in paths:
        answer = await stranger.get(path, allow_redirects=False)
        assert "Set-Cookie" not in answer.headers, path
    assert await rows(world) == before


async def test_an_invited_stranger_reads_without_a_session(tmp_path: Path) -> None:
    made = await table(tmp_path, fill=KEYS[:4])
    app = create_app(made.node)
    try:
        async with TestClient(TestServer(app)) as client:
            place = await app[FOUNDING].place_of(signatures.public_key(seed("invitation/5")))
            assert place is not None
            path, own = f"/invite/{place[0].hex()}/{place[1]}", {"Origin": made.node.config.public_url}
            for step, status in (("", 200), ("/texts", 200), ("/person", 200), ("/consents", 303)):
                answer = await client.get(path + step, allow_redirects=False)
                assert answer.status == status and "Set-Cookie" not in answer.headers, step
            read = await client.post(
                path + "/texts", data={"read": "yes"}, headers=own, allow_redirects=False
            )
            assert read.status == 303 and "Set-Cookie" in read.headers, "the first answer is kept"
            assert "checked" in await (await client.get(path + "/texts")).text()
    finally:
        await made.stop()


async def test_a_first_answer_makes_one_session(world: World) -> None:
    stranger = await world.browser()
    before = (await rows(world))["sessions"]
    assert (await world.post(stranger, "/join/email", email="ivanova@example.org")).status == 303
    assert (await stranger.get("/join/code")).status == 200
    assert (await rows(world))["sessions"] == before + 1


# --- how often one may ask ----------------------------------------------------------------------


async def test_look_ups_are_rationed(world: World) -> None:
    """Full digests only, and not many of them: accounts, keys, devices, documents (P1)."""
    stranger, member = await world.browser(), await world.browser(world.member)
    account, digest = world.member.id, world.apply.hex()
    cases = (
        (READS, stranger, f"/api/v1/accounts/{account}/chain"),
        (READS, stranger, "/api/v1/devices/" + "A" * 32),
        (LOG_LOOKUPS, stranger, f"/entries/{digest}"),
        (LOG_LOOKUPS, stranger, f"/entries/{digest}/statement"),
        (LOG_LOOKUPS, stranger, f"/entries/{digest}/proof"),
        (LOG_LOOKUPS, stranger, "/api/v1/log/consistency?from=1&to=2"),
        (LOOKUPS, stranger, f"/verify/{digest}"),
        (LOOKUPS, stranger, f"/verify/{digest}/evidence.zip"),
        (LOOKUPS, stranger, f"/api/v1/verify/{digest}"),
        (LOOKUPS, member, f"/documents/{digest}"),
    )
    app = world.server.app
    for key, client, path in cases:
        app[key]._burst, app[key]._rate = 2, 0.001
        app[key]._held.clear()
        statuses = [(await client.get(path, allow_redirects=False)).status for _ in range(4)]
        assert 429 not in statuses[:2] and statuses[2:] == [429, 429], (path, statuses)
        last = await client.get(path, allow_redirects=False)
        assert int(last.headers["Retry-After"]) > 1, path


async def test_nobody_learns_who_has_an_account(world: World) -> None:
    """Recovery commitments are looked up whole and seldom; an address known here is answered like another."""
    stranger = await world.browser()
    app = world.server.app
    app[FINDS]._burst, app[FINDS]._rate = 20.0, 60 / 3600
    own = {"Origin": world.society.node.config.signing_url}
    for number in range(25):
        body = {"recovery": b64(number.to_bytes(32, "big"))}
        answer = await stranger.post("/api/v1/accounts/find", json=body, headers=own)
        assert answer.status == (404 if number < 20 else 429), number
    part = {"recovery": b64(bytes(16))}
    app[FINDS]._held.clear()
    assert (await stranger.post("/api/v1/accounts/find", json=part, headers=own)).status == 422
    known, unknown = await world.browser(), await world.browser()
    first = await world.post(known, "/join/email", email=f"{world.member.name}@example.org")
    second = await world.post(unknown, "/join/email", email="nobody@example.org")
    assert (first.status, first.headers["Location"]) == (second.status, second.headers["Location"])
    unknown_account = identifier(bytes(32))
    answer = await stranger.get(f"/api/v1/accounts/{unknown_account}/chain")
    assert answer.status == 404 and (await answer.json())["code"] == "not_found"


async def test_an_address_that_is_known_costs_the_node_the_same_work(world: World) -> None:
    """One letter of one length, one row, one cookie: no clock tells who is known here."""
    seen = []
    folder = world.society.node.config.mail
    for address in (f"{world.member.name}@example.org", f"{'x' * len(world.member.name)}@example.org"):
        browser = await world.browser()
        before, letters = await rows(world), set(folder.iterdir()) if folder.exists() else set()
        answer = await world.post(browser, "/join/email", email=address)
        after = await rows(world)
        (letter,) = set(folder.iterdir()) - letters
        more = {name: after[name] - before[name] for name in after if after[name] != before[name]}
        page = await (await browser.get("/join/code")).text()
        shown = re.sub(r"[0-9a-f]{6,}|" + re.escape(address), "", page)
        length = len(str(email.message_from_bytes(letter.read_bytes()).get_payload()))
        seen.append((answer.status, answer.headers["Location"], more, length, shown))
    assert seen[0] == seen[1] and seen[0][2]["email_codes"] == 1


async def test_a_code_from_a_letter_is_guessed_five_times(world: World) -> None:
    stranger = await world.browser()
    assert (await world.post(stranger, "/join/email", email="guess@example.org")).status == 303
    folder = world.society.node.config.mail
    (letter,) = [path for path in folder.iterdir() if b"guess@example.org" in path.read_bytes()]
    content: Any = email.message_from_bytes(letter.read_bytes()).get_payload(decode=True)
    (right,) = set(re.findall(r"\b\d{6}\b", content.decode()))
    wrong = [f"{(int(right) + number) % 10**6:06d}" for number in range(1, 6)]
    for code in wrong:
        assert (await world.post(stranger, "/join/code", code=code)).status == 422
    answer = await world.post(stranger, "/join/code", code=right)
    assert answer.status == 422, "the sixth try is too late even for the right one"
    again = [(await world.post(stranger, "/join/code/again")).status for _ in range(12)]
    assert again[0] == 303 and again[-1] == 422, "letters are few"


async def test_a_device_code_is_typed_a_few_times(world: World) -> None:
    """30⁸ codes live a quarter of an hour each: ten tries and twenty an hour find none of them."""
    client = await world.browser(world.member)
    app = world.server.app
    assert isinstance(app[CODES], Buckets)
    texts = []
    for number in range(12):
        answer = await world.post(client, "/me/devices/add", code=f"ABCDEFG{number % 8 + 2}")
        assert answer.status == 422
        texts.append(await answer.text())
    assert "через час" not in texts[9] and "через час" in texts[10]


async def test_reports_of_a_login_are_rationed(world: World) -> None:
    client = await world.browser()
    token, request = await begin(world, client)
    good = answers(world, world.member, request["challenge"])
    ration = world.server.app[RATION]
    ration._burst, ration._rate = 5, 0.001
    ration._held.clear()
    statuses = [(await done(world, token, {**good, "login": "AAAA"})).status for _ in range(7)]
    assert statuses == [422] * 5 + [429] * 2


# --- what is no request ----------------------------------------------------------------------

NOT_HTTP = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xa5" * 64 + b"\r\n\r\n",
    b"GET\r\n\r\n",
    b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
    b"GET /<script>alert(1)</script> HTTP/1.1 junk\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc",
    b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: junk\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nBad Header: <b>\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"a" * 20_000 + b"\r\n\r\n",
    b"GET /" + b"a" * 20_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
)


async def spoken(port: int, said: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    await writer.drain()
    try:
        return await asyncio.wait_for(reader.read(65_536), 10)
    finally:
        writer.close()


@pytest.mark.parametrize("make", [create_app, create_signing_app], ids=["site", "signing"])
async def test_what_is_no_request_is_answered_like_everything_else(
    world: World, make: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """aiohttp's own answers never reach a middleware: they carry the headers all the same, repeat nothing
    of what was sent, and leave no address in the log."""
    runner = create_runner(make(world.society.node))
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    caplog.set_level(logging.DEBUG)
    try:
        with capture_logs() as lines:
            for said in NOT_HTTP:
                heard = await spoken(port, said)
                head, _, body = heard.partition(b"\r\n\r\n")
                assert re.match(rb"HTTP/1\.[01] 4\d\d ", head), (said[:40], heard[:80])
                for name in HEADERS:
                    assert f"\r\n{name}: ".encode().lower() in head.lower(), (said[:40], name)
                assert b"text/plain" in head and re.fullmatch(rb"4\d\d [A-Za-z -]+\n", body), (
                    said[:40],
                    body,
                )
            odd = await spoken(
                port, b"GET / HTTP/1.1\r\nHost: x\r\nExpect: junk\r\nConnection: close\r\n\r\n"
            )
    finally:
        await runner.cleanup()
    assert re.match(rb"HTTP/1\.1 (417|200|303) ", odd) and b"content-security-policy" in odd.lower()
    assert "127.0.0.1" not in str(lines) and "127.0.0.1" not in caplog.text
