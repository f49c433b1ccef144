"""Seats, matters, ballots and the chair's signature (SPEC §8.2; R80–R82, R133, R134, R199, R200, R207, P10,
P17, P19).
"""

from __future__ import annotations

from typing import Any

import pytest

from protocol.contract import Rejection
from protocol.contracts import council
from protocol.contracts.council import Matter
from protocol.decisions import Counts
from protocol.effects import CouncilConstituted, CouncilDecided, CouncilSeated, MemberNumber
from protocol.identifiers import identifier
from tests.protocol.world import (
    BASIS,
    DAY,
    START,
    Existing,
    Person,
    World,
    appointed,
    seat,
    seats,
)

GRACE = 60


@pytest.fixture
def coop() -> Existing:
    return appointed()


def propose(coop: Existing, by: Person | None = None, **fields: Any) -> str:
    given = {"kind": "free"} | fields
    return identifier(coop.world.do("council.propose/1", by or coop.one, **given).digest)


def vote(
    coop: Existing, id: str, *choices: str | None, voters: tuple[Person, ...] | None = None, sequence: int = 0
) -> None:
    for person, choice in zip(voters or coop.voters, choices, strict=False):
        if choice:
            coop.world.do("council.vote/1", person, id, **ballot(coop, id, choice, sequence))


def ballot(coop: Existing, id: str, choice: str = "for", sequence: int = 0, round: int = 0) -> dict[str, Any]:
    return {
        "matter": id,
        "round": round or matter(coop, id).box.round,
        "choice": choice,
        "sequence": sequence,
    }


def matter(coop: Existing, id: str) -> Matter:
    return coop.world.view("council").need("matter", id, Matter)


def approval(coop: Existing, id: str, outcome: str = "adopted", **changed: Any) -> dict[str, Any]:
    found = matter(coop, id)
    counts = found.box.counts
    return {
        "matter": id,
        "round": found.box.round,
        "outcome": outcome,
        "counts": {"for": counts.for_, "against": counts.against, "abstain": counts.abstain},
        "result": council.result(coop.world.view("council"), id),
    } | changed


def approve(coop: Existing, id: str, outcome: str = "adopted") -> bytes:
    return coop.world.do("council.approve/1", coop.chair, id, **approval(coop, id, outcome)).digest


def close(coop: Existing, id: str) -> None:
    coop.world.pass_to(matter(coop, id).box.until + 1)


# --- seats ----------------------------------------------------------------------------------------------


def test_the_council_is_constituted_when_chair_and_quorum_are_in() -> None:
    """Until then nothing but founding is possible."""
    coop = appointed(accepting=(2, 3, 4, 5))
    view = coop.world.view("council")
    assert not council.constituted(view) and council.chair(view) is None
    assert coop.world.offer("council.propose/1", coop.one, kind="free") == "not_constituted"
    coop.world.sign_rules(coop.chair)
    proof = coop.invitations[1].proof_for(coop.chair, coop.appoint.digest)
    coop.world.do("council.accept/1", coop.chair, re=[coop.appoint.digest], seat=1, proof=proof)
    assert council.constituted(view) and council.chair(view) == coop.chair.id
    everybody = tuple(sorted(person.id for person in coop.voters))
    assert coop.world.named("council.constituted") == [CouncilConstituted(coop.chair.id, everybody)]
    assert council.council(view) == everybody


def test_three_of_four_votes_are_enough() -> None:
    """The quorum of 3/4 is of the voting seats; the accountant's has no vote."""
    assert not appointed(accepting=(1, 2, 5)).world.named("council.constituted")
    coop = appointed(accepting=(1, 2, 3))
    assert len(coop.world.named("council.constituted")) == 1
    # The vacant seat still counts for the quorum of a matter.
    id = propose(coop)
    assert matter(coop, id).box.electorate.size == 4
    vote(coop, id, "for", "for")
    close(coop, id)
    assert matter(coop, id).status == "expired"


