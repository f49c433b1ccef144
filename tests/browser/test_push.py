"""The worker of the pages' origin says that there is news, in both languages, and a browser that cannot be
subscribed is told why."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

from coopnode.cli.node import all_projections
from coopnode.notifications import devices
from coopnode.notifications.kinds import KINDS
from coopnode.outbox import Outbox
from coopnode.testing import FixedClock
from tests.node.society import Society
from tests.web.test_notifications import propose
from web.app import create_app
from web.keys import SESSIONS

CHROMIUM = os.environ.get("COOPNODE_CHROMIUM", "/usr/bin/chromium")
LOOKED_AT = "document.dispatchEvent(new Event('visibilitychange'))"
REGISTER = """async () => {
  await navigator.serviceWorker.register("/push-worker.js", { scope: "/" });
  await navigator.serviceWorker.ready;
}"""
SHOWN = """async () => {
  const worker = await navigator.serviceWorker.ready;
  return (await worker.getNotifications()).map((item) => [item.title, item.body, item.lang]);
}"""


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield found
        await found.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[tuple[Society, TestServer, str]]:
    society = await Society.make(tmp_path, clock=FixedClock(), projections=all_projections())
    server = TestServer(create_app(society.node), host="localhost")
    await server.start_server()
    base = str(server.make_url("")).rstrip("/")
    society.node.config = society.node.config.model_copy(update={"public_url": base})
    yield society, server, base
    await server.close()
    await society.node.stop()


async def signed_in(
    browser: Browser, house: tuple[Society, TestServer, str], **options: Any
) -> BrowserContext:
    society, server, base = house
    store = server.app[SESSIONS]
    made, _ = await store.create("ru")
    _, token = await store.sign_in(made, society.officers["one"].id)
    context = await browser.new_context(locale="ru-RU", **options)
    await context.grant_permissions(["notifications"], origin=base)
    await context.add_cookies([{"name": "coopnode", "value": token, "url": base}])
    return context


async def pushed(page: Page, base: str, data: str) -> None:
    """As a push service hands it over, once it is decrypted."""
    client = await page.context.new_cdp_session(page)
    versions: list[dict[str, Any]] = []
    client.on("ServiceWorker.workerVersionUpdated", lambda event: versions.extend(event["versions"]))
    await client.send("ServiceWorker.enable")
    for _ in range(100):
        if versions:
            break
        await page.wait_for_timeout(50)
    place = {"origin": f"{base}/", "registrationId": versions[0]["registrationId"], "data": data}
    await client.send("ServiceWorker.deliverPushMessage", place)
    await client.detach()


async def told(page: Page) -> list[list[str]]:
    for _ in range(100):
        found: list[list[str]] = await page.evaluate(SHOWN)
        if found:
            return found
        await page.wait_for_timeout(50)
    return []


@pytest.mark.parametrize(
    ("data", "title", "body", "language"),
    [
        (
            json.dumps({"kind": "votes", "count": 2, "locale": "ru"}),
            "Новости кооператива",
            "Голосования и решения: 2",
            "ru",
        ),
        (
            json.dumps({"kind": "security", "count": 1, "locale": "en"}),
            "News of the cooperative",
            "Security of the account: 1",
            "en",
        ),
        (
            json.dumps({"kind": "constructor", "count": "<b>"}),
            "Новости кооператива",
            "Откройте уведомления",
            "ru",
        ),
        (
            json.dumps({"kind": "votes", "count": 2, "locale": "eo"}),
            "News of the cooperative",
            "Votes and decisions: 2",
            "en",
        ),
        ("not JSON", "Новости кооператива", "Откройте уведомления", "ru"),
    ],
)
async def test_the_worker_says_that_there_is_news(
    browser: Browser,
    house: tuple[Society, TestServer, str],
    data: str,
    title: str,
    body: str,
    language: str,
) -> None:
    context, base = await signed_in(browser, house), house[2]
    page = await context.new_page()
    await page.goto(f"{base}/inbox")
    await page.evaluate(REGISTER)
    await pushed(page, base, data)
    assert await told(page) == [[title, body, language]]
    await context.close()


async def test_a_browser_is_told_that_its_push_service_is_away(
    browser: Browser, house: tuple[Society, TestServer, str]
) -> None:
    """As far as one comes without the Internet: the worker is there, the service does not answer."""
    society, _, base = house
    context = await signed_in(browser, house)
    page, wrong = await context.new_page(), list[str]()
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if "Content Security" in line.text else None)
    await page.goto(f"{base}/me/notifications/devices")
    button = page.get_by_role("button", name="Сообщать на этом устройстве")
    await expect(button).to_be_visible()
    await expect(page.get_by_text("Этот браузер не умеет")).to_be_hidden()
    await button.click()
    await expect(page.get_by_text("Не получилось: служба уведомлений браузера недоступна")).to_be_visible(
        timeout=30_000
    )
    account = society.officers["one"].id
    assert await society.node.database.read(lambda c: devices.count(c, account)) == 0 and wrong == []
    await context.close()


async def test_without_scripts_the_page_says_so(
    browser: Browser, house: tuple[Society, TestServer, str]
) -> None:
    context = await signed_in(browser, house, java_script_enabled=False)
    page = await context.new_page()
    await page.goto(f"{house[2]}/me/notifications/devices")
    await expect(page.get_by_text("Этот браузер не умеет")).to_be_visible()
    await expect(page.get_by_role("button", name="Сообщать на этом устройстве")).to_be_hidden()
    await context.close()


async def test_the_bell_counts_while_one_looks(
    browser: Browser, house: tuple[Society, TestServer, str]
) -> None:
    society, _, base = house
    context = await signed_in(browser, house)
    page = await context.new_page()
    await page.goto(f"{base}/inbox")
    await expect(page.get_by_text("Уведомлений пока нет")).to_be_visible()
    await propose(society)
    await Outbox(society.node, KINDS).work()
    await page.evaluate(LOOKED_AT)
    await expect(page.locator(".bell .count")).to_contain_text("1")
    await expect(page.get_by_role("heading", name="В совете новый вопрос")).to_be_visible()
    await context.close()
