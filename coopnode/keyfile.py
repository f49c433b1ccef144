"""A personal key outside the browser: the same encrypted copy that the signing page makes
(`assets/signing/backup.js`).

    COOPNODE-KEY-1:<base32, upper case> of CBOR {v, pub, kdf {name, m, t, p, salt}, nonce, box}

`box` is AES-256-GCM under Argon2id of the passphrase, with the CBOR of the map without `box` as
additional data, over CBOR `{seed, recovery, nonce, home?, account?}`. `recovery` (the commitment), `nonce`
and `home` or `account` say which account the key opens; the recovery key itself is never in it. That one is
kept on paper: `recovery_groups`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
import unicodedata
from dataclasses import dataclass, field, replace
from typing import Any, Final

from protocol import documents, encoding, signatures
from protocol.errors import EncodingError
from protocol.identifiers import identifier, parse_identifier
from protocol.keys import PublicKey, recovery_commitment

PREFIX: Final = "COOPNODE-KEY-1:"
_FOUND: Final = re.compile(r"COOPNODE-KEY-1:([A-Z2-7\s]+)", re.IGNORECASE | re.ASCII)
_MEMORY, _TURNS, _LANES = 65_536, 3, 1
#: What we agree to compute when opening somebody's file: a hostile one must not freeze the machine.
_MOST_MEMORY, _MOST_TURNS, _MOST_LANES = 262_144, 10, 4
_CHECK_BYTES: Final = 3
_CONSONANTS, _VOWELS, _WORDS = "bdfghjklmnprstvz", "aeiou", 6


class KeyFileError(Exception):
    """The text holds no key, or the passphrase does not open it."""


@dataclass(frozen=True, slots=True)
class PersonalKey:
    """A signing key with what its account's genesis is made of. `home` is None until a cooperative is
    chosen.
    """

    seed: bytes = field(repr=False)
    #: commitment to the recovery key (P7)
    recovery: bytes
    #: of the genesis
    nonce: bytes
    home: str | None = None
    #: of a key that joined an account made by another key; None when the account follows from the genesis
    joined: str | None = None

    @property
    def pub(self) -> bytes:
        return signatures.public_key(self.seed)

    def genesis(self, home: str | None = None) -> dict[str, Any]:
        """The genesis map (SPEC §6.1) of the account this key was made for."""
        chosen = home or self.home
        if chosen is None:
            raise KeyFileError("the key belongs to no cooperative yet: name its home with --home")
        key = {"alg": documents.ED25519, "pub": self.pub, "scope": "sign"}
        return {"keys": [key], "recovery": self.recovery, "home": chosen, "nonce": self.nonce}

    def at_home(self, home: str) -> PersonalKey:
        """The same key with its home named. Raises KeyFileError."""
        try:
            parse_identifier(home)
        except EncodingError as error:
            raise KeyFileError(f"{home!r} is no id of a cooperative: {error}") from error
        if self.home not in (None, home):
            raise KeyFileError(f"the account of this key begins at {self.home}")
        return replace(self, home=home)

    def account(self, home: str | None = None) -> str:
        """Account id. Of a key added later to an older account it stands in the file, or has to be named."""
        if self.joined is not None:
            return self.joined
        return identifier(hashlib.sha256(encoding.encode(self.genesis(home))).digest())


def generate(home: str | None = None) -> tuple[PersonalKey, bytes]:
    """(key, seed of its recovery key)."""
    recovery = secrets.token_bytes(32)
    public = PublicKey(documents.ED25519, signatures.public_key(recovery), "recovery")
    key = PersonalKey(secrets.token_bytes(32), recovery_commitment(public), secrets.token_bytes(16), home)
    return key, recovery


def passphrase() -> str:
    """Six words of two syllables, about 76 bits: can be read aloud and typed on any keyboard."""

    def syllable() -> str:
        return secrets.choice(_CONSONANTS) + secrets.choice(_VOWELS)

    return " ".join(syllable() + syllable() for _ in range(_WORDS))


def seal(key: PersonalKey, secret: str) -> str:
    """The text of a key file."""
    kdf: dict[str, Any] = {
        "name": "argon2id",
        "m": _MEMORY,
        "t": _TURNS,
        "p": _LANES,
        "salt": secrets.token_bytes(16),
    }
    head: dict[str, Any] = {"v": 1, "pub": key.pub, "kdf": kdf, "nonce": secrets.token_bytes(12)}
    inside: dict[str, Any] = {"seed": key.seed, "recovery": key.recovery, "nonce": key.nonce}
    if key.home:
        inside["home"] = parse_identifier(key.home)
    if key.joined:
        inside["account"] = parse_identifier(key.joined)
    box = _cipher(secret, kdf).encrypt(head["nonce"], encoding.encode(inside), encoding.encode(head))
    return PREFIX + base64.b32encode(encoding.encode({**head, "box": box})).decode().rstrip("=")


def public_part(text: str) -> bytes:
    """The public key in a key file, for showing it without the passphrase. Raises KeyFileError."""
    found: bytes = _find(text)["pub"]
    return found


def open_key(text: str, secret: str) -> PersonalKey:
    """Raises KeyFileError."""
    from cryptography.exceptions import InvalidTag

    whole = _find(text)
    box = whole.pop("box")
    try:
        plain = _cipher(secret, whole["kdf"]).decrypt(whole["nonce"], box, encoding.encode(whole))
    except InvalidTag as error:
        raise KeyFileError("the passphrase does not open this key") from error
    try:
        inside: Any = encoding.decode(plain)
        home = identifier(inside["home"]) if "home" in inside else None
        joined = identifier(inside["account"]) if "account" in inside else None
        key = PersonalKey(inside["seed"], inside["recovery"], inside["nonce"], home, joined)
        if key.pub != whole["pub"] or len(key.recovery) != 32 or len(key.nonce) != 16:
            raise ValueError("fields")
    except (EncodingError, KeyError, TypeError, ValueError) as error:
        raise KeyFileError("the file holds no key of this program") from error
    return key


def _find(text: str) -> dict[str, Any]:
    # People paste with line breaks and lose the case; neither carries meaning here.
    found = _FOUND.search(text)
    if found is None:
        raise KeyFileError("there is no COOPNODE-KEY-1 in this file")
    try:
        whole: Any = encoding.decode(_base32(found[1]))
        kdf = whole["kdf"]
        sane = (
            whole["v"] == 1
            and kdf["name"] == "argon2id"
            and 8 <= kdf["m"] <= _MOST_MEMORY
            and 1 <= kdf["t"] <= _MOST_TURNS
            and 1 <= kdf["p"] <= _MOST_LANES
            and (len(kdf["salt"]), len(whole["nonce"]), len(whole["pub"])) == (16, 12, 32)
            and isinstance(whole["box"], bytes)
        )
    except (EncodingError, KeyError, TypeError, ValueError) as error:
        raise KeyFileError("the copy of the key is damaged") from error
    if not sane:
        raise KeyFileError("the copy of the key is damaged or of a newer program")
    return dict(whole)


def _cipher(secret: str, kdf: dict[str, Any]) -> Any:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

    # One spelling: another keyboard may compose letters otherwise.
    spelled = " ".join(unicodedata.normalize("NFKC", secret).split())
    derive = Argon2id(salt=kdf["salt"], length=32, iterations=kdf["t"], lanes=kdf["p"], memory_cost=kdf["m"])
    return AESGCM(derive.derive(spelled.encode()))


def _base32(text: str) -> bytes:
    letters = "".join(text.split()).upper()
    try:
        data = base64.b32decode(letters + "=" * (-len(letters) % 8))
    except binascii.Error as error:
        raise ValueError("not base32") from error
    return data


# --- the recovery key on paper (`assets/signing/recovery.js`) -------------------------------------


def _check(seed: bytes) -> bytes:
    return hashlib.sha256(b"coopnode/recovery/0" + seed).digest()[:_CHECK_BYTES]


def recovery_groups(seed: bytes) -> str:
    """Fourteen groups of four letters and digits; the last ones are a checksum."""
    text = base64.b32encode(seed + _check(seed)).decode().rstrip("=")
    return " ".join(text[at : at + 4] for at in range(0, len(text), 4))


def parse_recovery(text: str) -> bytes:
    """The seed behind typed groups. Raises KeyFileError when the checksum does not fit."""
    try:
        data = _base32(text.replace("-", " "))
    except ValueError as error:
        raise KeyFileError("the recovery key is mistyped") from error
    seed = data[:32]
    if len(data) != 32 + _CHECK_BYTES or data[32:] != _check(seed):
        raise KeyFileError("the recovery key is mistyped")
    return seed
