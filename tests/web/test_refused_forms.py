"""Every form with what should not be in it: the reason stands beside the field in the reader's language, and
nothing changes: not the log, not the state, no row but the draft that keeps what was typed.
"""

from __future__ import annotations

import email
import hashlib
import re
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlencode

import pytest
from aiohttp import ClientResponse
from aiohttp.test_utils import TestServer

from coopnode import testing
from coopnode.app import Leader, Node
from coopnode.cli.node import all_projections
from coopnode.store.log_store import Blob
from coopnode.testing import FixedClock, Person, seed
from protocol import signatures
from protocol.identifiers import identifier
from tests.node.council_kit import KEYS, table
from tests.node.society import Society
from tests.web.hostile_kit import RATIONS, guarded, raw
from tests.web.matrix_kit import FORMS, Matrix, made_matrix
from tests.web.test_shell import Client, Shell
from web.app import create_app
from web.council import forms as council
from web.forms import FAULTS, Rule
from web.founding import forms as founding
from web.founding.shell import FOUNDING
from web.membership import forms as membership
from web.membership import requests
from web.robot import forms as robot

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

HUGE = "9" * 400
NUMBERS = ("", "-1", "0x10", "1e9", "١٢", HUGE, "1.5.1", "не число", "<b>1</b>", "1" * 5000)
DAYS = ("", "2026-02-30", "31.02.2026", "9999-12-31", "0001-01-01", "вчера", HUGE, "2026-13-01")
CHOICES = ("", "no-such", "<script>", "a" * 300)


class Case(NamedTuple):
    """A form that would be taken with `good`; `bad` values by field. `rules`: its texts, as the form declares
    them."""

    row: str
    role: str
    good: Mapping[str, str]
    bad: Mapping[str, tuple[str, ...]]
    rules: Mapping[str, Rule] = {}


def case(row: str, role: str, rules: Mapping[str, Rule] | None = None, **bad: tuple[str, ...]) -> Case:
    """`row` is a pattern, and after an @ which of several things."""
    pattern = row.partition(" @")[0]
    return Case(f"POST {row}", role, FORMS[pattern], bad, rules or {})


_N = "/desk/applications/{number:[0-9]{1,12}}"
_M = "/council/{id:[a-z2-7]{52}}"
CASES = (
    case("/council/propose", "one", council.PROPOSAL, title=("",), text=(" ",), kind=CHOICES),
    case(
        "/council/robot/terms",
        "one",
        robot.MATTER,
        title=("",),
        text=(" ",),
        persons=CHOICES,
        level=("", "3", "-1", HUGE),
        per_day=(*NUMBERS, "0", "1001"),
        max_sum=NUMBERS[1:],
        until=(*DAYS, "2001-01-01"),
    ),
    case("/me/requests/new", "member", requests.PETITION, title=("",), text=(" ",)),
    case("/me/leave", "member", requests.LEAVE, sure=("", "no")),
    case(f"{_M}/comment", "one", council.COMMENT, text=("", "\u200b")),
    case(f"{_M}/vote", "one", choice=CHOICES),
    case(f"{_M}/sign @opposed", "chair", council.REASON, reason=("", " ")),
    case(
        f"{_N}/identify",
        "secretary",
        membership.IDENTIFICATION,
        method=CHOICES,
        level=("", "3", "-1", HUGE, "1.0"),
        details=("", "а", " " * 20),
        sure=("", "no"),
    ),
    case(f"{_N}/return", "secretary", membership.REASON, reason=("", "коротко", " " * 20)),
    case(f"{_N}/complete @identified", "secretary", checked=("", "no")),
    case(
        f"{_N}/pay @admitted",
        "accountant",
        membership.PAYMENT,
        entrance=(*NUMBERS, "101", "99,999"),
        share=NUMBERS,
        received=(*DAYS, "2030-01-01"),
    ),
    case(
        "/desk/enrol",
        "secretary",
        founding.ENROLMENT,
        number=NUMBERS,
        since=(*DAYS, "2999-01-01"),
        name=("", "<b>x</b>", "Ив\u0061нова Мария"),
        person=("no-such",),
    ),
    case("/desk/texts/{kind}", "chair", founding.EDITION, title=("", "а"), body=("", "коротко")),
    case("/me/keys/{key:[0-9a-f]{64}}/revoke", "applicant", why=CHOICES),
)

