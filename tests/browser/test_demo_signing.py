"""In the demo one signs as any of its people, with the copy of the key that its page hands out."""

from __future__ import annotations

import asyncio
import re
import time
from pathlib import Path

import pytest
from playwright.sync_api import FilePayload, expect

from coopnode.cli.node import all_projections
from coopnode.config import Config
from coopnode.demo import cast, making
from coopnode.demo.place import PASSPHRASE
from tests.browser.people import Person, chromium
from tests.browser.site import Site, built, site

pytestmark = pytest.mark.long


def becomes(person: Person, made: Site, key: str) -> None:
    """Comes in as somebody of the demo, and takes the copy of their key along."""
    page = person.page
    page.goto(f"{made.url}/demo")
    with page.expect_download() as download:
        page.locator(f'a[href="/demo/keys/{key}"]').click()
    person.file = Path(download.value.path()).read_bytes()
    page.locator(f'button[name="person"][value="{key}"]').click()
    page.wait_for_url(f"{made.url}/now")


def restores(person: Person) -> None:
    """Gives the signing page the copy of the key."""
    page = person.page
    page.get_by_role("button", name="Восстановить ключ из копии").click()
    copy: FilePayload = {"name": "copy.txt", "mimeType": "text/plain", "buffer": person.file}
    page.get_by_label("Файл с копией").set_input_files(copy)
    page.get_by_label("Парольная фраза").fill(PASSPHRASE)
    page.get_by_role("button", name="Восстановить ключ", exact=True).click()


def test_the_chair_signs_and_another_votes(tmp_path: Path) -> None:
    data, now = tmp_path / "data", int(time.time())
    asyncio.run(making.make(Config(data=data, demo=True), all_projections(), now, lambda done, of: None))
    files = built(tmp_path / "files")
    with chromium() as browser, site(data, files, demo=True, time_confirmed=True) as made:
        person = Person.arrive(browser, "somebody")
        becomes(person, made, cast.CHAIR)
        person.page.goto(f"{made.url}/council")
        person.page.locator('a[href$="/sign"]').first.click()
        expect(person.page.locator("main")).to_contain_text("О закупке семян")
        person.press("Продолжить к подписи")
        restores(person)
        person.sign_all(made.url)
        person.heading("О закупке семян")
        expect(person.page.locator("main")).to_contain_text(re.compile("принято"))
        # the same browser is somebody else the next minute, and the other key signs
        becomes(person, made, cast.TWO)
        person.page.goto(f"{made.url}/council")
        person.page.get_by_role("link", name="О договоре на дизельное топливо").click()
        person.page.locator("input[name=choice][value=for]").check()
        person.press("Продолжить к подписи")
        restores(person)
        person.sign_all(made.url)
        expect(person.page.get_by_role("row", name="Соболь Нина Георгиевна")).to_contain_text("за")
        person.leave()
