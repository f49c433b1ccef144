"""The engine: how a statement comes in (SPEC §9.4, P14).

A submission passes, in this order: size, form, key look-up, token bucket, local policy, signature and private
record, and then the sequencer, which writes (`coopnode.sequencer`). What is in the log already is answered
with its old index whatever these checks say, so nothing is turned away before it was looked for.

Nothing here decides what is right: `protocol.log.Batch` does, in the sequencer.
"""

from __future__ import annotations

import asyncio
import hashlib
import math
from collections import OrderedDict
from collections.abc import Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, Final, Protocol, TypeAlias

import structlog

from coopnode import admission, figures
from coopnode.answers import Answer, Busy, Refusal
from coopnode.clock import Clock
from coopnode.config import Limits
from coopnode.keystore import Keystore
from coopnode.store.database import STORAGE_ERRORS
from coopnode.store.log_store import Blob, LogStore
from coopnode.store.schema import blobs
from coopnode.store.sql import Connection, select
from coopnode.store.state_store import SnapshotState
from coopnode.submissions import Submission, Told
from protocol import commitments, documents, encoding, registry, signatures
from protocol.contract import View
from protocol.contracts import accounts, cooperative
from protocol.documents import MAX_STATEMENT, Statement
from protocol.errors import EncodingError, StatementError
from protocol.log import Head

log = structlog.get_logger()

GENESIS: Final = "cooperative.genesis/1"
_NEW_ACCOUNT: Final = ("account.genesis/1", "account.copy/1")
#: A chunk of signatures up to this is checked on the loop. A thread that comes back from libsodium waits
#: for the interpreter lock after each of them, which under load costs more than the checks (measured: 2.2
#: k/s against 2.6 k/s); a larger backlog would block the loop.
_INLINE: Final = 64
_BAD_SIGNATURE_COST: Final = 10.0
#: When to ask again while the database is away.
_AWAY_SECONDS: Final = 5
_KNOWN_REMEMBERED: Final = 100_000


class Sequencing(Protocol):
    """The log's writing end, in this process or in another."""

    @property
    def head(self) -> Head: ...

    @property
    def stopped(self) -> str | None:
        """Why nothing is written any more, in words; None while all is well."""
        ...

    @property
    def in_flight(self) -> int: ...

    def put(self, submission: Submission, tell: Told) -> None:
        """Takes a checked statement; `tell` hears the answer, at once when it is in the log already."""
        ...


_Arrived: TypeAlias = tuple[Submission, str, Told]


