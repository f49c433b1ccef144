"""News over every channel: who hears of what, when, once, and what is known about it afterwards (ADR 14)."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from icalendar import Calendar

from coopnode import cleaning, outbox
from coopnode.accounts.service import Accounts
from coopnode.answers import Committed
from coopnode.app import Node
from coopnode.cli.node import all_projections
from coopnode.config import Push, Smtp
from coopnode.letters import Date
from coopnode.mail import Letter, Mailer, MailError
from coopnode.notifications import calendars, deliveries, devices, inbox, push, settings
from coopnode.notifications.calendars import Entry, Marks
from coopnode.notifications.devices import Devices, Subscription
from coopnode.notifications.kinds import KINDS
from coopnode.notifications.push import BadSubscription, Gone, Payload, PushError, Vapid, Wake
from coopnode.notifications.settings import Settings
from coopnode.outbox import KEPT, PAUSES, Outbox
from coopnode.sessions import Sessions
from coopnode.signing import b64
from coopnode.store.schema import outbox as table
from coopnode.store.sql import Connection, select
from coopnode.testing import START, FixedClock, seed
from protocol.contract import View
from protocol.contracts import council, membership
from protocol.contracts.membership import Request
from protocol.identifiers import identifier
from tests.node.push_sink import Browser, PushSink, unb64
from tests.node.smtp_sink import Sink
from tests.node.society import DAY, Society
from tests.web.test_accounts import recovering

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

#: 12:00 in Moscow.
NOON = START + 9 * 3600


@pytest.fixture
async def society(tmp_path: Path) -> AsyncIterator[Society]:
    made = await Society.make(tmp_path, clock=FixedClock(time=NOON), projections=all_projections())
    await Outbox(made.node, KINDS).work()
    yield made
    await made.node.stop()


class House:
    """A society whose mail and pushes go to sinks."""

    def __init__(self, society: Society, mail: Sink, service: PushSink) -> None:
        self.society, self.node = society, society.node
        smtp = Smtp(host="127.0.0.1", port=mail.port, starttls=False, sender="office@rostok.example")
        changed = {"smtp": smtp, "push": Push(loopback=True)}
        self.node.config = self.node.config.model_copy(update=changed)
        self.mail, self.service, self.browser = mail, service, Browser()
        self.worker = Outbox(self.node, KINDS)

    def person(self, name: str) -> str:
        return self.society.officers[name].id

    async def matter(self) -> str:
        """A free matter of the council; the chair and two others vote."""
        fields: dict[str, Any] = {"kind": "free"}
        values = {"title": "О покупке сейфа", "text": "Купить сейф для документов"}
        coop = self.society.coop
        done = await coop.must(
            self.society.officers["one"], "council.propose/1", fields, sub=coop.id, values=values
        )
        return identifier(done.digest)

    async def vote(self, matter: str, *names: str) -> None:
        fields: dict[str, Any] = {"matter": matter, "round": 1, "choice": "for", "sequence": 1}
        for name in names:
            await self.society.coop.must(self.society.officers[name], "council.vote/1", fields, sub=matter)

    def closes(self, matter: str) -> int:
        view = View(self.node.state, council.DOMAIN)
        return view.need("matter", matter, council.Matter).box.closes

    def requests(self) -> list[Request]:
        view = View(self.node.state, membership.DOMAIN)
        return [found for _, found in view.scan("request", "", Request)]

    async def choose(self, name: str, chosen: Settings) -> None:
        await self.write(lambda c: settings.save(c, self.person(name), chosen, self.now))

    async def device(self, name: str, place: str, given: Subscription | None = None) -> tuple[int, bytes]:
        """(id, digest of its session)"""
        store, account = Sessions(self.node), self.person(name)
        kid = self.society.officers[name].kid
        made, _ = await store.sign_in((await store.create("ru"))[0], account, kid)
        wanted = given or self.browser.subscribed(self.service.endpoint(place))
        box = Devices(self.node.keys.session)
        await self.write(lambda c: box.add(c, account, made.digest, wanted, self.now))
        return (await self.read(lambda c: devices.ids(c, account)))[-1], made.digest

    @property
    def now(self) -> int:
        return self.node.clock.peek()

    async def read(self, query: Callable[[Connection], Any]) -> Any:
        return await self.node.database.read(query)

    async def write(self, change: Callable[[Connection], Any]) -> Any:
        return await self.node.database.write(change)

    async def rows(self, name: str, channel: str) -> list[Any]:
        query = select(table).where(table.c.receiver == self.person(name), table.c.channel == channel)
        return list(await self.read(lambda c: c.execute(query.order_by(table.c.id)).all()))

    async def outcomes(self, name: str, channel: str) -> list[str | None]:
        return [row.outcome for row in await self.rows(name, channel)]

    async def work(self) -> None:
        await self.worker.work("email")
        await self.worker.work("push")

    def letters(self, name: str) -> list[Any]:
        return [got.message for got in self.mail.got if got.receivers == (f"{name}@example.org",)]

    def unread(self, name: str) -> int:
        return inbox.unread(self.node, self.person(name))

    async def page(self, name: str) -> inbox.Page:
        account = self.person(name)
        found: inbox.Page = await self.read(lambda c: inbox.page(c, self.node, account, "ru", None))
        return found


@pytest.fixture
async def house(society: Society) -> AsyncIterator[House]:
    async with Sink().listening() as mail, PushSink().listening() as service:
        yield House(society, mail, service)


# -- the inbox -----------------------------------------------------------------------------------------


async def test_everything_stands_in_the_inbox_until_one_has_acted(house: House) -> None:
    matter = await house.matter()
    await house.work()
    assert house.unread("one") == house.unread("secretary") == 1 and house.unread("accountant") == 0
    (item,) = (await house.page("secretary")).items
    assert item.news is not None and item.unread and item.news.said.path == f"/council/{matter}"
    stored = b"".join(row.body for row in await house.rows("secretary", "inbox"))
    assert "сейф".encode() not in stored
    await house.vote(matter, "secretary")
    assert house.unread("secretary") == 0 and house.unread("one") == 1, "who has acted hears nothing"
    (item,) = (await house.page("secretary")).items
    assert item.news is not None and not item.unread and item.read_at is None


async def test_reading_one_and_all(house: House) -> None:
    for _ in range(3):
        await house.matter()
    await house.work()
    account, other = house.person("one"), house.person("secretary")
    ids = [item.id for item in (await house.page("one")).items]
    assert ids == sorted(ids, reverse=True) and house.unread("one") == 3
    assert await house.write(lambda c: inbox.read(c, other, house.now, id=ids[0])) == 0, "not theirs"
    assert await house.write(lambda c: inbox.read(c, account, house.now, id=ids[1])) == 1
    assert house.unread("one") == 2
    assert await house.write(lambda c: inbox.read(c, account, house.now, upto=ids[1])) == 1
    assert [item.unread for item in (await house.page("one")).items] == [True, False, False]


async def test_an_inbox_goes_in_pages(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox, "PAGE", 2)
    for _ in range(3):
        await house.matter()
    await house.work()
    account = house.person("one")
    first = await house.page("one")
    rest = await house.read(lambda c: inbox.page(c, house.node, account, "ru", first.before))
    assert (len(first.items), len(rest.items), rest.before) == (2, 1, None)


# -- letters -------------------------------------------------------------------------------------------


async def test_once_a_day_goes_one_letter(house: House) -> None:
    await house.choose("one", Settings({"votes": "daily"}))
    first, _ = await house.matter(), await house.matter()
    await house.work()
    assert len(house.letters("secretary")) == 2 and house.letters("one") == []
    await house.vote(first, "one")
    await house.matter()
    house.society.move(7 * 3600 - 1)
    await house.work()
    assert house.letters("one") == [], "not before its hour"
    house.society.move(1)
    await house.work()
    await house.work()
    (letter,) = house.letters("one")
    assert letter["Subject"] == "Новое в кооперативе: 2", "what was voted on is left out"
    assert await house.outcomes("one", "email") == ["acted", "sent", "sent"]
    house.society.move(DAY)
    await house.work()
    assert len(house.letters("one")) == 1


async def test_what_was_read_before_is_left_out_of_the_daily_letter(house: House) -> None:
    await house.choose("one", Settings({"votes": "daily"}))
    await house.matter()
    await house.work()
    account = house.person("one")
    await house.write(lambda c: inbox.read(c, account, house.now, upto=10**9))
    house.society.move(DAY)
    await house.work()
    assert house.letters("one") == [] and await house.outcomes("one", "email") == ["read"]


async def test_off_means_the_inbox_only_and_is_asked_again_at_the_moment_of_sending(house: House) -> None:
    await house.choose("one", Settings({"votes": "off"}))
    await house.choose("secretary", Settings({"votes": "daily"}))
    await house.matter()
    await house.work()
    await house.choose("secretary", Settings({"votes": "off"}))
    house.society.move(DAY)
    await house.work()
    assert house.letters("one") == house.letters("secretary") == []
    assert await house.outcomes("one", "email") == await house.outcomes("secretary", "email") == ["off"]
    assert house.unread("one") == house.unread("secretary") == 1


async def test_quiet_hours_hold_what_is_not_urgent(house: House) -> None:
    await house.choose("one", Settings(quiet=(22, 8)))
    house.society.move(11 * 3600)  # 23:00
    matter = await house.matter()
    await house.work()
    assert len(house.letters("secretary")) == 1 and house.letters("one") == []
    house.society.move(9 * 3600 - 1)
    await house.work()
    assert house.letters("one") == []
    house.society.move(1)
    await house.work()
    assert len(house.letters("one")) == 1
    # The reminder comes a day before the end, whatever the hour.
    house.society.move(house.closes(matter) - DAY - house.now)
    before = datetime.fromtimestamp(house.now, UTC).hour
    await house.work()
    assert len(house.letters("one")) == 2 and before + 3 >= 22, "23:00 in Moscow"


async def test_a_repetition_waits_for_the_end_of_quiet_hours_too(house: House) -> None:
    house.society.move(9 * 3600 + 3590)  # 21:59:50
    await house.choose("one", Settings(quiet=(22, 8)))
    house.mail.refused["one@example.org"] = "450 later"
    await house.matter()
    await house.work()
    house.mail.refused.clear()
    house.society.move(PAUSES[0])
    await house.work()
    (row,) = await house.rows("one", "email")
    assert house.letters("one") == [] and row.attempts == 1
    house.society.move(10 * 3600)
    await house.work()
    assert len(house.letters("one")) == 1


async def recovered(house: House, name: str) -> None:
    """Somebody uses the sheet of an officer and revokes their key."""
    person = house.society.officers[name]
    chain = await Accounts(house.node).chain(person.id)
    assert chain is not None
    known = {"number": chain.number, "prev": b64(chain.prev)}
    statement = recovering(person, known, seed("sheet"), revoke=True, now=house.now)
    assert isinstance(await house.node.engine.submit(statement), Committed)


async def test_news_of_keys_passes_every_silence(house: House) -> None:
    await house.choose("one", Settings(dict.fromkeys(settings.GROUPS, "off"), quiet=(0, 23)))
    await recovered(house, "one")
    await house.work()
    (letter,) = house.letters("one")
    assert letter["Subject"] == "Вашу учётную запись восстанавливают"
    assert house.unread("one") == house.unread("chair") == 1


async def test_officers_hear_no_more_of_what_another_has_done(house: House) -> None:
    """The secretary's letter waits for the evening; the identity was checked at noon."""
    await house.choose("secretary", Settings({"desk": "daily"}))
    person = await house.society.coop.person("ivanova")
    apply = (await house.society.apply(person)).digest
    await house.work()
    assert house.unread("secretary") == 1
    await house.society.identify(apply)
    await house.work()
    house.society.move(DAY)
    await house.work()
    assert await house.outcomes("secretary", "email") == ["acted", "sent"]
    (letter,) = house.letters("secretary")
    assert letter["Subject"] == "Новое в кооперативе: 1"


