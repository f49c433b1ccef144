"""A cooperative of 500 is on in a day: a generated register from a table to letters and members with keys, in
real browsers against a real node.

Set COOPNODE_PICTURES to a folder for pictures of every page: both widths, both languages, light and dark.
"""

from __future__ import annotations

import csv
import io
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pypdf
import pytest
from playwright.sync_api import Browser, FilePayload, expect

from coopnode.founding import queries as founding
from coopnode.importing.queries import progress
from protocol.contract import View
from protocol.contracts import membership
from protocol.contracts.membership import Enrolment, Member, Opening
from tests.browser.people import DESKTOP, PHONE, Person
from tests.browser.site import Site, site
from tests.web.matrix_kit import PICTURE
from tests.web.test_founding import PICTURES, found_existing

pytestmark = [
    pytest.mark.long,
    pytest.mark.databases("sqlite", "postgresql"),
]

MEMBERS = 500
SURNAMES = (
    "Орлов",
    "Зайцев",
    "Волков",
    "Лисицын",
    "Соболев",
    "Кротов",
    "Ежов",
    "Барсуков",
    "Бобров",
    "Королёв",
)
NAMES = ("Анна", "Мария", "Ольга", "Елена", "Алёна", "Вера", "Нина", "Зоя", "Тамара", "Галина")
PATRONYMICS = ("Петровна", "Ивановна", "Олеговна", "Сергеевна", "Фёдоровна")
MONTHS = (
    *("января", "февраля", "марта", "апреля", "мая", "июня"),
    *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
)
HEAD = ("№ пайщика", "Фамилия", "Имя", "Отчество", "Дата вступления", "Дата рождения", "Телефон", "E-mail",
        "Почтовый адрес", "Паевой взнос, руб.", "Вступительный взнос, руб.", "Примечание")  # fmt: skip


@pytest.fixture
def house(tmp_path: Path, files: Path) -> Iterator[Site]:
    with site(tmp_path / "node", files) as house:
        yield house


