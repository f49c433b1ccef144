"""Letters leave after the commit, once as far as SMTP allows, and an operator sees those that did not."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from coopnode import cleaning, letters, outbox
from coopnode.accounts.letters import LETTERS as OF_KEYS
from coopnode.app import Node
from coopnode.clock import Clock
from coopnode.config import Smtp
from coopnode.council.letters import LETTERS as OF_COUNCIL
from coopnode.letters import Words
from coopnode.membership import letters as joining
from coopnode.membership.projection import PROJECTIONS
from coopnode.membership.request_letters import LETTERS as OF_REQUESTS
from coopnode.outbox import PAUSES, Line, Outbox
from coopnode.scheduler import Job, Scheduler
from coopnode.testing import FixedClock
from protocol.wording import Locale
from tests.node.smtp_sink import Sink
from tests.node.society import DAY, Society

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

RECEIVERS = ["chair@example.org", "ivanova@example.org", "secretary@example.org"]


@pytest.fixture
async def society(tmp_path: Path) -> AsyncIterator[Society]:
    made = await Society.make(tmp_path, clock=FixedClock(), projections=PROJECTIONS)
    await made.apply(await made.coop.person("ivanova"))
    yield made
    await made.node.stop()


def post(society: Society, sink: Sink) -> Outbox:
    """As a node makes it: the settings are read when a letter leaves."""
    smtp = Smtp(host="127.0.0.1", port=sink.port, starttls=False, sender="office@rostok.example")
    society.node.config = society.node.config.model_copy(update={"smtp": smtp})
    return Outbox(society.node, [joining.KIND])


async def lines(society: Society) -> list[Line]:
    return await society.node.database.read(outbox.open_lines)


def receivers(sink: Sink) -> list[str]:
    return sorted(to for got in sink.got for to in got.receivers)


async def test_each_receiver_gets_one_letter(society: Society) -> None:
    async with Sink().listening() as sink:
        worker = post(society, sink)
        await worker.work()
        await worker.work()
    assert receivers(sink) == RECEIVERS and await lines(society) == []
    assert len({got.message["Message-ID"] for got in sink.got}) == 3


async def test_what_is_refused_for_now_is_tried_again_and_what_is_refused_is_given_up(
    society: Society, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    async with Sink(refused={RECEIVERS[0]: "450 later", RECEIVERS[1]: "550 no"}).listening() as sink:
        worker = post(society, sink)
        await worker.work()
        assert receivers(sink) == RECEIVERS[2:]
        found = {line.failed_at is not None: line for line in await lines(society)}
        assert found[True].problem == found[False].problem == "the address was refused"
        assert await society.node.database.read(outbox.counts) == (1, 1)
        sink.refused.clear()
        await worker.work()
        assert receivers(sink) == RECEIVERS[2:], "not before its time"
        society.move(PAUSES[0])
        await worker.work()
        assert receivers(sink) == [RECEIVERS[0], RECEIVERS[2]]
        society.move(2 * DAY)  # the application's own term must not end: that would be news
        await worker.work()
        assert len(sink.got) == 2, "given up"
        now = society.node.clock.peek()
        again = lambda connection: outbox.retry(connection, now)  # noqa: E731
        assert await society.node.database.write(again) == 1
        await worker.work()
    assert receivers(sink) == RECEIVERS
    said = caplog.text + "".join(capsys.readouterr())
    assert "example.org" not in said and "Иванов" not in said


async def test_attempts_are_bounded(society: Society) -> None:
    async with Sink(answers={".": "451 later"}).listening() as sink:
        worker = post(society, sink)
        await worker.work()
        for pause in PAUSES:
            assert all(line.failed_at is None for line in await lines(society))
            society.move(pause)
            await worker.work()
        assert all(line.failed_at is not None for line in await lines(society))
        assert sink.commands.count("DATA") == 3 * (len(PAUSES) + 1)
        society.move(91 * DAY)
        await society.node.database.write(lambda c: cleaning.clean(c, society.node.clock.peek()))
        assert await lines(society) == []


async def test_a_server_that_takes_nothing_costs_one_attempt_a_round(society: Society) -> None:
    async with Sink(answers={"CONNECT": "421 busy"}).listening() as sink:
        worker = post(society, sink)
        await worker.work()
        assert sorted(line.attempts for line in await lines(society)) == [0, 0, 1]
        sink.answers.clear()
        society.move(PAUSES[0])
        await worker.work()
    assert receivers(sink) == RECEIVERS


async def test_a_letter_that_cannot_be_written_stops_no_other(
    society: Society, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = {name: item for name, item in joining.LETTERS["applied"].items() if name != "applicant"}
    broken = {"ru": Words("{nothing}", ("x",)), "en": Words("{nothing}", ("x",))}
    monkeypatch.setitem(joining.LETTERS, "applied", {"applicant": broken, **words})
    async with Sink().listening() as sink:
        await post(society, sink).work()
    assert receivers(sink) == [RECEIVERS[0], RECEIVERS[2]]
    (line,) = await lines(society)
    assert re.fullmatch(r"KeyError at letters\.py:\d+", line.problem or "")


async def test_nobody_knows_the_kind(society: Society) -> None:
    await Outbox(society.node, []).work()
    (line,) = await lines(society)
    assert line.failed_at is not None and "kind" in (line.problem or "")


DYING = """
import asyncio, sys
from pathlib import Path
from coopnode.app import Node
from coopnode.config import Smtp
from coopnode.membership import letters
from coopnode.outbox import Outbox
from coopnode.testing import config