DYING = """
import asyncio, sys
from pathlib import Path
from coopnode.app import Node
from coopnode.config import Push, Smtp
from coopnode.notifications.kinds import KINDS
from coopnode.outbox import Outbox
from coopnode.testing import FixedClock, config

async def main():
    smtp = Smtp(host="127.0.0.1", port=int(sys.argv[2]), starttls=False, sender="office@rostok.example")
    made = config(Path(sys.argv[1]), smtp=smtp, push=Push(loopback=True), time_confirmed=True)
    node = Node.open(made, clock=FixedClock(time=float(sys.argv[3])))
    await Outbox(node, KINDS).work(sys.argv[4])

asyncio.run(main())
"""


@pytest.mark.long
@pytest.mark.parametrize("channel", ["email", "push"])
async def test_death_between_sending_and_marking(house: House, channel: str) -> None:
    """A letter of several news goes out once more under the same Message-ID, a push once more."""
    await house.choose("one", Settings({"votes": "daily"}))
    await house.device("one", "phone")
    first, second = await house.matter(), await house.matter()
    await house.vote(first, "secretary", "chair")
    await house.vote(second, "secretary", "chair")
    await house.work()
    config, now = house.node.config, house.now + 7 * 3600
    await house.node.stop()
    before = len(house.mail.got), len(house.service.got)
    environment = {**os.environ, "COOPNODE_FAULT": "outbox.sent:1:kill"}
    command = (sys.executable, "-c", DYING, str(config.data), str(house.mail.port), str(now), channel)
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(*command, env=environment)
        assert await process.wait() == -signal.SIGKILL
        command = (*command[:5], str(int(now) + PAUSES[0]), channel)
    node = Node.open(
        config, clock=FixedClock(time=now + PAUSES[0] + PAUSES[1]), projections=all_projections()
    )
    house.society.coop.node = house.node = node
    await Outbox(node, KINDS).work("email")
    await Outbox(node, KINDS).work("push")
    await node.start()
    letters, pushes = house.mail.got[before[0] :], house.service.got[before[1] :]
    mine = [got.message["Message-ID"] for got in letters if got.receivers == ("one@example.org",)]
    assert len(set(mine)) == 1 and len(mine) == (3 if channel == "email" else 1)
    assert len(pushes) == (3 if channel == "push" else 1)
    assert await house.outcomes("one", channel) == ["sent", "sent"]
    assert [row.attempts for row in await house.rows("one", channel)] == [3, 3]


