"""What only PostgreSQL asks of a node: one writer over several machines, a server that goes away."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from coopnode import config, testing
from coopnode.answers import Busy, Committed
from coopnode.app import InUse, Node
from coopnode.cli.node import all_projections
from coopnode.rebuilding import rebuild
from coopnode.store.database import StoreError, Superseded, open_database
from coopnode.testing import Cooperative, FixedClock
from tests.node.council_kit import table
from tests.node.fsck import verify
from tests.node.test_processes import ROOT, Society, running
from tests.postgresql import Cluster

pytestmark = pytest.mark.databases("postgresql")
_LEAD = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = 2 AND granted AND database ="


def url_of(data: Path) -> str:
    found = config.database_of(data)
    assert found is not None
    return found


def cut(data: Path, which: str) -> None:
    """Ends connections to the node's database, as a broken network does."""
    with psycopg.connect(url_of(data), autocommit=True) as connection:
        sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        lead = f"{_LEAD} (SELECT oid FROM pg_database WHERE datname = current_database())"
        where = {"all": "", "lead": f" AND pid IN ({lead})", "others": f" AND pid NOT IN ({lead})"}[which]
        connection.execute(f"{sql} AND pid <> pg_backend_pid(){where}")


async def until(condition: Any, seconds: float = 30.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  (another process's doing)
            await asyncio.sleep(0.02)


# -- one writer -------------------------------------------------------------------------------------------


async def test_two_directories_on_one_database_are_one_node_too_many(tmp_path: Path) -> None:
    made = await testing.cooperative(tmp_path / "one")
    await made.node.stop()
    shutil.copytree(tmp_path / "one", tmp_path / "two")
    first = Node.open(testing.config(tmp_path / "one"))
    try:
        with pytest.raises(InUse, match=r"in use by another coopnode node.*--standby"):
            Node.open(testing.config(tmp_path / "two"))
    finally:
        first.close()
    second = Node.open(testing.config(tmp_path / "two"))
    assert second.standing.doubt is None, "nothing came in between"
    second.close()


async def test_who_has_been_superseded_writes_nothing(tmp_path: Path) -> None:
    """Its lock was lost and taken by another before it noticed."""
    data = tmp_path / "data"
    made = await testing.cooperative(data)
    size = made.node.engine.head.size
    assert made.node._watch is not None
    made.node._watch.cancel()  # it has not noticed
    cut(data, "lead")
    other = open_database(tmp_path / "other", url_of(data), lead=True)
    answer = await made.node.engine.submit(made.consent(made.founder, "a"))
    assert isinstance(answer, Busy)
    assert "taken over" in str(made.node.engine.stopped)
    assert made.node.store.size() == size
    with pytest.raises(Superseded):
        made.node.database.settle()
    other.close()
    await made.node.stop()


async def test_a_lost_lock_is_noticed_and_got_back(tmp_path: Path) -> None:
    data = tmp_path / "data"
    made = await testing.cooperative(data)
    cut(data, "lead")
    assert not made.node.database.still_leads()
    await until(made.node.database.still_leads)
    assert made.node.engine.stopped is None
    await testing.accepted(made.node.engine.submit(made.consent(made.founder, "a")))
    with pytest.raises(StoreError, match="in use"):
        open_database(tmp_path / "other", url_of(data), lead=True)
    await made.node.stop()


async def test_a_lock_that_somebody_else_has_stops_the_writing(tmp_path: Path) -> None:
    data = tmp_path / "data"
    made = await testing.cooperative(data)
    cut(data, "lead")
    other = open_database(tmp_path / "other", url_of(data), lead=True)
    await until(lambda: made.node.engine.stopped is not None)
    assert "taken over" in str(made.node.engine.stopped)
    other.close()
    await made.node.stop()


# -- a server that goes away ------------------------------------------------------------------------------


async def _load(made: Cooperative, rounds: int, after: Any) -> list[tuple[bytes, Committed]]:
    """Statements of one person after another; who hears «later» sends the same bytes again."""
    found: list[tuple[bytes, Committed]] = []
    people = await made.people_named("p", 4)

    async def one(number: int) -> None:
        for turn in range(rounds):
            raw = made.consent(people[number], f"q{turn % 50}")
            async with asyncio.timeout(60):
                while not isinstance(answer := await made.node.engine.submit(raw), Committed):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            found.append((raw, answer))

    await asyncio.gather(after(), *(one(number) for number in range(len(people))))
    return found


@pytest.mark.parametrize("how", ["kill", "cut"])
async def test_writing_goes_on_when_the_server_is_back(tmp_path: Path, cluster: Cluster, how: str) -> None:
    """Every commit whose end is not known is looked for before anything else is written."""
    data = tmp_path / "data"
    made = await testing.cooperative(data)

    async def disturb() -> None:
        for _ in range(3):
            await asyncio.sleep(0.1)
            if how == "cut":
                await asyncio.to_thread(cut, data, "all")
                continue
            cluster.stop(kill=True)
            await asyncio.sleep(0.3)
            cluster.start()  # in this thread, with which the server ends

    answers = await _load(made, 40, disturb)
    assert made.node.engine.stopped is None
    for raw, answer in answers:
        assert made.node.store.raw(answer.index, answer.index + 1) == [raw]
    assert made.node.store.size() == made.node.engine.head.size
    assert (
        await made.node.database.read(lambda connection: connection.exec_driver_sql("SELECT 1").scalar()) == 1
    )
    await made.node.stop()
    assert verify(data).problems == []


async def test_writing_stops_when_the_server_stays_away(
    tmp_path: Path, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coopnode.store.database._SETTLE_SECONDS", 0.5)
    made = await testing.cooperative(tmp_path / "data")
    raw = made.consent(made.founder, "a")
    cluster.stop()
    try:
        assert isinstance(await made.node.engine.submit(raw), Busy)
        await until(lambda: made.node.engine.stopped is not None)
    finally:
        cluster.start()  # in this thread, with which the server ends
    assert made.node.store.size() == made.node.engine.head.size, "pages read again by themselves"
    await made.node.stop()
    node = Node.open(testing.config(tmp_path / "data"))
    assert node.standing.doubt is None
    node.close()


# -- standing by ------------------------------------------------------------------------------------------


async def _stand_by(data: Path) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "coopnode", "run", "--standby", "--data", str(data), "--json"),
        *("--port", "0", "--signing-port", "0"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
        env={**os.environ, "COOPNODE_WEB_PROCESSES": "1"},
    )


async def _line(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    found: dict[str, Any] = json.loads(await asyncio.wait_for(process.stdout.readline(), 60))
    return found


async def _society(data: Path) -> Society:
    made = await testing.cooperative(data)
    await made.node.stop()
    return Society(data, made)


async def test_who_stands_by_takes_over_and_nothing_acknowledged_is_lost(tmp_path: Path) -> None:
    data = tmp_path / "data"
    society = await _society(data)
    standby: asyncio.subprocess.Process | None = None
    async with running(data, 1) as leader:
        standby = await _stand_by(data)
        assert await _line(standby) == {"standby": True}
        raws = society.consents(30)
        answers = await asyncio.gather(*(leader.post(raw) for raw in raws))
        assert {status for status, _ in answers} == {200}
        leader.process.kill()
        await leader.process.wait()
    ready = await _line(standby)
    assert ready["ready"] is True
    assert ready["reading_only"] is None
    leader.url = f"http://127.0.0.1:{ready['port']}"
    again = await asyncio.gather(*(leader.post(raw) for raw in raws))
    assert [body["index"] for _, body in again] == [body["index"] for _, body in answers]
    status, _ = await leader.post(society.consents(1)[0])
    assert status == 200
    standby.send_signal(signal.SIGTERM)
    assert await asyncio.wait_for(standby.wait(), 60) == 0
    assert verify(data).problems == []


async def test_who_stood_by_with_an_older_directory_is_refused(tmp_path: Path) -> None:
    data, old = tmp_path / "data", tmp_path / "old"
    society = await _society(data)
    shutil.copytree(data, old)
    async with running(data, 1) as leader:
        standby = await _stand_by(old)
        assert await _line(standby) == {"standby": True}
        for raw in society.consents(3):  # published in between, so the second transaction notes it
            size = (await leader.post(raw))[1]["index"]
            async with asyncio.timeout(20):
                while (await leader.status())["published"] <= size:  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
        leader.process.kill()
        await leader.process.wait()
    _, said = await asyncio.wait_for(standby.communicate(), 60)
    assert standby.returncode == 2
    assert b"older copy" in said
    assert b"Traceback" not in said


async def test_who_has_no_head_database_cannot_stand_by(tmp_path: Path) -> None:
    data = tmp_path / "data"
    await _society(data)
    shutil.rmtree(data / "head")
    standby = await _stand_by(data)
    _, said = await asyncio.wait_for(standby.communicate(), 60)
    assert standby.returncode == 2
    assert b"cannot stand by" in said


# -- servers that do not serve ----------------------------------------------------------------------------


def test_an_address_that_answers_nothing_is_said_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"database coop on 127\.0\.0\.1 cannot be reached") as found:
        open_database(tmp_path, "postgresql://ivan:secret@127.0.0.1:1/coop?connect_timeout=2")
    assert "secret" not in str(found.value)
    shown = testing.config(tmp_path / "x", database_url="postgresql://ivan:secret@127.0.0.1:1/coop")
    assert "secret" not in f"{shown!r} {shown.model_dump(mode='json')}"
    with pytest.raises(ValueError, match="postgresql://"):
        testing.config(tmp_path / "x", database_url="mysql://localhost/coop")


def test_a_database_in_another_encoding_is_refused(tmp_path: Path, cluster: Cluster) -> None:
    cluster.execute("DROP DATABASE IF EXISTS latin")
    cluster.execute("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    with pytest.raises(StoreError, match=r"LATIN1.*--encoding=UTF8"):
        open_database(tmp_path, cluster.url("latin"))


def test_our_transactions_wait_for_the_disk_always(tmp_path: Path, cluster: Cluster) -> None:
    url = cluster.database(empty=True)
    name = url.partition("@/")[2].partition("?")[0]
    cluster.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    cluster.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    found = open_database(tmp_path, url)
    shown = found.write_now(lambda connection: connection.exec_driver_sql("SHOW synchronous_commit").scalar())
    assert shown == "on"
    found.close()


def test_a_server_without_fsync_is_refused(tmp_path: Path, cluster: Cluster) -> None:
    url = cluster.database(empty=True)
    cluster.stop()
    cluster.start(fsync="off")
    try:
        with pytest.raises(StoreError, match="fsync = off"):
            open_database(tmp_path, url)
    finally:
        cluster.stop()
        cluster.start()


# -- what the planner knows -------------------------------------------------------------------------------


async def test_a_start_that_fills_tables_tells_the_planner(tmp_path: Path) -> None:
    """Nobody else does: this server runs without autovacuum, another one looks minutes later."""
    data, clock = tmp_path / "data", FixedClock()
    sitting = await table(data, clock=clock)
    await sitting.applied()
    await sitting.stop()
    rebuild(data, all_projections(), lambda done, total: None)
    Node.open(testing.config(data), clock=clock, projections=all_projections()).close()
    filled = [each.name for projection in all_projections() for each in projection.tables]
    with psycopg.connect(url_of(data)) as connection:
        for name in (*filled, "state", "search_records", "search_terms"):
            known = "SELECT reltuples FROM pg_class WHERE relname = %s AND relkind = 'r'"
            row = connection.execute(known, (name,)).fetchone()
            there = connection.execute(f'SELECT count(*) FROM "{name}"'.encode()).fetchone()
            assert row == there, name
