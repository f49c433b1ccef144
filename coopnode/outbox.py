"""Letters after a commit: written down in the log's transaction, sent afterwards, tried again, given up.

A slice announces what happened and registers a `Kind`: who hears of it, and what is said to one of them.
Everything else is here. A row passes these steps, each in a transaction of its own:

    announced → one row for each receiver → attempt counted → handed to the mail server → done

An attempt is counted before the letter leaves, so a process that dies while sending does not try for ever.
Whoever dies between sending and marking sends once more, with the same Message-ID: SMTP allows no better.
Addresses are opened from the vault at the moment of sending and stand neither here nor in the logs.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import structlog

from coopnode import faults, figures, letters, places
from coopnode.letters import Said
from coopnode.mail import Letter, Mailer, MailError
from coopnode.membership.people import particulars
from coopnode.store.schema import outbox
from coopnode.store.sql import Connection, Row, delete, func, insert, or_, select, update
from coopnode.store.work import Rows, Work
from protocol import encoding
from protocol.contract import View
from protocol.contracts import cooperative
from protocol.encoding import Value
from protocol.wording import Locale

if TYPE_CHECKING:
    from coopnode.app import Node
    from protocol.log import Accepted

log = structlog.get_logger()

#: Seconds until the next attempt, by how many there were; after the last it is given up.
PAUSES: Final = (60, 300, 900, 3600, 14_400, 43_200, 86_400)
#: Rows of one round.
_BATCH: Final = 50
#: What was sent, or needed no letter, is forgotten after a month; what was given up after three.
_KEPT: Final = 30 * 86_400
_KEPT_FAILED: Final = 90 * 86_400

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Receiver:
    """`audience` tells a slice's letters about one event apart; `locale` is known when the letter is
    written."""

    account: str
    audience: str = ""
    locale: Locale = "ru"


@dataclass(frozen=True)
class Kind:
    """One kind of news. Both functions see the state as it is now, not as it was: whoever has acted
    meanwhile hears nothing."""

    name: str
    #: seconds after which news that was due says nothing new (after a rebuild, for instance)
    stale: int
    receivers: Callable[[Node, Connection, Body], Iterable[Receiver]]
    #: None when there is nothing to say any more
    write: Callable[[Node, Connection, Body, Receiver], Said | None]
    #: of a receiver who has no account yet; else the address is what the account's holder said
    address: Callable[[Node, Connection, Body], str | None] | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A row as the operator sees it."""

    id: int
    kind: str
    created_at: int
    due_at: int
    attempts: int
    failed_at: int | None
    problem: str | None


# -- rows ----------------------------------------------------------------------------------------------


_ANNOUNCED: Final = Rows(
    outbox, only=("kind", "idx", "body", "created_at", "due_at", "attempts"), once=("idx", "kind")
)


def announce(work: Work, kind: str, entry: Accepted, news: Iterable[tuple[Mapping[str, Value], int]]) -> None:
    """Writes down (body, moment when it is due) for an entry, in its transaction. A rebuild passes here
    again and changes nothing."""
    for body, due_at in news:
        row = {"kind": kind, "idx": entry.index, "body": encoding.encode(dict(body)), "attempts": 0}
        work.add(_ANNOUNCED, row | {"created_at": entry.tick, "due_at": due_at})


def put(connection: Connection, kind: str, idx: int, bodies: Iterable[Mapping[str, Value]], now: int) -> None:
    """Letters that an officer asked for, one for each body, of a kind that finds its own addresses. `idx`:
    the last entry of the log."""
    row = {"kind": kind, "idx": idx, "receiver": "", "audience": "", "created_at": now, "due_at": now}
    rows = [{**row, "body": encoding.encode(dict(body))} for body in bodies]
    if rows:
        connection.execute(insert(outbox), rows)


_WAITING: Final = (outbox.c.done_at.is_(None), outbox.c.failed_at.is_(None))


def open_lines(connection: Connection) -> list[Line]:
    """What waits and what was given up, oldest first."""
    query = select(outbox).where(outbox.c.done_at.is_(None)).order_by(outbox.c.id)
    return [
        Line(row.id, row.kind, row.created_at, row.due_at, row.attempts, row.failed_at, row.problem)
        for row in connection.execute(query)
    ]


def counts(connection: Connection) -> tuple[int, int]:
    """(waiting, given up)"""
    query = select(func.count(), func.count(outbox.c.failed_at)).where(outbox.c.done_at.is_(None))
    every, failed = connection.execute(query).one()
    return every - failed, failed


def tried(connection: Connection, times: int) -> int:
    """Of those that wait, how many were tried in vain at least so often."""
    waiting = outbox.c.done_at.is_(None), outbox.c.failed_at.is_(None), outbox.c.attempts >= times
    return int(connection.execute(select(func.count()).select_from(outbox).where(*waiting)).scalar_one())


def retry(connection: Connection, now: int, id: int | None = None) -> int:
    """Letters that were given up are tried from the beginning; returns how many."""
    change = update(outbox).where(outbox.c.failed_at.is_not(None))
    if id is not None:
        change = change.where(outbox.c.id == id)
    return connection.execute(change.values(failed_at=None, attempts=0, due_at=now)).rowcount


