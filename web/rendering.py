"""Pages: every template in the request's language, with what a layout needs."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import FileSystemLoader
from markupsafe import Markup

from coopnode import seen
from coopnode.notifications import inbox
from coopnode.sessions import Session
from protocol import identifiers, wording
from protocol.contract import View
from protocol.contracts import cooperative
from protocol.wording import Locale
from web import i18n
from web.keys import FLASH_SHOWN, NODE, SESSION
from web.templating import Templates

FOLDER: Final = Path(__file__).parent
BUILD: Final = FOLDER / "static" / "build"


#: Languages and forms of cooperatives that pages are compiled for at a time.
_COMPILED: Final = 16


@lru_cache(maxsize=_COMPILED)
def environment(locale: Locale, terms: tuple[tuple[str, str], ...] = ()) -> Templates:
    """`terms`: the words of the cooperative's form for ours, as (word, word) pairs."""
    loader = FileSystemLoader(FOLDER / "templates")
    made = Templates(loader, i18n.Termed(locale, dict(terms)), {"static": static, "icon": icon}, visible)
    made.globals.update(fingerprint=identifiers.fingerprint, wording=wording)
    made.globals.update(languages=languages, place=i18n.place)
    made.filters.update({item.__name__: partial(item, locale=locale) for item in _LOCALISED})
    made.filters.update(
        iso=i18n.iso,
        fingerprint=identifiers.fingerprint,
        short_id=short_id,
        monogram=monogram,
        mark=mark,
    )
    return made


#: Filters that speak the language of their templates.
_LOCALISED: Final[tuple[Callable[..., str], ...]] = (
    *(i18n.money, i18n.number, i18n.size, i18n.ago, i18n.moment, i18n.day, wording.law, i18n.daytime),
)


def visible(value: Any) -> Any:
    """Marks that cannot be seen or turn the direction of writing show as such, whatever way they came in:
    also within a translated sentence, which is markup already."""
    if not isinstance(value, str):
        return value
    shown = seen.visible(value)
    return Markup(shown) if shown is not value and isinstance(value, Markup) else shown


def render(request: web.Request, template: str, *, status: int = 200, **context: Any) -> web.Response:
    """A whole page. Everything a layout needs is added here; `context` wins."""
    text = page(request, template, **context)
    return web.Response(status=status, text=text, content_type="text/html", charset="utf-8")


def page(request: web.Request, template: str, **context: Any) -> str:
    session: Session | None = request.get(SESSION)
    locale = i18n.locale_of(request)
    shown = {
        "request": request,
        "path": request.path,
        "locale": locale,
        "now": i18n.now_of(request),
        "me": session.account if session else None,
        "config": request.app[NODE].config,
        "coop": _cooperative(request),
        "my_roles": _roles(request, session),
        "unread": _unread(request, session),
        "flash": _flash(request, session) if "flash" not in context else None,
    }
    terms = tuple(i18n.here().terms.get(locale, {}).items())
    return environment(locale, terms).get_template(template).render({**shown, **context})


def _flash(request: web.Request, session: Session | None) -> tuple[str, str] | None:
    """The message waiting for the next page: (kind, msgid). The middleware of sessions forgets it then."""
    held = session.data.get("flash") if session else None
    if not held:
        return None
    request[FLASH_SHOWN] = True
    kind, _, words = held.partition(":")
    return kind, words


def _unread(request: web.Request, session: Session | None) -> int:
    """For the bell."""
    if session is None or session.account is None:
        return 0
    return inbox.unread(request.app[NODE], session.account)


def _cooperative(request: web.Request) -> cooperative.Cooperative | None:
    return cooperative.cooperative(View(request.app[NODE].state, cooperative.DOMAIN))


def _roles(request: web.Request, session: Session | None) -> frozenset[str]:
    node = request.app[NODE]
    if session is None or session.account is None or node.cooperative is None:
        return frozenset()
    return node.facts.roles(session.account) if session.roles is None else session.roles


def languages() -> list[tuple[str, str]]:
    """(code, name) of each language a reader may choose."""
    return [(code, i18n.language_name(code)) for code in i18n.locales()]


@lru_cache(maxsize=1)
def _manifest() -> Mapping[str, Any]:
    path = BUILD / "manifest.json"
    found: Mapping[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return found


@lru_cache(maxsize=256)
def static(name: str) -> str:
    """Address of a static file with its digest, so that it can be kept for ever."""
    if name in _manifest():
        return f"/static/build/{name}?{_manifest()[name]['sha256'][:12]}"
    data = (FOLDER / "static" / name).read_bytes()
    return f"/static/{name}?{hashlib.sha256(data).hexdigest()[:12]}"


@lru_cache(maxsize=256)
def icon(name: str) -> Markup:
    """An icon of the sprite; decoration only, so hidden from screen readers."""
    picture = Markup('<svg class="icon" aria-hidden="true" focusable="false"><use href="{}#{}"></use></svg>')
    return picture.format(static("icons.svg"), name)


def short_id(account: str) -> str:
    """A pseudonymous id as people see it outside their cooperative."""
    return f"{account[:4]} {account[4:8]} …"


def monogram(name: str) -> str:
    """Two letters for a person: «Иванова Мария» → «ИМ»."""
    return "".join(word[0] for word in name.split()[:2]).upper() or "·"


def mark(name: str) -> str:
    """Two letters for a cooperative, of its own name where that stands in quotes: «ПО «Росток»» → «РО»."""
    quoted = re.search(r"[«“„\"]([^«»“”„\"]+)", name)
    return (quoted[1] if quoted else name).strip()[:2].upper() or "·"
