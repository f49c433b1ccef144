"""The kernel: order of checks, time, nonces, what signers saw, effects, state (SPEC §4.4, §7, §9.2)."""

from __future__ import annotations

import hashlib
import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coopnode import testing
from coopnode.testing import Memory, Person, found, seed, sign_statement
from protocol import documents, encoding, merkle, registry, signatures
from protocol.contract import DeadlineMark, Money, Record
from protocol.contracts import consents, council
from protocol.contracts.membership import Application
from protocol.decisions import Box, Counts, Electorate, Rule
from protocol.documents import OnBehalf
from protocol.effects import ROUTES
from protocol.identifiers import identifier
from protocol.log import Accepted, Refused, Replica, SeenAhead
from protocol.state import MemoryState, Overlay, next_deadline, state_digest


@pytest.fixture
def log() -> Memory:
    return Memory()


def refused(outcome: Accepted | Refused) -> tuple[str, str | None]:
    assert isinstance(outcome, Refused), "the statement was accepted"
    return outcome.code, outcome.at


CONSENT: dict[str, Any] = {"purpose": "membership", "fields": ["name"], "text": bytes(32)}


def consent(log: Memory, person: Person, **claims: Any) -> bytes:
    fields = {**CONSENT, "operator": log.id}
    given: dict[str, Any] = {"iss": person.id, "sub": person.id, "aud": log.id, "now": log.now}
    return sign_statement(person.key, "consent.give/1", fields, **{**given, **claims})


# --- the first entries ----------------------------------------------------------------------------


def test_a_log_begins_with_genesis_pack_tick_account(log: Memory) -> None:
    types = [documents.parse(raw).type for raw in log.entries]
    assert types == ["cooperative.genesis/1", "cooperative.pack/1", "node.tick/1", "account.genesis/1"]


def test_nothing_else_can_come_first(log: Memory) -> None:
    for raw in log.entries[1:]:
        assert refused(Replica().append(raw))[0] == "not_founded"
    begun = Replica()
    begun.append(log.entries[0])
    assert refused(begun.append(log.entries[2]))[0] == "not_founded"
    begun.append(log.entries[1])
    assert refused(begun.append(log.entries[3]))[0] == "not_founded"  # no time yet


def test_a_refused_genesis_leaves_an_empty_log(log: Memory) -> None:
    fresh = Replica()
    broken = documents.parse(log.entries[0])
    payload = dict(broken.payload, proofs=[bytes(64), bytes(64)])
    raw = sign_statement(
        log.founder.key,
        "cooperative.genesis/1",
        {name: value for name, value in payload.items() if name != "type"},
        iss=broken.iss,
        sub=broken.sub,
        aud=broken.aud,
        now=log.now,
    )
    assert refused(fresh.append(raw)) == ("no_possession", "proofs")
    assert isinstance(fresh.append(log.entries[0]), Accepted)


def test_p12_the_pack_must_be_the_one_of_the_genesis(log: Memory) -> None:
    fresh = Replica()
    fresh.append(log.entries[0])
    fields: dict[str, Any] = {"name": "ru/consumer", "version": 1, "bytes": b"\xa0"}
    raw = log.founder.sign("cooperative.pack/1", fields, aud=log.id, sub=log.id, now=log.now)
    assert refused(fresh.append(raw)) == ("wrong_pack", "bytes")


def test_p12_only_the_founding_key_makes_the_founders_account(log: Memory) -> None:
    fresh = Replica()
    for raw in log.entries[:3]:
        fresh.append(raw)
    thief = Person("thief", log.id, log.founder.key, seed("thief/recovery"))
    assert thief.id != log.founder.id
    assert refused(fresh.append(thief.account_genesis(log.now)))[0] == "unknown_key"


# --- time -----------------------------------------------------------------------------------------


def test_ticks_only_go_forward(log: Memory) -> None:
    tick = {"time": log.now}
    raw = sign_statement(log.keys.node, "node.tick/1", tick, iss=log.id, sub=log.id, aud=log.id, now=log.now)
    assert refused(log.offer(raw)) == ("tick_not_later", "time")


def test_p12_only_the_node_ticks_and_it_does_nothing_else(log: Memory) -> None:
    raw = log.founder.sign("node.tick/1", {"time": log.now + 5}, aud=log.id, sub=log.id, now=log.now)
    assert refused(log.offer(raw)) == ("unknown_key", "kid")
    as_person = sign_statement(
        log.keys.node,
        "consent.give/1",
        {**CONSENT, "operator": log.id},
        iss=log.id,
        sub=log.id,
        aud=log.id,
        now=log.now,
    )
    assert refused(log.offer(as_person)) == ("unknown_account", "iss")


