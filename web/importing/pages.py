"""`/desk/import`: a register of members, from a file to signed enrolments. One question a page."""

from __future__ import annotations

from contextvars import copy_context
from pathlib import PurePath
from typing import Any, Final

import msgspec
from aiohttp import web

from coopnode import scans
from coopnode.importing import tables
from coopnode.importing.drafts import Balances, File, Scan
from coopnode.importing.tables import LIMITS, TableError
from coopnode.membership.attachments import MEDIA_TYPES, media_type
from web import i18n
from web.forms import N_, Fields, Rule, clean
from web.founding import forms as founding_forms
from web.founding.forms import Read
from web.importing import checking, columns, shell
from web.importing.checking import Report
from web.importing.shell import IMPORTING
from web.lists import row

#: Documents of one sitting: about a minute in a browser of an office.
SITTING: Final = 500
#: Doubles and mistakes on one page.
SHOWN: Final = 50
_PASTED: Final = 4 * 2**20

FILES: Final = {
    "file_empty": N_("The file is empty."),
    "file_too_large": N_("The file is larger than %(most)s MB. Divide it into two."),
    "file_too_long": N_("The file has more than %(most)s lines. Divide it into several."),
    "file_too_wide": N_("Line %(line)s has more than %(most)s columns. Is this the register of members?"),
    "cell_too_long": N_("A cell in line %(line)s holds more than %(most)s characters."),
    "file_xls": N_(
        "This is an old Excel workbook (.xls). Open it and save it anew: File, Save as, Workbook (.xlsx)."
    ),
    "file_no_table": N_("This is no table. Choose a file that a spreadsheet has saved as .xlsx or .csv."),
    "file_no_workbook": N_("This is not an Excel workbook. Save the table as .xlsx or .csv."),
    "file_broken": N_("The workbook cannot be read. Open it and save it anew as .xlsx."),
    "file_broken_quotes": N_("A quotation mark near line %(line)s is not closed."),
    "file_locked": N_("The workbook is locked by a password. Save it without one."),
    "file_bomb": N_("The workbook unpacks to more than a register can hold, and was not opened."),
}
BALANCES: Final = {"as_of": Rule("line", 64), "title": Rule("line", 200)}


def setup(app: web.Application) -> None:
    app.router.add_get("/desk/import", start)
    app.router.add_post("/desk/import", start)
    app.router.add_get("/desk/import/columns", choose)
    app.router.add_post("/desk/import/columns", choose)
    app.router.add_get("/desk/import/check", check)
    app.router.add_post("/desk/import/check", check)
    app.router.add_get("/desk/import/report.csv", report_csv)
    app.router.add_get("/desk/import/balances", balances)
    app.router.add_post("/desk/import/balances", balances)
    app.router.add_get("/desk/import/sign", sign)
    app.router.add_post("/desk/import/sign", sign)
    app.router.add_post("/desk/import/forget", forget)
    app.router.add_get("/desk/balances/{digest:[0-9a-f]{64}}/scan", scan)


async def _report(request: web.Request, account: str, file: File) -> Report:
    service = request.app[IMPORTING]
    known = await service.known(await service.viewer(account))
    found: Report = await service.node.in_thread(
        checking.check, file, known, shell.today(request), i18n.place()
    )
    return found


async def _file(request: web.Request, account: str, *, mapped: bool = True) -> File:
    """What was brought; who has brought nothing, or not said what the columns are, is led to that page."""
    file = await request.app[IMPORTING].file(account)
    if not file.rows:
        raise web.HTTPSeeOther("/desk/import")
    if mapped and not file.mapped:
        raise web.HTTPSeeOther("/desk/import/columns")
    return file


# --- 1: the file ------------------------------------------------------------------------------------


