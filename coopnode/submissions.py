"""What is on its way into the log, and the queue it waits in."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import TypeAlias

import msgspec

from coopnode.answers import Answer
from coopnode.store.log_store import Blob
from protocol.documents import Statement

#: How one who waits hears the answer. Called on the loop, once.
Told: TypeAlias = Callable[[Answer], None]


class Submission(msgspec.Struct, frozen=True, eq=False):
    """One statement with what came beside it. `ticket` is the digest of the token that lets a stranger open
    an account."""

    statement: Statement
    record: bytes | None = None
    ticket: bytes | None = None
    blobs: tuple[Blob, ...] = ()


class FairQueue:
    """First in, first out for each account, and the accounts take turns: one busy robot does not delay the
    others (P14)."""

    def __init__(self) -> None:
        self._waiting: OrderedDict[str, deque[Submission]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def put(self, submission: Submission) -> None:
        account = submission.statement.iss
        queue = self._waiting.get(account)
        if queue is None:
            queue = self._waiting[account] = deque()
        queue.append(submission)
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
