"""News after a commit: written down in the log's transaction, told afterwards, tried again, given up.

A slice announces what happened and registers a `Kind`: who hears of it, and what is said to one of them.
Everything else is here. A row passes these steps, each in a transaction of its own:

    announced → one row for each receiver and channel → attempt counted → handed over → done

Channels: `inbox`, which has everything at once; `email`; `push`, a row for each device. When the last two go
out is the receiver's choice (`coopnode.notifications.settings`); what goes out once a day goes out together.
All of them see the state as it is now, not as it was: whoever has acted meanwhile hears nothing.

An attempt is counted before anything leaves, so a process that dies while sending does not try for ever.
Whoever dies between sending and marking sends once more, with the same Message-ID: SMTP allows no better.
Addresses are opened from the vault at the moment of sending and stand neither here nor in the logs. Rows stay
for two years as evidence of who was told what and when (ADR 14).
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import structlog

from coopnode import faults, figures, letters, places
from coopnode.delivery import Undelivered
from coopnode.letters import News
from coopnode.mail import Letter, Mailer
from coopnode.membership.people import particulars
from coopnode.notifications import calendars, devices, push, settings
from coopnode.notifications.devices import Devices
from coopnode.notifications.push import Gone, Wake
from coopnode.store.schema import outbox
from coopnode.store.sql import Connection, Row, delete, exists, func, insert, not_, or_, select, update
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

Channel: TypeAlias = Literal["inbox", "email", "push"]
#: How a row ended. `acted`: there was nothing to say any more. `read`: they had read it in the inbox before
#: it left. `off`: they do not want it this way. `no_address`: there is none, or it was erased. `gone`: the
#: device has ended. `failed`: it was given up.
Outcome: TypeAlias = Literal["sent", "acted", "read", "off", "no_address", "gone", "failed"]

#: Seconds until the next attempt, by how many there were; after the last it is given up.
PAUSES: Final = (60, 300, 900, 3600, 14_400, 43_200, 86_400)
#: Rows of one round, and of one letter.
_BATCH: Final = 50
_BUNDLE: Final = 200
#: Two years: so long a decision may be contested for want of notice (art. 181.4 (5) of the Civil Code of
#: Russia). What was given up stops to alarm the operator after three months.
KEPT: Final = 730 * 86_400
_ALARMS: Final = 90 * 86_400
#: What there was nobody to tell.
_KEPT_UNTOLD: Final = 30 * 86_400

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Receiver:
    """`audience` tells a slice's news about one event apart; `locale` is known when it is told."""

    account: str
    audience: str = ""
    locale: Locale = "ru"


@dataclass(frozen=True)
class Kind:
    """One kind of news. Both functions see the state as it is now."""

    name: str
    #: seconds after which news that was due says nothing new (after a rebuild, for instance)
    stale: int
    #: everybody it is for, those who have acted already among them
    receivers: Callable[[Node, Connection, Body], Iterable[Receiver]]
    #: None when what it is about is no longer there
    tell: Callable[[Node, Connection, Body, Receiver], News | None]
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
    channel: str | None


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
    row = {"kind": kind, "idx": idx, "receiver": "", "audience": "", "channel": "email"}
    row |= {"created_at": now, "due_at": now}
    rows = [{**row, "body": encoding.encode(dict(body))} for body in bodies]
    if rows:
        connection.execute(insert(outbox), rows)


_WAITING: Final = (outbox.c.done_at.is_(None), outbox.c.failed_at.is_(None))
#: What an operator has to look after: pushes come beside letters, and devices come and go.
_LETTERS: Final = or_(outbox.c.channel.is_(None), outbox.c.channel == "email")


def open_lines(connection: Connection) -> list[Line]:
    """What waits and what was given up, oldest first."""
    query = select(outbox).where(outbox.c.done_at.is_(None), _LETTERS).order_by(outbox.c.id)
    return [
        Line(
            row.id,
            row.kind,
            row.created_at,
            row.due_at,
            row.attempts,
            row.failed_at,
            row.problem,
            row.channel,
        )
        for row in connection.execute(query)
    ]


def counts(connection: Connection) -> tuple[int, int]:
    """(waiting, given up)"""
    query = select(func.count(), func.count(outbox.c.failed_at)).where(outbox.c.done_at.is_(None), _LETTERS)
    every, failed = connection.execute(query).one()
    return every - failed, failed


def tried(connection: Connection, times: int) -> int:
    """Of those that wait, how many were tried in vain at least so often."""
    waiting = (*_WAITING, _LETTERS, outbox.c.attempts >= times)
    return int(connection.execute(select(func.count()).select_from(outbox).where(*waiting)).scalar_one())


