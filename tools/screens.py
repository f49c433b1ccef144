"""Pictures of the pages at 390 and 1280 px, light and dark, Russian and English, with axe-core run over each.

    .venv/bin/python -m tools.screens [--out /tmp/screens] [--only now,me] [--quick]

A node with a constituted cooperative is made in a temporary directory (tests.node.society), so the pages show
real data of invented people. Exit status 1 when a page breaks a rule of accessibility, is wider than the
phone, violates its Content-Security-Policy or weighs more than 100 KB at first load.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import structlog
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

from coopnode.cli.node import all_projections
from coopnode.council.service import Council
from coopnode.founding.drafts import PersonDraft
from coopnode.importing.drafts import File
from coopnode.importing.service import Importing
from coopnode.membership.drafts import Draft as JoinDraft
from coopnode.membership.people import Names
from coopnode.notifications.calendars import open_feed
from coopnode.notifications.devices import Devices, Subscription
from coopnode.notifications.kinds import KINDS
from coopnode.notifications.settings import Settings, save
from coopnode.outbox import Outbox
from coopnode.robot.job import Worker
from coopnode.robot.service import Robot
from coopnode.sessions import Session
from coopnode.store.schema import outbox
from coopnode.store.sql import Connection, func, select
from coopnode.testing import FixedClock, Person
from protocol import documents
from protocol.contract import View
from protocol.contracts import council
from protocol.identifiers import identifier
from protocol.wording import LOCALES, Locale
from tests.node.society import DAY, PARTICULARS, Society
from web.app import create_app
from web.founding.shell import FOUNDING
from web.keys import SESSIONS
from web.membership import desk, join
from web.membership.shell import MEMBERSHIP

ROOT = Path(__file__).resolve().parent.parent
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = {"390": (390, 844), "1280": (1280, 800)}
MAX_BYTES = 100_000


BANK: Final = {
    "name": "Потребительское общество «Росток»",
    "account": "40703810500000000001",
    "bank": "ПАО Сбербанк",
    "bic": "044525225",
    "correspondent": "30101810400000000225",
    "inn": "7707083893",
    "kpp": "773601001",
}


@dataclass(frozen=True)
class Shot:
    """A page and who looks: an officer's role, "applicant", "visitor" with drafts, or nobody."""

    name: str
    path: str
    who: str | None = None
    status: int = 200


