"""Joining through the pages of a real node: R71–R72, R80–R82, R218, P14, P20."""

from __future__ import annotations

import asyncio
import email
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pypdf
import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from coopnode import config, consents, places
from coopnode.cli.node import all_projections
from coopnode.config import Bank
from coopnode.drafting import from_json
from coopnode.membership import payments, queries
from coopnode.membership.drafts import DraftBox
from coopnode.signing import unb64
from coopnode.store.schema import drafts, private_records
from coopnode.store.sql import delete
from coopnode.testing import FixedClock, Person, commit, seed
from protocol import encoding, registry, signatures
from protocol.identifiers import identifier
from tests.node.society import DAY, PARTICULARS, Society
from web.app import create_app
from web.founding.shell import FOUNDING
from web.keys import SESSIONS, SIGNING
from web.membership import forms, models
from web.membership.routes import setup
from web.membership.shell import MEMBERSHIP

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

Client = TestClient[Any, Any]


class Site:
    """A running node with its pages, and browsers of people."""

    def __init__(self, society: Society, server: TestServer) -> None:
        self.society, self.server = society, server
        self.clients: list[Client] = []

    async def browser(self, person: Person | None = None) -> Client:
        client: Client = TestClient(self.server, headers={"Accept-Language": "en"})
        self.clients.append(client)
        if person is not None:
            store = self.server.app[SESSIONS]
            made, _ = await store.create("en")
            _, token = await store.sign_in(made, person.id)
            client.session.cookie_jar.update_cookies({"coopnode": token}, self.server.make_url("/"))
        return client

    async def signs(self, response: ClientResponse, person: Person, letter: str = "") -> list[str]:
        """Does what the signing page does: fetches the request, signs each document, submits, comes back.
        `letter` tells keys of invitations made again from the first ones."""
        assert response.status == 303, await response.text()
        token = re.search(r"#r=([^&]+)", response.headers["Location"])
        assert token is not None, response.headers["Location"]
        signing, node = self.server.app[SIGNING], self.society.node
        request = await signing.find(token[1])
        assert request is not None
        shown = signing.as_json(request, token[1])
        types = []
        for item in shown["items"]:
            types.append(item["type"])
            if item["type"] == "account.genesis/1":
                raw = person.account_genesis(self.society.coop.now)
                answer = await node.engine.submit(raw, ticket=await signing.ticket_of(token[1]))
            else:
                fields: Any = encoding.decode(unb64(item["payload"]))
                del fields["type"]
                for invited in item.get("invitations", ()):  # the device makes their keys
                    fields[invited["path"][0]] = signatures.public_key(seed(invited["label"] + letter))
                private = registry.TYPES[item["type"]].private
                root, record = (
                    commit(item["type"], from_json(item["private"] or {})) if private else (None, None)
                )
                sub = person.id if item["sub"] == "self" else item["sub"]
                raw = person.sign(
                    item["type"],
                    fields,
                    aud=item["aud"],
                    now=self.society.coop.now,
                    sub=sub,
                    private=root,
                )
                answer = await node.engine.submit(raw, record)
            assert hasattr(answer, "index"), (item["type"], answer)
        return types

    def letters(self) -> list[tuple[str, str, str]]:
        """(to, subject, text), the oldest first."""
        folder = self.society.node.config.mail
        found = []
        for path in (
            sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns) if folder.exists() else ()
        ):
            message = email.message_from_bytes(path.read_bytes())
            text = message.get_payload(decode=True)
            assert isinstance(text, bytes)
            found.append((message["To"], str(make_header(decode_header(message["Subject"]))), text.decode()))
        return found


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    society = await Society.make(tmp_path, clock=FixedClock(), projections=all_projections())
    app = create_app(society.node)
    if MEMBERSHIP not in app:
        setup(app)
    server = TestServer(app)
    await server.start_server()
    found = Site(society, server)
    yield found
    for client in found.clients:
        await client.close()
    await server.close()
    await society.node.stop()


