"""What is measured with: a log of many accounts and a council, and statements signed in advance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from protocol import documents
from protocol.identifiers import identifier
from tests.audit.logs import Log, Person

#: ballots of one voter in one matter; the contract allows 50
_SEQUENCES = 40


@dataclass
class Material:
    """A log that holds the people; `consents` and `votes` make statements that are not in it yet."""

    log: Log
    people: list[Person] = field(default_factory=list)
    matters: int = 0

    @classmethod
    def make(cls, people: int) -> Material:
        log = Log()
        log.seat_council({"council.max_open": 1000})
        log.tick()
        return cls(log, [log.person() for _ in range(people)])

    def consents(self, count: int) -> Iterator[bytes]:
        """Cheap statements by accounts in turn, for several purposes; later ones replace earlier ones."""
        log, people = self.log, self.people
        for number in range(count):
            fields = {
                "purpose": f"purpose-{number // len(people) % 8}",
                "operator": log.id,
                "fields": ["name", "phone"],
                "text": log.texts["privacy"],
            }
            who = people[number % len(people)]
            yield log.statement(who, "consent.give/1", fields, sub=who.id)

    def matter(self) -> str:
        """A question before the council, put into the log."""
        council = self.log.council
        by = council[self.matters % len(council)]  # one may have only so many open
        self.matters += 1
        raw = self.log.act(by, "council.propose/1", {"kind": "free"}, sub=self.log.id)
        return identifier(documents.parse(raw).digest)

    def votes(self, count: int) -> Iterator[bytes]:
        """Ballots of the council. Opens a matter for every two hundred: those it puts into the log itself."""
        council = self.log.council
        for number in range(count):
            place = number % (len(council) * _SEQUENCES)
            if place == 0:
                matter = self.matter()
            fields = {
                "matter": matter,
                "round": 1,
                "choice": ("for", "against", "abstain")[number % 3],
                "sequence": place // len(council) + 1,
            }
            yield self.log.statement(council[place % len(council)], "council.vote/1", fields, sub=matter)


def replayed(people: int, documents: int, kind: str) -> Log:
    """A log of about that many documents, most of them of one kind, with a tick for every forty."""
    made = Material.make(people)
    source = {"consents": made.consents, "votes": made.votes}[kind](documents)
    for number, raw in enumerate(source):
        made.log.put(raw)
        if number % 40 == 39:
            made.log.tick()
    return made.log
