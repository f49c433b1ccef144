"""The short way of `POST /entries` beside aiohttp's: the same answers, and never both on one connection."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from coopnode import testing
from coopnode.answers import Committed
from coopnode.config import Limits
from coopnode.testing import Cooperative
from protocol import documents
from web import lane, server
from web.app import create_app
from web.log import routes

#: A field that the short way does not know: what carries it goes to aiohttp.
OTHER_WAY = "X-Other: 1\r\n"


class Site:
    """The application on a port, as the program puts it there."""

    def __init__(self, coop: Cooperative) -> None:
        self.coop = coop
        self.runner = server.create_runner(create_app(coop.node), handler_cancellation=True)
        #: requests that took the short way, and all chunks it was asked about
        self.taken, self.asked = 0, 0

    async def start(self) -> None:
        app_lane, take = self.runner._direct, self.runner._direct.take  # type: ignore[attr-defined]

        def counted(*arguments: Any) -> bool:
            self.asked += 1
            found: bool = take(*arguments)
            self.taken += found
            return found

        app_lane.take = counted
        await self.runner.setup()
        await web.TCPSite(self.runner, "127.0.0.1", 0).start()
        self.port = self.runner.addresses[0][1]

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[Talk]:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            yield Talk(reader, writer)
        finally:
            writer.close()


class Talk:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(10):
            lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = {name: value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}
            body = await self.reader.readexactly(int(headers["Content-Length"]))
        return int(lines[0].split()[1]), headers, body


def post(body: bytes, more: str = "", *, length: int | str | None = None) -> bytes:
    size = len(body) if length is None else length
    head = "POST /entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/cose\r\n"
    return f"{head}{more}Content-Length: {size}\r\n\r\n".encode() + body


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = Site(await testing.cooperative(tmp_path / "data"))
    await made.start()
    yield made
    await made.runner.cleanup()
    await made.coop.node.stop()


async def test_both_ways_answer_alike(site: Site) -> None:
    good = site.coop.consent(site.coop.founder, "a")
    bodies = [
        good,
        good,
        good[:-1] + bytes((good[-1] ^ 1,)),
        b"\xd2nothing",
        site.coop.consent(testing.Person.make("stranger", site.coop.id), "a"),
    ]
    statuses = []
    for body in bodies:
        heard = []
        for more in ("", OTHER_WAY):
            async with site.connected() as talk:
                await talk.say(post(body, more))
                heard.append(await talk.hear())
        (status, headers, text), (other_status, other_headers, other_text) = heard
        assert (status, text) == (other_status, other_text)
        assert {**headers, "Date": ""} == {**other_headers, "Date": ""}
        statuses.append(status)
    assert statuses[:2] == [200, 200] and 200 not in statuses[2:]
    assert (site.taken, site.asked) == (len(bodies), 2 * len(bodies))


#: None of them is whole and plain.
ODD = [
    post(b"x", "Transfer-Encoding: chunked\r\n"),
    post(b"x", "Expect: 100-continue\r\n"),
    post(b"x", "Origin: http://localhost\r\n"),
    post(b"x", "Cookie: a=b\r\n"),
    post(b"x", "X-Coopnode-Ticket: a\r\n"),
    post(b"x", "Connection: close\r\n"),
    post(b"x", "Connection: upgrade\r\n"),
    post(b"x", "Content-Encoding: gzip\r\n"),
    post(b"x", "Content-Length: 1\r\n"),
    post(b"x", "Host: other\r\n"),
    post(b"x", "Accept: a\r\n b\r\n"),
    post(b"x", "Accept : a\r\n"),
    post(b"x", "Accept: a\nOrigin: b\r\n"),
    post(b"x", "Accept: \x00\r\n"),
    post(b"x", "Accept: \xe9\r\n"),
    post(b"x", f"Accept: {'a' * 1100}\r\n"),
    post(b"x", length="+1"),
    post(b"x", length="01"),
    post(b"x", length="1 "),
    post(b"x", length=2),
    post(b"x", length=0),
    post(b"x" * 65_536),
    post(b"x").replace(b"application/cose", b"multipart/form-data"),
    post(b"x").replace(b"Host: localhost\r\n", b""),
    post(b"x").replace(b"HTTP/1.1", b"HTTP/1.0"),
    post(b"x").replace(b"POST ", b"post "),
    post(b"x").replace(b"/entries", b"/entries?"),
    post(b"x").replace(b"\r\n", b"\n"),
    post(b"x") + b"x",
    post(b"x") + post(b"x"),
    post(b"x")[:-1],
]


async def test_what_is_out_of_the_ordinary_is_not_for_the_short_way(site: Site) -> None:
    way = lane.Lane(site.coop.node, site.runner.app[routes.ROOM])
    answers: list[bytes] = []
    for said in ODD:
        assert not way.take(said, "127.0.0.1", answers.append) and not answers, said[:200]
    assert way.take(post(b"x", "accept:*/*\r\nUSER-AGENT: a  b\r\n"), "127.0.0.1", answers.append)
    assert answers[0].startswith(b"HTTP/1.1 400 ")


async def test_a_body_that_looks_like_a_request_is_none(site: Site) -> None:
    """Behind a proxy that keeps its connections, a second request hidden in a body would be another
    person's."""
    hidden = post(site.coop.consent(site.coop.founder, "hidden"))
    size = site.coop.node.engine.head.size
    for type_ in ("application/cose", "text/plain"):
        first = post(b"", length=len(hidden)).replace(b"application/cose", type_.encode())
        async with site.connected() as talk:
            await talk.say(first)
            await asyncio.sleep(0.1)
            await talk.say(hidden)
            assert (await talk.hear())[0] == 400
            with pytest.raises((asyncio.IncompleteReadError, TimeoutError, ConnectionError)):
                async with asyncio.timeout(0.3):
                    await talk.hear()
    assert site.taken == 0 and site.coop.node.engine.head.size == size


