"""A cooperative as large as they come, on disk: a million entries and 200,000 people in the register.

`python -m tests.benchmarks.million --size 1000000` fills the cache; the group `size` of the benchmark does it
by itself. Everything comes from seeds and fixed times, so two machines make the same log, byte for byte. It
goes through the batch judge, the vault, the store and the read models of a real node, and is published; only
signatures are not checked again, for this program has just made them.

A fifth of the entries is people: four tenths of them were in a paper register and have confirmed, a little
more than half were invited and have not, the others applied and went through the council.
"""

from __future__ import annotations

import argparse
import hashlib
import heapq
import multiprocessing
import os
import random
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from coopnode import keystore, testing
from coopnode.app import Leader, Node
from coopnode.cli.node import all_projections
from coopnode.clock import Clock
from coopnode.keystore import Keystore
from coopnode.projections import Projections
from coopnode.sequencer import TICK, _Judged
from coopnode.store.database import open_database
from coopnode.store.heads import Heads
from coopnode.store.log_store import Blob
from coopnode.store.schema import outbox
from coopnode.store.sql import delete, update
from coopnode.submissions import Submission
from coopnode.testing import FixedClock, Person, seed
from protocol import documents, methodology, signatures
from protocol.contract import View
from protocol.contracts import cooperative as rules
from protocol.contracts import council, membership
from protocol.documents import Statement
from protocol.encoding import Value
from protocol.identifiers import identifier
from protocol.log import Accepted, Batch
from protocol.state import Overlay

#: Counts with the schema, the rules and this program: an old log is not measured by mistake.
VERSION: Final = 1
START: Final = 1_735_689_600  # 2025-01-01T00:00:00Z
#: Seconds from one tick to the next, and statements that fall between them.
_STEP, _BETWEEN = 600, 38
DAY: Final = 86_400
_AGREEMENTS = ("signature", "charter", "privacy")
_TEXTS = (*_AGREEMENTS, "consent-membership", "consent-contacts")
#: name in the log's seeds, name in the register, roles
_SEATS: Final = (
    ("founder", "Орлова Вера Павловна", ("chair", "member")),
    ("secretary", "Смирнов Олег Ильич", ("secretary", "member")),
    ("accountant", "Кузнецова Анна Сергеевна", ("accountant", "member")),
    ("one", "Васильев Пётр Андреевич", ("member",)),
    ("two", "Фёдорова Нина Львовна", ("member",)),
)
_VOTERS: Final = tuple(name for name, _, _ in _SEATS)
_SURNAMES: Final = tuple(
    re.findall(
        r"\w+",
        """
        Алексеев Антонов Белов Беляев Богданов Васильев Виноградов Волков Воробьёв Воронин Голубев Григорьев
        Давыдов Дмитриев Егоров Ершов Жуков Зайцев Захаров Иванов Ильин Казаков Киселёв Ковалёв Козлов Комаров
        Королёв Крылов Кузнецов Лебедев Макаров Медведев Михайлов Морозов Никитин Новиков Орлов Осипов Павлов
        Петров Поляков Попов Романов Семёнов Сергеев Сидоров Смирнов Соколов Соловьёв Степанов Тарасов Титов
        Фёдоров Филиппов Фролов Цветков Чернов Шевцов Щербаков Яковлев
        """,
    )
)
_NAMES: Final = tuple(
    re.findall(
        r"\w+",
        """
        Анна Вера Галина Дарья Елена Жанна Зоя Инна Кира Лидия Мария Нина Ольга Полина Раиса Софья Таисия
        Ульяна Фаина Юлия
        """,
    )
)
_PATRONYMICS: Final = tuple(
    re.findall(
        r"\w+",
        """
        Алексеевна Борисовна Викторовна Григорьевна Денисовна Егоровна Ивановна Кирилловна Львовна Михайловна
        Николаевна Олеговна Петровна Романовна Семёновна Тимофеевна Фёдоровна Юрьевна Яковлевна Артёмовна
        """,
    )
)

Progress = Callable[[int, int], None]


# --- the plan -------------------------------------------------------------------------------------


class Case(NamedTuple):
    """One story: `kind` is joined, applied, invited or free; `number` counts all cases, `paper` is a number
    of the paper register."""

    kind: str
    number: int
    slot: int
    paper: int = 0


