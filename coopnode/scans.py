"""Scanned papers that documents rest on: in the vault, encrypted, found by the digest that a document names.

The document holds the digest of the file (minutes: in the open, a paper of opening balances: in its private
record, P20); which ciphertext belongs to it is written beside the log, and of a file that a draft brought,
which nothing has named yet, that it is loose.
"""

from __future__ import annotations

import hashlib
from typing import Final

from coopnode.store.database import get_meta, set_meta
from coopnode.store.schema import meta
from coopnode.store.sql import Connection, delete, select
from coopnode.store.vault import Erased, Vault, VaultError

#: A few dozen pages in grey.
LARGEST: Final = 20 * 2**20


_LOOSE: Final = "loose-scan/"


def _name(digest: bytes) -> str:
    return f"minutes/{digest.hex()}"


def keep(connection: Connection, vault: Vault, data: bytes) -> bytes:
    """The digest of the file, which finds it again. It stays, whoever had brought it before."""
    digest = _put(connection, vault, data)
    settle(connection, digest)
    return digest


def keep_loosely(connection: Connection, vault: Vault, data: bytes, now: int) -> bytes:
    """The same for a draft: `forget` takes the file away again, unless it was there before."""
    digest = hashlib.sha256(data).digest()
    if get_meta(connection, _name(digest)) is None or digest in loose(connection):
        set_meta(connection, _LOOSE + digest.hex(), str(now))
    return _put(connection, vault, data)


def _put(connection: Connection, vault: Vault, data: bytes) -> bytes:
    """One ciphertext for a file, however often it is brought."""
    digest = hashlib.sha256(data).digest()
    if find(connection, vault, digest) is None:
        set_meta(connection, _name(digest), vault.attach(data).hex())
    return digest


def loose(connection: Connection) -> dict[bytes, int]:
    """Digests of what was kept for drafts → when it was brought last."""
    rows = connection.execute(select(meta.c.name, meta.c.value).where(meta.c.name.like(f"{_LOOSE}%"))).all()
    return {bytes.fromhex(row.name.removeprefix(_LOOSE)): int(row.value) for row in rows}


def settle(connection: Connection, digest: bytes) -> None:
    """A document names it: from now on it stays."""
    connection.execute(delete(meta).where(meta.c.name == _LOOSE + digest.hex()))


def find(connection: Connection, vault: Vault, digest: bytes) -> bytes | None:
    """None when none was kept, or it was erased."""
    kept = get_meta(connection, _name(digest))
    try:
        return vault.attachment(bytes.fromhex(kept)) if kept else None
    except (Erased, VaultError, FileNotFoundError):
        return None


def forget(connection: Connection, vault: Vault, digest: bytes) -> None:
    """Of a file that was kept loosely and that no document names; of any other, nothing."""
    kept = get_meta(connection, _name(digest))
    if kept and digest in loose(connection):
        vault.erase([bytes.fromhex(kept)])
        connection.execute(delete(meta).where(meta.c.name == _name(digest)))
        settle(connection, digest)
