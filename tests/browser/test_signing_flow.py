"""The signing origin as a person uses it: key, copy, sheet, signature, delivery, another device. Words are the Russian ones."""

# ruff: noqa: E501 (programs for the page stand in long strings)
from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from nacl.pwhash import argon2id
from playwright.sync_api import Browser, BrowserContext, Page, expect

from protocol import checkpoints, documents, encoding, merkle, proofs, signatures
from protocol.identifiers import identifier
from protocol.keys import PublicKey, recovery_commitment
from tests.browser.signing_kit import (
    COOPERATIVE,
    ROOT,
    FakeMain,
    Violations,
    agreement_item,
    application_item,
    approval_item,
    b64u,
    build,
    chromium,
    from_b64u,
    genesis_item,
    item,
    origins,
)


@dataclass
class Member:
    """A person with a device: the browser profile and what they keep outside of it."""

    context: BrowserContext
    page: Page
    passphrase: str = ""
    file: bytes = b""
    groups: tuple[str, ...] = ()
    account: str = ""


@pytest.fixture(scope="module")
def main(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeMain]:
    files = tmp_path_factory.mktemp("build")
    build(ROOT / "assets" / "signing" / "main.js", files / "signing.js")
    build(ROOT / "assets" / "verify" / "main.js", files / "verify.js")
    with origins(files) as main:
        yield main


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def violations() -> Violations:
    return Violations()


@pytest.fixture(autouse=True)
def none_violated(violations: Violations) -> Iterator[None]:
    yield
    assert violations == []
    violations.clear()


def device(browser: Browser, violations: Violations, script: str | None = None) -> Member:
    context = violations.watch(
        browser.new_context(locale="ru-RU", timezone_id="Europe/Moscow", accept_downloads=True)
    )
    context.set_default_timeout(10_000)
    if script:
        context.add_init_script(script)
    return Member(context, context.new_page())


@pytest.fixture(scope="module")
def member(browser: Browser, main: FakeMain, violations: Violations) -> Member:
    """Made once: a key with its copy, an account, an agreement."""
    member = device(browser, violations)
    token = main.ask([genesis_item(), agreement_item(main)], challenge=None)
    member.page.goto(main.link(token))
    make_key(member)
    read_documents(member.page, 2)
    hold(member.page)
    expect(member.page.get_by_role("heading", name="Документы подписаны")).to_be_visible()
    member.account = main.done[token]["account"]
    return member


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=False).first.click()


def make_key(member: Member) -> None:
    page = member.page
    press(page, "Создать ключ")
    member.passphrase = page.locator(".phrase").inner_text()
    press(page, "Дальше")
    expect(page.get_by_role("alert")).to_contain_text("Запишите фразу")
    page.get_by_label("Я записал").check()
    press(page, "Дальше")
    with page.expect_download() as download:
        press(page, "Скачать файл")
    member.file = Path(download.value.path()).read_bytes()
    press(page, "Дальше")
    page.get_by_label("Файл с копией").set_input_files(
        {"name": "copy.txt", "mimeType": "text/plain", "buffer": member.file}
    )
    page.get_by_label("Парольная фраза").fill("не та фраза")
    press(page, "Проверить")
    expect(page.get_by_role("alert")).to_contain_text("Фраза не подходит")
    page.get_by_label("Парольная фраза").fill(member.passphrase.upper().lower() + " ")
    press(page, "Проверить")
    expect(page.get_by_role("heading", name="Напечатайте лист")).to_be_visible()
    member.groups = tuple(page.locator(".groups li").all_inner_texts())
    press(page, "Лист у меня на бумаге")
    for field in page.locator("input.group").all():
        number = int(str(field.get_attribute("id")).removeprefix("group-"))
        field.fill(member.groups[number].lower())
    press(page, "Готово")


def read_documents(page: Page, count: int) -> None:
    for place in range(count):
        expect(page.get_by_text(f"Документ {place + 1} из {count}")).to_be_visible()
        for text in page.locator("details.text > summary").all():
            text.click()
        press(page, "Прочитано, дальше")


