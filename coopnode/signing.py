"""What the site asks the signing origin to show and sign (P28, ADR 4), and what comes back.

A request lives a day under a token that only the person's browser knows. Its content — it may hold personal
data not yet signed — is encrypted under the session key and erased with the first report of its end. When
the browser has signed, submitted and come back, the session that asked may become the account that signed:
the proof is a message of the device's login key, enrolled by a signing key of the account.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal
from urllib.parse import quote

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from coopnode import places
from coopnode.app import Node
from coopnode.store.schema import login_keys, signing_requests
from coopnode.store.sql import Connection, delete, insert, select, update
from protocol import documents, encoding, methodology, registry, signatures
from protocol.contract import View
from protocol.contracts import accounts, cooperative
from protocol.encoding import Value
from protocol.errors import StatementError
from protocol.identifiers import origin
from protocol.notes import NoteKey

Purpose = Literal["sign", "create_key", "login"]

LIFETIME: Final = 86_400
#: A login message is worth nothing after this many seconds.
LOGIN_SECONDS: Final = 600
SELF: Final = "self"


@dataclass(frozen=True)
class Invite:
    """A place in the payload where the signing page puts the public half of a key it makes (ADR 2)."""

    path: tuple[str | int, ...]
    label: str
    #: number, name, address, e-mail of whom the letter goes to, when it is known
    to: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Shown:
    """A text the signer reads first. `statement` is the logged document that adopted it, when the item names
    that."""

    title: str
    sha256: bytes
    statement: bytes | None = None


@dataclass(frozen=True)
class Item:
    """One document to be signed. `payload` is without `type`; None where the signing page makes it
    (account.genesis).

    `sub` and `aud` are identifiers or "self", the account that signs. Items of one request may not name each
    other's digests: these contain salts
    and nonces of the signer's device.
    """

    type: str
    payload: Mapping[str, Value] | None
    sub: str
    aud: str
    private: Mapping[str, Any] | None = None
    private_fields: tuple[str, ...] = ()
    seen: bool = False
    texts: tuple[Shown, ...] = ()
    home: str | None = None
    invitations: tuple[Invite, ...] = ()
    #: (digest of the inviting document, place, public key): the page adds `proof` by the invitation's key
    proof: tuple[bytes, int, bytes] | None = None
    consequence: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What a finished request left behind for the page that asked."""

    account: str | None
    key: bytes | None = None
    recovery: bytes | None = None
    signed_in: bool = False
    #: digest of the code that the browser which signed was given
    code: bytes = b""
    #: the signing key whose device signed in; the session ends with it (P10)
    kid: bytes | None = None

    def comes_from(self, code: str) -> bool:
        """Whether the browser that brings `code` is the one that signed."""
        return secrets.compare_digest(self.code, _digest(code))


@dataclass
class Request:
    """A request as kept. `session` is the digest of the session that asked."""

    digest: bytes
    session: bytes
    purpose: Purpose
    account: str | None
    ticket: bytes | None
    return_to: str
    cancel: str
    locale: str
    challenge: bytes
    items: list[dict[str, Any]]
    outcome: dict[str, Any] | None = field(default=None)
    #: the row as it was read
    sealed: bytes = field(default=b"", repr=False)


