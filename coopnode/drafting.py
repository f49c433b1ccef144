"""Statements made and sent outside the browser: payload in, signed bytes and record out, and the node's
answer checked.

JSON has no byte strings: `{"$bytes": base64url}` stands for one, as in the signing page.
"""

from __future__ import annotations

import base64
import binascii
import http.client
import json
import secrets
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from coopnode.keyfile import PersonalKey
from protocol import commitments, documents, encoding, promises, registry, signatures, wording
from protocol.contracts import continuation
from protocol.documents import Seen, Statement
from protocol.errors import EncodingError, ProtocolError, StatementError
from protocol.identifiers import fingerprint, parse_identifier

#: The signing page's own limit on `exp` (P2); the protocol allows a day.
LIFETIME: Final = 15 * 60
_MAX_ANSWER: Final = 1_000_000


class DraftError(Exception):
    """The payload cannot be made into a statement of this type; the sentence names the field."""


class SubmitError(Exception):
    """No answer, or one that is not the node's word about these bytes."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is shown and then signed: `statement` has no valid signature yet."""

    protected: bytes
    payload: bytes
    record: bytes | None
    values: Mapping[str, Any]
    shown: Statement

    def sign(self, seed: bytes) -> bytes:
        signed = documents.sig_structure(self.protected, self.payload)
        return documents.assemble(self.protected, self.payload, signatures.sign(seed, signed))


def from_json(value: Any) -> Any:
    """Raises DraftError on `$bytes` that is no base64url."""
    if isinstance(value, list):
        return [from_json(item) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"$bytes"} and isinstance(value["$bytes"], str):
        text = value["$bytes"]
        try:
            return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except binascii.Error as error:
            raise DraftError(f"{text!r} is not base64url") from error
    return {name: from_json(item) for name, item in value.items()}


def to_json(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"$bytes": base64.urlsafe_b64encode(value).rstrip(b"=").decode()}
    if isinstance(value, Mapping):
        return {name: to_json(item) for name, item in value.items()}
    return [to_json(item) for item in value] if isinstance(value, list | tuple) else value


def read_value(data: bytes) -> Any:
    """A payload or private values from a file: canonical CBOR, else JSON. Raises DraftError."""
    try:
        return encoding.decode(data, limit=2**24)
    except EncodingError:
        pass
    try:
        return from_json(json.loads(data))
    except (ValueError, UnicodeDecodeError) as error:
        raise DraftError(f"the file is neither JSON nor canonical CBOR: {error}") from error


def check_choices(type: str, fields: Mapping[str, Any]) -> None:
    """Raises DraftError for a type there is not, and for an enumerated value that it does not know."""
    kind = registry.TYPES.get(type)
    if kind is None:
        raise DraftError(f"there is no document type {type}")
    for path, known in wording.choices(kind).items():
        for value in _values_at(fields, path.split(".")):
            if value not in known:
                raise DraftError(f"{path} cannot be {value!r}; it is one of: {', '.join(known)}")


def _values_at(place: Any, path: Sequence[str]) -> Iterator[str]:
    """Texts at a path, through lists; what has another shape is judged with the whole document."""
    if isinstance(place, list):
        for item in place:
            yield from _values_at(item, path)
    elif path and isinstance(place, Mapping):
        yield from _values_at(place.get(path[0]), path[1:])
    elif not path and isinstance(place, str):
        yield place


def draft(
    key: PersonalKey,
    type: str,
    fields: Mapping[str, Any],
    *,
    account: str,
    audience: str,
    subject: str,
    now: int,
    lifetime: int = LIFETIME,
    values: Mapping[str, Any] | None = None,
    seen: Seen | None = None,
) -> Draft:
    """Raises DraftError. Nonce and salts are fresh random bytes of this machine."""
    kind = registry.TYPES.get(type)
    if kind is None:
        raise DraftError(f"there is no document type {type}")
    if kind.seen and seen is None:
        raise DraftError(f"{type} must name the checkpoint its signer has verified: give --seen")
    for name in (account, audience, subject):
        try:
            parse_identifier(name)
        except EncodingError as error:
            raise DraftError(f"{name!r} is no id: {error}") from error
    root, record = _commit(type, values)
    try:
        protected = documents.statement_header(
            kid=key.pub,
            iss=account,
            sub=subject,
            aud=audience,
            iat=now,
            exp=now + lifetime,
            cti=secrets.token_bytes(16),
            seen=seen,
        )
        payload = documents.payload_bytes(type, dict(fields), root)
        # Parsed again from the very bytes that will be signed: that is what the person is shown.
        shown = registry.typed(documents.parse(documents.assemble(protected, payload, bytes(64))))
    except EncodingError as error:
        raise DraftError(str(error)) from error
    except StatementError as error:
        raise DraftError(f"{error.code} at {error.field}" if error.field else error.code) from error
    return Draft(protected, payload, record, dict(values or {}), shown)