def test_roles(coop: Existing) -> None:
    view = coop.world.view("council")
    assert council.roles(view, coop.chair.id) == {"chair", "council"}
    assert council.roles(view, coop.secretary.id) == {"secretary", "council"}
    assert council.roles(view, coop.one.id) == {"council"}
    assert council.roles(view, coop.accountant.id) == {"accountant"}
    assert council.roles(view, coop.founder.id) == frozenset()


def test_who_was_a_member_is_named_to_the_register(coop: Existing) -> None:
    [first, *_, last] = coop.world.named("council.seated")
    assert isinstance(first, CouncilSeated) and isinstance(last, CouncilSeated)
    assert (first.account, first.seat) == (coop.chair.id, 1)
    assert first.member == MemberNumber(7, START - 1000 * DAY)
    assert last.member is None


def place(number: int, **changed: Any) -> dict[str, Any]:
    return seat(number, ["member"]) | changed


@pytest.mark.parametrize(
    ("code", "changed"),
    [
        ("until_passed", {"until": START}),
        ("seat_repeated", {"seats": [*seats(), place(1, invitation=bytes(32))]}),
        ("invitation_repeated", {"seats": [*seats(), place(6, invitation=Person("invitation 1").kid)]}),
        ("number_repeated", {"seats": [*seats(), place(6, member={"number": 7, "since": 0})]}),
        ("chair_seat", {"seats": [place(1), place(2)]}),
        ("chair_seat", {"seats": [place(1, roles=["chair"]), place(2, roles=["chair"])]}),
        ("chair_seat", {"seats": [place(1, roles=["chair"], voting=False)]}),
        ("pack_outdated", {"pack": bytes(32)}),
    ],
)
def test_appointments_that_fit_nothing(code: str, changed: dict[str, Any]) -> None:
    world = World()
    founder = world.person("founder")
    world.settings.founder = founder.id
    fields: dict[str, Any] = {"basis": dict(BASIS), "seats": seats(), "until": START + DAY} | changed
    assert world.offer("council.appoint/1", founder, **fields) == code


def test_who_appoints() -> None:
    fields: dict[str, Any] = {"basis": dict(BASIS), "seats": seats(), "until": START + DAY}
    world = World("new")
    founder, other = world.person("founder"), world.person("other")
    world.settings.founder = founder.id
    assert world.offer("council.appoint/1", founder, **fields) == "wrong_founding"
    world.settings.kind = "existing"
    assert world.offer("council.appoint/1", other, **fields) == "not_allowed"
    assert world.offer("council.appoint/1", founder, founder.id, **fields) == "wrong_subject"
    world.do("council.appoint/1", founder, **fields)
    assert world.offer("council.appoint/1", founder, **fields) == "already_appointed"


def test_accepting_a_seat() -> None:
    coop = appointed(accepting=(1,))
    world, digest = coop.world, coop.appoint.digest

    def accept(person: Person, number: int, **changed: Any) -> str | None:
        proof = coop.invitations[min(number, 5)].proof_for(person, digest)
        fields: dict[str, Any] = {"re": [digest], "seat": number, "proof": proof} | changed
        return world.offer("council.accept/1", person, **fields)

    assert accept(coop.one, 3) == "agreement_missing"
    world.sign_rules(coop.one)
    assert accept(coop.one, 9) == "unknown_seat"
    assert accept(coop.one, 1) == "seat_taken"
    assert accept(coop.one, 3, re=[bytes(32)]) == "wrong_reference"
    assert accept(coop.one, 3, proof=bytes(64)) == "no_possession"
    # P8: a proof made for one person is worth nothing to another, nor that of another invitation.
    assert accept(coop.one, 3, proof=coop.invitations[3].proof_for(coop.two, digest)) == "no_possession"
    assert accept(coop.one, 3, proof=coop.invitations[4].proof_for(coop.one, digest)) == "no_possession"
    assert accept(coop.one, 3) is None
    assert accept(coop.one, 4) == "already_seated"
    assert accept(coop.chair, 2) == "already_seated"
    statement = world.statement(
        "council.accept/1", coop.two, coop.two.id, re=[digest], seat=4, proof=bytes(64)
    )
    assert world.decide(statement) == Rejection("wrong_subject", "sub", {"expected": statement.aud})


