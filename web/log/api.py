"""What the log offers under `/api/`, described; `web.log.routes` serves it."""

from __future__ import annotations

from typing import Final

from pydantic import BaseModel, ConfigDict, Field

from web.openapi import Route


class ConsistencyModel(BaseModel):
    """RFC 9162 §2.1.4; hashes in base64."""

    model_config = ConfigDict(populate_by_name=True)

    from_: int = Field(serialization_alias="from")
    to: int
    path: list[str]


ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/log/consistency",
        "Proof that the log of one size is the beginning of the log of another",
        ConsistencyModel,
        None,
        None,
        ("bad_request", "not_found", "too_many_requests"),
        "everyone",
        query=("from", "to"),
    ),
)
