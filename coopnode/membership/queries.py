"""What the pages of joining show: functions of a connection over the projections, and of a state; called
inside `Database.read`, one hop for all questions of a request.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any, Final, Literal, TypeAlias, get_args

from coopnode import private_records
from coopnode.membership.people import Names, Viewer, reason, who
from coopnode.membership.projection import applications, register, steps, totals
from coopnode.store.schema import blobs, entries, sessions
from coopnode.store.sql import (
    CompoundSelect,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    func,
    or_,
    select,
    union_all,
)
from coopnode.store.vault import Vault
from protocol import documents, registry
from protocol.contract import Money, State, View
from protocol.contracts import agreements, consents, cooperative, council, membership
from protocol.contracts.membership import Applicant
from protocol.documents import Statement
from protocol.identifiers import identifier
from protocol.registry import StateFacts

PAGE: Final = 50
#: Under way: somebody still has to act.
OPEN: Final = ("applied", "identified", "complete", "admitted")

#: What the projection counts.
_COUNTED: Final[Mapping[str, tuple[str, ...]]] = {
    "application": get_args(membership.Status),
    "register": ("member", "invited", "kept", "left"),
}

Person: TypeAlias = Literal["person", "entrepreneur", "organisation"]


# --- rules in force -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Fees:
    """Minor units."""

    entrance: int
    share: int
    currency: str

    @property
    def total(self) -> int:
        return self.entrance + self.share


@dataclass(frozen=True, slots=True)
class Rules:
    """What joining costs and how long it takes, as the pack and the charter say now."""

    fees: Mapping[str, Fees]
    decide_days: int
    pay_days: int
    retain_days: int
    inform_days: int
    min_age: int
    identify_roles: tuple[str, ...]
    identify_methods: tuple[str, ...]
    consent_years: int
    charter: bytes | None
    pack: str
    laws: Mapping[str, str]


def rules(state: State) -> Rules:
    facts = StateFacts(state)
    pack = cooperative.pack(View(state, cooperative.DOMAIN))
    value = facts.parameter
    kinds = ("person", "entrepreneur", "organisation")
    currency = value("fees.currency")
    cited = ("member.decide_days", "member.pay_days", "fees.entrance.person", "fees.share.person")
    return Rules(
        fees={
            kind: Fees(value(f"fees.entrance.{kind}"), value(f"fees.share.{kind}"), currency)
            for kind in kinds
        },
        decide_days=value("member.decide_days"),
        pay_days=value("member.pay_days"),
        retain_days=value("member.retain_days"),
        inform_days=value("member.inform_days"),
        min_age=value("member.min_age"),
        identify_roles=tuple(value("member.identify_roles")),
        identify_methods=tuple(value("member.identify_methods")),
        consent_years=value("consent.term_years"),
        charter=facts.charter_digest(),
        pack=f"{pack.name}@{pack.version}",
        laws={key: pack.parameters[key].law or "" for key in cited if key in pack.parameters},
    )


@dataclass(frozen=True, slots=True)
class House:
    """The cooperative, as it stands at the head of pages and letters."""

    name: str
    inn: str
    ogrn: str
    public_url: str
    constituted: bool


def house(state: State) -> House | None:
    """None before the log begins."""
    found = cooperative.cooperative(View(state, cooperative.DOMAIN))
    if found is None:
        return None
    constituted = StateFacts(state).constituted()
    return House(found.name, found.inn or "", found.ogrn or "", found.public_url, constituted)


@dataclass(frozen=True, slots=True)
class TextInForce:
    kind: str
    title: str
    edition: int
    #: of the statement that adopted it, and of the text itself
    digest: bytes
    blob: bytes
    required: bool
    signed: bool


def texts(state: State, account: str | None) -> list[TextInForce]:
    """The texts in force: those to be signed first, in the pack's order, then the others."""
    required = StateFacts(state).required_agreements()
    signatures = View(state, agreements.DOMAIN)
    found = {
        item.kind: TextInForce(
            item.kind,
            item.title,
            item.edition,
            item.digest,
            item.blob,
            item.kind in required,
            account is not None and agreements.has_signed(signatures, account, item.digest),
        )
        for _, item in View(state, cooperative.DOMAIN).scan("agreement", "", cooperative.Agreement)
    }
    order = [*required, *sorted(set(found) - set(required))]
    return [found[kind] for kind in order if kind in found]


