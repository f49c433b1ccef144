"""Whole backups of a node, made while it runs, and put back into an empty place (design §10, P15, P21).

Two encrypted files (`coopnode.backup_file`). `NAME.backup`: the database with everything encrypted inside it,
the published log, attachments and configuration. `NAME.keys`: the node's keys and the keys of the vault's
records. Who has both can read every record, and an erased record lives on in an old `NAME.keys`: keep them
apart, and keys at most 35 days. What comes between two backups goes into increments
(`coopnode.increments`).

The head database is in none of them. It remembers how far this log has ever been signed, and a copy of it
from yesterday would let a node sign a second history. `restore` therefore takes the surviving `head.db`, or
the word of a person that nothing was written after the backup; what was written after it is taken from an
increment, and from surviving tiles, an export or a mirror (`coopnode.recovery`).
"""

from __future__ import annotations

import hashlib
import shutil
import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from coopnode import backup_file, config, increments, keystore, rebuilding, recovery
from coopnode.audit.sources import Directory, Missing, Source, read_checkpoint, read_tile
from coopnode.backup_file import SCRATCH, BackupError, Made, Secret
from coopnode.condition import note_backup
from coopnode.config import FILE as CONFIG
from coopnode.config import database_of
from coopnode.increments import Increment
from coopnode.projections import Projection
from coopnode.store import fsck, transfer, vault
from coopnode.store.database import FILE as DATABASE
from coopnode.store.database import exists
from coopnode.store.fsck import Snapshot
from coopnode.store.heads import FILE as HEAD
from coopnode.store.heads import FOLDER as HEADS
from coopnode.store.heads import Heads, StoredHead
from coopnode.tiles_writer import LogFiles
from protocol import checkpoints, encoding, merkle, tiles
from protocol.identifiers import parse_origin
from protocol.notes import parse_note
from protocol.tiles import Tile

__all__ = ["SCRATCH", "BackupError", "Made", "Restored", "Secret", "forward", "make", "restore"]


# --- making ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Facts:
    """What a backup must hold when it is read back."""

    entries: int
    root: bytes
    #: rows of entries, state and private records
    rows: tuple[int, ...]
    state: bytes


def make(
    data: Path,
    target: Path,
    secret: Secret,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    keys_folder: Path | None = None,
) -> Made:
    """`target` is a folder, made when it is missing, in which files named by the time are written, or the
    name of the first file, which ends with `.backup`. Both are read back and compared before they get their
    names; a crash leaves nothing that looks finished.

    Raises BackupError.
    """
    if not exists(data, database_of(data)):
        raise BackupError(f"{data} holds no node")
    if target.suffix != ".backup":
        with backup_file.in_words(target):
            target.mkdir(parents=True, exist_ok=True)
        target = backup_file.free(target, keys_folder or target, "coopnode-", ".backup")
    keys = (keys_folder or target.parent) / target.with_suffix(".keys").name
    # The keys first: where the larger file has its name, the other one is there.
    with backup_file.making(keys, target), backup_file.scratch(data) as scratch:
        with backup_file.archive(target, secret) as archive:
            facts = _public_side(data, scratch, archive, progress)
        # The vault's keys come after the database: every record of the copy then has its key.
        with backup_file.archive(keys, secret) as archive:
            _secret_side(data, scratch, archive)
        _check(backup_file.unfinished(target), backup_file.unfinished(keys), secret, facts, scratch)
    note_backup(data, target, facts.entries, now := int(time.time()), now)
    return Made(target, keys, facts.entries)


def _facts(snapshot: Snapshot) -> Facts:
    """Computed from the rows, not from what the database says of itself."""
    tree, digest = merkle.CompactRange(), hashlib.sha256()
    entries = state = records = 0
    for row in snapshot.entries():
        tree.append(merkle.leaf_hash(row.raw))
        entries += 1
    for item in snapshot.state():
        digest.update(encoding.encode(item.domain) + encoding.encode(item.key) + item.value)
        state += 1
    for record in snapshot.records():
        digest.update(record.digest + record.box)
        records += 1
    return Facts(entries, tree.root(), (entries, state, records), digest.digest())


def _check(backup: Path, keys: Path, secret: Secret, facts: Facts, scratch: Path) -> None:
    """Reads both files back as a restore would. Raises BackupError."""
    place = scratch / "read back"
    place.mkdir(mode=0o700)
    backup_file.unpack(backup, place, secret)
    backup_file.unpack(keys, place, secret)
    with fsck.snapshot(place) as snapshot:
        if snapshot.integrity() is not None or _facts(snapshot) != facts:
            raise BackupError("what was written does not read back as it was: is the disk failing?")
        sealed = sum(1 for _ in snapshot.records())
    if sealed and not (place / vault.FILE).exists():
        raise BackupError("the keys of the private records are not in the backup")
    keystore.load(place / "keys")


