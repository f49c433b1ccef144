"""Letters of joining: to the applicant at every step, to the officer whose turn it is; and the code."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from coopnode import letters, places
from coopnode.app import Node
from coopnode.letters import Date, News, Said
from coopnode.mail import Letter, Mailer
from coopnode.membership import queries
from coopnode.membership.projection import LETTER
from coopnode.outbox import Body, Kind, Receiver
from coopnode.printing import money
from coopnode.store.sql import Connection
from protocol import wording
from protocol.wording import Locale

_WORDS: Final = letters.load(__package__)
#: By status of the application, who reads and language; placeholders: number, decide_by, pay_by, amount.
LETTERS: Final = _WORDS["letters"]
#: By language; placeholder: code.
CODE: Final = _WORDS["code"]
_PAY: Final = _WORDS["dates"]["pay"]


def _receivers(node: Node, connection: Connection, body: Body) -> Iterator[Receiver]:
    application = queries.application_by_id(connection, body["application"])
    if application is None:
        return
    state = node.state
    for audience in LETTERS.get(body["status"], ()):
        if audience == "applicant":
            yield Receiver(application.applicant, audience)
            continue
        offices = queries.rules(state).identify_roles if audience == "registrar" else (audience,)
        accounts = {account for office in offices for account in queries.officers(state, office)}
        # Nobody attests their own: they get the applicant's letter only.
        for account in sorted(accounts - {application.applicant}):
            yield Receiver(account, audience)


def _tell(node: Node, connection: Connection, body: Body, to: Receiver) -> News | None:
    application = queries.application_by_id(connection, body["application"])
    if application is None:
        return None
    place = places.of(node.state)
    facts = {
        "number": str(application.number),
        "amount": money(application.total, application.currency),
        "decide_by": letters.day(application.decide_by, to.locale, place),
        "pay_by": letters.day(application.pay_by, to.locale, place) if application.pay_by else "",
    }
    page = "/join/status" if to.audience == "applicant" else f"/desk/applications/{application.number}"
    if body["status"] == "member":
        page = "/me/membership"
    said = Said(letters.words(LETTERS[body["status"]][to.audience], to.locale), facts, page)
    moved_on = application.status != body["status"]
    if to.audience != "applicant":
        return News(said, "desk", concerns=not moved_on)
    date = None
    if body["status"] == "admitted" and application.pay_by:
        date = Date(f"application/{application.id}/pay", application.pay_by, wording.said(_PAY, to.locale))
    # A step that another has overtaken is past: what came of it stands in the next letter.
    return News(said, "membership", concerns=not moved_on, date=date)


KIND: Final = Kind(LETTER, 3 * 86_400, _receivers, _tell)


async def send_code(
    mailer: Mailer, address: str, digits: str, *, house: str, locale: Locale, now: int
) -> None:
    """At once and not through the outbox: somebody waits for it before the page, and can ask again. Raises
    MailError."""
    subject, text = letters.render(
        letters.words(CODE, locale), {"code": digits}, house=house, link="", locale=locale
    )
    await mailer.send(Letter(address, subject, text), now=now)
