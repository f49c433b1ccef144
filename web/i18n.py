"""Languages: gettext catalogues read from .po at the first use, the locale of a request, numbers and dates as
people write them.

Message ids are English; `web/locale/ru/LC_MESSAGES/*.po` hold the Russian, one file per slice, so that slices
do not share one file.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from datetime import UTC, date, datetime
from functools import cache, cached_property
from gettext import NullTranslations
from importlib import resources
from io import BytesIO
from typing import Any, Final, Literal

from aiohttp import web
from babel import Locale as BabelLocale
from babel import dates, numbers, units
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from coopnode import places
from coopnode.app import Node
from coopnode.places import Place
from coopnode.printing import sign
from protocol import added
from protocol.methodology import Pack
from protocol.wording import LOCALES, Locale, termed, translated
from web.keys import LOCALE, NODE, SESSION

DEFAULT: Final[Locale] = "ru"
COOKIE: Final = "locale"


class Here:
    """Whose clock and words the pages of a request use: those of the pack in force, once there is one."""

    def __init__(self, node: Node | None = None, proposed: Pack | None = None) -> None:
        self._node, self._proposed = node, proposed

    @cached_property
    def _pack(self) -> Pack | None:
        if self._proposed:  # while founding
            return self._proposed
        return places.pack_in_force(self._node.state) if self._node else None

    @cached_property
    def place(self) -> Place:
        return places.of_pack(self._pack) if self._pack else places.first()

    @cached_property
    def terms(self) -> Mapping[str, Mapping[str, str]]:
        return self._pack.terms if self._pack else {}


#: Set by `web.middleware.placed`.
HERE: Final[ContextVar[Here]] = ContextVar("here")
_NBSP, _THIN = "\u00a0", "\u202f"
_UNITS: Final[tuple[tuple[Literal["day", "hour", "minute"], int], ...]] = (
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
)


@cache
def translations(locale: Locale) -> NullTranslations:
    """All catalogues of a locale as one. English needs none."""
    merged = Catalog(locale=locale)
    for root in (resources.files("web"), *added.FOLDERS):
        folder = root / "locale" / locale / "LC_MESSAGES"
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        for name in names:
            if name.endswith(".po"):
                with (folder / name).open("rb") as file:
                    for message in read_po(file, locale=locale):
                        if message.id and message.string and not message.fuzzy:
                            merged.add(message.id, message.string, context=message.context)
    compiled = BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return Translations(compiled)


def locales() -> tuple[Locale, ...]:
    """Languages of the pages: ours, then those that were added."""
    return tuple(dict.fromkeys((*LOCALES, *added.languages())))


def language_name(locale: Locale) -> str:
    """As its speakers write it: «Русский»."""
    name = BabelLocale.parse(locale).get_display_name(locale) or locale
    return name[:1].upper() + name[1:]


def country_name(code: str, locale: Locale) -> str:
    """«Россия»; the code itself for a country nobody has a name for."""
    return str(BabelLocale.parse(locale).territories.get(code, code))


def here() -> Here:
    return HERE.get(None) or Here()


def place() -> Place:
    return here().place


def locale_of(request: web.Request) -> Locale:
    """Chosen by the person (session, then cookie), else what the browser asks for, else the country's."""
    found: Locale | None = request.get(LOCALE)
    if found is None:
        found = request[LOCALE] = _locale_of(request)
    return found


def _locale_of(request: web.Request) -> Locale:
    session = request.get(SESSION)
    asked = request.headers.get("Accept-Language", "").split(",")
    candidates = [session.locale if session else None, request.cookies.get(COOKIE)]
    candidates += [part.split(";")[0].strip()[:2].lower() for part in asked[:10]]
    for candidate in candidates:
        if candidate in locales():
            return str(candidate)
    return place().language


class Termed(NullTranslations):
    """A language's catalogue in the words of a cooperative's form."""

    def __init__(self, locale: Locale, terms: Mapping[str, str]) -> None:
        super().__init__()
        self._found, self._terms = translations(locale), terms

    def gettext(self, message: str) -> str:
        return termed(self._found.gettext(message), self._terms)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return termed(self._found.ngettext(msgid1, msgid2, n), self._terms)


def _termed(locale: Locale) -> Termed:
    return Termed(locale, here().terms.get(locale, {}))


def said(words: str, locale: Locale) -> str:
    """The msgid in a language, in the words of the cooperative's form."""
    return _termed(locale).gettext(words)


def counted(one: str, many: str, count: int, locale: Locale) -> str:
    return _termed(locale).ngettext(one, many, count)


