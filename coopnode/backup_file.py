"""The encrypted file that a backup is made of: a tar archive under a passphrase or a key file.

`COOPNODE-BACKUP-1\\n`, a length u16 and a CBOR header with the key derivation, then chunks of 1 MiB under
AES-256-GCM with nonce = prefix (7) ‖ counter u32 ‖ last (1): chunks cannot be left out, exchanged or cut off
unseen. Archives are read and written in one pass.
"""

from __future__ import annotations

import fcntl
import io
import os
import secrets
import shutil
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coopnode import faults
from coopnode.audit.sources import SourceError
from coopnode.keystore import KeystoreError
from coopnode.rebuilding import RebuildError
from coopnode.recovery import RecoveryError
from coopnode.store.database import STORAGE_ERRORS, StoreError
from coopnode.store.troubles import known
from coopnode.store.vault import sync_folder
from protocol import encoding
from protocol.errors import EncodingError, ProtocolError

MAGIC: Final = b"COOPNODE-BACKUP-1\n"
_CHUNK: Final = 2**20
_TAG: Final = 16
_MEMORY, _TURNS, _LANES = 262_144, 3, 4
_MOST_MEMORY, _MOST_TURNS, _MOST_LANES = 1_048_576, 20, 16
_MAX_HEADER: Final = 1_000
#: Folder of the data directory for copies while a backup is made.
SCRATCH: Final = "backup.scratch"
#: First members of an archive: what it is (CBOR), and which attachments it knows (their digests in a row).
MANIFEST: Final = "manifest"
ATTACHED: Final = "attached"
ABOUT: Final = (MANIFEST, ATTACHED)


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


# --- archives -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Made:
    """`backup` is a whole one or an increment; `entries` those of the log then."""

    backup: Path
    keys: Path
    entries: int


@contextmanager
def scratch(data: Path) -> Iterator[Path]:
    """A folder on the node's own disk for copies that are not encrypted yet; what an attempt that was killed
    has left goes first. One at a time: raises BackupError while another is at work."""
    place, held = data / SCRATCH, os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError(f"another backup of {data} is being made; wait for it") from None
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(mode=0o700)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
    finally:
        os.close(held)  # and with it the lock


def unfinished(path: Path) -> Path:
    return path.with_name(path.name + ".new")


@contextmanager
def in_words(place: Path) -> Iterator[None]:
    """Whatever goes wrong inside is a BackupError."""
    try:
        yield
    except (StoreError, SourceError, ProtocolError, KeystoreError, RecoveryError, RebuildError) as error:
        raise BackupError(str(error)) from error
    except tarfile.TarError as error:
        raise BackupError(f"the backup cannot be unpacked: {error}") from error
    except OSError as error:
        raise BackupError(f"{error.filename or place}: {error.strerror}") from error
    except STORAGE_ERRORS as error:
        raise BackupError(f"{place}: {known(error) or error}") from error


@contextmanager
def making(*paths: Path) -> Iterator[None]:
    """Files that are written inside under their unfinished names get their own at the end, in this order;
    when anything goes wrong nothing is left. Raises BackupError."""
    try:
        with in_words(paths[-1]):
            for path in paths:
                path.parent.mkdir(parents=True, exist_ok=True)
                if path.exists():
                    raise BackupError(f"{path} exists and is not overwritten")
            yield
            for path in paths:
                faults.point("backup.checked")
                unfinished(path).rename(path)
                sync_folder(path.parent)
    finally:
        for path in paths:
            unfinished(path).unlink(missing_ok=True)


def free(folder: Path, keys_folder: Path, before: str, suffix: str) -> Path:
    """A name by the time that neither a backup nor the keys left of an attempt that was killed have."""
    now = int(time.time())
    while True:
        name = before + time.strftime("%Y%m%d-%H%M%S", time.gmtime(now))
        if not (folder / f"{name}{suffix}").exists() and not (keys_folder / f"{name}.keys").exists():
            return folder / f"{name}{suffix}"
        now += 1


@contextmanager
def archive(path: Path, secret: Secret) -> Iterator[tarfile.TarFile]:
    new = unfinished(path)
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        sealing = _Sealing(file, secret)
        with tarfile.open(fileobj=sealing, mode="w|", format=tarfile.PAX_FORMAT) as made:
            yield made
        faults.point("backup.written")
        sealing.finish()


def add(archive: tarfile.TarFile, path: Path, name: str) -> None:
    found = archive.gettarinfo(str(path), name)
    found.mode, found.uid, found.gid, found.uname, found.gname = 0o600, 0, 0, "", ""
    with path.open("rb") as file:
        archive.addfile(found, file)


def add_bytes(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    found = tarfile.TarInfo(name)
    found.size, found.mode = len(data), 0o600
    archive.addfile(found, io.BytesIO(data))


def unpack(path: Path, target: Path, secret: Secret) -> dict[str, bytes]:
    """All files into a folder, but for what the archive says of itself (`ABOUT`): that is given back."""
    about: dict[str, bytes] = {}
    with _reading(path, secret) as (opening, archive):
        for member in archive:
            if member.name in ABOUT:
                about[member.name] = _content(archive, member)
            else:
                # The filter refuses names that lead out of the folder, links and devices.
                archive.extract(member, target, filter="data")
        opening.drain()
    for found in target.rglob("*"):
        found.chmod(0o700 if found.is_dir() else 0o600)
    return about


def look(path: Path, secret: Secret) -> dict[str, bytes]:
    """What an archive says of itself. That stands at its beginning, and only so much is read."""
    about: dict[str, bytes] = {}
    with _reading(path, secret) as (_, archive):
        for member in archive:
            if member.name not in ABOUT:
                break
            about[member.name] = _content(archive, member)
    return about


@contextmanager
def _reading(path: Path, secret: Secret) -> Iterator[tuple[_Opening, tarfile.TarFile]]:
    with path.open("rb") as file:
        opening = _Opening(file, secret)
        with tarfile.open(fileobj=io.BufferedReader(opening), mode="r|") as archive:
            yield opening, archive


def _content(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    found = archive.extractfile(member)
    return found.read() if found is not None else b""
