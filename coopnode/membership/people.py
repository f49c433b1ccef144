"""Whose name stands behind an account: opened from the vault for those whom the registry lets read it (P20).

A person's particulars are the private record of the statement by which they came in: an application, the
acceptance of an invitation, or joining as a founder. The latest one counts.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from coopnode import private_records
from coopnode.store.schema import entries, state
from coopnode.store.schema import private_records as records
from coopnode.store.sql import Connection, Select, bindparam, func, select
from coopnode.store.vault import Vault
from protocol import registry
from protocol.contract import State
from protocol.contracts import vault as erasing
from protocol.registry import StateFacts

#: Statements whose record says who somebody is.
WHO: Final = (
    "membership.apply/1",
    "membership.accept/1",
    "council.accept/1",
    "founding.join/1",
)


#: Accounts of one question: with more of them PostgreSQL reads the log from its beginning.
_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks, and what gives them the right to see what they see."""

    account: str | None
    roles: frozenset[str] = frozenset()
    member: bool = False

    @classmethod
    def of(cls, state: State, account: str | None) -> Viewer:
        if account is None:
            return cls(None)
        facts = StateFacts(state)
        try:
            return cls(account, facts.roles(account), facts.is_member(account))
        except KeyError:
            return cls(account)  # not founded yet

    def reads_as(self, about: str | None) -> frozenset[str]:
        """Reader classes of the registry this viewer belongs to, for what concerns account `about`."""
        found = set(self.roles)
        if self.member:
            found.add("member")
        if about is not None and about == self.account:
            found.add("self")
        return frozenset(found)

    @property
    def officer(self) -> bool:
        return not self.roles.isdisjoint(("secretary", "chair", "accountant"))


def reason(viewer: Viewer, type: str, field: str, about: str | None) -> str | None:
    """The reader class by which the viewer sees this field; None when they do not see it."""
    readers = next((item.readers for item in registry.TYPES[type].private if item.name == field), ())
    mine = viewer.reads_as(about)
    return next((name for name in readers if name in mine), None)


class Names:
    """Names by document digest, remembered for a few minutes so that lists need not open every box."""

    def __init__(self, vault: Vault, *, kept: int = 4096, seconds: float = 300.0) -> None:
        self._vault, self._kept, self._seconds = vault, kept, seconds
        self._held: OrderedDict[bytes, tuple[float, str | None]] = OrderedDict()
        self._lock = threading.Lock()
        self._looked, self._erased = 0.0, b""

    def of_accounts(
        self, connection: Connection, accounts: Iterable[str], viewer: Viewer
    ) -> dict[str, str | None]:
        """Name by account; None where there is none, it was erased, or the viewer may not see it."""
        wanted = set(accounts)
        found: dict[str, str | None] = dict.fromkeys(wanted)
        known = who(connection, wanted)
        asked = [(digest, type, viewer.reads_as(account)) for account, (digest, type) in known.items()]
        names = self.of_documents(connection, asked)
        return found | {account: names[digest] for account, (digest, _) in known.items()}

    def of_document(
        self, connection: Connection, digest: bytes, type: str, roles: Collection[str]
    ) -> str | None:
        return self.of_documents(connection, [(digest, type, roles)])[digest]

    def of_documents(
        self, connection: Connection, asked: Iterable[tuple[bytes, str, Collection[str]]]
    ) -> dict[bytes, str | None]:
        """Name by digest, of (digest, type, roles in which it is read); None as in `of_accounts`. The boxes
        that have to be opened come in one question."""
        found: dict[bytes, str | None] = {}
        wanted, now = [], time.monotonic()
        for digest, type, roles in asked:
            found[digest] = None
            if not _readers(type).isdisjoint(roles):
                wanted.append(digest)
        if not wanted:
            return found
        self._forget_erased(connection, now)
        closed = []
        with self._lock:
            for digest in wanted:
                held = self._held.get(digest)
                if held is not None and held[0] > now:
                    self._held.move_to_end(digest)
                    found[digest] = held[1]
                else:
                    closed.append(digest)
        records = private_records.many(connection, self._vault, closed)
        with self._lock:
            for digest in closed:
                record = records.get(digest)
                field = record["fields"].get("name") if record else None
                found[digest] = str(field["value"]) if field else None
                self._hold(digest, found[digest], now)
        return found

    def know(self, digest: bytes, name: str) -> None:
        """Of a record that was opened just now for another reason."""
        with self._lock:
            self._hold(digest, name, time.monotonic())

    def _hold(self, digest: bytes, name: str | None, now: float) -> None:
        self._held[digest] = (now + self._seconds, name)
        if len(self._held) > self._kept:
            self._held.popitem(last=False)

    def _forget_erased(self, connection: Connection, now: float) -> None:
        """Looks once a second whether anything was erased, in this process or another."""
        if now - self._looked < 1.0:
            return
        query = select(state.c.value).where(state.c.domain == erasing.DOMAIN, state.c.key == erasing.TALLY)
        erased = connection.execute(query).scalar_one_or_none() or b""
        with self._lock:
            self._looked = now
            if erased != self._erased:
                self._erased = erased
                self._held.clear()


@cache
def _readers(type: str) -> frozenset[str]:
    """Of the name in a document of this type."""
    return frozenset(
        reader for item in registry.TYPES[type].private if item.name == "name" for reader in item.readers
    )


def who(
    connection: Connection, accounts: Collection[str], *, erased: bool = False
) -> dict[str, tuple[bytes, str]]:
    """(document digest, type) of the latest statement by which each account said who it is; of those whose
    record is kept, unless `erased` asks for all."""
    found: dict[str, tuple[bytes, str]] = {}
    wanted = sorted(accounts)
    query = _LATEST if erased else _LATEST_KEPT
    for start in range(0, len(wanted), _AT_ONCE):
        for row in connection.execute(query, {"accounts": wanted[start : start + _AT_ONCE]}):
            found[row.iss] = (row.digest, row.type)
    return found


def _latest(*more: Any) -> Select[Any]:
    mine = entries.c.iss.in_(bindparam("accounts", expanding=True))
    latest = (
        select(func.max(entries.c.idx).label("idx"))
        .where(mine, entries.c.type.in_(WHO), *more)
        .group_by(entries.c.iss)
        .subquery()
    )
    return select(entries.c.iss, entries.c.digest, entries.c.type).where(entries.c.idx == latest.c.idx)


_LATEST: Final = _latest()
#: Counted, not asked for by EXISTS: PostgreSQL would join the whole table for it.
_BOXES: Final = select(func.count()).where(records.c.digest == entries.c.digest).scalar_subquery()
_LATEST_KEPT: Final = _latest(_BOXES > 0)


def particulars(
    connection: Connection, vault: Vault, account: str, roles: Collection[str]
) -> Mapping[str, Any]:
    """What the person said of themselves last, as far as these readers may see it; empty when nothing."""
    found = who(connection, (account,)).get(account)
    if found is None:
        return {}
    return private_records.values(connection, vault, found[0], found[1], roles) or {}