def hold(page: Page) -> None:
    button = page.locator("button.hold")
    button.scroll_into_view_if_needed()
    box = button.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.wait_for_timeout(1_300)
    page.mouse.up()


def two_steps(page: Page) -> None:
    press(page, "Подписать без удержания")
    press(page, "Да, подписываю")


def opened_backup(member: Member) -> dict[str, Any]:
    """The copy, opened by an independent program: PyNaCl's Argon2id and OpenSSL's AES-GCM."""
    text = re.search(rb"COOPNODE-KEY-1:([A-Z2-7]+)", member.file)
    assert text
    data = text[1].decode()
    whole: Any = encoding.decode(base64.b32decode(data + "=" * (-len(data) % 8)))
    box = whole.pop("box")
    kdf = whole["kdf"]
    assert (kdf["name"], kdf["m"], kdf["t"], kdf["p"]) == ("argon2id", 65_536, 3, 1)
    key = argon2id.kdf(
        32, member.passphrase.encode(), kdf["salt"], opslimit=kdf["t"], memlimit=kdf["m"] * 1024
    )
    inside: dict[str, Any] = encoding.decode(AESGCM(key).decrypt(whole["nonce"], box, encoding.encode(whole)))  # type: ignore[assignment]
    assert signatures.public_key(inside["seed"]) == whole["pub"]
    return inside


def test_a_new_person_gets_key_account_and_signs(main: FakeMain, member: Member) -> None:
    genesis, agreement = (documents.parse(data) for data in main.received[:2])
    assert (genesis.type, agreement.type) == ("account.genesis/1", "agreement.sign/1")
    assert (
        identifier(hashlib.sha256(encoding.encode(genesis.payload["genesis"])).digest())
        == genesis.iss
        == genesis.sub
        == genesis.aud
    )
    assert genesis.payload["genesis"]["home"] == COOPERATIVE
    assert signatures.verify(
        genesis.kid, documents.possession(genesis.kid, genesis.iss, 0), genesis.payload["proofs"][0]
    )
    assert (agreement.iss, agreement.sub, agreement.aud) == (genesis.iss, genesis.iss, COOPERATIVE)
    assert agreement.exp == agreement.iat + 900
    # P7: the commitment in the genesis is that of the key on the sheet, and of nothing else
    seed = base64.b32decode("".join(member.groups))[:32]
    assert genesis.payload["genesis"]["recovery"] == recovery_commitment(
        PublicKey(-19, signatures.public_key(seed), "recovery")
    )


def test_the_main_site_is_told_and_learns_the_login_key(main: FakeMain, member: Member) -> None:
    token, done = next(iter(main.done.items()))
    assert [answer["index"] for answer in done["answers"]] == [3, 4] and done["account"] == member.account
    kid, content, signed, signature = documents.parse_message(from_b64u(done["enrol"]), documents.LOGIN)
    assert done["login"] == done["enrol"]
    assert signatures.verify(kid, signed, signature)
    assert (content["purpose"], content["aud"], content["iss"], content["key"]) == (
        "enrol",
        COOPERATIVE,
        member.account,
        from_b64u(done["login_key"]),
    )
    member.page.get_by_role("button", name="Продолжить").click()
    member.page.wait_for_url(f"{main.url}/signed/{token}")


def test_neither_seed_nor_recovery_key_nor_passphrase_is_ever_sent(main: FakeMain, member: Member) -> None:
    inside = opened_backup(member)
    recovery = base64.b32decode("".join(member.groups))
    traffic = b"\n".join(main.traffic)
    assert main.received[0] in traffic  # the recording works
    for secret in (inside["seed"], recovery[:32], recovery, member.passphrase.encode()):
        for spelling in spellings(secret):
            assert spelling not in traffic
    compact = re.sub(rb"[\s-]", b"", traffic).upper()
    for place in range(len(member.groups) - 2):
        assert "".join(member.groups[place : place + 3]).encode() not in compact
    assert re.search(rb"COOPNODE-(KEY|RECOVERY)", traffic) is None


