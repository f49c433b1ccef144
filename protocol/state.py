"""The state that a log leads to (SPEC §9.2): records by domain and key, and the deadlines among them."""

from __future__ import annotations

import hashlib
from bisect import bisect_left, insort
from collections.abc import Iterator, Mapping

from protocol.contract import Deadline, Record, State
from protocol.encoding import encode_text

#: Domain of the deadlines; their keys begin with the time.
DEADLINES = "deadline"


class Overlay:
    """Writes over a state that is not touched."""

    __slots__ = ("base", "writes")

    def __init__(self, base: State, writes: dict[tuple[str, str], Record | None] | None = None) -> None:
        """`writes` are those there are already; more go into the same."""
        self.base = base
        self.writes = {} if writes is None else writes

    def get(self, domain: str, key: str) -> Record | None:
        writes = self.writes
        if writes and (place := (domain, key)) in writes:
            return writes[place]
        return self.base.get(domain, key)

    def scan(self, domain: str, start: str, stop: str) -> Iterator[tuple[str, Record]]:
        changed = {
            key: value
            for (where, key), value in self.writes.items()
            if where == domain and start <= key < stop
        }
        if not changed:
            yield from self.base.scan(domain, start, stop)
            return
        kept = [(key, value) for key, value in self.base.scan(domain, start, stop) if key not in changed]
        new = [(key, value) for key, value in changed.items() if value is not None]
        yield from sorted(kept + new, key=lambda item: item[0])


class MemoryState:
    """State in memory: for audits, tests and the browserless tools.

    The keys of a kind are kept in order from the first time on that somebody scans it: most kinds never are,
    and their order is what would make a large replay slow.
    """

    def __init__(self) -> None:
        self._values: dict[str, dict[str, Record]] = {}
        #: by domain, the kinds that have been scanned
        self._scanned: dict[str, dict[str, _Keys]] = {}

    def get(self, domain: str, key: str) -> Record | None:
        values = self._values.get(domain)
        return None if values is None else values.get(key)

    def scan(self, domain: str, start: str, stop: str) -> Iterator[tuple[str, Record]]:
        values = self._values.get(domain)
        if values is None:
            return
        for key in self._between(domain, start, stop):
            yield key, values[key]

    def apply(self, writes: Mapping[tuple[str, str], Record | None]) -> None:
        for (domain, key), value in writes.items():
            values = self._values.get(domain)
            if values is None:
                values = self._values[domain] = {}
            if domain in self._scanned and (keys := self._scanned[domain].get(_kind(domain, key))):
                if value is None and key in values:
                    keys.drop(key)
                elif value is not None and key not in values:
                    keys.add(key)
            if value is not None:
                values[key] = value
            else:
                values.pop(key, None)

    def items(self) -> Iterator[tuple[str, str, Record]]:
        for domain in sorted(self._values):
            values = self._values[domain]
            for key in sorted(values):
                yield domain, key, values[key]

    def _between(self, domain: str, start: str, stop: str) -> list[str]:
        values, kind = self._values[domain], _kind(domain, start)
        if not stop.startswith(kind) or not (kind or domain == DEADLINES):
            return sorted(key for key in values if start <= key < stop)
        scanned = self._scanned.setdefault(domain, {})
        keys = scanned.get(kind)
        if keys is None:
            keys = scanned[kind] = _Keys(sorted(key for key in values if key.startswith(kind)))
        return keys.between(start, stop)


def _kind(domain: str, key: str) -> str:
    """`<kind>/` of a key; deadlines are of one kind, their keys begin with a time."""
    return "" if domain == DEADLINES else key[: key.find("/") + 1]


class _Keys:
    """Keys of one kind: ordered ones, ones that came since, and those of the ordered that are gone."""

    __slots__ = ("_gone", "_new", "_ordered")

    def __init__(self, ordered: list[str]) -> None:
        self._ordered = ordered
        self._new: dict[str, None] = {}
        self._gone: set[str] = set()

    def add(self, key: str) -> None:
        if key in self._gone:
            self._gone.discard(key)
        else:
            self._new[key] = None

    def drop(self, key: str) -> None:
        if key in self._new:
            del self._new[key]
        else:
            self._gone.add(key)

    def between(self, start: str, stop: str) -> list[str]:
        keys, new, gone = self._ordered, self._new, self._gone
        if new:
            if len(new) < 8:
                for key in new:
                    insort(keys, key)
            else:
                keys += new
                keys.sort()  # two runs, the first already in order: cheaper than it looks
            new.clear()
        if len(gone) > 8 + len(keys) // 8:
            keys[:] = [key for key in keys if key not in gone]
            gone.clear()
        found = keys[bisect_left(keys, start) : bisect_left(keys, stop)]
        return [key for key in found if key not in gone] if gone else found


def state_digest(items: Iterator[tuple[str, str, bytes]]) -> bytes:
    """SHA-256 over CBOR [domain, key, value] of every record, ascending by (domain, key) as text (SPEC §9.2).

    `value` is the encoded record; it is spliced in, so that a node needs not decode its table."""
    sum = hashlib.sha256()
    for domain, key, value in items:
        sum.update(b"\x83" + encode_text(domain) + encode_text(key) + value)
    return sum.digest()


def deadline_key(domain: str, deadline: Deadline) -> str:
    """`<time, 12 digits>/<domain>/<kind>/<id>`: ascending keys are ascending deadlines."""
    return f"{deadline.time:012d}/{domain}/{deadline.kind}/{deadline.id}"


def next_deadline(state: State) -> int | None:
    """The earliest time after which a tick is due."""
    found = next(state.scan(DEADLINES, "", "9"), None)
    return int(found[0][:12]) if found else None
