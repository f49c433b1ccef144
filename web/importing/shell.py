"""What the pages of an import need of the site."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, Final, NoReturn

from aiohttp import web

from coopnode.founding.items import day_seconds
from coopnode.importing.service import Importing
from coopnode.membership.people import Viewer
from coopnode.printing import money
from coopnode.signing import Item
from web import i18n, sessions
from web.founding import shell as founding
from web.importing.columns import FIELDS
from web.keys import NODE

IMPORTING: Final = web.AppKey("importing", Importing)

form = founding.form
need_account = sessions.need_account
large_form = founding.large_form
flash = founding.flash
gettext = i18n.gettext


def today(request: web.Request) -> date:
    """By the node's clock, where the cooperative reads its days."""
    return i18n.place().at(request.app[NODE].clock.peek()).date()


async def officer(request: web.Request) -> tuple[str, Viewer]:
    """(account, who they are) of a chair or secretary; nobody else brings a register."""
    account = await founding.account(request)
    viewer = await request.app[IMPORTING].viewer(account) if account else None
    if account is None or viewer is None or viewer.roles.isdisjoint(("chair", "secretary")):
        raise web.HTTPForbidden
    return account, viewer


def render(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    helpers = {
        "field_words": lambda name: gettext(request, FIELDS[name]),
        "fields": FIELDS,
        "amount": lambda minor: money(minor, context.get("currency", "RUB")),
        "iso_day": lambda text: i18n.day(day_seconds(text, i18n.place()), i18n.locale_of(request), year=True),
        "signing_url": request.app[NODE].config.signing_url,
    }
    return founding.render(request, f"importing/{template}", status=status, **{**helpers, **context})


async def sign(request: web.Request, wanted: Sequence[Item], *, back: str, cancel: str) -> NoReturn:
    await founding.ask(request, "sign", wanted, back=back, cancel=cancel)


def label(request: web.Request) -> Callable[[int, str], str]:
    """What stands on an invitation, and nowhere else."""

    def words(number: int, name: str) -> str:
        return f"{gettext(request, 'Member no. %(number)s', number=number)} · {name}"

    return words
