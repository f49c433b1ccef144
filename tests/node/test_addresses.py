"""What the node finds out of its own addresses: real TLS on loopback."""

from __future__ import annotations

import ssl
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from coopnode.addresses import addresses
from coopnode.config import Config
from tests.node.smtp_sink import certificate

HOST = "127.0.0.2"  # this machine, but not by a name that is left out


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[tuple[TestServer, ssl.SSLContext]]:
    async def answer(request: web.Request) -> web.Response:
        return web.Response(status=200 if request.path == "/livez" else 404)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    crt, key = certificate(tmp_path, HOST)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(crt, key)
    server = TestServer(app, host=HOST)
    await server.start_server(ssl=context)
    yield server, ssl.create_default_context(cafile=crt)
    await server.close()


def config(public: str, signing: str, **more: Any) -> Config:
    return Config(public_url=public, signing_url=signing, **more)


async def test_certificates_and_answers(site: tuple[TestServer, ssl.SSLContext]) -> None:
    server, authority = site
    url, now = f"https://{HOST}:{server.port}", int(time.time())
    public, signing = await addresses(config(url, url), now, authority=authority)
    assert public.problem is None and public.until is not None and 0 < public.until - now <= 86_400
    assert signing.until == public.until and signing.problem == "the answer is 404"


async def test_what_does_not_answer_or_is_not_believed(site: tuple[TestServer, ssl.SSLContext]) -> None:
    server, _ = site
    strange, dead = f"https://{HOST}:{server.port}", f"https://{HOST}:1"
    public, signing = await addresses(config(strange, dead), 0)
    assert public.until is None and public.problem is not None and "self-signed" in public.problem
    assert signing.problem is not None and signing.problem.startswith("no answer")


async def test_this_machine_alone_is_not_asked() -> None:
    for url in ("http://localhost:1", "https://localhost:1", "http://coop.example"):
        for found in await addresses(config(url, url), 0):
            assert (found.until, found.problem) == (None, None)
