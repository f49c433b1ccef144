"""The scan of paper minutes is for members and officers, also where the log is open to everybody (P22)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from coopnode.cli.node import all_projections
from coopnode.founding import queries
from coopnode.testing import FixedClock, Person
from tests.node.society import Society
from web.app import create_app
from web.founding.shell import FOUNDING
from web.keys import SESSIONS

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

SCAN = b"%PDF-1.7\n" + bytes(range(256)) * 40


async def browser(server: TestServer, person: Person | None) -> TestClient[Any, Any]:
    client: TestClient[Any, Any] = TestClient(server, headers={"Accept-Language": "en"})
    if person is not None:
        store = server.app[SESSIONS]
        made, _ = await store.create()
        _, token = await store.sign_in(made, person.id)
        client.session.cookie_jar.update_cookies({"coopnode": token}, server.make_url("/"))
    return client


@pytest.mark.parametrize("kept", [True, False])
async def test_the_scan_of_the_minutes_is_for_those_entitled(tmp_path: Path, kept: bool) -> None:
    society = await Society.make(
        tmp_path,
        clock=FixedClock(),
        projections=all_projections(),
        minutes=hashlib.sha256(SCAN).digest(),
    )
    server = TestServer(create_app(society.node))
    await server.start_server()
    clients: list[TestClient[Any, Any]] = []
    try:
        service = server.app[FOUNDING]
        if kept:
            await service.keep_minutes(SCAN)
        seats = queries.seats(society.node.state, service.find)
        assert seats is not None
        path = f"/documents/{seats.basis.hex()}"
        member = await society.coop.person("member")
        await society.join(member)
        for person, status in (
            (society.officers["chair"], 200),
            (member, 200),
            (await society.coop.person("stranger"), 404),
            (None, 303),
        ):
            client = await browser(server, person)
            answer = await client.get(f"{path}/minutes", allow_redirects=False)
            assert answer.status == (status if kept or status != 200 else 404), person
            if answer.status == 200:
                assert await answer.read() == SCAN and answer.content_type == "application/pdf"
                assert answer.headers["Content-Disposition"].endswith('.pdf"')
                assert "no-store" in answer.headers["Cache-Control"]
            clients.append(client)
        chair = await browser(server, society.officers["chair"])
        assert f'href="{path}"' in await (await chair.get("/desk/council")).text()
        assert (f'href="{path}/minutes"' in await (await chair.get(path)).text()) == kept
        assert (await chair.get(f"/documents/{bytes(32).hex()}/minutes")).status == 404
        clients.append(chair)
        stored = b"".join(
            item.read_bytes() for item in (tmp_path / "attachments").rglob("*") if item.is_file()
        )
        assert SCAN not in stored and bool(stored) == kept
    finally:
        for client in clients:
            await client.close()
        await server.close()
        await society.node.stop()