@dataclass(frozen=True)
class Plan:
    """What a log of `size` entries is made of."""

    size: int

    @cached_property
    def counts(self) -> Mapping[str, int]:
        shares = {"joined": 0.08, "applied": 0.014, "invited": 0.106, "free": 0.005}
        # without the founding, and the ticks after the last case has begun
        rest = self.size - 150
        return {kind: max(2, int(rest * share)) for kind, share in shares.items()}

    @property
    def people(self) -> int:
        return sum(self.counts[kind] for kind in ("joined", "applied", "invited")) + len(_SEATS)

    @property
    def paper(self) -> int:
        """The largest number of the paper register; the first are kept for the council."""
        return self.counts["joined"] + self.counts["invited"] + len(_SEATS)

    @property
    def slots(self) -> int:
        return (self.size - 150) // (_BETWEEN + 1)

    def cases(self) -> Iterator[Case]:
        """In the order in which they begin, kinds mixed evenly."""
        every = sum(self.counts.values())
        done = dict.fromkeys(self.counts, 0)
        paper = len(_SEATS)
        # The largest number is enrolled first: who applies gets the next one after it.
        yield Case("invited", 0, 0, self.paper)
        done["invited"] = 1
        for number in range(1, every):
            kind = min(done, key=lambda each: (done[each] + 0.5) / self.counts[each])
            done[kind] += 1
            slot = number * self.slots // every
            if kind in ("joined", "invited"):
                paper += 1
                yield Case(kind, number, slot, paper)
            else:
                yield Case(kind, number, slot)


# --- statements, in processes of their own ------------------------------------------------------------


class Ready(NamedTuple):
    """A statement and when it is due. `approve` instead of `raw`: the chair signs what the writer counts."""

    slot: int
    case: int
    step: int
    raw: bytes
    record: bytes | None = None
    approve: tuple[str, str] | None = None


@dataclass
class Somebody:
    """A `Person` whose id and key are worked out once."""

    name: str
    home: str
    person: Person = field(init=False)
    id: str = field(init=False)

    def __post_init__(self) -> None:
        self.person = Person.make(self.name, self.home)
        self.id = self.person.id


@dataclass(frozen=True)
class Cooperative:
    """What every statement has to name."""

    id: str
    start: int
    step: int
    charter: bytes
    #: kind → (digest of the statement, of the text)
    texts: Mapping[str, tuple[bytes, bytes]]
    entrance: int
    share: int
    #: told apart in seeds of people: those of the old log and those who came today
    series: str = ""


