"""How the people of the demo act: each signs with a key of their own, on a clock that `story` moves.

What a slice has a service for is asked of the service, as the pages do; the rest is written as the signing
page would write it. Everything has to be accepted: a refusal is a mistake of `story`.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from coopnode import consents, signing, testing
from coopnode.answers import Committed
from coopnode.app import Blob, Leader
from coopnode.council.service import Council, Proposal
from coopnode.demo import cast, papers
from coopnode.demo.papers import Paper
from coopnode.demo.place import Resident
from coopnode.notifications.kinds import KINDS
from coopnode.outbox import Outbox
from coopnode.robot.job import Worker
from coopnode.robot.service import Robot
from coopnode.testing import FixedClock, Person
from protocol import checkpoints, documents, encoding, registry, signatures
from protocol.contracts.council.statements import AutomationTerms, RobotAct
from protocol.documents import Seen
from protocol.encoding import Value
from protocol.identifiers import identifier
from protocol.keys import ED25519

DAY: Final = 86_400
#: Seconds from one signature to the next: people read what they sign.
_PAUSE: Final = 40
_BETWEEN_VOTES: Final = 660
#: Turns of the robot and of letters until nothing is left; more would be a mistake.
_TURNS: Final = 50


@dataclass
class Holder:
    """Somebody's account and keys. `events` are the digests of its numbered events, the newest last."""

    key: str
    first: Person
    seed: bytes
    recovery: bytes
    events: list[bytes]

    @property
    def id(self) -> str:
        return self.first.id

    @property
    def kid(self) -> bytes:
        return signatures.public_key(self.seed)


