"""Writes docs/documents.md from the registry: `.venv/bin/python -m tools.documents_page`. A test keeps the
page current."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from protocol import registry, wording
from protocol.contract import DocumentType

PAGE = Path(__file__).parents[1] / "docs" / "documents.md"
SIGNERS = {"person": "a person", "node": "the node", "founder": "the founder"}


def page() -> str:
    parts = [
        "# Documents\n",
        "Every document a log can hold (`protocol/registry.py`, SPEC §11). *Private* fields stand in the log",
        "only as salted commitments; their readers are roles inside the cooperative. A field marked",
        "*optional* may be left out; a choice is one of the values named, or others too where it",
        "says *such as*.",
        "Written by `.venv/bin/python -m tools.documents_page`.\n",
    ]
    for domain in registry.CONTRACTS:
        kinds = [kind for kind in registry.TYPES.values() if kind.domain == domain]
        if domain == "cooperative":
            kinds += [kind for kind in registry.TYPES.values() if kind.domain == "node"]
        if kinds:
            parts.append(f"## {domain}\n")
            parts.extend(section(kind) for kind in kinds)
    parts.append("## Reserved names\n")
    parts.append(", ".join(f"`{name}`" for name in registry.RESERVED) + "\n")
    return "\n".join(parts)


def section(kind: DocumentType) -> str:
    facts = [f"signed by {SIGNERS[kind.signer]}", f"log: {kind.log}"]
    facts += [flag for flag in ("public", "seen", "fresh", "token") if getattr(kind, flag)]
    if kind.founding:
        facts.append("allowed before the cooperative is constituted")
    if kind.number:
        facts.append(f"number in practice: {kind.number}")
    lines = [
        f"### `{kind.name}`",
        "",
        f"**{wording.title(kind.name, 'ru')}** · {wording.title(kind.name, 'en')}  ",
        f"{'; '.join(facts)}.",
        "",
        wording.effect(kind.name, "ru"),
        "",
        "| field | format | ru | en | readers |",
        "|---|---|---|---|---|",
    ]
    readers = {item.name: ", ".join(item.readers) for item in kind.private}
    lines += [row(kind, path, entry, readers) for path, entry in flat(wording.fields(kind))]
    return "\n".join(lines) + "\n"


def flat(fields: list[dict[str, Any]], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """(path, field), each followed by those inside it."""
    for entry in fields:
        path = prefix + entry["name"]
        yield path, entry
        yield from flat(entry.get("fields", []), f"{path}.")


def row(kind: DocumentType, path: str, entry: dict[str, Any], readers: dict[str, str]) -> str:
    title = entry["title"]
    format = entry["format"] + (f" of {entry['of']}" if "of" in entry else "")
    if "values" in entry:
        closed = wording.choices(kind).get(path)
        values = ", ".join(f"`{value}`" for value in closed or entry["values"])
        format += f": {values}" if closed else f", such as {values}"
    if path in wording.optional(kind):
        format += "; *optional*"
    access = readers[path] if entry["private"] else "as the statement"
    shown = f"*{path}*" if entry["private"] else path
    return f"| {shown} | {format} | {title['ru']} | {title['en']} | {access} |"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
