"""Commitments to private fields (SPEC §5, P20): one salted leaf per registry field, a Merkle root in the
statement.

A record is `{"fields": {name: {"salt": bytes32, "value": Value}}, "decoys": {name: bytes32}}`. Salts come
from the caller: this module has
no randomness.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from protocol import encoding, merkle
from protocol.encoding import Value
from protocol.errors import StatementError

LABEL = "coopnode/private/0"


def leaf(type: str, field: str, salt: bytes, value: Value) -> bytes:
    """SHA-256(0x00 ‖ CBOR[label, type, field, salt, value])."""
    return hashlib.sha256(b"\x00" + encoding.encode([LABEL, type, field, salt, value])).digest()


def commit(
    type: str, fields: Sequence[str], values: Mapping[str, Value], salts: Mapping[str, bytes]
) -> tuple[bytes, dict[str, Any]]:
    """Root and record for `values` of a document type with private `fields`. `salts` has 32 fresh random
    bytes for every field:
    the salt of a present one, the decoy leaf of an absent one."""
    record: dict[str, Any] = {
        "fields": {name: {"salt": salts[name], "value": values[name]} for name in fields if name in values},
        "decoys": {name: salts[name] for name in fields if name not in values},
    }
    return root(type, fields, record), record


def root(type: str, fields: Sequence[str], record: Any) -> bytes:
    """Root of a record. StatementError when it does not name each field exactly once or a salt is not 32
    bytes."""
    return merkle.root(leaves(type, fields, record))


def leaves(type: str, fields: Sequence[str], record: Any) -> list[bytes]:
    """The leaves in registry order: what `disclosure` proves one of."""
    if not isinstance(record, Mapping) or set(record) != {"fields", "decoys"}:
        raise StatementError("private_malformed")
    opened, decoys = record["fields"], record["decoys"]
    if not isinstance(opened, Mapping) or not isinstance(decoys, Mapping):
        raise StatementError("private_malformed")
    if set(opened) | set(decoys) != set(fields) or set(opened) & set(decoys):
        raise StatementError("private_malformed")
    return [_leaf_of(type, name, opened, decoys) for name in fields]


def _leaf_of(type: str, name: str, opened: Mapping[str, Any], decoys: Mapping[str, Any]) -> bytes:
    if name in decoys:
        return _bytes32(decoys[name], name)
    opening = opened[name]
    if not isinstance(opening, Mapping) or set(opening) != {"salt", "value"}:
        raise StatementError("private_malformed", name)
    return leaf(type, name, _bytes32(opening["salt"], name), opening["value"])


def _bytes32(value: Any, name: str) -> bytes:
    if not isinstance(value, bytes) or len(value) != 32:
        raise StatementError("private_malformed", name)
    return value


def verify_disclosure(
    type: str,
    fields: Sequence[str],
    field: str,
    salt: bytes,
    value: Value,
    path: Sequence[bytes],
    root: bytes,
) -> bool:
    """One field shown alone: its leaf lies at the registry's place under `root`."""
    index = list(fields).index(field)
    return merkle.verify_inclusion(leaf(type, field, salt, value), index, len(fields), list(path), root)
