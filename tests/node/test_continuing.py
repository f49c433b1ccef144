"""The next generation of a log whose end is lost (P18): two sign, what is lost is owned to, audits see it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from coopnode import exports, testing
from coopnode.audit import audit
from coopnode.audit.replay import replaying
from coopnode.audit.sources import Directory
from coopnode.backups import forward
from coopnode.cli.node import all_projections
from coopnode.continuing import Continued, ContinueError, carry_out, draft
from coopnode.inspection import verify
from coopnode.store.heads import Heads, StoredHead
from coopnode.testing import Person
from protocol import checkpoints, documents
from protocol.checkpoints import Checkpoint
from protocol.encoding import Value
from protocol.identifiers import origin
from protocol.log import Batch, Refused
from tests.node import fsck as second_opinion
from tests.node.test_recovery import Lost, lost

__all__ = ["lost"]


class Rest:
    """The lost node's backup put back where only its head database survived: the end is nowhere."""

    def __init__(self, lost: Lost, data: Path) -> None:
        self.lost, self.data = lost, data
        done = lost.restore(data, head=lost.head())
        assert done.missing is not None
        self.officers = lost.society.officers

    def signed(self, name: str, payload: dict[str, Any]) -> bytes:
        person: Person = self.officers[name]
        # Long after the log's last entry: nothing in it has told the time since.
        now = self.lost.society.coop.now + 40 * 86_400
        id = self.lost.society.coop.id
        return person.sign("log.continue/1", payload, aud=id, sub=id, now=now)

    def go_on(self, payload: dict[str, Any] | None = None, *names: str) -> Continued:
        payload = payload or draft(self.data, "machine_lost", ["https://mirror.example"])
        signed = [self.signed(name, payload) for name in names or ("chair", "secretary")]
        return carry_out(self.data, signed, all_projections())


@pytest.fixture
def rest(lost: Lost, tmp_path: Path) -> Rest:
    return Rest(lost, tmp_path / "machine")


async def test_the_log_goes_on_as_its_next_generation(rest: Rest, tmp_path: Path) -> None:
    lost, data = rest.lost, rest.data
    done = rest.go_on()
    assert done.generation == 1 and done.survived == lost.backed_up and done.entries == lost.backed_up + 2
    assert done.lost == (lost.backed_up, lost.size - 1)
    assert (data / "log.0").is_dir(), "the old part is kept as it was"
    lost.society.move(41 * 86_400)
    node = lost.open(data)
    assert node.standing.doubt is None
    await node.start()
    again = testing.Cooperative(node, lost.society.coop.id, lost.society.coop.founder)
    done_again = await testing.accepted(node.engine.submit(again.consent(rest.officers["one"], "later")))
    assert node.status()["generation"] == 1
    await node.stop()
    found = verify(data, projections=all_projections())
    assert found.problem is None and found.origin == origin(again.id, 1)
    assert second_opinion.verify(data).problems == []
    exports.export(data, tmp_path / "copy", lambda done, total: None)
    report = audit(Directory(tmp_path / "copy"), expect=again.id)
    assert report.ok and "continued" in report.notes and report.size > done_again.index
    # A checkpoint of before the loss is a beginning; one of the lost part is a loss owned to.
    for folder in (data / "log.0", lost.data / "log"):
        note = (folder / "checkpoint").read_bytes()
        assert audit(Directory(tmp_path / "copy"), expect=again.id, since=note).ok
    # Larger than what the log owns to.
    more = Checkpoint(origin(again.id, 0), lost.size + 1, bytes(32))
    note = checkpoints.sign_checkpoint(more, node.keys.log)
    problem = audit(Directory(tmp_path / "copy"), since=note).problem
    assert problem is not None and problem.code == "loss_hidden"
    # Another beginning than the one that is continued.
    more = Checkpoint(origin(again.id, 0), 5, bytes(32))
    problem = audit(
        Directory(tmp_path / "copy"), since=checkpoints.sign_checkpoint(more, node.keys.log)
    ).problem
    assert problem is not None and problem.code == "fork"


async def test_where_nothing_is_missing_nothing_is_continued(lost: Lost) -> None:
    for cause in ("machine_lost", "disk_damaged"):
        with pytest.raises(ContinueError, match="nothing is missing"):
            draft(lost.data, cause, [])
    # A second history has no larger head here than this one.
    assert draft(lost.data, "second_history", [])["known"]["size"] == lost.size


async def test_it_takes_the_chair_and_another_voter(rest: Rest) -> None:
    payload = draft(rest.data, "machine_lost", [])
    for names, said in (
        (("chair",), "another voter"),
        (("chair", "chair"), "not_allowed"),
        (("chair", "accountant"), "not_allowed"),
        (("secretary", "one"), "not_allowed"),
    ):
        with pytest.raises(ContinueError, match=said):
            rest.go_on(payload, *names)
    node = rest.lost.open(rest.data)
    assert node.engine.head.size == rest.lost.backed_up, "nothing was taken"
    node.close()
    assert rest.go_on(payload).generation == 1


