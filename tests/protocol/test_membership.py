"""Agreements, consents, applications and members from before (SPEC §8.3; R80, R81, R133, P8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from protocol.contracts import agreements, consents, council, membership
from protocol.contracts.consents import Consent
from protocol.contracts.council import Matter
from protocol.contracts.membership import Application, Member, Register
from protocol.effects import MembershipCompleted, MembershipJoined
from protocol.identifiers import identifier
from tests.protocol.world import (
    CHARTER,
    COOPERATIVE,
    DAY,
    START,
    Existing,
    Person,
    appointed,
    money,
)

OTHER = identifier(bytes(32))


@pytest.fixture
def coop() -> Existing:
    return appointed()


class Applying:
    """One person's way, step by step."""

    def __init__(self, coop: Existing, name: str = "applicant", *, person: Person | None = None) -> None:
        self.coop, self.world = coop, coop.world
        self.person = person or coop.world.person(name)
        if not consents.has_consent(self.world.view("consent"), self.person.id, "membership"):
            self.world.consent(self.person)
        if not self.world.context().facts.has_signed(self.person.id, "signature"):
            self.world.sign_rules(self.person)

    def apply(self, **changed: Any) -> str | None:
        code = self.world.offer("membership.apply/1", self.person, self.person.id, **form(**changed))
        if code is None:
            assert self.world.last is not None
            self.digest = self.world.last.digest
            self.id = identifier(self.digest)
        return code

    def step(self, name: str, signer: Person, **fields: Any) -> str | None:
        return self.world.offer(f"membership.{name}/1", signer, self.id, re=[self.digest], **fields)

    def identify(self, signer: Person | None = None) -> str | None:
        return self.step("identify", signer or self.coop.secretary, method="in_person", level=1)

    def complete(self, signer: Person | None = None) -> str | None:
        return self.step("complete", signer or self.coop.secretary)

    def incomplete(self, signer: Person | None = None) -> str | None:
        return self.step("incomplete", signer or self.coop.secretary)

    def withdraw(self, signer: Person | None = None) -> str | None:
        return self.step("withdraw", signer or self.person)

    def pay(self, signer: Person | None = None, **changed: Any) -> str | None:
        fields: dict[str, Any] = {
            "entrance": money(10_000),
            "share": money(30_000),
            "received_at": self.world.tick,
        } | changed
        return self.step("payment", signer or self.coop.accountant, **fields)

    def vote(self, choice: str) -> None:
        seated = council.council(self.world.view("council"))
        for person in [person for person in self.coop.voters if person.id in seated][:3]:
            ballot = {"matter": self.matter_id, "round": 1, "choice": choice, "sequence": 0}
            self.world.do("council.vote/1", person, self.matter_id, **ballot)

    def decide(self, choice: str = "for") -> str | None:
        self.vote(choice)
        return self.approve(self.coop.chair, choice)

    def approve(self, signer: Person, choice: str = "for") -> str | None:
        counts = {"for": 0, "against": 0, "abstain": 0} | {choice: 3}
        return self.world.offer(
            "council.approve/1",
            signer,
            self.matter_id,
            matter=self.matter_id,
            round=1,
            outcome="adopted" if choice == "for" else "rejected",
            counts=counts,
            result=council.result(self.world.view("council"), self.matter_id),
        )

    def until(self, status: str) -> Applying:
        """By the shortest way to a stage."""
        steps: dict[str, Callable[[], str | None]] = {
            "applied": self.apply,
            "identified": self.identify,
            "complete": self.complete,
            "admitted": self.decide,
            "member": self.pay,
        }
        for reached, step in steps.items():
            assert step() is None
            assert self.status == reached
            if reached == status:
                return self
        raise AssertionError(status)

    @property
    def record(self) -> Application:
        return self.world.view("membership").need("application", self.id, Application)

    @property
    def status(self) -> str:
        return self.record.status

    @property
    def matter_id(self) -> str:
        assert self.record.matter is not None
        return self.record.matter

    def matter(self) -> Matter:
        return self.world.view("council").need("matter", self.matter_id, Matter)


