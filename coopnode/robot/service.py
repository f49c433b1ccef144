"""Commands about the robot: what is signed to let it work, to lend it a key, to take that back (R83–R85)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeVar

from coopnode.app import Node
from coopnode.council.queries import Where
from coopnode.council.service import Council, NotPossible
from coopnode.robot import keys, queries
from coopnode.robot.queries import Overview, Review, Simulation
from coopnode.signing import Item
from coopnode.store.sql import Connection
from protocol.contract import View
from protocol.contracts import council
from protocol.contracts.council import Automation
from protocol.contracts.council.automation import MAX_TERM
from protocol.contracts.council.statements import AutomationTerms, RobotAct
from protocol.encoding import Value
from protocol.registry import StateFacts

R = TypeVar("R")
#: A new decision is proposed for so long unless somebody says otherwise.
USUAL_DAYS: Final = 180
DAY: Final = 86_400


class Robot:
    """One per application."""

    def __init__(self, node: Node, table: Council) -> None:
        self.node, self._table = node, table

    async def _ask(self, account: str | None, query: Callable[[Connection, Where], R]) -> R:
        return await self._table.ask(account, query)

    async def overview(self, account: str) -> Overview:
        return await self._ask(account, queries.overview)

    async def review(self, account: str, start: int, stop: int) -> Review:
        people = self.node.people
        return await self._ask(
            account, lambda connection, where: queries.review(connection, where, people, start, stop)
        )

    async def simulate(self, account: str, terms: AutomationTerms) -> Simulation:
        people = self.node.people
        return await self._ask(
            account, lambda connection, where: queries.simulate(connection, where, people, terms)
        )

    def latest(self) -> int:
        """The last moment a decision of today could name."""
        return self.node.clock.peek() + MAX_TERM - DAY

    async def usual(self) -> AutomationTerms:
        """What the form begins with: ordinary applicants, a careful number a day, half a year."""
        chair = await self._ask(None, lambda _, where: _chair_may(where))
        until = self.node.clock.peek() + USUAL_DAYS * DAY
        day = datetime.fromtimestamp(until, UTC).replace(hour=20, minute=59, second=59)
        return AutomationTerms(("admission",), ("person",), 1, 20, int(day.timestamp()), chair)

    # -- what is signed --------------------------------------------------------------------------------

    async def propose(self, account: str, terms: AutomationTerms | None, title: str, text: str) -> Item:
        """A matter of the council: these terms, or that nothing is left to the robot any more."""

        def check(_: Connection, where: Where) -> None:
            facts = StateFacts(where.state)
            if not facts.constituted():
                raise NotPossible("not_constituted")
            if "council" not in where.viewer.roles:
                raise NotPossible("not_allowed", {"role": "council"})
            allowed = set(facts.parameter("council.auto.types"))
            if terms is not None and (
                not set(terms.kinds) <= allowed or (terms.chair and not _chair_may(where))
            ):
                raise NotPossible("not_automatable")
            if terms is not None and terms.until <= where.now:
                raise NotPossible("until_passed")
            if terms is not None and terms.until > where.now + MAX_TERM:
                raise NotPossible("term_too_long")

        await self._ask(account, check)
        payload: dict[str, Value] = {"kind": "automation"}
        if terms is not None:
            payload["automation"] = _terms(terms)
        return self._item("council.propose/1", payload, {"title": title, "text": text}, ("title", "text"))

    async def lend(self, account: str, acts: tuple[RobotAct, ...], until: int, max_sum: int | None) -> Item:
        """A key of its own, made by the node for this person and this decision."""

        def make(_: Connection, where: Where) -> dict[str, Value]:
            view = View(where.state, council.DOMAIN)
            automation = council.in_force(view, where.now)
            if automation is None:
                raise NotPossible("automation_ended")
            for act in acts:
                if queries.OFFICES[act] not in where.viewer.roles:
                    raise NotPossible("not_allowed", {"role": queries.OFFICES[act]})
            if not acts:
                raise NotPossible("invalid_field", {"field": "acts"})
            if "approve" in acts and not automation.terms.chair:
                raise NotPossible("robot_not_allowed")
            if not where.now < until <= automation.terms.until:
                raise NotPossible("until_passed" if until <= where.now else "term_too_long")
            kid, proof = keys.fresh(self.node.keys.vault, view, account, automation.approval)
            payload: dict[str, Value] = {
                "re": [automation.approval],
                "key": kid,
                "proof": proof,
                "acts": list[Value](sorted(acts)),
                "until": until,
            }
            return payload | ({"max_sum": max_sum} if max_sum is not None else {})

        return self._item("council.delegate/1", await self._ask(account, make))

    async def take_back(self, account: str) -> Item:
        def digest(_: Connection, where: Where) -> bytes:
            found = council.delegation(View(where.state, council.DOMAIN), account)
            if found is None:
                raise NotPossible("unknown_delegation")
            return found[1].digest

        return self._item("council.undelegate/1", {"re": [await self._ask(account, digest)]})

    async def stop(self, account: str) -> Item:
        """The robot as a whole, at once, by any voter of the council."""

        def approval(_: Connection, where: Where) -> bytes:
            if where.viewer.roles.isdisjoint(("council", "chair")):
                raise NotPossible("not_allowed", {"role": "council"})
            found = View(where.state, council.DOMAIN).get("automation", "current", Automation)
            if found is None or found.stopped_at is not None:
                raise NotPossible("automation_ended")
            return found.approval

        return self._item("council.undelegate/1", {"re": [await self._ask(account, approval)]})

    def _item(
        self,
        type: str,
        payload: dict[str, Value],
        private: dict[str, str] | None = None,
        fields: tuple[str, ...] = (),
    ) -> Item:
        own = self.node.cooperative
        if own is None:
            raise NotPossible("not_founded")
        return Item(type, payload, own, own, private=private, private_fields=fields)


def _chair_may(where: Where) -> bool:
    return bool(StateFacts(where.state).parameter("council.auto.chair_approval"))


def _terms(terms: AutomationTerms) -> dict[str, Value]:
    found: dict[str, Value] = {
        "kinds": list[Value](terms.kinds),
        "persons": list[Value](terms.persons),
        "level": terms.level,
        "per_day": terms.per_day,
        "until": terms.until,
        "chair": terms.chair,
    }
    return found | ({"max_sum": terms.max_sum} if terms.max_sum is not None else {})
