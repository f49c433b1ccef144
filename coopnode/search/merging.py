"""Lists of places in the log, each by an index and the newest first, read as one, a little at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final, NamedTuple

from coopnode.store.sql import Column, Connection, Select

#: Places looked at for one page; a question that needs more is too vague.
MOST_LOOKED_AT: Final = 20_000


class Places(NamedTuple):
    """A query of one column, `idx`, that an index answers in descending order."""

    query: Select[Any]
    idx: Column[Any]


def merged(
    connection: Connection,
    lists: Sequence[Places],
    keep: Callable[[set[int]], set[int]],
    *,
    before: int | None,
    at_once: int,
) -> Iterator[tuple[int | None, int]]:
    """(place, where to go on to see it again), of those that `keep` leaves of a set; (None, where it stopped)
    when there may be more than is looked at."""
    looked_at = 0
    while looked_at < MOST_LOOKED_AT:
        held: set[int] = set()
        ends = []
        for each in lists:
            query = each.query if before is None else each.query.where(each.idx < before)
            rows = connection.execute(query.order_by(each.idx.desc()).limit(at_once)).scalars().all()
            held.update(rows)
            if len(rows) == at_once:
                ends.append(int(rows[-1]))
        before = max(ends) if ends else None
        # What is older than the end of a list that goes on has to wait for it.
        ready = {idx for idx in held if before is None or idx >= before}
        looked_at += len(ready)
        for idx in sorted(keep(ready) if ready else (), reverse=True):
            yield idx, idx + 1
        if before is None:
            return
    assert before is not None
    yield None, before
