"""Numbered events: an account's keys, recovery and home, each on top of the one before (SPEC §6.1, §6.2)."""

from __future__ import annotations

import hashlib

import msgspec

from protocol import documents, encoding, signatures
from protocol.contract import Rejection, View
from protocol.contracts.accounts.records import (
    Account,
    KeyState,
    after_wait,
    is_recovery,
    newly_ended,
    owner,
    status,
    wait_anew,
    waits,
)
from protocol.contracts.accounts.statements import AccountGenesis, AccountHome, AccountKey, AccountRecover
from protocol.documents import Statement
from protocol.errors import ProtocolError
from protocol.identifiers import identifier, parse_identifier
from protocol.keys import PublicKey, check_public_key, recovery_commitment

MAX_EVENTS_PER_YEAR = 32
#: Beyond them, so that a thief's events cannot use up the owner's year.
RECOVERIES_PER_YEAR = 8
MAX_KEYS = 16
#: How many numbers a recovery may lie beyond what a log knew when the history forked.
MAX_AHEAD = 1000
YEAR = 365 * 86_400
_ZERO = bytes(32)


def numbered(
    view: View, account: Account | None, statement: Statement, tick: int, *, copied: bool = False
) -> Account | Rejection:
    """The account after one numbered event, or why not. Fork handling belongs to `copies`."""
    body = statement.body
    if isinstance(body, AccountGenesis):
        return _genesis(view, account, statement, body, tick)
    if account is None:
        return Rejection("unknown_account", "iss")
    if isinstance(body, AccountRecover):
        return _recover(view, account, statement, body, tick, copied)
    if isinstance(body, AccountHome):
        return _move(account, statement, body, tick, copied)
    refusal = status(account, statement.kid, tick)
    # The home log took it while the key was good; this one heard of the key's end first.
    late = copied and refusal in ("key_revoked", "key_waiting")
    if refusal and not late:
        return Rejection(refusal, "kid")
    refused = _in_chain(account, body.number, body.prev) or _quota(account, tick, copied)
    if refused:
        return refused
    after = _with_event(account, statement, tick, copied)
    return _add_key(view, after, statement, body, tick, late)


def _move(
    account: Account, statement: Statement, body: AccountHome, tick: int, copied: bool
) -> Account | Rejection:
    """Only the recovery key moves the account: at a home of the thief's choice nothing could be recovered."""
    if not is_recovery(account, statement.kid):
        return Rejection("wrong_recovery_key", "kid")
    refused = _in_chain(account, body.number, body.prev)
    refused = refused or _quota(account, tick, copied, RECOVERIES_PER_YEAR)
    if refused:
        return refused
    try:
        parse_identifier(body.home)
    except ProtocolError:
        return Rejection("invalid_field", "home")
    return msgspec.structs.replace(_with_event(account, statement, tick, copied), home=body.home)


def _genesis(
    view: View, account: Account | None, statement: Statement, body: AccountGenesis, tick: int
) -> Account | Rejection:
    genesis = body.genesis
    if account is not None:
        return Rejection("account_exists", "iss")
    if identifier(hashlib.sha256(encoding.encode(statement.payload["genesis"])).digest()) != statement.iss:
        return Rejection("wrong_account_id", "iss")
    if len(genesis.nonce) != 16 or len(genesis.recovery) != 32 or len(genesis.home) != 52:
        return Rejection("invalid_field", "genesis")
    if not 1 <= len(genesis.keys) <= MAX_KEYS or len({key.pub for key in genesis.keys}) != len(genesis.keys):
        return Rejection("invalid_field", "keys")
    if statement.kid not in {key.pub for key in genesis.keys}:
        return Rejection("unknown_key", "kid")
    refused = _check_keys(view, statement.iss, genesis.keys, body.proofs, 0, _ZERO)
    if refused:
        return refused
    keys = [KeyState(key.pub, 0, tick) for key in genesis.keys]
    return Account(genesis.home, keys, genesis.recovery, [statement.digest], [tick])


def _add_key(
    view: View, account: Account, statement: Statement, body: AccountKey, tick: int, late: bool
) -> Account | Rejection:
    refused = _proved(body.key, body.proof, statement.iss, body.number, body.prev)
    if refused:
        return refused
    for place, key in enumerate(account.keys):
        # A sign key confirms what the recovery key brought: the wait ends (P7).
        if key.pub == body.key.pub and waits(key, tick):
            if late:
                return account
            sooner = msgspec.structs.replace(key, active_from=tick)
            keys = [*account.keys[:place], sooner, *account.keys[place + 1 :]]
            return msgspec.structs.replace(account, keys=keys)
    refused = _check_keys(view, statement.iss, [body.key], [body.proof], body.number, body.prev)
    if refused:
        return refused
    active_from = after_wait(account, tick) if late else tick
    keys = [*account.keys, KeyState(body.key.pub, body.number, active_from)]
    if sum(key.revoked_at is None for key in keys) > MAX_KEYS:
        return Rejection("too_many_keys", "key")
    return msgspec.structs.replace(account, keys=keys)


