"""What is signed in the domain `membership` (SPEC §8.3)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta

from protocol.acts import PERSON, Act, Count, Digest, Kid, Number, Proof, Seconds
from protocol.contract import DocumentType, Money, PrivateField

CODES: Final[Mapping[str, str]] = {
    "already_member": "The person is a member.",
    "amount_mismatch": "The amount is not the one in force, or not the one applied for.",
    "application_open": "The person has an application under way.",
    "chair_leaves": "The chair hands the office over before leaving.",
    "not_member": "The person is not a member.",
    "request_open": "The person has asked for this already and it is not decided.",
    "too_many_requests_open": "The person has as many petitions open as one may have.",
    "charter_outdated": "The application names another charter than the one in force.",
    "consent_missing": "The consent to process personal data for membership is not given.",
    "invitation_repeated": "The invitation's key has been used.",
    "exclusive_competence": "Law or charter leave admissions to the general meeting.",
    "invitation_used": "The invitation has been accepted or replaced by a later one.",
    "method_not_allowed": "The charter does not let members be identified this way.",
    "not_yours": "The document is another person's.",
    "currency_mismatch": "The amounts stand in different currencies.",
    "number_taken": "The member number belongs to somebody or is kept for a seat of the council.",
    "opening_in_future": "The opening balances stand for a day later than the statement.",
    "opening_missing": "Amounts carried over name no statement of opening balances.",
    "own_application": "Nobody attests to their own application.",
    "received_in_future": "The payment is dated later than the attestation.",
    "since_in_future": "The membership begins later than the enrolment.",
    "too_soon": "An application was refused and the time to wait has not passed.",
    "unknown_application": "No application has this digest.",
    "unknown_opening": "No statement of opening balances has this digest.",
    "unknown_enrolment": "No enrolment has this digest.",
    "wrong_status": "The application is not at the stage this act belongs to.",
}

Person: TypeAlias = Literal["person", "entrepreneur", "organisation"]


class MembershipApply(Act, frozen=True):
    person: Person
    charter: Digest
    entrance: Money
    share: Money


class MembershipWithdraw(Act, frozen=True):
    re: tuple[Digest]


class MembershipIdentify(Act, frozen=True):
    re: tuple[Digest]
    method: Literal["in_person", "video", "qualified_signature", "notary"]
    level: Literal[1, 2]


class MembershipComplete(Act, frozen=True):
    re: tuple[Digest]


class MembershipIncomplete(Act, frozen=True):
    re: tuple[Digest]


class MembershipPayment(Act, frozen=True):
    re: tuple[Digest]
    entrance: Money
    share: Money
    received_at: Seconds


class MembershipPetition(Act, frozen=True):
    re: Annotated[tuple[Digest, ...], Meta(max_length=16)] = ()


class MembershipLeave(Act, frozen=True):
    pass


def _not_less_than_nothing(*amounts: Money | None) -> None:
    """Raises ValueError, which decoding makes a refusal of the field."""
    if any(money is not None and money.amount < 0 for money in amounts):
        raise ValueError("an amount is less than nothing")


class MembershipOpening(Act, frozen=True):
    """What members had paid by a day, in all, before the cooperative's own ledger begins."""

    as_of: Seconds
    members: Count
    entrance: Money
    share: Money

    def __post_init__(self) -> None:
        _not_less_than_nothing(self.entrance, self.share)


class MembershipEnrol(Act, frozen=True, kw_only=True):
    """`entrance` and `share` are what this member had paid by the day of `opening`."""

    number: Number
    since: Seconds
    person: Person
    invitation: Kid
    entrance: Money | None = None
    share: Money | None = None
    opening: Digest | None = None

    def __post_init__(self) -> None:
        _not_less_than_nothing(self.entrance, self.share)


class MembershipVoid(Act, frozen=True):
    re: tuple[Digest]


class MembershipAccept(Act, frozen=True):
    re: tuple[Digest]
    proof: Proof


_REGISTRAR = ("self", "secretary", "chair")
_OFFICERS = ("self", "secretary", "chair", "council")

TYPES = (
    DocumentType(
        "membership.apply/1",
        MembershipApply,
        private=(
            *PERSON,
            PrivateField("document", _REGISTRAR, required=False),
            PrivateField("inn", (*_REGISTRAR, "accountant"), required=False, format="digits"),
            PrivateField("ogrn", (*_REGISTRAR, "accountant"), required=False, format="digits"),
        ),
        number=100,
    ),
    DocumentType("membership.withdraw/1", MembershipWithdraw),
    DocumentType(
        "membership.identify/1",
        MembershipIdentify,
        private=(PrivateField("details", _REGISTRAR, required=False, format="multiline"),),
    ),
    DocumentType("membership.complete/1", MembershipComplete),
    DocumentType(
        "membership.incomplete/1",
        MembershipIncomplete,
        private=(PrivateField("reason", _OFFICERS, format="multiline"),),
    ),
    DocumentType(
        "membership.payment/1",
        MembershipPayment,
        private=(PrivateField("reference", ("self", "accountant", "chair"), required=False),),
    ),
    DocumentType(
        "membership.opening/1",
        MembershipOpening,
        private=(
            PrivateField("title", (*_OFFICERS, "accountant", "member")),
            PrivateField("scan", (*_OFFICERS, "accountant"), required=False, format="file"),
        ),
    ),
    DocumentType(
        "membership.enrol/1",
        MembershipEnrol,
        private=(PrivateField("name", (*_OFFICERS, "accountant", "member")),),
    ),
    DocumentType(
        "membership.void/1",
        MembershipVoid,
        private=(PrivateField("reason", (*_OFFICERS, "accountant"), format="multiline"),),
    ),
    DocumentType("membership.accept/1", MembershipAccept, private=PERSON),
    DocumentType(
        "membership.petition/1",
        MembershipPetition,
        private=(PrivateField("title", _OFFICERS), PrivateField("text", _OFFICERS, format="multiline")),
    ),
    DocumentType(
        "membership.leave/1",
        MembershipLeave,
        private=(
            PrivateField("reason", _OFFICERS, required=False, format="multiline"),
            PrivateField("payout", (*_REGISTRAR, "accountant"), required=False, format="multiline"),
        ),
        number=200,
    ),
)
