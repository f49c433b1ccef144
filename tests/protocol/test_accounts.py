"""Accounts, their keys and two logs that share one (SPEC §6, P7–P11)."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import Any

import pytest

from coopnode.testing import Memory, Person, seed, sign_statement
from protocol import checkpoints, documents, encoding, merkle, proofs, signatures
from protocol.checkpoints import Checkpoint
from protocol.contract import View
from protocol.contracts import accounts
from protocol.contracts.accounts import MAX_EARLY, OBJECTION_WAIT, RECOVERY_WAIT, Account
from protocol.identifiers import origin
from protocol.keys import PublicKey
from protocol.log import Accepted, Refused
from protocol.proofs import TlogProof


def account(log: Memory, id: str) -> Account:
    found = View(log.replica.state, "account").get("account", id, Account)
    assert found is not None
    return found


def public(key: bytes, scope: str = "sign") -> dict[str, Any]:
    return {"alg": -19, "pub": signatures.public_key(key), "scope": scope}


def commitment(key: bytes) -> bytes:
    return hashlib.sha256(encoding.encode({"alg": -19, "pub": signatures.public_key(key)})).digest()


@dataclass
class Device:
    """Writes the key events of one account; remembers nothing but the person."""

    person: Person
    log: Memory

    def event(self, type: str, fields: dict[str, Any], signer: bytes | None = None) -> bytes:
        id = self.person.id
        return sign_statement(
            signer or self.person.key, type, fields, iss=id, sub=id, aud=id, now=self.log.now
        )

    def chain(self) -> tuple[int, bytes]:
        events = account(self.log, self.person.id).events
        return len(events), events[-1]

    def proof(self, new: bytes, number: int, prev: bytes) -> bytes:
        kid = signatures.public_key(new)
        return signatures.sign(new, documents.possession(kid, self.person.id, number, prev))

    def add(self, new: bytes, signer: bytes | None = None, **changes: Any) -> bytes:
        number, prev = self.chain()
        fields = {"number": number, "prev": prev, "key": public(new), "proof": self.proof(new, number, prev)}
        return self.event("account.key/1", {**fields, **changes}, signer)

    def recover(self, new: bytes, following: bytes, signer: bytes | None = None, **changes: Any) -> bytes:
        number, prev = self.chain()
        number, prev = changes.get("number", number), changes.get("prev", prev)
        fields: dict[str, Any] = {
            "number": number,
            "prev": prev,
            "recovery": public(signer or self.person.recovery, "recovery"),
            "next": commitment(following),
            "keys": [public(new)],
            "proofs": [self.proof(new, number, prev)],
            "revoke": [],
        }
        return self.event("account.recover/1", {**fields, **changes}, signer or self.person.recovery)

    def object(self, recovery: bytes, signer: bytes | None = None) -> bytes:
        return self.event("account.object/1", {"recovery": recovery}, signer)

    def revoke(self, kid: bytes, signer: bytes | None = None, **more: Any) -> bytes:
        return self.event("account.revoke/1", {"key": kid, **more}, signer)


@pytest.fixture
def log() -> Memory:
    return Memory()


@pytest.fixture
def device(log: Memory) -> Device:
    return Device(log.person("мария"), log)


def refused(outcome: Accepted | Refused) -> str:
    assert isinstance(outcome, Refused), "the statement was accepted"
    return outcome.code


def consent(log: Memory, person: Person, key: bytes | None = None, **more: Any) -> bytes:
    fields: dict[str, Any] = {
        "purpose": "membership",
        "operator": log.id,
        "fields": ["name"],
        "text": bytes(32),
    }
    sender = Person(person.name, person.home, key, person.recovery) if key else person
    return sign_statement(
        sender.key, "consent.give/1", fields, iss=person.id, sub=person.id, aud=log.id, now=log.now, **more
    )


def test_a_key_adds_a_key_and_both_sign(log: Memory, device: Device) -> None:
    second = seed("second device")
    assert refused(log.offer(consent(log, device.person, second))) == "unknown_key"
    log.add(device.add(second))
    log.add(consent(log, device.person, second))
    log.add(consent(log, device.person))


def test_p7_a_stranger_adds_no_key(log: Memory, device: Device) -> None:
    assert refused(log.offer(device.add(seed("theirs"), signer=seed("thief")))) == "unknown_key"


def test_p8_every_key_signs_for_itself(log: Memory, device: Device) -> None:
    new = seed("second device")
    number, prev = device.chain()
    for proof in (bytes(64), device.proof(new, number + 1, prev), device.proof(seed("other"), number, prev)):
        assert refused(log.offer(device.add(new, proof=proof))) == "no_possession"
    other = log.person("пётр")
    stolen = signatures.sign(other.key, documents.possession(other.kid, device.person.id, number, prev))
    assert refused(log.offer(device.add(other.key, proof=stolen))) == "key_taken"


def test_p8_genesis_proves_each_key(log: Memory) -> None:
    person = Person.make("аня", log.id)
    fields: dict[str, Any] = {"genesis": person.genesis, "proofs": [bytes(64)]}
    assert (
        refused(log.offer(person.sign("account.genesis/1", fields, aud=person.id, now=log.now)))
        == "no_possession"
    )
    fields["proofs"] = []
    assert (
        refused(log.offer(person.sign("account.genesis/1", fields, aud=person.id, now=log.now)))
        == "invalid_field"
    )


def test_an_id_is_the_digest_of_its_genesis(log: Memory) -> None:
    person, other = Person.make("аня", log.id), Person.make("оля", log.id)
    proof = signatures.sign(person.key, documents.possession(person.kid, other.id, 0))
    fields: dict[str, Any] = {"genesis": person.genesis, "proofs": [proof]}
    raw = sign_statement(
        person.key, "account.genesis/1", fields, iss=other.id, sub=other.id, aud=other.id, now=log.now
    )
    assert refused(log.offer(raw)) == "wrong_account_id"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"number": 5}, "wrong_number"),
        ({"prev": bytes(32)}, "wrong_previous"),
        ({"key": {"alg": -19, "pub": bytes(32), "scope": "sign"}}, "invalid_key"),
        ({"key": public(seed("robot"), "robot")}, "invalid_key"),
        ({"key": {"alg": -8, "pub": bytes(32), "scope": "sign"}}, "invalid_key"),
    ],
)
def test_key_events_are_exact(log: Memory, device: Device, changes: dict[str, Any], code: str) -> None:
    assert refused(log.offer(device.add(seed("second device"), **changes))) == code


def test_p7_keys_of_the_recovery_key_wait_three_days(log: Memory, device: Device) -> None:
    new = seed("after recovery")
    log.add(device.recover(new, seed("next paper")))
    assert refused(log.offer(consent(log, device.person, new))) == "key_waiting"
    log.tick(RECOVERY_WAIT)
    log.add(consent(log, device.person, new))


def test_p7_an_old_key_shortens_the_wait(log: Memory, device: Device) -> None:
    new = seed("after recovery")
    log.add(device.recover(new, seed("next paper")))
    log.add(device.add(new))
    log.add(consent(log, device.person, new))


# --- who has the paper, who has the device (P7) ---------------------------------------------------------


def test_p7_a_thief_of_the_paper_is_stopped_by_a_key_in_force(log: Memory, device: Device) -> None:
    new = seed("thief")
    log.add(device.recover(new, seed("thief's paper")))
    log.add(device.revoke(signatures.public_key(new)))
    log.tick(RECOVERY_WAIT)
    assert refused(log.offer(consent(log, device.person, new))) == "key_revoked"
    log.add(consent(log, device.person))


def test_p7_a_thief_of_the_paper_silences_nobody_at_once(log: Memory, device: Device) -> None:
    """He revokes every key with the recovery itself; a revoked key signs one thing more."""
    new, kid = seed("thief"), device.person.kid
    recovery = documents.parse(device.recover(new, seed("thief's paper"), revoke=[kid]))
    log.add(recovery.raw)
    assert refused(log.offer(consent(log, device.person))) == "key_revoked"
    log.tick(RECOVERY_WAIT - 2)
    objection = device.object(recovery.digest)
    log.add(objection)
    assert refused(log.offer(objection)) == "already_objected"
    log.tick(OBJECTION_WAIT - 1)
    assert refused(log.offer(consent(log, device.person, new))) == "key_waiting"
    # Time and people decide: the old key does not come back.
    assert refused(log.offer(consent(log, device.person))) == "key_revoked"
    again, paper = seed("thief again"), seed("thief's paper")
    log.add(device.recover(again, seed("third paper"), signer=paper))
    assert account(log, device.person.id).keys[-1].active_from == log.now + RECOVERY_WAIT


def test_p7_a_recovery_during_a_dispute_waits_for_its_end(log: Memory, device: Device) -> None:
    new, paper = seed("thief"), seed("thief's paper")
    recovery = documents.parse(device.recover(new, paper, revoke=[device.person.kid]))
    log.add(recovery.raw)
    log.add(device.object(recovery.digest))
    until = log.now + OBJECTION_WAIT
    log.tick(3600)
    log.add(device.recover(seed("again"), seed("third paper"), signer=paper))
    assert {key.active_from for key in account(log, device.person.id).keys[1:]} == {until}
    assert refused(log.offer(device.object(account(log, device.person.id).events[-1]))) == "already_objected"


def test_p7_a_key_silenced_in_the_last_minute_has_its_three_days(log: Memory, device: Device) -> None:
    new, paper = seed("thief"), seed("thief's paper")
    recovery = documents.parse(device.recover(new, paper))
    log.add(recovery.raw)
    log.tick(RECOVERY_WAIT - 60)
    log.add(device.revoke(device.person.kid, signer=paper))
    log.tick(3600)
    assert refused(log.offer(consent(log, device.person, new))) == "key_waiting"
    log.add(device.object(recovery.digest))
    assert account(log, device.person.id).keys[-1].active_from == log.now + OBJECTION_WAIT


def test_p7_a_thief_of_a_device_delays_the_owner_once(log: Memory, device: Device) -> None:
    """The device is dead at once; its word against the paper costs thirty days and no more."""
    stolen, new, paper = device.person.key, seed("new device"), seed("next paper")
    recovery = documents.parse(device.recover(new, paper, revoke=[device.person.kid]))
    log.add(recovery.raw)
    assert refused(log.offer(consent(log, device.person, stolen))) == "key_revoked"
    assert refused(log.offer(device.add(seed("thief"), signer=stolen))) == "key_revoked"
    log.add(device.object(recovery.digest, stolen))
    log.tick(OBJECTION_WAIT)
    log.add(consent(log, device.person, new))
    assert refused(log.offer(device.object(recovery.digest, stolen))) == "nothing_waits"
    # A later recovery is none of the old device's business.
    log.tick(60)
    later = documents.parse(device.recover(seed("third"), seed("third paper"), signer=paper))
    log.add(later.raw)
    assert refused(log.offer(device.object(later.digest, stolen))) == "key_revoked"
    assert refused(log.offer(device.object(recovery.digest, new))) == "nothing_waits"


def test_p7_only_keys_the_person_had_object(log: Memory, device: Device) -> None:
    second, new = seed("second device"), seed("after recovery")
    log.add(device.add(second))
    log.add(device.revoke(signatures.public_key(second)))
    recovery = documents.parse(device.recover(new, seed("next paper")))
    assert refused(log.offer(device.object(recovery.digest))) == "nothing_waits"
    log.add(recovery.raw)
    for key, code in ((second, "key_revoked"), (new, "unknown_key"), (seed("nobody"), "unknown_key")):
        assert refused(log.offer(device.object(recovery.digest, key))) == code
    assert refused(log.offer(device.object(bytes(32)))) == "nothing_waits"
    log.add(device.object(recovery.digest))
    log.add(device.add(new))  # a key in force and the paper agree: the dispute is over
    log.add(consent(log, device.person, new))


def test_p7_an_objection_needs_no_home_log(log: Memory, other: Memory, device: Device) -> None:
    """The thief's own home would not take it; each log that knows the key does."""
    genesis, new = log.entries[-1], seed("thief")
    other.add(copy(other, log, device.person, [genesis]))
    recovery = documents.parse(device.recover(new, seed("thief's paper"), revoke=[device.person.kid]))
    log.add(recovery.raw)
    other.tick(86_400)
    other.add(copy(other, log, device.person, [recovery.raw], key=new))
    other.add(device.object(recovery.digest))
    other.tick(RECOVERY_WAIT)
    assert refused(other.offer(consent(other, device.person, new))) == "key_waiting"
    confirmed = device.add(seed("another"), signer=new)
    log.tick(RECOVERY_WAIT)
    log.add(confirmed)
    other.add(copy(other, log, device.person, [confirmed], key=new))
    assert refused(other.offer(consent(other, device.person, seed("another")))) == "key_waiting"
    other.tick(OBJECTION_WAIT)
    other.add(consent(other, device.person, new))