async def post(client: Client, path: str, **fields: Any) -> ClientResponse:
    headers = {"Sec-Fetch-Site": "same-origin"}
    return await client.post(path, data=fields, headers=headers, allow_redirects=False)


async def get(client: Client, path: str, status: int = 200) -> str:
    response = await client.get(path, allow_redirects=False)
    assert response.status == status, (path, response.status, (await response.text())[:2000])
    return await response.text()


async def fill_in(site: Site, client: Client, **other: str) -> ClientResponse:
    """From nothing to the request for signatures."""
    address = other.pop("email", "ivanova@example.org")
    response = await post(client, "/join/email", email=address)
    assert response.headers["Location"] == "/join/code"
    code = re.search(r"\d{6}", site.letters()[-1][1])
    assert code is not None
    assert (await post(client, "/join/code", code=code[0])).headers["Location"] == "/join/kind"
    assert (await post(client, "/join/kind", kind="person")).headers["Location"] == "/join/person"
    fields = {name: value for name, value in PARTICULARS.items() if name != "email"} | other
    assert (await post(client, "/join/person", **fields)).headers["Location"] == "/join/texts"
    for kind in ("signature", "charter", "privacy"):
        await get(client, f"/join/texts/{kind}")
    assert (await post(client, "/join/texts")).headers["Location"] == "/join/consents"
    assert (await post(client, "/join/consents", consent="contacts")).headers["Location"] == "/join/check"
    await get(client, "/join/check")
    return await post(client, "/join/check")


# --- the applicant --------------------------------------------------------------------------------


async def test_everybody_reads_what_membership_means_without_a_cookie(site: Site) -> None:
    client = await site.browser()
    response = await client.get("/join")
    text = await response.text()
    assert response.status == 200 and not response.cookies
    for words in ("Entrance fee", "100", "300", "within 30 days", "Organisations cannot join here yet"):
        assert words.lower() in text.lower(), words


async def test_from_nothing_to_member(site: Site) -> None:
    """R80–R82: application, identity, completeness, council, chair, payment."""
    client = await site.browser()
    response = await fill_in(site, client)
    person = Person.make("ivanova", site.society.coop.id)
    types = await site.signs(response, person)
    assert types == [
        "account.genesis/1",
        *["agreement.sign/1"] * 3,
        *["consent.give/1"] * 2,
        "membership.apply/1",
    ]
    mine = await site.browser(person)
    assert "Application No." in await get(mine, "/join/status")

    secretary = await site.browser(site.society.officers["secretary"])
    desk = await get(secretary, "/desk")
    assert PARTICULARS["name"] in desk
    number = re.search(r"/desk/applications/(\d+)", desk)
    assert number is not None
    here = f"/desk/applications/{number[1]}"
    page = await get(secretary, here)
    assert "14.03.1985" in page and "You see this as: secretary" in page
    fields = {"method": "in_person", "level": "1", "details": "Passport seen today", "sure": "yes"}
    officer = site.society.officers["secretary"]
    assert await site.signs(await post(secretary, f"{here}/identify", **fields), officer) == [
        "membership.identify/1"
    ]
    assert (await post(secretary, f"{here}/complete")).status == 422
    assert await site.signs(await post(secretary, f"{here}/complete", checked="yes"), officer) == [
        "membership.complete/1"
    ]
    status = await site.server.app[MEMBERSHIP].status(person.id)
    assert status is not None and status.line.matter is not None
    assert "The council decides" in await get(mine, "/join/status")
    await site.society.decide(status.line.matter)
    paying = await get(mine, "/join/status")
    assert "Pay 400" in paying and f"заявлению № {number[1]}" in paying
    accountant = await site.browser(site.society.officers["accountant"])
    form = await get(accountant, f"{here}/pay")
    assert 'value="100"' in form and 'value="300"' in form
    fields = {"entrance": "100", "share": "299", "received": "2026-01-01", "reference": "17"}
    wrong = await post(accountant, f"{here}/pay", **fields)
    assert wrong.status == 422 and 'value="299"' in await wrong.text()
    response = await post(accountant, f"{here}/pay", **(fields | {"share": "300"}))
    await site.signs(response, site.society.officers["accountant"])
    card = await get(mine, "/me/membership")
    assert "Member No." in card
    pdf = await mine.get("/me/membership/certificate.pdf")
    assert (await pdf.read())[:5] == b"%PDF-"
    register = await get(secretary, "/members")
    assert PARTICULARS["name"] in register
    assert PARTICULARS["name"] in await get(secretary, "/members/3")


