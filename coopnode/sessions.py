"""Sessions of the site: a row for each browser, found by the digest of its cookie's token.

A browser without a cookie is nobody and costs nothing; the first draft or sign-in makes a session. Signing in
rotates the token, so that a token
seen before is worth nothing afterwards.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from coopnode.app import Node
from coopnode.store.schema import push_devices, sessions
from coopnode.store.sql import Connection, bindparam, delete, insert, select, update
from protocol import encoding
from protocol.contract import View
from protocol.contracts import accounts

#: Seconds without a visit, and altogether, after which a session ends.
IDLE: Final = 14 * 86_400
ABSOLUTE: Final = 90 * 86_400
#: `seen_at` is written at most this often.
_SEEN_EVERY: Final = 600
_MAX_DATA: Final = 16_384


@dataclass
class Session:
    """`data` holds small texts of one browser: permissions it came with, messages for its next page. Nothing
    personal. `former`: who was signed in until the key was revoked. `roles`: offices as they were when the
    session was loaded; None where nobody has looked."""

    digest: bytes
    account: str | None
    created_at: int
    seen_at: int
    expires_at: int
    locale: str | None
    data: dict[str, str] = field(default_factory=dict)
    former: str | None = None
    roles: frozenset[str] | None = None


_BY_DIGEST: Final = select(sessions).where(sessions.c.digest == bindparam("token"))


class Sessions:
    """One per application."""

    def __init__(self, node: Node) -> None:
        self._node = node

    @property
    def _now(self) -> int:
        return self._node.clock.peek()

    async def load(self, token: str) -> Session | None:
        now = self._now
        digest = digest_of(token)

        def work(connection: Connection) -> tuple[Any, bool, frozenset[str] | None]:
            row = connection.execute(_BY_DIGEST, {"token": digest}).one_or_none()
            if row is None or row.account is None:
                return row, False, None
            ended, founded = self._ended(row), self._node.cooperative is not None
            return row, ended, self._node.facts.roles(row.account) if founded and not ended else None

        row, ended, roles = await self._node.database.read(work)
        if row is None or row.expires_at < now or row.seen_at < now - IDLE:
            return None
        found = _session(row)
        found.roles = roles
        if ended:
            found.account, found.former = None, found.account
        if row.seen_at < now - _SEEN_EVERY:
            change = update(sessions).where(sessions.c.digest == found.digest).values(seen_at=now)
            await self._node.database.write(lambda connection: connection.execute(change))
        return found

    def _ended(self, row: Any) -> bool:
        """Whether the key whose device signed in no longer signs: who found a phone is nobody here (P10)."""
        if row.account is None or row.kid is None:
            return False
        view = View(self._node.state, accounts.DOMAIN)
        return accounts.key_status(view, row.account, row.kid, self._now) is not None

    async def create(self, locale: str | None = None) -> tuple[Session, str]:
        """An anonymous session and its token."""
        now, token = self._now, secrets.token_urlsafe(32)
        made = Session(digest_of(token), None, now, now, now + ABSOLUTE, locale)

        def change(connection: Connection) -> None:
            connection.execute(delete(sessions).where(sessions.c.expires_at < now))
            connection.execute(insert(sessions).values(_row(made)))

        await self._node.database.write(change)
        return made, token

    async def save(self, session: Session) -> None:
        """Keeps `data` and `locale`."""
        change = (
            update(sessions)
            .where(sessions.c.digest == session.digest)
            .values(data=_data(session), locale=session.locale)
        )
        await self._node.database.write(lambda connection: connection.execute(change))

    async def sign_in(self, session: Session, account: str, kid: bytes | None = None) -> tuple[Session, str]:
        """The same browser as `account`, under a new token; the old one ends. `kid`: the key whose device
        signed in."""
        now, token = self._now, secrets.token_urlsafe(32)
        made = Session(
            digest_of(token), account, now, now, now + ABSOLUTE, session.locale, dict(session.data)
        )

        def change(connection: Connection) -> None:
            connection.execute(delete(sessions).where(sessions.c.digest == session.digest))
            connection.execute(insert(sessions).values({**_row(made), "kid": kid}))
            another = push_devices.c.account != account
            _forget_devices(connection, (push_devices.c.session == session.digest) & another)

        await self._node.database.write(change)
        return made, token

    async def end(self, digest: bytes, account: str | None = None) -> None:
        """Signs out one browser; with `account`, only if it is that person's."""
        where, device = sessions.c.digest == digest, push_devices.c.session == digest
        if account is not None:
            where, device = (
                where & (sessions.c.account == account),
                device & (push_devices.c.account == account),
            )
        await self._end(where, device)

    async def end_others(self, session: Session, account: str) -> None:
        """Signs a person out everywhere but in this browser."""
        where = (sessions.c.account == account) & (sessions.c.digest != session.digest)
        device = (push_devices.c.account == account) & (push_devices.c.session != session.digest)
        await self._end(where, device)

    async def _end(self, where: Any, device: Any) -> None:
        """Whoever signs a browser out does not want it to be woken any more. One that was only not used for a
        long time still is."""

        def change(connection: Connection) -> None:
            connection.execute(delete(sessions).where(where))
            _forget_devices(connection, device)

        await self._node.database.write(change)

    async def of(self, account: str) -> Sequence[Session]:
        """All open sessions of a person, newest first."""
        query = select(sessions).where(sessions.c.account == account, sessions.c.expires_at >= self._now)
        query = query.order_by(sessions.c.seen_at.desc())
        oldest = self._now - IDLE

        def work(connection: Connection) -> list[Session]:
            rows = connection.execute(query).all()
            return [_session(row) for row in rows if row.seen_at >= oldest and not self._ended(row)]

        return await self._node.database.read(work)


def _forget_devices(connection: Connection, where: Any) -> None:
    connection.execute(delete(push_devices).where(where))


def digest_of(token: str) -> bytes:
    return hashlib.sha256(b"coopnode/session/0" + token.encode()).digest()


def _session(row: Any) -> Session:
    data: Any = encoding.decode(row.data)
    return Session(
        row.digest, row.account, row.created_at, row.seen_at, row.expires_at, row.locale, dict(data)
    )


def _data(session: Session) -> bytes:
    return encoding.encode(dict(session.data), limit=_MAX_DATA)


def _row(session: Session) -> dict[str, Any]:
    return {
        "digest": session.digest,
        "account": session.account,
        "created_at": session.created_at,
        "seen_at": session.seen_at,
        "expires_at": session.expires_at,
        "locale": session.locale,
        "data": _data(session),
    }
