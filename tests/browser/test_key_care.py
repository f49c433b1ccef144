"""Another device, a lost one, the sheet of paper: real browsers against a real node (P7–P11).

Nothing that must stay on a device or on paper may reach the node: every request of every browser is recorded.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from coopnode.admission import token_digest
from coopnode.sessions import Sessions
from coopnode.signing import SELF, Item, Signing
from coopnode.testing import START, Cooperative, FixedClock, accepted, found
from protocol.contract import View
from protocol.contracts import accounts
from protocol.contracts.accounts import OBJECTION_WAIT, RECOVERY_WAIT, Account
from tests.browser.people import DESKTOP, PHONE, Person
from tests.browser.shoot_signing import axe
from tests.browser.site import Site, site

#: Set to a folder to keep pictures of every page.
PICTURES = os.environ.get("COOPNODE_PICTURES")


@dataclass
class House:
    """A node with a cooperative, the time as its browsers see it, and all they ever sent."""

    site: Site
    clock: FixedClock
    traffic: list[bytes] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)

    def arrive(self, browser: Browser, name: str) -> Person:
        person = Person.arrive(browser, name)
        person.context.on("request", self._record)
        person.context.clock.install(time=self.clock.time)
        self.people.append(person)
        return person

    def _record(self, request: Request) -> None:
        head = "\n".join(f"{name}: {value}" for name, value in request.headers.items())
        self.traffic.append(
            f"{request.method} {request.url}\n{head}\n\n".encode() + (request.post_data_buffer or b"")
        )

    def member(self, browser: Browser, name: str) -> Person:
        """Somebody who made an account in a browser of theirs, and is signed in."""
        person = self.arrive(browser, name)
        node = self.site.node

        async def asked() -> tuple[str, str]:
            session, cookie = await Sessions(node).create("ru")
            assert node.cooperative
            genesis = Item("account.genesis/1", None, SELF, SELF, home=node.cooperative)
            signing = Signing(node)
            token = await signing.create(
                session=session.digest,
                purpose="sign",
                items=[genesis],
                return_to="/me/keys",
                cancel="/",
                locale="ru",
                ticket=token_digest(await node.issue_ticket()),
            )
            return signing.address(token, "ru"), cookie

        address, cookie = self.site.call(asked())
        person.context.add_cookies([{"name": "coopnode", "value": cookie, "url": self.site.url}])
        person.page.goto(address)
        person.sign_all(self.site.url)
        person.heading("Ключи и устройства")
        return person

    def move(self, seconds: float) -> None:
        self.clock.move(seconds)
        for person in self.people:
            person.context.clock.set_system_time(self.clock.time)

    def account(self) -> Account:
        """The latest account."""
        view = View(self.site.node.state, accounts.DOMAIN)
        return max(
            (each for _, each in view.scan("account", "", Account)), key=lambda each: each.keys[0].active_from
        )

    def leave(self) -> None:
        for person in self.people:
            person.leave()
        self.people.clear()


@pytest.fixture
def house(tmp_path: Path, files: Path) -> Iterator[House]:
    clock = FixedClock(time=START)
    with site(tmp_path / "node", files, clock=clock) as running:
        node = running.node
        first = found(
            node.keys, now=START, public_url=running.url, signing_url=running.signing_url, name="Росток"
        )

        async def begin() -> None:
            await accepted(node.engine.submit(first.genesis, ticket=node.founding_token))
            for raw in (first.pack, first.account):
                await accepted(node.engine.submit(raw))
            assert Cooperative(node, first.id, first.founder).id

        running.call(begin())
        clock.move(60)
        made = House(running, clock)
        yield made
        made.leave()


def look(page: Page, name: str) -> None:
    """No page is wider than its window, axe-core finds nothing; pictures when they are wanted."""
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for label, size in (("390", PHONE), ("1280", DESKTOP)):
        page.set_viewport_size({"width": size["width"], "height": size["height"]})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{name} is too wide"
        for scheme in schemes:
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            assert axe(page) == [], f"{name}, {label}, {scheme}"
            if PICTURES:
                Path(PICTURES).mkdir(parents=True, exist_ok=True)
                page.screenshot(path=Path(PICTURES) / f"{name}-{label}-{scheme}.png", full_page=True)
    page.emulate_media(color_scheme="light", reduced_motion="no-preference")
    page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})


def both(page: Page, name: str) -> None:
    """The same in English; the signing origin switches in place, the site by its form."""
    look(page, f"{name}-ru")
    switch = page.locator("header button[lang=en], footer button[lang=en]").first
    switch.click()
    page.locator("html[lang=en]").wait_for()
    look(page, f"{name}-en")
    page.locator("header button[lang=ru], footer button[lang=ru]").first.click()
    page.locator("html[lang=ru]").wait_for()


def add(house: House, old: Person, new: Person, pictures: bool = False) -> None:
    """From the link on the sign-in page to a device that may sign."""
    page, here = new.page, old.page
    page.goto(f"{house.site.url}/sign-in")
    if pictures:
        both(page, "sign-in")
    new.press("Добавить устройство")
    page.get_by_role("button", name="Создать ключ этого устройства").wait_for()
    if pictures:
        both(page, "device-start")
    new.press("Создать ключ этого устройства")
    carry(house, old, new, pictures)
    expect(page.get_by_role("heading", name="Устройство добавлено")).to_be_visible(timeout=15_000)
    if pictures:
        both(page, "device-done")
        here.goto(f"{house.site.url}/me/keys")
        both(here, "keys")
    new.press("Войти в кабинет")
    new.sign_all(house.site.url)


def carry(house: House, old: Person, new: Person, pictures: bool = False) -> None:
    """The code from the new screen to the old one, the fingerprint compared on both, the signature."""
    page, here = new.page, old.page
    code = page.locator(".devicecode").inner_text()
    if pictures:
        both(page, "device-code")
    here.goto(f"{house.site.url}/me/devices/add")
    if pictures:
        both(here, "add")
    here.get_by_label("Код нового устройства").fill(code.lower().replace(" ", "-"))
    old.press("Продолжить")
    new.heading("Сверьте отпечаток")
    old.heading("один и тот же отпечаток")
    here.locator("#same").wait_for()
    assert here.locator(".print").inner_text() == page.locator(".print").inner_text()
    if pictures:
        both(page, "device-compare")
        both(here, "confirm")
    old.press("К подписи")
    expect(here.get_by_role("alert")).to_be_visible()
    here.locator("#same").check()
    old.press("К подписи")
    here.locator("button.hold").wait_for()
    assert page.locator(".print").inner_text() in here.locator("article.doc").inner_text()
    old.sign_all(house.site.url)
    old.heading("Ключи и устройства")


def revoke(house: House, person: Person, key: bytes, pictures: bool = False) -> None:
    page = person.page
    page.goto(f"{house.site.url}/me/keys")
    page.locator(f"ul.papers a[href='/me/keys/{key.hex()}/revoke']").click()
    person.heading("Отозвать этот ключ")
    if pictures:
        both(page, "revoke")
    page.locator("input[name=why][value=lost]").check()
    person.press("К подписи")
    person.sign_all(house.site.url)


def secrets_of(person: Person) -> list[bytes]:
    """What only this person may know: every spelling of the recovery key, the passphrase, the copy's box."""
    if not person.groups:
        return []
    text = "".join(person.groups)
    seed = base64.b32decode(text)[:32]
    copy = person.file[person.file.index(b"COOPNODE-KEY-1:") + 200 :][:80]
    return [
        seed,
        seed.hex().encode(),
        base64.b64encode(seed)[:-1],
        base64.urlsafe_b64encode(seed)[:-1],
        text.encode(),
        text.lower().encode(),
        text[:24].encode(),
        person.passphrase.encode(),
        copy,
    ]


