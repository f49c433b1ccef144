"""The sequencer: the one place where statements become entries (SPEC §9.3–9.5, P13–P15).

A submission passes, in this order: size, same bytes, form, key look-up, token bucket, local policy,
signature and private record (in chunks, in a thread), and a queue that is fair by account. One batch is
what queued while the previous one was being committed; there is no linger. The batch is judged and written
by one thread on a synchronous driver; the promise *committed* is signed after the commit.

Nothing here decides what is right: `protocol.log.Batch` does. When a commit leaves doubt, writing stops and
says why; reading goes on.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
import secrets
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from coopnode import admission
from coopnode.answers import Answer, Busy, Committed, Refusal, Signer
from coopnode.clock import Clock, ClockDoubtful
from coopnode.config import Limits
from coopnode.keystore import Keystore
from coopnode.projections import Projections
from coopnode.store import state_store
from coopnode.store.database import STORAGE_ERRORS, is_transient
from coopnode.store.log_store import Blob, Box, LogConflict, LogStore
from coopnode.store.sql import Connection
from coopnode.store.state_store import SnapshotState, StateStore
from coopnode.store.tree_store import TreeStore
from coopnode.store.vault import Sealed, Vault
from protocol import commitments, documents, encoding, registry, signatures
from protocol.contract import View
from protocol.contracts import accounts, cooperative
from protocol.documents import MAX_STATEMENT, Statement
from protocol.errors import EncodingError, StatementError
from protocol.identifiers import identifier, origin
from protocol.log import Accepted, Batch, Head, Refused, SeenAhead, next_deadline

log = structlog.get_logger()

GENESIS: Final = "cooperative.genesis/1"
TICK: Final = "node.tick/1"
_NEW_ACCOUNT: Final = ("account.genesis/1", "account.copy/1")
#: While a deadline is open the log's time is at most this old (P17).
_HEARTBEAT: Final = 60
#: The promise of publication in *committed*: this long after the tick (P13).
_PUBLISH_WITHIN: Final = 60
#: A chunk of signatures up to this is checked on the loop. A thread that comes back from libsodium waits
#: for the interpreter lock after each of them, which under load costs more than the checks (measured: 2.2
#: k/s against 2.6 k/s); a larger backlog would block the loop.
_INLINE: Final = 64
_BAD_SIGNATURE_COST: Final = 10.0
_KNOWN_REMEMBERED: Final = 100_000


@dataclass(slots=True, eq=False)
class Submission:
    """One statement on its way."""

    statement: Statement
    entry: bytes
    record: bytes | None
    source: str
    ticket: bytes | None
    blobs: tuple[Blob, ...]
    waiting: list[asyncio.Future[Answer]]

    async def wait(self) -> Answer:
        """One future for each who waits: a client that goes away takes back nothing, neither its own nor
        another's."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.waiting.append(answer)
        return await answer


class FairQueue:
    """First in, first out for each account, and the accounts take turns: one busy robot does not delay the
    others (P14)."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[Submission]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def put(self, submission: Submission) -> None:
        self._waiting.setdefault(submission.statement.iss, deque()).append(submission)
        self._length += 1

    def take(self, limit: int) -> list[Submission]:
        taken: list[Submission] = []
        while self._waiting and len(taken) < limit:
            account, queue = self._waiting.popitem(last=False)
            taken.append(queue.popleft())
            if queue:
                self._waiting[account] = queue
        self._length -= len(taken)
        return taken


@dataclass(frozen=True, slots=True)
class _Judged:
    """What the writer's thread found; `size`, `root`, `tick` are what a refusal was judged against."""

    submission: Submission
    outcome: Accepted | Refused | Busy
    size: int = 0
    root: bytes = b""
    tick: int = 0


class _Dropped(Exception):
    """The batch was not written. `poison` when one of its statements must be the cause, not the disk."""

    def __init__(self, reason: str, *, poison: bool) -> None:
        super().__init__(reason)
        self.poison = poison


