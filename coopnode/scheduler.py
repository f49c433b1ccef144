"""One clock for everything that is done beside requests: letters, clean-ups.

The log's own deadlines are not here: they pass with its ticks, which the engine writes (P17).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from coopnode.condition import JobState

if TYPE_CHECKING:
    from coopnode.app import Leader
    from protocol.log import Accepted

log = structlog.get_logger()


@dataclass(frozen=True)
class Job:
    """`work` is called at the start, every `every` seconds, and soon after a commit that wrote into one of
    `domains`. One call at a time; an error is logged and the next call comes as if nothing had been."""

    name: str
    every: float
    work: Callable[[], Awaitable[object]]
    domains: Collection[str] = ()


class Scheduler:
    """The jobs of a node, each in a task of its own: a mail server that hangs keeps no other waiting."""

    def __init__(self, node: Leader, jobs: Sequence[Job]) -> None:
        self._node = node
        self._jobs = {job.name: (job, asyncio.Event()) for job in jobs}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """A node that only reads does nothing: it may be a copy of one that runs elsewhere."""
        if self._node.standing.doubt is not None:
            return
        self._node.sequencer.subscribe(self._committed)
        for name, (job, wake) in self._jobs.items():
            running = _run(job, wake, self._node.watch.jobs)
            self._tasks.append(asyncio.create_task(running, name=f"scheduler.{name}"))

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        for task in self._tasks:
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _committed(self, accepted: Sequence[Accepted]) -> None:
        touched: set[str] = {domain for entry in accepted for domain, _ in entry.writes}
        for job, wake in self._jobs.values():
            if not touched.isdisjoint(job.domains):
                wake.set()


async def _run(job: Job, wake: asyncio.Event, states: dict[str, JobState]) -> None:
    while True:
        problem = None
        try:
            await job.work()
        except Exception as error:
            # The text of an error may hold what stands in a row.
            problem = type(error).__name__
            log.error("a job failed", job=job.name, problem=problem)
        states[job.name] = JobState(job.name, int(time.time()), problem)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(wake.wait(), job.every)
        wake.clear()


def every(
    node: Leader,
    name: str,
    seconds: float,
    change: Callable[[Any, int], object],
    domains: Collection[str] = (),
) -> Job:
    """A job that is one write: `change(connection, now)`."""

    async def work() -> None:
        await node.database.write(lambda connection: change(connection, node.clock.peek()))

    return Job(name, seconds, work, domains)
