"""All that slices tell, and what a row of the outbox says of it."""

from __future__ import annotations

from typing import Any, Final

from coopnode.accounts import letters as accounts
from coopnode.app import Node
from coopnode.council import letters as council
from coopnode.importing import letters as importing
from coopnode.letters import News
from coopnode.membership import letters as membership
from coopnode.membership import request_letters as requests
from coopnode.outbox import Kind, Receiver
from coopnode.robot import letters as robot
from coopnode.store.sql import Connection, Row
from protocol import encoding
from protocol.wording import Locale

KINDS: Final[tuple[Kind, ...]] = (
    membership.KIND,
    requests.KIND,
    council.KIND,
    accounts.KIND,
    importing.KIND,
    robot.KIND,
)
_BY_NAME: Final = {kind.name: kind for kind in KINDS}


def told(connection: Connection, node: Node, row: Row[Any], locale: Locale) -> News | None:
    """What a row of the outbox says to its receiver as things stand now; None when what it was about is no
    longer there."""
    kind = _BY_NAME.get(row.kind)
    body: Any = encoding.decode(row.body)
    to = Receiver(row.receiver, row.audience or "", locale)
    return kind.tell(node, connection, body, to) if kind is not None else None