async def test_a_member_from_before_gets_a_certificate_without_fees(site: Site) -> None:
    """By the paper register: an enrolment, or a seat of the first council."""
    orlova = await site.society.coop.person("orlova")
    await site.society.take_over(orlova, 11, "Орлова Ольга Олеговна")
    secretary = site.society.officers["secretary"]
    for person, name, number, signer in (
        (orlova, "Орлова Ольга Олеговна", 11, "Зайцев Олег Ильич"),
        (secretary, "Зайцев Олег Ильич", 2, "Орлова Анна Петровна"),
    ):
        browser = await site.browser(person)
        assert "certificate does not name them" in await get(browser, "/me/membership")
        answer = await browser.get("/me/membership/certificate.pdf")
        pages = pypdf.PdfReader(io.BytesIO(await answer.read())).pages
        text = " ".join(pages[0].extract_text().split())
        for said in (name, f"under number {number}", "paper register", "Entered in the register by", signer):
            assert said in text, (said, text)
        assert "Entrance fee" not in text


async def test_consents_name_the_same_fields_however_one_joins(site: Site) -> None:
    applied = registry.TYPES["membership.apply/1"].private
    assert set(consents.FIELDS["membership"]) == {field.name for field in applied}
    service = site.server.app[FOUNDING]
    person = await site.society.coop.person("new")
    digest, _ = await site.society.enrol(12, "Новый Н. Н.")
    found = await service.invitation(digest, 0)
    assert found is not None
    wanted = await service.acceptance(found, person.id, PARTICULARS, consents.TEXTS)
    asked = {
        item.payload["purpose"]: item.payload["fields"]
        for item in wanted
        if item.type == "consent.give/1" and item.payload
    }
    assert asked == {purpose: list(fields) for purpose, fields in consents.FIELDS.items()}


async def test_an_enrolment_with_a_slip_is_cancelled_until_it_is_confirmed(site: Site) -> None:
    secretary = site.society.officers["secretary"]
    client = await site.browser(secretary)
    await site.society.enrol(77, "Ошибкина Анна")
    assert 'href="/desk/enrol/77/void"' in await get(client, "/desk/enrol")
    for reason in ("", "abc", "Опи\u202eска", "x" * 1001):
        assert (await post(client, "/desk/enrol/77/void", reason=reason)).status == 422, reason
    assert "Ошибкина Анна" in await get(client, "/members/77")
    await site.signs(await post(client, "/desk/enrol/77/void", reason="Неверный номер"), secretary)
    assert "Member No. 77" in await get(client, "/members/77")
    assert "Ошибкина" not in await get(client, "/members?status=invited")
    assert (await post(client, "/desk/enrol/77/void", reason="Ещё раз")).headers["Location"] == "/desk/enrol"


