"""Pictures of every screen of the signing origin, for looking at: `python -m tests.browser.shoot_signing DIRECTORY`.

390 and 1280 pixels, light and dark, Russian and English; axe-core runs on each screen and its findings are printed.
"""

# ruff: noqa: E501 (programs for the page stand in long strings)
from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.browser.signing_kit import (
    ROOT,
    FakeMain,
    agreement_item,
    application_item,
    build,
    chromium,
    genesis_item,
    item,
    origins,
)

AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
PROFILES = (("ru", 390, "light"), ("en", 390, "dark"), ("ru", 1280, "dark"), ("en", 1280, "light"))


class Camera:
    """Takes one picture and one axe report at each call."""

    def __init__(self, page: Page, folder: Path, name: str) -> None:
        self.page, self.folder, self.name, self.count = page, folder, name, 0
        self.findings: list[str] = []

    def __call__(self, screen: str) -> None:
        self.page.wait_for_timeout(150)
        self.page.screenshot(path=self.folder / f"{self.name}-{self.count:02d}-{screen}.png", full_page=True)
        self.count += 1
        wide = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            self.findings.append(f"{screen}: {wide} px wider than the window")
        self.findings += [f"{screen}: {line}" for line in axe(self.page)]


def axe(page: Page) -> list[str]:
    page.evaluate(AXE.read_text("utf-8"))
    found: list[dict[str, Any]] = page.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then((result) => result.violations)"
    )
    return [f"{each['id']}: {node['html'][:120]}" for each in found for node in each["nodes"]]


def press(page: Page, place: int = 0, kind: str = "button.btn") -> None:
    page.locator(kind).nth(place).click()


def walk(browser: Browser, main: FakeMain, folder: Path, profile: tuple[str, int, Any]) -> list[str]:
    """Through all screens by the place of the buttons, so that one walk serves both languages."""
    language, width, scheme = profile
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme=scheme,
        locale=language,
        device_scale_factor=1,
        reduced_motion="reduce",
    )
    context.set_default_timeout(8_000)
    page = context.new_page()
    shoot = Camera(page, folder, f"{width}-{scheme}-{language}")

    def open_(token: str, **more: str) -> None:
        page.goto("about:blank")
        page.goto(main.link(token, language, **more))
        page.wait_for_selector("h1")
        page.wait_for_selector("main progress", state="detached")

    open_(main.ask([genesis_item(), agreement_item(main)]))
    shoot("make")
    press(page)
    shoot("passphrase")
    page.locator("input[type=radio]").nth(1).check()
    page.locator("#own").fill("синий трамвай едет медленно")
    shoot("passphrase-own")
    page.locator("input[type=radio]").nth(0).check()
    phrase = page.locator(".phrase").inner_text()
    page.locator("#written").check()
    press(page)
    page.wait_for_selector(".download")
    shoot("save")
    with page.expect_download() as download:
        press(page)
    file = Path(download.value.path())
    press(page, 1)
    page.locator("input[type=file]").set_input_files(
        {"name": "copy.txt", "mimeType": "text/plain", "buffer": file.read_bytes()}
    )
    page.locator("#check-pass").fill("wrong")
    press(page)
    expect(page.locator("#check-error")).not_to_be_empty()
    shoot("check-wrong")
    page.locator("#check-pass").fill(phrase)
    press(page)
    page.wait_for_selector(".paper")
    shoot("paper")
    page.pdf(path=folder / f"{shoot.name}-paper.pdf", prefer_css_page_size=True)
    groups = page.locator(".groups li").all_inner_texts()
    press(page, 1)
    shoot("confirm")
    for field in page.locator("input.group").all():
        field.fill(groups[int(str(field.get_attribute("id")).removeprefix("group-"))])
    press(page)
    page.wait_for_selector(".doc")
    shoot("document-genesis")
    page.locator("details.envelope > summary").click()
    press(page)
    page.locator("details.text > summary").click()
    shoot("document-agreement")
    press(page)
    shoot("summary")
    page.locator(".hold-area .link").click()
    shoot("two-steps")
    press(page, 0, ".hold-area .btn")
    page.wait_for_selector(".receipt")
    shoot("receipt")
    account = next(reversed(main.done.values()))["account"]

    open_(main.ask([application_item()], account=account))
    shoot("document-application")
    main.down = True
    page.locator(".hold-area .link").click()
    press(page, 0, ".hold-area .btn")
    page.wait_for_selector(".notice.warn")
    shoot("waiting")
    page.goto("about:blank")
    page.goto(f"{main.signing_url}/#l={language}")
    page.wait_for_selector(".card")
    shoot("home")
    main.down = False
    page.locator(".link.danger").click()
    shoot("forget")
    page.goto(f"{main.signing_url}/#p=about&l={language}")
    page.wait_for_selector("h2")
    shoot("about")
    open_(main.ask([], purpose="login", account=account, challenge=bytes(32)))
    shoot("login")
    main.refuse = ("expired", 422)
    open_(main.ask([application_item()], account=account))
    page.locator(".hold-area .link").click()
    press(page, 0, ".hold-area .btn")
    page.wait_for_selector(".notice.bad")
    shoot("refused")
    open_(main.ask([application_item()], account=account), main="https://evil.example")
    shoot("other-main")
    open_(
        main.ask(
            [
                item(
                    "unknown.thing/1",
                    {"strange": {"deep": [1, {"x": "за\u202eвтори"}], "list": ["a", "b"]}, "blob": bytes(40)},
                )
            ],
            account=account,
        )
    )
    shoot("unknown")
    fresh = browser.new_context(
        viewport={"width": width, "height": 844}, color_scheme=scheme, reduced_motion="reduce"
    )
    page = shoot.page = fresh.new_page()
    open_(main.ask([application_item()], account=account))
    shoot("no-key")
    press(page)
    shoot("restore")
    fresh.close()
    context.close()
    return [f"{shoot.name} {line}" for line in shoot.findings]


def take(folder: Path) -> list[str]:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as files:
        build(ROOT / "assets" / "signing" / "main.js", Path(files) / "signing.js")
        with origins(Path(files)) as main, chromium() as browser:
            return [line for profile in PROFILES for line in walk(browser, main, folder, profile)]


if __name__ == "__main__":
    found = take(Path(sys.argv[1]))
    print("\n".join(found) or "no findings")
