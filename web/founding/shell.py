"""What the founding pages need of the site: rendering, sessions, signing requests. The only module here
that knows how those work.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NoReturn

from aiohttp import web

from coopnode.founding.items import Item
from coopnode.founding.service import Founding
from coopnode.signing import Purpose, SigningError
from protocol.wording import Locale
from web import forms as site_forms
from web import i18n, rendering, sessions
from web.founding import words
from web.keys import SIGNING

FOUNDING: Final = web.AppKey("founding", Founding)

remember = sessions.remember
recall = sessions.recall
account = sessions.account
flash = sessions.flash
form = site_forms.form
gettext = i18n.gettext


class Lenient(dict[str, Any]):
    """For templates: what was not typed is empty."""

    def __missing__(self, key: str) -> str:
        return ""


def locale(request: web.Request) -> Locale:
    return i18n.locale_of(request)


def roles(request: web.Request, names: Iterable[str]) -> str:
    return words.roles(names, locale(request))


def render(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    for name in ("typed", "errors"):
        context[name] = Lenient(context.get(name, {}))
    if context.get("pack"):
        i18n.HERE.set(i18n.Here(proposed=context["pack"]))
    helpers = words.helpers(locale(request), lambda message: gettext(request, message), context.get("pack"))
    return rendering.render(request, template, status=status, **{**helpers, **context})


async def large_form(request: web.Request, limit: int) -> Any:
    """As `form`, where a file belongs to the answer."""
    return await form(request.clone(client_max_size=limit))


async def wants(request: web.Request, name: str) -> bool:
    return bool((await form(request)).get(name))


async def ask(
    request: web.Request,
    purpose: Purpose,
    items: Sequence[Item],
    *,
    back: str,
    cancel: str,
    ticket: bytes | None = None,
    kept_as: str | None = None,
) -> NoReturn:
    """Sends the person to the signing origin with these documents, and back to `back`.

    `kept_as` names where the session keeps the request's token, for pages that read its outcome.
    """
    session = await sessions.need(request)
    opens = any(item.type == "account.genesis/1" for item in items)
    token = await request.app[SIGNING].create(
        session=session.digest,
        purpose=purpose,
        items=items,
        account=None if opens or purpose == "create_key" else session.account,
        return_to=back,
        cancel=cancel,
        locale=locale(request),
        ticket=ticket,
    )
    if kept_as:
        await remember(request, kept_as, token)
    raise web.HTTPSeeOther(request.app[SIGNING].address(token, locale(request)))


async def made_key(request: web.Request, kept_as: str) -> bytes | None:
    """The public half of the key made in an earlier request of this session."""
    token = await recall(request, kept_as)
    if not token:
        return None
    session = await sessions.need(request)
    try:
        _, outcome = await request.app[SIGNING].outcome(token, session.digest)
    except SigningError:
        return None
    return outcome.key if outcome else None