# -- answers to requests ---------------------------------------------------------------------------------


@pytest.fixture
async def joined(house: House) -> House:
    """With Ivanova, a member without an office."""
    person = await house.society.coop.person("ivanova")
    await house.society.take_over(person, 10, "Иванова Мария Сергеевна")
    house.society.officers["ivanova"] = person
    await house.work()
    return house


async def asks(house: House, name: str, type: str, **values: str) -> str:
    person = house.society.officers[name]
    return identifier((await house.society.coop.must(person, type, {}, values=values)).digest)


async def heard(house: House) -> dict[str, tuple[str, str, str]]:
    """By person, what the letter about the answer says: (subject, text, page). The council's own letters are
    no part of it."""
    await house.work()
    found = {}
    for name in house.society.officers:
        for letter in house.letters(name):
            text = letter.get_content() if not letter.is_multipart() else ""
            page = re.search(r"https?://[^/\s]+(/me/requests|/members/[0-9]+)\s", text)
            if page is not None:
                assert name not in found, "told once"
                found[name] = (str(letter["Subject"]), text, page[1])
    return found


PETITION = {"title": "О навесе", "text": "Прошу поставить навес у склада."}


@pytest.mark.parametrize(
    ("choice", "said"), [("for", "удовлетворил"), ("against", "отказал")], ids=["granted", "refused"]
)
async def test_a_member_hears_the_answer_to_a_petition(joined: House, choice: str, said: str) -> None:
    matter = await asks(joined, "ivanova", "membership.petition/1", **PETITION)
    assert await heard(joined) == {}
    await joined.society.decide(matter, choice)
    ((name, (subject, text, page)),) = (await heard(joined)).items()
    assert (name, subject, page) == ("ivanova", "Ответ совета на ваше обращение", "/me/requests")
    assert said in text and "навес" not in text
    assert "/me/requests" in str(await joined.page("ivanova"))


