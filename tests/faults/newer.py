"""The program as a later version, whose schema has moved on: `python -m tests.faults.newer FOLDER run …`.

FOLDER is the one of its migrations.
"""

from __future__ import annotations

import sys
from pathlib import Path

from coopnode.store import database

if __name__ == "__main__":
    database._MIGRATIONS = Path(sys.argv.pop(1))
    from coopnode.__main__ import main

    main()