async def test_particulars_of_who_did_not_join_are_erased_at_the_desk(site: Site) -> None:
    """P21: listed when their term is over, signed by the secretary, shown to the person as erased."""
    society, secretary = site.society, site.society.officers["secretary"]
    gone, waiting = await society.coop.person("gone"), await society.coop.person("waiting")
    left = (await society.apply(gone, "Ушедшая Нина")).digest
    await society.identify(left)
    await society.coop.must(gone, "membership.withdraw/1", {"re": [left]}, sub=identifier(left))
    await society.enrol(77, "Ошибкина Анна")
    client = await site.browser(secretary)
    assert "Nothing is to be erased now" in await get(client, "/desk/erasure")
    await site.signs(await post(client, "/desk/enrol/77/void", reason="Неверный номер"), secretary)
    page = await get(client, "/desk/erasure")
    assert "Erase 2 records and sign" in page and "Ошибкина Анна" in page and "Kept for now" in page
    site.society.move(30 * DAY + 1)
    client, applicant = await site.browser(secretary), await site.browser(gone)
    later = (await society.apply(waiting, "Свежая Вера")).digest
    await society.coop.must(waiting, "membership.withdraw/1", {"re": [later]}, sub=identifier(later))
    assert '<span class="chip">4</span>' in await get(client, "/desk")
    assert "Ушедшая Нина" in await get(applicant, "/me/data")
    assert "Ушедшая Нина" in await get(client, f"/desk/applications/{await number_of(society, left)}")
    signed = await site.signs(await post(client, "/desk/erasure"), secretary)
    assert signed == ["vault.erase/1", "vault.erase/1"]
    page = await get(client, "/desk/erasure")
    assert "Nothing is to be erased now" in page and "Свежая Вера" in page
    assert (await post(client, "/desk/erasure")).headers["Location"] == "/desk/erasure"
    own = await get(applicant, "/me/data")
    assert "Ушедшая" not in own and own.count("The private part has been erased") >= 3
    assert "lost with a machine" not in own
    await asyncio.sleep(1.1)  # names are looked up anew a second after an erasure, in every process
    for path in (f"/desk/applications/{await number_of(society, left)}", "/desk/applications?list=ended"):
        text = await get(client, path)
        assert "Ушедшая" not in text, path


async def test_particulars_lost_with_a_machine_are_not_called_erased(site: Site) -> None:
    society, person = site.society, await site.society.coop.person("somebody")
    digest = (await society.apply(person, "Утратина Вера")).digest
    client, applicant = await site.browser(society.officers["secretary"]), await site.browser(person)
    assert "Утратина" in await get(applicant, "/me/data")
    await society.node.database.write(  # as a restore leaves it that found the log and no increment
        lambda connection: connection.execute(
            delete(private_records).where(private_records.c.digest == digest)
        )
    )
    own = await get(applicant, "/me/data")
    assert "Your particulars were lost with a machine" in own
    assert "Ask whoever signed it" in own and "has been erased" not in own
    desk = await get(client, f"/desk/applications/{await number_of(society, digest)}")
    assert "Ask whoever signed it" in desk and "has been erased" not in desk
    document = await get(applicant, f"/documents/{digest.hex()}")
    assert "Ask whoever signed it" in document and "has been erased" not in document


async def number_of(society: Society, digest: bytes) -> int:
    line = await society.node.database.read(
        lambda connection: queries.application_by_id(connection, identifier(digest))
    )
    assert line is not None
    return line.number


async def test_what_one_left_empty_is_not_closed_to_oneself(site: Site) -> None:
    """Optional fields of an application: the applicant has no others behind a curtain, a member has."""
    person = await site.society.coop.person("ivanova")
    digest = (await site.society.join(person)).hex()
    own = await get(await site.browser(person), f"/documents/{digest}")
    assert "not open to you" not in own and "Signed by you" in own
    other = await get(await site.browser(site.society.officers["accountant"]), f"/documents/{digest}")
    assert "fields of the private part are not open to you" in other


async def test_the_desk_leads_to_everything_an_officer_does(site: Site) -> None:
    for name, leads in (("secretary", True), ("chair", True), ("accountant", False)):
        client = await site.browser(site.society.officers[name])
        desk = await get(client, "/desk")
        for path in (
            "/desk/import",
            "/desk/enrol",
            "/desk/keys",
            "/desk/texts",
            "/desk/council",
            "/desk/erasure",
        ):
            assert (f'href="{path}"' in desk) == leads, (name, path)
            if leads:
                assert 'href="/desk"' in await get(client, path)