def test_p7_only_the_recovery_key_changes_the_recovery_key(log: Memory, device: Device) -> None:
    new, paper = seed("after recovery"), seed("next paper")
    wrong = device.event(
        "account.recover/1",
        {
            "number": 1,
            "prev": device.chain()[1],
            "recovery": public(device.person.key, "recovery"),
            "next": commitment(paper),
            "keys": [],
            "proofs": [],
            "revoke": [],
        },
    )
    assert refused(log.offer(wrong)) == "wrong_recovery_key"
    log.add(device.recover(new, paper))
    assert refused(log.offer(device.recover(seed("again"), seed("third paper")))) == "wrong_recovery_key"
    log.add(device.recover(seed("again"), seed("third paper"), signer=paper))


def test_p9_at_most_32_key_events_a_year(log: Memory, device: Device) -> None:
    for number in range(15):
        log.add(device.add(seed(f"device {number}")))
        log.add(device.revoke(signatures.public_key(seed(f"device {number}"))))
    for number in range(15, 31):
        log.add(device.add(seed(f"device {number}")))
        log.add(device.revoke(signatures.public_key(seed(f"device {number}"))))
    assert refused(log.offer(device.add(seed("one too many")))) == "too_many_key_events"
    log.tick(accounts.YEAR + 1)
    log.add(device.add(seed("one too many")))


