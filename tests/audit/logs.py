"""Real small logs, made by the protocol alone: a cooperative with a council of five and one admitted member.

`Log.put` takes only what the rules allow. `Log.force` is the hostile node: it puts any bytes into the
tree. Both end up in the same files under a checkpoint signed with the real log key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from protocol import (
    checkpoints,
    commitments,
    documents,
    encoding,
    merkle,
    methodology,
    proofs,
    registry,
    signatures,
    tiles,
)
from protocol.checkpoints import Checkpoint
from protocol.contract import View
from protocol.contracts import council
from protocol.documents import Seen
from protocol.identifiers import identifier, origin
from protocol.keys import PublicKey, recovery_commitment
from protocol.log import Accepted, Refused, Replica

START = 1_800_000_000
DAY = 86_400
AGREEMENTS = ("signature", "charter", "privacy")
ROLES = (("chair",), ("secretary",), ("accountant",), ("member",), ("member",))


class Random:
    """Reproducible bytes, so that indices and digests are the same in every run."""

    def __init__(self, seed: str) -> None:
        self._seed, self._count = seed, 0

    def __call__(self, size: int = 32) -> bytes:
        self._count += 1
        return hashlib.shake_128(f"{self._seed}/{self._count}".encode()).digest(size)


def key(seed: bytes, scope: str = "sign") -> dict[str, Any]:
    return {"alg": documents.ED25519, "pub": signatures.public_key(seed), "scope": scope}


@dataclass
class Person:
    seed: bytes
    recovery: bytes
    id: str = ""
    #: encoded genesis map and first event, for copies
    genesis: bytes = b""
    events: list[bytes] = field(default_factory=list)

    @property
    def pub(self) -> bytes:
        return signatures.public_key(self.seed)


def assemble(seed: bytes, protected: bytes, payload: bytes) -> bytes:
    return documents.assemble(
        protected, payload, signatures.sign(seed, documents.sig_structure(protected, payload))
    )


class Log:
    """One cooperative's log under construction. `now` is what the next tick will say."""

    def __init__(self, name: str = "Пример", *, kind: str = "existing", seed: str = "log") -> None:
        self.random = Random(seed)
        self.replica = Replica()
        self.entries: list[bytes] = []
        self.log_seed, self.node_seed = self.random(), self.random()
        self.now = START
        self.places: dict[str, int] = {}
        self.records: dict[int, dict[str, Any]] = {}
        self._open(name, kind)

    # -- statements

    def statement(
        self,
        who: Person,
        type: str,
        fields: Mapping[str, Any],
        *,
        sub: str | None = None,
        aud: str | None = None,
        iat: int | None = None,
        exp: int | None = None,
        cti: bytes | None = None,
        seen: Seen | None = None,
        private: Mapping[str, Any] | None = None,
        seed: bytes | None = None,
        iss: str | None = None,
    ) -> bytes:
        seed = seed or who.seed
        iss = iss or who.id
        iat = self.now if iat is None else iat
        kind = registry.TYPES.get(type)
        root = None
        if kind is not None and kind.private:
            names = [each.name for each in kind.private]
            values = (
                {each.name: f"{each.name} of {iss[:4]}" for each in kind.private}
                if private is None
                else private
            )
            root, record = commitments.commit(type, names, values, {each: self.random() for each in names})
            self._record = record
        protected = documents.statement_header(
            kid=signatures.public_key(seed),
            iss=iss,
            sub=sub or self.id,
            aud=aud or (iss if type.startswith("account.") and type != "account.copy/1" else self.id),
            iat=iat,
            exp=exp or iat + 900,
            cti=cti or self.random(16),
            seen=seen,
        )
        return assemble(seed, protected, documents.payload_bytes(type, dict(fields), root))

    def put(self, raw: bytes, name: str | None = None) -> bytes:
        outcome = self.replica.append(raw)
        assert isinstance(outcome, Accepted), outcome
        return self._add(raw, name)

    def force(self, raw: bytes, name: str | None = None) -> bytes:
        """What a hostile node does."""
        return self._add(raw, name)

    def refused(self, raw: bytes) -> str:
        """The code an honest node answers with."""
        outcome = self.replica.append(raw)
        assert isinstance(outcome, Refused), outcome
        return outcome.code

    def _add(self, raw: bytes, name: str | None) -> bytes:
        if name:
            self.places[name] = len(self.entries)
        self.entries.append(raw)
        return raw

    def act(
        self, who: Person, type: str, fields: Mapping[str, Any], name: str | None = None, **more: Any
    ) -> bytes:
        raw = self.put(self.statement(who, type, fields, **more), name)
        if registry.TYPES[type].private:
            self.records[len(self.entries) - 1] = self._record
        return raw

    def tick(self, seconds: int = 1, name: str | None = None) -> bytes:
        self.now += seconds
        return self.put(self.tick_statement(self.now), name)

    def tick_statement(self, time: int, seed: bytes | None = None) -> bytes:
        node = Person(seed or self.node_seed, b"", self.id)
        return self.statement(node, "node.tick/1", {"time": time}, exp=time + 3600, iat=time)

    def seen(self, size: int | None = None) -> Seen:
        size = len(self.entries) if size is None else size
        return self.signed_seen(size, merkle.root([merkle.leaf_hash(raw) for raw in self.entries[:size]]))

    def signed_seen(self, size: int, root: bytes) -> Seen:
        text = checkpoints.format(Checkpoint(origin(self.id, 0), size, root))
        return Seen(0, size, root, signatures.sign(self.log_seed, text.encode()))

    # -- persons

    def person(self, home: str | None = None, *, logged: bool = True) -> Person:
        who = Person(self.random(), self.random())
        genesis: dict[str, Any] = {
            "keys": [key(who.seed)],
            "recovery": recovery_commitment(
                PublicKey(documents.ED25519, signatures.public_key(who.recovery), "recovery")
            ),
            "home": home or self.id,
            "nonce": self.random(16),
        }
        who.genesis = encoding.encode(genesis)
        who.id = identifier(hashlib.sha256(who.genesis).digest())
        proof = signatures.sign(who.seed, documents.possession(who.pub, who.id, 0))
        raw = self.statement(who, "account.genesis/1", {"genesis": genesis, "proofs": [proof]}, sub=who.id)
        who.events.append(raw)
        if logged:
            self.put(raw, f"genesis {who.id}")
        return who

    def next_event(self, who: Person) -> tuple[int, bytes]:
        return len(who.events), documents.parse(who.events[-1]).digest

    def add_key(
        self, who: Person, seed: bytes, *, by: bytes | None = None, proof: bytes | None = None
    ) -> bytes:
        """An `account.key/1`, not yet put."""
        number, prev = self.next_event(who)
        pub = signatures.public_key(seed)
        proof = proof or signatures.sign(seed, documents.possession(pub, who.id, number, prev))
        fields = {"number": number, "prev": prev, "key": key(seed), "proof": proof}
        return self.statement(who, "account.key/1", fields, sub=who.id, seed=by)

    def agree(self, who: Person) -> None:
        for kind in AGREEMENTS:
            fields = {"agreement": self.texts[kind], "kind": kind, "edition": 1}
            self.act(who, "agreement.sign/1", fields, sub=who.id)

    # -- the cooperative

    def _open(self, name: str, kind: str) -> None:
        pack = methodology.encode(methodology.load("generic-1"))
        founder = Person(self.random(), self.random())
        genesis: dict[str, Any] = {
            "name": name,
            "kind": kind,
            "country": "RU",
            "public_url": "http://localhost:8470",
            "signing_url": "http://localhost:8471",
            "log_key": key(self.log_seed, "log"),
            "node_key": key(self.node_seed, "node"),
            "founders": [founder.pub],
            "visibility": "public",
            "pack": methodology.digest(pack),
            "nonce": self.random(16),
            "registration": {},
        }
        self.id = identifier(hashlib.sha256(encoding.encode(genesis)).digest())
        home = self._founder_genesis(founder)
        held = [
            signatures.sign(each, documents.possession(signatures.public_key(each), self.id, 0))
            for each in (self.log_seed, self.node_seed)
        ]
        self.founder = founder
        self.act(founder, "cooperative.genesis/1", {"genesis": genesis, "proofs": held}, "genesis")
        self.act(founder, "cooperative.pack/1", {"name": "generic", "version": 1, "bytes": pack}, "pack")
        self.tick(0, "first tick")
        self.put(home, "founder")

    def _founder_genesis(self, founder: Person) -> bytes:
        genesis: dict[str, Any] = {
            "keys": [key(founder.seed)],
            "recovery": recovery_commitment(
                PublicKey(documents.ED25519, signatures.public_key(founder.recovery), "recovery")
            ),
            "home": self.id,
            "nonce": self.random(16),
        }
        founder.id = identifier(hashlib.sha256(encoding.encode(genesis)).digest())
        proof = signatures.sign(founder.seed, documents.possession(founder.pub, founder.id, 0))
        raw = self.statement(
            founder, "account.genesis/1", {"genesis": genesis, "proofs": [proof]}, sub=founder.id
        )
        founder.events.append(raw)
        return raw

    def seat_council(self, parameters: Mapping[str, Any] = MappingProxyType({})) -> None:
        """Charter, texts, five seats; the founder is the chair."""
        basis = {"organ": "general_meeting", "number": "1", "date": "2026-01-10"}
        fields: dict[str, Any] = {"title": "Устав", "blob": hashlib.sha256(b"charter").digest()}
        fields |= {"basis": basis, "parameters": dict(parameters)}
        charter = self.act(self.founder, "cooperative.charter/1", fields, "charter")
        self.charter = documents.parse(charter).digest
        self.texts: dict[str, bytes] = {}
        for kind in AGREEMENTS:
            fields = {
                "kind": kind,
                "edition": 1,
                "title": kind,
                "blob": hashlib.sha256(kind.encode()).digest(),
            }
            self.texts[kind] = documents.parse(
                self.act(self.founder, "cooperative.agreement/1", fields)
            ).digest
        invitations = [self.random() for _ in ROLES]
        seats = [
            {
                "seat": place,
                "roles": list(roles),
                "voting": True,
                "invitation": signatures.public_key(invitation),
                "member": {"number": place, "since": START - 100 * DAY},
            }
            for place, (roles, invitation) in enumerate(zip(ROLES, invitations, strict=True), 1)
        ]
        appoint = self.act(
            self.founder,
            "council.appoint/1",
            {"basis": basis, "seats": seats, "until": START + 900 * DAY},
            "appoint",
        )
        inviting = documents.parse(appoint).digest
        self.council: list[Person] = []
        for place, invitation in enumerate(invitations, 1):
            who = self.founder if place == 1 else self.person()
            self.agree(who)
            proof = signatures.sign(
                invitation, documents.possession(signatures.public_key(invitation), who.id, 0, inviting)
            )
            self.act(
                who, "council.accept/1", {"re": [inviting], "seat": place, "proof": proof}, f"accept {place}"
            )
            self.council.append(who)
        self.chair, self.secretary, self.accountant = self.council[:3]

    def apply(self) -> Person:
        """Somebody's way into the council's queue; `self.matter` is then open."""
        who = self.person()
        self.agree(who)
        consent = {
            "purpose": "membership",
            "operator": self.id,
            "fields": ["name", "phone"],
            "text": self.texts["privacy"],
        }
        self.act(who, "consent.give/1", consent, sub=who.id)
        fields: dict[str, Any] = {
            "person": "person",
            "charter": self.charter,
            "entrance": {"amount": 1000, "currency": "EUR"},
            "share": {"amount": 2500, "currency": "EUR"},
        }
        self.application = documents.parse(
            self.act(who, "membership.apply/1", fields, "apply", sub=who.id)
        ).digest
        about = identifier(self.application)
        self.tick(60)
        fields = {"re": [self.application], "method": "in_person", "level": 1}
        self.act(self.secretary, "membership.identify/1", fields, "identify", sub=about)
        complete = self.act(
            self.secretary, "membership.complete/1", {"re": [self.application]}, "complete", sub=about
        )
        self.matter = identifier(documents.parse(complete).digest)
        return who

    def ballot(self, who: Person, choice: str = "for", *, sequence: int = 1, **more: Any) -> bytes:
        fields = {"matter": self.matter, "round": 1, "choice": choice, "sequence": sequence}
        return self.statement(who, "council.vote/1", fields, sub=more.pop("sub", self.matter), **more)

    def vote(self, voters: Sequence[Person] | None = None) -> None:
        self.tick(60, "votes")
        for place, who in enumerate(self.council if voters is None else voters, 1):
            self.put(self.ballot(who), f"vote {place}")

    def approval(self, **changed: Any) -> bytes:
        view = View(self.replica.state, council.DOMAIN)
        matter = view.need("matter", self.matter, council.Matter)
        counts = matter.box.counts
        more = {each: changed.pop(each) for each in ("seen", "who") if each in changed}
        fields = {
            "matter": self.matter,
            "round": 1,
            "outcome": "adopted",
            "counts": {"for": counts.for_, "against": counts.against, "abstain": counts.abstain},
            "result": council.result(view, self.matter),
            **changed,
        }
        seen = more.get("seen", self.seen())
        return self.statement(
            more.get("who", self.chair), "council.approve/1", fields, sub=self.matter, seen=seen, private={}
        )

    def approve(self) -> None:
        self.tick(60)
        self.put(self.approval(), "approve")
        self.records[len(self.entries) - 1] = self._record

    def pay(self) -> None:
        self.tick(60)
        fields = {
            "re": [self.application],
            "entrance": {"amount": 1000, "currency": "EUR"},
            "share": {"amount": 2500, "currency": "EUR"},
            "received_at": self.now,
        }
        self.act(self.accountant, "membership.payment/1", fields, "payment", sub=identifier(self.application))

    # -- files

    @property
    def origin(self) -> str:
        return origin(self.id, 0)

    def checkpoint(self, size: int | None = None) -> bytes:
        entries = self.entries if size is None else self.entries[:size]
        root = merkle.root([merkle.leaf_hash(raw) for raw in entries])
        return checkpoints.sign_checkpoint(Checkpoint(self.origin, len(entries), root), self.log_seed)

    def proof(self, index: int) -> bytes:
        leaves = [merkle.leaf_hash(raw) for raw in self.entries]
        path = merkle.inclusion_path(merkle.subtrees(leaves), index, len(leaves))
        return proofs.format(proofs.TlogProof(index, tuple(path), self.checkpoint()))

    def write(self, folder: Path, entries: Sequence[bytes] | None = None) -> Path:
        """The whole log as tlog-tiles, signed anew over whatever the entries are."""
        entries = self.entries if entries is None else list(entries)
        leaves = [merkle.leaf_hash(raw) for raw in entries]
        hash_at = merkle.subtrees(leaves)
        for tile in tiles.tiles_for(len(entries)):
            _write(folder / tile.path, tiles.hash_tile(hash_at, tile))
            if tile.level == 0:
                bundle = entries[tile.start : tile.start + tile.width]
                _write(
                    folder / tiles.Tile("entries", tile.index, tile.width).path, tiles.encode_bundle(bundle)
                )
        root = merkle.root(leaves)
        _write(
            folder / "checkpoint",
            checkpoints.sign_checkpoint(Checkpoint(self.origin, len(entries), root), self.log_seed),
        )
        return folder


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def example(seed: str = "log") -> Log:
    """A council of five, one admission decided and paid."""
    log = Log(seed=seed)
    log.seat_council()
    log.apply()
    log.vote()
    log.approve()
    log.pay()
    return log