async def test_a_member_hears_that_the_time_to_answer_has_passed(joined: House) -> None:
    await asks(joined, "ivanova", "membership.petition/1", **PETITION)
    joined.society.move(40 * DAY)
    await joined.society.consent(joined.society.officers["chair"])
    ((name, (subject, text, _)),) = (await heard(joined)).items()
    assert (name, subject) == ("ivanova", "Срок ответа совета истёк") and "в суд" in text


async def test_what_is_taken_back_needs_no_letter(joined: House) -> None:
    matter = await asks(joined, "ivanova", "membership.leave/1")
    person = joined.society.officers["ivanova"]
    (request,) = joined.requests()
    await joined.society.coop.must(person, "membership.withdraw/1", {"re": [request.digest]}, sub=matter)
    assert await heard(joined) == {}


async def test_whoever_leaves_and_who_returns_the_share_hear_that_membership_has_ended(joined: House) -> None:
    matter = await asks(joined, "ivanova", "membership.leave/1")
    await joined.society.decide(matter)
    found = await heard(joined)
    assert {name: page for name, (_, _, page) in found.items()} == {
        "ivanova": "/me/requests",
        "secretary": "/members/10",
        "accountant": "/members/10",
    }
    assert "Членство прекращено: 1 января 2026" in found["ivanova"][1]
    subject, text, _ = found["accountant"]
    assert subject == "Изменение в реестре пайщиков" and "№ 10" in text and "Иванова" not in text