SHOTS = (
    Shot("profile", "/"),
    Shot("sign-in", "/sign-in"),
    Shot("recover", "/recover"),
    Shot("verify", "/verify"),
    Shot("verify-mistyped", "/verify?fingerprint=7f3a+91c0", None, 422),
    Shot("verify-unknown", "/verify/" + "0" * 64, None, 404),
    Shot("verified", "/verify/{approval}"),
    Shot("verified-first", "/verify/{genesis}"),
    Shot("verified-closed", "/verify/{digest}"),
    Shot("not-found", "/no-such-page", None, 404),
    Shot("found", "/found", None, 403),
    Shot("join", "/join"),
    Shot("invite", "/invite/{enrolled}/0"),
    Shot("invite-texts", "/invite/{enrolled}/0/texts", "visitor"),
    Shot("invite-person", "/invite/{enrolled}/0/person", "visitor"),
    Shot("invite-consents", "/invite/{enrolled}/0/consents", "visitor"),
    *(Shot(f"join-{step}", f"/join/{step}", "visitor") for step in join.STEPS),
    Shot("join-text", "/join/texts/charter", "visitor"),
    Shot("status", "/join/status", "applicant"),
    Shot("status-new", "/join/status", "known"),
    Shot("status-pay", "/join/status", "payer"),
    Shot("now-applicant", "/now", "payer"),
    Shot("now-member", "/now", "member"),
    Shot("cooperatives-member", "/cooperatives", "member"),
    Shot("documents-member", "/documents", "member"),
    Shot("me-member", "/me", "member"),
    Shot("membership", "/me/membership", "member"),
    Shot("document", "/documents/{digest}", "member"),
    Shot("data", "/me/data", "member"),
    Shot("text", "/me/texts/privacy", "member"),
    Shot("keys", "/me/keys", "member"),
    Shot("key-revoke", "/me/keys/{key}/revoke", "member"),
    Shot("device", "/me/devices/add", "member"),
    Shot("inbox-member", "/inbox", "member"),
    Shot("news-calendar-none", "/me/notifications/calendar", "member"),
    Shot("news-devices-none", "/me/notifications/devices", "member"),
    Shot("inbox", "/inbox", "chair"),
    Shot("inbox-older", "/inbox?before=1", "chair"),
    Shot("news", "/me/notifications", "chair"),
    Shot("news-group", "/me/notifications/votes", "chair"),
    Shot("news-hours", "/me/notifications/hours", "chair"),
    Shot("news-devices", "/me/notifications/devices", "chair"),
    Shot("news-calendar", "/me/notifications/calendar", "chair"),
    Shot("deliveries", "/desk/deliveries", "chair"),
    Shot("delivery", "/desk/deliveries/{news}", "chair"),
    Shot("now", "/now", "chair"),
    Shot("cooperatives", "/cooperatives", "chair"),
    Shot("documents", "/documents", "chair"),
    Shot("document-first", "/documents/{genesis}", "chair"),
    Shot("me", "/me", "chair"),
    Shot("membership-before", "/me/membership", "chair"),
    Shot("council", "/council", "chair"),
    Shot("propose", "/council/propose", "chair"),
    Shot("requests", "/me/requests", "member"),
    Shot("request-new", "/me/requests/new", "member"),
    Shot("leave", "/me/leave", "member"),
    Shot("leaving", "/me/requests", "leaver"),
    Shot("matter-petition", "/council/{petition}", "chair"),
    Shot("matter-exit", "/council/{exit}", "chair"),
    Shot("robot", "/council/robot", "chair"),
    Shot("robot-member", "/council/robot", "one"),
    Shot("robot-terms", "/council/robot/terms", "chair"),
    Shot("robot-lend", "/council/robot/lend", "one"),
    Shot("robot-stop", "/council/robot/stop", "chair"),
    Shot("robot-review", "/council/robot/review", "chair"),
    Shot("matter-robot", "/council/{robot}", "chair"),
    Shot("minutes-robot", "/council/{robot}/minutes", "chair"),
    Shot("decisions", "/council/decisions", "chair"),
    Shot("matter-chair", "/council/{matter}", "chair"),
    Shot("matter-sign", "/council/{decided}/sign", "chair"),
    Shot("matter-return", "/council/{decided}/return", "chair"),
    Shot("matter-done", "/council/{approved}", "chair"),
    Shot("minutes", "/council/{approved}/minutes", "chair"),
    Shot("desk-council", "/desk/council", "chair"),
    Shot("result", "/found/result", "chair"),
    Shot("now-secretary", "/now", "secretary"),
    Shot("matter", "/council/{matter}", "secretary"),
    Shot("desk", "/desk", "secretary"),
    Shot("operator", "/operator", "secretary"),
    *(Shot(f"applications-{name}", f"/desk/applications?list={name}", "secretary") for name in desk.LISTS),
    Shot("application", "/desk/applications/{application}", "secretary"),
    Shot("identify", "/desk/applications/{application}/identify", "secretary"),
    Shot("send-back", "/desk/applications/{waiting}/return", "secretary"),
    Shot("erasure", "/desk/erasure", "secretary"),
    Shot("enrol", "/desk/enrol", "secretary"),
    Shot("import-file", "/desk/import", "secretary"),
    Shot("import-columns", "/desk/import/columns", "secretary"),
    Shot("import-check", "/desk/import/check", "secretary"),
    Shot("import-balances", "/desk/import/balances", "secretary"),
    Shot("import-new", "/desk/import", "chair"),
    Shot("keys-without", "/desk/keys", "secretary"),
    Shot("enrol-void", "/desk/enrol/11/void", "secretary"),
    Shot("desk-texts", "/desk/texts", "secretary"),
    Shot("desk-text", "/desk/texts/privacy", "secretary"),
    Shot("members", "/members", "secretary"),
    Shot("members-invited", "/members?status=invited", "secretary"),
    Shot("members-found", "/members?q=%D0%B8%D0%B2%D0%B0%D0%BD%D0%BE%D0%B2&status=member", "secretary"),
    Shot("members-nobody", "/members?q=%D1%8F%D1%8F", "secretary"),
    Shot("members-wrong", "/members?q=%D1%8F", "secretary", 422),
    Shot("applications-found", "/desk/applications?q=%D0%B8%D0%B2%D0%B0%D0%BD", "secretary"),
    Shot("search", "/desk/documents", "secretary"),
    Shot("search-words", "/desk/documents?q=%D1%80%D0%B5%D1%88%D0%B5%D0%BD%D0%B8%D1%8F", "secretary"),
    Shot("search-person", "/desk/documents?who=%D0%B8%D0%B2%D0%B0%D0%BD", "secretary"),
    Shot("search-nothing", "/desk/documents?kind=erasures", "secretary"),
    Shot("search-wrong", "/desk/documents?number=x&fingerprint=12", "secretary", 422),
    Shot("member-card", "/members/3", "secretary"),
    Shot("now-accountant", "/now", "accountant"),
    Shot("desk-accountant", "/desk", "accountant"),
    Shot("pay", "/desk/applications/{payer}/pay", "accountant"),
    Shot("application-pay", "/desk/applications/{payer}", "accountant"),
    Shot("me-accountant", "/me", "accountant"),
    Shot("forbidden", "/desk", "stranger", 403),
)