def nothing_leaked(house: House, *known: list[bytes]) -> None:
    whole = b"\n".join(house.traffic)
    assert b"/entries" in whole  # the recording works
    for spelling in (each for some in known for each in some):
        assert spelling not in whole


def test_typed_groups_are_judged_one_by_one(house: House, browser: Browser) -> None:
    """Length, letters, one wrong letter, two groups exchanged: the page names the group and sends nothing."""
    person = house.arrive(browser, "Прохожий")
    page = person.page
    page.goto(f"{house.site.signing_url}/#p=recover&l=ru")
    seed = bytes(range(32))
    page.locator("#sheet-13").wait_for()
    check = sha256(b"coopnode/recovery/0" + seed).digest()[:3]
    text = base64.b32encode(seed + check).decode()
    right = [text[at : at + 4] for at in range(0, 56, 4)]

    def typed(all: list[str]) -> str:
        for place, group in enumerate(all):
            page.locator(f"#sheet-{place}").fill(group)
        before = len(house.traffic)
        page.get_by_role("button", name="Найти учётную запись").click()
        error = page.locator("#groups-error")
        expect(error).not_to_be_empty()
        assert len(house.traffic) == before
        return error.inner_text()

    assert "Группа 3: нужны четыре" in typed([*right[:2], right[2][:3], *right[3:]])
    assert "Группа 5: знака «1»" in typed([*right[:4], "AB1C", *right[5:]])
    wrong = right[6][:2] + ("A" if right[6][2] != "A" else "B") + right[6][3]
    assert "в группе 7" in typed([*right[:6], wrong, *right[7:]])
    assert "группы 1 и 2" in typed([right[1], right[0], *right[2:]])
    assert "больше чем в одном месте" in typed([wrong, *right[1:9], wrong, *right[10:]])
    # pasted as a whole, with the code's beginning: known to the page, unknown to the node
    page.get_by_text("Вставить целиком").click()
    page.locator("#sheet-text").fill(f"coopnode-recovery-1:{text.lower()}")
    page.get_by_role("button", name="Найти учётную запись").click()
    expect(page.locator("#groups-error")).to_contain_text("этот кооператив не знает")
    assert not any(seed in sent or text.encode() in sent for sent in house.traffic)
    both(page, "recover-groups")