class Engine:
    """`submit` and `take` are all that others call; `head` and `stopped` are for looking at."""

    def __init__(
        self, sequencing: Sequencing, log: LogStore, keys: Keystore, clock: Clock, limits: Limits
    ) -> None:
        self.sequencing, self.log, self.keys, self.clock, self.limits = sequencing, log, keys, clock, limits
        self._snapshot = SnapshotState(log.database.raw_reader)
        self._checkers = ThreadPoolExecutor(2, "coopnode-check")
        self._arrived: list[_Arrived] = []
        self._working: set[asyncio.Task[None]] = set()
        self._pending = 0
        self._known_keys: OrderedDict[tuple[str, bytes], None] = OrderedDict()
        self._account_buckets = admission.Buckets(limits.account_burst, limits.account_rate)
        self._stranger_buckets = admission.Buckets(limits.stranger_burst, limits.stranger_rate)

    @property
    def head(self) -> Head:
        return self.sequencing.head

    @property
    def stopped(self) -> str | None:
        return self.sequencing.stopped

    @property
    def in_flight(self) -> int:
        return self.sequencing.in_flight

    def close(self) -> None:
        self._checkers.shutdown(wait=True)

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
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.take(raw, record, source=source, ticket=ticket, blobs=blobs, tell=partial(_resolve, answer))
        return await answer

    def take(
        self,
        raw: bytes,
        record: bytes | None = None,
        *,
        source: str,
        ticket: str | bytes | None = None,
        blobs: Iterable[Blob] = (),
        tell: Told,
    ) -> None:
        """As `submit`, without a task of the caller's: `tell` hears the answer on the loop, once, maybe
        before this returns."""
        if len(raw) > MAX_STATEMENT:
            tell(figures.answered("", Refusal("too_large")))
            return
        try:
            statement = documents.parse(raw)
        except StatementError as error:
            tell(figures.answered("", Refusal(error.code, error.field or None)))
            return
        if isinstance(ticket, str):
            ticket = admission.token_digest(ticket)
        told = partial(_counted, statement.type, tell)
        try:
            if not self._needs_ticket(statement):
                ticket = None
            submission = Submission(statement, record, ticket, tuple(blobs))
            no = self._turned_away(statement, source)
            if no is None and _needs_policy(submission):
                self._keep(self._take_by_policy(submission, source, told))
            else:
                self._go_on(submission, source, no, told)
        except STORAGE_ERRORS:
            log.exception("a statement could not be taken")
            told(Busy(_AWAY_SECONDS, "storage"))

    async def _take_by_policy(self, submission: Submission, source: str, tell: Told) -> None:
        try:
            self._go_on(submission, source, await self._policy(submission), tell)
        except STORAGE_ERRORS:
            log.exception("a statement could not be taken")
            tell(Busy(_AWAY_SECONDS, "storage"))
        except Exception:  # nobody is left without an answer
            log.exception("a statement could not be taken", type=submission.statement.type)
            tell(Refusal("internal"))

    def _go_on(self, submission: Submission, source: str, no: Refusal | Busy | None, tell: Told) -> None:
        """`no` is what stands against it so far; what is in the log already is answered all the same."""
        if no is not None:
            if self._is_stored(submission.statement):
                self.sequencing.put(submission, tell)
            else:
                tell(no)
            return
        self._pending += 1
        self._arrived.append((submission, source, tell))
        if len(self._arrived) == 1:
            # What else arrives in this turn of the loop is checked in the same chunk.
            asyncio.get_running_loop().call_soon(self._check_arrived)

    def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    def _turned_away(self, statement: Statement, source: str) -> Refusal | Busy | None:
        if self.stopped is not None:
            return Busy(60, "read_only", self.stopped)
        if self._pending >= self.limits.in_flight:
            return Busy(1)
        if statement.type not in registry.TYPES:
            return Refusal("unknown_type", "type")
        wait = self._take_token(statement, source)
        return Busy(math.ceil(wait), "too_many_requests") if wait else None

    def _is_stored(self, statement: Statement) -> bool:
        return self.log.find(statement.digest, statement.entry_digest) is not None

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
        if self._needs_ticket(statement):
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

    def _needs_ticket(self, statement: Statement) -> bool:
        if statement.type == GENESIS:
            return not self.head.size
        return statement.type in _NEW_ACCOUNT and not self._may_open_account(statement)

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

    def _check_arrived(self) -> None:
        chunk, self._arrived = self._arrived, []
        if len(chunk) <= _INLINE:
            self._pass_on(chunk, _check_chunk(chunk))
        else:
            self._keep(self._check_apart(chunk))

    async def _check_apart(self, chunk: list[_Arrived]) -> None:
        loop = asyncio.get_running_loop()
        self._pass_on(chunk, await loop.run_in_executor(self._checkers, _check_chunk, chunk))

    def _pass_on(self, chunk: list[_Arrived], found: list[Refusal | None]) -> None:
        for (submission, source, tell), refusal in zip(chunk, found, strict=True):
            told = partial(self._told, tell)
            try:
                if refusal is None or self._is_stored(submission.statement):
                    self.sequencing.put(submission, told)
                    continue
            except STORAGE_ERRORS:
                log.exception("a statement could not be passed on", type=submission.statement.type)
                told(Busy(60, "storage"))
                continue
            except Exception:  # nobody is left without an answer
                log.exception("a statement could not be passed on", type=submission.statement.type)
                refusal = Refusal("internal")
            if refusal.code == "bad_signature":
                self._stranger_buckets.punish(source, _BAD_SIGNATURE_COST)
            told(refusal)

    def _told(self, tell: Told, answer: Answer) -> None:
        self._pending -= 1
        tell(answer)


def _resolve(waiting: asyncio.Future[Answer], answer: Answer) -> None:
    """A client that goes away takes nothing back."""
    if not waiting.done():
        waiting.set_result(answer)


def _counted(type: str, tell: Told, answer: Answer) -> None:
    tell(figures.answered(type, answer))


def _needs_policy(submission: Submission) -> bool:
    statement = submission.statement
    return (
        statement.type == GENESIS
        or statement.type in _NEW_ACCOUNT
        or "blob" in statement.payload
        or bool(submission.blobs)
    )


def has_blob(connection: Connection, digest: bytes) -> bool:
    return connection.execute(select(blobs.c.size).where(blobs.c.digest == digest)).one_or_none() is not None


def _check_chunk(chunk: Sequence[_Arrived]) -> list[Refusal | None]:
    return [_check(submission) for submission, _, _ in chunk]


def _check(submission: Submission) -> Refusal | None:
    try:
        return _check_signature(submission) or _check_record(submission)
    except Exception:
        log.exception("a statement could not be checked", type=submission.statement.type)
        return Refusal("internal")


def _check_signature(submission: Submission) -> Refusal | None:
    statement = submission.statement
    if signatures.verify(statement.kid, statement.sig_structure, statement.signature):
        return None
    return Refusal("bad_signature", "signature")


def _check_record(submission: Submission) -> Refusal | None:
    """The private record against its root (P20)."""
    statement = submission.statement
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
