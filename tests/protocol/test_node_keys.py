"""Another key for the node, by decision of the council and the chair's signature (SPEC §7.1, P12)."""

from __future__ import annotations

from typing import Any

import pytest

from coopnode.testing import Memory, Person, commit, seed, sign_statement
from protocol import documents, signatures
from protocol.contract import View
from protocol.contracts import cooperative, council
from protocol.identifiers import identifier
from protocol.keys import PublicKey
from protocol.log import Accepted, Refused, Replica
from tests.protocol.test_attacks import constituted

NEW = seed("new node key")


class Rotation:
    def __init__(self) -> None:
        self.log, self.people = constituted()
        self.chair = self.people[0]

    def key(self, secret: bytes, scope: str) -> dict[str, Any]:
        return {"alg": -19, "pub": signatures.public_key(secret), "scope": scope}

    def named(self, node: bytes = NEW, log: bytes | None = None) -> bytes:
        log_key = PublicKey(-19, signatures.public_key(log or self.log.keys.log), "log")
        return cooperative.keys_digest(log_key, PublicKey(-19, signatures.public_key(node), "node"))

    def sign(self, who: Person, type: str, fields: dict[str, Any], **more: Any) -> bytes:
        return self.log.sign(who, type, fields, **more)

    def decided(self, choice: str = "for", **fields: Any) -> bytes:
        """Document digest of the approval of a matter about these keys."""
        log, given = self.log, {"kind": "node_keys", "re": [self.named()]} | fields
        proposal = self.sign(
            self.people[1], "council.propose/1", given, sub=log.id, values={"title": "Ключ", "text": "Ключ"}
        )
        log.add(proposal)
        matter = identifier(documents.parse(proposal).digest)
        for person in self.people:
            ballot = {"matter": matter, "round": 1, "choice": choice, "sequence": 0}
            log.add(self.sign(person, "council.vote/1", ballot, sub=matter))
        view = View(log.replica.state, "council")
        counts = {"for": 0, "against": 0, "abstain": 0} | {choice: 3}
        approval = {
            "matter": matter,
            "round": 1,
            "outcome": "adopted" if choice == "for" else "rejected",
            "counts": counts,
            "result": council.result(view, matter),
        }
        raw = self.sign(self.chair, "council.approve/1", approval, sub=matter, seen=log.seen())
        log.add(raw)
        return documents.parse(raw).digest

    def change(self, decision: bytes, who: Person | None = None, node: bytes = NEW, **changed: Any) -> bytes:
        log = self.log
        proofs = [
            signatures.sign(secret, documents.possession(signatures.public_key(secret), log.id, 0, decision))
            for secret in (log.keys.log, node)
        ]
        fields: dict[str, Any] = {
            "log_key": self.key(log.keys.log, "log"),
            "node_key": self.key(node, "node"),
            "decision": decision,
            "proofs": proofs,
        }
        return self.sign(who or self.chair, "node.keys/1", fields | changed, sub=log.id)

    def tick(self, secret: bytes) -> Accepted | Refused:
        log = self.log
        raw = sign_statement(
            secret,
            "node.tick/1",
            {"time": log.now + 1},
            iss=log.id,
            sub=log.id,
            aud=log.id,
            now=log.now + 1,
        )
        outcome = log.offer(raw)
        if isinstance(outcome, Accepted):
            log.now += 1
        return outcome


def code(outcome: Accepted | Refused) -> str | None:
    return outcome.code if isinstance(outcome, Refused) else None


@pytest.fixture
def rotation() -> Rotation:
    return Rotation()


def test_p12_the_node_goes_on_with_the_key_the_council_decided_on(rotation: Rotation) -> None:
    log = rotation.log
    old = log.keys.node
    assert code(rotation.tick(NEW)) == "unknown_key"
    log.add(rotation.change(rotation.decided()))
    assert code(rotation.tick(old)) == "unknown_key"
    assert code(rotation.tick(NEW)) is None
    again = Replica()
    for raw in log.entries:
        assert isinstance(again.append(raw), Accepted)
    assert again.digest() == log.replica.digest() and again.head.tick == log.now


def test_p12_the_old_key_alone_changes_nothing(rotation: Rotation) -> None:
    log = rotation.log
    thief = sign_statement(
        log.keys.node,
        "node.keys/1",
        {
            "log_key": rotation.key(log.keys.log, "log"),
            "node_key": rotation.key(NEW, "node"),
            "decision": bytes(32),
            "proofs": [bytes(64), bytes(64)],
        },
        iss=log.id,
        sub=log.id,
        aud=log.id,
        now=log.now,
    )
    assert code(log.offer(thief)) == "unknown_account"


def test_p12_only_what_was_decided_and_only_once(rotation: Rotation) -> None:
    log = rotation.log
    assert code(log.offer(rotation.change(bytes(32)))) == "not_decided"
    assert code(log.offer(rotation.change(rotation.decided(choice="against")))) == "not_decided"
    free = rotation.decided(kind="free")
    assert code(log.offer(rotation.change(free))) == "not_decided"
    decision = rotation.decided()
    assert code(log.offer(rotation.change(decision, node=seed("another")))) == "not_decided"
    assert code(log.offer(rotation.change(decision, who=rotation.people[1]))) == "not_allowed"
    proofs = [bytes(64), bytes(64)]
    assert code(log.offer(rotation.change(decision, proofs=proofs))) == "no_possession"
    assert code(log.offer(rotation.change(decision, proofs=[]))) == "invalid_field"
    log.add(rotation.change(decision))
    assert code(log.offer(rotation.change(decision))) == "key_taken"
    back = rotation.decided(re=[rotation.named(log.keys.node)])
    assert code(log.offer(rotation.change(back, node=log.keys.node))) == "key_taken"


def test_p12_the_log_key_stays_in_this_ruleset(rotation: Rotation) -> None:
    other = seed("other log key")
    decision = rotation.decided(re=[rotation.named(log=other)])
    raw = rotation.change(decision, log_key=rotation.key(other, "log"))
    assert code(rotation.log.offer(raw)) == "log_key_fixed"


@pytest.mark.parametrize("digests", [[], [bytes(32), bytes([1]) * 32]])
def test_p12_a_matter_about_keys_names_them(rotation: Rotation, digests: list[bytes]) -> None:
    log = rotation.log
    root = commit("council.propose/1", {"title": "Ключ", "text": "Ключ"})[0]
    fields: dict[str, Any] = {"kind": "node_keys", "re": digests}
    raw = rotation.people[1].sign(
        "council.propose/1", fields, aud=log.id, now=log.now, sub=log.id, private=root
    )
    assert code(log.offer(raw)) == "keys_unnamed"


def test_p12_not_before_there_is_a_council() -> None:
    log = Memory()
    fields: dict[str, Any] = {
        "log_key": {"alg": -19, "pub": log.keys.log_pub, "scope": "log"},
        "node_key": {"alg": -19, "pub": signatures.public_key(NEW), "scope": "node"},
        "decision": bytes(32),
        "proofs": [],
    }
    assert code(log.offer(log.sign(log.founder, "node.keys/1", fields, sub=log.id))) == "not_constituted"
