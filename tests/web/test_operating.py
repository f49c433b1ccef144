"""Health, figures and the operator's page: who sees them, what they say, and that nobody stands in them."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp.test_utils import TestServer
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from coopnode import metrics, operator_link
from coopnode.cli.node import all_projections
from coopnode.condition import TROUBLES, Address, Backup, Condition, JobState, note_backup, troubles
from coopnode.testing import FixedClock
from tests.node.society import Society
from tests.web.test_shell import Shell
from web.app import create_app

OTHERS_ADDRESS = {"X-Forwarded-For": "203.0.113.7"}


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    society = await Society.make(tmp_path / "data", clock=FixedClock(), projections=all_projections())
    server = TestServer(create_app(society.node))
    await server.start_server()
    made = Shell(society, server)
    yield made
    for client in made.clients:
        await client.close()
    await server.close()
    await society.node.stop()


async def figures_of(shell: Shell) -> dict[str, dict[tuple[tuple[str, str], ...], float]]:
    answer = await (await shell.browser()).get("/metrics")
    assert answer.status == 200 and answer.headers["Content-Type"] == metrics.CONTENT_TYPE
    found: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    for family in text_string_to_metric_families(await answer.text()):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


async def test_metrics_count_answers_and_requests(shell: Shell) -> None:
    before = await figures_of(shell)
    stranger = await shell.browser()
    for _ in range(3):
        await stranger.post("/entries", data=b"nothing", headers={"Content-Type": "application/cose"})
        await stranger.get("/no/such/page")
    await shell.society.consent(shell.society.officers["chair"], "contacts")
    after = await figures_of(shell)

    def grown(name: str, **labels: str) -> float:
        key = tuple(sorted(labels.items()))
        return after[name].get(key, 0) - before.get(name, {}).get(key, 0)

    assert grown("coopnode_answers_total", type="-", outcome="refused", code="malformed") == 3
    assert grown("coopnode_answers_total", type="consent.give/1", outcome="accepted", code="-") == 1
    assert grown("coopnode_http_seconds_count", method="POST", route="/entries") == 3
    assert grown("coopnode_http_seconds_count", method="GET", route="-") == 3
    assert grown("coopnode_http_responses_total", status="404") == 3
    assert grown("coopnode_commit_seconds_count") >= 1
    assert after["coopnode_log_entries"][()] == shell.society.node.engine.head.size
    assert after["coopnode_writing"][()] == 1
    assert after["coopnode_disk_free_bytes"][()] > 0
    assert after["coopnode_process_memory_bytes"][(("process", "writer"),)] > 10**6
    assert {dict(key)["code"] for key in after["coopnode_trouble"]} == set(TROUBLES)


async def test_metrics_name_nobody(shell: Shell) -> None:
    text = await (await (await shell.browser()).get("/metrics")).text()
    society = shell.society
    for person in society.officers.values():
        assert person.id not in text and person.kid.hex() not in text
    assert not re.search(r"[а-яё@]", text.lower()) and "127.0.0.1" not in text
    assert society.node.cooperative is not None and society.node.cooperative not in text


async def test_metrics_are_for_this_machine_or_a_token(shell: Shell) -> None:
    node, stranger = shell.society.node, await shell.browser()
    assert (await stranger.get("/metrics")).status == 200
    assert (await stranger.get("/metrics", headers=OTHERS_ADDRESS)).status == 403
    node.configure({"public_url": "https://coop.example"})
    assert (await stranger.get("/metrics")).status == 403, "behind a proxy everybody is this machine"
    token = "a-long-enough-token"
    node.configure({"metrics_token": SecretStr(token)})
    assert (await stranger.get("/metrics")).status == 403
    for given, status in ((token, 200), (token[:-1], 403), ("", 403), ("токен", 403)):
        headers = {"Authorization": f"Bearer {given}", **OTHERS_ADDRESS}
        assert (await stranger.get("/metrics", headers=headers)).status == status, given


async def test_readiness_tells_serving_from_writing(shell: Shell, monkeypatch: Any) -> None:
    node, client = shell.society.node, await shell.browser()
    for path in ("/readyz", "/readyz/serve"):
        assert (await client.get(path)).status == 200
    node.sequencer.stop_writing("the disk is gone")
    answer = await client.get("/readyz/serve")
    assert answer.status == 200 and (await answer.json())["writing"] is False
    answer = await client.get("/readyz")
    assert answer.status == 503 and (await answer.json())["reason"] == "the disk is gone"
    assert (await client.get("/")).status == 200, "reading goes on"

    def torn(query: Any) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(node.database, "read_now", torn)
    for path in ("/readyz", "/readyz/serve"):
        answer = await client.get(path)
        assert answer.status == 503 and "cannot be read" in (await answer.json())["reason"], path
    assert (await client.get("/livez")).status == 200


# --- the page -------------------------------------------------------------------------------------


async def test_a_link_made_on_the_machine_opens_the_page(shell: Shell) -> None:
    node, stranger = shell.society.node, await shell.browser()
    clock = shell.society.clock
    assert clock is not None
    link = operator_link.make(node.keys, "link", clock.peek())
    visit = operator_link.make(node.keys, "visit", clock.peek())
    for wrong in (link[:-1] + ("0" if link[-1] != "0" else "1"), visit, "", "x", f"9{link}", "²." + "0" * 64):
        answer = await stranger.get("/operator", params={"link": wrong}, allow_redirects=False)
        assert answer.status == 403 and "Set-Cookie" not in answer.headers, wrong
    answer = await stranger.get("/operator", params={"link": link}, allow_redirects=False)
    assert (answer.status, answer.headers["Location"]) == (303, "/operator")
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Lax" in cookie and "Path=/operator" in cookie
    page = await stranger.get("/operator")
    assert page.status == 200 and "Состояние узла" in await page.text()
    assert (await stranger.get("/desk", allow_redirects=False)).status == 303, "it opens nothing else"
    clock.move(operator_link.SECONDS["link"])
    other = await shell.browser()
    assert (await other.get("/operator", params={"link": link}, allow_redirects=False)).status == 403
    clock.move(operator_link.SECONDS["visit"])
    assert (await stranger.get("/operator", allow_redirects=False)).status == 303


async def test_the_page_names_nobody(shell: Shell) -> None:
    society = shell.society
    await society.join(await society.coop.person("m"), "Тайнова Вера Львовна")
    chair = await shell.browser(society.officers["chair"])
    text = await (await chair.get("/operator")).text()
    for person in society.officers.values():
        assert person.id not in text
    for word in ("Тайнова", "Орлова", "example.org", "+7"):
        assert word not in text


def sick(found: Condition) -> Condition:
    """With everything wrong that can be at once."""

    def changed(part: Any, **values: Any) -> Any:
        return msgspec.structs.replace(part, **values)

    addresses = [
        Address("public", "https://coop.example", found.at, found.at + 86_400, None),
        Address("signing", "https://sign.coop.example", found.at, None, "certificate has expired"),
        Address("public", "http://coop.example", found.at, None, None),
    ]
    made: Condition = changed(
        found,
        log=changed(
            found.log, published=0, waits_since=1, queue=4000, most_queue=4096, stopped="a full disk"
        ),
        letters=changed(found.letters, waiting=9, tried=2, failed=1),
        disk=changed(found.disk, free=10**8),
        backup=Backup(found.at, found.at - 9 * 86_400, "/backups/x+y.increment", 10**9, 12),
        backup_problem="/backups: No space left on device",
        jobs=[JobState("letters", found.at, "OSError")],
        wanted_processes=3,
        addresses=addresses,
    )
    return made


async def test_everything_that_is_wrong_has_words_in_both_languages(shell: Shell, monkeypatch: Any) -> None:
    node = shell.society.node
    healthy = await node.watch.condition()
    ill = sick(healthy)
    states = [
        ill,
        msgspec.structs.replace(ill, log=msgspec.structs.replace(ill.log, doubt="another history")),
        msgspec.structs.replace(ill, clock=msgspec.structs.replace(ill.clock, doubt="a jump"), backup=None),
        msgspec.structs.replace(ill, disk=msgspec.structs.replace(ill.disk, free=15 * 10**8, total=10**10)),
    ]
    assert {trouble.code for state in states for trouble in troubles(state)} == set(TROUBLES)
    link = operator_link.make(node.keys, "link", node.clock.peek())
    for language, word in (("ru", "Что сделать."), ("en", "What to do.")):
        client = await shell.browser(language=language)
        await client.get("/operator", params={"link": link})
        for state in states:

            async def shown(state: Condition = state) -> Condition:
                return state

            monkeypatch.setattr(node.watch, "condition", shown)
            text = await (await client.get("/operator")).text()
            assert text.count(word) == len(troubles(state))
            assert "</b> </p>" not in text, "a remedy is missing"
            titles = re.findall(r"</svg> ([^<]*)</h3>", text)
            assert len(titles) == len(troubles(state)) and all(title.strip() for title in titles), titles
            metrics.text(state)


async def test_nothing_is_wrong_with_a_healthy_node(shell: Shell) -> None:
    node = shell.society.node
    assert await node.publisher.wait_for(node.engine.head.size)
    found = await node.watch.condition()
    assert [trouble.code for trouble in troubles(found)] == ["no_backup"]
    note_backup(node.config.data, node.config.data / "coopnode.db", 5, found.at, found.at)
    found = await node.watch.condition()
    assert troubles(found) == [] and found.backup is not None and found.backup.entries == 5
    late = msgspec.structs.replace(found, at=found.at + 3 * 86_400)
    assert [trouble.code for trouble in troubles(late)] == ["backup_late"]
    # Increments alone go back to a whole one that nobody renews.
    note_backup(node.config.data, node.config.data / "coopnode.db", 6, late.at, found.at)
    later = await node.watch.condition()
    late = msgspec.structs.replace(late, backup=later.backup)
    assert later.backup is not None and later.backup.at == late.at
    assert [trouble.code for trouble in troubles(late)] == ["backup_late"]


async def test_a_writer_that_does_not_answer_is_said_so(shell: Shell, monkeypatch: Any) -> None:
    node = shell.society.node

    async def silent() -> Condition:
        raise TimeoutError

    monkeypatch.setattr(node.watch, "condition", silent)
    chair = await shell.browser(shell.society.officers["chair"])
    answer = await chair.get("/operator")
    assert answer.status == 503 and "не отвечает" in await answer.text()
    assert (await chair.get("/metrics")).status == 503