def test_p2_time_of_signing_and_expiry(log: Memory) -> None:
    person = log.person("мария")
    assert refused(log.offer(consent(log, person, now=log.now + 301))) == ("not_yet_valid", "iat")
    log.add(consent(log, person, now=log.now + 300))
    late = consent(log, person, now=log.now - 900)
    log.add(late)  # tick = exp
    kept = consent(log, person, now=log.now - 900)
    log.tick()
    assert refused(log.offer(kept)) == ("expired", "exp")


# --- nonces ---------------------------------------------------------------------------------------


def test_p1_a_nonce_counts_once_while_it_lives(log: Memory) -> None:
    person = log.person("мария")
    cti = bytes(range(16))
    log.add(consent(log, person, cti=cti))
    assert refused(log.offer(consent(log, person, cti=cti, now=log.now - 1))) == ("nonce_reused", "cti")
    log.add(consent(log, log.person("пётр"), cti=cti))
    log.tick(901)
    log.add(consent(log, person, cti=cti))


# --- what the signer saw --------------------------------------------------------------------------


def test_p3_seen_must_be_our_own_prefix(log: Memory) -> None:
    person = log.person("мария")
    size = log.replica.head.size
    good = log.seen(size - 1)
    log.add(consent(log, person, seen=good))
    log.add(consent(log, person, seen=good._replace(signature=bytes(64))))  # our prefix needs no proof
    for wrong in (good._replace(root=bytes(32)), good._replace(generation=1)):
        assert refused(log.offer(consent(log, person, seen=wrong))) == ("seen_fork", "seen")


def test_p3_a_larger_tree_stops_writing_when_our_own_key_signed_it(log: Memory) -> None:
    person = log.person("мария")
    signed = testing.seen(log.keys, log.id, log.replica.head.size + 1, bytes(32))
    with pytest.raises(SeenAhead):
        log.offer(consent(log, person, seen=signed))
    invented = signed._replace(signature=bytes(64))
    assert refused(log.offer(consent(log, person, seen=invented))) == ("seen_unknown", "seen")


# --- form and authority ---------------------------------------------------------------------------


def test_payloads_are_exact(log: Memory) -> None:
    person = log.person("мария")

    def offer(type: str, fields: dict[str, Any], **more: Any) -> tuple[str, str | None]:
        return refused(log.offer(person.sign(type, fields, aud=log.id, now=log.now, **more)))

    good = {**CONSENT, "operator": log.id}
    assert offer("consent.take/1", good) == ("unknown_type", "type")
    assert offer("consent.give/2", good) == ("unknown_type", "type")
    assert offer("consent.give/1", {**good, "more": 1})[0] == "invalid_field"
    assert offer("consent.give/1", {**good, "purpose": 1}) == ("invalid_field", "purpose")
    assert offer("consent.give/1", {**good, "text": bytes(31)}) == ("invalid_field", "text")
    assert offer("consent.give/1", good, private=bytes(32)) == ("private_unexpected", "private")
    assert offer("membership.apply/1", {"person": "person"}) == ("private_missing", "private")


def test_signing_for_an_organisation_waits_for_its_contract(log: Memory) -> None:
    person = log.person("мария")
    header = documents.statement_header(
        kid=person.kid,
        iss=person.id,
        sub=person.id,
        aud=log.id,
        iat=log.now,
        exp=log.now + 9,
        cti=bytes(16),
        on_behalf=OnBehalf(identifier(bytes(32)), bytes(32)),
    )
    payload = documents.payload_bytes("consent.give/1", {**CONSENT, "operator": log.id})
    raw = documents.assemble(
        header, payload, signatures.sign(person.key, documents.sig_structure(header, payload))
    )
    assert refused(log.offer(raw)) == ("no_authority", "for")


def test_a_bad_signature_is_nothing(log: Memory) -> None:
    raw = consent(log, log.person("мария"))
    assert refused(log.offer(raw[:-1] + bytes([raw[-1] ^ 1]))) == ("bad_signature", "signature")


def test_before_it_is_constituted_a_cooperative_only_founds(log: Memory) -> None:
    money = {"amount": 1, "currency": "RUB"}
    fields: dict[str, Any] = {"re": [bytes(32)], "entrance": money, "share": money, "received_at": log.now}
    raw = log.sign(log.founder, "membership.payment/1", fields, sub=identifier(bytes(32)))
    assert refused(log.offer(raw)) == ("not_constituted", "type")