@dataclass
class Engine:
    """Owns the log's writing end. `submit` is all that others call; `head` and `stopped` are for looking
    at."""

    log: LogStore
    state: StateStore
    tree: TreeStore
    vault: Vault
    keys: Keystore
    clock: Clock
    limits: Limits
    projections: Projections
    head: Head
    #: why nothing is written any more, in words; None while all is well
    stopped: str | None = None
    _listeners: list[Callable[[Sequence[Accepted]], None]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._nonces = self.log.nonces(self.head)
        self._deadline = next_deadline(self.state)
        self._signer = Signer(self.keys.node, self.keys.node_pub)
        self._snapshot = SnapshotState(self.log.database.raw_reader)
        self._writer = ThreadPoolExecutor(1, "coopnode-writer")
        self._checkers = ThreadPoolExecutor(2, "coopnode-check")
        self._queue = FairQueue()
        self._arrived: list[Submission] = []
        self._in_flight: dict[bytes, Submission] = {}
        self._tickets_held: set[bytes] = set()
        self._known_keys: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        self._account_buckets = admission.Buckets(self.limits.account_burst, self.limits.account_rate)
        self._stranger_buckets = admission.Buckets(self.limits.stranger_burst, self.limits.stranger_rate)
        self._check_wake = asyncio.Event()
        self._write_wake = asyncio.Event()
        self._due = False
        self._origin: str | None = None
        self._tasks: list[asyncio.Task[None]] = []

    # -- life ---------------------------------------------------------------------------------------------

    def start(self) -> None:
        loops = (self._check_loop, self._write_loop, self._time_loop)
        self._tasks = [asyncio.create_task(run(), name=f"engine{run.__name__}") for run in loops]

    async def stop(self) -> None:
        """Answers what is in flight, then ends."""
        for _ in range(200):
            if not self._in_flight:
                break
            await asyncio.sleep(0.05)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.shutdown(wait=True)
        self._checkers.shutdown(wait=True)

    def stop_writing(self, reason: str) -> None:
        """From any thread. The first reason stays."""
        if self.stopped is None:
            self.stopped = reason
            log.error("writing stopped", reason=reason)

    def subscribe(self, listener: Callable[[Sequence[Accepted]], None]) -> None:
        """Called on the loop after each commit with what it accepted. Must not block."""
        self._listeners.append(listener)

    @property
    def origin(self) -> str | None:
        if self._origin is None and self.head.cooperative is not None:
            self._origin = origin(self.head.cooperative, self.head.generation)
        return self._origin

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    # -- arrival ------------------------------------------------------------------------------------------

    async def submit(
        self,
        raw: bytes,
        record: bytes | None = None,
        *,
        source: str = "local",
        ticket: str | bytes | None = None,
        blobs: Iterable[Blob] = (),
    ) -> Answer:
        """Puts a statement into the log, or says why not. Safe to call again with the same bytes, for ever.

        `source` is the network address it came from; `ticket` a token, or the digest of one, that lets a
        stranger open an account.
        """
        if len(raw) > MAX_STATEMENT:
            return Refusal("too_large")
        entry = hashlib.sha256(raw).digest()
        waiting = self._in_flight.get(entry)
        if waiting is not None:
            return await waiting.wait()
        try:
            statement = documents.parse(raw)
        except StatementError as error:
            return Refusal(error.code, error.field or None)
        if self._may_be_stored(statement):
            stored = self.log.find(statement.digest, entry)
            if stored is not None:
                return self._promise(stored.index, entry, stored.digest, stored.tick, again=True)
        if self.stopped is not None:
            return Busy(60, "read_only", self.stopped)
        if len(self._in_flight) >= self.limits.in_flight:
            return Busy(1)
        if statement.type not in registry.TYPES:
            return Refusal("unknown_type", "type")
        wait = self._take_token(statement, source)
        if wait:
            return Busy(math.ceil(wait), "too_many_requests")
        if isinstance(ticket, str):
            ticket = admission.token_digest(ticket)
        if ticket in self._tickets_held:
            return Busy(1)  # another statement with it is on its way
        submission = Submission(statement, entry, record, source, ticket, tuple(blobs), [])
        self._in_flight[entry] = submission
        if ticket is not None:
            self._tickets_held.add(ticket)
        if _needs_policy(submission):
            try:
                refusal = await self._policy(submission)
            except BaseException:
                self._resolve(submission, Busy(1, "internal"))
                raise
            if refusal is not None:
                self._resolve(submission, refusal)
                return refusal
        self._arrived.append(submission)
        self._check_wake.set()
        return await submission.wait()

    def _resolve(self, submission: Submission, answer: Answer) -> None:
        del self._in_flight[submission.entry]
        if submission.ticket is not None:
            self._tickets_held.discard(submission.ticket)
        for waiting in submission.waiting:
            if not waiting.done():
                waiting.set_result(answer)

    def _may_be_stored(self, statement: Statement) -> bool:
        """Whether to ask the database for the same bytes: not for a new nonce that would still be
        remembered."""
        return (
            statement.domain == "account"
            or statement.exp < self.head.tick
            or self._nonces.holds(statement.iss, statement.cti, self.head.tick)
        )

    def _take_token(self, statement: Statement, source: str) -> float:
        # By account and address: who only names somebody else's account drains his own bucket.
        if self._is_known(statement):
            return self._account_buckets.take(f"{statement.iss} {source}")
        return self._stranger_buckets.take(source)

    def _is_known(self, statement: Statement) -> bool:
        """Whether this key is or was one of that account's. Good enough for fairness; authority is judged
        in the batch."""
        name = (statement.iss, statement.kid)
        if name in self._known_keys:
            return True
        view = View(self._snapshot, accounts.DOMAIN)
        if accounts.key_status(view, statement.iss, statement.kid, self.head.tick) in (
            "unknown_account",
            "unknown_key",
        ):
            return False
        self._known_keys[name] = None
        if len(self._known_keys) > _KNOWN_REMEMBERED:
            self._known_keys.popitem(last=False)
        return True

    # -- local policy -------------------------------------------------------------------------------------

    async def _policy(self, submission: Submission) -> Refusal | None:
        """What this node asks beyond the rules of the log: tickets for strangers, its own keys in the
        genesis, texts beside their digest."""
        statement = submission.statement
        if statement.type == GENESIS:
            return await self._genesis_policy(submission)
        if statement.type in _NEW_ACCOUNT and not self._may_open_account(statement):
            return await self._ticket(submission, admission.ACCOUNT, self.limits.accounts_per_day)
        for blob in submission.blobs:
            if hashlib.sha256(blob.data).digest() != blob.digest:
                return Refusal("blob_mismatch", "blob")
        named = statement.payload.get("blob")
        if isinstance(named, bytes) and all(blob.digest != named for blob in submission.blobs):
            held = await self.log.database.read(lambda connection: has_blob(connection, named))
            if not held:
                return Refusal("blob_missing", "blob")
        elif any(blob.digest != named for blob in submission.blobs):
            return Refusal("blob_unexpected", "blob")
        return None

    def _may_open_account(self, statement: Statement) -> bool:
        view = View(self._snapshot, accounts.DOMAIN)
        if accounts.knows(view, statement.iss):
            return True
        found = cooperative.cooperative(View(self._snapshot, cooperative.DOMAIN))
        return found is not None and (statement.iss, statement.kid) == (found.founder, found.founder_key)

    async def _genesis_policy(self, submission: Submission) -> Refusal | None:
        if self.head.size:
            return None  # the log itself says that it has begun
        try:
            body: cooperative.CooperativeGenesis = registry.typed(submission.statement).body
        except StatementError as error:
            return Refusal(error.code, error.field or None)
        if (body.genesis.log_key.pub, body.genesis.node_key.pub) != (self.keys.log_pub, self.keys.node_pub):
            return Refusal("not_this_node", "log_key")
        return await self._ticket(submission, admission.FOUNDING, 2**31)

    async def _ticket(self, submission: Submission, kind: str, per_day: int) -> Refusal | None:
        now = self.clock.peek()

        def query(connection: Connection) -> str | None:
            return admission.refusal(connection, submission.ticket, kind, now, per_day)

        code = await self.log.database.read(query)
        return Refusal(code, "ticket") if code else None

    # -- signatures and private records -------------------------------------------------------------------

    async def _check_loop(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            await self._check_wake.wait()
            self._check_wake.clear()
            while self._arrived:
                chunk, self._arrived = self._arrived, []
                try:
                    if len(chunk) <= _INLINE:
                        found = _check_chunk(chunk)
                    else:
                        found = await loop.run_in_executor(self._checkers, _check_chunk, chunk)
                except Exception:
                    log.exception("a chunk could not be checked")
                    found = [Refusal("internal")] * len(chunk)
                self._sort_checked(chunk, found)

    def _sort_checked(self, chunk: list[Submission], found: list[Refusal | None]) -> None:
        for submission, refusal in zip(chunk, found, strict=True):
            if refusal is None:
                self._queue.put(submission)
                self._write_wake.set()
            else:
                if refusal.code == "bad_signature":
                    self._stranger_buckets.punish(submission.source, _BAD_SIGNATURE_COST)
                self._resolve(submission, refusal)

    # -- time ---------------------------------------------------------------------------------------------

    async def _time_loop(self) -> None:
        """Wakes the writer when a deadline has passed, and every minute while one is open (P17)."""
        while True:
            await asyncio.sleep(1.0)
            if self.stopped is not None or self._deadline is None or self.head.size < 3:
                continue
            now = self.clock.peek()
            if self._deadline < now or now - self.head.tick >= _HEARTBEAT:
                self._due = True
                self._write_wake.set()

    # -- writing ------------------------------------------------------------------------------------------

    async def _write_loop(self) -> None:
        loop = asyncio.get_running_loop()
        answering: set[asyncio.Task[None]] = set()
        while True:
            await self._write_wake.wait()
            self._write_wake.clear()
            while self._queue or self._due:
                batch = self._queue.take(self.limits.batch)
                due, self._due = self._due, False
                try:
                    judged = await loop.run_in_executor(self._writer, self._write, batch, due)
                except Exception as error:
                    log.exception("the writer failed")
                    self.stop_writing(f"an error in the writer: {type(error).__name__}: {error}")
                    judged = [_Judged(submission, Busy(60, "internal")) for submission in batch]
                self._tell(judged)
                # Promises are signed while the next batch is already being written.
                task = asyncio.create_task(self._answer(judged))
                answering.add(task)
                task.add_done_callback(answering.discard)

    def _tell(self, judged: list[_Judged]) -> None:
        accepted = [item.outcome for item in judged if isinstance(item.outcome, Accepted)]
        for listener in self._listeners if accepted else ():
            try:
                listener(accepted)
            except Exception:
                log.exception("a listener failed")

    async def _answer(self, judged: list[_Judged]) -> None:
        try:
            if len(judged) <= _INLINE:
                answers = self._sign(judged)
            else:
                answers = await asyncio.get_running_loop().run_in_executor(self._checkers, self._sign, judged)
        except Exception:
            log.exception("answers could not be signed")
            answers = [Busy(1, "internal")] * len(judged)
        for item, answer in zip(judged, answers, strict=True):
            self._resolve(item.submission, answer)

    def _sign(self, judged: list[_Judged]) -> list[Answer]:
        return [self._answer_of(item) for item in judged]

    def _answer_of(self, item: _Judged) -> Answer:
        outcome, statement = item.outcome, item.submission.statement
        if isinstance(outcome, Busy):
            return outcome
        if isinstance(outcome, Accepted):
            return self._promise(outcome.index, statement.entry_digest, statement.digest, outcome.tick)
        message = None
        if outcome.known and self.head.cooperative is not None:
            message = self._signer.refused(
                statement.digest, outcome.code, outcome.at, item.size, item.root, item.tick
            )
        return Refusal(outcome.code, outcome.at, outcome.facts, message)

    def _promise(
        self, index: int, entry: bytes, digest: bytes, tick: int, *, again: bool = False
    ) -> Committed:
        name = self.origin
        assert name is not None
        message = self._signer.committed(name, index, entry, tick, tick + _PUBLISH_WITHIN)
        return Committed(index, entry, digest, tick, message, again)

    # -- the writer's thread ------------------------------------------------------------------------------

    def _write(self, submissions: list[Submission], due: bool) -> list[_Judged]:
        if self.stopped is not None:
            return [_Judged(item, Busy(60, "read_only", self.stopped)) for item in submissions]
        try:
            return self._commit(submissions, due)
        except SeenAhead as error:
            who, seen = error.statement.iss, error.statement.seen
            self.stop_writing(
                f"account {who} has verified a checkpoint of {seen.size if seen else 0} entries, "
                f"this log has {self.head.size}: an older copy of this node may have been restored, "
                "or two copies run (P3)"
            )
        except ClockDoubtful as error:
            self.stop_writing(f"{error} (P16)")
        except _Dropped as error:
            if error.poison and len(submissions) > 1:
                # One statement cannot be written: find it alone, so that the others get in.
                return [found for item in submissions for found in self._write([item], False)]
            if error.poison:
                return [_Judged(item, Refused("internal", known=False)) for item in submissions]
            return [_Judged(item, Busy(2, "storage")) for item in submissions]
        reason: str | None = self.stopped
        return [_Judged(item, Busy(60, "read_only", reason or "")) for item in submissions]

    def _commit(self, submissions: list[Submission], due: bool) -> list[_Judged]:
        head = self.head
        now = self.clock.now()
        batch = Batch(head, self.state, self._nonces, self.tree)
        ticked = head.size >= 2 and self._offer_tick(batch, now)
        judged: list[_Judged] = []
        for submission in submissions:
            if not ticked and head.size < 2 and head.size + len(batch.accepted) == 2:
                ticked = self._offer_tick(batch, now)  # entry 2, before anything that needs a time
            judged.append(self._judge(batch, submission))
        if not batch.accepted:
            return judged
        if ticked and len(batch.accepted) == 1 and not due and not batch.accepted[0].writes:
            # Only the tick: time need not move for refusals. They were judged against the log as it stands.
            root = head.tree.root()
            return [_Judged(item.submission, item.outcome, head.size, root, item.tick) for item in judged]
        self._store(batch, judged)
        return judged

    def _judge(self, batch: Batch, submission: Submission) -> _Judged:
        try:
            outcome = batch.offer(submission.statement)
        except SeenAhead:
            raise
        except Exception:
            log.exception("a contract failed", type=submission.statement.type)
            return _Judged(submission, Refused("internal", known=False))
        if isinstance(outcome, Accepted):
            return _Judged(submission, outcome)
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
                boxes.append(Box(digest, entry.index, entry.statement.type, found.box))
        now = self.clock.peek()

        def also(connection: Connection) -> None:
            for ticket, account in used:
                admission.use(connection, ticket, account, now)
            self.projections.apply(connection, accepted)

        try:
            if sealed:
                self.vault.keep(sealed)
            self.log.append(
                head.size, accepted, batch.leaf_hashes, batch.writes, boxes=boxes, blobs=blobs, also=also
            )
        except Exception as error:
            self._after_failure(error, head, head.size + len(accepted))
        self.state.applied(batch.writes)
        self.head = batch.head  # before nonces are forgotten by its tick: see `_may_be_stored`
        batch.commit_nonces()
        if any(domain == "deadline" for domain, _ in batch.writes):
            self._deadline = next_deadline(self.state)

    def _after_failure(self, error: Exception, head: Head, expected: int) -> None:
        """Believes nothing in memory, looks at what the database holds, and raises _Dropped unless the
        commit took place after all."""
        log.error("a commit failed", error=repr(error))
        self.state.forget()
        self.tree.forget()
        try:
            size = self.log.size()
        except STORAGE_ERRORS as again:
            self.stop_writing(f"the database cannot be read after a failed commit: {again}")
            raise _Dropped(str(again), poison=False) from error
        if size == expected:
            return
        if size != head.size or isinstance(error, LogConflict):
            self.stop_writing(
                f"the database has {size} entries where this process wrote {head.size}: {error}"
            )
        elif isinstance(error, STORAGE_ERRORS) and not is_transient(error):
            # After a failed sync nobody knows what the disk holds: a start compares it with everything else
            # there is.
            self.stop_writing(f"the database could not be written: {error}")
        raise _Dropped(str(error), poison=not isinstance(error, STORAGE_ERRORS)) from error

    # -- for audits ---------------------------------------------------------------------------------------

    def state_digest(self) -> bytes:
        """Digest of the state table (SPEC §9.2). Takes a while on a large log; call it in a thread."""
        return state_store.digest(self.log.database.raw_reader())


def _needs_policy(submission: Submission) -> bool:
    statement = submission.statement
    return (
        statement.type == GENESIS
        or statement.type in _NEW_ACCOUNT
        or "blob" in statement.payload
        or bool(submission.blobs)
    )


def has_blob(connection: Connection, digest: bytes) -> bool:
    return (
        connection.exec_driver_sql("SELECT 1 FROM blobs WHERE digest = ?", (digest,)).one_or_none()
        is not None
    )


def _check_chunk(chunk: Sequence[Submission]) -> list[Refusal | None]:
    return [_check(submission) for submission in chunk]


def _check(submission: Submission) -> Refusal | None:
    """Signature, then the private record against its root (P20)."""
    statement = submission.statement
    if not signatures.verify(statement.kid, statement.sig_structure, statement.signature):
        return Refusal("bad_signature", "signature")
    kind = registry.TYPES[statement.type]
    if not kind.private:
        return Refusal("private_unexpected", "private") if submission.record is not None else None
    if submission.record is None:
        return Refusal("private_missing", "private")
    fields = tuple(item.name for item in kind.private)
    try:
        record: Any = encoding.decode(submission.record, limit=len(submission.record))
        root = commitments.root(statement.type, fields, record)
    except EncodingError:
        return Refusal("private_malformed", "private")
    except StatementError as error:
        return Refusal(error.code, error.field or "private")
    if root != statement.payload.get("private"):
        return Refusal("private_mismatch", "private")
    for item in kind.private:
        if item.required and item.name not in record["fields"]:
            return Refusal("private_required", item.name)
    return None


def cooperative_id(genesis: bytes) -> str:
    """Of the bytes of entry 0."""
    statement = documents.parse(genesis)
    return identifier(hashlib.sha256(encoding.encode(statement.payload["genesis"])).digest())
