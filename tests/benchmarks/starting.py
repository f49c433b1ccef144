"""From the command to the first page."""

from __future__ import annotations

import http.client
import subprocess
import sys
import time
from pathlib import Path

from tests.benchmarks import processes
from tests.benchmarks.figures import Figures

GROUP = "start"


def run(figures: Figures, folder: Path, *, quick: bool) -> None:
    rounds = 1 if quick else 3
    first, again, words, python = [], [], [], []
    for number in range(rounds):
        python.append(_run("-c", "pass"))
        words.append(_run("-m", "coopnode", "--help"))
        first.append(_first_page(folder / f"start-{number}"))
        again.append(_first_page(folder / f"start-{number}"))
    figures.time(GROUP, "coopnode --help", min(words), "bare interpreter", min(python))
    figures.time(GROUP, "coopnode run, new directory, first page", min(first), "allowed", 2.0, 1.0)
    figures.time(GROUP, "coopnode run, again, first page", min(again), "allowed", 2.0, 1.0)


def _run(*arguments: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, *arguments], cwd=processes.ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _first_page(data: Path) -> float:
    began = time.perf_counter()
    with processes.node(data, settled=False) as server:
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        connection.request("GET", "/", headers={"Accept": "text/html"})
        connection.getresponse().read()
        connection.close()
        return time.perf_counter() - began