def form(**changed: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "person": "person",
        "charter": CHARTER,
        "entrance": money(10_000),
        "share": money(30_000),
    }
    return fields | changed


# --- agreements and consents ----------------------------------------------------------------------------


def test_signing_an_agreement(coop: Existing) -> None:
    world, person = coop.world, coop.world.person("reader")
    edition = world.settings.editions["signature"]
    fields: dict[str, Any] = {"agreement": edition, "kind": "signature", "edition": 1}

    def sign(sub: str = person.id, **changed: Any) -> str | None:
        return world.offer("agreement.sign/1", person, sub, **fields | changed)

    assert sign(COOPERATIVE) == "wrong_subject"
    assert sign(kind="privacy") == "unknown_agreement"
    assert sign(agreement=bytes(32)) == "edition_outdated"
    assert sign() is None
    assert sign() == "already_signed"
    assert agreements.has_signed(world.view("agreement"), person.id, edition)
    # A new edition is another text.
    world.settings.editions["signature"] = bytes(32)
    assert not world.context().facts.has_signed(person.id, "signature")
    assert sign(agreement=bytes(32), edition=2) is None


def test_consents(coop: Existing) -> None:
    world, person, view = coop.world, coop.world.person("reader"), coop.world.view("consent")
    assert not consents.has_consent(view, person.id, "membership")
    first = world.consent(person)
    assert consents.has_consent(view, person.id, "membership")
    # One for another cooperative (P24) is another consent.
    world.consent(person, operator=OTHER)
    assert consents.has_consent(view, person.id, "membership", OTHER)
    second = world.consent(person, until=START + DAY)

    def withdraw(digest: bytes, signer: Person = person) -> str | None:
        return world.offer("consent.withdraw/1", signer, signer.id, re=[digest])

    assert withdraw(first.digest) == "consent_ended"
    assert withdraw(bytes(32)) == "unknown_consent"
    assert withdraw(second.digest, coop.one) == "not_yours"
    assert withdraw(second.digest) is None
    assert not consents.has_consent(view, person.id, "membership") and not world.deadlines
    assert consents.has_consent(view, person.id, "membership", OTHER)
    assert withdraw(second.digest) == "consent_ended"


def test_a_consent_runs_out(coop: Existing) -> None:
    world, person, view = coop.world, coop.world.person("reader"), coop.world.view("consent")
    given = world.consent(person, until=START + DAY)
    replaced = world.consent(person, until=START + 2 * DAY)
    world.pass_to(START + 2 * DAY)
    assert consents.has_consent(view, person.id, "membership")
    world.wait(1)
    assert not consents.has_consent(view, person.id, "membership")
    statuses = [view.need("consent", identifier(item.digest), Consent).status for item in (given, replaced)]
    assert statuses == ["replaced", "ended"]


@pytest.mark.parametrize(
    ("code", "changed"),
    [("until_passed", {"until": START}), ("field_repeated", {"fields": ["name", "name"]})],
)
def test_consents_refused(coop: Existing, code: str, changed: dict[str, Any]) -> None:
    fields: dict[str, Any] = {
        "purpose": "membership",
        "operator": COOPERATIVE,
        "fields": ["name"],
        "text": bytes(32),
    }
    person = coop.world.person("reader")
    assert coop.world.offer("consent.give/1", person, person.id, **fields | changed) == code
    assert coop.world.offer("consent.give/1", person, COOPERATIVE, **fields) == "wrong_subject"


# --- applying -------------------------------------------------------------------------------------------