def retry(connection: Connection, now: int, id: int | None = None) -> int:
    """Letters that were given up are tried from the beginning; returns how many."""
    change = update(outbox).where(outbox.c.failed_at.is_not(None), outbox.c.done_at.is_(None), _LETTERS)
    if id is not None:
        change = change.where(outbox.c.id == id)
    return connection.execute(change.values(failed_at=None, attempts=0, due_at=now, outcome=None)).rowcount


def sweep(connection: Connection, now: int) -> None:
    given_up = (outbox.c.failed_at < now - _ALARMS, outbox.c.done_at.is_(None))
    connection.execute(update(outbox).where(*given_up).values(done_at=now))
    connection.execute(delete(outbox).where(outbox.c.done_at.is_not(None), outbox.c.created_at < now - KEPT))
    told = outbox.alias()
    nobody = (outbox.c.receiver.is_(None), not_(exists().where(told.c.news == outbox.c.id)))
    connection.execute(delete(outbox).where(outbox.c.done_at < now - _KEPT_UNTOLD, *nobody))


def _due(connection: Connection, now: int, channel: Channel | None) -> list[Row[Any]]:
    where = outbox.c.channel.is_(None) if channel is None else outbox.c.channel == channel
    query = select(outbox).where(*_WAITING, where, outbox.c.due_at <= now)
    return list(connection.execute(query.order_by(outbox.c.due_at, outbox.c.id).limit(_BATCH)))


def _parcels(connection: Connection, now: int, channel: Channel) -> list[list[Row[Any]]]:
    """What is due, by what leaves together: one row, or all that one receiver hears of once a day."""
    found: list[list[Row[Any]]] = []
    seen: set[tuple[str, int | None]] = set()
    for row in _due(connection, now, channel):
        if not row.bundled:
            found.append([row])
        elif (row.receiver, row.device) not in seen:
            seen.add((row.receiver, row.device))
            device = outbox.c.device.is_(None) if row.device is None else outbox.c.device == row.device
            same = (outbox.c.receiver == row.receiver, outbox.c.channel == channel, device)
            due = (outbox.c.due_at <= now, outbox.c.bundled == 1)
            query = select(outbox).where(*_WAITING, *same, *due).order_by(outbox.c.id).limit(_BUNDLE)
            found.append(list(connection.execute(query)))
    return found


def _change(connection: Connection, id: int, **values: Any) -> None:
    connection.execute(update(outbox).where(outbox.c.id == id).values(values))


# -- the worker ----------------------------------------------------------------------------------------


@dataclass
class _Parcel:
    """What leaves at once: a letter or a push, or neither. `sent`: ids of the rows it carries; `left`: those
    it does not, with what becomes of them."""

    load: Letter | Wake | None = None
    sent: list[int] = field(default_factory=list)
    left: dict[int, dict[str, Any]] = field(default_factory=dict)