def test_a_lost_invitation_is_replaced() -> None:
    coop = appointed(accepting=(1, 2))
    world, spare = coop.world, Person("spare")
    fields: dict[str, Any] = {"seat": 4, "invitation": spare.kid}
    assert world.offer("council.reinvite/1", coop.two, **fields) == "not_allowed"
    assert world.offer("council.reinvite/1", coop.founder, coop.founder.id, **fields) == "wrong_subject"
    assert world.offer("council.reinvite/1", coop.founder, **fields | {"seat": 9}) == "unknown_seat"
    assert world.offer("council.reinvite/1", coop.founder, **fields | {"seat": 1}) == "seat_taken"
    used = coop.invitations[3].kid
    assert (
        world.offer("council.reinvite/1", coop.founder, **fields | {"invitation": used})
        == "invitation_repeated"
    )
    again = world.do("council.reinvite/1", coop.founder, **fields)
    world.sign_rules(coop.two)
    old = coop.invitations[4].proof_for(coop.two, coop.appoint.digest)
    accept: dict[str, Any] = {"re": [coop.appoint.digest], "seat": 4, "proof": old}
    assert world.offer("council.accept/1", coop.two, **accept) == "wrong_reference"
    proof = spare.proof_for(coop.two, again.digest)
    world.do("council.accept/1", coop.two, re=[again.digest], seat=4, proof=proof)
    # Three of four are in: from here on it is the chair's to do.
    fields = {"seat": 3, "invitation": Person("other").kid}
    assert world.offer("council.reinvite/1", coop.founder, **fields) == "not_allowed"
    assert world.offer("council.reinvite/1", coop.chair, **fields) == "invitation_fresh"
    world.wait(7 * DAY - 1)
    assert world.offer("council.reinvite/1", coop.chair, **fields) == "invitation_fresh"
    world.wait(1)
    world.do("council.reinvite/1", coop.chair, **fields)
    fields["invitation"] = Person("third").kid
    assert world.offer("council.reinvite/1", coop.chair, **fields) == "invitation_fresh"


# --- proposals ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        ("exclusive_competence", {"kind": "exclude"}),
        ("exclusive_competence", {"kind": "officer", "roles": ["chair"]}),
        ("kind_not_proposable", {"kind": "admission"}),
        ("roles_unexpected", {"kind": "free", "roles": ["secretary"]}),
        ("officer_incomplete", {"kind": "officer", "roles": ["secretary"]}),
        ("officer_incomplete", {"kind": "officer", "roles": ["king"], "subject": "founder"}),
        ("officer_incomplete", {"kind": "officer", "roles": ["secretary"] * 2, "subject": "founder"}),
        ("officer_incomplete", {"kind": "officer", "subject": "founder"}),
        ("unknown_account", {"kind": "officer", "roles": ["secretary"], "subject": "nobody"}),
    ],
)
def test_proposals_refused(coop: Existing, code: str, fields: dict[str, Any]) -> None:
    named = {"subject": Person(fields["subject"]).id} if "subject" in fields else {}
    assert coop.world.offer("council.propose/1", coop.one, **fields | named) == code


def test_the_way_to_the_meeting_is_named(coop: Existing) -> None:
    refusal = coop.world.decide(coop.world.statement("council.propose/1", coop.one, kind="exclude"))
    assert refusal == Rejection("exclusive_competence", "kind", {"matter": "exclude", "way": "agenda"})


def test_only_the_council_proposes(coop: Existing) -> None:
    """R81"""
    for person in (coop.accountant, coop.founder):
        assert coop.world.offer("council.propose/1", person, kind="free") == "not_allowed"
    assert coop.world.offer("council.propose/1", coop.one, coop.one.id, kind="free") == "wrong_subject"


def test_a_matter_freezes_its_rule(coop: Existing) -> None:
    id = propose(coop)
    coop.world.settings.rules |= {
        "council.quorum": [1, 1],
        "council.tie": "fails",
        "council.majority": [3, 4],
    }
    rule = matter(coop, id).rule
    assert (rule.quorum, rule.majority, rule.strict, rule.casting) == ((3, 4), (1, 2), True, coop.chair.id)
    later = matter(coop, propose(coop)).rule
    assert (later.quorum, later.majority, later.strict, later.casting) == ((1, 1), (3, 4), False, None)


