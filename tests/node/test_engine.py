"""The sequencer and the start-up comparison, in one process."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from coopnode import admission, faults, testing
from coopnode.answers import Busy, Committed, Refusal
from coopnode.app import Node, NodeError
from coopnode.clock import Clock
from coopnode.condition import troubles
from coopnode.config import Limits
from coopnode.keystore import Keystore
from coopnode.projections import Projection
from coopnode.store.database import set_meta
from coopnode.store.heads import StoredHead
from coopnode.store.schema import entries
from coopnode.store.sql import Column, Connection, Integer, Table, Text, func, insert, projections, select
from coopnode.store.work import Rows, Work
from coopnode.submissions import FairQueue, Submission
from coopnode.testing import Cooperative, FixedClock, Person
from protocol import documents, promises, signatures
from protocol.documents import Seen
from protocol.encoding import Value
from protocol.log import TICK, Accepted
from tests.node.fsck import verify

pytestmark = pytest.mark.databases("sqlite", "postgresql")


@pytest.fixture
async def coop(tmp_path: Path) -> AsyncIterator[Cooperative]:
    made = await testing.cooperative(tmp_path / "data", clock=FixedClock())
    yield made
    await made.node.stop()


def clock(coop: Cooperative) -> FixedClock:
    assert isinstance(coop.node.clock, FixedClock)
    return coop.node.clock


# -- answers ----------------------------------------------------------------------------------------------


async def test_same_bytes_again_have_the_old_index_for_ever(coop: Cooperative) -> None:
    """P2, P14: also long after they expired."""
    raw = coop.consent(coop.founder, "a")
    first = await testing.accepted(coop.node.engine.submit(raw))
    clock(coop).move(3000)
    again = await testing.accepted(coop.node.engine.submit(raw))
    assert (again.index, again.again, first.again) == (first.index, True, False)
    clock(coop).move(3000)
    await coop.must(coop.founder, "consent.withdraw/1", {"re": [first.digest]})
    assert (await testing.accepted(coop.node.engine.submit(raw))).index == first.index


async def test_same_bytes_at_the_same_time_are_one_entry(coop: Cooperative) -> None:
    raw = coop.consent(coop.founder, "a")
    answers = await asyncio.gather(*(testing.accepted(coop.node.engine.submit(raw)) for _ in range(5)))
    assert len({answer.index for answer in answers}) == 1


async def test_the_promise_is_signed_by_the_node(coop: Cooperative) -> None:
    """P13."""
    raws = [coop.consent(coop.founder, purpose) for purpose in "abcde"]
    answers = await asyncio.gather(*(testing.accepted(coop.node.engine.submit(raw)) for raw in raws))
    assert len({answer.message for answer in answers}) < len(answers)  # one for what was committed together
    for raw, answer in zip(raws, answers, strict=True):
        kid, promise = promises.check(answer.message, answer.path, raw, answer.index)
        assert kid == coop.node.keys.node_pub
        assert promise.origin == f"coopnode/{coop.id}/0"
        assert promise.publish_by > promise.tick == answer.tick
    again = await testing.accepted(coop.node.engine.submit(raws[3]))
    assert promises.check(again.message, again.path, raws[3], answers[3].index)[1].count == 1


async def test_a_refusal_is_signed_and_leaves_no_trace(coop: Cooperative) -> None:
    """P13, SPEC §9.2."""
    before = coop.node.engine.head
    clock(coop).move(60)
    raw = coop.founder.sign("consent.withdraw/1", {"re": [bytes(32)]}, aud=coop.id, now=coop.now)
    answer = await coop.node.engine.submit(raw)
    assert isinstance(answer, Refusal)
    assert answer.code == "unknown_consent"
    assert coop.node.engine.head.size == before.size, "not even a tick"
    assert answer.message is not None
    kid, content, signed, signature = documents.parse_message(answer.message, documents.REFUSED)
    assert signatures.verify(kid, signed, signature)
    assert (content["size"], content["root"]) == (before.size, before.tree.root())
    assert content["digest"] == documents.parse(raw).digest


async def test_strangers_get_no_signed_refusal(coop: Cooperative) -> None:
    stranger = Person.make("stranger", coop.id)
    answer = await coop.node.engine.submit(coop.consent(stranger, "a"))
    assert answer == Refusal("unknown_account", "iss")


async def test_bad_bytes_are_refused_in_words(coop: Cooperative) -> None:
    raw = coop.consent(coop.founder, "a")
    submit = coop.node.engine.submit
    assert await submit(raw[:-1] + bytes([raw[-1] ^ 1])) == Refusal("bad_signature", "signature")
    assert await submit(bytes(65_536)) == Refusal("too_large")
    assert await submit(b"") == Refusal("malformed")
    unknown = coop.founder.sign("consent.dream/1", {}, aud=coop.id, now=coop.now)
    assert await submit(unknown) == Refusal("unknown_type", "type")


async def test_private_records_must_match(coop: Cooperative) -> None:
    """P20."""
    people = await coop.constitute()
    matter = await coop.matter(people[0])
    root, record = testing.commit("council.comment/1", {"text": "да"})
    other = testing.commit("council.comment/1", {"text": "нет"})[1]

    async def offer(given: bytes | None) -> Any:
        raw = people[0].sign(
            "council.comment/1", {"matter": matter}, aud=coop.id, sub=matter, now=coop.now, private=root
        )
        return await coop.node.engine.submit(raw, given)

    assert await offer(None) == Refusal("private_missing", "private")
    assert await offer(other) == Refusal("private_mismatch", "private")
    assert await offer(record[:-1]) == Refusal("private_malformed", "private")
    assert isinstance(await offer(record), Committed)
    unexpected = await coop.node.engine.submit(coop.consent(people[0], "a"), record)
    assert unexpected == Refusal("private_unexpected", "private")
    empty, decoys = testing.commit("council.comment/1", {})
    raw = people[0].sign(
        "council.comment/1", {"matter": matter}, aud=coop.id, sub=matter, now=coop.now, private=empty
    )
    assert await coop.node.engine.submit(raw, decoys) == Refusal("private_required", "text")


# -- time (P16, P17) --------------------------------------------------------------------------------------


async def test_a_tick_precedes_a_batch_at_most_once_a_second(coop: Cooperative) -> None:
    size = coop.node.engine.head.size
    await testing.accepted(coop.node.engine.submit(coop.consent(coop.founder, "a")))
    assert coop.node.engine.head.size == size + 1, "the same second"
    now = clock(coop).move(5)
    answer = await testing.accepted(coop.node.engine.submit(coop.consent(coop.founder, "b")))
    assert (answer.index, answer.tick) == (size + 2, now)
    assert documents.parse(coop.node.store.raw(size + 1, size + 2)[0]).payload == {
        "type": "node.tick/1",
        "time": now,
    }


async def test_a_deadline_falls_due_by_a_tick_of_its_own(coop: Cooperative) -> None:
    until = coop.now + 100
    fields: dict[str, Value] = {
        "fields": ["name"],
        "operator": coop.id,
        "purpose": "term",
        "text": bytes(32),
        "until": until,
    }
    await coop.must(coop.founder, "consent.give/1", fields)
    assert coop.node.facts.has_consent(coop.founder.id, "term")
    clock(coop).move(101)
    for _ in range(60):
        await asyncio.sleep(0.05)
        if not coop.node.facts.has_consent(coop.founder.id, "term"):
            break
    assert not coop.node.facts.has_consent(coop.founder.id, "term")
    assert coop.node.engine.head.tick == until + 1


async def test_a_jump_of_the_clock_stops_writing(tmp_path: Path) -> None:
    class Jumping(FixedClock):
        jump = 0.0

        def _read(self) -> tuple[float, float]:
            wall, monotonic = super()._read()
            return wall + getattr(self, "jump", 0.0), monotonic

    jumping = Jumping()
    made = await testing.cooperative(tmp_path / "data", clock=jumping)
    jumping.jump = 4000
    answer = await made.node.engine.submit(made.consent(made.founder, "a"))
    assert isinstance(answer, Busy)
    assert "jumped ahead" in answer.reason
    assert made.node.status()["writing"] is False
    await made.node.stop()


async def test_a_clock_that_nobody_confirmed_is_doubtful_after_every_start(tmp_path: Path) -> None:
    made = await testing.cooperative(tmp_path / "data", clock=FixedClock())
    await made.node.stop()
    for _ in range(2):
        node = Node.open(testing.config(tmp_path / "data", time_confirmed=False), clock=Clock())
        known = node.heads.alive_at()
        await node.start()
        await asyncio.sleep(0.3)  # the publisher has come round
        answer = await node.engine.submit(made.consent(made.founder, "a"))
        assert isinstance(answer, Busy)
        assert "last moment this node recorded" in answer.reason
        assert node.heads.alive_at() == known
        await node.stop()


# -- what a signer had seen (P3) --------------------------------------------------------------------------


async def test_an_invented_tree_is_refused_and_writing_goes_on(coop: Cooperative) -> None:
    chair = (await coop.constitute())[0]
    seen = Seen(0, coop.node.engine.head.size + 1, bytes(32), bytes(64))
    fields: dict[str, Value] = {"re": [bytes(32)]}
    raw = chair.sign("consent.withdraw/1", fields, aud=coop.id, now=coop.now, seen=seen)
    answer = await coop.node.engine.submit(raw)
    assert isinstance(answer, Refusal) and answer.code == "seen_unknown"
    await testing.accepted(coop.node.engine.submit(coop.consent(coop.founder, "a")))


async def test_a_larger_tree_than_ours_stops_writing(coop: Cooperative) -> None:
    chair = (await coop.constitute())[0]
    raw = chair.sign(
        "consent.withdraw/1",
        {"re": [bytes(32)]},
        aud=coop.id,
        now=coop.now,
        seen=testing.seen(coop.node.keys, coop.id, coop.node.engine.head.size + 1, bytes(32)),
    )
    answer = await coop.node.engine.submit(raw)
    assert isinstance(answer, Busy)
    assert answer.code == "read_only"
    assert "P3" in answer.reason
    later = await coop.node.engine.submit(coop.consent(coop.founder, "a"))
    assert isinstance(later, Busy)


# -- strangers (P14) --------------------------------------------------------------------------------------


async def test_a_new_account_needs_a_ticket_and_uses_it_up(coop: Cooperative) -> None:
    submit = coop.node.engine.submit
    one, two = Person.make("one", coop.id), Person.make("two", coop.id)
    assert await submit(one.account_genesis(coop.now)) == Refusal("ticket_required", "ticket")
    assert await submit(one.account_genesis(coop.now), ticket="guess") == Refusal("ticket_unknown", "ticket")
    ticket = await coop.node.issue_ticket()
    both = await asyncio.gather(
        submit(one.account_genesis(coop.now), ticket=ticket),
        submit(two.account_genesis(coop.now), ticket=ticket),
    )
    late, other = (two, both[1]) if isinstance(both[0], Committed) else (one, both[0])
    assert sum(isinstance(answer, Committed) for answer in both) == 1
    assert isinstance(other, Busy) or other == Refusal("ticket_used", "ticket")  # at once, or a moment later
    assert await submit(late.account_genesis(coop.now), ticket=ticket) == Refusal("ticket_used", "ticket")
    old = await coop.node.issue_ticket(lifetime=10)
    clock(coop).move(11)
    assert await submit(late.account_genesis(coop.now), ticket=old) == Refusal("ticket_expired", "ticket")


async def test_only_the_holder_of_the_token_founds_and_with_this_nodes_keys(tmp_path: Path) -> None:
    node = Node.open(testing.config(tmp_path / "data"), clock=FixedClock())
    await node.start()
    token = node.founding_token
    assert (tmp_path / "data" / "founding-token").stat().st_mode & 0o077 == 0
    first = testing.found(node.keys)
    assert await node.engine.submit(first.genesis) == Refusal("ticket_required", "ticket")
    other = testing.found(Keystore.random())
    assert await node.engine.submit(other.genesis, ticket=token) == Refusal("not_this_node", "log_key")
    assert isinstance(await node.engine.submit(first.genesis, ticket=token), Committed)
    assert node.founding_token is None
    await node.stop()


async def test_busy_accounts_wait_and_others_do_not(tmp_path: Path) -> None:
    limits = Limits(account_burst=2, account_rate=0.001)
    made = await testing.cooperative(tmp_path / "data", more={"limits": limits})
    other = await made.person("other")
    answers = [await made.node.engine.submit(made.consent(made.founder, f"p{n}")) for n in range(5)]
    assert [type(answer) for answer in answers].count(Committed) <= 2
    assert isinstance(answers[-1], Busy)
    assert answers[-1].code == "too_many_requests"
    assert isinstance(await made.node.engine.submit(made.consent(other, "a")), Committed)
    await made.node.stop()


async def test_the_queue_takes_turns() -> None:
    """P14."""
    queue, robot, person = FairQueue(), Person.make("robot", "h" * 52), Person.make("person", "h" * 52)
    for number, who in enumerate([robot] * 5 + [person]):
        raw = who.sign("consent.withdraw/1", {"re": []}, aud="a" * 52, now=number + 1)
        queue.put(Submission(documents.parse(raw)))
    assert [item.statement.iss == person.id for item in queue.take(3)] == [False, True, False]
    assert len(queue) == 3


# -- projections ------------------------------------------------------------------------------------------

_counts = Table("test_counts", projections, Column("idx", Integer, primary_key=True), Column("type", Text))


_COUNTS = Rows(_counts)


def _count(work: Work, accepted: Accepted) -> None:
    purpose = accepted.statement.payload.get("purpose")
    if purpose == "poison":
        raise ValueError("a bug in a projection")
    if purpose == "twice":
        work.add(_COUNTS, {"idx": accepted.index, "type": "twice"})
    work.add(_COUNTS, {"idx": accepted.index, "type": accepted.statement.type})


async def test_projections_follow_and_are_filled_anew(tmp_path: Path) -> None:
    made = await testing.cooperative(
        tmp_path / "data", projections=[Projection("counts", 1, (_counts,), _count)]
    )
    many = await asyncio.gather(
        *(made.node.engine.submit(made.consent(made.founder, f"p{n}")) for n in range(20))
    )
    assert all(isinstance(answer, Committed) for answer in many)
    size = made.node.engine.head.size
    count = select(func.count()).select_from(_counts)
    assert await made.node.database.read(lambda connection: connection.execute(count).scalar_one()) == size
    await made.node.stop()
    only = Projection("counts", 2, (_counts,), _count, frozenset({"node.tick/1"}))
    node = Node.open(testing.config(tmp_path / "data"), projections=[only])
    assert "counts" in node.standing.notes[-1]
    assert 0 < node.database.read_now(lambda connection: connection.execute(count).scalar_one()) < size
    node.close()


@pytest.mark.parametrize("broken", ["poison", "twice"])
async def test_a_statement_that_breaks_a_projection_harms_no_other(tmp_path: Path, broken: str) -> None:
    made = await testing.cooperative(
        tmp_path / "data", clock=FixedClock(), projections=[Projection("counts", 1, (_counts,), _count)]
    )
    people = await made.people_named("p", 4)
    size, told = made.node.engine.head.size, list[int]()
    made.node.sequencer.subscribe(lambda accepted: told.extend(entry.index for entry in accepted))
    clock(made).move(5)
    purposes = ["a", broken, "b", "c"]
    answers = await asyncio.gather(
        *(
            made.node.engine.submit(made.consent(who, purpose))
            for who, purpose in zip(people, purposes, strict=True)
        )
    )
    assert [isinstance(answer, Committed) for answer in answers] == [True, False, True, True]
    assert made.node.engine.stopped is None and made.node.status()["reason"] is None
    assert told == list(range(size, made.node.engine.head.size)), "pages hear of every entry"
    await made.node.stop()
    assert verify(tmp_path / "data").problems == []


async def test_a_deadline_that_breaks_a_projection_is_told(tmp_path: Path) -> None:
    """No statement is at fault, and none gets in: the operator hears of it."""
    broken = True

    def project(work: Work, accepted: Accepted) -> None:
        if broken and accepted.statement.type == TICK and accepted.writes:
            raise ValueError("a bug, with Анна Первая in its words")

    made = await testing.cooperative(
        tmp_path / "data", clock=FixedClock(), projections=[Projection("counts", 1, (_counts,), project)]
    )
    node, text = made.node, bytes(32)
    fields: dict[str, Value] = {"fields": ["name"], "operator": made.id, "purpose": "term", "text": text}
    await made.must(made.founder, "consent.give/1", fields | {"until": made.now + 100})
    clock(made).move(101)
    people = [made.consent(made.founder, f"p{n}") for n in range(3)]
    answers = await asyncio.gather(*map(node.engine.submit, people))
    assert all(isinstance(answer, Busy) and answer.code == "internal" for answer in answers)
    reason, found = node.status()["reason"], await node.watch.condition()
    assert "statement of time cannot be recorded" in reason and "ValueError" in reason
    assert "Анна" not in reason
    assert [each.facts["reason"] for each in troubles(found) if each.code == "publishing"] == [reason]
    assert node.engine.stopped is None
    broken = False
    await testing.accepted(node.engine.submit(people[0]))
    assert node.status()["reason"] is None and not node.facts.has_consent(made.founder.id, "term")
    await node.stop()
    assert verify(tmp_path / "data").problems == []


# -- failures of the disk ---------------------------------------------------------------------------------


async def test_a_failed_write_drops_the_batch_and_stops(coop: Cooperative) -> None:
    size = coop.node.engine.head.size
    faults.arm("store.before_commit:raise")
    answer = await coop.node.engine.submit(coop.consent(coop.founder, "a"))
    assert isinstance(answer, Busy)
    assert coop.node.engine.head.size == coop.node.store.size() == size
    assert coop.node.engine.stopped is not None
    assert "could not be written" in coop.node.engine.stopped


@pytest.mark.parametrize("reading", ["get", "scan"])
async def test_a_state_that_cannot_be_read_for_a_moment_stops_nothing(
    coop: Cooperative, monkeypatch: pytest.MonkeyPatch, reading: str
) -> None:
    """A server of a database that restarts while a statement is judged, or while deadlines pass."""
    node = coop.node
    await testing.accepted(node.engine.submit(coop.consent(coop.founder, "before")))
    size, clock = node.engine.head.size, node.clock
    assert isinstance(clock, FixedClock)

    def away(*arguments: object) -> None:
        raise OSError(5, "input/output error")

    clock.time += 2  # so that a tick is judged too
    with monkeypatch.context() as patch:
        patch.setattr(node.sequencer.state, reading, away)
        answer = await node.engine.submit(coop.consent(coop.founder, "a"))
        assert isinstance(answer, Busy) and answer.code == "storage"
    assert node.engine.stopped is None and node.store.size() == size
    await testing.accepted(node.engine.submit(coop.consent(coop.founder, "b")))


async def test_entries_of_another_writer_are_not_taken_for_our_own(coop: Cooperative) -> None:
    """As many as we would have written."""
    node, raw = coop.node, coop.consent(coop.founder, "a")
    await testing.accepted(node.engine.submit(coop.consent(coop.founder, "before")))

    def meanwhile(connection: Connection) -> None:
        last = connection.execute(select(entries).order_by(entries.c.idx.desc()).limit(1)).one()._asdict()
        last |= {"idx": last["idx"] + 1, "digest": bytes(32), "entry_digest": bytes(32)}
        connection.execute(insert(entries).values(last))

    node.database.write_now(meanwhile)
    answer = await node.engine.submit(raw)
    assert isinstance(answer, Busy)
    assert node.engine.stopped is not None
    assert "somebody else" in node.engine.stopped
    found = documents.parse(raw)
    assert node.store.find(found.digest, found.entry_digest) is None


async def test_failed_publication_signs_nothing_and_is_made_up(coop: Cooperative) -> None:
    assert await coop.node.publisher.wait_for(coop.node.engine.head.size)
    faults.arm("tiles.synced:raise")
    await testing.accepted(coop.node.engine.submit(coop.consent(coop.founder, "a")))
    assert await coop.node.publisher.wait_for(coop.node.engine.head.size)
    assert coop.node.engine.stopped is None


# -- start-up (P15) ---------------------------------------------------------------------------------------


async def _grown(tmp_path: Path) -> tuple[Path, Cooperative]:
    """A stopped node with 300 entries, so that there are full and partial tiles."""
    made = await testing.cooperative(tmp_path / "data")
    raws = [made.consent(made.founder, f"p{number % 50}") for number in range(300)]
    await asyncio.gather(*(made.node.engine.submit(raw) for raw in raws))
    await made.node.stop()
    return tmp_path / "data", made


def _doubt(data: Path) -> str | None:
    node = Node.open(testing.config(data))
    doubt = node.standing.doubt
    node.close()
    return doubt


async def test_a_sound_start_has_no_doubt(tmp_path: Path) -> None:
    data, _ = await _grown(tmp_path)
    assert _doubt(data) is None
    assert verify(data).problems == []
    for level in ("0", "entries"):
        assert not (data / "log" / "tile" / level / "000.p").exists(), "partials of full tiles are dropped"


@pytest.mark.databases("sqlite")  # it looks at the file
async def test_an_older_database_is_found_out(tmp_path: Path) -> None:
    data, made = await _grown(tmp_path)
    shutil.copy(data / "coopnode.db", tmp_path / "old.db")
    node = Node.open(testing.config(data))
    await node.start()
    for number in range(3):
        await testing.accepted(node.engine.submit(made.consent(made.founder, f"later{number}")))
    await node.stop()
    for name in ("coopnode.db-wal", "coopnode.db-shm"):
        (data / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "old.db", data / "coopnode.db")
    doubt = _doubt(data)
    assert doubt is not None
    assert "older copy" in doubt
    node = Node.open(testing.config(data))
    await node.start()
    answer = await node.engine.submit(made.consent(made.founder, "afterwards"))
    assert isinstance(answer, Busy)
    assert answer.code == "read_only"
    await node.stop()


async def test_lost_files_are_made_again(tmp_path: Path) -> None:
    data, _ = await _grown(tmp_path)
    shutil.rmtree(data / "log" / "tile" / "entries")
    (data / "log" / "tile" / "1" / "000.p" / "1").unlink()
    assert _doubt(data) is None
    assert verify(data).problems == []


async def test_changed_files_are_doubt(tmp_path: Path) -> None:
    data, _ = await _grown(tmp_path)
    path = data / "log" / "tile" / "0" / "000"
    path.write_bytes(bytes(len(path.read_bytes())))
    doubt = _doubt(data)
    assert doubt is not None
    assert "differs from the database" in doubt


async def test_a_head_that_is_behind_follows(tmp_path: Path) -> None:
    data, made = await _grown(tmp_path)
    node = Node.open(testing.config(data))
    name, size = f"coopnode/{made.id}/0", node.engine.head.size
    root = node.sequencer.tree.root_at(10)
    known = node.heads.get(name)
    (data / "log" / "checkpoint").unlink()
    node.heads.swap(name, known, StoredHead(10, root))
    # As if nothing beyond had been signed; while 300 entries come, the publisher may have signed some.
    node.database.write_now(lambda connection: set_meta(connection, "signed", "10"))
    node.close()
    node = Node.open(testing.config(data))
    assert node.standing.doubt is None
    await node.start()
    assert await node.publisher.wait_for(size)
    assert node.heads.get(name) == StoredHead(size, node.engine.head.tree.root())
    await node.stop()


async def test_another_history_under_a_known_head_is_doubt(tmp_path: Path) -> None:
    data, made = await _grown(tmp_path)
    node = Node.open(testing.config(data))
    name = f"coopnode/{made.id}/0"
    node.heads.swap(name, node.heads.get(name), StoredHead(10, bytes(32)))
    node.close()
    doubt = _doubt(data)
    assert doubt is not None
    assert "another history" in doubt


async def test_a_missing_head_database_stops_the_start(tmp_path: Path) -> None:
    data, _ = await _grown(tmp_path)
    shutil.rmtree(data / "head")
    with pytest.raises(NodeError, match="head database"):
        Node.open(testing.config(data))


async def test_foreign_keys_are_doubt(tmp_path: Path) -> None:
    data, _ = await _grown(tmp_path)
    (data / "keys" / "log").write_bytes(bytes(32))
    doubt = _doubt(data)
    assert doubt is not None
    assert "not those of this log" in doubt


async def test_a_second_process_is_refused_in_words(coop: Cooperative) -> None:
    with pytest.raises(NodeError, match="in use by another"):
        Node.open(coop.node.config)


async def test_nonces_are_remembered_over_a_restart(tmp_path: Path) -> None:
    """P1."""
    made = await testing.cooperative(tmp_path / "data")
    cti = bytes(16)
    fields: dict[str, Value] = {"fields": ["name"], "operator": made.id, "purpose": "a", "text": bytes(32)}
    raw = made.founder.sign("consent.give/1", fields, aud=made.id, now=made.now, cti=cti)
    await testing.accepted(made.node.engine.submit(raw))
    await made.node.stop()
    node = Node.open(testing.config(tmp_path / "data"))
    await node.start()
    other = made.founder.sign("consent.give/1", fields | {"purpose": "b"}, aud=made.id, now=made.now, cti=cti)
    answer = await node.engine.submit(other)
    assert isinstance(answer, Refusal)
    assert answer.code == "nonce_reused"
    await node.stop()


@pytest.mark.databases("sqlite")  # it looks at the file
def test_tickets_are_kept_as_digests(tmp_path: Path) -> None:
    node = Node.open(testing.config(tmp_path / "data"))
    token = node.founding_token
    assert token is not None
    node.close()
    assert token.encode() not in (tmp_path / "data" / "coopnode.db").read_bytes()
    assert admission.token_digest(token) in b"".join(
        path.read_bytes() for path in (tmp_path / "data").glob("coopnode.db*")
    )
