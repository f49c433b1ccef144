"""A real node with a sitting council of five and matters before it, for tests of pages, queries and API."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coopnode import signing, testing
from coopnode.answers import Answer, Committed
from coopnode.app import Blob
from coopnode.cli.node import all_projections
from coopnode.council.service import Council
from coopnode.testing import START, Cooperative, FixedClock, Person, seed
from protocol import checkpoints, documents, registry, signatures
from protocol.contract import View
from protocol.contracts import membership
from protocol.documents import Seen
from protocol.encoding import Value
from protocol.identifiers import identifier, parse_identifier

DAY = 86_400
AGREEMENTS = ("signature", "charter", "privacy")
#: name, roles, vote: four come in, the fifth seat stays vacant unless asked for
SEATS = (
    ("Орлова Вера Павловна", ("chair", "member")),
    ("Смирнов Олег Ильич", ("secretary", "member")),
    ("Кузнецова Анна Сергеевна", ("accountant", "member")),
    ("Васильев Пётр Андреевич", ("member",)),
    ("Фёдорова Нина Львовна", ("member",)),
)
KEYS = ("chair", "secretary", "accountant", "one", "two")


def text(words: str) -> Blob:
    data = words.encode()
    return Blob(hashlib.sha256(data).digest(), "text/plain", data)


def person_values(name: str) -> dict[str, Value]:
    return {
        "name": name,
        "birth_date": "1980-05-18",
        "address": "г. Тверь, ул. Советская, 1",
        "phone": "+7 900 000-00-00",
        "email": f"{abs(hash(name)) % 1000}@example.org",
    }


@dataclass
class Table:
    """The council's table on a node. `chair`, `secretary`, `accountant`, `one`, `two` by key in `people`."""

    coop: Cooperative
    clock: FixedClock
    people: dict[str, Person]
    charter: bytes
    texts: dict[str, bytes]
    names: dict[str, str] = field(default_factory=dict)

    @property
    def node(self) -> Any:
        return self.coop.node

    @property
    def service(self) -> Council:
        return Council(self.node)

    def __getitem__(self, key: str) -> Person:
        return self.people[key]

    async def agree(self, who: Person) -> None:
        for kind in AGREEMENTS:
            fields: dict[str, Value] = {"agreement": self.texts[kind], "kind": kind, "edition": 1}
            await self.coop.must(who, "agreement.sign/1", fields, sub=who.id)

    async def applied(self, name: str = "Иванова Мария Сергеевна", key: str = "applicant") -> str:
        """Somebody's application, identified and passed to the council; gives the matter's id."""
        application = await self.identified(name, key)
        complete: dict[str, Value] = {"re": [parse_identifier(application)]}
        done = await self.coop.must(self["secretary"], "membership.complete/1", complete, sub=application)
        return identifier(done.digest)

    async def identified(
        self,
        name: str = "Иванова Мария Сергеевна",
        key: str = "applicant",
        *,
        method: str = "in_person",
        **changed: Value,
    ) -> str:
        """Somebody's application, the identity verified; gives the application's id."""
        who = await self.coop.person(key)
        self.people[key] = who
        await self.agree(who)
        consent: dict[str, Value] = {
            "purpose": "membership",
            "operator": self.coop.id,
            "fields": ["name", "phone"],
            "text": text("Согласие").digest,
        }
        await self.coop.must(who, "consent.give/1", consent, sub=who.id)
        facts = self.node.facts
        fees: dict[str, Value] = {
            kind: {"amount": facts.parameter(f"fees.{kind}.person"), "currency": "RUB"}
            for kind in ("entrance", "share")
        }
        fields: dict[str, Value] = {"person": "person", "charter": self.charter, **fees}
        applied = await self.coop.must(
            who, "membership.apply/1", fields, sub=who.id, values=person_values(name) | changed
        )
        application = identifier(applied.digest)
        identify: dict[str, Value] = {"re": [applied.digest], "method": method, "level": 2}
        await self.coop.must(
            self["secretary"],
            "membership.identify/1",
            identify,
            sub=application,
            values={"details": "Паспорт предъявлен"},
        )
        return application

    async def sign(self, who: Person, item: signing.Item) -> Answer:
        """As the signing page does: the item of a service becomes a statement of this person."""
        assert item.payload is not None
        own = self.coop
        seen = self.seen() if item.seen or registry.TYPES[item.type].seen else None
        sub = who.id if item.sub == "self" else item.sub
        return await own.submit(who, item.type, item.payload, sub=sub, values=item.private, seen=seen)

    async def must(self, who: Person, item: signing.Item) -> Committed:
        answer = await self.sign(who, item)
        assert isinstance(answer, Committed), answer
        return answer

    def seen(self) -> Seen:
        found, signature = checkpoints.log_signature(self.node.files.checkpoint())
        return Seen(0, found.size, found.root, signature)

    async def vote(self, id: str, **choices: str) -> None:
        for key, choice in choices.items():
            await self.must(self[key], await self.service.vote(id, self[key].id, choice))

    async def propose(self, key: str = "one", **more: Any) -> str:
        from coopnode.council.service import Proposal

        values: dict[str, Any] = {
            "kind": "free",
            "title": "Закупка семян на 2026 год",
            "text": "Закупить семена у ООО «Лад».\n\nБухгалтеру оплатить счёт до 1 марта.",
        }
        item = await self.service.propose(self[key].id, Proposal(**(values | more)))
        return identifier((await self.must(self[key], item)).digest)

    async def approve(self, id: str, reason: str = "") -> Committed:
        await self.published()
        item = await self.service.approve(id, self["chair"].id, reason)
        return await self.must(self["chair"], item)

    async def wait(self, seconds: int) -> None:
        """Time passes, and the node notices what fell due."""
        self.clock.move(seconds)
        consent = self.coop.consent(self["one"], f"p{self.clock.peek() % 50}")
        await testing.accepted(self.node.engine.submit(consent))

    async def published(self) -> None:
        assert await self.node.publisher.wait_for(self.node.engine.head.size)

    async def stop(self) -> None:
        await self.node.stop()