# --- voting ---------------------------------------------------------------------------------------------


def test_votes_refused(coop: Existing) -> None:
    world, id = coop.world, propose(coop)
    assert world.offer("council.vote/1", coop.accountant, id, **ballot(coop, id)) == "not_allowed"
    assert world.offer("council.vote/1", coop.founder, id, **ballot(coop, id)) == "not_allowed"
    assert world.offer("council.vote/1", coop.one, id, **ballot(coop, id, round=2)) == "wrong_round"
    assert world.offer("council.vote/1", coop.one, coop.one.id, **ballot(coop, id)) == "wrong_subject"
    unknown = identifier(bytes(32))
    assert (
        world.offer("council.vote/1", coop.one, unknown, **ballot(coop, id) | {"matter": unknown})
        == "unknown_matter"
    )
    assert world.offer("council.vote/1", coop.one, id, **ballot(coop, id, sequence=17)) == "sequence_too_far"
    vote(coop, id, "for", voters=(coop.one,))
    assert world.offer("council.vote/1", coop.one, id, **ballot(coop, id, "against")) == "sequence_taken"
    assert world.offer("council.vote/1", coop.one, id, **ballot(coop, id)) == "ballot_repeated"
    for sequence in range(1, 50):
        vote(coop, id, "for", voters=(coop.one,), sequence=sequence)
    assert world.offer("council.vote/1", coop.one, id, **ballot(coop, id, sequence=50)) == "too_many_ballots"


def test_a_seat_taken_later_has_no_vote_in_this_matter() -> None:
    coop = appointed(accepting=(1, 2, 3))
    before = propose(coop)
    coop.world.sign_rules(coop.two)
    proof = coop.invitations[4].proof_for(coop.two, coop.appoint.digest)
    coop.world.do("council.accept/1", coop.two, re=[coop.appoint.digest], seat=4, proof=proof)
    assert coop.world.offer("council.vote/1", coop.two, before, **ballot(coop, before)) == "not_allowed"
    vote(coop, propose(coop), "for", voters=(coop.two,))


def test_a_vote_is_changed_until_the_close(coop: Existing) -> None:
    """P19: and an older number that arrives late changes nothing."""
    id = propose(coop)
    vote(coop, id, "for", voters=(coop.one,), sequence=2)
    vote(coop, id, "against", voters=(coop.one,), sequence=3)
    vote(coop, id, "abstain", voters=(coop.one,), sequence=1)
    assert matter(coop, id).box.counts == Counts(0, 1, 0)


def test_deadline_and_grace(coop: Existing) -> None:
    """P17"""
    world, id = coop.world, propose(coop)
    closes = matter(coop, id).box.closes
    assert closes == world.tick + 3 * DAY
    world.pass_to(closes + GRACE)
    late = ballot(coop, id)
    assert world.offer("council.vote/1", coop.one, id, iat=closes + 1, **late) == "voting_closed"
    assert world.offer("council.vote/1", coop.one, id, iat=closes, **late) is None
    world.wait(1)
    assert world.offer("council.vote/1", coop.two, id, iat=closes, **late) == "matter_closed"


def test_a_revoked_key_in_an_open_matter(coop: Existing) -> None:
    """P10: suspected ballots are withdrawn, an earlier one of another key counts again."""
    world, id, other = coop.world, propose(coop), propose(coop)
    stolen = coop.one.second()
    vote(coop, id, "for", voters=(coop.one,), sequence=0)
    world.wait(100)
    vote(coop, id, "against", voters=(stolen,), sequence=1)
    vote(coop, other, "against", voters=(stolen,), sequence=0)
    world.revoke(stolen, suspected_from=world.tick)
    assert matter(coop, id).box.counts == Counts(1, 0, 0)
    assert matter(coop, other).box.counts == Counts(0, 0, 0)
    assert world.offer("council.vote/1", stolen, id, **ballot(coop, id, sequence=5)) == "key_revoked"
    vote(coop, other, "for", voters=(coop.one,), sequence=0)
    vote(coop, id, "for", "for", None, "for")
    approve(coop, id)


