"""What the pages of the council show: functions of a connection over the projections, of the state and of the
vault; called inside `Database.read`, one hop for all questions of a request.

Counts, rule and outcome are read from the state, never counted here a second time.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from coopnode import private_records
from coopnode.council.projection import comments, decisions, matters, steps
from coopnode.membership import queries as membership
from coopnode.membership.people import Names, Viewer
from coopnode.membership.queries import ApplicationLine, Paper
from coopnode.store.schema import entries
from coopnode.store.sql import Connection, Row, Select, and_, bindparam, select
from coopnode.store.state_store import ReadAhead, SnapshotState
from coopnode.store.vault import Vault
from protocol import decisions as engine
from protocol import documents
from protocol.contract import State, View
from protocol.contracts import cooperative, council
from protocol.contracts.council import Council, Delegation, Holder, Matter, Office, Seat
from protocol.decisions import Ballot, Choice, Counts, Outcome, Rule
from protocol.identifiers import identifier
from protocol.methodology.linter import check_value

PAGE: Final = 30
DAY: Final = 86_400
#: Roles that see the council's table.
TABLE: Final = ("council", "chair", "secretary", "accountant")
LIVE: Final = ("open", "decided")


@dataclass(frozen=True, slots=True)
class Where:
    """What a query needs beside the connection."""

    state: SnapshotState
    vault: Vault
    names: Names
    viewer: Viewer
    now: int


# --- the count, in numbers that words are made of ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class Tally:
    """Where a vote stands. `needed` ballots make the quorum; `lead` is the outcome if it closed now."""

    size: int
    voted: int
    needed: int
    counts: Counts
    chair_needed: bool
    chair_voted: bool
    quorate: bool
    settled: bool
    lead: Outcome
    rule: Rule

    @property
    def missing(self) -> int:
        return max(self.needed - self.voted, 0)

    @property
    def tie(self) -> bool:
        return self.quorate and self.counts.for_ == self.counts.against and self.rule.casting is not None


def tally(view: View, id: str, matter: Matter) -> Tally:
    counts, size, rule = matter.box.counts, matter.box.electorate.size, matter.rule
    presiding = _ballot(view, id, matter.box.round, matter.chair)
    choice = presiding.choice if presiding else None
    part, whole = rule.quorum
    return Tally(
        size=size,
        voted=counts.ballots,
        needed=-(-size * part // whole),
        counts=counts,
        chair_needed=rule.quorum_chair,
        chair_voted=choice is not None,
        quorate=engine.quorate(rule, counts, size, choice),
        settled=engine.settled(rule, counts, size, choice),
        lead=engine.outcome(rule, counts, size, choice),
        rule=rule,
    )


def _ballot(view: View, id: str, round: int, account: str | None) -> engine.Cast | None:
    """The counting ballot of one voter."""
    found = view.get("ballot", f"{id}/{round}/{account}", Ballot)
    return engine.counting(found) if found else None


def _ballots(view: View, id: str, round: int) -> dict[str, engine.Cast]:
    """The counting ballot of each voter of a round."""
    prefix = f"{id}/{round}/"
    found: dict[str, engine.Cast] = {}
    for key, ballot in view.scan("ballot", prefix, Ballot):
        counted = engine.counting(ballot)
        if counted is not None:
            found[key.removeprefix(prefix)] = counted
    return found


# --- matters in lists --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class MatterLine:
    """`title` is a proposal's own; an admission is called by its applicant (`name`), as far as the viewer may
    see either. `mine` is the viewer's counting vote, `todo` what waits for this viewer.
    """

    idx: int
    id: str
    digest: bytes
    kind: str
    by: str
    subject: str | None
    opened_at: int
    status: council.Status
    outcome: Literal["adopted", "rejected"] | None
    round: int
    closes: int
    until: int
    sign_by: int | None
    approval: bytes | None
    changed_at: int
    roles: tuple[str, ...]
    tally: Tally
    title: str | None
    name: str | None
    mine: Choice | None
    todo: Literal["vote", "sign", ""]
    number: int | None = None

    @property
    def live(self) -> bool:
        return self.status in LIVE

    @property
    def due(self) -> int | None:
        """The clock that runs now."""
        return self.closes if self.status == "open" else self.sign_by

    @property
    def chip(self) -> str:
        """Key of `protocol.wording.state("matter", …)`."""
        return self.outcome if self.status == "approved" and self.outcome else self.status


@dataclass(frozen=True, slots=True)
class Bare:
    """A matter of a list before names and texts are looked up."""

    row: Row[Any]
    matter: Matter
    tally: Tally
    mine: Choice | None
    todo: Literal["vote", "sign", ""]
    #: of the decision
    number: int | None = None

    @property
    def ready(self) -> bool:
        """No ballot changes the outcome any more: it waits for the chair."""
        return self.row.status == "decided" or self.tally.settled

    @property
    def due(self) -> int:
        """The clock that runs now."""
        return (self.row.closes if self.row.status == "open" else self.row.sign_by) or 0


#: Kinds of matters that are not proposals, and the document whose private part says what they are about; an
#: admission has its application for that.
_OPENED_BY: Final[Mapping[str, str | None]] = {
    "admission": None,
    "petition": "membership.petition/1",
    "exit": "membership.leave/1",
}


def _opened_by(matter: Matter) -> str | None:
    """Type of the document that says what the matter is about."""
    return _OPENED_BY.get(matter.kind, "council.propose/1")


def _bare(where: Where, rows: Sequence[Row[Any]]) -> list[Bare]:
    """However many they are, with two questions to the state."""
    state, account = ReadAhead(where.state), where.viewer.account
    state.bring(council.DOMAIN, [f"matter/{row.id}" for row in rows])
    view = View(state, council.DOMAIN)
    held = [view.need("matter", row.id, Matter) for row in rows]
    ballots = [f"ballot/{row.id}/{row.round}/{account}" for row in rows]
    ballots += [
        f"ballot/{row.id}/{each.box.round}/{each.chair}" for row, each in zip(rows, held, strict=True)
    ]
    state.bring(council.DOMAIN, ballots)
    found = []
    for row, matter in zip(rows, held, strict=True):
        counted = tally(view, row.id, matter)
        ballot = _ballot(view, row.id, row.round, account)
        todo = _todo(view, where.viewer, matter, counted, ballot)
        number = row._mapping.get("number")
        found.append(Bare(row, matter, counted, ballot.choice if ballot else None, todo, number))
    return found


def named(connection: Connection, where: Where, bare: Sequence[Bare]) -> list[MatterLine]:
    """However many they are, with the same few questions."""
    proposed = [each.row.digest for each in bare if _opened_by(each.matter) is not None]
    records = private_records.many(connection, where.vault, proposed)
    subjects = _subjects(connection, where, [each.matter for each in bare])
    return [
        _line(where, each, records.get(each.row.digest), subject)
        for each, subject in zip(bare, subjects, strict=True)
    ]


def _line(where: Where, bare: Bare, record: Mapping[str, Any] | None, name: str | None) -> MatterLine:
    row, matter = bare.row, bare.matter
    title = None
    if record is not None:
        roles = where.viewer.reads_as(matter.by)
        title = private_records.readable(record, _opened_by(matter) or "", roles).get("title")
    return MatterLine(
        idx=row.idx,
        id=row.id,
        digest=row.digest,
        kind=row.kind,
        by=row.by,
        subject=row.subject,
        opened_at=row.opened_at,
        status=row.status,
        outcome=row.outcome,
        round=row.round,
        closes=row.closes,
        until=row.until,
        sign_by=row.sign_by,
        approval=row.approval,
        changed_at=row.changed_at,
        roles=matter.roles,
        tally=bare.tally,
        title=str(title) if title is not None else None,
        name=name,
        mine=bare.mine,
        todo=bare.todo,
        number=bare.number,
    )


def _lines(connection: Connection, where: Where, query: Select[Any]) -> list[MatterLine]:
    return named(connection, where, _bare(where, connection.execute(query).all()))


def _subjects(connection: Connection, where: Where, found: Sequence[Matter]) -> list[str | None]:
    """Whom each is about, in the same order. An applicant is called as the application says."""
    applied = [each for each in found if _is_application(each)]
    asked = [(each.re[0], "membership.apply/1", where.viewer.reads_as(each.subject)) for each in applied]
    by_document = where.names.of_documents(connection, asked)
    accounts = {each.subject for each in found if each.subject is not None and not _is_application(each)}
    by_account = where.names.of_accounts(connection, accounts, where.viewer)
    return [
        by_document[each.re[0]] if _is_application(each) else by_account.get(each.subject or "")
        for each in found
    ]


def _is_application(matter: Matter) -> bool:
    return matter.kind == "admission" and matter.subject is not None and bool(matter.re)


def _todo(
    view: View, viewer: Viewer, matter: Matter, counted: Tally, ballot: engine.Cast | None
) -> Literal["vote", "sign", ""]:
    if viewer.account is None:
        return ""
    if matter.status == "open" and ballot is None and votes_in(view, viewer.account, matter):
        return "vote"
    ready = matter.status == "decided" or (matter.status == "open" and counted.settled)
    return "sign" if ready and viewer.account in council.signers(view, matter) else ""


def votes_in(view: View, account: str, matter: Matter) -> bool:
    """Whether the account is of the electorate of the matter's round (as the contract asks it)."""
    holder = view.get("holder", account, Holder)
    return holder is not None and holder.voting and holder.index <= matter.box.electorate.index