# --- applications ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ApplicationLine:
    idx: int
    id: str
    digest: bytes
    applicant: str
    person: Person
    status: membership.Status
    applied_at: int
    decide_by: int
    pay_by: int | None
    entrance: int
    share: int
    currency: str
    identified_by: str | None
    level: int | None
    matter: str | None
    decision: bytes | None
    changed_idx: int
    changed_at: int
    name: str | None = None

    @property
    def number(self) -> int:
        """What people and payment orders call it: its place in the log."""
        return self.idx

    @property
    def due(self) -> int | None:
        """The clock that runs now."""
        if self.status == "admitted":
            return self.pay_by
        return self.decide_by if self.status in OPEN else None

    @property
    def total(self) -> int:
        return self.entrance + self.share


def _application(row: Row[Any], name: str | None = None) -> ApplicationLine:
    return ApplicationLine(**row._mapping, name=name)


def application(connection: Connection, number: int) -> ApplicationLine | None:
    row = connection.execute(_BY_NUMBER, {"number": number}).one_or_none()
    return _application(row) if row else None


def application_by_id(connection: Connection, id: str) -> ApplicationLine | None:
    row = connection.execute(_BY_ID, {"id": id}).one_or_none()
    return _application(row) if row else None


def applications_of(connection: Connection, account: str) -> list[ApplicationLine]:
    """The newest first."""
    return [_application(row) for row in connection.execute(_BY_APPLICANT, {"account": account})]


# Built once: to build one and to find what was compiled of it takes longer than most of these queries do.
_BY_NUMBER: Final = select(applications).where(applications.c.idx == bindparam("number"))
_BY_ID: Final = select(applications).where(applications.c.id == bindparam("id"))
_BY_APPLICANT: Final = (
    select(applications)
    .where(applications.c.applicant == bindparam("account"))
    .order_by(applications.c.idx.desc())
)


def list_applications(
    connection: Connection,
    names: Names,
    viewer: Viewer,
    statuses: Collection[str],
    *,
    person: str | None = None,
    before: int | None = None,
    limit: int = PAGE,
    oldest_first: bool = False,
) -> list[ApplicationLine]:
    """By place in the log, never by offset. `before` continues a list in the order asked for."""
    where: list[Any] = [applications.c.status.in_(sorted(statuses))]
    if person is not None:
        where.append(applications.c.person == person)
    if before is not None:
        where.append(applications.c.idx > before if oldest_first else applications.c.idx < before)
    order = applications.c.idx.asc() if oldest_first else applications.c.idx.desc()
    query = select(applications).where(and_(*where)).order_by(order).limit(limit)
    rows = list(connection.execute(query))
    asked = [(row.digest, "membership.apply/1", viewer.reads_as(row.applicant)) for row in rows]
    known = names.of_documents(connection, asked)
    return [_application(row, known[row.digest]) for row in rows]


def applications_at(
    connection: Connection, names: Names, viewer: Viewer, places: Select[Any]
) -> list[ApplicationLine]:
    """Applications by a query of their places in the log, the oldest first."""
    query = select(applications).where(applications.c.idx.in_(places)).order_by(applications.c.idx)
    rows = list(connection.execute(query))
    known = names.of_accounts(connection, {row.applicant for row in rows}, viewer)
    return [_application(row, known[row.applicant]) for row in rows]


def counts(connection: Connection) -> dict[str, int]:
    """How many applications stand at each status."""
    return _counted(connection, "application", None)


def _counted(connection: Connection, what: str, at: int | None) -> dict[str, int]:
    """By status, at the end of a moment; the projection has counted, so a long list need not be read."""
    moment = {} if at is None else {"at": at}
    rows = connection.execute(_totals(what, at is not None), moment)
    return {row.status: row.number for row in rows if row.number}


@cache
def _totals(what: str, earlier: bool) -> CompoundSelect[Any]:
    """The last count of each status, up to `at` when an earlier moment is asked for."""
    parts = []
    for status in _COUNTED[what]:
        query = select(totals.c.status, totals.c.number).where(
            totals.c.what == what, totals.c.status == status
        )
        if earlier:
            query = query.where(totals.c.at <= bindparam("at"))
        parts.append(select(query.order_by(totals.c.at.desc()).limit(1).subquery()))
    return union_all(*parts)


@dataclass(frozen=True, slots=True)
class Step:
    idx: int
    status: membership.Status
    at: int
    type: str
    by: str
    digest: bytes
    name: str | None = None


_HISTORY: Final = select(steps).where(steps.c.application == bindparam("id")).order_by(steps.c.idx)