async def test_a_refused_exit_is_told_to_the_member_alone(joined: House) -> None:
    matter = await asks(joined, "ivanova", "membership.leave/1")
    await joined.society.decide(matter, "against")
    ((name, (_, text, _)),) = (await heard(joined)).items()
    assert name == "ivanova" and "вы остаётесь пайщиком" in text


async def test_an_exit_nobody_decided_ends_membership_and_is_told(joined: House) -> None:
    """Whoever left has no office any more and hears of it as a member alone."""
    await asks(joined, "secretary", "membership.leave/1")
    joined.society.move(40 * DAY)
    await joined.society.consent(joined.society.officers["chair"])
    found = await heard(joined)
    assert set(found) == {"secretary", "accountant"}
    assert found["secretary"][0] == "Срок ответа совета истёк" and found["secretary"][2] == "/me/requests"
    assert all("без решения" in text for _, text, _ in found.values())


# -- devices -------------------------------------------------------------------------------------------


async def test_a_device_is_woken_with_kind_and_number(house: House) -> None:
    await house.device("one", "phone")
    await house.matter()
    await house.work()
    (got,) = house.service.got
    assert json.loads(house.browser.open(got.body)) == {"kind": "votes", "count": 1, "locale": "ru"}
    assert (got.headers["Content-Encoding"], got.headers["Urgency"]) == ("aes128gcm", "normal")
    claims = got.token(house.now)
    assert claims["aud"] == f"http://127.0.0.1:{house.service.port}"
    assert claims["sub"] == "mailto:office@rostok.example"
    assert await house.outcomes("one", "push") == ["sent"]
    account, box = house.person("one"), Devices(house.node.keys.session)
    (device,) = await house.read(lambda c: box.of_account(c, account))
    assert device.reached_at == house.now and "127.0.0.1" not in repr(device)


async def test_each_device_has_attempts_of_its_own(house: House) -> None:
    for place in ("phone", "desk", "old", "odd"):
        await house.device("one", place)
    house.service.answers = {"desk": 503, "old": 410, "odd": 403}
    await house.matter()
    await house.work()
    await house.work()
    assert await house.outcomes("one", "push") == ["sent", None, "gone", "failed"]
    house.service.answers = {}
    house.society.move(PAUSES[0])
    await house.work()
    assert await house.outcomes("one", "push") == ["sent", "sent", "gone", "failed"]
    account = house.person("one")
    assert len(await house.read(lambda c: devices.ids(c, account))) == 3, "one has ended"
    assert await house.read(outbox.counts) == (1, 0), "letters alone alarm: the reminder waits"


async def test_no_redirect_is_followed(house: House) -> None:
    await house.device("one", "phone")
    house.service.answers = {"phone": 307}
    await house.matter()
    await house.work()
    assert [got.path for got in house.service.got] == ["/phone"]
    (row,) = await house.rows("one", "push")
    assert (row.outcome, row.problem) == ("failed", "the push service answered 307")


async def test_a_service_that_is_away_holds_no_letter_and_is_tried_again(house: House) -> None:
    await house.device("one", "phone", house.browser.subscribed("http://127.0.0.1:9/x"))
    await house.device("one", "desk")
    await house.matter()
    await house.work()
    assert await house.outcomes("one", "push") == [None, "sent"] and len(house.letters("one")) == 1
    problem = (await house.rows("one", "push"))[0].problem
    assert problem == "the push service cannot be reached (ClientConnectorError)"


