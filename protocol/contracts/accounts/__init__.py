"""Accounts and their key history (SPEC §6, P7–P11).

A home log takes numbered events directly; another log takes them inside `account.copy/1`, each with the proof
that the home log holds it, so that a replay of that log alone can check everything. `account.revoke/1` needs
no number, no proof and no particular carrier.
"""

from __future__ import annotations

from protocol.contract import Changes, Context, Deadline, Effect, Rejection, View
from protocol.contracts.accounts import copies, numbered, revocations
from protocol.contracts.accounts.numbered import MAX_KEYS, YEAR
from protocol.contracts.accounts.records import (
    OBJECTION_WAIT,
    RECOVERY_WAIT,
    STATE,
    Account,
    KeyState,
    changes,
    key_status,
    knows,
    may_object,
    owner,
)
from protocol.contracts.accounts.revocations import MAX_EARLY
from protocol.contracts.accounts.statements import TYPES
from protocol.documents import Statement

__all__ = [
    "DOMAIN",
    "MAX_EARLY",
    "MAX_KEYS",
    "OBJECTION_WAIT",
    "RECOVERY_WAIT",
    "STATE",
    "TYPES",
    "YEAR",
    "Account",
    "KeyState",
    "decide",
    "due",
    "key_status",
    "knows",
    "may_object",
    "owner",
    "react",
]

DOMAIN = "account"


def decide(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    if statement.sub != statement.iss:
        return Rejection("wrong_subject", "sub")
    if statement.type == "account.copy/1":
        return copies.copy(view, statement, context)
    if statement.type == "account.revoke/1":
        return revocations.revoke(view, statement, context)
    if statement.type == "account.object/1":
        return revocations.objection(view, statement, context)
    account = view.get("account", statement.iss, Account)
    outcome = numbered.numbered(view, account, statement, context.tick)
    if isinstance(outcome, Rejection):
        return outcome
    if outcome.home != context.cooperative and (account is None or account.home != context.cooperative):
        return Rejection("not_home", "home")
    return changes(statement.iss, account, outcome)


def due(view: View, deadline: Deadline, context: Context) -> Changes:
    raise KeyError(deadline.kind)


def react(view: View, effect: Effect, context: Context) -> Changes | Rejection:
    raise KeyError(effect.name)
