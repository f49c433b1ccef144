"""A matter shows votes and its state as they come, without a script by a link, with one by itself."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.node.council_kit import Table, table
from web.app import create_app
from web.keys import SESSIONS

CHROMIUM = os.environ.get("COOPNODE_CHROMIUM", "/usr/bin/chromium")
#: The page asks again when it is looked at anew; nobody has to wait for its turn.
LOOKED_AT = "document.dispatchEvent(new Event('visibilitychange'))"


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield found
        await found.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[tuple[Table, TestServer]]:
    made = await table(tmp_path / "data")
    server = TestServer(create_app(made.node), host="localhost")
    await server.start_server()
    yield made, server
    await server.close()
    await made.stop()


async def sits_down(browser: Browser, made: Table, server: TestServer, name: str, **options: Any) -> Page:
    store = server.app[SESSIONS]
    session, _ = await store.create("ru")
    _, token = await store.sign_in(session, made.people[name].id)
    context = await browser.new_context(locale="ru-RU", **options)
    await context.add_cookies([{"name": "coopnode", "value": token, "url": str(server.make_url("/"))}])
    return await context.new_page()


async def test_a_vote_appears_without_loading_the_page_anew(
    browser: Browser, house: tuple[Table, TestServer]
) -> None:
    made, server = house
    id = await made.propose()
    page = await sits_down(browser, made, server, "chair")
    await page.goto(str(server.make_url(f"/council/{id}")))
    await page.evaluate("window.same = true")
    await page.locator("input[name=choice][value=for]").check()
    await page.locator("textarea[name=text]").fill("Ещё не дописано")
    await expect(page.locator("[data-live=votes]")).not_to_contain_text("за")
    await made.vote(id, secretary="for", accountant="for", one="for")
    await page.evaluate(LOOKED_AT)
    await expect(page.locator("[data-live=count]")).to_contain_text("3")
    await expect(page.locator("[data-live=votes]")).to_contain_text("за")
    # What the reader is at work on stays.
    assert await page.locator("input[name=choice][value=for]").is_checked()
    assert await page.locator("textarea[name=text]").input_value() == "Ещё не дописано"
    # Once all have voted, the chair's signature is asked for at the head of the page.
    await made.vote(id, chair="for")
    await page.locator("h1").click()
    await page.evaluate("document.activeElement.blur()")
    await page.evaluate(LOOKED_AT)
    await expect(page.get_by_role("link", name="Прочитать и подписать")).to_be_visible()
    await made.approve(id)
    await page.evaluate(LOOKED_AT)
    await expect(page.locator("[data-live=head]")).to_contain_text("принято")
    await expect(page.locator("#vote")).to_have_count(0)
    assert await page.evaluate("window.same")


async def test_without_a_script_a_link_shows_the_state_of_now(
    browser: Browser, house: tuple[Table, TestServer]
) -> None:
    made, server = house
    id = await made.propose()
    page = await sits_down(browser, made, server, "secretary", java_script_enabled=False)
    await page.goto(str(server.make_url(f"/council/{id}")))
    await made.vote(id, chair="for")
    await page.get_by_role("link", name="Обновить").click()
    await expect(page.locator("[data-live=votes]")).to_contain_text("за")
