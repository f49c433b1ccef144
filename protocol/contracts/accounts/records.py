"""What the domain `account` keeps: accounts with their keys, and questions about them."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from protocol import documents
from protocol.contract import Changes, Effect, Record, View, Write
from protocol.effects import AccountRevoked
from protocol.keys import PublicKey, recovery_commitment

#: Keys brought by the recovery key wait this long, so that a stolen sheet of paper is noticed first (P7).
RECOVERY_WAIT = 72 * 3600
#: And this long from an objection on, so that people who know the person can decide (P7).
OBJECTION_WAIT = 30 * 86_400


class KeyState(Record, frozen=True):
    pub: bytes
    #: number of the event that brought it
    number: int
    active_from: int
    revoked_at: int | None = None
    suspected_from: int | None = None
    #: stopped by a fork of the history (P9)
    stopped: bool = False
    #: the recovery key revoked it: for a while it may still object
    by_recovery: bool = False


class EarlyRevocation(Record, frozen=True):
    """Of a key that the home log has and this one has not met yet (P10)."""

    pub: bytes
    revoked_at: int
    suspected_from: int | None = None
    by_recovery: bool = False


class Account(Record, frozen=True):
    home: str
    keys: list[KeyState]
    recovery: bytes
    #: document digests of the numbered events, by number
    events: list[bytes]
    #: ticks of the events of the last year, for the quota
    times: list[int]
    #: number at which the history forks, and the digest of the first event of the branch we do not follow
    forked_at: int | None = None
    other_branch: bytes | None = None
    #: numbers below it fork no more: the recovery key has chosen
    settled: int = 0
    #: document digest of the last `account.recover/1`
    recovered: bytes | None = None
    #: an objection was made: until then no key works that the recovery key brings
    disputed_until: int | None = None
    early: tuple[EarlyRevocation, ...] = ()


class KeyOwner(Record, frozen=True):
    account: str


STATE: Mapping[str, type[Record]] = {"account": Account, "key": KeyOwner}


# --- questions ------------------------------------------------------------------------------------


def knows(view: View, account: str) -> bool:
    return view.get("account", account, Account) is not None


def key_status(view: View, account: str, kid: bytes, tick: int) -> str | None:
    """None when the key may sign for the account at `tick`; otherwise the refusal code (SPEC §6.3)."""
    found = view.get("account", account, Account)
    if found is None:
        return "unknown_account"
    return status(found, kid, tick)


def may_object(key: KeyState, tick: int) -> str | None:
    """None when the key may object to a recovery at `tick`; otherwise the refusal code (SPEC §6.3)."""
    if key.stopped or key.active_from > (tick if key.revoked_at is None else key.revoked_at):
        return "unknown_key"
    if key.revoked_at is not None and not (key.by_recovery and tick <= key.revoked_at + OBJECTION_WAIT):
        return "key_revoked"
    return None


def owner(view: View, kid: bytes) -> str | None:
    found = view.get("key", kid.hex(), KeyOwner)
    return found.account if found else None


def status(account: Account, kid: bytes, tick: int) -> str | None:
    for key in account.keys:
        if key.pub == kid:
            if key.revoked_at is not None or key.stopped:
                return "key_revoked"
            return "key_waiting" if key.active_from > tick else None
    return "unknown_key"


def is_recovery(account: Account, kid: bytes) -> bool:
    return recovery_commitment(PublicKey(documents.ED25519, kid, "recovery")) == account.recovery


def ended(key: KeyState) -> bool:
    return key.revoked_at is not None or key.stopped


def newly_ended(before: KeyState, after: KeyState) -> bool:
    """It stops signing now, or more of what it signed is called into question."""
    return ended(after) and (not ended(before) or after.suspected_from != before.suspected_from)


def waits(key: KeyState, tick: int) -> bool:
    return not ended(key) and key.active_from > tick


# --- writes ---------------------------------------------------------------------------------------


def after_wait(account: Account, tick: int) -> int:
    """When a key works that comes without the word of a key in force."""
    return max(tick + RECOVERY_WAIT, account.disputed_until or 0)


def wait_anew(keys: list[KeyState], tick: int, until: int) -> list[KeyState]:
    return [
        msgspec.structs.replace(key, active_from=max(key.active_from, until)) if waits(key, tick) else key
        for key in keys
    ]


def changes(id: str, before: Account | None, after: Account) -> Changes:
    """The account, the owners of its new keys, and word of every key that no longer signs (P10)."""
    known = {key.pub: key for key in before.keys} if before else {}
    owners = [Write("key", key.pub.hex(), KeyOwner(id)) for key in after.keys if key.pub not in known]
    ended = [
        Effect("account.revoked", AccountRevoked(id, key.pub, key.suspected_from))
        for key in after.keys
        if key.pub in known and newly_ended(known[key.pub], key)
    ]
    return Changes((Write("account", id, after), *owners), tuple(ended))
