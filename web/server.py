"""How a site is put on a port: as aiohttp does it, but what never reaches an application gets its headers.

A request that is no HTTP is answered by aiohttp before any middleware, with a part of the request in the
body and the client's address in the log. Here such an answer is a fixed line with the headers of every other
answer, and the log names neither.

Statements of programs may pass it by altogether (`Direct`, web/lane.py).

Whoever opens connections and does not speak, or speaks a byte at a time, loses them: they cost an open file
each, and without files nobody gets in.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final, Protocol

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

log = structlog.get_logger("web")

_POLICY: Final = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
HEADERS: Final = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cache-Control": "no-store",
}


#: Seconds from the first byte of a request, or from the connection, until its head is there.
HEAD: Final = 20.0
#: Seconds without a byte while a body is expected, and seconds for a whole one.
PAUSE, BODY = 30.0, 900.0
#: Seconds a connection stays open for the next request.
IDLE: Final = 75.0
#: Seconds in which the rest of a body that was answered already is still read.
LINGER: Final = 5.0
_LOOK_EVERY: Final = 5.0
#: Bytes of further requests kept while one is answered; then the connection is not read.
_MOST_EARLY: Final = 65_536
#: Connections kept by one server; open files are needed for other things too.
MOST: Final = 4096


def most_connections() -> int:
    """As many as the limit of open files leaves room for, on two servers."""
    return min(MOST, resource.getrlimit(resource.RLIMIT_NOFILE)[0] // 4)


class Direct(Protocol):
    """Answers some requests without aiohttp (`web.lane`)."""

    def take(self, data: bytes, remote: str, answer: Callable[[bytes], None]) -> bool:
        """False, and nothing done, when `data` is not exactly one request it answers. Else `answer` gets the
        whole response, once."""
        ...


#: What an application answers without aiohttp.
DIRECT: Final = web.AppKey("direct", Direct)


class _Connection(RequestHandler):
    """A connection belongs to `direct` until it sends what is not for there; then to aiohttp for good, whose
    parser has seen nothing of what came before and misses nothing of what follows."""

    __slots__ = ("_answering", "_asked", "_began", "_direct", "_early", "_finished", "_heard")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        #: when the head that is awaited began: with the connection, or with its first byte
        self._began: float | None = self._loop.time()
        self._heard = self._asked = self._loop.time()
        assert isinstance(self._manager, _Server)
        self._direct = self._manager.direct
        #: `direct` is at a request; what came meanwhile; set when it is done and somebody waits for that
        self._answering, self._early = False, b""
        self._finished: asyncio.Event | None = None
        self._manager.make_room()
        super().connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._heard = self._loop.time()
        if self._direct is not None and not (self._close or self._force_close):
            if self._answering or self._early:
                self._early += data
                if len(self._early) > _MOST_EARLY:
                    self._pause_transport_reading()
                return
            if not self.writing_paused and self._take(data):
                return
            self._direct = None
        before = self._request_count
        super().data_received(data)
        if self._request_count != before:
            self._began, self._asked = None, self._heard
        elif self._began is None and self.waits:
            self._began = self._heard

    def _take(self, data: bytes) -> bool:
        assert self._direct is not None
        self._answering = True
        peer = self.peername
        remote = peer[0] if isinstance(peer, tuple) else peer or ""
        if self._direct.take(data, remote, self._answer):
            self._began, self._asked = None, self._heard
            return True
        self._answering = False
        return False

    def _answer(self, data: bytes) -> None:
        self._answering = False
        if self._finished is not None:
            self._finished.set()
        if self.transport is None:
            return  # it has gone away
        self.transport.write(data)
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        if self._early:
            # Not from here: `direct` may answer at once, and so on for as many requests as there are.
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        if self.transport is not None:
            early, self._early = self._early, b""
            self._resume_transport_reading()
            self.data_received(early)

    def _process_keepalive(self) -> None:
        if self._answering:
            self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        super()._process_keepalive()

    async def shutdown(self, timeout: float | None = 15.0) -> None:  # noqa: ASYNC109  (aiohttp's own)
        self._close = True
        if self._answering:
            self._finished = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(timeout):
                    await self._finished.wait()
        await super().shutdown(timeout)

    @property
    def waits(self) -> bool:
        """For a request, with none in work."""
        return self._current_request is None and not self._messages and not self._answering

    def is_late(self, now: float) -> bool:
        if self.waits:
            return self._began is not None and now - self._began > HEAD
        request = self._current_request
        if request is None or request.content.is_eof() or self._reading_paused:
            return False
        return now - self._heard > PAUSE or now - self._asked > BODY

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if status >= 500:
            log.error("failed", status=status, exc_info=exc)
        else:
            log.debug("not a request", status=status, kind=type(exc).__name__)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer is on its way already")
        answer = web.Response(status=status, text=f"{status} {HTTPStatus(status).phrase}\n", headers=HEADERS)
        answer.force_close()
        return answer


class _Server(web.Server):
    """Closes connections that keep it waiting."""

    def __init__(self, *arguments: Any, direct: Direct | None, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self.direct = direct
        self._most = most_connections()
        self._watch = asyncio.get_running_loop().create_task(self._look(), name="connections")

    def __call__(self) -> RequestHandler:
        return _Connection(self, loop=self._loop, **self._kwargs)

    def make_room(self) -> None:
        """When there are too many, for the newest by closing the oldest that asks for nothing."""
        if len(self._connections) >= self._most:
            for each in self._connections:
                if isinstance(each, _Connection) and each.waits and each.transport is not None:
                    each.force_close()
                    return

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY)
            now = self._loop.time()
            for each in self.connections:
                if isinstance(each, _Connection) and each.is_late(now):
                    each.force_close()

    async def shutdown(self, timeout: float | None = None) -> None:  # noqa: ASYNC109  (aiohttp's own)
        self._watch.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watch
        await super().shutdown(timeout)


class Runner(web.AppRunner):
    """An application behind one or several addresses."""

    def __init__(self, app: web.Application, **options: Any) -> None:
        super().__init__(app, **options)
        self._direct = app.get(DIRECT)

    async def _make_server(self) -> Any:
        made = await super()._make_server()
        return _Server(
            made.request_handler,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            loop=made._loop,
            direct=self._direct,
            **made._kwargs,
        )


def create_runner(app: web.Application, **options: Any) -> web.AppRunner:
    """As `web.AppRunner`; nothing is logged but what the middlewares log."""
    return Runner(app, access_log=None, keepalive_timeout=IDLE, lingering_time=LINGER, **options)
