"""What the signing origin fetches and reports, described; `web.signing.routes` serves it (P28, ADR 4)."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field

from web.openapi import Route


class SigningCooperative(BaseModel):
    id: str
    name: str


class SigningRequestModel(BaseModel):
    """One sitting: what is shown and signed. `return` and `cancel` are paths of the main origin."""

    model_config = ConfigDict(populate_by_name=True)

    cooperative: SigningCooperative | None
    locale: str
    zone: str | None = Field(
        description="of the cooperative's clock, in the time zone database; null before a pack is in force"
    )
    return_: str = Field(serialization_alias="return")
    cancel: str
    purpose: str
    account: str | None
    challenge: str
    items: list[dict[str, Any]]
    finished: bool = Field(description="reported already: there is nothing left to sign")
    log: dict[str, Any] | None


class SigningDoneIn(BaseModel):
    """The browser's report: used to go on, never believed about documents."""

    account: str | None = None
    answers: list[dict[str, Any]] | None = Field(None, description="not kept: what was signed is in the log")
    enrol: str | None = None
    login: str | None = None
    key: dict[str, Any] | None = None
    recovery: str | None = None


class SigningDoneModel(BaseModel):
    model_config = ConfigDict(populate_by_name=True)

    return_: str = Field(serialization_alias="return")


ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/signing/{token}",
        "A request for signatures, for whoever holds its token",
        SigningRequestModel,
        None,
        None,
        ("not_found",),
        "everyone",
    ),
    Route(
        "POST",
        "/api/v1/signing/{token}/done",
        "What came of a request",
        SigningDoneModel,
        SigningDoneIn,
        None,
        ("not_found", "too_large", "bad_request"),
        "everyone",
    ),
)