def _private(
    connection: Connection, where: Where, digest: bytes, type: str, about: str | None
) -> Mapping[str, Any]:
    roles = where.viewer.reads_as(about)
    return private_records.values(connection, where.vault, digest, type, roles) or {}


def under_way(connection: Connection, where: Where) -> list[Bare]:
    """The nearest deadline first."""
    query = select(matters).where(matters.c.status.in_(LIVE)).order_by(matters.c.idx)
    return sorted(_bare(where, connection.execute(query).all()), key=lambda item: (item.due, item.row.idx))


def live(connection: Connection, where: Where) -> list[MatterLine]:
    """Everything under way, the nearest deadline first."""
    return named(connection, where, under_way(connection, where))


def ended(
    connection: Connection, where: Where, *, before: int | None = None, limit: int = PAGE
) -> list[MatterLine]:
    """What has been ended without a decision: no quorum, not signed in time, taken off."""
    stopped = matters.c.status.in_(("lapsed", "expired", "cancelled"))
    filter = stopped if before is None else and_(stopped, matters.c.idx < before)
    query = select(matters).where(filter).order_by(matters.c.idx.desc()).limit(limit)
    return _lines(connection, where, query)


def decided(
    connection: Connection, where: Where, *, before: int | None = None, limit: int = PAGE
) -> list[MatterLine]:
    """Decisions with their numbers, the newest first; `before` is a number."""
    query = (
        select(decisions.c.number, matters)
        .join(matters, matters.c.id == decisions.c.matter)
        .order_by(decisions.c.number.desc())
        .limit(limit)
    )
    if before is not None:
        query = query.where(decisions.c.number < before)
    return _lines(connection, where, query)


