"""The journal of deliveries: of each thing that was told, who was reached by which channel and who was not,
and why. Evidence that members were informed; it holds accounts, times and codes, no text and no address.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from coopnode.app import Node
from coopnode.letters import News
from coopnode.notifications.kinds import told
from coopnode.outbox import Channel
from coopnode.store.schema import outbox
from coopnode.store.sql import Connection, Row, exists, func, select
from protocol.wording import Locale

PAGE: Final = 30
PEOPLE: Final = 100
CHANNELS: Final[tuple[Channel, ...]] = ("inbox", "email", "push")
#: In the order of a report; `waiting` is what is under way, `read` of an inbox what was opened.
STATES: Final = ("sent", "waiting", "acted", "read", "off", "no_address", "gone", "failed", "unknown")


@dataclass(frozen=True, slots=True)
class Event:
    """Something that was told. `idx` is the entry that brought it, `told` how: by audience, as a receiver
    hears of it now."""

    id: int
    idx: int
    at: int
    due_at: int
    told: News | None
    #: channel → state → how many
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    people: int = 0
    opened: int = 0


@dataclass(frozen=True, slots=True)
class Delivery:
    id: int
    account: str
    channel: Channel
    state: str
    at: int
    attempts: int
    read_at: int | None


@dataclass(frozen=True, slots=True)
class Events:
    items: tuple[Event, ...]
    before: int | None = None


def events(connection: Connection, node: Node, locale: Locale, before: int | None) -> Events:
    """Newest first. What had nobody to be told to is left out."""
    child = outbox.alias()
    some = exists().where(child.c.news == outbox.c.id)
    query = select(outbox).where(outbox.c.receiver.is_(None), some)
    if before is not None:
        query = query.where(outbox.c.id < before)
    rows = connection.execute(query.order_by(outbox.c.id.desc()).limit(PAGE + 1)).all()
    found = tuple(_event(connection, node, row, locale) for row in rows[:PAGE])
    return Events(found, rows[PAGE - 1].id if len(rows) > PAGE else None)


def event(connection: Connection, node: Node, locale: Locale, id: int) -> Event | None:
    query = select(outbox).where(outbox.c.id == id, outbox.c.receiver.is_(None))
    row = connection.execute(query).one_or_none()
    return None if row is None else _event(connection, node, row, locale)


def _event(connection: Connection, node: Node, row: Row[Any], locale: Locale) -> Event:
    of = outbox.c.news == row.id
    first = connection.execute(select(outbox).where(of).order_by(outbox.c.id).limit(1)).one_or_none()
    over = outbox.c.done_at.is_not(None)
    what = (outbox.c.channel, outbox.c.outcome, over.label("over"))
    query = select(*what, func.count().label("many"), func.count(outbox.c.read_at).label("opened"))
    counts: dict[str, dict[str, int]] = {channel: {} for channel in CHANNELS}
    people = opened = 0
    for found in connection.execute(query.where(of).group_by(outbox.c.channel, outbox.c.outcome, over)):
        state = _state(found.outcome, over=bool(found.over))
        counts[found.channel][state] = counts[found.channel].get(state, 0) + found.many
        people += found.many if found.channel == "inbox" else 0
        opened += found.opened
    news = told(connection, node, first, locale) if first is not None else None
    return Event(row.id, row.idx, row.created_at, row.due_at, news, counts, people, opened)


def _state(outcome: str | None, *, over: bool) -> str:
    """A node that was restored from a copy ends rows without having seen what became of them."""
    return outcome or ("unknown" if over else "waiting")


def deliveries(
    connection: Connection, id: int, *, after: int = 0, limit: int | None = PEOPLE
) -> Sequence[Delivery]:
    """Of one event, in the order in which they were made; `after` the id of the last one shown."""
    query = select(outbox).where(outbox.c.news == id, outbox.c.id > after).order_by(outbox.c.id)
    if limit is not None:
        query = query.limit(limit)
    return [
        Delivery(
            row.id,
            row.receiver,
            row.channel,
            _state(row.outcome, over=row.done_at is not None),
            row.done_at or row.failed_at or row.due_at,
            row.attempts,
            row.read_at,
        )
        for row in connection.execute(query)
    ]
