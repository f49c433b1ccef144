"""Copies of documents an applicant adds for the check of identity. They are not part of any statement.

Each lies encrypted in the vault under the digest of its ciphertext; which belongs to which application is
written encrypted among the drafts. When an application has ended the copies are erased: nobody needs them
any longer (152-ФЗ, art. 5 p. 7).
"""

from __future__ import annotations

import hashlib
import secrets
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from coopnode.membership.projection import applications
from coopnode.membership.queries import OPEN
from coopnode.store.schema import drafts
from coopnode.store.sql import Connection, delete, select, upsert
from coopnode.store.vault import Erased, Vault, VaultError

FORM: Final = "join-copies"
MEDIA_TYPES: Final = {"image/jpeg": ".jpg", "image/png": ".png", "application/pdf": ".pdf"}
LARGEST: Final = 10 * 2**20
MOST: Final = 5
_NONCE: Final = 12


class Copy(msgspec.Struct, frozen=True):
    digest: bytes
    name: str
    media_type: str
    size: int
    added_at: int


class Copies:
    def __init__(self, secret: bytes, vault: Vault) -> None:
        self._box = AESGCM(hashlib.sha256(b"coopnode/join-copies/0" + secret).digest())
        self._vault = vault

    def of(self, connection: Connection, application: str) -> list[Copy]:
        id = _id(application)
        row = connection.execute(select(drafts.c.box).where(drafts.c.id == id)).one_or_none()
        if row is None:
            return []
        try:
            plain = self._box.decrypt(row.box[:_NONCE], row.box[_NONCE:], id)
            return msgspec.msgpack.decode(plain, type=list[Copy])
        except (InvalidTag, msgspec.DecodeError):
            return []

    def add(
        self, connection: Connection, application: str, name: str, data: bytes, media_type: str, now: int
    ) -> bool:
        """False when there are as many as may be."""
        held = self.of(connection, application)
        if len(held) >= MOST:
            return False
        digest = self._vault.attach(data)
        self._save(connection, application, [*held, Copy(digest, name, media_type, len(data), now)], now)
        return True

    def remove(self, connection: Connection, application: str, digest: bytes, now: int) -> bool:
        held = self.of(connection, application)
        kept = [item for item in held if item.digest != digest]
        if len(kept) == len(held):
            return False
        self._vault.erase([digest])
        self._save(connection, application, kept, now)
        return True

    def open(self, connection: Connection, application: str, digest: bytes) -> tuple[Copy, bytes] | None:
        found = next((item for item in self.of(connection, application) if item.digest == digest), None)
        if found is None:
            return None
        try:
            return found, self._vault.attachment(digest)
        except (Erased, VaultError, FileNotFoundError):
            return None

    def sweep(self, connection: Connection) -> int:
        """Erases the copies of applications that have ended; returns how many applications that were."""
        held = {row.owner: row.id for row in connection.execute(select(drafts).where(drafts.c.form == FORM))}
        if not held:
            return 0
        query = select(applications.c.id).where(applications.c.id.in_(held), applications.c.status.in_(OPEN))
        running = {row[0] for row in connection.execute(query)}
        ended = sorted(set(held) - running)
        for application in ended:
            self._vault.erase([item.digest for item in self.of(connection, application)])
            connection.execute(delete(drafts).where(drafts.c.id == held[application]))
        return len(ended)

    def _save(self, connection: Connection, application: str, copies: list[Copy], now: int) -> None:
        id, nonce = _id(application), secrets.token_bytes(_NONCE)
        box = nonce + self._box.encrypt(nonce, msgspec.msgpack.encode(copies), id)
        row = {"id": id, "owner": application, "form": FORM, "box": box, "updated_at": now}
        connection.execute(upsert(drafts).values(row).on_conflict_do_update(["id"], set_=row))


def media_type(data: bytes) -> str | None:
    """What a file is by its first bytes, whatever its name says; None for kinds we do not take."""
    if data[:3] == b"\xff\xd8\xff":
        return "image/jpeg"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "image/png"
    return "application/pdf" if data[:5] == b"%PDF-" else None


def _id(application: str) -> bytes:
    return hashlib.sha256(FORM.encode() + b"\0" + application.encode()).digest()[:16]