#: Forms that need another world than this one, with the test below that fills them in wrongly; and those
#: without a field.
ELSEWHERE = {
    "/join/{step:email|code|kind|person|texts|consents|check}": "test_joining_by_field",
    "/join/copies": "test_files_are_looked_at",
    "/found/{step}": "test_founding_by_field",
    "/found/rules/{group}": "test_founding_by_field",
    "/found/texts/{kind}": "test_founding_by_field",
    "/found/mail": "test_founding_by_field",
    "/found/open": "test_a_founding_vote_is_opened_as_typed",
    "/found/ballot": "test_a_founding_vote_is_opened_as_typed",
    "/found/minutes": "test_a_founding_vote_is_opened_as_typed",
    "/invite/{digest:[0-9a-f]{64}}/{index:[0-9]{1,4}}/texts": "test_an_invitation_by_field",
    "/invite/{digest:[0-9a-f]{64}}/{index:[0-9]{1,4}}/person": "test_an_invitation_by_field",
    "/invite/{digest:[0-9a-f]{64}}/{index:[0-9]{1,4}}/consents": "test_an_invitation_by_field",
    "/desk/council/{seat:[0-9]{1,3}}": "test_an_invitation_by_field",
    "/desk/import": "tests/web/test_importing.py",
    "/desk/import/columns": "tests/web/test_importing.py",
    "/desk/import/check": "tests/web/test_importing.py",
    "/desk/import/balances": "tests/web/test_importing.py",
    "/desk/keys/again": "tests/web/test_importing.py",
    "/desk/keys/remind": "tests/web/test_importing.py",
    "/desk/enrol/{number:[0-9]{1,10}}/void": "tests/web/test_membership.py",
    "/me/devices/add": "tests/web/test_accounts.py",
    "/me/devices/confirm": "tests/web/test_accounts.py",
    "/me/language": "test_small_choices",
    "/me/sessions/end": "test_small_choices",
    "/council/{id:[a-z2-7]{52}}/return": "tests/web/test_council.py",
    "/council/robot/lend": "tests/web/test_robot.py",
    "/inbox/read": "tests/web/test_notifications.py",
    "/me/notifications/{group:votes|membership|desk}": "tests/web/test_notifications.py",
    "/me/notifications/hours": "tests/web/test_notifications.py",
    "/me/notifications/calendar": "tests/web/test_notifications.py",
}
WITHOUT_FIELDS = {
    *("/me/sessions/end-others", "/desk/import/sign", "/desk/import/forget", "/desk/erasure"),
    *("/council/robot/stop", "/council/robot/take-back", "/me/requests/{id:[a-z2-7]{52}}/withdraw"),
    *("/sign-out", "/found/key", "/found/sign", "/join/withdraw", "/join/code/again", "/entries"),
    *("/me/data/consents/{digest:[0-9a-f]{64}}/withdraw", "/me/data/consents/{purpose:[a-z_]{1,32}}/give"),
    *("/me/texts/{kind:[a-z-]{1,64}}", "/join/copies/{digest:[0-9a-f]{64}}/remove"),
    *("/inbox/{id:[0-9]{1,15}}/open", "/me/notifications/devices/{id:[0-9]{1,15}}/forget"),
}


def spoilt(rule: Rule) -> list[tuple[str, str]]:
    """(text, code) that no field of this kind takes."""
    found = [
        ("Ивано\u202eва Мария", "unreadable"),
        ("Иванова\x00 Мария", "unreadable"),
        ("Иванова\u3164 Мария", "unreadable"),
        ("а" * (rule.longest + 1), "too_long"),
        ("Ивано" + "\u0301" * 30 + "ва Мария", "marks"),
    ]
    return found if rule.longest < 100_000 else found[:3]


