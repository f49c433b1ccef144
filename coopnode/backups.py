"""Backups of a node, made while it runs, and put back into an empty place (design §10, P15, P21).

Two encrypted files. `NAME.backup`: the database with everything encrypted inside it, the published log,
attachments and configuration. `NAME.keys`: the node's keys and the keys of the vault's records. Who has
both can read
every record, and an erased record lives on in an old `NAME.keys`: keep them apart, and keys at most 35
days.

The head database is in neither. It remembers how far this log has ever been signed, and a copy of it from
yesterday would let a node sign a second history. `restore` therefore takes the surviving `head.db`, or
the word of a person that nothing was written after the backup; what was written after it is taken from
surviving tiles, an export or a mirror (`coopnode.recovery`).

A file is `COOPNODE-BACKUP-1\\n`, a length u16 and a CBOR header with the key derivation, then chunks of 1
MiB under AES-256-GCM with nonce = prefix (7) ‖ counter u32 ‖ last (1): chunks cannot be left out,
exchanged or cut
off unseen.
"""

from __future__ import annotations

import io
import os
import secrets
import shutil
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coopnode import config, keystore, rebuilding, recovery
from coopnode.audit.sources import Directory, Missing, Source, SourceError, read_checkpoint, read_tile
from coopnode.condition import note_backup
from coopnode.config import FILE as CONFIG
from coopnode.config import database_of
from coopnode.projections import Projection
from coopnode.store import fsck, transfer, vault
from coopnode.store.database import FILE as DATABASE
from coopnode.store.database import StoreError, exists
from coopnode.store.heads import FILE as HEAD
from coopnode.store.heads import FOLDER as HEADS
from coopnode.store.heads import Heads, StoredHead
from coopnode.tiles_writer import LogFiles
from protocol import checkpoints, encoding, tiles
from protocol.errors import EncodingError, ProtocolError
from protocol.identifiers import parse_origin
from protocol.notes import parse_note
from protocol.tiles import Tile

MAGIC: Final = b"COOPNODE-BACKUP-1\n"
_CHUNK: Final = 2**20
_TAG: Final = 16
_MEMORY, _TURNS, _LANES = 262_144, 3, 4
_MOST_MEMORY, _MOST_TURNS, _MOST_LANES = 1_048_576, 20, 16
_MAX_HEADER: Final = 1_000