async def test_who_signs_out_or_loses_the_key_is_woken_no_more(house: House) -> None:
    store, account = Sessions(house.node), house.person("one")
    _, out = await house.device("one", "out")
    await house.device("one", "kept")
    await store.end(out, account)
    assert len(await house.read(lambda c: devices.ids(c, account))) == 1
    await house.matter()
    await recovered(house, "one")
    await house.work()
    assert house.service.got == [] and await house.outcomes("one", "push") == ["gone", "gone"]
    assert await house.read(lambda c: devices.ids(c, account)) == []


async def test_signing_in_as_somebody_else_ends_the_device(house: House) -> None:
    store, other, account = Sessions(house.node), house.person("secretary"), house.person("one")
    given = house.browser.subscribed(house.service.endpoint("shared"))
    _, digest = await house.device("one", "", given)
    (mine,) = [each for each in await store.of(account) if each.digest == digest]
    again, _ = await store.sign_in(mine, account)
    box = Devices(house.node.keys.session)
    assert await house.write(lambda c: box.renew(c, account, again.digest, given))
    theirs, _ = await store.sign_in(again, other)
    assert await house.read(lambda c: devices.ids(c, account)) == []
    # The session of before was only forgotten: the browser says so itself.
    await house.device("one", "", given)
    assert not await house.write(lambda c: box.renew(c, other, theirs.digest, given))
    assert await house.read(lambda c: devices.count(c, account) + devices.count(c, other)) == 0


async def test_an_account_has_so_many_devices(house: House) -> None:
    for number in range(devices.MOST + 2):
        await house.device("one", f"phone-{number}")
    account = house.person("one")
    assert len(await house.read(lambda c: devices.ids(c, account))) == devices.MOST


SERVICES = Push()


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/fcm/send/x",
        "https://fcm.googleapis.com:8443/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evilfcm.googleapis.com/x",
        "https://user@fcm.googleapis.com/x",
        "https://fcm.googleapis.com@evil.example/x",
        "https://evil.example\\@fcm.googleapis.com/x",
        "https://evil.example/#fcm.googleapis.com",
        "https://fcm.googleapis.com/x#y",
        "https://127.0.0.1/x",
        "https://localhost/x",
        "https://[::1]/x",
        "https://[::1%25x.push.apple.com]/x",
        "https://[::ffff:127.0.0.1%x.push.apple.com]/x",
        "https://[fe80::1",
        "https://0x7f000001/x",
        "https://169.254.169.254/latest/meta-data",
        "https://fcm.googleapis.com:x/",
        "https://fcm.googleapis.com/\n",
        "https://\u0435.googleapis.com/",
        "file:///etc/passwd",
        "gopher://fcm.googleapis.com/",
        "",
        "https://fcm.googleapis.com/" + "x" * 3000,
    ],
)
async def test_nothing_is_asked_of_other_addresses(endpoint: str) -> None:
    assert push.refusal(endpoint, SERVICES) is not None
    given = Browser().subscribed(endpoint)
    wake = Wake(
        devices.Device(1, "a", given, None, 0, None), Payload("votes", 1, "ru"), Vapid(b"x"), "mailto:a@b"
    )
    with pytest.raises(PushError) as refused:
        await push.send(wake, SERVICES, now=START)
    assert refused.value.final and not isinstance(refused.value, Gone)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/cX:APA91b",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAAAA",
        "https://wns2-par02p.notify.windows.com/w/?token=BQ",
        "https://web.push.apple.com/QA",
    ],
)
def test_services_of_browsers_are_known(endpoint: str) -> None:
    assert push.refusal(endpoint, SERVICES) is None
    assert push.refusal(endpoint, Push(services=())) is not None


