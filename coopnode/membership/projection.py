"""Read models of joining: applications with their steps, the register with its history, letters to send.

Rows are taken from what an accepted statement wrote into the state, so a council's decision, the founding
minutes and a passed deadline arrive here by the same way as a signed step. No personal data: names are opened
from the vault when somebody entitled asks (`coopnode.membership.people`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from coopnode import erasure, outbox
from coopnode.projections import Projection, written
from coopnode.store.sql import (
    Column,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    projections,
)
from coopnode.store.work import Rows, Work
from protocol.contracts import membership
from protocol.contracts.membership import Application, Enrolment, Filed, Former, Member, Place, Request
from protocol.encoding import Value
from protocol.identifiers import identifier
from protocol.log import Accepted

#: One row an application, as it stands.
applications: Final = Table(
    "membership_applications",
    projections,
    Column("idx", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("applicant", Text, nullable=False),
    Column("person", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("applied_at", Integer, nullable=False),
    Column("decide_by", Integer, nullable=False),
    Column("pay_by", Integer),
    Column("entrance", Integer, nullable=False),
    Column("share", Integer, nullable=False),
    Column("currency", Text, nullable=False),
    Column("identified_by", Text),
    Column("level", Integer),
    Column("matter", Text),
    Column("decision", LargeBinary(32)),
    Column("changed_idx", Integer, nullable=False),
    Column("changed_at", Integer, nullable=False),
    Index("membership_applications_id", "id", unique=True),
    Index("membership_applications_applicant", "applicant"),
    Index("membership_applications_status", "status", "idx"),
)

#: How an application came to where it is. `digest` is that of the statement that moved it.
steps: Final = Table(
    "membership_steps",
    projections,
    Column("application", Text, primary_key=True),
    Column("idx", Integer, primary_key=True),
    Column("status", Text, nullable=False),
    Column("at", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    sqlite_with_rowid=False,
)

#: The register: what stood at a number from one entry of the log until another. `status` is invited (from the
#: paper register, not confirmed yet), kept (for a seat of the council) or member.
register: Final = Table(
    "membership_register",
    projections,
    Column("number", Integer, primary_key=True),
    Column("from_idx", Integer, primary_key=True),
    Column("from_at", Integer, nullable=False),
    Column("to_idx", Integer),
    Column("to_at", Integer),
    Column("status", Text, nullable=False),
    Column("account", Text),
    Column("person", Text),
    Column("since", Integer),
    Column("digest", LargeBinary(32)),
    Index("membership_register_account", "account"),
    Index("membership_register_time", "from_at", "to_at"),
    sqlite_with_rowid=False,
)

#: Documents with a private record that is about an application or an enrolment, while it is kept.
#: `status` and `ended_at` once it has come to nothing (P21).
records: Final = Table(
    "membership_records",
    projections,
    Column("digest", LargeBinary(32), primary_key=True),
    Column("idx", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("case", Text, nullable=False),
    Column("number", Integer, nullable=False),
    Column("account", Text),
    Column("status", Text),
    Column("ended_at", Integer),
    Index("membership_records_case", "case"),
    Index("membership_records_ended", "ended_at", "case"),
    sqlite_with_rowid=False,
)

#: How many stood at a status from one moment on: `what` is application or register. A list of a hundred
#: thousand lines tells its length without being read.
totals: Final = Table(
    "membership_totals",
    projections,
    Column("what", Text, primary_key=True),
    Column("status", Text, primary_key=True),
    Column("at", Integer, primary_key=True),
    Column("number", Integer, nullable=False),
    sqlite_with_rowid=False,
)

#: What members ask of the council, by kind.
REQUESTS: Final[Mapping[str, str]] = {"petition": "membership.petition/1", "exit": "membership.leave/1"}

#: How a request ends otherwise than by being taken back.
ANSWERED: Final = frozenset(("adopted", "rejected", "undecided"))

#: Whose each is, in the order of the log; how they stand is in the state.
requests: Final = Table(
    "membership_requests",
    projections,
    Column("idx", Integer, primary_key=True),
    Column("id", Text, nullable=False),
    Column("account", Text, nullable=False),
    Index("membership_requests_account", "account", "idx"),
)

#: Kind of news in the outbox; `coopnode.membership.letters` says what is written about it.
LETTER: Final = "membership.letter"
#: The same of what became of a request; `coopnode.membership.request_letters`.
ANSWER: Final = "membership.answer"


_APPLICATIONS: Final = Rows(applications, by=("idx",))
_STEPS: Final = Rows(steps)
_REGISTER: Final = Rows(register, by=("number",))
_RECORDS: Final = Rows(records, by=("case",))
_REQUESTS: Final = Rows(requests)
_TOTALS: Final = Rows(totals, by=("what", "status"), last="at")


def _project(work: Work, entry: Accepted) -> None:
    if not any(domain == membership.DOMAIN for domain, _ in entry.writes):
        return
    for id, application in written(entry, membership.DOMAIN, "application", Application):
        _application(work, entry, id, application)
    enrolled = dict(written(entry, membership.DOMAIN, "enrolment", Enrolment))
    joined = dict(written(entry, membership.DOMAIN, "member", Member))
    ended = {former.number: former for _, former in written(entry, membership.DOMAIN, "former", Former)}
    for key, place in written(entry, membership.DOMAIN, "number", Place):
        if place.former:
            _left(work, entry, place, ended[int(key)])
        else:
            _place(work, entry, int(key), place, enrolled, joined)
    for (domain, key), value in entry.writes.items():
        if domain == membership.DOMAIN and key.startswith("number/") and value is None:
            _end_place(work, entry, int(key.removeprefix("number/")))


def _application(work: Work, entry: Accepted, id: str, found: Application) -> None:
    row = {
        "idx": found.index,
        "id": id,
        "digest": found.apply,
        "applicant": found.applicant,
        "person": found.person,
        "status": found.status,
        "applied_at": entry.tick,
        "decide_by": found.decide_by,
        "pay_by": found.pay_by,
        "entrance": found.entrance.amount,
        "share": found.share.amount,
        "currency": found.entrance.currency,
        "identified_by": found.identified_by,
        "level": found.level,
        "matter": found.matter,
        "decision": found.decision,
        "changed_idx": entry.index,
        "changed_at": entry.tick,
    }
    before = next(iter(work.find(_APPLICATIONS, found.index)), None)
    _moved(work, entry, "application", before["status"] if before is not None else None, found.status)
    if before is None:
        work.add(_APPLICATIONS, row)
    else:
        work.change(_APPLICATIONS, before, **(row | {"applied_at": before["applied_at"]}))
    step = {
        "application": id,
        "idx": entry.index,
        "status": found.status,
        "at": entry.tick,
        "type": entry.statement.type,
        "by": entry.statement.iss,
        "digest": entry.statement.digest,
    }
    work.add(_STEPS, step)


def _place(
    work: Work,
    entry: Accepted,
    number: int,
    place: Place,
    enrolled: dict[str, Enrolment],
    joined: dict[str, Member],
) -> None:
    _end_place(work, entry, number)
    row: dict[str, object] = {
        "number": number,
        "from_idx": entry.index,
        "from_at": entry.tick,
        "status": "kept",
    }
    if place.account is not None:
        member = joined[place.account]
        row |= {"status": "member", "account": place.account, "person": member.person}
        row |= {"since": member.since, "digest": member.basis}
    elif place.enrolment is not None:
        enrolment = enrolled[place.enrolment]
        row |= {"status": "invited", "person": enrolment.person}
        row |= {"since": enrolment.since, "digest": enrolment.digest}
    work.add(_REGISTER, row)
    _moved(work, entry, "register", None, str(row["status"]))


def _left(work: Work, entry: Accepted, place: Place, former: Former) -> None:
    """The number stays the former member's."""
    _end_place(work, entry, former.number)
    row = {
        "number": former.number,
        "from_idx": entry.index,
        "from_at": entry.tick,
        "status": "left",
        "account": place.account,
        "person": former.person,
        "since": former.since,
        "digest": former.basis,
    }
    work.add(_REGISTER, row)
    _moved(work, entry, "register", None, "left")


