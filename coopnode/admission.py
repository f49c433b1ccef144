"""Who may put work into the queue: token buckets and one-time tickets (P14, design §5: a log cannot be
cleaned).

All of this is local policy: it keeps nonsense away and never decides what is true. It runs on the event
loop only.
"""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from coopnode.store.schema import tickets
from coopnode.store.sql import Connection, func, insert, select, update

#: What a ticket may be for: founding the cooperative, or one new account.
FOUNDING: Final = "founding"
ACCOUNT: Final = "account"
_DAY = 86_400
_TOKEN_BYTES = 24


class Buckets:
    """Token buckets by name; those not used for long are forgotten, which can only help their owner."""

    def __init__(
        self,
        burst: float,
        rate: float,
        *,
        remembered: int = 20_000,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._burst, self._rate, self._remembered, self._now = burst, rate, remembered, now
        self._held: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, cost: float = 1.0) -> float:
        """0.0 when allowed; otherwise after how many seconds it will be."""
        now = self._now()
        tokens, then = self._held.get(name, (self._burst, now))
        tokens = min(self._burst, tokens + (now - then) * self._rate)
        wait = 0.0 if tokens >= cost else (cost - tokens) / self._rate
        self._put(name, tokens if wait else tokens - cost, now)
        return wait

    def punish(self, name: str, cost: float) -> None:
        """Takes tokens that are not there: what follows waits."""
        now = self._now()
        tokens, then = self._held.get(name, (self._burst, now))
        self._put(name, max(-self._burst, min(self._burst, tokens + (now - then) * self._rate) - cost), now)

    def _put(self, name: str, tokens: float, now: float) -> None:
        self._held[name] = (tokens, now)
        self._held.move_to_end(name)
        if len(self._held) > self._remembered:
            self._held.popitem(last=False)


def token_digest(token: str) -> bytes:
    return hashlib.sha256(b"coopnode/ticket/0" + token.encode()).digest()


def issue(connection: Connection, kind: str, now: int, lifetime: int) -> str:
    """A new ticket; its token is shown once and only its digest is kept."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    row = {"digest": token_digest(token), "kind": kind, "created_at": now, "expires_at": now + lifetime}
    connection.execute(insert(tickets).values(row))
    return token


def refusal(connection: Connection, digest: bytes | None, kind: str, now: int, per_day: int) -> str | None:
    """Why a ticket does not serve, as a code: ticket_required, ticket_unknown, ticket_used, ticket_expired,
    quota_exceeded."""
    if digest is None:
        return "ticket_required"
    row = connection.execute(
        select(tickets).where(tickets.c.digest == digest, tickets.c.kind == kind)
    ).one_or_none()
    if row is None:
        return "ticket_unknown"
    if row.used_at is not None:
        return "ticket_used"
    if row.expires_at < now:
        return "ticket_expired"
    used = select(func.count()).where(tickets.c.kind == kind, tickets.c.used_at > now - _DAY)
    return "quota_exceeded" if connection.execute(used).scalar_one() >= per_day else None


def use(connection: Connection, digest: bytes, account: str, now: int) -> None:
    """In the transaction that logs what the ticket was for."""
    connection.execute(update(tickets).where(tickets.c.digest == digest).values(used_at=now, used_by=account))
