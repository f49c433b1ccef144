"""`/api/v1/council/…`: what the pages show, for programs. A change answers with the document to be signed:
its payload as base64url CBOR without `private`; signed, it goes to `POST /entries`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from coopnode.council import queries
from coopnode.council.queries import MatterLine, MatterPage, Tally, Vote
from coopnode.council.service import MAX_TEXT, MAX_TITLE, NotPossible, Proposal
from coopnode.signing import Item
from protocol import encoding, registry
from web.council.shared import COUNCIL, caller, sees_table
from web.forms import ApiLine, ApiText
from web.openapi import Route, answer, read, refused

Choice = Literal["for", "against", "abstain"]


class CountsModel(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    for_: int = Field(serialization_alias="for")
    against: int
    abstain: int


class TallyModel(BaseModel):
    """`needed` ballots make the quorum; `lead` is the outcome if the vote closed now."""

    size: int
    voted: int
    needed: int
    counts: CountsModel
    chair_needed: bool
    chair_voted: bool
    quorate: bool
    settled: bool
    lead: Literal["adopted", "rejected", "expired"]


class MatterModel(BaseModel):
    """`title` and `subject_name` only for those who may read them; `todo` is what waits for the caller."""

    id: str
    index: int
    digest: str
    kind: str
    by: str
    subject: str | None = None
    subject_name: str | None = None
    title: str | None = None
    roles: list[str]
    status: Literal["open", "decided", "approved", "lapsed", "expired", "cancelled"]
    outcome: Literal["adopted", "rejected"] | None = None
    round: int
    opened_at: int
    closes: int
    sign_by: int | None = None
    number: int | None = Field(None, description="of the decision, in the order of the chair's signatures")
    approval: str | None = None
    tally: TallyModel
    my_choice: Choice | None = None
    todo: Literal["vote", "sign", ""]


class VoteModel(BaseModel):
    seat: int
    account: str | None = None
    name: str | None = None
    choice: Choice | None = None
    at: int | None = None
    digest: str | None = None


class CommentModel(BaseModel):
    index: int
    at: int
    by: str
    name: str | None = None
    text: str | None = None
    digest: str


class StepModel(BaseModel):
    index: int
    event: str
    round: int
    at: int
    type: str
    by: str | None = None
    digest: str


class PaperModel(BaseModel):
    index: int
    type: str
    digest: str
    at: int
    by: str


class MatterFullModel(MatterModel):
    text: str | None = None
    author: str | None = None
    chair: str | None = None
    reason: str | None = None
    next_sequence: int
    votes: list[VoteModel]
    comments: list[CommentModel]
    history: list[StepModel]
    papers: list[PaperModel]
    warnings: list[str]


class MattersModel(BaseModel):
    items: list[MatterModel]


class DecisionsModel(BaseModel):
    items: list[MatterModel]
    before: int | None = Field(None, description="the next page: `?before=` this number")


class VoteIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    choice: Choice


class TextIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: ApiText = Field(min_length=1, max_length=MAX_TEXT)


class ReasonIn(BaseModel):
    model_config = ConfigDict(extra="forbid")

    reason: ApiText = Field(min_length=1, max_length=4_000)


class ApproveIn(BaseModel):
    """A refusal needs its reason."""

    model_config = ConfigDict(extra="forbid")

    reason: ApiText = Field("", max_length=4_000)


class ProposeIn(BaseModel):
    """`kind` free or officer; kinds of the general meeting are refused (`exclusive_competence`)."""

    model_config = ConfigDict(extra="forbid")

    kind: str = Field(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")
    title: ApiLine = Field(min_length=1, max_length=MAX_TITLE)
    text: ApiText = Field(min_length=1, max_length=MAX_TEXT)
    subject: str | None = Field(None, pattern=r"^[a-z2-7]{52}$")
    roles: list[str] = Field(default_factory=list, max_length=4)


class ToSign(BaseModel):
    """One document to be made into a statement by the caller's own key. With `seen` the header carries the
    largest checkpoint the device has verified and the log's signature over it (P3).
    """

    type: str
    sub: str
    aud: str
    payload: str
    private: dict[str, Any] | None = None
    private_fields: list[str] = []
    seen: bool


# --- values → models ----------------------------------------------------------------------------------


def _tally(found: Tally) -> TallyModel:
    counts = found.counts
    return TallyModel(
        size=found.size,
        voted=found.voted,
        needed=found.needed,
        counts=CountsModel(for_=counts.for_, against=counts.against, abstain=counts.abstain),
        chair_needed=found.chair_needed,
        chair_voted=found.chair_voted,
        quorate=found.quorate,
        settled=found.settled,
        lead=found.lead,
    )


def _fields(line: MatterLine) -> dict[str, Any]:
    return {
        "id": line.id,
        "index": line.idx,
        "digest": line.digest.hex(),
        "kind": line.kind,
        "by": line.by,
        "subject": line.subject,
        "subject_name": line.name,
        "title": line.title,
        "roles": list(line.roles),
        "status": line.status,
        "outcome": line.outcome,
        "round": line.round,
        "opened_at": line.opened_at,
        "closes": line.closes,
        "sign_by": line.sign_by,
        "number": line.number,
        "approval": line.approval.hex() if line.approval else None,
        "tally": _tally(line.tally),
        "my_choice": line.mine,
        "todo": line.todo,
    }


def _vote(vote: Vote) -> VoteModel:
    return VoteModel(
        seat=vote.seat,
        account=vote.account,
        name=vote.name,
        choice=vote.choice,
        at=vote.at,
        digest=vote.digest.hex() if vote.digest else None,
    )


def _full(page: MatterPage) -> MatterFullModel:
    return MatterFullModel(
        **_fields(page.line),
        text=page.text,
        author=page.author,
        chair=page.chair,
        reason=page.reason,
        next_sequence=page.highest + 1,
        votes=[_vote(vote) for vote in page.votes],
        comments=[
            CommentModel(
                index=item.idx,
                at=item.at,
                by=item.account,
                name=item.name,
                text=item.text,
                digest=item.digest.hex(),
            )
            for item in page.comments
        ],
        history=[
            StepModel(
                index=item.idx,
                event=item.event,
                round=item.round,
                at=item.at,
                type=item.type,
                by=item.by,
                digest=item.digest.hex(),
            )
            for item in page.steps
        ],
        papers=[
            PaperModel(index=item.idx, type=item.type, digest=item.digest.hex(), at=item.at, by=item.by)
            for item in page.papers
        ],
        warnings=[item.code for item in page.warnings],
    )


def to_sign(item: Item) -> ToSign:
    payload = encoding.encode({"type": item.type, **(item.payload or {})})
    return ToSign(
        type=item.type,
        sub=item.sub,
        aud=item.aud,
        payload=base64.urlsafe_b64encode(payload).rstrip(b"=").decode(),
        private=dict(item.private) if item.private is not None else None,
        private_fields=list(item.private_fields),
        seen=item.seen or registry.TYPES[item.type].seen,
    )


# --- operations ---------------------------------------------------------------------------------------

_PATH: Final = "/api/v1/council/matters/{id:[a-z2-7]{52}}"
_LOOKING: Final = ("not_entitled",)
_CLOSED: Final = (
    "invalid_field",
    "bad_request",
    "too_large",
    "not_entitled",
    "unknown_matter",
    "matter_closed",
    "not_allowed",
)


def _entitled(
    handler: Callable[[web.Request, str], Awaitable[web.Response]],
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """For whoever sits at the council's table; a refusal of the service becomes its problem."""

    async def checked(request: web.Request) -> web.StreamResponse:
        account = await caller(request)
        if account is None or not await sees_table(request, account):
            return refused(request, "not_entitled")
        try:
            return await handler(request, account)
        except NotPossible as error:
            return refused(request, error.code, at=error.facts.get("field"), facts=error.facts)

    return checked


