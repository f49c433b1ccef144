"""Tiles and entry bundles of a log (C2SP tlog-tiles v0.1.0).

The tree is cut into tiles 8 levels high. The n-th tile of tile level l holds up to 256 hashes of complete
subtrees of 256^l leaves each; only rightmost tiles are partial, and a partial tile is never hashed
upward. An entry bundle holds the entries under one level-0 tile.

Here are names, contents and arithmetic only. Reading and writing files is the caller's: ``read_tile``
takes a :class:`Tile` and returns its bytes, and may raise whatever suits it (that goes through unchanged).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from protocol.errors import TileError
from protocol.merkle import HASH_BYTES, MAX_SIZE, HashAt, leaf_hash, node_hash, root_at

__all__ = [
    "MAX_ENTRY_BYTES",
    "MAX_LEVEL",
    "TILE_HEIGHT",
    "TILE_WIDTH",
    "Level",
    "ReadTile",
    "Tile",
    "decode_bundle",
    "encode_bundle",
    "extend_tiles",
    "hash_reader",
    "hash_tile",
    "new_tiles",
    "parse_tile_path",
    "split_tile",
    "tile_path",
    "tiles_for",
    "verify_bundle",
]

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 256
MAX_LEVEL: Final = 63
MAX_ENTRY_BYTES: Final = 65_535

_TILES_REMEMBERED: Final = 256

Level: TypeAlias = int | Literal["entries"]

# A tree of 2^63 leaves has 2^55 level-0 tiles: seven groups of three digits at most.
_PATH: Final = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class Tile:
    """The name of a hash tile at a level, or (level "entries") of an entry bundle.

    ``width`` is the number of hashes or entries, 1 to 256; below 256 the tile is partial.
    """

    level: Level
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Relative to the log's prefix: see :func:`tile_path`."""
        return tile_path(self.level, self.index, self.width)

    @property
    def start(self) -> int:
        """Index of the first hash of this tile within its row (for level 0 and entries: of the entry)."""
        return self.index * TILE_WIDTH


ReadTile: TypeAlias = Callable[[Tile], bytes]


def tile_path(level: Level, index: int, width: int = TILE_WIDTH) -> str:
    """``tile/<level>/<index>[.p/<width>]``: index 1234067 at level 0 is ``tile/0/x001/x234/067``.

    Raises:
        ValueError: a level, index or width that no tile has.
    """
    if level != "entries" and not 0 <= level <= MAX_LEVEL:
        raise ValueError("a tile level is within 0 and 63")
    if not 0 <= index <= MAX_SIZE // TILE_WIDTH:
        raise ValueError("no tree has that many tiles")
    if not 1 <= width <= TILE_WIDTH:
        raise ValueError("a tile is 1 to 256 wide")
    groups = [f"{index % 1000:03d}"]
    while index >= 1000:
        index //= 1000
        groups.append(f"x{index % 1000:03d}")
    name = f"tile/{level}/{'/'.join(reversed(groups))}"
    return name if width == TILE_WIDTH else f"{name}.p/{width}"


def parse_tile_path(path: str) -> Tile:
    """The tile named by a path, which must be exactly what :func:`tile_path` prints.

    Raises:
        TileError: any other text (one tile must have one address, for caches and for the file system).
    """
    match = _PATH.fullmatch(path)
    if match is None:
        raise TileError("not the path of a tile")
    level: Level = "entries" if match["level"] == "entries" else int(match["level"])
    index = int(match["index"].replace("/", "").replace("x", ""))
    width = int(match["width"]) if match["width"] else TILE_WIDTH
    try:
        printed = tile_path(level, index, width)
    except ValueError as error:
        raise TileError(str(error)) from error
    if printed != path:
        raise TileError("not the canonical path of a tile")
    return Tile(level, index, width)


def tiles_for(size: int) -> list[Tile]:
    """Every hash tile of a tree of ``size`` leaves, partial ones with their width, lowest level first.

    The entry bundles are those of level 0, under the level "entries".
    """
    return new_tiles(0, size)


