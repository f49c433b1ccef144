"""The Merkle tree as rows of tiles, written in the log's transaction (SPEC §9.1).

The rows are what the files under `data/log` are copied from and what proofs are made of; from them a start
takes the tree's right edge without reading an entry.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterable

from coopnode.store.driver import Driver
from coopnode.store.rows import insert_rows
from protocol import merkle, tiles
from protocol.errors import TileError
from protocol.merkle import CompactRange, HashAt
from protocol.tiles import TILE_WIDTH, Tile

_REMEMBERED = 512
_WRITE = "INSERT INTO tree (level, number, hashes)"
_OVER = "ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes"


class TreeStore:
    """Tiles through `connection` (called in the using thread), with full tiles remembered; they never
    change."""

    def __init__(self, connection: Callable[[], Driver]) -> None:
        self._connection = connection
        self._full: OrderedDict[tuple[int, int], bytes] = OrderedDict()

    def read_tile(self, tile: Tile) -> bytes:
        """Raises TileError when the row is missing or too short."""
        if not isinstance(tile.level, int):
            raise ValueError("an entry bundle holds no hashes")
        place = (tile.level, tile.index)
        data = self._full.get(place)
        if data is None:
            row = (
                self._connection()
                .execute("SELECT hashes FROM tree WHERE level = ? AND number = ?", place)
                .fetchone()
            )
            data = row[0] if row else b""
            if len(data) == 32 * TILE_WIDTH:
                self._full[place] = data
                if len(self._full) > _REMEMBERED:
                    self._full.popitem(last=False)
        if len(data) < 32 * tile.width:
            raise TileError(f"{tile.path} is missing in the database")
        return data[: 32 * tile.width]

    def forget(self) -> None:
        self._full.clear()

    def reader(self, size: int) -> HashAt:
        return tiles.hash_reader(self.read_tile, size)

    def root_at(self, size: int) -> bytes:
        return merkle.root_at(self.reader(size), size)

    def edge(self, size: int) -> CompactRange:
        """The compact range of the first `size` leaves."""
        hash_at = self.reader(size)
        hashes: list[bytes] = []
        start = 0
        for level in range(size.bit_length() - 1, -1, -1):
            if size >> level & 1:
                hashes.append(hash_at(level, start >> level))
                start += 1 << level
        return CompactRange.from_hashes(size, hashes)

    def write(self, connection: Driver, old_size: int, leaves: Iterable[bytes]) -> None:
        """Adds leaf hashes within the caller's transaction. Old rows are read through the same connection:
        it sees its own writes."""

        def read(tile: Tile) -> bytes:
            row = connection.execute(
                "SELECT hashes FROM tree WHERE level = ? AND number = ?", (tile.level, tile.index)
            ).fetchone()
            if row is None or len(row[0]) < 32 * tile.width:
                raise TileError(f"{tile.path} is missing in the database")
            return bytes(row[0][: 32 * tile.width])

        rows = [
            (tile.level, tile.index, data) for tile, data in tiles.extend_tiles(read, old_size, list(leaves))
        ]
        insert_rows(connection, _WRITE, rows, _OVER)