class SigningError(Exception):
    """`code` of the problem."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unb64(text: Any, limit: int = 100_000) -> bytes:
    """Raises SigningError("bad_request")."""
    if not isinstance(text, str) or len(text) > limit:
        raise SigningError("bad_request")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise SigningError("bad_request") from None


class Signing:
    """One per application."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._box = AESGCM(hashlib.sha256(b"coopnode/signing/0" + node.keys.session).digest())
        self._codes = hashlib.sha256(b"coopnode/signing-code/0" + node.keys.session).digest()

    # -- asking
    # -------------------------------------------------------------------------------------------------------

    async def create(
        self,
        *,
        session: bytes,
        purpose: Purpose,
        items: Sequence[Item] = (),
        account: str | None = None,
        return_to: str,
        cancel: str,
        locale: str,
        ticket: bytes | None = None,
    ) -> str:
        """Keeps a request; gives its token. `return_to` and `cancel` are paths of this site."""
        now = self._node.clock.peek()
        token = secrets.token_urlsafe(32)
        request = Request(
            digest=_digest(token),
            session=session,
            purpose=purpose,
            account=account,
            ticket=ticket,
            return_to=return_to,
            cancel=cancel,
            locale=locale,
            challenge=secrets.token_bytes(32),
            items=[_item(item) for item in items],
        )
        row = {
            "digest": request.digest,
            "session": session,
            "account": account,
            "ticket": ticket,
            "type": purpose,
            "body": self._seal(request),
            "return_to": return_to,
            "created_at": now,
            "expires_at": now + LIFETIME,
        }

        def change(connection: Connection) -> None:
            connection.execute(delete(signing_requests).where(signing_requests.c.expires_at < now))
            connection.execute(insert(signing_requests).values(row))

        await self._node.database.write(change)
        return token

    def address(self, token: str, locale: str) -> str:
        """Where the browser goes: everything after `#` stays in the browser."""
        config = self._node.config
        return f"{config.signing_url}/#r={token}&m={quote(config.public_url, safe='')}&l={locale}"

    async def find(self, token: str) -> Request | None:
        """An open or finished request whose day has not passed."""
        return await self._find(_digest(token)) if 20 <= len(token) <= 100 else None

    async def _find(self, digest: bytes) -> Request | None:
        now = self._node.clock.peek()
        query = select(signing_requests).where(
            signing_requests.c.digest == digest, signing_requests.c.expires_at >= now
        )
        row = await self._node.database.read(lambda connection: connection.execute(query).one_or_none())
        return None if row is None else self._open(row)

    async def ticket_of(self, token: str) -> bytes | None:
        """Digest of the permission behind an open request, for `POST /entries`."""
        found = await self.find(token)
        return found.ticket if found else None

    def as_json(self, request: Request, token: str) -> dict[str, Any]:
        """What the signing page fetches."""
        state = self._node.state
        known = cooperative.cooperative(View(state, cooperative.DOMAIN))
        pack = places.pack_in_force(state)
        id = self._node.cooperative
        name = None
        if known is not None and id is not None:
            name = {"id": id, "name": known.name}
        log = None
        if id is not None:
            generation = self._node.engine.head.generation
            log = {
                "origin": origin(id, generation),
                "vkey": str(NoteKey(origin(id, generation), self._node.keys.log_pub)),
                "node_key": b64(self._node.keys.node_pub),
                "checkpoint": "/checkpoint",
                "consistency": "/api/v1/log/consistency",
            }
        return {
            "cooperative": name,
            "locale": request.locale,
            "zone": (methodology.local(pack).time_zone or "UTC") if pack else None,
            "return": f"/signed/{token}",
            "cancel": request.cancel,
            "purpose": request.purpose,
            "account": request.account,
            "challenge": b64(request.challenge),
            "items": request.items,
            "finished": request.outcome is not None,
            "log": log,
        }

    # -- coming back
    # --------------------------------------------------------------------------------------------------

    async def finish(self, request: Request, body: Mapping[str, Any]) -> str:
        """Takes the browser's report. Raises SigningError when a login in it does not hold; reports of
        documents are only used to go on, never believed: what was signed stands in the log.

        Gives the code by which this very browser comes back. Without it somebody could ask for a login in
        his own session, send the address to a member, and be signed in when the member's key answers. The
        first report ends the request: its content is erased, and a later one changes nothing. A browser that
        lost the answer gets the same code again when its key answers again; everybody else gets "".
        """
        account = body.get("account")
        if account is not None and (not isinstance(account, str) or len(account) != 52):
            raise SigningError("bad_request")
        if request.outcome is not None:
            return await self._again(request, account, body)
        if request.account is not None and account not in (None, request.account):
            raise SigningError("wrong_account")
        if body.get("enrol") is not None:
            await self._enrol(account, unb64(body["enrol"]))
        signed_in = body.get("login") is not None
        kid = await self._login(account, unb64(body["login"]), request) if signed_in else None
        if request.purpose == "login" and not signed_in:
            raise SigningError("login_refused")
        code = self._code(request)
        outcome: dict[str, Any] = {"account": account, "signed_in": signed_in, "code": _digest(code).hex()}
        if kid is not None:
            outcome["kid"] = b64(kid)
        if request.purpose == "create_key":
            key = body.get("key")
            if not isinstance(key, dict) or key.get("alg") != documents.ED25519:
                raise SigningError("bad_request")
            outcome |= {"key": b64(_bytes32(key.get("pub"))), "recovery": b64(_bytes32(body.get("recovery")))}
        if await self._end(request, outcome):
            return code
        ended = await self._find(request.digest)  # another report came in between
        if ended is None:
            raise SigningError("not_found")
        return await self._again(ended, account, body)

    async def _end(self, request: Request, outcome: dict[str, Any]) -> bool:
        """Puts the outcome in the place of the content; False when the request was ended already."""
        sealed = self._seal(replace(request, items=[], outcome=outcome))
        change = (
            update(signing_requests)
            .where(signing_requests.c.digest == request.digest, signing_requests.c.body == request.sealed)
            .values(body=sealed, ticket=None)
        )

        def work(connection: Connection) -> bool:
            return connection.execute(change).rowcount == 1

        return await self._node.database.write(work)

    async def _again(self, request: Request, account: str | None, body: Mapping[str, Any]) -> str:
        """The code of an ended request, for the browser whose key it was."""
        kept = request.outcome or {}
        if not kept["signed_in"] or account != kept["account"] or body.get("login") is None:
            return ""
        try:
            kid = await self._login(account, unb64(body["login"]), request)
        except SigningError:
            return ""
        return self._code(request) if b64(kid) == kept["kid"] else ""

    def _code(self, request: Request) -> str:
        return b64(hmac.digest(self._codes, request.digest, "sha256")[:24])

    async def _enrol(self, account: str | None, message: bytes) -> None:
        """A signing key of the account brings the login key of its device."""
        kid, content = self._message(message, "enrol", account)
        key = _bytes32_raw(content.get("key"))
        now = self._node.clock.peek()
        status = accounts.key_status(View(self._node.state, accounts.DOMAIN), str(account), kid, self._moment)
        if status is not None:
            raise SigningError("login_refused")
        row = {"key": key, "account": account, "kid": kid, "created_at": now}

        def change(connection: Connection) -> None:
            known = connection.execute(
                select(login_keys.c.account).where(login_keys.c.key == key)
            ).scalar_one_or_none()
            if known is None:
                connection.execute(insert(login_keys).values(row))
            elif known != account:
                raise SigningError("login_refused")

        await self._node.database.write(change)

    async def _login(self, account: str | None, message: bytes, request: Request) -> bytes:
        """A login key answered this request's challenge; it must be enrolled, and the key that brought it
        still good. Gives that key."""
        kid, content = self._message(message, "login", account)
        if content.get("challenge") != request.challenge:
            raise SigningError("login_refused")
        query = select(login_keys).where(
            login_keys.c.key == kid, login_keys.c.account == account, login_keys.c.ended_at.is_(None)
        )
        row = await self._node.database.read(lambda connection: connection.execute(query).one_or_none())
        tick = self._moment
        if (
            row is None
            or accounts.key_status(View(self._node.state, accounts.DOMAIN), str(account), row.kid, tick)
            is not None
        ):
            raise SigningError("login_refused")
        found: bytes = row.kid
        return found

    @property
    def _moment(self) -> int:
        """What the log would judge a key by now: a quiet log has no ticks, the next document brings one."""
        return max(self._node.engine.head.tick, self._node.clock.peek())

    def _message(self, message: bytes, purpose: str, account: str | None) -> tuple[bytes, dict[str, Any]]:
        try:
            kid, content, signed, signature = documents.parse_message(message, documents.LOGIN)
        except StatementError:
            raise SigningError("login_refused") from None
        now = self._node.clock.peek()
        exp = content.get("exp")
        fits = (
            content.get("purpose") == purpose
            and content.get("aud") == self._node.cooperative
            and content.get("iss") == account
        )
        if not fits or not isinstance(exp, int) or not now - 60 <= exp <= now + 2 * LOGIN_SECONDS:
            raise SigningError("login_refused")
        if account is None or not signatures.verify(kid, signed, signature):
            raise SigningError("login_refused")
        return kid, content

    async def outcome(self, token: str, session: bytes) -> tuple[Request, Outcome | None]:
        """For the session that asked, and nobody else. Raises SigningError("not_found")."""
        request = await self.find(token)
        if request is None or not secrets.compare_digest(request.session, session):
            raise SigningError("not_found")
        if request.outcome is None:
            return request, None
        kept = request.outcome
        key = unb64(kept["key"]) if "key" in kept else None
        recovery = unb64(kept["recovery"]) if "recovery" in kept else None
        code = bytes.fromhex(kept["code"])
        kid = unb64(kept["kid"]) if "kid" in kept else None
        return request, Outcome(kept["account"], key, recovery, kept["signed_in"], code, kid)

    # -- at rest
    # ------------------------------------------------------------------------------------------------------

    def _seal(self, request: Request) -> bytes:
        kept = {
            "cancel": request.cancel,
            "locale": request.locale,
            "challenge": b64(request.challenge),
            "items": request.items,
            "outcome": request.outcome,
        }
        nonce = secrets.token_bytes(12)
        return nonce + self._box.encrypt(nonce, json.dumps(kept, ensure_ascii=False).encode(), request.digest)

    def _open(self, row: Any) -> Request:
        kept = json.loads(self._box.decrypt(row.body[:12], row.body[12:], row.digest))
        return Request(
            digest=row.digest,
            session=row.session,
            purpose=row.type,
            account=row.account,
            ticket=row.ticket,
            return_to=row.return_to,
            cancel=kept["cancel"],
            locale=kept["locale"],
            challenge=unb64(kept["challenge"]),
            items=kept["items"],
            outcome=kept["outcome"],
            sealed=row.body,
        )


