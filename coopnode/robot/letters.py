"""To whoever lent the robot a key: what is done with it is done in their name, so they have to know of it."""

from __future__ import annotations

from typing import Final

from coopnode import letters, places
from coopnode.app import Node
from coopnode.letters import News, Said
from coopnode.outbox import Body, Kind, Receiver
from coopnode.robot.projection import LENT
from coopnode.store.sql import Connection

_WORDS: Final = letters.load(__package__)


def _receivers(node: Node, connection: Connection, body: Body) -> list[Receiver]:
    return [Receiver(body["account"])]


def _tell(node: Node, connection: Connection, body: Body, to: Receiver) -> News:
    facts = {"at": letters.clock(body["at"], to.locale, places.of(node.state))}
    said = Said(letters.words(_WORDS["lent"], to.locale), facts, "/council/robot")
    return News(said, "security", urgent=True)


KIND: Final = Kind(LENT, 3 * 86_400, _receivers, _tell)