class Outbox:
    """Works the outbox off. One for a node."""

    def __init__(self, node: Node, kinds: Iterable[Kind], mailer: Mailer | None = None) -> None:
        self._node = node
        self._kinds = {kind.name: kind for kind in kinds}
        self._mailer = mailer
        self._devices = Devices(node.keys.session)

    async def work(self, channel: Channel = "email") -> None:
        """Until nothing is due, or nothing leaves this way."""
        while await self.round(channel):
            pass

    async def round(self, channel: Channel = "email") -> int:
        """Returns how many rows and parcels were worked off."""
        now = self._node.clock.peek()
        spread = await self._node.database.write(lambda connection: self._spread(connection, now))
        parcels = await self._node.database.read(lambda connection: _parcels(connection, now, channel))
        for rows in parcels:
            if not await self._one(rows, channel, now):
                return 0  # the next round comes with the clock, not at once
        return spread + len(parcels)

    # -- news → receivers ---------------------------------------------------------------------------------

    def _spread(self, connection: Connection, now: int) -> int:
        """News → a row for each receiver and channel."""
        rows = _due(connection, now, None)
        for row in rows:
            kind = self._kinds.get(row.kind)
            if kind is None:
                _change(connection, row.id, failed_at=now, problem="no part of this program knows this kind")
                continue
            try:
                found = self._receivers(connection, kind, row, now)
            except Exception as error:
                _change(connection, row.id, failed_at=now, problem=_where(error))
                log.error("nobody could be found to tell", row=row.id, problem=_where(error))
                continue
            for receiver in found:
                made = {"kind": row.kind, "idx": row.idx, "body": row.body, "created_at": now, "news": row.id}
                made |= {"receiver": receiver.account, "audience": receiver.audience}
                for more in self._ways(connection, kind, row, receiver, now):
                    connection.execute(insert(outbox).values({**made, **more}))
            _change(connection, row.id, done_at=now)
        return len(rows)

    def _receivers(self, connection: Connection, kind: Kind, row: Row[Any], now: int) -> list[Receiver]:
        if now - row.due_at > kind.stale:
            return []
        body: Any = encoding.decode(row.body)
        return list(kind.receivers(self._node, connection, body))

    def _ways(
        self, connection: Connection, kind: Kind, row: Row[Any], to: Receiver, now: int
    ) -> list[dict[str, Any]]:
        """The channels of one receiver, and when each of them is due."""
        inbox = {"channel": "inbox", "due_at": now, "done_at": now, "outcome": "sent"}
        body: Any = encoding.decode(row.body)
        try:
            news = kind.tell(self._node, connection, body, to)
        except Exception:  # the letter's own attempts will say where
            return [inbox, {"channel": "email", "due_at": now}]
        if news is None or not news.concerns:
            return [{**inbox, "outcome": "acted"}]
        wanted = settings.load(connection, to.account)
        turn = wanted.turn(news.group, now, urgent=news.urgent)
        if turn is None:
            return [inbox, {"channel": "email", "due_at": now, "done_at": now, "outcome": "off"}]
        due = {"due_at": turn.at, "bundled": int(turn.bundled)}
        woken = [{"channel": "push", **due, "device": id} for id in devices.ids(connection, to.account)]
        return [inbox, {"channel": "email", **due}, *woken]

    # -- receivers → what leaves --------------------------------------------------------------------------

    async def _one(self, rows: Sequence[Row[Any]], channel: Channel, now: int) -> bool:
        """False when nothing else would leave this way either."""
        write = self._node.database.write
        attempts = {row.id: row.attempts + 1 for row in rows}

        def count(connection: Connection) -> None:
            for id, number in attempts.items():
                again = now + PAUSES[min(number, len(PAUSES)) - 1]
                _change(connection, id, attempts=number, due_at=again)

        await write(count)
        counter = figures.PUSHES if channel == "push" else figures.LETTERS
        changed: dict[int, dict[str, Any]] = {}
        done: dict[str, Any]
        reachable, device = True, None
        try:
            parcel = await self._node.database.read(lambda connection: self._packed(connection, rows, now))
            changed |= parcel.left
            done = {"done_at": now, "problem": None, "outcome": "sent"}
            if isinstance(parcel.load, Letter):
                await (self._mailer or Mailer.of(self._node.config)).send(parcel.load, now=now)
            elif parcel.load is not None:
                await push.send(parcel.load, self._node.config.push, now=now)
                device = parcel.load.device
            if parcel.load is not None:
                faults.point("outbox.sent")
                counter.labels("sent").inc()
            changed |= dict.fromkeys(parcel.sent, done)
        except Gone:
            counter.labels("refused").inc()
            done = {"done_at": now, "problem": None, "outcome": "gone"}
            changed |= dict.fromkeys(attempts, done)
        except Undelivered as error:
            counter.labels("refused").inc()
            reachable = not error.everywhere
            changed |= _tried(attempts, changed, str(error), now, final=error.final)
            log.warning("news did not leave", row=rows[0].id, channel=channel, problem=str(error))
        except Exception as error:
            counter.labels("unwritten").inc()
            changed |= _tried(attempts, changed, _where(error), now, final=False)
            log.error("news could not be written", row=rows[0].id, channel=channel, problem=_where(error))

        def mark(connection: Connection) -> None:
            for id, values in changed.items():
                _change(connection, id, **values)
                if values.get("outcome") == "gone":
                    devices.forget(connection, rows[0].device, rows[0].receiver)
            if device is not None:
                devices.reached(connection, device, now)

        await write(mark)
        return reachable

    def _packed(self, connection: Connection, rows: Sequence[Row[Any]], now: int) -> _Parcel:
        """What goes out of these rows, which have one receiver, one channel and one device."""
        parcel, told = _Parcel(), list[News]()
        first = rows[0]
        wanted = settings.load(connection, first.receiver)
        locale = letters.locale_of(connection, first.receiver, places.of(self._node.state))
        for row in rows:
            news = self._news(connection, row, locale)
            outcome: Outcome | None = None
            if news is None or not news.concerns:
                outcome = "acted"
            elif wanted.mode(news.group) == "off":
                outcome = "off"
            elif row.bundled and _is_read(connection, row):
                outcome = "read"
            if outcome is not None or news is None:
                parcel.left[row.id] = {"done_at": now, "problem": None, "outcome": outcome}
                continue
            at = now if row.bundled else wanted.allowed(news.group, now, urgent=news.urgent)
            if at > now:
                parcel.left[row.id] = {"attempts": row.attempts, "due_at": at}
                continue
            told.append(news)
            parcel.sent.append(row.id)
        if told:
            make = self._wake if first.channel == "push" else self._letter
            load = make(connection, [row for row in rows if row.id in parcel.sent], told, locale)
            if isinstance(load, Letter | Wake):
                parcel.load = load
            else:
                done = {"done_at": now, "problem": None, "outcome": load}
                parcel.left |= dict.fromkeys(parcel.sent, done)
                parcel.sent = []
        return parcel

    def _news(self, connection: Connection, row: Row[Any], locale: Locale) -> News | None:
        body: Any = encoding.decode(row.body)
        to = Receiver(row.receiver, row.audience, locale)
        return self._kinds[row.kind].tell(self._node, connection, body, to)

    def _letter(
        self, connection: Connection, rows: Sequence[Row[Any]], told: Sequence[News], locale: Locale
    ) -> Letter | Outcome:
        """Or why there is none."""
        house = cooperative.cooperative(View(self._node.state, cooperative.DOMAIN))
        # The node writes to the person in its own duty: it reads the address as that person's.
        kind = self._kinds[rows[0].kind]
        if kind.address is not None:
            body: Any = encoding.decode(rows[0].body)
            address = kind.address(self._node, connection, body)
        else:
            address = particulars(connection, self._node.vault, rows[0].receiver, ("self",)).get("email")
        if house is None or not address:
            return "no_address"
        subject, text = _words(told, house, locale, bundled=bool(rows[0].bundled))
        pairs = zip(told, rows, strict=True)
        dates = [calendars.Entry(news.date, row.created_at) for news, row in pairs if news.date is not None]
        marks = calendars.Marks(self._node.keys.session, rows[0].receiver, house.public_url)
        calendar = calendars.document(dates, marks, locale) if dates else ""
        key = f"{rows[0].created_at}.{rows[0].id}"
        if rows[0].bundled:
            key += f"-{len(rows)}-{rows[-1].id}"
        key += f".{self._node.cooperative}"
        return Letter(str(address), subject, text, key=key, calendar=calendar)

    def _wake(
        self, connection: Connection, rows: Sequence[Row[Any]], told: Sequence[News], locale: Locale
    ) -> Wake | Outcome:
        device = self._devices.of(connection, rows[0].device)
        if device is None or not devices.signs(self._node, device, rows[0].receiver):
            return "gone"
        group = told[0].group if len({news.group for news in told}) == 1 else "several"
        payload = push.Payload(group, len(told), locale)
        subject = push.contact(self._node.config)
        urgent = any(news.urgent for news in told)
        return Wake(device, payload, push.Vapid(self._node.keys.session), subject, urgent)