FOREIGN = found(Memory().keys, name="Чужой").id
IDS = st.sampled_from(["own", "stranger", "cooperative", "foreign"])


@settings(max_examples=60)
@given(
    iss=IDS,
    sub=IDS,
    aud=IDS,
    type=st.sampled_from(["consent.give/1", "agreement.sign/1", "account.genesis/1"]),
)
def test_no_statement_is_valid_for_another_cooperative_subject_or_purpose(
    iss: str, sub: str, aud: str, type: str
) -> None:
    """Whatever is not exactly what was signed for this log, this subject and this type is refused."""
    log = Memory()
    person, other = log.person("мария"), log.person("пётр")
    ids = {"own": person.id, "stranger": other.id, "cooperative": log.id, "foreign": FOREIGN}
    fields = {**CONSENT, "operator": log.id}
    raw = sign_statement(person.key, type, fields, iss=ids[iss], sub=ids[sub], aud=ids[aud], now=log.now)
    accepted = isinstance(log.offer(raw), Accepted)
    assert accepted == ((iss, sub, aud, type) == ("own", "own", "cooperative", "consent.give/1"))


# --- state ----------------------------------------------------------------------------------------


def test_replay_gives_the_same_state(log: Memory) -> None:
    people = [log.person(f"участник {number}") for number in range(5)]
    for number in range(40):
        if number % 7 == 0:
            log.tick(random.randint(1, 5))
        log.offer(consent(log, people[number % 5], cti=(number % 30).to_bytes(16, "big")))
    again = Replica()
    for raw in log.entries:
        assert isinstance(again.append(raw), Accepted)
    assert again.digest() == log.replica.digest()
    assert again.head.tree.root() == log.replica.head.tree.root()
    assert again.root_at(again.head.size) == again.head.tree.root()


def test_a_refusal_changes_nothing(log: Memory) -> None:
    before = log.replica.digest(), log.replica.head
    log.offer(consent(log, Person.make("никто", log.id)))
    assert (log.replica.digest(), log.replica.head) == before


def test_every_record_survives_its_encoding(log: Memory) -> None:
    log.person("мария")
    for domain, key, value in log.replica.state.items():
        data = registry.encode_record(value)
        assert registry.decode_record(domain, key, data) == value
        assert encoding.encode(encoding.decode(data, limit=2**24), limit=2**24) == data


def test_a_state_has_one_digest_however_it_is_written() -> None:
    state = MemoryState()
    for number in range(600):
        record = consents.Consent("a" * number, "p", "o", number, until=number or None)
        state.apply({("consent", f"consent/{number}"): record, ("council", f"live/{number}"): council.Live()})
    alone = ((domain, key, registry.encode_record(value)) for domain, key, value in state.items())
    assert registry.state_digest(state.items()) == state_digest(alone)


class Number(msgspec.Struct, frozen=True):
    value: int


keys = st.text("abc/", min_size=1, max_size=3)


@given(
    st.lists(st.tuples(keys, st.none() | st.integers(0, 3))),
    st.lists(st.tuples(keys, st.none() | st.integers(0, 3))),
)
def test_an_overlay_reads_like_the_state_it_becomes(
    below: list[tuple[str, Any]], above: list[tuple[str, Any]]
) -> None:
    state: Any = MemoryState()
    state.apply({("d", key): None if value is None else Number(value) for key, value in below})
    overlay = Overlay(state)
    overlay.writes.update({("d", key): None if value is None else Number(value) for key, value in above})  # type: ignore[misc]
    seen = list(overlay.scan("d", "", "z"))
    gets = {key: overlay.get("d", key) for key, _ in below + above}
    state.apply(overlay.writes)
    assert seen == list(state.scan("d", "", "z"))
    assert gets == {key: state.get("d", key) for key in gets}
    assert [key for key, _ in seen] == sorted(key for key, _ in seen)


def test_no_deadline_without_a_matter(log: Memory) -> None:
    assert next_deadline(log.replica.state) is None


# --- tables ---------------------------------------------------------------------------------------


def test_effects_have_reactors_and_no_cycles() -> None:
    assert set(registry.EFFECTS) == set(ROUTES)
    emitted: dict[str, set[str]] = {}
    for name, route in ROUTES.items():
        assert route.emitter in registry.CONTRACTS
        emitted.setdefault(route.emitter, set()).add(name)
    # Reactions emit `membership.joined`, on which nobody acts, and `membership.left`, on which the council
    # only vacates a seat (`World.apply` holds them to it); so a chain has at most three links.
    assert ROUTES["membership.joined"].reactors == ()
    assert ROUTES["membership.left"].reactors == ("council",)


