"""A cooperative with somebody in every position towards it, and real things of theirs to look at."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, FormData
from aiohttp.test_utils import TestServer
from sqlalchemy import inspect

from coopnode import testing
from coopnode.cli.node import all_projections
from coopnode.notifications.kinds import KINDS
from coopnode.outbox import Outbox
from coopnode.store.schema import outbox
from coopnode.store.sql import Connection, select
from coopnode.testing import START, FixedClock, Person
from protocol.contract import View
from protocol.contracts import council
from protocol.identifiers import identifier
from tests.node.society import Society
from tests.web.hostile_kit import PLACEHOLDER, RATIONS
from tests.web.test_shell import Client, Shell
from web.app import create_app

#: Who asks, in the order of the columns. `ended` kept the books until the council ended it; `refused` is
#: somebody the council did not admit.
ROLES = (
    *("stranger", "applicant", "other", "refused", "member", "ended"),
    *("one", "accountant", "secretary", "chair"),
)
NAMES = {
    "applicant": "Тайнова Вера Львовна",
    "other": "Прежний Егор Ильич",
    "refused": "Отказов Клим Юрьевич",
    "member": "Рядовая Нина Павловна",
    "ended": "Бывшая Ольга Игоревна",
    "one": "Ким Вера",
    "accountant": "Белов Пётр Ильич",
    "secretary": "Зайцев Олег Ильич",
    "chair": "Орлова Анна Петровна",
}
#: What of the applicant is private, and who may read it anywhere: by their office, or because it is theirs.
PRIVATE = {
    "ул. Тайная": ("applicant", "secretary", "chair"),
    "1971-02-03": ("applicant", "secretary", "chair"),
    "03.02.1971": ("applicant", "secretary", "chair"),
    "+79990001122": ("applicant", "secretary", "chair"),
    "tajnova@example.org": ("applicant", "secretary", "chair"),
}
_WORDS = "Достаточно подробные слова"
#: Good bodies, so that an answer says who may and not what was wrong: of forms, and of the API as JSON.
FORMS: Mapping[str, Mapping[str, str]] = {
    "/council/propose": {"kind": "free", "title": "Вопрос", "text": _WORDS},
    "/me/leave": {"reason": _WORDS, "payout": "Сбербанк", "sure": "yes"},
    "/me/requests/new": {"title": "О складе", "text": _WORDS},
    "/council/robot/lend": {"acts": "vote", "until": "2026-09-01"},
    "/council/robot/terms": {
        "persons": "person",
        "level": "1",
        "per_day": "20",
        "until": "2026-09-01",
        "title": "О роботе",
        "text": _WORDS,
    },
    "/council/{id:[a-z2-7]{52}}/comment": {"text": _WORDS},
    "/council/{id:[a-z2-7]{52}}/return": {"reason": _WORDS},
    "/council/{id:[a-z2-7]{52}}/sign": {"reason": _WORDS},
    "/council/{id:[a-z2-7]{52}}/vote": {"choice": "for"},
    "/desk/applications/{number:[0-9]{1,12}}/complete": {"checked": "yes"},
    "/desk/applications/{number:[0-9]{1,12}}/identify": {
        "method": "in_person",
        "level": "1",
        "details": _WORDS,
        "sure": "yes",
    },
    "/desk/applications/{number:[0-9]{1,12}}/pay": {
        "entrance": "100",
        "share": "300",
        "received": "2026-01-01",
        "reference": "1",
    },
    "/desk/applications/{number:[0-9]{1,12}}/return": {"reason": _WORDS},
    "/desk/enrol": {"number": "77", "since": "2020-01-01", "name": "Старая Анна", "person": "person"},
    "/desk/import": {"rows": "78;2020-01-01;Старая Яна"},
    "/desk/import/columns": {"column-0": "number", "column-1": "since", "column-2": "name"},
    "/desk/import/check": {"all": "skip"},
    "/desk/keys/again": {"all": "yes"},
    "/desk/keys/remind": {"all": "yes"},
    "/desk/texts/{kind}": {"title": "Новая редакция", "body": _WORDS},
    "/inbox/read": {"upto": "1"},
    "/me/notifications/calendar": {"wish": "open"},
    "/me/notifications/hours": {"zone": "Asia/Omsk", "hour": "19", "quiet": "yes", "from": "22", "to": "8"},
    "/me/notifications/{group:votes|membership|desk}": {"mode": "daily"},
    "/me/language": {"locale": "ru", "back": "/"},
    "/me/sessions/end": {"session": "ab" * 32},
    "/me/keys/{key:[0-9a-f]{64}}/revoke": {"why": "lost"},
}
#: A public key (RFC 8291, appendix A).
RECEIVER = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
BODIES: Mapping[str, Mapping[str, Any]] = {
    "/api/v1/accounts/find": {"recovery": "A" * 43},
    "/api/v1/applications/{number:[0-9]{1,12}}/identify": {
        "method": "in_person",
        "level": 1,
        "details": _WORDS,
    },
    "/api/v1/applications/{number:[0-9]{1,12}}/payment": {
        "entrance": 30000,
        "share": 30000,
        "received_at": START,
        "reference": "1",
    },
    "/api/v1/applications/{number:[0-9]{1,12}}/return": {"reason": _WORDS},
    "/api/v1/council/matters": {"kind": "free", "title": "Вопрос", "text": _WORDS},
    "/api/v1/council/matters/{id:[a-z2-7]{52}}/approve": {"reason": _WORDS},
    "/api/v1/council/matters/{id:[a-z2-7]{52}}/comment": {"text": _WORDS},
    "/api/v1/council/matters/{id:[a-z2-7]{52}}/return": {"reason": _WORDS},
    "/api/v1/council/matters/{id:[a-z2-7]{52}}/vote": {"choice": "for"},
    "/api/v1/inbox/devices": {
        "endpoint": "https://fcm.googleapis.com/fcm/send/x",
        "keys": {
            "p256dh": RECEIVER,
            "auth": "BTBZMqHH6r4Tts7J_aSIgg",
        },
    },
    "/api/v1/inbox/devices/forget": {"endpoint": "https://fcm.googleapis.com/fcm/send/x"},
    "/api/v1/inbox/read": {"upto": 1},
    "/api/v1/devices/{secret}/proof": {"proof": "A" * 86},
}
#: The smallest picture a scanner could send.
PICTURE = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c4890000000d49444154789c6360"
    "60606000000005000176a2f6a70000000049454e44ae426082"
)


class Matrix(Shell):
    """`places`: what stands for a part of an address, by its name or by `METHOD pattern name`."""

    people: dict[str, Person]
    browsers: dict[str, Client]
    places: dict[str, str]
    #: of the applicant's request for signatures, in the applicant's browser
    token: str

    def path(self, row: str) -> str:
        """`GET /x/{number}` or, for another thing at the same address, `GET /x/{number} @decided`."""
        pattern, _, thing = row.partition(" ")[2].partition(" @")

        def value(match: re.Match[str]) -> str:
            return (
                self.places.get(f"{match[1]} {thing}")
                or self.places.get(f"{match[1]} {pattern}")
                or (self.places[match[1]])
            )

        return PLACEHOLDER.sub(value, pattern)

    async def ask(self, row: str, role: str, **more: Any) -> ClientResponse:
        client, method = self.browsers[role], row.partition(" ")[0]
        if method == "POST":
            pattern = row.partition(" ")[2].partition(" @")[0]
            body: dict[str, Any] = {"data": FORMS.get(pattern, b"")}
            more = {"headers": {"Origin": self.origin}, **body, **more}
            if pattern in BODIES:
                more["json"] = BODIES[pattern]
                del more["data"]
        return await client.request(method, self.path(row), allow_redirects=False, **more)

    async def standing(self) -> tuple[Any, ...]:
        """What no refusal may change: the log, the state, and the rows of everything but visits."""
        node = self.society.node

        def count(connection: Connection) -> dict[str, int]:
            """Of every table but those of visits, of drafts, which keep what was typed, right or wrong, of
            letters, which a worker makes of the log in its own time, and of how one wants to hear of them."""
            own = {"notification_settings", "calendar_feeds", "push_devices"}
            found = set(inspect(connection).get_table_names()) - {"sessions", "drafts", "outbox"} - own
            names = {name for name in found if "letters" not in name}
            return {
                name: connection.exec_driver_sql(f"SELECT count(*) FROM {name}").scalar_one()
                for name in sorted(names)
            }

        rows = await node.database.read(count)
        digest = await node.in_thread(testing.state_digest, node)
        return node.engine.head.size, digest, rows


async def officer_matter(society: Society, person: Person, roles: list[str]) -> None:
    fields: dict[str, Any] = {"kind": "officer", "subject": person.id, "roles": roles}
    values = {"title": "О бухгалтере", "text": "Решить о бухгалтере"}
    one = society.officers["one"]
    done = await society.coop.must(one, "council.propose/1", fields, sub=society.coop.id, values=values)
    await society.decide(identifier(done.digest))


def told_to(connection: Connection, people: Mapping[str, Person]) -> dict[str, str]:
    """The newest thing in the inbox of some, and something that was told to somebody."""
    found: dict[str, str] = {}
    for role in ("applicant", "one"):
        mine = (outbox.c.receiver == people[role].id, outbox.c.channel == "inbox", outbox.c.outcome == "sent")
        row = connection.execute(select(outbox).where(*mine).order_by(outbox.c.id.desc()).limit(1)).one()
        found |= {role: str(row.id), "news": str(row.news)}
    return found


@asynccontextmanager
async def made_matrix(data: Path) -> AsyncIterator[Matrix]:
    society = await Society.make(data, clock=FixedClock(), projections=all_projections())
    app = create_app(society.node)
    for ration in RATIONS:
        app[ration]._burst = app[ration]._rate = 1e9
    server = TestServer(app)
    await server.start_server()
    made = Matrix(society, server)
    coop = society.coop
    made.people = {
        name: await coop.person(name) for name in ("applicant", "other", "refused", "member", "ended")
    }
    made.people |= society.officers
    people = made.people
    admitted = await society.join(people["member"], NAMES["member"])
    await society.join(people["ended"], NAMES["ended"])
    await officer_matter(society, people["ended"], ["accountant"])
    await officer_matter(society, people["ended"], [])
    refused = (await society.apply(people["refused"], NAMES["refused"])).digest
    await society.identify(refused)
    turned_down = identifier((await society.complete(refused)).digest)
    await society.decide(turned_down, "against")
    other = (await society.apply(people["other"], NAMES["other"])).digest
    identified = (await society.identify(other)).digest
    pending = identifier((await society.complete(other)).digest)
    private = {"birth_date": "1971-02-03", "address": "г. Тверь, ул. Тайная, 9", "phone": "+79990001122"}
    private["email"] = "tajnova@example.org"
    apply = (await society.apply(people["applicant"], NAMES["applicant"], **private)).digest
    made.browsers = {role: await made.browser(people.get(role)) for role in ROLES}
    own = {"Origin": made.origin}
    form = FormData()
    form.add_field("copy", PICTURE, filename="паспорт.png", content_type="image/png")
    sent = await made.browsers["applicant"].post(
        "/join/copies", data=form, headers=own, allow_redirects=False
    )
    assert sent.status == 303, await sent.text()
    shown = await (await made.browsers["applicant"].get("/join/status")).text()
    number, copy = re.findall(r"/desk/applications/(\d+)/copies/([0-9a-f]{64})", shown)[0]
    away = await made.post(made.browsers["applicant"], "/join/withdraw")
    made.token = re.findall(r"#r=([^&]+)&", away.headers["Location"])[0]
    view = View(society.node.state, council.DOMAIN)
    decided = next(
        key
        for key, matter in view.scan("matter", "", council.Matter)
        if matter.outcome == "adopted" and matter.kind == "admission"
    )
    text = next(iter(society.agreements.values()))[1]
    consent = (await society.consent(people["member"], "contacts")).digest
    await Outbox(society.node, KINDS).work()
    told = await society.node.database.read(lambda connection: told_to(connection, people))
    made.places = {
        "id /inbox/{id:[0-9]{1,15}}/open": told["applicant"],
        "id /inbox/{id:[0-9]{1,15}}/date.ics": told["one"],
        "id /desk/deliveries/{id:[0-9]{1,15}}": told["news"],
        "id /desk/deliveries/{id:[0-9]{1,15}}.csv": told["news"],
        "id /me/notifications/devices/{id:[0-9]{1,15}}/forget": "1",
        "number": number,
        "number /members/{number:[0-9]{1,10}}": "3",
        "number /api/v1/members/{number:[0-9]{1,10}}": "3",
        "digest": apply.hex(),
        "digest identified": identified.hex(),
        "digest admitted": admitted.hex(),
        "digest /blobs/{digest:[0-9a-f]{64}}": text.hex(),
        "digest /join/copies/{digest:[0-9a-f]{64}}/remove": copy,
        "digest /desk/applications/{number:[0-9]{1,12}}/copies/{digest:[0-9a-f]{64}}": copy,
        "digest /me/data/consents/{digest:[0-9a-f]{64}}/withdraw": consent.hex(),
        "digest /api/v1/me/consents/{digest:[0-9a-f]{64}}/withdraw": consent.hex(),
        "id": pending,
        "id decided": decided,
        "id refused": turned_down,
        "token": made.token,
        "account": people["applicant"].id,
        "key": people["applicant"].kid.hex(),
        "kid": "ab" * 32,
        "secret": "A" * 32,
        "name": "app.css",
        "rest": "000",
        "kind": "privacy",
        "kind /council/{id:[a-z2-7]{52}}/{kind:minutes|extract}.pdf": "minutes",
        "step /join/{step:email|code|kind|person|texts|consents|check}": "person",
        "step": "sign",
        "group": "fees",
        "group /me/notifications/{group:votes|membership|desk}": "votes",
        "index": "1",
        "seat": "3",
        "purpose": "contacts",
    }
    try:
        yield made
    finally:
        for client in made.clients:
            await client.close()
        await server.close()
        await society.node.stop()


def told(answer: ClientResponse, signing: str) -> str:
    """One word for an answer: its status, or where it leads."""
    if answer.status != 303:
        return str(answer.status)
    place = answer.headers["Location"]
    return "in" if place.startswith("/sign-in") else "sign" if place.startswith(signing) else "to"


def names_in(text: str, allowed: Mapping[str, bool]) -> list[str]:
    return [name for role, name in NAMES.items() if name.split()[0] in text and not allowed.get(role)]
