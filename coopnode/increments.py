"""Increments: what has come since a whole backup (ADR 12).

`BASE+TIME.increment` and `BASE+TIME.keys` lie beside `BASE.backup` and are files of the same kind, under the
same passphrase or key file. The first holds a database of the same tables with only the rows that are new,
attachments that are new and the checkpoint; the second the keys of both. An increment names its base by
number, size and root; restoring takes one base and at most one increment.

Entries of an increment are judged again like those of tiles (`coopnode.recovery`): to it an increment is a
source that also has private records and their keys. What follows from no entry (`FACTS`) is taken over as it
stood.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import shutil
import tarfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from coopnode import backup_file, keystore, recovery
from coopnode.audit.sources import Directory, Missing, read_checkpoint
from coopnode.backup_file import ATTACHED, MANIFEST, BackupError, Made, Secret
from coopnode.condition import note_backup
from coopnode.config import database_of
from coopnode.store import fsck, schema, transfer, vault
from coopnode.store.database import FILE as DATABASE
from coopnode.store.database import Database, driver, exists, get_meta, open_database
from coopnode.store.driver import Driver
from coopnode.store.fsck import Snapshot
from coopnode.store.log_store import Box, LogConflict, LogStore
from coopnode.store.sql import Connection, Table
from coopnode.store.tree_store import TreeStore
from coopnode.store.vault import Sealed, Vault
from protocol import documents, encoding, merkle, tiles
from protocol.contract import View
from protocol.contracts import continuation, cooperative
from protocol.errors import EncodingError, TileError
from protocol.identifiers import origin
from protocol.tiles import TILE_WIDTH

SUFFIX: Final = ".increment"
#: Clocks are set now and then: rows that are found by their time are taken from a day before the base on.
_MARGIN: Final = 86_400
_WHOLE: Final = "make a whole backup"


class NotBase(BackupError):
    """An increment of this backup cannot be made: a whole one is due."""


@dataclass(frozen=True, slots=True)
class Base:
    """What a whole backup says of itself. `at`: seconds; whatever was written later by the node's clock came
    after it."""

    id: bytes
    origin: str
    size: int
    root: bytes
    at: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What an increment says of itself. `of`, `start`, `start_root`: number, size and root of its base;
    `name`: the base's file name then."""

    id: bytes
    of: bytes
    name: str
    origin: str
    start: int
    start_root: bytes
    size: int
    root: bytes


def describe(snapshot: Snapshot, root: bytes, now: int) -> Base:
    """Of a whole backup that is about to be made."""
    size = snapshot.size()
    at = min(now, snapshot.tick()) if size else now  # the node's clock may go behind the machine's
    return Base(secrets.token_bytes(16), log_of(snapshot), size, root, at)


def log_of(snapshot: Snapshot) -> str:
    """Origin of the log; empty before the founding."""
    if not snapshot.size():
        return ""
    name = cooperative.genesis_id(documents.parse(snapshot.first()))
    return origin(name, continuation.standing(View(snapshot.standing(), continuation.DOMAIN)).number)


def add_about(archive: tarfile.TarFile, about: Base | Manifest | None, attached: Iterable[bytes]) -> None:
    """Has to come first."""
    if about is not None:
        backup_file.add_bytes(archive, MANIFEST, encoding.encode(asdict(about)))
    backup_file.add_bytes(archive, ATTACHED, b"".join(attached))


def attachments(data: Path) -> list[bytes]:
    """Digests of the files in the vault of a data directory, ascending."""
    folder = data / vault.ATTACHMENTS
    names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
    return [bytes.fromhex(name) for name in names if len(name) == 64]


def base_of(about: dict[str, bytes]) -> Base:
    """Raises NotBase for an archive that does not say it."""
    try:
        return Base(**_fields(about))
    except (EncodingError, KeyError, TypeError) as error:
        raise NotBase(f"it does not say what it is; {_WHOLE}") from error


def _fields(about: dict[str, bytes]) -> dict[str, Any]:
    found: Any = encoding.decode(about[MANIFEST])
    return dict(found)


def _attached(about: dict[str, bytes]) -> set[bytes]:
    data = about.get(ATTACHED, b"")
    return {data[place : place + 32] for place in range(0, len(data), 32)}


# --- finding --------------------------------------------------------------------------------------