def test_p10_revocation_is_immediate_and_never_backwards(log: Memory, device: Device) -> None:
    second = seed("second device")
    log.add(device.add(second))
    before = log.add(consent(log, device.person, second))
    log.add(device.revoke(signatures.public_key(second), suspected_from=log.now))
    assert refused(log.offer(consent(log, device.person, second))) == "key_revoked"
    assert log.replica.head.size > before.index  # what was signed before stays in the log
    log.add(consent(log, device.person))


def test_p10_the_recovery_key_revokes_and_a_revocation_only_grows(log: Memory, device: Device) -> None:
    log.add(device.revoke(device.person.kid, signer=device.person.recovery, suspected_from=log.now))
    assert refused(log.offer(consent(log, device.person))) == "key_revoked"
    again = device.revoke(device.person.kid, signer=device.person.recovery)
    assert refused(log.offer(again)) == "key_revoked"
    earlier = device.revoke(device.person.kid, signer=device.person.recovery, suspected_from=log.now - 60)
    log.add(earlier)
    assert account(log, device.person.id).keys[0].suspected_from == log.now - 60


# --- two logs, one account
# ---------------------------------------------------------------------------------------------


def proved(log: Memory, raw: bytes) -> bytes:
    """The tlog-proof of an entry against the whole log as it stands."""
    index = log.entries.index(raw)
    size = len(log.entries)
    leaves = [merkle.leaf_hash(entry) for entry in log.entries]
    note = checkpoints.sign_checkpoint(Checkpoint(origin(log.id, 0), size, merkle.root(leaves)), log.keys.log)
    path = tuple(merkle.inclusion_path(merkle.subtrees(leaves), index, size))
    return proofs.format(TlogProof(index, path, note))