#: What stands in braces in the paths, once the society is made.
PLACES: Final[dict[str, str]] = {}


@dataclass
class Report:
    problems: list[str] = field(default_factory=list)
    pictures: int = 0

    def add(self, shot: Shot, words: str) -> None:
        line = f"{shot.name}: {words}"
        if line not in self.problems:
            self.problems.append(line)


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--out", type=Path, default=Path("/tmp/screens"))
    parser.add_argument("--only", default="", help="names, separated by commas")
    parser.add_argument("--quick", action="store_true", help="Russian and light only")
    chosen = parser.parse_args()
    chosen.out.mkdir(parents=True, exist_ok=True)
    wanted = [shot for shot in SHOTS if not chosen.only or shot.name in chosen.only.split(",")]
    looks: list[tuple[Locale, str]] = [("ru", "light")]
    if not chosen.quick:
        looks = [(locale, scheme) for locale in LOCALES for scheme in ("light", "dark")]
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        society = await make_society(Path(folder) / "node")
        try:
            await _pictures(society, wanted, looks, chosen.out, report)
        finally:
            await society.node.stop()
    for line in report.problems:
        print(f"  {line}", file=sys.stderr)
    print(f"{report.pictures} pictures in {chosen.out}, {len(report.problems)} problems")
    return 1 if report.problems else 0


async def make_society(data: Path) -> Society:
    """Officers, a member, a half-signed paper register, and applications at every station; PLACES names them
    for the paths of SHOTS.
    """
    clock = FixedClock()
    made = await Society.make(data, clock=clock, projections=all_projections(), more={"bank": BANK})
    stations = ("member", "applicant", "known", "waiting", "ready", "payer", "leaver")
    people = {name: await made.coop.person(name) for name in stations}
    PLACES["digest"] = (await made.join(people["member"], "Соколова Дарья Игоревна")).hex()
    PLACES["enrolled"] = (await made.enrol(11, "Орлова Ольга Олеговна"))[0].hex()
    PLACES["key"] = people["member"].kid.hex()
    await _withdrawn(made, "gone", "Ушедшая Нина Петровна")
    wrong = (await made.enrol(12, "Ошибкина Анна Ивановна"))[0]
    fields: dict[str, Any] = {"re": [wrong]}
    reason = {"reason": "Неверный номер"}
    await made.coop.must(
        made.officers["secretary"], "membership.void/1", fields, sub=made.coop.id, values=reason
    )
    made.move(time.time() - 2 * DAY - clock.time)
    await _withdrawn(made, "left", "Отозванов Иван Ильич")
    applied = await made.apply(people["known"], "Гринёв Павел Андреевич")
    PLACES["application"] = str(applied.index)
    applied = await made.apply(people["waiting"], "Мартынова Елена Львовна")
    PLACES["waiting"] = str(applied.index)
    await made.identify(applied.digest)
    for name, title, place in (
        ("applicant", "Иванова Мария Сергеевна", "matter"),
        ("ready", "Кузнецов Артём Олегович", "decided"),
    ):
        apply = (await made.apply(people[name], title)).digest
        await made.identify(apply)
        PLACES[place] = identifier((await made.complete(apply)).digest)
    for place, voters in (("matter", ("one",)), ("decided", ("chair", "secretary", "one"))):
        for voter in voters:
            fields = {"matter": PLACES[place], "round": 1, "choice": "for", "sequence": 1}
            await made.coop.must(made.officers[voter], "council.vote/1", fields, sub=PLACES[place])
    paying = await made.apply(people["payer"], "Константинопольская Александра Владиславовна")
    PLACES["payer"] = str(paying.index)
    PLACES["approved"], approval = await made.admit(paying.digest)
    PLACES["approval"] = approval.digest.hex()
    PLACES["robot"] = await _robot(made)
    await made.join(people["leaver"], "Переездова Галина Юрьевна")
    await _asked(made, people["member"], people["leaver"])
    PLACES["genesis"] = documents.parse(made.node.store.raw(0, 1)[0]).digest.hex()
    await _brings_a_register(made)
    made.officers |= people
    await _told(made)
    return made


