"""What is signed in the domain `account` (SPEC §6)."""

from __future__ import annotations

from protocol.contract import DocumentType, Payload
from protocol.keys import PublicKey


class Genesis(Payload, frozen=True):
    """The map whose digest is the account id."""

    keys: list[PublicKey]
    recovery: bytes
    home: str
    nonce: bytes


class AccountGenesis(Payload, frozen=True):
    genesis: Genesis
    proofs: list[bytes]


class AccountKey(Payload, frozen=True):
    number: int
    prev: bytes
    key: PublicKey
    proof: bytes


class AccountRecover(Payload, frozen=True):
    number: int
    prev: bytes
    recovery: PublicKey
    next: bytes
    keys: list[PublicKey]
    proofs: list[bytes]
    revoke: list[bytes]
    branch: bytes | None = None


class AccountHome(Payload, frozen=True):
    number: int
    prev: bytes
    home: str


class AccountRevoke(Payload, frozen=True):
    key: bytes
    suspected_from: int | None = None


class AccountObject(Payload, frozen=True):
    #: document digest of the `account.recover/1`
    recovery: bytes


class CopiedEvent(Payload, frozen=True):
    statement: bytes
    proof: bytes


class AccountCopy(Payload, frozen=True):
    """`home` = encoded genesis map of the home cooperative (its digest is its id and gives the log key)."""

    home: bytes
    events: list[CopiedEvent]


TYPES = (
    DocumentType("account.genesis/1", AccountGenesis, log="any", founding=True),
    DocumentType("account.key/1", AccountKey, log="home", founding=True),
    DocumentType("account.recover/1", AccountRecover, log="home", founding=True),
    DocumentType("account.home/1", AccountHome, log="home", founding=True),
    DocumentType("account.revoke/1", AccountRevoke, log="any", founding=True),
    DocumentType("account.object/1", AccountObject, log="any", founding=True),
    DocumentType("account.copy/1", AccountCopy, log="any", founding=True),
)
