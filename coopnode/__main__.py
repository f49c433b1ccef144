"""The installed program: `coopnode COMMAND`, or `python -m coopnode`. Commands are in `coopnode.cli`."""

from __future__ import annotations

import sys


def main() -> None:
    if sys.argv[1:] in (["--version"], ["-V"]):  # asked often and by scripts: nothing is imported for it
        from coopnode import __version__

        print(f"coopnode {__version__}")
        return
    from coopnode.cli import app

    app(prog_name="coopnode")  # also when Python was started with -m


if __name__ == "__main__":
    main()