def history(connection: Connection, id: str, names: Names, viewer: Viewer) -> list[Step]:
    rows = list(connection.execute(_HISTORY, {"id": id}))
    known = names.of_accounts(connection, {row.by for row in rows}, viewer)
    return [
        Step(row.idx, row.status, row.at, row.type, row.by, row.digest, known.get(row.by)) for row in rows
    ]


@dataclass(frozen=True, slots=True)
class Field:
    """One opened private field. `reason` is the reader class by which the viewer sees it."""

    name: str
    value: Any
    reason: str


@dataclass(frozen=True, slots=True)
class Paper:
    """One statement with what the viewer may read of it."""

    idx: int
    type: str
    digest: bytes
    at: int
    by: str
    public: Mapping[str, Any]
    fields: tuple[Field, ...] = ()
    #: there is a private part: open, partly open, closed to this viewer, erased, or lost with a machine
    private: Literal["none", "open", "closed", "erased", "lost"] = "none"


def paper(
    connection: Connection, vault: Vault, digest: bytes, viewer: Viewer, about: str | None
) -> Paper | None:
    return papers(connection, vault, {digest: about}, viewer).get(digest)


def papers(
    connection: Connection, vault: Vault, wanted: Mapping[bytes, str | None], viewer: Viewer
) -> dict[bytes, Paper]:
    """By digest, of those that there are; `wanted`: digest → whom it is about. In two questions."""
    query = (
        select(entries.c.idx, entries.c.raw, entries.c.tick, entries.c.digest)
        .where(entries.c.digest.in_(list(wanted)))
        .order_by(entries.c.idx.desc())
    )
    # The first entry of a document is the one that counted.
    rows = {row.digest: row for row in connection.execute(query)}
    read = _papers(connection, vault, [(row, wanted[digest]) for digest, row in rows.items()], viewer)
    return {each.digest: each for each in read}


def attested(connection: Connection, vault: Vault, digest: bytes, viewer: Viewer) -> Paper | None:
    """The officer's statement behind a membership: itself, or what an acceptance of one's own answers."""
    found = paper(connection, vault, digest, viewer, None)
    if found is not None and found.type in ("council.accept/1", "membership.accept/1"):
        return paper(connection, vault, found.public["re"][0], viewer, None)
    return found


def _papers(
    connection: Connection, vault: Vault, rows: Iterable[tuple[Any, str | None]], viewer: Viewer
) -> list[Paper]:
    """Of rows of the log and whom each is about, in their order; the boxes in one question."""
    found = [(_public(row), about) for row, about in rows]
    private = [each.digest for each, _ in found if registry.TYPES[each.type].private]
    records = private_records.many(connection, vault, private)
    return [
        _opened(connection, each, records.get(each.digest), viewer, about)
        if registry.TYPES[each.type].private
        else each
        for each, about in found
    ]


def _public(row: Any) -> Paper:
    statement = documents.parse(row.raw)
    public = {name: value for name, value in statement.payload.items() if name not in ("type", "private")}
    return Paper(row.idx, statement.type, statement.digest, row.tick or statement.iat, statement.iss, public)


def _opened(
    connection: Connection,
    found: Paper,
    record: Mapping[str, Any] | None,
    viewer: Viewer,
    about: str | None,
) -> Paper:
    subject = about if about is not None else found.by
    shown: list[Field] = []
    for item in registry.TYPES[found.type].private:
        # What the signer wrote is theirs; what is about somebody is that person's too.
        seen_by = reason(viewer, found.type, item.name, subject) or reason(
            viewer, found.type, item.name, found.by
        )
        if seen_by is not None and record is not None and item.name in record["fields"]:
            shown.append(Field(item.name, record["fields"][item.name]["value"], seen_by))
    state: Literal["open", "closed", "erased", "lost"] = "open" if shown else "closed"
    if record is None:
        state = private_records.gone(connection, found.digest)
    return Paper(found.idx, found.type, found.digest, found.at, found.by, found.public, tuple(shown), state)