def sweep(connection: Connection, now: int) -> None:
    old = or_(outbox.c.done_at < now - _KEPT, outbox.c.failed_at < now - _KEPT_FAILED)
    connection.execute(delete(outbox).where(old))


def _due(connection: Connection, now: int, *, addressed: bool) -> list[Row[Any]]:
    receiver = outbox.c.receiver.is_not(None) if addressed else outbox.c.receiver.is_(None)
    query = select(outbox).where(*_WAITING, receiver, outbox.c.due_at <= now)
    return list(connection.execute(query.order_by(outbox.c.due_at, outbox.c.id).limit(_BATCH)))


def _change(connection: Connection, row: Row[Any], **values: Any) -> None:
    connection.execute(update(outbox).where(outbox.c.id == row.id).values(values))


# -- the worker ----------------------------------------------------------------------------------------


class Outbox:
    """Works the outbox off. One for a node."""

    def __init__(self, node: Node, kinds: Iterable[Kind], mailer: Mailer | None = None) -> None:
        self._node = node
        self._kinds = {kind.name: kind for kind in kinds}
        self._mailer = mailer

    async def work(self) -> None:
        """Until nothing is due, or the mail server takes nothing."""
        while await self.round():
            pass

    async def round(self) -> int:
        """Returns how many rows were worked off."""
        now = self._node.clock.peek()
        spread = await self._node.database.write(lambda connection: self._spread(connection, now))
        due = await self._node.database.read(lambda connection: _due(connection, now, addressed=True))
        for row in due:
            if not await self._one(row, now):
                return 0  # the next round comes with the clock, not at once
        return spread + len(due)

    def _spread(self, connection: Connection, now: int) -> int:
        """News → a row for each receiver."""
        rows = _due(connection, now, addressed=False)
        for row in rows:
            kind = self._kinds.get(row.kind)
            if kind is None:
                _change(connection, row, failed_at=now, problem="no part of this program knows this kind")
                continue
            try:
                found = self._receivers(connection, kind, row, now)
            except Exception as error:
                _change(connection, row, failed_at=now, problem=_where(error))
                log.error("nobody could be found to write to", row=row.id, problem=_where(error))
                continue
            for receiver in found:
                made = {"kind": row.kind, "idx": row.idx, "body": row.body, "created_at": row.created_at}
                made |= {"due_at": now, "receiver": receiver.account, "audience": receiver.audience}
                connection.execute(insert(outbox).values(made))
            _change(connection, row, done_at=now)
        return len(rows)

    def _receivers(self, connection: Connection, kind: Kind, row: Row[Any], now: int) -> list[Receiver]:
        if now - row.due_at > kind.stale:
            return []
        body: Any = encoding.decode(row.body)
        return list(kind.receivers(self._node, connection, body))

    async def _one(self, row: Row[Any], now: int) -> bool:
        """False when the mail server would take no other letter either."""
        write = self._node.database.write
        attempts = row.attempts + 1
        over = attempts > len(PAUSES)
        again = now + PAUSES[min(attempts, len(PAUSES)) - 1]
        await write(lambda connection: _change(connection, row, attempts=attempts, due_at=again))
        changed: dict[str, Any]
        reachable = True
        try:
            letter = await self._node.database.read(lambda connection: self._letter(connection, row))
            if isinstance(letter, Letter):
                await (self._mailer or Mailer.of(self._node.config)).send(letter, now=now)
                faults.point("outbox.sent")
                figures.LETTERS.labels("sent").inc()
            changed = {"done_at": now, "problem": None if isinstance(letter, Letter) else letter}
        except MailError as error:
            figures.LETTERS.labels("refused").inc()
            reachable = not error.everywhere
            over = over or error.final
            changed = {"failed_at": now if over else None, "problem": str(error)}
            log.warning("a letter did not leave", row=row.id, problem=str(error), given_up=over)
        except Exception as error:
            figures.LETTERS.labels("unwritten").inc()
            changed = {"failed_at": now if over else None, "problem": _where(error)}
            log.error("a letter could not be written", row=row.id, problem=_where(error), given_up=over)
        await write(lambda connection: _change(connection, row, **changed))
        return reachable

    def _letter(self, connection: Connection, row: Row[Any]) -> Letter | str:
        """Or why there is none."""
        kind = self._kinds[row.kind]
        body: Any = encoding.decode(row.body)
        house = cooperative.cooperative(View(self._node.state, cooperative.DOMAIN))
        # The node writes to the person in its own duty: it reads the address as that person's.
        if kind.address is not None:
            address = kind.address(self._node, connection, body)
        else:
            address = particulars(connection, self._node.vault, row.receiver, ("self",)).get("email")
        if house is None or not address:
            return "no address"
        locale = letters.locale_of(connection, row.receiver, places.of(self._node.state))
        said = kind.write(self._node, connection, body, Receiver(row.receiver, row.audience, locale))
        if said is None:
            return "nothing to say any more"
        link = house.public_url + said.path if said.path else ""
        subject, text = letters.render(said.words, said.facts, house=house.name, link=link, locale=locale)
        return Letter(str(address), subject, text, key=f"{row.created_at}.{row.id}.{self._node.cooperative}")


def _where(error: Exception) -> str:
    """Kind and place of an error. Its text may hold what nobody should read."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
