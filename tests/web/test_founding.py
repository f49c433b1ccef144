"""From the one-time token to a constituted cooperative, in real browsers against a real node (P28, ADR 2)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from coopnode.founding import queries
from tests.browser.people import DESKTOP, PHONE, Person, chromium
from tests.browser.site import Site, built, site

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

#: Set to a folder to keep pictures of every page.
PICTURES = os.environ.get("COOPNODE_PICTURES")


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("build"))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def house(tmp_path: Path, files: Path) -> Iterator[Site]:
    with site(tmp_path / "node", files) as house:
        yield house


def look(person: Person, name: str) -> None:
    """A picture at both widths, and no page is wider than a phone."""
    page = person.page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
    if PICTURES:
        folder = Path(PICTURES)
        folder.mkdir(parents=True, exist_ok=True)
        for label, viewport in (("390", PHONE), ("1280", DESKTOP)):
            page.set_viewport_size({"width": viewport["width"], "height": viewport["height"]})
            page.screenshot(path=folder / f"{name}-{label}.png", full_page=True)
        page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})


def begin(person: Person, house: Site, kind: str) -> None:
    """Steps 1 to 7, with one mistake on the way."""
    page = person.page
    page.goto(house.founding_link)
    person.heading("Для кого вы учреждаете")
    look(person, "start")
    page.locator(f"input[name=kind][value={kind}]").check()
    person.press("Продолжить")
    look(person, "form")
    page.locator("input[name=pack][value=ru-consumer-1]").check()
    person.press("Продолжить")
    page.locator("#name").fill("Потребительское общество «Росток»")
    page.locator("#inn").fill("7707083894")
    person.press("Продолжить")
    expect(page.locator("#inn-error")).to_be_visible()
    assert page.locator("#name").input_value() == "Потребительское общество «Росток»"
    look(person, "name")
    page.locator("#inn").fill("7707083893")
    page.locator("#ogrn").fill("1027700132195")
    person.press("Продолжить")
    page.locator("#address").fill("Пермь, ул. Ленина, д. 1")
    page.locator("#purpose").fill("Вместе покупать продукты у фермеров края")
    page.locator("#contact").fill("sovet@rostok.example")
    look(person, "place")
    person.press("Продолжить")
    person.heading("Правила устава")
    look(person, "rules")
    page.goto(f"{house.url}/found/rules/fees")
    page.locator("[id='fees.entrance.person']").fill("150,50")
    look(person, "fees")
    person.press("Сохранить", exact=True)
    person.heading("Правила устава")
    page.goto(f"{house.url}/found/rules/council")
    page.locator("[id='council.quorum']").fill("2/3")
    page.get_by_role("button", name="Сохранить и").click()
    expect(page.locator(".law.warn")).to_be_visible()
    look(person, "council-rules")
    page.locator("[id='council.quorum']").fill("3/4")
    person.press("Сохранить", exact=True)
    person.press("Правила верны")
    person.heading("По какому адресу")
    look(person, "address")
    page.get_by_label("Эти адреса остаются").check()
    person.press("Продолжить")
    person.heading("Тексты, которые")
    look(person, "texts")
    page.goto(f"{house.url}/found/texts/signature")
    look(person, "text")
    page.goto(f"{house.url}/found/texts")
    page.get_by_label("Я прочитал").check()
    person.press("Продолжить")


def found_existing(founder: Person, house: Site, others: list[str]) -> None:
    """Up to the founder's invitations."""
    page = founder.page
    begin(founder, house, "existing")
    founder.heading("Кто входит в совет")
    page.locator("#charter_date").fill("2024-03-01")
    page.locator("#charter_number").fill("1")
    page.locator("#council_number").fill("7")
    page.locator("#council_date").fill("2026-02-01")
    scan: FilePayload = {
        "name": "protokol.pdf",
        "mimeType": "application/pdf",
        "buffer": b"%PDF" + bytes(2**21),
    }
    page.locator("#minutes").set_input_files(scan)
    page.locator("#until").fill("2029-02-01")
    for place, name in enumerate([founder.name, *others]):
        page.locator(f"#seat-{place}-person").fill(name)
    look(founder, "council")
    founder.press("Продолжить")
    founder.heading("Ваш ключ")
    look(founder, "key")
    founder.press("Создать мой ключ")
    founder.sign_all(house.url)
    look(founder, "sign-1")
    founder.press("Подписать первую часть")
    founder.sign_all(house.url)
    founder.heading("пригласить")
    look(founder, "sign-2")
    founder.press("Подписать вторую часть")
    founder.sign_all(house.url)


