"""What the acts of persons have in common: formats of fields, personal data and who reads it,
invitations (SPEC §6.2, §8).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta

from protocol import documents, signatures
from protocol.contract import Changes, Context, Payload, PrivateField, Rejection, View
from protocol.documents import Statement

Digest: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]
Kid: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]
Proof: TypeAlias = Annotated[bytes, Meta(min_length=64, max_length=64)]
Identifier: TypeAlias = Annotated[str, Meta(pattern=r"\A[a-z2-7]{52}\Z")]
#: Deadlines are ordered as text of twelve digits; up to here a term may be added.
Seconds: TypeAlias = Annotated[int, Meta(ge=0, lt=10**11)]
Number: TypeAlias = Annotated[int, Meta(ge=1, lt=2**31)]
Count: TypeAlias = Annotated[int, Meta(ge=0, lt=2**31)]
Sequence: TypeAlias = Annotated[int, Meta(ge=0, lt=2**31)]
#: Names in keys of the state: nothing that could be taken for a separator.
Word: TypeAlias = Annotated[str, Meta(pattern=r"\A[a-z][a-z0-9_.-]{0,63}\Z")]
Date: TypeAlias = Annotated[str, Meta(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]

DAY: Final = 86_400


class Act(Payload, frozen=True, kw_only=True):
    """Payload of an act of a person. `pack` names the methodology pack it was written under (SPEC §4.3)."""

    pack: Digest | None = None


class Basis(Payload, frozen=True):
    """The decision on paper an appointment rests on."""

    organ: Literal["founding_meeting", "general_meeting", "council"]
    number: Annotated[str, Meta(max_length=64)] | None = None
    date: Date | None = None
    minutes: Digest | None = None


_REGISTRAR = ("self", "secretary", "chair")

#: Personal data of whoever joins by invitation. The name is what the others in the cooperative meet them by.
PERSON: Final = (
    PrivateField("name", (*_REGISTRAR, "accountant", "council", "member")),
    PrivateField("birth_date", _REGISTRAR, format="date"),
    PrivateField("address", _REGISTRAR, format="multiline"),
    PrivateField("phone", _REGISTRAR, format="phone"),
    PrivateField("email", _REGISTRAR, format="email"),
)

Handler: TypeAlias = Callable[[View, Statement, Context], Changes | Rejection]

#: Refusals any contract of this package may give; each contract lists its own.
CODES: Final[Mapping[str, str]] = {
    "agreement_missing": "A text that has to be signed first is not signed in its current edition.",
    "no_possession": "The proof is not a signature of the invitation's key over this account and invitation.",
    "not_allowed": "The act needs an office or a right the signer does not hold.",
    "pack_outdated": "The act was written under another methodology pack than the one in force.",
    "seen_too_old": "The tree the signer had verified is older than the matter.",
    "wrong_subject": "`sub` is not the identifier of what the act is about.",
}


def decide(
    handlers: Mapping[str, Handler], view: View, statement: Statement, context: Context
) -> Changes | Rejection:
    """The checks every act shares, then its own."""
    body: Act = statement.body
    if body.pack is not None and body.pack != context.facts.pack_digest():
        return Rejection("pack_outdated", "pack")
    return handlers[statement.type](view, statement, context)


def about(statement: Statement, subject: str) -> Rejection | None:
    """`sub` says what a statement is about, so that people and indexes need not open it; it must not lie."""
    return None if statement.sub == subject else Rejection("wrong_subject", "sub", {"expected": subject})


def saw(statement: Statement, index: int) -> Rejection | None:
    """The signer's device had verified a tree that holds entry `index` (P3): an old `seen` would say
    nothing."""
    if statement.seen is None or statement.seen.size <= index:
        return Rejection("seen_too_old", "seen", {"needed": index + 1})
    return None


def holds_invitation(kid: bytes, account: str, inviting: bytes, proof: bytes) -> bool:
    """The invitation's key signed for this account and this inviting statement (P8): it cannot be moved
    to another.
    """
    return signatures.verify(kid, documents.possession(kid, account, 0, inviting), proof)


def unsigned(context: Context, account: str) -> Rejection | None:
    """The first of the pack's agreements, among them the one on electronic signatures, that the person
    has not signed.
    """
    for kind in context.facts.required_agreements():
        if not context.facts.has_signed(account, kind):
            return Rejection("agreement_missing", None, {"kind": kind})
    return None


def lacks_office(context: Context, account: str, *offices: str) -> Rejection | None:
    """Facts name one office that would do; None when the account holds one of them."""
    if context.facts.roles(account).isdisjoint(offices):
        return Rejection("not_allowed", "iss", {"role": offices[0] if offices else "chair"})
    return None
