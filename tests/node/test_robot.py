"""The council's robot on a real node: an admission without a human hand, and what it leaves to people
(R83–R85)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from coopnode.council.service import NotPossible
from coopnode.membership.projection import applications
from coopnode.notifications.kinds import KINDS
from coopnode.outbox import Outbox
from coopnode.robot import keys
from coopnode.robot.job import Worker
from coopnode.robot.projection import LENT
from coopnode.robot.service import Robot
from coopnode.store.schema import outbox
from coopnode.store.sql import select
from protocol import documents, signatures
from protocol.contract import View
from protocol.contracts import council
from protocol.contracts.council.statements import AutomationTerms
from protocol.identifiers import identifier, parse_identifier
from tests.node.council_kit import DAY, Table, table

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))


class Office:
    """A table whose council lets a robot admit members."""

    def __init__(self, made: Table) -> None:
        self.table = made
        self.robot = Robot(made.node, made.service)
        self.worker = Worker(made.node)

    def terms(self, **changed: Any) -> AutomationTerms:
        until = self.table.clock.peek() + 100 * DAY
        found: dict[str, Any] = {
            "kinds": ("admission",),
            "persons": ("person",),
            "level": 1,
            "per_day": 20,
            "until": until,
        }
        return AutomationTerms(**(found | {"chair": True} | changed))

    async def decide(self, terms: AutomationTerms | None) -> None:
        one = self.table["one"]
        item = await self.robot.propose(one.id, terms, "О роботе совета", "Поручить роботу приём.")
        matter = identifier((await self.table.must(one, item)).digest)
        await self.table.vote(matter, chair="for", secretary="for", accountant="for", one="for")
        await self.table.approve(matter)

    async def lend(self, key: str, *acts: Any, until: int | None = None, max_sum: int | None = None) -> None:
        who = self.table[key]
        until = until or self.table.clock.peek() + 50 * DAY
        await self.table.must(who, await self.robot.lend(who.id, acts, until, max_sum))

    async def lend_all(self) -> None:
        await self.decide(self.terms())
        await self.lend("chair", "vote", "approve")
        await self.lend("secretary", "complete", "vote")
        for key in ("accountant", "one"):
            await self.lend(key, "vote")

    async def applied(self, name: str = "Иванова Мария Сергеевна", place: int = 1, **changed: Any) -> str:
        """An identified application of somebody who has nothing in common with anybody."""
        own = {"phone": f"+7 911 111-11-{place:02}", "email": f"applicant{place}@example.org"}
        return await self.table.identified(name, f"applicant{place}", **(own | changed))

    async def work(self) -> int:
        """Turn after turn until nothing is left to do."""
        done = 0
        for _ in range(10):
            await self.table.published()
            acted = await self.worker.work()
            done += acted
            if not acted:
                return done
        raise AssertionError("the robot does not come to an end")

    async def status(self, id: str) -> str:
        query = select(applications.c.status).where(applications.c.id == id)
        found = await self.table.node.database.read(lambda connection: connection.execute(query).scalar_one())
        return str(found)


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator[Office]:
    made = await table(tmp_path / "data")
    yield Office(made)
    await made.stop()


async def test_an_admission_without_a_human_hand(office: Office) -> None:
    await office.lend_all()
    id = await office.applied()
    # sent on, four votes, the chair's signature
    assert await office.work() == 6
    assert await office.status(id) == "admitted"
    chair = office.table["chair"].id
    review = await office.robot.review(chair, 0, office.table.clock.peek() + 1)
    (line,) = review.done
    assert (line.number, line.chip) == (2, "adopted")
    assert line.sent == (office.table.names["secretary"],) and line.signed == (office.table.names["chair"],)
    assert set(line.voted) == {office.table.names[key] for key in ("chair", "secretary", "accountant", "one")}
    page = await office.table.service.matter(line.matter, chair)
    assert page is not None
    assert [vote.robot for vote in page.votes] == [True, True, True, True, False]


async def test_it_says_whether_it_needs_people(office: Office) -> None:
    chair = office.table["chair"].id
    found = await office.robot.overview(chair)
    assert found.automation is None and not found.active and not found.complete
    await office.lend_all()
    found = await office.robot.overview(chair)
    assert found.active and found.complete and (found.votes, found.needed) == (4, 4)
    assert found.decision is not None and found.decision.number == 1
    assert found.mine is not None and found.mine.acts == ("vote", "approve")
    two = await office.robot.overview(office.table["two"].id)
    assert two.mine is None and two.able == ("vote",)
    item = await office.robot.take_back(office.table["one"].id)
    await office.table.must(office.table["one"], item)
    found = await office.robot.overview(chair)
    assert found.active and not found.complete and found.votes == 3


async def test_what_is_doubtful_waits_for_people(office: Office) -> None:
    """A namesake with the same day of birth, somebody's telephone, somebody under age."""
    await office.lend_all()
    namesake = await office.table.identified("Васильев Петр Андреевич", "namesake")
    phone = await office.table.identified(
        "Новикова Анна Олеговна",
        "phone",
        birth_date="1990-02-03",
        phone="8 900 000-00-00",
        email="n@example.org",
    )
    young = await office.table.identified(
        "Белов Иван Ильич", "young", birth_date="2009-02-03", phone="+7 911 111-11-11", email="b@example.org"
    )
    assert await office.work() == 0
    for id in (namesake, phone, young):
        assert await office.status(id) == "identified"
    review = await office.robot.review(office.table["chair"].id, 0, office.table.clock.peek() + 1)
    why = {line.id: raised for line, raised in review.left}
    assert "same_person" in why[namesake] and "same_contact" in why[phone] and "young" in why[young]


