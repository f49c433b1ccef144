"""Attacks on formats, kernel and contracts, one test each: what an adversary tried and no longer gets.

Numbers are those of the rules of the protocol (P) and of the seed (R, A).
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
import pytest

from coopnode import testing
from coopnode.testing import Memory, Person, seed, sign_statement
from protocol import (
    checkpoints,
    documents,
    encoding,
    keys,
    merkle,
    methodology,
    proofs,
    registry,
    signatures,
)
from protocol.checkpoints import Checkpoint
from protocol.contract import View
from protocol.contracts import founding, membership
from protocol.contracts.accounts import MAX_KEYS, RECOVERY_WAIT, YEAR
from protocol.documents import OnBehalf, Seen
from protocol.encoding import Value
from protocol.errors import StatementError
from protocol.identifiers import identifier, origin
from protocol.log import Accepted, Refused, SeenAhead
from protocol.methodology import Pack, Parameter
from protocol.proofs import TlogProof
from tests.protocol import world
from tests.protocol.test_accounts import (
    Device,
    account,
    consent,
    copy,
    forked,
    genesis_map,
    public,
    refused,
)
from tests.protocol.test_founding import Assembly
from tests.protocol.test_membership import Applying


@pytest.fixture
def log() -> Memory:
    return Memory()


@pytest.fixture
def other() -> Memory:
    return Memory(name="Другой кооператив", founder="another founder")


@pytest.fixture
def device(log: Memory) -> Device:
    return Device(log.person("мария"), log)


# --- a whole node stopped by one statement --------------------------------------------------------


@pytest.mark.parametrize("type", ["account.revoke/1", "cooperative.pack/1", "account.copy/1"])
def test_p3_a_stranger_cannot_stop_the_node_with_an_invented_seen(log: Memory, type: str) -> None:
    """Key events are judged by their contract, so no key stood behind the accusation."""
    thief = seed("nobody")
    fields: dict[str, dict[str, Value]] = {
        "account.revoke/1": {"key": bytes(32)},
        "cooperative.pack/1": {"name": "x", "version": 1, "bytes": b""},
        "account.copy/1": {"home": b"", "events": []},
    }
    for iss in (log.founder.id, Person.make("никто", log.id).id):
        raw = sign_statement(
            thief,
            type,
            fields[type],
            iss=iss,
            sub=iss,
            aud=log.id if type != "account.revoke/1" else iss,
            now=log.now,
            seen=Seen(0, 10**6, bytes(32), bytes(64)),
        )
        assert isinstance(log.offer(raw), Refused)


def test_p3_nor_can_a_hostile_officer() -> None:
    """Neither an invented signature, nor one of another key, size, root or log stops the cooperative."""
    log, people = constituted()
    head = log.replica.head
    good = testing.seen(log.keys, log.id, head.size + 5, bytes(32))
    own = Checkpoint(origin(log.id, 0), good.size, good.root)
    forged = signatures.sign(people[0].key, checkpoints.format(own).encode())
    inventions = (
        good._replace(signature=bytes(64)),
        good._replace(signature=forged),
        good._replace(size=good.size + 1),
        good._replace(root=bytes([1]) * 32),
        testing.seen(log.keys, people[0].id, good.size, good.root),
        log.seen()._replace(size=good.size),
    )
    for seen in inventions:
        assert refused(log.offer(consent(log, people[0], seen=seen))) == "seen_unknown"


def test_p3_what_our_own_key_signed_stops_it_whoever_carries_it(log: Memory) -> None:
    ahead = testing.seen(log.keys, log.id, log.replica.head.size + 1, bytes(32))
    for person in (log.person("мария"), Person.make("никто", log.id)):
        with pytest.raises(SeenAhead):
            log.offer(consent(log, person, seen=ahead))


def test_p3_a_second_history_under_our_key_stops_it_too(log: Memory) -> None:
    """The node was rolled back and has grown past what it had published."""
    person = log.person("мария")
    size = log.replica.head.size - 1
    with pytest.raises(SeenAhead):
        log.offer(consent(log, person, seen=testing.seen(log.keys, log.id, size, bytes(32))))
    invented = Seen(0, size, bytes(32), bytes(64))
    assert refused(log.offer(consent(log, person, seen=invented))) == "seen_fork"


def test_p9_a_fork_of_a_hundred_keys_is_taken_and_tells_only_what_ended(log: Memory, other: Memory) -> None:
    """Revoked keys that are stopped as well set off nothing: the number of effects is bounded."""
    person = log.person("мария")
    device = Device(person, log)
    first = log.entries[-1]
    twin = Memory()
    twin.add(first)
    paper = person.recovery
    raws = [first]
    for turn in range(6):
        number, prev = device.chain()
        new = [seed(f"{turn}/{place}") for place in range(15)]
        body = {
            "keys": [public(key) for key in new],
            "proofs": [device.proof(key, number, prev) for key in new],
            "revoke": [key.pub for key in account(log, person.id).keys[1:]],
        }
        raw = device.recover(new[0], seed(f"paper {turn}"), signer=paper, **body)
        log.add(raw)
        raws.append(raw)
        paper = seed(f"paper {turn}")
    twin_raw = Device(person, twin).add(seed("their branch"))
    twin.add(twin_raw)
    other.add(copy(other, log, person, raws))
    taken = other.add(copy(other, twin, person, [twin_raw]))
    assert len(taken.effects) <= MAX_KEYS


def test_r88_more_than_sixty_founders_found_a_cooperative() -> None:
    """One effect for every member made is no loop."""
    log = Memory(kind="new")
    people = founders(log, 70)
    found_new(log, people, seats=3)
    register = View(log.replica.state, "membership").need("register", "current", membership.Register)
    assert (register.members, register.largest) == (70, 70)


def test_a_record_has_one_encoding_however_it_came_about() -> None:
    """msgspec leaves out a default it knows by identity: text from a pack was written, the same text read
    back was not, and an audit in memory disagreed with the node's database."""
    log, people = constituted()
    raw = log.sign(people[0], "council.propose/1", {"kind": "free"}, sub=log.id)
    for write in log.add(raw).writes.items():
        (domain, key), value = write
        if value is not None:
            data = registry.encode_record(value)
            assert registry.encode_record(registry.decode_record(domain, key, data)) == data


