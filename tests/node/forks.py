"""Nodes in processes of their own that start in milliseconds: a parent that has imported everything forks one
real process for each life, with sockets, files and threads made after the fork. It dies by SIGKILL like any
other.

The parent (`python -m tests.node.forks`) reads a line of JSON {"data", "fault"} for each life and answers
`started PID`, `listening PORT`, `ended STATUS`. It has no threads and holds no file of a node.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


class Life(Protocol):
    """A node's process from its start to its end."""

    async def listening(self) -> int | None:
        """The port; None when it died before."""

    def kill(self) -> None: ...

    async def wait(self) -> int:
        """The return code as `subprocess` has it: negative for a signal."""


@dataclass
class Started:
    """From the command line: the whole way, imports and all."""

    process: asyncio.subprocess.Process

    @classmethod
    async def start(cls, data: Path, fault: str | None) -> Started:
        environment = {name: value for name, value in os.environ.items() if name != "COOPNODE_FAULT"}
        if fault is not None:
            environment["COOPNODE_FAULT"] = fault
        command = (sys.executable, "-m", "tests.node.server", str(data), "0")
        return cls(
            await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=environment)
        )

    async def listening(self) -> int | None:
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        return int(line.split()[1]) if line else None

    def kill(self) -> None:
        self.process.kill()

    async def wait(self) -> int:
        return await self.process.wait()


@dataclass
class Forked:
    parent: asyncio.subprocess.Process
    pid: int
    code: int | None = None

    async def listening(self) -> int | None:
        word, value = await _answer(self.parent)
        if word == "listening":
            return value
        self.code = value
        return None

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)  # the parent reaps it later, so the number is still its own

    async def wait(self) -> int:
        while self.code is None:
            word, value = await _answer(self.parent)
            if word == "ended":
                self.code = value
        return self.code


@dataclass
class Forks:
    """One life after the other."""

    parent: asyncio.subprocess.Process

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Forks]:
        pipe = asyncio.subprocess.PIPE
        environment = {name: value for name, value in os.environ.items() if name != "COOPNODE_FAULT"}
        parent = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.node.forks", stdin=pipe, stdout=pipe, env=environment
        )
        try:
            yield cls(parent)
        finally:
            assert parent.stdin is not None
            parent.stdin.close()
            await parent.wait()

    async def start(self, data: Path, fault: str | None) -> Forked:
        assert self.parent.stdin is not None
        self.parent.stdin.write(json.dumps({"data": str(data), "fault": fault}).encode() + b"\n")
        word, pid = await _answer(self.parent)
        assert word == "started"
        return Forked(self.parent, pid)


async def _answer(parent: asyncio.subprocess.Process) -> tuple[str, int]:
    assert parent.stdout is not None
    line = await parent.stdout.readline()
    assert line, "the parent of the nodes has ended"
    word, value = line.decode().split()
    return word, int(value)


def main() -> None:
    import uvloop

    from coopnode import faults, logs, testing
    from coopnode.app import Node
    from tests.node import server
    from web.app import create_app

    logs.configure("warning", json=True)
    with tempfile.TemporaryDirectory() as folder:  # what is imported late is imported now
        node = Node.open(testing.config(Path(folder) / "data"))
        create_app(node)
        node.close()
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        asked = json.loads(line)
        told, tell = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.read(told, 1)  # "started" comes before whatever the child says
                os.close(told)
                os.close(tell)
                random.seed()
                faults.arm(asked["fault"])
                uvloop.run(server.main(Path(asked["data"]), 0))
            finally:
                os._exit(1)
        print("started", pid, flush=True)
        os.write(tell, b".")
        os.close(told)
        os.close(tell)
        _, status = os.waitpid(pid, 0)
        print("ended", os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
