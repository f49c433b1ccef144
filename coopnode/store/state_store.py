"""The state table, read through a cache of decoded records (SPEC §9.2).

Only the writer's thread uses a `StateStore` with a cache: it alone knows when a value changes. Other
threads read through `SnapshotState`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache

from coopnode.store.driver import Driver, stream
from coopnode.store.rows import insert_rows, rows_in
from protocol import registry
from protocol.contract import Record
from protocol.state import state_digest

_GET = "SELECT value FROM state WHERE domain = ? AND key = ?"
_MANY = "SELECT key, value FROM state WHERE domain = ? AND key"
_SCAN = "SELECT key, value FROM state WHERE domain = ? AND key >= ? AND key < ? ORDER BY key"
_PUT = "INSERT INTO state (domain, key, value)"
_OVER = "ON CONFLICT (domain, key) DO UPDATE SET value = excluded.value"
#: Bytes of a record that is worth remembering.
_SMALL = 4096
_DELETE = "DELETE FROM state WHERE domain = ? AND key = ?"


@lru_cache(4096)
def _decoded(domain: str, kind: str, value: bytes) -> Record:
    """Equal bytes are one record: records are frozen."""
    return registry.decode_record(domain, kind, value)


def _record(domain: str, key: str, value: bytes) -> Record:
    if len(value) > _SMALL:
        return registry.decode_record(domain, key, value)
    return _decoded(domain, key.partition("/")[0], value)


class SnapshotState:
    """State as one connection sees it, read anew each time. Satisfies `protocol.contract.State`."""

    def __init__(self, connection: Callable[[], Driver]) -> None:
        self._connection = connection

    def get(self, domain: str, key: str) -> Record | None:
        row = self._connection().execute(_GET, (domain, key)).fetchone()
        return _record(domain, key, row[0]) if row else None

    def many(self, domain: str, keys: Iterable[str]) -> dict[str, Record]:
        """Those records that are there, in one question."""
        rows = rows_in(self._connection(), _MANY, keys, (domain,))
        return {key: _record(domain, key, value) for key, value in rows}

    def scan(self, domain: str, start: str, stop: str) -> Iterator[tuple[str, Record]]:
        for key, value in self._connection().execute(_SCAN, (domain, start, stop)):
            yield key, _record(domain, key, value)


class ReadAhead:
    """Records of a state for one list of a page: what a few questions bring, one after another would take a
    way to the database for each line. Satisfies `protocol.contract.State`."""

    def __init__(self, state: SnapshotState) -> None:
        self._state = state
        self._held: dict[tuple[str, str], Record | None] = {}

    def bring(self, domain: str, keys: Iterable[str]) -> None:
        """For `get`, which asks for what was not brought, once."""
        wanted = set(keys)
        found = self._state.many(domain, wanted)
        self._held.update({(domain, key): found.get(key) for key in wanted})

    def get(self, domain: str, key: str) -> Record | None:
        place = (domain, key)
        if place not in self._held:
            self._held[place] = self._state.get(domain, key)
        return self._held[place]

    def scan(self, domain: str, start: str, stop: str) -> Iterator[tuple[str, Record]]:
        return self._state.scan(domain, start, stop)


class StateStore(SnapshotState):
    """With an LRU cache that is changed by `applied` only, after the commit."""

    def __init__(self, connection: Callable[[], Driver], remembered: int = 50_000) -> None:
        super().__init__(connection)
        self._cache: OrderedDict[tuple[str, str], Record | None] = OrderedDict()
        self._remembered = remembered

    def get(self, domain: str, key: str) -> Record | None:
        place = (domain, key)
        cache = self._cache
        if place in cache:
            cache.move_to_end(place)
            return cache[place]
        found = super().get(domain, key)
        self._remember(place, found)
        return found

    def scan(self, domain: str, start: str, stop: str) -> Iterator[tuple[str, Record]]:
        cache = self._cache
        for key, value in self._connection().execute(_SCAN, (domain, start, stop)):
            found = cache.get((domain, key))
            if found is None:
                found = registry.decode_record(domain, key, value)
                self._remember((domain, key), found)
            yield key, found

    def applied(self, writes: Mapping[tuple[str, str], Record | None]) -> None:
        """The writes are durable now."""
        for place, value in writes.items():
            self._remember(place, value)

    def forget(self) -> None:
        self._cache.clear()

    def _remember(self, place: tuple[str, str], value: Record | None) -> None:
        self._cache[place] = value
        self._cache.move_to_end(place)
        if len(self._cache) > self._remembered:
            self._cache.popitem(last=False)


def write(connection: Driver, writes: Mapping[tuple[str, str], Record | None]) -> None:
    """Within the caller's transaction."""
    puts = [(*place, registry.encode_record(value)) for place, value in writes.items() if value is not None]
    gone = [place for place, value in writes.items() if value is None]
    insert_rows(connection, _PUT, puts, _OVER)
    if gone:
        connection.executemany(_DELETE, gone)


def digest(connection: Driver) -> bytes:
    """State digest of SPEC §9.2. The order of UTF-8 text by bytes (BINARY in SQLite, collation C in
    PostgreSQL) is the order of code points, as Python sorts."""
    rows = stream(connection, "SELECT domain, key, value FROM state ORDER BY domain, key")
    return state_digest((domain, key, value) for domain, key, value in rows)
