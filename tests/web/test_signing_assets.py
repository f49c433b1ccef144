"""What a second device compares (P29)."""

from __future__ import annotations

import hashlib
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from coopnode import testing
from coopnode.assets import AssetsNotice
from coopnode.testing import FixedClock
from web import signing_origin
from web.app import create_app


async def test_p29_served_and_logged_digests_stand_side_by_side(tmp_path: Path) -> None:
    coop = await testing.cooperative(tmp_path / "data", clock=FixedClock())
    async with (
        TestClient(TestServer(create_app(coop.node))) as client,
        TestClient(TestServer(signing_origin.create_signing_app(coop.node))) as signing,
    ):
        before = await (await client.get("/api/v1/signing/assets")).json()
        assert before["same"] is False and "logged" not in before
        assert await AssetsNotice(coop.node, "1", signing_origin.digests()).work()
        after = await (await client.get("/api/v1/signing/assets")).json()
        assert after["same"] is True and after["logged"]["files"] == after["served"] != {}
        for name, digest in after["served"].items():
            data = await (await signing.get("/" if name == "index.html" else f"/{name}")).read()
            assert hashlib.sha256(data).hexdigest() == digest
        found = await client.get(f"/api/v1/verify/{after['logged']['digest']}")
        assert (await found.json())["type"] == "node.assets/1"
        other = {name: bytes(32) for name in signing_origin.digests()}
        assert await AssetsNotice(coop.node, "1", other).work()
        assert (await (await client.get("/api/v1/signing/assets")).json())["same"] is False
    await coop.node.stop()