async def test_years_are_counted_by_the_clock_of_the_cooperative(office: Office) -> None:
    """An hour after midnight in Moscow; in UTC it is the day before."""
    made, now = office.table, office.table.clock.peek()
    await made.wait(DAY - now % DAY + 22 * 3600)
    today = datetime.fromtimestamp(made.clock.peek(), UTC).date() + timedelta(days=1)
    adult = today.replace(year=today.year - 18)
    young = adult + timedelta(days=1)
    ids = {
        born: await office.applied(name, place, birth_date=born.isoformat())
        for name, place, born in (("Белов Иван Ильич", 1, adult), ("Серова Анна Львовна", 2, young))
    }
    review = await office.robot.review(made["chair"].id, 0, made.clock.peek() + 1)
    assert {line.id: raised[0] for line, raised in review.left} == {ids[young]: "young"}


async def test_one_telephone_is_one_however_it_is_written(office: Office) -> None:
    first = await office.applied("Белов Иван Ильич", 1, phone="8 (911) 000-00-01")
    second = await office.applied("Серова Анна Львовна", 2, phone="+79110000001")
    review = await office.robot.review(office.table["chair"].id, 0, office.table.clock.peek() + 1)
    why = {line.id: raised[0] for line, raised in review.left}
    assert why == {first: "same_contact", second: "same_contact"}


async def test_what_somebody_might_have_looked_at_is_shown(office: Office) -> None:
    await office.lend_all()
    await office.applied(method="video")
    assert await office.work() == 6
    review = await office.robot.review(office.table["chair"].id, 0, office.table.clock.peek() + 1)
    assert review.looked == 1 and "by_video" in review.done[0].doubts


async def test_whoever_has_voted_in_person_is_left_alone(office: Office) -> None:
    await office.lend_all()
    id = await office.applied()
    complete: dict[str, Any] = {"re": [parse_identifier(id)]}
    done = await office.table.coop.must(office.table["secretary"], "membership.complete/1", complete, sub=id)
    matter = identifier(done.digest)
    await office.table.vote(matter, one="against", two="against")
    await office.work()
    page = await office.table.service.matter(matter, office.table["one"].id)
    assert page is not None and page.line.mine == "against"
    assert [vote.robot for vote in page.votes] == [True, True, True, False, False]


async def test_any_voter_stops_it(office: Office) -> None:
    await office.lend_all()
    await office.applied()
    two = office.table["two"]
    await office.table.must(two, await office.robot.stop(two.id))
    assert await office.work() == 0
    found = await office.robot.overview(two.id)
    assert found.automation is not None and not found.active
    with pytest.raises(NotPossible, match="automation_ended"):
        await office.robot.stop(two.id)