async def test_wrong_fields_lose_nothing_and_change_nothing(site: Site) -> None:
    client = await site.browser()
    await post(client, "/join/email", email="ivanova@example.org")
    code = re.search(r"\d{6}", site.letters()[-1][1])
    assert code is not None
    await post(client, "/join/code", code=code[0])
    await post(client, "/join/kind", kind="entrepreneur")
    fields = dict(PARTICULARS) | {
        "birth_date": "2020-01-01",
        "phone": "12",
        "inn": "500100732250",
        "ogrn": "1",
    }
    response = await post(client, "/join/person", **fields)
    text = await response.text()
    assert response.status == 422
    for field in ("birth_date", "phone", "inn", "ogrn"):
        assert f'id="{field}-error"' in text
    assert PARTICULARS["name"] in text and 'value="500100732250"' in text
    # A closed tab: what was typed is still there.
    assert PARTICULARS["name"] in await get(client, "/join/person")


async def test_texts_are_opened_before_one_goes_on(site: Site) -> None:
    client = await site.browser()
    await post(client, "/join/email", email="ivanova@example.org")
    code = re.search(r"\d{6}", site.letters()[-1][1])
    assert code is not None
    await post(client, "/join/code", code=code[0])
    await post(client, "/join/kind", kind="person")
    await post(client, "/join/person", **PARTICULARS)
    await get(client, "/join/texts/charter")
    response = await post(client, "/join/texts")
    text = await response.text()
    assert response.status == 422
    assert 'id="signature-error"' in text and 'id="charter-error"' not in text
    assert (await client.get("/join/check", allow_redirects=False)).headers["Location"] == "/join/texts"


async def test_codes_are_rationed_and_tell_nothing(site: Site) -> None:
    """P14: one answer for a known and an unknown address, and when there were too many letters."""
    known = await site.society.coop.person("known")
    await site.society.apply(known)
    answers = set()
    for address in ("known@example.org", "stranger@example.org"):
        response = await post(await site.browser(), "/join/email", email=address)
        answers.add((response.status, response.headers["Location"]))
    assert answers == {(303, "/join/code")}
    client = await site.browser()
    for _ in range(4):
        response = await post(client, "/join/email", email="flood@example.org")
        assert response.status in (303, 422)
    assert sum(to == "flood@example.org" for to, _, _ in site.letters()) <= 3


async def test_five_wrong_codes_are_the_end_of_a_code(site: Site) -> None:
    client = await site.browser()
    await post(client, "/join/email", email="ivanova@example.org")
    found = re.search(r"\d{6}", site.letters()[-1][1])
    assert found is not None
    right = found[0]
    wrong = "000000" if right != "000000" else "000001"
    for _ in range(5):
        assert (await post(client, "/join/code", code=wrong)).status == 422
    assert (await post(client, "/join/code", code=right)).status == 422


async def test_drafts_are_encrypted(site: Site) -> None:
    client = await site.browser()
    await fill_in(site, client, name="Сорокина Дарья Олеговна")
    rows = await site.society.node.database.read(lambda connection: connection.execute(drafts.select()).all())
    assert rows and all("Сорокина".encode() not in row.box for row in rows)
    other = DraftBox(bytes(32))  # another node's key opens nothing
    owner = rows[0].owner
    empty = await site.society.node.database.read(lambda connection: other.load(connection, owner))
    assert empty.name == ""
    wal = b"".join(path.read_bytes() for path in site.society.node.config.data.glob("coopnode.db*"))
    assert "Сорокина".encode() not in wal


async def test_somebody_with_an_account_skips_what_is_done(site: Site) -> None:
    person = await site.society.coop.person("ivanova")
    await site.society.sign_texts(person)
    client = await site.browser(person)
    assert (await client.get("/join/email", allow_redirects=False)).headers["Location"] == "/join"
    await post(client, "/join/kind", kind="person")
    await post(client, "/join/person", **PARTICULARS)
    await post(client, "/join/texts")
    await post(client, "/join/consents")
    assert await site.signs(await post(client, "/join/check"), person) == ["membership.apply/1"]


