"""Erasing private records: who may ask for which, when, and what law keeps (SPEC §8.5, P21)."""

from __future__ import annotations

from typing import Any

import pytest

from protocol.contracts import vault
from protocol.documents import Statement
from protocol.identifiers import identifier
from tests.protocol.test_membership import Applying, Enrolling
from tests.protocol.world import COOPERATIVE, DAY, Existing, Person, appointed

RETAIN = 30 * DAY


@pytest.fixture
def coop() -> Existing:
    return appointed()


def erase(
    coop: Existing, *documents: bytes, ground: str = "retention", by: Person | None = None
) -> str | None:
    return coop.world.offer(
        "vault.erase/1", by or coop.secretary, COOPERATIVE, re=list(documents), ground=ground
    )


def identification(way: Applying) -> Statement:
    assert way.apply() is None and way.identify() is None
    assert way.world.last is not None
    return way.world.last


def erased(coop: Existing, digest: bytes) -> bool:
    return vault.is_erased(coop.world.view("vault"), digest)


def test_an_application_that_came_to_nothing_is_erased_after_its_term(coop: Existing) -> None:
    way = Applying(coop)
    identified = identification(way)
    assert erase(coop, way.digest) == "record_kept", "it is under way"
    assert way.incomplete() is None
    assert coop.world.last is not None
    returned = coop.world.last.digest
    coop.world.wait(RETAIN - 1)
    assert erase(coop, way.digest) == "term_running"
    coop.world.wait(1)
    assert erase(coop, way.digest, identified.digest, returned, by=coop.chair) is None
    assert all(erased(coop, digest) for digest in (way.digest, identified.digest, returned))
    assert vault.tally(coop.world.view("vault")) == 3


@pytest.mark.parametrize("end", ["refused", "withdrawn", "undecided", "lapsed"])
def test_whatever_way_it_ended(coop: Existing, end: str) -> None:
    way = Applying(coop).until({"refused": "complete", "lapsed": "admitted"}.get(end, "identified"))
    if end == "refused":
        assert way.decide("against") is None
    elif end == "withdrawn":
        assert way.withdraw() is None
    else:
        coop.world.wait(31 * DAY)
    assert way.status == end
    coop.world.wait(RETAIN)
    assert erase(coop, way.digest) is None


def test_members_records_are_kept(coop: Existing) -> None:
    way = Applying(coop)
    identified = identification(way)
    assert way.complete() is None and way.decide() is None and way.pay() is None
    assert coop.world.last is not None
    paid, old = coop.world.last.digest, Enrolling(coop)
    assert old.enrol() is None
    coop.world.sign_rules(old.person)
    assert old.accept() is None
    accepted = coop.world.last.digest
    coop.world.wait(1000 * DAY)
    coop.world.do("consent.withdraw/1", way.person, way.person.id, re=[consent_of(coop, way.person)])
    for ground in ("retention", "consent", "mistake"):
        for kept in (
            way.digest,
            identified.digest,
            paid,
            old.digest,
            accepted,
            coop.appoint.digest,
            bytes(32),
        ):
            assert erase(coop, kept, ground=ground) == "record_kept"


def consent_of(coop: Existing, person: Person) -> bytes:
    from protocol.contracts import consents
    from protocol.identifiers import parse_identifier

    current = coop.world.view("consent").need("current", f"{person.id}/membership", consents.Current)
    return parse_identifier(current.consent)


def test_who_withdraws_the_consent_need_not_wait(coop: Existing) -> None:
    way = Applying(coop).until("identified")
    assert way.withdraw() is None
    assert erase(coop, way.digest, ground="consent") == "wrong_ground"
    coop.world.do("consent.withdraw/1", way.person, way.person.id, re=[consent_of(coop, way.person)])
    assert erase(coop, way.digest) == "term_running"
    assert erase(coop, way.digest, ground="mistake") == "wrong_ground"
    assert erase(coop, way.digest, ground="consent") is None


def test_a_voided_enrolment_with_the_letters_it_replaced(coop: Existing) -> None:
    old = Enrolling(coop)
    assert old.enrol() is None
    first, old.key = old.digest, Person("second letter")
    assert old.enrol() is None
    assert erase(coop, first, ground="mistake") == "record_kept", "the person is still invited"
    assert coop.world.offer("membership.void/1", coop.secretary, None, re=[old.digest]) is None
    assert coop.world.last is not None
    void = coop.world.last.digest
    assert erase(coop, first, ground="retention") == "wrong_ground"
    assert erase(coop, first, old.digest, void, ground="mistake") is None
    # The number is another person's now: the end of the former says nothing about theirs.
    again = Enrolling(coop)
    again.key = Person("third letter")
    assert again.enrol() is None
    assert erase(coop, again.digest, ground="mistake") == "record_kept"


def test_p21_an_erasure_is_signed_by_an_officer_for_this_cooperative_once(coop: Existing) -> None:
    way = Applying(coop).until("applied")
    other = Applying(coop, "another").until("applied")
    assert way.withdraw() is None and other.withdraw() is None
    coop.world.wait(RETAIN)
    for nobody in (way.person, coop.one, coop.accountant, coop.founder):
        assert erase(coop, way.digest, by=nobody) == "not_allowed"
    offered: dict[str, Any] = {"re": [way.digest], "ground": "retention"}
    assert coop.world.offer("vault.erase/1", coop.secretary, coop.secretary.id, **offered) == "wrong_subject"
    assert erase(coop, way.digest, way.digest) == "record_erased", "named twice"
    assert erase(coop, way.digest, bytes(32)) == "record_kept"
    assert not erased(coop, way.digest), "all or none"
    assert erase(coop, way.digest) is None
    assert erase(coop, other.digest, way.digest) == "record_erased"
    assert erase(coop, other.digest) is None


def test_nobody_erases_their_own(coop: Existing) -> None:
    coop = appointed(chair=None)
    way = Applying(coop, person=coop.chair).until("applied")
    assert way.withdraw() is None
    coop.world.wait(RETAIN)
    assert erase(coop, way.digest, by=coop.chair) == "own_record"
    assert erase(coop, way.digest) is None
    assert erased(coop, way.digest) and way.id == identifier(way.digest)
