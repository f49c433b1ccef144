"""The JSON API's own description, OpenAPI 3.1, made of the route tables and models of all slices.

A slice keeps its table in `web/<slice>/api.py` as `ROUTES` and registers it with `register`. Whatever has a
place under `/api/` and stands in no table is found by a test.
"""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic.json_schema import models_json_schema

from coopnode import __version__
from protocol import wording
from web import i18n
from web.problems import STATUS, problem

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

#: Modules with a table `ROUTES`; one that is not there yet is left out.
TABLES: Final = (
    "web.log.api",
    "web.signing.api",
    "web.founding.api",
    "web.membership.api",
    "web.council.api",
    "web.verification.api",
    "web.accounts.api",
    "web.search.api",
    "web.notifications.api",
)
MAX_BODY: Final = 262_144
#: What any operation may answer, for tables that do not list their own codes.
COMMON: Final = ("bad_request", "invalid_field", "not_entitled", "not_found", "too_many_requests")
JSON: Final = "application/json"
_PARAMETER: Final = re.compile(r"\{(\w+)(?::((?:[^{}]|\{[^{}]*\})+))?\}")


@dataclass(frozen=True)
class Route:
    """One operation. `handler` is None when the slice registers it elsewhere; `media` of an answer without a
    model; `who` is everyone, signed_in or an office. `errors` are stable codes.
    """

    method: str
    path: str
    summary: str
    answer: type[BaseModel] | None = None
    body: type[BaseModel] | None = None
    handler: Handler | None = None
    errors: tuple[str, ...] = ()
    who: str = "signed_in"
    media: str = JSON
    query: tuple[str, ...] = ()
    tag: str = ""


class Problem(BaseModel):
    """RFC 9457 with a stable `code`; `field` names what is at fault. Nothing was changed."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    field: str | None = None
    facts: dict[str, Any] | None = None


# --- for the slices -----------------------------------------------------------------------------------


def register(app: web.Application, routes: Iterable[Route]) -> None:
    for route in routes:
        if route.handler is not None:
            app.router.add_route(route.method, route.path, route.handler)


def answer(model: BaseModel, status: int = 200) -> web.Response:
    body = model.model_dump_json(by_alias=True, exclude_none=True).encode()
    return web.Response(status=status, body=body, content_type=JSON, headers={"Cache-Control": "no-store"})


def refused(request: web.Request, code: str, **more: Any) -> web.Response:
    return problem(code, locale=i18n.locale_of(request), **more)


async def read(request: web.Request, model: type[BaseModel]) -> BaseModel | web.Response:
    """The body as the model, or the answer that names the field at fault."""
    if (request.content_length or 0) > MAX_BODY:
        return refused(request, "too_large")
    data = await request.content.read(MAX_BODY + 1)
    while len(data) <= MAX_BODY and (more := await request.content.read(MAX_BODY + 1 - len(data))):
        data += more
    if len(data) > MAX_BODY:
        return refused(request, "too_large")
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        at = str(place[0]) if place else None
        return refused(request, "invalid_field" if at else "bad_request", at=at)


# --- the document -------------------------------------------------------------------------------------


def setup(app: web.Application) -> None:
    app.router.add_get("/api/v1/openapi.json", openapi)


OWN: Final = (Route("GET", "/api/v1/openapi.json", "This description", handler=None, who="everyone"),)


async def openapi(request: web.Request) -> web.StreamResponse:
    return web.Response(body=_encoded(), content_type=JSON, headers={"Cache-Control": "public, max-age=300"})


@lru_cache(maxsize=1)
def _encoded() -> bytes:
    return json.dumps(document(), ensure_ascii=False, indent=1).encode()


def routes() -> list[Route]:
    """Of all slices that are there. Another slice's own kind of row is read by its attributes."""
    found: list[Route] = list(OWN)
    for name in TABLES:
        try:
            module = importlib.import_module(name)
        except ModuleNotFoundError as error:
            if error.name is None or not name.startswith(error.name):
                raise
            continue
        tag = name.split(".")[1]
        found += [_row(row, tag) for row in getattr(module, "ROUTES", ())]
    return found


