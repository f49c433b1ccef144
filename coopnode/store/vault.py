"""The private vault: records and attachments encrypted under one key each (P20, P21).

The ciphertext of a record stands in the main database; its key, wrapped under the vault's master key, in
`vault-keys.db`. Deleting the key erases the record everywhere, also in every backup of the database older
than that; backups of the key file live at most 35 days. Keys are synced before the transaction that needs
them, so an acknowledged record can always be opened; a key left over by a crash in between opens nothing
and is swept at start.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sqlite3
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from coopnode import faults
from coopnode.store.backend import StoreError

FILE = "vault-keys.db"
ATTACHMENTS = "attachments"
_NONCE = 12
_TABLE = "CREATE TABLE IF NOT EXISTS keys (digest BLOB PRIMARY KEY, wrapped BLOB NOT NULL) WITHOUT ROWID"


class VaultError(Exception):
    """A box does not open: wrong key, or changed bytes."""


class Erased(Exception):
    """There is no key any more; the record is gone for good."""


class Sealed(NamedTuple):
    """A record ready to be stored: `digest` names it, `box` goes into the database, `wrapped` is its key
    for the key file."""

    digest: bytes
    box: bytes
    wrapped: bytes


class Vault:
    """`data/vault-keys.db` and `data/attachments/`. Safe to use from several threads."""

    def __init__(self, data: Path, master: bytes) -> None:
        self._master = AESGCM(master)
        self._attachments = data / ATTACHMENTS
        self._attachments.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = threading.Lock()
        path = data / FILE
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._keys = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._keys.execute("PRAGMA journal_mode = WAL")
        self._keys.execute("PRAGMA synchronous = FULL")
        self._keys.execute("PRAGMA secure_delete = ON")
        self._keys.execute(_TABLE)

    def seal(self, digest: bytes, plain: bytes) -> Sealed:
        """Encrypts under a fresh key. `digest` (of the document, or any other 32 bytes) is bound to both
        ciphertexts."""
        key = secrets.token_bytes(32)
        return Sealed(digest, _encrypt(AESGCM(key), plain, digest), _encrypt(self._master, key, digest))

    def keep(self, sealed: Iterable[Sealed]) -> None:
        """Makes the keys durable; to be called before the database commits the boxes."""
        faults.point("vault.before_keys")
        rows = [(item.digest, item.wrapped) for item in sealed]
        with self._lock, self._transaction():
            self._keys.executemany("INSERT OR REPLACE INTO keys (digest, wrapped) VALUES (?, ?)", rows)
        faults.point("vault.after_keys")

    def open(self, digest: bytes, box: bytes) -> bytes:
        """The plaintext. Raises Erased or VaultError."""
        return _decrypt(AESGCM(self._key(digest)), box, digest)

    def erase(self, digests: Sequence[bytes]) -> int:
        """Deletes keys, overwriting them on disk; returns how many there were."""
        with self._lock:
            with self._transaction():
                done = sum(
                    self._keys.execute("DELETE FROM keys WHERE digest = ?", (digest,)).rowcount
                    for digest in digests
                )
            # The write-ahead log still holds the old page: fold it into the file and cut it.
            self._keys.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return done

    def sweep(self, known: Iterable[bytes]) -> int:
        """Deletes keys of records that never were committed; `known` are the digests of all boxes there are,
        ascending. Both lists pass by, neither is held. Raises ValueError, with nothing deleted, when they are
        in another order: that would delete keys that are needed."""
        boxes, lost = _ascending(known), []
        box = next(boxes, None)
        with self._lock:
            for (digest,) in self._keys.execute("SELECT digest FROM keys ORDER BY digest"):
                while box is not None and box < digest:
                    box = next(boxes, None)
                if box != digest:
                    lost.append(digest)
            deque(boxes, maxlen=0)  # the rest has to ascend too
        return self.erase(lost) if lost else 0

    # -- attachments --------------------------------------------------------------------------------------

    def attach(self, plain: bytes) -> bytes:
        """Stores a file encrypted, under the digest of its ciphertext (the plaintext's digest stands only
        in a salted leaf, P20)."""
        key = secrets.token_bytes(32)
        box = _encrypt(AESGCM(key), plain, b"")
        digest = hashlib.sha256(box).digest()
        write_synced(self._attachments / digest.hex(), box)
        self.keep([Sealed(digest, b"", _encrypt(self._master, key, digest))])
        return digest

    def attachment(self, digest: bytes) -> bytes:
        """Raises Erased, VaultError, or FileNotFoundError."""
        box = (self._attachments / digest.hex()).read_bytes()
        if hashlib.sha256(box).digest() != digest:
            raise VaultError("the attachment's bytes have changed")
        return _decrypt(AESGCM(self._key(digest)), box, b"")

    def attachments(self) -> set[bytes]:
        return {bytes.fromhex(path.name) for path in self._attachments.iterdir() if len(path.name) == 64}

    def close(self) -> None:
        self._keys.close()

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        """Left open after an error it would keep every process of the node from writing keys."""
        self._keys.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._keys.execute("COMMIT")
        except BaseException:
            if self._keys.in_transaction:  # a full disk ends it by itself
                self._keys.execute("ROLLBACK")
            raise

    def _key(self, digest: bytes) -> bytes:
        with self._lock:
            wrapped = _find(self._keys, digest)
        if wrapped is None:
            raise Erased(digest.hex())
        return _decrypt(self._master, wrapped, digest)


class Wrapped:
    """Wrapped keys of a file beside a vault, as part of a backup."""

    def __init__(self, path: Path) -> None:
        self._keys = sqlite3.connect(f"file:{path}?mode=ro", uri=True)

    def find(self, digest: bytes) -> bytes | None:
        return _find(self._keys, digest)

    def close(self) -> None:
        self._keys.close()


def copy_keys(
    source: Path, target: Path, records: Iterable[bytes], attachments: Iterable[bytes]
) -> list[bytes]:
    """The keys of these, as they stand at one moment, into a new file; gives the attachments that have one.
    Raises StoreError."""
    try:
        with (
            contextlib.closing(sqlite3.connect(target, isolation_level=None)) as made,
            contextlib.closing(
                sqlite3.connect(f"file:{source}?mode=ro", uri=True, isolation_level=None)
            ) as keys,
        ):
            made.execute("BEGIN")
            made.execute(_TABLE)
            keys.execute("BEGIN")

            def copied(digest: bytes) -> bool:
                wrapped = _find(keys, digest)
                if wrapped is not None:
                    made.execute("INSERT INTO keys (digest, wrapped) VALUES (?, ?)", (digest, wrapped))
                return wrapped is not None

            for digest in records:
                copied(digest)
            there = [digest for digest in attachments if copied(digest)]
            made.execute("COMMIT")
            return there
    except sqlite3.Error as error:
        raise StoreError(f"{source} cannot be copied: {error}") from error


def _find(keys: sqlite3.Connection, digest: bytes) -> bytes | None:
    row = keys.execute("SELECT wrapped FROM keys WHERE digest = ?", (digest,)).fetchone()
    return None if row is None else bytes(row[0])


def _ascending(digests: Iterable[bytes]) -> Iterator[bytes]:
    before = b""
    for digest in digests:
        if digest < before:
            raise ValueError("digests that do not ascend")
        yield (before := digest)


def write_synced(path: Path, data: bytes) -> None:
    """Temporary file, sync, rename, sync of the folder: after it the file is there whole or not at all."""
    temporary = path.with_name(path.name + ".new")
    with open(temporary, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.rename(temporary, path)
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _encrypt(cipher: AESGCM, plain: bytes, bound: bytes) -> bytes:
    nonce = secrets.token_bytes(_NONCE)
    return nonce + cipher.encrypt(nonce, plain, bound)


def _decrypt(cipher: AESGCM, box: bytes, bound: bytes) -> bytes:
    try:
        return cipher.decrypt(box[:_NONCE], box[_NONCE:], bound)
    except (InvalidTag, ValueError) as error:
        raise VaultError("a box of the vault does not open") from error
