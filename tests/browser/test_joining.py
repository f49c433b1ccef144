"""An applicant in a real browser on a phone: letter, code, form, texts, a key, signatures, and what follows.

With COOPNODE_SHOTS set to a folder, pictures of every page are left there.
"""

from __future__ import annotations

import email
import os
import re
from collections.abc import Iterator
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from coopnode import testing
from coopnode.membership import queries
from coopnode.sessions import Sessions
from protocol.identifiers import identifier
from tests.browser.people import DESKTOP, PHONE, Person
from tests.browser.site import Site, built, site
from tests.node.society import PARTICULARS, Society


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    files = built(tmp_path_factory.mktemp("build"))
    with site(tmp_path_factory.mktemp("data") / "node", files) as found:
        yield found


@pytest.fixture(scope="module")
def society(house: Site) -> Society:
    async def make() -> Society:
        node = house.node
        urls: dict[str, Any] = {"public_url": house.url, "signing_url": house.signing_url}
        first = testing.found(node.keys, now=node.clock.peek(), name="Росток", **urls)
        await testing.accepted(node.engine.submit(first.genesis, ticket=node.founding_token))
        await testing.accepted(node.engine.submit(first.pack))
        await testing.accepted(node.engine.submit(first.account))
        made = Society(testing.Cooperative(node, first.id, first.founder), None)
        await made.constitute()
        return made

    found: Society = house.call(make())
    return found


def look(page: Page, name: str) -> None:
    """No page is wider than its window; a picture when they are wanted."""
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} overflows"
    folder = os.environ.get("COOPNODE_SHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)


def both(page: Page, name: str) -> None:
    for size in (PHONE, DESKTOP):
        page.set_viewport_size({"width": size["width"], "height": size["height"]})
        look(page, f"{name}-{size['width']}")
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})


def code_in_the_last_letter(house: Site) -> str:
    letters = sorted(house.node.config.mail.glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
    message = email.message_from_bytes(letters[-1].read_bytes())
    found = re.search(r"\d{6}", str(make_header(decode_header(message["Subject"]))))
    assert found is not None
    return found[0]


def signed_in(browser: Browser, house: Site, account: str) -> Page:
    """A browser of somebody whose key lies elsewhere."""

    async def token() -> str:
        store = Sessions(house.node)
        made, _ = await store.create("ru")
        return (await store.sign_in(made, account))[1]

    context = browser.new_context(locale="ru-RU", timezone_id="Europe/Moscow", viewport=None)
    context.add_cookies([{"name": "coopnode", "value": house.call(token()), "url": house.url}])
    page = context.new_page()
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    return page


def test_an_applicant_joins_by_phone(house: Site, society: Society, browser: Browser) -> None:
    applicant = Person.arrive(browser, PARTICULARS["name"])
    page = applicant.page
    page.goto(f"{house.url}/join")
    both(page, "01-join")
    page.get_by_role("link", name="Начать заявление").click()
    look(page, "02-email")
    page.locator("#email").fill("ivanova@@example")
    page.get_by_role("button", name="Отправить код").click()
    look(page, "03-email-wrong")
    page.locator("#email").fill("ivanova@example.org")
    page.get_by_role("button", name="Отправить код").click()
    applicant.heading("Код из письма")
    look(page, "04-code")
    page.locator("#code").fill(code_in_the_last_letter(house))
    page.get_by_role("button", name="Продолжить").click()
    applicant.heading("В качестве кого")
    both(page, "05-kind")
    page.get_by_label("за себя").check()
    page.get_by_role("button", name="Продолжить").click()
    applicant.heading("О вас")
    page.get_by_role("button", name="Продолжить").click()
    both(page, "06-person-wrong")
    for name, value in PARTICULARS.items():
        if name != "email":
            page.locator(f"#{name}").fill(value)
    page.locator("#document").fill("4510 123456, ОВД г. Твери, 01.02.2010")
    look(page, "07-person")
    page.get_by_role("button", name="Продолжить").click()
    applicant.heading("Тексты для чтения")
    page.get_by_role("button", name="Продолжить").click()
    look(page, "08-texts-wrong")
    for _ in range(3):
        page.get_by_role("link", name="Прочитать", exact=True).first.click()
        look(page, "09-text")
        page.get_by_role("link", name="Прочитано").click()
        applicant.heading("Тексты для чтения")
    both(page, "10-texts")
    page.get_by_role("button", name="Продолжить").click()
    applicant.heading("Что можно делать")
    assert not page.locator("#consent-contacts").is_checked()
    both(page, "11-consents")
    page.get_by_role("button", name="Продолжить").click()
    applicant.heading("Проверьте и подпишите")
    both(page, "12-check")
    page.get_by_role("button", name="Создать ключ и подписать").click()
    applicant.sign_all(house.url)
    applicant.heading("Заявление №")
    both(page, "13-status-applied")

    number = int(re.search(r"\d+", page.locator("h1").inner_text())[0])  # type: ignore[index]
    line = house.call(house.node.database.read(lambda connection: queries.application(connection, number)))
    assert line is not None and line.status == "applied"
    officers(house, society, browser, applicant, line)


def officers(
    house: Site, society: Society, browser: Browser, applicant: Person, line: queries.ApplicationLine
) -> None:
    """The rest of the way; what officers sign elsewhere is submitted by their keys."""
    page = applicant.page
    secretary = signed_in(browser, house, society.officers["secretary"].id)
    here = f"{house.url}/desk/applications/{line.number}"
    for address, name in (
        (f"{house.url}/now", "20-now-secretary"),
        (f"{house.url}/desk", "21-desk"),
        (f"{house.url}/desk/applications", "22-list"),
        (f"{house.url}/desk/applications?list=ended", "23-list-empty"),
        (here, "24-application"),
        (f"{here}/identify", "25-identify"),
        (f"{here}/return", "26-return"),
    ):
        assert secretary.goto(address).status == 200  # type: ignore[union-attr]
        both(secretary, name)
    secretary.goto(f"{here}/identify")
    secretary.get_by_role("button", name="К подписи").click()
    both(secretary, "27-identify-wrong")
    house.call(society.identify(line.digest))
    secretary.goto(here)
    both(secretary, "28-application-papers")
    complete = house.call(society.complete(line.digest))
    page.goto(f"{house.url}/join/status")
    look(page, "30-status-council")
    house.call(society.decide(identifier(complete.digest)))
    page.goto(f"{house.url}/join/status")
    both(page, "31-status-pay")
    page.goto(f"{house.url}/now")
    look(page, "32-now-applicant")
    accountant = signed_in(browser, house, society.officers["accountant"].id)
    accountant.goto(f"{house.url}/desk")
    both(accountant, "33-desk-accountant")
    accountant.goto(f"{here}/pay")
    both(accountant, "34-pay")
    accountant.locator("#share").fill("250")
    accountant.get_by_role("button", name="К подписи").click()
    look(accountant, "35-pay-wrong")
    house.call(society.pay(line.digest))
    page.goto(f"{house.url}/me/membership")
    both(page, "36-membership")
    assert page.request.get(f"{house.url}/me/membership/certificate.pdf").body()[:5] == b"%PDF-"
    page.goto(f"{house.url}/me/data")
    both(page, "37-data")
    for address, name in (
        (f"{house.url}/members", "40-members"),
        (f"{house.url}/members?at=2020-01-01", "41-members-past"),
        (f"{house.url}/members/3", "42-member"),
        (here, "43-application-ended"),
    ):
        assert secretary.goto(address).status == 200  # type: ignore[union-attr]
        both(secretary, name)