def spellings(secret: bytes) -> Iterator[bytes]:
    yield secret
    yield secret[::-1]
    yield from (
        secret.hex().encode(),
        secret.hex().upper().encode(),
        secret.hex(" ").encode(),
        secret.hex(" ", 2).encode(),
    )
    yield ",".join(map(str, secret)).encode()
    yield from (
        json.dumps(list(secret)).encode(),
        base64.b85encode(secret),
        base64.a85encode(secret),
        str(int.from_bytes(secret)).encode(),
    )
    # inside a longer string the alignment is unknown: look for the middle at each of them
    for shift in range(3):
        text = base64.b64encode(bytes(shift) + secret)[4:-4]
        yield from (text, text.translate(bytes.maketrans(b"+/", b"-_")))
    for shift in range(5):
        text = base64.b32encode(bytes(shift) + secret)[8:-8]
        yield from (text, text.lower())


def test_the_private_part_is_committed_and_sent_apart(main: FakeMain, member: Member) -> None:
    """P20: salts are fresh, the absent field is a decoy, the statement itself holds no personal detail."""
    token = main.ask([application_item()], account=member.account)
    member.page.goto(main.link(token))
    page = member.page
    expect(page.get_by_text("Иванова Мария Сергеевна")).to_be_visible()
    expect(page.get_by_text("17 мая 1984")).to_be_visible()
    expect(page.get_by_text(re.compile(r"1\s200,50\s₽"))).to_be_visible()
    expect(page.get_by_text(re.compile(r"^500\s₽$"))).to_be_visible()
    shown = page.locator(".print").first.inner_text()
    two_steps(page)
    expect(page.get_by_role("heading", name="Подписано", exact=True)).to_be_visible()
    statement = documents.parse(main.received[-1])
    assert shown == statement.digest.hex(" ", 2)
    record: Any = encoding.decode(main.records[main.entries.index(statement.raw)])
    assert set(record["fields"]) == {"name", "birth_date", "phone"} and set(record["decoys"]) == {"inn"}
    assert (
        len({opening["salt"] for opening in record["fields"].values()} | set(record["decoys"].values())) == 4
    )
    assert "Иванова".encode() not in statement.raw
    assert main.done[token]["enrol"] is None  # this cooperative knows the login key already


def test_seen_is_verified_and_grows(main: FakeMain, member: Member) -> None:
    """P3: the largest checkpoint of this device goes into the claim; a rewritten log is refused with the proof in hand."""
    page = member.page
    for _ in range(2):
        main.entries.append(f"entry {len(main.entries)}".encode())
        head, signature = checkpoints.log_signature(main.checkpoint())
        token = main.ask([approval_item()], account=member.account)
        page.goto("about:blank")
        page.goto(main.link(token))
        two_steps(page)
        expect(page.get_by_role("heading", name="Подписано", exact=True)).to_be_visible()
        assert documents.parse(main.received[-1]).seen == documents.Seen(0, head.size, head.root, signature)
    kept, count = list(main.entries), len(main.received)
    token = main.ask([approval_item()], account=member.account)
    for history in ([b"other", *kept[1:]], [b"other", *kept[1:], b"more"], kept[:-2]):
        main.entries[:] = history
        page.goto("about:blank")
        page.goto(main.link(token))
        expect(page.get_by_role("heading", name="Журнал противоречит сам себе")).to_be_visible()
        with page.expect_download() as download:
            press(page, "Сохранить доказательство")
        assert {"now", "before"} <= set(json.loads(Path(download.value.path()).read_text("utf-8")))
    main.entries[:] = kept
    assert len(main.received) == count


