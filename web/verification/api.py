"""`GET /api/v1/verify/<digest>`: what everybody may check, and the statement for those who may read it."""

from __future__ import annotations

import base64
from typing import Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from coopnode import assets, evidence
from coopnode.admission import Buckets
from coopnode.evidence import Evidence
from protocol import wording
from web import signing_origin
from web.council.shared import caller
from web.keys import NODE
from web.log.routes import client
from web.openapi import Route, answer, refused

LOOKUPS: Final = web.AppKey("verify_lookups", Buckets)


class SignerModel(BaseModel):
    """`key_today` is the key's status now; that it was in force at `index` is what the log checked."""

    account: str
    key: str
    key_today: Literal["active", "revoked", "waiting", "unknown", "node"]


class ResultModel(BaseModel):
    number: int
    kind: str
    outcome: Literal["adopted", "rejected"]
    round: int
    counts: dict[str, int]
    result_digest: str
    matter: str


class ChecksModel(BaseModel):
    """What the node itself found; absent while there is nothing to check yet."""

    fingerprint: bool
    signature: bool
    checkpoint: bool | None = None
    inclusion: bool | None = None


class EvidenceModel(BaseModel):
    """Without `statement` the document is closed to the caller: only its place, time and proof are given."""

    digest: str
    index: int
    time: int = Field(description="legal time: the tick before the index; 0 before the first tick")
    published: bool
    public: bool
    cooperative: dict[str, str]
    origin: str
    vkey: str
    leaf: str
    path: list[str] = Field(description="inclusion path, base64")
    size: int | None = None
    checkpoint: str | None = None
    proof: str | None = Field(None, description="text of the C2SP tlog-proof")
    checks: ChecksModel
    type: str | None = None
    titles: dict[str, str] | None = None
    statement: str | None = Field(None, description="base64url")
    signer: SignerModel | None = None
    decision: ResultModel | None = None


def model(found: Evidence) -> EvidenceModel:
    shown: dict[str, Any] = {}
    if found.type is not None and found.statement is not None:
        shown["type"] = found.type
        shown["titles"] = {locale: wording.title(found.type, locale) for locale in wording.LOCALES}
        shown["statement"] = base64.urlsafe_b64encode(found.statement).rstrip(b"=").decode()
    if found.signer is not None:
        signer = found.signer
        shown["signer"] = SignerModel(account=signer.account, key=signer.kid.hex(), key_today=signer.status)
    if found.result is not None:
        shown["decision"] = ResultModel(**evidence.result_facts(found.result))
    checks = found.checks
    return EvidenceModel(
        digest=found.digest.hex(),
        index=found.index,
        time=found.tick,
        published=found.published,
        public=found.public,
        cooperative={"id": found.cooperative, "name": found.name},
        origin=found.origin,
        vkey=found.vkey,
        leaf=found.leaf.hex(),
        path=[base64.b64encode(item).decode() for item in found.path],
        size=found.size,
        checkpoint=found.checkpoint,
        proof=found.proof,
        checks=ChecksModel(
            fingerprint=checks.fingerprint,
            signature=checks.signature,
            checkpoint=checks.checkpoint,
            inclusion=checks.inclusion,
        ),
        **shown,
    )


async def find(request: web.Request, digest: bytes) -> Evidence | None:
    node, account = request.app[NODE], await caller(request)
    return await node.database.read(lambda connection: evidence.find(connection, node, digest, account))


def ration(request: web.Request) -> int:
    """Seconds to wait, 0 when the look-up is allowed (P1)."""
    wait = request.app[LOOKUPS].take(client(request))
    return int(wait) + 1 if wait else 0


async def verify(request: web.Request) -> web.StreamResponse:
    if wait := ration(request):
        return refused(request, "too_many_requests", retry_after=wait)
    found = await find(request, bytes.fromhex(request.match_info["digest"]))
    return refused(request, "not_found") if found is None else answer(model(found))


class LoggedAssets(BaseModel):
    version: str
    files: dict[str, str] = Field(description="name to SHA-256 in hexadecimal")
    digest: str = Field(description="fingerprint of the `node.assets/1`: look it up under /verify")
    index: int


class AssetsModel(BaseModel):
    """The files of the signing page: what this node serves now and what the log says of them (P29). Compare
    them with the digests of what your own device was served."""

    served: dict[str, str]
    logged: LoggedAssets | None = None
    same: bool


async def signing_assets(request: web.Request) -> web.StreamResponse:
    node, served = request.app[NODE], signing_origin.digests()
    known = await node.in_thread(lambda: assets.logged(node))
    shown = None
    if known is not None:
        shown = LoggedAssets(
            version=known.version,
            files={name: digest.hex() for name, digest in known.files.items()},
            digest=known.digest.hex(),
            index=known.index,
        )
    return answer(
        AssetsModel(
            served={name: digest.hex() for name, digest in served.items()},
            logged=shown,
            same=known is not None and known.files == served,
        )
    )


ROUTES: Final = (
    Route(
        "GET",
        "/api/v1/signing/assets",
        "Digests of the signing page's files, as served and as logged",
        AssetsModel,
        None,
        signing_assets,
        (),
        "everyone",
    ),
    Route(
        "GET",
        "/api/v1/verify/{digest:[0-9a-f]{64}}",
        "Where a document stands in the log, with the proof, and what it is for those who may read it",
        EvidenceModel,
        None,
        verify,
        ("not_found", "too_many_requests"),
        "everyone",
    ),
)