# --- accounts -------------------------------------------------------------------------------------


def test_p7_a_thief_cannot_use_up_the_year_of_the_recovery_key(log: Memory, device: Device) -> None:
    for number in range(31):
        log.add(device.add(seed(f"thief {number}")))
        log.add(device.revoke(signatures.public_key(seed(f"thief {number}"))))
    assert refused(log.offer(device.add(seed("thief 31")))) == "too_many_key_events"
    log.add(device.recover(seed("after the theft"), seed("next paper"), revoke=[device.person.kid]))


def test_p9_the_recovery_key_too_has_a_bound(log: Memory, device: Device) -> None:
    paper, outcomes = device.person.recovery, []
    for turn in range(40):
        raw = device.recover(seed(f"new {turn}"), seed(f"paper {turn}"), signer=paper, keys=[], proofs=[])
        outcomes.append(log.offer(raw))
        paper = seed(f"paper {turn}")
    assert [isinstance(outcome, Accepted) for outcome in outcomes].count(True) == 39
    assert refused(outcomes[-1]) == "too_many_key_events"


def test_p9_a_stolen_sign_key_cannot_carry_the_account_to_another_home(log: Memory, device: Device) -> None:
    """Nobody could recover it there: the thief's node need not take the event."""
    number, prev = device.chain()
    for home in (identifier(bytes(32)), "nowhere"):
        raw = device.event("account.home/1", {"number": number, "prev": prev, "home": home})
        assert refused(log.offer(raw)) in ("wrong_recovery_key", "invalid_field")
    raw = device.event(
        "account.home/1", {"number": number, "prev": prev, "home": "nowhere"}, device.person.recovery
    )
    assert refused(log.offer(raw)) == "invalid_field"


def test_p9_a_long_history_comes_to_another_log_at_once(log: Memory, other: Memory, device: Device) -> None:
    """The quota of a year was the home log's; copying four years takes a minute."""
    first = log.entries[-1]
    raws = [first]
    for number in range(40):
        if number == 20:
            log.tick(YEAR + 1)
        raws.append(device.add(seed(f"device {number}")))
        log.add(raws[-1])
        log.add(device.revoke(signatures.public_key(seed(f"device {number}"))))
    revocations = [raw for raw in log.entries if documents.parse(raw).type == "account.revoke/1"]
    for start in range(0, len(raws), 10):
        other.add(copy(other, log, device.person, raws[start : start + 10]))
        for raw in revocations:
            other.offer(raw)
    assert len(account(other, device.person.id).events) == 41


