"""What a start compares before anything is signed (P15, design §5).

Four witnesses of how far this log has come: the database, the head database (never restored from a backup),
the files under `data/log`, and the last signed checkpoint among them. What is behind for a known reason is
brought forward; everything else is doubt, and doubt means reading only, with a sentence for the operator.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from coopnode.keystore import Keystore
from coopnode.store.heads import Heads, StoredHead
from coopnode.store.log_store import LogConflict, LogStore
from coopnode.store.state_store import SnapshotState
from coopnode.store.tree_store import TreeStore
from coopnode.tiles_writer import LogFiles
from protocol import checkpoints, documents, merkle, tiles
from protocol.checkpoints import Checkpoint
from protocol.contract import View
from protocol.contracts import continuation, cooperative
from protocol.errors import NoteError, ProtocolError, TileError
from protocol.identifiers import origin
from protocol.log import Head
from protocol.notes import NoteKey
from protocol.tiles import TILE_WIDTH, Tile


class _Doubt(Exception):
    pass


@dataclass
class Standing:
    """Where the log stands. With `doubt` nothing is written or signed."""

    head: Head
    #: size of the checkpoint that is out
    published: int = 0
    #: up to this size the files are right
    tiles: int = 0
    doubt: str | None = None
    #: what was found behind and will be brought forward
    notes: list[str] = field(default_factory=list)


def examine(store: LogStore, tree: TreeStore, files: LogFiles, heads: Heads, keys: Keystore) -> Standing:
    """Compares; changes nothing."""
    standing = Standing(Head.empty())
    try:
        _examine(standing, store, tree, files, heads, keys)
    except _Doubt as doubt:
        standing.doubt = str(doubt)
    except (LogConflict, ProtocolError) as error:
        standing.doubt = f"the database does not hold together: {error}"
    return standing


def _examine(
    standing: Standing,
    store: LogStore,
    tree: TreeStore,
    files: LogFiles,
    heads: Heads,
    keys: Keystore,
) -> None:
    size = store.size()
    if size == 0:
        if files.checkpoint() is not None or heads.origins():
            raise _Doubt(
                "the database is empty, but this node has kept a log before; restore it from a backup"
            )
        return
    name = cooperative.genesis_id(documents.parse(store.raw(0, 1)[0]))
    state = SnapshotState(store.database.raw_reader)
    generation = continuation.standing(View(state, continuation.DOMAIN)).number
    standing.head = head = store.head(name, generation, tree)
    _check_keys(store, keys)
    _check_end(store, tree, size)
    known = heads.get(origin(name, generation))
    _check_generation(name, generation, known, heads)
    _check_heads(standing, known, tree, head, heads)
    _check_signed(store.signed_at_least(), known)
    signed = _signed(files, keys, name, generation)
    if signed is not None:
        if known is None or signed.size > known.size:
            # The head is always stored before the signature: this one was made by somebody else, or the
            # head database is old.
            raise _Doubt(
                f"a checkpoint of {signed.size} entries is signed that the head database does not know"
            )
        if tree.root_at(signed.size) != signed.root:
            raise _Doubt(
                f"the signed checkpoint of {signed.size} entries is not of this log: "
                "the database holds another history"
            )
        standing.published = signed.size
        standing.tiles = _check_files(standing, files, tree, store, signed.size)
    if standing.published < size:
        standing.notes.append(f"{size - standing.published} entries were committed and not yet published")


def _check_keys(store: LogStore, keys: Keystore) -> None:
    found = cooperative.cooperative(View(SnapshotState(store.database.raw_reader), cooperative.DOMAIN))
    if found is None:
        raise _Doubt("the database has entries and no state; it was not written by this program as it is")
    if (found.log_key, found.node_key) != (keys.log_pub, keys.node_pub):
        raise _Doubt(
            "the keys under data/keys are not those of this log; put back the ones it was founded with"
        )


def _check_end(store: LogStore, tree: TreeStore, size: int) -> None:
    """The newest entries against their hashes: a torn write would show here."""
    start = (size - 1) // TILE_WIDTH * TILE_WIDTH
    hashes = tiles.split_tile(tile := Tile(0, start // TILE_WIDTH, size - start), tree.read_tile(tile))
    for index, raw in enumerate(store.raw(start, size), start):
        if merkle.leaf_hash(raw) != hashes[index - start]:
            raise _Doubt(f"entry {index} in the database is not the one in its tree")
    tree.root_at(size)


def _check_generation(name: str, generation: int, known: StoredHead | None, heads: Heads) -> None:
    """P18: the head database outlives a database of an earlier generation, and may be one behind after a
    crash."""
    if known is None and generation and heads.get(origin(name, generation - 1)) is not None:
        raise _Doubt("a continuation of this log was not finished; repeat coopnode continue")
    if heads.get(origin(name, generation + 1)) is not None:
        raise _Doubt(
            f"this log was continued as generation {generation + 1}, and the database is of the one before: "
            "an older copy was restored"
        )


def _check_heads(
    standing: Standing, known: StoredHead | None, tree: TreeStore, head: Head, heads: Heads
) -> None:
    if known is None:
        if heads.origins():
            raise _Doubt("the head database belongs to another log")
        return
    if known.size > head.size:
        raise _Doubt(
            f"this node has had {known.size} entries, its database holds {head.size}: an older copy was "
            f"restored. Entries {head.size} to {known.size - 1} are missing; coopnode restore --data DIR "
            "takes them from data/log, coopnode restore --data DIR --from DIR|URL from another copy"
        )
    if tree.root_at(known.size) != known.root:
        raise _Doubt(
            f"the first {known.size} entries are not those this node had: the database holds another history"
        )
    if known.size < head.size:
        standing.notes.append(f"the head database is {head.size - known.size} entries behind and will follow")


def _check_signed(least: int, known: StoredHead | None) -> None:
    """The database of several machines is newer than the data directory of one that stood by."""
    size = known.size if known is not None else 0
    if size < least:
        raise _Doubt(
            f"the head database knows {size} entries, but this log was signed up to {least} at least: this "
            "data directory is an older copy. Bring all of it (head, log, attachments, vault-keys.db) from "
            "the machine that wrote last, while no node runs"
        )


def _signed(files: LogFiles, keys: Keystore, name: str, generation: int) -> Checkpoint | None:
    note = files.checkpoint()
    if note is None:
        return None
    try:
        return checkpoints.open_checkpoint(note, NoteKey(origin(name, generation), keys.log_pub))
    except NoteError as error:
        raise _Doubt(f"data/log/checkpoint is not a checkpoint of this log: {error}") from error


def _check_files(standing: Standing, files: LogFiles, tree: TreeStore, store: LogStore, size: int) -> int:
    """Up to where the files are complete. All must exist; of the contents the newest are compared (`verify`
    compares all)."""
    missing: int | None = None
    newest = (size - 1) // TILE_WIDTH
    for tile in tiles.tiles_for(size):
        for path in (tile, Tile("entries", tile.index, tile.width)) if tile.level == 0 else (tile,):
            if not (files.folder / path.path).exists():
                first = min(size, tile.start << tiles.TILE_HEIGHT * int(tile.level))
                missing = first if missing is None else min(missing, first)
        if tile.level == 0 and tile.index >= newest - 1:
            _compare(files, tree, store, tile)
    if missing is None:
        return size
    standing.notes.append(f"files of the log are missing from entry {missing} on and will be made again")
    return missing


def _compare(files: LogFiles, tree: TreeStore, store: LogStore, tile: Tile) -> None:
    hashes, bundle = files.read(tile), files.read(Tile("entries", tile.index, tile.width))
    if hashes is not None and hashes != tree.read_tile(tile):
        raise _Doubt(f"the file {tile.path} differs from the database")
    if bundle is None:
        return
    try:
        entries = tiles.decode_bundle(bundle, tile.width)
    except TileError as error:
        raise _Doubt(f"the entry bundle {tile.index} is damaged: {error}") from error
    if entries != store.raw(tile.start, tile.start + tile.width):
        raise _Doubt(f"the entry bundle {tile.index} differs from the database")
