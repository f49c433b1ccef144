"""Erasing private records on a real node: boxes and keys go, and do not come back (P21)."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from coopnode import keystore, testing
from coopnode.app import Node
from coopnode.inspection import verify
from coopnode.membership.people import Names, Viewer, who
from coopnode.membership.projection import PROJECTIONS
from coopnode.private_records import opened
from coopnode.store.vault import Vault
from coopnode.testing import FixedClock
from protocol.identifiers import identifier
from tests.node import fsck
from tests.node.society import DAY, Society


@pytest.fixture
async def society(tmp_path: Path) -> Society:
    """Each test stops the node when it looks at what is left."""
    return await Society.make(tmp_path, clock=FixedClock(), projections=PROJECTIONS)


async def withdrawn(society: Society, name: str = "gone") -> bytes:
    person = await society.coop.person(name)
    digest = (await society.apply(person)).digest
    await society.coop.must(person, "membership.withdraw/1", {"re": [digest]}, sub=identifier(digest))
    return digest


async def erase(society: Society, *documents: bytes) -> None:
    fields: dict[str, Any] = {"re": list(documents), "ground": "retention"}
    await society.coop.must(society.officers["secretary"], "vault.erase/1", fields, sub=society.coop.id)


def kept(data: Path, digest: bytes) -> tuple[int, int]:
    """(boxes, keys) of this digest on disk."""
    with sqlite3.connect(data / "coopnode.db") as records, sqlite3.connect(data / "vault-keys.db") as keys:
        boxes = records.execute("SELECT count(*) FROM private_records WHERE digest = ?", (digest,))
        found = (
            boxes.fetchone()[0],
            keys.execute("SELECT count(*) FROM keys WHERE digest = ?", (digest,)).fetchone()[0],
        )
    records.close()
    keys.close()
    return found


async def test_box_and_key_go_and_the_log_stays_valid(society: Society) -> None:
    node, data = society.node, society.node.config.data
    digest, other = await withdrawn(society), await withdrawn(society, "another")
    society.move(30 * DAY)
    plain = await node.database.read(lambda connection: opened(connection, node.vault, digest))
    assert plain is not None and kept(data, digest) == (1, 1)
    await erase(society, digest)
    assert kept(data, digest) == (0, 0) and kept(data, other) == (1, 1)
    assert await node.database.read(lambda connection: opened(connection, node.vault, digest)) is None
    await node.stop()
    assert verify(data, projections=PROJECTIONS).problem is None
    assert fsck.verify(data).problems == []


async def test_what_a_backup_brings_back_is_erased_at_the_next_start(society: Society) -> None:
    node, data = society.node, society.node.config.data
    digest = await withdrawn(society)
    society.move(30 * DAY)
    plain = await node.database.read(lambda connection: opened(connection, node.vault, digest))
    assert plain is not None
    with sqlite3.connect(data / "coopnode.db") as copied:
        row = copied.execute("SELECT * FROM private_records WHERE digest = ?", (digest,)).fetchone()
    copied.close()
    await erase(society, digest)
    await node.stop()
    vault = Vault(data, keystore.load(data / "keys").vault)
    sealed = vault.seal(digest, b"brought back")
    vault.keep([sealed])
    vault.close()
    with sqlite3.connect(data / "coopnode.db") as restored:
        restored.execute("INSERT INTO private_records VALUES (?, ?, ?, ?)", (*row[:3], sealed.box))
    restored.close()
    found = verify(data, projections=PROJECTIONS).problem
    assert found is not None and found.code == "record_not_erased"
    again = Node.open(testing.config(data), clock=FixedClock(time=society.coop.now))
    assert any("erased again" in note for note in again.standing.notes)
    again.close()
    assert kept(data, digest) == (0, 0)
    assert verify(data, projections=PROJECTIONS).problem is None


async def test_a_node_that_dies_between_box_and_key_makes_up_for_it(
    society: Society, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = society.node.config.data
    digest = await withdrawn(society)
    society.move(30 * DAY)

    def full(digests: object) -> int:
        raise OSError(28, "no space left")

    monkeypatch.setattr(society.node.vault, "erase", full)
    await erase(society, digest)  # the log has it, so the officer is told so
    assert kept(data, digest) == (0, 1)
    monkeypatch.undo()
    await society.node.stop()
    Node.open(testing.config(data), clock=FixedClock(time=society.coop.now)).close()
    assert kept(data, digest) == (0, 0)


async def test_somebody_with_another_record_keeps_their_name(society: Society) -> None:
    """An officer whose own application came to nothing is still an officer; names are forgotten at once."""
    node, one = society.node, society.officers["one"]
    digest = (await society.apply_as_known(one)).digest
    await society.coop.must(one, "membership.withdraw/1", {"re": [digest]}, sub=identifier(digest))
    society.move(30 * DAY)
    names, viewer = Names(node.vault), Viewer.of(node.state, society.officers["chair"].id)

    async def name() -> str | None:
        found = await node.database.read(lambda connection: names.of_accounts(connection, [one.id], viewer))
        return found[one.id]

    assert await name() == "Иванова Мария Сергеевна"
    await erase(society, digest)
    await asyncio.sleep(1.1)
    assert await name() == "Ким Вера"
    assert (await node.database.read(lambda connection: who(connection, [one.id])))[one.id][1] == (
        "council.accept/1"
    )
    await node.stop()
