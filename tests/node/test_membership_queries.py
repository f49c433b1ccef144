"""Read models of joining against the real node: R80–R85, R218, the register on past days, letters."""

from __future__ import annotations

import email
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from coopnode.mail import Mailer
from coopnode.membership import letters, queries
from coopnode.membership.people import Names, Viewer
from coopnode.membership.projection import PROJECTIONS
from coopnode.outbox import Outbox
from coopnode.store.database import driver
from coopnode.store.sql import Connection
from coopnode.testing import START, FixedClock, seed
from protocol import signatures
from protocol.identifiers import identifier
from tests.node.society import DAY, Society

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))


@pytest.fixture
async def society(tmp_path: Path) -> AsyncIterator[Society]:
    made = await Society.make(tmp_path, clock=FixedClock(), projections=PROJECTIONS)
    yield made
    await made.node.stop()


async def test_the_way_of_an_application_is_a_list_of_steps(society: Society) -> None:
    person = await society.coop.person("ivanova")
    apply = await society.join(person)
    viewer = Viewer.of(society.node.state, society.officers["secretary"].id)
    names = Names(society.node.vault)

    def query(connection: Connection) -> tuple[list[queries.Step], queries.ApplicationLine | None]:
        id = identifier(apply)
        return queries.history(connection, id, names, viewer), queries.application_by_id(connection, id)

    steps, line = await society.node.database.read(query)
    assert [step.status for step in steps] == ["applied", "identified", "complete", "admitted", "member"]
    assert [step.type.split("/")[0] for step in steps] == [
        "membership.apply",
        "membership.identify",
        "membership.complete",
        "council.approve",
        "membership.payment",
    ]
    assert steps[1].name == "Зайцев Олег Ильич"
    assert line is not None and line.status == "member" and line.total == 40_000
    assert queries.standing(society.node.state, person.id).member is not None


async def test_what_nobody_does_in_time_moves_by_the_tick(society: Society) -> None:
    first = await society.coop.person("first")
    apply = (await society.apply(first)).digest
    society.move(31 * DAY)
    society.node.clock.confirm()
    await society.consent(society.officers["one"])  # anything brings the tick
    line = await society.node.database.read(
        lambda connection: queries.application_by_id(connection, identifier(apply))
    )
    assert line is not None and line.status == "undecided" and line.due is None


async def test_names_are_for_those_the_registry_names(society: Society) -> None:
    apply = (await society.apply(await society.coop.person("ivanova"))).digest
    stranger = await society.coop.person("stranger")
    names = Names(society.node.vault)

    async def seen_by(account: str | None) -> str | None:
        viewer = Viewer.of(society.node.state, account)

        def query(connection: Connection) -> str | None:
            found = queries.list_applications(connection, names, viewer, queries.OPEN)
            assert [item.digest for item in found] == [apply]
            return found[0].name

        return await society.node.database.read(query)

    assert await seen_by(society.officers["secretary"].id) == "Иванова Мария Сергеевна"
    assert await seen_by(society.officers["accountant"].id) == "Иванова Мария Сергеевна"
    assert await seen_by(stranger.id) is None
    assert await seen_by(None) is None


async def test_private_fields_are_opened_by_role_and_say_why(society: Society) -> None:
    person = await society.coop.person("ivanova")
    apply = (await society.apply(person, document="4510 123456")).digest
    await society.identify(apply)

    async def fields(account: str) -> dict[str, str]:
        viewer = Viewer.of(society.node.state, account)

        def query(connection: Connection) -> dict[str, str]:
            found = queries.paper(connection, society.node.vault, apply, viewer, person.id)
            assert found is not None
            return {field.name: field.reason for field in found.fields}

        return await society.node.database.read(query)

    assert (await fields(society.officers["secretary"].id))["document"] == "secretary"
    assert set(await fields(society.officers["accountant"].id)) == {"name"}
    assert (await fields(person.id))["birth_date"] == "self"


