"""`python -m tests.benchmarks`: what this machine does, beside what it could do (docs/benchmarks.md)."""

from __future__ import annotations

import argparse
import atexit
import os
import platform
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from coopnode import logs
from tests.benchmarks import accepting, micro, pages, replay, size, starting
from tests.benchmarks.figures import Figures, head
from tests.benchmarks.processes import ROOT, Others
from tests.postgresql import Cluster


@dataclass(frozen=True)
class Asked:
    """`cluster`: where databases are made; None for files."""

    folder: Path
    quick: bool
    size: int
    cluster: Cluster | None = None


def _accepting(figures: Figures, asked: Asked) -> None:
    accepting.run(figures, asked.folder, _prepared(asked), quick=asked.quick)


def _pages(figures: Figures, asked: Asked) -> None:
    pages.run(figures, asked.folder, _prepared(asked), quick=asked.quick)


@cache
def _prepared(asked: Asked) -> accepting.Prepared:
    data = asked.folder / "node"
    if asked.cluster is not None:
        asked.cluster.furnish(data)
    return accepting.prepare(data, people=200 if asked.quick else 500, matters=16 if asked.quick else 40)


def _size(figures: Figures, asked: Asked) -> None:
    size.run(figures, asked.folder, size=asked.size, quick=asked.quick, cluster=asked.cluster)


RUN: dict[str, Callable[[Figures, Asked], None]] = {
    "start": lambda figures, asked: starting.run(figures, asked.folder, quick=asked.quick),
    "parts": lambda figures, asked: micro.run(figures, asked.folder, quick=asked.quick),
    "replay": lambda figures, asked: replay.run(figures, asked.folder, quick=asked.quick),
    "accepting": _accepting,
    "pages": _pages,
    "size": _size,
}
GROUPS = tuple(RUN)
ON_DATABASE = ("accepting", "pages", "size")


def _on_postgresql(place: Path) -> Cluster:
    """A server of this run's own, on the disk to be measured, as a server is that nobody has tuned."""
    cluster = Cluster(place, shared_buffers="128MB", autovacuum="on")
    atexit.register(cluster.close)
    return cluster


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
    cluster = None
    if given.database == "postgresql":
        cluster = _on_postgresql(given.folder or Path(tempfile.gettempdir()))
    groups = GROUPS if cluster is None else ON_DATABASE
    wanted = given.only or ((size.GROUP,) if given.size else groups)
    quick, figures, began = given.quick, Figures(), time.perf_counter()
    large = given.size or (1_000 if quick else 20_000)
    print(
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python {platform.python_version()}",
        head(),
        sep="\n",
        flush=True,
    )
    disturbed: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="coopnode-bench-", dir=given.folder) as name:
        asked = Asked(Path(name), quick, large, cluster)
        for group in wanted:
            others = Others()
            RUN[group](figures, asked)
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