async def told(answer: ClientResponse, field: str, where: Any) -> None:
    """422, the reason at the field, in Russian."""
    text = await answer.text()
    assert answer.status == 422, (where, answer.status, answer.headers.get("Location"))
    guarded(answer, where)
    said = re.findall(
        rf'(?:href="#{re.escape(field)}">|id="{re.escape(field)}-error">)(.*?)</(?:a|div)>', text, re.S
    )
    words = re.sub(r"<[^>]*>", "", said[0]) if said else ""
    assert re.search("[А-Яа-яё]{4}", words), (where, "no reason at the field", said)


@pytest.fixture
async def matrix(tmp_path: Path) -> AsyncIterator[Matrix]:
    """With an application whose papers are looked at, one that is to be paid, and a matter voted down."""
    async with made_matrix(tmp_path) as made:
        society = made.society
        first, second = await society.coop.person("first"), await society.coop.person("second")
        identified = (await society.apply(first, "Первая Инна")).digest
        await society.identify(identified)
        admitted = (await society.apply(second, "Второй Марк")).digest
        await society.identify(admitted)
        await society.decide(identifier((await society.complete(admitted)).digest))
        for key, choice in (("chair", "against"), ("secretary", "against"), ("one", "against")):
            fields: dict[str, Any] = {
                "matter": made.places["id"],
                "round": 1,
                "choice": choice,
                "sequence": 1,
            }
            await society.coop.must(society.officers[key], "council.vote/1", fields, sub=made.places["id"])
        done = await society.coop.must(
            society.officers["one"],
            "council.propose/1",
            {"kind": "free"},
            sub=society.coop.id,
            values={"title": "О семенах", "text": "Закупить семена"},
        )
        made.places |= {"id opposed": made.places["id"], "id": identifier(done.digest)}
        for name, digest in (("identified", identified), ("admitted", admitted)):
            asked = await made.browsers["secretary"].get(f"/api/v1/applications?status={name}")
            numbers = {item["digest"]: item["number"] for item in (await asked.json())["items"]}
            made.places[f"number {name}"] = str(numbers[digest.hex()])
        yield made


def test_every_form_is_filled_in_wrongly_somewhere() -> None:
    node_routes = {pattern for method, pattern in _patterns() if method == "POST"}
    forms = {pattern for pattern in node_routes if not pattern.startswith("/api/")}
    here = {item.row.partition(" ")[2].partition(" @")[0] for item in CASES}
    assert forms == here | set(ELSEWHERE) | WITHOUT_FIELDS
    for place in ELSEWHERE.values():
        assert place in globals() or Path(place).exists(), place


def _patterns() -> list[tuple[str, str]]:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        node = Node.open(testing.config(Path(folder) / "data"))
        try:
            return [(route.method, raw(route.resource)) for route in create_app(node).router.routes()]
        finally:
            node.close()


async def send(matrix: Matrix, item: Case, body: bytes, **headers: str) -> ClientResponse:
    own = {"Origin": matrix.origin, "Content-Type": "application/x-www-form-urlencoded", **headers}
    own = {name: value for name, value in own.items() if value}
    return await matrix.browsers[item.role].post(
        matrix.path(item.row), data=body, headers=own, allow_redirects=False
    )


async def test_bad_values_are_told_by_field(matrix: Matrix) -> None:
    for item in CASES:
        await _bad_values(matrix, item)


async def _bad_values(matrix: Matrix, item: Case) -> None:
    before, tried = await matrix.standing(), 0
    for field, values in item.bad.items():
        for value in values:
            await told(
                await send(matrix, item, urlencode({**item.good, field: value}).encode()),
                field,
                (field, value[:40]),
            )
            tried += 1
        left = {name: text for name, text in item.good.items() if name != field}
        if "" in values:
            await told(await send(matrix, item, urlencode(left).encode()), field, (field, "missing"))
    for field, rule in item.rules.items():
        for value, _ in spoilt(rule):
            body = urlencode({**item.good, field: value}).encode()
            await told(await send(matrix, item, body), field, (field, value[:20]))
        twice = urlencode([*item.good.items(), (field, "ещё раз")]).encode()
        if field in item.good:
            await told(await send(matrix, item, twice), field, (field, "twice"))
        cut = "&".join(f"{name}={quote_plus(text)}" for name, text in item.good.items() if name != field)
        await told(
            await send(matrix, item, f"{cut}&{field}=abc%ff%fedef".encode()), field, (field, "no UTF-8")
        )
    assert await matrix.standing() == before and tried
    good = await send(matrix, item, urlencode(item.good).encode())
    assert good.status == 303 and "#r=" in good.headers["Location"], "what is right is taken"