async def test_an_application_can_be_withdrawn_and_made_again(site: Site) -> None:
    person = await site.society.coop.person("ivanova")
    await site.society.apply(person)
    client = await site.browser(person)
    assert await site.signs(await post(client, "/join/withdraw"), person) == ["membership.withdraw/1"]
    assert "withdrawn" in await get(client, "/join/status")
    await post(client, "/join/kind", kind="person")
    assert PARTICULARS["name"] in await get(client, "/join/person")


async def test_returned_with_a_reason_the_applicant_reads(site: Site) -> None:
    person = await site.society.coop.person("ivanova")
    await site.society.apply(person)
    officer = site.society.officers["secretary"]
    secretary = await site.browser(officer)
    number = re.search(r"/desk/applications/(\d+)", await get(secretary, "/desk"))
    assert number is not None
    path = f"/desk/applications/{number[1]}/return"
    assert (await post(secretary, path, reason="no")).status == 422
    await site.signs(await post(secretary, path, reason="The house number is missing."), officer)
    assert "The house number is missing." in await get(await site.browser(person), "/join/status")


# --- rights ---------------------------------------------------------------------------------------


async def test_nobody_attests_their_own(site: Site) -> None:
    """An officer who is not a member yet applies: the desk offers them nothing on it."""
    accountant = site.society.officers["accountant"]
    found = await site.society.apply_as_known(accountant)
    client = await site.browser(accountant)
    page = await get(client, f"/desk/applications/{found.index}")
    assert "your own application" in page
    path = f"/desk/applications/{found.index}/pay"
    assert (await client.get(path, allow_redirects=False)).status == 303


@pytest.mark.parametrize("path", ["/desk", "/desk/applications", "/members", "/members.csv"])
async def test_officers_only(site: Site, path: str) -> None:
    stranger = await site.browser(await site.society.coop.person("stranger"))
    assert (await stranger.get(path, allow_redirects=False)).status == 403
    nobody = await site.browser()
    response = await nobody.get(path, allow_redirects=False)
    assert response.status == 303 and response.headers["Location"].startswith("/sign-in")


async def test_an_accountant_does_not_read_passports(site: Site) -> None:
    person = await site.society.coop.person("ivanova")
    found = await site.society.apply(person, document="4510 123456")
    accountant = await site.browser(site.society.officers["accountant"])
    page = await get(accountant, f"/desk/applications/{found.index}")
    assert "4510 123456" not in page and PARTICULARS["address"] not in page
    secretary = await site.browser(site.society.officers["secretary"])
    assert "4510 123456" in await get(secretary, f"/desk/applications/{found.index}")


async def test_copies_of_documents(site: Site) -> None:
    person = await site.society.coop.person("ivanova")
    found = await site.society.apply(person)
    client = await site.browser(person)
    picture = b"\xff\xd8\xff" + b"passport" * 100
    response = await post(client, "/join/copies", copy=io.BytesIO(picture))
    assert response.status == 303
    assert (await post(client, "/join/copies", copy=io.BytesIO(b"<html>"))).status == 422
    page = await get(client, "/join/status")
    link = re.search(r'href="(/desk/applications/\d+/copies/[0-9a-f]+)"', page)
    assert link is not None
    assert await (await client.get(link[1])).read() == picture
    secretary = await site.browser(site.society.officers["secretary"])
    assert await (await secretary.get(link[1])).read() == picture
    for other in (site.society.officers["accountant"], await site.society.coop.person("stranger")):
        assert (await (await site.browser(other)).get(link[1])).status == 404
    files = b"".join(path.read_bytes() for path in site.society.node.config.data.rglob("attachments/*"))
    assert files and b"passport" not in files
    await post(client, "/join/copies/" + link[1].rpartition("/")[2] + "/remove")
    assert (await client.get(link[1])).status == 404
    assert found.index