def test_from_application_to_membership(coop: Existing) -> None:
    """R80, R81: application, identification, council, chair, payment; the next number after the largest."""
    way = Applying(coop).until("complete")
    assert (way.matter().kind, way.matter().subject) == ("admission", way.person.id)
    [sent] = coop.world.named("membership.completed")
    assert isinstance(sent, MembershipCompleted) and identifier(sent.complete) == way.matter_id
    assert way.matter().re == (way.digest, sent.complete)
    assert way.decide() is None
    assert way.status == "admitted" and way.record.decision == way.matter().approval
    assert not membership.is_member(coop.world.view("membership"), way.person.id)
    assert way.pay() is None
    view = coop.world.view("membership")
    member = view.need("member", way.person.id, Member)
    assert (member.number, member.since) == (13, coop.world.tick)
    assert membership.is_member(view, way.person.id)
    assert membership.register(view) == Register(13, 4)
    joined = coop.world.named("membership.joined")[-1]
    assert isinstance(joined, MembershipJoined) and (joined.account, joined.number) == (way.person.id, 13)
    assert not coop.world.deadlines
    assert Applying(coop, "next").until("member").world.named("membership.joined")[-1].number == 14
    assert way.apply() == "already_member"


def test_an_organisation_pays_its_own_fees(coop: Existing) -> None:
    way = Applying(coop)
    assert way.apply(person="organisation") == "amount_mismatch"
    fees = {"entrance": money(100_000), "share": money(300_000)}
    assert way.apply(person="organisation", **fees) is None


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("charter_outdated", {"charter": bytes(32)}),
        ("amount_mismatch", {"entrance": money(9_999)}),
        ("amount_mismatch", {"share": money(30_001)}),
        ("amount_mismatch", {"share": money(30_000, "EUR")}),
        ("pack_outdated", {"pack": bytes(32)}),
    ],
)
def test_applications_refused(coop: Existing, code: str, changed: dict[str, Any]) -> None:
    assert Applying(coop).apply(**changed) == code


def test_what_has_to_be_signed_first(coop: Existing) -> None:
    world, person = coop.world, coop.world.person("hasty")
    assert world.offer("membership.apply/1", person, person.id, **form()) == "agreement_missing"
    world.sign_rules(person)
    assert world.offer("membership.apply/1", person, person.id, **form()) == "consent_missing"
    world.consent(person, operator=OTHER)
    assert world.offer("membership.apply/1", person, person.id, **form()) == "consent_missing"
    world.consent(person)
    assert world.offer("membership.apply/1", person, **form()) == "wrong_subject"
    assert world.offer("membership.apply/1", person, person.id, **form()) is None
    assert world.offer("membership.apply/1", person, person.id, **form()) == "application_open"


def test_who_does_what(coop: Existing) -> None:
    way = Applying(coop).until("applied")
    assert way.identify(coop.one) == "not_allowed"
    assert way.identify(coop.accountant) == "not_allowed"
    assert way.withdraw(coop.one) == "not_yours"
    assert way.identify(coop.chair) is None
    for signer in (coop.chair, coop.one):
        assert way.complete(signer) == "not_allowed"
        assert way.incomplete(signer) == "not_allowed"
    assert way.complete() is None
    assert way.decide() is None
    for signer in (coop.chair, coop.secretary):
        assert way.pay(signer) == "not_allowed"
    assert way.pay() is None


def test_nobody_attests_to_their_own_application(coop: Existing) -> None:
    """The accountant and a secretary by decision are no members yet and apply themselves."""
    own = Applying(coop, person=coop.accountant).until("admitted")
    assert own.pay() == "own_application"
    world, newcomer = coop.world, coop.world.person("newcomer")
    proposal: dict[str, Any] = {
        "kind": "officer",
        "subject": newcomer.id,
        "roles": ["secretary", "accountant"],
    }
    matter = identifier(world.do("council.propose/1", coop.one, **proposal).digest)
    for person in (coop.chair, coop.secretary, coop.one):
        ballot = {"matter": matter, "round": 1, "choice": "for", "sequence": 0}
        world.do("council.vote/1", person, matter, **ballot)
    world.do(
        "council.approve/1",
        coop.chair,
        matter,
        matter=matter,
        round=1,
        outcome="adopted",
        counts={"for": 3, "against": 0, "abstain": 0},
        result=council.result(world.view("council"), matter),
    )
    way = Applying(coop, person=newcomer).until("applied")
    assert way.identify(newcomer) == "own_application"
    assert way.incomplete(newcomer) == "own_application"
    assert way.identify() is None
    assert way.complete(newcomer) == "own_application"
    assert own.pay(newcomer) is None