async def _robot(made: Society) -> str:
    """The council lets its robot admit members, three lend a key, it has admitted somebody; that matter."""
    table = Council(made.node)
    robot, until = Robot(made.node, table), made.coop.now + 100 * DAY
    fields: dict[str, Any] = {
        "kind": "automation",
        "automation": {
            "kinds": ["admission"],
            "persons": ["person"],
            "level": 1,
            "per_day": 20,
            "until": until,
            "chair": True,
        },
    }
    words = {"title": "О поручении роботу совета приёма пайщиков", "text": "Поручить роботу приём пайщиков."}
    chair, own = made.officers["chair"], made.coop.id
    proposed = await made.coop.must(chair, "council.propose/1", fields, sub=own, values=words)
    await made.decide(identifier(proposed.digest))
    acts: dict[str, tuple[Any, ...]] = {"chair": ("vote", "approve"), "secretary": ("complete", "vote")}
    for name in ("chair", "secretary", "one"):
        item = await robot.lend(made.officers[name].id, acts.get(name, ("vote",)), until - DAY, None)
        assert item.payload is not None
        await made.coop.must(made.officers[name], item.type, item.payload, sub=own)
    somebody = await made.coop.person("robot's")
    own_words = {"phone": "+79001112233", "birth_date": "1979-05-06"}
    applied = await made.apply(somebody, "Лебедева Ольга Николаевна", **own_words)
    await made.identify(applied.digest)
    worker = Worker(made.node)
    for _ in range(4):
        await made.node.publisher.wait_for(made.node.engine.head.size)
        await worker.work()
    view = View(made.node.state, council.DOMAIN)
    item = await robot.take_back(made.officers["one"].id)
    assert item.payload is not None
    await made.coop.must(made.officers["one"], item.type, item.payload, sub=own)
    return next(id for id, each in view.scan("matter", "", council.Matter) if each.subject == somebody.id)


async def _asked(made: Society, member: Person, leaver: Person) -> None:
    """A member has asked for something and was answered, and asks again; another wants to leave."""

    async def asks(by: Person, type: str, **values: str) -> str:
        return identifier((await made.coop.must(by, type, {}, sub=by.id, values=values)).digest)

    words = {"title": "О справке", "text": "Прошу выдать справку о паевом взносе."}
    await made.decide(await asks(member, "membership.petition/1", **words))
    words = {
        "title": "О навесе у склада",
        "text": "Прошу поставить навес у ворот склада: осенью сдаём картофель под дождём.",
    }
    PLACES["petition"] = await asks(member, "membership.petition/1", **words)
    words = {"payout": "ПАО «Сбербанк», счёт 40817810000000000001", "reason": "Переезд"}
    PLACES["exit"] = await asks(leaver, "membership.leave/1", **words)


async def _brings_a_register(made: Society) -> None:
    """A table on the secretary's desk with a line of every sort."""
    rows = [
        ["№", "ФИО", "Дата вступления", "Телефон", "Паевой взнос, руб.", "Примечание"],
        ["21", "Лисицына Алёна Олеговна", "01.02.2015", "8 900 111-22-33", "1200,50", ""],
        ["22", "ЛИСИЦЫНА Алена Олеговна", "01.02.2016", "", "300", "переехала"],
        ["21", "Барсукова Вера Петровна", "05.06.2017", "", "300", ""],
        ["23", "Ежова Нина Ивановна", "31.02.2018", "12-34", "триста", ""],
        ["24", "Королёва Галина Фёдоровна", "07.08.2019", "12-34", "4500", ""],
    ]
    columns = ["number", "name", "since", "phone", "share", ""]
    file = File("Реестр пайщиков.xlsx", rows, list(range(1, 7)), heading=True, columns=columns, mapped=True)
    await Importing(made.node, Names(made.node.vault)).save(made.officers["secretary"].id, file)


async def _told(made: Society) -> None:
    """What has happened is told; the chair has a device, a calendar and quiet hours."""
    node, chair, now = made.node, made.officers["chair"].id, made.coop.now
    given = Subscription("https://updates.push.services.mozilla.com/wpush/v2/x", bytes(65), bytes(16))
    quiet = Settings({"membership": "daily"}, quiet=(22, 8))

    def change(connection: Connection) -> None:
        Devices(node.keys.session).add(connection, chair, bytes(32), given, now)
        open_feed(connection, node.keys.session, chair, now)
        save(connection, chair, quiet, now)

    await node.database.write(change)
    await Outbox(node, KINDS).work()
    mine = (outbox.c.receiver == chair, outbox.c.channel == "inbox")
    query = select(func.max(outbox.c.news)).where(*mine)
    PLACES["news"] = str(await node.database.read(lambda c: c.execute(query).scalar_one()))