class BackupError(Exception):
    """The backup cannot be made or read; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Secret:
    """A passphrase or the contents of a key file (at least 32 bytes of randomness)."""

    passphrase: str | None = None
    key_file: bytes | None = None

    def derive(self, header: dict[str, Any]) -> bytes:
        if header["kdf"] == "argon2id":
            if self.passphrase is None:
                raise BackupError("this backup is locked by a passphrase, not by a key file")
            return Argon2id(
                salt=header["salt"],
                length=32,
                iterations=header["t"],
                lanes=header["p"],
                memory_cost=header["m"],
            ).derive(self.passphrase.encode())
        if self.key_file is None:
            raise BackupError("this backup is locked by a key file, not by a passphrase")
        return HKDF(hashes.SHA256(), 32, header["salt"], b"coopnode/backup/1").derive(self.key_file)

    def header(self) -> dict[str, Any]:
        if self.key_file is not None:
            if len(self.key_file) < 32:
                raise BackupError("a key file has at least 32 random bytes: head -c 32 /dev/urandom > FILE")
            return {"kdf": "hkdf", "salt": secrets.token_bytes(16), "prefix": secrets.token_bytes(7)}
        costs = {"m": _MEMORY, "t": _TURNS, "p": _LANES}
        return {
            "kdf": "argon2id",
            **costs,
            "salt": secrets.token_bytes(16),
            "prefix": secrets.token_bytes(7),
        }


# --- encrypted streams ----------------------------------------------------------------------------


class _Sealing(io.RawIOBase):
    """Writes what it is given, encrypted in chunks."""

    def __init__(self, file: IO[bytes], secret: Secret) -> None:
        header = secret.header()
        self._head = MAGIC + len(encoded := encoding.encode(header)).to_bytes(2, "big") + encoded
        self._cipher = AESGCM(secret.derive(header))
        self._prefix: bytes = header["prefix"]
        self._file, self._held, self._count = file, bytearray(), 0
        file.write(self._head)

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._held += data
        while len(self._held) > _CHUNK:
            self._chunk(bytes(self._held[:_CHUNK]), last=False)
            del self._held[:_CHUNK]
        return len(data)

    def finish(self) -> None:
        self._chunk(bytes(self._held), last=True)
        self._file.flush()
        os.fsync(self._file.fileno())

    def _chunk(self, data: bytes, *, last: bool) -> None:
        nonce = self._prefix + self._count.to_bytes(4, "big") + bytes((last,))
        self._file.write(self._cipher.encrypt(nonce, data, self._head))
        self._count += 1


class _Opening(io.RawIOBase):
    """Reads it back. Raises BackupError at the first byte that is not what was written."""

    def __init__(self, file: IO[bytes], secret: Secret) -> None:
        if file.read(len(MAGIC)) != MAGIC:
            raise BackupError("this is no backup of coopnode")
        size = file.read(2)
        encoded = file.read(min(int.from_bytes(size, "big"), _MAX_HEADER))
        header = _checked(encoded)
        self._head = MAGIC + size + encoded
        self._cipher = AESGCM(secret.derive(header))
        self._prefix: bytes = header["prefix"]
        self._file, self._count, self._held, self._ended = file, 0, b"", False
        self._next = file.read(_CHUNK + _TAG)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._held and not self._ended:
            self._chunk()
        size = min(len(buffer), len(self._held))
        buffer[:size], self._held = self._held[:size], self._held[size:]
        return size

    def drain(self) -> None:
        """To the end: what follows the archive must be whole too."""
        while not self._ended:
            self._chunk()

    def _chunk(self) -> None:
        data, self._next = self._next, self._file.read(_CHUNK + _TAG)
        self._ended = not self._next
        nonce = self._prefix + self._count.to_bytes(4, "big") + bytes((self._ended,))
        try:
            self._held = self._cipher.decrypt(nonce, data, self._head)
        except (InvalidTag, ValueError) as error:
            why = (
                "the passphrase or key file is wrong, or the file is damaged"
                if not self._count
                else "the file is damaged"
            )
            raise BackupError(why) from error
        self._count += 1


def _checked(encoded: bytes) -> dict[str, Any]:
    try:
        header: Any = encoding.decode(encoded)
        sane = (
            len(header["prefix"]) == 7 and len(header["salt"]) == 16 and header["kdf"] in ("argon2id", "hkdf")
        )
        if header["kdf"] == "argon2id":
            costs = ((header["m"], _MOST_MEMORY), (header["t"], _MOST_TURNS), (header["p"], _MOST_LANES))
            sane = sane and all(1 <= cost <= most for cost, most in costs)
    except (EncodingError, KeyError, TypeError) as error:
        raise BackupError("the file is damaged") from error
    if not sane:
        raise BackupError("the file is damaged or of a newer program")
    return dict(header)


# --- making ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Made:
    backup: Path
    keys: Path
    entries: int


def make(data: Path, target: Path, secret: Secret, progress: Callable[[int, int], None]) -> Made:
    """`target` is a folder, in which files named by the time are made, or the name of the first file.

    Raises BackupError.
    """
    if not exists(data, database_of(data)):
        raise BackupError(f"{data} holds no node")
    if target.is_dir():
        target = target / time.strftime("coopnode-%Y%m%d-%H%M%S.backup", time.gmtime())
    keys = target.with_suffix(".keys")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".coopnode-backup-", dir=target.parent) as scratch:
            with _archive(target, secret) as archive:
                entries = _public_side(data, Path(scratch), archive, progress)
            # The vault's keys come after the database: every record of the copy then has its key.
            with _archive(keys, secret) as archive:
                _secret_side(data, Path(scratch), archive)
    except (StoreError, SourceError, ProtocolError) as error:
        raise BackupError(str(error)) from error
    except FileExistsError as error:
        raise BackupError(f"{error.filename} exists and is not overwritten") from error
    except OSError as error:
        raise BackupError(f"{error.filename or target}: {error.strerror}") from error
    note_backup(data, target, entries, int(time.time()))
    return Made(target, keys, entries)


@contextmanager
def _archive(path: Path, secret: Secret) -> Iterator[tarfile.TarFile]:
    if path.exists():
        raise FileExistsError(0, "exists", str(path))
    unfinished = path.with_name(path.name + ".new")
    try:
        with open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            sealing = _Sealing(file, secret)
            with tarfile.open(fileobj=sealing, mode="w|", format=tarfile.PAX_FORMAT) as archive:
                yield archive
            sealing.finish()
        unfinished.rename(path)
        vault.sync_folder(path.parent)
    finally:
        unfinished.unlink(missing_ok=True)


def _public_side(
    data: Path, scratch: Path, archive: tarfile.TarFile, progress: Callable[[int, int], None]
) -> int:
    published = Directory(data)
    try:
        note = read_checkpoint(published)
    except Missing:
        note = None
    transfer.copy_node(data, database_of(data), scratch)
    with fsck.snapshot(scratch) as snapshot:
        entries = snapshot.size()
    _add(archive, scratch / DATABASE, DATABASE)
    if (data / CONFIG).exists():
        # What is restored stands on the file in this archive, whichever database it was taken from.
        _add_bytes(archive, CONFIG, config.without(data, "database_url").encode())
    if note is not None:
        _add_bytes(archive, "log/checkpoint", note)
        wanted = tiles.tiles_for(checkpoints.parse(parse_note(note)[0]).size)
        for place, tile in enumerate(wanted):
            _add_bytes(archive, f"log/{tile.path}", read_tile(published, tile))
            if tile.level == 0:
                bundle = Tile("entries", tile.index, tile.width)
                _add_bytes(archive, f"log/{bundle.path}", read_tile(published, bundle))
            progress(place + 1, len(wanted))
    folder = data / vault.ATTACHMENTS
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if len(path.name) == 64:
            _add(archive, path, f"{vault.ATTACHMENTS}/{path.name}")
    return entries


def _secret_side(data: Path, scratch: Path, archive: tarfile.TarFile) -> None:
    if (data / vault.FILE).exists():
        fsck.copy(data / vault.FILE, scratch / vault.FILE)
        _add(archive, scratch / vault.FILE, vault.FILE)
    for name in keystore.NAMES:
        _add(archive, data / "keys" / name, f"keys/{name}")


def _add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    found = archive.gettarinfo(str(path), name)
    found.mode, found.uid, found.gid, found.uname, found.gname = 0o600, 0, 0, "", ""
    with path.open("rb") as file:
        archive.addfile(found, file)


def _add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    found = tarfile.TarInfo(name)
    found.size, found.mode = len(data), 0o600
    archive.addfile(found, io.BytesIO(data))


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
    head: Path | None = None,
    nothing_newer: bool = False,
    sources: Sequence[Source] = (),
    projections: Sequence[Projection] = (),
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Restored:
    """Into a place that does not exist, is empty, or holds what survived of the lost node but no database:
    its `log` is then a source to roll forward from, its `head` the head database. It is put aside, not
    deleted. Nothing is left behind when it fails.

    `head` is the surviving head database of the lost node; with `nothing_newer` a person vouches that the
    node took nothing after what was found, and a new one is made.

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
    try:
        data.parent.mkdir(parents=True, exist_ok=True)
        unfinished.mkdir(mode=0o700)
        try:
            _unpack(backup, unfinished, secret)
            _unpack(keys, unfinished, secret)
            done = _roll(unfinished, data, sources, head, nothing_newer, projections, progress)
            if survived:
                data.rename(aside)
                done = replace(done, aside=aside)
            elif data.exists():
                data.rmdir()
            unfinished.rename(data)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    except (StoreError, ProtocolError, recovery.RecoveryError, keystore.KeystoreError) as error:
        raise BackupError(str(error)) from error
    except tarfile.TarError as error:
        raise BackupError(f"the backup cannot be unpacked: {error}") from error
    except OSError as error:
        raise BackupError(f"{error.filename or data}: {error.strerror}") from error
    return done


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
    try:
        with rebuilding.locked(data):
            head = data / HEADS / HEAD
            if not (data / DATABASE).exists():
                raise BackupError(f"{data} holds no node")
            return _roll(
                data, data, (Directory(data), *sources), head if head.exists() else None, False,
                projections, progress,
            )  # fmt: skip
    except (
        StoreError,
        ProtocolError,
        recovery.RecoveryError,
        rebuilding.RebuildError,
        keystore.KeystoreError,
    ) as error:
        raise BackupError(str(error)) from error
    except OSError as error:
        raise BackupError(f"{error.filename or data}: {error.strerror}") from error


def _unpack(path: Path, target: Path, secret: Secret) -> None:
    with path.open("rb") as file:
        opening = _Opening(file, secret)
        # The filter refuses names that lead out of the folder, links and devices.
        with tarfile.open(fileobj=io.BufferedReader(opening), mode="r|") as archive:
            archive.extractall(target, filter="data")
        opening.drain()
    for found in target.rglob("*"):
        found.chmod(0o700 if found.is_dir() else 0o600)


def _roll(
    data: Path,
    final: Path,
    sources: Sequence[Source],
    head: Path | None,
    nothing_newer: bool,
    projections: Sequence[Projection],
    progress: Callable[[int, int], None],
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
            data, sources, heads.get if heads else lambda origin: None, projections, progress
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
            _remember(heads, rolled.origin, known or found)
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