def genesis_map(log: Memory) -> bytes:
    value = documents.parse(log.entries[0]).payload["genesis"]
    return encoding.encode(value)


def copy(
    target: Memory,
    source: Memory,
    person: Person,
    raws: list[bytes],
    key: bytes | None = None,
    **changes: Any,
) -> bytes:
    items = [{"statement": raw, "proof": proved(source, raw)} for raw in raws]
    fields: dict[str, Any] = {"home": genesis_map(source), "events": items}
    return sign_statement(
        key or person.key,
        "account.copy/1",
        {**fields, **changes},
        iss=person.id,
        sub=person.id,
        aud=target.id,
        now=target.now,
    )


@pytest.fixture
def other() -> Memory:
    """A second cooperative with a node of its own."""
    log = Memory(name="Другой кооператив", founder="another founder")
    assert log.id != Memory().id
    return log


def test_p9_an_account_comes_to_another_log_with_its_proof(
    log: Memory, other: Memory, device: Device
) -> None:
    person = device.person
    assert refused(other.offer(consent(other, person))) == "unknown_account"
    assert refused(other.offer(log.entries[-1])) == "not_home"
    second = seed("second device")
    log.add(device.add(second))
    other.add(copy(other, log, person, log.entries[-2:]))
    other.add(consent(other, person))
    other.add(consent(other, person, second))


