"""The blind index: people are found by every beginning of every word, by nobody else's, and not after erasure
(ADR 11, P20, P21)."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from coopnode import backups, places, testing
from coopnode.app import Node
from coopnode.audit.sources import Directory
from coopnode.backups import Secret
from coopnode.cli.node import all_projections
from coopnode.membership.people import Viewer
from coopnode.moving import move
from coopnode.places import Place
from coopnode.rebuilding import rebuild
from coopnode.search import words
from coopnode.search.people import NotReady, Page, discard
from coopnode.store import fsck
from coopnode.store.database import FILE
from coopnode.store.schema import private_records, search_records, search_terms
from coopnode.store.sql import Connection, delete, insert, select
from coopnode.testing import FixedClock
from protocol.identifiers import identifier
from protocol.methodology import Local
from tests.node.society import DAY, Society
from tests.postgresql import Cluster

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

RUSSIA = places.first()
NEPAL = Place(Local(phone_code="977", phone_trunk="0", phone_digits=8))
Rows = tuple[list[tuple[int, str, bytes]], list[tuple[bytes, int]]]


@pytest.fixture
async def society(tmp_path: Path) -> AsyncIterator[Society]:
    made = await Society.make(tmp_path / "data", clock=FixedClock(), projections=all_projections())
    yield made
    await made.node.stop()


async def ask(society: Society, question: str, office: str = "secretary", **more: int) -> Page:
    node = society.node
    viewer = Viewer.of(node.state, society.officers[office].id)
    asked = words.asked(question)
    limit, before = more.get("limit", 50), more.get("before")
    return await node.database.read(
        lambda connection: node.people.find(
            connection, viewer, asked, country=RUSSIA, before=before, limit=limit
        )
    )


async def found(society: Society, question: str, office: str = "secretary") -> list[str | None]:
    return [person.name for person in (await ask(society, question, office)).found]


async def erase(society: Society, *documents: bytes) -> None:
    fields: dict[str, Any] = {"re": list(documents), "ground": "retention"}
    secretary = society.officers["secretary"]
    await society.coop.must(secretary, "vault.erase/1", fields, sub=society.coop.id)


async def withdrawn(society: Society, name: str, words: str, **more: str) -> bytes:
    person = await society.coop.person(name)
    digest = (await society.apply(person, words, **more)).digest
    await society.coop.must(person, "membership.withdraw/1", {"re": [digest]}, sub=identifier(digest))
    return digest


def rows(connection: Connection) -> Rows:
    records = select(search_records).where(search_records.c.idx >= 0).order_by(search_records.c.idx)
    terms = select(search_terms).order_by(search_terms.c.term, search_terms.c.idx)
    return (
        [tuple(row) for row in connection.execute(records)],
        [tuple(row) for row in connection.execute(terms)],
    )


# --- words ----------------------------------------------------------------------------------------

_LETTERS = st.sampled_from("абвеёйжщьюяАЁЙabzÀß\u0301'")
_WORD = st.text(_LETTERS, min_size=2, max_size=40).filter(lambda text: len(words.names(text)) > 0)
_NAME = st.lists(st.one_of(_WORD, st.tuples(_WORD, _WORD).map("-".join)), min_size=1, max_size=4)


@pytest.mark.databases("sqlite")
@given(_NAME, st.data())
def test_a_name_is_found_by_every_beginning_and_only_by_beginnings(
    name: list[str], data: st.DataObject
) -> None:
    value = " ".join(name)
    kept = words.tokens("name", value)
    every = [word for word in words.names(value) if len(word) >= words.SHORTEST]
    for word in every:
        size = data.draw(st.integers(words.SHORTEST, len(word)))
        assert words.lookups("name", word[:size], RUSSIA) in kept
        assert words.fits("name", word[:size], value.upper(), RUSSIA)
    other = data.draw(st.text(_LETTERS, min_size=2, max_size=8).map(words.folded))
    asked = words.asked(other)
    for word in asked.words:
        expected = any(known.startswith(word) for known in words.names(value))
        assert words.fits("name", word, value, RUSSIA) == expected
        assert (words.lookups("name", word, RUSSIA) in kept) >= expected


@pytest.mark.databases("sqlite")
@given(st.text("0123456789", min_size=10, max_size=10), st.integers(4, 10))
def test_a_phone_is_found_by_its_ending_however_it_is_written(number: str, size: int) -> None:
    kept = words.tokens("phone", f"+7 ({number[:3]}) {number[3:6]}-{number[6:]}")
    for question in (number[-size:], f"8{number}", f"+7{number}", f"8 ({number[:3]}) {number[3:]}"):
        (word,) = words.asked(question).words
        assert words.lookups("phone", word, RUSSIA) in kept and words.fits(
            "phone", word, f"+7{number}", RUSSIA
        )
    wrong = number[:-1] + str((int(number[-1]) + 1) % 10)
    assert not words.fits("phone", wrong, f"+7{number}", RUSSIA)


@pytest.mark.parametrize("place", [RUSSIA, NEPAL])
def test_a_phone_of_another_country_is_found_as_it_is_dialled(place: Place) -> None:
    local = place.local
    number = "1234567890"[: local.phone_digits]
    kept, value = words.tokens("phone", f"+{local.phone_code}{number}"), f"+{local.phone_code} {number}"
    for before in ("", local.phone_code, local.phone_trunk):
        assert words.lookups("phone", before + number, place) in kept, before
        assert words.fits("phone", before + number, value, place), before
    assert not words.fits("phone", "9" + number, value, place)


@pytest.mark.databases("sqlite")
@given(st.text(max_size=words.LONGEST_QUESTION + 5))
def test_any_question_is_read_or_refused_in_words(question: str) -> None:
    try:
        asked = words.asked(question)
    except words.TooMuch:
        return
    for word in (*asked.words, *asked.initials):
        for kind in ("name", "email", "phone", "digits"):
            words.lookups(kind, word, RUSSIA)
            words.fits(kind, word, question, RUSSIA)
    words.stems(question)


@pytest.mark.databases("sqlite")
def test_a_huge_field_costs_a_bounded_number_of_rows() -> None:
    assert len(words.tokens("name", "а" * 60_000)) < words.LONGEST
    assert (
        len(words.tokens("name", " ".join(f"б{n}" for n in range(10_000)))) < words.MOST_WORDS * words.LONGEST
    )
    assert len(words.tokens("email", "x" * 60_000 + "@y")) <= words.LONGEST
    assert len(words.stems("слово " + " ".join(f"б{n}" for n in range(10_000)))) <= words.MOST_STEMS
    for question in ("а" * 200, " ".join("слово" + str(n) for n in range(9)), "и " * 1000):
        with pytest.raises(words.TooMuch):
            words.asked(question)


@pytest.mark.databases("sqlite")
def test_forms_of_a_word_are_one() -> None:
    for one, other in (
        ("заявления", "заявление"),
        ("Решений", "решение"),
        ("утверждён", "утвержден"),
        ("устава", "устав"),
    ):
        assert words.stems(one) == words.stems(other)
    assert words.stems("minutes") == words.stems("minute")


# --- people ---------------------------------------------------------------------------------------


async def test_people_are_found_by_what_the_office_may_read(society: Society) -> None:
    person = await society.coop.person("semyonova")
    name = "Семёнова-Ёлкина Алёна Игоревна"
    more = {"phone": "+7 (901) 555-66-77", "inn": "770123456789"}
    await society.apply(person, name, **more)
    for question in ("семенова", "ЁЛКИН", "алена сем", "Сем Ал Иг", "Семёнова-Ё", "елкина А.И."):
        assert await found(society, question) == [name], question
    for question in ("semyonova", "semyonova@example.org", "6677", "89015556677", "555-66-77", "77012"):
        assert await found(society, question) == [name], question
        assert await found(society, question, "chair") == [name]
    for question in (
        "лена",
        "Семёнова Анна",
        "6678",
        "semyonova@",
        "елкина Б",
        "Cеменова",
        "%",
        "\0",
        "_",
    ):
        assert await found(society, question) == [], question
    # the accountant reads names and numbers of the tax office, not addresses
    assert await found(society, "семенова", "accountant") == [name]
    assert await found(society, "77012", "accountant") == [name]
    for question in ("semyonova", "semyonova@example.org", "6677"):
        assert await found(society, question, "accountant") == []


async def test_a_person_is_one_line_with_the_newest_data(society: Society) -> None:
    person = await society.coop.person("maria")
    first = (await society.apply(person, "Старова Мария")).digest
    await society.coop.must(person, "membership.withdraw/1", {"re": [first]}, sub=identifier(first))
    society.move(40 * DAY)
    society.node.clock.confirm()
    await society.apply_as_known(person)
    assert await found(society, "старова") == []
    assert await found(society, "иванова мария") == ["Иванова Мария Сергеевна"]
    await society.enrol(50, "Бумажная Вера")
    assert [each.subject for each in (await ask(society, "бумажная")).found] == ["number/50"]
    joined = await society.coop.person("joined")
    await society.take_over(joined, 51, "Пришедшая Вера")
    assert [each.subject for each in (await ask(society, "пришедшая")).found] == [joined.id]
    one, two = [await society.coop.person(name) for name in ("first", "second")]
    for each in (one, two):
        await society.apply(each, "Тёзкина Анна")
    assert [each.subject for each in (await ask(society, "тезкина")).found] == [two.id, one.id]
    page = await ask(society, "тезкина", limit=1)
    assert [each.subject for each in page.found] == [two.id] and page.next is not None
    page = await ask(society, "тезкина", limit=1, before=page.next)
    assert [each.subject for each in page.found] == [one.id] and page.next is None


async def test_what_is_kept_is_what_is_filled(society: Society) -> None:
    """Writing record by record and filling from log and vault make the same rows."""
    await society.join(await society.coop.person("member"))
    await society.take_over(await society.coop.person("joined"), 51, "Пришедшая Вера")
    await society.enrol(60, "Бумажная Вера")
    gone = await withdrawn(society, "gone", "Забытый Глеб")
    society.move(30 * DAY)
    await erase(society, gone)
    node = society.node
    before = await node.database.read(rows)
    assert len(before[0]) > 6 and len(before[1]) > 100
    node.database.write_now(discard)
    with pytest.raises(NotReady):
        await found(society, "вера")
    assert node.people.prepare(node.database) and not node.people.prepare(node.database)
    assert await node.database.read(rows) == before


async def test_what_is_erased_is_not_found_and_leaves_no_row(society: Society) -> None:
    node = society.node
    digest = await withdrawn(society, "gone", "Забытый Глеб", phone="+79017654321")
    one = society.officers["one"]
    again = (await society.apply_as_known(one)).digest
    await society.coop.must(one, "membership.withdraw/1", {"re": [again]}, sub=identifier(again))
    assert await found(society, "забыт") == ["Забытый Глеб"] and await found(society, "ким вера") == []
    society.move(30 * DAY)
    index = {row[0] for row in (await node.database.read(rows))[0]}
    await erase(society, digest, again)
    left, terms = await node.database.read(rows)
    gone = index - {row[0] for row in left}
    assert len(gone) == 2 and {idx for _, idx in terms} == {row[0] for row in left}
    for question in ("забыт", "глеб", "4321", "gone@example.org"):
        assert await found(society, question) == []
    assert await found(society, "ким вера") == ["Ким Вера"], "the older record of the same person is back"
    assert node.people.term("name", "забыт") not in {term for term, _ in terms}


async def test_who_has_no_office_finds_no_private_field_but_names(society: Society) -> None:
    """The entitlement of the pages stands before this; here it is that of the registry."""
    node = society.node
    stranger = await society.coop.person("stranger")
    await society.apply(await society.coop.person("anna"), "Анютина Анна")
    viewer = Viewer.of(node.state, stranger.id)
    for question in ("анютина", "anna@example.org", "4567"):
        asked = words.asked(question)
        page = await node.database.read(
            lambda connection, asked=asked: node.people.find(  # type: ignore[misc]
                connection, viewer, asked, country=RUSSIA, before=None, limit=9
            )
        )
        assert page.found == ()


# --- copies ---------------------------------------------------------------------------------------


@pytest.mark.databases("sqlite")
async def test_no_copy_of_the_database_holds_the_index(society: Society, tmp_path: Path) -> None:
    node = society.node
    await society.apply(await society.coop.person("anna"), "Анютина Анна")
    term = node.people.term("name", "анютина")
    data = node.config.data
    assert any(term in path.read_bytes() for path in (data / FILE, data / f"{FILE}-wal"))
    fsck.copy(data / FILE, tmp_path / "copy.db")
    assert term not in (tmp_path / "copy.db").read_bytes()
    with sqlite3.connect(tmp_path / "copy.db") as copy:
        names = {row[0] for row in copy.execute("SELECT name FROM sqlite_master")}
    copy.close()
    assert "private_records" in names and not names & {"search_terms", "search_records"}


async def test_what_a_dump_brings_back_or_leaves_out_is_put_right(society: Society) -> None:
    """The administrator of a database may put back rows of the index with what was erased, or none."""
    node = society.node
    gone = await withdrawn(society, "gone", "Забытый Глеб")
    society.move(30 * DAY)
    old = await node.database.read(rows)
    box = await node.database.read(
        lambda connection: connection.execute(
            select(private_records).where(private_records.c.digest == gone)
        ).one()
    )
    await erase(society, gone)
    kept = await node.database.read(rows)
    assert len(kept[0]) == len(old[0]) - 1

    def back(connection: Connection) -> None:
        connection.execute(insert(private_records).values(dict(box._mapping)))
        for table, before, now in ((search_records, old[0], kept[0]), (search_terms, old[1], kept[1])):
            columns = [column.name for column in table.columns]
            values = [dict(zip(columns, row, strict=True)) for row in before if row not in now]
            connection.execute(insert(table).values(values))

    def empty(connection: Connection) -> None:
        connection.execute(delete(search_records))
        connection.execute(delete(search_terms))

    for change in (back, empty):
        node.database.write_now(change)
        assert node.database.read_now(rows) != kept
        await society.node.stop()
        node = Node.open(node.config, clock=FixedClock(time=society.coop.now), projections=all_projections())
        society.coop.node = node
        assert node.database.read_now(rows) == kept
        await node.start()


@pytest.mark.databases("postgresql", long=("postgresql",))
async def test_the_index_is_filled_where_the_database_moves(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(testing, "furnish", None)
    clock = FixedClock()
    society = await Society.make(tmp_path / "data", clock=clock, projections=all_projections())
    await society.enrol(50, "Бумажная Вера")
    kept, data = society.node.database.read_now(rows), tmp_path / "data"
    await society.node.stop()
    url = cluster.database(empty=True)
    for to in (url, None):
        move(data, to, lambda done, total: None)
        aside = sorted(data.glob("coopnode-before-*.db"))
        term = kept[1][0][0]
        assert not any(term in path.read_bytes() for path in aside)
        address = SecretStr(to) if to is not None else None
        config = testing.config(data).model_copy(update={"database_url": address})
        node = Node.open(config, clock=clock, projections=all_projections())
        assert node.database.read_now(rows) == kept
        node.close()


@pytest.mark.databases("sqlite", "postgresql", long=("postgresql", "sqlite"))
async def test_the_index_comes_back_after_restart_rebuild_and_restore(tmp_path: Path) -> None:
    clock = FixedClock()
    society = await Society.make(tmp_path / "data", clock=clock, projections=all_projections())
    data, config = tmp_path / "data", society.node.config
    gone = await withdrawn(society, "gone", "Забытый Глеб")
    await society.apply(await society.coop.person("anna"), "Анютина Анна")
    society.move(30 * DAY)
    secret = Secret(key_file=bytes(32))
    await asyncio.to_thread(backups.make, data, tmp_path / "old.backup", secret)
    await erase(society, gone)
    await asyncio.to_thread(backups.make, data, tmp_path / "new.backup", secret)
    kept = await society.node.database.read(rows)
    await society.node.stop()

    def opened(config: object) -> Rows:
        node = Node.open(config, clock=clock, projections=all_projections())  # type: ignore[arg-type]
        assert node.standing.doubt is None
        held = node.database.read_now(rows)
        node.close()
        return held

    assert opened(config) == kept
    rebuild(data, all_projections(), lambda done, total: None)
    assert opened(config) == kept
    head = data / "head" / "head.db"
    for name in ("new", "old"):
        place = tmp_path / f"restored-{name}"
        done = backups.restore(
            tmp_path / f"{name}.backup",
            tmp_path / f"{name}.keys",
            place,
            secret,
            head=head,
            sources=(Directory(data),),
            projections=all_projections(),
        )
        assert done.startable
        held = opened(testing.config(place).model_copy(update={"database_url": None}))
        assert held == kept, name