def _commit(type: str, values: Mapping[str, Any] | None) -> tuple[bytes | None, bytes | None]:
    private = registry.TYPES[type].private
    names = [each.name for each in private]
    unknown = set(values or ()) - set(names)
    if unknown:
        raise DraftError(f"{type} has no private field {sorted(unknown)[0]}")
    if not private:
        return None, None
    missing = [each.name for each in private if each.required and each.name not in (values or {})]
    if missing:
        raise DraftError(f"the private field {missing[0]} is missing")
    salts = {name: secrets.token_bytes(32) for name in names}
    root, record = commitments.commit(type, names, dict(values or {}), salts)
    return root, encoding.encode(record, limit=2**24)


def in_words(found: Draft, language: wording.Locale) -> list[str]:
    """The document as a person reads it before signing."""
    statement = found.shown
    kind = registry.TYPES[statement.type]
    ru = language == "ru"
    lines = [wording.title(statement.type, language), wording.effect(statement.type, language), ""]
    for entry in wording.fields(kind):
        name, private = entry["name"], entry["private"]
        value = found.values.get(name) if private else statement.payload.get(name)
        if value is None:
            continue
        mark = (" (личное)" if ru else " (private)") if private else ""
        lines += _field(wording.said(entry["title"], language) + mark, entry, value, language, "")
    lines += [
        "",
        f"{'Подписывает' if ru else 'Signer'}: {statement.iss}",
        f"{'Кому' if ru else 'For'}: {statement.aud}",
        f"{'О чём' if ru else 'About'}: {statement.sub}",
        _validity(statement, ru),
        f"{'Отпечаток' if ru else 'Fingerprint'}: {fingerprint(statement.digest)}",
    ]
    return lines


def _validity(statement: Statement, ru: bool) -> str:
    """Events of an account, and a continuation of a log whose time stands still, are taken at any time: their
    `exp` is no end (SPEC §4.4)."""
    if statement.is_account_event or statement.type == continuation.TYPE:
        return "Срока действия нет" if ru else "Valid without an end"
    until = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(statement.exp))
    return f"{'Действительно до' if ru else 'Valid until'}: {until}"


def _field(title: str, entry: Mapping[str, Any], value: Any, language: str, indent: str) -> list[str]:
    inner = entry.get("fields")
    if isinstance(value, dict) and inner:
        lines = [f"{indent}{title}:"]
        for each in inner:
            if each["name"] in value:
                lines += _field(
                    wording.said(each["title"], language), each, value[each["name"]], language, indent + "  "
                )
        return lines
    if isinstance(value, list) and inner:
        return [
            line
            for place, item in enumerate(value, 1)
            for line in _field(f"{title} {place}", entry, item, language, indent)
        ]
    return [f"{indent}{title}: {_plain(entry, value, language)}"]


def _plain(entry: Mapping[str, Any], value: Any, language: str) -> str:
    if isinstance(value, str) and value in entry.get("values", {}):
        return wording.said(entry["values"][value], language)
    if isinstance(value, bytes):
        return fingerprint(value) if len(value) == 32 else value.hex()
    if isinstance(value, dict) and set(value) == {"amount", "currency"}:
        whole, part = divmod(abs(value["amount"]), 100)
        return f"{'-' if value['amount'] < 0 else ''}{whole}.{part:02d} {value['currency']}"
    if isinstance(value, list):
        return ", ".join(_plain(entry, item, language) for item in value)
    if isinstance(value, bool):
        return wording.said(wording.YES_NO[value], language)
    if entry.get("format") in ("date", "datetime") and isinstance(value, int):
        return time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(value))
    return json.dumps(to_json(value), ensure_ascii=False) if isinstance(value, dict) else str(value)


