"""What members ask of the council: petitions and leaving (SPEC §8.3.1; R80, law 3085-1 art. 13)."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.contracts import council, membership
from protocol.contracts.council import Council, Holder, Matter, Office, Seat
from protocol.contracts.membership import Asking, Former, Member, Request
from protocol.identifiers import identifier
from tests.protocol.test_membership import Applying
from tests.protocol.world import DAY, Existing, Person, appointed


@pytest.fixture
def coop() -> Existing:
    return appointed()


class Asks:
    """A member and what they ask."""

    def __init__(self, coop: Existing, person: Person | None = None) -> None:
        self.coop, self.world = coop, coop.world
        self.person = person or Applying(coop, "member").until("member").person

    def ask(self, type: str = "membership.petition/1", **fields: Any) -> str | None:
        code = self.world.offer(type, self.person, self.person.id, **fields)
        if code is None:
            assert self.world.last is not None
            self.digest = self.world.last.digest
            self.id = identifier(self.digest)
        return code

    def leave(self) -> str | None:
        return self.ask("membership.leave/1")

    def withdraw(self, signer: Person | None = None) -> str | None:
        return self.world.offer("membership.withdraw/1", signer or self.person, self.id, re=[self.digest])

    def decide(self, choice: str = "for") -> None:
        ballot = {"matter": self.id, "round": 1, "choice": choice, "sequence": 0}
        for voter in self.coop.voters[:3]:
            self.world.do("council.vote/1", voter, self.id, **ballot)
        self.world.do(
            "council.approve/1",
            self.coop.chair,
            self.id,
            matter=self.id,
            round=1,
            outcome="adopted" if choice == "for" else "rejected",
            counts={"for": 0, "against": 0, "abstain": 0} | {choice: 3},
            result=council.result(self.world.view("council"), self.id),
        )

    @property
    def request(self) -> Request:
        return self.world.view("membership").need("request", self.id, Request)

    @property
    def matter(self) -> Matter:
        return self.world.view("council").need("matter", self.id, Matter)

    def is_member(self) -> bool:
        return membership.is_member(self.world.view("membership"), self.person.id)


def test_a_petition_opens_a_matter_with_a_clock(coop: Existing) -> None:
    asks = Asks(coop)
    now = coop.world.tick
    assert asks.ask() is None
    assert (asks.matter.kind, asks.matter.status, asks.matter.subject) == ("petition", "open", asks.person.id)
    # The chair's five days fit before the term of thirty.
    assert asks.request.decide_by == now + 30 * DAY and asks.matter.box.closes == now + 25 * DAY
    asks.decide()
    assert asks.request.status == "adopted" and asks.request.decision == asks.matter.approval
    assert asks.is_member(), "a petition changes no membership"


def test_a_petition_refused_or_left_alone(coop: Existing) -> None:
    asks = Asks(coop)
    asks.ask()
    asks.decide("against")
    assert asks.request.status == "rejected"
    asks.ask()
    coop.world.wait(31 * DAY)
    assert (asks.request.status, asks.matter.status) == ("undecided", "expired")
    assert coop.world.view("membership").get("asking", asks.person.id, Asking) is None


def test_a_vote_the_chair_does_not_sign_leaves_it_undecided(coop: Existing) -> None:
    asks = Asks(coop)
    asks.ask()
    for voter in coop.voters[:3]:
        coop.world.do("council.vote/1", voter, asks.id, matter=asks.id, round=1, choice="for", sequence=0)
    coop.world.wait(26 * DAY)
    assert asks.matter.status == "decided" and asks.request.status == "open"
    coop.world.wait(6 * DAY)
    assert (asks.matter.status, asks.request.status) == ("lapsed", "undecided")


def test_taken_back_while_nothing_is_decided(coop: Existing) -> None:
    asks = Asks(coop)
    asks.ask()
    assert asks.withdraw(coop.one) == "not_yours"
    assert asks.withdraw() is None
    assert (asks.request.status, asks.matter.status) == ("withdrawn", "cancelled")
    assert asks.withdraw() == "wrong_status"


def test_leaving_takes_effect_with_the_chairs_signature(coop: Existing) -> None:
    asks = Asks(coop)
    before = membership.register(coop.world.view("membership"))
    number = coop.world.view("membership").need("member", asks.person.id, Member).number
    assert asks.leave() is None
    assert asks.is_member() and asks.leave() == "request_open"
    asks.decide()
    assert not asks.is_member()
    former = coop.world.view("membership").need("former", asks.person.id, Former)
    assert (former.number, former.basis) == (number, asks.matter.approval)
    after = membership.register(coop.world.view("membership"))
    assert (after.members, after.largest) == (before.members - 1, before.largest)
    assert asks.leave() == "not_member"
    # and back again, under a number of its own
    again = Applying(coop, person=asks.person).until("member")
    assert coop.world.view("membership").need("member", again.person.id, Member).number == number + 1


def test_nobody_is_kept_against_their_will(coop: Existing) -> None:
    asks = Asks(coop)
    asks.leave()
    coop.world.wait(31 * DAY)
    assert asks.request.status == "undecided" and not asks.is_member()
    former = coop.world.view("membership").need("former", asks.person.id, Former)
    assert former.basis == asks.digest


def test_a_refused_leave_changes_nothing(coop: Existing) -> None:
    asks = Asks(coop)
    asks.leave()
    asks.decide("against")
    assert asks.request.status == "rejected" and asks.is_member()


def test_who_leaves_holds_neither_seat_nor_office(coop: Existing) -> None:
    asks = Asks(coop, coop.one)
    before = coop.world.view("council").need("council", "current", Council)
    assert asks.leave() is None
    asks.decide()
    view = coop.world.view("council")
    assert view.get("holder", coop.one.id, Holder) is None and view.get("office", coop.one.id, Office) is None
    assert view.need("seat", "3", Seat).account is None
    assert view.need("council", "current", Council).filled == before.filled - 1
    assert coop.one.id not in council.council(view)


def test_the_chair_hands_over_first(coop: Existing) -> None:
    assert Asks(coop, coop.chair).leave() == "chair_leaves"


def test_strangers_ask_nothing(coop: Existing) -> None:
    stranger = Asks(coop, coop.world.person("stranger"))
    assert stranger.ask() == "not_member" and stranger.leave() == "not_member"
    asks = Asks(coop)
    assert coop.world.offer("membership.petition/1", asks.person, coop.one.id) == "wrong_subject"


def test_so_many_petitions_at_a_time(coop: Existing) -> None:
    asks = Asks(coop)
    for _ in range(5):
        assert asks.ask() is None
    assert asks.ask() == "too_many_requests_open"
    assert asks.withdraw() is None and asks.ask() is None