def line(connection: Connection, where: Where, id: str) -> MatterLine | None:
    query = (
        select(matters, decisions.c.number)
        .join(decisions, decisions.c.matter == matters.c.id, isouter=True)
        .where(matters.c.id == id)
    )
    return next(iter(_lines(connection, where, query)), None)


# --- one matter --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class DocumentPlace:
    idx: int
    at: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Vote:
    """One seat of the electorate. `account` is None for a vacant one."""

    seat: int
    account: str | None
    name: str | None
    roles: tuple[str, ...]
    choice: Choice | None
    at: int | None
    idx: int | None
    digest: bytes | None
    #: the seat was filled after the matter opened: it votes in the next round at the earliest
    late: bool = False
    #: cast by the council's robot with a key that the person lent it
    robot: bool = False


@dataclass(frozen=True, slots=True)
class Round:
    """A round that was returned: its votes and why."""

    number: int
    counts: Counts
    votes: tuple[Vote, ...]
    returned_at: int
    by: str | None
    reason: str | None
    digest: bytes


@dataclass(frozen=True, slots=True)
class Comment:
    idx: int
    at: int
    account: str
    name: str | None
    #: None when erased or closed to this viewer
    text: str | None
    digest: bytes


@dataclass(frozen=True, slots=True)
class Step:
    idx: int
    event: str
    outcome: str | None
    round: int
    at: int
    type: str
    by: str | None
    name: str | None
    digest: bytes


@dataclass(frozen=True, slots=True)
class Law:
    """A rule in words: where the charter or the pack says it."""

    key: str
    value: Any
    law: str
    by_charter: bool


@dataclass(frozen=True, slots=True)
class MatterPage:
    line: MatterLine
    matter: Matter
    author: str | None
    text: str | None
    application: ApplicationLine | None
    papers: tuple[Paper, ...]
    votes: tuple[Vote, ...]
    rounds: tuple[Round, ...]
    comments: tuple[Comment, ...]
    steps: tuple[Step, ...]
    laws: tuple[Law, ...]
    pack: str
    warnings: tuple[Caution, ...]
    #: who signed or refused, and the chair's explanation as far as the viewer may read it
    reason: str | None
    chair: str | None
    may_vote: bool
    may_comment: bool
    may_sign: bool
    may_return: bool
    highest: int
    approval: DocumentPlace | None
    #: the approval is signed with a key the chair lent the robot
    by_robot: bool = False