@pytest.mark.long
def test_a_second_device_signs_and_revokes_the_first(house: House, browser: Browser) -> None:
    phone = house.member(browser, "Телефон")
    computer = house.arrive(browser, "Компьютер")
    add(house, phone, computer, pictures=True)
    computer.page.goto(f"{house.site.url}/now")
    expect(computer.page.get_by_text("К учётной записи добавлен ключ")).to_be_visible()
    first, second = house.account().keys
    # the phone is lost: its key stops, and whoever holds it is signed out
    revoke(house, computer, first.pub, pictures=True)
    computer.heading("Ключи и устройства")
    assert [bool(key.revoked_at) for key in house.account().keys] == [True, False]
    page = phone.page
    page.goto(f"{house.site.url}/me/keys")
    assert "/sign-in" in page.url
    page.goto(f"{house.site.url}/sign-in?go=1")
    page.get_by_role("button", name="Войти").click()
    expect(page.get_by_role("alert")).to_contain_text("Узел не принял вход")
    nothing_leaked(house, secrets_of(phone))
    assert first.pub != second.pub


@pytest.mark.long
def test_recovery_from_the_sheet(house: House, browser: Browser) -> None:
    """A fresh profile: fourteen groups, a new key and a new sheet, 72 hours, then it signs in and signs."""
    lost = house.member(browser, "Потерявшая")
    groups = lost.groups
    person = house.arrive(browser, "Потерявшая")
    page = person.page
    page.goto(f"{house.site.url}/recover")
    both(page, "recover")
    person.press("Восстановить по листу")
    page.locator("#sheet-0").wait_for()
    for place, group in enumerate(groups):
        page.locator(f"#sheet-{place}").fill(group)
    page.get_by_role("button", name="Найти учётную запись").click()
    person.heading("Какие ключи потеряны")
    both(page, "recover-keys")
    page.get_by_role("button", name="Дальше").click()
    steps(person)
    person.heading("Прочитайте и восстановите")
    both(page, "recover-sign")
    person.hold()
    person.heading("Восстановление началось")
    both(page, "recover-done")
    assert person.groups != groups
    old, new = house.account().keys
    assert old.revoked_at and new.active_from == old.revoked_at + RECOVERY_WAIT
    # too early: the page itself says when
    page.goto(f"{house.site.url}/sign-in?go=1")
    expect(page.get_by_role("alert")).to_contain_text("4 января")
    both(page, "key-waits")
    house.move(RECOVERY_WAIT + 120)
    page.goto(f"{house.site.url}/sign-in?go=1&to=/me/keys")
    person.sign_all(house.site.url)
    person.heading("Ключи и устройства")
    both(page, "keys-recovered")
    # and the copy made on the way opens on another device, for the same account
    other = house.arrive(browser, "Ещё устройство")
    other.page.goto(f"{house.site.url}/sign-in?go=1&to=/me/keys")
    other.page.get_by_role("button", name="Восстановить ключ из копии").click()
    other.page.get_by_label("Файл с копией").set_input_files(
        {"name": "copy.txt", "mimeType": "text/plain", "buffer": person.file}
    )
    other.page.get_by_label("Парольная фраза").fill(person.passphrase)
    other.page.get_by_role("button", name="Восстановить ключ").click()
    other.sign_all(house.site.url)
    other.heading("Ключи и устройства")
    # the old sheet opens nothing
    stranger = house.arrive(browser, "Нашедший лист")
    stranger.page.goto(f"{house.site.signing_url}/#p=recover&l=ru")
    stranger.page.locator("#sheet-0").wait_for()
    stranger.page.get_by_text("Вставить целиком").click()
    stranger.page.locator("#sheet-text").fill(" ".join(groups))
    stranger.page.get_by_role("button", name="Найти учётную запись").click()
    expect(stranger.page.locator("#groups-error")).to_contain_text("не знает")
    nothing_leaked(house, secrets_of(lost), secrets_of(person))


