"""Keys of an account through a running node: chain, codes of devices, notices, sessions (P7, P8, P10)."""

from __future__ import annotations

import asyncio
import email
import re
import secrets
from collections.abc import AsyncIterator
from email.header import decode_header, make_header
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from coopnode import jobs
from coopnode.answers import Committed
from coopnode.cli.node import all_projections
from coopnode.signing import b64, unb64
from coopnode.testing import START, FixedClock, Person, seed, sign_statement
from protocol import documents, encoding, signatures
from protocol.contracts.accounts import OBJECTION_WAIT, RECOVERY_WAIT
from tests.node.society import DAY, Society
from web.app import create_app
from web.keys import SESSIONS, SIGNING

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

Client = TestClient[Any, Any]


class House:
    def __init__(self, society: Society, server: TestServer) -> None:
        self.society, self.server, self.clients = society, server, list[Client]()

    async def browser(self, person: Person | None = None) -> Client:
        client: Client = TestClient(self.server, headers={"Accept-Language": "ru"})
        self.clients.append(client)
        if person is not None:
            store = self.server.app[SESSIONS]
            made, _ = await store.create("ru")
            _, token = await store.sign_in(made, person.id, person.kid)
            client.session.cookie_jar.update_cookies({"coopnode": token}, self.server.make_url("/"))
        return client

    def letters(self) -> list[tuple[str, str, str]]:
        found = []
        for path in sorted(self.society.node.config.mail.glob("*.eml")):
            letter = email.message_from_bytes(path.read_bytes())
            body = letter.get_payload(decode=True)
            assert isinstance(body, bytes)
            subject = str(make_header(decode_header(letter["Subject"])))
            found.append((letter["To"], subject, body.decode()))
            path.unlink()
        return found

    async def posted(self, count: int) -> list[tuple[str, str, str]]:
        """What the site's own worker has sent."""
        found: list[tuple[str, str, str]] = []
        for _ in range(100):
            found += self.letters()
            if len(found) >= count:
                break
            await asyncio.sleep(0.05)
        return found

    async def signs(self, response: Any, person: Person) -> Committed:
        """The one document of the request, as the signing page signs it."""
        assert response.status == 303, await response.text()
        token = re.search(r"#r=([^&]+)", response.headers["Location"])
        assert token is not None
        signing = self.server.app[SIGNING]
        request = await signing.find(token[1])
        assert request is not None
        (item,) = signing.as_json(request, token[1])["items"]
        fields: Any = encoding.decode(unb64(item["payload"]))
        type = fields.pop("type")
        assert (item["sub"], item["aud"]) == ("self", "self")
        raw = person.sign(type, fields, aud=person.id, now=self.society.coop.now)
        answer = await self.society.node.engine.submit(raw)
        assert isinstance(answer, Committed), answer
        return answer


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    society = await Society.make(
        tmp_path / "node",
        clock=FixedClock(time=START),
        projections=all_projections(),
        more={"public_url": "http://localhost:8470"},
    )
    server = TestServer(create_app(society.node))
    await server.start_server()
    letters = jobs.scheduler(society.node)
    letters.start()
    made = House(society, server)
    yield made
    await letters.stop()
    for client in made.clients:
        await client.close()
    await server.close()
    await society.node.stop()


async def chain_of(client: Client, account: str) -> dict[str, Any]:
    response = await client.get(f"/api/v1/accounts/{account}/chain")
    found: dict[str, Any] = await response.json()
    assert response.status == 200, found
    return found


def recovering(person: Person, chain: dict[str, Any], new: bytes, *, revoke: bool, now: int) -> bytes:
    """The statement of the recovery sheet that brings the key of seed `new`."""
    pub, number, prev = signatures.public_key(new), chain["number"], unb64(chain["prev"])
    proof = signatures.sign(new, documents.possession(pub, person.id, number, prev))
    fields: dict[str, Any] = {
        "number": number,
        "prev": prev,
        "recovery": {"alg": -19, "pub": signatures.public_key(person.recovery), "scope": "recovery"},
        "next": secrets.token_bytes(32),
        "keys": [{"alg": -19, "pub": pub, "scope": "sign"}],
        "proofs": [proof],
        "revoke": [person.kid] if revoke else [],
    }
    return sign_statement(
        person.recovery, "account.recover/1", fields, iss=person.id, sub=person.id, aud=person.id, now=now
    )


async def test_an_account_is_found_by_its_whole_commitment(house: House) -> None:
    client, person = await house.browser(), house.society.officers["one"]
    commitment = person.genesis["recovery"]
    assert isinstance(commitment, bytes)
    found = await client.post("/api/v1/accounts/find", json={"recovery": b64(commitment)})
    assert await found.json() == {"accounts": [person.id]}
    for wrong, code in ((b64(commitment[:16]), "invalid_field"), (b64(bytes(32)), "not_found")):
        answer = await client.post("/api/v1/accounts/find", json={"recovery": wrong})
        assert (await answer.json())["code"] == code
    statuses = [
        (await client.post("/api/v1/accounts/find", json={"recovery": b64(bytes(32))})).status
        for _ in range(25)
    ]
    assert statuses[-1] == 429
    chain = await chain_of(client, person.id)
    assert (chain["number"], chain.get("forked"), len(chain["keys"])) == (1, None, 1)
    assert (await client.get(f"/api/v1/accounts/{'a' * 52}/chain")).status == 404


