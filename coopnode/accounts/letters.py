"""Letters about keys: to the person at every event, to officers when an account is being recovered (P7)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from coopnode import letters, places
from coopnode.accounts.projection import NOTICE
from coopnode.app import Node
from coopnode.letters import News, Said
from coopnode.membership import queries
from coopnode.outbox import Body, Kind, Receiver
from coopnode.store.sql import Connection
from protocol.contracts.accounts import OBJECTION_WAIT, RECOVERY_WAIT

#: By event, who reads and language; placeholders: at, from, account.
LETTERS: Final = letters.load(__package__)
#: Those in which the person may have something to object to; officers find these accounts on their desk.
_OBJECTED: Final = frozenset(("account.recover/1", "account.object/1"))
_OFFICES: Final = ("secretary", "chair")


def _receivers(node: Node, connection: Connection, body: Body) -> Iterator[Receiver]:
    yield Receiver(body["account"], "person")
    if "officer" in LETTERS[body["type"]]:
        officers = {account for office in _OFFICES for account in queries.officers(node.state, office)}
        for account in sorted(officers - {body["account"]}):
            yield Receiver(account, "officer")


def _tell(node: Node, connection: Connection, body: Body, to: Receiver) -> News:
    account = body["account"]
    place = places.of(node.state)
    facts = {
        "at": letters.clock(body["at"], to.locale, place),
        "from": letters.clock(body["at"] + RECOVERY_WAIT, to.locale, place),
        "decided": letters.clock(body["at"] + OBJECTION_WAIT, to.locale, place),
        "account": f"{account[:4]} {account[4:8]} … {account[-4:]}",
    }
    # Whoever has no key in force cannot sign in: the page of an objection asks for no session.
    path = f"/object/{account}" if body["type"] in _OBJECTED else "/me/keys"
    if to.audience == "officer":
        path = "/desk"
    said = Said(letters.words(LETTERS[body["type"]][to.audience], to.locale), facts, path)
    return News(said, "security", urgent=True)


KIND: Final = Kind(NOTICE, 3 * 86_400, _receivers, _tell)
