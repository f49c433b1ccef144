"""The sequencer: the one place where statements become entries (SPEC §9.3–9.5, P13, P15).

One batch is what queued while the previous one was being committed; there is no linger. The batch is judged
by `protocol.log.Batch` and written by one thread on a synchronous driver; then its promise is signed. When a
commit leaves doubt, writing stops and says why; reading goes on.
"""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import structlog

from coopnode import admission, erasure, figures
from coopnode.answers import Answer, Busy, Committed, Refusal, Signer
from coopnode.clock import Clock, ClockDoubtful
from coopnode.config import Limits
from coopnode.keystore import Keystore
from coopnode.projections import Projections
from coopnode.search.people import People
from coopnode.store.database import STORAGE_ERRORS, StoreError, is_disk, is_transient
from coopnode.store.log_store import Blob, Box, LogConflict, LogStore
from coopnode.store.sql import Connection
from coopnode.store.state_store import StateStore
from coopnode.store.tree_store import TreeStore
from coopnode.store.troubles import in_words
from coopnode.store.vault import Sealed, Vault
from coopnode.submissions import FairQueue, Submission, Told
from protocol import documents, merkle, signatures
from protocol.documents import Statement
from protocol.identifiers import origin
from protocol.log import Accepted, Batch, Head, Refused, SeenAhead
from protocol.state import next_deadline

log = structlog.get_logger()

TICK: Final = "node.tick/1"
#: A clock this far behind the log's time is told the operator.
_BEHIND: Final = 60
#: The earliest deadline could not be read: one may be due.
_UNKNOWN: Final = 0
#: While a deadline is open the log's time is at most this old (P17).
_HEARTBEAT: Final = 60


class _Judged(msgspec.Struct, frozen=True):
    """What the writer's thread found; `size`, `root`, `tick` are what a refusal was judged against."""

    submission: Submission
    outcome: Accepted | Refused | Busy
    size: int = 0
    root: bytes = b""
    tick: int = 0


@dataclass(slots=True)
class _Written:
    """What became of one batch. `accepted` are all its entries, our own ticks among them."""

    judged: list[_Judged]
    accepted: Sequence[Accepted] = ()
    leaf_hashes: Sequence[bytes] = ()


class _Dropped(Exception):
    """The batch was not written. `poison` when one of its statements must be the cause, not the disk."""

    def __init__(self, reason: str, *, poison: bool) -> None:
        super().__init__(reason)
        self.poison = poison


