"""A cooperative in memory: real keys, real statements, the real contracts and their routes.

Only what other domains would tell is set by hand (`World.settings`): pack, charter, editions, known accounts.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any, Literal

import msgspec

from protocol import documents, encoding, signatures
from protocol.contract import (
    Changes,
    Context,
    Deadline,
    Effect,
    Money,
    Record,
    RecordCase,
    Rejection,
    View,
)
from protocol.contracts import agreements, consents, council, founding, membership, vault
from protocol.documents import Seen, Statement
from protocol.effects import ROUTES, AccountRevoked
from protocol.identifiers import identifier

MODULES: Mapping[str, ModuleType] = {
    module.DOMAIN: module for module in (agreements, consents, council, founding, membership, vault)
}
TYPES = {kind.name: kind for module in MODULES.values() for kind in module.TYPES}

COOPERATIVE = identifier(hashlib.sha256(b"cooperative").digest())
PACK = hashlib.sha256(b"pack").digest()
CHARTER = hashlib.sha256(b"charter").digest()
START = 1_700_000_000
DAY = 86_400
RULES: Mapping[str, Any] = {
    "council.quorum": [3, 4],
    "council.quorum_chair": True,
    "council.majority": [1, 2],
    "council.majority_base": "ballots",
    "council.tie": "chair",
    "council.vote_days": 3,
    "council.chair_sign_days": 5,
    "council.max_open": 3,
    "council.max_rounds": 3,
    "council.reinvite_days": 7,
    "consent.max_purposes": 4,
    "vote.grace_seconds": 60,
    "member.decide_days": 30,
    "member.exit_decide_days": 30,
    "member.pay_days": 14,
    "member.reapply_days": 30,
    "member.retain_days": 30,
    "member.identify_roles": ["secretary", "chair"],
    "member.identify_methods": ["in_person", "video", "qualified_signature", "notary"],
    "fees.entrance.person": 10_000,
    "fees.entrance.entrepreneur": 10_000,
    "fees.entrance.organisation": 100_000,
    "fees.share.person": 30_000,
    "fees.share.entrepreneur": 30_000,
    "fees.share.organisation": 300_000,
    "fees.currency": "RUB",
    "founding.min_founders": 5,
    "founding.council_seats_min": 3,
    "founding.vote_days": 7,
}


class Person:
    """A key and its account. `second` gives another key of the same account."""

    def __init__(self, name: str, key: str = "") -> None:
        self.name = name
        self.seed = hashlib.sha256(f"{name}{key}".encode()).digest()
        self.kid = signatures.public_key(self.seed)
        self.id = identifier(hashlib.sha256(b"account " + name.encode()).digest())

    def second(self) -> Person:
        return Person(self.name, "/2")

    def proof_for(self, account: Person, inviting: bytes) -> bytes:
        """As an invitation key: that it is held by `account`."""
        return signatures.sign(self.seed, documents.possession(self.kid, account.id, 0, inviting))


@dataclass
class Settings:
    kind: Literal["new", "existing"] = "existing"
    founder: str = ""
    charter: bytes | None = CHARTER
    reserved: tuple[str, ...] = ("exclude", "chair_election")
    required: tuple[str, ...] = ("signature",)
    editions: dict[str, bytes] = field(
        default_factory=lambda: {"signature": hashlib.sha256(b"rules").digest()}
    )
    rules: dict[str, Any] = field(default_factory=lambda: dict(RULES))
    accounts: set[str] = field(default_factory=set)


class Memory:
    def __init__(self) -> None:
        self.values: dict[tuple[str, str], Record] = {}

    def get(self, domain: str, key: str) -> Record | None:
        return self.values.get((domain, key))

    def scan(self, domain: str, start: str, stop: str) -> Iterator[tuple[str, Record]]:
        keys = sorted(key for place, key in self.values if place == domain and start <= key < stop)
        return iter([(key, self.values[domain, key]) for key in keys])


class WorldFacts:
    """The registry's `Facts` over the same functions; settings stand for cooperative and accounts."""

    def __init__(self, world: World) -> None:
        self._world = world

    def parameter(self, key: str) -> Any:
        return self._world.settings.rules[key]

    def constituted(self) -> bool:
        return council.constituted(self._world.view("council"))

    def founding_vote_open(self) -> bool:
        return founding.voting(self._world.view("founding"))

    def founder(self) -> str:
        return self._world.settings.founder

    def genesis_kind(self) -> Literal["new", "existing"]:
        return self._world.settings.kind

    def visibility(self) -> Literal["entitled", "public"]:
        return "entitled"

    def log_key(self) -> bytes:
        return bytes(32)

    def pack_digest(self) -> bytes:
        return PACK

    def charter_digest(self) -> bytes | None:
        return self._world.settings.charter

    def reserved_matters(self) -> tuple[str, ...]:
        return self._world.settings.reserved

    def required_agreements(self) -> tuple[str, ...]:
        return self._world.settings.required

    def edition(self, kind: str) -> bytes | None:
        return self._world.settings.editions.get(kind)

    def has_signed(self, account: str, kind: str) -> bool:
        edition = self.edition(kind)
        return edition is not None and agreements.has_signed(self._world.view("agreement"), account, edition)

    def has_consent(self, account: str, purpose: str) -> bool:
        return consents.has_consent(self._world.view("consent"), account, purpose)

    def knows_account(self, account: str) -> bool:
        return account in self._world.settings.accounts

    def key_active(self, account: str, kid: bytes) -> bool:
        return True

    def knows_key(self, kid: bytes) -> bool:
        return False

    def is_member(self, account: str) -> bool:
        return membership.is_member(self._world.view("membership"), account)

    def roles(self, account: str) -> frozenset[str]:
        return council.roles(self._world.view("council"), account)

    def chair(self) -> str | None:
        return council.chair(self._world.view("council"))

    def adopted(self, approval: bytes) -> tuple[str, tuple[bytes, ...]] | None:
        found = council.adopted(self._world.view("council"), approval)
        return (found.kind, found.re) if found else None

    def record_case(self, document: bytes) -> RecordCase | None:
        return membership.record_case(self._world.view("membership"), document)

    def council(self) -> tuple[str, ...]:
        return council.council(self._world.view("council"))