async def test_a_day_has_its_number(office: Office) -> None:
    await office.decide(office.terms(per_day=1))
    for key, acts in (("chair", ("vote", "approve")), ("secretary", ("complete", "vote"))):
        await office.lend(key, *acts)
    for key in ("accountant", "one"):
        await office.lend(key, "vote")
    first = await office.applied()
    second = await office.applied("Жукова Нина Ильинична", 2)
    assert await office.work() == 6
    assert (await office.status(first), await office.status(second)) == ("admitted", "identified")
    await office.table.wait(DAY)
    assert await office.work() == 6
    assert await office.status(second) == "admitted"


async def test_a_simulation_before_switching_it_on(office: Office) -> None:
    await office.applied()
    await office.applied("Белов Иван Ильич", 2, birth_date="2009-02-03")
    chair = office.table["chair"].id
    found = await office.robot.simulate(chair, office.terms())
    assert (found.all, found.passed, dict(found.reasons)) == (2, 1, {"young": 1})
    assert (await office.robot.simulate(chair, office.terms(persons=("organisation",)))).passed == 0
    cheap = await office.robot.simulate(chair, office.terms(max_sum=1))
    assert dict(cheap.reasons) == {"sum": 2}


async def test_keys_are_found_again_without_being_kept(office: Office) -> None:
    await office.lend_all()
    view = View(office.table.node.state, council.DOMAIN)
    one = office.table["one"].id
    found = council.delegation(view, one)
    assert found is not None
    kid, lent = found
    seed = keys.find(office.table.node.keys.vault, one, lent.approval, kid)
    assert seed is not None and signatures.public_key(seed) == kid
    assert keys.find(bytes(32), one, lent.approval, kid) is None
    # whoever lends anew gets another key
    again, _ = keys.fresh(office.table.node.keys.vault, view, one, lent.approval)
    assert again != kid


async def test_a_key_made_elsewhere_stops_nobody_elses(office: Office) -> None:
    """The contract takes a key that its lender made by hand; this node cannot sign with it."""
    await office.lend_all()
    await office.lend("two", "vote")
    view, one, seed = View(office.table.node.state, council.DOMAIN), office.table["one"], bytes(range(32))
    held = council.delegation(view, one.id)
    assert held is not None
    pub, approval = signatures.public_key(seed), held[1].approval
    proof = signatures.sign(seed, documents.possession(pub, one.id, 0, approval))
    until = office.table.clock.peek() + 50 * DAY
    fields: dict[str, Any] = {"re": [approval], "key": pub, "proof": proof, "acts": ["vote"], "until": until}
    await office.table.coop.must(one, "council.delegate/1", fields, sub=office.table.coop.id)
    id = await office.applied()
    assert await office.work() == 6, "all but that member's vote"
    assert await office.status(id) == "admitted"


async def test_whoever_lends_a_key_is_told(office: Office) -> None:
    await office.decide(office.terms())
    await office.lend("one", "vote")
    box = Outbox(office.table.node, KINDS)
    await box.work()
    mine = (outbox.c.receiver == office.table["one"].id, outbox.c.kind == LENT)
    query = select(outbox.c.channel).where(*mine)
    found = await office.table.node.database.read(lambda connection: connection.execute(query).all())
    assert {row.channel for row in found} == {"inbox", "email"}


@pytest.mark.parametrize(
    ("key", "acts", "code"),
    [
        ("one", ("approve",), "not_allowed"),
        ("two", ("complete",), "not_allowed"),
        ("one", (), "invalid_field"),
    ],
)
async def test_what_nobody_can_lend(office: Office, key: str, acts: Any, code: str) -> None:
    await office.decide(office.terms())
    with pytest.raises(NotPossible) as error:
        await office.lend(key, *acts)
    assert error.value.code == code
    with pytest.raises(NotPossible, match="term_too_long"):
        await office.lend("one", "vote", until=office.table.clock.peek() + 200 * DAY)


async def test_before_a_decision_nothing_is_lent(office: Office) -> None:
    with pytest.raises(NotPossible, match="automation_ended"):
        await office.lend("one", "vote")
    with pytest.raises(NotPossible, match="not_allowed"):
        await office.robot.propose(office.table.coop.founder.id, office.terms(), "О роботе", "Поручить")
