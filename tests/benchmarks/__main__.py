"""`python -m tests.benchmarks`: what this machine does, beside what it could do (docs/benchmarks.md)."""

from __future__ import annotations

import argparse
import atexit
import os
import platform
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

from coopnode import logs, testing
from tests.benchmarks import accepting, micro, pages, replay, size, starting
from tests.benchmarks.figures import Figures, head
from tests.benchmarks.processes import ROOT, Others
from tests.postgresql import Cluster


def _accepting(figures: Figures, folder: Path, quick: bool) -> None:
    accepting.run(figures, folder, _prepared(folder, quick), quick=quick)


def _pages(figures: Figures, folder: Path, quick: bool) -> None:
    pages.run(figures, folder, _prepared(folder, quick), quick=quick)


@cache
def _prepared(folder: Path, quick: bool) -> accepting.Prepared:
    return accepting.prepare(folder / "node", people=200 if quick else 500, matters=16 if quick else 40)


RUN: dict[str, Callable[[Figures, Path, bool], None]] = {
    "start": lambda figures, folder, quick: starting.run(figures, folder, quick=quick),
    "parts": lambda figures, folder, quick: micro.run(figures, folder, quick=quick),
    "replay": lambda figures, folder, quick: replay.run(figures, folder, quick=quick),
    "accepting": _accepting,
    "pages": _pages,
    "size": lambda figures, folder, quick: size.run(
        figures, folder, size=1_000 if quick else 20_000, quick=quick
    ),
}
GROUPS = tuple(RUN)
ON_DATABASE = ("accepting", "pages")


def _on_postgresql(place: Path) -> None:
    """A server of this run's own, on the disk to be measured."""
    cluster = Cluster(place)
    atexit.register(cluster.close)
    testing.furnish = cluster.furnish


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a look of half a minute instead of four")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    parser.add_argument("--only", choices=GROUPS, action="append", help="one group (may be repeated)")
    parser.add_argument(
        "--size",
        type=int,
        metavar="ENTRIES",
        help="of the log of the group size, up to 1000000 and more [default: 20000; alone: only this group]",
    )
    parser.add_argument(
        "--folder",
        type=Path,
        default=None,
        help="on the disk to be measured [default: where temporary files go]",
    )
    parser.add_argument(
        "--database",
        choices=("sqlite", "postgresql"),
        default="sqlite",
        help="what nodes stand on; with postgresql only what depends on it is measured",
    )
    given = parser.parse_args()
    if given.json:
        given.json = given.json.absolute()
    os.chdir(ROOT)
    logs.configure("warning")  # a node opened here would write between the figures
    if given.database == "postgresql":
        _on_postgresql(given.folder or Path(tempfile.gettempdir()))
    groups = ON_DATABASE if given.database == "postgresql" else GROUPS
    wanted, quick, figures, began = given.only or groups, given.quick, Figures(), time.perf_counter()
    if given.size:
        wanted = given.only or (size.GROUP,)
        RUN[size.GROUP] = lambda figures, folder, quick: size.run(
            figures, folder, size=given.size, quick=quick
        )
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}",
        head(),
        sep="\n",
        flush=True,
    )
    disturbed: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="coopnode-bench-", dir=given.folder) as name:
        folder = Path(name)
        for group in wanted:
            others = Others()
            RUN[group](figures, folder, quick)
            disturbed[group] = others.share()
            print(
                f"{group:11}meanwhile other programs used {disturbed[group]:.0%} of the machine", flush=True
            )
    seconds = time.perf_counter() - began
    print(f"{seconds:.0f} s, load {os.getloadavg()[0]:.1f}")
    if given.json:
        figures.write(given.json, quick=quick, seconds=seconds, cores=os.cpu_count(), disturbed=disturbed)


if __name__ == "__main__":
    main()
