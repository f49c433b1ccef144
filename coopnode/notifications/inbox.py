"""The inbox of a person: rows of the outbox, with words made of the state at the moment of reading.

Nothing that is read here is stored: a row says what happened and to whom it is told. So an inbox says no more
than the pages it leads to, in the reader's language of today, and erasing a record takes it out of here too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from coopnode.app import Node
from coopnode.letters import News
from coopnode.notifications.calendars import Entry
from coopnode.notifications.kinds import told
from coopnode.store.schema import outbox
from coopnode.store.sql import Connection, select, update
from protocol.wording import Locale

PAGE: Final = 30
#: The bell counts no further.
MOST_UNREAD: Final = 20
#: Days of which a calendar is told, whatever became of them.
_DATED: Final = 90 * 86_400
_MOST_DATED: Final = 200


@dataclass(frozen=True, slots=True)
class Item:
    id: int
    at: int
    read_at: int | None
    #: None when what it was about is no longer there
    news: News | None

    @property
    def unread(self) -> bool:
        return self.read_at is None and self.news is not None and self.news.concerns


@dataclass(frozen=True, slots=True)
class Page:
    items: tuple[Item, ...]
    #: the id before which the next page begins
    before: int | None = None


def _of(account: str) -> Any:
    return (outbox.c.receiver == account, outbox.c.channel == "inbox", outbox.c.outcome == "sent")


def page(connection: Connection, node: Node, account: str, locale: Locale, before: int | None) -> Page:
    query = select(outbox).where(*_of(account))
    if before is not None:
        query = query.where(outbox.c.id < before)
    rows = connection.execute(query.order_by(outbox.c.id.desc()).limit(PAGE + 1)).all()
    items = tuple(
        Item(row.id, row.created_at, row.read_at, told(connection, node, row, locale)) for row in rows[:PAGE]
    )
    return Page(items, rows[PAGE - 1].id if len(rows) > PAGE else None)


def item(connection: Connection, node: Node, account: str, locale: Locale, id: int) -> Item | None:
    row = connection.execute(select(outbox).where(*_of(account), outbox.c.id == id)).one_or_none()
    if row is None:
        return None
    return Item(row.id, row.created_at, row.read_at, told(connection, node, row, locale))


def unread(node: Node, account: str) -> int:
    """For the bell, in this thread: what waits to be read and still concerns them, up to MOST_UNREAD. Asked
    by every page, so it begins with a look that costs next to nothing."""
    rows = node.database.raw_reader().execute(
        "SELECT 1 FROM outbox WHERE receiver = ? AND channel = 'inbox' AND outcome = 'sent' "
        "AND read_at IS NULL LIMIT 1",
        (account,),
    )
    if rows.fetchone() is None:
        return 0

    def query(connection: Connection) -> int:
        waiting = select(outbox).where(*_of(account), outbox.c.read_at.is_(None))
        rows = connection.execute(waiting.order_by(outbox.c.id.desc()).limit(MOST_UNREAD)).all()
        found = (told(connection, node, row, "ru") for row in rows)
        return sum(news is not None and news.concerns for news in found)

    return node.database.read_now(query)


def read(connection: Connection, account: str, now: int, *, id: int | None = None, upto: int = 0) -> int:
    """Marks one item, or all up to one, as read; returns how many."""
    which = outbox.c.id == id if id is not None else outbox.c.id <= upto
    change = update(outbox).where(*_of(account), outbox.c.read_at.is_(None), which)
    return connection.execute(change.values(read_at=now)).rowcount


def dates(connection: Connection, node: Node, account: str, locale: Locale, now: int) -> list[Entry]:
    """What a calendar of this person shows: of each date the newest word, and cancelled what is settled."""
    query = select(outbox).where(*_of(account), outbox.c.created_at > now - _DATED)
    found: dict[str, Entry] = {}
    for row in connection.execute(query.order_by(outbox.c.id.desc()).limit(_MOST_DATED)).all():
        news = told(connection, node, row, locale)
        if news is not None and news.date is not None and news.date.of not in found:
            found[news.date.of] = Entry(news.date, row.created_at, not news.concerns)
    return list(found.values())
