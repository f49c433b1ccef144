"""What `/api/v1` of joining takes and gives (`web.membership.api`), and how a service's values become it."""

from __future__ import annotations

import base64
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from coopnode.membership import queries
from coopnode.membership.queries import ApplicationLine, Paper
from coopnode.signing import Item
from protocol import encoding
from web.forms import ApiLine, ApiText


class Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


# --- models ---------------------------------------------------------------------------------------


class FeesOut(Model):
    entrance: int = Field(description="minor units")
    share: int
    currency: str


class RulesOut(Model):
    """Fees and terms in force."""

    fees: dict[str, FeesOut]
    decide_days: int
    pay_days: int
    min_age: int
    identify_methods: list[str]
    charter: str | None = Field(description="document digest of the charter an application names")
    pack: str


class StepOut(Model):
    index: int
    status: str
    at: int
    type: str
    by: str
    digest: str


class FieldOut(Model):
    name: str
    value: Any
    reason: str = Field(description="reader class by which you see it")


class PaperOut(Model):
    index: int
    type: str
    digest: str
    at: int
    by: str
    private: Literal["none", "open", "closed", "erased", "lost"]
    fields: list[FieldOut]


class ApplicationOut(Model):
    number: int
    id: str
    digest: str
    applicant: str
    name: str | None
    person: str
    status: str
    applied_at: int
    decide_by: int
    pay_by: int | None
    due: int | None = Field(description="the clock that runs now")
    entrance: int
    share: int
    currency: str
    matter: str | None
    decision: str | None


class ApplicationsOut(Model):
    items: list[ApplicationOut]
    next: int | None = Field(description="pass as `after` for the next page")


class ApplicationFullOut(ApplicationOut):
    steps: list[StepOut]
    papers: list[PaperOut]
    next: list[str] = Field(description="offices whose turn it is")


class MemberOut(Model):
    number: int
    status: str
    account: str | None
    name: str | None
    person: str | None
    since: int | None
    from_at: int
    to_at: int | None
    digest: str | None


class MembersOut(Model):
    items: list[MemberOut]
    counts: dict[str, int]
    next: int | None


class MemberFullOut(Model):
    history: list[MemberOut]
    applications: list[int]


class ConsentOut(Model):
    digest: str
    purpose: str
    operator: str
    fields: list[str]
    text: str
    given_at: int
    until: int | None
    status: str


class MyDataOut(Model):
    account: str
    documents: list[PaperOut]
    consents: list[ConsentOut]
    next: int | None


class PreparedItem(Model):
    """One document to sign: CBOR payload without `private`, in base64url."""

    type: str
    payload: str
    sub: str
    aud: str
    private: dict[str, str] | None = None
    private_fields: list[str] = []


class Prepared(Model):
    items: list[PreparedItem]


class IdentifyIn(Model):
    method: Literal["in_person", "video", "qualified_signature", "notary"]
    level: Literal[1, 2]
    details: ApiText = Field(min_length=5, max_length=2000)


class ReturnIn(Model):
    reason: ApiText = Field(min_length=10, max_length=2000)


class PaymentIn(Model):
    entrance: int = Field(ge=0, lt=2**53)
    share: int = Field(ge=0, lt=2**53)
    received_at: int = Field(ge=0, lt=2**53)
    reference: ApiLine = Field("", max_length=200)


# --- from values to models ------------------------------------------------------------------------


def application_out(line: ApplicationLine, name: str | None = None) -> ApplicationOut:
    return ApplicationOut(
        number=line.number,
        id=line.id,
        digest=line.digest.hex(),
        applicant=line.applicant,
        name=name or line.name,
        person=line.person,
        status=line.status,
        applied_at=line.applied_at,
        decide_by=line.decide_by,
        pay_by=line.pay_by,
        due=line.due,
        entrance=line.entrance,
        share=line.share,
        currency=line.currency,
        matter=line.matter,
        decision=line.decision.hex() if line.decision else None,
    )


def member_out(line: queries.RegisterLine) -> MemberOut:
    return MemberOut(
        number=line.number,
        status=line.status,
        account=line.account,
        name=line.name,
        person=line.person,
        since=line.since,
        from_at=line.from_at,
        to_at=line.to_at,
        digest=line.digest.hex() if line.digest else None,
    )


def paper_out(item: Paper) -> PaperOut:
    return PaperOut(
        index=item.idx,
        type=item.type,
        digest=item.digest.hex(),
        at=item.at,
        by=item.by,
        private=item.private,
        fields=[FieldOut(name=field.name, value=field.value, reason=field.reason) for field in item.fields],
    )


def prepared(item: Item) -> Prepared:
    payload = encoding.encode({"type": item.type, **(item.payload or {})})
    text = base64.urlsafe_b64encode(payload).rstrip(b"=").decode()
    made = PreparedItem(
        type=item.type,
        payload=text,
        sub=item.sub,
        aud=item.aud,
        private=dict(item.private) if item.private is not None else None,
        private_fields=list(item.private_fields),
    )
    return Prepared(items=[made])