def test_p10_a_revocation_that_came_first_does_not_block_the_chain(
    log: Memory, other: Memory, device: Device
) -> None:
    """At home the old key added the new one and was then revoked; the other log hears of the revocation
    first. What the old key added comes, but waits as after a recovery: a thief could stand behind it."""
    genesis, second = log.entries[-1], seed("second device")
    other.add(copy(other, log, device.person, [genesis]))
    added = device.add(second)
    log.add(added)
    revoked = device.revoke(device.person.kid, signer=second)
    log.add(revoked)
    by_paper = device.revoke(device.person.kid, signer=device.person.recovery)
    other.add(by_paper)
    other.add(copy(other, log, device.person, [added], key=second))
    assert refused(other.offer(consent(other, device.person, second))) == "key_waiting"
    other.tick(RECOVERY_WAIT)
    other.add(consent(other, device.person, second))


def test_p7_a_copy_does_not_shorten_a_wait_with_a_key_revoked_here(
    log: Memory, other: Memory, device: Device
) -> None:
    genesis, new = log.entries[-1], seed("after recovery")
    recovered = device.recover(new, seed("next paper"))
    log.add(recovered)
    confirmed = device.add(new)
    log.add(confirmed)
    other.add(copy(other, log, device.person, [genesis, recovered]))
    other.add(device.revoke(device.person.kid))
    other.add(copy(other, log, device.person, [confirmed], key=new))
    assert refused(other.offer(consent(other, device.person, new))) == "key_waiting"


def equivocation(log: Memory, raws: list[bytes]) -> tuple[bytes, list[Value]]:
    """What a dishonest home node can make alone: a tree of anything, signed with its log key."""
    leaves = [merkle.leaf_hash(raw) for raw in raws]
    note = checkpoints.sign_checkpoint(
        Checkpoint(origin(log.id, 0), len(raws), merkle.root(leaves)), log.keys.log
    )
    items: list[Value] = []
    for index, raw in enumerate(raws):
        path = tuple(merkle.inclusion_path(merkle.subtrees(leaves), index, len(raws)))
        items.append({"statement": raw, "proof": proofs.format(TlogProof(index, path, note))})
    return genesis_map(log), items


def carried(
    target: Memory, person: Person, home: bytes, items: list[Value], key: bytes | None = None
) -> bytes:
    return sign_statement(
        key or person.key,
        "account.copy/1",
        {"home": home, "events": items},
        iss=person.id,
        sub=person.id,
        aud=target.id,
        now=target.now,
    )


@pytest.mark.parametrize("number", [1, -1, 2])
def test_p9_a_home_node_alone_forks_nobodys_account(
    log: Memory, other: Memory, device: Device, number: int
) -> None:
    """The event of the other branch must be one the person could have signed."""
    person = device.person
    prev = device.chain()[1]
    log.add(device.add(seed("second device")))
    other.add(copy(other, log, person, log.entries[-2:]))
    thief = seed("operator")
    forged = device.event(
        "account.key/1",
        {
            "number": number,
            "prev": prev,
            "key": public(thief),
            "proof": device.proof(thief, number, prev),
        },
        thief,
    )
    home, items = equivocation(log, [forged])
    assert refused(other.offer(carried(other, person, home, items, thief))) in (
        "unknown_key",
        "wrong_number",
        "wrong_previous",
    )
    other.add(consent(other, person, seed("second device")))


def test_p9_an_ended_fork_stays_ended(log: Memory, other: Memory, device: Device) -> None:
    """The proofs of both branches exist for ever; whoever holds them cannot stop the keys once more."""
    twin, _, _ = forked(log, other, device)
    branch = documents.parse(log.entries[-1]).digest
    evidence = copy(other, twin, device.person, twin.entries[-1:])
    other.add(evidence)
    new = seed("after the fork")
    log.add(device.recover(new, seed("next paper"), branch=branch))
    other.add(copy(other, log, device.person, log.entries[-1:]))
    other.tick(RECOVERY_WAIT)
    again = copy(other, twin, device.person, twin.entries[-1:], key=seed("anybody"))
    assert refused(other.offer(again)) == "nothing_new"
    other.add(consent(other, device.person, new))


