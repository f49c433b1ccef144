"""Commands of an import: keep the file, say what is to be signed next, write to those who have no key.

Nothing here signs: the officer's browser does, and makes the keys of the invitations (ADR 2). The log decides
what is done; a sitting that was left goes on with whoever has no number yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from coopnode import places, private_records, scans
from coopnode.app import Node
from coopnode.founding import items
from coopnode.founding.drafts import DraftBox
from coopnode.importing import queries
from coopnode.importing.drafts import CONTACTS, FILE, Balances, Contacts, File, Line
from coopnode.importing.known import Known, known
from coopnode.importing.letters import REMINDER
from coopnode.importing.papers import Papers
from coopnode.importing.queries import Keyless, Progress
from coopnode.membership.attachments import media_type
from coopnode.membership.people import Names, Viewer
from coopnode.outbox import put
from coopnode.places import Place
from coopnode.signing import Item
from coopnode.store.sql import Connection
from protocol.encoding import Value
from protocol.registry import StateFacts

OPENING: Final = "membership.opening/1"
#: Between two letters to one address.
QUIET_SECONDS: Final = 3 * 86_400
#: Who may see the scan of a paper with everybody's amounts.
_READERS: Final = frozenset(("chair", "secretary", "accountant", "council"))


class Importing:
    """One per application."""

    def __init__(self, node: Node, names: Names) -> None:
        self.node, self.names = node, names
        self._files = DraftBox(node.keys.session, FILE)
        self._contacts = DraftBox(node.keys.session, CONTACTS)
        self._papers = Papers(node)

    # -- the file ----------------------------------------------------------------------------------

    async def file(self, account: str) -> File:
        """The one this officer has brought."""
        return await self.node.database.read(
            lambda connection: self._files.load(connection, account.encode(), File)
        )

    async def save(self, account: str, file: File) -> None:
        now = self.node.clock.peek()
        await self.node.database.write(
            lambda connection: self._files.save(connection, account.encode(), file, now)
        )

    async def forget(self, account: str) -> None:
        """The file, and the scan it brought unless something else rests on it."""

        def change(connection: Connection) -> None:
            file = self._files.load(connection, account.encode(), File)
            self._files.drop(connection, account.encode())
            if file.balances and file.balances.scan:
                self._papers.release(connection, file.balances.scan.sha256)

        await self.node.database.write(change)

    async def keep_scan(self, data: bytes) -> bytes:
        """For the draft; one that it replaces goes with the next sweep that finds it old."""
        now = self.node.clock.peek()
        return await self.node.database.write(
            lambda connection: scans.keep_loosely(connection, self.node.vault, data, now)
        )

    async def known(self, viewer: Viewer) -> list[Known]:
        def query(connection: Connection) -> list[Known]:
            return known(connection, self.node.vault, viewer)

        return await self.node.database.read(query)

    async def viewer(self, account: str) -> Viewer:
        return await self.node.database.read(lambda _: Viewer.of(self.node.state, account))

    async def currency(self) -> str:
        def query(_: Connection) -> str:
            return str(StateFacts(self.node.state).parameter("fees.currency"))

        return await self.node.database.read(query)

    async def _place(self) -> Place:
        return await self.node.database.read(lambda _: places.of(self.node.state))

    # -- opening balances --------------------------------------------------------------------------

    async def opening(self, balances: Balances) -> bytes | None:
        """The statement of these balances, once it is in the log."""
        return await self.node.database.read(lambda connection: self._opening(connection, balances))

    def _opening(self, connection: Connection, balances: Balances) -> bytes | None:
        day = items.day_seconds(balances.as_of, places.of(self.node.state))
        for found in queries.openings(self.node.state):
            if found.as_of != day:
                continue
            record = private_records.opened(connection, self.node.vault, found.digest)
            said = {name: field["value"] for name, field in (record or {"fields": {}})["fields"].items()}
            scan = said.get("scan")
            same = scan["sha256"] == balances.scan.sha256 if scan and balances.scan else not balances.scan
            if said.get("title") == balances.title and same:
                return found.digest
        return None

    async def open_balances(self, balances: Balances, lines: Sequence[Line]) -> list[Item]:
        """The sums of these lines, to be signed."""
        own, currency, place = self._own, await self.currency(), await self._place()
        payload: dict[str, Value] = {
            "as_of": items.day_seconds(balances.as_of, place),
            "members": sum(line.entrance is not None or line.share is not None for line in lines),
            "entrance": {"amount": sum(line.entrance or 0 for line in lines), "currency": currency},
            "share": {"amount": sum(line.share or 0 for line in lines), "currency": currency},
        }
        private: dict[str, Any] = {"title": balances.title}
        if balances.scan:
            scan = balances.scan
            private["scan"] = {
                "name": scan.name,
                "media_type": scan.media_type,
                "size": scan.size,
                "sha256": scan.sha256,
            }
        return [Item(OPENING, payload, own, own, private=private, private_fields=("title", "scan"))]

    async def scan(self, opening: bytes, account: str) -> tuple[str, bytes] | None:
        """(media type, file) of the paper behind opening balances, for officers and the council. None for
        others, and when none was kept."""

        def query(connection: Connection) -> bytes | None:
            if _READERS.isdisjoint(Viewer.of(self.node.state, account).roles):
                return None
            if opening not in {found.digest for found in queries.openings(self.node.state)}:
                return None
            record = private_records.opened(connection, self.node.vault, opening)
            field = record["fields"].get("scan") if record else None
            return scans.find(connection, self.node.vault, field["value"]["sha256"]) if field else None

        data = await self.node.database.read(query)
        return (media_type(data) or "application/octet-stream", data) if data is not None else None

    # -- sittings ----------------------------------------------------------------------------------

    @property
    def _own(self) -> str:
        assert self.node.cooperative is not None
        return self.node.cooperative

    async def enrol(self, lines: Sequence[Line], opening: bytes, label: Callable[[Line], str]) -> list[Item]:
        """One sitting. Where its letters go is written down first: the browser may not come back."""
        now, own, currency = self.node.clock.peek(), self._own, await self.currency()
        place = await self._place()

        def change(connection: Connection) -> None:
            for line in lines:
                kept = Contacts(line.email, line.phone, line.address)
                self._contacts.save(connection, queries.owner(line.number), kept, now)

        await self.node.database.write(change)
        return [
            items.enrol(
                line.number,
                line.since,
                line.person,
                line.name,
                label(line),
                own,
                place,
                paid=_paid(line, opening, currency),
                to=_to(line.number, line.name, line.email, line.address),
            )
            for line in lines
        ]

    async def invite_again(self, chosen: Iterable[Keyless], label: Callable[[Keyless], str]) -> list[Item]:
        """New invitations in one sitting: each replaces the lost one and says again what it said."""

        def query(_: Connection) -> list[Item]:
            return [self._again(each, label(each)) for each in chosen]

        return await self.node.database.read(query)

    def _again(self, each: Keyless, label: str) -> Item:
        line, name = each.line, each.line.name or ""
        assert line.since is not None and line.person is not None and line.digest is not None
        payload: dict[str, Value] = {"number": line.number, "since": line.since, "person": line.person}
        before = queries.enrolment(self.node.state, line.digest)
        if before is not None and before.opening is not None:
            payload["opening"] = before.opening
            for key, money in (("entrance", before.entrance), ("share", before.share)):
                if money is not None:
                    payload[key] = {"amount": money.amount, "currency": money.currency}
        to = _to(line.number, name, each.contacts.email, each.contacts.address)
        return items.enrolment(payload, name, label, to, self._own)

    # -- who has a key -----------------------------------------------------------------------------

    async def progress(self) -> Progress:
        return await self.node.database.read(queries.progress)

    async def keyless(self, viewer: Viewer) -> list[Keyless]:
        def query(connection: Connection) -> list[Keyless]:
            return queries.keyless(connection, self.names, viewer, self._contacts)

        return await self.node.database.read(query)

    async def remind(self, people: Iterable[Keyless]) -> int:
        """A letter to each that has an address and was not written to lately: that an invitation is on its
        way, and where its code is typed. The code is not in it: the node does not know it. Gives how many."""
        now = self.node.clock.peek()
        chosen = [each for each in people if self.may_remind(each)]

        def change(connection: Connection) -> None:
            size = self.node.engine.head.size
            put(connection, REMINDER, size - 1, ({"number": each.line.number} for each in chosen), now)
            for each in chosen:
                held = each.contacts
                kept = Contacts(held.email, held.phone, held.address, now)
                # A reminder is no reason to keep them longer.
                self._contacts.amend(connection, queries.owner(each.line.number), kept)

        await self.node.database.write(change)
        return len(chosen)

    def may_remind(self, each: Keyless) -> bool:
        quiet = self.node.clock.peek() - each.contacts.reminded_at
        return bool(each.contacts.email) and quiet >= QUIET_SECONDS


def _paid(line: Line, opening: bytes, currency: str) -> dict[str, Value]:
    if not opening or (line.entrance is None and line.share is None):
        return {}
    paid: dict[str, Value] = {"opening": opening}
    for key, amount in (("entrance", line.entrance), ("share", line.share)):
        if amount is not None:
            paid[key] = {"amount": amount, "currency": currency}
    return paid


def _to(number: int, name: str, email: str, address: str) -> dict[str, str]:
    given = {"number": str(number), "name": name, "email": email, "address": address}
    return {key: value for key, value in given.items() if value}