async def _withdrawn(made: Society, name: str, title: str) -> None:
    """An application that came to nothing; its records wait for the end of their term."""
    person = await made.coop.person(name)
    digest = (await made.apply(person, title)).digest
    await made.identify(digest)
    await made.coop.must(person, "membership.withdraw/1", {"re": [digest]}, sub=identifier(digest))


async def _pictures(
    society: Society, shots: list[Shot], looks: list[tuple[Locale, str]], out: Path, report: Report
) -> None:
    app = create_app(society.node)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0)
    await site.start()
    port = runner.addresses[0][1]
    base = f"http://localhost:{port}"
    async with async_playwright() as play:
        browser = await play.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        for locale, scheme in looks:
            for who in dict.fromkeys(shot.who for shot in shots):
                for label, (width, height) in WIDTHS.items():
                    context = await new_context(browser, locale, scheme, width, height)
                    if who is not None:
                        await sign_in(context, app, society, who, locale, base)
                    for shot in shots:
                        if shot.who == who:
                            name = f"{shot.name}-{label}-{scheme}-{locale}"
                            await _picture(context, shot, base, out / f"{name}.png", report)
                    await context.close()
        await browser.close()
    await runner.cleanup()


async def new_context(browser: Browser, locale: str, scheme: Any, width: int, height: int) -> BrowserContext:
    return await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        locale="ru-RU" if locale == "ru" else "en-GB",
        is_mobile=width < 500,
        has_touch=width < 500,
    )


async def sign_in(
    context: BrowserContext, app: web.Application, society: Society, who: str, locale: Locale, base: str
) -> None:
    made, token = await app[SESSIONS].create(locale)
    if who == "visitor":
        await _begun(app, made)
    else:
        person = society.officers.get(who) or Person.make(who, society.node.cooperative or "")
        _, token = await app[SESSIONS].sign_in(made, person.id)
    await context.add_cookies([{"name": "coopnode", "value": token, "url": base}])


async def _begun(app: web.Application, session: Session) -> None:
    """Somebody without an account who has answered everything, of an application and of an invitation."""
    draft = JoinDraft(kind="entrepreneur", confirmed_at=session.created_at, done=set(join.STEPS))
    for name, value in PARTICULARS.items():
        setattr(draft, name, value)
    await app[MEMBERSHIP].save("visitor", draft)
    await app[FOUNDING].save_person(bytes(16), PersonDraft({**PARTICULARS}, read=True))
    session.data |= {"join": "visitor", "invited": bytes(16).hex()}
    await app[SESSIONS].save(session)


async def _picture(context: BrowserContext, shot: Shot, base: str, path: Path, report: Report) -> None:
    page = await context.new_page()
    page.on("console", lambda line: _console(shot, line.text, report))
    page.on("pageerror", lambda error: report.add(shot, f"script: {error}"))
    weight = 0

    async def weigh(request: Any) -> None:
        nonlocal weight
        sizes = await request.sizes()
        weight += sizes["responseBodySize"] + sizes["responseHeadersSize"]

    page.on("requestfinished", weigh)
    answer = await page.goto(base + shot.path.format_map(PLACES), wait_until="networkidle")
    if answer is not None and answer.status != shot.status:
        report.add(shot, f"status {answer.status}")
    if weight > MAX_BYTES:
        report.add(shot, f"weighs {weight} bytes")
    await _judge(page, shot, path.stem, report)
    size = page.viewport_size or {"width": 390, "height": 844}
    tall = await page.evaluate("document.documentElement.scrollHeight")
    await page.set_viewport_size({"width": size["width"], "height": max(size["height"], tall)})
    await page.screenshot(path=path)
    report.pictures += 1
    await page.close()


def _console(shot: Shot, words: str, report: Report) -> None:
    if "status of" not in words:  # the browser's note on an error page that was asked for
        report.add(shot, words)


async def _judge(page: Page, shot: Shot, label: str, report: Report) -> None:
    if not await page.evaluate("document.documentElement.scrollWidth <= innerWidth"):
        report.add(shot, f"wider than the window ({label})")
    await page.evaluate(AXE.read_text("utf-8"))
    found = await page.evaluate("axe.run()")
    for item in found["violations"]:
        places = "; ".join(node["html"][:90] for node in item["nodes"][:3])
        report.add(shot, f"axe {item['id']}: {places} ({label})")


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    sys.exit(asyncio.run(main()))