def test_a_revoked_key_after_the_close_is_only_flagged(coop: Existing) -> None:
    """P10"""
    id = propose(coop)
    vote(coop, id, "for", "for", "for")
    close(coop, id)
    coop.world.revoke(coop.one)
    assert not matter(coop, id).suspected
    coop.world.revoke(coop.one, suspected_from=START)
    assert matter(coop, id).suspected and matter(coop, id).box.counts == Counts(3, 0, 0)
    coop.world.revoke(coop.two, suspected_from=START)  # has not voted


# --- the chair ------------------------------------------------------------------------------------------


def test_no_decision_without_the_chair(coop: Existing) -> None:
    """R82, R207: adopted by all, and still nothing until the signature."""
    id = propose(coop, kind="officer", subject=coop.founder.id, roles=["secretary", "accountant"])
    vote(coop, id, "for", "for", "for", "for")
    close(coop, id)
    assert matter(coop, id).status == "decided"
    assert council.roles(coop.world.view("council"), coop.founder.id) == frozenset()
    assert not coop.world.named("council.decided")
    digest = approve(coop, id)
    assert council.roles(coop.world.view("council"), coop.founder.id) == {"secretary", "accountant"}
    [decided] = coop.world.named("council.decided")
    assert decided == CouncilDecided(
        id, "officer", "adopted", (), coop.founder.id, ("accountant", "secretary"), digest
    )
    found = council.adopted(coop.world.view("council"), digest)
    assert found is not None and found.kind == "officer"
    assert not coop.world.deadlines


def test_an_office_ends_by_decision(coop: Existing) -> None:
    for roles in (["secretary"], []):
        id = propose(coop, kind="officer", subject=coop.founder.id, roles=roles)
        vote(coop, id, "for", "for", "for")
        approve(coop, id)
        assert council.roles(coop.world.view("council"), coop.founder.id) == set(roles)


def test_p3_the_chair_has_verified_a_tree_that_holds_the_matter(coop: Existing) -> None:
    id = propose(coop)
    vote(coop, id, "for", "for", "for")
    opened = matter(coop, id).box.electorate.index
    old = {**approval(coop, id), "seen": opened}
    assert coop.world.offer("council.approve/1", coop.chair, id, **old) == "seen_too_old"
    coop.world.do("council.approve/1", coop.chair, id, **{**old, "seen": opened + 1})


def test_a_settled_vote_needs_not_wait(coop: Existing) -> None:
    id = propose(coop)
    vote(coop, id, "for", "for")
    assert coop.world.offer("council.approve/1", coop.chair, id, **approval(coop, id)) == "not_settled"
    assert coop.world.offer("council.return/1", coop.chair, id, matter=id, round=1) == "not_settled"
    vote(coop, id, None, None, "for")
    approve(coop, id)
    assert coop.world.offer("council.vote/1", coop.two, id, **ballot(coop, id)) == "matter_closed"


def test_the_chairs_ballot_decides_a_tie(coop: Existing) -> None:
    """R199, R200"""
    for choices, outcome in (
        (("for", "for", "against", "against"), "adopted"),
        (("against", "for", "for", "against"), "rejected"),
    ):
        id = propose(coop)
        vote(coop, id, *choices)
        approve(coop, id, outcome)
        assert coop.world.named("council.decided")[-1].outcome == outcome
    assert council.adopted(coop.world.view("council"), bytes(32)) is None


def test_a_rejection_is_signed_too(coop: Existing) -> None:
    id = propose(coop, kind="officer", subject=coop.founder.id, roles=["secretary"])
    vote(coop, id, "against", "against", "against")
    digest = approve(coop, id, "rejected")
    assert council.roles(coop.world.view("council"), coop.founder.id) == frozenset()
    assert council.adopted(coop.world.view("council"), digest) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"outcome": "rejected"},
        {"counts": {"for": 4, "against": 0, "abstain": 0}},
        {"result": bytes(32)},
    ],
)
def test_the_chair_signs_what_the_log_says(coop: Existing, changed: dict[str, Any]) -> None:
    id = propose(coop)
    vote(coop, id, "for", "for", "for")
    assert (
        coop.world.offer("council.approve/1", coop.chair, id, **approval(coop, id, **changed))
        == "result_mismatch"
    )