async def start(request: web.Request) -> web.StreamResponse:
    account, _ = await shell.officer(request)
    service, read = request.app[IMPORTING], Read()
    facts: dict[str, Any] = {}
    if request.method == "POST":
        try:
            file = await _uploaded(request)
        except TableError as error:
            read.errors["file"], facts = FILES[error.code], dict(error.facts)
        else:
            await service.forget(account)  # of a file before it
            await service.save(account, file)
            raise web.HTTPSeeOther("/desk/import/columns")
    file = await service.file(account)
    report = await _report(request, account, file) if file.mapped else None
    return shell.render(
        request,
        "start.html",
        status=422 if read.errors else 200,
        errors={name: shell.gettext(request, words, **facts) for name, words in read.errors.items()},
        file=file,
        report=report,
        limits=LIMITS,
        progress=await service.progress(),
    )


async def _uploaded(request: web.Request) -> File:
    """Raises TableError."""
    form = await shell.large_form(request, 2 * LIMITS.file_bytes)
    upload, name = form.get("file"), ""
    if isinstance(upload, web.FileField):
        data = upload.file.read(LIMITS.file_bytes + 1)
        name = clean(PurePath(upload.filename.replace("\\", "/")).name, "line")[:120]
    else:
        data = b""
    if not data:
        pasted = form.get("rows", "")
        data = pasted.encode()[: _PASTED + 1] if isinstance(pasted, str) else b""
    sheet = await request.app[IMPORTING].node.in_thread(tables.read, data)
    heading = len(sheet.rows) > 1 and columns.has_heading(sheet.rows[0])
    guessed = columns.guess(sheet.rows[0]) if heading else columns.from_content(sheet.rows)
    return File(name=name, rows=sheet.rows, lines=sheet.lines, heading=heading, columns=guessed)


async def forget(request: web.Request) -> web.StreamResponse:
    """The file with everything said about it; who has been enrolled stays so."""
    account, _ = await shell.officer(request)
    await shell.form(request)
    await request.app[IMPORTING].forget(account)
    raise web.HTTPSeeOther("/desk/import")


# --- 2: the columns ---------------------------------------------------------------------------------


async def choose(request: web.Request) -> web.StreamResponse:
    account, _ = await shell.officer(request)
    errors: dict[str, str] = {}
    file = await _file(request, account, mapped=False)
    if request.method == "POST":
        form = await shell.form(request)
        file.columns = [founding_forms.text(form, f"column-{at}") for at in range(len(file.columns))]
        file.heading = founding_forms.text(form, "heading") == "yes"
        wrong = columns.wrong(file.columns)
        if wrong is None:
            file.mapped = True
            await request.app[IMPORTING].save(account, file)
            raise web.HTTPSeeOther("/desk/import/check")
        errors["columns"] = wrong
    first = int(file.heading)
    return shell.render(
        request,
        "columns.html",
        status=422 if errors else 200,
        file=file,
        examples=file.rows[first : first + 3],
        errors=errors,
        steps=_steps(file),
    )


def _steps(file: File) -> int:
    """With amounts there is one page more."""
    return 5 if {"share", "entrance"} & set(file.columns) else 4


# --- 3: the dry run ---------------------------------------------------------------------------------


async def check(request: web.Request) -> web.StreamResponse:
    account, _ = await shell.officer(request)
    service, file = request.app[IMPORTING], await _file(request, account)
    if request.method == "POST":
        _decide(file, await shell.form(request), await _report(request, account, file))
        await service.save(account, file)
        raise web.HTTPSeeOther("/desk/import/check")
    report = await _report(request, account, file)
    return shell.render(
        request,
        "check.html",
        file=file,
        report=report,
        doubles=report.of("double"),
        wrong=report.of("wrong"),
        ready=report.of("ready"),
        remarked=[line for line in report.of("ready") if line.remarks],
        decided=[line for line in report.lines if line.choice and not line.done],
        words=lambda double: _double_words(request, double),
        shown=SHOWN,
        steps=_steps(file),
        currency=await service.currency(),
        following=_after_check(file, report),
    )


