"""Invitations are keys made on the signing origin (ADR 2): the private half never leaves the browser."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path

import pypdf
import pytest
from playwright.sync_api import Browser, expect

from protocol import documents, signatures
from tests.browser.people import Person
from tests.browser.signing_kit import (
    COOPERATIVE,
    ROOT,
    FakeMain,
    agreement_item,
    b64u,
    build,
    genesis_item,
    item,
    origins,
)


@pytest.fixture(scope="module")
def main(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeMain]:
    files = tmp_path_factory.mktemp("build")
    build(ROOT / "assets" / "signing" / "main.js", files / "signing.js")
    with origins(files) as main:
        yield main


@pytest.fixture(scope="module")
def chair(browser: Browser, main: FakeMain) -> Person:
    """Has a key, and has signed an appointment of two seats."""
    person = Person.arrive(browser, "Председатель")
    person.page.goto(main.link(main.ask([genesis_item(), agreement_item(main)])))
    person.sign_all(main.url)
    places = [
        {"path": ["seats", place, "invitation"], "label": f"Место {place + 1}: {role}"}
        for place, role in enumerate(("председатель совета", "секретарь"))
    ]
    seats = [
        {"seat": 1, "roles": ["chair"], "voting": True},
        {"seat": 2, "roles": ["secretary"], "voting": True},
    ]
    fields = {"basis": {"organ": "general_meeting"}, "seats": seats, "until": 1_900_000_000}
    person.page.goto(
        main.link(main.ask([item("council.appoint/1", fields, sub=COOPERATIVE, invitations=places)]))
    )
    person.sign_all(main.url)
    return person


def seed_of(link: str) -> bytes:
    code = link.rpartition(".")[2].upper()
    return base64.b32decode(code + "====")


def test_the_document_holds_the_public_halves(main: FakeMain, chair: Person) -> None:
    appointment = documents.parse(main.received[-1])
    assert [seat["invitation"] for seat in appointment.payload["seats"]] == [
        signatures.public_key(seed_of(link)) for link in chair.invitations
    ]
    for place, link in enumerate(chair.invitations):
        assert link.startswith(f"{main.signing_url}/#i={appointment.digest.hex()}.{place}.")


def test_cards_can_be_shown_again(main: FakeMain, chair: Person) -> None:
    chair.page.goto(f"{main.signing_url}/#p=invitations")
    expect(chair.page.locator(".invitation")).to_have_count(2)
    expect(chair.page.locator(".invitation svg.qr")).to_have_count(2)
    expect(chair.page.get_by_text("Место 2: секретарь")).to_be_visible()
    assert chair.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    sheets = pypdf.PdfReader(io.BytesIO(chair.page.pdf())).pages
    assert ["Место 1" in sheets[0].extract_text(), "Место 2" in sheets[1].extract_text()] == [True, True]


def accept_item(link: str) -> dict[str, object]:
    digest, index, _ = link.rpartition("#i=")[2].split(".")
    data = bytes.fromhex(digest)
    kid = signatures.public_key(seed_of(link))
    return item(
        "council.accept/1",
        {"re": [data], "seat": int(index) + 1},
        sub=COOPERATIVE,
        proof={"digest": b64u(data), "index": int(index), "kid": b64u(kid)},
    )


def test_whoever_opens_the_link_proves_it_for_their_account(
    main: FakeMain, chair: Person, browser: Browser
) -> None:
    link = chair.invitations[1]
    secretary = Person.arrive(browser, "Секретарь")
    secretary.page.goto(link)
    digest = link.rpartition("#i=")[2].partition(".")[0]
    secretary.page.wait_for_url(f"{main.url}/invite/{digest}/1")
    secretary.page.goto(main.link(main.ask([genesis_item(), accept_item(link)])))
    secretary.sign_all(main.url)
    accepted = documents.parse(main.received[-1])
    seed = seed_of(link)
    possession = documents.possession(signatures.public_key(seed), accepted.iss, 0, bytes.fromhex(digest))
    assert signatures.verify(signatures.public_key(seed), possession, accepted.payload["proof"])
    used = secretary.page.context.pages[0]
    used.goto(f"{main.signing_url}/#p=invitations")
    expect(used.locator("p.empty")).to_be_visible()
    secretary.leave()


def test_a_code_is_typed_where_the_link_was_not_opened(
    main: FakeMain, chair: Person, browser: Browser
) -> None:
    link = chair.invitations[0]
    person = Person.arrive(browser, "Второй")
    page = person.page
    page.goto(main.link(main.ask([genesis_item(), accept_item(link)])))
    page.get_by_role("button", name="Создать ключ").wait_for()
    person.make_key()
    page.get_by_label("Код приглашения").fill("aaaa " * 13)
    page.get_by_role("button", name="Дальше").click()
    expect(page.get_by_role("alert")).to_contain_text("Код не подходит")
    code = link.rpartition(".")[2].upper()
    page.get_by_label("Код приглашения").fill(" ".join(code[i : i + 4] for i in range(0, 52, 4)))
    page.get_by_role("button", name="Дальше").click()
    person.sign_all(main.url)
    assert documents.parse(main.received[-1]).type == "council.accept/1"
    person.leave()


def test_a_card_without_a_camera(main: FakeMain, chair: Person, browser: Browser) -> None:
    link = chair.invitations[0]
    person = Person.arrive(browser, "С карточкой")
    person.page.goto(f"{main.signing_url}/#i")
    person.page.get_by_label("Код приглашения").fill(link.rpartition(".")[2].upper())
    person.page.get_by_role("button", name="Дальше").click()
    person.page.wait_for_url(f"{main.url}/invite/key/{signatures.public_key(seed_of(link)).hex()}")
    person.leave()


def test_no_private_half_reaches_the_main_site(main: FakeMain, chair: Person) -> None:
    traffic = b"\n".join(main.traffic)
    assert main.received[-1] in traffic  # the recording works
    for link in chair.invitations:
        seed = seed_of(link)
        for spelling in (seed, link.rpartition(".")[2].encode(), seed.hex().encode(), b64u(seed).encode()):
            assert spelling not in traffic


def test_a_broken_link_says_so(main: FakeMain, browser: Browser) -> None:
    person = Person.arrive(browser, "Прохожий")
    person.page.goto(f"{main.signing_url}/#i=0123.0.abc")
    expect(person.page.get_by_role("alert")).to_contain_text("неполная")
    person.leave()


@pytest.mark.parametrize("name", ["care", "invitations", "objection"])
def test_words_in_both_languages(name: str) -> None:
    words = Path(ROOT / "assets" / "signing" / "i18n" / f"{name}.js").read_text("utf-8")
    russian, _, english = words.partition("\n  en: {")
    keys = [
        [line.strip().partition(":")[0] for line in part.splitlines() if line.startswith('    "')]
        for part in (russian, english)
    ]
    assert keys[0] == keys[1] and keys[0]


def test_a_register_is_signed_as_one_table_and_becomes_letters(main: FakeMain, browser: Browser) -> None:
    """Eight members of a paper register: one gesture, a letter each, and no code on the way."""
    secretary = Person.arrive(browser, "Секретарь")
    page = secretary.page
    page.goto(main.link(main.ask([genesis_item(), agreement_item(main)])))
    secretary.sign_all(main.url)
    names = [
        "Орлова Анна",
        "Зайцева Вера",
        "Волкова Нина",
        "Ежова Яна",
        "Боброва Зоя",
        "Котова Ева",
        "Лис Ада",
        "Ким Ия",
    ]
    midnight = 1_577_816_100  # 2020-01-01 in Kathmandu, the day before in Moscow and in UTC
    items = [
        item(
            "membership.enrol/1",
            {"number": 10 + at, "since": midnight + 86_400 * at, "person": "person"},
            sub=COOPERATIVE,
            private={"name": name},
            private_fields=["name"],
            invitations=[
                {
                    "path": ["invitation"],
                    "label": f"Пайщик № {10 + at} · {name}",
                    "to": {
                        "number": str(10 + at),
                        "name": name,
                        "email": f"m{at}@example.org",
                        "address": "Пермь",
                    },
                }
            ],
        )
        for at, name in enumerate(names)
    ]
    before = len(main.traffic)
    token = main.ask(items)
    main.requests[token]["zone"] = "Asia/Kathmandu"
    page.goto(main.link(token))
    page.get_by_role("heading", name="Подпишите 8 документов разом").wait_for()
    rows = page.locator(".many tbody tr")
    expect(rows).to_have_count(8)
    expect(rows.first).to_contain_text("1 января 2020")
    expect(rows.first).to_contain_text("Орлова Анна")
    expect(page.locator("dl.facts")).to_contain_text("у каждого свой")
    rows.nth(2).get_by_role("button").click()
    expect(page.locator("article.doc")).to_contain_text("Волкова Нина")
    page.get_by_role("button", name="Ко всем документам").click()
    secretary.sign_all(main.url)
    page.goto(f"{main.signing_url}/#p=invitations")
    page.get_by_role("button", name="Напечатать 8 писем").wait_for()
    page.evaluate("window.print = () => {}")
    page.get_by_role("button", name="Напечатать 8 писем").click()
    expect(page.get_by_text("Готово писем: 8")).to_be_visible()
    letters = page.locator(".letter")
    expect(letters).to_have_count(8)
    expect(letters.nth(1)).to_contain_text("Здравствуйте, Зайцева Вера!")
    sheets = pypdf.PdfReader(io.BytesIO(page.pdf(prefer_css_page_size=True))).pages
    assert len(sheets) == 8, "one person a sheet"
    assert "Волкова Нина" in sheets[2].extract_text() and "Зайцева" not in sheets[2].extract_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    links = [str(letter.get_attribute("data-link")) for letter in letters.all()]
    traffic = b"\n".join(main.traffic[before:])
    kids = {documents.parse(raw).payload["invitation"] for raw in main.received[-8:]}
    assert kids == {signatures.public_key(seed_of(link)) for link in links}
    for link in links:
        for spelling in (seed_of(link), link.rpartition(".")[2].encode(), seed_of(link).hex().encode()):
            assert spelling not in traffic
    page.get_by_role("button", name="Убрать приглашения").click()
    expect(page.get_by_text("больше нигде нет")).to_be_visible()
    page.get_by_role("button", name="Оставить").click()
    expect(letters).to_have_count(8)
    secretary.leave()
