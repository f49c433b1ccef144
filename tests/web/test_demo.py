"""The doors of a demo, and that no other node has them; the whole demo, page by page."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer, make_mocked_request
from aiohttp.web import HTTPNotFound

from coopnode import keyfile, testing
from coopnode.app import Node
from coopnode.audit import Directory, audit
from coopnode.cli.node import all_projections
from coopnode.config import Config, database_of
from coopnode.demo import cast, making, place
from coopnode.demo.place import PASSPHRASE, Demo, Resident
from coopnode.testing import Cooperative
from protocol import added
from protocol.contract import View
from protocol.contracts import council, membership
from web.app import create_app
from web.demo import routes

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

Client = TestClient[Any, Any]
XX = Path(__file__).resolve().parents[1] / "fixtures" / "xx"
BANNER = {
    "ru": "Учебный кооператив: люди и документы вымышлены",
    "en": "A demo cooperative: people and documents are invented",
}


def resident(made: Cooperative) -> Resident:
    founder, genesis = made.founder, made.founder.genesis
    recovery, nonce = genesis["recovery"], genesis["nonce"]
    assert isinstance(recovery, bytes) and isinstance(nonce, bytes)
    return Resident(
        cast.CHAIR, "Рябинина Вера Павловна", founder.id, made.id, founder.key, recovery, nonce, joined=False
    )


def residents(made: Cooperative) -> dict[str, Resident]:
    """The founder in every role: doors ask only who is listed."""
    return {role.key: replace(resident(made), key=role.key) for role in cast.ROLES}


@asynccontextmanager
async def browser(server: TestServer, locale: str = "ru") -> AsyncIterator[Client]:
    """The server outlives it."""
    client: Client = TestClient(server, headers={"Accept-Language": locale, "Sec-Fetch-Site": "same-origin"})
    try:
        yield client
    finally:
        await client.session.close()


async def served(made: Cooperative) -> TestServer:
    server = TestServer(create_app(made.node), host="localhost")
    await server.start_server()
    return server


@pytest.fixture
async def small(tmp_path: Path) -> AsyncIterator[tuple[Cooperative, TestServer]]:
    """A demo that is hardly begun."""
    made = await testing.cooperative(tmp_path / "data", projections=all_projections(), more={"demo": True})
    (tmp_path / "data" / place.FOLDER).mkdir()
    (tmp_path / "data" / place.FOLDER / "unfinished").touch()
    place.finish(made.node.config, Demo(made.id, int(time.time()), residents(made)))
    server = await served(made)
    yield made, server
    await server.close()
    await made.node.stop()


async def test_one_becomes_a_person_and_gets_their_key(small: tuple[Cooperative, TestServer]) -> None:
    made, server = small
    async with browser(server) as client:
        page = await (await client.get("/demo")).text()
        assert PASSPHRASE in page and "председатель совета" in page and BANNER["ru"] in page
        entered = await client.post("/demo", data={"person": cast.CHAIR}, allow_redirects=False)
        assert (entered.status, entered.headers["Location"]) == (303, "/now")
        me = await (await client.get("/me")).text()
        assert made.founder.id[:4] in me and BANNER["ru"] in me and 'href="/demo"' in me
        assert (await client.post("/demo", data={"person": "nobody"})).status == 404
        copy = await (await client.get(f"/demo/keys/{cast.CHAIR}")).text()
    key = keyfile.open_key(copy, PASSPHRASE)
    assert (key.seed, key.account()) == (made.founder.key, made.founder.id)


async def test_every_page_says_that_it_is_a_demo(small: tuple[Cooperative, TestServer]) -> None:
    _, server = small
    for locale, words in BANNER.items():
        async with browser(server, locale) as client:
            for path in ("/", "/sign-in", "/verify", "/join", "/no-such-page"):
                assert words in await (await client.get(path)).text(), path


async def test_in_an_added_language_roles_stand_in_english(
    small: tuple[Cooperative, TestServer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(added, "FOLDERS", [XX])
    async with browser(small[1], "eo") as client:
        answer = await client.get("/demo")
        page = await answer.text()
    assert answer.status == 200 and '<html lang="eo"' in page and "chair of the council" in page


async def test_only_this_machine_finds_the_door(small: tuple[Cooperative, TestServer]) -> None:
    """A page elsewhere whose name leads to 127.0.0.1 is refused, and so is another machine."""
    _, server = small
    async with browser(server) as client:
        for path in ("/demo", f"/demo/keys/{cast.CHAIR}"):
            assert (await client.get(path, headers={"Host": "rebound.example"})).status == 404
        entered = await client.post(
            "/demo", data={"person": cast.CHAIR}, headers={"Host": "rebound.example"}, allow_redirects=False
        )
        assert entered.status == 404
        foreign = await client.post(
            "/demo", data={"person": cast.CHAIR}, headers={"Origin": "https://rebound.example"}
        )
        assert foreign.status == 403
    asked = make_mocked_request("GET", "/demo", headers={"Host": "localhost"}, app=server.app)
    with pytest.raises(HTTPNotFound):
        routes._at_home(asked.clone(remote="192.0.2.7"))
    assert routes._at_home(asked.clone(remote="127.0.0.1")) is server.app[routes.DEMO]
    passed_on = {"Host": "localhost", "X-Forwarded-For": "192.0.2.7"}
    tunnel = make_mocked_request("GET", "/demo", headers=passed_on, app=server.app)
    with pytest.raises(HTTPNotFound):
        routes._at_home(tunnel.clone(remote="127.0.0.1"))


@pytest.mark.parametrize("setting", [False, True])
async def test_a_real_node_has_no_such_doors(tmp_path: Path, setting: bool) -> None:
    """Not even one whose settings say that it is a demo."""
    made = await testing.cooperative(tmp_path / "data", projections=all_projections(), more={"demo": setting})
    server = await served(made)
    try:
        async with browser(server) as client:
            for path in ("/demo", f"/demo/keys/{cast.CHAIR}"):
                assert (await client.get(path)).status == 404
            assert (await client.post("/demo", data={"person": cast.CHAIR})).status in (404, 405)
            assert (
                BANNER["en"] in await (await client.get("/", headers={"Accept-Language": "en"})).text()
            ) is setting
    finally:
        await server.close()
        await made.node.stop()


# -- the whole of it ------------------------------------------------------------------------------------

#: Pages of each role; further ones are found by their links.
PAGES = {
    cast.CHAIR: (
        "/now",
        "/desk",
        "/council",
        "/council/decisions",
        "/council/robot",
        "/council/robot/review",
    ),
    cast.SECRETARY: (
        "/now",
        "/desk",
        "/desk/applications",
        "/desk/enrol",
        "/desk/texts",
        "/members",
        "/desk/erasure",
    ),
    "maslova": ("/now", "/cooperatives", "/documents", "/me", "/me/data", "/me/membership", "/me/requests"),
    "rusakova": ("/now", "/join/status", "/documents", "/me"),
}
_LINK = re.compile(r'href="(/(?:council|desk/applications|members|documents|me|verify)/[a-z0-9/-]+)"')


def writing(data: Path) -> Config:
    if testing.furnish is not None:
        testing.furnish(data)
    return Config(data=data, demo=True, database_url=database_of(data))


@pytest.mark.long
async def test_the_whole_demo(tmp_path: Path) -> None:
    """Made by a node's own way of writing: it audits clean, every state is there, and every page opens."""
    settings = writing(tmp_path / "data")
    now = int(time.time())
    demo = await making.make(settings, all_projections(), now, lambda done, of: None)
    report = audit(Directory(settings.log_files), expect=demo.cooperative)
    assert report.ok, report
    more = {"demo": True, "time_confirmed": True}
    node = Node.open(testing.config(tmp_path / "data", **more), projections=all_projections())
    await node.start()
    try:
        _every_state(node)
        server = TestServer(create_app(node), host="localhost")
        await server.start_server()
        try:
            for key, paths in PAGES.items():
                await _walk(server, key, paths)
        finally:
            await server.close()
    finally:
        await node.stop()


def _every_state(node: Any) -> None:
    view = View(node.state, membership.DOMAIN)
    found = {each.status for _, each in view.scan("application", "", membership.Application)}
    assert found == {
        *("applied", "identified", "complete", "admitted", "member"),
        *("refused", "withdrawn", "lapsed", "undecided", "incomplete"),
    }
    matters = {each.status for _, each in View(node.state, council.DOMAIN).scan("matter", "", council.Matter)}
    assert matters == {"open", "decided", "approved", "lapsed", "expired"}
    began = node.store.tick_at(2)
    assert 60 <= (time.time() - began) / 86_400 <= 63, "two months ago"
    register = membership.register(view)
    assert register.members == 32 and register.largest == 40


async def _walk(server: TestServer, key: str, paths: tuple[str, ...]) -> None:
    async with browser(server) as client:
        await client.post("/demo", data={"person": key})
        waiting, seen = list(paths), set(paths)
        while waiting and len(seen) < 150:
            path = waiting.pop(0)
            answer = await client.get(path)
            text = await answer.text()
            assert answer.status == 200, (key, path)
            assert BANNER["ru"] in text, (key, path)
            for link in _LINK.findall(text):
                if link not in seen:
                    seen.add(link)
                    waiting.append(link)
