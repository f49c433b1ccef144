"""The description of the API is complete, and every code it names is explained."""

from __future__ import annotations

import json
import re
from pathlib import Path

from aiohttp.test_utils import TestClient, TestServer

from coopnode import testing
from coopnode.app import Node
from protocol import registry, wording
from tools import errors_page
from web import openapi
from web.app import create_app
from web.problems import STATUS

ROOT = Path(__file__).parents[2]


async def test_every_route_of_the_api_is_described(tmp_path: Path) -> None:
    node = Node.open(testing.config(tmp_path / "data"))
    app = create_app(node)
    served = {
        (route.method, openapi.plain(route.resource.canonical))
        for route in app.router.routes()
        if route.resource is not None
        and route.resource.canonical.startswith("/api/")
        and route.method not in ("HEAD", "OPTIONS")
    }
    described = {(route.method, openapi.plain(route.path)) for route in openapi.routes()}
    assert served == described
    async with TestClient(TestServer(app)) as client:
        response = await client.get("/api/v1/openapi.json")
        document = await response.json()
        assert response.status == 200 and document["openapi"] == "3.1.0"
        assert document == json.loads(json.dumps(openapi.document()))
    node.close()


def test_references_resolve_and_operations_are_named_once() -> None:
    document = openapi.document()
    schemas = document["components"]["schemas"]
    for name in re.findall(r'"#/components/schemas/([^"]+)"', json.dumps(document)):
        assert name in schemas, name
    names = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
    assert len(names) == len(set(names))
    assert all(operation["summary"] for path in document["paths"].values() for operation in path.values())


def test_every_code_is_explained() -> None:
    page = (ROOT / "docs" / "errors.md").read_text("utf-8")
    assert page == errors_page.page(), "run .venv/bin/python -m tools.errors_page"
    used = {code for route in openapi.routes() for code in route.errors}
    for module in registry.CONTRACTS.values():
        used |= set(getattr(module, "CODES", {}))
    for path in (ROOT / "web").rglob("*.py"):
        text = path.read_text("utf-8")
        used |= set(re.findall(r"\b(?:problem|refused)\((?:request, )?\"([a-z_]+)\"", text))
    used |= set(STATUS)
    for code in sorted(used):
        assert wording.rejection(code, "ru") and wording.rejection(code, "en"), code
        assert f"\n## {code}\n" in page, code