async def table(
    data: Path,
    *,
    seats: int = 5,
    clock: FixedClock | None = None,
    start: int = START,
    more: Mapping[str, Any] | None = None,
    fill: Sequence[str] = KEYS,
) -> Table:
    clock = clock or FixedClock()
    clock.time = max(clock.time, start)
    coop = await testing.cooperative(
        data,
        clock=clock,
        projections=all_projections(),
        more=more,
        name="Потребительское общество «Росток»",
    )
    own, founder = coop.id, coop.founder
    basis: dict[str, Value] = {"organ": "general_meeting", "number": "1", "date": "2025-12-20"}
    body = text("Устав потребительского общества «Росток»\n\n1. Общие положения.")
    fields: dict[str, Value] = {"title": "Устав", "blob": body.digest, "parameters": {}, "basis": basis}
    charter = await coop.must(founder, "cooperative.charter/1", fields, sub=own, blobs=[body])
    texts: dict[str, bytes] = {}
    for kind in (*AGREEMENTS, "consent-membership", "consent-contacts"):
        body = text(f"Текст: {kind}")
        fields = {"kind": kind, "edition": 1, "title": kind, "blob": body.digest}
        done = await coop.must(founder, "cooperative.agreement/1", fields, sub=own, blobs=[body])
        texts[kind] = done.digest
    rows: list[Value] = [
        {
            "seat": place,
            "roles": list(roles),
            "voting": True,
            "invitation": signatures.public_key(seed(f"invitation/{place}")),
            "member": {"number": place, "since": START - 100 * DAY},
        }
        for place, (_, roles) in enumerate(SEATS[:seats], 1)
    ]
    appoint: dict[str, Value] = {"basis": basis, "seats": rows, "until": start + 900 * DAY}
    appointed = await coop.must(founder, "council.appoint/1", appoint, sub=own)
    made = Table(coop, clock, {}, charter.digest, texts)
    for place, (key, (name, _)) in enumerate(zip(KEYS, SEATS[:seats], strict=False), 1):
        if key not in fill:
            continue
        who = await coop.person(key)
        made.people[key], made.names[key] = who, name
        await made.agree(who)
        proof = who.proof_for(seed(f"invitation/{place}"), appointed.digest)
        accept: dict[str, Value] = {"re": [appointed.digest], "seat": place, "proof": proof}
        await coop.must(who, "council.accept/1", accept, sub=own, values=person_values(name))
    return made


def parsed(raw: bytes) -> documents.Statement:
    return documents.parse(raw)


def is_member(made: Table, who: Person) -> bool:
    return membership.is_member(View(made.node.state, membership.DOMAIN), who.id)
