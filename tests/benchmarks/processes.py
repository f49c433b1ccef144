"""Server and load program as processes on cores of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CORES = sorted(os.sched_getaffinity(0))
#: A benchmark measures the node, not its rationing.
PLENTY = {
    f"COOPNODE_LIMITS__{name}": "1000000000"
    for name in (
        "ACCOUNT_BURST",
        "ACCOUNT_RATE",
        "STRANGER_BURST",
        "STRANGER_RATE",
        "LOOKUPS_BURST",
        "LOOKUPS_RATE",
    )
}


@contextmanager
def process(arguments: Sequence[str], cores: Sequence[int] = CORES) -> Iterator[subprocess.Popen[str]]:
    """A Python process; told to stop and waited for in the end."""
    found = subprocess.Popen(
        [sys.executable, *arguments],
        cwd=ROOT,
        env={**os.environ, **PLENTY},
        stdout=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: os.sched_setaffinity(0, cores),
    )
    try:
        yield found
    finally:
        found.terminate()
        try:
            found.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            found.kill()
            found.communicate()


@dataclass(frozen=True)
class Server:
    port: int
    pid: int

    def cpu(self) -> float:
        """Seconds of processor time so far, of all its processes."""
        return sum(_cpu(pid) for pid in (self.pid, *children(self.pid)))

    def settle(self) -> None:
        """Until what a start leaves to be done — letters above all — is done."""
        for _ in range(40):
            before = self.cpu()
            time.sleep(0.25)
            if self.cpu() - before < 0.03:
                return


def _cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for each in tasks for child in each.read_text().split()]


@contextmanager
def node(data: Path, *, settled: bool = True) -> Iterator[Server]:
    """`coopnode run` over a data directory."""
    command = ["-m", "coopnode", "run", "--data", str(data), "--port", "0", "--signing-port", "0", "--json"]
    with process(command) as running:
        assert running.stdout is not None
        for text in running.stdout:
            if text.startswith("{") and "ready" in (said := json.loads(text)):
                server = Server(int(said["port"]), running.pid)
                if settled:
                    server.settle()
                yield server
                return
    raise RuntimeError(f"{' '.join(command)} did not start")


@contextmanager
def bare(folder: Path) -> Iterator[Server]:
    with process(["-m", "tests.benchmarks.bare", str(folder)]) as running:
        assert running.stdout is not None
        yield Server(int(running.stdout.readline()), running.pid)


def load(server: Server, target: str, *arguments: object) -> dict[str, Any]:
    """What the load program found; `cpu` is what one request took of the server's processor time."""
    before = server.cpu()
    command = ["-m", "tests.benchmarks.load", str(server.port), target, *map(str, arguments)]
    with process(command, CORES[-1:]) as running:
        assert running.stdout is not None
        found: dict[str, Any] = json.loads(running.stdout.read())
    return found | {"cpu": (server.cpu() - before) / max(1, found["sent"])}


class Others:
    """How much of the machine other programs used since this was made: what a bad figure may be due to."""

    def __init__(self) -> None:
        self._before = self._now()

    def share(self) -> float:
        """Of all cores, 0 to 1. Processes of ours count when they have ended."""
        busy, idle, own = (after - before for before, after in zip(self._before, self._now(), strict=True))
        return max(0.0, (busy - own) / max(busy + idle, 1e-9))

    @staticmethod
    def _now() -> tuple[float, float, float]:
        user, nice, system, idle, wait, *rest = map(
            int, Path("/proc/stat").read_text().split("\n")[0].split()[1:]
        )
        ticks = os.sysconf("SC_CLK_TCK")
        return (user + nice + system + sum(rest[:3])) / ticks, (idle + wait) / ticks, sum(os.times()[:4])


def syncs(folder: Path, seconds: float) -> float:
    """Appends of 4 KiB made durable in a second: 1 / fdatasync."""
    path = folder / "sync"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    block, count, began = os.urandom(4096), 0, time.perf_counter()
    try:
        while (spent := time.perf_counter() - began) < seconds:
            os.write(descriptor, block)
            os.fdatasync(descriptor)
            count += 1
    finally:
        os.close(descriptor)
        path.unlink()
    return count / spent
