"""An application that is being written: kept on the server, encrypted, until it is signed.

A draft belongs to a browser session, or to an account once its owner has signed in. It is deleted when the
application stands in the log, and after a month without use.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Final, Literal

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from coopnode.store.schema import drafts
from coopnode.store.sql import Connection, delete, select, upsert

FORM: Final = "join"
KEPT_SECONDS: Final = 30 * 86_400
_NONCE: Final = 12


class Draft(msgspec.Struct, omit_defaults=True):
    """Answers so far. Empty values mean "not answered yet"."""

    email: str = ""
    #: the code that was sent, and when the address was confirmed
    code: bytes = b""
    confirmed_at: int = 0
    #: token of the ticket that lets the applicant open an account
    ticket: str = ""
    kind: Literal["", "person", "entrepreneur"] = ""
    name: str = ""
    birth_date: str = ""
    address: str = ""
    phone: str = ""
    document: str = ""
    inn: str = ""
    ogrn: str = ""
    #: digests (hexadecimal) of the texts opened
    opened: set[str] = set()
    #: purposes of the optional consents chosen
    consents: set[str] = set()
    #: steps answered
    done: set[str] = set()

    def particulars(self) -> dict[str, str]:
        """The private fields of `membership.apply/1`, those that are filled in."""
        found = {
            "name": self.name,
            "birth_date": self.birth_date,
            "address": self.address,
            "phone": self.phone,
            "email": self.email,
            "document": self.document,
        }
        if self.kind == "entrepreneur":
            found |= {"inn": self.inn, "ogrn": self.ogrn}
        return {name: value for name, value in found.items() if value}


class DraftBox:
    """Drafts in the database, under a key derived from the node's session key."""

    def __init__(self, secret: bytes) -> None:
        self._box = AESGCM(hashlib.sha256(b"coopnode/join-draft/0" + secret).digest())

    def load(self, connection: Connection, owner: str) -> Draft:
        """A new one when there is none, or it does not open."""
        id = _id(owner)
        row = connection.execute(select(drafts.c.box).where(drafts.c.id == id)).one_or_none()
        if row is None:
            return Draft()
        box: bytes = row.box
        try:
            return msgspec.msgpack.decode(self._box.decrypt(box[:_NONCE], box[_NONCE:], id), type=Draft)
        except (InvalidTag, msgspec.ValidationError, msgspec.DecodeError):
            return Draft()

    def save(self, connection: Connection, owner: str, draft: Draft, now: int) -> None:
        id, nonce = _id(owner), secrets.token_bytes(_NONCE)
        box = nonce + self._box.encrypt(nonce, msgspec.msgpack.encode(draft), id)
        row: Mapping[str, Any] = {"id": id, "owner": id.hex(), "form": FORM, "box": box, "updated_at": now}
        connection.execute(upsert(drafts).values(row).on_conflict_do_update(["id"], set_=row))

    def drop(self, connection: Connection, owner: str) -> None:
        connection.execute(delete(drafts).where(drafts.c.id == _id(owner)))

    @staticmethod
    def sweep(connection: Connection, now: int) -> None:
        """Forgets drafts nobody has touched for a month."""
        old = (drafts.c.form == FORM, drafts.c.updated_at < now - KEPT_SECONDS)
        connection.execute(delete(drafts).where(*old))


def _id(owner: str) -> bytes:
    return hashlib.sha256(FORM.encode() + b"\0" + owner.encode()).digest()[:16]
