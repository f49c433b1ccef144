"""Texts a cooperative starts with: agreement on signatures, data policy, consents, a model charter.

They are drafts to be read by a lawyer and edited before they are published (`docs/legal-notes.md`). A
published text is a blob by its digest; the file here may change afterwards without touching it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, Final

from coopnode.printing import money
from protocol import added, methodology, wording
from protocol.methodology import Pack
from protocol.wording import LOCALES, Locale, termed, translated

__all__ = ["KINDS", "languages", "placeholders", "rules", "text"]

#: The first three are kinds of `cooperative.agreement/1`; the others are texts of `consent.give/1`.
KINDS: Final = ("signature", "privacy", "charter", "consent-membership", "consent-contacts")

_PLACEHOLDER: Final = re.compile(r"\{([a-z_]+)\}")
_PERIODS: Final = {
    "day": (
        *("member.decide_days", "member.pay_days", "member.exit_decide_days", "member.exclusion_notice_days"),
        *("gm.notice_days", "gm.notice_days.reorganisation", "council.vote_days", "council.chair_sign_days"),
    ),
    "month": ("member.share_return_months", "gm.annual.from_months", "gm.annual.until_months"),
    "year": ("council.term_years", "audit.term_years", "consent.term_years"),
}
#: One, few, many: the accusative, which is what «за», «на», «через» ask for.
_UNITS_RU: Final = {
    "day": ("день", "дня", "дней"),
    "month": ("месяц", "месяца", "месяцев"),
    "year": ("год", "года", "лет"),
}
_FEES: Final = tuple(
    f"fees.{fee}.{person}"
    for fee in ("entrance", "share")
    for person in ("person", "entrepreneur", "organisation")
)
_PHRASES: Final = {
    "ru": {
        "with_chair": ", среди них председатель",
        "electorate": " всех членов совета",
        "ballots": " голосовавших",
        "chair": "При равенстве голосов решает голос председателя. Если он не голосовал, решение не принято.",
        "fails": "При равенстве голосов решение не принято.",
    },
    "en": {
        "with_chair": ", the chair among them",
        "electorate": " of the whole council",
        "ballots": " cast",
        "chair": "When votes are equal the chair's vote decides. If the chair cast none, the matter fails.",
        "fails": "When votes are equal the matter fails.",
    },
}


def text(kind: str, locale: Locale, values: Mapping[str, str], pack: Pack) -> str:
    """The Markdown of a text with every placeholder filled: that of the pack's own law where it has one.

    Raises:
        KeyError: no such kind or language, or a placeholder has no value.
    """
    found = termed(_read(kind, locale, pack), pack.terms.get(locale, {}))
    return _PLACEHOLDER.sub(lambda match: values[match[1]], found)


def placeholders(kind: str, locale: Locale, pack: Pack) -> tuple[str, ...]:
    """What `values` must hold, in the order of the text."""
    return tuple(dict.fromkeys(_PLACEHOLDER.findall(_read(kind, locale, pack))))


def languages(pack: Pack) -> tuple[Locale, ...]:
    """Those in which a cooperative of this pack can begin: all texts are there."""
    return tuple(
        code for code in (*LOCALES, *added.languages()) if all(_file(kind, code, pack) for kind in KINDS)
    )


def rules(pack: Pack, charter_parameters: Mapping[str, Any], locale: Locale) -> dict[str, str]:
    """Placeholders that follow from pack and charter: fractions as `3/4`, fees with their currency."""

    def of(key: str) -> Any:
        return methodology.value(pack, charter_parameters, key)

    phrases = _PHRASES.get(locale) or {
        name: translated(said, locale) for name, said in _PHRASES["en"].items()
    }
    cycles = of("gm.quorum.cycles") or [[1, 2]]
    found = {
        key.replace(".", "_"): _period(of(key), unit, locale)
        for unit, keys in _PERIODS.items()
        for key in keys
    }
    found |= {key.replace(".", "_"): money(of(key), of("fees.currency")) for key in _FEES}
    law = pack.parameters["member.decide_days"].law
    return found | {
        "membership_law": wording.law(law, locale) if law else "",
        "member_without_labour_max": _fraction(of("member.without_labour_max")),
        "gm_quorum_min_members": str(of("gm.quorum.min_members")),
        "member_min_age": str(of("member.min_age")),
        "term_years": found["consent_term_years"],
        "gm_quorum": _fraction(cycles[0]),
        "gm_quorum_next": _fraction(cycles[min(1, len(cycles) - 1)]),
        "gm_quorum_floor": _fraction(of("gm.quorum.floor")),
        "gm_majority": _fraction(of("gm.majority.default")),
        "council_quorum": _fraction(of("council.quorum")),
        "council_with_chair": phrases["with_chair"] if of("council.quorum_chair") else "",
        "council_majority": _fraction(of("council.majority")),
        "council_base": phrases[of("council.majority_base")],
        "council_tie": phrases[of("council.tie")],
    }


def _period(number: int, unit: str, locale: Locale) -> str:
    if locale != "ru":
        return f"{number} {translated(unit if number == 1 else unit + 's', locale)}"
    one, few, many = _UNITS_RU[unit]
    if number % 10 == 1 and number % 100 != 11:
        return f"{number} {one}"
    return f"{number} {few if number % 10 in (2, 3, 4) and number % 100 not in (12, 13, 14) else many}"


def _fraction(value: list[int]) -> str:
    return f"{value[0]}/{value[1]}"


def _read(kind: str, locale: Locale, pack: Pack) -> str:
    found = _file(kind, locale, pack) if kind in KINDS else None
    if found is None:
        raise KeyError(kind, locale)
    return found.read_text("utf-8")


def _file(kind: str, locale: Locale, pack: Pack) -> Traversable | None:
    """An added text before ours, one for this pack before one for all."""
    roots = [*(folder / "texts" for folder in added.FOLDERS), resources.files(__package__)]
    places = [root / locale / inner / f"{kind}.md" for inner in (pack.name, "") for root in roots]
    return next((place for place in places if place.is_file()), None)
