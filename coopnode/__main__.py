"""The installed program: `coopnode COMMAND`, or `python -m coopnode`. Commands are in `coopnode.cli`."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> None:
    if sys.argv[1:] in (["--version"], ["-V"]):  # asked often and by scripts: nothing is imported for it
        from coopnode import __version__

        print(f"coopnode {__version__}")
        return
    try:
        from coopnode.cli import app

        app(prog_name="coopnode")  # also when Python was started with -m
    except MemoryError:
        _end("there is not enough memory for this; give it more, or end other programs")
    except Exception as error:
        from coopnode.store.troubles import in_words, known

        if known(error) is None:
            raise
        place = getattr(error, "filename", None)
        _end(f"{place}: {in_words(error)}" if place else in_words(error))


def _end(sentence: str) -> NoReturn:
    if "--json" in sys.argv:
        import json

        print(json.dumps({"ok": False, "code": "failed", "problem": sentence}, ensure_ascii=False))
    print(f"coopnode: {sentence}", file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    main()
