"""Searching on the pages of officers: what they find, who may, and what hostile questions do (ADR 11)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp.test_utils import TestServer

from coopnode import places
from coopnode.cli.node import all_projections
from coopnode.search.projection import KINDS, LEFT_OUT, TYPES
from coopnode.testing import FixedClock
from protocol import documents, registry
from protocol.identifiers import identifier
from tests.node.society import DAY, Society
from tests.web.test_shell import Client, Shell
from web.app import create_app
from web.search.words import KINDS as TITLES

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

HOSTILE = (
    *(
        "%",
        "_",
        "'; DROP TABLE entries--",
        "\0",
        "а\0б",
        "\u202eабв",
        "\u200b\u200b",
        "😀😀",
        "<script>x</script>",
    ),
    *(
        "я" * 1000,
        "a " * 1000,
        "{{7*7}}",
        "\\",
        "ё" * 120,
        "--",
        "@",
        "@@",
        "№",
        "a@",
        "1" * 119,
        "ff" * 32,
    ),
    *("²²²²", "١٢٣٤", "00000000", "e\u0301" * 40, "\ud7ff", "é é"),
)


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    society = await Society.make(tmp_path, clock=FixedClock(), projections=all_projections())
    server = TestServer(create_app(society.node))
    await server.start_server()
    made = Shell(society, server)
    yield made
    for client in made.clients:
        await client.close()
    await server.close()
    await society.node.stop()


async def shown(client: Client, path: str, question: str, more: str = "") -> str:
    answer = await client.get(f"{path}?q={quote(question)}{more}")
    assert answer.status == 200, question
    return await answer.text()


def numbers(page: str, path: str) -> list[int]:
    return [int(number) for number in re.findall(rf'href="{path}/(\d+)"', page)]


async def test_the_register_and_the_applications_are_searched(shell: Shell) -> None:
    society = shell.society
    member = await society.coop.person("member")
    await society.join(member, "Пшеничная Вера Львовна")
    await society.enrol(50, "Пшеничный Олег")
    waiting = await society.coop.person("waiting")
    apply = (await society.apply(waiting, "Пшеницын Ёж", phone="+79001112233")).digest
    secretary = await shell.browser(society.officers["secretary"])
    register = await (await secretary.get("/members")).text()
    line = re.search(r'href="/members/(\d+)">[^/]*Пшеничная', register)
    assert line is not None
    number = int(line[1])

    for question in ("пшенич вер", f"№ {number}", str(number), member.id[:12], "member@example.org"):
        assert numbers(await shown(secretary, "/members", question), "/members") == [number], question
    assert sorted(numbers(await shown(secretary, "/members", "пшенич"), "/members")) == sorted([number, 50])
    page = await shown(secretary, "/members", "пшенич", "&status=invited")
    assert numbers(page, "/members") == [50] and 'name="status" value="invited"' in page
    page = await shown(secretary, "/members", "пшеницын")
    assert numbers(page, "/members") == [] and "Пшеницын" not in page and "/desk/applications?q=" in page

    desk = "/desk/applications"
    (idx,) = numbers(await shown(secretary, desk, "пшениц ёж"), desk)
    fingerprint = " ".join(re.findall("....", apply.hex()))
    for question in (
        str(idx),
        "2233",
        "8 900 111-22-33",
        waiting.id,
        f"{waiting.id[:4]} {waiting.id[4:8]} …",
        apply.hex()[:10],
        fingerprint,
    ):
        assert numbers(await shown(secretary, desk, question), desk) == [idx], question
    page = await shown(secretary, desk, "пшен", "&list=papers&person=organisation")
    assert numbers(page, desk) == [] and 'name="person" value="organisation"' in page
    assert len(numbers(await shown(secretary, desk, "пшен", "&list=papers"), desk)) == 2
    accountant = await shell.browser(society.officers["accountant"])
    assert numbers(await shown(accountant, desk, "пшеницын"), desk) == [idx]
    assert numbers(await shown(accountant, desk, "2233"), desk) == []
    for person in (member, waiting):
        client = await shell.browser(person)
        for path in ("/members", desk):
            answer = await client.get(f"{path}?q={quote('пшен')}")
            assert answer.status == 403 and "Пшен" not in await answer.text()


async def test_a_long_list_goes_on_by_place(shell: Shell) -> None:
    society = shell.society
    for number in range(100, 153):
        await society.enrol(number, f"Общая Анна {number}")
    secretary = await shell.browser(society.officers["secretary"])
    page = await shown(secretary, "/members", "общая анна")
    first = numbers(page, "/members")
    following = re.search(r'rel="next" href="\?([^"]*)"', page)
    assert len(first) == 50 and following is not None
    page = await (await secretary.get("/members?" + following[1].replace("&amp;", "&"))).text()
    assert sorted([*first, *numbers(page, "/members")]) == list(range(100, 153)) and 'rel="next"' not in page


async def test_hostile_questions_are_only_words(shell: Shell) -> None:
    secretary = await shell.browser(shell.society.officers["secretary"])
    for path in ("/members", "/desk/applications"):
        for question in HOSTILE:
            answer = await secretary.get(f"{path}?q={quote(question, errors='surrogatepass')}")
            page = await answer.text()
            assert answer.status in (200, 422), (path, question)
            assert "<script>x" not in page and "\u202e" not in page
        for raw in ("%ff%fe", "%ed%a0%80", "%00", "%", "a&q=b&before=x&before=999999999999999999999"):
            assert (await secretary.get(f"{path}?q={raw}", allow_redirects=False)).status in (200, 422), raw
    page = await (await secretary.get(f"/members?q={'я' * 200}")).text()
    assert 'id="q-error"' in page and 'aria-invalid="true"' in page


# --- documents ------------------------------------------------------------------------------------

DOCUMENTS = "/desk/documents"


async def listed(client: Client, **asked: str) -> list[int]:
    """Places in the log, as the API tells them; the page tells the same."""
    answer = await client.get("/api/v1/documents", params=asked)
    assert answer.status == 200, await answer.text()
    found: list[dict[str, Any]] = (await answer.json())["items"]
    page = await (await client.get(DOCUMENTS, params=asked)).text()
    assert [each["digest"] for each in found] == re.findall(r'href="/documents/([0-9a-f]{64})"', page)
    return [each["index"] for each in found]


async def test_documents_are_found_by_kind_day_person_number_and_words(shell: Shell) -> None:
    society, coop = shell.society, shell.society.coop
    vera = await coop.person("vera")
    apply = await society.join(vera, "Пшеничная Вера Львовна")
    society.move(10 * DAY)
    society.node.clock.confirm()
    one = society.officers["one"]
    values = {"title": "О закупке семян пшеницы", "text": "Утверждённый поставщик привезёт сам"}
    matter = await coop.must(one, "council.propose/1", {"kind": "free"}, sub=coop.id, values=values)
    await society.decide(identifier(matter.digest))
    await society.enrol(50, "Бумажный Олег")
    secretary = await shell.browser(society.officers["secretary"])
    size = society.node.engine.head.size
    types = await society.node.in_thread(_types, society, size)

    everything = await listed(secretary)
    assert everything == sorted(everything, reverse=True)[:30] and len(everything) > 15
    assert not {types[idx] for idx in everything} & LEFT_OUT
    applications = await listed(secretary, kind="applications")
    assert {types[idx] for idx in applications} <= set(KINDS["applications"]) and len(applications) == 3
    today = places.first().at(coop.now).date().isoformat()
    recent = await listed(secretary, **{"from": today})
    assert recent and not set(recent) & set(applications)
    earlier = (places.first().at(coop.now) - timedelta(days=1)).date().isoformat()
    assert set(applications) < set(await listed(secretary, to=earlier)) and not set(recent) & set(
        await listed(secretary, to=earlier)
    )
    assert await listed(secretary, **{"from": today, "to": today, "kind": "applications"}) == []

    first = society.node.store.find_document(apply)
    assert first is not None
    hers = await listed(secretary, person=vera.id)
    assert {types[idx] for idx in hers} == {
        *("membership.apply/1", "membership.identify/1", "membership.complete/1"),
        *("council.approve/1", "membership.payment/1"),
    }
    assert await listed(secretary, person=vera.id, kind="payments") == hers[:1]
    assert set(await listed(secretary, number=str(first[0]))) == set(hers)
    assert await listed(secretary, fingerprint=apply.hex()[:12]) == [first[0]]
    assert [types[idx] for idx in await listed(secretary, number="50")][:1] == ["membership.enrol/1"]
    decided = await listed(secretary, number="2", kind="decisions")
    assert [types[idx] for idx in decided] == ["council.approve/1"]

    assert await listed(secretary, q="заявления", kind="applications") == applications[-1:] or first[0] in (
        await listed(secretary, q="заявления")
    )
    place = society.node.store.find_document(matter.digest)
    assert place is not None
    for words in ("закупки семян", "СЕМЯН", "утвержденного поставщика", "вопросы пшеница"):
        assert await listed(secretary, q=words) == [place[0]], words
    assert await listed(secretary, q="семян картофеля") == []
    charter = await listed(secretary, q="устава", kind="rules")
    assert [types[idx] for idx in charter] == ["cooperative.charter/1"]
    accountant = await shell.browser(society.officers["accountant"])
    assert await listed(accountant, q="закупки семян") == [], "matters are not the accountant's to read"

    page = await (await secretary.get(f"{DOCUMENTS}?who={quote('пшеничная')}")).text()
    assert page.count('href="/documents/') == len(hers) and f'name="person" value="{vera.id}"' in page
    page = await (await secretary.get(f"{DOCUMENTS}?who={quote('бумажный')}")).text()
    assert "number=50" in page and "Бумажный Олег" in page
    page = await (await secretary.get(f"{DOCUMENTS}?who={quote('никто')}")).text()
    assert 'href="/documents/' not in page
    for wrong in ("from=x", "to=32.01.2020", "number=x", "fingerprint=zz", "who=z", f"q={'z' * 130}"):
        answer = await secretary.get(f"{DOCUMENTS}?{wrong}")
        assert answer.status == 422 and 'aria-invalid="true"' in await answer.text(), wrong
        assert (await secretary.get(f"/api/v1/documents?{wrong}")).status == 422, wrong
    following, seen = "", list[int]()
    while True:
        answer = await secretary.get(f"/api/v1/documents?{following}")
        part = await answer.json()
        seen += [each["index"] for each in part["items"]]
        if "before" not in part:
            break
        following = f"before={part['before']}"
    assert seen == sorted((idx for idx in range(size) if types[idx] in TYPES), reverse=True)
    people = await (await secretary.get(f"/api/v1/people?q={quote('пшенич')}")).json()
    assert [each["account"] for each in people["items"]] == [vera.id]


def _types(society: Society, size: int) -> list[str]:
    return [documents.parse(raw).type for raw in society.node.store.raw(0, size)]


@pytest.mark.databases("sqlite")
def test_every_kind_of_document_is_listed_or_left_out() -> None:
    assert set(registry.TYPES) == TYPES | LEFT_OUT and not TYPES & LEFT_OUT
    assert list(TITLES) == list(KINDS)


async def test_hostile_filters_are_only_words(shell: Shell) -> None:
    secretary = await shell.browser(shell.society.officers["secretary"])
    for question in HOSTILE:
        typed = quote(question, errors="surrogatepass")
        for path in (f"{DOCUMENTS}?q={typed}", f"{DOCUMENTS}?who={typed}", f"/api/v1/people?q={typed}"):
            answer = await secretary.get(path)
            assert answer.status in (200, 422), path
            assert "<script>x" not in await answer.text()
