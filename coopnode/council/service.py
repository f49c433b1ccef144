"""Commands of the council: what is to be signed next, said with the contract's own reason when it would be
refused.

Nothing here signs and nothing here changes state: each answer is a document for the signing page (P28). The
checks repeat what the contract will judge, so that a person reads the reason before signing; the contract
alone decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeVar

from coopnode import printing
from coopnode.app import Node
from coopnode.council import minutes, queries
from coopnode.council.queries import MatterPage, Where
from coopnode.membership.people import Names, Viewer
from coopnode.membership.service import NotPossible
from coopnode.printing import Minutes
from coopnode.signing import Item
from coopnode.store.sql import Connection
from protocol import registry
from protocol.contract import View
from protocol.contracts import council
from protocol.contracts.council import GIVEN_OFFICES, Office
from protocol.encoding import Value
from protocol.registry import StateFacts
from protocol.wording import Locale

R = TypeVar("R")
CHOICES: Final = ("for", "against", "abstain")
MAX_TITLE: Final = 200
MAX_TEXT: Final = 20_000
#: Matters of a queue shown at once.
MAX_LISTED: Final = 40

__all__ = ["CHOICES", "MAX_TEXT", "MAX_TITLE", "Council", "NotPossible", "Proposal", "Queue", "Waiting"]


@dataclass(frozen=True, slots=True)
class Proposal:
    """A matter as somebody typed it. `kind` is free, officer or one that law or charter reserve."""

    kind: str
    title: str
    text: str
    subject: str | None = None
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Queue:
    """The council's table: what is open, what waits for the chair, what was decided last. `mine` counts what
    waits for the viewer, `more` what is not listed."""

    open: tuple[queries.MatterLine, ...]
    waiting: tuple[queries.MatterLine, ...]
    decided: tuple[queries.MatterLine, ...]
    body: queries.Body | None
    mine: int
    more: int


@dataclass(frozen=True, slots=True)
class Waiting:
    """What waits for one person: the signatures due next and how many come after them, the next vote and how
    many there are."""

    signatures: tuple[queries.MatterLine, ...]
    more: int
    vote: queries.MatterLine | None
    votes: int


class Council:
    """One per application."""

    def __init__(self, node: Node, names: Names | None = None) -> None:
        self.node = node
        self.names = names or Names(node.vault)

    # -- looking ---------------------------------------------------------------------------------------

    async def ask(self, account: str | None, query: Callable[[Connection, Where], R]) -> R:
        """A query of `coopnode.council.queries` with what it needs, in one hop."""
        return await self.node.database.read(lambda connection: query(connection, self.where(account)))

    def where(self, account: str | None) -> Where:
        """For the calling thread."""
        state = self.node.state
        return Where(state, self.node.vault, self.names, Viewer.of(state, account), self.node.clock.peek())

    async def sees_table(self, account: str | None) -> bool:
        """Whether the council's matters are this person's business."""
        viewer = (await self.ask(account, lambda _, where: where)).viewer
        return not viewer.roles.isdisjoint(queries.TABLE)

    async def queue(self, account: str, most: int = MAX_LISTED) -> Queue:
        """At most so many of those that are open and of those that wait for the chair."""

        def query(connection: Connection, where: Where) -> Queue:
            under_way = queries.under_way(connection, where)
            waiting = [item for item in under_way if item.ready][:most]
            open = [item for item in under_way if not item.ready][:most]
            lines = queries.named(connection, where, open + waiting)
            return Queue(
                tuple(lines[: len(open)]),
                tuple(lines[len(open) :]),
                tuple(queries.decided(connection, where, limit=5)),
                queries.body(connection, where),
                sum(bool(item.todo) for item in under_way),
                len(under_way) - len(open) - len(waiting),
            )

        return await self.ask(account, query)

    async def waiting(self, account: str, most: int) -> Waiting:
        """With at most so many signatures."""

        def query(connection: Connection, where: Where) -> Waiting:
            under_way = queries.under_way(connection, where)
            signatures = [item for item in under_way if item.todo == "sign"]
            votes = [item for item in under_way if item.todo == "vote"]
            first = queries.named(connection, where, signatures[:most])
            vote = queries.named(connection, where, votes[:1])
            return Waiting(
                tuple(first), max(len(signatures) - most, 0), vote[0] if vote else None, len(votes)
            )

        return await self.ask(account, query)

    async def matter(self, id: str, account: str) -> MatterPage | None:
        return await self.ask(account, lambda connection, where: queries.matter(connection, where, id))

    async def reserved(self) -> tuple[str, ...]:
        """Kinds that law or charter leave to the general meeting."""
        return await self.ask(None, lambda _, where: StateFacts(where.state).reserved_matters())

    def published(self, index: int) -> bool:
        return index < self.node.publisher.published

    # -- what is signed --------------------------------------------------------------------------------

    async def vote(self, id: str, account: str, choice: str) -> Item:
        """The next ballot: its number is one more than the highest logged one (P19)."""
        page = await self._page(id, account)
        self._live(page, "open")
        if choice not in CHOICES:
            raise NotPossible("invalid_field", {"field": "choice"})
        if not page.may_vote:
            raise NotPossible("not_allowed", {"role": "council"})
        payload: dict[str, Value] = {
            "matter": id,
            "round": page.line.round,
            "choice": choice,
            "sequence": page.highest + 1,
        }
        return self._item("council.vote/1", payload, id, page=page)

    async def comment(self, id: str, account: str, text: str) -> Item:
        page = await self._page(id, account)
        self._live(page, "open", "decided")
        if not page.may_comment:
            raise NotPossible("not_allowed", {"role": "council"})
        return self._item("council.comment/1", {"matter": id}, id, {"text": text})

    async def approve(self, id: str, account: str, reason: str = "") -> Item:
        """The chair's signature: round, outcome, counts and result digest as the log has them now. The
        statement needs `seen`, which the chair's device adds (P3).
        """
        page = await self._page(id, account)
        self._live(page, "open", "decided")
        self._chairs(page)
        outcome = page.line.tally.lead if page.line.status == "open" else page.matter.outcome
        if outcome is None or outcome == "expired":
            raise NotPossible("not_settled", {"closes": page.line.closes})
        if outcome == "rejected" and not reason:
            raise NotPossible("invalid_field", {"field": "reason"})
        counts = page.line.tally.counts
        digest = await self.ask(
            account, lambda _, where: council.result(View(where.state, council.DOMAIN), id)
        )
        payload: dict[str, Value] = {
            "matter": id,
            "round": page.line.round,
            "outcome": outcome,
            "counts": {"for": counts.for_, "against": counts.against, "abstain": counts.abstain},
            "result": digest,
        }
        return self._item(
            "council.approve/1", payload, id, {"reason": reason} if reason else {}, seen=True, page=page
        )

    async def return_(self, id: str, account: str, reason: str) -> Item:
        page = await self._page(id, account)
        self._live(page, "open", "decided")
        self._chairs(page)
        payload: dict[str, Value] = {"matter": id, "round": page.line.round}
        return self._item("council.return/1", payload, id, {"reason": reason})

    async def propose(self, account: str, proposal: Proposal) -> Item:
        """Raises NotPossible; `exclusive_competence` names the matter as the contract would."""

        def check(_: Connection, where: Where) -> None:
            facts = StateFacts(where.state)
            if not facts.constituted():
                raise NotPossible("not_constituted")
            if "council" not in where.viewer.roles:
                raise NotPossible("not_allowed", {"role": "council"})
            if proposal.kind in facts.reserved_matters():
                raise NotPossible("exclusive_competence", {"matter": proposal.kind, "way": "agenda"})
            if proposal.kind == "officer" and "chair" in proposal.roles:
                raise NotPossible("exclusive_competence", {"matter": "chair_election", "way": "agenda"})
            if proposal.kind not in ("free", "officer"):
                raise NotPossible("kind_not_proposable")
            if proposal.kind == "officer":
                self._officer(where, facts, proposal)

        await self.ask(account, check)
        payload: dict[str, Value] = {"kind": proposal.kind}
        if proposal.kind == "officer":
            payload["subject"] = proposal.subject or ""
            if proposal.roles:
                payload["roles"] = list[Value](sorted(proposal.roles))
        private = {"title": proposal.title, "text": proposal.text}
        return self._item("council.propose/1", payload, self._own(), private)

    def _officer(self, where: Where, facts: StateFacts, proposal: Proposal) -> None:
        if proposal.subject is None or not GIVEN_OFFICES.issuperset(proposal.roles):
            raise NotPossible("officer_incomplete")
        if not facts.knows_account(proposal.subject):
            raise NotPossible("unknown_account")
        held = View(where.state, council.DOMAIN).get("office", proposal.subject, Office)
        if not proposal.roles and held is None:
            raise NotPossible("officer_incomplete")

    async def _page(self, id: str, account: str) -> MatterPage:
        page = await self.matter(id, account)
        if page is None:
            raise NotPossible("unknown_matter")
        return page

    def _live(self, page: MatterPage, *statuses: str) -> None:
        if page.line.status not in statuses:
            raise NotPossible("matter_closed", {"status": page.line.status})

    def _chairs(self, page: MatterPage) -> None:
        if not page.may_sign:
            settled = page.line.status == "decided" or page.line.tally.settled
            raise NotPossible("not_allowed" if settled else "not_settled", {"role": "chair"})

    def _item(
        self,
        type: str,
        payload: dict[str, Value],
        sub: str,
        private: Mapping[str, str] | None = None,
        *,
        seen: bool = False,
        page: MatterPage | None = None,
    ) -> Item:
        fields = tuple(item.name for item in registry.TYPES[type].private)
        return Item(
            type,
            payload,
            sub,
            self._own(),
            private=dict(private or {}) if fields else None,
            private_fields=fields,
            seen=seen,
        )

    def _own(self) -> str:
        own = self.node.cooperative
        if own is None:
            raise NotPossible("not_founded")
        return own

    # -- minutes ---------------------------------------------------------------------------------------

    async def minutes_data(
        self, id: str, account: str | None, locale: Locale, *, extract: bool = False
    ) -> Minutes | None:
        """What stands in the minutes of a decision; None while there is none."""
        return await self.ask(
            account, lambda connection, where: minutes.made(connection, where, id, locale, extract=extract)
        )

    async def print(self, made: Minutes, locale: Locale) -> bytes:
        return await self.node.in_thread(printing.pdf, made, locale)
