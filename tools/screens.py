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
from coopnode.testing import FixedClock, Person
from protocol.identifiers import identifier
from tests.node.society import DAY, Society
from web.app import create_app
from web.keys import SESSIONS

ROOT = Path(__file__).resolve().parent.parent
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
WIDTHS = {"390": (390, 844), "1280": (1280, 800)}
MAX_BYTES = 100_000


@dataclass(frozen=True)
class Shot:
    """A page and who looks: an officer's role, "applicant", or nobody."""

    name: str
    path: str
    who: str | None = None
    status: int = 200


SHOTS = (
    Shot("profile", "/"),
    Shot("sign-in", "/sign-in"),
    Shot("verify", "/verify"),
    Shot("not-found", "/no-such-page", None, 404),
    Shot("now", "/now", "chair"),
    Shot("now-secretary", "/now", "secretary"),
    Shot("cooperatives", "/cooperatives", "chair"),
    Shot("documents", "/documents", "chair"),
    Shot("me", "/me", "chair"),
    Shot("data", "/me/data", "chair"),
    Shot("desk", "/desk", "secretary"),
    Shot("applications", "/desk/applications", "secretary"),
    Shot("members", "/members", "secretary"),
    Shot("council", "/council", "chair"),
    Shot("matter", "/council/{matter}", "secretary"),
    Shot("matter-sign", "/council/{decided}/sign", "chair"),
    Shot("application", "/desk/applications/{application}", "secretary"),
    Shot("document", "/documents/{digest}", "member"),
    Shot("verified", "/verify/{digest}"),
    Shot("now-member", "/now", "member"),
    Shot("membership", "/me/membership", "member"),
    Shot("status", "/join/status", "applicant"),
    Shot("join", "/join"),
    Shot("found", "/found", None, 403),
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
    looks = [("ru", "light")] if chosen.quick else [(a, b) for a in ("ru", "en") for b in ("light", "dark")]
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        society = await _society(Path(folder) / "node")
        try:
            await _pictures(society, wanted, looks, chosen.out, report)
        finally:
            await society.node.stop()
    for line in report.problems:
        print(f"  {line}", file=sys.stderr)
    print(f"{report.pictures} pictures in {chosen.out}, {len(report.problems)} problems")
    return 1 if report.problems else 0


async def _society(data: Path) -> Society:
    """Officers, a member, and applications at every station; PLACES names them for the paths of SHOTS."""
    clock = FixedClock()
    made = await Society.make(data, clock=clock, projections=all_projections())
    people = {
        name: await made.coop.person(name) for name in ("member", "applicant", "known", "waiting", "ready")
    }
    PLACES["digest"] = (await made.join(people["member"], "Соколова Дарья Игоревна")).hex()
    made.move(time.time() - 2 * DAY - clock.time)
    applied = await made.apply(people["known"], "Гринёв Павел Андреевич")
    PLACES["application"] = str(applied.index)
    await made.identify((await made.apply(people["waiting"], "Мартынова Елена Львовна")).digest)
    for name, title, place in (
        ("applicant", "Иванова Мария Сергеевна", "matter"),
        ("ready", "Кузнецов Артём Олегович", "decided"),
    ):
        apply = (await made.apply(people[name], title)).digest
        await made.identify(apply)
        PLACES[place] = identifier((await made.complete(apply)).digest)
    for place, voters in (("matter", ("one",)), ("decided", ("chair", "secretary", "one"))):
        for voter in voters:
            fields: dict[str, Any] = {"matter": PLACES[place], "round": 1, "choice": "for", "sequence": 1}
            await made.coop.must(made.officers[voter], "council.vote/1", fields, sub=PLACES[place])
    made.officers |= people
    return made


async def _pictures(
    society: Society, shots: list[Shot], looks: list[tuple[str, str]], out: Path, report: Report
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
                    context = await _context(browser, locale, scheme, width, height)
                    if who is not None:
                        await _sign_in(context, app, society, who, locale, base)
                    for shot in shots:
                        if shot.who == who:
                            name = f"{shot.name}-{label}-{scheme}-{locale}"
                            await _picture(context, shot, base, out / f"{name}.png", report)
                    await context.close()
        await browser.close()
    await runner.cleanup()


async def _context(browser: Browser, locale: str, scheme: Any, width: int, height: int) -> BrowserContext:
    return await browser.new_context(
        viewport={"width": width, "height": height},
        color_scheme=scheme,
        locale="ru-RU" if locale == "ru" else "en-GB",
        is_mobile=width < 500,
        has_touch=width < 500,
    )


async def _sign_in(
    context: BrowserContext, app: web.Application, society: Society, who: str, locale: str, base: str
) -> None:
    person = society.officers.get(who) or Person.make(who, society.node.cooperative or "")
    made, _ = await app[SESSIONS].create(locale)
    _, token = await app[SESSIONS].sign_in(made, person.id)
    await context.add_cookies([{"name": "coopnode", "value": token, "url": base}])


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
