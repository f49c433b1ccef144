"""Private records as values: opened from the vault for those whose role allows it (P20). Roles are the
caller's to check."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Literal

from coopnode.store.database import driver
from coopnode.store.sql import Connection
from coopnode.store.state_store import SnapshotState
from coopnode.store.vault import Erased, Vault
from protocol import encoding, registry
from protocol.contract import View
from protocol.contracts import vault as erasing

_BOX = "SELECT box FROM private_records WHERE digest = ?"


def opened(connection: Connection, vault: Vault, digest: bytes) -> Mapping[str, Any] | None:
    """The whole record `{fields, decoys}` of a document, with salts; None when there is none any more
    (`gone`)."""
    row = driver(connection).execute(_BOX, (digest,)).fetchone()
    if row is None:
        return None
    try:
        plain = vault.open(digest, row[0])
    except Erased:
        return None
    record: Any = encoding.decode(plain, limit=len(plain))
    return dict(record)


def gone(connection: Connection, digest: bytes) -> Literal["erased", "lost"]:
    """Why a document whose type has private fields has no record: the log says what was erased, and
    everything else was lost with a machine (`coopnode.recovery`)."""
    view = View(SnapshotState(lambda: driver(connection)), erasing.DOMAIN)
    return "erased" if erasing.is_erased(view, digest) else "lost"


def values(
    connection: Connection, vault: Vault, digest: bytes, type: str, roles: Collection[str]
) -> dict[str, Any] | None:
    """Field values of a document that a reader in these roles may see. `self` is a role: the signer, or
    whom the document is about."""
    record = opened(connection, vault, digest)
    if record is None:
        return None
    allowed = {item.name for item in registry.TYPES[type].private if set(item.readers) & set(roles)}
    return {name: field["value"] for name, field in record["fields"].items() if name in allowed}
