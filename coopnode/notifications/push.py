"""Web push: waking a browser through its push service (RFC 8030), which learns that it is woken and no more.

The message is encrypted for the browser (RFC 8291 over RFC 8188) and says of which kind news is and how many
there are; the words are in the browser's worker. The node shows who it is by VAPID (RFC 8292), with a key
derived from its session key: it is there when it is first needed, and in every backup of the keys.

Where a browser's push service stands is what somebody signed in says, so it is a way to make this node ask
for addresses: only names of known services, only TLS, only addresses of the public Internet, no redirects.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
import secrets
import socket
import ssl
from dataclasses import dataclass, field
from email.utils import parseaddr
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from coopnode.config import Config, Push
from coopnode.delivery import Undelivered
from coopnode.notifications.devices import Device, Subscription
from protocol.wording import Locale

if TYPE_CHECKING:
    from coopnode.notifications.settings import Group

_SECONDS: Final = 15.0
#: How long a service keeps a message for a browser that is off, and how long our token is good.
_TTL: Final = 2 * 86_400
_TOKEN_SECONDS: Final = 12 * 3600
_LONGEST_ENDPOINT: Final = 2_000
_NAME: Final = re.compile(r"([a-z0-9-]+\.)+[a-z]{2,}")
#: Every message has this many bytes before it is encrypted: its size says nothing.
_PLAIN: Final = 128
_RECORD: Final = 4096
_CURVE: Final = ec.SECP256R1()
_ORDER: Final = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_POINT: Final = 65
#: RFC 6052
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")


class PushError(Undelivered):
    """The device was not woken."""


class Gone(PushError):
    """The service knows it no more: it ends."""


class BadSubscription(Exception):
    """What a browser said of itself cannot be used."""


@dataclass(frozen=True, slots=True)
class Payload:
    group: Group | Literal["several"]
    count: int
    locale: Locale

    def encoded(self) -> bytes:
        return json.dumps({"kind": self.group, "count": self.count, "locale": self.locale}).encode()


@dataclass(frozen=True, slots=True)
class Vapid:
    """Who sends: a P-256 key made of the node's session key."""

    secret: bytes = field(repr=False)

    @property
    def _key(self) -> ec.EllipticCurvePrivateKey:
        # 16 bytes more than the order has: the remainder is as good as even (FIPS 186-5 A.2.1).
        wide = HKDF(hashes.SHA256(), 48, salt=None, info=b"coopnode/vapid/0").derive(self.secret)
        return ec.derive_private_key(int.from_bytes(wide, "big") % (_ORDER - 1) + 1, _CURVE)

    @property
    def public(self) -> str:
        """As browsers want it: the uncompressed point, base64url."""
        return b64(_point(self._key.public_key()))

    def authorization(self, endpoint: str, subject: str, now: int) -> str:
        parts = urlsplit(endpoint)
        claims = {"aud": f"{parts.scheme}://{parts.netloc}", "exp": now + _TOKEN_SECONDS, "sub": subject}
        body = ".".join(b64(json.dumps(part).encode()) for part in ({"typ": "JWT", "alg": "ES256"}, claims))
        numbers = decode_dss_signature(self._key.sign(body.encode(), ec.ECDSA(hashes.SHA256())))
        signature = b"".join(number.to_bytes(32, "big") for number in numbers)
        return f"vapid t={body}.{b64(signature)}, k={self.public}"


@dataclass(frozen=True, slots=True)
class Wake:
    """One message for one device."""

    to: Device
    payload: Payload
    vapid: Vapid
    subject: str
    urgent: bool = False

    @property
    def device(self) -> int:
        return self.to.id


def contact(config: Config) -> str:
    """Whom a push service may ask about us (RFC 8292 2.1)."""
    address = parseaddr(config.smtp.sender)[1]
    return config.public_url if config.public_url.startswith("https:") else f"mailto:{address}"


# -- what a browser says of itself ---------------------------------------------------------------------


def subscription(endpoint: str, p256dh: str, auth: str, push: Push) -> Subscription:
    """Raises BadSubscription."""
    if (wrong := refusal(endpoint, push)) is not None:
        raise BadSubscription(wrong)
    try:
        key, secret = unb64(p256dh), unb64(auth)
        ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, key)
    except ValueError as error:
        raise BadSubscription("not a key") from error
    if len(key) != _POINT or len(secret) != 16:
        raise BadSubscription("not a key")
    return Subscription(endpoint, key, secret)


