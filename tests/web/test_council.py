"""The council's pages, its API, verification and documents over a real node (R80–R82, R134, P1, P3, P23)."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient, TestServer

from coopnode.reading import read_header
from coopnode.signing import SELF, unb64
from coopnode.testing import commit
from protocol import encoding, registry
from tests.node.council_kit import Table, table
from web.app import create_app
from web.keys import SESSIONS, SIGNING

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

Client = TestClient[Any, Any]
PASSED = {"chair": "for", "secretary": "for", "accountant": "for", "one": "for"}


class Site:
    """A sitting council on a running node, and browsers of people."""

    def __init__(self, made: Table, server: TestServer) -> None:
        self.made, self.server = made, server
        self.clients: list[Client] = []

    async def browser(self, key: str | None = None, locale: str = "en") -> Client:
        client: Client = TestClient(self.server, headers={"Accept-Language": locale})
        self.clients.append(client)
        if key is not None:
            store = self.server.app[SESSIONS]
            session, _ = await store.create("ru" if locale == "ru" else "en")
            _, token = await store.sign_in(session, self.made[key].id)
            client.session.cookie_jar.update_cookies({"coopnode": token}, self.server.make_url("/"))
        return client

    async def signs(self, response: ClientResponse, key: str) -> dict[str, Any]:
        """What the signing page does with the one document it is asked for; gives its payload."""
        assert response.status == 303, (await response.text())[:3000]
        token = re.search(r"#r=([^&]+)", response.headers["Location"])
        assert token is not None, response.headers["Location"]
        signing, who = self.server.app[SIGNING], self.made[key]
        request = await signing.find(token[1])
        assert request is not None and request.account == who.id
        (item,) = signing.as_json(request, token[1])["items"]
        fields: Any = encoding.decode(unb64(item["payload"]))
        del fields["type"]
        private = registry.TYPES[item["type"]].private
        root, record = commit(item["type"], item["private"] or {}) if private else (None, None)
        seen = self.made.seen() if item["seen"] else None
        now = self.made.coop.now
        raw = who.sign(
            item["type"],
            fields,
            aud=item["aud"],
            now=now,
            sub=who.id if item["sub"] == SELF else item["sub"],
            private=root,
            seen=seen,
        )
        answer = await self.made.node.engine.submit(raw, record)
        assert hasattr(answer, "index"), answer
        return dict(fields)

    async def decided(self) -> tuple[str, bytes]:
        """(matter, digest of the approval) of an admission that was carried."""
        id = await self.made.applied()
        await self.made.vote(id, **PASSED)
        done = await self.made.approve(id)
        await self.made.published()
        return id, done.digest


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    made = await table(tmp_path / "data")
    server = TestServer(create_app(made.node))
    await server.start_server()
    found = Site(made, server)
    yield found
    for client in found.clients:
        await client.close()
    await server.close()
    await made.stop()


OPENSSL = (
    *("pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", "signer.der", "-rawin"),
    *("-in", "signed.bin", "-sigfile", "signature.bin"),
)


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, cwd=folder, capture_output=True, text=True)


async def post(client: Client, path: str, **fields: Any) -> ClientResponse:
    headers = {"Sec-Fetch-Site": "same-origin"}
    return await client.post(path, data=fields, headers=headers, allow_redirects=False)


async def get(client: Client, path: str, status: int = 200) -> str:
    response = await client.get(path, allow_redirects=False)
    assert response.status == status, (path, response.status, (await response.text())[:2000])
    return await response.text()


# --- the matter -----------------------------------------------------------------------------------------


async def test_voting_from_the_queue_to_the_count(site: Site) -> None:
    id = await site.made.applied()
    chair = await site.browser("chair")
    assert "Admit Иванова Мария Сергеевна as a member?" in await get(chair, "/council")
    page = await get(chair, f"/council/{id}")
    assert "checked" not in page, "no answer is preselected"
    assert "0 of 5 have voted. A decision needs 4, the chair among them." in page
    refused = await post(chair, f"/council/{id}/vote")
    assert refused.status == 422 and "Nothing has been recorded yet" in await refused.text()
    fields = await site.signs(await post(chair, f"/council/{id}/vote", choice="for"), "chair")
    assert fields == {"matter": id, "round": 1, "choice": "for", "sequence": 0}
    assert "Your vote now: for" in await get(chair, f"/council/{id}")
    fields = await site.signs(await post(chair, f"/council/{id}/vote", choice="against"), "chair")
    assert fields["sequence"] == 1
    assert "Now for 0, against 1." in await get(chair, f"/council/{id}")


async def test_russian_explains_the_count_in_words(site: Site) -> None:
    id = await site.made.applied()
    await site.made.vote(id, secretary="for", accountant="for", one="for")
    page = await get(await site.browser("chair", "ru"), f"/council/{id}")
    assert "Проголосовали 3 из 5. Для решения нужно 4, включая председателя. Сейчас за 3, против 0." in page
    assert "Кворум — не менее ¾ мест совета" in page and "Закон 3085-1, ст. 20" in page


async def test_the_chair_signs_and_the_minutes_are_there(site: Site) -> None:
    id = await site.made.applied()
    await site.made.vote(id, **PASSED)
    chair, one = await site.browser("chair"), await site.browser("one")
    assert "/sign" not in await get(one, f"/council/{id}")
    await get(one, f"/council/{id}/sign", 303)
    assert "Sign the decision?" in await get(chair, f"/council/{id}/sign")
    await site.made.published()
    fields = await site.signs(await post(chair, f"/council/{id}/sign"), "chair")
    assert fields["outcome"] == "adopted" and fields["counts"] == {"for": 4, "against": 0, "abstain": 0}
    page = await get(chair, f"/council/{id}")
    assert "No. 1" in page and f"/council/{id}/minutes.pdf" in page
    assert "Васильев Пётр Андреевич" in await get(one, f"/council/{id}/minutes")
    assert "Admission: Иванова Мария Сергеевна" in await get(one, "/council/decisions")
    for kind in ("minutes", "extract"):
        first = await (await one.get(f"/council/{id}/{kind}.pdf")).read()
        again = await (await one.get(f"/council/{id}/{kind}.pdf")).read()
        assert first[:5] == b"%PDF-" and first == again, "the same decision prints the same bytes"


async def test_a_refusal_needs_a_reason_and_a_return_too(site: Site) -> None:
    id = await site.made.applied()
    await site.made.vote(id, chair="against", secretary="against", accountant="against", one="for")
    chair = await site.browser("chair")
    missing = await post(chair, f"/council/{id}/sign", reason=" ")
    assert missing.status == 422 and "Write the reason" in await missing.text()
    missing = await post(chair, f"/council/{id}/return")
    assert missing.status == 422
    fields = await site.signs(await post(chair, f"/council/{id}/return", reason="Нет анкеты"), "chair")
    assert fields == {"matter": id, "round": 1}
    page = await get(chair, f"/council/{id}")
    assert "Нет анкеты" in page and "Votes of round 1" in page and "0 of 5 have voted" in page


async def test_comments_are_signed_and_read_by_the_council(site: Site) -> None:
    id = await site.made.propose()
    secretary = await site.browser("secretary")
    empty = await post(secretary, f"/council/{id}/comment", text="")
    assert empty.status == 422
    await site.signs(
        await post(secretary, f"/council/{id}/comment", text="<b>Счёт</b> приложен"), "secretary"
    )
    assert "&lt;b&gt;Счёт&lt;/b&gt; приложен" in await get(await site.browser("two"), f"/council/{id}")


async def test_proposing_and_what_belongs_to_the_general_meeting(site: Site) -> None:
    one = await site.browser("one")
    assert 'value="fee_sizes"' in await get(one, "/council/propose")
    refused = await post(one, "/council/propose", kind="fee_sizes")
    text = await refused.text()
    assert refused.status == 422 and "put it on the agenda" in text
    assert "put it on the agenda" in await get(one, "/council/propose?kind=fee_sizes", 422)
    kept = await post(one, "/council/propose", kind="free", title="Ремонт склада")
    text = await kept.text()
    assert kept.status == 422 and 'value="Ремонт склада"' in text and "Write the draft decision" in text
    done = await post(one, "/council/propose", kind="free", title="Ремонт склада", text="Сделать ремонт.")
    assert (await site.signs(done, "one"))["kind"] == "free"
    assert "Ремонт склада" in await get(one, "/council")
    given = await post(
        one,
        "/council/propose",
        kind="officer",
        title="О бухгалтере",
        text="Назначить.",
        subject=site.made["two"].id,
    )
    assert given.status == 422, "no office was chosen"


async def test_the_table_is_closed_to_others(site: Site) -> None:
    id = await site.made.applied()
    applicant, nobody = await site.browser("applicant"), await site.browser()
    await get(applicant, "/council", 403)
    await get(applicant, f"/council/{id}", 403)
    assert (await nobody.get(f"/council/{id}", allow_redirects=False)).status == 303
    assert (await nobody.get("/api/v1/council/matters")).status == 403
    await get(await site.browser("one"), "/council/" + "a" * 52, 404)


async def test_now_names_what_waits(site: Site) -> None:
    id = await site.made.applied()
    chair = await site.browser("chair")
    assert "Vote in the council: Admit Иванова Мария Сергеевна as a member?" in await get(chair, "/now")
    await site.made.vote(id, **PASSED)
    assert "Sign the decision: Admit Иванова" in await get(chair, "/now")


# --- API --------------------------------------------------------------------------------------------------


async def test_the_api_says_the_same_as_the_pages(site: Site) -> None:
    id = await site.made.applied()
    one = await site.browser("one")
    listed = await (await one.get("/api/v1/council/matters")).json()
    assert [item["id"] for item in listed["items"]] == [id]
    whole = await (await one.get(f"/api/v1/council/matters/{id}")).json()
    assert whole["subject_name"] == "Иванова Мария Сергеевна" and whole["next_sequence"] == 0
    assert len(whole["votes"]) == 5 and whole["tally"]["needed"] == 4
    headers = {"Sec-Fetch-Site": "same-origin"}
    drafted = await one.post(f"/api/v1/council/matters/{id}/vote", json={"choice": "for"}, headers=headers)
    item = await drafted.json()
    payload: Any = encoding.decode(unb64(item["payload"]))
    assert item["type"] == "council.vote/1" and payload["choice"] == "for"
    wrong = await one.post(f"/api/v1/council/matters/{id}/vote", json={"choice": "maybe"}, headers=headers)
    body = await wrong.json()
    assert (wrong.status, body["code"], body["field"]) == (422, "invalid_field", "choice")
    early = await one.post(f"/api/v1/council/matters/{id}/approve", json={}, headers=headers)
    assert (await early.json())["code"] == "not_settled"
    proposal = {"kind": "liquidation", "title": "x", "text": "y"}
    reserved = await one.post("/api/v1/council/matters", json=proposal, headers=headers)
    body = await reserved.json()
    assert body["code"] == "exclusive_competence" and body["facts"]["way"] == "agenda"


async def test_a_reader_proves_the_right_by_a_signature(site: Site) -> None:
    """P22: no cookie, no bearer link."""
    await site.made.applied()
    who, own = site.made["two"], site.made.coop
    path = "/api/v1/council/matters"
    header = read_header(who.key, who.kid, own.id, who.id, path, own.now + 60)
    nobody = await site.browser()
    answer = await nobody.get(path, headers={"Authorization": header})
    assert answer.status == 200 and len((await answer.json())["items"]) == 1


# --- verification -------------------------------------------------------------------------------------------


async def test_a_decision_is_verified_by_everybody(site: Site) -> None:
    """P23: decision, counts, result digest and the chair's statement; no names, no ballots."""
    _, digest = await site.decided()
    nobody = await site.browser()
    page = await get(nobody, f"/verify/{digest.hex()}")
    assert "genuine" in page and "for 4, against 0, abstained 0" in page and "According to the node" in page
    assert "data-verify" in page and "Иванова" not in page and "Орлова" not in page
    answer = await (await nobody.get(f"/api/v1/verify/{digest.hex()}")).json()
    assert answer["statement"] and answer["proof"].startswith("c2sp.org/tlog-proof@v1\n")
    assert answer["checks"] == dict.fromkeys(("fingerprint", "signature", "checkpoint", "inclusion"), True)
    assert answer["decision"]["counts"] == {"for": 4, "against": 0, "abstain": 0}
    assert answer["signer"]["key_today"] == "active"