ALLOWED = {
    "identify": {"applied"},
    "complete": {"identified"},
    "incomplete": {"applied", "identified"},
    "pay": {"admitted"},
    "withdraw": {"applied", "identified", "complete", "admitted"},
}


@pytest.mark.parametrize("status", ["applied", "identified", "complete", "admitted", "member"])
@pytest.mark.parametrize("act", ALLOWED)
def test_each_act_has_its_stage(coop: Existing, act: str, status: str) -> None:
    way = Applying(coop).until(status)
    assert getattr(way, act)() == (None if status in ALLOWED[act] else "wrong_status")


def test_unknown_and_misnamed_applications(coop: Existing) -> None:
    way = Applying(coop).until("applied")
    signer = coop.secretary
    fields: dict[str, Any] = {"method": "video", "level": 1}
    unknown = bytes(31) + b"\1"
    offer = coop.world.offer
    assert offer("membership.identify/1", signer, way.id, re=[unknown], **fields) == "wrong_subject"
    assert (
        offer("membership.identify/1", signer, identifier(unknown), re=[unknown], **fields)
        == "unknown_application"
    )


@pytest.mark.parametrize("status", ["applied", "identified", "complete", "admitted"])
def test_withdrawn_at_any_time(coop: Existing, status: str) -> None:
    way = Applying(coop).until(status)
    assert way.withdraw() is None
    assert way.status == "withdrawn" and not coop.world.deadlines
    if way.record.matter:
        assert way.matter().status == ("cancelled" if status == "complete" else "approved")
    assert way.until("applied").status == "applied"


def test_withdrawn_while_the_chair_has_the_decision(coop: Existing) -> None:
    way = Applying(coop).until("complete")
    way.vote("for")
    coop.world.pass_to(way.matter().box.until + 1)
    assert way.matter().status == "decided"
    assert way.withdraw() is None
    assert way.matter().status == "cancelled" and not coop.world.deadlines


@pytest.mark.parametrize("status", ["applied", "identified"])
def test_sent_back_and_signed_anew(coop: Existing, status: str) -> None:
    way = Applying(coop).until(status)
    assert way.incomplete() is None
    assert way.status == "incomplete" and not coop.world.deadlines
    assert way.until("member").status == "member"


def test_refused_by_the_council(coop: Existing) -> None:
    """The reason stands in the approval that the application points to."""
    way = Applying(coop).until("complete")
    assert way.decide("against") is None
    assert way.status == "refused" and way.record.decision == way.matter().approval
    assert not coop.world.deadlines
    assert way.apply() == "too_soon"
    coop.world.wait(30 * DAY - 1)
    assert way.apply() == "too_soon"
    coop.world.wait(1)
    assert way.apply() is None
    assert way.withdraw() is None and way.apply() is None  # only a refusal makes one wait


def test_a_person_has_so_many_consents_at_once(coop: Existing) -> None:
    person = coop.world.person("keen")
    given = [coop.world.consent(person, purpose=f"p{number}") for number in range(4)]

    def give(purpose: str, **more: Any) -> str | None:
        fields = {"operator": COOPERATIVE, "fields": ["name"], "text": bytes(32), **more}
        return coop.world.offer("consent.give/1", person, person.id, purpose=purpose, **fields)

    assert give("one_more") == "too_many_consents"
    assert give("p0", until=coop.world.tick + 10) is None  # in place of the old one
    coop.world.do("consent.withdraw/1", person, person.id, re=[given[1].digest])
    assert give("one_more") is None and give("another") == "too_many_consents"
    coop.world.wait(11)
    assert give("another") is None and give("too_many") == "too_many_consents"
    coop.world.consent(coop.one)