# --- my data --------------------------------------------------------------------------------------


async def test_my_data_to_read_and_to_take_along(site: Site) -> None:
    person = await site.society.coop.person("ivanova")
    await site.society.join(person)
    client = await site.browser(person)
    page = await get(client, "/me/data")
    assert PARTICULARS["address"] in page and "Withdraw" in page
    response = await client.get("/me/data/export.zip")
    with zipfile.ZipFile(io.BytesIO(await response.read())) as file:
        data = json.loads(file.read("data.json"))
        names = file.namelist()
    assert {"README.txt", "data.json"} <= set(names)
    apply = next(item for item in data["documents"] if item["type"] == "membership.apply/1")
    assert apply["private"]["name"] == PARTICULARS["name"]
    assert any(name.startswith("records/") for name in names)


async def test_a_consent_is_withdrawn_by_signature(site: Site) -> None:
    person = await site.society.coop.person("ivanova")
    await site.society.sign_texts(person)
    given = await site.society.consent(person, "contacts")
    client = await site.browser(person)
    response = await post(client, f"/me/data/consents/{given.digest.hex()}/withdraw")
    assert await site.signs(response, person) == ["consent.withdraw/1"]
    other = await site.browser(await site.society.coop.person("other"))
    assert (await post(other, f"/me/data/consents/{given.digest.hex()}/withdraw")).status == 409


# --- tasks, register, API -------------------------------------------------------------------------


async def test_tasks_for_those_whose_turn_it_is(site: Site) -> None:
    person = await site.society.coop.person("ivanova")
    await site.society.apply(person)
    secretary = await site.browser(site.society.officers["secretary"])
    assert "Check the identity of the applicant: Иванова Мария Сергеевна" in await get(secretary, "/now")
    accountant = await site.browser(site.society.officers["accountant"])
    assert "Check the identity" not in await get(accountant, "/now")


async def test_the_register_as_csv_and_of_a_past_day(site: Site) -> None:
    site.society.move(2 * DAY)
    site.society.node.clock.confirm()
    await site.society.join(await site.society.coop.person("ivanova"), "=cmd Иванова")
    secretary = await site.browser(site.society.officers["secretary"])
    text = await get(secretary, "/members.csv")
    assert text.startswith("\ufeff") and "'=cmd Иванова" in text
    past = await get(secretary, "/members?at=2026-01-01")
    assert "Орлова" in past and "Иванова" not in past
    assert (await secretary.get("/members?at=tomorrow")).status == 422


async def test_the_api_gives_what_the_pages_give(site: Site) -> None:
    person = await site.society.coop.person("ivanova")
    found = await site.society.apply(person)
    secretary = await site.browser(site.society.officers["secretary"])
    listed = models.ApplicationsOut.model_validate_json(await get(secretary, "/api/v1/applications"))
    assert [item.number for item in listed.items] == [found.index]
    path = f"/api/v1/applications/{found.index}"
    full = models.ApplicationFullOut.model_validate_json(await get(secretary, path))
    assert full.next == ["secretary", "chair"] and full.papers
    body = {"method": "in_person", "level": 1, "details": "Passport seen"}
    headers = {"Sec-Fetch-Site": "same-origin"}
    response = await secretary.post(f"{path}/identify", json=body, headers=headers)
    prepared = models.Prepared.model_validate_json(await response.text())
    assert prepared.items[0].type == "membership.identify/1"
    response = await secretary.post(f"{path}/payment", json={"entrance": 1}, headers=headers)
    assert response.status == 422
    stranger = await site.browser(await site.society.coop.person("stranger"))
    assert (await stranger.get(path)).status == 404
    assert (await stranger.get("/api/v1/members")).status == 403
    mine = await site.browser(person)
    assert json.loads(await get(mine, "/api/v1/me/data"))["account"] == person.id