class World:
    def __init__(self, kind: Literal["new", "existing"] = "existing") -> None:
        self.state = Memory()
        self.settings = Settings(kind)
        self.tick = START
        self.index = 10
        self.deadlines: set[tuple[int, str, str, str]] = set()
        #: everything said between contracts so far
        self.effects: list[Effect] = []
        #: codes refused so far, over all worlds of a test run
        self.last: Statement | None = None
        self._nonce = 0

    def person(self, name: str) -> Person:
        person = Person(name)
        self.settings.accounts.add(person.id)
        return person

    def view(self, domain: str) -> View:
        return View(self.state, domain)

    def context(self) -> Context:
        return Context(COOPERATIVE, 0, self.index, self.tick, WorldFacts(self))

    def statement(
        self,
        type: str,
        signer: Person,
        sub: str | None = None,
        *,
        iat: int | None = None,
        seen: int | None = None,
        **fields: Any,
    ) -> Statement:
        """Signed, written, read again and typed: what a contract gets."""
        kind = TYPES[type]
        self._nonce += 1
        signed_at = self.tick if iat is None else iat
        header = documents.statement_header(
            kid=signer.kid,
            iss=signer.id,
            sub=sub or COOPERATIVE,
            aud=COOPERATIVE,
            iat=signed_at,
            exp=signed_at + 900,
            cti=self._nonce.to_bytes(16, "big"),
            seen=Seen(0, seen or self.index, bytes(32), bytes(64)) if kind.seen else None,
        )
        private = hashlib.sha256(b"private").digest() if kind.private else None
        payload = documents.payload_bytes(type, fields, private)
        signature = signatures.sign(signer.seed, documents.sig_structure(header, payload))
        parsed = documents.parse(documents.assemble(header, payload, signature))
        public = {name: value for name, value in parsed.payload.items() if name not in ("type", "private")}
        return parsed.with_body(msgspec.convert(public, kind.payload, strict=True))

    def decide(self, statement: Statement) -> Changes | Rejection:
        return MODULES[statement.domain].decide(  # type: ignore[no-any-return]
            self.view(statement.domain), statement, self.context()
        )

    def offer(self, type: str, signer: Person, sub: str | None = None, **fields: Any) -> str | None:
        """The code of the refusal; None when the statement is in the log, then `last` is it."""
        statement = self.statement(type, signer, sub, **fields)
        if not TYPES[type].founding and not self.context().facts.constituted():
            return "not_constituted"
        before = dict(self.state.values), set(self.deadlines), list(self.effects)
        outcome = self.decide(statement)
        refused = outcome if isinstance(outcome, Rejection) else self.apply(statement.domain, outcome)
        if refused is not None:
            self.state.values, self.deadlines, self.effects = before
            assert refused.code in known_codes(statement.domain) | known_codes_of_reactors(), refused.code
            return refused.code
        self.last = statement
        self.index += 1
        return None

    def do(self, type: str, signer: Person, sub: str | None = None, **fields: Any) -> Statement:
        """As `offer`, but it has to succeed."""
        code = self.offer(type, signer, sub, **fields)
        assert code is None, code
        assert self.last is not None
        return self.last

    def apply(self, domain: str, changes: Changes) -> Rejection | None:
        waiting: deque[Effect] = deque(self._write(domain, changes))
        while waiting:
            effect = waiting.popleft()
            route = ROUTES[effect.name]
            assert type(effect.data) is route.data
            self.effects.append(effect)
            for other in route.reactors:
                if other not in MODULES:
                    continue
                outcome = MODULES[other].react(self.view(other), effect, self.context())
                if isinstance(outcome, Rejection):
                    return outcome
                assert {item.name for item in outcome.effects} <= {"membership.joined", "membership.left"}, (
                    "reactions set off nothing that sets off more"
                )
                waiting.extend(self._write(other, outcome))
        return None

    def _write(self, domain: str, changes: Changes) -> tuple[Effect, ...]:
        for write in changes.writes:
            kind = MODULES[domain].STATE[write.kind]
            key = (domain, f"{write.kind}/{write.id}")
            if write.value is None:
                self.state.values.pop(key, None)
                continue
            assert type(write.value) is kind
            # What is kept survives the state's encoding.
            data = encoding.encode(msgspec.to_builtins(write.value, builtin_types=(bytes,)))
            self.state.values[key] = msgspec.convert(encoding.decode(data), kind, strict=True)
            assert self.state.values[key] == write.value
        for deadline in changes.clear_deadlines:
            place = (deadline.time, domain, deadline.kind, deadline.id)
            assert place in self.deadlines, "only a deadline that was set is cleared"
            self.deadlines.remove(place)
        self.deadlines.update((item.time, domain, item.kind, item.id) for item in changes.set_deadlines)
        return changes.effects

    def pass_to(self, time: int) -> None:
        """A tick; deadlines before it fall due in order."""
        self.tick = time
        while due := sorted(item for item in self.deadlines if item[0] < time):
            when, domain, kind, id = due[0]
            self.deadlines.remove(due[0])
            changes = MODULES[domain].due(self.view(domain), Deadline(when, kind, id), self.context())
            assert self.apply(domain, changes) is None, "nobody can refuse the passing of time"
        self.index += 1

    def wait(self, seconds: int) -> None:
        self.pass_to(self.tick + seconds)

    def revoke(self, person: Person, suspected_from: int | None = None) -> None:
        data = AccountRevoked(person.id, person.kid, suspected_from)
        effect = Effect("account.revoked", data)
        for domain in ROUTES[effect.name].reactors:
            outcome = MODULES[domain].react(self.view(domain), effect, self.context())
            assert isinstance(outcome, Changes)
            self._write(domain, outcome)
        self.index += 1

    # --- ways gone often ------------------------------------------------------------------------------------

    def sign_rules(self, person: Person) -> Statement:
        edition = self.settings.editions["signature"]
        return self.do("agreement.sign/1", person, person.id, agreement=edition, kind="signature", edition=1)

    def consent(self, person: Person, **fields: Any) -> Statement:
        given = {"purpose": "membership", "operator": COOPERATIVE, "fields": ["name"], "text": bytes(32)}
        return self.do("consent.give/1", person, person.id, **(given | fields))

    def named(self, name: str) -> list[Any]:
        return [effect.data for effect in self.effects if effect.name == name]