async def _matters(request: web.Request, account: str) -> web.Response:
    lines = await request.app[COUNCIL].ask(account, queries.live)
    return answer(MattersModel(items=[MatterModel(**_fields(line)) for line in lines]))


async def _matter(request: web.Request, account: str) -> web.Response:
    page = await request.app[COUNCIL].matter(request.match_info["id"], account)
    return refused(request, "unknown_matter") if page is None else answer(_full(page))


async def _decisions(request: web.Request, account: str) -> web.Response:
    text = request.query.get("before", "")
    if text and not re.fullmatch(r"[0-9]{1,9}", text):
        return refused(request, "bad_request", at="before")
    before = int(text) if text else None
    lines = await request.app[COUNCIL].ask(account, lambda c, where: queries.decided(c, where, before=before))
    older = lines[-1].number if len(lines) == queries.PAGE else None
    return answer(DecisionsModel(items=[MatterModel(**_fields(line)) for line in lines], before=older))


async def _vote_on(request: web.Request, account: str) -> web.Response:
    body = await read(request, VoteIn)
    if isinstance(body, web.Response):
        return body
    assert isinstance(body, VoteIn)
    return answer(to_sign(await request.app[COUNCIL].vote(request.match_info["id"], account, body.choice)))


async def _comment(request: web.Request, account: str) -> web.Response:
    body = await read(request, TextIn)
    if isinstance(body, web.Response):
        return body
    assert isinstance(body, TextIn)
    return answer(to_sign(await request.app[COUNCIL].comment(request.match_info["id"], account, body.text)))


