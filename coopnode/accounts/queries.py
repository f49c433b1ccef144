"""Questions about the keys of one account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from coopnode.accounts.projection import events, recoveries
from coopnode.store.sql import Connection, select
from protocol.contract import State, View
from protocol.contracts import accounts
from protocol.contracts.accounts import Account

Standing = Literal["active", "waiting", "revoked", "stopped"]


@dataclass(frozen=True, slots=True)
class KeyLine:
    """`since` is when it began or will begin to sign."""

    pub: bytes
    standing: Standing
    since: int
    ended: int | None


@dataclass(frozen=True, slots=True)
class Fork:
    """Digests of the first event of the branch this log holds, and of the other one (P9)."""

    ours: bytes
    other: bytes


@dataclass(frozen=True, slots=True)
class Chain:
    """What somebody needs to make the next event: its number and the digest before it."""

    account: str
    home: str
    number: int
    prev: bytes
    keys: tuple[KeyLine, ...]
    fork: Fork | None

    def key(self, pub: bytes) -> KeyLine | None:
        return next((line for line in self.keys if line.pub == pub), None)

    @property
    def active(self) -> tuple[KeyLine, ...]:
        return tuple(line for line in self.keys if line.standing == "active")

    @property
    def waiting(self) -> tuple[KeyLine, ...]:
        return tuple(line for line in self.keys if line.standing == "waiting")


@dataclass(frozen=True, slots=True)
class EventLine:
    idx: int
    type: str
    at: int
    key: bytes | None


def chain(state: State, account: str, tick: int) -> Chain | None:
    found = View(state, accounts.DOMAIN).get("account", account, Account)
    if found is None:
        return None
    fork = None
    if found.forked_at is not None and found.other_branch is not None:
        fork = Fork(found.events[found.forked_at], found.other_branch)
    keys = tuple(_line(key, tick) for key in found.keys)
    return Chain(account, found.home, len(found.events), found.events[-1], keys, fork)


def _line(key: accounts.KeyState, tick: int) -> KeyLine:
    standing: Standing = "active"
    if key.revoked_at is not None:
        standing = "revoked"
    elif key.stopped:
        standing = "stopped"
    elif key.active_from > tick:
        standing = "waiting"
    return KeyLine(key.pub, standing, key.active_from, key.revoked_at)


def by_commitment(connection: Connection, commitment: bytes, limit: int = 5) -> list[str]:
    """Accounts whose recovery key this is, the oldest first: one, unless somebody copied the commitment."""
    query = select(recoveries.c.account).where(recoveries.c.commitment == commitment)
    return list(connection.execute(query.order_by(recoveries.c.since_idx).limit(limit)).scalars())


def events_of(connection: Connection, account: str, since: int) -> list[EventLine]:
    """Newest first."""
    query = select(events).where(events.c.account == account, events.c.at >= since)
    rows = connection.execute(query.order_by(events.c.idx.desc()).limit(50))
    return [EventLine(row.idx, row.type, row.at, row.key) for row in rows]
