"""A cooperative with an applicant whose texts are traps, and every address of its site, for hostile tests."""

from __future__ import annotations

import random
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse
from aiohttp.test_utils import TestServer

from coopnode.cli.node import all_projections
from coopnode.testing import FixedClock, Person
from protocol.identifiers import identifier
from tests.node.society import Society
from tests.web.test_shell import Shell
from web.accounts.shell import FINDS, READS
from web.app import create_app
from web.log.routes import _LOOKUPS as LOG_LOOKUPS
from web.middleware import RATION
from web.verification.api import LOOKUPS

SECRET = "<script>alert('x')</script>\u202eТайнова"
HEADERS = ("Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Permissions-Policy")
#: Rations of the application, by the address a request comes from.
RATIONS = (RATION, LOOKUPS, LOG_LOOKUPS, FINDS, READS)
PLACEHOLDER = re.compile(r"\{(\w+)(?::((?:[^{}]|\{[^{}]*\})+))?\}")


class World(Shell):
    """With an applicant whose every text is a trap, and a member who is nobody else."""

    applicant: Person
    member: Person
    apply: bytes
    number = 1


@asynccontextmanager
async def made_world(data: Path) -> AsyncIterator[World]:
    """Nothing is rationed."""
    society = await Society.make(data, clock=FixedClock(), projections=all_projections())
    app = create_app(society.node)
    for ration in RATIONS:
        app[ration]._burst = app[ration]._rate = 1e9
    server = TestServer(app)
    await server.start_server()
    made = World(society, server)
    made.member = await society.coop.person("plain")
    await society.join(made.member, "=HYPERLINK(1)")
    made.applicant = await society.coop.person("applicant")
    made.apply = (
        await society.apply(made.applicant, SECRET, address="ул. Тайная, 9", phone="+79990001122")
    ).digest
    made.number = 2
    try:
        yield made
    finally:
        for client in made.clients:
            await client.close()
        await server.close()
        await society.node.stop()


def routes(world: World) -> list[tuple[str, str]]:
    """(method, pattern) of everything the router knows."""
    return [(route.method, raw(route.resource)) for route in world.server.app.router.routes()]


def raw(resource: Any) -> str:
    """The address with the regular expressions of its parts, as it was registered."""
    return str(getattr(resource, "_orig_path", resource.canonical))


def filled(pattern: str, world: World, draw: random.Random | None = None) -> str:
    """An address of this pattern: of what exists, or junk that still fits it."""

    def value(match: re.Match[str]) -> str:
        name, rule = match[1], match[2] or ""
        if "0-9a-f" in rule:
            return world.apply.hex() if draw is None else draw.randbytes(32).hex()
        if "a-z2-7" in rule:
            return identifier(world.apply) if draw is None else identifier(draw.randbytes(32))
        if "0-9" in rule:
            most = int(re.findall(r",(\d+)", rule)[0])
            return str(world.number) if draw is None else "9" * draw.choice((1, most))
        if "|" in rule:
            return rule.split("|")[0] if draw is None else draw.choice(rule.split("|"))
        if rule.startswith("[a-z"):
            return "privacy" if draw is None else draw.choice(("privacy", "z" * 60))
        return (
            "privacy" if draw is None else draw.choice(("..%2f..", "%00", "%D1%84", "a" * 300, "%ff", name))
        )

    return PLACEHOLDER.sub(value, pattern)


def guarded(answer: ClientResponse, what: Any) -> None:
    assert answer.status < 500 or answer.status == 503, (what, answer.status)
    for name in HEADERS:
        assert name in answer.headers, (what, answer.status, name)
