"""Revocations, which need no number, and the objection to a recovery (SPEC §6.3, P7, P10)."""

from __future__ import annotations

import msgspec

from protocol.contract import Changes, Context, Rejection, View, Write
from protocol.contracts.accounts.records import (
    OBJECTION_WAIT,
    Account,
    EarlyRevocation,
    after_wait,
    changes,
    is_recovery,
    may_object,
    owner,
    status,
    wait_anew,
    waits,
)
from protocol.contracts.accounts.statements import AccountObject, AccountRevoke
from protocol.documents import Statement

#: Revocations of keys this log has not met yet, of one account; as many more are the recovery key's.
MAX_EARLY = 32


def revoke(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: AccountRevoke = statement.body
    account = view.get("account", statement.iss, Account)
    if account is None:
        return Rejection("unknown_account", "iss")
    by_recovery = is_recovery(account, statement.kid)
    if status(account, statement.kid, context.tick) is not None and not by_recovery:
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
        keys = wait_anew(keys, context.tick, after_wait(account, context.tick))
    return changes(statement.iss, account, msgspec.structs.replace(account, keys=keys))


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


def met_early(account: Account) -> Account:
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


def objection(view: View, statement: Statement, context: Context) -> Changes | Rejection:
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
    if body.recovery != account.recovered or not any(waits(key, tick) for key in account.keys):
        return Rejection("nothing_waits", "recovery")
    if account.disputed_until is not None and account.disputed_until > tick:
        return Rejection("already_objected", "recovery")
    until = tick + OBJECTION_WAIT
    after = msgspec.structs.replace(account, keys=wait_anew(account.keys, tick, until), disputed_until=until)
    return Changes((Write("account", statement.iss, after),))


def _earlier(old: int | None, new: int | None) -> int | None:
    if old is None or new is None:
        return old if new is None else new
    return min(old, new)
