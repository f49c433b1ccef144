"""docs/tampering.md: one line for each kind of tampering, as the program itself answered when a test did it.

`says` is called by the tests with what was found and compares it with the line that is written there;
`python -m tools.tampering_page` lets the same tests write the page anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from coopnode.audit import Problem

PAGE: Final = Path(__file__).parents[2] / "docs" / "tampering.md"
#: heading → what is done there, and which command finds it
SECTIONS: Final = {
    "Files on their way": (
        "Somebody who holds or carries a copy of the log and cannot sign: a disk, a proxy, a mirror. Found by"
        " `coopnode audit`, from a folder and from an address alike."
    ),
    "Two histories": (
        "The node signs a head that contradicts one it signed before. Found by `coopnode audit --since`, with"
        " the head somebody kept; a saved head of another log is told apart."
    ),
    "A node against its own rules": (
        "The cooperative's own node puts a statement that the rules forbid into its tree and signs the head"
        " over it. Found by `coopnode audit`. Numbers are of the log of a council of five with one admission."
    ),
    "A rewritten past": (
        "The node changes entries that stood already, and signs everything anew. Found by `coopnode audit`."
    ),
    "A node's own directory": (
        "Somebody with access to the disk changes database, files or keys. Found by `coopnode verify`."
    ),
}
HEADING: Final = """# Tampering

Every kind of tampering that the tests make, on real logs and data directories, and what the program
answered: the first bad entry, and who could have done it. The kind is the name of its test.
`./dev test tests/audit` does all of it again and compares each answer with its line.
Written by `.venv/bin/python -m tools.tampering_page`.
"""
_HEAD: Final = (
    "| kind | what is found | first bad entry | code | who could have done it |\n|---|---|---|---|---|\n"
)

#: while the page is written: section → kind → line
recording: dict[str, dict[str, str]] | None = None
_written: dict[str, dict[str, str]] = {}


def says(section: str, kind: str, problem: Problem, place: str | None = None) -> None:
    """`place` replaces the number of the entry where it differs from run to run."""
    made = _line(kind, problem, place)
    if recording is not None:
        recording[section][kind] = made
        return
    assert written()[section].get(kind) == made, "run: .venv/bin/python -m tools.tampering_page"


def written() -> dict[str, dict[str, str]]:
    """section → kind → line, as the page stands."""
    if not _written:
        section = ""
        for line in PAGE.read_text("utf-8").splitlines():
            if line.startswith("## "):
                section = line.removeprefix("## ")
                _written[section] = {}
            elif section and line.startswith("| ") and not line.startswith("| kind "):
                _written[section][line[2:].split(" |", 1)[0]] = line
    return _written


def whole(found: dict[str, dict[str, str]]) -> str:
    parts = [HEADING]
    for section, lines in found.items():
        table = "".join(f"{line}\n" for line in lines.values())
        parts.append(f"## {section}\n\n{SECTIONS[section]}\n\n{_HEAD}{table}")
    return "\n".join(parts)


def _line(kind: str, problem: Problem, place: str | None) -> str:
    entry = place or ("—" if problem.index is None else str(problem.index))
    return f"| {kind} | {problem.sentence()} | {entry} | `{problem.code}` | {problem.culprit()} |"
