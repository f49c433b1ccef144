"""Accounts and their key history (SPEC §6, P7–P11).

A home log takes numbered events directly; another log takes them inside `account.copy/1`, each with the proof
that the home log holds it,
so that a replay of that log alone can check everything. `account.revoke/1` needs no number, no proof and no
particular carrier.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from protocol import documents, encoding, proofs, signatures
from protocol.contract import (
    Changes,
    Context,
    Deadline,
    DocumentType,
    Effect,
    Payload,
    Record,
    Rejection,
    View,
    Write,
)
from protocol.documents import Statement
from protocol.effects import AccountRevoked
from protocol.errors import ProtocolError, StatementError
from protocol.identifiers import identifier, origin, parse_identifier, parse_origin
from protocol.keys import PublicKey, check_public_key, recovery_commitment
from protocol.notes import NoteKey, parse_note

DOMAIN = "account"

MAX_EVENTS_PER_YEAR = 32
#: Beyond them, so that a thief's events cannot use up the owner's year.
RECOVERIES_PER_YEAR = 8
MAX_KEYS = 16
#: How many numbers a recovery may lie beyond what a log knew when the history forked.
MAX_AHEAD = 1000
MAX_COPIED_EVENTS = 32
YEAR = 365 * 86_400
#: Keys brought by the recovery key wait this long, so that a stolen sheet of paper is noticed first (P7).
RECOVERY_WAIT = 72 * 3600
#: And this long from an objection on, so that people who know the person can decide (P7).
OBJECTION_WAIT = 30 * 86_400
#: Revocations of keys this log has not met yet, of one account; as many more are the recovery key's.
MAX_EARLY = 32
_ZERO = bytes(32)


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

TYPES = (
    DocumentType("account.genesis/1", AccountGenesis, log="any", founding=True),
    DocumentType("account.key/1", AccountKey, log="home", founding=True),
    DocumentType("account.recover/1", AccountRecover, log="home", founding=True),
    DocumentType("account.home/1", AccountHome, log="home", founding=True),
    DocumentType("account.revoke/1", AccountRevoke, log="any", founding=True),
    DocumentType("account.object/1", AccountObject, log="any", founding=True),
    DocumentType("account.copy/1", AccountCopy, log="any", founding=True),
)


# --- what others may ask ------------------------------------------------------------------------------------
# ---------------------------


def knows(view: View, account: str) -> bool:
    return view.get("account", account, Account) is not None


def key_status(view: View, account: str, kid: bytes, tick: int) -> str | None:
    """None when the key may sign for the account at `tick`; otherwise the refusal code (SPEC §6.3)."""
    found = view.get("account", account, Account)
    if found is None:
        return "unknown_account"
    return _status(found, kid, tick)


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


def _status(account: Account, kid: bytes, tick: int) -> str | None:
    for key in account.keys:
        if key.pub == kid:
            if key.revoked_at is not None or key.stopped:
                return "key_revoked"
            return "key_waiting" if key.active_from > tick else None
    return "unknown_key"


# --- deciding -----------------------------------------------------------------------------------------------
# ---------------------------


def decide(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    if statement.sub != statement.iss:
        return Rejection("wrong_subject", "sub")
    if statement.type == "account.copy/1":
        return _copy(view, statement, context)
    if statement.type == "account.revoke/1":
        return _revoke(view, statement, context)
    if statement.type == "account.object/1":
        return _object(view, statement, context)
    account = view.get("account", statement.iss, Account)
    outcome = _numbered(view, account, statement, context.tick)
    if isinstance(outcome, Rejection):
        return outcome
    if outcome.home != context.cooperative and (account is None or account.home != context.cooperative):
        return Rejection("not_home", "home")
    return _changes(statement.iss, account, outcome)


def due(view: View, deadline: Deadline, context: Context) -> Changes:
    raise KeyError(deadline.kind)


def react(view: View, effect: Effect, context: Context) -> Changes | Rejection:
    raise KeyError(effect.name)


def _changes(id: str, before: Account | None, after: Account) -> Changes:
    """The account, the owners of its new keys, and word of every key that no longer signs (P10)."""
    known = {key.pub: key for key in before.keys} if before else {}
    owners = [Write("key", key.pub.hex(), KeyOwner(id)) for key in after.keys if key.pub not in known]
    ended = [
        Effect("account.revoked", AccountRevoked(id, key.pub, key.suspected_from))
        for key in after.keys
        if key.pub in known and _newly_ended(known[key.pub], key)
    ]
    return Changes((Write("account", id, after), *owners), tuple(ended))


def _ended(key: KeyState) -> bool:
    return key.revoked_at is not None or key.stopped


def _newly_ended(before: KeyState, after: KeyState) -> bool:
    """It stops signing now, or more of what it signed is called into question."""
    return _ended(after) and (not _ended(before) or after.suspected_from != before.suspected_from)


def _numbered(
    view: View, account: Account | None, statement: Statement, tick: int, *, copied: bool = False
) -> Account | Rejection:
    """The account after one numbered event, or why not. Fork handling belongs to `_copy`."""
    body = statement.body
    if isinstance(body, AccountGenesis):
        return _genesis(view, account, statement, body, tick)
    if account is None:
        return Rejection("unknown_account", "iss")
    if isinstance(body, AccountRecover):
        return _recover(view, account, statement, body, tick, copied)
    if isinstance(body, AccountHome):
        return _move(account, statement, body, tick, copied)
    refusal = _status(account, statement.kid, tick)
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
    if not _is_recovery(account, statement.kid):
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
        if key.pub == body.key.pub and _waits(key, tick):
            if late:
                return account
            sooner = msgspec.structs.replace(key, active_from=tick)
            keys = [*account.keys[:place], sooner, *account.keys[place + 1 :]]
            return msgspec.structs.replace(account, keys=keys)
    refused = _check_keys(view, statement.iss, [body.key], [body.proof], body.number, body.prev)
    if refused:
        return refused
    active_from = _after_wait(account, tick) if late else tick
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
    until = _after_wait(account, tick)
    if any(map(_newly_ended, account.keys, keys)):
        keys = _wait_anew(keys, tick, until)
    keys += [KeyState(key.pub, body.number, until) for key in body.keys]
    if sum(key.revoked_at is None for key in keys) > MAX_KEYS:
        return Rejection("too_many_keys", "keys")
    after = _with_event(account, statement, tick, copied)
    return msgspec.structs.replace(after, keys=keys, recovery=body.next, recovered=statement.digest)


def _waits(key: KeyState, tick: int) -> bool:
    return not _ended(key) and key.active_from > tick


def _after_wait(account: Account, tick: int) -> int:
    """When a key works that comes without the word of a key in force."""
    return max(tick + RECOVERY_WAIT, account.disputed_until or 0)


def _wait_anew(keys: list[KeyState], tick: int, until: int) -> list[KeyState]:
    return [
        msgspec.structs.replace(key, active_from=max(key.active_from, until)) if _waits(key, tick) else key
        for key in keys
    ]


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


def _revoke(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: AccountRevoke = statement.body
    account = view.get("account", statement.iss, Account)
    if account is None:
        return Rejection("unknown_account", "iss")
    by_recovery = _is_recovery(account, statement.kid)
    if _status(account, statement.kid, context.tick) is not None and not by_recovery:
        return Rejection("unknown_key", "kid")
    if body.suspected_from is not None and body.suspected_from > context.tick:
        return Rejection("invalid_field", "suspected_from")
    place = next((place for place, key in enumerate(account.keys) if key.pub == body.key), None)
    if place is None:
        return _revoke_early(view, account, statement, context, by_recovery)
    key = account.keys[place]
    # Grow-only: a second revocation may only bring the suspicion forward in time.
    suspected = _earlier(key.suspected_from, body.suspected_from)
    if key.revoked_at is not None and suspected == key.suspected_from:
        return Rejection("key_revoked", "key")
    if key.revoked_at is not None:
        revoked = msgspec.structs.replace(key, suspected_from=suspected)
    else:
        revoked = msgspec.structs.replace(
            key, revoked_at=context.tick, suspected_from=suspected, by_recovery=by_recovery
        )
    keys = [*account.keys[:place], revoked, *account.keys[place + 1 :]]
    if by_recovery and key.revoked_at is None:
        # Else a thief would silence the last key in the last minute of the wait.
        keys = _wait_anew(keys, context.tick, _after_wait(account, context.tick))
    return _changes(statement.iss, account, msgspec.structs.replace(account, keys=keys))


def _revoke_early(
    view: View, account: Account, statement: Statement, context: Context, by_recovery: bool
) -> Changes | Rejection:
    """The revocation was faster than the copy that brings the key (P10). At home none is on its way."""
    body: AccountRevoke = statement.body
    if account.home == context.cooperative or len(body.key) != 32 or owner(view, body.key) is not None:
        return Rejection("unknown_key", "key")
    if any(each.pub == body.key for each in account.early):
        return Rejection("key_revoked", "key")
    if len(account.early) >= MAX_EARLY * (2 if by_recovery else 1):
        return Rejection("too_many_keys", "key")
    early = EarlyRevocation(body.key, context.tick, body.suspected_from, by_recovery)
    after = msgspec.structs.replace(account, early=(*account.early, early))
    return Changes((Write("account", statement.iss, after),))


def _met_early(account: Account) -> Account:
    """Keys that come are revoked when their revocation came first."""
    early = {each.pub: each for each in account.early}
    if early.keys().isdisjoint(key.pub for key in account.keys):
        return account
    keys = [
        msgspec.structs.replace(
            key,
            revoked_at=known.revoked_at,
            suspected_from=known.suspected_from,
            by_recovery=known.by_recovery,
        )
        if (known := early.pop(key.pub, None))
        else key
        for key in account.keys
    ]
    return msgspec.structs.replace(account, keys=keys, early=tuple(early.values()))


def _object(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """A key the person had says that the recovery is not theirs. It stops nothing for ever: who lost a device
    must be able to recover against the finder's word (P7)."""
    body: AccountObject = statement.body
    account = view.get("account", statement.iss, Account)
    if account is None:
        return Rejection("unknown_account", "iss")
    tick = context.tick
    key = next((key for key in account.keys if key.pub == statement.kid), None)
    refused = may_object(key, tick) if key else "unknown_key"
    if refused:
        return Rejection(refused, "kid")
    if body.recovery != account.recovered or not any(_waits(key, tick) for key in account.keys):
        return Rejection("nothing_waits", "recovery")
    if account.disputed_until is not None and account.disputed_until > tick:
        return Rejection("already_objected", "recovery")
    until = tick + OBJECTION_WAIT
    after = msgspec.structs.replace(account, keys=_wait_anew(account.keys, tick, until), disputed_until=until)
    return Changes((Write("account", statement.iss, after),))