def new_tiles(old_size: int, new_size: int) -> list[Tile]:
    """The hash tiles to write when a tree grows from ``old_size`` to ``new_size`` leaves, lowest level first.

    A partial tile that grew is named again with its new width; sizes in between leave nothing behind.
    """
    if not 0 <= old_size <= new_size <= MAX_SIZE:
        raise ValueError("a tree only grows")
    tiles: list[Tile] = []
    level = 0
    while new_size:
        if new_size > old_size:
            full, rest = divmod(new_size, TILE_WIDTH)
            tiles.extend(Tile(level, index) for index in range(old_size // TILE_WIDTH, full))
            if rest:
                tiles.append(Tile(level, full, rest))
        level += 1
        old_size //= TILE_WIDTH
        new_size //= TILE_WIDTH
    return tiles


def hash_tile(hash_at: HashAt, tile: Tile) -> bytes:
    """The content of a hash tile: ``32 * width`` bytes, in the language of complete subtrees."""
    height = _height(tile)
    return b"".join(hash_at(height, index) for index in range(tile.start, tile.start + tile.width))


def split_tile(tile: Tile, data: bytes) -> list[bytes]:
    """The hashes of a tile's content.

    Raises:
        TileError: the content has not exactly ``32 * width`` bytes.
    """
    if len(data) != tile.width * HASH_BYTES:
        raise TileError(f"{tile.path} must have {tile.width * HASH_BYTES} bytes, not {len(data)}")
    return [data[start : start + HASH_BYTES] for start in range(0, len(data), HASH_BYTES)]


def extend_tiles(
    read_tile: ReadTile, old_size: int, leaf_hashes: Sequence[bytes]
) -> Iterator[tuple[Tile, bytes]]:
    """The tiles of :func:`new_tiles` with their contents, when leaves are appended to a tree in tiles.

    Reads at most one tile per level, the partial one on the right edge. What was written is not trusted
    here: compare the root of the result with the one about to be signed (:func:`hash_reader`).

    Raises:
        TileError: an old tile has the wrong length.
    """
    if not 0 <= old_size <= MAX_SIZE - len(leaf_hashes):
        raise ValueError("a tree has at most 2^63 - 1 leaves")
    level = 0
    added = list(leaf_hashes)
    while added:
        index, width = divmod(old_size, TILE_WIDTH)
        if width:
            old = Tile(level, index, width)
            added = split_tile(old, read_tile(old)) + added
        above: list[bytes] = []
        for start in range(0, len(added), TILE_WIDTH):
            hashes = added[start : start + TILE_WIDTH]
            yield Tile(level, index, len(hashes)), b"".join(hashes)
            if len(hashes) == TILE_WIDTH:
                above.append(_rows(hashes)[TILE_HEIGHT][0])
            index += 1
        level += 1
        old_size //= TILE_WIDTH
        added = above


def hash_reader(read_tile: ReadTile, size: int, *, root: bytes | None = None) -> HashAt:
    """``hash_at`` of :mod:`protocol.merkle` for a tree of ``size`` leaves, answered from its tiles.

    With ``root`` (of a checkpoint whose signature was verified) every hash is authenticated before it is
    returned: the partial tiles together give the root, and a full tile must hash to its place in the tile
    above. Without it the tiles are taken as they are, which suits a log reading its own.

    The reader remembers the tiles of a few proofs; make a new one for another size.

    Raises:
        TileError: (when called) a tile has the wrong length, or does not belong to the tree of ``root``.
        ValueError: (when called) a subtree that is not complete in a tree of this size.
    """
    if not 0 <= size <= MAX_SIZE:
        raise ValueError("a tree has at most 2^63 - 1 leaves")
    # Per tile the hashes of all levels inside it: 255 more hashes once, and each later question is free.
    # The right edge is kept for good: a partial tile is authenticated once, by all of them together.
    loaded: dict[tuple[int, int], list[list[bytes]]] = {}
    edge: dict[int, list[list[bytes]]] = {}
    trusted = root is None

    def rows_of(level: int, index: int) -> list[list[bytes]]:
        width = min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - index * TILE_WIDTH)
        rows = loaded.get((level, index)) if width == TILE_WIDTH else edge.get(level)
        if rows is not None:
            return rows
        tile = Tile(level, index, width)
        rows = _rows(split_tile(tile, read_tile(tile)))
        if width < TILE_WIDTH:
            edge[level] = rows
            return rows
        if root is not None:
            above = rows_of(level + 1, index // TILE_WIDTH)
            if rows[TILE_HEIGHT][0] != above[0][index % TILE_WIDTH]:
                raise TileError(f"{tile.path} does not belong to this tree")
        if len(loaded) >= _TILES_REMEMBERED:
            loaded.clear()
        loaded[level, index] = rows
        return rows

    def read(level: int, index: int) -> bytes:
        tile_level, inner = divmod(level, TILE_HEIGHT)
        tile_index, place = divmod(index, TILE_WIDTH >> inner)
        return rows_of(tile_level, tile_index)[inner][place]

    def hash_at(level: int, index: int) -> bytes:
        nonlocal trusted
        if level < 0 or index < 0 or (index + 1) << level > size:
            raise ValueError("that subtree is not complete in this tree")
        if not trusted:
            # The complete subtrees that make the root lie in the partial tiles, and fill them.
            if root_at(read, size) != root:
                raise TileError("the tiles on the right edge do not give this root")
            trusted = True
        return read(level, index)

    return hash_at


def encode_bundle(entries: Iterable[bytes]) -> bytes:
    """The content of an entry bundle: for each entry its length (big-endian u16) and its bytes.

    Raises:
        TileError: no entries, more than 256, or one longer than 65,535 bytes.
    """
    parts: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise TileError("an entry has at most 65,535 bytes")
        parts.append(len(entry).to_bytes(2, "big"))
        parts.append(entry)
    if not 2 <= len(parts) <= 2 * TILE_WIDTH:
        raise TileError("a bundle has 1 to 256 entries")
    return b"".join(parts)


def decode_bundle(data: bytes, width: int | None = None) -> list[bytes]:
    """The entries of a bundle, ``width`` of them when it is given.

    Raises:
        TileError: the bytes end inside an entry, or the number of entries is wrong.
    """
    entries: list[bytes] = []
    limit = TILE_WIDTH if width is None else width
    position = 0
    while position < len(data):
        if len(entries) == limit:
            raise TileError("the bundle has too many entries")
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        if start > len(data) or position > len(data):
            raise TileError("the bundle ends inside an entry")
        entries.append(data[start:position])
    if not entries or (width is not None and len(entries) != width):
        raise TileError("the bundle has too few entries")
    return entries


def verify_bundle(hash_at: HashAt, bundle: Tile, entries: Sequence[bytes]) -> None:
    """Check that each entry of a bundle hashes to its leaf.

    Raises:
        TileError: a wrong number of entries, or an entry that is not the one in the tree.
    """
    if len(entries) != bundle.width:
        raise TileError("the bundle has the wrong number of entries")
    for index, entry in enumerate(entries, bundle.start):
        if leaf_hash(entry) != hash_at(0, index):
            raise TileError(f"entry {index} is not the one in the tree")


def _height(tile: Tile) -> int:
    if tile.level == "entries":
        raise ValueError("an entry bundle holds no hashes")
    return tile.level * TILE_HEIGHT


def _rows(hashes: list[bytes]) -> list[list[bytes]]:
    """The hashes of a tile and of all complete subtrees above them within the tile."""
    rows = [hashes]
    for _ in range(TILE_HEIGHT):
        below = rows[-1]
        rows.append([node_hash(below[i], below[i + 1]) for i in range(0, len(below) - 1, 2)])
    return rows