async def main():
    smtp = Smtp(host="127.0.0.1", port=int(sys.argv[2]), starttls=False, sender="office@rostok.example")
    node = Node.open(config(Path(sys.argv[1]), smtp=smtp, time_confirmed=True))
    await Outbox(node, [letters.KIND]).work()

asyncio.run(main())
"""


async def test_death_between_sending_and_marking(tmp_path: Path) -> None:
    """The letter goes out once more, under the same Message-ID, and no other letter is lost."""
    made = await Society.make(tmp_path, projections=PROJECTIONS)
    await made.apply(await made.coop.person("ivanova"))
    await made.node.stop()
    async with Sink().listening() as sink:
        environment = {**os.environ, "COOPNODE_FAULT": "outbox.sent:2:kill"}
        command = (sys.executable, "-c", DYING, str(made.node.config.data), str(sink.port))
        process = await asyncio.create_subprocess_exec(*command, env=environment)
        assert await process.wait() == -signal.SIGKILL
        assert len(sink.got) == 2
        node = Node.open(made.node.config, clock=FixedClock(time=Clock().peek() + PAUSES[0]))
        made.coop.node = node
        try:
            await post(made, sink).work()
        finally:
            node.close()
    sent = [(got.receivers[0], got.message["Message-ID"]) for got in sink.got]
    assert len(sent) == 4 and len(set(sent)) == 3 and sent.count(sent[1]) == 2
    assert receivers(sink) == sorted([*RECEIVERS, sent[1][0]])


async def test_the_operator_sees_letters_and_tries_them_again(tmp_path: Path) -> None:
    made = await Society.make(tmp_path, projections=PROJECTIONS)
    await made.apply(await made.coop.person("ivanova"))

    async def command(*arguments: str) -> tuple[int | None, Any]:
        line = (sys.executable, "-m", "coopnode", *arguments, "--data", str(made.node.config.data), "--json")
        process = await asyncio.create_subprocess_exec(*line, stdout=asyncio.subprocess.PIPE)
        said = (await process.communicate())[0]
        return process.returncode, json.loads(said)

    line = (sys.executable, "-m", "coopnode", "letters", "--data", str(made.node.config.data))
    process = await asyncio.create_subprocess_exec(*line, stdout=asyncio.subprocess.PIPE)
    assert b"0 attempts  waits for 20" in (await process.communicate())[0]
    async with Sink(refused=dict.fromkeys(RECEIVERS, "550 no")).listening() as sink:
        await post(made, sink).work()
        status, found = await command("letters")
        assert (
            status == 1 and [line["problem"] for line in found["letters"]] == ["the address was refused"] * 3
        )
        assert "example.org" not in json.dumps(found)
        status, found = await command("letters", "--retry")
        assert status == 0 and found["again"] == 3
        sink.refused.clear()
        await post(made, sink).work()
        assert receivers(sink) == RECEIVERS
        (made.node.config.data / "coopnode.toml").write_text(
            f'[smtp]\nhost = "127.0.0.1"\nport = {sink.port}\nstarttls = false\nsender = "a@rostok.example"\n'
        )
        status, found = await command("config", "--check-mail", "admin@example.org", "--lang", "ru")
        assert status == 0 and sink.got[-1].message["Subject"] == "coopnode: проверка почты"
        sink.answers["MAIL"] = "553 not yours"
        status, found = await command("config", "--check-mail", "admin@example.org")
        assert status == 2 and "a@rostok.example" in found["problem"]
    await made.node.stop()


def every_words() -> list[tuple[str, Locale, Words]]:
    found: list[tuple[str, Locale, Words]] = []

    def walk(place: str, item: Any) -> None:
        for name, inner in item.items():
            if isinstance(inner, Words):
                found.append((place, name, inner))
            else:
                walk(f"{place}/{name}", inner)

    walk("joining", joining.LETTERS)
    walk("requests", OF_REQUESTS)
    walk("council", OF_COUNCIL)
    walk("keys", OF_KEYS)
    walk("code", {"": joining.CODE})
    return found


@pytest.mark.parametrize(("place", "locale", "words"), every_words())
def test_letters_read_well(place: str, locale: Locale, words: Words) -> None:
    facts = dict.fromkeys(
        ("number", "amount", "decide_by", "pay_by", "day", "at", "from", "decided", "account", "code"), "123"
    )
    subject, text = letters.render(words, facts, house="Росток", link="https://coop.example/x", locale=locale)
    assert subject and "\n" not in subject and len(subject) <= 78
    assert not re.search(r"[{}]|  |\n\n\n", text.replace("— \n", ""))
    own = text.replace("Росток", "").replace("https://coop.example/x", "")
    assert bool(re.search("[а-яё]", subject + own)) == (locale == "ru"), "one language a letter"
    assert all(line[-1:] in ".?!}" for line in words.lines), place


def test_every_letter_is_there_in_both_languages() -> None:
    places: dict[str, set[str]] = {}
    for place, locale, _ in every_words():
        places.setdefault(place, set()).add(locale)
    assert all(found == {"ru", "en"} for found in places.values())


async def test_one_clock_runs_every_job_and_outlives_its_errors(society: Society) -> None:
    called: dict[str, int] = {"fine": 0, "broken": 0}
    enough, woken = asyncio.Event(), asyncio.Event()

    async def fine() -> None:
        called["fine"] += 1
        if called["fine"] == 2:
            woken.set()

    async def broken() -> None:
        called["broken"] += 1
        if called["broken"] == 3:
            enough.set()
        raise RuntimeError("Иванова")

    hangs = Job("hangs", 0.01, asyncio.Event().wait)
    scheduler = Scheduler(
        society.node, [hangs, Job("fine", 600.0, fine, ("consent",)), Job("broken", 0.01, broken)]
    )
    scheduler.start()
    await asyncio.wait_for(enough.wait(), 10)
    assert called["fine"] == 1, "its time has not come again"
    await society.consent(society.officers["one"])
    await asyncio.wait_for(woken.wait(), 10)
    await scheduler.stop()


async def test_what_has_expired_is_forgotten(society: Society) -> None:
    await society.node.issue_ticket(lifetime=60)
    tables = [str(table.name) for table, _ in cleaning.EXPIRING]

    def rows(connection: Any) -> dict[str, int]:
        return {name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar() for name in tables}

    before = await society.node.database.read(rows)
    assert before["tickets"] > 1
    society.move(3 * DAY)
    await society.node.database.write(lambda c: cleaning.clean(c, society.node.clock.peek()))
    assert (await society.node.database.read(rows))["tickets"] == 1, "to found is allowed for years"