@dataclass
class Sequencer:
    """Owns the log's writing end. Satisfies `coopnode.engine.Sequencing`."""

    log: LogStore
    state: StateStore
    tree: TreeStore
    vault: Vault
    keys: Keystore
    clock: Clock
    limits: Limits
    projections: Projections
    people: People
    head: Head
    #: why nothing is written any more, in words; None while all is well
    stopped: str | None = None
    #: what hinders it for the moment and may pass by itself, in words
    trouble: str | None = None
    _listeners: list[Callable[[Sequence[Accepted]], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._nonces = self.log.nonces(self.head)
        self._deadline = next_deadline(self.state)
        self._signer = Signer(self.keys.node, self.keys.node_pub)
        self._queue = FairQueue()
        #: guards the queue, `_due` and `_ending`; the writer waits on it
        self._bell = threading.Condition(threading.Lock())
        self._due = self._ending = False
        self._writer: threading.Thread | None = None
        self._origins: dict[tuple[str, int], str] = {}
        self._in_flight: dict[bytes, list[Told]] = {}
        self._tickets_held: set[bytes] = set()
        self._clockwork: asyncio.Task[None] | None = None

    # -- life ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        # A thread of its own, not an executor's: between a statement's arrival and its judgement lies one
        # notification, without futures and their way through the loop.
        loop = asyncio.get_running_loop()
        self._writer = threading.Thread(target=self._drain, args=(loop,), name="coopnode-writer", daemon=True)
        self._writer.start()
        self._clockwork = asyncio.create_task(self._time_loop(), name="sequencer_time")

    async def stop(self) -> None:
        """Answers what is in flight, then ends."""
        for _ in range(200):
            if not self._in_flight:
                break
            await asyncio.sleep(0.05)
        if self._clockwork is not None:
            self._clockwork.cancel()
            await asyncio.gather(self._clockwork, return_exceptions=True)
        with self._bell:
            self._ending = True
            self._bell.notify()
        if self._writer is not None:
            await asyncio.to_thread(self._writer.join)

    def stop_writing(self, reason: str) -> None:
        """From any thread. The first reason stays."""
        if self.stopped is None:
            self.stopped = reason
            log.error("writing stopped", reason=reason)

    def subscribe(self, listener: Callable[[Sequence[Accepted]], None]) -> None:
        """`listener` is called on the loop after each commit with what it accepted. It must not block."""
        self._listeners.append(listener)

    def unsubscribe(self, listener: Callable[[Sequence[Accepted]], None]) -> None:
        if listener in self._listeners:
            self._listeners.remove(listener)

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    # -- taking -------------------------------------------------------------------------------------------

    def put(self, submission: Submission, tell: Told) -> None:
        entry = submission.statement.entry_digest
        waiting = self._in_flight.get(entry)
        if waiting is not None:
            waiting.append(tell)
            return
        answer = self._known(submission.statement) or self._turned_away(submission)
        if answer is not None:
            tell(answer)
            return
        self._in_flight[entry] = [tell]
        if submission.ticket is not None:
            self._tickets_held.add(submission.ticket)
        with self._bell:
            self._queue.put(submission)
            self._bell.notify()

    def _known(self, statement: Statement) -> Committed | None:
        """The old index of bytes that are in the log. The database is not asked about a new nonce that would
        still be remembered."""
        if not (
            statement.domain == "account"
            or statement.exp < self.head.tick
            or self._nonces.holds(statement.iss, statement.cti, self.head.tick)
        ):
            return None
        stored = self.log.find(statement.digest, statement.entry_digest)
        if stored is None:
            return None
        leaf = merkle.leaf_hash(statement.raw)
        message, _ = self._signer.committed(self._origin(), stored.index, [leaf], stored.tick)
        return Committed(
            stored.index, statement.entry_digest, stored.digest, stored.tick, message, again=True
        )

    def _turned_away(self, submission: Submission) -> Busy | Refusal | None:
        if self.stopped is not None:
            return Busy(60, "read_only", self.stopped)
        if len(self._in_flight) >= self.limits.in_flight:
            return Busy(1)
        if submission.ticket in self._tickets_held:
            return Busy(1)  # another statement with it is on its way
        if submission.ticket is not None and self.log.is_ticket_used(submission.ticket):
            return Refusal("ticket_used", "ticket")  # between the check where it arrived and here
        return None

    def _answered(self, submission: Submission, answer: Answer) -> None:
        if submission.ticket is not None:
            self._tickets_held.discard(submission.ticket)
        for tell in self._in_flight.pop(submission.statement.entry_digest):
            tell(answer)

    def _origin(self) -> str:
        assert self.head.cooperative is not None
        log_of = self.head.cooperative, self.head.generation
        if log_of not in self._origins:
            self._origins[log_of] = origin(*log_of)
        return self._origins[log_of]

    # -- time ---------------------------------------------------------------------------------------------

    async def _time_loop(self) -> None:
        """Wakes the writer when a deadline has passed, and every minute while one is open (P17)."""
        while True:
            await asyncio.sleep(1.0)
            if self.stopped is not None or self._deadline is None or self.head.size < 3:
                continue
            now = self.clock.peek()
            if self._deadline < now or now - self.head.tick >= _HEARTBEAT:
                with self._bell:
                    self._due = True
                    self._bell.notify()

    # -- writing ------------------------------------------------------------------------------------------

    def _told(self, accepted: Sequence[Accepted], batch: list[Submission], answers: list[Answer]) -> None:
        """On the loop, while the writer is at the next batch already."""
        for listener in self._listeners if accepted else ():
            try:
                listener(accepted)
            except Exception:
                log.exception("a listener failed")
        for submission, answer in zip(batch, answers, strict=True):
            self._answered(submission, answer)

    # -- the writer's thread ------------------------------------------------------------------------------

    def _drain(self, loop: asyncio.AbstractEventLoop) -> None:
        """Batch after batch until the end, without a way to the loop and back between them."""
        while True:
            with self._bell:
                while not self._queue and not self._due:
                    if self._ending:
                        return
                    self._bell.wait()
                batch = self._queue.take(self.limits.batch)
                due, self._due = self._due, False
            accepted: Sequence[Accepted] = ()
            try:
                written = self._write(batch, due)
                accepted, answers = written.accepted, self._answers(written)
            except Exception as error:
                log.exception("the writer failed")
                disk = isinstance(error, STORAGE_ERRORS)
                said = in_words(error) if disk else f"{type(error).__name__}: {error}"
                self.stop_writing(f"an error in the writer: {said}")
                answers = [Busy(60, "storage" if disk else "internal")] * len(batch)
            try:
                loop.call_soon_threadsafe(self._told, accepted, batch, answers)
            except RuntimeError:  # the loop has been closed: nobody waits any more
                return

    def _answers(self, written: _Written) -> list[Answer]:
        promises = self._promises(written)
        return [
            promises[outcome.index]
            if isinstance(outcome := item.outcome, Accepted)
            else self._no(item, outcome)
            for item in written.judged
        ]

    def _promises(self, written: _Written) -> dict[int, Committed]:
        """One signature for all entries of one tick, which outside a founding are all of the batch."""
        found: dict[int, Committed] = {}
        start = 0
        for stop in range(1, len(written.accepted) + 1):
            first = written.accepted[start]
            if stop < len(written.accepted) and written.accepted[stop].tick == first.tick:
                continue
            leaves = written.leaf_hashes[start:stop]
            message, paths = self._signer.committed(self._origin(), first.index, leaves, first.tick)
            for entry, path in zip(written.accepted[start:stop], paths, strict=True):
                found[entry.index] = Committed(
                    entry.index,
                    entry.statement.entry_digest,
                    entry.statement.digest,
                    entry.tick,
                    message,
                    path,
                )
            start = stop
        return found

    def _no(self, item: _Judged, outcome: Refused | Busy) -> Refusal | Busy:
        if isinstance(outcome, Busy):
            return outcome
        message = None
        if outcome.known and self.head.cooperative is not None:
            digest = item.submission.statement.digest
            message = self._signer.refused(digest, outcome.code, outcome.at, item.size, item.root, item.tick)
        return Refusal(outcome.code, outcome.at, outcome.facts, message)

    def _write(self, submissions: list[Submission], due: bool) -> _Written:
        if self.stopped is None:
            try:
                return self._commit(submissions, due)
            except STORAGE_ERRORS as error:  # while judging: nothing of it was written
                log.error("the state could not be read", exc_info=error)
                self.trouble = in_words(error)
                return _Written([_Judged(item, Busy(2, "storage")) for item in submissions])
            except SeenAhead as error:
                who, seen = error.statement.iss, error.statement.seen
                self.stop_writing(
                    f"account {who} has verified a checkpoint of {seen.size if seen else 0} entries, signed "
                    f"by this node, that is not of this log of {self.head.size}: an older copy of this node "
                    "may have been restored, or two copies run (P3)"
                )
            except ClockDoubtful as error:
                self.stop_writing(f"{error} (P16)")
            except _Dropped as error:
                if error.poison:
                    return self._without_poison(submissions, str(error))
                return _Written([_Judged(item, Busy(2, "storage")) for item in submissions])
        busy = Busy(60, "read_only", self.stopped or "")
        return _Written([_Judged(item, busy) for item in submissions])

    def _without_poison(self, submissions: list[Submission], said: str) -> _Written:
        """Something among them cannot be written. When not even the node's own tick can be, with what falls
        due by it, no statement is at fault, and none gets in."""
        ticked = self._tick_alone() if submissions else None
        if ticked is None:
            self._time_stands(said)
            return _Written([_Judged(item, Busy(60, "internal")) for item in submissions])
        if len(submissions) > 1:
            parts = [ticked, *(self._write([item], False) for item in submissions)]
        else:
            parts = [ticked, _Written([_Judged(submissions[0], Refused("internal", known=False))])]
        return _Written(
            [item for part in parts for item in part.judged],
            [item for part in parts for item in part.accepted],
            [item for part in parts for item in part.leaf_hashes],
        )

    def _tick_alone(self) -> _Written | None:
        """None when that cannot be written, and no disk is the cause."""
        try:
            return self._commit([], True)
        except STORAGE_ERRORS:
            return _Written([])
        except _Dropped as error:
            return None if error.poison else _Written([])

    def _time_stands(self, said: str) -> None:
        self.trouble = (
            f"the node's own statement of time cannot be recorded, and nothing else without it ({said}). "
            "This is a fault of the program and nothing recorded is lost: report it with the node's log, "
            "install a version without it and start the node again"
        )

    def _commit(self, submissions: list[Submission], due: bool) -> _Written:
        head = self.head
        now = self.clock.now()
        behind = _behind(head, now)
        batch = Batch(head, self.state, self._nonces, self.tree)
        ticked = head.size >= 2 and self._offer_tick(batch, now)
        judged: list[_Judged] = []
        for submission in submissions:
            if not ticked and head.size < 2 and head.size + len(batch.accepted) == 2:
                ticked = self._offer_tick(batch, now)  # entry 2, before anything that needs a time
            judged.append(self._judge(batch, submission))
        if not batch.accepted:
            self.trouble = behind
            return _Written(judged)
        if ticked and len(batch.accepted) == 1 and not due and not batch.accepted[0].writes:
            # Only the tick: time need not move for refusals. They were judged against the log as it stands.
            root = head.tree.root()
            again = [_Judged(item.submission, item.outcome, head.size, root, item.tick) for item in judged]
            self.trouble = behind
            return _Written(again)
        self._store(batch, judged)
        self.trouble = behind
        return _Written(judged, batch.accepted, batch.leaf_hashes)

    def _judge(self, batch: Batch, submission: Submission) -> _Judged:
        try:
            outcome = batch.offer(submission.statement)
        except (SeenAhead, *STORAGE_ERRORS):
            raise
        except Exception:
            log.exception("a contract failed", type=submission.statement.type)
            return _Judged(submission, Refused("internal", known=False))
        if isinstance(outcome, Accepted):
            return _Judged(submission, outcome)
        if outcome.code == "seen_unknown":
            # Not proof, but a sign: an officer's device believes this log longer than it is (P3).
            log.warning("somebody has seen a longer log", account=submission.statement.iss, **outcome.facts)
        against = batch.head
        return _Judged(submission, outcome, against.size, against.tree.root(), against.tick)

    def _offer_tick(self, batch: Batch, now: int) -> bool:
        """The node's own statement of time, when the second has changed (SPEC §7.2)."""
        head = batch.head
        if now <= head.tick:
            return False
        assert head.cooperative is not None
        outcome = batch.offer(self._tick_statement(head.cooperative, now))
        if not isinstance(outcome, Accepted):
            raise RuntimeError(f"the node's own tick was refused: {outcome.code}")
        return True

    def _tick_statement(self, name: str, now: int) -> Statement:
        protected = documents.statement_header(
            kid=self.keys.node_pub,
            iss=name,
            sub=name,
            aud=name,
            iat=now,
            exp=now + 3600,
            cti=secrets.token_bytes(16),
        )
        payload = documents.payload_bytes(TICK, {"time": now})
        signature = signatures.sign(self.keys.node, documents.sig_structure(protected, payload))
        return documents.parse(documents.assemble(protected, payload, signature))

    def _store(self, batch: Batch, judged: list[_Judged]) -> None:
        """The transaction. Raises _Dropped when nothing of it was written, and stops writing when that is
        not certain."""
        head, accepted = self.head, batch.accepted
        sealed: list[Sealed] = []
        boxes: list[Box] = []
        blobs: list[Blob] = []
        used: list[tuple[bytes, str]] = []
        records: dict[int, bytes] = {}
        for item in judged:
            if not isinstance(item.outcome, Accepted):
                continue
            submission, entry = item.submission, item.outcome
            blobs.extend(submission.blobs)
            if submission.ticket is not None:
                used.append((submission.ticket, entry.statement.iss))
            if submission.record is not None:
                digest = entry.statement.digest
                found = self.vault.seal(digest, submission.record)
                sealed.append(found)
                records[entry.index] = submission.record
                boxes.append(Box(digest, entry.index, entry.statement.type, found.box))
        now = self.clock.peek()
        erased = erasure.named(accepted)

        def also(connection: Connection) -> None:
            erasure.drop(connection, erased)
            if records:
                self.people.apply(connection, accepted, records)
            if erased:
                self.people.drop(connection, erased)
            for ticket, account in used:
                admission.use(connection, ticket, account, now)
            self.projections.apply(connection, accepted)

        try:
            if sealed:
                self.vault.keep(sealed)
            with figures.COMMIT.time():
                self.log.append(
                    head.size, accepted, batch.leaf_hashes, batch.writes, boxes=boxes, blobs=blobs, also=also
                )
            figures.BATCH.observe(len(accepted))
        except Exception as error:
            self._after_failure(error, head, head.size + len(accepted))
        if erased:
            self._erase(erased)
        self.state.applied(batch.writes)
        self.head = batch.head  # before nonces are forgotten by its tick: see `_known`
        batch.commit_nonces()
        if self._deadline == _UNKNOWN or any(domain == "deadline" for domain, _ in batch.writes):
            try:
                self._deadline = next_deadline(self.state)
            except STORAGE_ERRORS as error:  # what is committed stays so; the next commit looks again
                log.error("deadlines could not be read", exc_info=error)
                self._deadline = _UNKNOWN

    def _erase(self, digests: list[bytes]) -> None:
        """The keys of records whose boxes are gone. What fails here is made up for at the next start."""
        try:
            self.vault.erase(digests)
        except STORAGE_ERRORS as error:
            log.error("keys of erased records are left until the next start", error=repr(error))

    def _after_failure(self, error: Exception, head: Head, expected: int) -> None:
        """Believes nothing in memory, looks at what the database holds, and raises _Dropped unless the
        commit took place after all."""
        log.error("a commit failed", exc_info=error)
        self.state.forget()
        self.tree.forget()
        try:
            size = self.log.settled_size()
        except StoreError as again:
            self.stop_writing(str(again))
            raise _Dropped(str(again), poison=False) from error
        except STORAGE_ERRORS as again:
            self.stop_writing(f"the database cannot be read after a failed commit: {in_words(again)}")
            raise _Dropped(str(again), poison=False) from error
        if isinstance(error, LogConflict):  # as many entries as expected would be somebody else's
            self.stop_writing(f"somebody else has written into the log: {error}")
        elif size == expected:
            return
        elif size != head.size:
            self.stop_writing(
                f"the database has {size} entries where this process wrote {head.size}: {error}"
            )
        elif is_disk(error) and not is_transient(error):
            # After a failed sync nobody knows what the disk holds: a start compares it with everything else
            # there is.
            self.stop_writing(f"the database could not be written: {in_words(error)}")
        elif is_disk(error):
            self.trouble = in_words(error)
        poison = self.stopped is None and not is_disk(error)
        # Of a fault of the program only the kind: anybody may read it, and its words may hold
        # what was to be written.
        raise _Dropped(type(error).__name__ if poison else str(error), poison=poison) from error


def _behind(head: Head, now: int) -> str | None:
    """The log's time never goes back; it stands still until the clock has caught up."""
    behind = head.tick - now
    if behind <= _BEHIND:
        return None
    return (
        f"the clock of this machine is {behind // 60} minutes behind the log's time, which stands still "
        "meanwhile; compare it with another clock and set it right, the node then goes on by itself"
    )
