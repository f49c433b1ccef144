"""Fakes and makers for tests, benchmarks and trials: people with keys, statements, cooperatives in memory
or on disk.

Everything made from one `seed` is the same every time.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coopnode.answers import Answer, Committed
from coopnode.app import Leader, Node
from coopnode.clock import Clock
from coopnode.config import Config, Limits, database_of
from coopnode.keystore import Keystore
from coopnode.projections import Projection
from coopnode.store import state_store
from coopnode.store.log_store import Blob
from protocol import checkpoints, commitments, documents, encoding, methodology, registry, signatures
from protocol.checkpoints import Checkpoint
from protocol.documents import Seen, Statement
from protocol.encoding import Value
from protocol.identifiers import identifier, origin
from protocol.log import Accepted, Refused, Replica

START = 1_767_225_600  # 2026-01-01T00:00:00Z

#: prepares the data directory of a test node, for instance by a database in its configuration
furnish: Callable[[Path], None] | None = None


@dataclass
class FixedClock(Clock):
    """Stands still until moved."""

    time: float = START

    def _read(self) -> tuple[float, float]:
        time = getattr(self, "time", START)
        return time, time

    def __post_init__(self) -> None:
        self._wall = self._monotonic = self.time

    def move(self, seconds: float) -> int:
        self.time += seconds
        return int(self.time)


def seed(name: str) -> bytes:
    """A private key made of a name. Never in a real node."""
    return hashlib.sha256(b"coopnode/testing/" + name.encode()).digest()


@dataclass(frozen=True)
class Person:
    """Somebody with one signing key, a recovery key and an account genesis whose home is `home`."""

    name: str
    home: str
    key: bytes = field(repr=False)
    recovery: bytes = field(repr=False)

    @classmethod
    def make(cls, name: str, home: str) -> Person:
        return cls(name, home, seed(f"{name}/sign"), seed(f"{name}/recovery"))

    @property
    def kid(self) -> bytes:
        return signatures.public_key(self.key)

    @property
    def genesis(self) -> dict[str, Value]:
        """The genesis map. When `home` is empty it is not made yet (a founder before the cooperative's id
        is known)."""
        recovery: dict[str, Value] = {"alg": -19, "pub": signatures.public_key(self.recovery)}
        return {
            "home": self.home,
            "keys": [{"alg": -19, "pub": self.kid, "scope": "sign"}],
            "nonce": seed(self.name)[:16],
            "recovery": hashlib.sha256(encoding.encode(recovery)).digest(),
        }

    @property
    def id(self) -> str:
        return identifier(hashlib.sha256(encoding.encode(self.genesis)).digest())

    def account_genesis(self, now: int) -> bytes:
        proof = signatures.sign(self.key, documents.possession(self.kid, self.id, 0))
        return self.sign(
            "account.genesis/1", {"genesis": self.genesis, "proofs": [proof]}, aud=self.id, now=now
        )

    def sign(
        self,
        type: str,
        fields: Mapping[str, Value],
        *,
        aud: str,
        now: int,
        sub: str | None = None,
        private: bytes | None = None,
        seen: Seen | None = None,
        cti: bytes | None = None,
        lifetime: int = 900,
    ) -> bytes:
        """Bytes of a statement; `sub` is the signer unless told otherwise."""
        return sign_statement(
            self.key,
            type,
            fields,
            iss=self.id,
            sub=sub or self.id,
            aud=aud,
            now=now,
            private=private,
            seen=seen,
            cti=cti,
            lifetime=lifetime,
        )

    def proof_for(self, invitation: bytes, inviting: bytes) -> bytes:
        """Possession of an invitation key (a seed) for this account (SPEC §6.2)."""
        kid = signatures.public_key(invitation)
        return signatures.sign(invitation, documents.possession(kid, self.id, 0, inviting))


def sign_statement(
    key: bytes,
    type: str,
    fields: Mapping[str, Value],
    *,
    iss: str,
    sub: str,
    aud: str,
    now: int,
    private: bytes | None = None,
    seen: Seen | None = None,
    cti: bytes | None = None,
    lifetime: int = 900,
) -> bytes:
    protected = documents.statement_header(
        kid=signatures.public_key(key),
        iss=iss,
        sub=sub,
        aud=aud,
        iat=now,
        exp=now + lifetime,
        cti=cti or random.randbytes(16),
        seen=seen,
    )
    payload = documents.payload_bytes(type, dict(fields), private)
    return documents.assemble(
        protected, payload, signatures.sign(key, documents.sig_structure(protected, payload))
    )


def commit(type: str, values: Mapping[str, Value]) -> tuple[bytes, bytes]:
    """(root, encoded record) of private fields."""
    names = [item.name for item in registry.TYPES[type].private]
    root, record = commitments.commit(
        type, names, dict(values), {name: random.randbytes(32) for name in names}
    )
    return root, encoding.encode(record, limit=2**24)


def personal(name: str) -> dict[str, Value]:
    """Private fields of somebody who joins by invitation."""
    return {
        "name": name,
        "birth_date": "1980-01-31",
        "address": "101000, Москва, ул. Примерная, 1",
        "phone": "+79990000000",
        "email": f"{name}@example.org",
    }


@dataclass
class Founded:
    """The first statements of a cooperative whose founder is `founder`."""

    id: str
    founder: Person
    genesis: bytes
    pack: bytes
    account: bytes


def found(
    keys: Keystore,
    *,
    now: int = START,
    name: str = "Пример",
    kind: str = "existing",
    visibility: str = "entitled",
    founder: str = "founder",
    pack: str = "ru-consumer-1",
    public_url: str = "http://localhost:8470",
    signing_url: str = "http://localhost:8471",
    person: Person | None = None,
) -> Founded:
    """Entries 0, 1 and 3 of a new log, for a node with these keys (entry 2 is the node's first tick).

    `person` is a founder who has an account in another log already and comes by copy."""
    content = methodology.encode(methodology.load(pack))
    loaded = methodology.decode(content)
    # The founder's home is the cooperative, whose genesis names the founder's key only: no circle.
    key = person.key if person else seed(f"{founder}/sign")
    genesis: dict[str, Value] = {
        "country": loaded.country,
        "founders": [signatures.public_key(key)],
        "kind": kind,
        "log_key": {"alg": -19, "pub": keys.log_pub, "scope": "log"},
        "name": name,
        "node_key": {"alg": -19, "pub": keys.node_pub, "scope": "node"},
        "nonce": seed(name)[:16],
        "pack": methodology.digest(content),
        "public_url": public_url,
        "registration": {},
        "signing_url": signing_url,
        "visibility": visibility,
    }
    id = identifier(hashlib.sha256(encoding.encode(genesis)).digest())
    person = person or Person.make(founder, id)
    proofs: list[Value] = [
        signatures.sign(secret, documents.possession(pub, id, 0))
        for secret, pub in ((keys.log, keys.log_pub), (keys.node, keys.node_pub))
    ]
    first = person.sign(
        "cooperative.genesis/1", {"genesis": genesis, "proofs": proofs}, aud=id, sub=id, now=now
    )
    fields: dict[str, Value] = {"bytes": content, "name": loaded.name, "version": loaded.version}
    second = person.sign("cooperative.pack/1", fields, aud=id, sub=id, now=now)
    return Founded(id, person, first, second, person.account_genesis(now))


@dataclass
class Cooperative:
    """A cooperative on an open node, with its founder; `person` adds people with accounts."""

    node: Leader
    id: str
    founder: Person
    people: dict[str, Person] = field(default_factory=dict)

    @property
    def now(self) -> int:
        return self.node.clock.peek()

    async def person(self, name: str) -> Person:
        """A person whose account stands in the log."""
        known = self.people.get(name)
        if known is not None:
            return known
        person = Person.make(name, self.id)
        ticket = await self.node.issue_ticket()
        await accepted(self.node.engine.submit(person.account_genesis(self.now), ticket=ticket))
        self.people[name] = person
        return person

    async def people_named(self, prefix: str, count: int) -> list[Person]:
        return [await self.person(f"{prefix}{number}") for number in range(count)]

    async def submit(
        self,
        person: Person,
        type: str,
        fields: Mapping[str, Value],
        *,
        sub: str | None = None,
        values: Mapping[str, Value] | None = None,
        seen: Seen | None = None,
        blobs: Sequence[Blob] = (),
    ) -> Answer:
        root, record = commit(type, values or {}) if registry.TYPES[type].private else (None, None)
        raw = person.sign(type, fields, aud=self.id, now=self.now, sub=sub, private=root, seen=seen)
        return await self.node.engine.submit(raw, record, blobs=blobs)

    async def must(self, person: Person, type: str, fields: Mapping[str, Value], **more: Any) -> Committed:
        """`submit` that has to succeed."""
        return await accepted(self.submit(person, type, fields, **more))

    async def publish(self, person: Person, type: str, text: str, fields: Mapping[str, Value]) -> Committed:
        """A charter or agreement with its text."""
        data = text.encode()
        blob = Blob(hashlib.sha256(data).digest(), "text/markdown", data)
        return await self.must(person, type, {**fields, "blob": blob.digest}, sub=self.id, blobs=[blob])

    async def constitute(self, seats: int = 3, name: str = "council") -> list[Person]:
        """Charter, agreements and an appointed council that has come in: chair, secretary, accountant, then
        members, all voting.

        For a cooperative of kind `existing`. Answers the people on the seats in order."""
        charter: dict[str, Value] = {
            "title": "Устав",
            "parameters": {},
            "basis": {"organ": "general_meeting"},
        }
        await self.publish(self.founder, "cooperative.charter/1", "# Устав", charter)
        signed: list[dict[str, Value]] = []
        for kind in await self.node.in_thread(lambda: self.node.facts.required_agreements()):
            about: dict[str, Value] = {"kind": kind, "edition": 1, "title": kind}
            text = await self.publish(self.founder, "cooperative.agreement/1", f"# {kind}", about)
            signed.append({"agreement": text.digest, "kind": kind, "edition": 1})
        people = await self.people_named(name, seats)
        offices = ("chair", "secretary", "accountant")
        roles: list[list[Value]] = [[offices[n] if n < 3 else "member"] for n in range(seats)]
        invitations = [seed(f"{name}/{number}/invitation") for number in range(seats)]
        places: list[Value] = [
            {
                "seat": number + 1,
                "roles": roles[number],
                "voting": True,
                "invitation": signatures.public_key(invitations[number]),
            }
            for number in range(seats)
        ]
        fields: dict[str, Value] = {
            "basis": {"organ": "general_meeting"},
            "seats": places,
            "until": self.now + 10**8,
        }
        appointment = await self.must(self.founder, "council.appoint/1", fields, sub=self.id)
        for number, person in enumerate(people):
            for agreement in signed:
                await self.must(person, "agreement.sign/1", agreement)
            accept: dict[str, Value] = {
                "re": [appointment.digest],
                "seat": number + 1,
                "proof": person.proof_for(invitations[number], appointment.digest),
            }
            await self.must(person, "council.accept/1", accept, sub=self.id, values=personal(person.name))
        return people

    async def matter(self, by: Person, title: str = "Вопрос") -> str:
        """Opens a free matter of the council; its id."""
        done = await self.must(
            by, "council.propose/1", {"kind": "free"}, sub=self.id, values={"title": title, "text": title}
        )
        return identifier(done.digest)

    def consent(self, person: Person, purpose: str, text: bytes = bytes(32)) -> bytes:
        """A cheap statement anybody with an account may sign, as often as wanted, for up to 64 purposes."""
        fields: dict[str, Value] = {"fields": ["name"], "operator": self.id, "purpose": purpose, "text": text}
        return person.sign("consent.give/1", fields, aud=self.id, now=self.now)


def state_digest(node: Node) -> bytes:
    """Of the whole state table (SPEC §9.2). Call it in a thread."""
    return state_store.digest(node.database.raw_reader())


async def accepted(answer: Any) -> Committed:
    """Awaits an answer that must be *committed*."""
    found = await answer
    assert isinstance(found, Committed), found
    return found


def config(data: Path, **more: Any) -> Config:
    """Of a test node: nothing is rationed."""
    plenty = Limits(
        account_burst=1e9,
        account_rate=1e9,
        stranger_burst=1e9,
        stranger_rate=1e9,
        accounts_per_day=10**9,
        lookups_burst=1e9,
        lookups_rate=1e9,
    )
    if furnish is not None:
        furnish(data)
    values: dict[str, Any] = {
        "data": data,
        "database_url": database_of(data),
        "limits": plenty,
        "port": 0,
        "signing_port": 0,
        "checkpoint_seconds": 0.1,
    }
    return Config(**(values | more))


async def cooperative(
    data: Path,
    *,
    clock: Clock | None = None,
    projections: Sequence[Projection] = (),
    more: Mapping[str, Any] | None = None,
    **founding: Any,
) -> Cooperative:
    """A started node in `data` with a founded cooperative. The caller stops it: `await made.node.stop()`."""
    node = Node.open(config(data, **(more or {})), clock=clock, projections=projections)
    await node.start()
    first = found(node.keys, now=node.clock.peek(), **founding)
    await accepted(node.engine.submit(first.genesis, ticket=node.founding_token))
    await accepted(node.engine.submit(first.pack))
    await accepted(node.engine.submit(first.account))
    return Cooperative(node, first.id, first.founder)


def seen(keys: Keystore, cooperative: str, size: int, root: bytes) -> Seen:
    """The claim of a device that verified this checkpoint, signed by the log."""
    checkpoint = Checkpoint(origin(cooperative, 0), size, root)
    return Seen(0, size, root, signatures.sign(keys.log, checkpoints.format(checkpoint).encode()))


class Memory:
    """A cooperative without a node: a `Replica` fed with statements, for tests of contracts and audits."""

    def __init__(self, **founding: Any) -> None:
        self.keys = Keystore.from_seeds(
            *(seed(f"node/{name}") for name in ("log", "node", "vault", "session"))
        )
        self.now = START
        self.replica = Replica()
        self.entries: list[bytes] = []
        first = found(self.keys, now=self.now, **founding)
        self.id, self.founder = first.id, first.founder
        self.add(first.genesis)
        self.add(first.pack)
        self.tick()
        if self.founder.home == self.id:
            self.add(first.account)

    def offer(self, raw: bytes) -> Accepted | Refused:
        outcome = self.replica.append(raw)
        if isinstance(outcome, Accepted):
            self.entries.append(raw)
        return outcome

    def add(self, raw: bytes) -> Accepted:
        outcome = self.offer(raw)
        assert isinstance(outcome, Accepted), outcome
        return outcome

    def tick(self, seconds: int = 1) -> Accepted:
        """Moves time on and logs it."""
        self.now += seconds
        raw = sign_statement(
            self.keys.node,
            "node.tick/1",
            {"time": self.now},
            iss=self.id,
            sub=self.id,
            aud=self.id,
            now=self.now,
        )
        return self.add(raw)

    def person(self, name: str) -> Person:
        made = Person.make(name, self.id)
        self.add(made.account_genesis(self.now))
        return made

    def sign(
        self,
        person: Person,
        type: str,
        fields: Mapping[str, Value],
        *,
        values: Mapping[str, Value] | None = None,
        **more: Any,
    ) -> bytes:
        root = commit(type, values or {})[0] if registry.TYPES[type].private else None
        return person.sign(type, fields, aud=self.id, now=self.now, private=root, **more)

    def seen(self, size: int | None = None) -> Seen:
        """What a device that follows this log claims; up to now unless told otherwise."""
        size = len(self.entries) if size is None else size
        return seen(self.keys, self.id, size, self.replica.root_at(size))

    def statement(self, raw: bytes) -> Statement:
        return documents.parse(raw)
