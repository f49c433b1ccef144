"""Pages of news: inbox without a script, how one wants to hear, devices, calendar, journal (ADR 14)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestServer
from icalendar import Calendar

from coopnode.cli.node import all_projections
from coopnode.notifications import devices, inbox, settings
from coopnode.notifications.kinds import KINDS
from coopnode.notifications.settings import Settings
from coopnode.outbox import Outbox
from coopnode.testing import START, FixedClock
from protocol.identifiers import identifier
from tests.node.society import DAY, Society
from tests.web.matrix_kit import BODIES
from tests.web.test_shell import Client, Page, Shell
from web.app import create_app, create_signing_app

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

HERE = "/me/notifications"
DEVICE = BODIES["/api/v1/inbox/devices"]


@pytest.fixture
async def shell(tmp_path: Path) -> AsyncIterator[Shell]:
    """Somebody has applied, the council has a matter, and all of it is told."""
    society = await Society.make(
        tmp_path, clock=FixedClock(time=START + 9 * 3600), projections=all_projections()
    )
    server = TestServer(create_app(society.node))
    await server.start_server()
    made = Shell(society, server)
    await propose(society)
    await Outbox(society.node, KINDS).work()
    yield made
    for client in made.clients:
        await client.close()
    await server.close()
    await society.node.stop()


async def propose(society: Society, title: str = "О покупке сейфа") -> str:
    fields: dict[str, Any] = {"kind": "free"}
    values = {"title": title, "text": "Купить сейф для документов"}
    one = society.officers["one"]
    done = await society.coop.must(one, "council.propose/1", fields, sub=society.coop.id, values=values)
    return identifier(done.digest)


async def browser(shell: Shell, name: str, language: str = "ru") -> Client:
    return await shell.browser(shell.society.officers[name], language)


async def text_of(client: Client, path: str, status: int = 200) -> str:
    answer = await client.get(path, allow_redirects=False)
    text = await answer.text()
    assert answer.status == status, (path, answer.status)
    if answer.content_type == "text/html":
        assert Page(text).faults == []
    return text


async def known(shell: Shell, name: str) -> Settings:
    account = shell.society.officers[name].id
    return await shell.society.node.database.read(lambda c: settings.load(c, account))


async def posted(shell: Shell, client: Client, path: str, **fields: Any) -> tuple[int, str]:
    answer = await shell.post(client, path, **fields)
    return answer.status, await answer.text()


# -- the inbox -----------------------------------------------------------------------------------------


async def test_the_inbox_is_read_without_a_script(shell: Shell) -> None:
    one = await browser(shell, "one")
    for path in ("/now", "/me", "/inbox"):
        assert "непрочитанных: </span>1<" in await text_of(one, path), path
    page = await text_of(one, "/inbox")
    assert "В совете новый вопрос" in page and "Голосования и решения" in page and "сейф" not in page
    (place,) = re.findall(r'action="(/inbox/\d+/open)"', page)
    answer = await shell.post(one, place)
    assert answer.status == 303 and answer.headers["Location"].startswith("/council/")
    page = await text_of(one, "/inbox")
    assert "непрочитанных" not in page and "В совете новый вопрос" in page
    english = await browser(shell, "one", "en")
    assert "A new matter in the council" in await text_of(english, "/inbox")
    other = await browser(shell, "accountant")
    assert "Уведомлений пока нет" in await text_of(other, "/inbox")
    assert (await posted(shell, other, place))[0] == 404


async def test_all_of_the_page_is_read_and_no_more(shell: Shell) -> None:
    one = await browser(shell, "one")
    page = await text_of(one, "/inbox")
    (upto,) = re.findall(r'name="upto" value="(\d+)"', page)
    await propose(shell.society, "О другом")
    await Outbox(shell.society.node, KINDS).work()
    assert (await posted(shell, one, "/inbox/read", upto=upto))[0] == 303
    assert "непрочитанных: </span>1<" in await text_of(one, "/inbox")
    for wrong in ("", "-1", "x", "9" * 40, "²"):
        assert (await posted(shell, one, "/inbox/read", upto=wrong))[0] == 303
        assert (await one.get(f"/inbox?before={wrong}")).status == 200
    assert "непрочитанных: </span>1<" in await text_of(one, "/inbox")


async def test_the_inbox_goes_in_pages(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "PAGE", 2)
    for number in range(2):
        await propose(shell.society, f"Вопрос {number}")
    await Outbox(shell.society.node, KINDS).work()
    one = await browser(shell, "one")
    first = await text_of(one, "/inbox")
    (before,) = re.findall(r'href="(/inbox\?before=\d+)"', first)
    second = await text_of(one, before)
    assert second.count("/open") == 1 and "data-live-at" in first and "data-live-at" not in second
    assert "Более ранних нет" in await text_of(one, "/inbox?before=1")


async def test_the_inbox_of_programs(shell: Shell) -> None:
    one = await browser(shell, "one", "en")
    found = await (await one.get("/api/v1/inbox")).json()
    (item,) = found["items"]
    assert found["unread"] == 1 and item["title"] == "A new matter in the council" and item["concerns"]
    assert item["until"] > item["at"] and item["group"] == "votes" and "read_at" not in item
    own = {"Origin": shell.origin}
    for wrong in ({}, {"id": 1, "upto": 2}, {"id": 0}, {"id": "x"}, {"id": 2**63}):
        answer = await one.post("/api/v1/inbox/read", json=wrong, headers=own)
        assert answer.status == 422, wrong
    answer = await one.post("/api/v1/inbox/read", json={"id": item["id"]}, headers=own)
    assert await answer.json() == {"read": 1}
    assert (await (await one.get("/api/v1/inbox")).json())["unread"] == 0


# -- how one wants to hear -----------------------------------------------------------------------------


async def test_a_group_is_chosen(shell: Shell) -> None:
    one = await browser(shell, "one")
    assert "Раз в день" not in await text_of(one, HERE)
    assert (await posted(shell, one, f"{HERE}/votes", mode="daily"))[0] == 303
    page = await text_of(one, HERE)
    assert "Раз в день" in page and "Сохранено." in page
    assert (await known(shell, "one")).mode("votes") == "daily"
    assert (await posted(shell, one, f"{HERE}/security", mode="off"))[0] in (404, 405)
    assert (await known(shell, "one")).mode("security") == "now"


async def test_a_group_takes_nothing_else(shell: Shell) -> None:
    one = await browser(shell, "one")
    for mode in ("", "sometimes", "now\0", "нет", "daily" * 100, "DAILY"):
        status, page = await posted(shell, one, f"{HERE}/votes", mode=mode)
        assert status == 422 and "Выберите одно из предложенного" in page, mode
        assert (await known(shell, "one")).mode("votes") == "now", mode


GOOD = {"zone": "Asia/Omsk", "hour": "9", "quiet": "yes", "from": "22", "to": "8"}


async def test_hours_are_kept_and_shown_again(shell: Shell) -> None:
    one = await browser(shell, "one")
    assert (await posted(shell, one, f"{HERE}/hours", **GOOD))[0] == 303
    assert await known(shell, "one") == Settings({}, 9, "Asia/Omsk", (22, 8))
    page = await text_of(one, f"{HERE}/hours")
    assert '<option value="Asia/Omsk" selected>Омск (UTC+6)</option>' in page
    assert "Омск (UTC+6); ежедневное письмо в 9:00; тихо с 22:00 до 8:00" in await text_of(one, HERE)
    assert (await posted(shell, one, f"{HERE}/hours", **{**GOOD, "quiet": "no"}))[0] == 303
    assert (await known(shell, "one")).quiet is None


WRONG = (
    ("zone", "Mars/Olympus"),
    ("zone", "../../etc/passwd"),
    ("zone", "localtime"),
    ("zone", "Europe/Moscow\0"),
    ("zone", ""),
    ("hour", "24"),
    ("hour", "-1"),
    ("hour", "9.5"),
    ("hour", "٩"),
    ("hour", "09"),
    ("hour", "9" * 1000),
    ("hour", "7"),
    ("quiet", "maybe"),
    ("quiet", ""),
    ("from", "x"),
    ("to", "22"),
    ("to", ""),
)


async def test_hours_take_nothing_else(shell: Shell) -> None:
    """What was typed stands there again, and nothing is kept."""
    one = await browser(shell, "one")
    for field, value in WRONG:
        status, page = await posted(shell, one, f"{HERE}/hours", **{**GOOD, field: value})
        assert status == 422 and await known(shell, "one") == Settings(), (field, value)
        assert f'id="{field}-error"' in page, (field, value)
        assert '<option value="22" selected>22:00</option>' in page or field == "from"
        assert '<option value="Asia/Omsk" selected>' in page or field == "zone"


async def test_a_field_that_came_twice_is_asked_for_again(shell: Shell) -> None:
    one = await browser(shell, "one")
    own = {"Origin": shell.origin, "Content-Type": "application/x-www-form-urlencoded"}
    answer = await one.post(f"{HERE}/votes", data="mode=off&mode=now", headers=own, allow_redirects=False)
    assert answer.status == 422 and (await known(shell, "one")).mode("votes") == "now"


async def test_the_desk_is_for_those_who_have_one(shell: Shell) -> None:
    person = await shell.society.coop.person("ivanova")
    assert f"{HERE}/desk" not in await text_of(await shell.browser(person), HERE)
    assert f"{HERE}/desk" in await text_of(await browser(shell, "secretary"), HERE)


# -- devices -------------------------------------------------------------------------------------------


async def device(shell: Shell, client: Client, **more: Any) -> tuple[int, Any]:
    own = {"Origin": shell.origin}
    answer = await client.post("/api/v1/inbox/devices", json={**DEVICE, **more}, headers=own)
    return answer.status, await answer.json()


async def count(shell: Shell, name: str) -> int:
    account = shell.society.officers[name].id
    return await shell.society.node.database.read(lambda c: devices.count(c, account))


async def test_a_device_comes_and_goes(shell: Shell) -> None:
    one, other = await browser(shell, "one"), await browser(shell, "secretary")
    assert await device(shell, one, renew=True) == (200, {"on": False})
    assert await device(shell, one) == (200, {"on": True})
    assert await device(shell, one, renew=True) == (200, {"on": True})
    elsewhere = DEVICE["endpoint"] + "2"
    assert await device(shell, one, endpoint=elsewhere, replaces=elsewhere) == (200, {"on": False})
    assert await device(shell, one, endpoint=elsewhere, replaces=DEVICE["endpoint"]) == (200, {"on": True})
    assert await device(shell, one, replaces=elsewhere) == (200, {"on": True})
    page = await text_of(one, f"{HERE}/devices")
    assert "fcm.googleapis.com" in page and "/fcm/send/" not in page, "the address itself is a permission"
    (place,) = re.findall(rf'action="({HERE}/devices/\d+/forget)"', page)
    assert (await posted(shell, other, place))[0] == 303 and await count(shell, "one") == 1, "not theirs"
    assert (await posted(shell, one, place))[0] == 303 and await count(shell, "one") == 0
    await device(shell, one)
    own = {"Origin": shell.origin}
    answer = await one.post(
        "/api/v1/inbox/devices/forget", json={"endpoint": DEVICE["endpoint"]}, headers=own
    )
    assert answer.status == 200 and await count(shell, "one") == 0


async def test_signing_out_ends_the_device(shell: Shell) -> None:
    one, kept = await browser(shell, "one"), await browser(shell, "one")
    await device(shell, one)
    await device(shell, kept, endpoint="https://web.push.apple.com/x")
    await shell.post(one, "/sign-out")
    assert await count(shell, "one") == 1
    third = await browser(shell, "one")
    await shell.post(third, "/me/sessions/end-others")
    assert await count(shell, "one") == 0


async def test_a_browser_of_somebody_else_is_not_woken_for_the_former(shell: Shell) -> None:
    one, other = await browser(shell, "one"), await browser(shell, "secretary")
    await device(shell, one)
    assert await device(shell, other, renew=True) == (200, {"on": False})
    assert await count(shell, "one") == await count(shell, "secretary") == 0


NO_DEVICES: tuple[dict[str, Any], ...] = (
    {"endpoint": "https://127.0.0.1/x"},
    {"endpoint": "http://fcm.googleapis.com/x"},
    {"endpoint": "https://intranet.example/x"},
    {"endpoint": "x" * 3000},
    {"endpoint": None},
    {"keys": {"p256dh": "A" * 87, "auth": DEVICE["keys"]["auth"]}},
    {"keys": {"p256dh": DEVICE["keys"]["p256dh"], "auth": "AAAA"}},
    {"keys": {}},
    {"keys": "x"},
)


async def test_addresses_that_are_no_push_service(shell: Shell) -> None:
    one = await browser(shell, "one")
    for wrong in NO_DEVICES:
        status, answer = await device(shell, one, **wrong)
        assert status == 422 and answer["code"] == "invalid_field" and await count(shell, "one") == 0, wrong
    refused = await one.post("/api/v1/inbox/devices", json=DEVICE, headers={"Origin": "https://evil.example"})
    assert refused.status == 403


async def test_the_worker_comes_from_the_pages_origin_alone(shell: Shell) -> None:
    stranger = await shell.browser()
    answer = await stranger.get("/push-worker.js")
    assert answer.status == 200 and answer.content_type == "text/javascript"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; connect-src 'self'"
    assert answer.headers["Cache-Control"] == "no-cache" and "Set-Cookie" not in answer.headers
    signing = TestServer(create_signing_app(shell.society.node))
    await signing.start_server()
    client = Shell(shell.society, signing)
    elsewhere = await client.browser()
    assert (await elsewhere.get("/push-worker.js")).status == 404
    await elsewhere.close()
    await signing.close()


# -- calendar ------------------------------------------------------------------------------------------


async def test_dates_go_into_a_calendar_by_an_address(shell: Shell) -> None:
    one, program = await browser(shell, "one"), await shell.browser()
    assert (await posted(shell, one, f"{HERE}/calendar", wish="open"))[0] == 303
    page = await text_of(one, f"{HERE}/calendar")
    (key,) = set(re.findall(r"/calendar\.ics\?key=([\w-]{43})", page))
    answer = await program.get(f"/calendar.ics?key={key}")
    assert (answer.status, answer.content_type) == (200, "text/calendar")
    (event,) = Calendar.from_ical(await answer.text()).walk("VEVENT")
    assert str(event["SUMMARY"]) == "Кооператив: голосование в совете закрывается"
    (place,) = re.findall(r'href="(/inbox/\d+/date\.ics)"', await text_of(one, "/inbox"))
    (same,) = Calendar.from_ical(await text_of(one, place)).walk("VEVENT")
    assert same["UID"] == event["UID"]
    assert (await posted(shell, one, f"{HERE}/calendar", wish="close"))[0] == 303
    wrong = (key, "", "x", "я" * 43, "A" * 43, key + "A", "'" * 43, "%00" * 43)
    for guess in wrong:
        assert (await program.get(f"/calendar.ics?key={guess}")).status == 404, guess
    assert (await posted(shell, one, f"{HERE}/calendar", wish="all"))[0] == 400


# -- the journal ---------------------------------------------------------------------------------------


async def test_officers_see_who_was_told(shell: Shell) -> None:
    secretary = await browser(shell, "secretary")
    page = await text_of(secretary, "/desk/deliveries")
    assert "В совете новый вопрос" in page and "письма: 3" in page
    (place,) = re.findall(r'href="(/desk/deliveries/\d+)"', page)
    detail = await text_of(secretary, place)
    assert all(name in detail for name in ("Ким Вера", "Зайцев Олег Ильич", "Орлова Анна Петровна"))
    assert "доставлено" in detail
    table = list(csv.reader(io.StringIO((await text_of(secretary, f"{place}.csv"))[1:]), delimiter=";"))
    assert len(table) == 7 and table[0][:4] == ["Учётная запись", "Фамилия, имя, отчество", "Способ", "Итог"]
    assert {row[1] for row in table[1:]} == {"Ким Вера", "Зайцев Олег Ильич", "Орлова Анна Петровна"}
    assert "example.org" not in str(table) + detail
    await text_of(secretary, "/desk/deliveries/999999", 404)
    english = await browser(shell, "chair", "en")
    assert "A new matter in the council" in await text_of(english, "/desk/deliveries")


async def test_erasing_takes_the_name_out_of_the_journal(shell: Shell) -> None:
    society, secretary = shell.society, await browser(shell, "secretary")
    person = await society.coop.person("ivanova")
    apply = (await society.apply(person, "Тайнова Вера Львовна")).digest
    await Outbox(society.node, KINDS).work()
    page = await text_of(secretary, "/desk/deliveries")
    place = re.findall(r'href="(/desk/deliveries/\d+)"', page)[0]
    assert "Тайнова" in await text_of(secretary, place)
    await society.coop.must(person, "membership.withdraw/1", {"re": [apply]}, sub=identifier(apply))
    society.move(40 * DAY)
    fields: dict[str, Any] = {"re": [apply], "ground": "retention"}
    officer = society.officers["secretary"]
    await society.coop.must(officer, "vault.erase/1", fields, sub=society.coop.id)
    society.move(2)
    again = await browser(shell, "secretary")
    assert "Тайнова" not in await text_of(again, place)