def people(count: int) -> list[list[Any]]:
    """Invented members, the same at each run; numbers from 10."""
    chance = random.Random(500)
    rows: list[list[Any]] = []
    for at in range(count):
        name = (SURNAMES[at % 10] + "а", NAMES[at // 10 % 10], PATRONYMICS[at // 100 % 5])
        joined = f"{chance.randint(1, 28):02}.{chance.randint(1, 12):02}.{chance.randint(1995, 2025)}"
        born = f"{chance.randint(1, 28):02}.{chance.randint(1, 12):02}.{chance.randint(1940, 1990)}"
        rows.append(
            [
                10 + at,
                *name,
                joined,
                born,
                f"8 (912) {at:03}-{chance.randint(10, 99)}-{chance.randint(10, 99)}" if at % 10 else "",
                f"member{at}@example.org" if at % 3 else "",
                f"614000, г. Пермь, ул. Ленина, д. {at % 90 + 1}, кв. {at % 40 + 1}",
                f"{chance.randint(1, 90) * 100},{chance.choice(('00', '50'))}",
                "150,50",
                "",
            ]
        )
    return rows


def planted(rows: list[list[Any]]) -> list[list[Any]]:
    """The same with what goes wrong in offices, at the end."""
    same = [*rows[3]]
    same[0], same[2] = 900, str(same[2]).replace("ё", "е").upper()
    mail = [*rows[40]]
    mail[0], mail[1:4], mail[5], mail[6], mail[7] = (
        901,
        ["Новикова", "Яна", "Яковлевна"],
        "01.01.1970",
        "",
        rows[1][7],
    )
    taken = [*rows[50]]
    taken[0], taken[1] = rows[5][0], "Другова"
    late = [*rows[51]]
    late[0], late[1], late[4], late[5], late[6], late[7] = 902, "Будущева", "01.01.2999", "02.01.1970", "", ""
    sum_ = [*rows[52]]
    sum_[0], sum_[1], sum_[5], sum_[6], sum_[7], sum_[9] = 903, "Суммина", "03.01.1970", "", "", "тысяча"
    nobody = [*rows[53]]
    nobody[0], nobody[1:4] = 904, ["", "", ""]
    return [*rows, same, mail, taken, late, sum_, nobody]


def workbook(rows: list[list[Any]]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in [HEAD, *rows]:
        book.active.append(row)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def day_in_words(written: str) -> str:
    day, month, year = map(int, written.split("."))
    return f"{day} {MONTHS[month - 1]} {year}"


def look(person: Person, name: str, *, languages: bool = True) -> None:
    """No page is wider than a phone; pictures of it."""
    page = person.page
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
    if PICTURES:
        folder = Path(PICTURES)
        folder.mkdir(parents=True, exist_ok=True)
        for language in ("en", "ru") if languages else ("ru",):
            if languages:
                page.locator(f"footer button[value={language}], header button[lang={language}]").first.click()
                page.wait_for_load_state()
            for theme in ("light", "dark"):
                page.emulate_media(color_scheme=theme)
                for label, size in (("390", PHONE), ("1280", DESKTOP)):
                    page.set_viewport_size({"width": size["width"], "height": size["height"]})
                    page.screenshot(
                        path=folder / f"{name}-{language}-{theme}-{label}.png",
                        full_page=True,
                    )
        page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": DESKTOP["width"], "height": DESKTOP["height"]})


def council(browser: Browser, house: Site) -> Person:
    """A constituted cooperative; its secretary."""
    founder = Person.arrive(browser, "Иванова Мария Сергеевна")
    found_existing(founder, house, ["Петров Пётр Петрович", "Сидорова Анна Ильинична"])
    founder.accept(founder.invitations[0], house.url)
    secretary = Person.arrive(browser, "Петров Пётр Петрович", DESKTOP)
    secretary.accept(founder.invitations[1], house.url)
    assert founding.stage(house.node.state) == "constituted"
    founder.leave()
    return secretary


def test_five_hundred_members_in_a_day(house: Site, browser: Browser) -> None:
    secretary = council(browser, house)
    page, rows = secretary.page, people(MEMBERS)
    started = time.monotonic()

    # the table
    page.goto(f"{house.url}/desk/import")
    look(secretary, "import-1-file")
    page.locator("#file").set_input_files(
        FilePayload(
            name="реестр.xls",
            mimeType="application/vnd.ms-excel",
            buffer=b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(99),
        )
    )
    secretary.press("Прочитать таблицу")
    expect(page.locator("#file-error")).to_contain_text("Сохранить как")
    look(secretary, "import-1-refused", languages=False)
    page.locator("#file").set_input_files(
        FilePayload(
            name="Реестр пайщиков 2026.xlsx", mimeType="application/zip", buffer=workbook(planted(rows))
        )
    )
    secretary.press("Прочитать таблицу")

    # the columns
    secretary.heading("Что в каких столбцах")
    assert page.locator("select").nth(1).input_value() == "surname"
    assert page.locator("select").nth(11).input_value() == ""
    look(secretary, "import-2-columns")
    secretary.press("Проверить строки")

    # the dry run
    secretary.heading("Что получится")
    expect(page.get_by_role("link", name="Продолжить: 500 пайщиков")).to_be_visible()
    doubles = (
        "Те же имя и дата рождения: строка 5",
        "Тот же адрес электронной почты: строка 3",
        "стоит в строке 7",
    )
    for words in doubles:
        expect(page.locator("main")).to_contain_text(words)
    expect(page.locator("#wrong + p + table tbody tr")).to_have_count(4)
    look(secretary, "import-3-check")
    with page.expect_download() as report:
        page.get_by_role("link", name="Скачать отчёт").click()
    lines = Path(report.value.path()).read_text("utf-8-sig").splitlines()
    assert len(lines) >= MEMBERS + 6 and lines[0].startswith("Строка;")
    page.locator("section.double input[value=skip]").first.check()
    page.locator("section.double input[value=keep]").last.check()
    secretary.press("Сохранить решения")
    expect(page.get_by_role("link", name="Продолжить: 501 пайщик")).to_be_visible()
    assert (
        house.call(house.node.in_thread(lambda: house.node.state.get("membership", "number/0000000010")))
        is None
    )
    secretary.press("Продолжить: 501 пайщик")

    # the balances
    secretary.heading("Сколько пайщики уже внесли")
    page.locator("#as_of").fill("2026-06-01")
    page.locator("#title").fill("Акт сверки паевых взносов № 3 от 1 июня 2026 года")
    page.locator("#scan").set_input_files(FilePayload(name="акт.png", mimeType="image/png", buffer=PICTURE))
    look(secretary, "import-4-balances", languages=False)
    secretary.press("Подписать остатки")
    secretary.sign_all(house.url)

    # one sitting of 500, one gesture
    secretary.heading("Внести в реестр: 501 пайщик")
    look(secretary, "import-5-sign")
    signing = time.monotonic()
    secretary.press("Подписать 500 записей")
    page.get_by_role("heading", name="Подпишите 500 документов").wait_for()
    expect(page.locator(".many tbody tr")).to_have_count(500)
    joined = day_in_words(rows[0][4])
    expect(page.locator(".many tbody tr").first).to_contain_text(joined)
    page.get_by_role("searchbox").fill("зайцева мария")
    assert 0 < page.locator(".many tbody tr:visible").count() < 50
    page.get_by_role("searchbox").fill("")
    page.locator(".many button").first.click()
    page.get_by_role("heading", name="Один из документов").wait_for()
    expect(page.locator("article.doc")).to_contain_text("Орлова Анна Петровна")
    page.get_by_role("button", name="Ко всем документам").click()
    look(secretary, "import-6-many")
    secretary.sign_all(house.url)
    took = time.monotonic() - signing
    secretary.heading("Внести в реестр: 1 пайщик")
    secretary.press("Подписать 1 запись")
    secretary.sign_all(house.url)
    secretary.heading("Таблица внесена в реестр")
    look(secretary, "import-7-done")
    state = house.node.state
    enrolled = [item for _, item in View(state, membership.DOMAIN).scan("enrolment", "", Enrolment)]
    ((_, opening),) = View(state, membership.DOMAIN).scan("opening", "", Opening)
    assert len(enrolled) == MEMBERS + 1
    assert sum(item.share.amount for item in enrolled if item.share) == opening.share.amount
    assert sum(item.entrance.amount for item in enrolled if item.entrance) == opening.entrance.amount

    # letters
    secretary.press("Письма и коды")
    page.get_by_role("heading", name="Приглашения на этом устройстве").wait_for()
    expect(page.locator(".letter")).to_have_count(1)
    look(secretary, "import-8-letters")
    with page.expect_download() as table:
        page.get_by_role("button", name="Сохранить таблицу").click()
    text = Path(table.value.path()).read_text("utf-8-sig")
    mailing = list(csv.DictReader(io.StringIO(text), delimiter=";"))
    assert len(mailing) == MEMBERS + 1 and len({line["Ссылка"] for line in mailing}) == MEMBERS + 1
    page.evaluate("window.print = () => {}")
    page.get_by_role("button", name="Напечатать 501 письмо").click()
    expect(page.get_by_text("Готово писем: 501")).to_be_visible(timeout=60_000)
    printed = pypdf.PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True)))
    assert len(printed.pages) == MEMBERS + 1, "a sheet for each"
    first = printed.pages[2].extract_text()
    assert "Зайцева Анна Петровна" in first and "614000" in first and "№ 11" in first
    if PICTURES:
        page.pdf(path=Path(PICTURES) / "letters.pdf", prefer_css_page_size=True, page_ranges="1-3")

    # three of them take their letters
    for at in (0, 7, 200):
        line = mailing[at]
        member = Person.arrive(browser, line["Имя"])
        member.accept(line["Ссылка"], house.url)
        member.heading("Вы заняли")
        if at == 7:
            member.page.goto(f"{house.url}/me/membership")
            expect(member.page.locator("main")).to_contain_text("Паевой взнос уплачен")
            look(member, "import-9-member", languages=False)
        member.leave()
    view = View(house.node.state, membership.DOMAIN)
    came = [item for _, item in view.scan("member", "", Member) if item.opening is not None]
    assert len(came) == 3 and all(item.opening_share for item in came)

    # who has a key
    page.goto(f"{house.url}/desk/keys")
    counted = house.call(house.node.database.read(progress))
    assert (counted.with_key, counted.of) == (counted.with_key, MEMBERS + 1 + counted.with_key - 3)
    expect(page.locator("main")).to_contain_text(f"{counted.with_key} из {counted.of} уже с ключом")
    look(secretary, "import-10-keys")
    page.locator("input[name=number]").nth(0).check()
    page.locator("input[name=number]").nth(1).check()
    secretary.press("Новые приглашения отмеченным")
    secretary.sign_all(house.url)
    secretary.heading("У кого есть ключ")
    old = Person.arrive(browser, "Опоздавшая")
    old.page.goto(mailing[1]["Ссылка"])
    old.page.wait_for_url(lambda url: url.startswith(house.url))
    old.heading("больше не действует")
    old.leave()
    page.goto(f"{house.url}/members")
    look(secretary, "import-11-register", languages=False)
    print(f"a sitting of 500: {took:.0f} s; the whole: {time.monotonic() - started:.0f} s")
    secretary.leave()


