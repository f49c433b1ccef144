"""Six digits sent by e-mail, so that nobody fills the log under a stranger's address (design §5, P14).

Kept are keyed digests only: of the address, to ration letters to it, and of the code. Whether an address is
known here is never told: every request for a code is answered alike.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import Final, Literal

from coopnode.store.schema import email_codes
from coopnode.store.sql import Connection, func, insert, select, update

PURPOSE: Final = "join"
LIFETIME: Final = 15 * 60
ATTEMPTS: Final = 5
#: Letters to one address: in an hour and in a day. Nobody's mailbox is to be flooded from here.
PER_HOUR: Final = 3
PER_DAY: Final = 8

Verdict = Literal["accepted", "wrong", "expired", "exhausted"]


@dataclass(frozen=True, slots=True)
class Code:
    """`id` is remembered in the draft; `digits` go into the letter only."""

    id: bytes
    digits: str


class Codes:
    def __init__(self, secret: bytes) -> None:
        self._key = hashlib.sha256(b"coopnode/email-code/0" + secret).digest()

    def issue(self, connection: Connection, address: str, now: int) -> Code | None:
        """A fresh code; None when this address has had enough of them for now."""
        place = self._address(address)
        if self._count(connection, place, now - 3600) >= PER_HOUR:
            return None
        if self._count(connection, place, now - 86_400) >= PER_DAY:
            return None
        code = Code(secrets.token_bytes(16), f"{secrets.randbelow(1_000_000):06d}")
        row = {
            "id": code.id,
            "address": place,
            "code": self._digits(code.id, code.digits),
            "purpose": PURPOSE,
            "created_at": now,
            "expires_at": now + LIFETIME,
        }
        connection.execute(insert(email_codes).values(row))
        return code

    def check(self, connection: Connection, id: bytes, address: str, digits: str, now: int) -> Verdict:
        """Counts the attempt. A code is accepted once."""
        row = connection.execute(select(email_codes).where(email_codes.c.id == id)).one_or_none()
        if row is None or row.expires_at < now or row.accepted_at is not None:
            return "expired"
        if row.attempts >= ATTEMPTS:
            return "exhausted"
        right = hmac.compare_digest(row.code, self._digits(id, digits))
        right = hmac.compare_digest(row.address, self._address(address)) and right
        changed = {"attempts": row.attempts + 1, "accepted_at": now if right else None}
        connection.execute(update(email_codes).where(email_codes.c.id == id).values(changed))
        return "accepted" if right else "exhausted" if row.attempts + 1 >= ATTEMPTS else "wrong"

    def _count(self, connection: Connection, place: bytes, since: int) -> int:
        query = select(func.count()).where(email_codes.c.address == place, email_codes.c.created_at > since)
        return int(connection.execute(query).scalar_one())

    def _address(self, address: str) -> bytes:
        return hmac.digest(self._key, b"address\0" + address.strip().casefold().encode(), "sha256")

    def _digits(self, id: bytes, digits: str) -> bytes:
        return hmac.digest(self._key, b"code\0" + id + digits.encode(), "sha256")