def _decide(file: File, form: Fields, report: Report) -> None:
    """What the form says of lines: skip, keep both, or ask again."""
    if form.get("all") == "skip":
        file.choices |= {line.line: "skip" for line in report.of("double")}
        return
    places = {line.line for line in report.lines}
    for name, value in form.items():
        place = name.removeprefix("line-")
        if name == place or not (place.isascii() and place.isdecimal()) or int(place) not in places:
            continue
        if value == "skip" or value == "keep":
            file.choices[int(place)] = "skip" if value == "skip" else "keep"
        else:
            file.choices.pop(int(place), None)


def _double_words(request: web.Request, double: checking.Double) -> str:
    where = {
        "line": N_("line %(number)s of the file, %(name)s"),
        "member": N_("member No. %(number)s, %(name)s"),
        "invited": N_("invited under No. %(number)s, %(name)s"),
        "left": N_("former member No. %(number)s, %(name)s"),
        "applying": N_("application No. %(number)s, %(name)s"),
    }[double.where]
    said = shell.gettext(request, where, number=double.number, name=double.name)
    return shell.gettext(request, checking.DOUBLES[double.why], where=said)


def _after_check(file: File, report: Report) -> str:
    return "/desk/import/balances" if report.has_money and not file.opening else "/desk/import/sign"


async def report_csv(request: web.Request) -> web.StreamResponse:
    """Every line with what is wrong with it, for whoever corrects the table."""
    account, _ = await shell.officer(request)
    file = await _file(request, account)
    report = await _report(request, account, file)
    # The words are those of the cooperative's form: they go by the context.
    made = copy_context().run
    text = await request.app[IMPORTING].node.in_thread(made, _report_text, request, report)
    headers = {
        "Content-Disposition": 'attachment; filename="import-report.csv"',
        "Cache-Control": "private, no-store",
    }
    return web.Response(text=text, content_type="text/csv", charset="utf-8", headers=headers)


def _report_text(request: web.Request, report: Report) -> str:
    def said(message: str, **facts: Any) -> str:
        return shell.gettext(request, message, **facts)

    heads = ("Line", "No.", "Name", "What follows", "Column", "What was read", "Why")
    parts = ["\ufeff", row([said(head) for head in heads])]
    for line in report.lines:
        standing = said(STANDINGS[line.standing])
        first = (str(line.line), line.cells.get("number", ""), line.cells.get("name", ""), standing)
        found = [
            (said(columns.FIELDS[remark.field]), remark.read, said(remark.words, **remark.facts))
            for remark in line.remarks
        ]
        found += [("", "", _double_words(request, double)) for double in line.doubles]
        parts += [row([*first, *more]) for more in found or [("", "", "")]]
    return "".join(parts)


STANDINGS: Final = {
    "ready": N_("will be signed"),
    "wrong": N_("has to be corrected"),
    "double": N_("waits for your decision"),
    "skipped": N_("is skipped"),
    "done": N_("is in the register"),
}


# --- 4: opening balances ----------------------------------------------------------------------------


async def balances(request: web.Request) -> web.StreamResponse:
    """Sums, and the paper they rest on; signed before anybody is enrolled with an amount."""
    account, _ = await shell.officer(request)
    service, file = request.app[IMPORTING], await _file(request, account)
    report = await _report(request, account, file)
    await _opened(request, account, file)
    if file.opening or not report.has_money:
        raise web.HTTPSeeOther("/desk/import/sign")
    held = file.balances
    read = Read(typed={"as_of": held.as_of, "title": held.title} if held else {})
    if request.method == "POST":
        form = await shell.large_form(request, scans.LARGEST + 2**20)
        read = founding_forms.read(form, BALANCES)
        day = checking.day(read.typed["as_of"])
        if isinstance(day, str):
            read.wrong("as_of", "Give the day of which the balances are.")
        elif day > shell.today(request):
            read.wrong("as_of", "This day lies ahead.")
        if len(read.typed["title"]) < 3:
            read.wrong("title", "Name the paper: for example, act of reconciliation No. 3 of 1 November.")
        paper = await _scan(request, form, read) or (held.scan if held else None)
        if not read.errors and not isinstance(day, str):
            file.balances = Balances(day.isoformat(), read.typed["title"], paper)
            await service.save(account, file)
            lines = [line.signed() for line in report.of("ready")]
            wanted = await service.open_balances(file.balances, lines)
            await shell.sign(request, wanted, back="/desk/import/sign", cancel="/desk/import/balances")
    return shell.render(
        request,
        "balances.html",
        status=422 if read.errors else 200,
        file=file,
        report=report,
        typed=read.typed,
        errors=read.errors,
        with_money=sum(
            bool(line.share is not None or line.entrance is not None) for line in report.of("ready")
        ),
        currency=await service.currency(),
        steps=_steps(file),
    )