class Author:
    """Writes the statements of cases. Made once in each process."""

    def __init__(self, about: Cooperative) -> None:
        self.about = about
        self.officers = {name: Somebody(name, about.id) for name, _, _ in _SEATS}

    def case(self, case: Case) -> list[Ready]:
        random.seed(f"{VERSION}/{self.about.series}/{case.number}")
        self._case, self._made = case, list[Ready]()
        getattr(self, f"_{case.kind}")(case)
        return self._made

    def _put(
        self,
        after: int,
        who: Somebody,
        type: str,
        fields: Mapping[str, Value],
        *,
        sub: str | None = None,
        aud: str | None = None,
        values: Mapping[str, Value] | None = None,
    ) -> bytes:
        """Due `after` slots from the case's beginning; the document digest."""
        root, record = testing.commit(type, values) if values is not None else (None, None)
        slot = self._case.slot + after
        raw = testing.sign_statement(
            who.person.key,
            type,
            fields,
            iss=who.id,
            sub=sub or who.id,
            aud=aud or self.about.id,
            now=self.about.start + (slot + 1) * self.about.step,
            private=root,
        )
        self._made.append(Ready(slot, self._case.number, len(self._made), raw, record))
        return documents.parse(raw).digest

    def _arrive(self, after: int, case: Case) -> Somebody:
        who = Somebody(f"{self.about.series}person {case.number}", self.about.id)
        genesis = who.person.genesis
        proof = signatures.sign(who.person.key, documents.possession(who.person.kid, who.id, 0))
        self._put(after, who, "account.genesis/1", {"genesis": genesis, "proofs": [proof]}, aud=who.id)
        for kind in _AGREEMENTS:
            fields: dict[str, Value] = {"agreement": self.about.texts[kind][0], "kind": kind, "edition": 1}
            self._put(after, who, "agreement.sign/1", fields)
        return who

    def _consent(self, after: int, who: Somebody, purpose: str) -> bytes:
        fields: dict[str, Value] = {
            "purpose": purpose,
            "operator": self.about.id,
            "fields": ["name", "email"],
            "text": self.about.texts[f"consent-{purpose}"][1],
        }
        return self._put(after, who, "consent.give/1", fields)

    def _enrol(self, case: Case) -> tuple[bytes, bytes]:
        invitation = seed(f"{self.about.series}invitation {case.paper}")
        fields: dict[str, Value] = {
            "number": case.paper,
            "since": START - (case.number % 4000) * DAY,
            "person": "person",
            "invitation": signatures.public_key(invitation),
        }
        values: dict[str, Value] = {"name": full_name(case.number)}
        return self._put(
            0, self.officers["secretary"], "membership.enrol/1", fields, sub=self.about.id, values=values
        ), invitation

    def _invited(self, case: Case) -> None:
        self._enrol(case)

    def _joined(self, case: Case) -> None:
        enrolled, invitation = self._enrol(case)
        who = self._arrive(3, case)
        fields: dict[str, Value] = {"re": [enrolled], "proof": who.person.proof_for(invitation, enrolled)}
        self._put(3, who, "membership.accept/1", fields, values=particulars(case.number))
        if case.number % 10 < 7:
            given = self._consent(20, who, "contacts")
            if case.number % 10 == 0:
                self._put(40, who, "consent.withdraw/1", {"re": [given]})

    def _applied(self, case: Case) -> None:
        who = self._arrive(0, case)
        self._consent(0, who, "membership")
        fees: dict[str, Value] = {
            "entrance": {"amount": self.about.entrance, "currency": "RUB"},
            "share": {"amount": self.about.share, "currency": "RUB"},
        }
        fields: dict[str, Value] = {"person": "person", "charter": self.about.charter, **fees}
        apply = self._put(0, who, "membership.apply/1", fields, values=particulars(case.number))
        if case.number % 29 == 0:
            self._put(1, who, "membership.withdraw/1", {"re": [apply]}, sub=identifier(apply))
            return
        about, secretary = identifier(apply), self.officers["secretary"]
        fields = {"re": [apply], "method": "in_person", "level": 1}
        seen: dict[str, Value] = {"details": "Паспорт предъявлен"}
        self._put(2, secretary, "membership.identify/1", fields, sub=about, values=seen)
        complete = self._put(3, secretary, "membership.complete/1", {"re": [apply]}, sub=about)
        refused = case.number % 31 == 0
        self._vote(4, complete, "against" if refused else "for")
        if not refused:
            fields = {"re": [apply], **fees, "received_at": START}
            reference: dict[str, Value] = {"reference": f"ПП {case.number}"}
            accountant = self.officers["accountant"]
            self._put(10, accountant, "membership.payment/1", fields, sub=about, values=reference)

    def _free(self, case: Case) -> None:
        by = self.officers[_VOTERS[case.number % len(_VOTERS)]]
        words: dict[str, Value] = {
            "title": f"О закупке семян, партия {case.number}",
            "text": "Закупить семена у поставщика.\n\nБухгалтеру оплатить счёт в течение трёх дней.",
        }
        matter = self._put(0, by, "council.propose/1", {"kind": "free"}, sub=self.about.id, values=words)
        comment: dict[str, Value] = {"text": "Предлагаю сравнить с ценами прошлого года."}
        one, id = self.officers["one"], identifier(matter)
        self._put(1, one, "council.comment/1", {"matter": id}, sub=id, values=comment)
        self._vote(2, matter, "for")

    def _vote(self, after: int, matter: bytes, choice: str) -> None:
        """Four of five, the chair among them; then the chair's signature."""
        id = identifier(matter)
        absent = self._case.number % (len(_VOTERS) - 1) + 1
        for place, name in enumerate(_VOTERS):
            if place != absent:
                fields: dict[str, Value] = {"matter": id, "round": 1, "choice": choice, "sequence": 1}
                self._put(after + place % 3, self.officers[name], "council.vote/1", fields, sub=id)
        slot = self._case.slot + after + 4
        outcome = "adopted" if choice == "for" else "rejected"
        self._made.append(Ready(slot, self._case.number, len(self._made), b"", None, (id, outcome)))