@pytest.mark.parametrize("more", [0, 3])
def test_p9_a_fork_ends_whatever_the_home_log_held_by_then(
    log: Memory, other: Memory, device: Device, more: int
) -> None:
    """The number of the recovery is the home log's; this log cannot have followed the branch that far."""
    twin, _, theirs = forked(log, other, device)
    other.add(copy(other, twin, device.person, twin.entries[-1:]))
    twin_device = Device(device.person, twin)
    branch = documents.parse(twin.entries[-1]).digest
    for number in range(more):
        twin.add(twin_device.add(seed(f"more {number}"), signer=theirs))
    new = seed("after the fork")
    twin.add(twin_device.recover(new, seed("next paper"), branch=branch))
    recovered = twin.entries[-1]
    other.add(copy(other, twin, device.person, [recovered]))
    later = twin_device.add(seed("later"))
    twin.add(later)
    other.tick(RECOVERY_WAIT)
    other.add(copy(other, twin, device.person, [later]))
    other.add(consent(other, device.person, new))
    other.add(consent(other, device.person, seed("later")))


def test_p9_the_branch_that_lives_on_continues_where_it_forked(
    log: Memory, other: Memory, device: Device
) -> None:
    twin, _, _ = forked(log, other, device)
    other.add(copy(other, twin, device.person, twin.entries[-1:]))
    branch = documents.parse(log.entries[-1]).digest
    for number, prev in ((0, bytes(32)), (1, bytes(32)), (2, bytes(32)), (10**9, bytes(32))):
        raw = device.recover(seed("x"), seed("next paper"), branch=branch, number=number, prev=prev)
        home, items = equivocation(log, [raw])
        code = refused(other.offer(carried(other, device.person, home, items)))
        assert code in ("wrong_number", "wrong_previous")


def test_p8_a_recovery_names_each_key_once(log: Memory, device: Device) -> None:
    """The second copy of a key would stay when the first is revoked."""
    number, prev = device.chain()
    new = seed("new")
    proof = device.proof(new, number, prev)
    raw = device.recover(new, seed("next paper"), keys=[public(new)] * 2, proofs=[proof] * 2)
    assert refused(log.offer(raw)) == "invalid_field"


def test_a_key_event_on_behalf_of_an_organisation_is_refused(log: Memory, other: Memory) -> None:
    """The claim would stand in the log and mean nothing."""
    person = log.person("мария")

    def event(type: str, fields: dict[str, Value], aud: str, prev: bytes = bytes(32)) -> bytes:
        header = documents.statement_header(
            kid=person.kid,
            iss=person.id,
            sub=person.id,
            aud=aud,
            iat=log.now,
            exp=log.now + 900,
            cti=bytes(16),
            on_behalf=OnBehalf(log.id, bytes(32)),
        )
        payload = documents.payload_bytes(type, fields)
        signature = signatures.sign(person.key, documents.sig_structure(header, payload))
        return documents.assemble(header, payload, signature)

    assert refused(log.offer(event("account.revoke/1", {"key": person.kid}, person.id))) == "no_authority"
    proof = signatures.sign(person.key, documents.possession(person.kid, person.id, 0))
    born = event("account.genesis/1", {"genesis": person.genesis, "proofs": [proof]}, person.id)
    home, items = equivocation(log, [born])
    assert refused(other.offer(carried(other, person, home, items))) == "bad_proof"


def test_the_founder_who_comes_by_copy_holds_the_key_of_entry_0(log: Memory) -> None:
    """Else the genesis named a person, and whoever copies that person's account acts as founder."""
    device = Device(log.person("мария"), log)
    born, second = log.entries[-1], seed("second device")
    added = device.add(second)
    log.add(added)
    for key, events, code in (
        (device.person.key, [born], None),
        (second, [born, added], "unknown_key"),
    ):
        new = Memory(name="Третий", person=device.person)
        outcome = new.offer(copy(new, log, device.person, events, key=key))
        assert (refused(outcome) if isinstance(outcome, Refused) else None) == code


# --- formats --------------------------------------------------------------------------------------