async def test_a_device_is_carried_by_its_code(house: House) -> None:
    """The asking device learns the account only after the code was typed where somebody is signed in."""
    person, other = house.society.officers["one"], house.society.officers["secretary"]
    device, signed_in, stranger = (
        await house.browser(),
        await house.browser(person),
        await house.browser(other),
    )
    new = seed("new device")
    pub = signatures.public_key(new)
    asked = await (await device.post("/api/v1/devices", json={"pub": b64(pub)})).json()
    here = f"/api/v1/devices/{asked['secret']}"
    assert await (await device.get(here)).json() == {"standing": "waiting"}
    headers = {"Sec-Fetch-Site": "same-origin"}
    wrong = await signed_in.post("/me/devices/add", data={"code": "ZZZZZZZZ"}, headers=headers)
    assert wrong.status == 422 and "Такого кода нет" in await wrong.text()
    typed = f"{asked['code'][:4].lower()}-{asked['code'][4:]}"
    done = await signed_in.post(
        "/me/devices/add", data={"code": typed}, headers=headers, allow_redirects=False
    )
    assert done.status == 303
    again = await stranger.post(
        "/me/devices/add", data={"code": typed}, headers=headers, allow_redirects=False
    )
    assert again.status == 422  # it is spoken for
    named = await (await device.get(here)).json()
    assert (named["standing"], named["account"]) == ("named", person.id)
    said = documents.possession(pub, person.id, named["number"], unb64(named["prev"]))
    forged = await device.post(f"{here}/proof", json={"proof": b64(signatures.sign(seed("x"), said))})
    assert forged.status == 403
    assert (await device.post(f"{here}/proof", json={"proof": b64(signatures.sign(new, said))})).status == 200
    page = await signed_in.get("/me/devices/confirm")
    assert pub.hex()[:4] in await page.text()
    unsure = await signed_in.post("/me/devices/confirm", headers=headers)
    assert unsure.status == 422
    asks = await signed_in.post(
        "/me/devices/confirm", data={"same": "yes"}, headers=headers, allow_redirects=False
    )
    await house.signs(asks, person)
    assert (await (await device.get(here)).json())["standing"] == "added"
    assert len((await chain_of(device, person.id))["keys"]) == 2
    ((to, subject, text),) = await house.posted(1)
    assert (to, subject) == ("one@example.org", "К вашей учётной записи добавлен ключ") and "/me/keys" in text
    now = await (await signed_in.get("/now")).text()
    assert "К учётной записи добавлен ключ" in now
    assert (await device.get(f"/api/v1/devices/{'x' * 32}")).status == 404


async def test_codes_run_out(house: House) -> None:
    person = house.society.officers["one"]
    device, signed_in = await house.browser(), await house.browser(person)
    asked = await (
        await device.post("/api/v1/devices", json={"pub": b64(signatures.public_key(seed("n")))})
    ).json()
    house.society.move(901)
    headers = {"Sec-Fetch-Site": "same-origin"}
    late = await signed_in.post("/me/devices/add", data={"code": asked["code"]}, headers=headers)
    assert late.status == 422
    for _ in range(10):
        late = await signed_in.post("/me/devices/add", data={"code": "ZZZZZZZZ"}, headers=headers)
    assert "Слишком много попыток" in await late.text()


async def test_a_recovery_is_told_and_can_be_stopped(house: House) -> None:
    """Letters to the person and to officers; a key that is left stops the new one before its 72 hours."""
    person = house.society.officers["one"]
    client = await house.browser(person)
    new, now = seed("thief"), house.society.coop.now
    chain = await chain_of(client, person.id)
    raw = recovering(person, chain, new, revoke=False, now=now)
    assert isinstance(await house.society.node.engine.submit(raw), Committed)
    letters = await house.posted(3)
    assert sorted(to for to, _, _ in letters) == [
        "chair@example.org",
        "one@example.org",
        "secretary@example.org",
    ]
    mine = next(text for to, _, text in letters if to == "one@example.org")
    assert "4 января 2026" in mine and f"/object/{person.id}\r\n" in mine
    assert all(
        f"http://localhost:8470/{'object/' if to[:3] == 'one' else 'desk'}" in text for to, _, text in letters
    )
    assert all("Ким" not in subject + text for _, subject, text in letters)
    page = await (await client.get("/now")).text()
    assert "Это вы?" in page
    # somebody who stands in no line of the register is found on the desk itself
    desk = await (await (await house.browser(house.society.officers["secretary"])).get("/desk")).text()
    assert "Ким Вера" in desk and f"/object/{person.id}" in desk and 'href="#account-1"' in desk
    keys = await (await client.get("/me/keys")).text()
    assert f'href="/object/{person.id}"' in keys
    pub = signatures.public_key(new).hex()
    headers = {"Sec-Fetch-Site": "same-origin"}
    assert "Остановить новый ключ?" in await (await client.get(f"/me/keys/{pub}/revoke")).text()
    asks = await client.post(f"/me/keys/{pub}/revoke", headers=headers, allow_redirects=False)
    await house.signs(asks, person)
    house.society.move(RECOVERY_WAIT + DAY)
    assert [key["standing"] for key in (await chain_of(client, person.id))["keys"]] == ["active", "revoked"]