def newest_base(place: Path) -> Path:
    """The whole backup meant: the file itself, or the newest in a folder. Raises BackupError."""
    if place.is_file():
        return place
    found = sorted(place.glob("*.backup"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise BackupError(f"{place} holds no finished backup")
    return found[-1]


def increments_of(base: Path) -> list[Path]:
    """Those beside a whole backup, the oldest first: their names begin with its name."""
    names = (path for path in base.parent.iterdir() if path.name.startswith(f"{base.stem}+"))
    return sorted(path for path in names if path.suffix == SUFFIX)


# --- making ---------------------------------------------------------------------------------------


def make(
    data: Path,
    place: Path,
    secret: Secret,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    keys_folder: Path | None = None,
) -> Made:
    """What has come since the whole backup `place`, or since the newest one in this folder, written beside it
    and read back before it gets its name. The node may run meanwhile.

    Raises NotBase when a whole one is due, BackupError for everything else.
    """
    if not exists(data, database_of(data)):
        raise BackupError(f"{data} holds no node")
    base = newest_base(place)
    with backup_file.in_words(base):
        about, whole_at = _looked(base, secret), int(base.stat().st_mtime)
        target = backup_file.free(base.parent, keys_folder or base.parent, f"{base.stem}+", SUFFIX)
    keys = (keys_folder or base.parent) / target.with_suffix(".keys").name
    # The keys first: where the other file has its name, they are there.
    with backup_file.making(keys, target), backup_file.scratch(data) as scratch:
        with backup_file.archive(target, secret) as archive:
            manifest, attached = _public_side(data, base, about, scratch, archive, progress)
        # The vault's keys come after the database: every record of the copy then has its key.
        with backup_file.archive(keys, secret) as archive:
            _secret_side(data, scratch, manifest, attached, archive)
        _check(backup_file.unfinished(target), backup_file.unfinished(keys), secret, scratch)
    note_backup(data, target, manifest.size, int(time.time()), whole_at)
    return Made(target, keys, manifest.size)


def _looked(base: Path, secret: Secret) -> dict[str, bytes]:
    try:
        return backup_file.look(base, secret)
    except BackupError as error:
        raise NotBase(f"{base}: {error}") from error


def _public_side(
    data: Path,
    file: Path,
    about: dict[str, bytes],
    scratch: Path,
    archive: tarfile.TarFile,
    progress: Callable[[int, int], None],
) -> tuple[Manifest, list[bytes]]:
    base = base_of(about)
    try:
        note = read_checkpoint(Directory(data))
    except Missing:
        note = None
    with fsck.snapshot(data, database_of(data)) as snapshot:
        manifest = _manifest(snapshot, file, base)
        made = open_database(scratch)
        try:
            made.write_now(
                lambda connection: _copy(snapshot, driver(connection), manifest, base.at, progress)
            )
        finally:
            made.close()
    fsck.fold(scratch / DATABASE)
    there = attachments(data)
    add_about(archive, manifest, there)
    backup_file.add(archive, scratch / DATABASE, DATABASE)
    if note is not None:
        backup_file.add_bytes(archive, "log/checkpoint", note)
    known = _attached(about)
    for digest in there:
        if digest not in known:
            name = f"{vault.ATTACHMENTS}/{digest.hex()}"
            backup_file.add(archive, data / name, name)
    return manifest, there


def _manifest(snapshot: Snapshot, file: Path, base: Base) -> Manifest:
    """Raises NotBase."""
    log, size = log_of(snapshot), snapshot.size()
    if not base.size:
        raise NotBase(f"{file.name} was made before the log began; {_WHOLE}")
    if log != base.origin:
        raise NotBase(f"{file.name} is of {base.origin}, this log is {log}; {_WHOLE}")
    tree = snapshot.tree()
    if size < base.size or tree.root_at(base.size) != base.root:
        raise NotBase(f"{file.name} is no beginning of this log; {_WHOLE}")
    root = tree.root_at(size)
    return Manifest(secrets.token_bytes(16), base.id, file.name, log, base.size, base.root, size, root)


def _copy(
    snapshot: Snapshot, raw: Driver, manifest: Manifest, since: int, progress: Callable[[int, int], None]
) -> None:
    """The rows that are new, into an empty database."""
    raw.execute("DELETE FROM meta")
    bundle = manifest.start // TILE_WIDTH * TILE_WIDTH
    done, total = 0, manifest.size - bundle
    for count in transfer.put(raw, schema.entries, snapshot.entries(bundle)):
        done += count
        progress(done, total)
    _through(transfer.put(raw, schema.tree, _tree(snapshot, manifest)))
    _through(transfer.put(raw, schema.private_records, snapshot.records_of(manifest.start)))
    for table, (where, wanted) in FACTS.items():
        values = {"start": manifest.start, "since": since - _MARGIN}
        parameters = [values[name] for name in wanted]
        rows = snapshot.part(table.name, transfer.names_of(table), where, parameters)
        _through(transfer.put(raw, table, rows))


#: Tables of facts that follow from no entry → which of their rows go along, and what stands for each `?`.
#: `docs/backup.md` says why of all others.
FACTS: Final[dict[Table, tuple[str, tuple[str, ...]]]] = {
    schema.blobs: ("added_at >= ?", ("since",)),
    schema.outbox: ("idx >= ? OR done_at IS NULL OR done_at >= ?", ("start", "since")),
    schema.tickets: ("1 = 1", ()),
    schema.login_keys: ("created_at >= ? OR ended_at >= ?", ("since", "since")),
    schema.drafts: ("1 = 1", ()),
    schema.notification_settings: ("1 = 1", ()),
    schema.push_devices: ("1 = 1", ()),
    schema.calendar_feeds: ("1 = 1", ()),
    schema.meta: (f"name <> '{transfer.OWN}'", ()),
}


#: Those that go along whole: a row that is not there any more was taken back.
_WHOLE_TABLES: Final = tuple(table for table, (where, _) in FACTS.items() if where == "1 = 1")


def _tree(snapshot: Snapshot, manifest: Manifest) -> Iterator[tuple[int, int, bytes]]:
    """Tiles that have grown since, and those on the edge."""
    for tile in tiles.tiles_for(manifest.size):
        assert isinstance(tile.level, int)
        if tile.index >= manifest.start >> 8 * (tile.level + 1):
            yield tile.level, tile.index, snapshot.tile(tile.level, tile.index)


def _through(counts: Iterable[int]) -> None:
    for _ in counts:
        pass


def _secret_side(
    data: Path, scratch: Path, manifest: Manifest, attached: list[bytes], archive: tarfile.TarFile
) -> None:
    """Keys of what the other file holds; which attachments still have a key; the node's own keys."""
    with fsck.snapshot(scratch) as snapshot:
        records = (record.digest for record in snapshot.records())
        alive = vault.copy_keys(data / vault.FILE, scratch / vault.FILE, records, attached)
    add_about(archive, manifest, alive)
    backup_file.add(archive, scratch / vault.FILE, vault.FILE)
    for name in keystore.NAMES:
        backup_file.add(archive, data / "keys" / name, f"keys/{name}")


def _check(file: Path, keys: Path, secret: Secret, scratch: Path) -> None:
    """Reads both files back as a restore would. Raises BackupError."""
    place = scratch / "read back"
    place.mkdir(mode=0o700)
    manifest = _unpacked(file, keys, place, secret)[0]
    same = all(_digest(place / name) == _digest(scratch / name) for name in (DATABASE, vault.FILE))
    with fsck.snapshot(place) as snapshot:
        tree = snapshot.tree().edge(manifest.start)
        begins = tree.root() == manifest.start_root
        for row in snapshot.entries(manifest.start):
            tree.append(merkle.leaf_hash(row.raw))
    if not same or not begins or tree.root() != manifest.root:
        raise BackupError("what was written does not read back as it was: is the disk failing?")
    keystore.load(place / "keys")


def _digest(path: Path) -> bytes:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


# --- putting back ---------------------------------------------------------------------------------


def _unpacked(file: Path, keys: Path, place: Path, secret: Secret) -> tuple[Manifest, set[bytes]]:
    """What the increment says of itself, and which attachments had a key. Raises BackupError."""
    found = []
    for path in (file, keys):
        try:
            about = backup_file.unpack(path, place, secret)
            found.append((Manifest(**_fields(about)), _attached(about)))
        except FileNotFoundError as error:
            raise BackupError(f"{path} does not exist") from error
        except (BackupError, tarfile.TarError) as error:
            raise BackupError(f"{path}: {error}") from error
        except (EncodingError, KeyError, TypeError) as error:
            raise BackupError(f"{path} is no increment") from error
    (manifest, _), (other, alive) = found
    if manifest != other:
        raise BackupError(f"{keys} holds the keys of another increment than {file}")
    return manifest, alive


class Increment:
    """One that is unpacked; a `Source` of the entries that are new (`coopnode.audit.sources`)."""

    def __init__(self, file: Path, place: Path, manifest: Manifest, alive: set[bytes]) -> None:
        self.name, self.manifest = str(file), manifest
        self._place, self._alive = place, alive
        self._database: Database = open_database(place)
        self._log, self._tree = LogStore(self._database), TreeStore(self._database.raw_reader)
        self._keys = vault.Wrapped(place / vault.FILE)

    def close(self) -> None:
        self._keys.close()
        self._database.close()

    def read(self, path: str, limit: int) -> bytes:
        """Satisfies `Source`."""
        kind, _, rest = path.partition("/")
        if kind == "blobs":
            found = self._log.find_blob(bytes.fromhex(rest))
            if found is None:
                raise Missing(f"{self.name} does not hold {path}")
            return found[1]
        if kind != "tile":
            return Directory(self._place).read(path, limit)
        try:
            tile = tiles.parse_tile_path(path)
            if tile.level != "entries":
                return self._tree.read_tile(tile)
            return tiles.encode_bundle(self._log.raw(tile.start, tile.start + tile.width))
        except (TileError, LogConflict) as error:
            raise Missing(f"{self.name} does not hold {path}") from error

    def record(self, digest: bytes, index: int) -> tuple[Box, Sealed] | None:
        """The private record of an entry and its key; None when one of them is not there."""
        query = "SELECT type, box FROM private_records WHERE digest = ? AND idx = ?"
        row = self._database.raw_reader().execute(query, (digest, index)).fetchone()
        wrapped = self._keys.find(digest)
        if row is None or wrapped is None:
            return None
        return Box(digest, index, row[0], row[1]), Sealed(digest, row[1], wrapped)

    def take_over(self, connection: Connection) -> None:
        """Facts that follow from no entry, once the entries are there; within the caller's transaction."""
        raw = driver(connection)
        # These stand as they stood: what is gone is gone, and the letters of the new entries were made anew.
        raw.execute("DELETE FROM outbox WHERE idx >= ?", (self.manifest.start,))
        for table in _WHOLE_TABLES:
            raw.execute(f"DELETE FROM {table.name}")
        lost = get_meta(connection, recovery.LOST)
        for table in FACTS:
            rows = self._database.raw_reader().execute(_all(table))
            _through(transfer.put(raw, table, rows, _over(table)))
        recovery.note_lost(connection, json.loads(lost or "[]"))

    def bring_keys(self, data: Path) -> None:
        """The node's own keys as they were last."""
        for name in keystore.NAMES:
            shutil.copyfile(self._place / "keys" / name, data / "keys" / name)

    def bring_attachments(self, data: Path) -> None:
        """Those that are new, with their keys; those that were erased since lose theirs."""
        kept = Vault(data, keystore.load(data / "keys").vault)
        try:
            for digest in attachments(self._place):
                name = f"{vault.ATTACHMENTS}/{digest.hex()}"
                os.replace(self._place / name, data / name)
            wrapped = ((digest, self._keys.find(digest)) for digest in sorted(self._alive))
            kept.keep(Sealed(digest, b"", key) for digest, key in wrapped if key is not None)
            kept.erase(sorted(kept.attachments() - self._alive))
        finally:
            kept.close()


@contextmanager
def opened(file: Path, keys: Path, place: Path, secret: Secret, base: Base) -> Iterator[Increment]:
    """Unpacks an increment of this base into a new folder. Raises BackupError."""
    place.mkdir(mode=0o700)
    manifest, alive = _unpacked(file, keys, place, secret)
    if manifest.of != base.id:
        raise BackupError(f"{file} is an increment of another backup: of {manifest.name}")
    found = Increment(file, place, manifest, alive)
    try:
        yield found
    finally:
        found.close()


def _all(table: Table) -> str:
    names = ", ".join(f'"{name}"' for name in transfer.names_of(table))
    return f'SELECT {names} FROM "{table.name}"'


def _over(table: Table) -> str:
    keys = [column.name for column in table.primary_key.columns]
    rest = ", ".join(f'"{name}" = excluded."{name}"' for name in transfer.names_of(table) if name not in keys)
    return f"ON CONFLICT ({', '.join(keys)}) DO UPDATE SET {rest}"