def papers_of(connection: Connection, vault: Vault, found: ApplicationLine, viewer: Viewer) -> list[Paper]:
    """The statement, the texts signed and consents given before it, and what officers signed about it."""
    own = and_(entries.c.iss == found.applicant, entries.c.idx <= found.idx)
    before = select(entries.c.idx).where(own, entries.c.type.in_(("agreement.sign/1", "consent.give/1")))
    # By the steps it took: nothing else is about it, and `sub` has no index.
    moved = select(steps.c.idx).where(steps.c.application == found.id, steps.c.type.startswith("membership."))
    query = (
        select(entries.c.idx, entries.c.raw, entries.c.tick)
        .where(entries.c.idx.in_(union_all(before, moved)))
        .order_by(entries.c.idx)
    )
    rows = [(row, found.applicant) for row in connection.execute(query)]
    return _papers(connection, vault, rows, viewer)


def reason_of(
    connection: Connection, vault: Vault, digest: bytes, field: str, viewer: Viewer, about: str
) -> str | None:
    """One private field of a document, for instance why an application was returned."""
    found = paper(connection, vault, digest, viewer, about)
    value = next((item.value for item in found.fields if item.name == field), None) if found else None
    return None if value is None else str(value)


# --- where somebody stands ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account is here."""

    account: str
    member: membership.Member | None
    application: str | None
    has_account: bool
    consents: frozenset[str]


def standing(state: State, account: str) -> Standing:
    facts = StateFacts(state)
    view = View(state, membership.DOMAIN)
    running = view.get("applicant", account, Applicant)
    given = View(state, consents.DOMAIN).scan("current", f"{account}/", consents.Current)
    return Standing(
        account,
        view.get("member", account, membership.Member),
        running.application if running else None,
        facts.knows_account(account),
        frozenset(key.split("/")[1] for key, _ in given if key.count("/") == 1),
    )


# --- the register ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RegisterLine:
    number: int
    status: Literal["member", "invited", "kept", "left"]
    account: str | None
    person: Person | None
    since: int | None
    from_idx: int
    from_at: int
    to_at: int | None
    digest: bytes | None
    name: str | None = None


def _at(moment: int | None) -> Any:
    """Rows that stood at the end of a moment (a tick); None is now."""
    if moment is None:
        return register.c.to_idx.is_(None)
    return and_(register.c.from_at <= moment, or_(register.c.to_at.is_(None), register.c.to_at > moment))


def register_page(
    connection: Connection,
    names: Names,
    viewer: Viewer,
    *,
    at: int | None = None,
    after: int = 0,
    statuses: Sequence[str] = ("member", "invited"),
    limit: int = PAGE,
) -> list[RegisterLine]:
    where = and_(_at(at), register.c.number > after, register.c.status.in_(statuses))
    rows = list(connection.execute(select(register).where(where).order_by(register.c.number).limit(limit)))
    return _lines(connection, names, viewer, rows)


def first_members(connection: Connection, names: Names, viewer: Viewer, limit: int) -> dict[str, str | None]:
    """Names by account, of the lowest numbers in the register."""
    accounts = connection.execute(_MEMBERS.limit(limit)).scalars()
    return names.of_accounts(connection, accounts, viewer)


_MEMBERS: Final = (
    select(register.c.account)
    .where(register.c.to_idx.is_(None), register.c.status == "member", register.c.account.is_not(None))
    .order_by(register.c.number)
)


def register_lines(
    connection: Connection,
    names: Names,
    viewer: Viewer,
    numbers: Collection[int],
    *,
    at: int | None = None,
    statuses: Sequence[str] = ("member", "invited"),
) -> list[RegisterLine]:
    """Those that stood at these numbers."""
    mine = register.c.number.in_(sorted(set(numbers)))
    query = select(register).where(mine, _at(at), register.c.status.in_(statuses))
    return _lines(connection, names, viewer, list(connection.execute(query.order_by(register.c.number))))


def _lines(
    connection: Connection, names: Names, viewer: Viewer, rows: Sequence[Row[Any]]
) -> list[RegisterLine]:
    known = names.of_accounts(connection, {row.account for row in rows if row.account}, viewer)
    invited, roles = [row for row in rows if row.status == "invited"], viewer.reads_as(None)
    enrolled = names.of_documents(connection, [(row.digest, "membership.enrol/1", roles) for row in invited])
    return [_line(row, enrolled.get(row.digest) or known.get(row.account)) for row in rows]


def _line(row: Row[Any], name: str | None) -> RegisterLine:
    return RegisterLine(
        row.number,
        row.status,
        row.account,
        row.person,
        row.since,
        row.from_idx,
        row.from_at,
        row.to_at,
        row.digest,
        name,
    )


