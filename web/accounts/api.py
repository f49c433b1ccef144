"""What the signing origin asks about accounts and new devices (SPEC §6). Whole digests only; rationed.

A stranger may ask: who has lost every key is one. Answers hold public keys and digests, no personal data.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from aiohttp import web
from pydantic import BaseModel, Field

from coopnode.accounts.queries import Chain, KeyLine
from coopnode.accounts.service import NotPossible
from coopnode.admission import Buckets
from coopnode.signing import SigningError, b64, unb64
from protocol.contract import View
from protocol.contracts import cooperative
from protocol.errors import ProtocolError
from protocol.identifiers import origin, parse_identifier
from protocol.keys import PublicKey, check_public_key
from protocol.notes import NoteKey
from web.accounts.shell import ACCOUNTS, FINDS, READS
from web.keys import NODE
from web.log.routes import client
from web.openapi import Route, answer, read, refused, register


class FindIn(BaseModel):
    recovery: str = Field(
        description="base64url: digest of CBOR {alg, pub} of the recovery key", max_length=100
    )


class FoundModel(BaseModel):
    """The oldest first; more than one only when somebody copied the commitment."""

    accounts: list[str]


class KeyModel(BaseModel):
    pub: str
    standing: Literal["active", "waiting", "revoked", "stopped"]
    since: int = Field(description="when it began or will begin to sign")
    ended: int | None = Field(None, description="when it was revoked")
    objects: bool = Field(description="whether it may object to a recovery that is under way (SPEC §6.3)")


class ForkModel(BaseModel):
    ours: str
    other: str


class ChainModel(BaseModel):
    """`number` and `prev` are those of the next event."""

    account: str
    home: str
    number: int
    prev: str
    keys: list[KeyModel]
    forked: ForkModel | None = None
    recovery: str | None = Field(None, description="digest of the last account.recover/1")
    disputed_until: int | None = Field(None, description="end of an objection that runs")
    tick: int
    cooperative: dict[str, str] | None = None
    log: dict[str, str] | None = None


class DeviceIn(BaseModel):
    pub: str = Field(max_length=100)


class DeviceModel(BaseModel):
    code: str = Field(description="for the person to type where they are signed in")
    secret: str = Field(description="for the asking device alone")
    expires: int


class DeviceStateModel(BaseModel):
    """`account`, `number` and `prev` come once the person has typed the code."""

    standing: Literal["waiting", "named", "proved", "added"]
    account: str | None = None
    number: int | None = None
    prev: str | None = None


class ProofIn(BaseModel):
    proof: str = Field(description="SPEC §6.2, base64url", max_length=200)


class DoneModel(BaseModel):
    standing: Literal["proved"] = "proved"


def _rationed(request: web.Request, key: web.AppKey[Buckets] = FINDS) -> web.Response | None:
    wait = request.app[key].take(client(request))
    return refused(request, "too_many_requests", retry_after=int(wait) + 1) if wait else None


def _bytes(text: str, length: int) -> bytes | None:
    try:
        found = unb64(text)
    except SigningError:
        return None
    return found if len(found) == length else None


async def find(request: web.Request) -> web.StreamResponse:
    limited = _rationed(request)
    if limited is not None:
        return limited
    body: Any = await read(request, FindIn)
    if isinstance(body, web.Response):
        return body
    commitment = _bytes(body.recovery, 32)
    if commitment is None:
        return refused(request, "invalid_field", at="recovery")
    found = await request.app[ACCOUNTS].by_commitment(commitment)
    return answer(FoundModel(accounts=found)) if found else refused(request, "not_found", at="recovery")


async def chain(request: web.Request) -> web.StreamResponse:
    limited = _rationed(request, READS)
    if limited is not None:
        return limited
    account = request.match_info["account"]
    try:
        parse_identifier(account)
    except ProtocolError:
        return refused(request, "not_found", at="account")
    found = await request.app[ACCOUNTS].chain(account)
    if found is None:
        return refused(request, "not_found", at="account")
    return answer(await request.app[NODE].in_thread(_model, request, found))


def _model(request: web.Request, found: Chain) -> ChainModel:
    node = request.app[NODE]
    known = cooperative.cooperative(View(node.state, cooperative.DOMAIN))
    id, named, log = node.cooperative, None, None
    if id is not None and known is not None:
        named = {"id": id, "name": known.name}
        line = origin(id, node.engine.head.generation)
        log = {
            "origin": line,
            "vkey": str(NoteKey(line, node.keys.log_pub)),
            "node_key": b64(node.keys.node_pub),
        }
    return ChainModel(
        account=found.account,
        home=found.home,
        number=found.number,
        prev=b64(found.prev),
        keys=[_key(line) for line in found.keys],
        forked=ForkModel(ours=b64(found.fork.ours), other=b64(found.fork.other)) if found.fork else None,
        recovery=b64(found.recovered) if found.recovered else None,
        disputed_until=found.disputed_until,
        tick=node.engine.head.tick,
        cooperative=named,
        log=log,
    )


def _key(line: KeyLine) -> KeyModel:
    return KeyModel(
        pub=b64(line.pub), standing=line.standing, since=line.since, ended=line.ended, objects=line.objects
    )


async def ask(request: web.Request) -> web.StreamResponse:
    limited = _rationed(request)
    if limited is not None:
        return limited
    body: Any = await read(request, DeviceIn)
    if isinstance(body, web.Response):
        return body
    pub = _bytes(body.pub, 32)
    try:
        check_public_key(PublicKey(-19, pub or b"", "sign"))
    except ProtocolError:
        return refused(request, "invalid_field", at="pub")
    try:
        code, secret, expires = await request.app[ACCOUNTS].ask(pub or b"")
    except NotPossible as error:
        return refused(request, error.code)
    return answer(DeviceModel(code=code, secret=secret, expires=expires))


async def standing(request: web.Request) -> web.StreamResponse:
    limited = _rationed(request, READS)
    if limited is not None:
        return limited
    service = request.app[ACCOUNTS]
    found = await service.of_secret(request.match_info["secret"])
    if found is None:
        return refused(request, "not_found", at="secret")
    if found.account is None or found.number is None or found.prev is None:
        return answer(DeviceStateModel(standing="waiting"))
    known = await service.chain(found.account)
    key = known.key(found.pub) if known else None
    state: Literal["named", "proved", "added"] = "proved" if found.proof else "named"
    if key is not None and key.standing == "active":
        state = "added"
    return answer(
        DeviceStateModel(standing=state, account=found.account, number=found.number, prev=b64(found.prev))
    )


async def prove(request: web.Request) -> web.StreamResponse:
    body: Any = await read(request, ProofIn)
    if isinstance(body, web.Response):
        return body
    proof = _bytes(body.proof, 64)
    if proof is None:
        return refused(request, "invalid_field", at="proof")
    try:
        await request.app[ACCOUNTS].prove(request.match_info["secret"], proof)
    except NotPossible as error:
        return refused(request, error.code)
    return answer(DoneModel())


_LIMITED: Final = ("bad_request", "invalid_field", "not_found", "too_many_requests")
ROUTES: Final = (
    Route(
        "POST",
        "/api/v1/accounts/find",
        "Account of a recovery key",
        FoundModel,
        FindIn,
        find,
        _LIMITED,
        "everyone",
    ),
    Route(
        "GET",
        "/api/v1/accounts/{account:[a-z2-7]{52}}/chain",
        "Keys of an account and the place of its next event",
        ChainModel,
        None,
        chain,
        ("not_found", "too_many_requests"),
        "everyone",
    ),
    Route(
        "POST",
        "/api/v1/devices",
        "A new device asks to be added",
        DeviceModel,
        DeviceIn,
        ask,
        ("bad_request", "invalid_field", "too_many_requests", "busy"),
        "everyone",
    ),
    Route(
        "GET",
        "/api/v1/devices/{secret}",
        "What became of the device's request",
        DeviceStateModel,
        None,
        standing,
        ("not_found", "too_many_requests"),
        "everyone",
    ),
    Route(
        "POST",
        "/api/v1/devices/{secret}/proof",
        "The new key proves that it is held",
        DoneModel,
        ProofIn,
        prove,
        ("bad_request", "invalid_field", "not_found", "bad_signature"),
        "everyone",
    ),
)


def setup(app: web.Application) -> None:
    register(app, ROUTES)
