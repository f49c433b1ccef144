"""After the founder has signed: who has come in, and for a new cooperative its founding meeting up to both
minutes.
"""

from __future__ import annotations

import re
from typing import Any

from aiohttp import web

from coopnode.founding.queries import Gathering
from web.forms import Fields
from web.founding import forms, shell
from web.founding.shell import FOUNDING
from web.founding.wizard import owner_of


def setup(app: web.Application) -> None:
    app.router.add_get("/found/result", result)
    app.router.add_post("/found/open", open_vote)
    app.router.add_get("/found/ballot", ballot)
    app.router.add_post("/found/ballot", ballot)
    app.router.add_post("/found/minutes", minutes)


async def result(request: web.Request) -> web.StreamResponse:
    """Existing: the seats, live. New: founders, the vote, its result, the minutes."""
    service = request.app[FOUNDING]
    standing = await service.standing()
    owner, account = await owner_of(request), await shell.account(request)
    if standing.stage in ("empty", "begun", "ready"):
        raise web.HTTPSeeOther("/found/sign" if owner else "/found")
    seats, meeting = await service.seats(), await service.meeting()
    if not _concerned(owner, account, standing.founder, seats, meeting):
        return shell.render(request, "founding/awaiting.html", status=403, wrong=False, stage=standing.stage)
    draft = await service.draft(owner) if owner else None
    if standing.stage == "constituted" and owner:
        await service.drop(owner)
    people = [line.account for line in seats.lines if line.account] if seats else []
    people += list(meeting.joined) if meeting else []
    names = await service.names(people, ("council", "member"))
    lines = await service.ballots(meeting.vote.id) if meeting and meeting.vote else {}
    return shell.render(
        request,
        "founding/result.html",
        standing=standing,
        seats=seats,
        meeting=meeting,
        names=names,
        labels=_labels(draft),
        mine=next((place for place, seat in enumerate(draft.seats, 1) if seat.mine), 0) if draft else 0,
        founder=account is not None and account == standing.founder,
        account=account,
        invited=await _places(request, meeting) if meeting else [],
        ballots=lines,
        result_kind=_result_kind(meeting),
        signing_url=service.node.config.signing_url,
    )


def _concerned(
    owner: bytes | None, account: str | None, founder: str | None, seats: Any, meeting: Any
) -> bool:
    if owner is not None or (account is not None and account == founder):
        return True
    inside = {line.account for line in seats.lines} if seats else set()
    inside |= set(meeting.joined) if meeting else set()
    return account is not None and account in inside


def _labels(draft: Any) -> dict[int, str]:
    """What the founder wrote on the cards, by number of seat or place; only the founder sees it."""
    if draft is None:
        return {}
    if draft.kind == "existing":
        return {number: seat.person for number, seat in enumerate(draft.seats, 1)}
    return dict(enumerate(draft.founders, 1))


async def _places(request: web.Request, meeting: Gathering) -> list[Any]:
    return [place for place in meeting.places if place.account is None]


def _result_kind(meeting: Gathering | None) -> str:
    """What can be done now: wait, open, vote, sign, failed, done."""
    if meeting is None:
        return "wait"
    vote = meeting.vote
    if meeting.status == "constituted":
        return "done"
    if vote is None:
        return "open" if len(meeting.joined) >= meeting.minimum else "wait"
    if vote.countable:
        return "sign" if vote.outcome == "adopted" else "failed"
    return "vote"


async def open_vote(request: web.Request) -> web.StreamResponse:
    """The founder names candidates and the size of the council."""
    service = request.app[FOUNDING]
    meeting, standing = await service.meeting(), await service.standing()
    account = await shell.account(request)
    if meeting is None or account is None or account != standing.founder:
        raise web.HTTPSeeOther("/found/result")
    form = await shell.form(request)
    candidates = [name for name in form.getall("candidate", []) if name in meeting.joined]
    seats, days = (_number(form, name) for name in ("seats", "days"))
    latest = await service.parameter("founding.vote_days")
    problem = None
    if seats is None or seats < meeting.seats_minimum:
        problem = "The council needs more seats."
    elif len(set(candidates)) < seats:
        problem = "Name at least as many candidates as there are seats."
    elif days is None or not 1 <= days <= latest:
        problem = "Choose how many days the vote stays open."
    if problem or seats is None or days is None:
        await shell.flash(request, str(problem), "warning")
        raise web.HTTPSeeOther("/found/result")
    wanted = await service.open_meeting(list(dict.fromkeys(candidates)), seats, days)
    await shell.ask(request, "sign", wanted, back="/found/result", cancel="/found/result")


def _number(form: Fields, name: str) -> int | None:
    """A whole number as it was typed, once; nothing is cut off it."""
    given = form.getall(name, [])
    if len(given) != 1 or not isinstance(given[0], str):
        return None
    return int(given[0]) if re.fullmatch(r"\s*\d{1,4}\s*", given[0], re.ASCII) else None


async def ballot(request: web.Request) -> web.StreamResponse:
    """Charter, council and chair on one paper; nothing is preselected."""
    service = request.app[FOUNDING]
    meeting, account = await service.meeting(), await shell.account(request)
    if meeting is None or meeting.vote is None or account not in meeting.joined or meeting.vote.countable:
        raise web.HTTPSeeOther("/found/result")
    assert account is not None
    vote, errors = meeting.vote, dict[str, str]()
    typed: dict[str, Any] = {}
    if request.method == "POST":
        form = await shell.form(request)
        typed = {
            "charter": forms.text(form, "charter"),
            "council": list(dict.fromkeys(n for n in form.getall("council", []) if n in vote.candidates)),
            "chair": forms.text(form, "chair"),
        }
        if typed["charter"] not in ("for", "against", "abstain"):
            errors["charter"] = "Choose one of the three."
        if len(typed["council"]) > vote.seats:
            errors["council"] = "More people than seats."
        if typed["chair"] and typed["chair"] not in vote.candidates:
            errors["chair"] = "Choose one of the candidates."
        if not errors:
            wanted = await service.ballot(account, typed["charter"], typed["council"], typed["chair"] or None)
            await shell.ask(request, "sign", wanted, back="/found/result", cancel="/found/ballot")
    names = await service.names(vote.candidates, ("council", "member"))
    return shell.render(
        request,
        "founding/ballot.html",
        status=422 if errors else 200,
        vote=vote,
        names=names,
        typed=typed,
        errors=errors,
        charter=await service.charter(),
        standing=await service.standing(),
    )


async def minutes(request: web.Request) -> web.StreamResponse:
    """Presider and secretary, two people, sign what the log says."""
    service = request.app[FOUNDING]
    meeting, account = await service.meeting(), await shell.account(request)
    role = forms.text(await shell.form(request), "role")
    if meeting is None or account not in meeting.joined or role not in ("presider", "secretary"):
        raise web.HTTPSeeOther("/found/result")
    if _result_kind(meeting) != "sign":
        raise web.HTTPSeeOther("/found/result")
    wanted = await service.minutes(role)
    await shell.ask(request, "sign", wanted, back="/found/result", cancel="/found/result")
