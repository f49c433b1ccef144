"""What the robot's pages show: terms in force and who lent a key, what it did in a month, what it would have
done. Functions of a connection, called inside `Database.read`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from coopnode import places
from coopnode.council import queries as table
from coopnode.council.projection import matters
from coopnode.council.queries import Decision
from coopnode.membership import queries as membership
from coopnode.membership.projection import applications
from coopnode.membership.queries import ApplicationLine
from coopnode.robot import doubts
from coopnode.robot.doubts import SERIOUS, Doubt
from coopnode.robot.projection import acts
from coopnode.search.people import People
from coopnode.store.sql import Connection, select
from protocol.contract import View
from protocol.contracts import council
from protocol.contracts.council import Automation, Delegation, Lent, Matter
from protocol.contracts.council.statements import AutomationTerms, RobotAct
from protocol.identifiers import identifier
from protocol.registry import StateFacts

#: Which office lends a key for which act, in the order in which they come up.
OFFICES: Final[Mapping[RobotAct, str]] = {"complete": "secretary", "vote": "council", "approve": "chair"}
#: Applications looked at by a simulation, and in one month's review.
_MOST: Final = 200
_SIMULATED_DAYS: Final = 90


@dataclass(frozen=True, slots=True)
class Lender:
    account: str
    name: str | None
    roles: tuple[str, ...]
    acts: tuple[RobotAct, ...]
    until: int
    max_sum: int | None
    since_digest: bytes
    #: the key may be used now
    active: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """`automation` is the last decision, in force or not; `proposed` a matter about the robot under way;
    `complete`: an ordinary application needs no person any more."""

    automation: Automation | None
    active: bool
    decision: Decision | None
    proposed: str | None
    lenders: tuple[Lender, ...]
    mine: Lender | None
    #: what the viewer could lend a key for under the decision in force
    able: tuple[RobotAct, ...]
    votes: int
    needed: int
    complete: bool


def overview(connection: Connection, where: table.Where) -> Overview:
    view = View(where.state, council.DOMAIN)
    automation = view.get("automation", "current", Automation)
    active = council.in_force(view, where.now) is not None
    lenders = tuple(_lenders(connection, where, view, automation, active))
    working = [each for each in lenders if each.active]
    votes = sum("vote" in each.acts for each in working)
    body = table.body(connection, where)
    part, whole = _quorum(where)
    needed = -(-(body.voting if body else 0) * part // whole)
    roles = where.viewer.roles
    able = tuple(
        act
        for act, office in OFFICES.items()
        if office in roles and (act != "approve" or (automation is not None and automation.terms.chair))
    )
    sends = any("complete" in each.acts for each in working)
    signs = any("approve" in each.acts for each in working)
    return Overview(
        automation,
        active,
        table.decision(connection, digest=automation.approval) if automation else None,
        _proposed(connection),
        lenders,
        next((each for each in lenders if each.account == where.viewer.account), None),
        able if active else (),
        votes,
        needed,
        active and sends and signs and votes >= needed,
    )


def _quorum(where: table.Where) -> tuple[int, int]:
    part, whole = StateFacts(where.state).parameter("council.quorum")
    return part, whole


def _proposed(connection: Connection) -> str | None:
    query = select(matters.c.id).where(matters.c.kind == "automation", matters.c.status.in_(table.LIVE))
    return connection.execute(query.order_by(matters.c.idx.desc()).limit(1)).scalar_one_or_none()


def _lenders(
    connection: Connection, where: table.Where, view: View, automation: Automation | None, active: bool
) -> list[Lender]:
    held = [
        (account, view.need("delegation", lent.kid.hex(), Delegation))
        for account, lent in view.scan("lent", "", Lent)
    ]
    names = where.names.of_accounts(connection, [account for account, _ in held], where.viewer)
    return [
        Lender(
            account,
            names[account],
            tuple(sorted(council.roles(view, account))),
            tuple(act for act in OFFICES if act in found.acts),
            found.until,
            found.max_sum,
            found.digest,
            active
            and automation is not None
            and found.approval == automation.approval
            and where.now <= found.until,
        )
        for account, found in held
    ]


# --- what it did --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reviewed:
    """One admission the robot had a hand in. `sent`, `voted`, `signed`: those whose keys did it."""

    matter: str
    number: int | None
    name: str | None
    account: str
    at: int
    chip: str
    doubts: tuple[Doubt, ...]
    sent: tuple[str, ...]
    voted: tuple[str, ...]
    signed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Review:
    """A month. `looked` of `done` somebody might have looked at; `left` waits for people now, with why."""

    done: tuple[Reviewed, ...]
    looked: int
    left: tuple[tuple[ApplicationLine, tuple[Doubt, ...]], ...]
    more: bool


def review(connection: Connection, where: table.Where, people: People, start: int, stop: int) -> Review:
    """Of acts with start ≤ time < stop. Raises `coopnode.search.people.NotReady`."""
    rows = connection.execute(
        select(acts).where(acts.c.at >= start, acts.c.at < stop).order_by(acts.c.idx).limit(_MOST * 30)
    ).all()
    by: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        by.setdefault(row.matter, {}).setdefault(row.act, []).append(row.account)
    accounts = {row.account for row in rows}
    names = where.names.of_accounts(connection, accounts, where.viewer)
    look = doubts.Where(where.vault, people, where.names, where.now, places.of(where.state))

    def called(matter: str, act: str) -> tuple[str, ...]:
        return tuple(names[each] or each[:8] for each in by[matter].get(act, ()))

    done = []
    for id in list(by)[:_MOST]:
        line = table.line(connection, where, id)
        found = _application(connection, View(where.state, council.DOMAIN).need("matter", id, Matter))
        if line is None or found is None:
            continue
        raised = tuple(doubts.doubts(connection, look, found))
        done.append(
            Reviewed(
                id,
                line.number,
                line.name,
                found.applicant,
                line.changed_at,
                line.chip,
                raised,
                called(id, "complete"),
                called(id, "vote"),
                called(id, "approve"),
            )
        )
    left = tuple(
        (line, raised)
        for line in membership.list_applications(
            connection, where.names, where.viewer, ("identified", "complete"), limit=50, oldest_first=True
        )
        if not SERIOUS.isdisjoint(raised := tuple(doubts.doubts(connection, look, line)))
    )
    return Review(tuple(done), sum(bool(each.doubts) for each in done), left, len(by) > _MOST)


def _application(connection: Connection, matter: Matter) -> ApplicationLine | None:
    return membership.application_by_id(connection, identifier(matter.re[0])) if matter.re else None


# --- what it would have done --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Simulation:
    """Over applications of the last days: `passed` without a person; `reasons` why others would have waited
    (terms: person, level, sum; or a serious doubt)."""

    days: int
    all: int
    passed: int
    looked: int
    reasons: Mapping[str, int]


def simulate(
    connection: Connection, where: table.Where, people: People, terms: AutomationTerms
) -> Simulation:
    """As if the terms had been in force, with everybody's key. Raises NotReady."""
    since = where.now - _SIMULATED_DAYS * 86_400
    query = (
        select(applications.c.idx)
        .where(applications.c.applied_at >= since, applications.c.level.is_not(None))
        .order_by(applications.c.idx.desc())
        .limit(_MOST)
    )
    found = membership.applications_at(connection, where.names, where.viewer, query)
    look = doubts.Where(where.vault, people, where.names, where.now, places.of(where.state))
    reasons: Counter[str] = Counter()
    passed = looked = 0
    for line in found:
        why = _outside(terms, line)
        raised = doubts.doubts(connection, look, line) if why is None else []
        why = why or next((each for each in raised if each in SERIOUS), None)
        if why is not None:
            reasons[why] += 1
            continue
        passed += 1
        looked += bool(raised)
    return Simulation(_SIMULATED_DAYS, len(found), passed, looked, dict(reasons.most_common()))


def _outside(terms: AutomationTerms, line: ApplicationLine) -> str | None:
    if line.person not in terms.persons:
        return "person"
    if (line.level or 0) < terms.level:
        return "level"
    return "sum" if terms.max_sum is not None and line.total > terms.max_sum else None