def test_a_sitting_that_was_left_goes_on(house: Site, browser: Browser) -> None:
    """The tab is closed while many are being sent: what is in the log stays, nothing stands in it twice, and
    no invitation is lost."""
    secretary = council(browser, house)
    page = secretary.page
    rows = [row[:9] for row in people(60)]
    page.goto(f"{house.url}/desk/import")
    page.locator("#file").set_input_files(
        FilePayload(name="r.xlsx", mimeType="application/zip", buffer=workbook(rows))
    )
    secretary.press("Прочитать таблицу")
    secretary.press("Проверить строки")
    secretary.press("Продолжить: 60 пайщиков")
    secretary.press("Подписать 60 записей")
    page.get_by_role("heading", name="Подпишите 60 документов").wait_for()
    there = page.url
    taken = 0

    def cut(route: Any) -> None:
        nonlocal taken
        taken += 1
        route.continue_() if taken <= 30 else route.abort()

    page.route("**/entries", cut)
    secretary.hold()
    page.get_by_role("heading", name="Подписано").wait_for()
    page.close()
    page = secretary.page = secretary.context.new_page()
    page.goto(f"{there.partition('#')[0]}#p=invitations")
    expect(page.locator(".notice.warn").first).to_contain_text("30")
    expect(page.locator("main")).to_contain_text("Приглашения: 30")
    page.get_by_role("link", name="Продолжить отправку").click()
    secretary.sign_all(house.url)
    secretary.heading("Таблица внесена в реестр")
    enrolled = [
        item for _, item in View(house.node.state, membership.DOMAIN).scan("enrolment", "", Enrolment)
    ]
    assert len(enrolled) == 60
    page.goto(f"{there.partition('#')[0]}#p=invitations")
    expect(page.locator("main")).to_contain_text("Приглашения: 60")
    secretary.leave()