def test_what_is_done_leads_back_and_asks_nothing(
    main: FakeMain, member: Member, browser: Browser, violations: Violations
) -> None:
    """The address of a request that was reported already, opened again anywhere."""
    token, kept = next(iter(main.done.items()))
    other = device(browser, violations)
    other.page.goto(main.link(token))
    other.page.wait_for_url(f"{main.url}/signed/{token}")
    assert main.done[token] == kept
    other.context.close()


def test_login_with_the_key_of_the_device(main: FakeMain, member: Member) -> None:
    challenge = bytes(range(32))
    token = main.ask([], purpose="login", account=None, challenge=challenge)
    member.page.goto(main.link(token))
    expect(member.page.get_by_text(member.account[:4])).to_be_visible()
    press(member.page, "Войти")
    member.page.wait_for_url(f"{main.url}/signed/{token}")
    done = main.done[token]
    kid, content, signed, signature = documents.parse_message(from_b64u(done["login"]), documents.LOGIN)
    assert signatures.verify(kid, signed, signature) and kid == from_b64u(done["login_key"])
    assert (content["purpose"], content["challenge"], content["iss"], content["aud"]) == (
        "login",
        challenge,
        member.account,
        COOPERATIVE,
    )
    assert done["enrol"] is None


@pytest.mark.parametrize("refusals", [1, 2])
def test_a_forgotten_device_is_enrolled_again(main: FakeMain, member: Member, refusals: int) -> None:
    """After that the documents count without the login: they are in the log already."""
    token = main.ask([application_item()], account=member.account, challenge=bytes(32))
    member.page.goto(main.link(token))
    main.refuse_logins = refusals
    two_steps(member.page)
    expect(member.page.get_by_role("heading", name="Подписано", exact=True)).to_be_visible()
    assert bool(main.done[token]["enrol"]) is bool(main.done[token]["login"]) is (refusals == 1)


def test_another_main_site_is_refused(main: FakeMain, member: Member) -> None:
    """P28: this signing origin works for one main origin."""
    token = main.ask([application_item()], account=member.account)
    member.page.goto("about:blank")
    member.page.goto(main.link(token, main="https://evil.example"))
    expect(member.page.get_by_role("alert")).to_contain_text("не с сайта этого кооператива")
    assert not any(token.encode() in traffic for traffic in main.traffic)


@pytest.mark.parametrize("field", ["return", "cancel"])
def test_a_way_back_to_another_site_is_refused(main: FakeMain, member: Member, field: str) -> None:
    token = main.ask([application_item()], account=member.account)
    for address in ("//evil.example/", "https://evil.example/", "/\\evil.example", "javascript:alert(1)"):
        main.requests[token][field] = address
        member.page.goto("about:blank")
        member.page.goto(main.link(token))
        expect(member.page.get_by_role("alert")).to_contain_text("составлена неверно")


def test_a_tampered_text_is_refused(main: FakeMain, member: Member) -> None:
    wanted = agreement_item(main)
    token = main.ask([wanted], account=member.account)
    digest = wanted["texts"][0]["sha256"]
    kept, main.blobs[digest] = main.blobs[digest], main.blobs[digest] + b"\nUnd noch etwas."
    member.page.goto(main.link(token))
    expect(member.page.get_by_role("alert")).to_contain_text("не совпадает со своим отпечатком")
    main.blobs[digest] = kept


def test_texts_must_be_opened_and_foreign_ones_are_marked(main: FakeMain, member: Member) -> None:
    wanted = agreement_item(main)
    wanted["texts"].append(main.text("Другой текст", "Его отпечатка в документе нет."))
    token = main.ask([wanted], account=member.account)
    page = member.page
    page.goto("about:blank")
    page.goto(main.link(token))
    expect(page.locator("details.text")).to_have_count(2)
    hold(page)
    expect(page.locator(".hold-status")).to_contain_text("Сначала откройте текст")
    for text in page.locator("details.text > summary").all():
        text.click()
    warnings = page.get_by_text("Отпечатка этого текста в документе нет.")
    expect(warnings).to_have_count(1)
    # keyboard: Enter pressed and held
    page.locator("button.hold").focus()
    page.keyboard.down("Enter")
    page.wait_for_timeout(1_300)
    page.keyboard.up("Enter")
    expect(page.get_by_role("heading", name="Подписано", exact=True)).to_be_visible()


