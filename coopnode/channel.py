"""Between the process that writes the log and those that serve pages (design §5, "Processes").

A pair of sockets made before the second process was started: nobody else can speak on it. Statements go one
way, checked already, answers and news of the log's standing the other way. A frame is a length of four bytes
and MessagePack; one frame holds what came up in one turn of the loop.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec
import structlog

from coopnode.answers import Answer, Busy, Committed, Refusal
from coopnode.condition import Condition
from coopnode.figures import Report
from coopnode.store.log_store import Blob
from coopnode.submissions import Submission, Told
from protocol import documents
from protocol.log import Accepted, Head
from protocol.merkle import CompactRange

if TYPE_CHECKING:
    from coopnode.app import Leader

log = structlog.get_logger()

_LENGTH: Final = 4
_HEARTBEAT: Final = 1.0
#: A writing process that has said nothing for so long hangs.
SILENCE: Final = 10.0
#: How often a process for pages tells its counts, and how long it waits for the node's condition.
_COUNTS_EVERY, _LOOK_SECONDS = 5.0, 5.0


class Offer(msgspec.Struct, array_like=True, tag=0):
    """A checked statement (`documents.parts`: it is parsed once) with what came beside it."""

    id: int
    statement: tuple[Any, ...]
    record: bytes | None
    ticket: bytes | None
    blobs: list[tuple[bytes, str, bytes]]


class Ready(msgspec.Struct, array_like=True, tag=5):
    """The process that serves pages answers requests from now on."""


class Taken(msgspec.Struct, array_like=True, tag=1):
    """One promise and those it answers: (id, index, path, again)."""

    message: bytes
    tick: int
    entries: list[tuple[int, int, bytes, bool]]


class Refused(msgspec.Struct, array_like=True, tag=2):
    id: int
    code: str
    at: str | None
    facts: dict[str, Any]
    message: bytes | None


class Later(msgspec.Struct, array_like=True, tag=3):
    id: int
    retry_after: int
    code: str
    reason: str


class News(msgspec.Struct, array_like=True, tag=4):
    """Where the log stands; `edge` is the tree's right edge."""

    cooperative: str | None
    generation: int
    size: int
    tick: int
    edge: list[bytes]
    published: int
    stopped: str | None
    problem: str | None
    in_flight: int


class Configured(msgspec.Struct, array_like=True, tag=6):
    """What pages have changed in the configuration, of `Config.changeable`."""

    values: dict[str, Any]


class Look(msgspec.Struct, array_like=True, tag=7):
    """What a process for pages has counted. With an id it asks for the condition of the whole node."""

    id: int
    report: Report


class Shown(msgspec.Struct, array_like=True, tag=8):
    """The answer; None when it could not be found out."""

    id: int
    condition: Condition | None


Request: TypeAlias = Offer | Ready | Configured | Look
Reply: TypeAlias = Taken | Refused | Later | News | Configured | Shown
_REQUESTS: Final = msgspec.msgpack.Decoder(list[Request])
_REPLIES: Final = msgspec.msgpack.Decoder(list[Reply])
_ENCODER: Final = msgspec.msgpack.Encoder()


class Wire(asyncio.Protocol):
    """Frames over one socket. `full` while the other side does not read; `drained` is called when it does
    again."""

    def __init__(
        self, received: Callable[[bytes], None], lost: Callable[[], None], drained: Callable[[], None]
    ) -> None:
        self._received, self._lost, self._drained = received, lost, drained
        self.full = False
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        while len(buffer) >= _LENGTH:
            size = _LENGTH + int.from_bytes(buffer[:_LENGTH], "big")
            if len(buffer) < size:
                return
            frame = bytes(buffer[_LENGTH:size])
            del buffer[:size]
            self._received(frame)

    def connection_lost(self, error: Exception | None) -> None:
        self._lost()

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        self._drained()

    def send(self, messages: Sequence[object]) -> None:
        if self._transport is not None and not self._transport.is_closing():
            data = _ENCODER.encode(messages)
            self._transport.write(len(data).to_bytes(_LENGTH, "big") + data)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()


async def _connect(
    received: Callable[[bytes], None],
    lost: Callable[[], None],
    drained: Callable[[], None],
    end: socket.socket,
) -> Wire:
    wire = Wire(received, lost, drained)
    await asyncio.get_running_loop().connect_accepted_socket(lambda: wire, end)
    return wire


