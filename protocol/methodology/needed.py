"""What the contracts need of every pack.

A log is replayed by auditors and mirrors who did not choose its rules: a missing key, a value of another
kind or a term beyond the range of time must be refused with the pack, not met later inside a contract.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from protocol.encoding import MAX_INTEGER
from protocol.methodology.linter import as_number
from protocol.methodology.packs import Pack
from protocol.methodology.parameters import Kind, Parameter, kind_of

#: A hundred years: terms added to a time stay within what deadlines are ordered by.
MAX_DAYS: Final = 36_500
MAX_GRACE: Final = 86_400

_KINDS: Final[Mapping[str, Kind]] = {
    "council.quorum": "fraction",
    "council.quorum_chair": "boolean",
    "council.majority": "fraction",
    "fees.currency": "text",
    **{
        f"fees.{fee}.{person}": "integer"
        for fee in ("entrance", "share")
        for person in ("person", "entrepreneur", "organisation")
    },
    "founding.min_founders": "integer",
    "founding.council_seats_min": "integer",
    "council.max_open": "integer",
    "council.max_rounds": "integer",
    "consent.max_purposes": "integer",
}
_TERMS: Final[Mapping[str, int]] = {
    "council.vote_days": MAX_DAYS,
    "council.chair_sign_days": MAX_DAYS,
    "council.reinvite_days": MAX_DAYS,
    "member.decide_days": MAX_DAYS,
    "member.exit_decide_days": MAX_DAYS,
    "member.pay_days": MAX_DAYS,
    "member.reapply_days": MAX_DAYS,
    "member.retain_days": MAX_DAYS,
    "founding.vote_days": MAX_DAYS,
    "vote.grace_seconds": MAX_GRACE,
}
_WORDS: Final[Mapping[str, frozenset[str]]] = {
    "council.majority_base": frozenset(("ballots", "electorate")),
    "council.tie": frozenset(("chair", "fails")),
}
_WORD_LISTS: Final[Mapping[str, frozenset[str]]] = {
    "member.identify_roles": frozenset(("chair", "secretary", "accountant", "council")),
    "member.identify_methods": frozenset(("in_person", "video", "qualified_signature", "notary")),
}
#: Needed by nobody yet, but compared by the linter when there.
_IF_THERE: Final[Mapping[str, Kind]] = {
    "gm.annual.from_months": "integer",
    "gm.annual.until_months": "integer",
    "gm.quorum.cycles": "fractions",
    "gm.quorum.floor": "fraction",
    "identity.accept_other": "boolean",
    "member.min_age": "integer",
}
#: Lowest and highest value anybody may set, when there. Nobody is admitted, and no vote counts for the whole
#: platform, without a confirmed identity (R71): level 1 is the floor.
_RANGES_IF_THERE: Final[Mapping[str, tuple[int, int]]] = {
    "identity.level.admission": (1, 2),
    "identity.level.platform_vote": (1, 2),
    "identity.valid_years": (1, 100),
    "member.min_age_limited": (0, 150),
    "member.succession_days": (1, MAX_DAYS),
    "member.inherit_months": (1, 1_200),
}
#: `council.papers.<kind>`: what a matter of this kind needs before it opens.
_PAPERS: Final = "council.papers."
PAPERS: Final = frozenset(
    ("application", "identity", "authority", "guardian_consent", "grounds", "notice", "memo", "draft")
)


def unfit(pack: Pack) -> str | None:
    """The first key that is missing or that the contracts could not work with."""
    return next(_faults(pack), None)


def _faults(pack: Pack) -> Iterator[str]:
    rules = pack.parameters
    for key in (*_KINDS, *_TERMS, *_WORDS, *_WORD_LISTS):
        if key not in rules:
            yield key
    for key, rule in rules.items():
        expected = _KINDS.get(key) or _IF_THERE.get(key)
        if expected is not None and kind_of(rule.value) != expected:
            yield key
        if any(
            bound is not None and as_number(bound) is None
            for bound in (rule.min, rule.max, rule.legal_min, rule.legal_max)
        ):
            yield key
        if key in _TERMS and not _bounded(rule, _TERMS[key]):
            yield key
        if key in _RANGES_IF_THERE and not _within(rule, *_RANGES_IF_THERE[key]):
            yield key
        if key.startswith(_PAPERS) and not (kind_of(rule.value) == "texts" and _among(rule, PAPERS)):
            yield key
        if key in _WORDS and not (kind_of(rule.value) == "text" and _among(rule, _WORDS[key])):
            yield key
        if key in _WORD_LISTS and not (rule.value and _among(rule, _WORD_LISTS[key])):
            yield key


def _bounded(rule: Parameter, limit: int) -> bool:
    highest = rule.value if rule.by == "nobody" else rule.max
    return kind_of(rule.value) == "integer" and type(highest) is int and highest <= limit


def _within(rule: Parameter, low: int, high: int) -> bool:
    if kind_of(rule.value) != "integer":
        return False
    if rule.by == "nobody":
        return bool(low <= rule.value <= high)
    least = 0 if rule.min is None else rule.min
    most = MAX_INTEGER if rule.max is None else rule.max
    return type(least) is int and type(most) is int and low <= least and most <= high


def _among(rule: Parameter, words: frozenset[str]) -> bool:
    """Whatever a charter may set is one of `words`."""
    values = rule.value if isinstance(rule.value, list) else [rule.value]
    options = [] if rule.by == "nobody" else rule.options
    return options is not None and all(
        isinstance(item, str) and item in words for item in (*values, *options)
    )