def share_paid(lines: Sequence[RegisterLine], joining: Sequence[ApplicationLine]) -> Money | None:
    """With the application by which whoever stands at a number became a member, `lines` being everything that
    ever stood there; None for whoever came another way."""
    began = next((line.from_idx for line in lines if line.status == "member"), None)
    paid = next((item for item in joining if item.changed_idx == began), None)
    return Money(paid.share, paid.currency) if paid else None


def register_counts(connection: Connection, at: int | None = None) -> dict[str, int]:
    return _counted(connection, "register", at)


def member_lines(connection: Connection, names: Names, viewer: Viewer, number: int) -> list[RegisterLine]:
    """Everything that ever stood at a number, the newest first."""
    query = select(register).where(register.c.number == number).order_by(register.c.from_idx.desc())
    return _lines(connection, names, viewer, list(connection.execute(query)))


def member_of(connection: Connection, accounts: Collection[str]) -> dict[str, int]:
    """Number in the register by account; members only."""
    where = and_(_at(None), register.c.account.in_(sorted(accounts)), register.c.status == "member")
    rows = connection.execute(select(register.c.account, register.c.number).where(where))
    return {row.account: row.number for row in rows}


def numbers_of(connection: Connection, accounts: Collection[str]) -> set[tuple[str, int]]:
    """(account, number in the register) of all times."""
    mine = register.c.account.in_(sorted(set(accounts)))
    rows = connection.execute(select(register.c.account, register.c.number).where(mine))
    return {(row.account, row.number) for row in rows}


def who_is(connection: Connection, vault: Vault, account: str, viewer: Viewer) -> Paper | None:
    """The statement by which somebody last said who they are, opened as far as the viewer may read it."""
    found = (who(connection, (account,)) or who(connection, (account,), erased=True)).get(account)
    return paper(connection, vault, found[0], viewer, account) if found else None


# --- what is kept about a person ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ConsentLine:
    digest: bytes
    purpose: str
    operator: str
    fields: tuple[str, ...]
    text: bytes
    given_at: int
    until: int | None
    status: Literal["given", "withdrawn", "replaced", "ended"]


_CONSENTS: Final = (
    select(entries.c.raw, entries.c.tick, entries.c.digest)
    .where(entries.c.iss == bindparam("account"), entries.c.type == "consent.give/1")
    .order_by(entries.c.idx.desc())
)


def consents_of(
    connection: Connection, state: State, account: str, limit: int | None = None
) -> list[ConsentLine]:
    """The newest first."""
    view = View(state, consents.DOMAIN)
    found = []
    query = _CONSENTS if limit is None else _CONSENTS.limit(limit)
    for row in connection.execute(query, {"account": account}):
        held = view.get("consent", identifier(row.digest), consents.Consent)
        payload = documents.parse(row.raw).payload
        found.append(
            ConsentLine(
                row.digest,
                payload["purpose"],
                payload["operator"],
                tuple(payload["fields"]),
                payload["text"],
                row.tick,
                payload.get("until"),
                held.status if held else "ended",
            )
        )
    return found


def _types(connection: Connection, account: str) -> list[str]:
    """Of documents the account has signed: one step along the index for each, however many there are."""
    found: list[str] = []
    while True:
        later = {"account": account, "type": found[-1] if found else ""}
        type = connection.execute(_NEXT_TYPE, later).scalar_one_or_none()
        if type is None:
            return found
        found.append(type)


_NEXT_TYPE: Final = select(func.min(entries.c.type)).where(
    entries.c.iss == bindparam("account"), entries.c.type > bindparam("type")
)
_OWN: Final = select(applications.c.id).where(applications.c.applicant == bindparam("account"))


@lru_cache(64)
def _about(types: tuple[str, ...], earlier: bool, limit: int) -> Select[Any]:
    """Entries a person signed, which are of these types, and about their applications. Each part ends after
    `limit` steps along its index, however long the log is."""
    account: Any = bindparam("account")
    moved = select(steps.c.idx).where(steps.c.application.in_(_OWN), steps.c.by != account)
    moved = moved.where(steps.c.type != "node.tick/1")  # a passed deadline is nobody's document
    parts = [(moved, steps.c.idx)]
    for type in types:
        signed = select(entries.c.idx).where(entries.c.iss == account, entries.c.type == type)
        parts.append((signed, entries.c.idx))
    newest = []
    for part, idx in parts:
        older = part.where(idx < bindparam("before")) if earlier else part
        newest.append(select(older.order_by(idx.desc()).limit(limit).subquery()))
    query = select(entries.c.idx, entries.c.raw, entries.c.tick).where(entries.c.idx.in_(union_all(*newest)))
    return query.order_by(entries.c.idx.desc()).limit(limit)


