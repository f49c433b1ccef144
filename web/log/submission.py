"""Reading the body of `POST /entries` within limits, before anything in it is parsed (P14).

Two forms. `application/cose`: the statement alone. `multipart/form-data`: parts `statement`, `private`,
`ticket`, any number of `blob`.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from email.message import Message
from typing import Final

from aiohttp import web

from coopnode.app import Blob
from coopnode.config import Limits
from protocol.documents import MAX_STATEMENT

COSE: Final = "application/cose"
_MAX_TICKET: Final = 200
_MAX_PARTS: Final = 8
_MAX_PART_HEADERS: Final = 4_096
_SLOW_SECONDS: Final = 30
_TYPES_OF_BLOBS: Final = frozenset(("text/plain", "text/markdown", "application/pdf"))


class BadBody(Exception):
    """`code` and `field` of the problem."""

    def __init__(self, code: str, field: str | None = None) -> None:
        super().__init__(code)
        self.code, self.field = code, field


@dataclass
class Body:
    statement: bytes = b""
    private: bytes | None = None
    ticket: str | None = None
    #: token of the request for a signature this answers; it may carry a permission
    signing: str | None = None
    blobs: list[Blob] = field(default_factory=list)


class Full(Exception):
    """There is no room for another body now."""


class Room:
    """How many bytes of bodies wait for their answers in this process: a few hundred large ones would
    otherwise take all its memory."""

    def __init__(self) -> None:
        self._taken = 0

    def take(self, size: int, limits: Limits) -> None:
        """Raises Full."""
        if self._taken + size > limits.in_flight_bytes:
            raise Full
        self._taken += size

    def give(self, size: int) -> None:
        self._taken -= size

    @contextlib.contextmanager
    def held(self, request: web.Request, limits: Limits) -> Iterator[None]:
        """From the first byte to the answer; what is of unknown length counts as the longest. Raises Full."""
        size = request.content_length
        size = _longest(limits) if size is None else min(size, _longest(limits))
        self.take(size, limits)
        try:
            yield
        finally:
            self.give(size)


def _longest(limits: Limits) -> int:
    parts = MAX_STATEMENT + limits.private_record + limits.blob + _MAX_TICKET
    return parts + _MAX_PARTS * _MAX_PART_HEADERS


async def read(request: web.Request, limits: Limits) -> Body:
    """Raises BadBody."""
    if request.content_type == "multipart/form-data":
        body = _multipart(
            await _bounded(request, _longest(limits)), request.headers.get("Content-Type", ""), limits
        )
    elif request.content_type in (COSE, "application/octet-stream"):
        body = Body(statement=await _bounded(request, MAX_STATEMENT))
    else:
        raise BadBody("bad_request", "Content-Type")
    if body.ticket is None:
        body.ticket = request.headers.get("X-Coopnode-Ticket")
    if body.ticket is not None and not (body.ticket.isascii() and len(body.ticket) <= _MAX_TICKET):
        raise BadBody("bad_request", "ticket")
    return body


async def _bounded(request: web.Request, limit: int) -> bytes:
    if request.content_length is not None and request.content_length > limit:
        raise BadBody("too_large")
    if request.content.is_eof():  # most statements arrive in one packet with their headers
        whole = request.content.read_nowait()
        if len(whole) > limit:
            raise BadBody("too_large")
        return whole
    data = bytearray()
    try:
        async with asyncio.timeout(_SLOW_SECONDS):
            async for chunk in request.content.iter_any():
                data += chunk
                if len(data) > limit:
                    raise BadBody("too_large")
    except TimeoutError:
        raise BadBody("bad_request", "body") from None
    return bytes(data)


def _multipart(data: bytes, content_type: str, limits: Limits) -> Body:
    """RFC 7578 with what browsers send: no nesting, no transfer encodings. The whole body is in memory and
    bounded already."""
    header = Message()
    header["Content-Type"] = content_type
    boundary = header.get_param("boundary")
    if not isinstance(boundary, str) or not 1 <= len(boundary) <= 70:
        raise BadBody("bad_request", "boundary")
    mark = b"\r\n--" + boundary.encode("latin-1", "replace")
    sections = (b"\r\n" + data).split(mark)
    if len(sections) < 3 or sections[0] or not sections[-1].startswith(b"--"):
        raise BadBody("bad_request", "body")
    if len(sections) - 2 > _MAX_PARTS:
        raise BadBody("too_large", "parts")
    body = Body()
    for section in sections[1:-1]:
        head, found, content = section.partition(b"\r\n\r\n")
        if not found or len(head) > _MAX_PART_HEADERS:
            raise BadBody("bad_request", "body")
        _part(body, head, content, limits)
    if not body.statement:
        raise BadBody("bad_request", "statement")
    return body


def _part(body: Body, head: bytes, content: bytes, limits: Limits) -> None:
    headers = Message()
    for line in head.decode("utf-8", "replace").split("\r\n"):
        key, _, value = line.partition(":")
        if key.strip():
            headers[key.strip()] = value.strip()
    name = headers.get_param("name", header="Content-Disposition")
    if name == "statement" and not body.statement:
        body.statement = _within(content, MAX_STATEMENT, "statement")
    elif name == "private" and body.private is None:
        body.private = _within(content, limits.private_record, "private")
    elif name == "signing" and body.signing is None:
        body.signing = _within(content, _MAX_TICKET, "signing").decode("ascii", "replace")
    elif name == "ticket" and body.ticket is None:
        body.ticket = _within(content, _MAX_TICKET, "ticket").decode("ascii", "replace")
    elif name == "blob":
        media_type = headers.get_content_type()
        if media_type not in _TYPES_OF_BLOBS:
            raise BadBody("bad_request", "blob")
        body.blobs.append(
            Blob(hashlib.sha256(content).digest(), media_type, _within(content, limits.blob, "blob"))
        )
    else:
        raise BadBody("bad_request", str(name) if name else "body")


def _within(content: bytes, limit: int, name: str) -> bytes:
    if len(content) > limit:
        raise BadBody("too_large", name)
    return content