def matter(connection: Connection, where: Where, id: str) -> MatterPage | None:
    """Everything of one matter that this viewer may see; None for an unknown one."""
    found = line(connection, where, id)
    if found is None:
        return None
    view, viewer = View(where.state, council.DOMAIN), where.viewer
    held = view.need("matter", id, Matter)
    opened_by = _opened_by(held)
    opening = _private(connection, where, found.digest, opened_by, held.by) if opened_by else {}
    application = None
    if held.kind == "admission":
        application = membership.application_by_id(connection, identifier(held.re[0]))
    own = view.get("ballot", f"{id}/{held.box.round}/{viewer.account}", Ballot)
    reason = approved = None
    if held.approval is not None:
        reason = _private(connection, where, held.approval, "council.approve/1", None).get("reason")
        approved = place(connection, held.approval)
    in_table = not viewer.roles.isdisjoint(("council", "secretary"))
    ready = found.status == "decided" or (found.status == "open" and found.tally.settled)
    signs = ready and viewer.account in council.signers(view, held)
    people = where.names.of_accounts(connection, {held.by, held.chair}, viewer)
    return MatterPage(
        line=found,
        matter=held,
        author=people[held.by],
        text=opening.get("text") or opening.get("reason"),
        application=application,
        papers=_papers(connection, where, held, application),
        votes=_votes(connection, where, view, id, held, held.box.round, held.box.electorate.index),
        rounds=_rounds(connection, where, view, id, held),
        comments=_comments(connection, where, id),
        steps=_steps(connection, where, id),
        laws=laws(where.state, held),
        pack=pack_name(where.state),
        warnings=warnings(where.state, held, where.now),
        reason=reason,
        chair=people[held.chair],
        may_vote=viewer.account is not None
        and found.status == "open"
        and votes_in(view, viewer.account, held),
        may_comment=found.live and in_table,
        may_sign=signs,
        may_return=signs,
        highest=max((cast.sequence for cast in own.casts), default=-1) if own else -1,
        approval=approved,
        by_robot=approved is not None and _signed_by_robot(connection, view, approved.idx),
    )


def _signed_by_robot(connection: Connection, view: View, idx: int) -> bool:
    raw = connection.execute(select(entries.c.raw).where(entries.c.idx == idx)).scalar_one()
    return lent(view, documents.parse(raw).kid)


def _votes(
    connection: Connection, where: Where, view: View, id: str, matter: Matter, round: int, frozen: int
) -> tuple[Vote, ...]:
    """By seats, so that who did not vote and what is vacant stand there too. Open voting: by name (R134)."""
    cast = _ballots(view, id, round)
    seats = sorted(view.scan("seat", "", Seat), key=lambda item: int(item[0]))
    people = {seat.account for _, seat in seats if seat.account} | set(cast)
    names = where.names.of_accounts(connection, people, where.viewer)
    places = _places(connection, [vote.digest for vote in cast.values()])
    found = []
    for number, seat in seats:
        if not seat.voting:
            continue
        vote = cast.pop(seat.account, None) if seat.account else None
        holder = view.get("holder", seat.account, Holder) if seat.account else None
        late = holder is not None and holder.index > frozen
        by_robot = vote is not None and lent(view, vote.kid)
        found.append(_vote(int(number), seat.account, names, seat.roles, vote, places, late, by_robot))
    # Who voted and has left the seat since.
    found += [
        _vote(0, account, names, (), vote, places, False, lent(view, vote.kid))
        for account, vote in cast.items()
    ]
    return tuple(found)


def lent(view: View, kid: bytes) -> bool:
    """Whether this is a key that somebody lent the robot; no other key of anybody is."""
    return view.get("delegation", kid.hex(), Delegation) is not None


def _vote(
    seat: int,
    account: str | None,
    names: Mapping[str, str | None],
    roles: tuple[str, ...],
    cast: engine.Cast | None,
    places: Mapping[bytes, DocumentPlace],
    late: bool,
    robot: bool,
) -> Vote:
    at = places.get(cast.digest) if cast else None
    return Vote(
        seat,
        account,
        names.get(account) if account else None,
        roles,
        cast.choice if cast else None,
        at.at if at else None,
        at.idx if at else None,
        cast.digest if cast else None,
        late,
        robot,
    )