def test_a_short_press_signs_nothing(main: FakeMain, member: Member) -> None:
    token = main.ask([application_item()], account=member.account)
    count = len(main.received)
    page = member.page
    page.goto(main.link(token))
    page.locator("button.hold").click(delay=300)
    expect(page.locator(".hold-status")).to_contain_text("Не подписано")
    page.wait_for_timeout(1_200)
    page.locator("button.hold").dispatch_event("click")  # what a screen reader sends
    expect(page.get_by_role("button", name="Пока нет")).to_be_focused()
    assert len(main.received) == count


def test_unknown_fields_and_hidden_letters_are_shown(main: FakeMain, member: Member) -> None:
    fields = {"strange": {"deep": [1, {"x": "за\u202eвтори"}]}, "outcome": "<img src=x onerror=alert(1)>"}
    token = main.ask([item("unknown.thing/1", fields)], account=member.account)
    page = member.page
    page.goto(main.link(token))
    article = page.locator("article.doc")
    for words in ("unknown.thing/1", "strange", "deep", "⟨U+202E⟩", "<img src=x onerror=alert(1)>"):
        expect(article).to_contain_text(words)
    assert page.locator("article.doc img").count() == 0


@pytest.mark.parametrize(
    "broken", [{"type": "membership.apply/1", "private": bytes(32)}, {"type": "other/1"}]
)
def test_a_payload_that_is_not_the_items_is_refused(
    main: FakeMain, member: Member, broken: dict[str, Any]
) -> None:
    wanted = application_item() | {"payload": b64u(encoding.encode(broken))}
    member.page.goto(main.link(main.ask([wanted], account=member.account)))
    expect(member.page.get_by_role("alert")).to_contain_text("составлена неверно")


def test_other_private_fields_than_the_registrys_are_refused(main: FakeMain, member: Member) -> None:
    wanted = application_item() | {"private_fields": ["name", "birth_date"]}
    member.page.goto(main.link(main.ask([wanted], account=member.account)))
    expect(member.page.get_by_role("alert")).to_contain_text("разных версий")


def test_nothing_is_lost_when_the_node_is_away(main: FakeMain, member: Member) -> None:
    """The same bytes are sent again, also after the page was closed (SPEC §9.4)."""
    token = main.ask([application_item(), agreement_item(main)], account=member.account)
    page = member.page
    page.goto(main.link(token))
    read_documents(page, 2)
    main.down = True
    two_steps(page)
    expect(page.get_by_text("Ничего не потеряно")).to_be_visible()
    count, main.down = len(main.received), False
    page.goto("about:blank")
    page.goto(main.signing_url)
    expect(page.get_by_text("Ждёт отправки: 2 документа.")).to_be_visible()
    digests = set(page.evaluate(OUTBOX))
    page.get_by_role("link", name="Отправить сейчас").click()
    expect(page.get_by_role("heading", name="Документы подписаны")).to_be_visible()
    assert {documents.parse(data).digest.hex() for data in main.received[count:]} == digests
    page.reload()  # the receipt again, and nothing sent twice
    expect(page.get_by_role("heading", name="Документы подписаны")).to_be_visible()
    assert len(main.received) == count + 2


OUTBOX = """() => new Promise((done) => { const open = indexedDB.open("coopnode-signing"); open.onsuccess = () => {
  const all = open.result.transaction("outbox").objectStore("outbox").getAll();
  all.onsuccess = () => { open.result.close(); done(all.result.filter((p) => p.state === "sending").flatMap((p) => p.items.map((i) => [...i.digest].map((b) => b.toString(16).padStart(2, "0")).join("")))); } } })"""


