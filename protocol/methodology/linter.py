"""What is wrong, or risky, in a charter's parameters, said before anyone signs.

An error is refused by the contract. A warning is shown with its consequence and remedy and may be signed: where the statute leaves room,
or where we are not sure of it, the members decide. Codes are worded in `protocol/methodology/data/words.json`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Literal

from protocol.encoding import MAX_INTEGER
from protocol.methodology.packs import Pack, Parameter, is_fraction, kind_of

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`code` says what was found, `consequence` what follows from it, `remedy` what to do. `facts` fill the sentences."""

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
    ("founding.", "registration_refused"),
    ("sign.", "signature_contestable"),
)


def check_charter(pack: Pack, parameters: Mapping[str, Any]) -> list[Finding]:
    """Errors and warnings of a charter under a pack, in the order of the charter; then those that concern several keys."""
    findings: list[Finding] = []
    for key, value in parameters.items():
        parameter = pack.parameters.get(key)
        if parameter is None:
            findings.append(Finding("error", key, "parameter_unknown", "charter_refused", "remove_parameter"))
        elif parameter.by == "nobody" and value != parameter.value:
            facts = {"value": parameter.value, "law": parameter.law or ""}
            findings.append(Finding("error", key, "parameter_fixed", "charter_refused", "remove_parameter", facts))
        else:
            findings.extend(check_value(key, parameter, value))
    if not any(finding.severity == "error" for finding in findings):
        findings.extend(_together(pack, parameters))
    return findings


def check_value(key: str, parameter: Parameter, value: Any) -> Iterator[Finding]:
    """Type, options, hard bounds, then the legal lines."""
    if kind_of(value) is None or not _same_kind(parameter.value, value):
        yield Finding("error", key, "parameter_type", "charter_refused", "use_kind", {"kind": kind_of(parameter.value) or ""})
        return
    for item in _items(value):
        if parameter.options is not None and item not in parameter.options:
            facts = {"value": item, "options": parameter.options}
            yield Finding("error", key, "parameter_option", "charter_refused", "choose_option", facts)
            return
        number = _number(item)
        if number is None:
            continue
        low, high = _number(parameter.min), _number(parameter.max)
        if number < (0 if low is None else low):
            yield Finding("error", key, "parameter_too_small", "charter_refused", "raise_value", {"limit": parameter.min or 0})
            return
        if number > (MAX_INTEGER if high is None else high):
            yield Finding("error", key, "parameter_too_large", "charter_refused", "lower_value", {"limit": parameter.max or MAX_INTEGER})
            return
        yield from _legal_lines(key, parameter, number)


def _legal_lines(key: str, parameter: Parameter, number: Fraction) -> Iterator[Finding]:
    consequence = next((name for start, name in _CONSEQUENCES if key.startswith(start)), "rule_contestable")
    low, high = _number(parameter.legal_min), _number(parameter.legal_max)
    if low is not None and number < low:
        facts = {"line": parameter.legal_min, "law": parameter.law or ""}
        yield Finding("warning", key, "below_legal_line", consequence, "raise_to_line", facts)
    if high is not None and number > high:
        facts = {"line": parameter.legal_max, "law": parameter.law or ""}
        yield Finding("warning", key, "above_legal_line", consequence, "lower_to_line", facts)


def _together(pack: Pack, parameters: Mapping[str, Any]) -> Iterator[Finding]:
    def of(key: str) -> Any:
        return parameters.get(key, pack.parameters[key].value) if key in pack.parameters else None

    start, end = of("gm.annual.from_months"), of("gm.annual.until_months")
    if start is not None and end is not None and start >= end:
        yield Finding("error", "gm.annual.until_months", "window_empty", "charter_refused", "widen_window", {"from": start})
    cycles = of("gm.quorum.cycles")
    if cycles and any(Fraction(*later) > Fraction(*sooner) for sooner, later in zip(cycles, cycles[1:], strict=False)):
        yield Finding("error", "gm.quorum.cycles", "cycles_rise", "charter_refused", "order_cycles")
    if of("gm.quorum.floor") == [0, 1]:
        facts = {"line": [1, 2], "law": pack.parameters["gm.quorum.floor"].law or ""}
        yield Finding("warning", "gm.quorum.floor", "quorum_without_floor", "meeting_void", "set_floor", facts)
    majority, base = of("council.majority"), of("council.majority_base")
    if majority is not None and base == "ballots" and Fraction(*majority) < Fraction(1, 2):
        yield Finding("warning", "council.majority", "minority_decides", "council_contestable", "raise_to_line", {"line": [1, 2]})


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


def _number(value: Any) -> Fraction | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Fraction(value)
    return Fraction(*value) if is_fraction(value) else None
