"""What the founder has answered so far. Kept on the server, encrypted, so that a closed tab loses nothing.

A draft belongs to the founding ticket, not to a browser: the founder may go on from another device or, after
the address was set, at another origin. It holds names for the printed cards and is deleted when the
cooperative is constituted.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from typing import Any, Final, Literal, TypeVar

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from coopnode.store.schema import drafts
from coopnode.store.sql import Connection, delete, select, update, upsert

FORM: Final = "founding"
_NONCE: Final = 12


class Basis(msgspec.Struct, omit_defaults=True):
    """A decision on paper. `digest` is that of the scanned minutes."""

    organ: Literal["founding_meeting", "general_meeting", "council"] = "general_meeting"
    number: str = ""
    date: str = ""
    digest: bytes = b""
    file: str = ""


class Seat(msgspec.Struct, omit_defaults=True):
    """One place in the council. `person` stands on the printed card only, never in the log."""

    roles: list[str]
    voting: bool = True
    person: str = ""
    number: int | None = None
    since: str = ""
    mine: bool = False


class Draft(msgspec.Struct, omit_defaults=True):
    """Answers of the wizard. Empty values mean "not answered yet"."""

    language: str = "ru"
    kind: Literal["", "existing", "new"] = ""
    pack: str = ""
    name: str = ""
    inn: str = ""
    ogrn: str = ""
    country: str = "RU"
    #: what the texts name: place of business, how to ask, what for, who answers for personal data, who
    #: processes on order
    address: str = ""
    contact: str = ""
    purpose: str = ""
    responsible: str = ""
    processors: str = ""
    #: values that differ from the pack's, by key
    parameters: dict[str, Any] = {}
    #: texts the founder wrote instead of ours, by kind
    texts: dict[str, str] = {}
    charter_basis: Basis = msgspec.field(default_factory=Basis)
    council_basis: Basis = msgspec.field(default_factory=Basis)
    seats: list[Seat] = []
    #: last day of the council's term
    until: str = ""
    #: names for the cards of the people who found a new cooperative together; the founder is not among them
    founders: list[str] = []
    #: days the invitations to found stay open
    closes_days: int = 14
    #: steps answered
    done: set[str] = set()
    #: the founder's public key, and the genesis made for it; both are fixed together
    key: bytes = b""
    genesis: bytes = b""
    #: cooperative and account behind them, for people who come back
    cooperative: str = ""


class PersonDraft(msgspec.Struct, omit_defaults=True):
    """What somebody invited has typed so far."""

    values: dict[str, str] = {}
    #: the values were found good; wrong ones are kept too
    said: bool = False
    read: bool = False
    purposes: list[str] = []


D = TypeVar("D", bound=msgspec.Struct)


class DraftBox:
    """Drafts of one form in the database, under a key derived from the node's session key."""

    def __init__(self, secret: bytes, form: str = FORM) -> None:
        self._form = form
        self._box = AESGCM(hashlib.sha256(b"coopnode/founding-draft/0" + secret).digest())

    def load(self, connection: Connection, owner: bytes, kind: type[D]) -> D:
        """The owner's draft; a new one when there is none or it does not open."""
        row = connection.execute(select(drafts.c.box).where(drafts.c.id == self._id(owner))).one_or_none()
        if row is None:
            return kind()
        box: bytes = row.box
        try:
            plain = self._box.decrypt(box[:_NONCE], box[_NONCE:], self._id(owner))
            return msgspec.msgpack.decode(plain, type=kind)
        except (InvalidTag, msgspec.ValidationError, msgspec.DecodeError):
            return kind()

    def save(self, connection: Connection, owner: bytes, draft: msgspec.Struct, now: int) -> None:
        row: Mapping[str, Any] = {
            "id": self._id(owner),
            "owner": owner.hex(),
            "form": self._form,
            "box": self._sealed(owner, draft),
            "updated_at": now,
        }
        connection.execute(upsert(drafts).values(row).on_conflict_do_update(["id"], set_=row))

    def amend(self, connection: Connection, owner: bytes, draft: msgspec.Struct) -> None:
        """Of a draft that there is: its term runs on. Nothing where there is none any more."""
        held = drafts.c.id == self._id(owner)
        connection.execute(update(drafts).where(held).values(box=self._sealed(owner, draft)))

    def owners(self, connection: Connection) -> list[bytes]:
        """Whoever has a draft of this form."""
        found = connection.execute(select(drafts.c.owner).where(drafts.c.form == self._form)).scalars()
        return [bytes.fromhex(owner) for owner in found]

    def _sealed(self, owner: bytes, draft: msgspec.Struct) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._box.encrypt(nonce, msgspec.msgpack.encode(draft), self._id(owner))

    def drop(self, connection: Connection, owner: bytes) -> None:
        connection.execute(delete(drafts).where(drafts.c.id == self._id(owner)))

    def _id(self, owner: bytes) -> bytes:
        return hashlib.sha256(self._form.encode() + owner).digest()[:16]