async def test_the_register_as_of_a_past_day(society: Society) -> None:
    names = Names(society.node.vault)
    viewer = Viewer.of(society.node.state, society.officers["secretary"].id)
    society.move(DAY)
    society.node.clock.confirm()
    await society.join(await society.coop.person("ivanova"))
    joined = society.coop.now

    def now(connection: Connection) -> list[tuple[int, str | None]]:
        return [(line.number, line.name) for line in queries.register_page(connection, names, viewer)]

    def yesterday(connection: Connection) -> list[int]:
        page = queries.register_page(connection, names, viewer, at=joined - DAY // 2)
        return [line.number for line in page]

    def first_page(connection: Connection) -> list[int]:
        return [line.number for line in queries.register_page(connection, names, viewer, after=1, limit=1)]

    assert await society.node.database.read(now) == [
        (1, "Орлова Анна Петровна"),
        (2, "Зайцев Олег Ильич"),
        (3, "Иванова Мария Сергеевна"),
    ]
    assert await society.node.database.read(yesterday) == [1, 2]
    assert await society.node.database.read(first_page) == [2]


async def test_a_rebuild_gives_the_same_rows_and_no_second_letters(society: Society) -> None:
    await society.join(await society.coop.person("ivanova"))

    def rows(connection: Connection) -> list[tuple[object, ...]]:
        found: list[tuple[object, ...]] = []
        for table in ("membership_applications", "membership_steps", "membership_register", "outbox"):
            found += sorted(map(tuple, connection.exec_driver_sql(f"SELECT * FROM {table}")), key=repr)
        return found

    before = await society.node.database.read(rows)
    society.node.sequencer.projections.prepare(society.node.database, rebuild=True)
    assert await society.node.database.read(rows) == before


async def test_letters_go_to_whose_turn_it_is_without_names_in_subjects(society: Society) -> None:
    person = await society.coop.person("ivanova")
    await society.apply(person)
    post = Outbox(society.node, [letters.KIND], Mailer.of(society.node.config))
    await post.work()
    sent = [email.message_from_bytes(path.read_bytes()) for path in society.node.config.mail.iterdir()]
    assert sorted(letter["To"] for letter in sent) == [
        "chair@example.org",
        "ivanova@example.org",
        "secretary@example.org",
    ]
    for letter in sent:
        assert "Иванов" not in str(email.header.make_header(email.header.decode_header(letter["Subject"])))
    await post.work()
    assert len(list(society.node.config.mail.iterdir())) == 3


async def test_what_is_kept_about_me(society: Society) -> None:
    person = await society.coop.person("ivanova")
    await society.join(person)
    found = await society.node.database.read(
        lambda connection: queries.statements_about(connection, society.node.vault, person.id)
    )
    types = {item.type for item in found}
    assert {
        "account.genesis/1",
        "membership.apply/1",
        "membership.identify/1",
        "membership.payment/1",
    } <= types
    details = next(item for item in found if item.type == "membership.identify/1")
    assert [(field.name, field.value) for field in details.fields] == [("details", "Паспорт предъявлен")]
    officer = society.officers["secretary"].id
    theirs = await society.node.database.read(
        lambda connection: queries.statements_about(connection, society.node.vault, officer)
    )
    assert all(not item.fields for item in theirs if item.type == "membership.identify/1")


async def test_a_voided_enrolment_leaves_the_register_and_stays_in_its_history(society: Society) -> None:
    secretary, coop = society.officers["secretary"], society.coop
    invitation: Any = signatures.public_key(seed("letter"))
    fields: dict[str, Any] = {
        "number": 900,
        "since": START - DAY,
        "person": "person",
        "invitation": invitation,
    }
    enrolled = await coop.must(
        secretary, "membership.enrol/1", fields, sub=coop.id, values={"name": "Ошибкина Анна"}
    )
    viewer, names = Viewer.of(society.node.state, secretary.id), Names(society.node.vault)

    async def numbers() -> list[int]:
        lines = await society.node.database.read(
            lambda connection: queries.register_page(connection, names, viewer)
        )
        return [line.number for line in lines]

    assert 900 in await numbers()
    society.move(60)
    await coop.must(
        secretary, "membership.void/1", {"re": [enrolled.digest]}, sub=coop.id, values={"reason": "Описка"}
    )
    assert 900 not in await numbers()
    past = await society.node.database.read(
        lambda connection: queries.member_lines(connection, names, viewer, 900)
    )
    assert [line.status for line in past] == ["invited"]


@pytest.mark.databases("sqlite")  # by its plan
async def test_my_documents_are_found_by_an_index_and_in_pages(society: Society) -> None:
    """However long the log is, a page of them reads its own rows only."""
    person = await society.coop.person("ivanova")
    await society.join(person)

    def read(connection: Connection, **more: Any) -> list[queries.Paper]:
        return queries.statements_about(connection, society.node.vault, person.id, **more)

    everything = await society.node.database.read(read)
    assert [item.idx for item in everything] == sorted({item.idx for item in everything}, reverse=True)
    assert {"council.approve/1", "membership.payment/1"} <= {item.type for item in everything}
    assert not {"node.tick/1"} & {item.type for item in everything}
    paged: list[queries.Paper] = []
    before: int | None = None
    while page := await society.node.database.read(partial(read, before=before, limit=3)):
        assert len(page) <= 3
        paged += page
        before = page[-1].idx
    assert [item.digest for item in paged] == [item.digest for item in everything]

    def plan(connection: Connection) -> list[str]:
        asked: list[str] = []
        raw: Any = driver(connection)
        raw.set_trace_callback(asked.append)
        read(connection, before=1_000_000, limit=3)
        raw.set_trace_callback(None)
        queries_asked = [words for words in asked if words.startswith("SELECT")]
        return [row[3] for words in queries_asked for row in raw.execute(f"EXPLAIN QUERY PLAN {words}")]

    steps = await society.node.database.read(plan)
    assert any("entries_iss" in step for step in steps), steps
    assert not [step for step in steps if step.startswith(("SCAN entries", "SCAN membership"))], steps
