"""Joining: an application's way to membership, and the members a cooperative had before
(SPEC §8.3, R80, R81).

    from                            by                                      to
    ──────────────────────────────────────────────────────────────────────────────────────
    (none)                          membership.apply                        applied
    applied                         membership.identify                     identified
    identified                      membership.complete                     complete (in the council)
    complete                        council.decided: adopted                admitted
    complete                        council.decided: rejected               refused
    complete                        council.decided: expired or lapsed      identified
    admitted                        membership.payment                      member
    admitted                        member.pay_days passed                  lapsed
    applied, identified             membership.incomplete                   incomplete
    applied, identified, complete   member.decide_days passed               undecided
    all of these, and admitted      membership.withdraw                     withdrawn

One application per account lives at a time; when it has ended without membership the account may apply
again. Nobody attests to their own application.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

from msgspec.structs import replace

from protocol import acts
from protocol.acts import DAY, PERSON, Act, Digest, Kid, Number, Proof, Seconds
from protocol.contract import (
    Changes,
    Context,
    Deadline,
    DocumentType,
    Effect,
    Money,
    PrivateField,
    Record,
    RecordCase,
    Rejection,
    View,
    Write,
)
from protocol.documents import Statement
from protocol.effects import (
    CouncilAppointed,
    CouncilDecided,
    CouncilSeated,
    FoundingConstituted,
    MembershipClosed,
    MembershipCompleted,
    MembershipJoined,
)
from protocol.identifiers import identifier

DOMAIN = "membership"

CODES: Final[Mapping[str, str]] = {
    "already_member": "The person is a member.",
    "amount_mismatch": "The amount is not the one in force, or not the one applied for.",
    "application_open": "The person has an application under way.",
    "charter_outdated": "The application names another charter than the one in force.",
    "consent_missing": "The consent to process personal data for membership is not given.",
    "invitation_repeated": "The invitation's key has been used.",
    "exclusive_competence": "Law or charter leave admissions to the general meeting.",
    "invitation_used": "The invitation has been accepted or replaced by a later one.",
    "method_not_allowed": "The charter does not let members be identified this way.",
    "not_yours": "The document is another person's.",
    "number_taken": "The member number belongs to somebody or is kept for a seat of the council.",
    "own_application": "Nobody attests to their own application.",
    "received_in_future": "The payment is dated later than the attestation.",
    "since_in_future": "The membership begins later than the enrolment.",
    "too_soon": "An application was refused and the time to wait has not passed.",
    "unknown_application": "No application has this digest.",
    "unknown_enrolment": "No enrolment has this digest.",
    "wrong_status": "The application is not at the stage this act belongs to.",
}

Person: TypeAlias = Literal["person", "entrepreneur", "organisation"]
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

_UNDER_WAY: Final = frozenset(("applied", "identified", "complete", "admitted"))
CONSENT: Final = "membership"
_CURRENT: Final = "current"


# --- documents ------------------------------------------------------------------------------------


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


class MembershipEnrol(Act, frozen=True):
    number: Number
    since: Seconds
    person: Person
    invitation: Kid


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
)


# --- state ----------------------------------------------------------------------------------------


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


class Place(Record, frozen=True):
    """By number: whose it is, or the enrolment it waits for; neither while it is kept for a seat of the
    council.
    """

    account: str | None = None
    enrolment: str | None = None


class Enrolment(Record, frozen=True):
    digest: bytes
    number: int
    since: int
    person: Person
    invitation: bytes
    #: the enrolment of the same number whose lost invitation this one replaced
    replaces: str | None = None
    voided_at: int | None = None


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
    "member": Member,
    "number": Place,
    "enrolment": Enrolment,
    "filed": Filed,
    "used": Used,
}


# --- what others may ask --------------------------------------------------------------------------


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


# --- deciding -------------------------------------------------------------------------------------


def decide(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    return acts.decide(_HANDLERS, view, statement, context)


def due(view: View, deadline: Deadline, context: Context) -> Changes:
    """No decision in time, or no payment."""
    application = view.need("application", deadline.id, Application)
    if application.status not in _UNDER_WAY or _pending(application) != deadline.time:
        return Changes()
    if application.status == "admitted":
        return _closed(deadline.id, application, "lapsed", context)
    return _closed(deadline.id, application, "undecided", context)


def react(view: View, effect: Effect, context: Context) -> Changes | Rejection:
    data = effect.data
    if isinstance(data, CouncilDecided):
        return _decided(view, data, context)
    if isinstance(data, CouncilSeated):
        return _seated(view, data, context)
    if isinstance(data, CouncilAppointed):
        return _kept(view, data)
    assert isinstance(data, FoundingConstituted)
    return _founded(view, data, context)


# --- an application -------------------------------------------------------------------------------


def _apply(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: MembershipApply = statement.body
    account, facts = statement.iss, context.facts
    if refused := acts.about(statement, account):
        return refused
    if is_member(view, account):
        return Rejection("already_member", "iss")
    if view.get("applicant", account, Applicant) is not None:
        return Rejection("application_open", "iss")
    before = view.get("refusal", account, Refusal)
    again = before.at + facts.parameter("member.reapply_days") * DAY if before else 0
    if context.tick < again:
        return Rejection("too_soon", "iss", {"from": again})
    if body.charter != facts.charter_digest():
        return Rejection("charter_outdated", "charter")
    if refused := acts.unsigned(context, account):
        return refused
    if not facts.has_consent(account, CONSENT):
        return Rejection("consent_missing", None, {"purpose": CONSENT})
    for name, offered in (("entrance", body.entrance), ("share", body.share)):
        expected = Money(facts.parameter(f"fees.{name}.{body.person}"), facts.parameter("fees.currency"))
        if offered != expected:
            return _amount(name, expected)
    id = identifier(statement.digest)
    application = Application(
        applicant=account,
        person=body.person,
        index=context.index,
        apply=statement.digest,
        entrance=body.entrance,
        share=body.share,
        decide_by=context.tick + facts.parameter("member.decide_days") * DAY,
    )
    writes = [Write("application", id, application), Write("applicant", account, Applicant(id))]
    if before:
        writes.append(Write("refusal", account, None))
    return Changes(tuple(writes), set_deadlines=(_deadline(id, application),))


def _amount(name: str, expected: Money) -> Rejection:
    return Rejection("amount_mismatch", name, {"amount": expected.amount, "currency": expected.currency})


def _withdraw(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: MembershipWithdraw = statement.body
    found = _under_way(view, statement, body.re[0], "applied", "identified", "complete", "admitted")
    if isinstance(found, Rejection):
        return found
    id, application = found
    if statement.iss != application.applicant:
        return Rejection("not_yours", "re")
    return _closed(id, application, "withdrawn", context, cleared=True)


def _identify(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: MembershipIdentify = statement.body
    offices = tuple(context.facts.parameter("member.identify_roles"))
    found = _attested(view, statement, context, body.re[0], offices, "applied")
    if isinstance(found, Rejection):
        return found
    if body.method not in context.facts.parameter("member.identify_methods"):
        return Rejection("method_not_allowed", "method")
    id, application = found
    identified = replace(application, status="identified", level=body.level, identified_by=statement.iss)
    return Changes((Write("application", id, identified), _filed(statement, id)))


def _complete(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """On to the council (R80)."""
    body: MembershipComplete = statement.body
    if "admission" in context.facts.reserved_matters():
        return Rejection("exclusive_competence", "type", {"matter": "admission", "way": "agenda"})
    found = _attested(view, statement, context, body.re[0], ("secretary",), "identified")
    if isinstance(found, Rejection):
        return found
    id, application = found
    complete = replace(application, status="complete", matter=identifier(statement.digest))
    effect = MembershipCompleted(
        id, application.apply, statement.digest, application.applicant, application.decide_by
    )
    return Changes((Write("application", id, complete),), (Effect("membership.completed", effect),))


def _incomplete(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """Back to the applicant with a reason, who may sign a new one."""
    body: MembershipIncomplete = statement.body
    found = _attested(view, statement, context, body.re[0], ("secretary",), "applied", "identified")
    if isinstance(found, Rejection):
        return found
    closed = _closed(*found, "incomplete", context, cleared=True)
    return replace(closed, writes=(*closed.writes, _filed(statement, found[0])))


def _payment(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """Both contributions received: membership begins (3085-1 art. 10)."""
    body: MembershipPayment = statement.body
    found = _attested(view, statement, context, body.re[0], ("accountant",), "admitted")
    if isinstance(found, Rejection):
        return found
    id, application = found
    if body.entrance != application.entrance:
        return _amount("entrance", application.entrance)
    if body.share != application.share:
        return _amount("share", application.share)
    if body.received_at > statement.iat:
        return Rejection("received_in_future", "received_at")
    number = register(view).largest + 1
    member = Member(number, context.tick, application.person, context.index, statement.digest)
    joined = _joined(view, ((application.applicant, member),))
    return Changes(
        (
            *joined.writes,
            Write("application", id, replace(application, status="member")),
            Write("applicant", application.applicant, None),
        ),
        joined.effects,
        clear_deadlines=(_deadline(id, application),),
    )


def _decided(view: View, data: CouncilDecided, context: Context) -> Changes:
    """The chair signed, or the matter came to nothing and the secretary may send the application on again."""
    if data.kind != "admission":
        return Changes()
    id = identifier(data.re[0])
    application = view.need("application", id, Application)
    if application.status != "complete" or application.matter != data.matter:
        return Changes()
    if data.outcome == "rejected":
        closed = _closed(id, replace(application, decision=data.approval), "refused", context, cleared=True)
        refusal = Write("refusal", application.applicant, Refusal(context.tick))
        return replace(closed, writes=(*closed.writes, refusal))
    if data.outcome != "adopted":
        return Changes((Write("application", id, replace(application, status="identified")),))
    pay_by = context.tick + context.facts.parameter("member.pay_days") * DAY
    admitted = replace(application, status="admitted", decision=data.approval, pay_by=pay_by)
    return Changes(
        (Write("application", id, admitted),),
        set_deadlines=(_deadline(id, admitted),),
        clear_deadlines=(_deadline(id, application),),
    )


def _attested(
    view: View,
    statement: Statement,
    context: Context,
    digest: bytes,
    offices: tuple[str, ...],
    *statuses: Status,
) -> tuple[str, Application] | Rejection:
    """The application, when the signer holds one of the offices, it is not their own, and it is at the
    right stage.
    """
    if refused := acts.lacks_office(context, statement.iss, *offices):
        return refused
    found = _under_way(view, statement, digest, *statuses)
    if isinstance(found, Rejection):
        return found
    if found[1].applicant == statement.iss:
        return Rejection("own_application", "re")
    return found


def _under_way(
    view: View, statement: Statement, digest: bytes, *statuses: Status
) -> tuple[str, Application] | Rejection:
    id = identifier(digest)
    if refused := acts.about(statement, id):
        return refused
    application = view.get("application", id, Application)
    if application is None:
        return Rejection("unknown_application", "re")
    if application.status not in statuses:
        return Rejection("wrong_status", "re", {"status": application.status})
    return id, application


def _closed(
    id: str,
    application: Application,
    status: Literal["refused", "withdrawn", "lapsed", "undecided", "incomplete"],
    context: Context,
    *,
    cleared: bool = False,
) -> Changes:
    """An end without membership. `cleared`: the deadline has not come by itself. The council drops a
    matter it still has.
    """
    effects: tuple[Effect, ...] = ()
    if application.status == "complete" and application.matter and status in ("withdrawn", "undecided"):
        closed = MembershipClosed(application.matter, id, status)
        effects = (Effect("membership.closed", closed),)
    return Changes(
        (
            Write("application", id, replace(application, status=status, ended_at=context.tick)),
            Write("applicant", application.applicant, None),
        ),
        effects,
        clear_deadlines=(_deadline(id, application),) if cleared else (),
    )


def _filed(statement: Statement, case: str) -> Write:
    return Write("filed", identifier(statement.digest), Filed(case))


def _pending(application: Application) -> int:
    return application.decide_by if application.pay_by is None else application.pay_by


def _deadline(id: str, application: Application) -> Deadline:
    return Deadline(_pending(application), "application", id)


# --- members from before --------------------------------------------------------------------------


def _enrol(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """A line of the register kept on paper, with an invitation for its person. Enrolling a number again
    replaces a lost invitation.
    """
    body: MembershipEnrol = statement.body
    refused = acts.about(statement, context.cooperative)
    refused = refused or acts.lacks_office(context, statement.iss, "secretary", "chair")
    if refused:
        return refused
    if body.since > context.tick:
        return Rejection("since_in_future", "since")
    place = view.get("number", _key(body.number), Place)
    if place is not None and place.enrolment is None:
        return Rejection("number_taken", "number")
    if view.get("used", body.invitation.hex(), Used) is not None:
        return Rejection("invitation_repeated", "invitation")
    id = identifier(statement.digest)
    replaces = place.enrolment if place else None
    enrolment = Enrolment(statement.digest, body.number, body.since, body.person, body.invitation, replaces)
    before = register(view)
    writes = (
        Write("enrolment", id, enrolment),
        Write("number", _key(body.number), Place(enrolment=id)),
        Write("used", body.invitation.hex(), Used(body.number)),
        Write("register", _CURRENT, replace(before, largest=max(before.largest, body.number))),
    )
    return Changes(writes)


def _void(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """An enrolment made by mistake and not accepted: its number is free again, and counting goes on where it
    was. The log keeps both.
    """
    body: MembershipVoid = statement.body
    refused = acts.about(statement, context.cooperative)
    refused = refused or acts.lacks_office(context, statement.iss, "secretary", "chair")
    if refused:
        return refused
    id = identifier(body.re[0])
    enrolment = view.get("enrolment", id, Enrolment)
    if enrolment is None:
        return Rejection("unknown_enrolment", "re")
    key = _key(enrolment.number)
    place = view.get("number", key, Place)
    if place is None or place.enrolment != id:
        return Rejection("invitation_used", "re")
    before = register(view)
    largest = before.largest if enrolment.number != before.largest else _largest(view, key)
    return Changes(
        (
            Write("number", key, None),
            Write("register", _CURRENT, replace(before, largest=largest)),
            *_voided(view, id, context),
            _filed(statement, id),
        )
    )


def _voided(view: View, id: str, context: Context) -> Iterator[Write]:
    """The enrolment, and those of the same person whose lost invitations it replaced."""
    waiting: str | None = id
    while waiting is not None:
        enrolment = view.need("enrolment", waiting, Enrolment)
        yield Write("enrolment", waiting, replace(enrolment, voided_at=context.tick))
        waiting = enrolment.replaces


def _largest(view: View, without: str) -> int:
    """The largest number given or kept, leaving one out; digit by digit, so that a register is not read
    whole."""
    prefix = ""
    while len(prefix) < len(without):
        for digit in "9876543210":
            found = view.scan("number", prefix + digit, Place)
            if any(key != without for key, _ in found):
                prefix += digit
                break
        else:
            return 0
    return int(prefix)


def _accept(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: MembershipAccept = statement.body
    account = statement.iss
    if refused := acts.about(statement, account):
        return refused
    id = identifier(body.re[0])
    enrolment = view.get("enrolment", id, Enrolment)
    if enrolment is None:
        return Rejection("unknown_enrolment", "re")
    place = view.get("number", _key(enrolment.number), Place)
    if place is None or place.enrolment != id:
        return Rejection("invitation_used", "re")
    if is_member(view, account):
        return Rejection("already_member", "iss")
    if view.get("applicant", account, Applicant) is not None:
        return Rejection("application_open", "iss")
    if refused := acts.unsigned(context, account):
        return refused
    if not acts.holds_invitation(enrolment.invitation, account, enrolment.digest, body.proof):
        return Rejection("no_possession", "proof")
    member = Member(enrolment.number, enrolment.since, enrolment.person, context.index, statement.digest)
    return _joined(view, ((account, member),))


def _kept(view: View, data: CouncilAppointed) -> Changes:
    """Numbers of members among the appointed wait for them."""
    if not data.members:
        return Changes()
    before = register(view)
    largest = max(before.largest, *(member.number for member in data.members))
    places = (Write("number", _key(member.number), Place()) for member in data.members)
    return Changes((*places, Write("register", _CURRENT, replace(before, largest=largest))))


def _seated(view: View, data: CouncilSeated, context: Context) -> Changes | Rejection:
    """Whoever took a seat as a member from before is in the register with the number kept for them."""
    if data.member is None:
        return Changes()
    if is_member(view, data.account):
        return Rejection("already_member", "iss")
    if view.get("applicant", data.account, Applicant) is not None:
        return Rejection("application_open", "iss")
    member = Member(data.member.number, data.member.since, "person", context.index, data.basis)
    return _joined(view, ((data.account, member),))


def _founded(view: View, data: FoundingConstituted, context: Context) -> Changes:
    """Founders are members 1…n in order of joining."""
    founders = tuple(
        (account, Member(number, context.tick, "person", context.index, data.minutes))
        for number, account in enumerate(data.founders, 1)
    )
    return _joined(view, founders)


def _joined(view: View, members: tuple[tuple[str, Member], ...]) -> Changes:
    before = register(view)
    largest = max(before.largest, *(member.number for _, member in members))
    writes = [Write("register", _CURRENT, Register(largest, before.members + len(members)))]
    effects = []
    for account, member in members:
        writes.append(Write("member", account, member))
        writes.append(Write("number", _key(member.number), Place(account=account)))
        data = MembershipJoined(account, member.number, member.since, member.person, member.basis)
        effects.append(Effect("membership.joined", data))
    return Changes(tuple(writes), tuple(effects))


def _key(number: int) -> str:
    """Ascending keys are ascending numbers."""
    return f"{number:010d}"


_HANDLERS = {
    "membership.apply/1": _apply,
    "membership.withdraw/1": _withdraw,
    "membership.identify/1": _identify,
    "membership.complete/1": _complete,
    "membership.incomplete/1": _incomplete,
    "membership.payment/1": _payment,
    "membership.enrol/1": _enrol,
    "membership.void/1": _void,
    "membership.accept/1": _accept,
}
