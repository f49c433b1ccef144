"""Private records as values: opened from the vault for those whose role allows it (P20). Roles are the
caller's to check."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final, Literal

from coopnode.store.database import driver
from coopnode.store.rows import rows_in
from coopnode.store.sql import Connection
from coopnode.store.state_store import SnapshotState
from coopnode.store.vault import Erased, Vault
from protocol import encoding, registry
from protocol.contract import View
from protocol.contracts import vault as erasing

_BOXES: Final = "SELECT digest, box FROM private_records WHERE digest"


def opened(connection: Connection, vault: Vault, digest: bytes) -> Mapping[str, Any] | None:
    """The whole record `{fields, decoys}` of a document, with salts; None when there is none any more
    (`gone`)."""
    return many(connection, vault, (digest,)).get(digest)


def many(connection: Connection, vault: Vault, digests: Iterable[bytes]) -> dict[bytes, Mapping[str, Any]]:
    """Those that there are, in one question."""
    found: dict[bytes, Mapping[str, Any]] = {}
    for digest, box in rows_in(driver(connection), _BOXES, digests):
        try:
            plain = vault.open(digest, box)
        except Erased:
            continue
        record: Any = encoding.decode(plain, limit=len(plain))
        found[digest] = dict(record)
    return found


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
    return None if record is None else readable(record, type, roles)


def readable(record: Mapping[str, Any], type: str, roles: Collection[str]) -> dict[str, Any]:
    """The values of an opened record that these roles may see."""
    allowed = {item.name for item in registry.TYPES[type].private if set(item.readers) & set(roles)}
    return {name: field["value"] for name, field in record["fields"].items() if name in allowed}