def statements_about(
    connection: Connection, vault: Vault, account: str, *, before: int | None = None, limit: int = 200
) -> list[Paper]:
    """Everything a person signed, and everything signed about their applications, the newest first, as far as
    it is older than entry `before`.

    Opened as the person's own: they may see what is kept about them.
    """
    query = _about(tuple(_types(connection, account)), before is not None, limit)
    asked = {"account": account} if before is None else {"account": account, "before": before}
    viewer = Viewer(account)
    subjects = {account} | {row[0] for row in connection.execute(_OWN, {"account": account})}
    rows = connection.execute(query, asked).all()
    found, own_rows = {}, []
    for row in rows:
        statement = documents.parse(row.raw)
        # What an officer wrote about somebody else's case is that person's, not the officer's.
        if statement.sub not in subjects and statement.domain == membership.DOMAIN:
            at = row.tick or statement.iat
            found[row.idx] = Paper(
                row.idx, statement.type, statement.digest, at, statement.iss, {}, (), "closed"
            )
        else:
            own_rows.append((row, account))
    found |= {paper.idx: paper for paper in _papers(connection, vault, own_rows, viewer)}
    return [found[row.idx] for row in rows]


def records_of(
    connection: Connection, vault: Vault, account: str
) -> list[tuple[Paper, bytes, Mapping[str, Any] | None]]:
    """(paper, statement bytes, private record with salts) for the export of somebody's own data."""
    found: list[tuple[Paper, bytes, Mapping[str, Any] | None]] = []
    for item in statements_about(connection, vault, account, limit=100_000):
        if item.private == "closed":
            continue
        raw = connection.execute(select(entries.c.raw).where(entries.c.idx == item.idx)).scalar_one()
        record = private_records.opened(connection, vault, item.digest)
        # Of a record that others may read more of than its subject, only what the subject may read leaves.
        if record is not None:
            allowed = {field.name for field in item.fields}
            record = {"fields": {name: value for name, value in record["fields"].items() if name in allowed}}
        found.append((item, raw, record))
    return found


def sessions_of(connection: Connection, account: str, now: int) -> list[dict[str, Any]]:
    """Where this account is signed in to the site now. Tokens are not told, only times."""
    rows = connection.execute(_SESSIONS, {"account": account, "now": now})
    return [dict(row._mapping) for row in rows]


_SESSIONS: Final = (
    select(sessions.c.created_at, sessions.c.seen_at, sessions.c.expires_at)
    .where(sessions.c.account == bindparam("account"), sessions.c.expires_at > bindparam("now"))
    .order_by(sessions.c.seen_at.desc())
)


# --- documents ------------------------------------------------------------------------------------


def statement(connection: Connection, digest: bytes) -> Statement | None:
    query = select(entries.c.raw).where(entries.c.digest == digest).order_by(entries.c.idx).limit(1)
    raw = connection.execute(query).scalar_one_or_none()
    return registry.typed(documents.parse(raw)) if raw is not None else None


def entry_index(connection: Connection, digest: bytes) -> int | None:
    query = select(entries.c.idx).where(entries.c.digest == digest).order_by(entries.c.idx).limit(1)
    found = connection.execute(query).scalar_one_or_none()
    return None if found is None else int(found)


def blob(connection: Connection, digest: bytes) -> tuple[str, bytes] | None:
    """(media type, bytes) of a public text."""
    row = connection.execute(
        select(blobs.c.media_type, blobs.c.bytes).where(blobs.c.digest == digest)
    ).one_or_none()
    return (row.media_type, row.bytes) if row else None


# --- who acts -------------------------------------------------------------------------------------


def officers(state: State, role: str) -> tuple[str, ...]:
    """Accounts that hold an office now."""
    view = View(state, council.DOMAIN)
    held = {account for account, item in view.scan("holder", "", council.Holder) if role in item.offices}
    held |= {account for account, item in view.scan("office", "", council.Office) if role in item.offices}
    return tuple(sorted(held))


def acts_next(state: State, status: str) -> tuple[str, ...]:
    """Offices whose turn it is; `applicant` when it is theirs."""
    if status == "applied":
        return tuple(StateFacts(state).parameter("member.identify_roles"))
    return {
        "identified": ("secretary",),
        "complete": ("council",),
        "admitted": ("applicant", "accountant"),
    }.get(status, ())
