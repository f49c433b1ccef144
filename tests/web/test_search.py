"""Searching on the pages of officers: what they find, who may, and what hostile questions do (ADR 11)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from aiohttp.test_utils import TestServer

from coopnode.cli.node import all_projections
from coopnode.testing import START, FixedClock
from tests.node.society import Society
from tests.web.test_shell import Client, Shell
from web.app import create_app

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
    society = await Society.make(tmp_path, clock=FixedClock(START), projections=all_projections())
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
