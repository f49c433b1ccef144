"""`python -m tests.benchmarks`: what this machine does, beside what it could do (docs/benchmarks.md)."""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path

from tests.benchmarks import accepting, micro, pages, replay, starting
from tests.benchmarks.figures import Figures, head
from tests.benchmarks.processes import ROOT

GROUPS = ("start", "parts", "replay", "accepting", "pages")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a look of half a minute instead of four")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--only", choices=GROUPS, action="append", help="one group (may be repeated)")
    parser.add_argument(
        "--folder",
        type=Path,
        default=None,
        help="on the disk to be measured [default: where temporary files go]",
    )
    given = parser.parse_args()
    wanted, quick, figures, began = given.only or GROUPS, given.quick, Figures(), time.perf_counter()
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}",
        head(),
        sep="\n",
        flush=True,
    )
    with tempfile.TemporaryDirectory(prefix="coopnode-bench-", dir=given.folder) as name:
        folder = Path(name)
        if "start" in wanted:
            starting.run(figures, folder, quick=quick)
        if "parts" in wanted:
            micro.run(figures, folder, quick=quick)
        if "replay" in wanted:
            replay.run(figures, folder, quick=quick)
        if "accepting" in wanted or "pages" in wanted:
            prepared = accepting.prepare(
                folder / "node", people=200 if quick else 500, matters=8 if quick else 30
            )
            if "accepting" in wanted:
                accepting.run(figures, folder, prepared, quick=quick)
            if "pages" in wanted:
                pages.run(figures, folder, prepared, quick=quick)
    seconds = time.perf_counter() - began
    print(f"{seconds:.0f} s, load {os.getloadavg()[0]:.1f}")
    if given.json:
        figures.write(given.json, quick=quick, seconds=seconds, cores=os.cpu_count(), load=os.getloadavg()[0])


if __name__ == "__main__":
    os.chdir(ROOT)
    main()