def _tried(
    attempts: Mapping[int, int], known: Mapping[int, Any], problem: str, now: int, *, final: bool
) -> dict[int, dict[str, Any]]:
    """What an attempt in vain leaves behind in the rows that nothing else has ended."""
    found = {}
    for id, number in attempts.items():
        if id not in known:
            over = final or number > len(PAUSES)
            values = {"failed_at": now if over else None, "problem": problem}
            found[id] = {**values, "outcome": "failed" if over else None}
    return found


def _words(
    told: Sequence[News], house: cooperative.Cooperative, locale: Locale, *, bundled: bool
) -> tuple[str, str]:
    """(subject, text)"""
    if not bundled:
        said = told[0].said
        link = house.public_url + said.path if said.path else ""
        return letters.render(said.words, said.facts, house=house.name, link=link, locale=locale)
    items = [(letters.title(news.said), house.public_url + news.said.path) for news in told]
    return letters.bundle(items, house=house.name, link=f"{house.public_url}/inbox", locale=locale)


def _is_read(connection: Connection, row: Row[Any]) -> bool:
    same = (outbox.c.news == row.news, outbox.c.receiver == row.receiver, outbox.c.channel == "inbox")
    query = select(exists().where(*same, outbox.c.read_at.is_not(None)))
    return bool(connection.execute(query).scalar_one())


def _where(error: Exception) -> str:
    """Kind and place of an error. Its text may hold what nobody should read."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} at {Path(frame.filename).name}:{frame.lineno}"