def test_bytes_are_bytes_and_never_text(log: Memory, device: Device) -> None:
    """A second implementation knows no base64 in a text: one statement must not be sound here and refused
    there."""
    text = "QUFB" * 10 + "QQ=="
    raw = device.revoke(text)  # type: ignore[arg-type]
    assert refused(log.offer(raw)) == "invalid_field"


def test_a_key_has_three_fields_and_no_more(log: Memory, device: Device) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"alg": -19, "pub": bytes(32), "scope": "sign", "more": 1}, keys.PublicKey)
    new = seed("second device")
    raw = device.add(new, key={**public(new), "more": 1})
    assert refused(log.offer(raw)) == "invalid_field"


def test_time_stays_within_what_deadlines_are_ordered_by(log: Memory) -> None:
    """Deadlines are ordered as text of twelve digits."""
    fields: dict[str, Value] = {"time": 10**12}
    raw = sign_statement(
        log.keys.node, "node.tick/1", fields, iss=log.id, sub=log.id, aud=log.id, now=log.now
    )
    assert refused(log.offer(raw)) == "invalid_field"
    person = log.person("мария")
    given: dict[str, Value] = {
        "purpose": "x",
        "operator": log.id,
        "fields": ["name"],
        "text": bytes(32),
        "until": 10**12,
    }
    assert refused(log.offer(log.sign(person, "consent.give/1", given))) == "invalid_field"


@pytest.mark.parametrize("kind", ["", "a b", "a/b", "a\x00b", "x" * 65, "Устав"])
def test_kinds_of_agreements_are_words(log: Memory, kind: str) -> None:
    """They become keys of the state and have to be signable."""
    fields: dict[str, Value] = {"kind": kind, "edition": 1, "title": "x", "blob": bytes(32)}
    raw = log.sign(log.founder, "cooperative.agreement/1", fields, sub=log.id)
    assert refused(log.offer(raw)) == "invalid_field"


# --- packs are data of strangers ------------------------------------------------------------------


def founded_with(pack: Pack) -> Refused | Accepted:
    log = Memory()
    content = methodology.encode(pack)
    genesis = {**documents.parse(log.entries[0]).payload["genesis"], "pack": methodology.digest(content)}
    id = identifier(hashlib.sha256(encoding.encode(genesis)).digest())
    person = Person.make("founder", id)
    held: list[Value] = [
        signatures.sign(secret, documents.possession(signatures.public_key(secret), id, 0))
        for secret in (log.keys.log, log.keys.node)
    ]
    log.replica = type(log.replica)()
    log.entries.clear()
    first = person.sign(
        "cooperative.genesis/1", {"genesis": genesis, "proofs": held}, aud=id, sub=id, now=log.now
    )
    log.add(first)
    fields: dict[str, Value] = {"bytes": content, "name": pack.name, "version": pack.version}
    return log.offer(person.sign("cooperative.pack/1", fields, aud=id, sub=id, now=log.now))


def changed(**parameters: Parameter | None) -> Pack:
    pack = methodology.load("ru-consumer-1")
    found = {**pack.parameters, **{key.replace("__", "."): item for key, item in parameters.items()}}
    return msgspec.structs.replace(pack, parameters={key: item for key, item in found.items() if item})


@pytest.mark.parametrize(
    "pack",
    [
        changed(council__quorum=None),
        changed(council__quorum=Parameter("all")),
        changed(council__majority_base=Parameter("mood")),
        changed(council__tie=Parameter("coin")),
        changed(council__vote_days=Parameter(3)),
        changed(member__identify_roles=Parameter([])),
        changed(fees__currency=Parameter(7)),
        changed(gm__annual__from_months=Parameter("spring")),
        changed(gm__quorum__cycles=Parameter(["a", "b"])),
        changed(council__majority=Parameter([1, 2], max="much", min=[0, 1])),
    ],
    ids=lambda pack: str(len(pack.parameters)),
)
def test_a_pack_the_contracts_cannot_work_with_is_refused(pack: Pack) -> None:
    """A log is replayed by auditors who did not choose its pack: no key may be missing under them, no
    deadline leave the range of time."""
    outcome = founded_with(pack)
    assert isinstance(outcome, Refused) and outcome.code == "invalid_field"