@pytest.mark.parametrize("votes", ["none", "unsigned"])
def test_without_a_decision_it_is_sent_on_again(coop: Existing, votes: str) -> None:
    """No quorum, or no signature of the chair: the secretary may try again before the term."""
    way = Applying(coop).until("complete")
    first = way.matter_id
    if votes == "unsigned":
        way.vote("for")
        coop.world.pass_to(way.matter().box.until + 1)
        sign_by = way.matter().sign_by
        assert sign_by is not None
        coop.world.pass_to(sign_by + 1)
    else:
        coop.world.pass_to(way.matter().box.until + 1)
    assert way.status == "identified"
    assert way.matter().status == ("lapsed" if votes == "unsigned" else "expired")
    assert way.complete() is None and way.matter_id != first
    assert way.decide() is None
    assert way.pay() is None


@pytest.mark.parametrize("status", ["applied", "identified", "complete"])
def test_undecided_after_the_term(coop: Existing, status: str) -> None:
    """3085-1 art. 10: thirty days; a matter still open then is dropped."""
    way = Applying(coop).until("applied")
    decide_by = way.record.decide_by
    assert decide_by == coop.world.tick + 30 * DAY
    coop.world.pass_to(decide_by - DAY)
    if status != "applied":
        assert way.identify() is None
    if status == "complete":
        assert way.complete() is None
    coop.world.pass_to(decide_by)
    assert way.status == status
    coop.world.wait(1)
    assert way.status == "undecided" and not coop.world.deadlines
    if status == "complete":
        assert way.matter().status == "cancelled"
    assert way.apply() is None


def test_unpaid_it_lapses(coop: Existing) -> None:
    way = Applying(coop).until("admitted")
    pay_by = way.record.pay_by
    assert pay_by == coop.world.tick + 14 * DAY
    coop.world.pass_to(pay_by)
    assert way.status == "admitted"
    coop.world.wait(1)
    assert way.status == "lapsed" and not coop.world.deadlines
    assert way.pay() == "wrong_status"
    assert way.apply() is None


def test_payments_refused(coop: Existing) -> None:
    way = Applying(coop).until("admitted")
    assert way.pay(entrance=money(1)) == "amount_mismatch"
    assert way.pay(share=money(30_000, "USD")) == "amount_mismatch"
    assert way.pay(received_at=coop.world.tick + 1) == "received_in_future"
    # The amounts are those applied for, whatever has been changed since.
    coop.world.settings.rules["fees.share.person"] = 1
    assert way.pay() is None


# --- members from before --------------------------------------------------------------------------------


class Enrolling:
    def __init__(self, coop: Existing, number: int = 20) -> None:
        self.coop, self.world, self.number = coop, coop.world, number
        self.person, self.key = coop.world.person("old member"), Person("letter")

    def enrol(self, signer: Person | None = None, **changed: Any) -> str | None:
        fields: dict[str, Any] = {"number": self.number, "since": START - 900 * DAY, "person": "person"}
        fields |= {"invitation": self.key.kid} | changed
        code = self.world.offer("membership.enrol/1", signer or self.coop.secretary, **fields)
        if code is None:
            assert self.world.last is not None
            self.digest = self.world.last.digest
        return code

    def accept(self, person: Person | None = None, *, sub: str | None = None, **changed: Any) -> str | None:
        who = person or self.person
        fields: dict[str, Any] = {
            "re": [self.digest],
            "proof": self.key.proof_for(who, self.digest),
        } | changed
        return self.world.offer("membership.accept/1", who, sub or who.id, **fields)


def test_a_member_from_before(coop: Existing) -> None:
    old = Enrolling(coop)
    assert old.enrol() is None
    assert old.accept() == "agreement_missing"
    coop.world.sign_rules(old.person)
    assert old.accept(sub=COOPERATIVE) == "wrong_subject"
    assert old.accept(re=[bytes(32)]) == "unknown_enrolment"
    assert old.accept(proof=bytes(64)) == "no_possession"
    assert old.accept(proof=old.key.proof_for(coop.two, old.digest)) == "no_possession"
    assert old.accept() is None
    member = coop.world.view("membership").need("member", old.person.id, Member)
    assert (member.number, member.since) == (20, START - 900 * DAY)
    assert old.accept(coop.two) == "invitation_used"
    assert Applying(coop).until("member").world.named("membership.joined")[-1].number == 21