async def test_a_connection_that_was_aiohttps_stays_so(site: Site) -> None:
    statements = [post(site.coop.consent(site.coop.founder, name)) for name in "abc"]
    async with site.connected() as talk:
        await talk.say(statements[0])
        assert (await talk.hear())[0] == 200
        await talk.say(post(site.coop.consent(site.coop.founder, "d"), OTHER_WAY))
        assert (await talk.hear())[0] == 200
        await talk.say(statements[1])
        assert (await talk.hear())[0] == 200
        await talk.say(statements[2][:50])
        await asyncio.sleep(0.1)
        await talk.say(statements[2][50:])
        assert (await talk.hear())[0] == 200
    assert (site.taken, site.asked) == (1, 2)


async def test_requests_sent_ahead_are_answered_in_order(site: Site) -> None:
    raws = [site.coop.consent(site.coop.founder, f"p{number}") for number in range(6)]
    async with site.connected() as talk:
        await talk.say(post(raws[0]))
        for raw in raws[1:]:  # each a packet of its own, most of them while another is in work
            await talk.say(post(raw))
        found = [json.loads((await talk.hear())[2])["digest"] for _ in raws]
    assert found == [documents.parse(raw).digest.hex() for raw in raws]


async def test_more_sent_ahead_than_is_kept_stops_the_reading(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "_MOST_EARLY", 1000)
    raws = [site.coop.consent(site.coop.founder, f"p{number}") for number in range(30)]
    async with site.connected() as talk:
        for raw in raws:
            await talk.say(post(raw))
        assert [(await talk.hear())[0] for _ in raws] == [200] * len(raws)


async def test_a_stop_answers_what_was_taken(site: Site) -> None:
    async with site.connected() as talk:
        await talk.say(post(site.coop.consent(site.coop.founder, "last")))
        async with asyncio.timeout(5):
            while not site.taken:  # noqa: ASYNC110
                await asyncio.sleep(0)
        await site.runner.cleanup()
        assert (await talk.hear())[0] == 200
        assert await talk.reader.read() == b""


async def test_a_client_that_goes_away_takes_nothing_back(site: Site) -> None:
    raw = site.coop.consent(site.coop.founder, "gone")
    async with site.connected() as talk:
        await talk.say(post(raw))
        async with asyncio.timeout(5):
            while not site.taken:  # noqa: ASYNC110
                await asyncio.sleep(0)
    answer = await site.coop.node.engine.submit(raw)
    assert isinstance(answer, Committed)
    assert site.coop.node.engine.in_flight == 0


async def test_a_proxys_word_and_the_room_count_here_too(tmp_path: Path) -> None:
    limits = Limits(stranger_burst=3, stranger_rate=0.001)
    made = await testing.cooperative(
        tmp_path / "data", more={"limits": limits, "trusted_proxies": ("127.0.0.1",)}
    )
    site = Site(made)
    await site.start()
    stranger = testing.Person.make("stranger", made.id)
    raw = made.consent(stranger, "a")
    try:
        async with site.connected() as talk:
            statuses = []
            for address in ("10.0.0.1",) * 4 + ("10.0.0.2",):
                await talk.say(post(raw, f"X-Forwarded-For: 1.2.3.4, {address}\r\n"))
                status, headers, _ = await talk.hear()
                statuses.append(status)
                assert status != 429 or int(headers["Retry-After"]) > 1
            assert statuses == [422, 422, 422, 429, 422]
            room = site.runner.app[routes.ROOM]
            room.take(limits.in_flight_bytes - 1000, limits)
            await talk.say(post(b"x" * 1001))
            assert (await talk.hear())[0] == 503
            await talk.say(post(b"x" * 1000))
            assert (await talk.hear())[0] == 400
        assert site.taken == 7
    finally:
        await site.runner.cleanup()
        await made.node.stop()
