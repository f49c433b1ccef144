"""Bringing a second device to an account, and the documents that add and revoke keys.

A new device makes its key and shows a short code. The person types that code where they are signed in; the
new device learns the account, proves that it holds its key (P8), and the old device signs. The node carries
the public key and the proof and nothing else; that it carried the right key is seen by comparing
fingerprints.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from coopnode.accounts import queries
from coopnode.accounts.queries import Chain, EventLine
from coopnode.app import Node
from coopnode.signing import SELF, Item
from coopnode.store.schema import device_requests
from coopnode.store.sql import Connection, Row, insert, select, update
from protocol import documents, signatures
from protocol.encoding import Value

#: Letters and digits nobody takes for one another; 30⁸ codes, and each lives a quarter of an hour.
_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH: Final = 8
LIFETIME: Final = 900
_MAX_OPEN: Final = 1_000

T = TypeVar("T")


class NotPossible(Exception):
    """`code` is a stable one; nothing was changed."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Device:
    """A device that asks to be added. `account` once a person has named it, `proof` once it has answered."""

    id: str
    pub: bytes
    account: str | None
    number: int | None
    prev: bytes | None
    proof: bytes | None
    expires_at: int


class Accounts:
    """One for a node."""

    def __init__(self, node: Node) -> None:
        self.node = node

    async def chain(self, account: str) -> Chain | None:
        # A quiet log has no ticks; the next document would bring one before it is judged.
        now = max(self.node.engine.head.tick, self.node.clock.peek())
        return await self.node.in_thread(lambda: queries.chain(self.node.state, account, now))

    async def recovering(self) -> list[Chain]:
        """Accounts whose recovery is under way."""
        now = max(self.node.engine.head.tick, self.node.clock.peek())
        return await self.node.database.read(
            lambda connection: queries.recovering(connection, self.node.state, now)
        )

    async def by_commitment(self, commitment: bytes) -> list[str]:
        return await self.node.database.read(lambda connection: queries.by_commitment(connection, commitment))

    async def events(self, account: str, since: int) -> list[EventLine]:
        return await self.node.database.read(lambda connection: queries.events_of(connection, account, since))

    # -- a device that asks -------------------------------------------------------------------------------

    async def ask(self, pub: bytes) -> tuple[str, str, int]:
        """(code for the person, secret of the asking device, when both end)."""
        now = self.node.clock.peek()
        code = "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
        secret = secrets.token_urlsafe(24)
        row: dict[str, Any] = {"code": _digest("code", code), "secret": _digest("secret", secret), "pub": pub}
        row |= {"created_at": now, "expires_at": now + LIFETIME}

        def change(connection: Connection) -> None:
            still = select(device_requests.c.code).where(device_requests.c.expires_at >= now)
            held = connection.execute(still.limit(_MAX_OPEN)).scalars().all()
            if len(held) >= _MAX_OPEN:
                raise NotPossible("busy")
            connection.execute(insert(device_requests).values(row))

        await self.node.database.write(change)
        return code, secret, now + LIFETIME

    async def of_secret(self, secret: str) -> Device | None:
        return await self._find(device_requests.c.secret == _digest("secret", secret))

    async def prove(self, secret: str, proof: bytes) -> None:
        """Raises NotPossible."""
        found = await self.of_secret(secret)
        if found is None or found.account is None or found.number is None or found.prev is None:
            raise NotPossible("not_found")
        said = documents.possession(found.pub, found.account, found.number, found.prev)
        if not signatures.verify(found.pub, said, proof):
            raise NotPossible("bad_signature")
        await self._change(found, proof=proof)

    # -- the person who is signed in ----------------------------------------------------------------------

    async def claim(self, code: str, account: str) -> Device:
        """The device with this code may join this account. Raises NotPossible."""
        found = await self._find(device_requests.c.code == _digest("code", normal(code)))
        chain = await self.chain(account)
        if found is None or chain is None or found.account not in (None, account):
            raise NotPossible("not_found")
        if chain.fork is not None:
            raise NotPossible("account_forked")
        known = chain.key(found.pub)
        if known is not None and known.standing != "waiting":
            raise NotPossible("key_taken")
        if found.account is None or (found.number, found.prev) != (chain.number, chain.prev):
            await self._change(found, account=account, number=chain.number, prev=chain.prev, proof=None)
        return found

    async def device(self, id: str, account: str) -> Device | None:
        try:
            digest = bytes.fromhex(id)
        except ValueError:
            return None
        found = await self._find(device_requests.c.code == digest)
        return found if found is not None and found.account == account else None

    def adding(self, device: Device, consequence: str) -> Item:
        assert device.number is not None and device.prev is not None and device.proof is not None
        key: dict[str, Value] = {"alg": documents.ED25519, "pub": device.pub, "scope": "sign"}
        fields: dict[str, Value] = {
            "number": device.number,
            "prev": device.prev,
            "key": key,
            "proof": device.proof,
        }
        return Item("account.key/1", fields, SELF, SELF, consequence=consequence)

    async def revoking(self, account: str, key: bytes, suspected_from: int | None, consequence: str) -> Item:
        """Raises NotPossible when there is nothing to revoke."""
        chain = await self.chain(account)
        known = chain.key(key) if chain else None
        if known is None or known.standing == "revoked":
            raise NotPossible("key_revoked" if known else "unknown_key")
        fields: dict[str, Value] = {"key": key}
        if suspected_from is not None:
            fields["suspected_from"] = suspected_from
        return Item("account.revoke/1", fields, SELF, SELF, consequence=consequence)

    # -- rows ---------------------------------------------------------------------------------------------

    async def _find(self, where: Any) -> Device | None:
        query = select(device_requests).where(where, device_requests.c.expires_at >= self.node.clock.peek())
        row = await self.node.database.read(lambda connection: connection.execute(query).one_or_none())
        return _device(row) if row is not None else None

    async def _change(self, device: Device, **values: Any) -> None:
        change = (
            update(device_requests).where(device_requests.c.code == bytes.fromhex(device.id)).values(values)
        )
        await self.node.database.write(lambda connection: connection.execute(change))


def normal(code: str) -> str:
    """As people type it: spaces, dashes and case do not matter."""
    return "".join(letter for letter in code.upper() if letter in _ALPHABET)


def _digest(kind: str, text: str) -> bytes:
    return hashlib.sha256(f"coopnode/device-{kind}/0{text}".encode()).digest()


def _device(row: Row[Any]) -> Device:
    return Device(row.code.hex(), row.pub, row.account, row.number, row.prev, row.proof, row.expires_at)
