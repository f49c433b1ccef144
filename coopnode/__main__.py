"""The installed program: `coopnode COMMAND`, or `python -m coopnode`. Commands are in `coopnode.cli`."""

from __future__ import annotations

import sys
from typing import Final, NoReturn


def main() -> None:
    if sys.argv[1:] in (["--version"], ["-V"]):  # asked often and by scripts: nothing is imported for it
        from coopnode import __version__

        print(f"coopnode {__version__}")
        return
    try:
        from coopnode.cli import app

        app(prog_name="coopnode")  # also when Python was started with -m
    except Exception as error:
        sentence = _sentence(error)
        if sentence is None:
            raise
        _end(sentence)


_MEMORY: Final = "there is not enough memory for this; give it more, or end other programs"
#: what the system's loader says of a library for which there is no memory
_UNMAPPED: Final = ("failed to map segment", "annot allocate memory")


def _sentence(error: Exception) -> str | None:
    """What the machine lacks, and what to do; None for errors of our own."""
    if isinstance(error, MemoryError):
        return _MEMORY
    if isinstance(error, ImportError | OSError) and any(sign in str(error) for sign in _UNMAPPED):
        return _MEMORY
    try:
        from coopnode.store.troubles import in_words, known
    except MemoryError:
        return _MEMORY
    if known(error) is None:
        return None
    place = getattr(error, "filename", None)
    return f"{place}: {in_words(error)}" if place else in_words(error)


def _end(sentence: str) -> NoReturn:
    if "--json" in sys.argv:
        import json

        print(json.dumps({"ok": False, "code": "failed", "problem": sentence}, ensure_ascii=False))
    print(f"coopnode: {sentence}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
