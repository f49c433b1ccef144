"""Tiles: names, widths, contents and proofs from tiles, against a naive tree (C2SP tlog-tiles)."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocol import merkle, tiles
from protocol.errors import ProtocolError, TileError
from protocol.tiles import Tile

LEAVES = [merkle.leaf_hash(index.to_bytes(4, "big")) for index in range(70_000)]
HASH_AT = merkle.subtrees(LEAVES)
SIZES = [1, 2, 255, 256, 257, 511, 512, 600, 65_535, 65_536, 65_537, 65_792, 70_000]


def reader(log: dict[str, bytes]) -> Callable[[Tile], bytes]:
    return lambda tile: log[tile.path]


def written(size: int) -> dict[str, bytes]:
    return {tile.path: tiles.hash_tile(HASH_AT, tile) for tile in tiles.tiles_for(size)}


BIG = written(70_000)
BIG_ROOT = merkle.root_at(HASH_AT, 70_000)


def test_published_paths() -> None:
    assert tiles.tile_path(0, 1234067) == "tile/0/x001/x234/067"
    assert tiles.tile_path("entries", 1234067, 8) == "tile/entries/x001/x234/067.p/8"
    assert tiles.tile_path(63, 0, 1) == "tile/63/000.p/1"
    assert tiles.tile_path(1, 999) == "tile/1/999"
    assert tiles.tile_path(1, 1000) == "tile/1/x001/000"


def test_published_shapes() -> None:
    """The two examples of the specification: 70,000 leaves and 256."""
    shape = tiles.tiles_for(70_000)
    assert [tile for tile in shape if tile.level == 0][:273] == [Tile(0, index) for index in range(273)]
    assert shape[273:] == [Tile(0, 273, 112), Tile(1, 0), Tile(1, 1, 17), Tile(2, 0, 1)]
    assert tiles.tiles_for(256) == [Tile(0, 0), Tile(1, 0, 1)]
    assert tiles.tiles_for(0) == []


@given(
    st.one_of(st.just("entries"), st.integers(0, 63)),
    st.integers(0, 2**55 - 1),
    st.integers(1, 256),
)
def test_path_identity(level: tiles.Level, index: int, width: int) -> None:
    tile = Tile(level, index, width)
    assert tiles.parse_tile_path(tile.path) == tile


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/0001",
        "tile/0/x000/001",
        "tile/0/x000/x001/001",
        "tile/0/001/001",
        "tile/0/x001",
        "tile/0/x1/001",
        "tile/00/001",
        "tile/64/001",
        "tile/-1/001",
        "tile/entry/001",
        "tile/0/001.p",
        "tile/0/001.p/",
        "tile/0/001.p/0",
        "tile/0/001.p/256",
        "tile/0/001.p/01",
        "tile/0/001.p/1/",
        "tile/0/001\n",
        "tile/0/٠٠١",
        "/tile/0/001",
        "tile/0/../001",
        "tile/0/" + "x999/" * 6 + "999",
        "tile/0/" + "x001/" * 7 + "001",
    ],
)
def test_broken_paths(path: str) -> None:
    with pytest.raises(TileError):
        tiles.parse_tile_path(path)


@given(st.text(max_size=40) | st.text("tile/0123xp.", max_size=30).map(lambda rest: "tile/" + rest))
def test_any_path(path: str) -> None:
    try:
        tile = tiles.parse_tile_path(path)
    except TileError:
        return
    assert tile.path == path


@pytest.mark.parametrize(
    ("level", "index", "width"), [(-1, 0, 1), (64, 0, 1), (0, -1, 1), (0, 2**55, 1), (0, 0, 0), (0, 0, 257)]
)
def test_tiles_that_do_not_exist(level: int, index: int, width: int) -> None:
    with pytest.raises(ValueError, match="tile"):
        tiles.tile_path(level, index, width)


def test_widths_are_the_specified_ones() -> None:
    for size in SIZES:
        for level in range(4):
            row = size // 256**level
            expected = [Tile(level, index) for index in range(row // 256)]
            if row % 256:
                expected.append(Tile(level, row // 256, row % 256))
            assert [tile for tile in tiles.tiles_for(size) if tile.level == level] == expected


@settings(max_examples=200)
@given(st.integers(0, 70_000), st.integers(0, 70_000))
def test_growing_names_what_is_missing(one: int, other: int) -> None:
    old, new = sorted((one, other))
    grown = tiles.new_tiles(old, new)
    present = set(tiles.tiles_for(old))
    assert not present & set(grown)
    assert set(tiles.tiles_for(new)) == {tile for tile in present if tile in set(tiles.tiles_for(new))} | set(
        grown
    )
    assert len(set(grown)) == len(grown)


def test_content_is_of_complete_subtrees() -> None:
    assert BIG["tile/0/000"] == b"".join(LEAVES[:256])
    assert BIG["tile/1/000"][:32] == merkle.root(LEAVES[:256])
    assert BIG["tile/1/001.p/17"][-32:] == merkle.root(LEAVES[272 * 256 : 273 * 256])
    assert BIG["tile/2/000.p/1"] == merkle.root(LEAVES[:65_536])


def test_extend_in_any_steps() -> None:
    chance = random.Random(3)
    for steps in ([70_000], [1, 255, 1, 65_279, 1, 4_463], None):
        log: dict[str, bytes] = {}
        size = 0
        while size < 70_000:
            step = steps.pop(0) if steps else min(chance.choice([1, 7, 256, 300, 9_000]), 70_000 - size)
            before = set(log)
            added = list(tiles.extend_tiles(reader(log), size, LEAVES[size : size + step]))
            assert [tile for tile, _ in added] == tiles.new_tiles(size, size + step)
            log.update({tile.path: content for tile, content in added})
            assert before <= set(log)
            size += step
        assert {path: log[path] for path in BIG} == BIG
    assert list(tiles.extend_tiles(reader({}), 5, [])) == []


def test_extend_refuses_a_damaged_tile() -> None:
    with pytest.raises(TileError):
        list(tiles.extend_tiles(lambda tile: b"short", 5, [bytes(32)]))


@pytest.mark.parametrize("size", SIZES)
def test_proofs_from_tiles(size: int) -> None:
    log = written(size)
    root = merkle.root_at(HASH_AT, size)
    chance = random.Random(size)
    for known in (None, root):
        hash_at = tiles.hash_reader(reader(log), size, root=known)
        assert merkle.root_at(hash_at, size) == root
        for _ in range(20):
            index, old = chance.randrange(size), chance.randrange(size + 1)
            assert merkle.inclusion_path(hash_at, index, size) == merkle.inclusion_path(HASH_AT, index, size)
            assert merkle.consistency_path(hash_at, old, size) == merkle.consistency_path(HASH_AT, old, size)


def test_few_tiles_are_read() -> None:
    read: list[Tile] = []

    def read_tile(tile: Tile) -> bytes:
        read.append(tile)
        return BIG[tile.path]

    merkle.inclusion_path(tiles.hash_reader(read_tile, 70_000, root=BIG_ROOT), 12_345, 70_000)
    assert len(read) == len(set(read)) <= 6


@pytest.mark.parametrize(
    "path", ["tile/0/048", "tile/0/273.p/112", "tile/1/000", "tile/1/001.p/17", "tile/2/000.p/1"]
)
def test_a_forged_tile_is_found(path: str) -> None:
    forged = bytearray(BIG[path])
    forged[5] ^= 1
    hash_at = tiles.hash_reader(reader(BIG | {path: bytes(forged)}), 70_000, root=BIG_ROOT)
    for _ in range(2):  # and again: a failure must not count as having looked
        with pytest.raises(TileError):
            merkle.inclusion_path(hash_at, 12_345, 70_000)


def test_a_tile_that_changes_later_is_found() -> None:
    """Many tiles are read, so that the reader forgets; the right edge is not asked for again."""
    served = dict(BIG)
    hash_at = tiles.hash_reader(reader(served), 70_000, root=BIG_ROOT)
    for index in range(273):
        assert hash_at(0, index * 256) == LEAVES[index * 256]
    served["tile/1/001.p/17"] = bytes(17 * 32)
    served["tile/0/273.p/112"] = bytes(112 * 32)
    assert hash_at(0, 69_999) == LEAVES[69_999]
    served["tile/0/000"] = bytes(8192)
    with pytest.raises(TileError):
        hash_at(0, 0)


def test_wrong_lengths() -> None:
    for content in (b"", bytes(31), bytes(8191), bytes(8193), bytes(8224)):
        with pytest.raises(TileError):
            tiles.split_tile(Tile(0, 0), content)
        with pytest.raises(TileError):
            tiles.hash_reader(lambda tile, content=content: content, 256)(0, 0)  # type: ignore[misc]


def test_incomplete_subtrees() -> None:
    hash_at = tiles.hash_reader(reader(BIG), 70_000)
    for level, index in ((0, 70_000), (1, 35_000), (16, 1), (17, 0), (-1, 0), (0, -1)):
        with pytest.raises(ValueError, match="complete"):
            hash_at(level, index)


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=256))
def test_bundle_identity(entries: list[bytes]) -> None:
    data = tiles.encode_bundle(entries)
    assert tiles.decode_bundle(data) == entries
    assert tiles.decode_bundle(data, len(entries)) == entries
    for width in (len(entries) - 1, len(entries) + 1):
        with pytest.raises(TileError):
            tiles.decode_bundle(data, width)


def test_bundle_bytes() -> None:
    assert tiles.encode_bundle([b"ab", b"", b"c"]) == b"\0\2ab\0\0\0\1c"
    assert tiles.decode_bundle(tiles.encode_bundle([bytes(65_535)])) == [bytes(65_535)]


@pytest.mark.parametrize("entries", [[], [b""] * 257, [bytes(65_536)]], ids=["none", "257", "too long"])
def test_bundles_that_cannot_be(entries: list[bytes]) -> None:
    with pytest.raises(TileError):
        tiles.encode_bundle(entries)


@pytest.mark.parametrize("data", [b"", b"\0", b"\0\1", b"\0\2a", b"\0\1ab", b"\0\1a\0", b"\0\0" * 257])
def test_broken_bundles(data: bytes) -> None:
    with pytest.raises(TileError):
        tiles.decode_bundle(data)


@given(st.binary(max_size=100), st.none() | st.integers(1, 256))
def test_any_bundle(data: bytes, width: int | None) -> None:
    try:
        entries = tiles.decode_bundle(data, width)
    except ProtocolError:
        return
    assert tiles.encode_bundle(entries) == data


def test_verify_bundle() -> None:
    entries = [index.to_bytes(4, "big") for index in range(256, 512)]
    hash_at = tiles.hash_reader(reader(BIG), 70_000, root=BIG_ROOT)
    bundle = Tile("entries", 1)
    tiles.verify_bundle(hash_at, bundle, entries)
    with pytest.raises(TileError, match="number"):
        tiles.verify_bundle(hash_at, bundle, entries[:-1])
    with pytest.raises(TileError, match="entry 300"):
        tiles.verify_bundle(hash_at, bundle, [*entries[:44], b"forged", *entries[45:]])
    with pytest.raises(ValueError, match="no hashes"):
        tiles.hash_tile(hash_at, bundle)
