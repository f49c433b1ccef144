"""The node's own secrets: files of 32 bytes under `data/keys`, mode 0600, made once at init and never in
the database.

Backups of the data directory must carry them apart from the database: who has both can read the vault.
"""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from protocol import signatures

NAMES: Final = ("log", "node", "vault", "session")


class KeystoreError(Exception):
    """A key is missing, has the wrong size or can be read by others."""


@dataclass(frozen=True)
class Keystore:
    """`log` signs checkpoints, `node` signs ticks and answers, `vault` wraps record keys, `session` is for
    what browsers hold: drafts, devices that are woken and the key that wakes them, addresses of calendars."""

    log: bytes = field(repr=False)
    node: bytes = field(repr=False)
    vault: bytes = field(repr=False)
    session: bytes = field(repr=False)
    log_pub: bytes = b""
    node_pub: bytes = b""

    @classmethod
    def from_seeds(cls, log: bytes, node: bytes, vault: bytes, session: bytes) -> Keystore:
        return cls(log, node, vault, session, signatures.public_key(log), signatures.public_key(node))

    @classmethod
    def random(cls) -> Keystore:
        return cls.from_seeds(*(secrets.token_bytes(32) for _ in NAMES))


def create(folder: Path) -> Keystore:
    """Makes the keys. Raises KeystoreError when there are some already."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any((folder / name).exists() for name in NAMES):
        raise KeystoreError(f"{folder} holds keys already; a node never replaces them by itself")
    keys = Keystore.random()
    for name in NAMES:
        _write(folder / name, getattr(keys, name))
    _sync_folder(folder)
    return keys


def exists(folder: Path) -> bool:
    return all((folder / name).exists() for name in NAMES)


def load(folder: Path) -> Keystore:
    """Raises KeystoreError."""
    return Keystore.from_seeds(*(_read(folder / name) for name in NAMES))


def _read(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        data = path.read_bytes()
    except OSError as error:
        raise KeystoreError(f"the key {path} cannot be read: {error.strerror}") from error
    if mode & 0o077:
        raise KeystoreError(f"the key {path} can be read by others; chmod 600 {path}")
    if len(data) != 32:
        raise KeystoreError(f"the key {path} has {len(data)} bytes instead of 32")
    return data


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, data)
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