async def test_forms_come_whole_and_from_here(matrix: Matrix) -> None:
    """Where it comes from, how it is coded, how large it is: refused before anything is looked at."""
    for item in CASES:
        await _whole_and_from_here(matrix, item)


async def _whole_and_from_here(matrix: Matrix, item: Case) -> None:
    before, good = await matrix.standing(), urlencode(item.good).encode()
    foreign: tuple[dict[str, str], ...] = (
        {"Origin": ""},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": matrix.society.node.config.signing_url},
        {"Origin": "", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "", "Sec-Fetch-Site": "same-site"},
    )
    for headers in foreign:
        assert (await send(matrix, item, good, **headers)).status == 403, headers
    odd: tuple[tuple[bytes, dict[str, str], int], ...] = (
        (b"x=" + b"a" * 10_485_760, {}, 413),
        (b"a=1&" * 3_000, {}, 413),
        (good, {"Content-Type": "application/x-www-form-urlencoded; charset=no-such"}, 400),
        (b"--x", {"Content-Type": "multipart/form-data; boundary=x"}, 400),
        (good, {"Content-Type": "multipart/form-data"}, 400),
        (good, {"Content-Type": "text/plain"}, 422),
        (good, {"Content-Type": "application/json"}, 422),
    )
    for body, headers, status in odd:
        answer = await send(matrix, item, body, **headers)
        guarded(answer, headers)
        assert answer.status == status, (headers, answer.status)
        assert re.search("[А-Яа-яё]{4}", await answer.text())
    assert await matrix.standing() == before


# --- joining ------------------------------------------------------------------------------------------


async def test_joining_by_field(matrix: Matrix) -> None:
    client = await matrix.browser()
    clean = {"name": "Новая Анна Ивановна", "birth_date": "1990-01-31", "phone": "+7 900 000-00-00"}
    clean |= {"address": "г. Тверь, ул. Советская, 1", "document": "4510 123456"}
    business = clean | {"inn": "500100732259", "ogrn": "304500116000157"}

    async def wrong(step: str, field: str, good: Mapping[str, str], values: tuple[str, ...]) -> None:
        for value in values:
            answer = await matrix.post(client, f"/join/{step}", None, **{**good, field: value})
            await told(answer, field, (step, field, value[:40]))

    async def texts(step: str, good: Mapping[str, str], rules: Mapping[str, Rule]) -> None:
        for field, rule in rules.items():
            await wrong(step, field, good, tuple(value for value, _ in spoilt(rule)))

    before = await matrix.standing()
    await wrong("email", "email", {}, ("", "a", "a@b", "a b@c.de", "a@b.c\nBcc: x@y.zz", "a@b.cd,e@f.gh"))
    await texts("email", {}, membership.EMAIL)
    assert await matrix.standing() == before
    assert (await matrix.post(client, "/join/email", email="new@example.org")).status == 303
    (letter,) = [
        path for path in matrix.society.node.config.mail.iterdir() if b"new@example.org" in path.read_bytes()
    ]
    content: Any = email.message_from_bytes(letter.read_bytes()).get_payload(decode=True)
    before = await matrix.standing()
    await wrong("code", "code", {}, ("", "12345", "1234567", "١٢٣٤٥٦", "12345a", HUGE))
    await texts("code", {}, membership.CODE)
    assert await matrix.standing() == before
    code = re.findall(r"\b\d{6}\b", content.decode())[0]
    assert (await matrix.post(client, "/join/code", code=code)).status == 303
    before = await matrix.standing()
    await wrong("kind", "kind", {}, (*CHOICES, "organisation"))
    assert (await matrix.post(client, "/join/kind", kind="entrepreneur")).status == 303
    await wrong(
        "person", "name", business, ("", "Анна", "Анна 2", "<b>Анна</b> Б", "=1+1 Анна", "Ив\u0061нова Анна")
    )
    await wrong("person", "birth_date", business, (*DAYS, "2025-01-01", "1899-12-31"))
    await wrong("person", "address", business, ("", "коротко", " " * 50))
    await wrong(
        "person", "phone", business, ("", "12", "позвоните", "+7 900 000-00-00 доб. 12", HUGE, "-79000000000")
    )
    await wrong("person", "inn", business, ("", "500100732258", "7707083893", HUGE, "-1", "50010073225а"))
    await wrong("person", "ogrn", business, ("", "304500116000158", "1027700132195", HUGE))
    await texts("person", business, {**membership.PERSON, **membership.NUMBERS})
    assert (await matrix.post(client, "/join/check")).headers["Location"] == "/join/person"
    assert (await matrix.post(client, "/join/person", None, **business)).status == 303
    answer = await matrix.post(client, "/join/texts")
    await told(answer, "charter", "texts nobody opened")
    assert await matrix.standing() == before, "all of it is a draft"


