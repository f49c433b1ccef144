"""Writes our own vectors of statements and commitments: `.venv/bin/python -m tools.vectors`.

Deterministic: keys, salts and nonces are derived from names, so a run changes a file only when a format
changed. The browser and `cwt` check
the result in the tests.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from protocol import commitments, documents, encoding, signatures
from protocol.documents import Seen
from protocol.identifiers import identifier

VECTORS = Path(__file__).parents[1] / "tests" / "vectors"
TIME = 1_790_000_000


def derived(name: str, size: int = 32) -> bytes:
    return hashlib.sha256(f"coopnode vector {name}".encode()).digest()[:size]


def statement(
    name: str, type: str, fields: dict[str, Any], *, private: bytes | None = None, **claims: Any
) -> bytes:
    seed = derived("seed")
    account, cooperative = identifier(derived("account")), identifier(derived("cooperative"))
    header: dict[str, Any] = {
        "kid": signatures.public_key(seed),
        "iss": account,
        "sub": account,
        "aud": cooperative,
        "iat": TIME,
        "exp": TIME + 900,
        "cti": derived(name, 16),
    }
    protected = documents.statement_header(**{**header, **claims})
    payload = documents.payload_bytes(type, fields, private)
    return documents.assemble(
        protected, payload, signatures.sign(seed, documents.sig_structure(protected, payload))
    )


def examples() -> dict[str, bytes]:
    cooperative, matter = identifier(derived("cooperative")), identifier(derived("matter"))
    money = {"amount": 10_000, "currency": "RUB"}
    return {
        "consent withdrawn": statement("a", "consent.withdraw/1", {"re": [derived("consent")]}),
        "ballot": statement(
            "b", "council.vote/1", {"matter": matter, "round": 1, "choice": "for", "sequence": 1}, sub=matter
        ),
        "application with private root": statement(
            "c",
            "membership.apply/1",
            {
                "person": "person",
                "charter": derived("charter"),
                "entrance": money,
                "share": {"amount": 30_000, "currency": "RUB"},
            },
            private=derived("root"),
        ),
        "approval with seen": statement(
            "d",
            "council.approve/1",
            {
                "matter": matter,
                "round": 1,
                "outcome": "adopted",
                "counts": {"for": 4, "against": 0, "abstain": 1},
                "result": derived("result"),
            },
            private=derived("root"),
            sub=matter,
            seen=Seen(0, 1234, derived("tree"), derived("log") + derived("signature")),
        ),
        "tick": statement("e", "node.tick/1", {"time": TIME}, iss=cooperative, sub=cooperative),
        "erasure": statement(
            "g",
            "vault.erase/1",
            {"re": [derived("application"), derived("identification")], "ground": "retention"},
            sub=cooperative,
        ),
        "Russian text": statement(
            "f",
            "cooperative.agreement/1",
            {"kind": "charter", "edition": 1, "title": "Устав общества «Росток»", "blob": derived("text")},
            sub=cooperative,
        ),
    }


def broken() -> dict[str, tuple[bytes, str]]:
    good = examples()["ballot"]
    _, payload, signature = documents.split(good)
    protected, _, _ = documents.split(good)
    fields: dict[Any, Any] = dict(encoding.decode_header(protected))
    payload_map = encoding.decode(payload)
    assert isinstance(payload_map, dict)
    unsorted_payload = (
        b"\xa2" + encoding.encode("type") + encoding.encode("x/1") + encoding.encode("a") + encoding.encode(1)
    )

    def rebuilt(
        protected: bytes = protected, payload: bytes = payload, signature: bytes = signature
    ) -> bytes:
        return documents.assemble(protected, payload, signature)

    return {
        "untagged": (good[1:], "malformed"),
        "bytes after the item": (good + b"\x00", "malformed"),
        "unprotected header not empty": (
            good.replace(b"\xa0" + documents.bstr(payload), b"\xa1\x01\x26" + documents.bstr(payload)),
            "malformed",
        ),
        "long form of a length": (
            b"\xd2\x84\x59" + len(protected).to_bytes(2, "big") + good[4:]
            if len(protected) < 256
            else b"\xd2\x84\x5a\x00\x00" + good[3:],
            "malformed",
        ),
        "alg EdDSA instead of Ed25519": (rebuilt(encoding.encode_header({**fields, 1: -8})), "malformed"),
        "another content type": (
            rebuilt(encoding.encode_header({**fields, 3: documents.LOGIN})),
            "malformed",
        ),
        "unknown header label": (rebuilt(encoding.encode_header({**fields, 33: b""})), "malformed"),
        "claim missing": (
            rebuilt(encoding.encode_header({**fields, 15: {k: v for k, v in fields[15].items() if k != 7}})),
            "malformed",
        ),
        "expires after more than a day": (
            rebuilt(encoding.encode_header({**fields, 15: {**fields[15], 4: TIME + 86_401}})),
            "malformed",
        ),
        "payload keys out of order": (rebuilt(payload=unsorted_payload), "malformed"),
        "float in the payload": (rebuilt(payload=b"\xa2\x61a\xf9\x3c\x00\x64type\x63x/1"), "malformed"),
        "payload is no map": (rebuilt(payload=b"\x80"), "malformed"),
        "signature too short": (rebuilt(signature=signature[:63]), "malformed"),
        "too large": (
            rebuilt(payload=encoding.encode({"type": "x/1", "a": bytes(65_300)}, limit=70_000)),
            "too_large",
        ),
    }


def described(raw: bytes) -> dict[str, str]:
    parsed = documents.parse(raw)
    return {
        "statement": raw.hex(),
        "type": parsed.type,
        "iss": parsed.iss,
        "sig_structure": parsed.sig_structure.hex(),
        "document_digest": parsed.digest.hex(),
        "entry_digest": parsed.entry_digest.hex(),
    }


def committed() -> list[dict[str, Any]]:
    fields = ["name", "birth_date", "address", "phone", "email"]
    salts = {name: derived(f"salt {name}") for name in fields}
    cases = {
        "all fields": {
            "name": "Иванова Мария Сергеевна",
            "birth_date": "1956-03-08",
            "address": "Псков",
            "phone": "+79110000000",
            "email": "m@example.org",
        },
        "some absent": {"name": "Maria Ivanova", "email": "m@example.org"},
        "none": {},
    }
    found = []
    for name, values in cases.items():
        root, record = commitments.commit("membership.apply/1", fields, values, salts)
        leaves = [leaf.hex() for leaf in commitments.leaves("membership.apply/1", fields, record)]
        found.append(
            {
                "name": name,
                "type": "membership.apply/1",
                "fields": fields,
                "values": values,
                "salts": {name: salt.hex() for name, salt in salts.items()},
                "leaves": leaves,
                "root": root.hex(),
            }
        )
    return found


def main() -> None:
    statements = {
        "valid": [{"name": name, **described(raw)} for name, raw in examples().items()],
        "invalid": [
            {"name": name, "statement": raw.hex(), "code": code} for name, (raw, code) in broken().items()
        ],
    }
    for name, content in (("statements", statements), ("commitments", committed())):
        (VECTORS / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    main()
