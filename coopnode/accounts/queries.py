"""Questions about the keys of one account."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from coopnode.accounts.projection import events, recoveries
from coopnode.store.sql import Connection, bindparam, select
from protocol.contract import State, View
from protocol.contracts import accounts
from protocol.contracts.accounts import Account

#: More at once are an attack on the cooperative; the rest come up as these end.
_RECOVERING: Final = 50

Standing = Literal["active", "waiting", "revoked", "stopped"]


@dataclass(frozen=True, slots=True)
class KeyLine:
    """`since` is when it began or will begin to sign; `objects` whether it may object to a recovery (P7)."""

    pub: bytes
    standing: Standing
    since: int
    ended: int | None
    objects: bool


@dataclass(frozen=True, slots=True)
class Fork:
    """Digests of the first event of the branch this log holds, and of the other one (P9)."""

    ours: bytes
    other: bytes


@dataclass(frozen=True, slots=True)
class Chain:
    """What somebody needs to make the next event: its number and the digest before it. `recovered` is the
    digest of the last recovery, `disputed_until` the end of an objection that runs."""

    account: str
    home: str
    number: int
    prev: bytes
    keys: tuple[KeyLine, ...]
    fork: Fork | None
    recovered: bytes | None
    disputed_until: int | None

    def key(self, pub: bytes) -> KeyLine | None:
        return next((line for line in self.keys if line.pub == pub), None)

    @property
    def active(self) -> tuple[KeyLine, ...]:
        return tuple(line for line in self.keys if line.standing == "active")

    @property
    def waiting(self) -> tuple[KeyLine, ...]:
        return tuple(line for line in self.keys if line.standing == "waiting")

    @property
    def works_from(self) -> int | None:
        """When the first of the keys begins to work that a recovery has brought; None when none waits."""
        return min((line.since for line in self.waiting), default=None)


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
    disputed = found.disputed_until
    return Chain(
        account,
        found.home,
        len(found.events),
        found.events[-1],
        keys,
        fork,
        found.recovered,
        disputed if disputed is not None and disputed > tick else None,
    )


def _line(key: accounts.KeyState, tick: int) -> KeyLine:
    standing: Standing = "active"
    if key.revoked_at is not None:
        standing = "revoked"
    elif key.stopped:
        standing = "stopped"
    elif key.active_from > tick:
        standing = "waiting"
    objects = accounts.may_object(key, tick) is None
    return KeyLine(key.pub, standing, key.active_from, key.revoked_at, objects)


def by_commitment(connection: Connection, commitment: bytes, limit: int = 5) -> list[str]:
    """Accounts whose recovery key this is, the oldest first: one, unless somebody copied the commitment."""
    query = select(recoveries.c.account).where(recoveries.c.commitment == commitment)
    return list(connection.execute(query.order_by(recoveries.c.since_idx).limit(limit)).scalars())


def events_of(connection: Connection, account: str, since: int) -> list[EventLine]:
    """Newest first."""
    rows = connection.execute(_EVENTS, {"account": account, "since": since})
    return [EventLine(row.idx, row.type, row.at, row.key) for row in rows]


_EVENTS: Final = (
    select(events)
    .where(events.c.account == bindparam("account"), events.c.at >= bindparam("since"))
    .order_by(events.c.idx.desc())
    .limit(50)
)


def recovering(connection: Connection, state: State, tick: int) -> list[Chain]:
    """Accounts whose recovery is under way, the one that ends first before the others."""
    # No wait begun by an earlier event is longer: three days, and thirty more by one objection.
    since = tick - accounts.RECOVERY_WAIT - accounts.OBJECTION_WAIT
    query = select(events.c.account).where(events.c.at >= since).distinct()
    found = (chain(state, account, tick) for account in connection.execute(query).scalars())
    waiting = [each for each in found if each is not None and each.waiting]
    return sorted(waiting, key=lambda each: (each.works_from or 0, each.account))[:_RECOVERING]
