"""Errors on the wire: problem+json (RFC 9457) with a stable code. The one table from codes to HTTP status."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from protocol import wording

STATUS: Final[Mapping[str, int]] = {
    "too_large": 413,
    "malformed": 400,
    "private_malformed": 400,
    "bad_request": 400,
    "bad_signature": 403,
    "not_entitled": 403,
    "ticket_required": 403,
    "ticket_unknown": 403,
    "ticket_used": 403,
    "ticket_expired": 403,
    "quota_exceeded": 429,
    "too_many_requests": 429,
    "not_found": 404,
    "not_founded": 409,
    "nonce_reused": 409,
    "internal": 500,
    "busy": 503,
    "storage": 503,
    "read_only": 503,
}
#: Everything the log's rules refuse.
_REFUSED: Final = 422


def problem(
    code: str,
    *,
    at: str | None = None,
    facts: Mapping[str, Any] | None = None,
    detail: str | None = None,
    retry_after: int | None = None,
    locale: wording.Locale = "en",
    more: Mapping[str, Any] | None = None,
) -> web.Response:
    """The answer for a code. `detail` defaults to the wording of the code when there is one."""
    status = STATUS.get(code, _REFUSED)
    if detail is None:
        try:
            detail = wording.rejection(code, locale)
        except KeyError:
            detail = None
    body: dict[str, Any] = {
        "type": f"https://coopnode.org/errors#{code}",
        "title": code,
        "status": status,
        "code": code,
    }
    if detail:
        body["detail"] = detail
    if at is not None:
        body["field"] = at
    if facts:
        body["facts"] = {
            name: value.hex() if isinstance(value, bytes) else value for name, value in facts.items()
        }
    body |= more or {}
    headers = {"Retry-After": str(retry_after)} if retry_after is not None else {}
    data = json.dumps(body, ensure_ascii=False, default=str).encode()
    return web.Response(status=status, body=data, content_type="application/problem+json", headers=headers)