def test_a_statement_for_one_cooperative_is_nothing_in_another(
    log: Memory, other: Memory, device: Device
) -> None:
    other.add(copy(other, log, device.person, log.entries[-1:]))
    assert refused(other.offer(consent(log, device.person))) == "wrong_audience"
    assert refused(other.offer(consent(log, device.person, cti=bytes(16)))) == "wrong_audience"


def test_p9_a_copy_without_the_right_proof_is_refused(log: Memory, other: Memory, device: Device) -> None:
    person, raw = device.person, log.entries[-1]
    good = proved(log, raw)
    forged_log = Memory(name="Другой кооператив", founder="another founder")
    broken: list[dict[str, Any]] = [
        {"events": [{"statement": raw, "proof": b""}]},
        {"events": [{"statement": raw, "proof": good[:-8] + b"AAAAAA=\n"}]},
        {"events": [{"statement": log.entries[-2], "proof": good}]},
        {"home": genesis_map(forged_log)},
        {"home": genesis_map(log)[:-1]},
        {"events": []},
    ]
    for changes in broken:
        assert refused(other.offer(copy(other, log, person, [raw], **changes))) in (
            "bad_proof",
            "invalid_field",
        )


def test_p9_only_the_owner_copies(log: Memory, other: Memory, device: Device) -> None:
    thief = copy(other, log, device.person, log.entries[-1:], key=seed("thief"))
    assert refused(other.offer(thief)) == "unknown_key"


def test_p9_an_account_of_no_home_log_is_refused(log: Memory, other: Memory) -> None:
    homeless = Person.make("без дома", other.id)
    assert refused(log.offer(homeless.account_genesis(log.now))) == "not_home"


def test_p10_a_late_revocation_needs_no_number_and_no_proof(
    log: Memory, other: Memory, device: Device
) -> None:
    second = seed("second device")
    log.add(device.add(second))
    other.add(copy(other, log, device.person, log.entries[-2:]))
    log.tick(86_400 * 3)
    revoked = device.revoke(signatures.public_key(second))
    log.add(revoked)
    other.tick(86_400 * 5)  # carried days later, long after its `exp`
    other.add(consent(other, device.person, second))
    other.add(revoked)
    assert refused(other.offer(consent(other, device.person, second))) == "key_revoked"
    other.add(consent(other, device.person))


