"""Letters about what became of a member's request to the council: to the member; and to those who keep the
register and return the share, when membership has ended."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from coopnode import letters, places
from coopnode.app import Node
from coopnode.letters import News, Said
from coopnode.membership import queries
from coopnode.membership.projection import ANSWER
from coopnode.outbox import Body, Kind, Receiver
from coopnode.store.sql import Connection
from protocol.contract import View
from protocol.contracts import membership
from protocol.contracts.membership import Request

_WORDS: Final = letters.load(__package__)
#: By kind of the request, how it ended, who reads and language; placeholders: number (of the petition; of who
#: has left in the register), day.
LETTERS: Final = _WORDS["requests"]
_OFFICES: Final = ("secretary", "accountant")


def _receivers(node: Node, connection: Connection, body: Body) -> Iterator[Receiver]:
    request = _request(node, body)
    if request is None:
        return
    yield Receiver(request.account, "member")
    if "former" in body:
        accounts = {account for office in _OFFICES for account in queries.officers(node.state, office)}
        for account in sorted(accounts - {request.account}):
            yield Receiver(account, "officer")


def _tell(node: Node, connection: Connection, body: Body, to: Receiver) -> News | None:
    request = _request(node, body)
    if request is None or request.ended_at is None:
        return None
    former = body.get("former")
    facts = {
        "number": str(request.index if former is None else former),
        "day": letters.day(request.ended_at, to.locale, places.of(node.state)),
    }
    words = letters.words(LETTERS[request.kind][request.status][to.audience], to.locale)
    if to.audience == "officer":
        return News(Said(words, facts, f"/members/{former}"), "desk")
    return News(Said(words, facts, "/me/requests"), "membership")


def _request(node: Node, body: Body) -> Request | None:
    return View(node.state, membership.DOMAIN).get("request", body["request"], Request)


KIND: Final = Kind(ANSWER, 3 * 86_400, _receivers, _tell)