class Hub:
    """The writing process's side: takes offers of one process that serves pages, answers them, and tells it
    how the log goes on."""

    def __init__(self, node: Leader) -> None:
        self._node, self._sequencer, self._publisher = node, node.sequencer, node.publisher
        self._out: list[Reply] = []
        self._taken: dict[bytes, Taken] = {}
        self._wire: Wire | None = None
        self._beat: asyncio.Task[None] | None = None
        self._looking: set[asyncio.Task[None]] = set()
        self.ready = asyncio.Event()

    async def open(self, end: socket.socket) -> None:
        self._wire = await _connect(self._received, self._gone, self._flush, end)
        self._sequencer.subscribe(self._grown)
        self._node.config_listeners.append(self._configured)
        self._beat = asyncio.create_task(self._beats(), name="hub")
        self._say(self._news())

    def close(self) -> None:
        self._gone()
        if self._wire is not None:
            self._wire.close()

    def _gone(self) -> None:
        if self._beat is not None:
            self._beat.cancel()
        self._sequencer.unsubscribe(self._grown)
        self._node.watch.left(self)
        if self._configured in self._node.config_listeners:
            self._node.config_listeners.remove(self._configured)

    def _received(self, frame: bytes) -> None:
        for request in _REQUESTS.decode(frame):
            if isinstance(request, Offer):
                self._put(request)
            elif isinstance(request, Configured):
                self._node.configure(request.values)
            elif isinstance(request, Look):
                self._node.watch.heard(self, request.report)
                if request.id:
                    looking = asyncio.create_task(self._look(request.id))
                    self._looking.add(looking)
                    looking.add_done_callback(self._looking.discard)
            else:
                self.ready.set()
                # What was changed since that process read the file, or goes beyond its options.
                self._say(Configured(self._node.config.changeable()))

    async def _look(self, id: int) -> None:
        try:
            self._say(Shown(id, await self._node.watch.condition()))
        except Exception:  # whoever asked gets an answer, whatever went wrong
            log.exception("the condition could not be found out")
            self._say(Shown(id, None))

    def _put(self, offer: Offer) -> None:
        blobs = tuple(Blob(*blob) for blob in offer.blobs)
        submission = Submission(documents.from_parts(offer.statement), offer.record, offer.ticket, blobs)
        try:
            self._sequencer.put(submission, partial(self._answer, offer.id))
        except Exception:  # a database that cannot be read
            log.exception("a statement could not be taken", type=submission.statement.type)
            self._answer(offer.id, Refusal("internal"))

    def _configured(self, changes: Mapping[str, Any]) -> None:
        """Also to the process that made them: all end with the same, in the order in which they came here."""
        self._say(Configured(dict(changes)))

    def _answer(self, id: int, answer: Answer) -> None:
        if isinstance(answer, Committed):
            taken = self._taken.get(answer.message)
            if taken is None:
                taken = self._taken[answer.message] = Taken(answer.message, answer.tick, [])
                self._say(taken)
            taken.entries.append((id, answer.index, answer.path, answer.again))
        elif isinstance(answer, Busy):
            self._say(Later(id, answer.retry_after, answer.code, answer.reason))
        else:
            self._say(Refused(id, answer.code, answer.at, dict(answer.facts), answer.message))

    def _grown(self, accepted: Sequence[Accepted]) -> None:
        self._say(self._news())

    async def _beats(self) -> None:
        """What happens between commits: publication, a stop."""
        told: News | None = None
        silent = 0
        while True:
            await asyncio.sleep(_HEARTBEAT / 4)
            news, silent = self._news(), silent + 1
            if news != told or silent == 4:
                self._say(news)
                told, silent = news, 0

    def _news(self) -> News:
        head = self._sequencer.head
        return News(
            head.cooperative,
            head.generation,
            head.size,
            head.tick,
            list(head.tree.to_hashes()),
            self._publisher.published,
            self._sequencer.stopped,
            self._publisher.problem,
            self._sequencer.in_flight,
        )

    def _say(self, reply: Reply) -> None:
        if isinstance(reply, News):
            for place, held in enumerate(self._out):
                if isinstance(held, News):
                    self._out[place] = reply
                    return
        self._out.append(reply)
        if len(self._out) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        if not self._out or (self._wire is not None and self._wire.full):
            return  # what is not read waits here, where only the newest standing of the log is kept
        out, self._out = self._out, []
        self._taken.clear()
        if self._wire is not None:
            self._wire.send(out)