def _end_place(work: Work, entry: Accepted, number: int) -> None:
    """What the register said of the number holds no longer."""
    before = next((row for row in work.find(_REGISTER, number) if row["to_idx"] is None), None)
    if before is not None:
        work.change(_REGISTER, before, to_idx=entry.index, to_at=entry.tick)
        _moved(work, entry, "register", before["status"], None)


def _moved(work: Work, entry: Accepted, what: str, before: str | None, after: str | None) -> None:
    """One more at a status, one less at another."""
    for status, by in ((before, -1), (after, 1)) if before != after else ():
        if status is None:
            continue
        last = next(iter(work.find(_TOTALS, what, status)), None)
        number = (last["number"] if last is not None else 0) + by
        if last is not None and last["at"] == entry.tick:
            work.change(_TOTALS, last, number=number)
        else:
            work.add(_TOTALS, {"what": what, "status": status, "at": entry.tick, "number": number})


def _requests(work: Work, entry: Accepted) -> None:
    for id, found in written(entry, membership.DOMAIN, "request", Request):
        if found.index == entry.index:
            work.add(_REQUESTS, {"idx": found.index, "id": id, "account": found.account})


def _letters(work: Work, entry: Accepted) -> None:
    """News of each application that moved; who gets a letter is found out when it is sent."""
    moved = written(entry, membership.DOMAIN, "application", Application)
    news = [({"application": id, "status": found.status}, entry.tick) for id, found in moved]
    outbox.announce(work, LETTER, entry, news)


