"""Writes docs/documents.md from the registry: `.venv/bin/python -m tools.documents_page`. A test keeps the
page current."""

from __future__ import annotations

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
        "only as salted commitments; their readers are roles inside the cooperative.",
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
    lines += [row(entry, readers) for entry in wording.fields(kind)]
    return "\n".join(lines) + "\n"


def row(entry: dict[str, Any], readers: dict[str, str]) -> str:
    name, title = entry["name"], entry["title"]
    format = entry["format"] + (f" of {entry['of']}" if "of" in entry else "")
    access = readers[name] if entry["private"] else "as the statement"
    shown = f"*{name}*" if entry["private"] else name
    return f"| {shown} | {format} | {title['ru']} | {title['en']} | {access} |"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
