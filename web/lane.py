"""The short way of `POST /entries`: a statement of a program in one packet, without aiohttp's requests.

What aiohttp makes of a request — a parser's message, a stream, a request, two tasks, a response — costs more
than the check of its signature. Here a chunk of bytes that is exactly one whole request of the plainest kind
is recognised by its head, and its answer written as it stands. Whatever else a connection sends goes to
aiohttp, from there on for good (`web.server`): two parsers never share a connection.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import lru_cache, partial
from typing import Final, NamedTuple

import structlog
from aiohttp import web
from aiohttp.helpers import rfc822_formatted_time
from aiohttp.http import SERVER_SOFTWARE

from coopnode import figures
from coopnode.answers import Answer, Committed
from coopnode.app import Node
from protocol.documents import MAX_STATEMENT
from web.log import routes
from web.log.submission import COSE, Full, Room
from web.middleware import add_headers
from web.problems import problem

log = structlog.get_logger("web")

#: How every such request begins.
START: Final = b"POST /entries HTTP/1.1\r\n"
_LINE: Final = re.compile(rb"([A-Za-z-]{1,40}): ?([!-~](?:[ -~]*[!-~])?)")
_LENGTH: Final = re.compile(rb"[1-9][0-9]{0,4}")
#: A head of ordinary fields; with any other the request is not for here.
_LONGEST_HEAD: Final = 1024
_FIELDS: Final = frozenset(
    (
        *(b"host", b"content-type", b"content-length", b"connection", b"user-agent"),
        *(b"accept", b"accept-encoding", b"accept-language", b"via"),
        *(b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-real-ip"),
    )
)
_OK: Final = "".join(f"{name}: {value}\r\n" for name, value in routes.JSON.items())


class _Head(NamedTuple):
    #: bytes of the body
    size: int
    #: X-Forwarded-For
    forwarded: str


@lru_cache(1024)
def _head(data: bytes) -> _Head | None:
    """Of the lines between the first and the empty one; None when anything is out of the ordinary. Programs
    send the same over and over, so it is remembered."""
    found: dict[bytes, bytes] = {}
    for line in data.split(b"\r\n"):
        field = _LINE.fullmatch(line)
        name = field[1].lower() if field else b""
        if field is None or name not in _FIELDS or name in found:
            return None
        found[name] = field[2]
    size = found.get(b"content-length", b"")
    if (
        b"host" not in found
        or found.get(b"content-type") != COSE.encode()
        or found.get(b"connection", b"keep-alive").lower() != b"keep-alive"
        or not _LENGTH.fullmatch(size)
        or int(size) > MAX_STATEMENT
    ):
        return None
    return _Head(int(size), found.get(b"x-forwarded-for", b"").decode("ascii"))


class Lane:
    """Satisfies `web.server.Direct`."""

    def __init__(self, node: Node, room: Room) -> None:
        self._node, self._room = node, room

    def take(self, data: bytes, remote: str, answer: Callable[[bytes], None]) -> bool:
        """False when `data` is not exactly one request for here. Else `answer` gets the bytes of the
        response, once, maybe before this returns."""
        if not data.startswith(START):
            return False
        end = data.find(b"\r\n\r\n", len(START), _LONGEST_HEAD)
        head = _head(data[len(START) : end]) if end > 0 else None
        if head is None or len(data) != end + 4 + head.size:
            return False
        began = time.perf_counter()
        try:
            self._room.take(head.size, self._node.config.limits)
        except Full:
            answer(self._turned_away(problem("busy", retry_after=1), began))
            return True
        source = routes.address(remote, head.forwarded, self._node.config)
        told = partial(self._told, head.size, began, answer)
        try:
            self._node.engine.take(data[end + 4 :], source=source, tell=told)
        except Exception:
            log.exception("failed", method="POST", route="/entries")
            self._room.give(head.size)
            answer(self._turned_away(problem("internal"), began))
        return True

    def _told(self, size: int, began: float, answer: Callable[[bytes], None], found: Answer) -> None:
        self._room.give(size)
        if not isinstance(found, Committed):
            answer(self._turned_away(routes.turned_away(found), began))
            return
        body = routes.committed(found)
        head = f"HTTP/1.1 200 OK\r\n{_OK}Content-Length: {len(body)}\r\n{_always()}\r\n".encode()
        figures.requested("POST", "/entries", 200, time.perf_counter() - began)
        answer(head + body)

    def _turned_away(self, response: web.Response, began: float) -> bytes:
        add_headers(self._node.config, response)
        assert isinstance(response.body, bytes)
        head = f"HTTP/1.1 {response.status} {response.reason}\r\nContent-Length: {len(response.body)}\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in response.headers.items())
        figures.requested("POST", "/entries", response.status, time.perf_counter() - began)
        return f"{head}{lines}{_always()}\r\n".encode() + response.body


def _always() -> str:
    return f"Date: {rfc822_formatted_time()}\r\nServer: {SERVER_SOFTWARE}\r\n"