async def _scan(request: web.Request, form: Any, read: Read) -> Scan | None:
    """The paper by its content, into the vault; None when none was chosen now."""
    upload = form.get("scan")
    data = upload.file.read(scans.LARGEST + 1) if isinstance(upload, web.FileField) else b""
    if not data:
        return None
    kind = media_type(data)
    if len(data) > scans.LARGEST:
        read.wrong("scan", "The file is larger than 20 MB. Scan it with fewer colours.")
    elif kind is None:
        read.wrong("scan", "Choose a scan as PDF, JPEG or PNG.")
    if read.errors or kind is None:
        return None
    digest = await request.app[IMPORTING].keep_scan(data)
    name = (
        clean(PurePath(upload.filename.replace("\\", "/")).name, "line")[:120] or f"scan{MEDIA_TYPES[kind]}"
    )
    return Scan(name, kind, len(data), digest)


async def _opened(request: web.Request, account: str, file: File) -> None:
    """Notes the statement of opening balances once the log has it: balances are signed once for a file."""
    if file.opening or file.balances is None:
        return
    digest = await request.app[IMPORTING].opening(file.balances)
    if digest is not None:
        file.opening = digest
        await request.app[IMPORTING].save(account, msgspec.structs.replace(file))


async def scan(request: web.Request) -> web.StreamResponse:
    """The paper behind opening balances, for officers and the council."""
    account = await shell.need_account(request)
    digest = request.match_info["digest"]
    found = await request.app[IMPORTING].scan(bytes.fromhex(digest), account)
    if found is None:
        raise web.HTTPNotFound
    kind, data = found
    headers = {
        "Content-Disposition": f'attachment; filename="balances-{digest[:8]}{MEDIA_TYPES.get(kind, "")}"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "private, no-store",
    }
    return web.Response(body=data, content_type=kind, headers=headers)


# --- 5: signing -------------------------------------------------------------------------------------


async def sign(request: web.Request) -> web.StreamResponse:
    """As many sittings as it takes; whoever is in the register by now is done."""
    account, _ = await shell.officer(request)
    service, file = request.app[IMPORTING], await _file(request, account)
    await _opened(request, account, file)
    report = await _report(request, account, file)
    ready = report.of("ready")
    if report.has_money and not file.opening and ready:
        raise web.HTTPSeeOther("/desk/import/balances")
    if request.method == "POST":
        await shell.form(request)
        if not ready:
            raise web.HTTPSeeOther("/desk/import/sign")
        words = shell.label(request)
        lines = [line.signed() for line in ready[:SITTING]]
        wanted = await service.enrol(lines, file.opening, lambda line: words(line.number, line.name))
        await shell.sign(request, wanted, back="/desk/import/sign", cancel="/desk/import/sign")
    return shell.render(
        request,
        "sign.html",
        file=file,
        report=report,
        ready=ready,
        sitting=min(len(ready), SITTING),
        most=SITTING,
        currency=await service.currency(),
        steps=_steps(file),
        progress=await service.progress(),
    )
