"""Members: those from before by enrolment, those seated or founding, and the number each has for good."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from protocol import acts
from protocol.contract import Changes, Context, Effect, Rejection, View, Write
from protocol.contracts.membership.records import (
    Applicant,
    Enrolment,
    Member,
    Opening,
    Place,
    Register,
    Used,
    filed,
    is_member,
    key,
    register,
    registered,
)
from protocol.contracts.membership.statements import (
    MembershipAccept,
    MembershipEnrol,
    MembershipOpening,
    MembershipVoid,
)
from protocol.documents import Statement
from protocol.effects import CouncilAppointed, CouncilSeated, FoundingConstituted, MembershipJoined
from protocol.identifiers import identifier


def open_balances(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """What members had paid before: the sums of one act on paper, which the enrolments under it name. Amounts
    of single members are not held against the sums here: a register comes in many sittings and some lines of
    it never do.
    """
    body: MembershipOpening = statement.body
    refused = acts.about(statement, context.cooperative)
    refused = refused or acts.lacks_office(context, statement.iss, "secretary", "chair")
    if refused:
        return refused
    if body.as_of > context.tick:
        return Rejection("opening_in_future", "as_of")
    if body.entrance.currency != body.share.currency:
        return Rejection("currency_mismatch", "share")
    opening = Opening(statement.digest, body.as_of, body.members, body.entrance, body.share)
    return Changes((Write("opening", identifier(statement.digest), opening),))


def _unopened(view: View, body: MembershipEnrol) -> Rejection | None:
    """Amounts rest on a statement of opening balances, in its currency."""
    paid = {name: money for name, money in (("entrance", body.entrance), ("share", body.share)) if money}
    if body.opening is None:
        return Rejection("opening_missing", "opening") if paid else None
    opening = view.get("opening", identifier(body.opening), Opening)
    if opening is None:
        return Rejection("unknown_opening", "opening")
    for name, money in paid.items():
        if money.currency != opening.share.currency:
            return Rejection("currency_mismatch", name)
    return None


def enrol(view: View, statement: Statement, context: Context) -> Changes | Rejection:
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
    place = view.get("number", key(body.number), Place)
    if place is not None and place.enrolment is None:
        return Rejection("number_taken", "number")
    if view.get("used", body.invitation.hex(), Used) is not None:
        return Rejection("invitation_repeated", "invitation")
    if refused := _unopened(view, body):
        return refused
    id = identifier(statement.digest)
    enrolment = Enrolment(
        statement.digest,
        body.number,
        body.since,
        body.person,
        body.invitation,
        replaces=place.enrolment if place else None,
        entrance=body.entrance,
        share=body.share,
        opening=body.opening,
    )
    before = register(view)
    writes = (
        Write("enrolment", id, enrolment),
        Write("number", key(body.number), Place(enrolment=id)),
        Write("used", body.invitation.hex(), Used(body.number)),
        registered(replace(before, largest=max(before.largest, body.number))),
    )
    return Changes(writes)


def void(view: View, statement: Statement, context: Context) -> Changes | Rejection:
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
    own = key(enrolment.number)
    place = view.get("number", own, Place)
    if place is None or place.enrolment != id:
        return Rejection("invitation_used", "re")
    before = register(view)
    largest = before.largest if enrolment.number != before.largest else _largest(view, own)
    return Changes(
        (
            Write("number", own, None),
            registered(replace(before, largest=largest)),
            *_voided(view, id, context),
            filed(statement, id),
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
            if any(other != without for other, _ in found):
                prefix += digit
                break
        else:
            return 0
    return int(prefix)


def accept(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: MembershipAccept = statement.body
    account = statement.iss
    if refused := acts.about(statement, account):
        return refused
    id = identifier(body.re[0])
    enrolment = view.get("enrolment", id, Enrolment)
    if enrolment is None:
        return Rejection("unknown_enrolment", "re")
    place = view.get("number", key(enrolment.number), Place)
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
    member = Member(
        enrolment.number,
        enrolment.since,
        enrolment.person,
        context.index,
        statement.digest,
        opening_entrance=enrolment.entrance,
        opening_share=enrolment.share,
        opening=enrolment.opening,
    )
    return joined(view, ((account, member),))


def kept(view: View, data: CouncilAppointed) -> Changes:
    """Numbers of members among the appointed wait for them."""
    if not data.members:
        return Changes()
    before = register(view)
    largest = max(before.largest, *(member.number for member in data.members))
    places = (Write("number", key(member.number), Place()) for member in data.members)
    return Changes((*places, registered(replace(before, largest=largest))))


def seated(view: View, data: CouncilSeated, context: Context) -> Changes | Rejection:
    """Whoever took a seat as a member from before is in the register with the number kept for them."""
    if data.member is None:
        return Changes()
    if is_member(view, data.account):
        return Rejection("already_member", "iss")
    if view.get("applicant", data.account, Applicant) is not None:
        return Rejection("application_open", "iss")
    member = Member(data.member.number, data.member.since, "person", context.index, data.basis)
    return joined(view, ((data.account, member),))


def founded(view: View, data: FoundingConstituted, context: Context) -> Changes:
    """Founders are members 1…n in order of joining."""
    founders = tuple(
        (account, Member(number, context.tick, "person", context.index, data.minutes))
        for number, account in enumerate(data.founders, 1)
    )
    return joined(view, founders)


def joined(view: View, members: tuple[tuple[str, Member], ...]) -> Changes:
    before = register(view)
    largest = max(before.largest, *(member.number for _, member in members))
    writes = [registered(Register(largest, before.members + len(members)))]
    effects = []
    for account, member in members:
        writes.append(Write("member", account, member))
        writes.append(Write("number", key(member.number), Place(account=account)))
        data = MembershipJoined(account, member.number, member.since, member.person, member.basis)
        effects.append(Effect("membership.joined", data))
    return Changes(tuple(writes), tuple(effects))
