"""Letters of joining, sent after the commit that caused them and tried again until they leave.

A row of the outbox names an application and the status it came to. Working it off first makes one row for
each receiver, in one transaction; then each is sent by itself. Addresses are opened from the vault at the
moment of sending and stand nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from typing import Any, Final

import structlog

from coopnode.app import Leader
from coopnode.mail import Letter, Mailer, MailError
from coopnode.membership import letters, queries
from coopnode.membership.attachments import Copies
from coopnode.membership.letters import LETTERS, Audience, Locale
from coopnode.membership.people import particulars
from coopnode.membership.projection import LETTER
from coopnode.printing import money
from coopnode.store.schema import outbox, sessions
from coopnode.store.sql import Connection, Row, insert, select, update
from protocol import encoding
from protocol.log import Accepted

log = structlog.get_logger()

LETTER_TO: Final = "membership.letter.to"
#: Minutes until the next attempt, by how many there were; after the last it is given up.
_PAUSES: Final = (1, 5, 15, 60, 240, 720, 1440)
#: A letter about something that happened longer ago says nothing new (after a rebuild, for instance).
_STALE: Final = 3 * 86_400
_BATCH: Final = 50
_AUDIENCES: Final[tuple[Audience, ...]] = ("applicant", "registrar", "secretary", "accountant")


class Post:
    """Works off the outbox of this slice. One for a node."""

    def __init__(self, node: Leader, mailer: Mailer | None = None) -> None:
        self._node = node
        self._mailer = mailer or Mailer.of(node.config)
        self._copies = Copies(node.keys.session, node.vault)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._node.sequencer.subscribe(self._committed)
        self._task = asyncio.create_task(self._run(), name="membership.post")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _committed(self, accepted: Sequence[Accepted]) -> None:
        if any(domain == "membership" for entry in accepted for domain, _ in entry.writes):
            self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                while await self.work():
                    pass
                await self._node.database.write(self._copies.sweep)
            except Exception:
                log.exception("letters could not be worked off")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), 30.0)
            self._wake.clear()

    async def work(self) -> int:
        """One round; returns how many rows were worked off."""
        now = self._node.clock.peek()
        spread = await self._node.database.write(lambda connection: self._spread(connection, now))
        due = await self._node.database.read(lambda connection: _due(connection, LETTER_TO, now))
        for row in due:
            await self._one(row, now)
        return spread + len(due)

    def _spread(self, connection: Connection, now: int) -> int:
        """Rows for statuses → rows for receivers."""
        rows = _due(connection, LETTER, now)
        for row in rows:
            body: Any = encoding.decode(row.body)
            if now - row.created_at <= _STALE:
                for account, audience in self._receivers(connection, body):
                    more = {"kind": LETTER_TO, "idx": row.idx, "created_at": row.created_at, "due_at": now}
                    more["body"] = encoding.encode({**body, "to": account, "audience": audience})
                    connection.execute(insert(outbox).values(more))
            connection.execute(update(outbox).where(outbox.c.id == row.id).values(done_at=now))
        return len(rows)

    def _receivers(self, connection: Connection, body: dict[str, Any]) -> list[tuple[str, Audience]]:
        application = queries.application_by_id(connection, body["application"])
        if application is None:
            return []
        state, status = self._node.state, body["status"]
        found: list[tuple[str, Audience]] = []
        for audience in _AUDIENCES:
            if (status, audience) not in LETTERS:
                continue
            if audience == "applicant":
                found.append((application.applicant, audience))
                continue
            offices = queries.rules(state).identify_roles if audience == "registrar" else (audience,)
            accounts = {account for office in offices for account in queries.officers(state, office)}
            # Nobody attests their own: they get the applicant's letter only.
            found += [(account, audience) for account in sorted(accounts - {application.applicant})]
        return found

    async def _one(self, row: Row[Any], now: int) -> None:
        try:
            letter = await self._node.database.read(lambda connection: self._letter(connection, row))
            if letter is not None:
                await self._mailer.send(letter, now=now)
            changed: dict[str, Any] = {"done_at": now, "problem": None if letter else "no address"}
        except MailError as error:
            attempts = row.attempts + 1
            over = error.final or attempts > len(_PAUSES)
            pause = _PAUSES[min(attempts, len(_PAUSES)) - 1] * 60
            changed = {"attempts": attempts, "problem": str(error), "due_at": now + pause}
            changed["done_at"] = now if over else None
            log.warning("a letter did not leave", row=row.id, problem=str(error), final=over)
        await self._node.database.write(
            lambda connection: connection.execute(update(outbox).where(outbox.c.id == row.id).values(changed))
        )

    def _letter(self, connection: Connection, row: Row[Any]) -> Letter | None:
        """None when there is nobody to write to any more."""
        body: Any = encoding.decode(row.body)
        application = queries.application_by_id(connection, body["application"])
        house = queries.house(self._node.state)
        # The node writes to the person in its own duty: it reads the address as that person's.
        address = particulars(connection, self._node.vault, body["to"], ("self",)).get("email")
        if application is None or house is None or not address:
            return None
        locale = locale_of(connection, body["to"])
        amount = money(application.total, application.currency)
        facts = {
            "number": str(application.number),
            "amount": amount,
            "decide_by": letters.day(application.decide_by, locale),
            "pay_by": letters.day(application.pay_by, locale) if application.pay_by else "",
        }
        words = LETTERS[(body["status"], body["audience"])][locale]
        page = (
            "/join/status" if body["audience"] == "applicant" else f"/desk/applications/{application.number}"
        )
        if body["status"] == "member":
            page = "/me/membership"
        link = house.public_url + page
        subject, text = letters.render(words, facts, house=house.name, link=link, locale=locale)
        return Letter(str(address), subject, text, key=f"{row.idx}.{row.id}")


def _due(connection: Connection, kind: str, now: int) -> list[Row[Any]]:
    where = (outbox.c.kind == kind, outbox.c.done_at.is_(None), outbox.c.due_at <= now)
    return list(connection.execute(select(outbox).where(*where).order_by(outbox.c.id).limit(_BATCH)))


def locale_of(connection: Connection, account: str) -> Locale:
    """The language a person last used here; Russian when we do not know."""
    where = (sessions.c.account == account, sessions.c.locale.is_not(None))
    query = select(sessions.c.locale).where(*where).order_by(sessions.c.seen_at.desc()).limit(1)
    return "en" if connection.execute(query).scalar_one_or_none() == "en" else "ru"


async def send_code(
    mailer: Mailer, address: str, digits: str, *, house: str, locale: Locale, now: int
) -> None:
    """Raises MailError."""
    subject, text = letters.render(
        letters.CODE[locale], {"code": digits}, house=house, link="", locale=locale
    )
    await mailer.send(Letter(address, subject, text), now=now)
