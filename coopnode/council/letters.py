"""Letters of the council: to whoever has something to do and has not done it.

Subjects and texts say that something waits, never what or about whom.
"""

from __future__ import annotations

from typing import Final

from coopnode import letters, places
from coopnode.app import Node
from coopnode.council.projection import LETTER
from coopnode.council.queries import votes_in
from coopnode.letters import Said
from coopnode.outbox import Body, Kind, Receiver
from coopnode.store.sql import Connection
from protocol.contract import View
from protocol.contracts import council
from protocol.contracts.council import Holder, Matter
from protocol.decisions import Ballot

#: By event and language; placeholder: day, the end of the vote or of the chair's time to sign.
LETTERS: Final = letters.load(__package__)


def _receivers(node: Node, connection: Connection, body: Body) -> list[Receiver]:
    return [Receiver(account) for account in _waited_for(View(node.state, council.DOMAIN), body)]


def _waited_for(view: View, body: Body) -> list[str]:
    """Accounts, as the matter stands now."""
    matter = view.get("matter", body["matter"], Matter)
    if matter is None or matter.box.round != body["round"]:
        return []
    if body["event"] == "decided":
        chair = council.chair(view)
        return [chair] if matter.status == "decided" and chair else []
    if matter.status != "open":
        return []
    prefix = f"{body['matter']}/{matter.box.round}/"
    voters = [account for account, _ in view.scan("holder", "", Holder) if votes_in(view, account, matter)]
    return [account for account in voters if view.get("ballot", prefix + account, Ballot) is None]


def _write(node: Node, connection: Connection, body: Body, to: Receiver) -> Said | None:
    view = View(node.state, council.DOMAIN)
    matter = view.get("matter", body["matter"], Matter)
    # The first try may be days ago: who has acted since is not written to.
    if matter is None or to.account not in _waited_for(view, body):
        return None
    facts = {"day": letters.day(matter.sign_by or matter.box.closes, to.locale, places.of(node.state))}
    return Said(letters.words(LETTERS[body["event"]], to.locale), facts, f"/council/{body['matter']}")


KIND: Final = Kind(LETTER, 2 * 86_400, _receivers, _write)
