"""The robot at work: sends applications on, votes for them and approves them, as far as keys were lent.

It runs in the process that writes the log, after commits that may give it something to do. It asks the state
what may be done, leaves alone what a person should look at (`doubts`), and submits like everybody else: what
the contract refuses is not done, and not tried again before something changes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from coopnode import places
from coopnode.answers import Committed
from coopnode.app import Leader
from coopnode.membership import queries as membership
from coopnode.membership.people import Names
from coopnode.membership.projection import applications
from coopnode.robot import keys
from coopnode.robot.doubts import SERIOUS, Where, doubts
from coopnode.search.people import NotReady
from coopnode.store.sql import Connection, select
from protocol import checkpoints, commitments, decisions, documents, encoding, registry, signatures
from protocol.contract import View
from protocol.contracts import council
from protocol.contracts.council import Automation, Delegation, Holder, Lent, Matter
from protocol.contracts.council.statements import RobotAct
from protocol.decisions import Ballot
from protocol.documents import Seen
from protocol.encoding import Value
from protocol.identifiers import identifier, origin

log = structlog.get_logger()

#: Acts of one turn; the commit they lead to begins the next one.
_ACTS_AT_ONCE: Final = 100
_LIFETIME: Final = 900
#: Seconds until what was refused (for today's number is used up, say) is tried again.
_AGAIN: Final = 600


@dataclass(frozen=True, slots=True)
class Act:
    """One statement to be made. `case` is the application's id."""

    account: str
    kid: bytes
    approval: bytes
    type: str
    sub: str
    fields: Mapping[str, Value]
    case: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.account, self.type, self.sub


class KeyElsewhere(Exception):
    """The seed behind a lent key is not of this node."""


