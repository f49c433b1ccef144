"""What a process has counted since its start, for monitoring: numbers of acts, times, sizes. No label names a
person, an account or an address.

Every process counts for itself. Those for pages pass their counts on to the one that writes the log
(`coopnode.channel`), where they are added up; the counts of one that has gone stay in the sum, so that no
number goes back before the whole node starts anew.
"""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Hashable, Iterable
from functools import cache
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

from coopnode.answers import Answer, Busy, Committed, Refusal
from protocol import registry

A = TypeVar("A", bound=Answer)

disable_created_metrics()  # type: ignore[no-untyped-call]  # not annotated there
REGISTRY: Final = CollectorRegistry()

#: `type` is one of the registry's or "other", "-" before it is known; `code` one that this program gives.
ANSWERS: Final = Counter(
    "coopnode_answers",
    "Statements answered, by type and by what the answer was",
    ("type", "outcome", "code"),
    registry=REGISTRY,
)
COMMIT: Final = Histogram(
    "coopnode_commit_seconds",
    "Durable transactions of the log",
    buckets=(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1, 5),
    registry=REGISTRY,
)
BATCH: Final = Histogram(
    "coopnode_batch_entries",
    "Entries of one transaction",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
    registry=REGISTRY,
)
REQUESTS: Final = Histogram(
    "coopnode_http_seconds",
    "Requests, by the pattern of their address",
    ("method", "route"),
    buckets=(0.005, 0.02, 0.05, 0.1, 0.25, 1, 5),
    registry=REGISTRY,
)
RESPONSES: Final = Counter(
    "coopnode_http_responses", "Requests, by the status of the answer", ("status",), registry=REGISTRY
)
LETTERS: Final = Counter(
    "coopnode_letters", "Attempts to hand a letter over, by their end", ("outcome",), registry=REGISTRY
)

PUSHES: Final = Counter(
    "coopnode_pushes",
    "Attempts to wake a device by its push service, by their end",
    ("outcome",),
    registry=REGISTRY,
)

#: (name of the sample, labels as name, value, name, value …) → number
Counts = dict[tuple[str, tuple[str, ...]], float]


def answered(type: str, answer: A) -> A:
    """Counts an answer and hands it on. `type` is empty when the statement could not be read."""
    named = type if type in registry.TYPES else "other" if type else "-"
    if isinstance(answer, Committed):
        outcome, code = "again" if answer.again else "accepted", "-"
    elif isinstance(answer, Refusal):
        outcome, code = "refused", answer.code
    else:
        assert isinstance(answer, Busy)
        outcome, code = "busy", answer.code
    _answers(named, outcome, code).inc()
    return answer


def requested(method: str, route: str, status: int, seconds: float) -> None:
    """`route` is the pattern, "-" for an address that does not exist."""
    _requests(method if method in ("GET", "POST") else "other", route).observe(seconds)
    _responses(status).inc()


# `labels` checks and converts its arguments anew each time, which costs more than counting.


@cache
def _answers(type: str, outcome: str, code: str) -> Counter:
    return ANSWERS.labels(type, outcome, code)


@cache
def _requests(method: str, route: str) -> Histogram:
    return REQUESTS.labels(method, route)


@cache
def _responses(status: int) -> Counter:
    return RESPONSES.labels(str(status))


def counts() -> Counts:
    """Of this process, up to now."""
    return {
        (sample.name, tuple(part for label in sorted(sample.labels.items()) for part in label)): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
    }


def add(parts: Iterable[Counts]) -> Counts:
    """Counters and histograms add up."""
    total: Counts = {}
    for part in parts:
        for name, value in part.items():
            total[name] = total.get(name, 0) + value
    return total


class Process(msgspec.Struct, array_like=True, frozen=True):
    """One process of the node: bytes of memory, open files, seconds of processor time."""

    role: str
    pid: int
    started: int
    memory: int
    files: int
    most_files: int
    cpu: float


_STARTED: Final = int(time.time())


def process(role: str) -> Process:
    """This one. `role` is "writer" or "pages"."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return Process(
        role,
        os.getpid(),
        _STARTED,
        _memory(),
        _open_files(),
        resource.getrlimit(resource.RLIMIT_NOFILE)[0],
        used.ru_utime + used.ru_stime,
    )


def _memory() -> int:
    """Resident now; where the system does not tell, the most there ever was."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _open_files() -> int:
    for folder in ("/proc/self/fd", "/dev/fd"):
        try:
            return len(os.listdir(folder))
        except OSError:
            continue
    return 0


class Report(msgspec.Struct, array_like=True):
    """What one process tells of itself."""

    process: Process
    counts: list[tuple[str, tuple[str, ...], float]]

    @classmethod
    def now(cls, role: str) -> Report:
        found = [(name, labels, value) for (name, labels), value in counts().items()]
        return cls(process(role), found)


class Sum:
    """Of the processes for pages, at the one that writes."""

    def __init__(self) -> None:
        self._gone: Counts = {}
        self._here: dict[Hashable, Report] = {}

    def heard(self, who: Hashable, report: Report) -> None:
        self._here[who] = report

    def left(self, who: Hashable) -> None:
        report = self._here.pop(who, None)
        if report is not None:
            self._gone = add((self._gone, _of(report)))

    def counts(self) -> Counts:
        return add((self._gone, *(_of(report) for report in self._here.values())))

    def processes(self) -> list[Process]:
        return sorted((report.process for report in self._here.values()), key=lambda found: found.pid)


def _of(report: Report) -> Counts:
    return {(name, labels): value for name, labels, value in report.counts}