async def test_files_are_looked_at(matrix: Matrix) -> None:
    """By what is in them, not by their names; ten megabytes and no more."""
    from aiohttp import FormData

    before = await matrix.standing()
    jpeg = b"\xff\xd8\xff\xe0" + bytes(20)
    files: tuple[tuple[bytes, str], ...] = (
        (b"", "empty.png"),
        (b"<script>alert(1)</script>", "x.png"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "x.svg"),
        (b"GIF89a" + bytes(30), "x.gif"),
        (jpeg + bytes(10 * 2**20), "large.jpg"),
    )
    for data, name in files:
        form = FormData()
        form.add_field("copy", data, filename=name, content_type="image/png")
        answer = await matrix.browsers["applicant"].post(
            "/join/copies", data=form, headers={"Origin": matrix.origin}, allow_redirects=False
        )
        await told(answer, "copy", name)
    form = FormData()
    form.add_field("copy", jpeg + bytes(12 * 2**20), filename="huge.jpg", content_type="image/jpeg")
    answer = await matrix.browsers["applicant"].post(
        "/join/copies", data=form, headers={"Origin": matrix.origin}, allow_redirects=False
    )
    assert answer.status == 413
    await told(await matrix.post(matrix.browsers["applicant"], "/join/copies", copy="text"), "copy", "text")
    assert await matrix.standing() == before


async def test_small_choices(matrix: Matrix) -> None:
    client, before = matrix.browsers["member"], await matrix.standing()
    for locale in ("", "de", "ru" * 40, "<b>", "\u202eru"):
        assert (await matrix.post(client, "/me/language", locale=locale, back="/")).status == 400, locale
    for session in ("zz", "abc", "é"):
        assert (await matrix.post(client, "/me/sessions/end", session=session)).status == 400, session
    assert await matrix.standing() == before
    assert (await client.get("/me", allow_redirects=False)).status == 200


# --- founding -----------------------------------------------------------------------------------------


class House(Shell):
    """A node that nobody has founded, or a meeting of founders."""

    def __init__(self, node: Leader, server: TestServer) -> None:
        self.node, self.server = node, server
        self.clients: list[Client] = []

    @property
    def origin(self) -> str:
        return self.node.config.public_url


async def serve(node: Leader) -> House:
    app = create_app(node)
    for ration in RATIONS:
        app[ration]._burst = app[ration]._rate = 1e9
    server = TestServer(app)
    await server.start_server()
    return House(node, server)


async def close(house: House) -> None:
    for client in house.clients:
        await client.close()
    await house.server.close()
    await house.node.stop()


async def size_and_settings(house: House) -> tuple[Any, ...]:
    path = house.node.config.data / "coopnode.toml"
    digest = await house.node.in_thread(testing.state_digest, house.node)
    return house.node.engine.head.size, digest, path.read_bytes() if path.exists() else b""


