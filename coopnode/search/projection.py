"""Read models of the documents that officers and the council work with: by kind, by party, by words of
public texts. What everybody signs by the thousand (ballots, consents, signatures under texts, keys) is not in
them and costs nothing; nor are ticks. No personal data: names are opened when somebody entitled asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from coopnode.projections import Projection, written
from coopnode.search import words
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
from protocol import registry
from protocol.contracts import council, membership
from protocol.contracts.council import Matter
from protocol.contracts.membership import Application, Enrolment
from protocol.log import Accepted

#: `about` is the person it concerns, `number` that of the register where there is no account yet.
found: Final = Table(
    "search_documents",
    projections,
    Column("idx", Integer, primary_key=True),
    Column("at", Integer, nullable=False),
    Column("type", Text, nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("by", Text, nullable=False),
    Column("about", Text),
    Column("number", Integer),
    Index("search_documents_type", "type", "idx"),
)

#: Who signed it and whom it is about.
parties: Final = Table(
    "search_parties",
    projections,
    Column("account", Text, primary_key=True),
    Column("type", Text, primary_key=True),
    Column("idx", Integer, primary_key=True),
    sqlite_with_rowid=False,
)

#: Stems of public titles.
titles: Final = Table(
    "search_words",
    projections,
    Column("stem", Text, primary_key=True),
    Column("idx", Integer, primary_key=True),
    sqlite_with_rowid=False,
)

#: Kinds in lists, in their order → document types. Words stand in `web.search.words`.
KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "applications": (
        "membership.apply/1",
        "membership.withdraw/1",
        "membership.identify/1",
        "membership.complete/1",
        "membership.incomplete/1",
    ),
    "payments": ("membership.payment/1",),
    "register": (
        *("membership.opening/1", "membership.enrol/1"),
        *("membership.accept/1", "membership.void/1"),
    ),
    "matters": ("council.propose/1", "council.comment/1", "council.return/1"),
    "requests": ("membership.petition/1", "membership.leave/1"),
    "decisions": ("council.approve/1", "founding.minutes/1"),
    "council": (
        *("council.appoint/1", "council.accept/1", "council.reinvite/1"),
        *("council.delegate/1", "council.undelegate/1"),
    ),
    "rules": ("cooperative.charter/1", "cooperative.agreement/1", "cooperative.pack/1"),
    "founding": ("cooperative.genesis/1", "founding.convene/1", "founding.join/1", "founding.open/1"),
    "erasures": ("vault.erase/1",),
    "node": ("node.keys/1", "node.assets/1", "log.continue/1"),
}
TYPES: Final = frozenset(type for types in KINDS.values() for type in types)
#: Of a person's own, and many.
LEFT_OUT: Final = frozenset(
    {
        *(name for name, kind in registry.TYPES.items() if kind.domain == "account"),
        *("agreement.sign/1", "consent.give/1", "consent.withdraw/1"),
        *("council.vote/1", "founding.ballot/1", "node.tick/1"),
    }
)


_FOUND: Final = Rows(found)
_PARTIES: Final = Rows(parties)
_TITLES: Final = Rows(titles)


def _project(work: Work, entry: Accepted) -> None:
    statement = entry.statement
    about, number = _about(entry)
    row = {"idx": entry.index, "at": entry.tick, "type": statement.type, "digest": statement.digest}
    row |= {"by": statement.iss, "about": about, "number": number}
    work.add(_FOUND, row)
    for account in sorted({statement.iss} | ({about} if about is not None else set())):
        work.add(_PARTIES, {"account": account, "type": statement.type, "idx": entry.index})
    title = statement.payload.get("title")
    if isinstance(title, str):
        for stem in sorted(words.stems(title)):
            work.add(_TITLES, {"stem": stem, "idx": entry.index})


def _about(entry: Accepted) -> tuple[str | None, int | None]:
    """(account, number of the register) of the person it concerns."""
    for _, application in written(entry, membership.DOMAIN, "application", Application):
        return application.applicant, None
    for _, enrolment in written(entry, membership.DOMAIN, "enrolment", Enrolment):
        return None, enrolment.number
    for _, matter in written(entry, council.DOMAIN, "matter", Matter):
        return matter.subject, None
    return None, None


PROJECTIONS: Final = (Projection("search.documents", 2, (found, parties, titles), _project, TYPES),)