def test_types_belong_to_one_contract_and_reserved_names_are_free() -> None:
    assert not set(registry.RESERVED) & set(registry.TYPES)
    names = [kind.name for module in registry.CONTRACTS.values() for kind in module.TYPES]
    assert len(names) == len(set(names))
    for name in registry.TYPES:
        assert registry.CONTRACT_OF[name].DOMAIN in (name.partition(".")[0], "cooperative")


def test_ids_of_the_founder_and_the_cooperative_need_each_other_only_one_way() -> None:
    log = Memory()
    genesis = documents.parse(log.entries[0]).payload["genesis"]
    assert identifier(hashlib.sha256(encoding.encode(genesis)).digest()) == log.id
    assert log.founder.id not in str(genesis)


def test_a_record_has_one_encoding_however_its_values_came_about() -> None:
    """A text that was read equals the default and is not the default: it is left out all the same."""

    def read(text: str) -> Any:
        return "".join(list(text))

    money = Money(1, "RUB")
    applied = Application("a", "person", 3, bytes(32), money, money, 7)
    rule = Rule((1, 2), (1, 2))
    box = Box(Electorate(1, 4, bytes(32)), 1, 2, 3, 4, Counts(0, 0, 0))
    matter = council.Matter("free", "a", 1, rule, box, "a", bytes(32))
    for record, same in (
        (applied, msgspec.structs.replace(applied, status=read("applied"))),
        (matter, msgspec.structs.replace(matter, status=read("open"))),
        (matter, msgspec.structs.replace(matter, rule=msgspec.structs.replace(rule, base=read("ballots")))),
        (consents.Consent("a", "p", "o", 1), consents.Consent("a", "p", "o", 1, read("given"))),
    ):
        assert record == same and registry.encode_record(record) == registry.encode_record(same)
    other = msgspec.structs.replace(applied, status="identified")
    assert registry.encode_record(other) != registry.encode_record(applied)


def test_the_root_of_any_prefix_is_there_without_counting_again(log: Memory) -> None:
    for number in range(20):
        log.person(f"person {number}")
    leaves = [merkle.leaf_hash(raw) for raw in log.entries]
    for size in range(len(leaves) + 1):
        assert log.replica.root_at(size) == merkle.root(leaves[:size])
    with pytest.raises(IndexError):
        log.replica.root_at(len(leaves) + 1)


class Counted(str):
    """A key that counts how often it is compared."""

    __slots__ = ()
    compared = 0

    def __lt__(self, other: str) -> bool:
        Counted.compared += 1
        return str.__lt__(self, other)


def test_a_large_state_in_memory_is_not_put_in_order_for_every_key() -> None:
    state = MemoryState()
    value = DeadlineMark()
    state.apply({("membership", Counted(f"member/{number:05}")): value for number in range(5_000)})
    assert len(list(state.scan("membership", "member/", "member/~"))) == 5_000
    Counted.compared = 0
    for number in range(200):
        state.apply({("membership", Counted(f"member/{number}/{more}")): value for more in range(10)})
        state.apply({("membership", Counted(f"applicant/{number}")): value})
        state.apply({("membership", Counted(f"member/{number:05}")): None})
        assert len(list(state.scan("membership", "applicant/", "applicant/~"))) == number + 1
    assert Counted.compared < 10_000


def test_a_state_in_memory_keeps_its_order_whatever_comes_and_goes() -> None:
    chance, state, held = random.Random(7), MemoryState(), dict[tuple[str, str], Record]()
    for _ in range(3_000):
        domain = chance.choice(("council", "deadline"))
        key = f"{chance.choice(('a', 'a-b', 'live'))}/{chance.randrange(60):02}"
        if chance.random() < 0.4:
            state.apply({(domain, key): None})
            held.pop((domain, key), None)
        else:
            held[domain, key] = DeadlineMark()
            state.apply({(domain, key): held[domain, key]})
        if chance.random() < 0.2:
            start, stop = chance.choice((("a/", "a/~"), ("live/1", "live/3"), ("", "z"), ("a", "live/2")))
            inside = sorted(each for where, each in held if where == domain and start <= each < stop)
            assert [each for each, _ in state.scan(domain, start, stop)] == inside
    assert [(domain, key) for domain, key, _ in state.items()] == sorted(held)
