"""The signing page's files in the log (P29), by a real node."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coopnode import testing
from coopnode.app import Node
from coopnode.assets import TYPE, AssetsNotice, logged
from coopnode.testing import Cooperative, FixedClock
from protocol import documents

pytestmark = pytest.mark.databases("sqlite", "postgresql")

FILES = {"index.html": bytes(32), "build/signing.js": bytes([1]) * 32}


@pytest.fixture
async def coop(tmp_path: Path) -> AsyncIterator[Cooperative]:
    made = await testing.cooperative(tmp_path / "data", clock=FixedClock())
    yield made
    await made.node.stop()


def entries(node: Node) -> int:
    raws = node.store.raw(0, node.engine.head.size)
    return sum(documents.parse(raw).type == TYPE for raw in raws)


async def test_p29_the_files_are_logged_when_they_changed(coop: Cooperative) -> None:
    assert logged(coop.node) is None
    assert await AssetsNotice(coop.node, "1", FILES).work()
    known = logged(coop.node)
    assert known is not None and (known.version, known.files) == ("1", FILES)
    statement = documents.parse(coop.node.store.raw(known.index, known.index + 1)[0])
    assert (statement.type, statement.digest) == (TYPE, known.digest)
    assert statement.kid == coop.node.keys.node_pub and statement.iss == coop.id
    assert await AssetsNotice(coop.node, "1", FILES).work() and entries(coop.node) == 1
    changed = {**FILES, "index.html": bytes([2]) * 32}
    assert await AssetsNotice(coop.node, "1", changed).work() and entries(coop.node) == 2
    assert await AssetsNotice(coop.node, "2", changed).work() and entries(coop.node) == 3


async def test_p29_a_node_that_is_not_founded_waits(tmp_path: Path) -> None:
    node = Node.open(testing.config(tmp_path / "data"), clock=FixedClock())
    await node.start()
    notice = AssetsNotice(node, "1", FILES)
    assert not await notice.work()
    first = testing.found(node.keys, now=node.clock.peek())
    await testing.accepted(node.engine.submit(first.genesis, ticket=node.founding_token))
    await testing.accepted(node.engine.submit(first.pack))
    await testing.accepted(node.engine.submit(first.account))
    assert await notice.work() and logged(node) is not None
    await node.stop()
