"""Letters of the council: to whoever has something to do and has not done it.

Subjects and texts say that something waits, never what or about whom.
"""

from __future__ import annotations

from typing import Final

from coopnode import letters, places
from coopnode.app import Node
from coopnode.council.projection import LETTER
from coopnode.council.queries import votes_in
from coopnode.letters import Date, News, Said
from coopnode.outbox import Body, Kind, Receiver
from coopnode.store.sql import Connection
from protocol import wording
from protocol.contract import View
from protocol.contracts import council
from protocol.contracts.council import Holder, Matter
from protocol.decisions import Ballot

_WORDS: Final = letters.load(__package__)
#: By event and language; placeholder: day, the end of the vote or of the chair's time to sign.
LETTERS: Final = {name: words for name, words in _WORDS.items() if name != "dates"}
_DATES: Final = _WORDS["dates"]
#: News of a vote that ends by then does not wait for the morning; the reminder is of that moment.
_URGENT: Final = 86_400


def _receivers(node: Node, connection: Connection, body: Body) -> list[Receiver]:
    """The electorate of the round, or whoever signs; who of them has acted is found when they are told."""
    view = View(node.state, council.DOMAIN)
    matter = view.get("matter", body["matter"], Matter)
    if matter is None or matter.box.round != body["round"]:
        return []
    if body["event"] == "decided":
        return [Receiver(account) for account in sorted(council.signers(view, matter))]
    holders = view.scan("holder", "", Holder)
    return [Receiver(account) for account, _ in holders if votes_in(view, account, matter)]


def _waits_for(view: View, matter: Matter, body: Body, account: str) -> bool:
    """As the matter stands now."""
    if matter.box.round != body["round"]:
        return False
    if body["event"] == "decided":
        return matter.status == "decided" and account in council.signers(view, matter)
    key = f"{body['matter']}/{matter.box.round}/{account}"
    return (
        matter.status == "open"
        and votes_in(view, account, matter)
        and view.get("ballot", key, Ballot) is None
    )


def _tell(node: Node, connection: Connection, body: Body, to: Receiver) -> News | None:
    view = View(node.state, council.DOMAIN)
    matter = view.get("matter", body["matter"], Matter)
    if matter is None:
        return None
    signing = body["event"] == "decided"
    at = matter.sign_by if signing and matter.sign_by else matter.box.closes
    words = letters.words(LETTERS[body["event"]], to.locale)
    said = Said(
        words, {"day": letters.day(at, to.locale, places.of(node.state))}, f"/council/{body['matter']}"
    )
    name = "sign" if signing else "vote"
    date = Date(
        f"council/{body['matter']}/{name}", at, wording.said(_DATES[name], to.locale), matter.box.round
    )
    concerns = _waits_for(view, matter, body, to.account)
    urgent = at - node.clock.peek() <= _URGENT
    return News(said, "votes", concerns=concerns, urgent=urgent, date=date)


KIND: Final = Kind(LETTER, 2 * 86_400, _receivers, _tell)