def _public_side(
    data: Path, scratch: Path, archive: tarfile.TarFile, progress: Callable[[int, int], None]
) -> Facts:
    published = Directory(data)
    try:
        note = read_checkpoint(published)
    except Missing:
        note = None
    now = int(time.time())
    transfer.copy_node(data, database_of(data), scratch)
    there = increments.attachments(data)
    with fsck.snapshot(scratch) as snapshot:
        facts = _facts(snapshot)
        about = increments.describe(snapshot, facts.root, now)
    increments.add_about(archive, about, there)
    backup_file.add(archive, scratch / DATABASE, DATABASE)
    if (data / CONFIG).exists():
        # What is restored stands on the file in this archive, whichever database it was taken from.
        backup_file.add_bytes(archive, CONFIG, config.without(data, "database_url").encode())
    if note is not None:
        backup_file.add_bytes(archive, "log/checkpoint", note)
        wanted = tiles.tiles_for(checkpoints.parse(parse_note(note)[0]).size)
        for place, tile in enumerate(wanted):
            backup_file.add_bytes(archive, f"log/{tile.path}", read_tile(published, tile))
            if tile.level == 0:
                bundle = Tile("entries", tile.index, tile.width)
                backup_file.add_bytes(archive, f"log/{bundle.path}", read_tile(published, bundle))
            progress(place + 1, len(wanted))
    for digest in there:
        name = f"{vault.ATTACHMENTS}/{digest.hex()}"
        backup_file.add(archive, data / name, name)
    return facts


def _secret_side(data: Path, scratch: Path, archive: tarfile.TarFile) -> None:
    if (data / vault.FILE).exists():
        fsck.copy(data / vault.FILE, scratch / vault.FILE)
        backup_file.add(archive, scratch / vault.FILE, vault.FILE)
    for name in keystore.NAMES:
        backup_file.add(archive, data / "keys" / name, f"keys/{name}")


# --- putting back ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Restored:
    data: Path
    #: entries of the backup, and of the directory now
    backed_up: int
    entries: int
    #: legal time of the last entry, seconds
    tick: int
    #: how far the lost node's log is known to have come
    known: int
    #: whether the node may be started: it knows how far its log has been signed and has all of it
    startable: bool
    rolled: recovery.Rolled | None
    #: where what had survived of the old directory stands now
    aside: Path | None = None
    increment: Path | None = None

    @property
    def missing(self) -> tuple[int, int] | None:
        """First and last index of entries that were signed and are nowhere."""
        return (self.entries, self.known - 1) if self.known > self.entries else None


