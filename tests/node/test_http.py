"""The log over HTTP (SPEC §9, §10)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeAlias

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from coopnode import testing
from coopnode.config import Limits
from coopnode.reading import read_header
from coopnode.testing import Cooperative, Person
from protocol import documents, merkle, promises, proofs, tiles
from protocol.checkpoints import open_checkpoint
from protocol.notes import NoteKey
from web.app import create_app

pytestmark = pytest.mark.databases("sqlite", "postgresql")

COSE = {"Content-Type": "application/cose"}
Client: TypeAlias = TestClient[web.Request, web.Application]


@pytest.fixture
async def coop(tmp_path: Path) -> AsyncIterator[Cooperative]:
    made = await testing.cooperative(tmp_path / "data")
    yield made
    await made.node.stop()


@pytest.fixture
async def client(coop: Cooperative) -> AsyncIterator[Client]:
    async with TestClient(TestServer(create_app(coop.node))) as made:
        yield made


async def published(coop: Cooperative) -> int:
    size = coop.node.engine.head.size
    assert await coop.node.publisher.wait_for(size)
    return size


def vkey(coop: Cooperative) -> NoteKey:
    return NoteKey(f"coopnode/{coop.id}/0", coop.node.keys.log_pub)


def reader(coop: Cooperative, person: Person, path: str = "/", seconds: int = 200) -> dict[str, str]:
    return {
        "Authorization": read_header(person.key, person.kid, coop.id, person.id, path, coop.now + seconds)
    }


# -- submission -------------------------------------------------------------------------------------------


async def test_one_host_has_one_ration_however_many_addresses(tmp_path: Path) -> None:
    """A host has 2⁶⁴ addresses of IPv6 (P14)."""
    limits = Limits(stranger_burst=3, stranger_rate=0.001)
    made = await testing.cooperative(
        tmp_path / "data", more={"limits": limits, "trusted_proxies": ("127.0.0.1",)}
    )
    stranger = Person.make("stranger", made.id)

    async def sent_from(client: Client, address: str) -> str:
        raw, headers = stranger.account_genesis(made.now), {**COSE, "X-Forwarded-For": address}
        async with client.post("/entries", data=raw, headers=headers) as response:
            return str((await response.json(content_type=None))["code"])

    async with TestClient(TestServer(create_app(made.node))) as client:
        codes = [await sent_from(client, f"2001:db8:1:2:{number}::1") for number in range(5)]
        assert codes == ["ticket_required"] * 3 + ["too_many_requests"] * 2
        assert await sent_from(client, "2001:db8:1:3::1") == "ticket_required"
        mapped = [await sent_from(client, f"::ffff:192.0.2.{number}") for number in range(5)]
        assert mapped == ["ticket_required"] * 5
    await made.node.stop()


async def test_a_ticket_that_is_no_text_is_refused(coop: Cooperative, client: Client) -> None:
    raw = Person.make("stranger", coop.id).account_genesis(coop.now)
    head = b"POST /entries HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Type: application/cose\r\n"
    head += b"X-Coopnode-Ticket: \xff\xfe\r\nContent-Length: %d\r\n\r\n" % len(raw)
    receiving, sending = await asyncio.open_connection(client.host, client.port)
    sending.write(head + raw)
    answer = await receiving.read()
    sending.close()
    assert answer.startswith(b"HTTP/1.1 400 ")


async def test_large_bodies_that_wait_leave_room_for_statements(tmp_path: Path) -> None:
    """A few hundred of the longest bodies, never finished, would take all memory (P14)."""
    made = await testing.cooperative(tmp_path / "data", more={"limits": Limits(in_flight_bytes=10_000_000)})
    head = (
        b"POST /entries HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        b"Content-Length: 8000000\r\n\r\n--b"
    )
    async with TestClient(TestServer(create_app(made.node))) as client:
        _, slow = await asyncio.open_connection("127.0.0.1", client.port)
        slow.write(head)
        await asyncio.sleep(0.2)
        answers, asking = await asyncio.open_connection("127.0.0.1", client.port)
        asking.write(head)
        async with asyncio.timeout(5):
            assert (await answers.readline()).split()[1] == b"503"
        async with client.post("/entries", data=made.consent(made.founder, "a"), headers=COSE) as taken:
            assert taken.status == 200
        slow.close()
        await asyncio.sleep(0.2)
        answers, asking = await asyncio.open_connection("127.0.0.1", client.port)
        asking.write(head[:-1])
        with pytest.raises(TimeoutError):  # it is read: the room was given back
            async with asyncio.timeout(0.5):
                await answers.readline()
        asking.close()
    await made.node.stop()


async def test_a_statement_is_taken_once(coop: Cooperative, client: Client) -> None:
    raw = coop.consent(coop.founder, "a")
    bodies = []
    for _ in range(2):
        async with client.post("/entries", data=raw, headers=COSE) as response:
            assert response.status == 200
            bodies.append(await response.json())
    assert bodies[0]["index"] == bodies[1]["index"]
    statement = documents.parse(raw)
    assert bodies[0]["entry"] == statement.entry_digest.hex()
    assert bodies[0]["digest"] == statement.digest.hex()
    for body in bodies:
        promise, path = (base64.urlsafe_b64decode(body[name] + "==") for name in ("committed", "path"))
        kid, _ = promises.check(promise, path, raw, body["index"])
        assert kid == coop.node.keys.node_pub


async def test_multipart_carries_private_record_text_and_ticket(coop: Cooperative, client: Client) -> None:
    person = Person.make("new", coop.id)
    form = aiohttp.FormData()
    form.add_field(
        "statement", person.account_genesis(coop.now), filename="s", content_type="application/cose"
    )
    form.add_field("ticket", await coop.node.issue_ticket())
    async with client.post("/entries", data=form) as response:
        assert response.status == 200, await response.text()
    people = await coop.constitute()
    matter = await coop.matter(people[0])
    root, record = testing.commit("council.comment/1", {"text": "да"})
    raw = people[1].sign(
        "council.comment/1", {"matter": matter}, aud=coop.id, sub=matter, now=coop.now, private=root
    )
    form = aiohttp.FormData()
    form.add_field("statement", raw, filename="s", content_type="application/cose")
    form.add_field("private", record, filename="p", content_type="application/cbor")
    async with client.post("/entries", data=form) as response:
        assert response.status == 200, await response.text()


async def test_problems_have_code_field_and_signed_refusal(coop: Cooperative, client: Client) -> None:
    raw = coop.founder.sign("consent.withdraw/1", {"re": [bytes(32)]}, aud=coop.id, now=coop.now)
    async with client.post("/entries", data=raw, headers=COSE) as response:
        body = await response.json(content_type="application/problem+json")
        assert (response.status, body["code"]) == (422, "unknown_consent")
    message = base64.urlsafe_b64decode(body["refused"] + "==")
    assert documents.parse_message(message, documents.REFUSED)[1]["code"] == "unknown_consent"


@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"", COSE, 400, "malformed"),
        (b"nonsense", COSE, 400, "malformed"),
        (bytes(65_536), COSE, 413, "too_large"),
        (b"x", {"Content-Type": "text/plain"}, 400, "bad_request"),
        (b"x", {"Content-Type": "multipart/form-data; boundary=b"}, 400, "bad_request"),
        (b"--b\r\n\r\n--b--", {"Content-Type": "multipart/form-data; boundary=b"}, 400, "bad_request"),
        (
            b'--b\r\nContent-Disposition: form-data; name="other"\r\n\r\nx\r\n--b--',
            {"Content-Type": "multipart/form-data; boundary=b"},
            400,
            "bad_request",
        ),
    ],
)
async def test_bodies_that_are_not_taken(
    client: Client, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    async with client.post("/entries", data=body, headers=headers) as response:
        found = await response.json(content_type="application/problem+json")
        assert found["code"] == code
        assert response.status == status


async def test_back_pressure_says_when_to_come_back(coop: Cooperative, client: Client) -> None:
    coop.node.sequencer.stop_writing("for a test")
    async with client.post("/entries", data=coop.consent(coop.founder, "a"), headers=COSE) as response:
        assert response.status == 503
        assert int(response.headers["Retry-After"]) > 0
        assert (await response.json(content_type=None))["detail"] == "for a test"
    async with client.get("/readyz") as response:
        assert response.status == 503
    async with client.get("/livez") as response:
        assert response.status == 200


# -- the static log and proofs ----------------------------------------------------------------------------


async def test_a_stranger_checks_the_tree_from_tiles(coop: Cooperative, client: Client) -> None:
    for number in range(5):
        await testing.accepted(coop.node.engine.submit(coop.consent(coop.founder, f"p{number % 50}")))
    size = await published(coop)
    async with client.get("/checkpoint") as response:
        checkpoint = open_checkpoint(await response.read(), vkey(coop))
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert checkpoint.size == size
    async with client.get(f"/tile/0/000.p/{size}") as response:
        data = await response.read()
        assert "immutable" in response.headers["Cache-Control"]
    hashes = tiles.split_tile(tiles.Tile(0, 0, size), data)
    assert merkle.root(hashes) == checkpoint.root
    for path in ("/tile/0/000", "/tile/0/0", "/tile/0/000.p/256", "/tile/../keys/log", "/tile/entries/x"):
        async with client.get(path) as response:
            assert response.status in (403, 404)


async def test_the_proof_of_an_entry_verifies_offline(coop: Cooperative, client: Client) -> None:
    raw = coop.consent(coop.founder, "a")
    answer = await testing.accepted(coop.node.engine.submit(raw))
    await published(coop)
    async with client.get(f"/entries/{answer.digest.hex()}/proof") as response:
        assert response.status == 200
        proof = proofs.parse(await response.read())
    assert proofs.verify(raw, proof, vkey(coop)).size > answer.index


async def test_consistency_is_shown(coop: Cooperative, client: Client) -> None:
    before = await published(coop)
    old = coop.node.engine.head.tree.root()
    await testing.accepted(coop.node.engine.submit(coop.consent(coop.founder, "a")))
    size = await published(coop)
    async with client.get(f"/api/v1/log/consistency?from={before}&to={size}") as response:
        body = await response.json()
    path = [base64.b64decode(item) for item in body["path"]]
    assert merkle.verify_consistency(before, old, size, coop.node.engine.head.tree.root(), path)
    for query in ("from=2&to=1", f"from=0&to={size + 1}", "from=x&to=1", "from=-1&to=1", ""):
        async with client.get(f"/api/v1/log/consistency?{query}") as response:
            assert response.status in (400, 404)


# -- who reads what (P22) ---------------------------------------------------------------------------------


async def test_entry_bundles_are_for_those_the_log_entitles(coop: Cooperative, client: Client) -> None:
    people = await coop.constitute()
    stranger = await coop.person("stranger")
    size = await published(coop)
    path = f"/tile/entries/000.p/{size}"
    council = people[0]
    refused: list[dict[str, str]] = [
        {},
        reader(coop, stranger),
        reader(coop, council, "/tile/entries/001"),
        reader(coop, council, seconds=-1),
        reader(coop, council, seconds=400),
        {"Authorization": "Coopnode !"},
        {"Authorization": "Coopnode " + "A" * 5000},
        {"Authorization": read_header(stranger.key, stranger.kid, coop.id, council.id, "/", coop.now + 9)},
        {"Authorization": read_header(council.key, council.kid, "a" * 52, council.id, "/", coop.now + 9)},
    ]
    for headers in refused:
        async with client.get(path, headers=headers) as response:
            assert response.status == 403
    async with client.get(path, headers=reader(coop, council, "/tile/entries/")) as response:
        assert response.status == 200
        entries = tiles.decode_bundle(await response.read(), size)
        assert "private" in response.headers["Cache-Control"]
    assert entries == coop.node.store.raw(0, size)


async def test_a_public_log_is_everybodys(tmp_path: Path) -> None:
    made = await testing.cooperative(tmp_path / "data", visibility="public")
    size = await published(made)
    async with (
        TestClient(TestServer(create_app(made.node))) as client,
        client.get(f"/tile/entries/000.p/{size}") as response,
    ):
        assert response.status == 200
    await made.node.stop()


async def test_a_look_up_tells_place_and_only_the_entitled_the_content(
    coop: Cooperative, client: Client
) -> None:
    people = await coop.constitute()
    raw = coop.consent(people[0], "secret")
    answer = await testing.accepted(coop.node.engine.submit(raw))
    await published(coop)
    path = f"/entries/{answer.digest.hex()}"
    async with client.get(path) as response:
        body = await response.json()
        assert body["status"] == "published"
        assert "statement" not in body
        assert "type" not in body
    async with client.get(f"{path}/statement") as response:
        assert response.status == 403
    async with client.get(f"{path}/statement", headers=reader(coop, people[1], path)) as response:
        assert await response.read() == raw
    genesis = coop.node.store.raw(0, 1)[0]
    async with client.get(f"/entries/{documents.parse(genesis).digest.hex()}") as response:
        assert (await response.json())["type"] == "cooperative.genesis/1"


async def test_look_ups_take_whole_digests_and_are_rationed(tmp_path: Path) -> None:
    """P1."""
    limits = Limits(lookups_burst=2, lookups_rate=0.001)
    made = await testing.cooperative(tmp_path / "data", more={"limits": limits})
    async with TestClient(TestServer(create_app(made.node))) as client:
        statuses = []
        for _ in range(3):
            async with client.get(f"/entries/{bytes(32).hex()}") as response:
                statuses.append(response.status)
        assert statuses == [404, 404, 429]
        async with client.get("/entries/00ff") as response:
            assert response.status == 404
    await made.node.stop()


async def test_public_texts_are_served_by_digest(coop: Cooperative, client: Client) -> None:
    await coop.constitute()
    digest = documents.parse(coop.node.store.raw(4, 5)[0]).payload["blob"]
    async with client.get(f"/blobs/{digest.hex()}") as response:
        assert await response.text() == "# Устав"
        assert response.headers["Content-Security-Policy"].startswith("sandbox")
    missing: dict[str, object] = {"title": "x", "kind": "rules", "edition": 1, "blob": bytes(32)}
    answer = await coop.submit(coop.founder, "cooperative.agreement/1", missing, sub=coop.id)  # type: ignore[arg-type]
    assert getattr(answer, "code", None) == "blob_missing"


# -- the signing origin (P28) -----------------------------------------------------------------------------


async def test_only_the_signing_origin_calls_across(coop: Cooperative, client: Client) -> None:
    signing = coop.node.config.signing_url
    ask = {"Origin": signing, "Access-Control-Request-Method": "POST"}
    async with client.options("/entries", headers=ask) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == signing
    async with client.get("/checkpoint", headers={"Origin": signing}) as response:
        assert response.headers["Access-Control-Allow-Origin"] == signing
    for origin, path in (("https://evil.example", "/checkpoint"), (signing, "/readyz")):
        async with client.get(path, headers={"Origin": origin}) as response:
            assert "Access-Control-Allow-Origin" not in response.headers