@pytest.mark.parametrize("name", methodology.available())
def test_the_packs_of_this_release_are_good(name: str) -> None:
    assert isinstance(founded_with(methodology.load(name)), Accepted)


def test_r71_nobody_identifies_when_the_charter_names_no_office() -> None:
    coop = world.appointed()
    coop.world.settings.rules["member.identify_roles"] = []
    way = Applying(coop)
    assert way.apply() is None
    assert way.identify() == "not_allowed"


def test_r71_only_the_methods_of_the_charter_identify() -> None:
    coop = world.appointed()
    coop.world.settings.rules["member.identify_methods"] = ["notary"]
    way = Applying(coop)
    assert way.apply() is None
    assert way.identify() == "method_not_allowed"


def test_an_admission_reserved_for_the_meeting_is_not_sent_to_the_council() -> None:
    """Exclusive competence holds for matters opened by an effect, too."""
    coop = world.appointed()
    coop.world.settings.reserved = ("admission",)
    way = Applying(coop)
    assert way.apply() is None and way.identify() is None
    assert way.complete() == "exclusive_competence"


# --- founding -------------------------------------------------------------------------------------


def test_no_council_is_appointed_before_there_is_a_charter() -> None:
    """Once the council is in, only the meeting changes the charter; without one nobody could ever apply."""
    empty = world.World()
    founder = empty.person("founder")
    empty.settings.founder, empty.settings.charter = founder.id, None
    fields: dict[str, Any] = {
        "basis": dict(world.BASIS),
        "seats": world.seats(),
        "until": world.START + 1000 * world.DAY,
    }
    assert empty.offer("council.appoint/1", founder, **fields) == "charter_missing"


def test_a8_minutes_need_two_so_one_person_founds_nothing() -> None:
    """A vote of one, adopted, could neither be signed nor repeated."""
    meeting = Assembly(1)
    meeting.world.settings.rules["founding.min_founders"] = 1
    assert meeting.convene() == "too_few_founders"


def test_texts_stand_still_while_founders_vote() -> None:
    log = Memory(kind="new")
    people = founders(log, 5)
    open_vote(log, people, seats=3)
    fields: dict[str, Value] = {"kind": "signature", "edition": 2, "title": "other", "blob": bytes(32)}
    raw = log.sign(log.founder, "cooperative.agreement/1", fields, sub=log.id)
    assert refused(log.offer(raw)) == "voting_open"


def test_the_founder_of_entry_0_has_an_account_id() -> None:
    log = Memory()
    payload = documents.parse(log.entries[0]).payload
    for iss in ("é" * 52, "A" * 52):
        raw = sign_statement(
            log.founder.key,
            "cooperative.genesis/1",
            {"genesis": payload["genesis"], "proofs": payload["proofs"]},
            iss=iss,
            sub=log.id,
            aud=log.id,
            now=log.now,
        )
        fresh = type(log.replica)()
        try:
            documents.parse(raw)
        except StatementError:
            continue
        assert isinstance(fresh.append(raw), Refused)


# --- time -----------------------------------------------------------------------------------------


def test_many_deadlines_at_one_second_take_no_quadratic_time(log: Memory) -> None:
    """Anybody with an account may set terms of consents; counted, not timed."""
    people = [log.person(f"мария {number}") for number in range(4)]
    for number in range(200):
        person = people[number % 4]
        fields: dict[str, Value] = {
            "purpose": f"p{number}",
            "operator": log.id,
            "fields": ["name"],
            "text": bytes(32),
            "until": log.now + 50,
        }
        log.add(log.sign(person, "consent.give/1", fields))
    state, asked = log.replica.state, 0
    scan = state.scan

    def counted(domain: str, start: str, stop: str) -> Any:
        nonlocal asked
        for item in scan(domain, start, stop):
            asked += domain == "deadline"
            yield item

    state.scan = counted  # type: ignore[method-assign]
    log.tick(100)
    assert asked <= 3 * 200


# --- ways gone often ------------------------------------------------------------------------------


