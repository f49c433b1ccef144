"""A constituted cooperative on a real node: chair, secretary, accountant and one more with a vote, and a way
from an application to membership. For tests of the slices.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from coopnode import testing
from coopnode.answers import Committed
from coopnode.app import Leader
from coopnode.projections import Projection
from coopnode.store.log_store import Blob
from coopnode.testing import Cooperative, FixedClock, Person, seed
from protocol import signatures
from protocol.contract import View
from protocol.contracts import council
from protocol.documents import Seen
from protocol.identifiers import identifier
from protocol.registry import StateFacts

DAY = 86_400
TEXTS = ("signature", "privacy", "charter", "consent-membership", "consent-contacts")
PARTICULARS: Mapping[str, str] = {
    "name": "Иванова Мария Сергеевна",
    "birth_date": "1985-03-14",
    "address": "г. Тверь, ул. Советская, д. 1, кв. 2",
    "phone": "+79001234567",
    "email": "ivanova@example.org",
}


def particulars(name: str, email: str) -> dict[str, str]:
    return {**PARTICULARS, "name": name, "email": email}


class Society:
    """People by what they are; `steps` of joining as methods."""

    def __init__(self, coop: Cooperative, clock: FixedClock | None) -> None:
        self.coop, self.clock = coop, clock
        self.charter = b""
        self.agreements: dict[str, tuple[bytes, bytes]] = {}
        self.officers: dict[str, Person] = {}

    @property
    def node(self) -> Leader:
        return self.coop.node

    @classmethod
    async def make(
        cls,
        data: Path,
        *,
        clock: FixedClock | None = None,
        projections: Sequence[Projection] = (),
        more: Mapping[str, Any] | None = None,
        minutes: bytes | None = None,
    ) -> Society:
        """`minutes`: digest of the scan by which the council was elected."""
        coop = await testing.cooperative(data, clock=clock, projections=projections, more=more, name="Росток")
        made = cls(coop, clock)
        await made.constitute(minutes)
        return made

    def move(self, seconds: float) -> None:
        assert self.clock is not None
        self.clock.move(seconds)

    async def constitute(self, minutes: bytes | None = None) -> None:
        coop, founder = self.coop, self.coop.founder
        charter = "# Устав\n\nПотребительское общество «Росток».".encode()
        fields: dict[str, Any] = {
            "title": "Устав",
            "blob": hashlib.sha256(charter).digest(),
            "parameters": {},
            "basis": {"organ": "general_meeting", "number": "1", "date": "2025-05-20"},
        }
        blob = Blob(fields["blob"], "text/plain", charter)
        self.charter = (
            await coop.must(founder, "cooperative.charter/1", fields, sub=coop.id, blobs=[blob])
        ).digest
        for kind in TEXTS:
            await self._text(kind)
        await self.elect(minutes)

    async def elect(self, minutes: bytes | None = None) -> None:
        """The council on paper takes its seats; charter and texts stand."""
        coop, founder = self.coop, self.coop.founder
        invitations = {number: seed(f"invitation {number}") for number in range(1, 5)}
        seats: list[Any] = [
            _seat(1, ["chair", "member"], invitations[1], member=1),
            _seat(2, ["secretary", "member"], invitations[2], member=2),
            _seat(3, ["member"], invitations[3]),
            _seat(4, ["accountant"], invitations[4], voting=False),
        ]
        basis: dict[str, Any] = {"organ": "general_meeting", "number": "1", "date": "2025-05-20"}
        if minutes is not None:
            basis["minutes"] = minutes
        fields: dict[str, Any] = {"basis": basis, "seats": seats, "until": coop.now + 1000 * DAY}
        appoint = await coop.must(founder, "council.appoint/1", fields, sub=coop.id)
        names = {1: "chair", 2: "secretary", 3: "one", 4: "accountant"}
        titles = {1: "Орлова Анна Петровна", 2: "Зайцев Олег Ильич", 3: "Ким Вера", 4: "Белов Пётр Ильич"}
        for number, name in names.items():
            person = founder if number == 1 else await coop.person(name)
            self.officers[name] = person
            await self.sign_texts(person)
            proof = person.proof_for(invitations[number], appoint.digest)
            fields = {"re": [appoint.digest], "seat": number, "proof": proof}
            values = particulars(titles[number], f"{name}@example.org")
            await coop.must(person, "council.accept/1", fields, sub=coop.id, values=values)
        assert StateFacts(self.node.state).constituted()

    async def _text(self, kind: str) -> None:
        body = f"# {kind}\n\nТекст «{kind}» кооператива.".encode()
        blob = Blob(hashlib.sha256(body).digest(), "text/plain", body)
        fields: dict[str, Any] = {"kind": kind, "edition": 1, "title": kind.capitalize(), "blob": blob.digest}
        done = await self.coop.must(
            self.coop.founder, "cooperative.agreement/1", fields, sub=self.coop.id, blobs=[blob]
        )
        self.agreements[kind] = (done.digest, blob.digest)

    async def sign_texts(self, person: Person) -> None:
        for kind in StateFacts(self.node.state).required_agreements():
            fields: dict[str, Any] = {"agreement": self.agreements[kind][0], "kind": kind, "edition": 1}
            await self.coop.must(person, "agreement.sign/1", fields)
        await self.consent(person)

    async def consent(self, person: Person, purpose: str = "membership") -> Committed:
        fields: dict[str, Any] = {
            "purpose": purpose,
            "operator": self.coop.id,
            "fields": ["name", "email"],
            "text": self.agreements[f"consent-{purpose}"][1],
        }
        return await self.coop.must(person, "consent.give/1", fields)

    # -- joining ------------------------------------------------------------------------------------------

    async def apply(self, person: Person, name: str = PARTICULARS["name"], **more: str) -> Committed:
        await self.sign_texts(person)
        return await self._apply(person, name, more)

    async def _apply(self, person: Person, name: str, more: Mapping[str, str]) -> Committed:
        fields: dict[str, Any] = {
            "person": "person",
            "charter": self.charter,
            "entrance": self._fee("entrance"),
            "share": self._fee("share"),
        }
        values = particulars(name, f"{person.name}@example.org") | dict(more)
        return await self.coop.must(person, "membership.apply/1", fields, values=values)

    def _fee(self, name: str) -> dict[str, Any]:
        facts = StateFacts(self.node.state)
        return {
            "amount": facts.parameter(f"fees.{name}.person"),
            "currency": facts.parameter("fees.currency"),
        }

    async def apply_as_known(self, person: Person) -> Committed:
        """An application of somebody who has signed the texts already."""
        return await self._apply(person, PARTICULARS["name"], {})

    async def identify(self, apply: bytes) -> Committed:
        fields: dict[str, Any] = {"re": [apply], "method": "in_person", "level": 1}
        values = {"details": "Паспорт предъявлен"}
        secretary = self.officers["secretary"]
        return await self.coop.must(
            secretary, "membership.identify/1", fields, sub=identifier(apply), values=values
        )

    async def complete(self, apply: bytes) -> Committed:
        fields: dict[str, Any] = {"re": [apply]}
        secretary = self.officers["secretary"]
        return await self.coop.must(secretary, "membership.complete/1", fields, sub=identifier(apply))

    async def vote(self, matter: str, choice: str = "for") -> None:
        for name in ("chair", "secretary", "one"):
            fields: dict[str, Any] = {"matter": matter, "round": 1, "choice": choice, "sequence": 1}
            await self.coop.must(self.officers[name], "council.vote/1", fields, sub=matter)

    async def decide(self, matter: str, choice: str = "for") -> Committed:
        """The council votes and the chair signs."""
        await self.vote(matter, choice)
        view = View(self.node.state, council.DOMAIN)
        found = view.need("matter", matter, council.Matter)
        counts = found.box.counts
        outcome = "adopted" if choice == "for" else "rejected"
        fields: dict[str, Any] = {
            "matter": matter,
            "round": 1,
            "outcome": outcome,
            "counts": {"for": counts.for_, "against": counts.against, "abstain": counts.abstain},
            "result": council.result(view, matter),
        }
        values = {} if choice == "for" else {"reason": "Нет места в программе"}
        return await self.coop.must(
            self.officers["chair"], "council.approve/1", fields, sub=matter, values=values, seen=self.seen()
        )

    def seen(self) -> Seen:
        head = self.node.engine.head
        return testing.seen(self.node.keys, self.coop.id, head.size, head.tree.root())

    async def pay(self, apply: bytes) -> Committed:
        fields: dict[str, Any] = {
            "re": [apply],
            "entrance": self._fee("entrance"),
            "share": self._fee("share"),
            "received_at": self.coop.now,
        }
        accountant = self.officers["accountant"]
        return await self.coop.must(
            accountant, "membership.payment/1", fields, sub=identifier(apply), values={"reference": "ПП 17"}
        )

    async def join(self, person: Person, name: str = PARTICULARS["name"]) -> bytes:
        """From nothing to member; the digest of the application."""
        apply = (await self.apply(person, name)).digest
        await self.admit(apply)
        await self.pay(apply)
        return apply

    async def enrol(self, number: int, name: str) -> tuple[bytes, bytes]:
        """A line of the paper register: (document digest, seed of its invitation)."""
        invitation = seed(f"enrolment {number}")
        fields: dict[str, Any] = {
            "number": number,
            "since": testing.START - 400 * DAY,
            "person": "person",
            "invitation": signatures.public_key(invitation),
        }
        done = await self.coop.must(
            self.officers["secretary"], "membership.enrol/1", fields, sub=self.coop.id, values={"name": name}
        )
        return done.digest, invitation

    async def take_over(self, person: Person, number: int, name: str) -> None:
        """A member of the paper register joins by their invitation."""
        await self.sign_texts(person)
        enrolled, invitation = await self.enrol(number, name)
        fields: dict[str, Any] = {"re": [enrolled], "proof": person.proof_for(invitation, enrolled)}
        values = particulars(name, f"{person.name}@example.org")
        await self.coop.must(person, "membership.accept/1", fields, values=values)

    async def admit(self, apply: bytes) -> tuple[str, Committed]:
        """From applied to admitted: (matter, the chair's signature)."""
        await self.identify(apply)
        matter = identifier((await self.complete(apply)).digest)
        return matter, await self.decide(matter)


def _seat(
    number: int, roles: list[str], invitation: bytes, *, voting: bool = True, member: int | None = None
) -> dict[str, Any]:
    seat: dict[str, Any] = {
        "seat": number,
        "roles": roles,
        "voting": voting,
        "invitation": signatures.public_key(invitation),
    }
    if member is not None:
        seat["member"] = {"number": member, "since": testing.START - 400 * DAY}
    return seat
