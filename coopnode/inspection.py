"""`coopnode verify`: one's own data directory re-checked as if it were somebody else's (design §5).

The entries of the database are replayed by the auditor's pipeline. What the database keeps beside them -
hashes, columns, state - must follow from their bytes; so must the files under `data/log`, the separate
head
database, the records in the vault and, rebuilt in a copy, the tables of the pages. Nothing is changed;
the node may run
meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

from coopnode import keystore, recovery
from coopnode.audit.pipeline import RESULTS, Progress
from coopnode.audit.replay import Replayer, replaying
from coopnode.audit.report import Problem, Report
from coopnode.audit.sources import Directory, Missing, SourceError, read_checkpoint, read_tile
from coopnode.config import database_of
from coopnode.projections import Projection, Projections
from coopnode.store import fsck, transfer, vault
from coopnode.store.database import FILE as DATABASE
from coopnode.store.database import StoreError, open_database
from coopnode.store.fsck import EntryRow, Snapshot
from coopnode.store.heads import Heads, HeadsMissing
from protocol import checkpoints, commitments, encoding, merkle, registry, tiles
from protocol.checkpoints import Checkpoint
from protocol.contract import State, View
from protocol.contracts import cooperative
from protocol.contracts import vault as erasing
from protocol.documents import Statement
from protocol.errors import EncodingError, NoteError, StatementError, TileError
from protocol.identifiers import origin
from protocol.log import Accepted
from protocol.notes import NoteKey
from protocol.tiles import TILE_WIDTH, Tile


def verify(
    data: Path,
    *,
    projections: Sequence[Projection] = (),
    progress: Progress | None = None,
    workers: int | None = None,
) -> Report:
    """The node of this directory, with the database that its settings name.

    Raises SourceError when there is nothing that could be checked, RulesFailed as `audit` does."""
    return inspect(data, database_of(data), projections=projections, progress=progress, workers=workers)


def inspect(
    data: Path,
    url: str | None,
    *,
    projections: Sequence[Projection] = (),
    progress: Progress | None = None,
    workers: int | None = None,
) -> Report:
    """`verify` with a database given: PostgreSQL at `url`, or with None the file in the directory, whatever
    the settings say."""
    try:
        with fsck.snapshot(data, url) as snapshot:
            return _Inspection(data, url, snapshot, projections, progress, workers).run()
    except StoreError as error:
        raise SourceError(str(error)) from error


class _Inspection:
    def __init__(
        self,
        data: Path,
        url: str | None,
        snapshot: Snapshot,
        projections: Sequence[Projection],
        progress: Progress | None,
        workers: int | None,
    ) -> None:
        self._data = data
        self._url = url
        self._snapshot = snapshot
        self._projections = projections
        self._progress: Progress = progress or (lambda done, total: None)
        self._workers = workers
        self._files = Directory(data)
        self._notes: list[str] = []
        #: rows whose statements the replayer has not judged yet
        self._rows: dict[int, EntryRow] = {}
        #: entry that wrote a record of the state last
        self._writer: dict[tuple[str, str], int] = {}
        #: texts that entries name: digest → (index, type) of the first
        self._texts: dict[bytes, tuple[int, str]] = {}
        #: entries with private fields: document digest → (index, type, root)
        self._private: dict[bytes, tuple[int, str, bytes]] = {}

    def run(self) -> Report:
        started = time.perf_counter()
        size = self._snapshot.size()
        damage = self._snapshot.integrity()
        with replaying(size, workers=self._workers) as replayer:
            replayer.observer = self._judged
            problem = Problem("entry_changed", where=f"{DATABASE}: {damage}") if damage else None
            problem = problem or self._entries(replayer, size)
            checkpoint = None if problem else self._checkpoint(replayer)
            if isinstance(checkpoint, Problem):
                problem, checkpoint = checkpoint, None
            problem = problem or self._rest(replayer, checkpoint)
        found = cooperative.cooperative(View(replayer.state, cooperative.DOMAIN))
        head = replayer.head
        return Report(
            source=str(self._data),
            cooperative=head.cooperative,
            name=found.name if found else None,
            origin=origin(head.cooperative, head.generation) if head.cooperative else None,
            size=size,
            root=replayer.history.root_at(head.size) if head.size else b"",
            tick=head.tick,
            entries=head.size,
            signatures=replayer.signatures_checked,
            state_digest=replayer.digest() if problem is None else None,
            counts=dict(replayer.counts),
            results=sum(replayer.counts[name] for name in RESULTS),
            seconds=time.perf_counter() - started,
            problem=problem and replace(problem, own=True),
            notes=tuple(dict.fromkeys(self._notes)),
        )

    # -- entries, hashes and columns

    def _entries(self, replayer: Replayer, size: int) -> Problem | None:
        expected = 0
        for block in _blocks(self._snapshot.entries()):
            for row in block:
                if row.idx != expected:
                    return replayer.finish() or Problem("entry_missing", expected, where="entries")
                expected += 1
                self._rows[row.idx] = row
            start = block[0].idx
            leaves = [merkle.leaf_hash(row.raw) for row in block]
            place = self._first_difference(start, leaves)
            sound = block if place is None else block[:place]
            problem = replayer.feed([row.raw for row in sound], leaves)
            if problem is not None:
                return problem
            if place is not None:
                row = block[place]
                return replayer.finish() or Problem("entry_changed", row.idx, row.type, where="entries")
            self._progress(replayer.head.size, size)
        problem = replayer.finish()
        self._progress(replayer.head.size, size)
        return problem or self._upper_hashes(replayer)

    def _first_difference(self, start: int, leaves: Sequence[bytes]) -> int | None:
        kept = self._snapshot.tile(0, start // TILE_WIDTH)
        for place, leaf in enumerate(leaves):
            if kept[32 * place : 32 * place + 32] != leaf:
                return place
        return None

    def _upper_hashes(self, replayer: Replayer) -> Problem | None:
        for level, number, hashes in _upper_tiles(replayer):
            kept = self._snapshot.tile(level, number)
            for place, expected in enumerate(hashes):
                if kept[32 * place : 32 * place + 32] != expected:
                    first = (number * TILE_WIDTH + place) << 8 * level
                    return Problem("tile_mismatch", first, where=f"tree {level}/{number}")
        return None

    def _judged(self, accepted: Accepted) -> Problem | None:
        """Called for every entry the rules allow: do the columns say the same as the bytes?"""
        statement = accepted.statement
        row = self._rows.pop(accepted.index)
        expected = EntryRow(
            accepted.index,
            statement.digest,
            statement.entry_digest,
            statement.type,
            statement.iss,
            statement.sub,
            accepted.tick,
            statement.iat,
            statement.exp,
            statement.cti,
            statement.raw,
        )
        if row != expected:
            wrong = next(name for name in EntryRow._fields if getattr(row, name) != getattr(expected, name))
            return Problem("entry_row", accepted.index, statement.type, wrong, where="entries")
        for place in accepted.writes:
            self._writer[place] = accepted.index
        named = statement.payload.get("blob")
        if isinstance(named, bytes):
            self._texts.setdefault(named, (accepted.index, statement.type))
        if statement.payload.get("private") is not None:
            self._remember(accepted.index, statement)
        return None

    def _remember(self, index: int, statement: Statement) -> None:
        self._private[statement.digest] = (index, statement.type, statement.payload["private"])

    # -- what was signed

    def _checkpoint(self, replayer: Replayer) -> Checkpoint | Problem | None:
        head = replayer.head
        if head.cooperative is None:
            return None
        name = origin(head.cooperative, head.generation)
        found = cooperative.cooperative(View(replayer.state, cooperative.DOMAIN))
        assert found is not None
        try:
            note = read_checkpoint(self._files)
        except Missing:
            self._notes.append("unpublished")
            return self._heads(replayer, name, None)
        try:
            checkpoint = checkpoints.open_checkpoint(note, NoteKey(name, found.log_key))
        except NoteError:
            return Problem("checkpoint_signature", where="log/checkpoint")
        if checkpoint.size > head.size:
            return Problem("rolled_back", head.size, facts={"size": checkpoint.size}, where="log/checkpoint")
        if replayer.history.root_at(checkpoint.size) != checkpoint.root:
            return Problem("root_mismatch", where="log/checkpoint")
        if checkpoint.size < head.size:
            self._notes.append("unpublished")
        return self._heads(replayer, name, checkpoint) or checkpoint

    def _heads(self, replayer: Replayer, name: str, checkpoint: Checkpoint | None) -> Problem | None:
        wrong = Problem("head_file_mismatch", where="head/head.db")
        try:
            heads = Heads(self._data, create=False)
        except HeadsMissing:
            return Problem("head_file_missing", where="head/head.db")
        known = heads.get(name)
        heads.close()
        if known is None:
            return wrong if checkpoint is not None else None
        if known.size > replayer.head.size:
            size = replayer.head.size
            return Problem("head_file_mismatch", size, facts={"size": known.size}, where="head/head.db")
        if replayer.history.root_at(known.size) != known.root:
            return wrong
        return wrong if checkpoint is not None and checkpoint.size > known.size else None

    # -- everything else

    def _rest(self, replayer: Replayer, checkpoint: Checkpoint | None) -> Problem | None:
        steps: tuple[Callable[[], Problem | None], ...] = (
            lambda: self._state(replayer),
            lambda: self._published(replayer, checkpoint),
            lambda: self._records(replayer.state),
            self._blobs,
            self._tables,
        )
        return next((problem for step in steps if (problem := step()) is not None), None)

    def _state(self, replayer: Replayer) -> Problem | None:
        """Both ascend by (domain, key): the first difference of two sorted lists."""
        kept = self._snapshot.state()
        row = next(kept, None)
        for domain, key, record in replayer.state.items():
            if row is None or (domain, key) < (row.domain, row.key):
                return self._state_problem("state_missing", domain, key)
            if (row.domain, row.key) < (domain, key):
                return self._state_problem("state_extra", row.domain, row.key)
            if row.value != registry.encode_record(record):
                return self._state_problem("state_row", domain, key)
            row = next(kept, None)
        return None if row is None else self._state_problem("state_extra", row.domain, row.key)

    def _state_problem(self, code: str, domain: str, key: str) -> Problem:
        return Problem(code, self._writer.get((domain, key)), where=f"state {domain} {key}")

    def _published(self, replayer: Replayer, checkpoint: Checkpoint | None) -> Problem | None:
        """The files that others fetch."""
        size = checkpoint.size if checkpoint else 0
        for tile in tiles.tiles_for(size):
            level = int(tile.level)
            if level:
                below = replayer.history.blocks()
                expected = _row(below, level)[tile.start : tile.start + tile.width]
            else:
                expected = replayer.history.leaves(tile.start, tile.start + tile.width)
            problem = self._file(tile, expected) or (self._bundle(tile, expected) if level == 0 else None)
            if problem is not None:
                return problem
        return None

    def _file(self, tile: Tile, expected: Sequence[bytes]) -> Problem | None:
        first = tile.start << 8 * int(tile.level)
        try:
            data = read_tile(self._files, tile)
        except Missing:
            return Problem("tile_mismatch", first, where=f"log/{tile.path}")
        for place, leaf in enumerate(expected):
            if data[32 * place : 32 * place + 32] != leaf:
                index = (tile.start + place) << 8 * int(tile.level)
                return Problem("tile_mismatch", index, where=f"log/{tile.path}")
        return None

    def _bundle(self, tile: Tile, leaves: Sequence[bytes]) -> Problem | None:
        name = Tile("entries", tile.index, tile.width)
        where = f"log/{name.path}"
        try:
            entries = tiles.decode_bundle(read_tile(self._files, name), tile.width)
        except (Missing, TileError):
            return Problem("bundle_malformed", tile.start, where=where)
        for index, (entry, leaf) in enumerate(zip(entries, leaves, strict=True), tile.start):
            if merkle.leaf_hash(entry) != leaf:
                return Problem("entry_not_in_tree", index, where=where)
        return None

    def _records(self, state: State) -> Problem | None:
        waiting, said = dict(self._private), View(state, erasing.DOMAIN)
        lost, opened = self._lost(), self._open_vault()
        for row in self._snapshot.records():
            if erasing.is_erased(said, row.digest):
                return Problem("record_not_erased", row.idx, row.type, where="private_records")
            known = waiting.pop(row.digest, None)
            if known is None or known[:2] != (row.idx, row.type):
                return Problem("record_mismatch", row.idx, row.type, where="private_records")
            if opened is not None:
                problem = _check_record(opened, row, known[2])
                if problem is not None:
                    return problem
        if opened is not None:
            opened.close()
        for digest, (index, type, _) in sorted(waiting.items(), key=lambda item: item[1]):
            if erasing.is_erased(said, digest):
                continue
            if index in lost:
                self._notes.append("records_lost")
                continue
            return Problem("record_missing", index, type, where="private_records")
        return None

    def _lost(self) -> set[int]:
        """Entries whose private record or text went with a machine, as a restore noted it."""
        return set(json.loads(self._snapshot.meta(recovery.LOST) or "[]"))

    def _open_vault(self) -> vault.Vault | None:
        if not (self._data / vault.FILE).exists():
            return None
        try:
            return vault.Vault(self._data, keystore.load(self._data / "keys").vault)
        except keystore.KeystoreError:
            self._notes.append("records_unchecked")
            return None

    def _blobs(self) -> Problem | None:
        for blob in self._snapshot.blobs():
            if hashlib.sha256(blob.bytes).digest() != blob.digest:
                return Problem("blob_mismatch", where=f"blobs {blob.digest.hex()}")
            self._texts.pop(blob.digest, None)
        lost = self._lost()
        for digest, (index, type) in self._texts.items():
            if index in lost:
                self._notes.append("records_lost")
                continue
            return Problem("blob_missing", index, type, where=f"blobs {digest.hex()}")
        folder = self._data / vault.ATTACHMENTS
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            if len(path.name) == 64 and hashlib.sha256(path.read_bytes()).hexdigest() != path.name:
                return Problem("attachment_mismatch", where=f"{vault.ATTACHMENTS}/{path.name}")
        return None

    def _tables(self) -> Problem | None:
        """Tables of the pages, against the same ones filled anew in a copy."""
        filled = dict(self._snapshot.table("projection_versions", ("name", "version")))
        # Of another version, or just copied: a start fills them before anybody reads them.
        current = [each for each in self._projections if filled.get(each.name) == each.version]
        names = [table.name for each in current for table in each.tables]
        if len(current) < len(self._projections):
            self._notes.append("models_unfilled")
        if not names:
            return None
        with tempfile.TemporaryDirectory(prefix="coopnode-verify-") as folder:
            transfer.copy_node(self._data, self._url, Path(folder))
            copied = open_database(Path(folder))
            try:
                Projections(self._projections).prepare(copied, rebuild=True)
            finally:
                copied.close()
            with fsck.snapshot(Path(folder)) as anew:
                if anew.size() != self._snapshot.size():
                    self._notes.append("running")
                    return None
                there = set(self._snapshot.tables())
                for name in names:
                    if name not in there or list(self._snapshot.rows(name)) != list(anew.rows(name)):
                        return Problem("projection_mismatch", where=name)
        return None


def _check_record(opened: vault.Vault, row: fsck.RecordRow, root: bytes) -> Problem | None:
    try:
        plain = opened.open(row.digest, row.box)
    except vault.Erased:
        return None
    except vault.VaultError:
        return Problem("record_unreadable", row.idx, row.type, where="private_records")
    fields = [each.name for each in registry.TYPES[row.type].private]
    try:
        record: Any = encoding.decode(plain, limit=len(plain))
        found = commitments.root(row.type, fields, record)
    except (EncodingError, StatementError):
        found = b""
    if found != root:
        return Problem("record_mismatch", row.idx, row.type, where="private_records")
    return None


def _blocks(rows: Iterator[EntryRow]) -> Iterator[list[EntryRow]]:
    while block := list(islice(rows, TILE_WIDTH)):
        yield block


def _row(below: list[bytes], level: int) -> list[bytes]:
    """Hashes of tile level `level` from those of level 1."""
    for _ in range(level - 1):
        full = len(below) // TILE_WIDTH
        below = [merkle.root(below[at * TILE_WIDTH : (at + 1) * TILE_WIDTH]) for at in range(full)]
    return below


def _upper_tiles(replayer: Replayer) -> Iterator[tuple[int, int, list[bytes]]]:
    level, row = 1, replayer.history.blocks()
    while row:
        for start in range(0, len(row), TILE_WIDTH):
            yield level, start // TILE_WIDTH, row[start : start + TILE_WIDTH]
        level, row = level + 1, _row(row, 2)