async def test_a_closed_document_shows_its_place_only(site: Site) -> None:
    """P1, P22."""
    id, _ = await site.decided()
    page = await site.made.service.matter(id, site.made["chair"].id)
    assert page is not None and page.votes[0].digest is not None
    ballot = page.votes[0].digest.hex()
    nobody, two = await site.browser(), await site.browser("two")
    shown = await get(nobody, f"/verify/{ballot}")
    assert "The document is not public" in shown and "data-verify" not in shown and "Vote of" not in shown
    answer = await (await nobody.get(f"/api/v1/verify/{ballot}")).json()
    assert not {"type", "statement", "signer"} & set(answer) and answer["proof"]
    assert (await (await two.get(f"/api/v1/verify/{ballot}")).json())["type"] == "council.vote/1"


async def test_wrong_fingerprints_get_a_calm_page(site: Site) -> None:
    _, digest = await site.decided()
    nobody = await site.browser()
    assert "This log has no such document" in await get(nobody, "/verify/" + "0" * 64, 404)
    assert "some are missing" in await get(nobody, f"/verify/{digest.hex()[:60]}", 404)
    assert "some are missing" in await get(nobody, f"/verify?fingerprint={digest.hex()[:8]}", 422)
    response = await nobody.get(
        "/verify", params={"fingerprint": digest.hex(" ", 2).upper()}, allow_redirects=False
    )
    assert response.status == 303 and response.headers["Location"] == f"/verify/{digest.hex()}"
    assert (await nobody.get("/api/v1/verify/" + "0" * 64)).status == 404