async def test_a_known_name_that_leads_home_is_not_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a name means is judged when it is connected to: it may have changed since it was looked up."""
    resolver = push._PublicOnly()
    with pytest.raises(OSError, match="no address of the public Internet"):
        await resolver.resolve("localhost", 443)
    await resolver.close()
    refused = (
        *("127.0.0.1", "10.0.0.1", "192.168.1.1", "169.254.169.254", "::1", "fe80::1%eth0", "fd00::1"),
        *("::ffff:127.0.0.1", "0.0.0.0", "100.64.0.1", "224.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::"),
    )
    assert not any(push.is_public(address) for address in refused)
    assert push.is_public("8.8.8.8") and push.is_public("2001:4860:4860::8888")


@pytest.mark.parametrize(
    ("key", "auth"),
    [
        ("", ""),
        ("A" * 87, "BTBZMqHH6r4Tts7J_aSIgg"),
        ("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4", "BTBZ"),
        ("é", "é"),
        ("A" * 10_000, "BTBZMqHH6r4Tts7J_aSIgg"),
    ],
)
def test_keys_that_are_none(key: str, auth: str) -> None:
    with pytest.raises(BadSubscription):
        push.subscription("https://fcm.googleapis.com/x", key, auth, SERVICES)


def test_a_message_is_encrypted_as_the_standard_has_it() -> None:
    """RFC 8291, section 5 and appendix A."""
    receiver = Subscription(
        "https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
        unb64("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
        unb64("BTBZMqHH6r4Tts7J_aSIgg"),
    )
    number = int.from_bytes(unb64("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big")
    sent = push.encrypt(
        b"When I grow up, I want to be a watermelon",
        receiver,
        salt=unb64("DGv6ra1nlYgDCS1FRnbzlw"),
        key=ec.derive_private_key(number, ec.SECP256R1()),
        padded=0,
    )
    assert sent == unb64(
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6Tlz"
        "AC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_every_message_has_the_same_size() -> None:
    browser = Browser()
    given = browser.subscribed("https://fcm.googleapis.com/x")
    payloads = [Payload(group, count, "ru") for group in settings.GROUPS for count in (1, 999)]
    payloads.append(Payload("several", 200, "en"))
    assert len({len(push.encrypt(each.encoded(), given)) for each in payloads}) == 1


# -- dates ---------------------------------------------------------------------------------------------


def events(text: str) -> list[Any]:
    return list(Calendar.from_ical(text).walk("VEVENT"))


async def test_a_letter_brings_its_date(house: House) -> None:
    matter = await house.matter()
    await house.work()
    (letter,) = house.letters("one")
    (file,) = letter.iter_attachments()
    assert (file.get_content_type(), file.get_param("method")) == ("text/calendar", "PUBLISH")
    (event,) = events(file.get_content())
    assert event["DTSTART"].dt == datetime.fromtimestamp(house.closes(matter), UTC)
    assert (str(event["STATUS"]), int(event["SEQUENCE"])) == ("CONFIRMED", 2)
    assert str(event["SUMMARY"]) == "Кооператив: голосование в совете закрывается"
    words = file.get_content()
    assert "сейф" not in words and matter not in words and house.person("one") not in words


async def test_a_calendar_follows_what_happens(house: House) -> None:
    matter = await house.matter()
    await house.work()
    account, secret = house.person("one"), house.node.keys.session

    async def shown() -> Any:
        marks = Marks(secret, account, "https://coop.example")
        found = await house.read(lambda c: inbox.dates(c, house.node, account, "ru", house.now))
        return events(calendars.document(found, marks, "ru"))

    (before,) = await shown()
    house.society.move(house.closes(matter) - DAY - house.now)
    await house.work()
    (reminded,) = await shown()
    assert reminded["UID"] == before["UID"], "two letters, one date"
    await house.vote(matter, "one")
    (after,) = await shown()
    assert after["UID"] == before["UID"] and str(after["STATUS"]) == "CANCELLED"
    assert int(after["SEQUENCE"]) > int(before["SEQUENCE"])


def test_a_date_that_moves_takes_the_place_of_the_former() -> None:
    marks, other = Marks(b"s", "a", "https://coop.example"), Marks(b"s", "b", "https://coop.example")
    first, moved = Date("council/x/vote", START, "Срок", 1), Date("council/x/vote", START + DAY, "Срок", 2)
    texts = [
        calendars.document([entry], marks, "ru")
        for entry in (
            Entry(first, START),
            Entry(first, START, True),
            Entry(moved, START),
            Entry(moved, START, True),
        )
    ]
    found = [events(text)[0] for text in texts]
    assert len({str(event["UID"]) for event in found}) == 1
    sequences = [int(event["SEQUENCE"]) for event in found]
    assert sequences == sorted(set(sequences))
    foreign = events(calendars.document([Entry(first, START)], other, "ru"))[0]
    assert foreign["UID"] != found[0]["UID"], "two people have nothing in common outside"


async def test_an_address_for_calendars_is_taken_back(house: House) -> None:
    account, secret, state = house.person("one"), house.node.keys.session, house.node.state
    first = await house.write(lambda c: calendars.open_feed(c, secret, account, house.now))
    assert await house.read(lambda c: calendars.token_of(c, secret, state, account)) == first
    assert await house.read(lambda c: calendars.account_of(c, state, first)) == account
    second = await house.write(lambda c: calendars.open_feed(c, secret, account, house.now))
    assert await house.read(lambda c: calendars.account_of(c, state, first)) is None and second != first
    house.society.move(60)
    await recovered(house, "one")
    state = house.node.state
    assert await house.read(lambda c: calendars.account_of(c, state, second)) is None, "a key was revoked"
    assert await house.read(lambda c: calendars.token_of(c, secret, state, account)) is None
    second = await house.write(lambda c: calendars.open_feed(c, secret, account, house.now + 1))
    assert await house.read(lambda c: calendars.account_of(c, state, second)) == account
    await house.write(lambda c: calendars.close_feed(c, account))
    assert await house.read(lambda c: calendars.account_of(c, state, second)) is None


# -- the journal ---------------------------------------------------------------------------------------


async def test_the_journal_tells_who_was_reached_and_why_not(house: House) -> None:
    await house.choose("chair", Settings({"votes": "off"}))
    await house.device("one", "phone")
    house.mail.refused["secretary@example.org"] = "550 no"
    matter = await house.matter()
    await house.work()
    await house.vote(matter, "one")
    house.society.move(house.closes(matter) - DAY - house.now)
    await house.work()
    found = await house.read(lambda c: deliveries.events(c, house.node, "ru", None))
    reminder, opened = found.items[0], found.items[1]
    assert opened.people == 3 and opened.opened == 0 and opened.told is not None
    assert opened.counts == {
        "inbox": {"sent": 3},
        "email": {"off": 1, "failed": 1, "sent": 1},
        "push": {"sent": 1},
    }
    assert reminder.counts["inbox"] == {"sent": 2, "acted": 1}
    lines = await house.read(lambda c: deliveries.deliveries(c, opened.id))
    states = {(line.account, line.channel): line.state for line in lines}
    assert states[house.person("secretary"), "email"] == "failed"
    assert states[house.person("one"), "push"] == "sent"
    rest = await house.read(lambda c: deliveries.deliveries(c, opened.id, after=lines[2].id))
    assert [line.id for line in rest] == [line.id for line in lines[3:]]


async def test_rows_are_kept_for_two_years(house: House) -> None:
    house.mail.refused["secretary@example.org"] = "550 no"
    await house.matter()
    await house.work()

    async def cleaned() -> int:
        await house.write(lambda c: cleaning.clean(c, house.now))
        return len(await house.rows("secretary", "email"))

    assert (await house.read(outbox.counts))[1] == 1
    house.society.move(91 * DAY)
    assert await cleaned() == 1 and (await house.read(outbox.counts))[1] == 0, "it alarms no more"
    assert await house.outcomes("secretary", "email") == ["failed"]
    house.society.move(KEPT - 91 * DAY)
    assert await cleaned() == 1
    house.society.move(1)
    assert await cleaned() == 0


async def test_what_nobody_was_told_is_forgotten_after_a_month(house: House) -> None:
    """News that had become old before it was told; what was told stays."""
    await house.matter()
    await house.work()
    await house.matter()
    house.society.move(3 * DAY)
    await house.work()

    async def announced() -> int:
        query = select(table.c.id).where(table.c.receiver.is_(None), table.c.done_at.is_not(None))
        return len(await house.read(lambda c: c.execute(query).all()))

    assert await announced() == 4, "two openings, two reminders; the second opening was old"
    house.society.move(30 * DAY + 1)
    await house.write(lambda c: cleaning.clean(c, house.now))
    assert await announced() == 3


async def test_a_letter_with_a_date_stays_what_it_is(house: House) -> None:
    """An address that breaks a header gets no letter, with a calendar or without."""
    mailer = Mailer.of(house.node.config)
    with pytest.raises(MailError):
        await mailer.send(Letter("a@b\nBcc: c@d", "x", "x", calendar="BEGIN:VCALENDAR"), now=START)
    assert house.mail.got == []
