"""What is forgotten when its time has passed: none of it is a fact, much of it is about persons."""

from __future__ import annotations

from typing import Final

from coopnode import outbox
from coopnode.membership.drafts import DraftBox
from coopnode.sessions import IDLE
from coopnode.store.schema import device_requests, email_codes, sessions, signing_requests, tickets
from coopnode.store.sql import Connection, Table, delete

_DAY: Final = 86_400
#: Table → seconds a row is kept after `expires_at`: codes and tickets are counted by the day.
EXPIRING: Final[tuple[tuple[Table, int], ...]] = (
    (sessions, 0),
    (signing_requests, 0),
    (device_requests, 0),
    (email_codes, 2 * _DAY),
    (tickets, 2 * _DAY),
)


def clean(connection: Connection, now: int) -> None:
    """Safe at any time and as often as one likes."""
    for table, kept in EXPIRING:
        connection.execute(delete(table).where(table.c.expires_at < now - kept))
    connection.execute(delete(sessions).where(sessions.c.seen_at < now - IDLE))
    DraftBox.sweep(connection, now)
    outbox.sweep(connection, now)
