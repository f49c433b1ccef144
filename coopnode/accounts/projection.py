"""Read models of key histories: who has which recovery commitment, what happened to whose keys, letters about
it."""

from __future__ import annotations

from typing import Any, Final

from coopnode import outbox
from coopnode.projections import Projection
from coopnode.store.sql import (
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    projections,
)
from coopnode.store.work import Rows, Work
from protocol.contracts import accounts
from protocol.contracts.accounts import Account
from protocol.encoding import Value
from protocol.log import Accepted

#: The commitment that counts now. Not unique: anybody may copy another's into an account of theirs.
recoveries: Final = Table(
    "accounts_recoveries",
    projections,
    Column("account", Text, primary_key=True),
    Column("commitment", LargeBinary(32), nullable=False),
    Column("since_idx", Integer, nullable=False),
    Index("accounts_recoveries_commitment", "commitment"),
    sqlite_with_rowid=False,
)

#: What happened to the keys of an account after its genesis. `key` is the one added or revoked.
events: Final = Table(
    "accounts_events",
    projections,
    Column("idx", Integer, primary_key=True),
    Column("account", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("at", Integer, nullable=False),
    Column("key", LargeBinary(32)),
    Index("accounts_events_account", "account", "idx"),
    Index("accounts_events_at", "at"),
)

#: Kind of news in the outbox; `coopnode.accounts.letters` says what is written about it.
NOTICE: Final = "accounts.notice"
SHEET: Final = "sheet"
#: Events that a person hears of by letter (P7: notice on all channels).
TOLD: Final = frozenset(
    ("account.key/1", "account.recover/1", "account.revoke/1", "account.home/1", "account.object/1")
)


_RECOVERIES: Final = Rows(recoveries, by=("account",))
_EVENTS: Final = Rows(events)


def _project(work: Work, entry: Accepted) -> None:
    statement = entry.statement
    found = entry.writes.get((accounts.DOMAIN, f"account/{statement.iss}"))
    if not isinstance(found, Account):
        return
    row = {"account": statement.iss, "commitment": found.recovery, "since_idx": entry.index}
    known = next(iter(work.find(_RECOVERIES, statement.iss)), None)
    if known is None:
        work.add(_RECOVERIES, row)
    elif known["commitment"] != found.recovery:
        work.change(_RECOVERIES, known, **row)
    if statement.type in TOLD:
        _event(work, entry)


def _event(work: Work, entry: Accepted) -> None:
    statement = entry.statement
    key: Any = statement.payload.get("key")
    if isinstance(key, dict):
        key = key["pub"]
    # A recovery that neither brings nor revokes a key only replaces the sheet.
    changed = statement.payload.get("keys") or statement.payload.get("revoke")
    kind = SHEET if statement.type == "account.recover/1" and not changed else statement.type
    values = {"account": statement.iss, "type": kind, "at": entry.tick, "key": key}
    work.add(_EVENTS, {"idx": entry.index, **values})
    body: dict[str, Value] = {"account": statement.iss, "type": kind, "at": entry.tick}
    outbox.announce(work, NOTICE, entry, [(body, entry.tick)])


PROJECTIONS: Final = (
    Projection(
        "accounts",
        2,
        (recoveries, events),
        _project,
        frozenset(TOLD | {"account.genesis/1", "account.copy/1"}),
    ),
)