def test_enrolments_refused(coop: Existing) -> None:
    old = Enrolling(coop)
    assert old.enrol(coop.one) == "not_allowed"
    assert old.enrol(coop.accountant) == "not_allowed"
    assert old.enrol(since=coop.world.tick + 1) == "since_in_future"
    assert old.enrol(number=7) == "number_taken"
    fields: dict[str, Any] = {"number": 1, "since": 0, "person": "person", "invitation": bytes(32)}
    assert coop.world.offer("membership.enrol/1", coop.chair, coop.chair.id, **fields) == "wrong_subject"
    assert old.enrol(coop.chair) is None
    assert old.enrol(number=21) == "invitation_repeated"


def test_a_seats_number_is_kept_for_it() -> None:
    coop = appointed(accepting=(1, 2, 4))
    assert Enrolling(coop).enrol(number=12) == "number_taken"
    assert Applying(coop).until("applied").status == "applied"
    assert membership.register(coop.world.view("membership")) == Register(12, 2)


def test_a_lost_letter_is_replaced(coop: Existing) -> None:
    old = Enrolling(coop)
    assert old.enrol() is None
    lost, old.key = old.digest, Person("second letter")
    assert old.enrol() is None
    coop.world.sign_rules(old.person)
    assert old.accept(re=[lost], proof=Person("letter").proof_for(old.person, lost)) == "invitation_used"
    assert old.accept() is None
    old.key = Person("third letter")
    assert old.enrol() == "number_taken"


def test_a_mistyped_number_leaves_no_gap(coop: Existing) -> None:
    """Voided before anybody takes it; the counting goes on where it was, and the log keeps both."""
    world, old = coop.world, Enrolling(coop, 20)
    assert old.enrol() is None
    wrong = Enrolling(coop, 2000)
    wrong.key, wrong.person = Person("wrong letter"), world.person("another old member")
    assert wrong.enrol() is None
    world.sign_rules(wrong.person)
    view = world.view("membership")
    assert membership.register(view).largest == 2000

    def void(signer: Person, sub: str | None = None, re: bytes = wrong.digest) -> str | None:
        return world.offer("membership.void/1", signer, sub, re=[re])

    assert void(coop.one) == "not_allowed"
    assert void(coop.secretary, coop.secretary.id) == "wrong_subject"
    assert void(coop.secretary, re=bytes(32)) == "unknown_enrolment"
    assert void(coop.secretary) is None
    assert membership.register(view).largest == 20
    assert wrong.accept() == "invitation_used" and void(coop.chair) == "invitation_used"
    assert wrong.enrol(number=21) == "invitation_repeated"
    wrong.key = Person("right letter")
    assert wrong.enrol(number=21) is None and wrong.accept() is None
    assert void(coop.secretary, re=wrong.digest) == "invitation_used"  # a member now
    assert void(coop.chair, re=old.digest) is None
    assert membership.register(view).largest == 21
    assert Applying(coop).until("member").world.named("membership.joined")[-1].number == 22


def test_the_chair_does_not_sign_for_themselves() -> None:
    """Where there is a secretary to do it."""
    coop = appointed(chair=None)
    Applying(coop, person=coop.two).until("admitted")  # one of the council: the chair signs
    way = Applying(coop, person=coop.chair).until("complete")
    assert way.decide() == "own_admission"
    for who, code in ((coop.one, "not_allowed"), (coop.secretary, None)):
        assert way.approve(who) == code
    assert way.status == "admitted"


def test_a_chair_without_a_secretary_signs_alone() -> None:
    coop = appointed((1, 3, 4, 5), chair=None)
    way = Applying(coop, person=coop.chair)
    office = council.Office(("secretary",), bytes(32))
    coop.world.state.values["council", f"office/{coop.one.id}"] = office
    assert way.apply() is None
    assert way.identify(coop.one) is None and way.complete(coop.one) is None
    del coop.world.state.values["council", f"office/{coop.one.id}"]
    assert way.decide() is None