def test_an_expired_document_is_prepared_again(main: FakeMain, member: Member) -> None:
    token = main.ask([application_item()], account=member.account)
    page = member.page
    page.goto(main.link(token))
    main.refuse = ("expired", 422)
    two_steps(page)
    expect(page.get_by_role("alert")).to_contain_text("Срок подписи истёк")
    press(page, "Подготовить заново")
    two_steps(page)
    expect(page.get_by_role("heading", name="Подписано", exact=True)).to_be_visible()
    first, second = (documents.parse(data) for data in main.received[-2:])
    assert first.cti != second.cti and first.payload["private"] != second.payload["private"]


def test_a_changed_rule_leads_back_to_the_draft(main: FakeMain, member: Member) -> None:
    page = member.page
    page.goto(main.link(main.ask([application_item()], account=member.account)))
    main.refuse = ("rule_changed", 409)
    two_steps(page)
    expect(page.get_by_role("alert")).to_contain_text("черновик сохранён")
    press(page, "Вернуться на сайт")
    page.wait_for_url(f"{main.url}/cancelled")


def test_a_false_promise_of_the_node_is_told(main: FakeMain, member: Member) -> None:
    """P13: an answer that does not name these bytes is worth nothing."""
    main.false_promise = True
    page = member.page
    page.goto(main.link(main.ask([application_item()], account=member.account)))
    two_steps(page)
    expect(page.get_by_role("alert")).to_contain_text("не подтверждён его подписью")
    main.false_promise = False


def test_the_key_cannot_be_read_by_a_script(main: FakeMain, member: Member) -> None:
    member.page.goto(main.signing_url)
    expect(member.page.get_by_role("heading", name="Ключи на этом устройстве")).to_be_visible()
    result = member.page.evaluate(
        """() => new Promise((done) => { const open = indexedDB.open("coopnode-signing"); open.onsuccess = () => {
            const all = open.result.transaction("keys").objectStore("keys").getAll();
            all.onsuccess = async () => { const key = all.result[0].handle.key; const formats = [];
              for (const format of ["pkcs8", "jwk", "raw"]) await crypto.subtle.exportKey(format, key).then(() => formats.push(format), () => {});
              open.result.close(); done({extractable: key.extractable, usages: key.usages, formats}); } } })"""
    )
    assert result == {"extractable": False, "usages": ["sign"], "formats": []}


def test_restored_on_a_second_device(
    browser: Browser, main: FakeMain, member: Member, violations: Violations
) -> None:
    """From the pasted text of the printed code; the second device has a login key of its own."""
    second = device(browser, violations)
    token = main.ask([application_item()], account=member.account)
    page = second.page
    page.goto(main.link(token))
    expect(page.get_by_role("heading", name="На этом устройстве нет вашего ключа")).to_be_visible()
    press(page, "Восстановить ключ из копии")
    text = member.file.decode("utf-8")
    page.get_by_text("Файла нет, есть код с листа").click()
    page.get_by_label("Текст из кода").fill(
        "\n".join(re.findall(".{1,40}", text[text.index("COOPNODE-KEY-1") :].lower().strip()))
    )
    page.get_by_label("Парольная фраза").fill(member.passphrase)
    press(page, "Восстановить ключ")
    two_steps(page)
    expect(page.get_by_role("heading", name="Подписано", exact=True)).to_be_visible()
    done = main.done[token]
    assert documents.parse(main.received[-1]).iss == done["account"] == member.account
    assert done["enrol"] and done["login_key"] != next(iter(main.done.values()))["login_key"]
    second.context.close()


