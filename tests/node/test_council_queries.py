"""The council's read models and commands over a real node (R80–R82, R133, R134, R199–R207, P3, P19)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from coopnode import evidence
from coopnode.answers import Refusal
from coopnode.app import Node
from coopnode.council import letters, projection, queries
from coopnode.council.service import NotPossible, Proposal
from coopnode.mail import Letter
from coopnode.outbox import Outbox
from coopnode.projections import Projections
from coopnode.store.schema import outbox
from coopnode.store.sql import select
from protocol.contract import View
from protocol.contracts import council
from tests.node.council_kit import DAY, Table, is_member, table
from tests.node.questions import questions

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))


@pytest.fixture
async def sitting(tmp_path: Path) -> AsyncIterator[Table]:
    made = await table(tmp_path / "data")
    yield made
    await made.stop()


async def test_the_queue_says_what_waits_for_whom(sitting: Table) -> None:
    id = await sitting.applied()
    chair = await sitting.service.queue(sitting["chair"].id)
    assert [(line.id, line.todo, line.name) for line in chair.open] == [
        (id, "vote", "Иванова Мария Сергеевна")
    ]
    assert chair.body is not None and (chair.body.voting, chair.body.filled) == (5, 5)
    await sitting.vote(id, chair="for", secretary="for", accountant="for")
    found = await sitting.service.queue(sitting["chair"].id)
    # Three of five with a quorum of four: nothing is settled yet.
    assert found.open[0].todo == "" and found.open[0].mine == "for"
    tally = found.open[0].tally
    assert (tally.voted, tally.size, tally.needed, tally.missing, tally.quorate) == (3, 5, 4, 1, False)
    await sitting.vote(id, one="against")
    found = await sitting.service.queue(sitting["chair"].id)
    assert [line.todo for line in found.waiting] == ["sign"], (
        "three of five for: nothing to come can change it"
    )
    assert (await sitting.service.queue(sitting["two"].id)).waiting[0].todo == "vote"


async def test_a_vote_continues_its_sequence_and_can_be_changed(sitting: Table) -> None:
    """P19."""
    id = await sitting.propose()
    for place, choice in enumerate(("for", "against", "abstain")):
        item = await sitting.service.vote(id, sitting["two"].id, choice)
        assert item.payload is not None and item.payload["sequence"] == place
        await sitting.must(sitting["two"], item)
    page = await sitting.service.matter(id, sitting["two"].id)
    assert page is not None and page.line.mine == "abstain" and page.line.tally.counts.abstain == 1


async def test_admission_takes_effect_with_the_chairs_signature_only(sitting: Table) -> None:
    """R81, R82, R207."""
    id = await sitting.applied()
    await sitting.vote(id, chair="for", secretary="for", accountant="for", one="for")
    page = await sitting.service.matter(id, sitting["chair"].id)
    assert page is not None and page.may_sign and page.application is not None
    assert page.application.status == "complete"
    done = await sitting.approve(id)
    after = await sitting.service.matter(id, sitting["chair"].id)
    assert after is not None and after.line.number == 1 and after.line.outcome == "adopted"
    assert after.application is not None and after.application.status == "admitted"
    assert after.approval is not None and after.approval.digest == done.digest
    assert [step.event for step in after.steps] == ["opened", "approved"]
    assert not is_member(sitting, sitting["applicant"]), "the fees are not paid yet"


async def test_the_approval_names_the_logs_own_result(sitting: Table) -> None:
    """P3: another digest is refused, and the item asks for `seen`."""
    id = await sitting.propose()
    await sitting.vote(id, chair="for", secretary="for", accountant="for", one="for", two="for")
    item = await sitting.service.approve(id, sitting["chair"].id)
    assert item.seen and item.payload is not None
    assert item.payload["result"] == council.result(View(sitting.node.state, council.DOMAIN), id)
    await sitting.published()
    answer = await sitting.coop.submit(
        sitting["chair"],
        item.type,
        {**item.payload, "result": bytes(32)},
        sub=id,
        values={},
        seen=sitting.seen(),
    )
    assert isinstance(answer, Refusal) and answer.code == "result_mismatch"


async def test_a_refusal_needs_its_reason_and_only_the_entitled_read_it(sitting: Table) -> None:
    id = await sitting.applied()
    await sitting.vote(id, chair="against", secretary="against", accountant="against", one="for")
    with pytest.raises(NotPossible) as refused:
        await sitting.service.approve(id, sitting["chair"].id)
    assert refused.value.code == "invalid_field" and refused.value.facts == {"field": "reason"}
    await sitting.approve(id, "Нет поручительства")
    seen = await sitting.service.matter(id, sitting["two"].id)
    stranger = await sitting.service.matter(id, sitting["applicant"].id)
    assert seen is not None and seen.reason == "Нет поручительства" and seen.line.outcome == "rejected"
    assert stranger is not None and stranger.reason is None


async def test_a_return_keeps_the_votes_of_the_round_in_the_history(sitting: Table) -> None:
    """A20."""
    id = await sitting.propose()
    await sitting.vote(id, chair="for", secretary="for", accountant="for", one="against")
    item = await sitting.service.return_(id, sitting["chair"].id, "Приложите смету")
    await sitting.must(sitting["chair"], item)
    page = await sitting.service.matter(id, sitting["one"].id)
    assert page is not None and page.line.round == 2 and page.line.tally.voted == 0
    assert [(found.number, found.reason, found.counts.for_) for found in page.rounds] == [
        (1, "Приложите смету", 3)
    ]
    assert {vote.choice for vote in page.rounds[0].votes} == {"for", "against"}
    assert [step.event for step in page.steps] == ["opened", "returned"]


async def test_lists_ask_as_often_however_long_they_are(sitting: Table) -> None:
    """Where the database is another machine, each question is a way there and back."""
    viewer = sitting["chair"].id

    async def asked() -> dict[str, int]:
        await sitting.published()  # which reads too
        service = sitting.service  # one that remembers no names
        service.names._looked = float("inf")  # and does not look by the clock whether any was erased
        found = {}
        for name, ask in {
            "queue": service.queue(viewer),
            "waiting": service.waiting(viewer, 5),
            "live": service.ask(viewer, queries.live),
            "decided": service.ask(viewer, queries.decided),
            "ended": service.ask(viewer, queries.ended),
            "matter": service.ask(viewer, lambda connection, where: queries.matter(connection, where, first)),
        }.items():
            with questions(sitting.node.database) as statements:
                await ask
            found[name] = len(statements)
        return found

    async def more(number: int) -> None:
        await sitting.applied(f"Иванова Мария {number}", f"applicant {number}")
        officer: dict[str, Any] = {"kind": "officer", "subject": sitting["two"].id, "roles": ("accountant",)}
        await sitting.propose(title=f"О бухгалтере {number}", text="Назначить", **officer)
        signed = await sitting.propose(title=f"Закупка {number}")
        await sitting.vote(signed, chair="for", secretary="for", accountant="for", one="for")
        await sitting.approve(signed)
        ready = await sitting.propose("two", title=f"Ремонт {number}")
        await sitting.vote(ready, chair="for", secretary="for", accountant="for", one="for")
        item = await sitting.service.comment(first, sitting["secretary"].id, f"Счёт {number}.")
        await sitting.must(sitting["secretary"], item)

    first = await sitting.propose()
    expired = await sitting.propose(title="Второй вопрос")
    await more(0)
    few = await asked()
    for number in range(1, 4):
        await more(number)
    queue = await sitting.service.queue(viewer)
    assert len(queue.open) > 8 and len(queue.waiting) == 4 and expired in {line.id for line in queue.open}
    assert await asked() == few


async def test_deadlines_end_a_matter_and_the_pages_know(sitting: Table) -> None:
    short, unsigned = await sitting.propose(), await sitting.propose(title="Второй вопрос")
    await sitting.vote(
        unsigned, chair="for", secretary="for", accountant="against", one="against", two="abstain"
    )
    await sitting.vote(short, chair="for")
    await sitting.wait(3 * DAY + 61)
    page = await sitting.service.matter(unsigned, sitting["chair"].id)
    assert page is not None and page.line.status == "decided" and page.line.sign_by and page.may_sign
    ended = await sitting.service.ask(sitting["chair"].id, queries.ended)
    assert [(line.id, line.status) for line in ended] == [(short, "expired")]
    await sitting.wait(5 * DAY + 1)
    ended = await sitting.service.ask(sitting["chair"].id, queries.ended)
    assert [line.status for line in ended] == ["lapsed", "expired"]


async def test_what_belongs_to_the_general_meeting_is_refused_before_signing(sitting: Table) -> None:
    proposal = Proposal("fee_sizes", "Взносы", "Установить взнос")
    with pytest.raises(NotPossible) as refused:
        await sitting.service.propose(sitting["one"].id, proposal)
    assert refused.value.code == "exclusive_competence"
    assert refused.value.facts == {"matter": "fee_sizes", "way": "agenda"}
    with pytest.raises(NotPossible) as refused:
        chair = Proposal("officer", "Председатель", "Избрать", sitting["one"].id, ("chair",))
        await sitting.service.propose(sitting["one"].id, chair)
    assert refused.value.code == "exclusive_competence"


async def test_an_office_is_given_by_a_decision(sitting: Table) -> None:
    more: dict[str, Any] = {"kind": "officer", "subject": sitting["two"].id, "roles": ("accountant",)}
    id = await sitting.propose(title="О бухгалтере", text="Назначить бухгалтером", **more)
    await sitting.vote(id, chair="for", secretary="for", accountant="for", one="for")
    await sitting.approve(id)
    assert "accountant" in sitting.node.facts.roles(sitting["two"].id)
    body = (await sitting.service.queue(sitting["one"].id)).body
    assert body is not None and body.given == (), "who sits stands once, with every role"
    assert next(seat for seat in body.seats if seat.account == sitting["two"].id).roles == (
        "member",
        "accountant",
    )


async def test_comments_are_for_the_council_only(sitting: Table) -> None:
    id = await sitting.propose()
    item = await sitting.service.comment(id, sitting["secretary"].id, "Счёт приложен к делу.")
    await sitting.must(sitting["secretary"], item)
    seen = await sitting.service.matter(id, sitting["two"].id)
    assert seen is not None and [comment.text for comment in seen.comments] == ["Счёт приложен к делу."]
    who = await sitting.coop.person("stranger")
    closed = await sitting.service.matter(id, who.id)
    assert closed is not None and closed.comments[0].text is None and closed.line.title is None
    assert closed.text is None and closed.votes[0].name is None


async def test_a_vacant_seat_is_warned_about(tmp_path: Path) -> None:
    made = await table(tmp_path / "data", fill=("chair", "secretary", "accountant", "one"))
    try:
        id = await made.propose()
        page = await made.service.matter(id, made["chair"].id)
        assert page is not None and [item.code for item in page.warnings] == ["vacant_seats"]
        assert [vote.account is None for vote in page.votes] == [False] * 4 + [True]
    finally:
        await made.stop()


async def test_the_read_models_can_be_rebuilt(sitting: Table) -> None:
    id = await sitting.applied()
    await sitting.vote(id, chair="for", secretary="for", accountant="for", one="for")
    await sitting.approve(id)
    await sitting.propose()

    def everything(connection: Any) -> list[Any]:
        tables = (projection.matters, projection.steps, projection.comments, projection.decisions)
        return [[tuple(row) for row in connection.execute(select(found))] for found in tables]

    before = await sitting.node.database.read(everything)
    letters = await sitting.node.database.read(
        lambda connection: len(connection.execute(select(outbox)).all())
    )
    Projections(projection.PROJECTIONS).prepare(sitting.node.database, rebuild=True)
    assert await sitting.node.database.read(everything) == before
    again = await sitting.node.database.read(lambda connection: len(connection.execute(select(outbox)).all()))
    assert again == letters, "a rebuild writes no letter twice"


class Box:
    def __init__(self) -> None:
        self.letters: list[Letter] = []

    async def send(self, letter: Letter, *, now: int) -> None:
        self.letters.append(letter)


async def test_letters_go_to_those_who_have_not_acted(sitting: Table) -> None:
    box: Any = Box()
    post = Outbox(sitting.node, [letters.KIND], box)
    id = await sitting.propose()
    await sitting.vote(id, one="for")
    await post.work()
    assert len(box.letters) == 4 and all(
        "семян" not in letter.text + letter.subject for letter in box.letters
    )
    await sitting.vote(id, chair="for", two="for", secretary="for")
    sitting.clock.move(2 * DAY + 100)
    await post.work()
    assert len(box.letters) == 5, "a day before the close only who has not voted is reminded"
    await sitting.wait(DAY)
    await post.work()
    assert len(box.letters) == 6 and "подпис" in box.letters[-1].subject


async def test_evidence_shows_only_what_the_reader_may_see(sitting: Table) -> None:
    id = await sitting.propose()
    await sitting.vote(id, chair="for", secretary="for", accountant="for", one="for")
    done = await sitting.approve(id)
    await sitting.published()
    node: Node = sitting.node
    page = await sitting.service.matter(id, sitting["chair"].id)
    assert page is not None and page.votes[0].digest is not None
    ballot = page.votes[0].digest

    def look(digest: bytes, account: str | None) -> evidence.Evidence:
        found = node.database.read_now(lambda connection: evidence.find(connection, node, digest, account))
        assert found is not None
        return found

    decision = await node.in_thread(look, done.digest, None)
    assert decision.readable and decision.checks.good and decision.published
    assert decision.result is not None and decision.result.counts == (4, 0, 0) and decision.result.number == 1
    assert decision.signer is not None and decision.signer.status == "active"
    closed = await node.in_thread(look, ballot, None)
    assert not closed.readable and closed.type is None and closed.signer is None and closed.published
    assert (await node.in_thread(look, ballot, sitting["two"].id)).type == "council.vote/1"
    assert node.database.read_now(lambda c: evidence.find(c, node, bytes(32), None)) is None