def _recover(
    view: View, account: Account, statement: Statement, body: AccountRecover, tick: int, copied: bool
) -> Account | Rejection:
    if statement.kid != body.recovery.pub or recovery_commitment(body.recovery) != account.recovery:
        return Rejection("wrong_recovery_key", "recovery")
    if len(body.next) != 32 or body.next == account.recovery:
        return Rejection("invalid_field", "next")
    if len({key.pub for key in body.keys}) != len(body.keys):
        return Rejection("invalid_field", "keys")
    if account.forked_at is not None:
        chosen = _after_fork(account, account.forked_at, body)
        if isinstance(chosen, Rejection):
            return chosen
        account = chosen
    refused = _in_chain(account, body.number, body.prev)
    refused = refused or _quota(account, tick, copied, RECOVERIES_PER_YEAR)
    refused = refused or _check_keys(view, statement.iss, body.keys, body.proofs, body.number, body.prev)
    if refused:
        return refused
    revoked = set(body.revoke)
    keys = [
        msgspec.structs.replace(key, revoked_at=tick, by_recovery=True)
        if key.pub in revoked and key.revoked_at is None
        else key
        for key in account.keys
    ]
    until = after_wait(account, tick)
    if any(map(newly_ended, account.keys, keys)):
        keys = wait_anew(keys, tick, until)
    keys += [KeyState(key.pub, body.number, until) for key in body.keys]
    if sum(key.revoked_at is None for key in keys) > MAX_KEYS:
        return Rejection("too_many_keys", "keys")
    after = _with_event(account, statement, tick, copied)
    return msgspec.structs.replace(after, keys=keys, recovery=body.next, recovered=statement.digest)


def _after_fork(account: Account, forked_at: int, body: AccountRecover) -> Account | Rejection:
    """The recovery key names the branch that lives on (P9), up to the event before itself. Between what this
    log held of the branch and the recovery there may be events that a forked account could not take: only the
    digest of the last of them is known, from the recovery.
    """
    events, number = account.events, body.number
    if body.branch is not None and body.branch == account.other_branch:
        events = [*events[:forked_at], body.branch]
    elif body.branch != events[forked_at]:
        return Rejection("unknown_branch", "branch")
    if not forked_at < number <= len(account.events) + MAX_AHEAD:
        return Rejection("wrong_number", "number", {"expected": len(events)})
    if number > len(events):
        events = [*events, *[_ZERO] * (number - 1 - len(events)), body.prev]
    return msgspec.structs.replace(
        account, events=events[:number], forked_at=None, other_branch=None, settled=number
    )


def _in_chain(account: Account, number: int, prev: bytes) -> Rejection | None:
    if account.forked_at is not None:
        return Rejection("account_forked", "iss")
    if number != len(account.events):
        return Rejection("wrong_number", "number", {"expected": len(account.events)})
    if prev != account.events[-1]:
        return Rejection("wrong_previous", "prev")
    return None


def _quota(account: Account, tick: int, copied: bool, more: int = 0) -> Rejection | None:
    """The home log's: years of events may be copied in a minute."""
    limit = MAX_EVENTS_PER_YEAR + more
    if not copied and sum(time > tick - YEAR for time in account.times) >= limit:
        return Rejection("too_many_key_events", "number", {"limit": limit})
    return None


def _with_event(account: Account, statement: Statement, tick: int, copied: bool) -> Account:
    times = [time for time in account.times if time > tick - YEAR]
    if not copied:
        times.append(tick)
    return msgspec.structs.replace(account, events=[*account.events, statement.digest], times=times)


def _check_keys(
    view: View, account: str, keys: list[PublicKey], key_proofs: list[bytes], number: int, prev: bytes
) -> Rejection | None:
    """Every new key is a sound signing key, belongs to nobody yet and signs for itself (P8)."""
    if len(keys) != len(key_proofs):
        return Rejection("invalid_field", "proofs")
    for key, proof in zip(keys, key_proofs, strict=True):
        refused = _proved(key, proof, account, number, prev)
        if refused:
            return refused
        if owner(view, key.pub) is not None:
            return Rejection("key_taken", "keys")
    return None


def _proved(key: PublicKey, proof: bytes, account: str, number: int, prev: bytes) -> Rejection | None:
    try:
        check_public_key(key)
    except ProtocolError:
        return Rejection("invalid_key", "keys")
    if key.scope != "sign":
        return Rejection("invalid_key", "keys")
    if not signatures.verify(key.pub, documents.possession(key.pub, account, number, prev), proof):
        return Rejection("no_possession", "proofs")
    return None
