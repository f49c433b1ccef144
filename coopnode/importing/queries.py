"""Who of the register has a key of their own, and who is still to be reached."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from coopnode.founding.drafts import DraftBox
from coopnode.importing.drafts import CONTACTS, CONTACTS_SECONDS, FILE, FILE_SECONDS, LOOSE_SECONDS, Contacts
from coopnode.membership import queries
from coopnode.membership.people import Names, Viewer
from coopnode.membership.projection import register
from coopnode.membership.queries import RegisterLine
from coopnode.store.schema import drafts
from coopnode.store.sql import Connection, and_, delete, select
from protocol.contract import Money, State, View
from protocol.contracts import membership
from protocol.contracts.membership import Enrolment, Member, Opening
from protocol.identifiers import identifier

#: Lines opened for one page of those without a key.
MOST: Final = 5_000


@dataclass(frozen=True, slots=True)
class Progress:
    """How many of the register hold a key: whoever has confirmed does."""

    with_key: int
    of: int

    @property
    def without(self) -> int:
        return self.of - self.with_key


def progress(connection: Connection) -> Progress:
    counts = queries.register_counts(connection, None)
    members = counts.get("member", 0)
    return Progress(members, members + counts.get("invited", 0))


@dataclass(frozen=True, slots=True)
class Keyless:
    """Somebody who was invited and has not confirmed."""

    line: RegisterLine
    contacts: Contacts


def keyless(connection: Connection, names: Names, viewer: Viewer, box: DraftBox) -> list[Keyless]:
    lines = queries.register_page(connection, names, viewer, statuses=("invited",), limit=MOST)
    return [Keyless(line, contacts(connection, box, line.number)) for line in lines]


def contacts(connection: Connection, box: DraftBox, number: int) -> Contacts:
    return box.load(connection, owner(number), Contacts)


def owner(number: int) -> bytes:
    return b"%d" % number


def enrolment(state: State, digest: bytes) -> Enrolment | None:
    return View(state, membership.DOMAIN).get("enrolment", identifier(digest), Enrolment)


@dataclass(frozen=True, slots=True)
class Paid:
    """What somebody had paid before the cooperative's own ledger begins."""

    entrance: Money | None
    share: Money | None
    opening: bytes
    as_of: int


def paid(state: State, lines: Sequence[RegisterLine]) -> Paid | None:
    """Of everything that ever stood at a number of the register, the newest first. Of whoever has left, the
    enrolment still says what they had paid."""
    view = View(state, membership.DOMAIN)
    line = lines[0]
    entrance, share, named = None, None, None
    if line.status == "member" and line.account is not None:
        member = view.get("member", line.account, Member)
        if member is not None:
            entrance, share, named = member.opening_entrance, member.opening_share, member.opening
    elif line.status in ("invited", "left"):
        invited = next((item.digest for item in lines if item.status == "invited"), None)
        found = enrolment(state, invited) if invited is not None else None
        if found is not None and found.voided_at is None:
            entrance, share, named = found.entrance, found.share, found.opening
    opening = view.get("opening", identifier(named), Opening) if named else None
    if opening is None or not (entrance or share):
        return None
    return Paid(entrance, share, opening.digest, opening.as_of)


def openings(state: State) -> list[Opening]:
    return [found for _, found in View(state, membership.DOMAIN).scan("opening", "", Opening)]


def sweep(connection: Connection, now: int) -> None:
    """Files nobody goes on with; contacts of those who have confirmed, were voided, or were waited for long
    enough."""
    old = and_(drafts.c.form == FILE, drafts.c.updated_at < now - FILE_SECONDS)
    connection.execute(delete(drafts).where(old))
    waiting = select(register.c.number).where(register.c.to_idx.is_(None), register.c.status == "invited")
    invited = {f"{number}".encode().hex() for number in connection.execute(waiting).scalars()}
    held = select(drafts.c.id, drafts.c.owner, drafts.c.updated_at).where(drafts.c.form == CONTACTS)
    for row in connection.execute(held).all():
        if row.updated_at < now - (CONTACTS_SECONDS if row.owner in invited else LOOSE_SECONDS):
            _drop(connection, row)


def _drop(connection: Connection, row: Any) -> None:
    connection.execute(delete(drafts).where(drafts.c.id == row.id))
