"""Browsers that let themselves be woken: what their push service gave them, encrypted, one row each.

The address of a device is a permission to wake it, and tells whose browser it is; so it lies encrypted
under the session key, like drafts. It belongs to one account. A device ends when its browser signs out, when
the key by which it was signed in no longer signs, when its push service no longer knows it, or when its owner
takes it off the list.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from coopnode.store.schema import push_devices as table
from coopnode.store.schema import sessions
from coopnode.store.sql import Connection, delete, func, insert, select, update
from protocol import encoding
from protocol.contract import View
from protocol.contracts import accounts

if TYPE_CHECKING:
    from coopnode.app import Node

#: Of one account; the oldest makes room.
MOST: Final = 10
_NONCE: Final = 12


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a browser gives away of itself (Push API): where to send, its public key, a shared secret."""

    endpoint: str = field(repr=False)
    p256dh: bytes = field(repr=False)
    auth: bytes = field(repr=False)

    @property
    def service(self) -> str:
        """Host of the push service."""
        return urlsplit(self.endpoint).hostname or ""


@dataclass(frozen=True, slots=True)
class Device:
    id: int
    account: str
    subscription: Subscription
    kid: bytes | None
    created_at: int
    reached_at: int | None


class Devices:
    """Devices in the database, under a key derived from the node's session key."""

    def __init__(self, secret: bytes) -> None:
        self._box = AESGCM(hashlib.sha256(b"coopnode/push-device/0" + secret).digest())

    def of(self, connection: Connection, id: int | None) -> Device | None:
        row = connection.execute(select(table).where(table.c.id == id)).one_or_none()
        return None if row is None else self._device(row)

    def of_account(self, connection: Connection, account: str) -> list[Device]:
        """Newest first."""
        query = select(table).where(table.c.account == account).order_by(table.c.id.desc())
        found = (self._device(row) for row in connection.execute(query).all())
        return [device for device in found if device is not None]

    def add(
        self, connection: Connection, account: str, session: bytes, given: Subscription, now: int
    ) -> None:
        """The browser of this session wants to be woken for this account, and for no other from now on."""
        endpoint = _digest(given.endpoint)
        connection.execute(delete(table).where(table.c.endpoint == endpoint))
        kid = connection.execute(
            select(sessions.c.kid).where(sessions.c.digest == session)
        ).scalar_one_or_none()
        row = {"account": account, "endpoint": endpoint, "session": session, "kid": kid, "created_at": now}
        connection.execute(insert(table).values({**row, "box": self._closed(endpoint, given)}))
        kept = select(table.c.id).where(table.c.account == account).order_by(table.c.id.desc()).limit(MOST)
        surplus = (table.c.account == account, table.c.id.not_in(kept.scalar_subquery()))
        connection.execute(delete(table).where(*surplus))

    def renew(self, connection: Connection, account: str, session: bytes, given: Subscription) -> bool:
        """The same browser in another session; False when it is not on the person's list. A browser in which
        somebody else has signed in wakes nobody any more."""
        endpoint = _digest(given.endpoint)
        connection.execute(delete(table).where(table.c.endpoint == endpoint, table.c.account != account))
        kid = select(sessions.c.kid).where(sessions.c.digest == session).scalar_subquery()
        change = update(table).where(table.c.endpoint == endpoint).values(session=session, kid=kid)
        return connection.execute(change).rowcount == 1

    def _closed(self, endpoint: bytes, given: Subscription) -> bytes:
        nonce = secrets.token_bytes(_NONCE)
        plain = encoding.encode({"endpoint": given.endpoint, "key": given.p256dh, "auth": given.auth})
        return nonce + self._box.encrypt(nonce, plain, endpoint)

    def _device(self, row: Any) -> Device | None:
        """None when its box does not open: the node's session key is another."""
        try:
            plain = self._box.decrypt(row.box[:_NONCE], row.box[_NONCE:], row.endpoint)
        except InvalidTag:
            return None
        found: Any = encoding.decode(plain)
        given = Subscription(found["endpoint"], found["key"], found["auth"])
        return Device(row.id, row.account, given, row.kid, row.created_at, row.reached_at)


def ids(connection: Connection, account: str) -> list[int]:
    query = select(table.c.id).where(table.c.account == account).order_by(table.c.id)
    return list(connection.execute(query).scalars())


def count(connection: Connection, account: str) -> int:
    query = select(func.count()).select_from(table).where(table.c.account == account)
    return int(connection.execute(query).scalar_one())


def forget(connection: Connection, id: int, account: str) -> None:
    """One device, if it is that person's: ids are used again."""
    connection.execute(delete(table).where(table.c.id == id, table.c.account == account))


def forget_endpoint(connection: Connection, account: str, endpoint: str) -> bool:
    """What a browser says that no longer wants to be woken there; False when it was not on their list."""
    where = (table.c.endpoint == _digest(endpoint), table.c.account == account)
    return connection.execute(delete(table).where(*where)).rowcount == 1


def reached(connection: Connection, id: int, now: int) -> None:
    connection.execute(update(table).where(table.c.id == id).values(reached_at=now))


def signs(node: Node, device: Device, account: str) -> bool:
    """Whether the device is this person's still: whoever has found a phone is nobody here (P10)."""
    if device.account != account:
        return False
    view = View(node.state, accounts.DOMAIN)
    return device.kid is None or accounts.key_status(view, account, device.kid, node.clock.peek()) is None


def _digest(endpoint: str) -> bytes:
    return hashlib.sha256(endpoint.encode()).digest()