async def _approve(request: web.Request, account: str) -> web.Response:
    body = await read(request, ApproveIn)
    if isinstance(body, web.Response):
        return body
    assert isinstance(body, ApproveIn)
    return answer(to_sign(await request.app[COUNCIL].approve(request.match_info["id"], account, body.reason)))


async def _return(request: web.Request, account: str) -> web.Response:
    body = await read(request, ReasonIn)
    if isinstance(body, web.Response):
        return body
    assert isinstance(body, ReasonIn)
    return answer(to_sign(await request.app[COUNCIL].return_(request.match_info["id"], account, body.reason)))


async def _propose(request: web.Request, account: str) -> web.Response:
    body = await read(request, ProposeIn)
    if isinstance(body, web.Response):
        return body
    assert isinstance(body, ProposeIn)
    proposal = Proposal(body.kind, body.title, body.text, body.subject, tuple(sorted(set(body.roles))))
    return answer(to_sign(await request.app[COUNCIL].propose(account, proposal)))


_OFFICE: Final = "council members and officers"
ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/council/matters",
        "Matters under way",
        MattersModel,
        None,
        _entitled(_matters),
        _LOOKING,
        _OFFICE,
    ),
    Route(
        "POST",
        "/api/v1/council/matters",
        "A matter to be proposed",
        ToSign,
        ProposeIn,
        _entitled(_propose),
        (
            *("invalid_field", "bad_request", "too_large", "not_entitled", "not_allowed", "not_constituted"),
            *("exclusive_competence", "kind_not_proposable", "officer_incomplete", "unknown_account"),
        ),
        "council members",
    ),
    Route(
        "GET",
        _PATH,
        "One matter with votes by name, comments, papers and history",
        MatterFullModel,
        None,
        _entitled(_matter),
        (*_LOOKING, "unknown_matter"),
        _OFFICE,
    ),
    Route(
        "POST",
        _PATH + "/vote",
        "A vote to be signed",
        ToSign,
        VoteIn,
        _entitled(_vote_on),
        _CLOSED,
        "council members",
    ),
    Route(
        "POST",
        _PATH + "/comment",
        "A comment to be signed",
        ToSign,
        TextIn,
        _entitled(_comment),
        _CLOSED,
        _OFFICE,
    ),
    Route(
        "POST",
        _PATH + "/approve",
        "The chair's decision to be signed",
        ToSign,
        ApproveIn,
        _entitled(_approve),
        (*_CLOSED, "not_settled"),
        "chair",
    ),
    Route(
        "POST",
        _PATH + "/return",
        "A return to the council to be signed",
        ToSign,
        ReasonIn,
        _entitled(_return),
        (*_CLOSED, "not_settled"),
        "chair",
    ),
    Route(
        "GET",
        "/api/v1/council/decisions",
        "Decisions, the newest first",
        DecisionsModel,
        None,
        _entitled(_decisions),
        (*_LOOKING, "bad_request"),
        _OFFICE,
        query=("before",),
    ),
)
