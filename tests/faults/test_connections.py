"""Clients that cost a node something and ask for nothing: silent, endless and slow ones, on a real node."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
import time
from collections.abc import Iterator

import pytest

from tests.faults import page
from tests.faults.living import Life, Society
from web import server

MANY = 10_000


@contextlib.contextmanager
def open_files(wanted: int) -> Iterator[None]:
    """As many as this test needs; the system must let us."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(hard, wanted)))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def opened(life: Life, said: bytes = b"") -> socket.socket:
    found = socket.socket()
    found.setblocking(False)
    await asyncio.get_running_loop().sock_connect(found, ("127.0.0.1", life.port))
    if said:
        found.send(said)
    return found


def closed(held: socket.socket) -> bool:
    """By the other side, whatever it said before."""
    try:
        while held.recv(65_536):
            pass
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True


async def answered(life: Life) -> float:
    """Seconds until a page and a statement are answered."""
    began = time.monotonic()
    assert (await life.get("/"))[0] == 200
    assert [status for status, _ in await life.give()] == [200]
    return time.monotonic() - began


@pytest.mark.long
async def test_ten_thousand_that_say_nothing(society: Society) -> None:
    held: list[socket.socket] = []
    with open_files(MANY + 1000):
        try:
            async with society.living() as life:
                for _ in range(MANY // 100):
                    held += await asyncio.gather(*(opened(life) for _ in range(100)))
                assert await answered(life) < 5
                async with asyncio.timeout(server.HEAD + 20):
                    while not all(map(closed, held)):  # noqa: ASYNC110  (another process's doing)
                        await asyncio.sleep(0.5)
                assert await answered(life) < 5
                await life.remembers()
        finally:
            for each in held:
                each.close()
    await society.sound()
    page.says(
        "half-open connections",
        "nothing",
        f"pages and statements are answered; {server.MOST} connections are kept at most, the oldest silent"
        " ones give way",
        f"each is closed after {server.HEAD:.0f} seconds",
    )


async def _heads_a_byte_at_a_time(life: Life) -> None:
    held = [await opened(life, b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ") for _ in range(200)]
    began = time.monotonic()
    try:
        async with asyncio.timeout(server.HEAD + 30):
            while not all(map(closed, held)):
                for each in held:
                    with contextlib.suppress(OSError):
                        each.send(b"a")
                await asyncio.sleep(1)
        assert time.monotonic() - began > server.HEAD / 2
    finally:
        for each in held:
            each.close()


def posting(path: str, rest: bytes) -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost:8470\r\n".encode() + rest


async def _body_that_stops(life: Life, path: str, kind: bytes) -> None:
    head = posting(path, b"Content-Type: " + kind + b"\r\nContent-Length: 1000\r\n\r\n")
    held = await opened(life, head + b"a" * 10)
    try:
        async with asyncio.timeout(server.PAUSE + 30):
            while not closed(held):  # noqa: ASYNC110  (another process's doing)
                await asyncio.sleep(0.5)
    finally:
        held.close()


async def _body_of_any_length(life: Life) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", life.port)
    head = b"Content-Type: application/cose\r\nTransfer-Encoding: chunked\r\n\r\n"
    writer.write(posting("/entries", head))
    began = time.monotonic()
    with contextlib.suppress(ConnectionError):
        while time.monotonic() - began < 30:
            writer.write(b"10000\r\n" + b"a" * 65_536 + b"\r\n")
            await writer.drain()
            await asyncio.sleep(0.05)
    assert time.monotonic() - began < 30, "whoever goes on is cut off soon after the answer"
    with contextlib.suppress(ConnectionError):
        assert b" 413 " in await asyncio.wait_for(reader.read(100), 30)
    writer.close()


@pytest.mark.long
async def test_slow_and_endless(society: Society) -> None:
    form = b"application/x-www-form-urlencoded"
    async with society.living() as life:
        work = asyncio.gather(
            _heads_a_byte_at_a_time(life),
            _body_that_stops(life, "/join/email", form),
            _body_that_stops(life, "/entries", b"application/cose"),
            _body_of_any_length(life),
        )
        while not work.done():
            assert await answered(life) < 5
            await asyncio.sleep(2)
        await work
        await life.remembers()
    await society.sound()
    page.says(
        "heads a byte at a time",
        "nothing",
        "pages and statements are answered",
        f"each is closed {server.HEAD:.0f} seconds after it began",
    )
    page.says(
        "bodies that never end",
        "nothing",
        "413 as soon as a body is longer than it may be; pages and statements are answered",
        f"one that stops is closed after {server.PAUSE:.0f} seconds, one that goes on after"
        f" {server.BODY / 60:.0f} minutes",
    )


async def test_two_on_one_directory(society: Society) -> None:
    async with society.living() as life:
        await life.give(2)
        sentence = await society.refused()
        assert [status for status, _ in await life.give(2)] == [200, 200]
        await life.remembers()
    await society.sound()
    page.says(
        "two processes on one directory",
        sentence,
        "the second ends with status 2; the first does not notice",
        "nothing to do",
    )
