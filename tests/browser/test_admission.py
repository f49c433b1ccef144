"""One admission, proved: five people found a cooperative in their browsers and admit a sixth; others check it
without trusting the node.

The whole way with real parts: node, both origins, six browser profiles, letters in a folder, an audit in
another process, and a stranger's
browser on the verification page.
"""

from __future__ import annotations

import email
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, FilePayload, expect

from coopnode.founding import queries
from tests.browser.people import DESKTOP, PHONE, Person
from tests.browser.signing_kit import ROOT
from tests.browser.site import Site, built, site
from tests.postgresql import Cluster
from tests.web.test_founding import begin, look

COUNCIL = (
    ("Иванова Мария Сергеевна", ("chair", "member"), True),
    ("Петров Пётр Петрович", ("secretary", "member"), True),
    ("Сидорова Анна Ильинична", ("accountant",), False),
    ("Орлов Олег Олегович", ("member",), True),
    ("Зайцева Зоя Захаровна", ("member",), True),
)
APPLICANT = "Кузнецова Клавдия Кузьминична"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def house(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    files, data = built(tmp_path_factory.mktemp("build")), tmp_path_factory.mktemp("data") / "node"
    if request.param == "postgresql":
        cluster: Cluster = request.getfixturevalue("cluster")
        cluster.furnish(data)
    with site(data, files) as house:
        yield house


@pytest.mark.long
def test_five_found_a_cooperative_and_admit_a_sixth(house: Site, browser: Browser, tmp_path: Path) -> None:
    sizes = (PHONE, DESKTOP, DESKTOP, PHONE, PHONE)
    people = [Person.arrive(browser, name, size) for (name, _, _), size in zip(COUNCIL, sizes, strict=True)]
    chair, secretary, accountant, *_ = people
    found_with_five_seats(chair, house)
    for person, link in zip(people, chair.invitations, strict=True):
        person.accept(link, house.url)
        person.heading("Вы заняли")
    assert queries.stage(house.node.state) == "constituted"

    applicant = Person.arrive(browser, APPLICANT)
    apply(applicant, house)
    here = admit_to_council(secretary, house)
    matter = vote(people, house)
    sign_decision(chair, house, matter)
    take_payment(accountant, house, here)
    applicant.page.goto(f"{house.url}/me/membership")
    look(applicant, "member-card")
    assert house.node.facts.is_member(account_of(house, applicant))
    applicant.page.goto(f"{house.url}/me/membership")
    expect(applicant.page.locator("main")).to_contain_text("№ 6")

    fingerprint = decision_of(house)
    audited(house, chair, tmp_path)
    verified_by_a_stranger(browser, house, fingerprint)
    for person in (*people, applicant):
        person.leave()


def found_with_five_seats(founder: Person, house: Site) -> None:
    page = founder.page
    begin(founder, house, "existing")
    founder.heading("Кто входит в совет")
    page.locator("#charter_date").fill("2024-03-01")
    page.locator("#charter_number").fill("1")
    page.locator("#council_number").fill("7")
    page.locator("#council_date").fill("2026-02-01")
    page.locator("#minutes").set_input_files(
        FilePayload(name="protokol.pdf", mimeType="application/pdf", buffer=b"%PDF scan")
    )
    page.locator("#until").fill("2029-02-01")
    while page.locator("[id^='seat-'][id$='-person']").count() < len(COUNCIL):
        page.locator("button[name=row]").click()
        page.wait_for_load_state()
    for place, (name, roles, voting) in enumerate(COUNCIL):
        page.locator(f"#seat-{place}-person").fill(name)
        for box in page.locator(f"input[name='seat-{place}-roles']").all():
            box.set_checked(box.get_attribute("value") in roles)
        page.locator(f"input[name='seat-{place}-voting']").set_checked(voting)
        if not page.locator(f"#seat-{place}-number").is_visible():
            page.locator(f"fieldset.seat:has(#seat-{place}-person) > details > summary").click()
        page.locator(f"#seat-{place}-number").fill(str(place + 1))
        page.locator(f"#seat-{place}-since").fill("2020-02-01")
    founder.press("Продолжить")
    founder.heading("Ваш ключ")
    founder.press("Создать мой ключ")
    founder.sign_all(house.url)
    for part in ("Подписать первую часть", "Подписать вторую часть"):
        founder.press(part)
        founder.sign_all(house.url)
    founder.heading("Совет собирается")
    assert len(founder.invitations) == len(COUNCIL)


def code_in_letter(house: Site) -> str:
    letters = sorted(house.node.config.mail.iterdir(), key=lambda path: path.stat().st_mtime_ns)
    text = email.message_from_bytes(letters[-1].read_bytes()).get_payload(decode=True)
    assert isinstance(text, bytes)
    found = re.search(r"\b\d{6}\b", text.decode())
    assert found
    return found[0]


def apply(person: Person, house: Site) -> None:
    """From the public page to a signed application."""
    page = person.page
    page.goto(house.url)
    look(person, "profile")
    page.goto(f"{house.url}/join")
    look(person, "join")
    page.goto(f"{house.url}/join/email")
    page.locator("#email").fill("kuznetsova@example.org")
    submit(person)
    page.wait_for_url("**/join/code")
    page.locator("#code").fill(code_in_letter(house))
    submit(person)
    page.wait_for_url("**/join/kind")
    look(person, "join-kind")
    page.locator("input[name=kind][value=person]").check()
    submit(person)
    page.wait_for_url("**/join/person")
    for name, value in {
        "name": APPLICANT,
        "birth_date": "14.03.1955",
        "address": "Пермь, ул. Мира, д. 5",
        "phone": "+7 912 345-67-89",
    }.items():
        field = page.locator(f"[name={name}]").first
        field.fill("1955-03-14" if field.get_attribute("type") == "date" else value)
    look(person, "join-person")
    submit(person)
    page.wait_for_url("**/join/texts")
    look(person, "join-texts")
    for kind in ("signature", "charter", "privacy"):
        if page.locator(f"a[href$='/join/texts/{kind}']").count():
            page.goto(f"{house.url}/join/texts/{kind}")
            page.goto(f"{house.url}/join/texts")
    submit(person)
    page.wait_for_url("**/join/consents")
    look(person, "join-consents")
    submit(person)
    page.wait_for_url("**/join/check")
    look(person, "join-check")
    submit(person)
    person.sign_all(house.url)
    page.wait_for_url("**/join/status")
    look(person, "join-status")


def submit(person: Person) -> None:
    """The one primary button of the page's form."""
    person.page.locator("main form button.btn-primary").first.click()


def admit_to_council(secretary: Person, house: Site) -> str:
    """Identity and completeness; gives the application's place on the desk."""
    page = secretary.page
    page.goto(f"{house.url}/now")
    look(secretary, "now-secretary")
    page.goto(f"{house.url}/desk")
    look(secretary, "desk")
    link = page.locator("a[href*='/desk/applications/']").first.get_attribute("href")
    assert link
    here = f"{house.url}/desk/applications/{link.rstrip('/').split('/desk/applications/')[1].split('/')[0]}"
    page.goto(f"{here}/identify")
    page.locator("input[name=method][value=in_person]").check()
    level = page.locator("input[name=level][value='1']")
    if level.count():
        level.check()
    page.locator("[name=details]").fill("Паспорт предъявлен лично")
    page.locator("input[name=sure]").check()
    look(secretary, "identify")
    submit(secretary)
    secretary.sign_all(house.url)
    page.goto(here)
    look(secretary, "application")
    page.locator("input[name=checked]").check()
    page.locator("form[action$='/complete'] button").click()
    secretary.sign_all(house.url)
    return here


def vote(people: list[Person], house: Site) -> str:
    """Every voter signs; one changes their mind before the close. Gives the matter's address."""
    matter = ""
    for number, person in enumerate(
        person for person, (_, _, voting) in zip(people, COUNCIL, strict=True) if voting
    ):
        page = person.page
        page.goto(f"{house.url}/council")
        link = page.locator("a[href^='/council/']").locator("visible=true")
        found = [str(each.get_attribute("href")) for each in link.all()]
        matter = next(each for each in found if re.fullmatch(r"/council/[a-z2-7]{52}", each))
        if number == 0:
            look(person, "council-queue")
        choices = ("against", "for") if number == 2 else ("for",)
        for choice in choices:
            page.goto(f"{house.url}{matter}")
            assert page.locator("input[name=choice]:checked").count() == 0 or len(choices) > 1
            page.locator(f"input[name=choice][value={choice}]").check()
            if number == 1:
                look(person, "matter")
            page.locator("form#vote button").click()
            person.sign_all(house.url)
    return f"{house.url}{matter}"


def sign_decision(chair: Person, house: Site, matter: str) -> None:
    page = chair.page
    page.goto(matter)
    look(chair, "matter-chair")
    page.goto(f"{matter}/sign")
    look(chair, "decision")
    submit(chair)
    chair.sign_all(house.url)
    page.goto(matter)
    look(chair, "matter-decided")
    expect(page.locator("a[href$='/minutes.pdf']").first).to_be_visible()
    assert page.context.request.get(f"{matter}/minutes.pdf").body()[:5] == b"%PDF-"


def take_payment(accountant: Person, house: Site, here: str) -> None:
    page = accountant.page
    page.goto(f"{here}/pay")
    look(accountant, "payment")
    page.locator("[name=reference]").fill("Платёжное поручение 17")
    submit(accountant)
    accountant.sign_all(house.url)


def account_of(house: Site, person: Person) -> str:
    person.page.goto(f"{house.url}/me")
    found = re.search(r"\b[a-z2-7]{52}\b", person.page.locator("main").inner_text())
    assert found
    look(person, "me")
    return found[0]


def decision_of(house: Site) -> str:
    def find(connection: object) -> str:
        rows = connection.exec_driver_sql("SELECT digest FROM entries WHERE type = 'council.approve/1'").all()  # type: ignore[attr-defined]
        assert len(rows) == 1
        return bytes(rows[0][0]).hex()

    return house.node.database.read_now(find)


def audited(house: Site, reader: Person, folder: Path) -> None:
    """Another process, with a member's key restored from the file that the browser saved."""
    copy = folder / "copy.txt"
    copy.write_bytes(reader.file)
    key = folder / "chair.key"
    environment = {"PATH": "/usr/bin:/bin", "COOPNODE_PASSPHRASE": reader.passphrase}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "coopnode", *arguments]
        return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)

    restored = run("key", "restore", str(copy), str(key), "--json")
    assert restored.returncode == 0, restored.stdout + restored.stderr
    done = run("audit", house.url, "--key", str(key), "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert report["ok"] is True
    stranger = run("audit", house.url, "--json")
    assert stranger.returncode == 2  # the log is for those entitled


def verified_by_a_stranger(browser: Browser, house: Site, fingerprint: str) -> None:
    stranger = Person.arrive(browser, "Прохожий")
    page = stranger.page
    page.goto(f"{house.url}/verify/{fingerprint}")
    expect(page.locator("section[data-verify]")).to_have_attribute("data-state", "ok", timeout=20_000)
    look(stranger, "verify")
    assert APPLICANT.split()[0] not in page.locator("main").inner_text()
    stranger.leave()