async def test_founding_by_field(tmp_path: Path) -> None:
    node = Node.open(testing.config(tmp_path), projections=all_projections())
    await node.start()
    house = await serve(node)
    try:
        client = await house.browser()
        await client.get(f"/found?token={node.founding_token}")
        before = await size_and_settings(house)

        async def wrong(path: str, field: str, good: Mapping[str, str], *values: str) -> None:
            for value in values:
                answer = await house.post(client, f"/found/{path}", None, **{**good, field: value})
                await told(answer, field, (path, field, value[:40]))

        async def texts(
            path: str, good: Mapping[str, str], rules: Mapping[str, Rule], prefix: str = ""
        ) -> None:
            for field, rule in rules.items():
                await wrong(path, prefix + field, good, *(value for value, _ in spoilt(rule)))
                pairs = urlencode([*good.items(), (prefix + field, "а"), (prefix + field, "б")])
                headers = {"Origin": house.origin, "Content-Type": "application/x-www-form-urlencoded"}
                answer = await client.post(f"/found/{path}", data=pairs.encode(), headers=headers)
                await told(answer, prefix + field, (path, field, "twice"))

        async def right(path: str, **good: str) -> None:
            answer = await house.post(client, f"/found/{path}", None, **good)
            assert answer.status == 303, (path, await answer.text())

        await wrong("start", "kind", {"language": "ru"}, *CHOICES)
        await wrong("start", "language", {"kind": "existing"}, *CHOICES)
        await right("start", language="ru", kind="existing")
        await wrong("form", "pack", {}, *CHOICES, "agricultural")
        await right("form", pack="generic-1")
        await wrong("name", "country", {"name": "Росток"}, "", "R", "РФ", "RUS", "12")
        await wrong("name", "inn", {"name": "Росток", "country": "RS"}, HUGE, "-1", "ПИБ", "1")
        await right("form", pack="ru-consumer-1")
        name = {"name": "ПО «Росток»", "country": "RU", "inn": "7707083893", "ogrn": "1027700132195"}
        await wrong("name", "name", name, "", "аб")
        await wrong("name", "inn", name, "", "7707083894", "500100732259", HUGE, "-1", "ИНН")
        await wrong("name", "ogrn", name, "", "1027700132196", HUGE, "١٠٢٧٧٠٠١٣٢١٩٥")
        await texts("name", name, founding.IDENTITY)
        await right("name", **name)
        place = {"address": "Пермь, ул. Ленина, д. 1", "contact": "sovet@rostok.example"}
        place |= {"purpose": "Вместе покупать продукты", "responsible": "", "processors": ""}
        for field in ("address", "contact", "purpose"):
            await wrong("place", field, place, "", "а")
        await texts("place", place, founding.PLACE)
        await right("place", **place)
        for key in ("fees.entrance.person", "fees.share.person"):
            await wrong("rules/fees", key, {}, "-1", "даром", HUGE, "1e9", "1,234")
        await wrong("rules/council", "council.quorum", {}, "", "2", "3/0", "-1/2", "много")
        await right("rules")
        home = {"public_url": house.node.config.public_url, "signing_url": house.node.config.signing_url}
        bad = ("", "coop.example", "http://coop.example", "https://a/b", "https://a?b", "javascript:alert(1)")
        for field in home:
            await wrong("address", field, {**home, "agreed": "yes"}, *bad, "https://u@h", HUGE)
        await wrong("address", "signing_url", {"public_url": "https://a.example"}, "https://a.example")
        await wrong("address", "signing_url", {"public_url": "https://a.example"}, "https://sign.b.example")
        await wrong("address", "agreed", home, "", "no")
        post = {"mail": "smtp", "host": "smtp.example.org", "port": "587", "sender": "a@example.org"}
        await wrong("mail", "mail", post, *CHOICES)
        await wrong("mail", "host", post, "", "a b", "a;rm -rf", "пример.рф")
        await wrong("mail", "port", post, "-1", "0", "99999", HUGE, "порт")
        await wrong("mail", "sender", post, "", "a", "a@b\nBcc: c@d.ee")
        await wrong("mail", "to", post, "a", "a@b, c@d", "a@b\r\nBcc: c@d.ee")
        await wrong("mail", "password", post, "a\x00b", "а" * 201)
        await texts("mail", post, founding.MAIL)
        await right("address", **home, agreed="yes")
        await wrong("texts/privacy", "body", {}, "Тайно\u202eе слово о данных", "а\x00" * 20)
        await wrong("texts", "read", {}, "", "no")
        await right("texts", read="yes")
        council_ = {"charter_organ": "general_meeting", "charter_number": "1", "charter_date": "2024-03-01"}
        council_ |= {"council_organ": "general_meeting", "council_number": "7", "council_date": "2026-02-01"}
        council_ |= {"until": "2028-01-01", "mine": "0", "seat-0-person": "Орлова", "seat-0-roles": "chair"}
        council_ |= {"seat-1-person": "Зайцев", "seat-1-roles": "secretary"}
        for prefix in ("charter", "council"):
            await wrong("people", f"{prefix}_organ", council_, "no-such", "council")
            await wrong("people", f"{prefix}_date", council_, *DAYS, "2999-01-01")
            await texts("people", council_, founding.BASIS, f"{prefix}_")
        await wrong("people", "until", council_, *DAYS, "2020-01-01", "2099-01-01")
        await wrong("people", "seat-0-person", council_, "")
        await wrong("people", "seat-1-number", council_, "0", "-1", "١٢", HUGE, "1,5")
        await wrong("people", "seat-1-since", {**council_, "seat-1-number": "5"}, *DAYS)
        await wrong("people", "seats", {**council_, "seat-1-roles": "member"}, "x")
        await texts("people", council_, {"person": founding.SEAT["person"]}, "seat-0-")
        assert await size_and_settings(house) == before
        await right("people", **council_)
        await right("start", language="ru", kind="new")
        await right("name", **name)
        five = "\n".join(("Белова Анна", "Ким Вера", "Орлов Пётр", "Зайцев Олег", "Лис Яна"))
        await wrong(
            "people",
            "founders",
            {},
            "",
            "Один",
            five + "\nКим Вера",
            five + "\nКи\u202eм",
            five + "\n" + "а" * 201,
        )
        await wrong("people", "closes_days", {"founders": five}, "0", "91", "-1", "14.5", HUGE, "١٤")
        assert await size_and_settings(house) == before
    finally:
        await close(house)