def full_name(number: int) -> str:
    """Sixty surnames, twenty names and patronymics, mixed; some with ё."""
    surname, rest = number % len(_SURNAMES), number // len(_SURNAMES)
    name, patronymic = (rest + surname) % len(_NAMES), (rest // len(_NAMES)) % len(_PATRONYMICS)
    return f"{_SURNAMES[surname]}а {_NAMES[name]} {_PATRONYMICS[patronymic]}"


def particulars(number: int) -> dict[str, Value]:
    return {
        "name": full_name(number),
        "birth_date": f"{1940 + number % 65}-{number % 12 + 1:02}-{number % 28 + 1:02}",
        "address": f"г. Тверь, ул. Советская, д. {number % 200 + 1}, кв. {number % 97 + 1}",
        "phone": f"+79{number:09}",
        "email": f"person{number}@example.org",
    }


_author: Author


def _begin(about: Cooperative) -> None:
    global _author
    _author = Author(about)


def _write(cases: Sequence[Case]) -> list[Ready]:
    return [ready for case in cases for ready in _author.case(case)]


# --- the writer -----------------------------------------------------------------------------------


class Writer:
    """Puts statements into a node that is open and not started, a batch for each tick."""

    def __init__(self, node: Leader) -> None:
        self._node = node
        self._sequencer = node.sequencer
        self._judged: list[_Judged] = []
        self._batch: Batch | None = None
        self.cooperative = node.cooperative or ""

    @property
    def size(self) -> int:
        """Entries so far, those of the batch that is open among them."""
        return self._sequencer.head.size + (len(self._batch.accepted) if self._batch else 0)

    @property
    def now(self) -> int:
        return self._sequencer.head.tick

    @property
    def largest(self) -> int:
        """Number of the register."""
        return membership.register(View(self._sequencer.state, membership.DOMAIN)).largest

    def put(self, raw: bytes, record: bytes | None = None, blobs: Sequence[Blob] = ()) -> Statement:
        if self._batch is None:
            own = self._sequencer
            self._batch = Batch(own.head, own.state, own._nonces, own.tree)
        statement = documents.parse(raw)
        outcome = self._batch.offer(statement)
        if not isinstance(outcome, Accepted):
            raise RuntimeError(f"entry {self.size}, {statement.type}: {outcome}")
        submission = Submission(statement, record, None, tuple(blobs))
        self._judged.append(_Judged(submission, outcome))
        return statement

    def tick(self, now: int) -> None:
        """Commits what came before and begins a second."""
        self.commit()
        raw = testing.sign_statement(
            self._node.keys.node,
            TICK,
            {"time": now},
            iss=self.cooperative,
            sub=self.cooperative,
            aud=self.cooperative,
            now=now,
            cti=hashlib.sha256(b"tick %d" % now).digest()[:16],
            lifetime=3600,
        )
        self.put(raw)

    def commit(self) -> None:
        if self._batch is not None:
            self._sequencer._store(self._batch, self._judged)
            self._batch, self._judged = None, []

    def approve(self, id: str, outcome: str, now: int) -> None:
        """The chair's signature over what was counted (P23)."""
        state = Overlay(self._sequencer.state)
        if self._batch is not None:
            state.writes.update(self._batch.writes)
        view = View(state, council.DOMAIN)
        matter = view.need("matter", id, council.Matter)
        counts, head = matter.box.counts, self._sequencer.head
        fields: dict[str, Value] = {
            "matter": id,
            "round": 1,
            "outcome": outcome,
            "counts": {"for": counts.for_, "against": counts.against, "abstain": counts.abstain},
            "result": council.result(view, id),
        }
        values: dict[str, Value] = {} if outcome == "adopted" else {"reason": "Нет места в программе"}
        random.seed(f"{VERSION}/approve/{id}")
        root, record = testing.commit("council.approve/1", values)
        seen = testing.seen(self._node.keys, self.cooperative, head.size, head.tree.root())
        chair = self.chair
        raw = testing.sign_statement(
            chair.person.key,
            "council.approve/1",
            fields,
            iss=chair.id,
            sub=id,
            aud=self.cooperative,
            now=now,
            private=root,
            seen=seen,
        )
        self.put(raw, record)

    @cached_property
    def chair(self) -> Somebody:
        return Somebody(_SEATS[0][0], self.cooperative)

    def publish(self) -> None:
        self.commit()
        self._node.publisher.publish(self._sequencer.head)


class Founding:
    """The first sixty entries: charter, texts, five seats."""

    def __init__(self, writer: Writer, keys: Keystore, step: int) -> None:
        random.seed(f"{VERSION}/founding")
        self._writer, self._step = writer, step
        first = testing.found(keys, now=START, name="Росток")
        for raw in (first.genesis, first.pack):
            writer.put(raw)
        writer.commit()
        writer.cooperative = self.id = first.id
        writer.tick(START)
        writer.put(first.account)
        self.people = {name: Somebody(name, first.id) for name, _, _ in _SEATS}
        self.founder = self.people["founder"]

    def _act(
        self,
        who: Somebody,
        type: str,
        fields: Mapping[str, Value],
        *,
        sub: str | None = None,
        values: Mapping[str, Value] | None = None,
        blob: Blob | None = None,
    ) -> bytes:
        root, record = testing.commit(type, values) if values is not None else (None, None)
        raw = testing.sign_statement(
            who.person.key,
            type,
            fields,
            iss=who.id,
            sub=sub or who.id,
            aud=self.id,
            now=START,
            private=root,
        )
        return self._writer.put(raw, record, [blob] if blob else []).digest

    def run(self) -> Cooperative:
        basis: dict[str, Value] = {"organ": "general_meeting", "number": "1", "date": "2024-05-20"}
        text = _text("Устав потребительского общества «Росток».")
        fields: dict[str, Value] = {
            "title": "Устав",
            "blob": text.digest,
            "parameters": {"council.max_open": 1000},
            "basis": basis,
        }
        charter = self._act(self.founder, "cooperative.charter/1", fields, sub=self.id, blob=text)
        texts: dict[str, tuple[bytes, bytes]] = {}
        for kind in _TEXTS:
            blob = _text(f"Текст «{kind}».")
            fields = {"kind": kind, "edition": 1, "title": kind.capitalize(), "blob": blob.digest}
            digest = self._act(self.founder, "cooperative.agreement/1", fields, sub=self.id, blob=blob)
            texts[kind] = digest, blob.digest
        self._seat(basis, texts)
        pack = methodology.load("ru-consumer-1").parameters
        entrance, share = (pack[f"fees.{name}.person"].value for name in ("entrance", "share"))
        self._writer.commit()
        return Cooperative(self.id, START, self._step, charter, texts, entrance, share)

    def _seat(self, basis: Mapping[str, Value], texts: Mapping[str, tuple[bytes, bytes]]) -> None:
        invitations = [seed(f"seat {name}") for name in _VOTERS]
        seats: list[Value] = [
            {
                "seat": number,
                "roles": list(roles),
                "voting": True,
                "invitation": signatures.public_key(invitation),
                "member": {"number": number, "since": START - 4000 * DAY},
            }
            for number, ((_, _, roles), invitation) in enumerate(zip(_SEATS, invitations, strict=True), 1)
        ]
        fields: dict[str, Value] = {"basis": dict(basis), "seats": seats, "until": START + 3650 * DAY}
        appoint = self._act(self.founder, "council.appoint/1", fields, sub=self.id)
        for number, (name, words, _) in enumerate(_SEATS, 1):
            who = self.people[name]
            if number > 1:
                self._writer.put(who.person.account_genesis(START))
            for kind in _AGREEMENTS:
                self._act(who, "agreement.sign/1", {"agreement": texts[kind][0], "kind": kind, "edition": 1})
            proof = who.person.proof_for(invitations[number - 1], appoint)
            fields = {"re": [appoint], "seat": number, "proof": proof}
            values = particulars(number) | {"name": words}
            self._act(who, "council.accept/1", fields, sub=self.id, values=values)


def _text(words: str) -> Blob:
    data = words.encode()
    return Blob(hashlib.sha256(data).digest(), "text/plain", data)


# --- making, keeping, copying -----------------------------------------------------------------------


def generate(data: Path, size: int, progress: Progress, *, workers: int | None = None) -> None:
    """A node's data directory with `size` entries, published. It must not exist."""
    keys = _directory(data)
    node = Node.open(testing.config(data), clock=FixedClock(), projections=all_projections())
    assert isinstance(node, Leader)
    try:
        writer, plan = Writer(node), Plan(size)
        about = Founding(writer, keys, _STEP).run()
        _fill(writer, about, plan, progress, workers or max(1, len(os.sched_getaffinity(0)) - 1))
        _pad(writer, about, size)
        writer.publish()
        node.database.write_now(_letters_sent)
        node.database.checkpoint()
    finally:
        node.close()


def _directory(data: Path) -> Keystore:
    (data / "keys").mkdir(mode=0o700, parents=True)
    for name in keystore.NAMES:
        path = data / "keys" / name
        path.write_bytes(seed(f"million/{name}"))
        path.chmod(0o600)
    Heads(data, create=True).close()
    return keystore.load(data / "keys")


def _fill(writer: Writer, about: Cooperative, plan: Plan, progress: Progress, workers: int) -> None:
    for now, due in _by_slot(about, plan.cases(), workers):
        if writer.size + len(due) >= plan.size:
            raise RuntimeError(f"the plan of {plan.size} entries makes too many of them")
        if due:
            writer.tick(now)
        for ready in due:
            if ready.approve is not None:
                writer.approve(*ready.approve, now)
            else:
                writer.put(ready.raw, ready.record)
        progress(writer.size, plan.size)
    writer.commit()


def _by_slot(about: Cooperative, cases: Iterator[Case], workers: int) -> Iterator[tuple[int, list[Ready]]]:
    """(time, what is due then), slot after slot until nothing is left."""
    waiting: list[Ready] = []
    slot = 1
    for chunk, complete in _written(about, cases, workers):
        for ready in chunk:
            heapq.heappush(waiting, ready)
        # Cases begin in order: nothing more comes for slots before the chunk's last beginning.
        while waiting and (complete is None or slot <= complete):
            due = []
            while waiting and waiting[0].slot < slot:
                due.append(heapq.heappop(waiting))
            yield about.start + slot * about.step, due
            slot += 1


def _written(
    about: Cooperative, cases: Iterator[Case], workers: int, chunk: int = 200
) -> Iterator[tuple[list[Ready], int | None]]:
    """Statements of so many cases, and the slot up to which nothing more will come; None after the last."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, initializer=_begin, initargs=(about,)) as pool:
        running: list[tuple[Any, int]] = []
        while True:
            while len(running) < 4 * workers and (part := list(islice(cases, chunk))):
                running.append((pool.submit(_write, part), part[-1].slot))
            if not running:
                yield [], None
                return
            future, complete = running.pop(0)
            yield future.result(), complete


def _pad(writer: Writer, about: Cooperative, size: int) -> None:
    """Lines of the paper register found late, up to exactly `size` entries."""
    author, now, number = Author(about), writer.now, writer.largest
    while writer.size < size:
        if (number := number + 1) % _BETWEEN == 0 and writer.size < size - 1:
            now += about.step
            writer.tick(now)
        (ready,) = author.case(Case("invited", number, (now - about.start) // about.step - 1, number))
        writer.put(ready.raw, ready.record)
    writer.commit()


def _letters_sent(connection: Any) -> None:
    """The letters of all these months have left; those of the last month still stand in the table."""
    connection.execute(update(outbox).where(outbox.c.done_at.is_(None)).values(done_at=outbox.c.due_at))
    connection.execute(delete(outbox).where(outbox.c.due_at < START + 30 * DAY))


def cache() -> Path:
    found = os.environ.get("COOPNODE_BENCH_CACHE")
    return Path(found) if found else Path.home() / ".cache" / "coopnode-bench"


def key(size: int) -> str:
    """Names what a cached log depends on: its size, this generator, the rules and the schema. Read models are
    brought to their version when the directory is taken from the cache."""
    root = Path(__file__).resolve().parents[2]
    store = root / "coopnode" / "store"
    sources = [*(root / "protocol").rglob("*.py"), store / "schema.py", *store.glob("migrations/**/*.py")]
    found = hashlib.sha256(b"%d" % VERSION)
    for path in sorted(sources):
        found.update(path.read_bytes())
    return f"{size}-{found.hexdigest()[:16]}"


def cached(size: int, progress: Progress | None = None) -> Path:
    """The data directory of the cache, made when it is not there. Not to be written to: see `copy`."""
    place = cache() / key(size)
    if place.exists():
        database = open_database(place)
        Projections(all_projections()).prepare(database)
        database.close()
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    for old in place.parent.glob(f"{size}-*"):
        shutil.rmtree(old)
    unfinished = place.with_name(place.name + ".new")
    generate(unfinished, size, progress or (lambda done, total: None))
    unfinished.rename(place)
    return place


def copy(size: int, target: Path, progress: Progress | None = None) -> Path:
    """A directory of one's own. Published files are linked: a node replaces them, it never writes into
    them."""
    source = cached(size, progress)
    target.mkdir(mode=0o700, parents=True)
    for path in sorted(source.iterdir()):
        if path.name == "log":
            shutil.copytree(path, target / path.name, copy_function=_link)
        elif path.is_dir():
            shutil.copytree(path, target / path.name)
        else:
            shutil.copy2(path, target / path.name)
    return target


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system
        shutil.copy2(source, target)


@dataclass(frozen=True)
class Today:
    """What a copy was given on top so that something is under way: see `freshen`."""

    about: Cooperative
    #: applications that wait: numbers and document digests
    applications: tuple[tuple[int, bytes], ...]
    matters: tuple[str, ...]
    people: tuple[Somebody, ...]


def freshen(data: Path, count: int) -> Today:
    """Some applications and matters of today, so that queues are not empty: the cached log ends long ago."""
    node = Node.open(testing.config(data, time_confirmed=True), clock=Clock(), projections=all_projections())
    assert isinstance(node, Leader)
    try:
        writer = Writer(node)
        now = max(int(time.time()) - 120, writer.now + 1)  # a node may have run on it
        texts, charter = {}, node.facts.charter_digest()
        view = View(node.state, rules.DOMAIN)
        for _, item in view.scan("agreement", "", rules.Agreement):
            texts[item.kind] = item.digest, item.blob
        assert charter is not None
        entrance, share = (node.facts.parameter(f"fees.{name}.person") for name in ("entrance", "share"))
        about = Cooperative(writer.cooperative, now, 1, charter, texts, entrance, share, f"{now} ")
        author = Author(about)
        readies: list[Ready] = []
        people, applications, matters = [], [], []
        for number in range(count):
            kind = "free" if number % 6 == 5 else "applied"
            made = author.case(Case(kind, number * 29 * 31 + 1, 0))
            # as far as the secretary, the council, or the chair's table
            readies += made[: (2 if kind == "free" else (6, 7, 8, 10, 6)[number % 5])]
            parsed = documents.parse(made[0 if kind == "free" else 5].raw)
            if kind == "free":
                matters.append(identifier(parsed.digest))
            else:
                people.append(Somebody(f"{about.series}person {number * 29 * 31 + 1}", about.id))
                applications.append((number, parsed.digest))
                if number % 5 in (2, 3):
                    matters.append(identifier(documents.parse(made[7].raw).digest))
        placed: dict[bytes, int] = {}
        writer.tick(now)
        for at, ready in enumerate(sorted(readies, key=lambda each: (each.slot, each.case, each.step))):
            if at % 200 == 199:
                writer.tick(now + 1 + at // 200)
            statement = writer.put(ready.raw, ready.record)
            placed[statement.digest] = writer.size - 1
        writer.publish()
        node.database.write_now(_letters_sent)
        node.heads.set_alive(int(time.time()))
        found = tuple((placed[digest], digest) for _, digest in applications)
        return Today(about, found, tuple(matters), tuple(people))
    finally:
        node.close()


class Bar:
    """A line on the terminal, rewritten; nothing when the output is a file."""

    def __init__(self, words: str) -> None:
        self._words, self._began, self._shown = words, time.monotonic(), 0.0

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if not sys.stderr.isatty() or (now - self._shown < 0.5 and done < total):
            return
        self._shown = now
        rate = done / max(now - self._began, 1e-9)
        filled = 30 * done // max(total, 1)
        left = (total - done) / max(rate, 1e-9)
        print(
            f"\r{self._words} [{'#' * filled}{' ' * (30 - filled)}] {done:,} of {total:,}, {rate:,.0f}/s, "
            f"{left:,.0f} s left ",
            end="\n" if done >= total else "",
            file=sys.stderr,
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=1_000_000, help="entries, from 1000 on")
    given = parser.parse_args()
    began = time.perf_counter()
    place = cached(given.size, Bar("Writing"))
    used = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
    print(f"{place}: {given.size:,} entries, {used / 2**20:,.0f} MiB, {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main()
