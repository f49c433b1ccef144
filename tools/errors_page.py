"""Writes docs/errors.md, every code a node can answer with. A test keeps the page current."""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path

from protocol import acts, registry, wording
from web.problems import STATUS

PAGE = Path(__file__).parents[1] / "docs" / "errors.md"


def codes() -> list[str]:
    """All that have words."""
    words = json.loads(resources.files("protocol").joinpath("wording.json").read_text("utf-8"))
    return sorted(words["codes"])


def page() -> str:
    parts = [
        "# Errors\n",
        "An error is `application/problem+json` (RFC 9457) with a stable `code`; `field` names what is at",
        "fault, `facts` fill the sentence. Nothing was changed. Codes without a status of their own are 422:",
        "a rule of the log refused the document.",
        "Written by `.venv/bin/python -m tools.errors_page`.\n",
    ]
    for code in codes():
        parts.append(f"## {code}\n")
        domains = [
            name for name, module in registry.CONTRACTS.items() if code in getattr(module, "CODES", {})
        ]
        if code in acts.CODES:
            domains = ["every act of a person"]
        where = f" · {', '.join(domains)}" if domains else ""
        parts.append(f"*{STATUS.get(code, 422)}*{where}\n")
        parts.append(f"{wording.rejection(code, 'en')}\n")
        parts.append(f"{wording.rejection(code, 'ru')}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
