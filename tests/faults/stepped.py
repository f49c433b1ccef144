"""The program with a clock that a file moves: `python -m tests.faults.stepped FILE run …`.

The system's own clock belongs to everybody. FILE holds seconds that are added; the rest is the real thing.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

_time = time.time


def _moved(file: Path) -> float:
    try:
        return _time() + float(file.read_text() or 0)
    except FileNotFoundError:
        return _time()


if __name__ == "__main__":
    _file = Path(sys.argv.pop(1))
    time.time = lambda: _moved(_file)
    from coopnode.__main__ import main

    main()
