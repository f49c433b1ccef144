"""A program that lets people join, vote, look at everything and run into errors, with logs at their fullest
on standard error. What must not stand there it prints at the end. `python -m tests.web.logged_flow FOLDER`
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from pathlib import Path
from typing import Any

from coopnode import logs, outbox
from tests.web.matrix_kit import NAMES, PRIVATE, ROLES, made_matrix
from tests.web.test_matrix import rows
from web.app import create_app  # noqa: F401  (configured before anything logs)
from web.keys import SESSIONS

#: In a query, a path, a form, a header and an error's text.
TRACERS = ("tracer-query", "tracer-path", "tracer-form", "tracer-agent", "Тайная ошибка", "203.0.113.77")


async def run(folder: Path) -> list[str]:
    async with made_matrix(folder) as made:
        node = made.society.node
        for row in rows():
            for role in ROLES:
                await made.ask(row, role)
        stranger = await made.browser()
        headers = {"User-Agent": "tracer-agent", "X-Forwarded-For": "203.0.113.77"}
        await stranger.get("/verify?fingerprint=tracer-query", headers=headers)
        await stranger.get("/tracer-path", headers=headers)
        await made.post(stranger, "/join/email", email="tracer-form@example.org")
        await made.post(stranger, "/join/code", code="tracer-form")

        async def broken(*arguments: Any) -> Any:
            raise ValueError(f"Тайная ошибка: {NAMES['applicant']} tajnova@example.org")

        made.server.app[SESSIONS].load = broken  # type: ignore[assignment, method-assign]
        answer = await made.browsers["applicant"].get("/me/data")
        assert answer.status == 500
        await asyncio.gather(outbox.Outbox(node, ()).round())
        logging.getLogger("aiohttp.server").error("Error handling request from %s", "203.0.113.77")
        task = asyncio.create_task(broken())
        await asyncio.sleep(0)
        del task  # asyncio complains of an error that nobody fetched
        cookies = [
            cookie.value
            for client in made.clients
            for cookie in client.session.cookie_jar
            if len(cookie.value) > 10
        ]
        names = [part for name in NAMES.values() for part in name.split() if len(part) > 3]
        return [*TRACERS, *PRIVATE, *names, *cookies, made.token, "example.org", "127.0.0.1"]


if __name__ == "__main__":
    logs.configure("debug", json=True)
    print(json.dumps(asyncio.run(run(Path(sys.argv[1]))), ensure_ascii=False))