async def test_a_revoked_key_objects_without_signing_in(house: House) -> None:
    """The way of somebody whose every key a thief of the sheet has revoked, and what officers read of it."""
    person, node = house.society.officers["chair"], house.society.node
    stranger, mine = await house.browser(), await house.browser(person)
    secretary = await house.browser(house.society.officers["secretary"])
    before = await (await secretary.get("/desk")).text()
    assert "восстанавливают" not in before
    raw = recovering(
        person, await chain_of(mine, person.id), seed("thief"), revoke=True, now=house.society.coop.now
    )
    assert isinstance(await node.engine.submit(raw), Committed)
    digest = documents.parse(raw).digest
    # the browser in which the revoked key was signed in hears of it, another does not
    page = await (await mine.get("/sign-in")).text()
    assert "Ваш ключ отключён" in page and f"/object/{person.id}" in page
    assert "Ваш ключ отключён" not in await (await stranger.get("/sign-in")).text()
    for account in (person.id, "a" * 52, "junk"):
        led = await stranger.get(f"/object/{account}", allow_redirects=False)
        assert led.status == 303 and "Set-Cookie" not in led.headers
        place = f"{node.config.signing_url}/#p=object&a={account}&l=ru"
        assert led.headers["Location"] == place  # the same words, whether there is such an account or not
    chain = await chain_of(stranger, person.id)
    old, new = chain["keys"]
    assert (old["standing"], old["objects"], old["ended"]) == ("revoked", True, house.society.coop.now)
    assert (new["standing"], new["objects"], chain.get("disputed_until")) == ("waiting", False, None)
    assert unb64(chain["recovery"]) == digest
    card = await (await secretary.get("/members/1")).text()
    assert "Учётную запись восстанавливают" in card and f"/object/{person.id}" in card
    assert 'href="/members/1"' in await (await secretary.get("/desk")).text()
    await house.posted(2)
    objection = person.sign(
        "account.object/1", {"recovery": digest}, aud=person.id, now=house.society.coop.now
    )
    assert isinstance(await node.engine.submit(objection), Committed)
    letters = {to: text for to, _, text in await house.posted(2)}
    assert f"/object/{person.id}" in letters["chair@example.org"]
    assert "/desk" in letters["secretary@example.org"] and "/object/" not in letters["secretary@example.org"]
    chain = await chain_of(stranger, person.id)
    assert chain["disputed_until"] == house.society.coop.now + OBJECTION_WAIT == chain["keys"][1]["since"]
    card = await (await secretary.get("/members/1")).text()
    assert "Против восстановления возражают" in card and "/desk/enrol" in card
    assert "встретьтесь с человеком" in await (await secretary.get("/desk")).text()
    house.society.move(OBJECTION_WAIT + DAY)
    chain = await chain_of(stranger, person.id)
    assert [key["standing"] for key in chain["keys"]] == ["revoked", "active"]
    assert (chain.get("disputed_until"), chain["keys"][0]["objects"]) == (None, False)
    over = await (await secretary.get("/members/1")).text()
    assert "возражают" not in over and "восстанавливают" not in over
    assert "Ваш ключ отключён" not in await (await mine.get("/sign-in")).text()


async def test_a_revoked_keys_session_ends(house: House) -> None:
    person = house.society.officers["one"]
    client, headers = await house.browser(person), {"Sec-Fetch-Site": "same-origin"}
    here = f"/me/keys/{person.kid.hex()}/revoke"
    page = await (await client.get(here)).text()
    assert "Это ваш последний ключ" in page and " checked" not in page
    for data, words in (
        ({}, "Выберите одно из двух"),
        ({"why": "stolen"}, "Назовите день"),
        ({"why": "stolen", "since": "2027-01-01"}, "ещё не наступил"),
    ):
        answer = await client.post(here, data=data, headers=headers)
        assert answer.status == 422 and words in await answer.text()
    asks = await client.post(
        here, data={"why": "stolen", "since": "2026-01-01"}, headers=headers, allow_redirects=False
    )
    await house.signs(asks, person)
    gone = await client.get("/me/keys", allow_redirects=False)
    assert gone.status == 303 and gone.headers["Location"].startswith("/sign-in")
