"""What the pages of joining need of the site: rendering with words, who is signed in, signing requests."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from aiohttp import web

from coopnode.admission import Buckets, token_digest
from coopnode.membership import payments
from coopnode.membership.queries import ApplicationLine, House, Paper
from coopnode.membership.service import Membership, NotPossible
from coopnode.signing import Item
from protocol import registry, wording
from protocol.wording import Locale
from web import forms as site_forms
from web import i18n, rendering, sessions
from web.log.routes import client
from web.membership.forms import MESSAGES
from web.signing.routes import ask

MEMBERSHIP: Final = web.AppKey("membership", Membership)

account = sessions.account
need_account = sessions.need_account
locale = i18n.locale_of

__all__ = [
    "MEMBERSHIP",
    "ApiProblem",
    "Ration",
    "account",
    "begun",
    "client",
    "form",
    "locale",
    "need_account",
    "owner",
    "refused",
    "render",
    "sign",
]


class ApiProblem(Exception):
    """A refusal of the API before any contract was asked; `code` is in `web.problems`."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Ration:
    """How often one network address may do something; kept for each node by itself."""

    def __init__(self, *, burst: float, per_hour: float) -> None:
        self._burst, self._rate = burst, per_hour / 3600

    def allows(self, request: web.Request, name: str) -> bool:
        held = request.app[_RATIONS]
        if name not in held:
            held[name] = Buckets(self._burst, self._rate)
        return held[name].take(client(request)) == 0.0


_RATIONS: Final = web.AppKey("membership_rations", dict[str, Buckets])
_OWNER: Final = "join"


def setup(app: web.Application, service: Membership) -> None:
    app[MEMBERSHIP] = service
    app[_RATIONS] = {}


# --- the browser ----------------------------------------------------------------------------------


async def owner(request: web.Request) -> str:
    """Whose draft it is: a name kept in the session, so that it survives signing in."""
    held = await sessions.recall(request, _OWNER)
    if held is None:
        held = secrets.token_hex(16)
        await sessions.remember(request, _OWNER, held)
    return held


async def begun(request: web.Request) -> str | None:
    """Whose draft it is, when this browser has begun one; looking alone makes no session."""
    return await sessions.recall(request, _OWNER)


async def form(request: web.Request, *, largest: int | None = None) -> site_forms.Fields:
    if largest is not None:
        request = request.clone(client_max_size=largest)
    return await site_forms.form(request)


def forbidden(request: web.Request) -> web.HTTPException:
    return web.HTTPForbidden()


