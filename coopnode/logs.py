"""Structured logs without personal data (design §10): one JSON object a line, or coloured lines on a
terminal.

Of an error stands there what kind it was and where it arose, never its text nor local variables: there may be
names, addresses, keys or whole rows in either. Libraries that log by the standard library pass the same way.
"""

from __future__ import annotations

import contextlib
import io
import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from typing import Any, Final, TextIO, cast

import structlog

_FILLED: Final = re.compile(r"%(\(\w+\))?[-#0-9.]*[a-z]")
_PACKAGES: Final = Path(__file__).resolve().parent.parent


class _Lenient(io.TextIOBase):
    """A full disk or a reader that has gone costs lines, and not the thread or task that writes one."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with contextlib.suppress(OSError, ValueError):  # ValueError: closed
            self._stream.write(text)
        return len(text)

    def flush(self) -> None:
        with contextlib.suppress(OSError, ValueError):
            self._stream.flush()


def configure(level: str = "info", *, json: bool | None = None) -> None:
    """Called once by whoever starts a process. `json` by default when standard error is no terminal."""
    if json is None:
        json = not sys.stderr.isatty()
    number = logging.getLevelNamesMapping()[level.upper()]
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _without_text,
    ]
    one_line = structlog.processors.JSONRenderer(ensure_ascii=False)
    last: structlog.typing.Processor = one_line if json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, last],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(cast(TextIO, _Lenient(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    strip = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, _foreign],
            processors=[strip, last],
            keep_exc_info=False,
        )
    )
    logging.basicConfig(level=number, handlers=[handler], force=True)
    logging.getLogger("aiohttp.access").disabled = True  # addresses and queries; web.middleware says the rest
    logging.getLogger("alembic").setLevel(max(number, logging.WARNING))


def _without_text(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """`exc_info` becomes `error` and `at`."""
    given = event.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        event["at"] = _places(error)
    return event


def _places(error: BaseException) -> list[str]:
    """Frames of an error and of those it came from, the innermost last: `coopnode/engine.py:120 submit`."""
    frames: list[str] = []
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        here = [
            f"{_short(frame.filename)}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(found.__traceback__)
        ]
        frames = [*here[-12:], *([f"then {type(found).__name__}"] if frames else []), *frames]
        found = found.__cause__ or found.__context__
    return frames


def _short(name: str) -> str:
    path = Path(name)
    if path.is_relative_to(_PACKAGES) and "site-packages" not in path.relative_to(_PACKAGES).parts:
        return str(path.relative_to(_PACKAGES))
    return "/".join(path.parts[-2:])


def _foreign(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """What a library says: the first line and without what it fills in. Addresses are among that, and asyncio
    writes errors out on the further lines."""
    record: logging.LogRecord | None = event.get("_record")
    if record is not None:
        first, *_ = str(record.msg).splitlines() or [""]
        event["event"] = _FILLED.sub("…", first)[:200]
        event["library"] = record.name
    return event
