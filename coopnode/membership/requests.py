"""What members ask of the council, as pages show it: petitions and leaving (SPEC §8.3.1).

The state has each request under its id; here stands only which are whose, and in which order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from coopnode import private_records
from coopnode.membership import queries
from coopnode.membership.people import Viewer
from coopnode.membership.projection import REQUESTS, requests
from coopnode.membership.service import Membership, NotPossible
from coopnode.signing import SELF, Item
from coopnode.store.sql import Connection, select
from protocol.contract import Money, View
from protocol.contracts import cooperative, membership
from protocol.contracts.membership import Asking, Member, Request
from protocol.encoding import Value
from protocol.registry import StateFacts

MAX_TITLE: Final = 200
MAX_TEXT: Final = 20_000
PAGE: Final = 50

# --- looking --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RequestLine:
    """`title` and `text` as far as the reader may see them; a leave has a reason instead of a text."""

    id: str
    idx: int
    kind: Literal["petition", "exit"]
    digest: bytes
    asked_at: int
    decide_by: int
    status: Literal["open", "adopted", "rejected", "undecided", "withdrawn"]
    decision: bytes | None
    ended_at: int | None
    title: str | None
    text: str | None
    #: the chair's explanation of a refusal
    answer: str | None


@dataclass(frozen=True, slots=True)
class Leaving:
    """What somebody should know before asking to leave."""

    number: int
    since: int
    #: as attested when it was paid, or by the opening balances; None where the node has no figure
    share: Money | None
    decide_days: int
    return_months: int
    law: str
    offices: tuple[str, ...]
    open: str | None


class Requests:
    """One for a node: over the service of the slice."""

    def __init__(self, slice: Membership) -> None:
        self._slice, self._node = slice, slice.node

    async def mine(self, account: str) -> list[RequestLine]:
        """The newest first."""

        def query(connection: Connection) -> list[RequestLine]:
            own = select(requests.c.id, requests.c.idx).where(requests.c.account == account)
            found = connection.execute(own.order_by(requests.c.idx.desc()).limit(PAGE)).all()
            viewer = Viewer.of(self._node.state, account)
            return [self._line(connection, row.id, row.idx, viewer) for row in found]

        return await self._slice.read(query)

    def _line(self, connection: Connection, id: str, idx: int, viewer: Viewer) -> RequestLine:
        found = View(self._node.state, membership.DOMAIN).need("request", id, Request)
        roles = viewer.reads_as(found.account)
        kind: Literal["petition", "exit"] = "exit" if found.kind == "exit" else "petition"
        vault = self._node.vault
        said = private_records.values(connection, vault, found.digest, REQUESTS[kind], roles) or {}
        answer = None
        if found.decision is not None:
            answer = queries.reason_of(connection, vault, found.decision, "reason", viewer, found.account)
        return RequestLine(
            id,
            idx,
            kind,
            found.digest,
            found.asked_at,
            found.decide_by,
            found.status,
            found.decision,
            found.ended_at,
            said.get("title"),
            said.get("text") or said.get("reason"),
            answer,
        )

    async def leaving(self, account: str) -> Leaving | None:
        """None for whoever is no member."""

        def query(connection: Connection) -> Leaving | None:
            state = self._node.state
            view, facts = View(state, membership.DOMAIN), StateFacts(state)
            member = view.get("member", account, Member)
            if member is None:
                return None
            lines = queries.applications_of(connection, account)
            paid = next((line for line in lines if line.changed_idx == member.index), None)
            asking = view.get("asking", account, Asking)
            pack = cooperative.pack(View(state, cooperative.DOMAIN))
            return Leaving(
                member.number,
                member.since,
                Money(paid.share, paid.currency) if paid else member.opening_share,
                facts.parameter("member.exit_decide_days"),
                facts.parameter("member.share_return_months"),
                pack.parameters["member.exit_decide_days"].law or "",
                tuple(sorted(facts.roles(account))),
                asking.exit if asking else None,
            )

        return await self._slice.read(query)

    # -- what is signed --------------------------------------------------------------------------------

    async def petition(self, account: str, title: str, text: str) -> Item:
        await self._member(account)
        return self._item("petition", {"title": title, "text": text}, ("title", "text"))

    async def leave(self, account: str, reason: str, payout: str) -> Item:
        found = await self._member(account)
        if "chair" in found.offices:
            raise NotPossible("chair_leaves")
        if found.open is not None:
            raise NotPossible("request_open")
        said = {name: value for name, value in (("reason", reason), ("payout", payout)) if value}
        return self._item("exit", said, ("reason", "payout"))

    async def withdrawal(self, account: str, id: str) -> Item:
        """Raises NotPossible."""

        def query(_: Connection) -> Request | None:
            return View(self._node.state, membership.DOMAIN).get("request", id, Request)

        found = await self._slice.read(query)
        if found is None or found.account != account:
            raise NotPossible("not_yours")
        if found.status != "open":
            raise NotPossible("wrong_status", {"status": found.status})
        return Item("membership.withdraw/1", {"re": [found.digest]}, id, self._own())

    async def _member(self, account: str) -> Leaving:
        found = await self.leaving(account)
        if found is None:
            raise NotPossible("not_member")
        return found

    def _item(self, kind: str, private: dict[str, str], fields: Sequence[str]) -> Item:
        payload: dict[str, Value] = {}
        return Item(REQUESTS[kind], payload, SELF, self._own(), private=private, private_fields=tuple(fields))

    def _own(self) -> str:
        own = self._node.cooperative
        if own is None:
            raise NotPossible("not_founded")
        return own
