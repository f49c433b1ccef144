"""People for tests in a real browser: each has a profile of their own, makes a key, keeps its copy and signs
whatever is asked.

Words are the Russian ones of the signing origin.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, FilePayload, Locator, Page, expect, sync_playwright

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PHONE = {"width": 390, "height": 844}
DESKTOP = {"width": 1280, "height": 900}
_PATIENCE = 30_000


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Person:
    """Somebody with a device, and what they keep outside of it: file, passphrase, recovery groups."""

    name: str
    context: BrowserContext
    page: Page
    passphrase: str = ""
    file: bytes = b""
    groups: tuple[str, ...] = ()
    #: links of invitations this person has made, in the order of their cards
    invitations: list[str] = field(default_factory=list)
    #: titles of the documents signed, in order
    signed: list[str] = field(default_factory=list)

    @classmethod
    def arrive(cls, browser: Browser, name: str, viewport: dict[str, int] = PHONE) -> Person:
        context = browser.new_context(
            locale="ru-RU",
            timezone_id="Europe/Moscow",
            accept_downloads=True,
            viewport={"width": viewport["width"], "height": viewport["height"]},
        )
        context.set_default_timeout(_PATIENCE)
        return cls(name, context, context.new_page())

    def leave(self) -> None:
        self.context.close()

    # -- the site ---------------------------------------------------------------------------------

    def press(self, name: str, *, exact: bool = False) -> None:
        """A button or a link that looks like one."""
        found = self.page.get_by_role("button", name=name, exact=exact)
        if not found.count():
            found = self.page.get_by_role("link", name=name, exact=exact)
        found.first.click()

    def heading(self, text: str) -> None:
        """Waits for the page with this heading."""
        expect(self.page.get_by_role("heading", level=1)).to_contain_text(text)

    # -- the signing origin -----------------------------------------------------------------------

    def sign_all(self, site: str) -> None:
        """Whatever the signing page asks, until it has brought the person back to `site`."""
        page = self.page
        for _ in range(60):
            if page.url.startswith(site):
                return
            page.locator("main.sheet h1").wait_for()
            if self._once(site):
                return
        raise AssertionError(
            f"{self.name} did not come back; last: {page.locator('main').inner_text()[:500]}"
        )

    def _once(self, site: str) -> bool:
        page = self.page
        step = page.locator(
            "button.hold, button:has-text('Прочитано, дальше'), button:has-text('Продолжить'), "
            "button:has-text('Создать ключ'), button:has-text('Войти'), .notice.bad"
        ).first
        step.wait_for()
        if page.locator(".notice.bad").count():
            raise AssertionError(page.locator("main").inner_text())
        if self._has("Создать ключ"):
            self.make_key()
        elif self._has("Прочитано, дальше"):
            self._read()
            self._button("Прочитано, дальше").click()
        elif page.locator("button.hold").count():
            self._read()
            self.hold()
        else:
            found = [str(card.get_attribute("data-link")) for card in page.locator(".invitation").all()]
            self.invitations += [link for link in found if link not in self.invitations]
            self.signed += page.locator("ul.receipt b").all_inner_texts()
            self._button("Войти" if self._has("Войти") else "Продолжить").click()
            page.wait_for_url(lambda url: url.startswith(site))
            return True
        return False

    def _button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name).first

    def _has(self, name: str) -> bool:
        return self.page.get_by_role("button", name=name).count() > 0

    def _read(self) -> None:
        for text in self.page.locator("details.text:not([open]) > summary").all():
            text.click()

    def hold(self) -> None:
        """The gesture of signing."""
        before = self.page.locator("main h1").inner_text()
        button = self.page.locator("button.hold")
        button.scroll_into_view_if_needed()
        box = button.bounding_box()
        assert box
        self.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        self.page.mouse.down()
        expect(self.page.locator("main h1")).not_to_have_text(before, timeout=_PATIENCE)
        self.page.mouse.up()
        # hundreds of documents take their time
        expect(self.page.get_by_role("progressbar")).to_have_count(0, timeout=6 * _PATIENCE)

    def make_key(self) -> None:
        """Passphrase, file, file opened again, sheet, sheet read back."""
        page = self.page
        self._button("Создать ключ").click()
        self.passphrase = page.locator(".phrase").inner_text()
        page.get_by_label("Я записал").check()
        self._button("Дальше").click()
        with page.expect_download() as download:
            self._button("Скачать файл").click()
        self.file = Path(download.value.path()).read_bytes()
        self._button("Дальше").click()
        copy: FilePayload = {"name": "copy.txt", "mimeType": "text/plain", "buffer": self.file}
        page.get_by_label("Файл с копией").set_input_files(copy)
        page.get_by_label("Парольная фраза").fill(self.passphrase)
        self._button("Проверить").click()
        page.locator(".groups li").first.wait_for(timeout=_PATIENCE)
        self.groups = tuple(page.locator(".groups li").all_inner_texts())
        self._button("Лист у меня на бумаге").click()
        for group in page.locator("input.group").all():
            group.fill(self.groups[int(str(group.get_attribute("id")).removeprefix("group-"))])
        self._button("Готово").click()
        page.locator("input.group").first.wait_for(state="detached")

    # -- invitations ------------------------------------------------------------------------------

    def accept(self, link: str, site: str, *, contacts: bool = False) -> None:
        """Opens an invitation, reads, says who they are, and signs."""
        page = self.page
        page.goto(link)
        page.wait_for_url(lambda url: url.startswith(f"{site}/invite/"))
        self.press("Начать")
        for text in page.locator("main details > summary").all():
            text.click()
        page.get_by_label("Я прочитал").check()
        self.press("Продолжить")
        page.locator("#name").fill(self.name)
        page.locator("#birth_date").fill("1980-05-17")
        page.locator("#address").fill("Пермь, ул. Ленина, д. 1, кв. 2")
        page.locator("#phone").fill("+7 900 000-00-00")
        page.locator("#email").fill("person@example.org")
        self.press("Продолжить")
        page.locator("#consent-membership").check()
        if contacts:
            page.locator("#consent-contacts").check()
        self.press("К подписи")
        self.sign_all(site)