def texts(log: Memory) -> list[dict[str, Value]]:
    """Charter and agreements published by the founder; what everybody has to sign."""
    charter: dict[str, Value] = {
        "title": "Устав",
        "blob": bytes(32),
        "parameters": {},
        "basis": {"organ": "general_meeting"},
    }
    log.add(log.sign(log.founder, "cooperative.charter/1", charter, sub=log.id))
    signed: list[dict[str, Value]] = []
    for kind in methodology.load("ru-consumer-1").agreements:
        about: dict[str, Value] = {"kind": kind, "edition": 1, "title": kind, "blob": bytes(32)}
        raw = log.sign(log.founder, "cooperative.agreement/1", about, sub=log.id)
        log.add(raw)
        signed.append({"agreement": documents.parse(raw).digest, "kind": kind, "edition": 1})
    return signed


def constituted() -> tuple[Memory, list[Person]]:
    """An existing cooperative whose three seats are filled: chair, secretary, accountant."""
    log = Memory()
    signed = texts(log)
    people = [log.person(f"seat {number}") for number in range(3)]
    invitations = [seed(f"invitation {number}") for number in range(3)]
    seats: list[Value] = [
        {"seat": n + 1, "roles": [role], "voting": True, "invitation": signatures.public_key(invitations[n])}
        for n, role in enumerate(("chair", "secretary", "accountant"))
    ]
    fields: dict[str, Value] = {"basis": {"organ": "general_meeting"}, "seats": seats, "until": 2 * 10**9}
    raw = log.sign(log.founder, "council.appoint/1", fields, sub=log.id)
    log.add(raw)
    digest = documents.parse(raw).digest
    for number, person in enumerate(people):
        for agreement in signed:
            log.add(log.sign(person, "agreement.sign/1", agreement))
        accept: dict[str, Value] = {
            "re": [digest],
            "seat": number + 1,
            "proof": person.proof_for(invitations[number], digest),
        }
        log.add(log.sign(person, "council.accept/1", accept, sub=log.id))
    return log, people


def founders(log: Memory, count: int) -> list[Person]:
    """Joined, by invitation, the founder first."""
    signed = texts(log)
    people = [log.founder, *(log.person(f"founder {number}") for number in range(1, count))]
    invitations = [seed(f"letter {number}") for number in range(count)]
    state = View(log.replica.state, "cooperative")
    charter = state.get("charter", "self", msgspec.Struct)  # type: ignore[type-var]
    fields: dict[str, Value] = {
        "charter": charter.digest,  # type: ignore[union-attr]
        "invitations": [signatures.public_key(key) for key in invitations],
        "closes": log.now + 86_400,
    }
    raw = log.sign(log.founder, "founding.convene/1", fields, sub=log.id)
    log.add(raw)
    digest = documents.parse(raw).digest
    for person, key in zip(people, invitations, strict=True):
        for agreement in signed:
            log.add(log.sign(person, "agreement.sign/1", agreement))
        join: dict[str, Value] = {
            "re": [digest],
            "invitation": signatures.public_key(key),
            "proof": person.proof_for(key, digest),
        }
        log.add(log.sign(person, "founding.join/1", join, sub=log.id))
    return people


def open_vote(log: Memory, people: list[Person], seats: int) -> bytes:
    meeting = View(log.replica.state, "founding").need("meeting", "current", founding.Meeting)
    fields: dict[str, Value] = {
        "re": [meeting.convene],
        "candidates": [person.id for person in people[:seats]],
        "seats": seats,
        "closes": log.now + 3600,
    }
    raw = log.sign(log.founder, "founding.open/1", fields, sub=log.id)
    log.add(raw)
    return documents.parse(raw).digest


def found_new(log: Memory, people: list[Person], seats: int) -> None:
    opened = open_vote(log, people, seats)
    ballot: dict[str, Value] = {
        "re": [opened],
        "charter": "for",
        "council": [person.id for person in people[:seats]],
        "chair": people[0].id,
        "sequence": 0,
    }
    for person in people:
        log.add(log.sign(person, "founding.ballot/1", ballot, sub=log.id))
    for person, role in zip(people[:2], ("presider", "secretary"), strict=True):
        view = View(log.replica.state, "founding")
        vote = founding.count(view, identifier(opened))
        fields: dict[str, Value] = {
            "re": [opened],
            "role": role,
            "result": founding.result(view, identifier(opened)),
            "council": list(vote.council),
            "chair": vote.chair or "",
        }
        log.add(log.sign(person, "founding.minutes/1", fields, sub=log.id, seen=log.seen()))