def test_a_browser_without_ed25519_wraps_the_seed(
    browser: Browser, main: FakeMain, violations: Violations
) -> None:
    without = """if (crypto.subtle) for (const name of ["importKey", "generateKey"]) { const real = crypto.subtle[name].bind(crypto.subtle);
      crypto.subtle[name] = (...given) => given.some((each) => each?.name === "Ed25519") ? Promise.reject(new DOMException("unknown", "NotSupportedError")) : real(...given); }"""
    old = device(browser, violations, without)
    token = main.ask([], purpose="create_key")
    old.page.goto(main.link(token))
    make_key(old)
    expect(old.page.get_by_role("heading", name="Ключ готов")).to_be_visible()
    done = main.done[token]
    inside = opened_backup(old)
    assert (
        from_b64u(done["key"]["pub"]) == signatures.public_key(inside["seed"]) and done["key"]["alg"] == -19
    )
    assert from_b64u(done["recovery"]) == inside["recovery"] and done["account"] is None
    # the founder's way: the account follows with the same key
    token = main.ask(
        [item("council.approve/1", {"outcome": "adopted"}, private_fields=["reason"]), genesis_item()]
    )
    old.page.goto(main.link(token))
    read_documents(old.page, 2)
    hold(old.page)
    expect(old.page.get_by_role("heading", name="Документы подписаны")).to_be_visible()
    first, genesis = (documents.parse(data) for data in main.received[-2:])
    assert genesis.kid == from_b64u(done["key"]["pub"]) and first.iss == genesis.iss
    old.context.close()


def test_an_invitation_key_proves_for_the_account(main: FakeMain, member: Member) -> None:
    """SPEC §6.2: the private half of the invitation is typed from its card and goes nowhere."""
    seed, inviting = hashlib.sha256(b"invitation").digest(), hashlib.sha256(b"inviting").digest()
    kid = signatures.public_key(seed)
    wanted = item(
        "council.accept/1",
        {"re": [inviting], "seat": 2},
        proof={"digest": b64u(inviting), "index": 0, "kid": b64u(kid)},
    )
    page = member.page
    page.goto("about:blank")
    page.goto(main.link(main.ask([wanted], account=member.account)))
    page.locator("textarea").fill(base64.b32encode(seed).decode().rstrip("="))
    press(page, "Дальше")
    two_steps(page)
    expect(page.get_by_role("heading", name="Подписано", exact=True)).to_be_visible()
    statement = documents.parse(main.received[-1])
    assert signatures.verify(
        kid, documents.possession(kid, member.account, 0, inviting), statement.payload["proof"]
    )
    assert not any(spelling in traffic for traffic in main.traffic for spelling in spellings(seed))


def test_the_verification_page_checks_in_the_browser(main: FakeMain, member: Member) -> None:
    statement = next(data for data in main.entries if data[:2] == b"\xd2\x84")
    index = main.entries.index(statement)
    path = merkle.inclusion_path(merkle.subtrees(main.hashes()), index, len(main.entries))
    proof = proofs.format(proofs.TlogProof(index, tuple(path), main.checkpoint())).decode()
    vkey = next(iter(main.requests.values()))["log"]["vkey"]
    good = {"statement": b64u(statement), "proof": proof, "vkey": vkey}
    digest = documents.parse(statement).digest.hex()
    forged = bytearray(statement)
    forged[-1] ^= 1
    page = member.context.new_page()
    for evidence, fingerprint, verdicts in (
        (good, digest, "да да да да"),
        (good, "0" * 64, "нет да да да"),
        ({**good, "statement": b64u(bytes(forged))}, digest, "да нет да нет"),
        ({**good, "proof": proof.replace(f"index {index}", f"index {index + 1}")}, digest, "да да да нет"),
        (
            {**good, "proof": proof.replace(f"\n{len(main.entries)}\n", f"\n{len(main.entries) + 1}\n")},
            digest,
            "да да нет нет",
        ),
    ):
        main.evidence = evidence
        page.goto(f"{main.url}/verify/{fingerprint}")
        expect(page.locator("[data-result]")).to_have_text(
            "подлинный" if "нет" not in verdicts else "не сходится"
        )
        assert page.locator("[data-words]").all_inner_texts() == verdicts.split()
    page.close()