def _row(row: Any, tag: str) -> Route:
    def of(*names: str, default: Any = None) -> Any:
        return next((getattr(row, name) for name in names if getattr(row, name, None) is not None), default)

    return Route(
        method=of("method", default="GET").upper(),
        path=row.path,
        summary=of("summary", default=""),
        answer=of("answer", "model_out", "response", "out"),
        body=of("body", "model_in", "request", "into"),
        errors=tuple(of("errors", "codes", default=COMMON)),
        who={"public": "everyone", "self": "signed_in"}.get(
            who := of("who", "access", default="signed_in"), who
        ),
        media=of("media", default=JSON),
        query=tuple(of("query", default=())),
        tag=tag,
    )


def document() -> dict[str, Any]:
    table = routes()
    both = (model for route in table for model in (route.answer, route.body))
    models: list[type[BaseModel]] = [model for model in both if model is not None]
    wanted: dict[type[BaseModel], None] = dict.fromkeys([*models, Problem])
    names, schemas = models_json_schema(
        [(model, "serialization") for model in wanted], ref_template="#/components/schemas/{model}"
    )
    refs = {model: names[(model, "serialization")]["$ref"] for model in wanted}
    paths: dict[str, dict[str, Any]] = {}
    for route in sorted(table, key=lambda item: (item.path, item.method)):
        place = paths.setdefault(plain(route.path), {})
        place[route.method.lower()] = _operation(route, refs)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "coopnode",
            "version": __version__,
            "description": "Changes are signed documents: an operation that changes something answers with "
            "the document to be signed, and `POST /entries` takes it signed. Errors: docs/errors.md.",
        },
        "paths": paths,
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "session": {"type": "apiKey", "in": "cookie", "name": "coopnode"},
                "reader": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "Authorization",
                    "description": "SPEC §10",
                },
            },
        },
    }


def plain(path: str) -> str:
    """`/x/{digest:[0-9a-f]{64}}` → `/x/{digest}`."""
    return _PARAMETER.sub(r"{\1}", path)


def _operation(route: Route, refs: Mapping[type[BaseModel], str]) -> dict[str, Any]:
    parameters: list[dict[str, Any]] = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", **({"pattern": f"^{pattern}$"} if pattern else {})},
        }
        for name, pattern in _PARAMETER.findall(route.path)
    ]
    parameters += [{"name": name, "in": "query", "schema": {"type": "string"}} for name in route.query]
    made: dict[str, Any] = {"summary": route.summary, "tags": [route.tag or "node"], "responses": {}}
    made["operationId"] = re.sub(r"\W+", "_", f"{route.method.lower()}{plain(route.path)}").strip("_")
    if parameters:
        made["parameters"] = parameters
    if route.body is not None:
        made["requestBody"] = {"required": True, "content": {JSON: {"schema": {"$ref": refs[route.body]}}}}
    content: dict[str, Any] = {}
    if route.answer is not None:
        content = {JSON: {"schema": {"$ref": refs[route.answer]}}}
    else:
        content = {route.media: {}}
    made["responses"]["200"] = {"description": "done", "content": content}
    made["responses"] |= _problems(route.errors, refs[Problem])
    if route.who != "everyone":
        made["security"] = [{"session": []}, {"reader": []}]
        made["description"] = f"For: {route.who.replace('_', ' ')}."
    return made


def _problems(codes: Sequence[str], ref: str) -> dict[str, Any]:
    by_status: dict[int, list[str]] = {}
    for code in codes:
        by_status.setdefault(STATUS.get(code, 422), []).append(code)
    return {
        str(status): {
            "description": "; ".join(f"`{code}`: {wording.rejection(code, 'en')}" for code in sorted(found)),
            "content": {"application/problem+json": {"schema": {"$ref": ref}}},
        }
        for status, found in sorted(by_status.items())
    }
