"""Entries replayed in order: signatures checked in chunks by worker processes, contracts by one reducer
(SPEC §4.4, §9.2).

`Replayer.feed` takes the next entries; it hands their signatures to the workers and reduces what they have
finished, so that memory holds a few chunks, the state, and 32 bytes for each entry. The first entry a log
must not contain ends it.
"""

from __future__ import annotations

import gc
import os
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from coopnode.audit.checkers import Checkers, Ticket
from coopnode.audit.report import Problem
from protocol import documents, merkle, registry, signatures
from protocol.contracts import continuation
from protocol.documents import Statement
from protocol.errors import StatementError
from protocol.log import Accepted, Position, Reducer, SeenAhead
from protocol.signatures import Signed
from protocol.state import MemoryState

#: Fewer signatures than this are checked before a worker has started.
WORTH_WORKERS: Final = 4_000
#: From here on a checker for the processor of the reducer as well pays for its start.
MANY: Final = 40_000
MOST_WORKERS: Final = 2
#: Chunks between feeding and reducing.
IN_FLIGHT: Final = 16


class RulesFailed(Exception):
    """A contract of ours broke down: the log can be neither confirmed nor refuted."""

    def __init__(self, index: int, error: Exception) -> None:
        super().__init__(
            f"the rules of this program broke down at entry {index}: {type(error).__name__}: {error}"
        )
        self.index = index


class History:
    """The leaf hashes so far, 32 bytes each, with the roots of complete blocks of 256, so that any
    earlier root costs little (P3).
    """

    def __init__(self) -> None:
        self._leaves = bytearray()
        self._blocks: list[bytes] = []

    @property
    def size(self) -> int:
        return len(self._leaves) // 32

    def extend(self, leaves: Sequence[bytes]) -> None:
        self._leaves += b"".join(leaves)
        for start in range(len(self._blocks) * 256, self.size - 255, 256):
            self._blocks.append(merkle.root(self.leaves(start, start + 256)))

    def blocks(self) -> list[bytes]:
        """Roots of the complete blocks of 256 leaves: the hashes of tile level 1."""
        return list(self._blocks)

    def leaves(self, start: int, stop: int) -> list[bytes]:
        return [bytes(self._leaves[at : at + 32]) for at in range(start * 32, stop * 32, 32)]

    def root_at(self, size: int) -> bytes:
        blocks, rest = divmod(size, 256)
        edge = merkle.CompactRange()
        edge.extend(self._blocks[:blocks])
        left = edge.to_hashes()
        if not rest:
            return edge.root()
        right = merkle.root(self.leaves(size - rest, size))
        for root in reversed(left):
            right = merkle.node_hash(root, right)
        return right


@dataclass(frozen=True, slots=True)
class _Chunk:
    start: int
    statements: Sequence[Statement]
    leaves: Sequence[bytes]
    #: set when an entry after `statements` could not be parsed
    failure: Problem | None
    verdicts: Ticket | list[bool]


