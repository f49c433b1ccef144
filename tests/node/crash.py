"""Killing a node under load and looking at what is left."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from coopnode import testing
from coopnode.app import Node
from coopnode.testing import Person
from coopnode.verify import verify
from protocol import documents

CLIENTS = 8
COSE = {"Content-Type": "application/cose"}


@dataclass
class Crash:
    """A cooperative whose node is started in a process, loaded and killed, again and again."""

    data: Path
    id: str
    people: list[Person]
    #: index → bytes of every statement the node has acknowledged
    acknowledged: dict[int, bytes] = field(default_factory=dict)
    #: bytes that were sent and not answered: they may or may not be there, and may be sent again
    unanswered: list[tuple[bytes, bytes | None]] = field(default_factory=list)
    counter: int = 0

    @classmethod
    async def prepare(cls, data: Path) -> Crash:
        made = await testing.cooperative(data)
        people = await made.people_named("p", CLIENTS)
        await made.node.stop()
        return cls(data, made.id, people)

    async def round(self, *, fault: str | None = None, seconds: float = 0.4) -> bool:
        """Start, load, kill (at a random moment or at a fault point), verify. Answers whether the process died by the fault."""
        environment = dict(os.environ)
        environment.pop("COOPNODE_FAULT", None)
        if fault is not None:
            environment["COOPNODE_FAULT"] = fault
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.node.server", str(self.data), "0", stdout=asyncio.subprocess.PIPE, env=environment
        )
        assert process.stdout is not None
        line = await process.stdout.readline()
        by_fault = False
        if line:
            load = asyncio.create_task(self._load(int(line.split()[1])))
            try:
                await asyncio.wait_for(process.wait(), timeout=10.0 if fault else random.uniform(0.0, seconds))
                by_fault = True
            except TimeoutError:
                process.kill()
            await process.wait()
            await load
        else:
            by_fault = True
        await process.wait()
        assert process.returncode == -signal.SIGKILL, process.returncode
        self.check()
        return by_fault

    async def _load(self, port: int) -> None:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            await asyncio.gather(*(self._client(session, person) for person in self.people))

    async def _client(self, session: aiohttp.ClientSession, person: Person) -> None:
        now = int(asyncio.get_running_loop().time())
        while True:
            raw, record = self._next(person, now)
            try:
                index = await self._post(session, raw)
            except (aiohttp.ClientError, OSError, asyncio.IncompleteReadError):
                self.unanswered.append((raw, record))
                return
            self.acknowledged[index] = raw

    def _next(self, person: Person, now: int) -> tuple[bytes, bytes | None]:
        # A client that got no answer sends the same bytes again (P2: the same-bytes check comes first).
        if self.unanswered and random.random() < 0.5:
            return self.unanswered.pop()
        self.counter += 1
        fields = {"fields": ["name"], "operator": self.id, "purpose": f"p{self.counter}", "text": bytes(32)}
        import time

        return person.sign("consent.give/1", fields, aud=self.id, now=int(time.time()), lifetime=3600), None

    async def _post(self, session: aiohttp.ClientSession, raw: bytes) -> int:
        while True:
            async with session.post("/entries", data=raw, headers=COSE) as response:
                body = await response.json(content_type=None)
                if response.status == 503:
                    await asyncio.sleep(0.02)
                    continue
                assert response.status == 200, body
                return int(body["index"])

    def check(self) -> None:
        """What was acknowledged is there with the same bytes and index, and everything holds together."""
        before = verify(self.data, signatures=False)
        assert before.problems == []
        node = Node.open(testing.config(self.data))
        try:
            assert node.engine.stopped is None
            for index, raw in self.acknowledged.items():
                assert node.store.raw(index, index + 1) == [raw]
            for raw, _ in self.unanswered:
                statement = documents.parse(raw)
                found = node.store.find(statement.digest, statement.entry_digest)
                assert found is None or found.index not in self.acknowledged
        finally:
            node.close()