async def test_it_names_this_log_as_it_lies_here(rest: Rest) -> None:
    good = draft(rest.data, "machine_lost", [])
    wrong: dict[str, Value]
    for change, said in (
        ({"size": good["size"] - 1}, "wrong_tree"),
        ({"root": bytes(32)}, "wrong_tree"),
        ({"origin": origin(rest.lost.society.coop.id, 1)}, "wrong_tree"),
        ({"state": bytes(32)}, "no continuation of the log"),
        ({"known": {"size": good["size"] - 1, "root": bytes(32)}}, "wrong_known"),
        ({"known": {**good["known"], "signature": bytes(64)}}, "wrong_known"),
        ({"known": {"size": good["size"], "root": good["root"]}}, "is known to have had"),
    ):
        wrong = {**good, **change}
        with pytest.raises(ContinueError, match=said):
            rest.go_on(wrong)
    other = rest.signed("secretary", {**good, "cause": "stolen"})
    with pytest.raises(ContinueError, match="wrong_tree"):
        carry_out(rest.data, [rest.signed("chair", good), other], all_projections())
    forged = bytearray(rest.signed("chair", good))
    forged[-1] ^= 1
    with pytest.raises(ContinueError, match="does not hold"):
        carry_out(rest.data, [bytes(forged)], all_projections())


async def test_a_crash_in_between_is_made_up_for(rest: Rest) -> None:
    """The entries are in the database, the new head is not: the node waits until the command is repeated."""
    payload = draft(rest.data, "machine_lost", [])
    signed = [rest.signed(name, payload) for name in ("chair", "secretary")]
    shutil.copyfile(rest.data / "head/head.db", rest.data / "before.db")
    first = carry_out(rest.data, signed, all_projections())
    shutil.copyfile(rest.data / "before.db", rest.data / "head/head.db")
    node = rest.lost.open(rest.data)
    assert node.standing.doubt is not None and "repeat coopnode continue" in node.standing.doubt
    node.close()
    assert carry_out(rest.data, signed, all_projections()) == first
    node = rest.lost.open(rest.data)
    assert node.standing.doubt is None
    node.close()


async def test_an_older_database_does_not_fall_back_into_the_old_part(rest: Rest) -> None:
    shutil.copyfile(rest.data / "coopnode.db", rest.data / "older.db")
    rest.go_on()
    shutil.copyfile(rest.data / "older.db", rest.data / "coopnode.db")
    for name in ("coopnode.db-wal", "coopnode.db-shm"):
        (rest.data / name).unlink(missing_ok=True)
    heads = Heads(rest.data, create=False)
    old = origin(rest.lost.society.coop.id, 0)
    known = heads.get(old)
    assert known is not None
    heads.swap(old, known, StoredHead(1, bytes(32)))  # even if the head of the old part said nothing
    heads.close()
    node = rest.lost.open(rest.data)
    assert node.standing.doubt is not None and "generation 1" in node.standing.doubt
    node.close()


async def test_a_backup_of_before_rolls_into_the_next_generation(rest: Rest, tmp_path: Path) -> None:
    lost = rest.lost
    rest.go_on()
    lost.society.move(41 * 86_400)
    node = lost.open(rest.data)
    await node.start()
    await node.stop()
    done = lost.restore(tmp_path / "again", sources=[Directory(rest.data)], nothing_newer=True)
    assert done.startable and done.entries == node.engine.head.size
    assert done.rolled is not None and done.rolled.origin == origin(lost.society.coop.id, 1)
    assert verify(tmp_path / "again", projections=all_projections()).problem is None
    # What had gone beyond the continuation in the old part is another history.
    found = pytest.raises(Exception, match="another history")
    with found:
        forward(lost.data, [Directory(rest.data)], projections=all_projections())


def test_a_continuation_says_the_state_it_goes_on_from() -> None:
    """An auditor computes it; who signs another one is found out."""
    log = testing.Memory(kind="new")
    head = log.replica.head
    fields: dict[str, Any] = {
        "origin": origin(log.id, 0),
        "size": head.size,
        "root": head.tree.root(),
        "state": bytes(32),
        "known": {"size": head.size, "root": head.tree.root()},
        "cause": "machine_lost",
        "asked": [],
    }
    log.add(log.sign(log.founder, "log.continue/1", fields, sub=log.id))
    assert log.replica.head.generation == 1
    log.tick()
    with replaying(len(log.entries)) as replayer:
        problem = replayer.feed(log.entries) or replayer.finish()
    assert problem is not None and problem.code == "state_mismatch"


async def test_while_the_second_signature_is_due_nothing_else_is_taken(rest: Rest) -> None:
    payload = draft(rest.data, "machine_lost", [])
    node = rest.lost.open(rest.data)
    batch = Batch(node.engine.head, node.sequencer.state, node.sequencer._nonces, node.sequencer.tree)
    batch.offer(documents.parse(rest.signed("chair", payload)))
    one, id = rest.officers["one"], rest.lost.society.coop.id
    fields: dict[str, Any] = {"fields": ["name"], "operator": id, "purpose": "later", "text": bytes(32)}
    other = one.sign("consent.give/1", fields, aud=id, now=batch.head.tick)
    outcome = batch.offer(documents.parse(other))
    assert isinstance(outcome, Refused) and outcome.code == "not_continued"
    assert batch.head.generation == 0
    batch.offer(documents.parse(rest.signed("one", payload)))
    assert batch.head.generation == 1
    node.close()
