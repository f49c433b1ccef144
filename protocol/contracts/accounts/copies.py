"""Numbered events copied from the home log, each with its proof, and forks of a history (SPEC §6.4, P9)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from protocol import documents, encoding, proofs, signatures
from protocol.contract import Changes, Context, Payload, Rejection, View
from protocol.contracts.accounts.numbered import numbered
from protocol.contracts.accounts.records import Account, changes, ended, is_recovery, status
from protocol.contracts.accounts.revocations import met_early
from protocol.contracts.accounts.statements import (
    AccountCopy,
    AccountGenesis,
    AccountHome,
    AccountKey,
    AccountRecover,
    CopiedEvent,
)
from protocol.documents import Statement
from protocol.errors import ProtocolError, StatementError
from protocol.identifiers import identifier, origin, parse_origin
from protocol.notes import NoteKey, parse_note

MAX_COPIED_EVENTS = 32

_COPYABLE: Mapping[str, type[Payload]] = {
    "account.genesis/1": AccountGenesis,
    "account.key/1": AccountKey,
    "account.recover/1": AccountRecover,
    "account.home/1": AccountHome,
}


def copy(view: View, statement: Statement, context: Context) -> Changes | Rejection:
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
        account = met_early(outcome)
    if account is None or account is before:
        return Rejection("nothing_new", "events")
    # What another log has proved may come by anybody once the account is known here and forked.
    by_anybody = before is not None and account.forked_at is not None
    if not by_anybody and status(account, statement.kid, context.tick) not in (None, "key_waiting"):
        return Rejection("unknown_key", "kid")
    return changes(statement.iss, before, account)


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


def _take_copied(
    view: View, account: Account | None, event: Statement, home: str, tick: int
) -> Account | Rejection:
    number = getattr(event.body, "number", 0)
    if account is None:
        if isinstance(event.body, AccountGenesis) and event.body.genesis.home != home:
            return Rejection("not_home", "home")
        return numbered(view, None, event, tick, copied=True)
    if account.home != home:
        return Rejection("not_home", "home")
    if number < 0:
        return Rejection("wrong_number", "number", {"expected": len(account.events)})
    known = number < len(account.events)
    if number < account.settled or (known and account.events[number] == event.digest):
        return account
    if account.forked_at is not None and isinstance(event.body, AccountRecover):
        return numbered(view, account, event, tick, copied=True)
    if known:
        return _fork(account, number, event)
    return numbered(view, account, event, tick, copied=True)


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
    if is_recovery(account, event.kid):
        return True
    return isinstance(event.body, AccountKey) and any(
        key.pub == event.kid and key.number < number and not ended(key) for key in account.keys
    )