def _digest(token: str) -> bytes:
    return hashlib.sha256(b"coopnode/signing-request/0" + token.encode()).digest()


def _bytes32(text: Any) -> bytes:
    return _bytes32_raw(unb64(text))


def _bytes32_raw(data: Any) -> bytes:
    if not isinstance(data, bytes) or len(data) != 32:
        raise SigningError("bad_request")
    return data


def _item(item: Item) -> dict[str, Any]:
    """The wire form (assets/signing/request.js)."""
    kind = registry.TYPES[item.type]
    found: dict[str, Any] = {
        "type": item.type,
        "sub": item.sub,
        "aud": item.aud,
        "private": _jsonable(item.private) if item.private is not None else None,
        "private_fields": [name.name for name in kind.private] or None,
        "seen": item.seen or kind.seen,
        "texts": [_text(text) for text in item.texts],
    }
    if item.payload is not None:
        found["payload"] = b64(encoding.encode({"type": item.type, **item.payload}))
    if item.home is not None:
        found["home"] = item.home
    if item.invitations:
        found["invitations"] = [
            {"path": list(place.path), "label": place.label, **({"to": dict(place.to)} if place.to else {})}
            for place in item.invitations
        ]
    if item.proof is not None:
        digest, index, kid = item.proof
        found["proof"] = {"digest": b64(digest), "index": index, "kid": b64(kid)}
    if item.consequence:
        found["consequence"] = item.consequence
    if found["private_fields"] is not None and found["private"] is None:
        found["private"] = {}
    return found


def _text(text: Shown) -> dict[str, Any]:
    found = {"title": text.title, "url": f"/blobs/{text.sha256.hex()}", "sha256": text.sha256.hex()}
    if text.statement is not None:
        found["statement"] = b64(text.statement)
    return found


def _jsonable(value: Any) -> Any:
    """JSON has no byte strings: `{"$bytes": base64url}` stands for one, as in the signing page."""
    if isinstance(value, bytes):
        return {"$bytes": b64(value)}
    if isinstance(value, Mapping):
        return {name: _jsonable(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    return value