def integer(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdecimal() and len(text) <= 12 else None


async def sign(
    request: web.Request,
    items: Sequence[Item],
    *,
    account: str | None,
    ticket: str | None = None,
    return_to: str,
    cancel: str,
) -> web.StreamResponse:
    """Away to the signing origin."""
    return await ask(
        request,
        "sign",
        items,
        back=return_to,
        cancel=cancel,
        account=account,
        ticket=token_digest(ticket) if ticket else None,
    )


# --- pages ----------------------------------------------------------------------------------------


def translator(request: web.Request) -> Callable[[str], str]:
    return lambda words: i18n.gettext(request, words)


def refused(request: web.Request, error: NotPossible, *, back: str) -> web.Response:
    """A page for what the contract would refuse: what happened, what was not changed, what to do."""
    try:
        words = wording.rejection(error.code, locale(request))
    except KeyError:
        words = ""
    return render(request, "membership/refused.html", status=409, words=words, code=error.code, back=back)


class Lenient(dict[str, Any]):
    """For templates: what was not typed is empty."""

    def __missing__(self, key: str) -> str:
        return ""


def render(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    for name in ("typed", "errors"):
        context[name] = Lenient(context.get(name, {}))
    return rendering.render(request, template, status=status, **{**_words(request), **context})


#: The states of a line of the register → message ids.
_REGISTER: Final = {
    "member": "member",
    "invited": "invited",
    "kept": "kept for a seat of the council",
    "left": "left",
}


def register_word(request: web.Request, status: str) -> str:
    return i18n.gettext(request, _REGISTER[status])


def person_word(request: web.Request, kind: str) -> str:
    return wording.values("membership.apply/1", "person", locale(request))[kind]


def _words(request: web.Request) -> dict[str, Any]:
    """Functions templates call: words of the protocol's data in the reader's language."""
    tongue: Locale = locale(request)

    def status_word(status: str) -> str:
        return wording.state("application", status, tongue)

    def field_title(type: str, name: str) -> str:
        return wording.said(_titles(type)[name], tongue)

    def purpose_word(purpose: str) -> str:
        known = wording.values("consent.give/1", "purpose", tongue)
        return known.get(purpose, purpose)

    def paper_title(paper: Paper) -> str:
        title = wording.title(paper.type, tongue)
        if paper.type == "agreement.sign/1":
            kind, edition = paper.public["kind"], paper.public["edition"]
            words = i18n.gettext(request, "edition %(edition)s", edition=edition)
            return f"{title}: {_agreement(kind, tongue)}, {words}"
        if paper.type == "consent.give/1":
            return f"{title}: {purpose_word(paper.public['purpose'])}"
        return title

    def reasons(paper: Paper) -> str:
        seen = dict.fromkeys(field.reason for field in paper.fields)
        return ", ".join(wording.role(name, tongue) for name in seen)

    def readers(type: str) -> str:
        seen = dict.fromkeys(name for item in registry.TYPES[type].private for name in item.readers)
        return ", ".join(wording.role(name, tongue) for name in seen)

    def shown(name: str, value: str) -> str:
        """Dates as people write them; everything else as it was typed. Not every program writes dates."""
        if name == "birth_date" and re.fullmatch(r"\d{4}-\d{2}-\d{2}", value, re.ASCII):
            year, month, day = value.split("-")
            return f"{day}.{month}.{year}"
        return value

    def first_upper(text: str) -> str:
        return text[:1].upper() + text[1:]

    def lower_first(text: str) -> str:
        """Inside a sentence; abbreviations stay as they are."""
        return text if text[:2].isupper() else text[:1].lower() + text[1:]

    return {
        "lower_first": lower_first,
        "request_query": request.query,
        "words_of": lambda code: i18n.gettext(request, MESSAGES.get(code, code)),
        "status_word": status_word,
        "role_word": lambda name: wording.role(name, tongue),
        "person_word": lambda kind: person_word(request, kind),
        "register_word": lambda status: register_word(request, status),
        "consent_word": lambda status: wording.state("consent", status, tongue),
        "purpose_word": purpose_word,
        "doc_title": lambda type: wording.title(type, tongue),
        "paper_title": paper_title,
        "effect": lambda type: wording.effect(type, tongue),
        "field_title": field_title,
        "value_word": lambda type, field, value: wording.values(type, field, tongue)[value],
        "reasons": reasons,
        "readers": readers,
        "shown": shown,
        "first_upper": first_upper,
        "short": rendering.short_id,
        "money": lambda amount, currency: i18n.money(amount, currency, tongue),
        "day": lambda seconds: i18n.day(seconds, tongue),
        "moment": lambda seconds: i18n.moment(seconds, tongue),
    }


@cache
def _titles(type: str) -> dict[str, Any]:
    return {item["name"]: item["title"] for item in wording.fields(registry.TYPES[type])}


def _agreement(kind: str, tongue: Locale) -> str:
    try:
        return wording.agreement(kind, tongue)
    except KeyError:
        return kind


@dataclass(frozen=True, slots=True)
class Payment:
    purpose: str
    order: payments.Order | None


def payment_order(request: web.Request, line: ApplicationLine, house: House, name: str) -> Payment | None:
    """How to pay, while it is the applicant's turn."""
    if line.status != "admitted":
        return None
    bank = request.app[MEMBERSHIP].node.config.bank
    place = i18n.place()
    purpose = payments.purpose(line.number, name, place)
    coded = bank is not None and place.local.payment == "ST00012" and line.currency == "RUB"
    order = payments.Order(bank, line.total, purpose, name) if bank and coded else None
    return Payment(purpose, order)


def status_word(request: web.Request, status: str) -> str:
    return wording.state("application", status, locale(request))