class Replayer:
    """A log replayed from its entries. `state`, `head`, `counts` and `history` are what follows from them."""

    def __init__(self, size: int, *, workers: int | None = None, verified_before: int = 0) -> None:
        """`size` is the expected number of entries; signatures of entries before `verified_before` are
        not checked again.
        """
        self.state = MemoryState()
        self.history = History()
        self.counts: Counter[str] = Counter()
        self.signatures_checked = 0
        self.problem: Problem | None = None
        #: told every entry the rules allow; may find a problem of its own
        self.observer: Callable[[Accepted], Problem | None] | None = None
        self._reducer = Reducer(self.state, self.history)
        self._verified_before = verified_before
        self._waiting: deque[_Chunk] = deque()
        wanted = _checkers_for(size - verified_before) if workers is None else workers
        worth = wanted > 0 and size - verified_before >= WORTH_WORKERS
        self._checkers = Checkers(wanted) if worth else None

    @property
    def head(self) -> Position:
        return self._reducer.position

    def digest(self) -> bytes:
        """State digest (SPEC §9.2)."""
        return registry.state_digest(self.state.items())

    def close(self) -> None:
        if self._checkers is not None:
            self._checkers.close()

    def __enter__(self) -> Replayer:
        self._gc = gc.isenabled()
        gc.disable()  # nothing here makes cycles, and walking a large state again and again costs a tenth
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
        if self._gc:
            gc.enable()

    def feed(self, entries: Sequence[bytes], leaves: Sequence[bytes] | None = None) -> Problem | None:
        """The next entries (and their leaf hashes, when known). Returns the first problem found so far;
        afterwards nothing more is taken.
        """
        if self.problem is not None:
            return self.problem
        start = self.history.size
        if leaves is None:
            leaves = [merkle.leaf_hash(raw) for raw in entries]
        statements, failure = _parsed(entries, start)
        self.history.extend(leaves[: len(statements) + (failure is not None)])
        self._waiting.append(_Chunk(start, statements, leaves, failure, self._check(start, statements)))
        if failure is not None:
            return self.finish()
        while len(self._waiting) > (IN_FLIGHT if self._checkers else 0):
            if self._reduce(self._waiting.popleft()):
                break
        return self.problem

    def finish(self) -> Problem | None:
        while self._waiting and self.problem is None:
            self._reduce(self._waiting.popleft())
        return self.problem

    def _check(self, start: int, statements: Sequence[Statement]) -> Ticket | list[bool]:
        if start + len(statements) <= self._verified_before:
            return [True] * len(statements)
        self.signatures_checked += len(statements)
        items: list[Signed] = [(each.kid, each.sig_structure, each.signature) for each in statements]
        if self._checkers is None:
            return signatures.verify_many(items)
        return self._checkers.submit(items)

    def _reduce(self, chunk: _Chunk) -> Problem | None:
        verdicts = chunk.verdicts if isinstance(chunk.verdicts, list) else chunk.verdicts.result()
        for place, (statement, valid) in enumerate(zip(chunk.statements, verdicts, strict=True)):
            self.problem = self._append(chunk.start + place, statement, chunk.leaves[place], valid)
            if self.problem is not None:
                return self.problem
        self.problem = chunk.failure
        return self.problem

    def _append(self, index: int, statement: Statement, leaf: bytes, valid: bool) -> Problem | None:
        if not valid:
            return Problem("bad_signature", index, statement.type, "signature", signer=statement.iss)
        if statement.type == continuation.TYPE and not self._state_is_named(index, statement):
            return Problem("state_mismatch", index, statement.type, "state", signer=statement.iss)
        try:
            outcome = self._reducer.offer(statement, leaf)
        except SeenAhead:
            ahead = statement.seen is not None and statement.seen.size > index
            code = "seen_ahead" if ahead else "seen_fork"
            return Problem(code, index, statement.type, "seen", signer=statement.iss)
        except Exception as error:  # a contract's bug must not look like a verdict
            raise RulesFailed(index, error) from error
        if not isinstance(outcome, Accepted):
            return Problem(
                outcome.code, index, statement.type, outcome.at, facts=outcome.facts, signer=statement.iss
            )
        self.counts[statement.type] += 1
        return self.observer(outcome) if self.observer else None

    def _state_is_named(self, index: int, statement: Statement) -> bool:
        """A continuation names the state it goes on from (P18); its second signature repeats the first."""
        body = statement.payload
        return body.get("size") != index or body.get("state") == self.digest()


def _parsed(entries: Sequence[bytes], start: int) -> tuple[list[Statement], Problem | None]:
    """The statements up to the first entry that is none."""
    statements: list[Statement] = []
    try:
        for raw in entries:
            statements.append(documents.parse(raw))
    except StatementError as error:
        return statements, Problem(error.code, start + len(statements), field=error.field or None)
    return statements, None


def _checkers_for(count: int) -> int:
    """Reducing takes a good half of the time of checking, so two checkers are all the reducer can keep
    busy. On a long log one for each processor, the reducer's too: what it leaves idle is used."""
    processors = os.cpu_count() or 1
    return min(processors if count >= MANY and processors > 1 else processors - 1, MOST_WORKERS)


@contextmanager
def replaying(size: int, *, workers: int | None = None, verified_before: int = 0) -> Iterator[Replayer]:
    signatures.self_check()
    with Replayer(size, workers=workers, verified_before=verified_before) as replayer:
        yield replayer
