"""Languages: gettext catalogues read from .po at the first use, the locale of a request, numbers and dates as
people write them.

Message ids are English; `web/locale/ru/LC_MESSAGES/*.po` hold the Russian, one file per slice, so that slices
do not share one file.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from gettext import NullTranslations
from importlib import resources
from io import BytesIO
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from aiohttp import web
from babel import dates, numbers, units
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.support import Translations

from protocol.wording import LOCALES, Locale
from web.keys import LOCALE, NODE, SESSION

DEFAULT: Final[Locale] = "ru"
COOKIE: Final = "locale"
#: Zone in which the cooperative reads its clock; Moscow time is what Russian documents state.
ZONE: Final = ZoneInfo("Europe/Moscow")
_NBSP, _THIN = "\u00a0", "\u202f"
_UNITS: Final[tuple[tuple[Literal["day", "hour", "minute"], int], ...]] = (
    ("day", 86_400),
    ("hour", 3_600),
    ("minute", 60),
)
_SIGNS: Final[Mapping[str, str]] = {"RUB": "₽", "EUR": "€", "USD": "$"}


@cache
def translations(locale: Locale) -> NullTranslations:
    """All catalogues of a locale as one. English needs none."""
    folder = resources.files("web") / "locale" / locale / "LC_MESSAGES"
    merged = Catalog(locale=locale)
    if folder.is_dir():
        for path in sorted(folder.iterdir(), key=lambda item: item.name):
            if path.name.endswith(".po"):
                with path.open("rb") as file:
                    for message in read_po(file, locale=locale):
                        if message.id and message.string and not message.fuzzy:
                            merged.add(message.id, message.string, context=message.context)
    compiled = BytesIO()
    write_mo(compiled, merged)
    compiled.seek(0)
    return Translations(compiled)


def locale_of(request: web.Request) -> Locale:
    """Chosen by the person (session, then cookie), else what the browser asks for, else Russian."""
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
        if candidate in LOCALES:
            return "ru" if candidate == "ru" else "en"
    return DEFAULT


#: Beginnings of Russian citations and their English, the longer first.
_CITED: Final = (
    ("Закон 3085-1", "Russian law 3085-1"),
    ("ГК РФ", "Civil Code of Russia"),
    ("-ФЗ", "-FZ"),
    ("ст.", "art."),
    ("п.", "para."),
    ("ч.", "part"),
)


def law(citation: str, locale: Locale) -> str:
    """Packs cite laws as their country does; a reader of English gets the same place in English."""
    if locale == "ru":
        return citation
    for russian, english in _CITED:
        citation = citation.replace(russian, english)
    return citation


def gettext(request: web.Request, words: str, **values: Any) -> str:
    """The msgid in the language of the request, with `%(name)s` filled in."""
    found = translations(locale_of(request)).gettext(words)
    return found % values if values else found


def ngettext(request: web.Request, one: str, many: str, count: int, **values: Any) -> str:
    found = translations(locale_of(request)).ngettext(one, many, count)
    return found % {"num": count, **values}


def money(amount: int | Mapping[str, Any] | Any, currency: str = "RUB", locale: Locale = DEFAULT) -> str:
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
    sign = "−" if amount < 0 else ""
    return f"{sign}{text}{_NBSP}{_SIGNS.get(currency, currency)}"


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
    when = datetime.fromtimestamp(seconds, ZONE)
    zone = "мск" if locale == "ru" else "Moscow"
    return f"{_day(when, locale, year)}, {when.hour:02}:{when.minute:02} ({zone})"


def day(seconds: int, locale: Locale = DEFAULT, *, year: bool | None = None) -> str:
    """«18 мая»; the year when it is not this one."""
    return _day(datetime.fromtimestamp(seconds, ZONE), locale, year)


def _day(when: datetime, locale: Locale, year: bool | None) -> str:
    with_year = when.year != datetime.now(ZONE).year if year is None else year
    text = f"{when.day} {_months(locale)[when.month]}"
    return f"{text} {when.year}" if with_year else text


@cache
def _months(locale: Locale) -> Mapping[int, str]:
    """Names as they stand in dates. A page may have a hundred dates, and Babel reads its pattern for each."""
    return dates.get_month_names("wide", "format", locale)


def daytime(seconds: int, locale: Locale = DEFAULT) -> str:
    """For timelines: «сегодня», «вчера», «12 мая»."""
    ago = (datetime.now(ZONE).date() - datetime.fromtimestamp(seconds, ZONE).date()).days
    if ago in (0, 1):
        return (("сегодня", "вчера") if locale == "ru" else ("today", "yesterday"))[ago]
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
    less = "меньше минуты" if locale == "ru" else "less than a minute"
    return until(now, seconds, locale) if now - seconds >= 60 else less


def iso(seconds: int) -> str:
    """For `datetime` attributes."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


def now_of(request: web.Request) -> int:
    return request.app[NODE].clock.peek()
