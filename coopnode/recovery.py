"""Rolling an older copy of a node forward (SPEC §9.6, P16, P18): entries it lacks are taken from surviving
tiles, an export, a mirror or an increment of the backup, judged again and appended with their original bytes.

Nothing is believed but signatures and hashes. A source counts as far as its checkpoint is signed by this
log's key, or as the head database says; the copy must be a beginning of it, else there are two histories and
nothing is written. What a log does not hold does not come back this way: private records and public texts of
the entries taken over are missing until somebody has them, and are named; an increment has them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Final

from coopnode import erasure, keystore
from coopnode.audit.sources import Missing, Source, SourceError, read_checkpoint, read_tile
from coopnode.projections import Projection, Projections
from coopnode.search import people
from coopnode.store.database import STORAGE_ERRORS, get_meta, open_database, set_meta
from coopnode.store.heads import StoredHead
from coopnode.store.log_store import Blob, Box, LogStore
from coopnode.store.schema import outbox, sessions
from coopnode.store.sql import Connection, delete, update
from coopnode.store.state_store import StateStore
from coopnode.store.tree_store import TreeStore
from coopnode.store.vault import Sealed, Vault
from coopnode.tiles_writer import LogFiles
from protocol import checkpoints, documents, merkle, registry, signatures, tiles
from protocol.contract import View
from protocol.contracts import continuation, cooperative
from protocol.contracts import vault as erasing
from protocol.documents import Statement
from protocol.errors import NoteError, ProtocolError, TileError
from protocol.identifiers import origin, parse_origin
from protocol.log import Accepted, Batch, SeenAhead
from protocol.notes import NoteKey, parse_note
from protocol.tiles import TILE_WIDTH, Tile

if TYPE_CHECKING:
    from coopnode.increments import Increment

#: Row of `meta`: indexes of entries whose private records were lost with a machine, as JSON.
LOST: Final = "records_lost"
_MAX_BLOB: Final = 2**24
#: Entries whose files are written together: whole tiles of two levels.
_AT_ONCE: Final = TILE_WIDTH**2
_LATER: Final = ("seen_unknown", "seen_fork")


class RecoveryError(Exception):
    """The copy cannot be rolled forward; nothing of the source was taken. The sentence says why."""


@dataclass(slots=True)
class Rolled:
    """`before` and `size` count entries; what is missing of those taken over is named by index."""

    cooperative: str
    origin: str
    before: int
    size: int
    root: bytes
    #: legal time of the last entry, seconds
    tick: int
    source: str | None = None
    #: how many entries there were after the increment, when there was one
    increment: int | None = None
    #: the largest signed head that was found, and its note
    signed: StoredHead | None = None
    note: bytes | None = None
    records_missing: list[tuple[int, str]] = field(default_factory=list)
    texts_missing: list[int] = field(default_factory=list)
    #: what was wrong with sources that were not used
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Target:
    source: Source
    head: StoredHead
    generation: int
    #: whether the source itself says that it leads so far; the head database may know of more than it has
    said: bool


def roll_forward(
    data: Path,
    sources: Sequence[Source],
    known: Callable[[str], StoredHead | None],
    projections: Sequence[Projection] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
    increment: Increment | None = None,
) -> Rolled:
    """First to the end of the increment, then as far as a source leads. `known` tells what the head database
    says of an origin.

    The caller holds the directory. Raises RecoveryError, StoreError, KeystoreError.
    """
    database = open_database(data)
    try:
        vault = Vault(data, keystore.load(data / "keys").vault)
        try:
            roll = _Roll(data, LogStore(database), vault, Projections(projections), progress, increment)
            return roll.run(sources, known)
        finally:
            vault.close()
    except STORAGE_ERRORS as error:
        raise RecoveryError(f"{data} cannot be written: {error}") from error
    finally:
        database.close()


def root_at(data: Path, size: int) -> bytes:
    """Of the first `size` entries, from the tree in the database."""
    database = open_database(data)
    try:
        return TreeStore(database.raw_reader).root_at(size)
    finally:
        database.close()


def write_files(data: Path, files: LogFiles, size: int) -> None:
    """The tiles and bundles under a checkpoint of `size` entries, from the database."""
    database = open_database(data)
    try:
        read_tile, read_entries = TreeStore(database.raw_reader).read_tile, LogStore(database).raw
        for start in range(0, size, _AT_ONCE):
            files.write(start, min(start + _AT_ONCE, size), read_tile, read_entries)
    finally:
        database.close()


class _Roll:
    def __init__(
        self,
        data: Path,
        store: LogStore,
        vault: Vault,
        projections: Projections,
        progress: Callable[[int, int], None],
        increment: Increment | None,
    ) -> None:
        self._data, self._increment = data, increment
        self._store, self._vault, self._projections, self._progress = store, vault, projections, progress
        self._tree = TreeStore(store.database.raw_reader)
        self._state = StateStore(store.database.raw_reader)
        #: the largest signed head so far, by generation and size
        self._signed: tuple[int, StoredHead] | None = None
        #: what sources vouch for, by generation
        self._vouched: list[tuple[int, StoredHead]] = []
        #: (index, type, document) of entries whose private records nobody had
        self._missing: list[tuple[int, str, bytes]] = []

    def run(self, sources: Sequence[Source], known: Callable[[str], StoredHead | None]) -> Rolled:
        size = self._store.size()
        found = cooperative.cooperative(View(self._state, cooperative.DOMAIN))
        if not size or found is None:
            raise RecoveryError("the copy holds no log yet")
        name = cooperative.genesis_id(documents.parse(self._store.raw(0, 1)[0]))
        generation = continuation.standing(View(self._state, continuation.DOMAIN)).number
        self._head = self._store.head(name, generation, self._tree)
        log = origin(name, generation)
        done = Rolled(name, log, size, size, self._head.tree.root(), self._head.tick)
        self._done = done
        self._projections.prepare(self._store.database)
        # Its keys and boxes may not be all there yet: the next start fills it.
        self._store.database.write_now(people.discard)
        if self._increment is not None:
            self._take(self._increment, found.log_key)
        targets = list(self._targets(sources, name, found.log_key, known))
        # Whatever was vouched for of one generation must be one history: where it leads on, and what it
        # passes.
        self._vouched = [(target.generation, target.head) for target in targets]
        for target in sorted(targets, key=lambda item: (-item.generation, -item.head.size)):
            if target.head.size > done.size and self._follow(target):
                break
        done.origin = origin(name, self._head.generation)
        done.size, done.root, done.tick = self._head.size, self._head.tree.root(), self._head.tick
        said = View(self._state, erasing.DOMAIN)
        done.records_missing = [
            (index, type) for index, type, document in self._missing if not erasing.is_erased(said, document)
        ]
        return done

    def _take(self, increment: Increment, key: bytes) -> None:
        """What came between the backup and its increment. Whoever could open it vouches for its end, as for
        the backup's. Raises RecoveryError."""
        about, start = increment.manifest, self._head
        if about.origin != self._done.origin:
            raise RecoveryError(f"{increment.name} is of {about.origin}, the backup of {self._done.origin}")
        if about.start != start.size or about.start_root != start.tree.root():
            raise RecoveryError(f"{increment.name} does not follow on this backup")
        target = _Target(increment, StoredHead(about.size, about.root), start.generation, True)
        if about.size > start.size and not self._follow(target):
            raise RecoveryError(self._done.notes.pop())
        self._store.database.write_now(increment.take_over)
        self._done.increment, self._done.source = self._head.size, None
        with suppress(Missing):  # made before the first checkpoint
            self._signed_by(increment, self._done.cooperative, key)

    # -- where to

    def _targets(
        self,
        sources: Sequence[Source],
        name: str,
        key: bytes,
        known: Callable[[str], StoredHead | None],
    ) -> Iterator[_Target]:
        for source in sources:
            try:
                log, generation, head = self._signed_by(source, name, key)
            except Missing:
                self._done.notes.append(f"{source.name} has no checkpoint")
                continue
            except SourceError as error:
                self._done.notes.append(str(error))
                continue
            except ProtocolError:
                self._done.notes.append(f"the checkpoint of {source.name} is not signed by this log")
                continue
            yield _Target(source, head, generation, True)
            stored = known(log)
            if stored is not None:
                # The files go out before the signature: a crash in between leaves more than is signed.
                yield _Target(source, stored, generation, False)

    def _signed_by(self, source: Source, name: str, key: bytes) -> tuple[str, int, StoredHead]:
        """(origin, generation, head) of a source's checkpoint. Raises RecoveryError for another history,
        SourceError and ProtocolError for one that is not there or not ours."""
        note = read_checkpoint(source)
        log, generation = self._origin_of(note, name)
        signed = checkpoints.open_checkpoint(note, NoteKey(log, key))
        head = StoredHead(signed.size, signed.root)
        if head.size <= self._head.size and self._tree.root_at(head.size) != head.root:
            raise RecoveryError(f"{source.name} holds another history, signed by this log, than the copy")
        largest = self._signed
        if largest is None or (largest[0], largest[1].size) < (generation, head.size):
            self._signed = generation, head
            self._done.signed, self._done.note = head, note
        return log, generation, head

    def _origin_of(self, note: bytes, name: str) -> tuple[str, int]:
        """Of this log, in our generation or one that went on from it. Raises ProtocolError."""
        claimed = checkpoints.parse(parse_note(note)[0]).origin
        found, generation = parse_origin(claimed)
        if found != name or generation < self._head.generation:
            raise NoteError("a checkpoint of another log")
        return claimed, generation

    def _follow(self, target: _Target) -> bool:
        """Whether the copy now ends where the target says."""
        start, head, name = self._head.size, target.head, target.source.name
        try:
            hash_at = tiles.hash_reader(
                lambda tile: read_tile(target.source, tile), head.size, root=head.root
            )
            if merkle.root_at(hash_at, start) != self._head.tree.root():
                raise RecoveryError(f"{name} holds another history, signed by this log, than the copy")
            for generation, other in self._vouched:
                if generation != target.generation:
                    continue
                if other.size <= head.size and merkle.root_at(hash_at, other.size) != other.root:
                    raise RecoveryError(
                        f"{name} holds another history than the one of {other.size} entries that this log "
                        "signed too"
                    )
            with fetched(target.source, self._head.tree, head, self._data) as blocks:
                for block in blocks:
                    self._append(target.source, block)
                    self._progress(self._head.size - start, head.size - start)
        except (SourceError, TileError) as error:
            if target.said:
                self._done.notes.append(f"{name} is not whole: {error}")
            return False
        self._done.source = name
        return True

    # -- taking over

    def _append(self, source: Source, block: Sequence[bytes]) -> None:
        statements = [documents.parse(raw) for raw in block]
        signed = [(each.kid, each.sig_structure, each.signature) for each in statements]
        if not all(signatures.verify_many(signed)):
            raise RecoveryError(f"a signature of the entries from {self._head.size} on does not hold")
        waiting = statements
        while waiting:
            taken = self._commit(source, waiting)
            waiting = waiting[taken:]

    def _commit(self, source: Source, statements: Sequence[Statement]) -> int:
        """One transaction; ends before an entry whose `seen` names one of this batch (P3)."""
        nonces = self._store.nonces(self._head)
        batch = Batch(self._head, self._state, nonces, self._tree)
        for statement in statements:
            try:
                outcome = batch.offer(statement)
            except SeenAhead:
                if batch.accepted:
                    break
                raise RecoveryError(f"entry {self._head.size} has seen another history") from None
            if not isinstance(outcome, Accepted):
                if batch.accepted and outcome.code in _LATER:
                    break
                raise RecoveryError(
                    f"entry {self._head.size + len(batch.accepted)} is refused by the rules: {outcome.code}"
                )
        self._write(batch, source)
        return len(batch.accepted)

    def _write(self, batch: Batch, source: Source) -> None:
        accepted = list(batch.accepted)
        erased = erasure.named(accepted)
        private = [entry for entry in accepted if _private(entry)]
        records = {entry.index: found for entry in private if (found := self._record(entry)) is not None}
        lost = [entry for entry in private if entry.index not in records]
        known = len(self._done.texts_missing)
        texts = [text for entry in accepted if (text := self._text(entry, source)) is not None]
        gone = [entry.index for entry in lost] + self._done.texts_missing[known:]

        def also(connection: Connection) -> None:
            erasure.drop(connection, erased)
            self._projections.apply(connection, accepted)
            _settle(connection, self._done.before, accepted[-1].tick)
            note_lost(connection, gone)

        size = self._head.size
        boxes = [box for box, _ in records.values()]
        if records:
            self._vault.keep([key for _, key in records.values()])
        self._store.append(
            size, accepted, batch.leaf_hashes, batch.writes, boxes=boxes, blobs=texts, also=also
        )
        self._vault.erase(erased)
        self._state.applied(batch.writes)
        self._head = batch.head
        self._missing += [(entry.index, entry.statement.type, entry.statement.digest) for entry in lost]

    def _record(self, entry: Accepted) -> tuple[Box, Sealed] | None:
        """The private record of an entry and its key, when the increment has them."""
        if self._increment is None:
            return None
        return self._increment.record(entry.statement.digest, entry.index)

    def _text(self, entry: Accepted, source: Source) -> Blob | None:
        """The public text an entry names, when the copy lacks it and the source has it."""
        digest = entry.statement.payload.get("blob")
        if not isinstance(digest, bytes) or self._store.find_blob(digest) is not None:
            return None
        try:
            data = source.read(f"blobs/{digest.hex()}", _MAX_BLOB)
        except SourceError:
            data = b""
        if hashlib.sha256(data).digest() == digest:
            return Blob(digest, "text/plain", data)
        self._done.texts_missing.append(entry.index)
        return None