def gettext(request: web.Request, words: str, **values: Any) -> str:
    """The msgid in the language of the request, with `%(name)s` filled in."""
    found = said(words, locale_of(request))
    return found % values if values else found


def ngettext(request: web.Request, one: str, many: str, count: int, **values: Any) -> str:
    found = counted(one, many, count, locale_of(request))
    return found % {"num": count, **values}


def money(amount: int | Mapping[str, Any] | Any, currency: str = "", locale: Locale = DEFAULT) -> str:
    """«1 200 ₽», «1 200,50 ₽»: integer minor units, thin space in thousands, no kopecks when there are
    none."""
    if isinstance(amount, Mapping):
        amount, currency = amount["amount"], amount["currency"]
    elif not isinstance(amount, int):
        amount, currency = amount.amount, amount.currency
    units, rest = divmod(abs(amount), 100)
    text = f"{units:,}".replace(",", _THIN if locale == "ru" else ",")
    if rest:
        text += f"{',' if locale == 'ru' else '.'}{rest:02}"
    minus = "−" if amount < 0 else ""
    return f"{minus}{text}{_NBSP}{sign(currency)}"


def number(value: float, locale: Locale = DEFAULT) -> str:
    if isinstance(value, int):  # Babel takes forty times as long
        return f"{value:,}".replace(",", _THIN if locale == "ru" else ",")
    return str(numbers.format_decimal(value, locale=locale)).replace(_NBSP, _THIN)


_SIZES: Final = ((10**12, "terabyte"), (10**9, "gigabyte"), (10**6, "megabyte"), (10**3, "kilobyte"))


def size(amount: int, locale: Locale = DEFAULT) -> str:
    """Bytes: «1,5 ГБ», «120 МБ»."""
    unit, name = next((pair for pair in _SIZES if amount >= pair[0]), (1, "byte"))
    value = amount / unit
    rounded: float = round(value, 1) if value < 10 else round(value)
    return units.format_unit(rounded, name, "short", locale=locale)


def moment(seconds: int, locale: Locale = DEFAULT, *, year: bool | None = None) -> str:
    """«18 мая, 10:00 (мск)»; the year when it is not this one."""
    clock = place()
    when = clock.at(seconds)
    return f"{_day(when, locale, year)}, {when.hour:02}:{when.minute:02} ({clock.zone(seconds, locale)})"


def day(seconds: int, locale: Locale = DEFAULT, *, year: bool | None = None) -> str:
    """«18 мая»; the year when it is not this one."""
    return _day(place().at(seconds), locale, year)


def _day(when: datetime, locale: Locale, year: bool | None) -> str:
    with_year = when.year != datetime.now(when.tzinfo).year if year is None else year
    text = f"{when.day} {_months(locale)[when.month]}"
    return f"{text} {when.year}" if with_year else text


@cache
def _months(locale: Locale) -> Mapping[int, str]:
    """Names as they stand in dates. A page may have a hundred dates, and Babel reads its pattern for each."""
    return dates.get_month_names("wide", "format", locale)


def month(first: date, locale: Locale = DEFAULT) -> str:
    """«май 2026»."""
    return dates.format_date(first, "LLLL y", locale=locale)


def daytime(seconds: int, locale: Locale = DEFAULT) -> str:
    """For timelines: «сегодня», «вчера», «12 мая»."""
    when = place().at(seconds)
    ago = (datetime.now(when.tzinfo).date() - when.date()).days
    if ago in (0, 1):
        return (
            translated(("today", "yesterday")[ago], locale) if locale != "ru" else ("сегодня", "вчера")[ago]
        )
    return day(seconds, locale)


def until(seconds: int, now: int, locale: Locale = DEFAULT) -> str:
    """How long is left, roughly: «2 дня», «5 часов»; empty when it is over."""
    left = seconds - now
    if left <= 0:
        return ""
    unit, size = next((pair for pair in _UNITS if left >= pair[1]), _UNITS[-1])
    whole = max(left // size, 1) * size
    return dates.format_timedelta(whole, granularity=unit, threshold=1_000_000, locale=locale)


def ago(seconds: int, now: int, locale: Locale = DEFAULT) -> str:
    """How long it is since then, roughly: «2 дня», «меньше минуты»."""
    less = "меньше минуты" if locale == "ru" else translated("less than a minute", locale)
    return until(now, seconds, locale) if now - seconds >= 60 else less


def iso(seconds: int) -> str:
    """For `datetime` attributes."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def now_of(request: web.Request) -> int:
    return request.app[NODE].clock.peek()