@pytest.mark.long
def test_a_key_that_is_left_confirms_or_stops_a_recovery(house: House, browser: Browser) -> None:
    """Nobody waits 72 hours who still has a key; and a thief's key never begins to work."""
    owner = house.member(browser, "Владелица")
    person = house.arrive(browser, "Новое устройство")
    recovered(house, person, owner.groups, keep=True)
    owner.page.goto(f"{house.site.url}/now")
    expect(owner.page.get_by_text("Это вы?")).to_be_visible()
    both(owner.page, "now-recovering")
    person.page.goto("about:blank")
    person.page.goto(f"{house.site.signing_url}/#l=ru")
    person.heading("Ключи на этом устройстве")
    both(person.page, "home-waits")
    person.page.get_by_role("button", name="Подтвердить с другого устройства").click()
    person.page.locator(".devicecode").wait_for()
    carry(house, owner, person)
    expect(person.page.get_by_role("heading", name="Устройство добавлено")).to_be_visible(timeout=15_000)
    assert [key.revoked_at for key in house.account().keys] == [None, None]
    # the next sheet is stolen
    thief = house.arrive(browser, "Вор")
    recovered(house, thief, person.groups, keep=True)
    owner.page.goto(f"{house.site.url}/me/keys")
    both(owner.page, "keys-waiting")
    owner.page.get_by_role("link", name="Остановить").click()
    owner.heading("Остановить новый ключ")
    both(owner.page, "revoke-waiting")
    owner.press("К подписи")
    owner.sign_all(house.site.url)
    house.move(RECOVERY_WAIT + 120)
    thief.page.goto(f"{house.site.url}/sign-in?go=1")
    expect(thief.page.get_by_role("alert")).to_contain_text("отозван")
    nothing_leaked(house, secrets_of(owner), secrets_of(person), secrets_of(thief))


@pytest.mark.long
def test_a_new_sheet_for_keys_that_stay(house: House, browser: Browser) -> None:
    owner = house.member(browser, "Владелица")
    before, groups = house.account().recovery, owner.groups
    page = owner.page
    owner.press("Заменить лист")
    page.locator("#sheet-0").wait_for()
    both(page, "sheet-groups")
    page.locator("#sheet-0").fill("".join(groups))
    page.get_by_role("button", name="Найти учётную запись").click()
    sheet(owner)
    owner.heading("Прочитайте и замените лист")
    owner.hold()
    owner.heading("Лист заменён")
    both(page, "sheet-done")
    after = house.account()
    assert after.recovery != before and [key.revoked_at for key in after.keys] == [None]
    nothing_leaked(house, secrets_of(owner), [text.encode() for text in ("".join(groups), " ".join(groups))])


def letter(house: House, account: str) -> str:
    """The link of the letters about a recovery."""
    return f"{house.site.url}/object/{account}"


def objects(house: House, person: Person, *, pictures: str = "") -> None:
    """From the first words to the receipt."""
    person.heading("Восстанавливаете не вы? Возразите")
    if pictures:
        both(person.page, pictures)
    person.press("Это не я. Прочитать возражение")
    person.heading("Прочитайте и возразите")
    if pictures:
        both(person.page, f"{pictures}-sign")
    person.hold()
    person.heading("Возражение принято")
    if pictures:
        both(person.page, f"{pictures}-done")