class Worker:
    """One per node that writes."""

    def __init__(self, node: Leader) -> None:
        self._node = node
        self._names = Names(node.vault)
        #: what was refused, and when to try again, by `Act.key`
        self._refused: dict[tuple[str, str, str], int] = {}
        self._seeds: dict[bytes, bytes] = {}

    async def work(self) -> int:
        """Does what can be done now; how many acts were committed."""
        done, now = 0, self._node.clock.peek()
        self._refused = {key: until for key, until in self._refused.items() if until > now}
        for act in await self._node.database.read(self._due):
            try:
                signed = await self._node.in_thread(self._signed, act)
            except KeyElsewhere:  # made by hand or by another node: this one cannot use it
                code = "key_elsewhere"
            else:
                answer = await self._node.engine.submit(*signed)
                if isinstance(answer, Committed):
                    done += 1
                    continue
                code = getattr(answer, "code", "")
            self._refused[act.key] = now + _AGAIN
            log.info("the robot was refused", type=act.type, code=code)
        return done

    # -- what may be done ------------------------------------------------------------------------------

    def _due(self, connection: Connection) -> list[Act]:
        view = View(self._node.state, council.DOMAIN)
        now = max(self._node.engine.head.tick, self._node.clock.peek())
        automation = council.in_force(view, now)
        if automation is None:
            return []
        lent = list(_lent(view, automation, now))
        found: list[Act] = []
        clear = self._clear(connection, now)
        waiting = self._to_complete(connection, view, lent, now)
        for act in (*waiting, *self._in_council(view, lent, automation, now)):
            if len(found) == _ACTS_AT_ONCE:
                break
            if act.key not in self._refused and clear(act.case):
                found.append(act)
        return found

    def _clear(self, connection: Connection, now: int) -> Callable[[str], bool]:
        """Whether nothing about an application asks for a person's eyes; looked at once a turn."""
        where = Where(self._node.vault, self._node.people, self._names, now, places.of(self._node.state))
        known: dict[str, bool] = {}

        def clear(id: str) -> bool:
            if id not in known:
                found = membership.application_by_id(connection, id)
                try:
                    raised = doubts(connection, where, found) if found else ["unreadable"]
                except NotReady:
                    raised = ["unreadable"]  # for now: the index of people is being filled
                known[id] = SERIOUS.isdisjoint(raised)
            return known[id]

        return clear

    def _to_complete(
        self, connection: Connection, view: View, lent: list[tuple[str, bytes, Delegation]], now: int
    ) -> Iterator[Act]:
        """Identified applications, the oldest first, by the first lender whose key was not refused."""
        able = [each for each in lent if _may(view, each, "complete", now)]
        if not able:
            return
        query = select(applications.c.id, applications.c.digest, applications.c.applicant).where(
            applications.c.status == "identified"
        )
        for row in connection.execute(query.order_by(applications.c.idx)):
            fields: dict[str, Value] = {"re": [row.digest]}
            for account, kid, delegation in able:
                act = Act(account, kid, delegation.approval, "membership.complete/1", row.id, fields, row.id)
                if account != row.applicant and act.key not in self._refused:
                    yield act
                    break

    def _in_council(
        self, view: View, lent: list[tuple[str, bytes, Delegation]], automation: Automation, now: int
    ) -> Iterator[Act]:
        for id, _ in view.scan("live", "", council.Live):
            matter = view.need("matter", id, Matter)
            if matter.kind not in automation.terms.kinds or not matter.re:
                continue
            case = identifier(matter.re[0])
            for each in lent:
                if (act := _vote(view, id, matter, each, case, now)) is not None:
                    yield act
            for each in lent:
                act = self._approval(view, id, matter, each, case, now)
                if act is not None and act.key not in self._refused:
                    yield act
                    break

    def _approval(
        self, view: View, id: str, matter: Matter, lent: tuple[str, bytes, Delegation], case: str, now: int
    ) -> Act | None:
        account, kid, delegation = lent
        if account not in council.signers(view, matter) or not _may(view, lent, "approve", now):
            return None
        ballot = view.get("ballot", f"{id}/{matter.box.round}/{matter.chair}", Ballot)
        cast = decisions.counting(ballot) if ballot else None
        choice = cast.choice if cast else None
        counts, size = matter.box.counts, matter.box.electorate.size
        ready = matter.status == "decided" or decisions.settled(matter.rule, counts, size, choice)
        if not ready or decisions.outcome(matter.rule, counts, size, choice) != "adopted":
            return None
        if self._node.publisher.published <= matter.box.electorate.index:
            return None  # the chair's signature names a published tree that holds the matter (P3)
        fields: dict[str, Value] = {
            "matter": id,
            "round": matter.box.round,
            "outcome": "adopted",
            "counts": {"for": counts.for_, "against": counts.against, "abstain": counts.abstain},
            "result": council.result(view, id),
        }
        return Act(account, kid, delegation.approval, "council.approve/1", id, fields, case)

    # -- signing ---------------------------------------------------------------------------------------

    def _signed(self, act: Act) -> tuple[bytes, bytes | None]:
        """(statement, private record) by the lent key."""
        own = self._node.cooperative
        assert own is not None
        if act.kid not in self._seeds:
            found = keys.find(self._node.keys.vault, act.account, act.approval, act.kid)
            if found is None:
                raise KeyElsewhere
            self._seeds[act.kid] = found
        seed = self._seeds[act.kid]
        now = self._node.clock.peek()
        kind = registry.TYPES[act.type]
        root = record = None
        if kind.private:
            names = [item.name for item in kind.private]
            root, made = commitments.commit(act.type, names, {}, {name: os.urandom(32) for name in names})
            record = encoding.encode(made, limit=2**16)
        header = documents.statement_header(
            kid=act.kid,
            iss=act.account,
            sub=act.sub,
            aud=own,
            iat=now,
            exp=now + _LIFETIME,
            cti=os.urandom(16),
            seen=self._seen(own) if kind.seen else None,
        )
        payload = documents.payload_bytes(act.type, dict(act.fields), root)
        signature = signatures.sign(seed, documents.sig_structure(header, payload))
        return documents.assemble(header, payload, signature), record

    def _seen(self, own: str) -> Seen:
        """The checkpoint this node published last."""
        note = self._node.files.checkpoint()
        assert note is not None, "looked for before"
        found, signature = checkpoints.log_signature(note)
        generation = self._node.engine.head.generation
        assert found.origin == origin(own, generation)
        return Seen(generation, found.size, found.root, signature)


def _lent(view: View, automation: Automation, now: int) -> Iterator[tuple[str, bytes, Delegation]]:
    """(account, kid, delegation) of the keys that may be used now."""
    for account, lent in view.scan("lent", "", Lent):
        found = view.need("delegation", lent.kid.hex(), Delegation)
        if found.approval == automation.approval and now <= found.until:
            yield account, lent.kid, found


def _may(view: View, lent: tuple[str, bytes, Delegation], act: RobotAct, now: int) -> bool:
    account, kid, delegation = lent
    if act not in delegation.acts:
        return False
    type = next(type for type, name in council.ACTS.items() if name == act)
    return council.robot_status(view, account, kid, type, now) is None


def _vote(
    view: View, id: str, matter: Matter, lent: tuple[str, bytes, Delegation], case: str, now: int
) -> Act | None:
    """For somebody who has a vote here and has not used it: whoever has voted in person is left alone."""
    account, kid, delegation = lent
    holder = view.get("holder", account, Holder)
    if matter.status != "open" or holder is None or not holder.voting:
        return None
    if holder.index > matter.box.electorate.index or not _may(view, lent, "vote", now):
        return None
    if view.get("ballot", f"{id}/{matter.box.round}/{account}", Ballot) is not None:
        return None
    fields: dict[str, Any] = {"matter": id, "round": matter.box.round, "choice": "for", "sequence": 0}
    return Act(account, kid, delegation.approval, "council.vote/1", id, fields, case)
