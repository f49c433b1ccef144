"""Several processes: one writes the log, the others serve pages and pass statements on (ADR 8)."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

import aiohttp
import pytest
from pydantic import SecretStr

from coopnode import testing
from coopnode.answers import Answer, Committed, Refusal
from coopnode.channel import Follower, Hub, pair
from coopnode.cli.node import all_projections
from coopnode.config import Smtp
from coopnode.engine import Engine
from coopnode.submissions import Submission
from protocol import documents, promises
from tests.node.fsck import verify

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

ROOT = Path(__file__).parents[2]
COSE = {"Content-Type": "application/cose"}


@dataclass
class Society:
    data: Path
    made: testing.Cooperative

    def consents(self, count: int, start: int = 0) -> list[bytes]:
        return [self.made.consent(self.made.founder, f"p{number}") for number in range(start, start + count)]


@pytest.fixture
async def society(tmp_path: Path) -> Society:
    made = await testing.cooperative(tmp_path / "data", projections=all_projections())
    await made.node.stop()
    return Society(tmp_path / "data", made)


@dataclass
class Running:
    process: asyncio.subprocess.Process
    url: str
    said: dict[str, Any]

    def children(self) -> list[int]:
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/children")
        return [int(child) for each in tasks for child in each.read_text().split()]

    async def post(self, raw: bytes) -> tuple[int, dict[str, Any]]:
        """By a connection of its own, so that any of the processes may get it."""
        async with (
            aiohttp.ClientSession() as session,
            session.post(f"{self.url}/entries", data=raw, headers=COSE) as response,
        ):
            return response.status, await response.json(content_type=None)

    async def status(self) -> dict[str, Any]:
        async with aiohttp.ClientSession() as session, session.get(f"{self.url}/readyz") as response:
            found: dict[str, Any] = await response.json()
            return found


@asynccontextmanager
async def running(data: Path, processes: int, stderr: Any = None, **more: str) -> AsyncIterator[Running]:
    environment = {**os.environ, "COOPNODE_WEB_PROCESSES": str(processes)}
    environment |= {"COOPNODE_LIMITS__ACCOUNT_BURST": "10000", **more}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "coopnode", "run", "--data", str(data), "--json"),
        *("--port", "0", "--signing-port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
        cwd=ROOT,
        env=environment,
    )
    try:
        assert process.stdout is not None
        said = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
        yield Running(process, f"http://127.0.0.1:{said['port']}", said)
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
            await asyncio.wait_for(process.wait(), 60)


@asynccontextmanager
async def _beside(made: testing.Cooperative) -> AsyncIterator[tuple[Hub, Follower]]:
    """Both ends of one channel."""
    ours, theirs = pair()
    hub, follower = Hub(made.node), Follower()
    await hub.open(ours)
    await follower.open(theirs)
    yield hub, follower
    hub.close()
    follower.close()


def _transport(end: Hub | Follower) -> asyncio.Transport:
    assert end._wire is not None
    assert end._wire._transport is not None
    return end._wire._transport


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"


async def _until(condition: Any, seconds: float = 20.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (another process's doing)
            await asyncio.sleep(0.02)


async def test_statements_through_several_processes_are_one_log(society: Society) -> None:
    async with running(society.data, 2) as node:
        assert len(node.children()) == 2
        raws = society.consents(40)
        # each twice, at the same time
        answers = await asyncio.gather(*(node.post(raw) for raw in raws for _ in range(2)))
        assert {status for status, _ in answers} == {200}
        firsts, seconds = answers[::2], answers[1::2]
        assert [one["index"] for _, one in firsts] == [two["index"] for _, two in seconds]
        assert len({one["index"] for _, one in firsts}) == len(raws)
        for raw, (_, body) in zip(raws, firsts, strict=True):
            message, path = (base64.urlsafe_b64decode(body[name] + "==") for name in ("committed", "path"))
            kid, promise = promises.check(message, path, raw, body["index"])
            assert kid == society.made.node.keys.node_pub
            assert promise.tick == body["tick"]
        # what came long before has its old index too, from any process
        again = await asyncio.gather(*(node.post(raws[0]) for _ in range(4)))
        assert {body["index"] for _, body in again} == {firsts[0][1]["index"]}
        async with asyncio.timeout(10):
            while (found := await node.status())["published"] < found["size"]:  # noqa: ASYNC110
                await asyncio.sleep(0.1)
        assert found["size"] > max(one["index"] for _, one in firsts)
    assert node.process.returncode == 0
    assert verify(society.data).problems == []


async def test_refusals_come_back_signed_with_field_and_facts(society: Society) -> None:
    founder, made = society.made.founder, society.made
    raw = founder.sign("consent.withdraw/1", {"re": [bytes(32)]}, aud=made.id, now=made.now)
    async with running(society.data, 1) as node:
        status, body = await node.post(raw)
        assert status == 409 or status == 422, body
        assert body["refused"] and body["code"]
        forged = bytearray(society.consents(1)[0])
        forged[-1] ^= 1
        status, body = await node.post(bytes(forged))
        assert body["code"] == "bad_signature"
        assert (await node.post(b"nothing"))[1]["code"] == "malformed"


async def test_a_process_for_pages_that_dies_is_replaced(society: Society) -> None:
    raws = society.consents(8)
    async with running(society.data, 1) as node:
        assert (await node.post(raws[0]))[0] == 200
        (child,) = node.children()
        os.kill(child, signal.SIGKILL)
        await _until(lambda: node.children() not in ([], [child]))
        # the listening sockets were open all the time: nobody is turned away, some wait
        for raw in raws[1:]:
            assert (await node.post(raw))[0] == 200
    assert verify(society.data).problems == []


@pytest.fixture
def full_disk() -> Iterator[TextIO]:
    with open("/dev/full", "w") as file:
        yield file


@pytest.mark.parametrize("processes", [0, 1])
async def test_lines_that_cannot_be_written_stop_no_thread(
    society: Society, processes: int, full_disk: TextIO
) -> None:
    """The disk fails, and the lines that say so go to it as well."""
    async with running(society.data, processes, full_disk, COOPNODE_FAULT="store.begin:1:raise") as node:
        for raw in society.consents(2):
            status, body = await asyncio.wait_for(node.post(raw), 10)
            assert status == 503, body
        assert "could not be written" in (await node.status())["reason"]


async def test_all_leave_with_the_process_that_writes(society: Society) -> None:
    raws = society.consents(30)
    async with running(society.data, 2) as node:
        children = node.children()
        sent = [asyncio.create_task(node.post(raw)) for raw in raws]
        await asyncio.wait(sent, return_when=asyncio.FIRST_COMPLETED)
        node.process.kill()
        await node.process.wait()
        await asyncio.gather(*sent, return_exceptions=True)
        await _until(lambda: not any(_alive(child) for child in children))
    promised = {
        body["index"]: raw
        for raw, task in zip(raws, sent, strict=True)
        if task.exception() is None and (body := task.result()[1]) and task.result()[0] == 200
    }
    assert promised
    async with running(society.data, 1) as node:
        for index, raw in promised.items():
            status, body = await node.post(raw)
            assert (status, body["index"]) == (200, index)
    assert verify(society.data).problems == []


async def test_what_pages_change_in_the_configuration_counts_in_every_process(tmp_path: Path) -> None:
    made = await testing.cooperative(tmp_path / "data")
    heard: list[list[dict[str, Any]]] = [[], []]
    hubs: list[Hub] = []
    followers: list[Follower] = []
    for place in range(2):
        ours, theirs = pair()
        hub, follower = Hub(made.node), Follower()
        await hub.open(ours)
        await follower.open(theirs)
        follower.configured = heard[place].append  # type: ignore[assignment]
        hubs.append(hub)
        followers.append(follower)
    smtp = Smtp(host="mail.example", password=SecretStr("secret"))
    # Two at once, of which neither knows the other's.
    followers[0].configure({"smtp": smtp.plain()})
    followers[1].configure({"public_url": "https://coop.example"})
    await _until(lambda: all(len(each) == 2 for each in heard))
    assert made.node.config.smtp == smtp and made.node.config.public_url == "https://coop.example"
    for each in heard:  # the process that made a change hears of it too: all end with the last one
        config = testing.config(tmp_path / "data")
        for changes in each:
            config = config.changed(changes)
        assert config.smtp == smtp and config.public_url == "https://coop.example"
    assert heard[0] == heard[1]
    for hub, follower in zip(hubs, followers, strict=True):
        hub.close()
        follower.close()
    await made.node.stop()


async def test_a_process_that_starts_later_hears_what_was_changed_before(tmp_path: Path) -> None:
    """It may have read the file before the change."""
    made = await testing.cooperative(tmp_path / "data")
    config = made.node.config
    made.node.configure({"smtp": Smtp(host="mail.example").plain()})
    heard: list[Any] = []
    async with _beside(made) as (_, follower):
        follower.configured = heard.append
        follower.ready()
        await _until(lambda: heard)
        assert config.changed(heard[0]) == made.node.config
    await made.node.stop()


async def test_a_certificate_authority_in_the_configuration_holds_nothing_up(tmp_path: Path) -> None:
    """What goes in the same turn of the loop shares its frame: statements, answers."""
    made = await testing.cooperative(tmp_path / "data")
    async with _beside(made) as (_, follower):
        smtp = Smtp(host="mail.example", password=SecretStr("secret"), authority=tmp_path / "ca.pem")
        raw = made.consent(made.founder, "a")
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        follower.configure({"smtp": smtp.plain()})
        follower.put(Submission(documents.parse(raw)), answer.set_result)
        assert isinstance(await asyncio.wait_for(answer, 10), Committed)
        assert made.node.config.smtp == smtp
    await made.node.stop()


async def test_a_ticket_is_used_once_though_two_processes_found_it_good(tmp_path: Path) -> None:
    made = await testing.cooperative(tmp_path / "data")
    node = made.node
    one, two = (testing.Person.make(name, made.id) for name in ("one", "two"))
    ticket = await node.issue_ticket()
    async with _beside(made) as (hub, slow), _beside(made) as (_, quick):
        engines = [
            Engine(each, node.store, node.keys, node.clock, node.config.limits) for each in (slow, quick)
        ]
        _transport(hub).pause_reading()
        late = asyncio.create_task(engines[0].submit(one.account_genesis(made.now), ticket=ticket))
        await _until(lambda: slow._waiting)  # checked there, and on its way
        first = await engines[1].submit(two.account_genesis(made.now), ticket=ticket)
        assert isinstance(first, Committed)
        _transport(hub).resume_reading()
        assert await asyncio.wait_for(late, 10) == Refusal("ticket_used", "ticket")
        # what needs no ticket uses none up
        unused = await node.issue_ticket()
        raw = made.consent(made.founder, "a")
        assert isinstance(await engines[1].submit(raw, ticket=unused), Committed)
        third = testing.Person.make("three", made.id).account_genesis(made.now)
        assert isinstance(await engines[1].submit(third, ticket=unused), Committed)
        for engine in engines:
            engine.close()
    await node.stop()


async def test_a_process_that_does_not_read_costs_no_memory(tmp_path: Path) -> None:
    made = await testing.cooperative(tmp_path / "data")
    async with _beside(made) as (hub, stuck), _beside(made) as (_, other):
        sending, reading = _transport(hub), _transport(stuck)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        stuck.put(Submission(documents.parse(made.consent(made.founder, "a"))), answer.set_result)
        reading.pause_reading()
        sizes = []
        for round in range(20_000):  # as many commits
            hub._grown(())
            await asyncio.sleep(0)
            if round % 5_000 == 4_999:
                sizes.append(sending.get_write_buffer_size() + sum(map(sys.getsizeof, hub._out)))
        assert sizes[-1] == sizes[0] < 200_000
        engine = Engine(other, made.node.store, made.node.keys, made.node.clock, made.node.config.limits)
        assert isinstance(await engine.submit(made.consent(made.founder, "b")), Committed)
        engine.close()
        reading.resume_reading()
        assert isinstance(await asyncio.wait_for(answer, 10), Committed)
        await _until(lambda: stuck.head.size == made.node.engine.head.size)
    await made.node.stop()


async def test_processes_that_cannot_live_stop_the_node(society: Society, monkeypatch: Any) -> None:
    """Not for ever started again: whoever watches over services must see it."""
    async with running(society.data, 1) as node:
        seen: set[int] = set()
        async with asyncio.timeout(60):
            while node.process.returncode is None:
                for child in set(node.children()) - seen:
                    seen.add(child)
                    os.kill(child, signal.SIGKILL)
                await asyncio.sleep(0.01)
        assert 3 <= len(seen) <= 4
        assert node.process.returncode == 2


async def _figures(node: Running, name: str) -> float:
    async with aiohttp.ClientSession() as session, session.get(f"{node.url}/metrics") as response:
        assert response.status == 200
        lines = (await response.text()).splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name))


async def test_figures_of_all_processes_are_one_sum_that_never_goes_back(society: Society) -> None:
    accepted = 'coopnode_answers_total{code="-",outcome="accepted",type="consent.give/1"}'
    async with running(society.data, 2) as node:
        raws = society.consents(20)
        await asyncio.gather(*(node.post(raw) for raw in raws))
        async with asyncio.timeout(20):  # the other process tells its counts every five seconds
            while await _figures(node, accepted) < len(raws):  # noqa: ASYNC110
                await asyncio.sleep(0.3)
        assert await _figures(node, accepted) == len(raws)
        assert await _figures(node, "coopnode_process_open_files{") > 10
        assert await _figures(node, "coopnode_process_started_seconds") > 2 * 10**9, "more than one process"
        os.kill(node.children()[0], signal.SIGKILL)
        await _until(lambda: len(node.children()) == 2)
        assert await _figures(node, accepted) == len(raws)


async def test_a_writing_process_that_hangs_is_seen(society: Society, monkeypatch: Any) -> None:
    """Pages go on; whoever asks whether the node takes statements hears no."""
    async with running(society.data, 1) as node:
        os.kill(node.process.pid, signal.SIGSTOP)
        try:
            async with asyncio.timeout(40), aiohttp.ClientSession() as session:
                while True:
                    async with session.get(f"{node.url}/readyz") as response:
                        body = await response.json()
                        if response.status == 503:
                            break
                    await asyncio.sleep(0.3)
                assert "does not answer" in body["reason"]
                for path in ("/livez", "/readyz/serve", "/checkpoint"):
                    async with session.get(node.url + path) as response:
                        assert response.status == 200, path
        finally:
            os.kill(node.process.pid, signal.SIGCONT)
        async with asyncio.timeout(20):
            while not (await node.status())["writing"]:  # noqa: ASYNC110
                await asyncio.sleep(0.3)
