"""Reading forms within limits, before anything in them is looked at."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from multidict import MultiDict, MultiDictProxy

MAX_FORM: Final = 1_048_576
_MAX_FIELDS: Final = 2_000
_SLOW_SECONDS: Final = 30

Fields = MultiDictProxy[Any]


async def form(request: web.Request) -> Fields:
    """The fields of a posted form (uploads included); nothing when the request has none. Too large: 413,
    endless: 408."""
    if request.content_length is not None and request.content_length > request.client_max_size:
        raise web.HTTPRequestEntityTooLarge(request.client_max_size, request.content_length)
    if request.method in ("GET", "HEAD"):
        return MultiDictProxy(MultiDict())
    try:
        async with asyncio.timeout(_SLOW_SECONDS):
            found = await request.post()
        for name, value in found.items():
            (name + (value if isinstance(value, str) else "")).encode()  # half of a surrogate pair is no text
    except TimeoutError:
        raise web.HTTPRequestTimeout from None
    except (ValueError, LookupError, RuntimeError):  # unknown charset, unknown coding of a part
        raise web.HTTPBadRequest from None
    if len(found) > _MAX_FIELDS:
        raise web.HTTPBadRequest
    return found


def local_path(given: str, otherwise: str) -> str:
    """A path of this site to go on to. Browsers and `yarl` drop control characters from an address, so that
    `/<tab>/host` would lead to another site."""
    leads_away = not given.startswith("/") or given.startswith("//") or "\\" in given
    return otherwise if leads_away or not given.isprintable() else given


def text(fields: Mapping[str, Any], name: str, limit: int = 10_000) -> str:
    """One text field, trimmed; control characters other than line breaks are dropped, what is too long is
    cut."""
    value = fields.get(name, "")
    if not isinstance(value, str):
        return ""
    kept = "".join(
        c for c in value.replace("\r\n", "\n") if c in "\n\t" or c.isprintable() or c in "\u00a0\u202f"
    )
    return kept[:limit].strip()
