"""What the domain `membership` keeps: the register, applications, enrolments, and questions about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, TypeAlias

from protocol.contract import Money, Record, RecordCase, View, Write
from protocol.contracts.membership.statements import Person
from protocol.documents import Statement
from protocol.identifiers import identifier

Status: TypeAlias = Literal[
    "applied",
    "identified",
    "complete",
    "admitted",
    "member",
    "refused",
    "withdrawn",
    "lapsed",
    "undecided",
    "incomplete",
]

_CURRENT = "current"


class Register(Record, frozen=True):
    """`largest` number given or kept, and how many members there are."""

    largest: int = 0
    members: int = 0


class Application(Record, frozen=True):
    applicant: str
    person: Person
    index: int
    apply: bytes
    entrance: Money
    share: Money
    decide_by: int
    status: Status = "applied"
    level: int | None = None
    identified_by: str | None = None
    #: the council's matter while it has one, and the last one after
    matter: str | None = None
    #: document digest of the council's approval: the reason of a refusal stands in it
    decision: bytes | None = None
    pay_by: int | None = None
    #: when it came to nothing
    ended_at: int | None = None


class Applicant(Record, frozen=True):
    """By account: the application that is under way."""

    application: str


class Refusal(Record, frozen=True):
    """By account: when the last application was refused."""

    at: int


class Member(Record, frozen=True):
    number: int
    since: int
    person: Person
    index: int
    #: document digest of payment, acceptance, or what seated the person
    basis: bytes
    #: paid before the cooperative's own ledger begins, and the statement of opening balances that says so
    opening_entrance: Money | None = None
    opening_share: Money | None = None
    opening: bytes | None = None


class Former(Record, frozen=True):
    """By account: the last membership that ended. `basis` is the digest of what ended it."""

    number: int
    since: int
    person: Person
    until: int
    basis: bytes


class Request(Record, frozen=True):
    """What a member asks of the council; by identifier of its digest, which is the matter's id too."""

    kind: str
    account: str
    index: int
    digest: bytes
    asked_at: int
    decide_by: int
    status: Literal["open", "adopted", "rejected", "undecided", "withdrawn"] = "open"
    #: document digest of the council's approval
    decision: bytes | None = None
    ended_at: int | None = None


class Asking(Record, frozen=True):
    """By account: what the person has under way."""

    petitions: int = 0
    exit: str | None = None


class Place(Record, frozen=True):
    """By number: whose it is or was, or the enrolment it waits for; neither while it is kept for a seat of
    the council. A number is given once.
    """

    account: str | None = None
    enrolment: str | None = None
    #: the membership has ended
    former: bool = False


class Opening(Record, frozen=True):
    """By identifier: what members had paid by a day, in all."""

    digest: bytes
    as_of: int
    members: int
    entrance: Money
    share: Money


class Enrolment(Record, frozen=True):
    digest: bytes
    number: int
    since: int
    person: Person
    invitation: bytes
    #: the enrolment of the same number whose lost invitation this one replaced
    replaces: str | None = None
    voided_at: int | None = None
    entrance: Money | None = None
    share: Money | None = None
    opening: bytes | None = None


class Filed(Record, frozen=True):
    """By identifier of a document with a private record: the application or enrolment it is about."""

    case: str


class Used(Record, frozen=True):
    """By kid in hexadecimal: an invitation key serves once."""

    number: int


STATE: Mapping[str, type[Record]] = {
    "register": Register,
    "application": Application,
    "applicant": Applicant,
    "refusal": Refusal,
    "request": Request,
    "asking": Asking,
    "former": Former,
    "member": Member,
    "number": Place,
    "opening": Opening,
    "enrolment": Enrolment,
    "filed": Filed,
    "used": Used,
}


# --- questions ------------------------------------------------------------------------------------


def is_member(view: View, account: str) -> bool:
    return view.get("member", account, Member) is not None


def register(view: View) -> Register:
    return view.get("register", _CURRENT, Register) or Register()


def record_case(view: View, document: bytes) -> RecordCase | None:
    """What a document's private record is about; None for documents of members and of other domains."""
    id = identifier(document)
    filed = view.get("filed", id, Filed)
    id = filed.case if filed else id
    application = view.get("application", id, Application)
    if application is not None:
        return RecordCase("application", application.ended_at, application.applicant)
    enrolment = view.get("enrolment", id, Enrolment)
    return RecordCase("enrolment", enrolment.voided_at) if enrolment else None


# --- writes ---------------------------------------------------------------------------------------


def registered(found: Register) -> Write:
    return Write("register", _CURRENT, found)


def filed(statement: Statement, case: str) -> Write:
    """The statement's private record is about this application or enrolment."""
    return Write("filed", identifier(statement.digest), Filed(case))


def key(number: int) -> str:
    """Of a member's number: ascending keys are ascending numbers."""
    return f"{number:010d}"
