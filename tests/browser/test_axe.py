"""axe-core finds nothing on any page of a member, the chair, the secretary and the accountant: on a phone and
on a desk, light and dark.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
from aiohttp.test_utils import TestServer
from playwright.async_api import Browser, Page, async_playwright

from coopnode.answers import Committed
from coopnode.testing import seed
from protocol.documents import parse
from tests.node.society import Society
from tests.web.test_accounts import recovering
from tools.screens import AXE, PLACES, SHOTS, WIDTHS, make_society, new_context, sign_in
from web.app import create_app

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[tuple[Society, TestServer]]:
    society = await make_society(tmp_path / "node")
    server = TestServer(create_app(society.node), host="localhost")
    await server.start_server()
    yield society, server
    await server.close()
    await society.node.stop()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        yield found
        await found.close()


@pytest.mark.long
@pytest.mark.parametrize("who", ["member", "chair", "secretary", "accountant"])
async def test_no_page_breaks_a_rule(who: str, house: tuple[Society, TestServer], browser: Browser) -> None:
    society, server = house
    base = str(server.make_url("")).rstrip("/")
    context = await new_context(browser, "ru", "light", *WIDTHS["390"])
    await sign_in(context, server.app, society, who, "ru", base)
    page, rules = await context.new_page(), AXE.read_text("utf-8")
    found: list[str] = []
    for shot in SHOTS:
        if shot.who == who:
            answer = await page.goto(base + shot.path.format_map(PLACES))
            assert answer is not None and answer.status == shot.status, shot.name
            await page.evaluate(rules)
            found += [f"{shot.name}: {line}" for line in await judged(page)]
    await context.close()
    assert found == []


@pytest.mark.long
async def test_what_officers_read_of_a_dispute(house: tuple[Society, TestServer], browser: Browser) -> None:
    """Desk and member card while an account is recovered, and while a former key objects."""
    society, server = house
    base, person = str(server.make_url("")).rstrip("/"), society.officers["chair"]
    page = await (await new_context(browser, "ru", "light", *WIDTHS["390"])).new_page()
    await sign_in(page.context, server.app, society, "secretary", "ru", base)
    rules, found, engine = AXE.read_text("utf-8"), list[str](), society.node.engine
    state = await (await page.request.get(f"{base}/api/v1/accounts/{person.id}/chain")).json()
    recovery = recovering(person, state, seed("thief"), revoke=True, now=society.coop.now)
    fields = {"recovery": parse(recovery).digest}
    objection = person.sign("account.object/1", fields, aud=person.id, now=society.coop.now)
    for statement, words in ((recovery, "Письмо не пришло"), (objection, "Когда вы встретились")):
        assert isinstance(await engine.submit(statement), Committed)
        for path in ("/desk", "/members/1"):
            await page.goto(base + path)
            await page.evaluate(rules)
            found += [f"{path}: {line}" for line in await judged(page)]
        assert words in await page.locator("main").inner_text()
    assert found == []


async def judged(page: Page) -> list[str]:
    """What axe-core says of the page at both widths, light and dark."""
    found: list[str] = []
    for label, (width, height) in WIDTHS.items():
        await page.set_viewport_size({"width": width, "height": height})
        if not await page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
            found.append(f"wider than {label}")
        for scheme in SCHEMES:
            await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            result = await page.evaluate("axe.run({resultTypes: ['violations']})")
            found += [f"{item['id']} ({label}, {scheme})" for item in result["violations"]]
    return found
