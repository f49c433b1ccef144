"""The founding meeting (SPEC §8.4; R88, R91, A8, A16–A18, P8, P10, P17, P19)."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.contract import Rejection
from protocol.contracts import council, founding, membership
from protocol.contracts.founding import Meeting, Vote
from protocol.contracts.membership import Member, Register
from protocol.decisions import Counts
from protocol.effects import FoundingConstituted
from protocol.identifiers import identifier
from tests.protocol.world import CHARTER, DAY, Person, World


class Assembly:
    """Five invited founders, the first of whom convenes."""

    def __init__(self, size: int = 5) -> None:
        self.world = World("new")
        self.people = [self.world.person(f"founder {number}") for number in range(size)]
        self.keys = [Person(f"letter {number}") for number in range(size)]
        self.world.settings.founder = self.people[0].id
        for person in self.people:
            self.world.sign_rules(person)

    @property
    def founder(self) -> Person:
        return self.people[0]

    def convene(self, signer: Person | None = None, **changed: Any) -> str | None:
        fields: dict[str, Any] = {
            "charter": CHARTER,
            "invitations": [key.kid for key in self.keys],
            "closes": self.world.tick + 10 * DAY,
        }
        return self._keep("convened", "founding.convene/1", signer or self.founder, **fields | changed)

    def join(self, number: int, **changed: Any) -> str | None:
        person, key = self.people[number], self.keys[number]
        fields: dict[str, Any] = {
            "re": [self.convened],
            "invitation": key.kid,
            "proof": key.proof_for(person, self.convened),
        }
        return self.world.offer("founding.join/1", person, **fields | changed)

    def open(self, signer: Person | None = None, **changed: Any) -> str | None:
        fields: dict[str, Any] = {
            "re": [self.convened],
            "candidates": [person.id for person in self.people[:4]],
            "seats": 3,
            "closes": self.world.tick + 7 * DAY,
        }
        return self._keep("opened", "founding.open/1", signer or self.founder, **fields | changed)

    def ballot(self, number: int, **changed: Any) -> str | None:
        fields: dict[str, Any] = {
            "re": [self.opened],
            "charter": "for",
            "council": [self.people[index].id for index in (2, 0, 1)],
            "chair": self.people[0].id,
            "sequence": 0,
        }
        return self.world.offer("founding.ballot/1", self.people[number], **fields | changed)

    def offer_blank(self, number: int) -> str | None:
        fields: dict[str, Any] = {"re": [self.opened], "charter": "for", "sequence": 0}
        return self.world.offer("founding.ballot/1", self.people[number], **fields)

    def minutes(self, number: int, role: str, **changed: Any) -> str | None:
        id = identifier(self.opened)
        vote = founding.count(self.world.view("founding"), id)
        fields: dict[str, Any] = {
            "re": [self.opened],
            "role": role,
            "result": founding.result(self.world.view("founding"), id),
            "council": list(vote.council),
            "chair": vote.chair or self.founder.id,
        }
        return self.world.offer("founding.minutes/1", self.people[number], **fields | changed)

    def _keep(self, name: str, type: str, signer: Person, **fields: Any) -> str | None:
        code = self.world.offer(type, signer, **fields)
        if code is None:
            assert self.world.last is not None
            setattr(self, name, self.world.last.digest)
        return code

    convened: bytes
    opened: bytes

    def gathered(self) -> Assembly:
        assert self.convene() is None
        for number in range(len(self.people)):
            assert self.join(number) is None
        return self

    def voting(self) -> Assembly:
        self.gathered()
        assert self.open() is None
        return self

    def voted(self) -> Assembly:
        self.voting()
        for number in range(len(self.people)):
            assert self.ballot(number) is None
        return self

    def close(self) -> Assembly:
        self.world.pass_to(self.poll().box.until + 1)
        return self

    def record(self) -> Meeting:
        return self.world.view("founding").need("meeting", "current", Meeting)

    def poll(self) -> Vote:
        return self.world.view("founding").need("vote", identifier(self.opened), Vote)


@pytest.mark.parametrize("wait", [True, False])
def test_founding(wait: bool) -> None:
    """R88, R91: invited, joined, voted, signed twice; seats filled, members 1…n, charter in force."""
    meeting = Assembly().voted()
    world = meeting.world
    if wait:
        meeting.close()
        assert meeting.poll().outcome == "adopted"
    assert meeting.minutes(3, "presider") is None
    assert meeting.record().status == "closed" and not world.named("founding.constituted")
    assert not council.constituted(world.view("council"))
    assert world.offer("council.propose/1", meeting.founder, kind="free") == "not_constituted"
    assert meeting.minutes(4, "secretary") is None
    assert meeting.record().status == "constituted" and founding.constituted(world.view("founding"))
    [founded] = world.named("founding.constituted")
    assert isinstance(founded, FoundingConstituted) and world.last is not None
    ids = [person.id for person in meeting.people]
    assert founded == FoundingConstituted(
        meeting.poll().council, ids[0], tuple(ids), CHARTER, world.last.digest
    )
    assert council.council(world.view("council")) == tuple(sorted(ids[:3]))
    assert council.roles(world.view("council"), ids[0]) == {"chair", "council"}
    view = world.view("membership")
    assert [view.need("member", id, Member).number for id in ids] == [1, 2, 3, 4, 5]
    assert membership.register(view) == Register(5, 5)
    # The council it seated decides.
    matter = identifier(world.do("council.propose/1", meeting.people[1], kind="free").digest)
    ballot = {"matter": matter, "round": 1, "choice": "for", "sequence": 0}
    for person in meeting.people[:3]:
        world.do("council.vote/1", person, matter, **ballot)
    assert meeting.ballot(1) == "already_constituted"


def test_members_are_numbered_in_order_of_joining() -> None:
    meeting = Assembly()
    assert meeting.convene() is None
    for number in (3, 1, 0, 4, 2):
        assert meeting.join(number) is None
    expected = tuple(meeting.people[number].id for number in (3, 1, 0, 4, 2))
    assert founding.founders(meeting.world.view("founding")) == expected


def test_not_where_the_cooperative_existed() -> None:
    meeting = Assembly()
    meeting.world.settings.kind = "existing"
    assert meeting.convene() == "wrong_founding"


# --- gathering ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("charter_outdated", {"charter": bytes(32)}),
        ("closes_out_of_range", {"closes": 0}),
        ("too_few_founders", {"invitations": [bytes([n]) * 32 for n in range(4)]}),
        ("invitation_repeated", {"invitations": [bytes(32)] * 5}),
        ("pack_outdated", {"pack": bytes(32)}),
    ],
)
def test_convening_refused(code: str, changed: dict[str, Any]) -> None:
    assert Assembly().convene(**changed) == code


def test_who_convenes() -> None:
    meeting = Assembly()
    assert meeting.convene(meeting.people[1]) == "not_allowed"
    statement = meeting.world.statement(
        "founding.convene/1", meeting.founder, meeting.founder.id, charter=CHARTER, invitations=[], closes=1
    )
    refusal = meeting.world.decide(statement)
    assert isinstance(refusal, Rejection) and refusal.code == "wrong_subject"
    assert meeting.convene() is None
    assert meeting.convene() == "already_convened"


def test_joining() -> None:
    """P8: the invitation is for whoever its holder makes the proof for, once."""
    meeting = Assembly()
    meeting.convened = bytes(32)
    assert meeting.join(0) == "not_convened"
    assert meeting.convene() is None
    assert meeting.join(0, re=[bytes(32)]) == "wrong_reference"
    assert meeting.join(0, invitation=bytes(32)) == "unknown_invitation"
    assert meeting.join(0, proof=bytes(64)) == "no_possession"
    assert (
        meeting.join(0, proof=meeting.keys[0].proof_for(meeting.people[1], meeting.convened))
        == "no_possession"
    )
    assert meeting.join(0) is None
    assert meeting.join(1, invitation=meeting.keys[0].kid) == "invitation_used"
    assert meeting.join(0, invitation=meeting.keys[1].kid) == "already_joined"
    meeting.world.settings.required = ("signature", "privacy")
    assert meeting.join(1) == "agreement_missing"


def test_joining_ends() -> None:
    meeting = Assembly()
    assert meeting.convene() is None
    for number in range(4):
        assert meeting.join(number) is None
    meeting.world.pass_to(meeting.record().closes)
    assert meeting.record().status == "convened"
    meeting.world.wait(1)
    assert meeting.record().status == "lapsed"
    assert meeting.join(4) == "not_convened"
    assert meeting.open() == "not_convened"
    # Again, with fresh invitations: everybody joins anew.
    assert meeting.convene() == "invitation_repeated"
    meeting.keys = [Person(f"second letter {number}") for number in range(5)]
    assert meeting.convene() is None
    assert founding.founders(meeting.world.view("founding")) == ()
    assert meeting.join(0) is None


def test_enough_founders_may_vote_after_joining_ended() -> None:
    meeting = Assembly(6)
    assert meeting.convene() is None
    for number in range(5):
        assert meeting.join(number) is None
    meeting.world.pass_to(meeting.record().closes + 1)
    assert meeting.join(5) == "joining_closed"
    assert meeting.open() is None
    assert meeting.poll().box.electorate.size == 5


# --- the vote -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("wrong_reference", {"re": [bytes(32)]}),
        ("closes_out_of_range", {"closes": 1}),
        ("closes_out_of_range", {"closes": 2_000_000_000}),
        ("too_few_seats", {"seats": 2}),
        ("too_few_candidates", {"seats": 5}),
        ("candidate_repeated", {"candidates": [Person("founder 1").id] * 3}),
        ("candidate_unknown", {"candidates": [Person(f"founder {n}").id for n in (1, 2, 9)]}),
    ],
)
def test_opening_refused(code: str, changed: dict[str, Any]) -> None:
    assert Assembly().gathered().open(**changed) == code


def test_who_opens_and_when() -> None:
    meeting = Assembly()
    meeting.convened = meeting.opened = bytes(32)
    assert meeting.open() == "not_convened"
    assert meeting.ballot(0) == "not_convened"
    statement: dict[str, Any] = {
        "re": [bytes(32)],
        "role": "presider",
        "result": bytes(32),
        "council": [],
        "chair": meeting.founder.id,
    }
    assert meeting.world.offer("founding.minutes/1", meeting.founder, **statement) == "not_convened"
    assert meeting.convene() is None
    assert meeting.open() == "too_few_founders"
    for number in range(5):
        assert meeting.join(number) is None
    assert meeting.open(meeting.people[1]) == "not_allowed"
    assert meeting.open() is None
    assert meeting.open() == "not_convened"
    assert meeting.join(0) == "joining_closed"


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("wrong_reference", {"re": [bytes(32)]}),
        ("too_many_names", {"council": [Person(f"founder {n}").id for n in range(4)]}),
        ("candidate_repeated", {"council": [Person("founder 1").id] * 2}),
        ("candidate_unknown", {"council": [Person("founder 4").id]}),
        ("candidate_unknown", {"chair": Person("founder 4").id}),
        ("sequence_too_far", {"sequence": 17}),
    ],
)
def test_ballots_refused(code: str, changed: dict[str, Any]) -> None:
    assert Assembly().voting().ballot(1, **changed) == code


def test_one_founder_one_vote() -> None:
    """R91, R133, P19: changed as often as wanted, by founders only."""
    meeting = Assembly().voting()
    meeting.people.append(meeting.world.person("stranger"))
    assert meeting.ballot(5) == "not_allowed"
    assert meeting.ballot(1, charter="against", sequence=1) is None
    assert meeting.ballot(1, charter="abstain", sequence=1) == "sequence_taken"
    assert meeting.ballot(1, charter="against", sequence=1, council=[]) == "sequence_taken"
    assert meeting.ballot(1, charter="against", sequence=1) == "ballot_repeated"
    assert meeting.ballot(1, sequence=2) is None
    assert meeting.ballot(1, charter="abstain", sequence=0) is None
    assert meeting.poll().box.counts == Counts(1, 0, 0)


def test_deadline_and_grace() -> None:
    """P17"""
    meeting = Assembly().voting()
    closes = meeting.poll().box.closes
    meeting.world.pass_to(closes + 60)
    assert meeting.ballot(1, iat=closes + 1) == "voting_closed"
    assert meeting.ballot(1, iat=closes) is None
    meeting.world.wait(1)
    assert meeting.ballot(2, iat=closes) == "voting_closed"
    assert meeting.poll().outcome == "expired"


def test_a_revoked_key() -> None:
    """P10"""
    meeting = Assembly()
    meeting.world.revoke(meeting.founder)  # before there is anything to withdraw
    meeting.voting()
    assert meeting.ballot(1) is None
    meeting.world.revoke(meeting.people[2], suspected_from=0)
    meeting.world.revoke(meeting.people[1], suspected_from=meeting.world.tick)
    assert meeting.poll().box.counts == Counts(0, 0, 0)
    assert meeting.ballot(1, sequence=1) == "key_revoked"


def test_at_most_fifty_ballots() -> None:
    """P19"""
    meeting = Assembly().voting()
    assert all(meeting.ballot(1, sequence=sequence) is None for sequence in range(50))
    assert meeting.ballot(1, sequence=50) == "too_many_ballots"


# --- the result -----------------------------------------------------------------------------------------


def test_the_charter_needs_every_founder() -> None:
    meeting = Assembly().voting()
    for number in range(5):
        assert meeting.ballot(number, charter="for" if number else "against") is None
    assert meeting.minutes(0, "presider") == "not_adopted"
    meeting.close()
    assert (meeting.record().status, meeting.poll().outcome) == ("closed", "rejected")
    assert meeting.minutes(0, "presider") == "not_adopted"
    # Another vote of the same founders, or another charter.
    assert meeting.open() is None
    meeting.close()
    meeting.world.settings.charter = bytes(32)
    assert meeting.open() == "charter_outdated"
    meeting.keys = [Person(f"second letter {number}") for number in range(5)]
    assert meeting.convene(charter=bytes(32)) is None


@pytest.mark.parametrize("place", ["council", "chair", "outside"])
def test_a_charter_without_a_council_founds_nothing(place: str) -> None:
    """A16–A18: every seat and the chair need more than half."""
    meeting = Assembly().voting()
    ids = [person.id for person in meeting.people]
    for number in range(5):
        cases: dict[str, dict[str, Any]] = {
            "council": {"council": ids[:2]},
            "chair": {"chair": ids[number % 4]},
            "outside": {"chair": ids[3]},
        }
        changed = cases[place]
        assert meeting.ballot(number, **changed) is None
    meeting.close()
    assert meeting.poll().outcome == "rejected"


def test_a_ballot_may_leave_seats_and_chair_open() -> None:
    meeting = Assembly().voting()
    for number in range(4):
        assert meeting.ballot(number) is None
    assert meeting.offer_blank(4) is None
    assert founding.count(meeting.world.view("founding"), identifier(meeting.opened)).outcome == "adopted"


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("wrong_reference", {"re": [bytes(32)]}),
        ("result_mismatch", {"result": bytes(32)}),
        ("result_mismatch", {"chair": Person("founder 1").id}),
        ("result_mismatch", {"council": []}),
    ],
)
def test_minutes_refused(code: str, changed: dict[str, Any]) -> None:
    assert Assembly().voted().minutes(0, "presider", **changed) == code


def test_who_signs_the_minutes() -> None:
    """A8: two founders, in two roles."""
    meeting = Assembly().voted()
    meeting.people.append(meeting.world.person("stranger"))
    assert meeting.minutes(5, "presider") == "not_allowed"
    assert meeting.minutes(1, "presider") is None
    assert meeting.minutes(2, "presider") == "minutes_signed"
    assert meeting.minutes(1, "secretary") == "minutes_signed"
    meeting.world.settings.charter = bytes(32)
    assert meeting.minutes(2, "secretary") == "charter_outdated"
    meeting.world.settings.charter = CHARTER
    assert meeting.minutes(2, "secretary") is None


def test_no_minutes_while_the_vote_is_open() -> None:
    meeting = Assembly().voting()
    for number in range(4):
        assert meeting.ballot(number) is None
    assert meeting.minutes(0, "presider") == "voting_open"


@pytest.mark.parametrize("signed", [True, False])
def test_an_adopted_vote_is_not_discarded_by_another_draft(signed: bool) -> None:
    """Until the time to sign its minutes is over no new charter can be put under an adopted vote."""
    meeting = Assembly().voted()
    world = meeting.world
    if signed:
        assert meeting.minutes(0, "presider") is None
    else:
        meeting.close()
    assert founding.voting(world.view("founding"))  # what `cooperative.charter/1` asks
    assert meeting.convene() == "already_convened"
    world.wait(7 * DAY)
    assert founding.voting(world.view("founding"))
    world.wait(2)
    assert not founding.voting(world.view("founding")) and meeting.record().status == "lapsed"
    assert meeting.minutes(1, "secretary") == "not_convened"
    meeting.keys = [Person(f"new letter {number}") for number in range(5)]
    assert meeting.convene() is None


def test_minutes_in_time_end_the_wait() -> None:
    meeting = Assembly().voted()
    assert meeting.minutes(0, "presider") is None and meeting.minutes(1, "secretary") is None
    meeting.world.wait(30 * DAY)
    assert meeting.record().status == "constituted"
