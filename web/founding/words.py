"""Words of the founding pages that come from the protocol's data: rules, findings, roles, states. Given to
every template.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from coopnode.printing import money, sign
from protocol import methodology, wording
from protocol.methodology.parameters import is_fraction, kind_of
from protocol.wording import Locale
from web import i18n
from web.founding import forms

#: Message ids, translated where they are shown.
GROUP_TITLES = {
    "council": "Council and chair",
    "members": "Members",
    "fees": "Fees",
    "founding": "Founding",
    "meeting": "General meeting",
    "districts": "Districts and plenipotentiaries",
    "funds": "Audit, funds, payouts",
    "data": "Signatures and data",
    "network": "Network of cooperatives",
}
_CHOICES = {"for": "for", "against": "against", "abstain": "abstained"}


def helpers(
    locale: Locale, gettext: Callable[[str], str], pack: methodology.Pack | None = None
) -> dict[str, Any]:
    """Functions templates call."""

    def rule_words(key: str) -> tuple[str, str]:
        title, unit = wording.parameter(key, locale)
        return wording.termed(title, pack.terms.get(locale, {}) if pack else {}), unit

    def sentences(finding: methodology.Finding) -> dict[str, str]:
        facts = {name: said(finding.key, value, locale, pack) for name, value in finding.facts.items()}
        return {
            "code": wording.finding("code", finding.code, locale).format(**facts),
            "consequence": wording.finding("consequence", finding.consequence, locale).format(**facts),
            "remedy": wording.finding("remedy", finding.remedy, locale).format(**facts),
        }

    return {
        "group_title": lambda name: gettext(GROUP_TITLES[name]),
        "rule_kind": kind_of,
        "rule_words": rule_words,
        "rule_show": forms.show,
        "rule_money": forms.is_money,
        "rule_said": lambda key, value: said(key, value, locale, pack),
        "rule_sign": lambda: sign(_currency(pack)),
        "form_title": lambda found: named(found.title, locale) or found.name,
        "form_note": lambda found: named(found.note, locale),
        "option_words": lambda value, key="": option(value, locale, key),
        "map_words": lambda value: _known(value, wording.matter, wording.option, locale=locale),
        "seat_role": lambda name: role(name, locale),
        "seat_roles_words": lambda names: roles(names, locale),
        "state_words": lambda thing, name: wording.state(thing, name, locale),
        "choice_words": lambda name: gettext(_CHOICES[name]),
        "sentences": sentences,
        "moment": lambda seconds: moment(seconds, locale),
        "day": lambda seconds: day(seconds, locale),
    }


def role(name: str, locale: Locale) -> str:
    """`member` of a council is a member of the council, not of the cooperative."""
    return wording.role("council" if name == "member" else name, locale)


def roles(names: Iterable[str], locale: Locale) -> str:
    """Offices of one seat, most telling first; plain membership only when there is nothing else."""
    wanted = [name for name in forms.SEAT_ROLES if name in set(names)]
    offices = [name for name in wanted if name != "member"] or wanted
    return ", ".join(role(name, locale) for name in offices)


def option(value: Any, locale: Locale, key: str = "") -> str:
    if not isinstance(value, str):
        return str(value)
    return _known(
        value, lambda word, tongue: wording.option(word, tongue, key), wording.matter, locale=locale
    )


def _known(value: str, *sources: Callable[[str, Locale], str], locale: Locale) -> str:
    for source in sources:
        try:
            return source(value, locale)
        except KeyError:
            continue
    return value


def named(words: Mapping[str, str], locale: Locale) -> str:
    """A pack's own words: in English where it has none of this language."""
    return words.get(locale) or words.get("en", "")


def _currency(pack: methodology.Pack | None) -> str:
    return str(pack.parameters["fees.currency"].value) if pack else ""


def said(key: str, value: Any, locale: Locale, pack: methodology.Pack | None = None) -> str:
    """A value in a sentence; sums in the currency of the pack."""
    if isinstance(value, bool):
        return wording.said(wording.YES_NO[value], locale)
    if forms.is_money(key) and isinstance(value, int):
        return money(value, _currency(pack)).strip()
    if is_fraction(value):
        return f"{value[0]}/{value[1]}"
    if isinstance(value, dict):
        return ", ".join(
            f"{_known(name, wording.matter, wording.option, locale=locale)} {said('', item, locale)}"
            for name, item in value.items()
        )
    if isinstance(value, list):
        if all(isinstance(item, str) for item in value):
            return ", ".join(option(item, locale, key) for item in value) or "—"
        return ", ".join(said("", item, locale) for item in value)
    if isinstance(value, str):
        return option(value, locale, key)
    unit = wording.parameter(key, locale)[1] if key else ""
    return f"{value} {unit}".strip()


def day(seconds: int, locale: Locale) -> str:
    return i18n.day(seconds, locale, year=True)


def moment(seconds: int, locale: Locale) -> str:
    return i18n.moment(seconds, locale)
