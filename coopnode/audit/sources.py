"""Where an audit reads a log from: a directory laid out as C2SP tlog-tiles, or a server that serves one
(SPEC §9.1, §10).

A source hands out bytes and vouches for nothing. What cannot be read is a `SourceError`: no verdict about the
log, the audit could not be made. Everything read from a server is bounded.
"""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from protocol.tiles import MAX_ENTRY_BYTES, TILE_WIDTH, Tile

#: A signed note has at most 1,000,000 bytes; a bundle 256 entries with their lengths; a hash tile 256 hashes.
MAX_CHECKPOINT: Final = 1_000_000
MAX_BUNDLE: Final = TILE_WIDTH * (MAX_ENTRY_BYTES + 2)
MAX_HASHES: Final = TILE_WIDTH * 32
MAX_REDIRECTS: Final = 3
ATTEMPTS: Final = 5
TIMEOUT: Final = 30.0

#: Makes the value of the `Authorization` header for a path, or None for public paths.
Authorise = Callable[[str], "str | None"]


class SourceError(Exception):
    """The log could not be read; the sentence says what was tried."""


class Missing(SourceError):
    """There is no such file."""


class Source(Protocol):
    @property
    def name(self) -> str: ...

    def read(self, path: str, limit: int) -> bytes:
        """The file at `path` below the log's prefix. Raises Missing or SourceError."""
        ...


class Directory:
    """A copied log: `checkpoint` and `tile/` in a folder. A node's data directory keeps them in `log/`."""

    def __init__(self, folder: Path) -> None:
        inner = folder / "log"
        self.folder = inner if not (folder / "checkpoint").exists() and inner.is_dir() else folder
        self.name = str(folder)

    def read(self, path: str, limit: int) -> bytes:
        place = self.folder / path
        try:
            with place.open("rb") as file:
                data = file.read(limit + 1)
        except FileNotFoundError as error:
            raise Missing(f"{place} does not exist") from error
        except OSError as error:
            raise SourceError(f"{place} cannot be read: {error.strerror}") from error
        if len(data) > limit:
            raise SourceError(f"{place} is larger than {limit} bytes")
        return data


class Url:
    """A log served over HTTP. One connection is kept open; a busy or broken server is asked again a few
    times.
    """

    def __init__(self, address: str, authorise: Authorise | None = None) -> None:
        self.name = address.rstrip("/")
        self._authorise = authorise
        self._connection: http.client.HTTPConnection | None = None
        self._at = ""
        parts = urlsplit(self.name)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise SourceError(f"{address} is no http or https address")

    def read(self, path: str, limit: int) -> bytes:
        address = f"{self.name}/{path}"
        for _ in range(MAX_REDIRECTS):
            status, headers, data = self._ask(address, path, limit)
            if status in (301, 302, 307, 308) and headers.get("Location", "").startswith(
                ("https://", "http://")
            ):
                address = headers["Location"]
                continue
            if status == 404:
                raise Missing(f"{address} does not exist")
            if status in (401, 403):
                raise SourceError(
                    f"{address} is not open to everybody (HTTP {status}): give a member's key with --key"
                )
            if status != 200:
                raise SourceError(f"{address} was answered with HTTP status {status}")
            if len(data) > limit:
                raise SourceError(f"{address} is larger than {limit} bytes")
            return data
        raise SourceError(f"{address} redirects too often")

    def _ask(self, address: str, path: str, limit: int) -> tuple[int, http.client.HTTPMessage, bytes]:
        trouble = "no answer"
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(min(0.2 * 2**attempt, 5.0))
            try:
                answer = self._once(address, path)
                data = answer.read(limit + 1)
            except (OSError, http.client.HTTPException) as error:
                trouble = str(error) or type(error).__name__
                self._drop()
                continue
            if not answer.isclosed() or answer.will_close:
                self._drop()
            if answer.status in (429, 503):
                trouble = f"HTTP status {answer.status}"
                time.sleep(_seconds(answer.headers.get("Retry-After")))
                continue
            return answer.status, answer.headers, data
        raise SourceError(f"{address} cannot be read: {trouble}")

    def _once(self, address: str, path: str) -> http.client.HTTPResponse:
        parts = urlsplit(address)
        place = f"{parts.scheme}://{parts.netloc}"
        if self._connection is None or self._at != place:
            self._drop()
            assert parts.hostname is not None
            self._connection = (
                http.client.HTTPSConnection(
                    parts.hostname, parts.port, timeout=TIMEOUT, context=ssl.create_default_context()
                )
                if parts.scheme == "https"
                else http.client.HTTPConnection(parts.hostname, parts.port, timeout=TIMEOUT)
            )
            self._at = place
        headers = {"User-Agent": "coopnode-audit", "Accept-Encoding": "identity"}
        # The authorisation names the path; it is never sent to another host than the one the person named.
        value = self._authorise(path) if self._authorise and address.startswith(self.name + "/") else None
        if value is not None:
            headers["Authorization"] = value
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        self._connection.request("GET", target or "/", headers=headers)
        return self._connection.getresponse()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _seconds(text: str | None) -> float:
    return min(float(text), 10.0) if text and text.isdigit() else 0.5


def open_source(place: str, authorise: Authorise | None = None) -> Source:
    """A source by what a person typed: an address or a folder."""
    if place.startswith(("http://", "https://")):
        return Url(place, authorise)
    folder = Path(place)
    if not folder.is_dir():
        raise SourceError(f"{place} is neither an http(s) address nor a folder")
    return Directory(folder)


def read_checkpoint(source: Source) -> bytes:
    return source.read("checkpoint", MAX_CHECKPOINT)


def read_tile(source: Source, tile: Tile) -> bytes:
    """A hash tile or bundle. A partial one may have been replaced by the full tile since (tlog-tiles):
    then its beginning is taken.
    """
    limit = MAX_BUNDLE if tile.level == "entries" else MAX_HASHES
    try:
        return source.read(tile.path, limit)
    except Missing:
        if tile.width == TILE_WIDTH:
            raise
    return _beginning(source.read(Tile(tile.level, tile.index).path, limit), tile)


def _beginning(data: bytes, tile: Tile) -> bytes:
    if tile.level != "entries":
        return data[: 32 * tile.width]
    position = 0
    for _ in range(tile.width):
        position += 2 + int.from_bytes(data[position : position + 2], "big")
    return data[:position]