@pytest.mark.long
def test_an_existing_cooperative_of_two_browsers(house: Site, browser: Browser) -> None:
    founder = Person.arrive(browser, "Иванова Мария Сергеевна")
    stranger = Person.arrive(browser, "Прохожий")
    stranger.page.goto(house.url)
    stranger.heading("Узел ждёт")
    look(stranger, "awaiting")
    stranger.page.goto(f"{house.url}/found?token=wrong")
    expect(stranger.page.get_by_role("alert")).to_be_visible()
    found_existing(founder, house, ["Петров Пётр Петрович", "Сидорова Анна Ильинична"])
    founder.heading("Совет собирается")
    look(founder, "seating")
    assert len(founder.invitations) == 3

    founder.accept(founder.invitations[0], house.url)
    founder.heading("Вы заняли")
    look(founder, "accepted")
    # the card for the accountant is lost: while the council gathers the founder makes another
    founder.page.goto(f"{house.url}/desk/council")
    founder.page.locator("details > summary").last.click()
    founder.page.get_by_role("button", name="Создать и подписать").last.click()
    founder.sign_all(house.url)
    assert len(founder.invitations) == 4
    secretary = Person.arrive(browser, "Петров Пётр Петрович")
    secretary.page.goto(founder.invitations[1])
    secretary.page.wait_for_url(lambda url: url.startswith(house.url))
    look(secretary, "invite")
    secretary.accept(founder.invitations[1], house.url, contacts=True)
    secretary.heading("Вы заняли")

    assert queries.stage(house.node.state) == "constituted"
    found = house.node.facts
    assert sorted(len(found.roles(account)) for account in found.council()) == [2, 2]
    founder.page.goto(f"{house.url}/found/result")
    founder.heading("Кооператив работает")
    expect(founder.page.get_by_text("Петров Пётр Петрович")).to_be_visible()
    look(founder, "constituted")
    # a used link says so
    stranger.page.goto(founder.invitations[1])
    stranger.page.wait_for_url(lambda url: url.startswith(house.url))
    stranger.heading("больше не действует")
    # the accountant's seat is vacant: now the invited person is left time
    founder.page.goto(f"{house.url}/desk/council")
    look(founder, "desk-council")
    expect(founder.page.get_by_text("Приглашённому даётся время до")).to_be_visible()
    assert founder.page.locator("details > summary").count() == 0
    # a member of the paper register; a whole one comes in tests/browser/test_importing.py
    secretary.page.goto(f"{house.url}/desk/enrol")
    look(secretary, "desk-enrol")
    secretary.page.locator("#number").fill("11")
    secretary.page.locator("#since").fill("2020-02-01")
    secretary.page.locator("#name").fill("Орлова Ольга Олеговна")
    secretary.press("Подписать и пригласить")
    secretary.sign_all(house.url)
    assert len(secretary.invitations) == 1
    look(secretary, "desk-enrol-done")
    member = Person.arrive(browser, "Орлова Ольга Олеговна")
    member.accept(secretary.invitations[0], house.url)
    member.heading("Вы заняли")
    secretary.page.goto(f"{house.url}/desk/texts/privacy")
    look(secretary, "desk-text")
    for person in (founder, stranger, secretary, member):
        person.leave()


@pytest.mark.long
def test_a_new_cooperative_is_founded(house: Site, browser: Browser) -> None:
    names = ["Иванова Мария", "Петров Пётр", "Сидорова Анна", "Орлов Олег", "Зайцева Зоя"]
    founder, *others = people = [Person.arrive(browser, name) for name in names]
    page = founder.page
    begin(founder, house, "new")
    founder.heading("Кто учреждает")
    page.locator("#founders").fill("\n".join(names[1:3]))
    founder.press("Продолжить")
    expect(page.locator("#founders-error")).to_be_visible()
    page.locator("#founders").fill("\n".join(names[1:]))
    look(founder, "founders")
    founder.press("Продолжить")
    founder.press("Создать мой ключ")
    founder.sign_all(house.url)
    founder.press("Подписать первую часть")
    founder.sign_all(house.url)
    founder.press("Подписать вторую часть")
    founder.sign_all(house.url)
    look(founder, "gathering")
    links = founder.invitations[:5]
    assert len(links) == 5
    for person, link in zip(people, links, strict=True):
        person.accept(link, house.url)
        person.heading("Вы заняли")
    look(others[0], "joined")
    page.goto(f"{house.url}/found/result")
    for box in page.locator("input[name=candidate]").all()[:3]:
        box.check()
    look(founder, "open")
    founder.press("Открыть собрание")
    founder.sign_all(house.url)
    for person in people:
        person.page.goto(f"{house.url}/found/ballot")
        assert person.page.locator("input:checked").count() == 0
        person.page.locator("input[name=charter][value=for]").check()
        for box in person.page.locator("input[name=council]").all():
            box.check()
        person.page.locator("input[name=chair]").first.check()
        if person is founder:
            look(person, "ballot")
        person.press("Подписать мой голос")
        person.sign_all(house.url)
    page.goto(f"{house.url}/found/result")
    look(founder, "result")
    founder.press("Подписать как председательствующий")
    founder.sign_all(house.url)
    others[0].page.goto(f"{house.url}/found/result")
    others[0].press("Подписать как секретарь")
    others[0].sign_all(house.url)
    others[0].heading("Кооператив работает")
    assert queries.stage(house.node.state) == "constituted"
    assert house.node.facts.is_member(queries.cooperative_in(house.node.state).founder)  # type: ignore[union-attr]
    for person in people:
        person.leave()