@contextmanager
def fetched(
    source: Source, tree: merkle.CompactRange, head: StoredHead, folder: Path
) -> Iterator[Iterator[list[bytes]]]:
    """The entries of a source from the end of `tree` to `head`, in blocks of at most 256, all of them held
    against the head before the first is given out. They wait in a nameless file in `folder`, not in memory.

    Raises SourceError, TileError."""
    start, grown = tree.size, tree.copy()
    with TemporaryFile(dir=folder) as waiting:
        lengths: list[int] = []
        for first in range(start // TILE_WIDTH * TILE_WIDTH, head.size, TILE_WIDTH):
            width = min(TILE_WIDTH, head.size - first)
            bundle = tiles.decode_bundle(
                read_tile(source, Tile("entries", first // TILE_WIDTH, width)), width
            )
            block = bundle[max(0, start - first) :]
            for raw in block:
                grown.append(merkle.leaf_hash(raw))
            lengths.append(waiting.write(tiles.encode_bundle(block)))
        if grown.root() != head.root:
            raise TileError(f"its entries from {start} on are not those of its tree")
        waiting.seek(0)
        yield (tiles.decode_bundle(waiting.read(length)) for length in lengths)


def _private(entry: Accepted) -> bool:
    return bool(registry.TYPES[entry.statement.type].private)


def _settle(connection: Connection, start: int, tick: int) -> None:
    """What the lost machine has done already is not done again: letters that were due have left; whoever
    signed out since the copy was made stays signed out."""
    left = (outbox.c.idx >= start, outbox.c.due_at <= tick, outbox.c.done_at.is_(None))
    connection.execute(update(outbox).where(*left).values(done_at=tick))
    connection.execute(delete(sessions))


def note_lost(connection: Connection, indexes: Sequence[int]) -> None:
    if indexes:
        held = json.loads(get_meta(connection, LOST) or "[]")
        set_meta(connection, LOST, json.dumps([*held, *(index for index in indexes if index not in held)]))