# --- pure parts -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("8 (900) 123-45-67", "+79001234567"),
        ("+7 900 123 45 67", "+79001234567"),
        ("9001234567", "+79001234567"),
        ("+49 30 1234567", "+49301234567"),
        ("", ""),
    ],
)
def test_phones(typed: str, meant: str) -> None:
    assert places.first().phone(typed) == meant


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("300", 30_000), ("300,50", 30_050), ("1 200 ₽", 120_000), ("0.5", 50), ("-1", None), ("1,234", None)],
)
def test_money(typed: str, meant: int | None) -> None:
    assert forms.money(typed) == meant


BANK = {
    "name": "ПО «Росток»",
    "account": "40703 810 5 0000 0000001",
    "bank": "Банк|Тест",
    "bic": "044525225",
    "correspondent": "30101810400000000225",
    "inn": "7707083893",
}


def test_the_payment_string_of_gost_56042() -> None:
    bank = Bank.model_validate(BANK)
    text = payments.Order(
        bank, 40_000, payments.purpose(17, "Иванова Мария", places.first()), "Иванова Мария"
    ).text()
    assert text.startswith(
        "ST00012|Name=ПО «Росток»|PersonalAcc=40703810500000000001|BankName=Банк Тест|BIC="
    )
    assert "|Sum=40000|LastName=Иванова|FirstName=Мария" in text and "KPP" not in text
    assert "|PayeeINN=7707083893|" in text
    assert payments.Order(bank, 40_000, "x").qr().startswith("<svg")
    longest = payments.purpose(17, "Ф" * 400, places.first())
    assert len(longest) <= 210 and longest.endswith(" НДС не облагается")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("account", "40703810600000000001"),  # one digit of the key
        ("account", "4070381050000000001"),
        ("bic", "044525226"),  # another bank
        ("bic", "04452522"),
        ("correspondent", "30101810500000000225"),
        ("correspondent", "30101810400000000226"),
        ("correspondent", ""),
        ("inn", "7707083894"),
        ("kpp", "77070"),
        ("bank", "Б" * 46),
        ("name", ""),
    ],
)
def test_a_slip_in_the_bank_details_is_found(field: str, value: str) -> None:
    with pytest.raises(ValueError, match=field):
        Bank.model_validate({**BANK, field: value})


def test_an_account_at_the_bank_of_russia_has_no_correspondent() -> None:
    """Its key is made with another part of the BIC."""
    details = {**BANK, "bic": "044525000", "account": "40702810000000000001", "correspondent": ""}
    assert Bank.model_validate(details).correspondent == ""


def test_bank_details_come_from_the_file(tmp_path: Path) -> None:
    lines = "\n".join(f'{name} = "{value}"' for name, value in BANK.items())
    (tmp_path / "coopnode.toml").write_text(f"[bank]\n{lines}\n")
    found = config.load(tmp_path).bank
    assert found is not None and found.account == "40703810500000000001"


async def test_after_the_decision_the_applicant_reads_how_to_pay(site: Site) -> None:
    """R81: amount, account and purpose on the page; the same as a code and as a picture to be kept."""
    ivanova = await site.society.coop.person("ivanova")
    browser = await site.browser(ivanova)
    apply = await site.society.apply(ivanova)
    await site.society.admit(apply.digest)
    page = await get(browser, "/join/status")
    assert "has not entered its bank details" in page
    assert f"по заявлению № {apply.index}. Иванова Мария Сергеевна. НДС не облагается" in page
    await get(browser, "/join/payment.png", 303)
    node = site.society.node
    node.config = node.config.model_copy(update={"bank": Bank.model_validate(BANK)})
    page = await get(browser, "/join/status")
    for said in ("40703810500000000001", "044525225", "30101810400000000225", "7707083893", "<svg"):
        assert said in page
    picture = await browser.get("/join/payment.png")
    assert picture.headers["Content-Type"] == "image/png"
    assert picture.headers["Content-Disposition"].startswith("attachment")
    assert (await picture.read()).startswith(b"\x89PNG")