class Office:
    """The cooperative on an open node, from its genesis on."""

    def __init__(self, node: Leader, clock: FixedClock) -> None:
        self.node, self.clock = node, clock
        self.own = ""
        self.people: dict[str, Holder] = {}
        self.charter = b""
        #: kind → (document digest, blob, edition) of the texts in force
        self.texts: dict[str, tuple[bytes, bytes, int]] = {}
        #: kind → text of the last edition
        self.bodies: dict[str, bytes] = {}
        #: key → digest of the application
        self.applications: dict[str, bytes] = {}
        self.council = Council(node)
        self.robot = Robot(node, self.council)
        self._worker = Worker(node)
        self._letters = Outbox(node, KINDS)

    @property
    def now(self) -> int:
        return int(self.clock.time)

    # -- signing ---------------------------------------------------------------------------------------

    async def sign(
        self,
        who: str,
        type: str,
        fields: Mapping[str, Value],
        *,
        sub: str | None = None,
        aud: str | None = None,
        values: Mapping[str, Value] | None = None,
        seed: bytes | None = None,
        seen: Seen | None = None,
        blobs: Sequence[Blob] = (),
        ticket: str | None = None,
    ) -> bytes:
        """The document digest of an accepted statement of `who`, about themselves unless told otherwise."""
        self.clock.move(_PAUSE)
        holder = self.people[who]
        root = record = None
        if registry.TYPES[type].private:
            root, record = testing.commit(type, values or {})
        raw = testing.sign_statement(
            seed or holder.seed,
            type,
            fields,
            iss=holder.id,
            sub=sub or holder.id,
            aud=aud or self.own,
            now=self.now,
            private=root,
            seen=seen,
        )
        answer = await self.node.engine.submit(raw, record, ticket=ticket, blobs=blobs)
        if not isinstance(answer, Committed):
            raise RuntimeError(f"{type} of {who} was refused: {answer}")
        return answer.digest

    async def sign_item(self, who: str, item: signing.Item) -> bytes:
        """What a service would have the signing page show."""
        assert item.payload is not None
        seen = self.seen() if item.seen or registry.TYPES[item.type].seen else None
        sub = None if item.sub == signing.SELF else item.sub
        return await self.sign(who, item.type, item.payload, sub=sub, values=item.private, seen=seen)

    def seen(self) -> Seen:
        note = self.node.files.checkpoint()
        assert note is not None
        found, signature = checkpoints.log_signature(note)
        return Seen(0, found.size, found.root, signature)

    async def published(self) -> None:
        if not await self.node.publisher.wait_for(self.node.engine.head.size):
            raise RuntimeError("the log of the demo is not published")

    # -- accounts --------------------------------------------------------------------------------------

    def holder(self, key: str, home: str, seed: bytes | None = None) -> Holder:
        """Somebody new; `seed` of a founder, whose key the genesis names before there is a home."""
        recovery = secrets.token_bytes(32)
        person = Person(secrets.token_hex(8), home, seed or secrets.token_bytes(32), recovery)
        self.people[key] = Holder(key, person, person.key, recovery, [])
        return self.people[key]

    async def account(self, key: str) -> Holder:
        """Puts a new account into the log."""
        holder = self.people.get(key) or self.holder(key, self.own)
        proof = signatures.sign(holder.seed, documents.possession(holder.kid, holder.id, 0))
        fields: dict[str, Value] = {"genesis": holder.first.genesis, "proofs": [proof]}
        ticket = await self.node.issue_ticket()
        holder.events.append(await self.sign(key, "account.genesis/1", fields, aud=holder.id, ticket=ticket))
        return holder

    async def add_device(self, key: str) -> bytes:
        """A second key, with which the person signs from now on; gives the public key of the first."""
        holder = self.people[key]
        seed, before = secrets.token_bytes(32), holder.kid
        number, prev = len(holder.events), holder.events[-1]
        made: dict[str, Value] = {"alg": ED25519, "pub": signatures.public_key(seed), "scope": "sign"}
        proof = _possession(seed, holder.id, number, prev)
        fields: dict[str, Value] = {"number": number, "prev": prev, "key": made, "proof": proof}
        holder.events.append(await self.sign(key, "account.key/1", fields, aud=holder.id))
        holder.seed = seed
        return before

    async def revoke(self, key: str, kid: bytes) -> None:
        await self.sign(key, "account.revoke/1", {"key": kid}, aud=self.people[key].id)

    async def recover(self, key: str) -> None:
        """With the sheet: the device is lost, a new key waits for its three days."""
        holder = self.people[key]
        seed, recovery = secrets.token_bytes(32), secrets.token_bytes(32)
        number, prev = len(holder.events), holder.events[-1]
        new: dict[str, Value] = {"alg": ED25519, "pub": signatures.public_key(seed), "scope": "sign"}
        fields: dict[str, Value] = {
            "number": number,
            "prev": prev,
            "recovery": _recovery_key(holder.recovery),
            "next": _commitment(recovery),
            "keys": [new],
            "proofs": [_possession(seed, holder.id, number, prev)],
            "revoke": [holder.kid],
        }
        digest = await self.sign(key, "account.recover/1", fields, aud=holder.id, seed=holder.recovery)
        holder.events.append(digest)
        holder.seed, holder.recovery = seed, recovery

    def resident(self, key: str) -> Resident:
        holder = self.people[key]
        genesis: Any = holder.first.genesis
        return Resident(
            key,
            cast.PEOPLE[key].name,
            holder.id,
            self.own,
            holder.seed,
            _commitment(holder.recovery),
            genesis["nonce"],
            joined=holder.seed != holder.first.key,
        )

    # -- texts and consents ----------------------------------------------------------------------------

    async def publish(self, who: str, kind: str, title: str, data: bytes) -> None:
        """The next edition of a text."""
        edition = self.texts[kind][2] + 1 if kind in self.texts else 1
        blob = Blob(hashlib.sha256(data).digest(), "text/markdown", data)
        fields: dict[str, Value] = {"kind": kind, "edition": edition, "title": title, "blob": blob.digest}
        digest = await self.sign(who, "cooperative.agreement/1", fields, sub=self.own, blobs=[blob])
        self.texts[kind], self.bodies[kind] = (digest, blob.digest, edition), data

    async def sign_text(self, who: str, kind: str) -> None:
        digest, _, edition = self.texts[kind]
        fields: dict[str, Value] = {"agreement": digest, "kind": kind, "edition": edition}
        await self.sign(who, "agreement.sign/1", fields)

    async def consent(self, who: str, purpose: str = consents.REQUIRED) -> bytes:
        fields: dict[str, Value] = {
            "purpose": purpose,
            "operator": self.own,
            "fields": list[Value](consents.FIELDS[purpose]),
            "text": self.texts[consents.TEXTS[purpose]][1],
        }
        return await self.sign(who, "consent.give/1", fields)

    async def agree(self, who: str) -> None:
        """What everybody signs before anything else."""
        for kind in self.node.facts.required_agreements():
            await self.sign_text(who, kind)
        await self.consent(who)

    # -- membership ------------------------------------------------------------------------------------

    async def enrol(self, key: str, since: int) -> tuple[bytes, bytes]:
        """A line of the paper register: (document digest, seed of its invitation)."""
        character, invitation = cast.PEOPLE[key], secrets.token_bytes(32)
        assert character.number is not None
        fields: dict[str, Value] = {
            "number": character.number,
            "since": since,
            "person": "person",
            "invitation": signatures.public_key(invitation),
        }
        values = {"name": character.name}
        done = await self.sign(cast.SECRETARY, "membership.enrol/1", fields, sub=self.own, values=values)
        return done, invitation

    async def come_in(self, key: str, enrolled: bytes, invitation: bytes) -> None:
        """A member of the paper register takes the key from the letter."""
        holder = await self.account(key)
        await self.agree(key)
        proof = holder.first.proof_for(invitation, enrolled)
        values = dict(cast.PEOPLE[key].particulars)
        await self.sign(key, "membership.accept/1", {"re": [enrolled], "proof": proof}, values=values)

    async def apply(self, key: str, *, again: bool = False, **changed: str) -> None:
        if not again:
            await self.account(key)
            await self.agree(key)
        facts = self.node.facts
        fees: dict[str, Value] = {
            name: {"amount": facts.parameter(f"fees.{name}.person"), "currency": "RUB"}
            for name in ("entrance", "share")
        }
        fields: dict[str, Value] = {"person": "person", "charter": self.charter, **fees}
        values = cast.PEOPLE[key].particulars | changed
        self.applications[key] = await self.sign(key, "membership.apply/1", fields, values=values)

    async def about(
        self, who: str, key: str, type: str, values: Mapping[str, Value] | None = None, **more: Value
    ) -> bytes:
        """An act of `who` on somebody's application."""
        apply = self.applications[key]
        return await self.sign(who, type, {"re": [apply], **more}, sub=identifier(apply), values=values)

    async def identify(self, key: str, method: str = "in_person") -> None:
        kind = "by_video" if method == "video" else len(self.applications) % 3
        values = {"details": papers.words(f"identified_{kind}")}
        await self.about(cast.SECRETARY, key, "membership.identify/1", values, method=method, level=1)

    async def complete(self, key: str) -> str:
        """On to the council; the matter's id."""
        return identifier(await self.about(cast.SECRETARY, key, "membership.complete/1"))

    async def pay(self, key: str, reference: str) -> None:
        facts = self.node.facts
        fees: dict[str, Value] = {
            name: {"amount": facts.parameter(f"fees.{name}.person"), "currency": "RUB"}
            for name in ("entrance", "share")
        }
        values = {"reference": reference}
        await self.about(
            cast.ACCOUNTANT, key, "membership.payment/1", values, received_at=self.now - 3600, **fees
        )

    async def admit(self, key: str) -> None:
        """By the council's own hands, from the identified application to the chair's signature."""
        matter = await self.complete(key)
        await self.vote(matter, *cast.COUNCIL)
        await self.approve(matter)

    # -- the council -----------------------------------------------------------------------------------

    async def propose(self, who: str, paper: Paper, **more: Any) -> str:
        """Opens a matter; its id."""
        values: dict[str, Any] = {
            "kind": "free",
            "title": paper.title,
            "text": papers.dated(paper.text, self.now),
        }
        item = await self.council.propose(self.people[who].id, Proposal(**(values | more)))
        return identifier(await self.sign_item(who, item))

    async def vote(self, matter: str, *who: str, choice: str = "for") -> None:
        for each in who:
            self.clock.move(_BETWEEN_VOTES)
            await self.sign_item(each, await self.council.vote(matter, self.people[each].id, choice))

    async def comment(self, matter: str, who: str, words: str) -> None:
        item = await self.council.comment(matter, self.people[who].id, papers.dated(words, self.now))
        await self.sign_item(who, item)

    async def approve(self, matter: str, reason: str = "") -> bytes:
        await self.published()
        chair = cast.CHAIR
        reason = papers.dated(reason, self.now)
        return await self.sign_item(chair, await self.council.approve(matter, self.people[chair].id, reason))

    async def send_back(self, matter: str, reason: str) -> None:
        chair = cast.CHAIR
        await self.sign_item(chair, await self.council.return_(matter, self.people[chair].id, reason))

    # -- what members ask ------------------------------------------------------------------------------

    async def petition(self, who: str, paper: Paper) -> str:
        values = {"title": paper.title, "text": papers.dated(paper.text, self.now)}
        return identifier(await self.sign(who, "membership.petition/1", {}, values=values))

    async def leave(self, who: str, reason: str, payout: str) -> str:
        values = {"reason": reason, "payout": payout}
        return identifier(await self.sign(who, "membership.leave/1", {}, values=values))

    async def withdraw(self, key: str) -> None:
        await self.about(key, key, "membership.withdraw/1")

    # -- the robot -------------------------------------------------------------------------------------

    async def propose_robot(self, who: str, terms: AutomationTerms, paper: Paper) -> str:
        text = papers.dated(paper.text, self.now)
        return identifier(
            await self.sign_item(who, await self.robot.propose(self.people[who].id, terms, paper.title, text))
        )

    async def lend(self, who: str, acts: tuple[RobotAct, ...], until: int) -> None:
        await self.sign_item(who, await self.robot.lend(self.people[who].id, acts, until, None))

    async def work(self) -> None:
        """What the node does by itself: the robot decides, letters are written. To the end."""
        for _ in range(_TURNS):
            await self.published()
            if not await self._worker.work():
                break
        else:
            raise RuntimeError("the robot of the demo does not come to an end")
        await self._letters.work()


def _possession(seed: bytes, account: str, number: int, prev: bytes) -> bytes:
    kid = signatures.public_key(seed)
    return signatures.sign(seed, documents.possession(kid, account, number, prev))


def _recovery_key(seed: bytes) -> dict[str, Value]:
    return {"alg": ED25519, "pub": signatures.public_key(seed), "scope": "recovery"}


def _commitment(seed: bytes) -> bytes:
    """As the genesis has it (`coopnode.testing.Person.genesis`)."""
    key: dict[str, Value] = {"alg": ED25519, "pub": signatures.public_key(seed)}
    return hashlib.sha256(encoding.encode(key)).digest()
