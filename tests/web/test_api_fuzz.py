"""Every operation of the API's own description, with bodies that look right and bodies that are broken, by
people in several positions: an answer or a problem with a known code, never a fault, and a refusal changes
nothing.
"""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from protocol import wording
from tests.web.matrix_kit import Matrix, made_matrix
from web import openapi

DOCUMENT = openapi.document()
WHO = ("stranger", "applicant", "member", "one", "secretary", "chair")
OPERATIONS = sorted(
    (path, method, operation)
    for path, methods in DOCUMENT["paths"].items()
    for method, operation in methods.items()
    if path != "/api/v1/openapi.json"
)
IDS = [f"{method} {path}" for path, method, _ in OPERATIONS]
SOME = settings(
    max_examples=settings().max_examples if settings().max_examples > 100 else 10,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
TRAPS = (
    *("", " ", "\x00", "\u202eабв", "\u200b", "<script>alert(1)</script>", "=1+1", "../..", "а" * 5_000),
    *("a" + "\u0301" * 50, "%s{{7*7}}", "\ufeff", "9" * 400, "-1", "1e999", "null", "\U0010ffff"),
)
#: An address of more than 8 KB never reaches the site (`tests/web/test_limits.py`).
SHORT = tuple(trap for trap in TRAPS if len(trap) < 1_000)


class Sent(NamedTuple):
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    body: bytes | None
    kind: str


class Site(NamedTuple):
    matrix: Matrix
    loop: asyncio.AbstractEventLoop

    def run(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    context = made_matrix(tmp_path_factory.mktemp("fuzz") / "data")
    matrix = asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(60)
    made = Site(matrix, loop)
    yield made
    made.run(context.__aexit__(None, None, None))
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


# --- from the description to bodies -------------------------------------------------------------------

JUNK: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from((2**63, -(2**63), 10**400, 2**53))
    | st.floats()
    | st.text(st.characters(exclude_categories=()), max_size=20)
    | st.sampled_from(TRAPS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)


def fitting(schema: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Values that the description allows."""
    if "$ref" in schema:
        return fitting(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    if "anyOf" in schema:
        return st.one_of([fitting(item) for item in schema["anyOf"]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    match schema.get("type"):
        case "object":
            known = {name: fitting(item) for name, item in schema.get("properties", {}).items()}
            needed = {name: item for name, item in known.items() if name in schema.get("required", ())}
            optional = {name: item for name, item in known.items() if name not in needed}
            return st.fixed_dictionaries(needed, optional=optional)
        case "array":
            return st.lists(fitting(schema.get("items", {})), max_size=min(schema.get("maxItems", 3), 3))
        case "string" if "pattern" in schema:
            return st.from_regex(schema["pattern"], fullmatch=True)
        case "string":
            least, most = schema.get("minLength", 0), min(schema.get("maxLength", 40), 40)
            return st.text(min_size=least, max_size=max(least, most)) | st.sampled_from(TRAPS)
        case "integer":
            return st.integers(schema.get("minimum", -(2**40)), schema.get("maximum", 2**40))
        case "boolean":
            return st.booleans()
        case "null":
            return st.none()
    return JUNK


def broken(schema: Mapping[str, Any]) -> st.SearchStrategy[bytes]:
    """One field wrong, missing or too many; or no object at all; or no JSON at all."""

    def change(good: Any, name: str, junk: Any, drop: bool) -> Any:
        if not isinstance(good, dict) or not good:
            return junk
        place = sorted(good)[len(name) % len(good)]
        left = {key: value for key, value in good.items() if not drop or key != place}
        return left | ({} if drop else {place if len(name) % 3 else name: junk})

    changed = st.builds(change, fitting(schema), st.text(max_size=6), JUNK, st.booleans())
    bytes_ = st.binary(max_size=40) | st.sampled_from(
        (b"", b"[" * 100_000, b'{"a":' * 30_000, b"\xff\xfe{}", b"NaN", b'{"a":1,"a":2}', b" " * 300_000)
    )
    return (changed | JUNK).map(encoded) | bytes_


def encoded(value: Any) -> bytes:
    """JSON as a careless program writes it: NaN, halves of surrogate pairs and all."""
    return json.dumps(value).encode()


@st.composite
def requests(draw: st.DrawFn, path: str, operation: Mapping[str, Any], places: Mapping[str, str]) -> Sent:
    parameters, query = {}, {}
    for item in operation.get("parameters", ()):
        name, schema = item["name"], item["schema"]
        if item["in"] == "query":
            if draw(st.booleans()):
                query[name] = draw(st.sampled_from(SHORT) | st.text(max_size=20) | st.from_regex(r"\d{1,20}"))
        elif name in places and draw(st.integers(0, 3)):
            parameters[name] = places[name]
        elif "pattern" in schema:
            parameters[name] = draw(st.from_regex(schema["pattern"].replace("$", r"\Z")))
        else:
            parameters[name] = draw(st.sampled_from(SHORT).filter(bool))
    body, kind = None, "application/json"
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        body = draw(fitting(schema).map(encoded) | broken(schema))
        kind = draw(
            st.sampled_from((kind, kind, kind, "text/plain", "application/x-www-form-urlencoded", "ж"))
        )
    elif draw(st.booleans()):
        body = draw(JUNK.map(encoded) | st.binary(max_size=20))
    return Sent(parameters, query, body, kind)


# --- the test -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("path", "method", "operation"), OPERATIONS, ids=IDS)
def test_operations_answer_or_refuse(site: Site, path: str, method: str, operation: Any) -> None:
    pattern = next(
        route.path
        for route in openapi.routes()
        if openapi.plain(route.path) == path and route.method == method.upper()
    )
    row = f"{method.upper()} {pattern}"
    places = site.matrix.places
    real = {
        name: places.get(f"{name} {pattern}", places.get(name, "")) for name in re.findall(r"\{(\w+)", path)
    }

    @SOME
    @given(requests(path, operation, real), st.sampled_from(WHO))
    def search(sent: Sent, who: str) -> None:
        site.run(one(site.matrix, row, path, sent, who))

    search()


async def one(matrix: Matrix, row: str, path: str, sent: Sent, who: str) -> None:
    method = row.partition(" ")[0]
    address = re.sub(r"\{(\w+)\}", lambda match: quote(sent.parameters[match[1]], safe=""), path)
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in sent.query.items())
    url = URL(f"{str(matrix.server.make_url('/'))[:-1]}{address}?{query}", encoded=True)
    headers = {"Origin": matrix.origin, "Content-Type": sent.kind.encode().decode("latin-1")}
    before = await matrix.standing()
    answer = await matrix.browsers[who].session.request(
        method, url, data=sent.body, headers=headers, allow_redirects=False
    )
    data = await answer.read()
    assert answer.status < 500, (answer.status, data[:300])
    if answer.status >= 400:
        assert answer.content_type == "application/problem+json", (answer.status, data[:300])
        problem = json.loads(data)
        assert problem["status"] == answer.status
        # The log itself answers programs, in English.
        tongues = wording.LOCALES if path.startswith("/api/v1/log/") else ("ru",)
        said = {wording.rejection(problem["code"], tongue) for tongue in tongues}
        assert problem.get("detail") in said, problem
        assert await matrix.standing() == before, "a refusal changed something"
    else:
        assert answer.status == 200 and data