def _rounds(connection: Connection, where: Where, view: View, id: str, matter: Matter) -> tuple[Round, ...]:
    query = select(steps).where(steps.c.matter == id, steps.c.event == "returned").order_by(steps.c.idx)
    found = []
    for row in connection.execute(query):
        cast = _ballots(view, id, row.round)
        counts = Counts(*(sum(vote.choice == name for vote in cast.values()) for name in _CHOICES))
        reason = _private(connection, where, row.digest, "council.return/1", None).get("reason")
        names = where.names.of_accounts(connection, (row.by,), where.viewer)
        votes = _votes(connection, where, view, id, matter, row.round, row.idx)
        votes = tuple(vote for vote in votes if vote.choice is not None)
        found.append(Round(row.round, counts, votes, row.at, names[row.by], reason, row.digest))
    return tuple(found)


_CHOICES: Final = ("for", "against", "abstain")


def _comments(connection: Connection, where: Where, id: str) -> tuple[Comment, ...]:
    rows = list(connection.execute(select(comments).where(comments.c.matter == id).order_by(comments.c.idx)))
    names = where.names.of_accounts(connection, {row.by for row in rows}, where.viewer)
    records = private_records.many(connection, where.vault, [row.digest for row in rows])

    def text(row: Row[Any]) -> str | None:
        roles = where.viewer.reads_as(row.by)
        return private_records.readable(records[row.digest], "council.comment/1", roles).get("text")

    return tuple(
        Comment(
            row.idx,
            row.at,
            row.by,
            names[row.by],
            text(row) if row.digest in records else None,
            row.digest,
        )
        for row in rows
    )


def _steps(connection: Connection, where: Where, id: str) -> tuple[Step, ...]:
    rows = list(connection.execute(select(steps).where(steps.c.matter == id).order_by(steps.c.idx)))
    people = {row.by for row in rows if not row.type.startswith("node.")}
    names = where.names.of_accounts(connection, people, where.viewer)
    return tuple(
        Step(
            row.idx,
            row.event,
            row.outcome,
            row.round,
            row.at,
            row.type,
            row.by if row.by in people else None,
            names.get(row.by),
            row.digest,
        )
        for row in rows
    )


def _papers(
    connection: Connection, where: Where, matter: Matter, application: ApplicationLine | None
) -> tuple[Paper, ...]:
    """What the matter rests on: of an admission the statement with its consents and checks, else what the
    proposal names.
    """
    if application is not None:
        found = membership.papers_of(connection, where.vault, application, where.viewer)
        return tuple(item for item in found if not item.type.startswith("council."))
    answered = (membership.paper(connection, where.vault, digest, where.viewer, None) for digest in matter.re)
    return tuple(item for item in answered if item is not None)


def place(connection: Connection, digest: bytes) -> DocumentPlace | None:
    """Where a document stands in the log."""
    return _places(connection, (digest,)).get(digest)


def _places(connection: Connection, digests: Collection[bytes]) -> dict[bytes, DocumentPlace]:
    if not digests:
        return {}
    query = (
        select(entries.c.idx, entries.c.tick, entries.c.digest)
        .where(entries.c.digest.in_(list(digests)))
        .order_by(entries.c.idx.desc())
    )
    # The first entry of a document is the one that counted.
    return {row.digest: DocumentPlace(row.idx, row.tick, row.digest) for row in connection.execute(query)}


# --- rules and warnings ------------------------------------------------------------------------------

_CITED: Final = tuple(
    f"council.{name}" for name in ("quorum", "majority", "tie", "vote_days", "chair_sign_days")
)


def laws(state: State, matter: Matter | None = None) -> tuple[Law, ...]:
    """The rules of a vote, with the law behind them. Quorum and majority are frozen in the matter."""
    view = View(state, cooperative.DOMAIN)
    pack, charter = cooperative.pack(view), cooperative.charter(view)
    own = charter.parameters if charter else {}
    frozen: dict[str, Any] = {}
    if matter is not None:
        frozen = {"council.quorum": list(matter.rule.quorum), "council.majority": list(matter.rule.majority)}
        frozen["council.tie"] = "chair" if matter.rule.casting else "fails"
    # What a member asks is voted on until shortly before its answer is due.
    asked = matter is not None and _OPENED_BY.get(matter.kind) is not None
    return tuple(
        Law(
            key,
            frozen.get(key, cooperative.parameter(view, key)),
            pack.parameters[key].law or "",
            key in own,
        )
        for key in _CITED
        if key in pack.parameters and not (asked and key == "council.vote_days")
    )


