"""The public verification page in a real browser, which repeats the checks and says so when they fail."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Route, async_playwright

from tests.node.council_kit import table
from web.app import create_app

CHROMIUM = os.environ.get("COOPNODE_CHROMIUM", "/usr/bin/chromium")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield found
        await found.close()


@pytest.fixture
async def address(tmp_path: Path) -> AsyncIterator[str]:
    """Of the verification page of a decision."""
    made = await table(tmp_path / "data")
    id = await made.propose()
    await made.vote(id, chair="for", secretary="for", accountant="for", one="for")
    done = await made.approve(id)
    await made.published()
    server = TestServer(create_app(made.node))
    await server.start_server()
    yield str(server.make_url(f"/verify/{done.digest.hex()}"))
    await server.close()
    await made.stop()


async def test_the_browser_repeats_the_checks(browser: Browser, address: str) -> None:
    for scripts, state in ((True, "ok"), (False, "wait")):
        context = await browser.new_context(locale="ru-RU", java_script_enabled=scripts)
        page = await context.new_page()
        await page.goto(address)
        section = page.locator(f"[data-verify][data-state={state}]")
        await section.wait_for()
        words = await section.inner_text()
        assert ("в вашем браузере: всё верно" in words) is scripts
        assert ("По данным узла" in words) is not scripts
        assert await page.evaluate("document.documentElement.scrollWidth") <= 1280
        await context.close()


@pytest.mark.parametrize("field", ["statement", "proof"])
async def test_altered_evidence_is_said_plainly(browser: Browser, address: str, field: str) -> None:
    page = await (await browser.new_context(locale="ru-RU")).new_page()

    async def alter(route: Route) -> None:
        response = await route.fetch()
        body: dict[str, Any] = json.loads(await response.text())
        found = body[field]
        place = found.index("\n\n") - 4 if field == "proof" else len(found) // 2
        body[field] = found[:place] + ("A" if found[place] != "A" else "B") + found[place + 1 :]
        await route.fulfill(response=response, json=body)

    await page.route("**/api/v1/verify/*", alter)
    await page.goto(address)
    section = page.locator("[data-verify][data-state=bad]")
    await section.wait_for()
    assert "Не полагайтесь на этот документ" in await section.inner_text()
