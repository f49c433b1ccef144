"""The envelope (SPEC §4): own vectors, an independent COSE implementation, and no crash on any bytes."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocol import documents, encoding, registry, signatures
from protocol.documents import OnBehalf, Seen, Statement
from protocol.errors import StatementError
from protocol.identifiers import identifier

VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "statements.json").read_text())

SEED = bytes(range(32))
KID = signatures.public_key(SEED)
ISS = identifier(hashlib.sha256(b"account").digest())
AUD = identifier(hashlib.sha256(b"cooperative").digest())


def header(**changes: Any) -> bytes:
    fields: dict[str, Any] = {
        "kid": KID,
        "iss": ISS,
        "sub": ISS,
        "aud": AUD,
        "iat": 1_790_000_000,
        "exp": 1_790_000_900,
        "cti": bytes(16),
    }
    return documents.statement_header(**{**fields, **changes})


def signed(protected: bytes, payload: bytes) -> bytes:
    return documents.assemble(
        protected, payload, signatures.sign(SEED, documents.sig_structure(protected, payload))
    )


def made(**changes: Any) -> bytes:
    return signed(header(**changes), documents.payload_bytes("consent.withdraw/1", {"re": [bytes(32)]}))


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: vector["name"])
def test_vectors(vector: dict[str, Any]) -> None:
    raw = bytes.fromhex(vector["statement"])
    statement = documents.parse(raw)
    assert statement.digest.hex() == vector["document_digest"]
    assert statement.entry_digest.hex() == vector["entry_digest"]
    assert statement.sig_structure.hex() == vector["sig_structure"]
    assert (statement.iss, statement.type) == (vector["iss"], vector["type"])
    assert signatures.verify(statement.kid, statement.sig_structure, statement.signature)


@pytest.mark.parametrize("vector", VECTORS["invalid"], ids=lambda vector: vector["name"])
def test_broken_vectors_are_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(StatementError) as caught:
        documents.parse(bytes.fromhex(vector["statement"]))
    assert caught.value.code == vector["code"]


def test_every_part_comes_back() -> None:
    seen, on_behalf = Seen(0, 7, bytes(32), bytes(64)), OnBehalf(AUD, bytes(32))
    statement = documents.parse(made(seen=seen, on_behalf=on_behalf))
    assert isinstance(statement, Statement)
    assert (statement.kid, statement.iss, statement.sub, statement.aud) == (KID, ISS, ISS, AUD)
    assert (statement.seen, statement.on_behalf, statement.cti) == (seen, on_behalf, bytes(16))
    assert statement.payload == {"type": "consent.withdraw/1", "re": [bytes(32)]}
    assert (
        statement.digest
        == hashlib.sha256(
            encoding.encode(["Signature1", statement.protected, b"", statement.payload_bytes])
        ).digest()
    )


@pytest.mark.parametrize("vector", VECTORS["valid"], ids=lambda vector: vector["name"])
def test_parts_make_the_same_statement_in_another_process(vector: dict[str, Any]) -> None:
    statement = documents.parse(bytes.fromhex(vector["statement"]))
    carried = msgspec.msgpack.decode(msgspec.msgpack.encode(documents.parts(statement)))
    again = documents.from_parts(carried)
    assert documents.parts(again) == documents.parts(statement)
    assert type(again.seen) is type(statement.seen) and type(again.on_behalf) is type(statement.on_behalf)
    assert (again.digest, again.entry_digest) == (statement.digest, statement.entry_digest)
    assert again.sig_structure == statement.sig_structure


@pytest.mark.parametrize("lifetime", [0, -1, documents.MAX_LIFETIME + 1])
def test_p2_lifetime_is_bounded(lifetime: int) -> None:
    with pytest.raises(StatementError) as caught:
        documents.parse(made(exp=1_790_000_000 + lifetime))
    assert caught.value.field == "exp"


def test_p4_login_message_is_no_statement() -> None:
    protected = documents.message_header(documents.LOGIN, KID)
    message = signed(protected, encoding.encode({"purpose": "login"}))
    with pytest.raises(StatementError):
        documents.parse(message)
    with pytest.raises(StatementError):
        documents.parse_message(made(), documents.LOGIN)
    kid, content, signed_bytes, signature = documents.parse_message(message, documents.LOGIN)
    assert (kid, content) == (KID, {"purpose": "login"})
    assert signatures.verify(kid, signed_bytes, signature)
    with pytest.raises(StatementError):
        documents.parse_message(message, documents.READ)


def test_p4_unknown_labels_and_claims_are_refused() -> None:
    fields = encoding.decode_header(header())
    claims = dict(fields[15])  # type: ignore[arg-type]
    payload = documents.payload_bytes("consent.withdraw/1", {"re": []})
    for broken in (
        {**fields, 5: b"x"},
        {**fields, 15: {**claims, 8: "x"}},
        {**fields, 15: {**claims, "cnf": b""}},
        {**fields, 1: -8},
    ):
        with pytest.raises(StatementError):
            documents.parse(signed(encoding.encode_header(broken), payload))


@given(st.binary(max_size=400))
def test_any_bytes_are_parsed_or_refused(data: bytes) -> None:
    with pytest.raises(StatementError):
        documents.parse(data)


@given(st.integers(min_value=0), st.binary(min_size=1, max_size=3), st.booleans())
def test_any_damage_is_refused_or_breaks_the_signature(place: int, put: bytes, insert: bool) -> None:
    raw = made()
    at = place % len(raw)
    damaged = raw[:at] + put + raw[at + (0 if insert else len(put)) :]
    if damaged == raw:
        return
    try:
        statement = documents.parse(damaged)
    except StatementError:
        return
    assert not signatures.verify(statement.kid, statement.sig_structure, statement.signature)


def _verdict(parse: Callable[[bytes], Statement | None], data: bytes) -> object:
    try:
        statement = parse(data)
    except StatementError as error:
        return error.code, error.field
    return None if statement is None else (documents.parts(statement), statement.sig_structure)


@given(
    st.integers(min_value=0, max_value=400),
    st.one_of(
        st.integers(min_value=0), st.sampled_from((0, 2, 3, 45, 80, 270, 274, 275, 276, -65, -66, -67))
    ),
    st.binary(max_size=2),
    st.integers(min_value=0, max_value=2),
)
@example(0, 0, b"", 0)
@example(220, 0, b"", 0)
def test_the_usual_form_is_read_as_any_form_is(size: int, place: int, put: bytes, drop: int) -> None:
    payload = documents.payload_bytes("consent.withdraw/1", {"re": [bytes(size)]})
    raw = signed(header(), payload)
    assert documents._parse_usual(raw) is not None
    at = place % len(raw)
    data = raw[:at] + put + raw[at + drop :]
    usual = _verdict(documents._parse_usual, data)
    assert usual is None or usual == _verdict(documents._parse_any, data)


def test_what_is_said_often_is_read_once() -> None:
    """And what is refused stays refused."""
    fields: dict[str, Any] = {"re": [hashlib.sha256(b"said often").digest()]}
    payload = documents.payload_bytes("consent.withdraw/1", fields)
    one, two = (documents.parse(signed(header(cti=bytes([number]) * 16), payload)) for number in (1, 2))
    assert one.payload is two.payload == {"type": "consent.withdraw/1", **fields}
    assert registry.typed(one).body is registry.typed(two).body
    long = documents.payload_bytes("consent.withdraw/1", {"re": [bytes(documents.SAID_OFTEN)]})
    apart = [documents.parse(signed(header(), long)) for _ in range(2)]
    assert apart[0].payload == apart[1].payload and apart[0].payload is not apart[1].payload
    for broken, code in ((payload + b"\x00", "malformed"), (b"\xa0", "malformed")):
        for _ in range(2):
            with pytest.raises(StatementError) as caught:
                documents.parse(signed(header(), broken))
            assert caught.value.code == code
    unfit = documents.payload_bytes("consent.withdraw/1", {"re": [b"short"]})
    for _ in range(2):
        with pytest.raises(StatementError) as caught:
            registry.typed(documents.parse(signed(header(), unfit)))
        assert (caught.value.code, caught.value.field) == ("invalid_field", "re")


@pytest.mark.long
def test_an_independent_cose_library_agrees() -> None:
    """`cwt` (its own environment, another CBOR) verifies our statements and reads the same claims."""
    python = os.environ["COOPNODE_ORACLE_PYTHON"]  # made by ./dev test --all
    script = (
        "import sys, json\n"
        "from cwt import COSE, COSEKey\n"
        "for line in sys.stdin:\n"
        "    v = json.loads(line)\n"
        "    pub = bytes.fromhex(v['kid'])\n"
        "    key = COSEKey.new({1: 1, 2: pub, 3: -19, -1: 6, -2: pub})\n"
        "    p, u, payload = COSE.new().decode_with_headers(bytes.fromhex(v['statement']), key)\n"
        "    found = {'iss': p[15][1], 'type': p[3], 'payload': payload.hex(), 'unprotected': len(u)}\n"
        "    print(json.dumps(found))\n"
    )
    lines = []
    for vector in VECTORS["valid"]:
        kid = documents.parse(bytes.fromhex(vector["statement"])).kid
        lines.append(json.dumps({"statement": vector["statement"], "kid": kid.hex()}))
    done = subprocess.run(
        [python, "-c", script], input="\n".join(lines), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    for vector, line in zip(VECTORS["valid"], done.stdout.splitlines(), strict=True):
        answer = json.loads(line)
        assert answer["iss"] == vector["iss"]
        assert answer["type"] == documents.STATEMENT
        assert answer["unprotected"] == 0
        assert answer["payload"] == documents.parse(bytes.fromhex(vector["statement"])).payload_bytes.hex()
