"""Scanned papers that documents rest on: in the vault, encrypted, found by the digest that a document names.

The document holds the digest of the file (minutes: in the open, a paper of opening balances: in its private
record, P20); which ciphertext belongs to it is written beside the log.
"""

from __future__ import annotations

import hashlib
from typing import Final

from coopnode.store.database import get_meta, set_meta
from coopnode.store.schema import meta
from coopnode.store.sql import Connection, delete
from coopnode.store.vault import Erased, Vault, VaultError

#: A few dozen pages in grey.
LARGEST: Final = 20 * 2**20


def _name(digest: bytes) -> str:
    return f"minutes/{digest.hex()}"


def keep(connection: Connection, vault: Vault, data: bytes) -> bytes:
    """The digest of the file, which finds it again."""
    digest = hashlib.sha256(data).digest()
    set_meta(connection, _name(digest), vault.attach(data).hex())
    return digest


def find(connection: Connection, vault: Vault, digest: bytes) -> bytes | None:
    """None when none was kept, or it was erased."""
    kept = get_meta(connection, _name(digest))
    try:
        return vault.attachment(bytes.fromhex(kept)) if kept else None
    except (Erased, VaultError, FileNotFoundError):
        return None


def forget(connection: Connection, vault: Vault, digest: bytes) -> None:
    """Of a file that no document names."""
    kept = get_meta(connection, _name(digest))
    if kept:
        vault.erase([bytes.fromhex(kept)])
        connection.execute(delete(meta).where(meta.c.name == _name(digest)))
