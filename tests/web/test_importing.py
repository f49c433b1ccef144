"""A living cooperative comes in through the pages of a real node: file, columns, dry run, balances, sittings,
letters, progress."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import AsyncIterator
from typing import Any

import openpyxl
import pytest
from aiohttp import ClientResponse, FormData

from coopnode import scans
from coopnode.importing import queries
from coopnode.importing.drafts import CONTACTS, FILE
from coopnode.importing.papers import Papers
from coopnode.notifications.kinds import KINDS
from coopnode.outbox import Outbox
from coopnode.store.schema import drafts
from coopnode.store.sql import select
from coopnode.testing import Person, seed
from protocol.contract import View
from protocol.contracts import membership
from protocol.contracts.membership import Enrolment, Member, Opening
from tests.node.society import DAY, Society, particulars
from tests.web.matrix_kit import PICTURE
from tests.web.test_membership import Client, Site, get, post, site
from web.importing import pages
from web.importing.shell import IMPORTING

__all__ = ["site"]
pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

HEAD = [
    "№",
    "Фамилия",
    "Имя",
    "Отчество",
    "Дата вступления",
    "Дата рождения",
    "Телефон",
    "E-mail",
    "Адрес",
    "Пай",
    "Вступительный",
]


def people(count: int) -> list[list[Any]]:
    """A register as an office keeps it, from number 100."""
    names = ("Орлова", "Зайцева", "Волкова", "Лисицына", "Соболева")
    return [
        [
            100 + n,
            names[n % 5],
            "Анна",
            "Петровна" if n % 2 else "Олеговна",
            f"{n % 28 + 1:02}.0{n % 9 + 1}.2015",
            f"{n % 28 + 1:02}.0{n % 9 + 1}.19{60 + n % 30}",
            f"8 900 000-{n:02}-{n // 100:02}" if n % 3 else "",
            f"member{n}@example.org" if n % 2 else "",
            f"170000, г. Тверь, ул. Советская, д. {n}",
            f"{1000 + n},50",
            "100",
        ]
        for n in range(count)
    ]


def workbook(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in [HEAD, *rows]:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


async def upload(
    client: Client, path: str, field: str, data: bytes, name: str, **fields: str
) -> ClientResponse:
    form = FormData(fields)
    form.add_field(field, data, filename=name, content_type="application/octet-stream")
    return await client.post(
        path, data=form, headers={"Sec-Fetch-Site": "same-origin"}, allow_redirects=False
    )


async def bring(client: Client, data: bytes, name: str = "реестр.xlsx") -> None:
    answer = await upload(client, "/desk/import", "file", data, name)
    assert answer.status == 303, await answer.text()
    page = await get(client, "/desk/import/columns")
    chosen = dict(re.findall(r'name="(column-\d+)">.*?value="(\w+)" selected', page, re.DOTALL))
    fields = {name: chosen.get(name, "") for name in re.findall(r'name="(column-\d+)"', page)}
    answer = await post(client, "/desk/import/columns", heading="yes", **fields)
    assert answer.headers["Location"] == "/desk/import/check"


@pytest.fixture
async def small(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    monkeypatch.setattr(pages, "SITTING", 12)
    yield


async def test_a_register_with_balances_in_two_sittings(site: Site, small: None) -> None:
    society, secretary = site.society, site.society.officers["secretary"]
    client = await site.browser(secretary)
    rows = people(20)
    rows[5][4] = "31.02.2015"
    rows[7] = [*rows[6]]
    rows[7][0] = 300  # the same person under another number
    rows[9][0] = rows[8][0]  # one number twice
    await bring(client, workbook(rows))
    check = await get(client, "/desk/import/check")
    assert "Go on with 17 members" in check and "This is not a date" in check
    assert "The same name and date of birth: line 8 of the file" in check
    report = await (await client.get("/desk/import/report.csv")).text()
    assert report.startswith("\ufeffLine;No.;Name") and "waits for your decision" in report
    assert len(report.splitlines()) >= 21
    await post(client, "/desk/import/check", **{"line-9": "skip"})
    assert "1 decision of yours" in await get(client, "/desk/import/check")
    assert society.node.state.get("membership", "number/0000000100") is None, "a dry run changes nothing"

    assert (await client.get("/desk/import/sign", allow_redirects=False)).headers[
        "Location"
    ] == "/desk/import/balances"
    page = await get(client, "/desk/import/balances")
    assert "17 members with amounts" in page
    wrong = await post(client, "/desk/import/balances", as_of="2999-01-01", title="")
    text = await wrong.text()
    assert wrong.status == 422 and "This day lies ahead" in text and "Name the paper" in text
    bad = await upload(
        client, "/desk/import/balances", "scan", b"GIF89a", "x.pdf", as_of="2025-01-01", title="Акт 3"
    )
    assert bad.status == 422 and "as PDF, JPEG or PNG" in await bad.text()
    asked = await upload(
        client,
        "/desk/import/balances",
        "scan",
        PICTURE,
        "акт.png",
        as_of="2025-01-01",
        title="Акт сверки № 3",
    )
    assert await site.signs(asked, secretary) == ["membership.opening/1"]
    view = View(society.node.state, membership.DOMAIN)
    ((_, opening),) = view.scan("opening", "", Opening)
    expected = [row for at, row in enumerate(rows) if at not in (5, 7, 9)]
    assert (opening.members, opening.entrance.amount) == (17, 17 * 10_000)
    assert opening.share.amount == sum(int(str(row[9]).replace(",", "") + "") for row in expected)

    page = await get(client, "/desk/import/sign")
    assert "Sign for 12 members" in page and "Акт сверки № 3" in page
    await site.signs(await post(client, "/desk/import/sign"), secretary)
    assert "12 of 17 enrolled" in await get(client, "/desk/import/sign")
    elsewhere = await site.browser(secretary)  # another device goes on with the same file
    assert len(await site.signs(await post(elsewhere, "/desk/import/sign"), secretary)) == 5
    page = await get(client, "/desk/import/sign")
    assert "The table is in the register" in page and "2 lines of the table were not enrolled" in page
    enrolment = next(item for _, item in view.scan("enrolment", "", Enrolment) if item.number == 100)
    assert (
        enrolment.share is not None
        and enrolment.share.amount == 100_050
        and enrolment.opening == opening.digest
    )
    card = await get(client, "/members/100")
    assert re.search(r"1.000[,.]50", card) and opening.digest.hex() in card
    accountant = await site.browser(society.officers["accountant"])
    scan = await accountant.get(f"/desk/balances/{opening.digest.hex()}/scan")
    assert scan.status == 200 and await scan.read() == PICTURE
    member = await society.coop.person("plain")
    await society.join(member)
    assert (
        await (await site.browser(member)).get(f"/desk/balances/{opening.digest.hex()}/scan")
    ).status == 404


async def test_what_a_file_holds_lies_encrypted_and_is_forgotten(site: Site) -> None:
    society, secretary = site.society, site.society.officers["secretary"]
    client = await site.browser(secretary)
    await bring(client, workbook(people(4)))
    await upload(
        client, "/desk/import/balances", "scan", PICTURE, "акт.png", as_of="2025-01-01", title="Акт 3"
    )
    database = society.node.database

    async def boxes(form: str) -> list[bytes]:
        query = select(drafts.c.box).where(drafts.c.form == form)
        return await database.read(lambda connection: list(connection.execute(query).scalars()))

    assert all("Орлова".encode() not in box for box in await boxes(FILE))
    held = society.node.vault.attachments()
    await post(client, "/desk/import/forget")
    assert not await boxes(FILE) and "Go on with the table" not in await get(client, "/desk/import")
    digest = hashlib.sha256(PICTURE).digest()
    kept = await database.read(lambda connection: scans.find(connection, society.node.vault, digest))
    assert held and kept is None, "the scan of a paper that nothing names goes along"
    await bring(client, workbook(people(4)))
    society.move(31 * DAY)
    await database.write(lambda connection: queries.sweep(connection, society.node.clock.peek()))
    assert not await boxes(FILE)


async def scan_of(site: Site) -> bytes | None:
    node = site.society.node
    digest = hashlib.sha256(PICTURE).digest()
    return await node.database.read(lambda connection: scans.find(connection, node.vault, digest))


async def attach(client: Client, data: bytes = PICTURE, **fields: str) -> ClientResponse:
    """A paper of balances, to be signed."""
    fields = {"as_of": "2025-01-01", "title": "Акт 3"} | fields
    return await upload(client, "/desk/import/balances", "scan", data, "акт.png", **fields)


async def sweep(site: Site) -> None:
    node = site.society.node
    await node.database.write(lambda connection: Papers(node).sweep(connection, node.clock.peek()))


async def test_a_scan_that_a_document_names_outlives_every_draft(site: Site) -> None:
    secretary = site.society.officers["secretary"]
    client = await site.browser(secretary)
    await bring(client, workbook(people(4)))
    await site.signs(await attach(client), secretary)
    await bring(client, workbook(people(5)))  # the next part: the same act under another title and day
    await attach(client, as_of="2025-02-01", title="Акт сверки № 3")
    await post(client, "/desk/import/forget")
    assert await scan_of(site) == PICTURE
    site.society.move(40 * DAY)
    await sweep(site)
    assert await scan_of(site) == PICTURE


@pytest.mark.parametrize("minutes_first", [True, False])
async def test_minutes_stay_when_a_draft_brings_the_same_file(site: Site, minutes_first: bool) -> None:
    node = site.society.node
    client = await site.browser(site.society.officers["secretary"])
    await bring(client, workbook(people(2)))
    held = len(node.vault.attachments())
    for minutes in (minutes_first, not minutes_first):
        if minutes:
            await node.database.write(lambda connection: scans.keep(connection, node.vault, PICTURE))
        else:
            await attach(client)
    assert len(node.vault.attachments()) == held + 1, "one ciphertext for one file"
    await post(client, "/desk/import/forget")
    assert await scan_of(site) == PICTURE


async def test_the_scan_of_another_officers_draft_stays(site: Site) -> None:
    clients = [await site.browser(site.society.officers[name]) for name in ("secretary", "chair")]
    for client in clients:
        await bring(client, workbook(people(2)))
        await attach(client)
    await post(clients[0], "/desk/import/forget")
    assert await scan_of(site) == PICTURE
    await post(clients[1], "/desk/import/forget")
    assert await scan_of(site) is None


async def test_scans_of_imports_that_were_left_are_forgotten(site: Site) -> None:
    client = await site.browser(site.society.officers["secretary"])
    await bring(client, workbook(people(2)))
    await attach(client)
    site.society.move(3 * DAY)
    await sweep(site)
    assert await scan_of(site) == PICTURE, "its draft is there"
    client = await site.browser(site.society.officers["secretary"])
    await attach(client, b"%PDF-1.7\nanother")
    await sweep(site)
    assert await scan_of(site) is None, "it was replaced"
    await attach(client)
    site.society.move(31 * DAY)
    await sweep(site)
    assert await scan_of(site) is None, "its draft has gone"


async def enrolled(site: Site, count: int) -> Client:
    secretary = site.society.officers["secretary"]
    client = await site.browser(secretary)
    await bring(client, workbook([row[:9] for row in people(count)]))
    await site.signs(await post(client, "/desk/import/sign"), secretary)
    return client


async def confirm(society: Society, number: int, label: str) -> Person:
    """Somebody invited takes the letter and confirms."""
    person = await society.coop.person(f"member {number}")
    await society.sign_texts(person)
    view = View(society.node.state, membership.DOMAIN)
    place = view.need("number", f"{number:010d}", membership.Place)
    assert place.enrolment is not None
    digest = view.need("enrolment", place.enrolment, Enrolment).digest
    fields: dict[str, Any] = {"re": [digest], "proof": person.proof_for(seed(label), digest)}
    values = particulars("Орлова Анна Олеговна", "new@example.org")
    await society.coop.must(person, "membership.accept/1", fields, values=values)
    return person


async def test_who_has_a_key_and_who_has_not(site: Site) -> None:
    society, secretary = site.society, site.society.officers["secretary"]
    client = await enrolled(site, 12)
    have = 2  # of the council, by their seats
    assert f"{have} of {have + 12} have their key" in await get(client, "/desk/keys")
    await confirm(society, 100, "Member no. 100 · Орлова Анна Олеговна")
    page = await get(client, "/desk/keys")
    assert f"{have + 1} of {have + 12} have their key" in page and "11 have not confirmed yet" in page
    assert f"{have + 1} of {have + 12} have their key" in await get(client, "/members")
    assert f"{have + 1} of {have + 12} have their key" in await get(client, "/desk")
    assert "member1@example.org" in page and "№ 100" not in page
    mailed = await get(client, "/desk/keys?with=email")
    assert "№ 101" in mailed and "№ 102" not in mailed
    calls = await (await client.get("/desk/keys.csv?with=phone")).text()
    assert "79000000100" in calls and len(calls.splitlines()) == 9
    await post(client, "/desk/keys/again", number=[])
    asked = await post(client, "/desk/keys/again", all="yes")
    before = society.node.engine.head.size
    assert (
        len(await site.signs(asked, secretary, " again")) == 11
        and society.node.engine.head.size >= before + 11
    )
    register = await get(client, "/members/101")
    assert "Зайцева Анна Петровна" in register and register.count("/verify/") >= 2
    assert "member1@example.org" in await get(client, "/desk/keys"), "the way to reach them stays"


async def test_a_reminder_holds_no_code_and_comes_once(site: Site) -> None:
    society = site.society
    client = await enrolled(site, 6)
    assert "Remind 3 people by e-mail" in await get(client, "/desk/keys")
    await post(client, "/desk/keys/remind", all="yes")
    assert "Remind" not in await get(client, "/desk/keys")
    await confirm(society, 101, "Member no. 101 · Зайцева Анна Петровна")  # meanwhile
    await Outbox(society.node, KINDS).work()
    letters = [letter for letter in site.letters() if "Приглашение" in letter[1]]
    assert sorted(to for to, _, _ in letters) == ["member3@example.org", "member5@example.org"]
    for _, subject, text in letters:
        assert "#i" in text and not re.search(r"[a-z2-7]{52}", text) and "Анна" not in subject + text
    society.move(4 * DAY)
    assert "Remind 2 people by e-mail" in await get(client, "/desk/keys")


async def test_contacts_go_when_they_have_served(site: Site) -> None:
    society = site.society
    await enrolled(site, 3)
    database = society.node.database
    query = select(drafts.c.id).where(drafts.c.form == CONTACTS)

    async def held() -> int:
        society_now = society.node.clock.peek()
        await database.write(lambda connection: queries.sweep(connection, society_now))
        return await database.read(lambda connection: len(list(connection.execute(query))))

    await confirm(society, 100, "Member no. 100 · Орлова Анна Олеговна")
    assert await held() == 3
    society.move(3 * DAY)
    assert await held() == 2
    society.move(190 * DAY)
    assert await held() == 0


async def test_reminders_keep_no_contacts_longer(site: Site) -> None:
    society = site.society
    client = await enrolled(site, 3)
    database = society.node.database
    query = select(drafts.c.id).where(drafts.c.form == CONTACTS)
    for _ in range(2):
        society.move(92 * DAY)
        client = await site.browser(society.officers["secretary"])
        await post(client, "/desk/keys/remind", all="yes")
        await database.write(lambda connection: queries.sweep(connection, society.node.clock.peek()))
    assert not await database.read(lambda connection: list(connection.execute(query)))


async def test_a_member_sees_what_they_had_paid(site: Site) -> None:
    society, secretary = site.society, site.society.officers["secretary"]
    client = await site.browser(secretary)
    await bring(client, workbook(people(1)))
    await site.signs(
        await post(client, "/desk/import/balances", as_of="01.02.2025", title="Акт 3"), secretary
    )
    await site.signs(await post(client, "/desk/import/sign"), secretary)
    person = await confirm(society, 100, "Member no. 100 · Орлова Анна Олеговна")
    (member,) = [
        m
        for _, m in View(society.node.state, membership.DOMAIN).scan("member", "", Member)
        if m.number == 100
    ]
    assert member.opening_share is not None and member.opening_share.amount == 100_050
    page = await get(await site.browser(person), "/me/membership")
    assert "Share paid" in page and re.search(r"1.000[,.]50", page)
    assert re.search(r"1.000[,.]50", await get(await site.browser(person), "/me/leave"))
    await society.coop.must(person, "membership.leave/1", {}, values={})
    society.move(40 * DAY)
    await society.consent(society.officers["chair"])
    card = await get(await site.browser(secretary), "/members/100")
    assert "Share to be returned" in card and re.search(r"1.000[,.]50", card)
    assert "the statement of balances" in card


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "The file is empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "Save as, Workbook (.xlsx)"),
        (b"PK\x03\x04" + bytes(100), "cannot be read"),
        (b"%PDF-1.7", "This is no table"),
        (b"1;x\n" * 6000, "more than 5000 lines"),
        (b"1;" + b"x" * 600, "more than 500 characters"),
        (b"x" * (8 * 2**20 + 1), "larger than 8 MB"),
    ],
)
async def test_a_file_that_cannot_be_taken_says_what_to_do(site: Site, data: bytes, said: str) -> None:
    client = await site.browser(site.society.officers["secretary"])
    answer = await upload(client, "/desk/import", "file", data, "x.xlsx", rows="")
    assert answer.status == 422 and said in await answer.text()
    assert "Go on with the table" not in await get(client, "/desk/import")


async def test_columns_have_to_be_chosen(site: Site) -> None:
    client = await site.browser(site.society.officers["chair"])
    pasted = await post(client, "/desk/import", rows="Номер;Что-то;Кто\n100;01.02.2020;Орлова <b>Анна</b>\n")
    assert pasted.headers["Location"] == "/desk/import/columns"
    page = await get(client, "/desk/import/columns")
    assert "Орлова &lt;b&gt;Анна" in page
    for path in (
        "/desk/import/check",
        "/desk/import/balances",
        "/desk/import/sign",
        "/desk/import/report.csv",
    ):
        assert (await client.get(path, allow_redirects=False)).headers["Location"] == "/desk/import/columns"
    for fields in (
        {},
        {"column-0": "number"},
        {"column-0": "nonsense"},
        {"column-0": "number", "column-1": "number"},
    ):
        answer = await post(client, "/desk/import/columns", **fields)
        assert answer.status == 422, fields
    fields = {"column-0": "number", "column-1": "since", "column-2": "name", "heading": "yes"}
    await post(client, "/desk/import/columns", **fields)
    check = await get(client, "/desk/import/check")
    assert "A name holds letters" in check and "«Орлова &lt;b&gt;Анна&lt;/b&gt;»" in check
    assert (await post(client, "/desk/import/sign")).headers["Location"] == "/desk/import/sign"
    for junk in ("line-99", "line-x", "line--1", "line-²", "something"):
        assert (await post(client, "/desk/import/check", **{junk: "skip"})).status == 303


async def test_only_chair_and_secretary_bring_a_register(site: Site) -> None:
    for name, status in (("secretary", 200), ("chair", 200), ("accountant", 403), ("one", 403)):
        client = await site.browser(site.society.officers[name])
        for path in ("/desk/import", "/desk/keys", "/desk/keys.csv"):
            assert (await client.get(path)).status == status, (name, path)
    mine = await site.browser(site.society.officers["secretary"])
    await bring(mine, workbook(people(2)))
    other = await site.browser(site.society.officers["chair"])
    assert "Go on with the table" not in await get(other, "/desk/import"), "a file is its officer's"


async def test_names_with_formulas_stay_text_in_what_is_taken_away(site: Site) -> None:
    client = await site.browser(site.society.officers["secretary"])
    rows = people(2)
    rows[0][1] = "=HYPERLINK(1)"
    await bring(client, workbook(rows))
    text = await (await client.get("/desk/import/report.csv")).text()
    assert ";=HYPERLINK" not in text and "\n=" not in text


async def test_judging_five_thousand_lines_is_one_page(site: Site) -> None:
    client = await site.browser(site.society.officers["secretary"])
    await bring(client, workbook(people(5000)))
    page = await client.get("/desk/import/check")
    assert page.status == 200 and len(await page.read()) < 100_000
    assert site.server.app[IMPORTING] is not None