def known_codes(domain: str) -> set[str]:
    from protocol import acts

    return set(MODULES[domain].CODES) | set(acts.CODES)


def known_codes_of_reactors() -> set[str]:
    return set(membership.CODES)


BASIS: Mapping[str, Any] = {"organ": "general_meeting", "date": "2024-05-01", "minutes": bytes(32)}


@dataclass
class Existing:
    """A cooperative that existed before: chair, secretary and two more with a vote, an accountant without."""

    world: World
    founder: Person
    chair: Person
    secretary: Person
    accountant: Person
    one: Person
    two: Person
    invitations: dict[int, Person]
    appoint: Statement

    @property
    def voters(self) -> tuple[Person, ...]:
        return self.chair, self.secretary, self.one, self.two


def seat(number: int, roles: list[str], voting: bool = True, member: int | None = None) -> dict[str, Any]:
    place: dict[str, Any] = {
        "seat": number,
        "roles": roles,
        "voting": voting,
        "invitation": Person(f"invitation {number}").kid,
    }
    if member is not None:
        place["member"] = {"number": member, "since": START - 1000 * DAY}
    return place


def seats(chair: int | None = 7) -> list[dict[str, Any]]:
    return [
        seat(1, ["chair", "member"], member=chair),
        seat(2, ["secretary", "member"], member=8),
        seat(3, ["member"], member=12),
        seat(4, ["member"]),
        seat(5, ["accountant"], voting=False),
    ]


def appointed(accepting: tuple[int, ...] = (1, 2, 3, 4, 5), chair: int | None = 7) -> Existing:
    """`chair` is the chair's member number from before."""
    world = World()
    founder = world.person("founder")
    world.settings.founder = founder.id
    appoint = world.do(
        "council.appoint/1", founder, basis=dict(BASIS), seats=seats(chair), until=START + 1000 * DAY
    )
    names = ("chair", "secretary", "one", "two", "accountant")
    people = {name: world.person(name) for name in names}
    invitations = {number: Person(f"invitation {number}") for number in range(1, 6)}
    for number, person in enumerate(people.values(), 1):
        if number in accepting:
            world.sign_rules(person)
            proof = invitations[number].proof_for(person, appoint.digest)
            world.do("council.accept/1", person, re=[appoint.digest], seat=number, proof=proof)
    return Existing(world, founder, **people, invitations=invitations, appoint=appoint)


def money(amount: int, currency: str = "RUB") -> dict[str, Any]:
    return msgspec.to_builtins(Money(amount, currency))  # type: ignore[no-any-return]
