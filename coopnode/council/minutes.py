"""«Протокол решения совета»: the printed form of one decision, made of the log and of what the reader may
see.

The number is the place among the chair's signatures in this log: whoever holds the log prints the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from coopnode import places, printing
from coopnode.council import queries
from coopnode.council.queries import MatterPage, Where
from coopnode.membership.queries import officers
from coopnode.places import Place
from coopnode.printing import Issuer, Minutes, Proof
from coopnode.store.sql import Connection
from protocol import wording
from protocol.contract import View
from protocol.contracts import cooperative, council
from protocol.identifiers import fingerprint
from protocol.wording import Locale

#: The sentence of a decision on an admission, by outcome; other decisions carry their own text.
_ADMISSION: Final = {
    "ru": ("О приёме в пайщики: {name}", "Принять в пайщики: {name}.", "Отказать в приёме: {name}."),
    "en": ("Admission of a member: {name}", "To admit as a member: {name}.", "To refuse admission: {name}."),
}
_EXIT: Final = {
    "ru": (
        "О выходе из кооператива: {name}",
        "Прекратить членство по заявлению о выходе: {name}.",
        "Отклонить заявление о выходе: {name}.",
    ),
    "en": (
        "Leaving the cooperative: {name}",
        "To end the membership on the member's application: {name}.",
        "To refuse the application to leave: {name}.",
    ),
}
_CLOSED: Final = {
    "ru": ("вопрос № {idx}", "Текст вопроса доступен членам совета."),
    "en": ("matter No. {idx}", "The text of the matter is open to council members."),
}


def made(
    connection: Connection, where: Where, id: str, locale: Locale, *, extract: bool = False
) -> Minutes | None:
    """None for a matter without a decision. Names stand there as far as the reader may see them."""
    page = queries.matter(connection, where, id)
    decision = queries.decision(connection, matter=id)
    if page is None or decision is None or page.approval is None:
        return None
    own = cooperative.cooperative(View(where.state, cooperative.DOMAIN))
    assert own is not None, "a log with decisions has a cooperative"
    place = places.of(where.state)
    moment = place.at
    title, text = _subject(page, locale)
    result = council.result(View(where.state, council.DOMAIN), id)
    counts = page.line.tally.counts
    signed = moment(decision.at)
    secretaries = where.names.of_accounts(connection, officers(where.state, "secretary"), where.viewer)
    return Minutes(
        issuer=Issuer(own.name, own.inn or "", own.ogrn or "", russian=place.local.numbers == "ru"),
        number=decision.number,
        title=title,
        text=text,
        round=page.line.round,
        opened=moment(page.matter.box.opens),
        closed=moment(min(page.line.closes, decision.at)),
        electorate=page.line.tally.size,
        quorum=page.line.tally.needed,
        counts=(counts.for_, counts.against, counts.abstain),
        votes=() if extract else _votes(page, place, locale),
        outcome=decision.outcome,
        chair=page.chair or short(decision.by),
        signed=signed,
        issued=signed.date(),
        matter_fingerprint=fingerprint(page.line.digest),
        result_fingerprint=fingerprint(result),
        proof=Proof(
            f"{own.public_url}/verify/{decision.digest.hex()}", fingerprint(decision.digest), decision.idx
        ),
        reason=(page.reason or "") if decision.outcome == "rejected" else "",
        extract=extract,
        secretary=next((name for name in secretaries.values() if name), "") if extract else "",
        robot=page.by_robot,
    )


def _subject(page: MatterPage, locale: Locale) -> tuple[str, tuple[str, ...]]:
    line = page.line
    if line.kind == "admission":
        name = line.name or short(line.subject or "")
        head, admit, refuse = (words.format(name=name) for words in _in(_ADMISSION, locale))
        return head, (refuse if line.outcome == "rejected" else admit,)
    if line.kind == "exit":
        name = line.name or short(line.subject or "")
        head, ends, stays = (words.format(name=name) for words in _in(_EXIT, locale))
        return head, (stays if line.outcome == "rejected" else ends,)
    closed, nothing = _in(_CLOSED, locale)
    text = tuple(part.strip() for part in (page.text or nothing).split("\n\n") if part.strip())
    return line.title or closed.format(idx=line.idx), text


def _votes(page: MatterPage, place: Place, locale: Locale) -> tuple[printing.Vote, ...]:
    return tuple(
        printing.Vote(
            vote.name or short(vote.account),
            ", ".join(wording.role(role, locale) for role in vote.roles if role != "member"),
            vote.choice,
            place.at(vote.at) if vote.at is not None else None,
            vote.robot,
        )
        for vote in page.votes
        if vote.account is not None
    )


def _in(found: Mapping[Locale, tuple[str, ...]], locale: Locale) -> tuple[str, ...]:
    return found.get(locale) or tuple(wording.translated(text, locale) for text in found["en"])


def short(account: str) -> str:
    """An account for people who may not see the name."""
    return f"{account[:4]} {account[4:8]} … {account[-4:]}" if account else "—"
