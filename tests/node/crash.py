"""Killing a node under load and looking at what is left."""

from __future__ import annotations

import asyncio
import random
import signal
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import aiohttp

from coopnode import testing
from coopnode.app import Node
from coopnode.private_records import opened
from coopnode.testing import Person
from protocol import documents, encoding, registry
from protocol.encoding import Value
from tests.node.forks import Forks, Life, Started
from tests.node.fsck import verify

CLIENTS = 8


class Sent(NamedTuple):
    statement: bytes
    private: bytes | None


@dataclass
class Crash:
    """A constituted cooperative whose node is started in a process, loaded over HTTP and killed, again and
    again."""

    data: Path
    id: str
    people: list[Person]
    matter: str
    #: every statement the node has acknowledged, by index
    acknowledged: dict[int, Sent] = field(default_factory=dict)
    #: sent and not answered: may be there or not, and may be sent again
    unanswered: list[Sent] = field(default_factory=list)
    counter: int = 0

    @classmethod
    async def prepare(cls, data: Path) -> Crash:
        made = await testing.cooperative(data)
        people = await made.constitute(CLIENTS)
        matter = await made.matter(people[0])
        await made.node.stop()
        return cls(data, made.id, people, matter)

    async def round(
        self, *, forks: Forks | None = None, fault: str | None = None, seconds: float = 0.3
    ) -> bool:
        """Start (from the command line, or out of `forks`), load, kill at a random moment or at a fault
        point, check. Whether the process died by the fault."""
        start = Started.start if forks is None else forks.start
        life: Life = await start(self.data, fault)
        port = await life.listening()
        by_itself = True
        if port is not None:
            load = asyncio.create_task(self._load(port))
            try:
                await asyncio.wait_for(life.wait(), 15.0 if fault else random.uniform(0.0, seconds))
            except TimeoutError:
                by_itself = False
                life.kill()
            await life.wait()
            await load
        code = await life.wait()
        assert code == -signal.SIGKILL, code
        await asyncio.to_thread(self.check)
        return by_itself

    async def _load(self, port: int) -> None:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
            await asyncio.gather(*(self._client(session, person) for person in self.people))

    async def _client(self, session: aiohttp.ClientSession, person: Person) -> None:
        while True:
            # A client that got no answer sends the same bytes again; they may be in the log already.
            sent = self.unanswered.pop() if self.unanswered and random.random() < 0.5 else self._next(person)
            try:
                index = await _post(session, sent)
            except (aiohttp.ClientError, OSError):
                self.unanswered.append(sent)
                return
            assert self.acknowledged.get(index, sent) == sent
            self.acknowledged[index] = sent

    def _next(self, person: Person) -> Sent:
        self.counter += 1
        now = int(time.time())
        if self.counter % 2:
            root, record = testing.commit("council.comment/1", {"text": f"за {self.counter}"})
            raw = person.sign(
                "council.comment/1",
                {"matter": self.matter},
                aud=self.id,
                sub=self.matter,
                now=now,
                private=root,
            )
            return Sent(raw, record)
        fields: dict[str, Value] = {
            "fields": ["name"],
            "operator": self.id,
            "purpose": f"p{self.counter}",
            "text": bytes(32),
        }
        return Sent(person.sign("consent.give/1", fields, aud=self.id, now=now), None)

    def check(self) -> None:
        """What was acknowledged is there with the same bytes, index and private record, and everything
        holds together."""
        assert verify(self.data, signatures=False).problems == []
        node = Node.open(testing.config(self.data))
        try:
            assert node.engine.stopped is None
            assert node.standing.doubt is None
            for index, sent in self.acknowledged.items():
                assert node.store.raw(index, index + 1) == [sent.statement]
                if sent.private is not None:
                    digest = documents.parse(sent.statement).digest
                    record = node.database.read_now(lambda c, digest=digest: opened(c, node.vault, digest))  # type: ignore[misc]
                    assert record == encoding.decode(sent.private, limit=len(sent.private))
            assert {documents.parse(sent.statement).type for sent in self.unanswered} <= set(registry.TYPES)
        finally:
            node.close()


async def _post(session: aiohttp.ClientSession, sent: Sent) -> int:
    while True:
        form = aiohttp.FormData()
        form.add_field("statement", sent.statement, content_type="application/cose", filename="statement")
        if sent.private is not None:
            form.add_field("private", sent.private, content_type="application/cbor", filename="private")
        async with session.post("/entries", data=form) as response:
            body = await response.json(content_type=None)
            if response.status == 503:
                await asyncio.sleep(0.02)
                continue
            assert response.status == 200, body
            return int(body["index"])