async def test_an_invitation_by_field(tmp_path: Path) -> None:
    made = await table(tmp_path, fill=KEYS[:4])
    house = await serve(made.node)
    try:
        found = await house.server.app[FOUNDING].place_of(signatures.public_key(seed("invitation/5")))
        assert found is not None
        here, client = f"/invite/{found[0].hex()}/{found[1]}", await house.browser()
        before = await size_and_settings(house)

        async def wrong(step: str, field: str, good: Mapping[str, str], *values: str) -> None:
            for value in values:
                answer = await house.post(client, f"{here}/{step}", None, **{**good, field: value})
                await told(answer, field, (step, field, value[:40]))

        await wrong("texts", "read", {}, "", "no")
        assert (await house.post(client, f"{here}/texts", read="yes")).status == 303
        good = {"name": "Новая Анна Ивановна", "birth_date": "1990-01-31", "phone": "+7 900 000-00-00"}
        good |= {"address": "г. Тверь, ул. Советская, 1", "email": "new@example.org"}
        await wrong("person", "name", good, "", "Анна", "Анна 2", "=1+1 Анна", "Ив\u0061нова Анна")
        await wrong("person", "birth_date", good, *DAYS, "2025-01-01", "1899-12-31")
        await wrong("person", "address", good, "", "а")
        await wrong("person", "phone", good, "", "12", "+7 900 000-00-00 доб. 12", HUGE)
        await wrong("person", "email", good, "", "a", "a b@c.de", "a@b.c\nBcc: x@y.zz")
        for field, rule in founding.PERSON.items():
            await wrong("person", field, good, *(value for value, _ in spoilt(rule)))
        assert (await house.post(client, f"{here}/person", None, **good)).status == 303
        await wrong("consents", "membership", {}, "x")
        chair = await house.browser(made["chair"])
        for value, code in spoilt(founding.INVITED["person"]):
            answer = await house.post(chair, "/desk/council/5", person=value)
            assert answer.headers["Location"] == "/desk/council", code
            assert (await client.get("/")).status == 200
        assert await size_and_settings(house) == before
    finally:
        await close(house)


