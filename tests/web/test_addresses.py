"""Before anything is founded the node's addresses can be changed on a page, and count at once (P28)."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from yarl import URL

from coopnode import config, testing
from coopnode.app import Node
from coopnode.cli.node import all_projections
from coopnode.founding.drafts import Draft
from web.app import create_app, create_signing_app
from web.founding.shell import FOUNDING
from web.founding.wizard import STEPS

NEW = {"public_url": "https://coop.example", "signing_url": "https://sign.coop.example"}


async def test_a_new_address_counts_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node.open(testing.config(tmp_path / "node"), projections=all_projections())
    await node.start()
    server, signing = TestServer(create_app(node)), TestServer(create_signing_app(node))
    await server.start_server()
    await signing.start_server()
    founder: TestClient[Any, Any] = TestClient(server, headers={"Accept-Language": "en"})
    keys: TestClient[Any, Any] = TestClient(signing)
    try:
        token = node.founding_token
        assert token is not None
        await founder.get(f"/found?token={token}", allow_redirects=False)
        service = founder.app[FOUNDING] if founder.app else server.app[FOUNDING]
        _, owner = await service.permission(token)
        done = set(STEPS[: STEPS.index("address")])
        draft = Draft(kind="existing", pack="ru-consumer-1", name="Росток", done=done)
        await service.save(owner, draft)
        headers = {"Sec-Fetch-Site": "same-origin"}
        monkeypatch.setenv("COOPNODE_PUBLIC_URL", node.config.public_url)
        fixed = await founder.post("/found/address", data={**NEW, "agreed": "yes"}, headers=headers)
        assert fixed.status == 422 and "where it is started" in await fixed.text()
        assert node.config.public_url != NEW["public_url"]
        monkeypatch.delenv("COOPNODE_PUBLIC_URL")
        unsure = await founder.post("/found/address", data=NEW, headers=headers)
        assert unsure.status == 422 and node.config.public_url != NEW["public_url"]
        answer = await founder.post("/found/address", data={**NEW, "agreed": "yes"}, headers=headers)
        page = await answer.text()
        assert answer.status == 200 and "Nothing has to be restarted" in page
        link = re.search(r'href="(https://coop\.example/found\?token=[^"]+)"', page)
        assert link is not None and link[1].endswith(f"token={token}")
        assert f"http://127.0.0.1:{server.port}/found?token={token}" in page  # to correct a slip

        assert {name: getattr(node.config, name) for name in NEW} == NEW
        assert {name: getattr(config.load(node.config.data), name) for name in NEW} == NEW
        assert (await (await keys.get("/config.json")).json()) == {"main": NEW["public_url"]}
        policy = (await keys.get("/")).headers["Content-Security-Policy"]
        assert f"connect-src 'self' {NEW['public_url']};" in policy
        policy = (await founder.get("/sign-in")).headers["Content-Security-Policy"]
        assert f"form-action 'self' {NEW['signing_url']};" in policy
        # At the new address, behind TLS, the founder comes in by the link and goes on where they were.
        there = await founder.get(URL(link[1]).relative(), allow_redirects=False)
        assert "__Host-coopnode" in there.headers["Set-Cookie"]
        assert "address" in (await service.draft(owner)).done
    finally:
        await founder.close()
        await keys.close()
        await node.stop()