def _answers(work: Work, entry: Accepted) -> None:
    """News of each request the council has answered, or did not answer in time. `former`, where membership
    has ended with it: its number in the register."""
    news: list[tuple[dict[str, Value], int]] = []
    for id, found in written(entry, membership.DOMAIN, "request", Request):
        if found.status not in ANSWERED:
            continue
        body: dict[str, Value] = {"request": id}
        left = dict(written(entry, membership.DOMAIN, "former", Former)) if found.kind == "exit" else {}
        if found.account in left:
            body["former"] = left[found.account].number
        news.append((body, entry.tick))
    outbox.announce(work, ANSWER, entry, news)


def _records(work: Work, entry: Accepted) -> None:
    """Which records belong together; what was erased leaves the list."""
    for id, application in written(entry, membership.DOMAIN, "application", Application):
        about = {"kind": "application", "number": application.index, "account": application.applicant}
        if application.index == entry.index:
            _keep(work, entry, id, about)
        _filed(work, entry, id, about)
        if application.ended_at == entry.tick:
            _end_case(work, id, application.status, entry.tick)
    for id, enrolment in written(entry, membership.DOMAIN, "enrolment", Enrolment):
        about = {"kind": "enrolment", "number": enrolment.number, "account": None}
        if enrolment.voided_at is None:
            _keep(work, entry, id, about)
        else:
            _filed(work, entry, id, about)
            _end_case(work, id, "voided", entry.tick)
    if erased := erasure.named((entry,)):
        work.delete(_RECORDS, "digest", erased)


def _keep(work: Work, entry: Accepted, case: str, about: Mapping[str, object]) -> None:
    found = entry.statement
    row = {"digest": found.digest, "idx": entry.index, "type": found.type, "case": case, **about}
    work.add(_RECORDS, row)


def _filed(work: Work, entry: Accepted, case: str, about: Mapping[str, object]) -> None:
    for id, filed in written(entry, membership.DOMAIN, "filed", Filed):
        if filed.case == case and id == identifier(entry.statement.digest):
            _keep(work, entry, case, about)


def _end_case(work: Work, case: str, status: str, at: int) -> None:
    for row in work.find(_RECORDS, case):
        work.change(_RECORDS, row, status=status, ended_at=at)


PROJECTIONS: Final = (
    Projection("membership", 3, (applications, steps, register, totals), _project),
    Projection("membership.requests", 1, (requests,), _requests, frozenset(REQUESTS.values())),
    Projection("membership.records", 1, (records,), _records),
    Projection("membership.letters", 1, (), _letters),
    Projection("membership.answers", 1, (), _answers),
)