async def meeting(tmp_path: Path) -> tuple[House, list[Person]]:
    """Five founders who have come together on a real node."""
    coop = await testing.cooperative(
        tmp_path, clock=FixedClock(), projections=all_projections(), kind="new", name="Росток"
    )
    society = Society(coop, None)
    text = "# Устав".encode()
    blob = Blob(hashlib.sha256(text).digest(), "text/plain", text)
    fields: dict[str, Any] = {"title": "Устав", "blob": blob.digest, "parameters": {}}
    fields["basis"] = {"organ": "founding_meeting"}
    charter = await coop.must(coop.founder, "cooperative.charter/1", fields, sub=coop.id, blobs=[blob])
    for kind in ("signature", "privacy", "charter", "consent-membership"):
        await society._text(kind)
    keys = [seed(f"founder invitation {number}") for number in range(5)]
    fields = {
        "charter": charter.digest,
        "invitations": [signatures.public_key(key) for key in keys],
        "closes": coop.now + 10 * 86_400,
    }
    convened = await coop.must(coop.founder, "founding.convene/1", fields, sub=coop.id)
    people = [coop.founder, *[await coop.person(f"founder {number}") for number in range(1, 5)]]
    for number, person in enumerate(people):
        await society.sign_texts(person)
        fields = {
            "re": [convened.digest],
            "invitation": signatures.public_key(keys[number]),
            "proof": person.proof_for(keys[number], convened.digest),
        }
        await coop.must(person, "founding.join/1", fields, sub=coop.id, values=testing.personal(person.name))
    return await serve(coop.node), people


async def test_a_founding_vote_is_opened_as_typed(tmp_path: Path) -> None:
    """`30000` is not `3000`, and `3x` is not `3`: what was typed is taken whole or refused."""
    house, people = await meeting(tmp_path)
    try:
        client = await house.browser(people[0])
        before = await size_and_settings(house)

        async def opened(candidates: list[str], **typed: str) -> ClientResponse:
            pairs = urlencode([*(("candidate", name) for name in candidates), *typed.items()])
            headers = {"Origin": house.origin, "Content-Type": "application/x-www-form-urlencoded"}
            return await client.post(
                "/found/open", data=pairs.encode(), headers=headers, allow_redirects=False
            )

        names = [person.id for person in people]
        for typed in (
            *({"seats": seats, "days": "3"} for seats in (*NUMBERS, "3x", "00003", "1", "30000", "3.0", "6")),
            *({"seats": "3", "days": days} for days in (*NUMBERS, "3x", "0", "30000", "00003", "999")),
        ):
            answer = await opened(names, **typed)
            assert answer.headers["Location"] == "/found/result", typed
            page = await (await client.get("/found/result")).text()
            assert "alert-warning" in page, typed
        for candidates in ([names[0]] * 5, names[:1], [], ["<script>"] * 5):
            assert (await opened(candidates, seats="3", days="3")).headers["Location"] == "/found/result"
        assert await size_and_settings(house) == before
        assert "#r=" in (await opened(names, seats="3", days="3")).headers["Location"]
        await told_ballot(house, people)
    finally:
        await close(house)


async def told_ballot(house: House, people: list[Person]) -> None:
    """The vote itself, and the minutes before there is anything to sign."""
    client = await house.browser(people[1])
    for role in ("", "chair", "presider", "secretary"):
        assert (await house.post(client, "/found/minutes", role=role)).status == 303
    assert (await house.post(client, "/found/ballot", charter="for")).headers["Location"] == "/found/result"


def test_faults_have_words() -> None:
    assert {code for _, code in spoilt(Rule("name", 10))} <= set(FAULTS)