def test_only_the_chair_signs(coop: Existing) -> None:
    id = propose(coop)
    vote(coop, id, "for", "for", "for")
    assert coop.world.offer("council.approve/1", coop.one, id, **approval(coop, id)) == "not_allowed"
    assert coop.world.offer("council.return/1", coop.one, id, matter=id, round=1) == "not_allowed"
    assert (
        coop.world.offer("council.approve/1", coop.chair, id, **approval(coop, id, round=2)) == "wrong_round"
    )


def test_without_quorum_or_chair_a_matter_expires(coop: Existing) -> None:
    for choices in (("for", "for"), (None, "for", "for", "for")):
        id = propose(coop)
        vote(coop, id, *choices)
        close(coop, id)
        assert matter(coop, id).status == "expired"
        assert coop.world.named("council.decided")[-1].outcome == "expired"
        assert coop.world.offer("council.approve/1", coop.chair, id, **approval(coop, id)) == "matter_closed"


def test_unsigned_it_lapses(coop: Existing) -> None:
    """A20"""
    id = propose(coop)
    vote(coop, id, "for", "for", "for")
    close(coop, id)
    sign_by = matter(coop, id).sign_by
    assert sign_by == coop.world.tick + 5 * DAY
    coop.world.pass_to(sign_by)
    assert matter(coop, id).status == "decided"
    coop.world.wait(1)
    assert matter(coop, id).status == "lapsed"
    assert coop.world.named("council.decided")[-1].outcome == "lapsed"
    assert coop.world.offer("council.approve/1", coop.chair, id, **approval(coop, id)) == "matter_closed"


@pytest.mark.parametrize("wait", [True, False])
def test_returned_to_the_next_round(coop: Existing, wait: bool) -> None:
    """A20: the old ballots stay with the old round."""
    id = propose(coop)
    vote(coop, id, "for", "for", "for")
    if wait:
        close(coop, id)
    returned = coop.world.do("council.return/1", coop.chair, id, matter=id, round=1)
    found = matter(coop, id)
    assert (found.status, found.box.round, found.box.counts) == ("open", 2, Counts(0, 0, 0))
    assert found.returns == (returned.digest,) and found.box.closes == coop.world.tick + 3 * DAY
    assert coop.world.offer("council.vote/1", coop.one, id, **ballot(coop, id, round=1)) == "wrong_round"
    vote(coop, id, "against", "against", "against")
    approve(coop, id, "rejected")
    assert not coop.world.deadlines


def test_comments(coop: Existing) -> None:
    id = propose(coop)
    coop.world.do("council.comment/1", coop.two, id, matter=id)
    coop.world.do("council.comment/1", coop.secretary, id, matter=id)
    assert coop.world.offer("council.comment/1", coop.accountant, id, matter=id) == "not_allowed"
    close(coop, id)
    assert coop.world.offer("council.comment/1", coop.two, id, matter=id) == "matter_closed"


# --- limits ---------------------------------------------------------------------------------------------


def test_one_proposer_has_so_many_matters_open(coop: Existing) -> None:
    world = coop.world
    for _ in range(3):
        world.do("council.propose/1", coop.one, kind="free")
    assert world.offer("council.propose/1", coop.one, kind="free") == "too_many_proposals"
    world.do("council.propose/1", coop.two, kind="free")
    world.wait(4 * DAY)
    world.do("council.propose/1", coop.one, kind="free")


def test_a_matter_is_returned_so_often(coop: Existing) -> None:
    id = propose(coop)
    for round in (1, 2, 3):
        for person in coop.voters:
            coop.world.do("council.vote/1", person, id, **ballot(coop, id))
        code = coop.world.offer("council.return/1", coop.chair, id, matter=id, round=round)
        assert code == ("too_many_rounds" if round == 3 else None)
    approve(coop, id)