# --- sending --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sent:
    """The node's answer to one statement. `code` is None when it is committed."""

    digest: bytes
    index: int | None = None
    tick: int | None = None
    code: str | None = None
    field: str | None = None
    detail: str | None = None
    #: the signed promise or refusal, base64url
    proof: str | None = None


def submit(
    url: str,
    statement: bytes,
    record: bytes | None = None,
    *,
    ticket: str | None = None,
    blobs: Sequence[tuple[str, bytes]] = (),
    node_key: bytes | None = None,
    patience: float = 60.0,
) -> Sent:
    """Sends the same bytes until the node answers them, and checks that the promise is about them (P13).

    Raises:
        SubmitError: no answer within `patience` seconds, or a promise of something else.
    """
    found = documents.parse(statement)
    parts: list[tuple[str, str, bytes]] = [("statement", "application/cose", statement)]
    if record is not None:
        parts.append(("private", "application/cbor", record))
    if ticket is not None:
        parts.append(("ticket", "text/plain", ticket.encode()))
    parts += [("blob", media_type, data) for media_type, data in blobs]
    boundary = "coopnode-" + secrets.token_hex(16)
    body = b"".join(_multipart(parts, boundary))
    status, answer = _post(f"{url.rstrip('/')}/entries", body, boundary, patience)
    if status != 200:
        return Sent(
            found.digest,
            code=str(answer.get("code") or status),
            field=answer.get("field"),
            detail=answer.get("detail"),
            proof=answer.get("refused"),
        )
    _check_promise(found, answer, node_key)
    return Sent(found.digest, answer["index"], answer["tick"], proof=answer["committed"])


def _multipart(parts: Sequence[tuple[str, str, bytes]], boundary: str) -> Iterator[bytes]:
    for name, media_type, data in parts:
        file = f'; filename="{name}"' if name != "ticket" else ""
        yield f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n'.encode()
        yield f"Content-Type: {media_type}\r\n\r\n".encode() + data + b"\r\n"
    yield f"--{boundary}--\r\n".encode()


def _post(address: str, body: bytes, boundary: str, patience: float) -> tuple[int, dict[str, Any]]:
    until = time.monotonic() + patience
    wait, trouble = 0.2, "no answer"
    while True:
        try:
            status, headers, data = _once(address, body, boundary)
            if status not in (408, 425, 429, 502, 503, 504):
                return status, _object(data)
            why = _object(data).get("detail")
            trouble = f"HTTP status {status}: {why}" if why else f"HTTP status {status}"
            after = headers.get("Retry-After", "")
            wait = max(wait, min(float(after), 30.0)) if after.isdigit() else wait
        except (OSError, http.client.HTTPException) as error:
            trouble = str(error) or type(error).__name__
        if time.monotonic() + wait > until:
            raise SubmitError(
                f"{address}: {trouble.rstrip('.')}. The same files may be submitted again without harm."
            )
        time.sleep(wait)
        wait = min(wait * 2, 10.0)


def _once(address: str, body: bytes, boundary: str) -> tuple[int, http.client.HTTPMessage, bytes]:
    parts = urlsplit(address)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SubmitError(f"{address} is no http or https address")
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = make(parts.hostname, parts.port, timeout=30)
    try:
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}", "Accept": "application/json"}
        connection.request("POST", parts.path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read(_MAX_ANSWER)
    finally:
        connection.close()


def _object(data: bytes) -> dict[str, Any]:
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {}


def _check_promise(statement: Statement, answer: Mapping[str, Any], node_key: bytes | None) -> None:
    try:
        message, path = _base64url(answer["committed"]), _base64url(answer["path"])
        kid, promise = promises.check(message, path, statement.raw, int(answer["index"]))
    except (KeyError, TypeError, ValueError) as error:
        raise SubmitError("the node's answer carries no promise; do not rely on it") from error
    except ProtocolError as error:
        raise SubmitError("the node's promise is not about these bytes, or its signature is wrong") from error
    # `account.*` speaks to every log, all else to the one of its audience (SPEC §4.1).
    place = promise.origin.split("/")
    right = len(place) == 3 and (statement.domain == "account" or place[1] == statement.aud)
    if not right or node_key not in (None, kid):
        raise SubmitError("the node's promise is of another log, or not signed by its key")


def _base64url(text: str) -> bytes:
    return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
