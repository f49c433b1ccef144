"""Dates for people's calendars: iCalendar (RFC 5545), beside a letter, by a link, and as a feed of one's own.

A calendar lies with strangers. What goes into it is a moment and general words: no name, no subject, and a
UID that tells nothing without a secret of the node. It is the same for the same thing, so that a later
version takes the place of an earlier one; SEQUENCE grows when the moment moves and when it is cancelled.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from icalendar import Calendar, Event

from coopnode.letters import Date
from coopnode.store.schema import calendar_feeds as table
from coopnode.store.sql import Connection, Row, delete, select, upsert
from protocol.contract import State, View
from protocol.contracts import accounts
from protocol.contracts.accounts import Account
from protocol.wording import Locale, said

_NAMES: Final = {"ru": "Кооператив: сроки", "en": "Cooperative: dates"}
#: Characters of a token: 32 bytes, base64url.
TOKEN: Final = 43


class Entry(NamedTuple):
    """`told_at`: when the person was told of the date."""

    date: Date
    told_at: int
    cancelled: bool = False


class Marks(NamedTuple):
    """What entries of one person have in common."""

    secret: bytes
    account: str
    url: str

    def uid(self, of: str) -> str:
        digest = _keyed(self.secret, b"date", f"{self.account}/{of}".encode())
        return f"{digest[:16].hex()}@coopnode"


def document(entries: Iterable[Entry], marks: Marks, locale: Locale) -> str:
    """A calendar that is published (RFC 5546 3.2.1), in UTC: the same moment wherever it is read."""
    calendar = Calendar()
    calendar.add("prodid", "-//coopnode//dates//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    calendar.add("x-wr-calname", said(_NAMES, locale))
    for entry in entries:
        event = Event()
        event.add("uid", marks.uid(entry.date.of))
        event.add("dtstamp", datetime.fromtimestamp(entry.told_at, UTC))
        event.add("dtstart", datetime.fromtimestamp(entry.date.at, UTC))
        event.add("sequence", 2 * entry.date.sequence + entry.cancelled)
        event.add("status", "CANCELLED" if entry.cancelled else "CONFIRMED")
        event.add("summary", entry.date.words)
        event.add("transp", "TRANSPARENT")
        event.add("url", f"{marks.url}/inbox")
        calendar.add_component(event)
    written: bytes = calendar.to_ical()
    return written.decode()


# -- the feed of a person ------------------------------------------------------------------------------


def open_feed(connection: Connection, secret: bytes, account: str, now: int) -> str:
    """A new address; the one before it ends. Returns its token."""
    nonce = secrets.token_bytes(16)
    token = _token(secret, nonce)
    row = {"account": account, "nonce": nonce, "digest": _digest(token), "created_at": now}
    connection.execute(upsert(table).values(row).on_conflict_do_update(["account"], set_=row))
    return token


def close_feed(connection: Connection, account: str) -> None:
    connection.execute(delete(table).where(table.c.account == account))


def token_of(connection: Connection, secret: bytes, state: State, account: str) -> str | None:
    row = connection.execute(select(table).where(table.c.account == account)).one_or_none()
    return _token(secret, row.nonce) if row is not None and _holds(state, row) else None


def account_of(connection: Connection, state: State, token: str) -> str | None:
    row = connection.execute(select(table).where(table.c.digest == _digest(token))).one_or_none()
    return row.account if row is not None and _holds(state, row) else None


def _holds(state: State, row: Row[Any]) -> bool:
    """Not after a key was revoked: whoever had that device may have read the address on it (P10)."""
    found = View(state, accounts.DOMAIN).get("account", row.account, Account)
    ended = (key.revoked_at for key in found.keys if key.revoked_at is not None) if found else ()
    return all(at < row.created_at for at in ended)


def _token(secret: bytes, nonce: bytes) -> str:
    return base64.urlsafe_b64encode(_keyed(secret, b"feed", nonce)).decode().rstrip("=")


def _digest(token: str) -> bytes:
    return hashlib.sha256(b"coopnode/calendar-feed/0" + token.encode()).digest()


def _keyed(secret: bytes, label: bytes, data: bytes) -> bytes:
    key = hashlib.sha256(b"coopnode/calendar-" + label + b"/0" + secret).digest()
    return hmac.digest(key, data, "sha256")
