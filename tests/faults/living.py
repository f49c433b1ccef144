"""A real node under a real fault: `coopnode run` with its data where a test wants it, asked over sockets."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import aiohttp

from coopnode import testing

ROOT: Final = Path(__file__).parents[2]
_COSE: Final = {"Content-Type": "application/cose"}
_PATIENCE: Final = 60


@dataclass
class Told:
    """How a command ended."""

    status: int
    out: str
    err: str

    @property
    def sentence(self) -> str:
        """What it says to the operator: the line that begins with the program's name."""
        found = [line for line in self.err.splitlines() if line.startswith("coopnode: ")]
        assert found, self.err[-2000:]
        return found[-1].removeprefix("coopnode: ")


@dataclass
class Life:
    """A node that runs."""

    process: asyncio.subprocess.Process
    port: int
    said: dict[str, Any]
    society: Society

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def get(self, path: str, **more: Any) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(30)) as session,
            session.get(self.url + path, **more) as answer,
        ):
            return answer.status, await answer.text()

    async def standing(self) -> dict[str, Any]:
        """What /readyz says."""
        found: dict[str, Any] = json.loads((await self.get("/readyz"))[1])
        return found

    async def post(self, raw: bytes) -> tuple[int, dict[str, Any]]:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(60)) as session,
            session.post(f"{self.url}/entries", data=raw, headers=_COSE) as answer,
        ):
            return answer.status, await answer.json(content_type=None)

    async def give(self, count: int = 1) -> list[tuple[int, dict[str, Any]]]:
        """New statements; what is acknowledged is remembered."""
        found = []
        for raw in self.society.statements(count):
            status, body = await self.post(raw)
            if status == 200:
                self.society.acknowledged[raw] = body["index"]
            found.append((status, body))
        return found

    async def until(self, condition: Any, seconds: float = 30.0) -> dict[str, Any]:
        """Until what /readyz says fulfils it."""
        async with asyncio.timeout(seconds):
            while not condition(found := await self.standing()):  # noqa: ASYNC110  (another process's doing)
                await asyncio.sleep(0.05)
        return found

    async def remembers(self) -> None:
        """Everything acknowledged has its old index."""
        assert self.society.acknowledged
        for raw, index in self.society.acknowledged.items():
            status, body = await self.post(raw)
            assert (status, body["index"]) == (200, index), body

    async def ended(self) -> int:
        return await asyncio.wait_for(self.process.wait(), _PATIENCE)


@dataclass
class Society:
    """A founded cooperative in `data`, and what its node has promised."""

    data: Path
    made: testing.Cooperative
    #: what starts its programs, in a place of their own
    enter: Sequence[str] = ()
    acknowledged: dict[bytes, int] = field(default_factory=dict)
    given: int = 0

    def statements(self, count: int) -> list[bytes]:
        start, self.given = self.given, self.given + count
        founder = self.made.founder
        return [self.made.consent(founder, f"p{number % 50}") for number in range(start, start + count)]

    @asynccontextmanager
    async def living(
        self,
        *,
        program: Sequence[str] = (sys.executable, "-m", "coopnode"),
        more: Mapping[str, str] | None = None,
        processes: int = 0,
        limits: Mapping[int, int] | None = None,
    ) -> AsyncIterator[Life]:
        environment = {**os.environ, "COOPNODE_WEB_PROCESSES": str(processes), "COOPNODE_LOG_LEVEL": "error"}
        environment |= {"COOPNODE_LIMITS__ACCOUNT_BURST": "100000", **(more or {})}
        process = await asyncio.create_subprocess_exec(
            *(*self.enter, *program, "run", "--data", str(self.data), "--json"),
            *("--port", "0", "--signing-port", "0"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            cwd=ROOT,
            env=environment,
            preexec_fn=_limited(limits),
        )
        try:
            assert process.stdout is not None
            said = json.loads(await asyncio.wait_for(process.stdout.readline(), _PATIENCE))
            yield Life(process, said.get("port", 0), said, self)
        finally:
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
                await asyncio.wait_for(process.wait(), _PATIENCE)

    async def refused(self, **more: Any) -> str:
        """A start that has to fail with status 2; the sentence it fails with."""
        told = await self.command("run", "--port", "0", "--signing-port", "0", **more)
        assert told.status == 2, (told.status, told.err[-2000:])
        assert "Traceback" not in told.err, told.err[-2000:]
        return told.sentence

    async def command(self, *arguments: str, **more: Any) -> Told:
        return await self._run(*arguments, "--data", str(self.data), **more)

    async def audit(self, *arguments: str, **more: Any) -> Told:
        return await self._run("audit", *arguments, **more)

    async def _run(
        self,
        *arguments: str,
        program: Sequence[str] = (sys.executable, "-m", "coopnode"),
        limits: Mapping[int, int] | None = None,
        more: Mapping[str, str] | None = None,
    ) -> Told:
        def work() -> Told:
            done = subprocess.run(
                [*self.enter, *program, *arguments],
                cwd=ROOT,
                env={**os.environ, "LC_ALL": "C.UTF-8", "COOPNODE_WEB_PROCESSES": "0", **(more or {})},
                capture_output=True,
                text=True,
                preexec_fn=_limited(limits),
                timeout=120,
            )
            return Told(done.returncode, done.stdout, done.stderr)

        return await asyncio.to_thread(work)

    async def sound(self) -> None:
        """The program's own check of the whole directory."""
        told = await self.command("verify")
        assert told.status == 0, told.out + told.err


def _limited(limits: Mapping[int, int] | None) -> Any:
    if not limits:
        return None

    def limit() -> None:
        for what, most in limits.items():
            resource.setrlimit(what, (most, most))

    return limit