@pytest.mark.long
def test_a_person_whose_keys_were_all_revoked_objects(house: House, browser: Browser) -> None:
    """The letter's link on the old phone, without signing in; the thief's key goes on waiting."""
    owner, thief = house.member(browser, "Владелица"), house.arrive(browser, "Вор")
    recovered(house, thief, owner.groups, keep=False)
    account = chain_account(house)
    page = owner.page
    # where she lands first: signed out, and the key is refused
    page.goto(f"{house.site.url}/now")
    expect(page.get_by_text("Ваш ключ отключён при восстановлении")).to_be_visible()
    both(page, "sign-in-switched-off")
    owner.press("Продолжить")
    owner.heading("Вход в кабинет")
    owner.press("Войти")
    owner.heading("Ключ этого устройства отключён")
    both(page, "object-off")
    owner.press("Это не я, возразить")
    owner.heading("Восстанавливаете не вы? Возразите")
    # the letter leads to the same page, for whoever cannot sign in
    sent = len(house.traffic)
    page.goto("about:blank")
    page.goto(letter(house, account))
    objects(house, owner, pictures="object")
    whole = b"".join(house.traffic[sent:])
    assert b"/entries" in whole and b"/sign-in" not in whole and b"/api/v1/signing/" not in whole
    after = house.account()
    assert after.disputed_until == after.keys[1].active_from
    expect(page.locator(".notice.ok")).to_contain_text("31 января")
    page.goto("about:blank")
    page.goto(letter(house, account))
    owner.heading("Возражение уже стоит")
    both(page, "object-already")
    # where nobody's key is: the same answer, and nothing to sign
    stranger = house.arrive(browser, "Прохожий")
    stranger.page.goto(letter(house, account))
    stranger.heading("Возражение уже стоит")
    house.move(RECOVERY_WAIT + 120)
    thief.page.goto(f"{house.site.url}/sign-in?go=1")
    expect(thief.page.get_by_role("alert")).to_contain_text("заработает")
    house.move(OBJECTION_WAIT)
    thief.page.goto("about:blank")
    thief.page.goto(f"{house.site.url}/sign-in?go=1&to=/me/keys")
    thief.sign_all(house.site.url)
    stranger.page.goto("about:blank")
    stranger.page.goto(letter(house, account))
    stranger.heading("Восстановление уже закончилось")
    both(stranger.page, "object-late")
    nothing_leaked(house, secrets_of(owner), secrets_of(thief))


@pytest.mark.long
def test_a_key_in_force_objects_or_is_told_of_more(house: House, browser: Browser) -> None:
    owner, thief = house.member(browser, "Владелица"), house.arrive(browser, "Вор")
    recovered(house, thief, owner.groups, keep=True)
    account = chain_account(house)
    page = owner.page
    page.goto(f"{house.site.url}/me/keys")
    both(page, "keys-may-object")
    owner.press("Возразить против восстановления")
    owner.heading("Восстанавливаете не вы? Возразите")
    expect(page.locator(".notice.info")).to_contain_text("остановить новый ключ совсем")
    objects(house, owner, pictures="object-in-force")
    page.goto(f"{house.site.url}/me/keys")
    expect(page.get_by_text("Стоит возражение")).to_be_visible()
    both(page, "keys-objected")
    # the thief's own device cannot object, and can be stopped all the same
    thief.page.goto("about:blank")
    thief.page.goto(letter(house, account))
    thief.heading("Возражение уже стоит")
    page.get_by_role("link", name="Остановить").click()
    owner.press("К подписи")
    owner.sign_all(house.site.url)
    page.goto(letter(house, account))
    owner.heading("Возражать не против чего")
    both(page, "object-none")
    assert [bool(key.revoked_at) for key in house.account().keys] == [False, True]


