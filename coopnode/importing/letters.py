"""A letter to somebody who was invited and has no key yet. It cannot hold the code: only the inviter's
browser knows it (ADR 2). It says that an invitation was made and where its code is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from coopnode import letters
from coopnode.founding.drafts import DraftBox
from coopnode.importing import queries
from coopnode.importing.drafts import CONTACTS
from coopnode.letters import News, Said
from coopnode.membership.projection import register
from coopnode.outbox import Body, Kind, Receiver
from coopnode.store.sql import Connection, select

if TYPE_CHECKING:
    from coopnode.app import Node

REMINDER: Final = "importing.reminder"
_WORDS: Final = letters.load(__package__)


def _address(node: Node, connection: Connection, body: Body) -> str | None:
    box = DraftBox(node.keys.session, CONTACTS)
    return queries.contacts(connection, box, body["number"]).email or None


def _tell(node: Node, connection: Connection, body: Body, to: Receiver) -> News:
    """Nothing to whoever has confirmed meanwhile. Both languages: nobody knows yet which one they read."""
    here = (register.c.number == body["number"], register.c.to_idx.is_(None))
    status = connection.execute(select(register.c.status).where(*here)).scalar_one_or_none()
    said = Said(_WORDS["reminder"], {"address": f"{node.config.signing_url}/#i"})
    return News(said, "membership", concerns=status == "invited")


KIND: Final = Kind(REMINDER, 3 * 86_400, lambda *_: (), _tell, _address)
