"""What is wrong, or risky, in a charter's parameters, said before anyone signs.

An error is refused by the contract. A warning is shown with its consequence and remedy and may be signed:
where the statute leaves room, or where we are not sure of it, the members decide. Codes are worded in
`data/words.json` beside the packs.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from protocol.encoding import MAX_INTEGER
from protocol.methodology.parameters import Parameter, is_fraction, kind_of

if TYPE_CHECKING:
    from protocol.methodology.packs import Pack

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` says what was found, `consequence` what follows, `remedy` what to do."""

    severity: Severity
    key: str
    code: str
    consequence: str
    remedy: str
    facts: Mapping[str, Any] = field(default_factory=dict)


#: What crossing the legal line leads to, by the beginning of the key; the first match counts.
_CONSEQUENCES = (
    ("gm.quorum", "meeting_void"),
    ("gm.majority", "meeting_void"),
    ("gm.notice", "meeting_contestable"),
    ("gm.remote", "meeting_contestable"),
    ("gm.", "meeting_contestable"),
    ("plenipotentiary.", "meeting_contestable"),
    ("district.", "meeting_contestable"),
    ("council.", "council_contestable"),
    ("member.", "membership_contestable"),
    ("identity.", "membership_contestable"),
    ("founding.", "registration_refused"),
    ("sign.", "signature_contestable"),
)


def check_charter(pack: Pack, parameters: Mapping[str, Any]) -> list[Finding]:
    """Errors and warnings of a charter under a pack, in the charter's order; last those on several keys."""
    findings: list[Finding] = []
    for key, value in parameters.items():
        parameter = pack.parameters.get(key)
        if parameter is None:
            findings.append(_error(key, "parameter_unknown", "remove_parameter"))
        elif parameter.by == "nobody" and value != parameter.value:
            findings.append(
                _error(
                    key, "parameter_fixed", "remove_parameter", value=parameter.value, law=parameter.law or ""
                )
            )
        else:
            findings.extend(check_value(key, parameter, value))
    if not any(finding.severity == "error" for finding in findings):
        findings.extend(_together(pack, parameters))
    return findings


def check_value(key: str, parameter: Parameter, value: Any) -> Iterator[Finding]:
    """Type, options, hard bounds, then the legal lines."""
    if kind_of(value) is None or not _same_kind(parameter.value, value):
        yield _error(key, "parameter_type", "use_kind", kind=kind_of(parameter.value) or "")
        return
    for item in _items(value):
        if parameter.options is not None and item not in parameter.options:
            yield _error(key, "parameter_option", "choose_option", value=item, options=parameter.options)
            return
        number = as_number(item)
        if number is None:
            continue
        low, high = as_number(parameter.min), as_number(parameter.max)
        if number < (0 if low is None else low):
            yield _error(key, "parameter_too_small", "raise_value", limit=parameter.min or 0)
            return
        if number > (MAX_INTEGER if high is None else high):
            yield _error(key, "parameter_too_large", "lower_value", limit=parameter.max or MAX_INTEGER)
            return
        yield from _legal_lines(key, parameter, number)


def _legal_lines(key: str, parameter: Parameter, number: Fraction) -> Iterator[Finding]:
    low, high = as_number(parameter.legal_min), as_number(parameter.legal_max)
    law = parameter.law or ""
    if low is not None and number < low:
        yield _warning(key, "below_legal_line", "raise_to_line", line=parameter.legal_min, law=law)
    if high is not None and number > high:
        yield _warning(key, "above_legal_line", "lower_to_line", line=parameter.legal_max, law=law)


def _error(key: str, code: str, remedy: str, **facts: Any) -> Finding:
    return Finding("error", key, code, "charter_refused", remedy, facts)


def _warning(key: str, code: str, remedy: str, **facts: Any) -> Finding:
    consequence = next((name for start, name in _CONSEQUENCES if key.startswith(start)), "rule_contestable")
    return Finding("warning", key, code, consequence, remedy, facts)


def _together(pack: Pack, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    def of(key: str) -> Any:
        return parameters.get(key, pack.parameters[key].value) if key in pack.parameters else None

    start, end = of("gm.annual.from_months"), of("gm.annual.until_months")
    if start is not None and end is not None and start >= end:
        yield _error("gm.annual.until_months", "window_empty", "widen_window", start=start)
    cycles = of("gm.quorum.cycles")
    if cycles and any(Fraction(*later) > Fraction(*sooner) for sooner, later in pairwise(cycles)):
        yield _error("gm.quorum.cycles", "cycles_rise", "order_cycles")
    if of("gm.quorum.floor") == [0, 1]:
        law = pack.parameters["gm.quorum.floor"].law or ""
        yield _warning("gm.quorum.floor", "quorum_without_floor", "set_floor", line=[1, 2], law=law)
    limited, age = of("member.min_age_limited"), of("member.min_age")
    if limited is not None and age is not None and limited > age:
        yield _error("member.min_age_limited", "ages_crossed", "lower_age", line=age)
    majority, base = of("council.majority"), of("council.majority_base")
    if majority is not None and base == "ballots" and Fraction(*majority) < Fraction(1, 2):
        yield _warning("council.majority", "minority_decides", "raise_to_line", line=[1, 2], law="")


def _same_kind(default: Any, value: Any) -> bool:
    if isinstance(default, list) and not default and isinstance(value, list):
        return True
    expected, found = kind_of(default), kind_of(value)
    if value == [] and expected in ("texts", "fractions"):
        return True
    return expected == found


def _items(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return list(value.values())
    return value if isinstance(value, list) and not is_fraction(value) else [value]


def as_number(value: Any) -> Fraction | None:
    """An integer or a fraction; None for anything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Fraction(value)
    return Fraction(*value) if is_fraction(value) else None
