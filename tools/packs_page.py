"""Writes docs/packs.md from the packs of this release: `.venv/bin/python -m tools.packs_page`. A test keeps
the page current."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from protocol import methodology, wording
from protocol.methodology import Pack, Parameter

PAGE = Path(__file__).parents[1] / "docs" / "packs.md"
SETTERS = {"charter": "charter", "decision": "decision", "nobody": "fixed"}
HEAD = """# Methodology packs

Law and practice of one country and one form, as data (`protocol/methodology/data/`, SPEC §7.3). A value in
force is the charter's where it sets one, else the pack's. *Source* says where a default comes from:
`statute` (read), `secondary` (a source about the statute), `charters in use`, `own`; R… and A… are rules
and readings of the seed. A **?** marks what was not compared with the statute in force: a lawyer has to
confirm it, and the founding pages say so beside the rule. What was read, and where, stands in
[`legal-notes.md`](legal-notes.md).

A second country needs no code. A folder named by `countries` in `coopnode.toml` holds `packs/*.toml` (with
`[local]`: time zone, telephone and registration numbers, language), `texts/<language>/<pack>/` with what
members sign (texts right in `<language>/` serve every form), and for another language
`words/<language>.json` (English words of rules and documents → the language) and
`locale/<language>/LC_MESSAGES/*.po`. What a translation lacks stands in English. `tests/fixtures/xx` is a
small example. The pages of the signing origin and printed forms are Russian and English only.

Written by `.venv/bin/python -m tools.packs_page`.
"""


def page() -> str:
    packs = [methodology.load(name) for name in methodology.available()]
    rows = ["| pack | form | rules | to be confirmed |", "|---|---|---|---|"]
    rows += [
        f"| [`{_id(pack)}`](#{_id(pack)}) | {pack.title['ru']} · {pack.title['en']} | {len(pack.parameters)}"
        f" | {len(methodology.unconfirmed(pack))} |"
        for pack in packs
    ]
    return "\n".join([HEAD, *rows, "", *(part for pack in packs for part in section(pack))])


def section(pack: Pack) -> list[str]:
    lines = [f"## {_id(pack)}", "", f"{pack.note['ru']}.  ", f"{pack.note['en']}.", ""]
    local = methodology.local(pack)
    lines += [
        f"Country {pack.country}, time zone {local.time_zone or 'UTC'}, language {local.language or 'en'}. "
        + "Signed before joining: "
        + ", ".join(wording.agreement(kind, "en") for kind in pack.agreements)
        + ". Reserved for the general meeting: "
        + ", ".join(wording.matter(kind, "en") for kind in pack.reserved)
        + ".",
        "",
        "| rule | ru | en | value | bounds | set by | law | source |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [row(key, rule) for key, rule in pack.parameters.items()]
    return [*lines, ""]


def row(key: str, rule: Parameter) -> str:
    source = (rule.source or "").removesuffix("?").rstrip()
    if (rule.source or "").endswith("?"):
        source = f"{source} **?**"
    title = [wording.parameter(key, locale) for locale in wording.LOCALES]
    words = [f"{name}, {unit}" if unit else name for name, unit in title]
    cells = [
        f"`{key}`",
        *words,
        said(rule.value),
        bounds(rule),
        SETTERS[rule.by],
        rule.law or "",
        source.strip(),
    ]
    return "| " + " | ".join(cells) + " |"


def bounds(rule: Parameter) -> str:
    found = []
    if rule.min is not None or rule.max is not None:
        low, high = (said(each) if each is not None else "" for each in (rule.min, rule.max))
        found.append(f"{low}…{high}")
    if rule.options is not None:
        found.append(" / ".join(str(option) for option in rule.options))
    if rule.legal_min is not None:
        found.append(f"law: at least {said(rule.legal_min)}")
    if rule.legal_max is not None:
        found.append(f"law: at most {said(rule.legal_max)}")
    return "; ".join(found)


def said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and len(value) == 2 and all(type(part) is int for part in value):
        return f"{value[0]}/{value[1]}"
    if isinstance(value, list):
        return ", ".join(said(item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{name} {said(item)}" for name, item in value.items())
    return value if isinstance(value, str) else json.dumps(value)


def _id(pack: Pack) -> str:
    return f"{pack.name}-{pack.version}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