def test_one_person_joins_once(coop: Existing) -> None:
    first, second = Enrolling(coop, 20), Enrolling(coop, 21)
    second.key = Person("second letter")
    assert first.enrol() is None and second.enrol() is None
    way = Applying(coop, person=first.person).until("applied")
    assert first.accept() == "application_open"
    assert way.withdraw() is None and first.accept() is None
    assert second.accept() == "already_member"


def test_a_seat_with_a_number_does_not_make_a_second_membership() -> None:
    coop = appointed(accepting=(1, 2, 4, 5))
    world = coop.world

    def accept(person: Person) -> str | None:
        proof = coop.invitations[3].proof_for(person, coop.appoint.digest)
        return world.offer("council.accept/1", person, re=[coop.appoint.digest], seat=3, proof=proof)

    way = Applying(coop).until("applied")
    assert accept(way.person) == "application_open"
    assert way.withdraw() is None
    member = Applying(coop, "member").until("member").person
    assert accept(member) == "already_member"
    assert accept(way.person) is None


# --- opening balances ------------------------------------------------------------------------------------


def opened(coop: Existing, signer: Person | None = None, **changed: Any) -> str | None:
    fields: dict[str, Any] = {"as_of": START - DAY, "members": 2, "entrance": _rub(20_000)}
    fields |= {"share": _rub(150_000)} | changed
    return coop.world.offer("membership.opening/1", signer or coop.secretary, **fields)


def _rub(amount: int, currency: str = "RUB") -> dict[str, Any]:
    return {"amount": amount, "currency": currency}


def test_what_a_member_had_paid_comes_along(coop: Existing) -> None:
    world, old = coop.world, Enrolling(coop)
    assert opened(coop) is None
    assert world.last is not None
    opening = world.last.digest
    paid: dict[str, Any] = {"entrance": _rub(10_000), "share": _rub(75_050), "opening": opening}
    assert old.enrol(**paid) is None
    world.sign_rules(old.person)
    assert old.accept() is None
    member = world.view("membership").need("member", old.person.id, Member)
    assert member.opening_share is not None and member.opening_share.amount == 75_050
    assert member.opening_entrance is not None and member.opening_entrance.amount == 10_000
    assert member.opening == opening


def test_a_repeated_enrolment_says_its_own_amounts(coop: Existing) -> None:
    old = Enrolling(coop)
    assert opened(coop) is None
    assert coop.world.last is not None
    assert old.enrol(share=_rub(100), opening=coop.world.last.digest) is None
    old.key = Person("second letter")
    assert old.enrol() is None
    coop.world.sign_rules(old.person)
    assert old.accept() is None
    member = coop.world.view("membership").need("member", old.person.id, Member)
    assert member.opening_share is None and member.opening is None


def test_opening_balances_refused(coop: Existing) -> None:
    assert opened(coop, coop.one) == "not_allowed"
    assert opened(coop, coop.accountant) == "not_allowed"
    assert opened(coop, as_of=coop.world.tick + 1) == "opening_in_future"
    assert opened(coop, share=_rub(1, "EUR")) == "currency_mismatch"
    with pytest.raises(msgspec.ValidationError):  # `registry.typed` makes it `invalid_field`
        opened(coop, share=_rub(-1))
    old = Enrolling(coop)
    assert old.enrol(share=_rub(100)) == "opening_missing"
    assert old.enrol(share=_rub(100), opening=bytes(32)) == "unknown_opening"
    assert old.enrol(opening=bytes(32)) == "unknown_opening"
    assert opened(coop) is None
    assert coop.world.last is not None
    opening = coop.world.last.digest
    assert old.enrol(share=_rub(100, "EUR"), opening=opening) == "currency_mismatch"
    with pytest.raises(msgspec.ValidationError):
        old.enrol(entrance=_rub(-5), opening=opening)
    assert old.enrol(share=_rub(100), opening=opening) is None