def pack_name(state: State) -> str:
    pack = cooperative.pack(View(state, cooperative.DOMAIN))
    return f"{pack.name}@{pack.version}"


@dataclass(frozen=True, slots=True)
class Caution:
    """What somebody could object to in this vote, said before anyone signs (design §6). `code` is
    below_legal_line (of `key`), few_seats, vacant_seats, term_over or key_suspected.
    """

    code: str
    key: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)


def warnings(state: State, matter: Matter, now: int) -> tuple[Caution, ...]:
    rules = View(state, cooperative.DOMAIN)
    pack = cooperative.pack(rules)
    found: list[Caution] = []
    used = {"council.quorum": list(matter.rule.quorum), "council.majority": list(matter.rule.majority)}
    for key, value in used.items():
        parameter = pack.parameters.get(key)
        for item in check_value(key, parameter, value) if parameter is not None else ():
            if item.severity == "warning":
                found.append(Caution(item.code, key, item.facts))
    least = cooperative.parameter(rules, "founding.council_seats_min")
    if matter.box.electorate.size < least:
        found.append(Caution("few_seats", facts={"size": matter.box.electorate.size, "least": least}))
    current = View(state, council.DOMAIN).get("council", "current", Council)
    if current is not None and current.filled < current.seats:
        found.append(Caution("vacant_seats", facts={"filled": current.filled, "size": current.seats}))
    if current is not None and current.until is not None and current.until < now:
        found.append(Caution("term_over", facts={"until": current.until}))
    if matter.suspected:
        found.append(Caution("key_suspected"))
    return tuple(found)


# --- the council itself ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chair:
    """Who sits and what they hold."""

    seat: int
    account: str | None
    name: str | None
    roles: tuple[str, ...]
    voting: bool


@dataclass(frozen=True, slots=True)
class Body:
    seats: tuple[Chair, ...]
    voting: int
    filled: int
    until: int | None
    #: offices of those who have no seat
    given: tuple[tuple[str, str | None, tuple[str, ...]], ...] = field(default=())


def body(connection: Connection, where: Where) -> Body | None:
    view = View(where.state, council.DOMAIN)
    current = view.get("council", "current", Council)
    if current is None:
        return None
    seats = sorted(view.scan("seat", "", Seat), key=lambda item: int(item[0]))
    given = {account: held.offices for account, held in view.scan("office", "", Office)}
    names = where.names.of_accounts(
        connection, {seat.account for _, seat in seats if seat.account} | set(given), where.viewer
    )
    lines = tuple(
        Chair(
            int(number),
            seat.account,
            names.get(seat.account or ""),
            seat.roles + given.pop(seat.account or "", ()),
            seat.voting,
        )
        for number, seat in seats
    )
    offices = tuple((account, names.get(account), held) for account, held in given.items())
    return Body(lines, current.seats, current.filled, current.until, offices)


def candidates(connection: Connection, where: Where) -> list[tuple[str, str | None]]:
    """Whom an office can be given to: members, and who sits in the council."""
    people = membership.first_members(connection, where.names, where.viewer, 500)
    sitting = body(connection, where)
    if sitting is not None:
        people |= {seat.account: seat.name for seat in sitting.seats if seat.account}
    return sorted(people.items(), key=lambda item: (item[1] or "", item[0]))


# --- decisions ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Decision:
    number: int
    idx: int
    matter: str
    digest: bytes
    kind: str
    outcome: Literal["adopted", "rejected"]
    at: int
    by: str


def decision(
    connection: Connection, *, matter: str | None = None, digest: bytes | None = None
) -> Decision | None:
    where = decisions.c.matter == matter if matter is not None else decisions.c.digest == digest
    row = connection.execute(select(decisions).where(where)).one_or_none()
    return Decision(**row._mapping) if row else None


def recent(connection: Connection, after: int, limit: int = 20) -> list[Row[Any]]:
    """Steps since a moment, the newest first: for timelines."""
    return list(connection.execute(_RECENT.limit(limit), {"after": after}))


_RECENT: Final = (
    select(steps, matters.c.kind, matters.c.subject, matters.c.idx.label("matter_idx"))
    .join(matters, matters.c.id == steps.c.matter)
    .where(steps.c.at >= bindparam("after"))
    .order_by(steps.c.idx.desc())
)