@pytest.mark.long
def test_who_cannot_object_is_told_why_and_what_to_do(house: House, browser: Browser) -> None:
    """Another device, the copy of the key, the new key itself, a key revoked before, a link cut short, a
    node that does not answer."""
    owner, computer = house.member(browser, "Владелица"), house.arrive(browser, "Компьютер")
    stranger, thief = house.arrive(browser, "Прохожий"), house.arrive(browser, "Вор")
    add(house, owner, computer)
    revoke(house, owner, house.account().keys[1].pub)
    groups, account = owner.groups, chain_account(house)
    page = stranger.page
    for link, title, name in (
        (letter(house, account[:40]), "Ссылка неполная", "cut"),
        (letter(house, "a" * 52), "Такой учётной записи здесь нет", "unknown"),
        (letter(house, account), "Возражать не против чего", ""),
        (f"{house.site.signing_url}/#p=object&l=ru", "На этом устройстве нет вашего ключа", "nokey-nobody"),
    ):
        page.goto("about:blank")
        page.goto(link)
        stranger.heading(title)
        if name:
            both(page, f"object-{name}")
    recovered(house, thief, groups, keep=False)
    for person, title, name in (
        (thief, "Новый ключ на этом устройстве", "newcomer"),
        (computer, "Этим ключом возразить нельзя", "dead"),
        (stranger, "На этом устройстве нет вашего ключа", "nokey"),
    ):
        person.page.goto("about:blank")
        person.page.goto(letter(house, account))
        person.heading(title)
        both(person.page, f"object-{name}")
    # away from the network nothing is lost, and the page says so
    owner.page.goto("about:blank")
    owner.page.goto(letter(house, account))
    owner.heading("Восстанавливаете не вы?")
    owner.press("Это не я. Прочитать возражение")
    owner.heading("Прочитайте и возразите")
    owner.context.set_offline(True)
    button = owner.page.locator("button.hold")
    button.focus()
    owner.page.keyboard.down("Enter")
    owner.page.get_by_text("Нет связи с узлом").wait_for()
    owner.page.keyboard.up("Enter")
    both(owner.page, "object-offline")
    assert house.account().disputed_until is None
    # the copy of the key objects from a device that never had it
    page.goto("about:blank")
    page.goto(letter(house, account))
    stranger.heading("На этом устройстве нет вашего ключа")
    stranger.press("Восстановить ключ из копии")
    page.get_by_label("Файл с копией").set_input_files(
        {"name": "copy.txt", "mimeType": "text/plain", "buffer": owner.file}
    )
    page.get_by_label("Парольная фраза").fill(owner.passphrase)
    page.get_by_role("button", name="Восстановить ключ").click()
    objects(house, stranger)
    # and the phone, which was away meanwhile, hears that it is done
    owner.context.set_offline(False)
    owner.page.get_by_role("button").filter(has_text="Отправить").first.click()
    owner.heading("Возражение уже стоит")
    assert house.account().disputed_until == house.account().keys[2].active_from
    nothing_leaked(house, secrets_of(owner), secrets_of(thief))


@pytest.mark.long
def test_a_key_that_was_revoked_too_long_ago_does_not_object(house: House, browser: Browser) -> None:
    owner, thief = house.member(browser, "Владелица"), house.arrive(browser, "Вор")
    recovered(house, thief, owner.groups, keep=False)
    house.move(OBJECTION_WAIT + RECOVERY_WAIT)
    again = house.arrive(browser, "Вор снова")
    recovered(house, again, thief.groups, keep=True)
    owner.page.goto("about:blank")
    owner.page.goto(letter(house, chain_account(house)))
    owner.heading("Этим ключом возразить нельзя")
    assert house.account().disputed_until is None


def chain_account(house: House) -> str:
    """Id of the latest account."""
    view, last = View(house.site.node.state, accounts.DOMAIN), house.account()
    return next(id for id, each in view.scan("account", "", Account) if each == last)


def recovered(house: House, person: Person, groups: tuple[str, ...], *, keep: bool) -> None:
    page = person.page
    page.goto(f"{house.site.signing_url}/#p=recover&l=ru")
    page.locator("#sheet-0").fill("".join(groups))
    page.get_by_role("button", name="Найти учётную запись").click()
    person.heading("Какие ключи потеряны")
    if keep:
        for box in page.locator("input[type=checkbox]").all():
            box.uncheck()
    page.get_by_role("button", name="Дальше").click()
    steps(person)
    person.heading("Прочитайте и восстановите")
    person.hold()
    person.heading("Восстановление началось")


def steps(person: Person) -> None:
    """Passphrase, file, file opened again, sheet, sheet read back."""
    page = person.page
    page.locator(".phrase").wait_for()
    person.passphrase = page.locator(".phrase").inner_text()
    page.get_by_label("Я записал").check()
    page.get_by_role("button", name="Дальше").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Скачать файл").click()
    person.file = Path(download.value.path()).read_bytes()
    page.get_by_role("button", name="Дальше").click()
    page.get_by_label("Файл с копией").set_input_files(
        {"name": "copy.txt", "mimeType": "text/plain", "buffer": person.file}
    )
    page.get_by_label("Парольная фраза").fill(person.passphrase)
    page.get_by_role("button", name="Проверить").click()
    sheet(person)


def sheet(person: Person) -> None:
    page = person.page
    page.locator(".groups li").first.wait_for()
    person.groups = tuple(page.locator(".groups li").all_inner_texts())
    page.get_by_role("button", name="Лист у меня на бумаге").click()
    for group in page.locator("input.group").all():
        group.fill(person.groups[int(str(group.get_attribute("id")).removeprefix("group-"))])
    page.get_by_role("button", name="Готово").click()
    page.locator("input.group").first.wait_for(state="detached")
