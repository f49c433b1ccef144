"""The load program: many keep-alive connections from one process, nothing but sockets.

Closed loop: every connection sends its next request when the answer to the last has come. With `--rate`
requests start at fixed moments whatever the server does, and a request's time counts from its moment, so that
a slow answer is not hidden by the requests that waited for it.
Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from time import perf_counter

import uvloop


class Connection(asyncio.Protocol):
    def __init__(self, load: Load) -> None:
        self._load = load
        self._buffer = b""
        self._began = 0.0
        self.request = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self._transport = transport  # type: ignore[assignment]

    def send(self, request: bytes, began: float) -> None:
        assert self._transport is not None
        self._began, self.request = began, request
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self._buffer[:end].lower()
        at = head.find(b"content-length:")
        size = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self._buffer) < end + 4 + size:
            return
        status = int(self._buffer[9:12])
        self._buffer = b""
        self._load.answered(self, status, self._began)

    def connection_lost(self, error: Exception | None) -> None:
        self._load.statuses["lost"] += 1


class Load:
    def __init__(self, requests: Iterator[bytes], seconds: float, warm: float, rate: float) -> None:
        self._requests, self._seconds, self._warm, self._rate = requests, seconds, warm, rate
        self.statuses: Counter[str] = Counter()
        self.times: list[float] = []
        #: times by request, when there are few different ones
        self.by: defaultdict[bytes, list[float]] = defaultdict(list)
        self.sent = 0
        self._idle: deque[Connection] = deque()
        self._late: deque[float] = deque()
        self._ended = asyncio.Event()
        self._busy = 0

    async def run(self, port: int, connections: int) -> float:
        loop = asyncio.get_running_loop()
        made = [
            (await loop.create_connection(lambda: Connection(self), "127.0.0.1", port))[1]
            for _ in range(connections)
        ]
        began = perf_counter()
        self._from, self._until = began + self._warm, began + self._warm + self._seconds
        if self._rate:
            self._idle.extend(made)
            await self._paced(began)
        else:
            for connection in made:
                self._next(connection, perf_counter())
        await self._ended.wait()
        return min(perf_counter(), self._until) - self._from

    async def _paced(self, began: float) -> None:
        number = 0
        while (now := perf_counter()) < self._until:
            due = began + number / self._rate
            if due > now:
                await asyncio.sleep(due - now)
                continue
            number += 1
            self._late.append(due)
            self._serve()
        if not self._busy:
            self._ended.set()

    def _serve(self) -> None:
        while self._idle and self._late:
            self._next(self._idle.popleft(), self._late.popleft())

    def _next(self, connection: Connection, began: float) -> None:
        request = next(self._requests, None)
        if request is None or perf_counter() >= self._until:
            if not self._busy:
                self._ended.set()
            return
        self.sent += 1
        self._busy += 1
        connection.send(request, began)

    def answered(self, connection: Connection, status: int, began: float) -> None:
        now = perf_counter()
        self._busy -= 1
        if self._from <= now <= self._until:
            self.statuses[str(status)] += 1
            self.times.append(now - began)
            if connection.request.startswith(b"GET"):
                self.by[connection.request].append(now - began)
        if self._rate:
            self._idle.append(connection)
            self._serve()
            if now >= self._until and not self._busy:
                self._ended.set()
        else:
            self._next(connection, now)


def posts(path: Path, target: str, skip: int) -> Iterator[bytes]:
    """Requests with the bodies in a file of `pack`."""
    data = path.read_bytes()
    at = number = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        body = data[at + 4 : at + 4 + size]
        at += 4 + size
        number += 1
        if number > skip:
            head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/cose\r\n"
            yield f"{head}Content-Length: {size}\r\n\r\n".encode() + body


def gets(target: str, header: str) -> Iterator[bytes]:
    more = f"{header}\r\n" if header else ""
    request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nAccept: text/html\r\n{more}\r\n".encode()
    while True:
        yield request


def visited(path: Path) -> Iterator[bytes]:
    """[[path, cookie], …] in turns."""
    requests = [next(gets(target, f"Cookie: {cookie}")) for target, cookie in json.loads(path.read_text())]
    return cycle(requests)


def pack(path: Path, bodies: Iterator[bytes]) -> int:
    count = 0
    with path.open("wb") as file:
        for body in bodies:
            file.write(len(body).to_bytes(4, "big") + body)
            count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("port", type=int)
    parser.add_argument("target")
    parser.add_argument("--file", type=Path)
    parser.add_argument("--header", default="")
    parser.add_argument("--visits", type=Path, help="JSON: [[path, cookie], …]")
    parser.add_argument("--skip", type=int, default=0)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--warm", type=float, default=0.5)
    parser.add_argument("--rate", type=float, default=0.0)
    given = parser.parse_args()
    places: dict[bytes, int] = {}
    if given.visits:
        requests = visited(given.visits)
        paths = json.loads(given.visits.read_text())
        places = {next(gets(path, f"Cookie: {cookie}")): at for at, (path, cookie) in enumerate(paths)}
    elif given.file:
        requests = posts(given.file, given.target, given.skip)
    else:
        requests = gets(given.target, given.header)

    async def run() -> None:
        load = Load(requests, given.seconds, given.warm, given.rate)
        seconds = await load.run(given.port, given.connections)
        times = sorted(load.times) or [0.0]
        found: dict[str, object] = {
            "p50": times[len(times) // 2],
            "p99": times[int(len(times) * 0.99)],
            "max": times[-1],
        }
        by = {str(places[request]): max(each) for request, each in load.by.items() if request in places}
        if by:
            found["by"] = by
        print(json.dumps({"seconds": seconds, "sent": load.sent, "statuses": load.statuses, **found}))

    uvloop.run(run())


if __name__ == "__main__":
    main()