async def test_the_evidence_can_be_checked_by_hand(site: Site, tmp_path: Path) -> None:
    id, digest = await site.decided()
    nobody = await site.browser()
    data = await (await nobody.get(f"/verify/{digest.hex()}/evidence.zip")).read()
    assert data == await (await nobody.get(f"/verify/{digest.hex()}/evidence.zip")).read()
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        archive.extractall(tmp_path / "out")
        names = {Path(name).name for name in archive.namelist()}
    assert {"statement.cose", "document.tlog-proof", "facts.json", "README.ru.txt", "check.py"} <= names
    (folder,) = (tmp_path / "out").iterdir()
    ran = run(folder, sys.executable, "-I", "check.py")
    assert ran.returncode == 0 and "WRONG" not in ran.stdout, ran.stdout + ran.stderr
    assert run(folder, "openssl", *OPENSSL).returncode == 0
    broken = folder / "signed.bin"
    broken.write_bytes(broken.read_bytes()[:-1] + b"\0")
    ran = run(folder, sys.executable, "-I", "check.py")
    assert ran.returncode == 1 and "WRONG" in ran.stdout
    page = await site.made.service.matter(id, site.made["chair"].id)
    assert page is not None
    closed = await (await nobody.get(f"/verify/{page.line.digest.hex()}/evidence.zip")).read()
    with zipfile.ZipFile(io.BytesIO(closed)) as archive:
        assert not any(name.endswith(("statement.cose", "signed.bin")) for name in archive.namelist())


# --- documents ------------------------------------------------------------------------------------


async def test_documents_show_private_fields_with_the_reason(site: Site) -> None:
    id, digest = await site.decided()
    page = await site.made.service.matter(id, site.made["secretary"].id)
    assert page is not None and page.application is not None
    path = f"/documents/{page.application.digest.hex()}"
    secretary = await get(await site.browser("secretary"), path)
    assert "г. Тверь" in secretary and "you see it as: secretary" in secretary
    two = await get(await site.browser("two"), path)
    assert "Иванова Мария Сергеевна" in two and "г. Тверь" not in two and "are not open to you" in two
    applicant = await site.browser("applicant")
    assert "г. Тверь" in await get(applicant, path)
    assert "Application" in await get(applicant, "/documents")
    await get(await site.browser(), path, 303)
    assert f"/council/{id}/minutes.pdf" in await get(await site.browser("one"), f"/documents/{digest.hex()}")