def test_p10_a_revocation_is_faster_than_the_key(log: Memory, other: Memory, device: Device) -> None:
    """The copy that brings the key comes after whoever carried its revocation."""
    second, genesis = seed("second device"), log.entries[-1]
    other.add(copy(other, log, device.person, [genesis]))
    added = device.add(second)
    log.add(added)
    revoked = device.revoke(signatures.public_key(second), suspected_from=log.now)
    log.add(revoked)
    other.tick(10)
    other.add(revoked)
    assert refused(other.offer(revoked)) == "key_revoked"
    other.add(copy(other, log, device.person, [added]))
    assert refused(other.offer(consent(other, device.person, second))) == "key_revoked"
    state = account(other, device.person.id)
    assert not state.early and state.keys[-1].suspected_from == log.now
    other.add(consent(other, device.person))


def test_p10_early_revocations_are_bounded_and_of_ones_own_keys(
    log: Memory, other: Memory, device: Device
) -> None:
    other.add(copy(other, log, device.person, log.entries[-1:]))
    theirs = other.person("пётр")
    assert refused(other.offer(device.revoke(theirs.kid))) == "unknown_key"
    assert refused(log.offer(device.revoke(bytes(32)))) == "unknown_key"  # at home no key is on its way
    for number in range(MAX_EARLY):
        other.add(device.revoke(seed(f"never {number}")))
    assert refused(other.offer(device.revoke(seed("one more")))) == "too_many_keys"
    other.add(device.revoke(seed("one more"), signer=device.person.recovery))


def forked(log: Memory, other: Memory, device: Device) -> tuple[Memory, bytes, bytes]:
    """The home log shows `other` one second event and keeps another one: the branches differ from number 1
    on."""
    twin = Memory()
    twin.add(log.entries[-1])
    twin_device = Device(device.person, twin)
    ours, theirs = seed("our branch"), seed("their branch")
    log.add(device.add(ours))
    twin.add(twin_device.add(theirs))
    other.add(copy(other, log, device.person, log.entries[-2:]))
    return twin, ours, theirs


def test_p9_on_a_fork_common_keys_work_and_branch_keys_stop(
    log: Memory, other: Memory, device: Device
) -> None:
    twin, ours, theirs = forked(log, other, device)
    other.add(consent(other, device.person, ours))
    other.add(copy(other, twin, device.person, twin.entries[-1:]))
    assert refused(other.offer(consent(other, device.person, ours))) == "key_revoked"
    assert refused(other.offer(consent(other, device.person, theirs))) == "unknown_key"
    other.add(consent(other, device.person))
    log.add(device.add(seed("later")))
    assert refused(other.offer(copy(other, log, device.person, log.entries[-1:]))) == "account_forked"


def test_p9_the_recovery_key_ends_the_fork(log: Memory, other: Memory, device: Device) -> None:
    twin, _, _ = forked(log, other, device)
    other.add(copy(other, twin, device.person, twin.entries[-1:]))
    branch = documents.parse(log.entries[-1]).digest
    new = seed("after the fork")
    log.add(device.recover(new, seed("next paper"), branch=branch))
    other.add(copy(other, log, device.person, log.entries[-1:]))
    other.tick(RECOVERY_WAIT)
    other.add(consent(other, device.person, new))
    other.add(consent(other, device.person))


def test_p9_a_fork_ends_only_on_a_known_branch(log: Memory, other: Memory, device: Device) -> None:
    twin, _, _ = forked(log, other, device)
    other.add(copy(other, twin, device.person, twin.entries[-1:]))
    log.add(device.recover(seed("after the fork"), seed("next paper"), branch=random.randbytes(32)))
    assert refused(other.offer(copy(other, log, device.person, log.entries[-1:]))) == "unknown_branch"


def test_home_moves_by_a_numbered_event(log: Memory, other: Memory, device: Device) -> None:
    number, prev = device.chain()
    moved = device.event(
        "account.home/1", {"number": number, "prev": prev, "home": other.id}, device.person.recovery
    )
    log.add(moved)
    assert account(log, device.person.id).home == other.id
    assert refused(log.offer(device.add(seed("second device")))) == "not_home"


def test_keys_are_one_shape_everywhere() -> None:
    key = PublicKey(-19, signatures.public_key(seed("x")), "sign")
    assert (key.alg, len(key.pub), key.scope) == (-19, 32, "sign")