def _is_recovery(account: Account, kid: bytes) -> bool:
    return recovery_commitment(PublicKey(documents.ED25519, kid, "recovery")) == account.recovery


def _earlier(old: int | None, new: int | None) -> int | None:
    if old is None or new is None:
        return old if new is None else new
    return min(old, new)


# --- copies from the home log (P9)
# -----------------------------------------------------------------------------------------------------

Typed = Callable[[Statement], Statement]


def _copy(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """Numbered events of another log, each with its tlog-proof; the carrier's key must be good afterwards."""
    body: AccountCopy = statement.body
    if not 1 <= len(body.events) <= MAX_COPIED_EVENTS:
        return Rejection("invalid_field", "events")
    try:
        home, log_key = _home_log(body.home)
        events = [_proved_event(event, home, log_key) for event in body.events]
    except ProtocolError:
        return Rejection("bad_proof", "events")
    if any(event.iss != statement.iss for event in events):
        return Rejection("wrong_subject", "events")
    before = view.get("account", statement.iss, Account)
    account = before
    for event in events:
        outcome = _take_copied(view, account, event, home, context.tick)
        if isinstance(outcome, Rejection):
            return outcome
        account = _met_early(outcome)
    if account is None or account is before:
        return Rejection("nothing_new", "events")
    # What another log has proved may come by anybody once the account is known here and forked.
    by_anybody = before is not None and account.forked_at is not None
    if not by_anybody and _status(account, statement.kid, context.tick) not in (None, "key_waiting"):
        return Rejection("unknown_key", "kid")
    return _changes(statement.iss, before, account)


def _home_log(genesis: bytes) -> tuple[str, bytes]:
    """(cooperative id, log key) of an encoded cooperative genesis map."""
    value: Any = encoding.decode(genesis)
    if (
        not isinstance(value, dict)
        or not isinstance(value.get("log_key"), dict)
        or not isinstance(value["log_key"].get("pub"), bytes)
    ):
        raise StatementError("bad_proof", "home")
    return identifier(hashlib.sha256(genesis).digest()), value["log_key"]["pub"]


def _proved_event(event: CopiedEvent, home: str, log_key: bytes) -> Statement:
    proof = proofs.parse(event.proof)
    cooperative, generation = parse_origin(parse_note(proof.checkpoint_note)[0].partition("\n")[0])
    if cooperative != home:
        raise StatementError("bad_proof", "origin")
    proofs.verify(event.statement, proof, NoteKey(origin(cooperative, generation), log_key))
    copied = documents.parse(event.statement)
    if copied.type not in _COPYABLE or not signatures.verify(
        copied.kid, copied.sig_structure, copied.signature
    ):
        raise StatementError("bad_proof", "statement")
    if copied.sub != copied.iss or copied.aud != copied.iss or copied.on_behalf is not None:
        raise StatementError("bad_proof", "statement")
    try:
        fields = {name: value for name, value in copied.payload.items() if name != "type"}
        body = msgspec.convert(fields, _COPYABLE[copied.type], strict=True, builtin_types=(bytes,))
        return copied.with_body(body)
    except msgspec.ValidationError as error:
        raise StatementError("invalid_field") from error


_COPYABLE: Mapping[str, type[Payload]] = {
    "account.genesis/1": AccountGenesis,
    "account.key/1": AccountKey,
    "account.recover/1": AccountRecover,
    "account.home/1": AccountHome,
}


def _take_copied(
    view: View, account: Account | None, event: Statement, home: str, tick: int
) -> Account | Rejection:
    number = getattr(event.body, "number", 0)
    if account is None:
        if isinstance(event.body, AccountGenesis) and event.body.genesis.home != home:
            return Rejection("not_home", "home")
        return _numbered(view, None, event, tick, copied=True)
    if account.home != home:
        return Rejection("not_home", "home")
    if number < 0:
        return Rejection("wrong_number", "number", {"expected": len(account.events)})
    known = number < len(account.events)
    if number < account.settled or (known and account.events[number] == event.digest):
        return account
    if account.forked_at is not None and isinstance(event.body, AccountRecover):
        return _numbered(view, account, event, tick, copied=True)
    if known:
        return _fork(account, number, event)
    return _numbered(view, account, event, tick, copied=True)


def _fork(account: Account, number: int, event: Statement) -> Account | Rejection:
    """Two histories from one number: keys of one branch only stop, common keys keep working (P9)."""
    if number == 0 or (account.forked_at is not None and account.forked_at <= number):
        return Rejection("account_forked", "events")
    if getattr(event.body, "prev", None) != account.events[number - 1]:
        return Rejection("wrong_previous", "events")
    if not _could_sign(account, number, event):
        return Rejection("unknown_key", "events")
    keys = [
        msgspec.structs.replace(key, stopped=True) if key.number >= number else key for key in account.keys
    ]
    return msgspec.structs.replace(account, keys=keys, forked_at=number, other_branch=event.digest)


def _could_sign(account: Account, number: int, event: Statement) -> bool:
    """The branch is the person's own: begun by a key both have, which is good here, or by the recovery key.
    A home log can prove that it holds an event, not that the person made it.
    """
    if _is_recovery(account, event.kid):
        return True
    return isinstance(event.body, AccountKey) and any(
        key.pub == event.kid and key.number < number and not _ended(key) for key in account.keys
    )