def refusal(endpoint: str, push: Push) -> str | None:
    """Why nothing is sent there, or None."""
    if len(endpoint) > _LONGEST_ENDPOINT or not endpoint.isascii() or not endpoint.isprintable():
        return "not an address"
    try:
        parts = urlsplit(endpoint)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "not an address"
    if parts.username is not None or parts.password is not None or parts.fragment or "\\" in endpoint:
        return "not an address"
    if push.loopback and host in ("localhost", "127.0.0.1"):
        return None
    if parts.scheme != "https" or port not in (None, 443):
        return "not over TLS"
    if not _NAME.fullmatch(host):  # an address written out would not be looked up, nor looked at
        return "not an address"
    known = any(host == service or host.endswith(f".{service}") for service in push.services)
    return None if known else "not a known push service"


# -- encryption ----------------------------------------------------------------------------------------


def encrypt(
    plain: bytes,
    to: Subscription,
    *,
    salt: bytes | None = None,
    key: ec.EllipticCurvePrivateKey | None = None,
    padded: int = _PLAIN,
) -> bytes:
    """RFC 8291: one record of the content coding aes128gcm. `salt` and `key` are chosen by tests only."""
    salt, key = salt or secrets.token_bytes(16), key or ec.generate_private_key(_CURVE)
    receiver = ec.EllipticCurvePublicKey.from_encoded_point(_CURVE, to.p256dh)
    own = _point(key.public_key())
    shared = key.exchange(ec.ECDH(), receiver)
    material = _derived(shared, to.auth, b"WebPush: info\0" + to.p256dh + own, 32)
    content_key = _derived(material, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(material, salt, b"Content-Encoding: nonce\0", 12)
    record = plain + b"\x02" + bytes(max(padded - len(plain), 0))
    head = salt + _RECORD.to_bytes(4, "big") + bytes([len(own)]) + own
    return head + AESGCM(content_key).encrypt(nonce, record, None)


def _derived(material: bytes, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(hashes.SHA256(), length, salt=salt, info=info).derive(material)


def _point(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def unb64(text: str) -> bytes:
    """Raises ValueError."""
    if len(text) > 200:
        raise ValueError("too long")
    return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)


# -- sending -------------------------------------------------------------------------------------------


class _PublicOnly(AbstractResolver):
    """Names lead to the public Internet or nowhere: what a name meant when it was looked at may have changed,
    so it is the address one connects to that is judged."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await self._resolver.resolve(host, port, family)
        allowed = [item for item in found if is_public(item["host"])]
        if not allowed:
            raise OSError("no address of the public Internet")
        return allowed

    async def close(self) -> None:
        await self._resolver.close()


def is_public(address: str) -> bool:
    """An IPv4 address may be wrapped in one of IPv6 and lead a gateway home: both are judged."""
    found = ipaddress.ip_address(address.partition("%")[0])
    inner = found if isinstance(found, ipaddress.IPv4Address) else _wrapped(found)
    return all(each.is_global and not each.is_multicast for each in (found, inner) if each is not None)


def _wrapped(found: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    if found in _NAT64:
        return ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
    return found.ipv4_mapped or found.sixtofour or (found.teredo or (None, None))[1]


async def send(wake: Wake, push: Push, *, now: int) -> None:
    """Raises PushError."""
    given = wake.to.subscription
    if (wrong := refusal(given.endpoint, push)) is not None:
        raise PushError(wrong, final=True)
    headers = {
        "Content-Encoding": "aes128gcm",
        "Content-Type": "application/octet-stream",
        "TTL": str(_TTL),
        "Urgency": "high" if wake.urgent else "normal",
        "Authorization": wake.vapid.authorization(given.endpoint, wake.subject, now),
    }
    body = encrypt(wake.payload.encoded(), given)
    status = await _post(given.endpoint, body, headers, push)
    if status in (200, 201, 202, 204):
        return
    if status in (404, 410):
        raise Gone(f"the push service answered {status}", final=True)
    for_now = status == 429 or status >= 500
    raise PushError(f"the push service answered {status}", final=not for_now)


async def _post(endpoint: str, body: bytes, headers: dict[str, str], push: Push) -> int:
    connector: Any = aiohttp.TCPConnector(resolver=None if push.loopback else _PublicOnly(), force_close=True)
    timeout = aiohttp.ClientTimeout(total=_SECONDS)
    # No cookies and no variables of the environment: a proxy would look names up by itself.
    jar = aiohttp.DummyCookieJar()
    try:
        async with (
            aiohttp.ClientSession(connector=connector, timeout=timeout, cookie_jar=jar) as session,
            session.post(endpoint, data=body, headers=headers, allow_redirects=False) as answer,
        ):
            return answer.status
    except ssl.SSLError as error:
        raise PushError("the push service does not speak TLS there") from error
    except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
        raise PushError(f"the push service cannot be reached ({type(error).__name__})") from error
