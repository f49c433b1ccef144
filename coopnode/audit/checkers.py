"""Signatures checked in processes of their own, each of which runs `checker`.

A process and not a thread: the reducer keeps the interpreter lock busy, so a thread that comes back from
libsodium after 40 µs waits milliseconds for it. And not `multiprocessing`: it would import the caller's
main program again.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

from coopnode.audit import checker
from protocol.signatures import Signed

#: Linux gives a pipe this much room, so that the reducer hands over several chunks without waiting.
_PIPE_BYTES: Final = 2**20


class CheckerDied(Exception):
    """One of the processes has ended before its time."""

    def __init__(self) -> None:
        super().__init__(
            "a process that checks signatures was ended, mostly for want of memory: give it more, or fewer "
            "processes (--workers 1)"
        )


class Checkers:
    """Some worker processes, fed in turns. Answers come in the order of the questions of each `Ticket`."""

    def __init__(self, count: int) -> None:
        root = str(Path(__file__).resolve().parents[2])
        path = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH"))))
        # By its file: as a module of its package it would load all of the auditor.
        command = [sys.executable, "-P", checker.__file__]
        self._workers = [
            subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                bufsize=0,
                env={**os.environ, "PYTHONPATH": path},
            )
            for _ in range(count)
        ]
        self._next = 0
        for worker in self._workers:
            assert worker.stdin is not None
            _widen(worker.stdin.fileno())

    def submit(self, items: Sequence[Signed]) -> Ticket:
        worker = self._workers[self._next]
        self._next = (self._next + 1) % len(self._workers)
        assert worker.stdin is not None and worker.stdout is not None
        parts = [b""]
        for pub, message, signature in items:
            parts += pub, (64 + len(message)).to_bytes(4, "big"), signature, message
        parts[0] = sum(map(len, parts)).to_bytes(4, "big")
        try:
            _write(worker.stdin, b"".join(parts))
        except BrokenPipeError as error:
            raise CheckerDied from error
        return Ticket(worker.stdout, len(items))

    def close(self) -> None:
        for worker in self._workers:
            assert worker.stdin is not None and worker.stdout is not None
            worker.kill()
            worker.stdin.close()
            worker.stdout.close()
            worker.wait()


class Ticket:
    """A chunk on its way. Tickets of one worker must be asked in the order they were given."""

    __slots__ = ("_answers", "_count")

    def __init__(self, answers: object, count: int) -> None:
        self._answers, self._count = answers, count

    def result(self) -> list[bool]:
        """Raises CheckerDied."""
        return [byte == 1 for byte in _read(self._answers, self._count)]  # type: ignore[arg-type]


def _write(pipe: object, data: bytes) -> None:
    view = memoryview(data)
    while view:
        done = pipe.write(view)  # type: ignore[attr-defined]
        view = view[done or 0 :]


def _read(pipe: BinaryIO, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = pipe.read(size - len(data))
        if not more:
            raise CheckerDied
        data += more
    return data


def _widen(descriptor: int) -> None:
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