def restore(
    backup: Path,
    keys: Path,
    data: Path,
    secret: Secret,
    *,
    increment: Path | None = None,
    head: Path | None = None,
    nothing_newer: bool = False,
    sources: Sequence[Source] = (),
    projections: Sequence[Projection] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Restored:
    """Into a place that does not exist, is empty, or holds what survived of the lost node but no database:
    its `log` is then a source to roll forward from, its `head` the head database. It is put aside, not
    deleted. Nothing is left behind when it fails.

    `increment` is one of this backup; what it brings comes first. `head` is the surviving head database of
    the lost node; with `nothing_newer` a person vouches that the node took nothing after what was found, and
    a new one is made.

    Raises BackupError.
    """
    survived = data.exists() and any(data.iterdir())
    if survived and any((data / name).exists() for name in (DATABASE, vault.FILE)):
        raise BackupError(f"{data} holds a node; a backup never overwrites one")
    if survived and not ((data / "log").is_dir() or (data / HEADS).is_dir()):
        raise BackupError(f"{data} is not empty and holds nothing of a node")
    unfinished = data.with_name(data.name + ".restoring")
    if unfinished.exists():
        raise BackupError(f"{unfinished} is left from an earlier attempt; remove it first")
    if survived:
        sources = (Directory(data), *sources)
        old = data / HEADS / HEAD
        head = head or (old if old.exists() else None)
    aside = data.with_name(data.name + time.strftime(".survived-%Y%m%d-%H%M%S", time.gmtime()))
    with backup_file.in_words(data):
        data.parent.mkdir(parents=True, exist_ok=True)
        unfinished.mkdir(mode=0o700)
        try:
            about = backup_file.unpack(backup, unfinished, secret)
            backup_file.unpack(keys, unfinished, secret)
            roll = partial(_roll, unfinished, data, sources, head, nothing_newer, projections, progress)
            done = (
                roll(None) if increment is None else _onward(increment, keys, unfinished, secret, about, roll)
            )
            if survived:
                data.rename(aside)
                done = replace(done, aside=aside)
            elif data.exists():
                data.rmdir()
            unfinished.rename(data)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return done


def _onward(
    file: Path,
    keys: Path,
    data: Path,
    secret: Secret,
    about: dict[str, bytes],
    roll: Callable[[Increment], Restored],
) -> Restored:
    """With an increment of the backup that stands in `data`. Its keys lie beside those of the backup, else
    beside itself."""
    name, place = file.with_suffix(".keys").name, data / "increment"
    own = keys.parent / name
    base = increments.base_of(about)
    with increments.opened(file, own if own.exists() else file.parent / name, place, secret, base) as found:
        found.bring_keys(data)
        done = roll(found)
        found.bring_attachments(data)
    shutil.rmtree(place)
    return replace(done, increment=file)


def forward(
    data: Path,
    sources: Sequence[Source],
    *,
    projections: Sequence[Projection] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Restored:
    """A node whose database is an older copy than its head database or its tiles, brought forward in place.

    Raises BackupError.
    """
    with backup_file.in_words(data), rebuilding.locked(data):
        head = data / HEADS / HEAD
        if not (data / DATABASE).exists():
            raise BackupError(f"{data} holds no node")
        return _roll(
            data, data, (Directory(data), *sources), head if head.exists() else None, False,
            projections, progress, None,
        )  # fmt: skip


def _roll(
    data: Path,
    final: Path,
    sources: Sequence[Source],
    head: Path | None,
    nothing_newer: bool,
    projections: Sequence[Projection],
    progress: Callable[[int, int], None],
    increment: Increment | None,
) -> Restored:
    """Rolls `data` forward and gives it its head database."""
    with fsck.snapshot(data) as snapshot:
        size = snapshot.size()
    if head is not None and head != data / HEADS / HEAD:
        (data / HEADS).mkdir(mode=0o700, exist_ok=True)
        shutil.copyfile(head, data / HEADS / HEAD)
    if not size:
        if head is None:
            Heads(data, create=True).close()
        return Restored(final, 0, 0, 0, 0, True, None)
    heads = Heads(data, create=False) if head is not None else None
    try:
        rolled = recovery.roll_forward(
            data, sources, heads.get if heads else lambda origin: None, projections, progress, increment
        )
        found = StoredHead(rolled.size, rolled.root)
        known = heads.get(rolled.origin) if heads else None
        if heads is not None and not _of(heads, rolled.cooperative):
            raise BackupError("the head database given belongs to another log")
        known = _largest(data, known, rolled)
        # What is signed and missing keeps the node from writing, whatever else comes to light.
        if heads is None and (nothing_newer or (known is not None and known.size > rolled.size)):
            heads = Heads(data, create=True)
        if heads is not None:
            # A copy under load may be ahead of the checkpoint that was read before it: whoever vouches that
            # there was nothing newer vouches for all of it.
            vouched = (known or found, found) if nothing_newer else (known or found,)
            _remember(heads, rolled.origin, max(vouched))
    finally:
        if heads is not None:
            heads.close()
    _files(data, rolled)
    size = known.size if known else 0
    startable = (head is not None or nothing_newer) and size <= rolled.size
    return Restored(final, rolled.before, rolled.size, rolled.tick, size, startable, rolled)


def _of(heads: Heads, cooperative: str) -> bool:
    """Whether the head database is empty or knows this cooperative's log."""
    known = heads.origins()
    return not known or any(parse_origin(name)[0] == cooperative for name in known)


def _largest(data: Path, known: StoredHead | None, rolled: recovery.Rolled) -> StoredHead | None:
    """The largest head that is vouched for; it must be of the history that was restored."""
    vouched = [head for head in (known, rolled.signed) if head is not None]
    for head in vouched:
        if head.size <= rolled.size and recovery.root_at(data, head.size) != head.root:
            raise BackupError(
                f"the lost node had another history: the first {head.size} entries are not those found here"
            )
    return max(vouched, default=None)


def _remember(heads: Heads, name: str, largest: StoredHead) -> None:
    before = heads.get(name)
    if before is None or before.size < largest.size:
        heads.swap(name, before, largest)


def _files(data: Path, rolled: recovery.Rolled) -> None:
    """The checkpoint that was found goes out with its tiles; later ones the node signs itself."""
    signed, files = rolled.signed, LogFiles(data / "log")
    if rolled.note is None or signed is None or signed.size > rolled.size:
        return
    here = files.checkpoint()
    if here is None or checkpoints.parse(parse_note(here)[0]).size < signed.size:
        recovery.write_files(data, files, signed.size)
        files.write_checkpoint(rolled.note)