class Follower:
    """The other side: the log's writing end as seen from a process that serves pages. Satisfies
    `coopnode.engine.Sequencing`, `coopnode.publisher.Publishing` and `coopnode.condition.Watching`."""

    def __init__(self) -> None:
        self.head = Head.empty()
        self._stopped: str | None = None
        self._heard_at = time.monotonic()
        self.problem: str | None = None
        self.published = 0
        self.in_flight = 0
        #: set when the writing process has gone: there is nothing to do here any more
        self.left = asyncio.Event()
        self._first_news = asyncio.Event()
        #: called with what pages of another process have changed
        self.configured: Callable[[Mapping[str, Any]], None] | None = None
        self._next = 0
        self._waiting: dict[int, tuple[Submission, Told]] = {}
        self._looks: dict[int, asyncio.Future[Condition]] = {}
        self._telling: asyncio.Task[None] | None = None
        self._out: list[Request] = []
        self._wire: Wire | None = None

    async def open(self, end: socket.socket) -> None:
        """Returns when the standing of the log is known."""
        self._wire = await _connect(self._received, self._gone, lambda: None, end)
        self._telling = asyncio.create_task(self._tell(), name="counts")
        gone = asyncio.create_task(self.left.wait())
        known = asyncio.create_task(self._first_news.wait())
        await asyncio.wait((gone, known), return_when=asyncio.FIRST_COMPLETED)
        gone.cancel()
        known.cancel()

    def close(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
        if self._wire is not None:
            self._wire.close()

    @property
    def stopped(self) -> str | None:
        if self._stopped is None and time.monotonic() - self._heard_at > SILENCE:
            return "the process that writes the log does not answer"
        return self._stopped

    async def condition(self) -> Condition:
        """Raises TimeoutError when the process that writes does not answer, or could not find it out."""
        self._next += 1
        id, shown = self._next, asyncio.get_running_loop().create_future()
        self._looks[id] = shown
        self._say(Look(id, Report.now("pages")))
        try:
            async with asyncio.timeout(_LOOK_SECONDS):
                found: Condition = await shown
                return found
        finally:
            self._looks.pop(id, None)

    async def _tell(self) -> None:
        while True:
            self._say(Look(0, Report.now("pages")))
            await asyncio.sleep(_COUNTS_EVERY)

    def put(self, submission: Submission, tell: Told) -> None:
        if self.left.is_set():
            tell(Busy(2, "busy"))
            return
        self._next += 1
        self._waiting[self._next] = submission, tell
        blobs = [(blob.digest, blob.media_type, blob.data) for blob in submission.blobs]
        statement = documents.parts(submission.statement)
        self._say(Offer(self._next, statement, submission.record, submission.ticket, blobs))

    def ready(self) -> None:
        self._say(Ready())

    def configure(self, changes: Mapping[str, Any]) -> None:
        self._say(Configured(dict(changes)))

    def _say(self, message: Request) -> None:
        self._out.append(message)
        if len(self._out) == 1:
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        out, self._out = self._out, []
        if self._wire is not None:
            self._wire.send(out)

    def _gone(self) -> None:
        self.left.set()
        waiting, self._waiting = self._waiting, {}
        for _, tell in waiting.values():
            tell(Busy(2, "busy"))

    def _received(self, frame: bytes) -> None:
        for reply in _REPLIES.decode(frame):
            if isinstance(reply, News):
                self._heard(reply)
            elif isinstance(reply, Taken):
                self._taken(reply)
            elif isinstance(reply, Configured):
                if self.configured is not None:
                    self.configured(reply.values)
            elif isinstance(reply, Shown):
                self._shown(reply)
            elif isinstance(reply, Later):
                _, tell = self._waiting.pop(reply.id)
                tell(Busy(reply.retry_after, reply.code, reply.reason))
            else:
                _, tell = self._waiting.pop(reply.id)
                tell(Refusal(reply.code, reply.at, reply.facts, reply.message))

    def _heard(self, news: News) -> None:
        tree = CompactRange.from_hashes(news.size, news.edge)
        self.head = Head(news.cooperative, news.generation, news.size, news.tick, tree)
        self.published, self._stopped, self.problem = news.published, news.stopped, news.problem
        self._heard_at = time.monotonic()
        self.in_flight = news.in_flight
        self._first_news.set()

    def _shown(self, shown: Shown) -> None:
        waiting = self._looks.get(shown.id)
        if waiting is None or waiting.done():
            return
        if shown.condition is None:
            waiting.set_exception(TimeoutError())
        else:
            waiting.set_result(shown.condition)

    def _taken(self, taken: Taken) -> None:
        for id, index, path, again in taken.entries:
            submission, tell = self._waiting.pop(id)
            found = submission.statement
            tell(Committed(index, found.entry_digest, found.digest, taken.tick, taken.message, path, again))


def pair() -> tuple[socket.socket, socket.socket]:
    """(ours, the other process's)."""
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    return ours, theirs
