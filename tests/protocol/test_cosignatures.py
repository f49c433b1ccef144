"""Ed25519 cosignature/v1 (C2SP tlog-cosignature), checked against an own vector by independent code."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from protocol import checkpoints, cosignatures, notes
from protocol.cosignatures import CosignerKey
from protocol.errors import NoteError
from protocol.notes import NoteKey, NoteSignature

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "checkpoints.json").read_text())
OWN = VECTORS["own"]
HEAD = checkpoints.parse(OWN["text"])
NOTE = OWN["checkpoint"].encode()
COSIGNED = OWN["cosigned"].encode()
SEED = bytes.fromhex(OWN["anchor_seed"])
ANCHOR = CosignerKey.parse(OWN["anchor_vkey"])
LOG: str = OWN["log_vkey"]
TIME: int = OWN["time"]


def test_published_layout() -> None:
    _, lines = notes.parse_note(VECTORS["published"]["note"].encode())
    assert cosignatures.cosignature_time(lines[1]) == VECTORS["published"]["cosigned"]
    text = VECTORS["published"]["text"]
    assert cosignatures.cosignature_message(text.encode(), 1679315147) == (
        f"cosignature/v1\ntime 1679315147\n{text}".encode()
    )
    with pytest.raises(NoteError):
        cosignatures.cosignature_time(lines[0])


def test_own() -> None:
    assert str(ANCHOR) == OWN["anchor_vkey"]
    line = cosignatures.cosign(HEAD, ANCHOR.name, SEED, TIME)
    assert line.line == OWN["cosignature"]
    assert notes.append_signatures(NOTE, [line]) == COSIGNED
    opened = cosignatures.open_cosigned(COSIGNED, LOG, [ANCHOR])
    assert opened.checkpoint == HEAD
    assert opened.cosignatures == (cosignatures.Cosignature(ANCHOR, TIME),)
    # the same by another library, from the bytes as the specification lays them out
    message = f"cosignature/v1\ntime {TIME}\n{OWN['text']}".encode()
    Ed25519PublicKey.from_public_bytes(ANCHOR.pub).verify(line.signature[8:], message)


def test_unknown_cosigners_are_ignored() -> None:
    assert cosignatures.open_cosigned(COSIGNED, LOG, []).cosignatures == ()
    other = CosignerKey("anchor.example/2", ANCHOR.pub)
    assert cosignatures.open_cosigned(COSIGNED, LOG, [other]).cosignatures == ()


def test_a_cosigner_counts_once() -> None:
    again = cosignatures.cosign(HEAD, ANCHOR.name, SEED, TIME + 60)
    note = notes.append_signatures(COSIGNED, [again])
    opened = cosignatures.open_cosigned(note, LOG, [ANCHOR, ANCHOR])
    assert [cosignature.time for cosignature in opened.cosignatures] == [TIME]


def test_the_log_must_have_signed() -> None:
    line = cosignatures.cosign(HEAD, ANCHOR.name, SEED, TIME)
    note = f"{OWN['text']}\n{line.line}".encode()
    with pytest.raises(NoteError, match="by its log"):
        cosignatures.open_cosigned(note, LOG, [ANCHOR])
    with pytest.raises(NoteError, match="not signed"):
        cosignatures.open_cosigned(note, LOG, [])


def test_another_log_than_the_key() -> None:
    log = NoteKey("example.org/other", NoteKey.parse(LOG).pub)
    signer = notes.NoteSigner(log.name, bytes.fromhex(OWN["log_seed"]))
    with pytest.raises(NoteError, match="another log"):
        cosignatures.open_cosigned(notes.sign_note(OWN["text"], [signer]), log, [])


def _line(time: int, body: bytes) -> NoteSignature:
    return NoteSignature(ANCHOR.name, ANCHOR.key_id, time.to_bytes(8, "big") + body)


BODY = cosignatures.cosign(HEAD, ANCHOR.name, SEED, TIME).signature[8:]


@pytest.mark.parametrize(
    "line",
    [
        _line(TIME + 1, BODY),
        _line(TIME, bytes(64)),
        _line(TIME, BODY[:-1]),
        _line(TIME, BODY + b"\0"),
        _line(TIME, b""),
        _line(0, notes.NoteSigner("x", SEED).sign(cosignatures.cosignature_message(OWN["text"].encode(), 0))),
        _line(
            2**63,
            notes.NoteSigner("x", SEED).sign(cosignatures.cosignature_message(OWN["text"].encode(), 2**63)),
        ),
        # a plain note signature by the same key under the cosigner's id
        NoteSignature(ANCHOR.name, ANCHOR.key_id, notes.NoteSigner("x", SEED).sign(OWN["text"].encode())),
    ],
)
def test_a_bad_cosignature_spoils_the_note(line: NoteSignature) -> None:
    note = notes.append_signatures(NOTE, [line])
    assert checkpoints.open_checkpoint(note, LOG) == HEAD
    with pytest.raises(NoteError, match="does not hold"):
        cosignatures.open_cosigned(note, LOG, [ANCHOR])


def test_types_are_not_confused() -> None:
    with pytest.raises(NoteError):
        CosignerKey.parse(LOG)
    with pytest.raises(NoteError):
        NoteKey.parse(OWN["anchor_vkey"])
    assert NoteKey(ANCHOR.name, ANCHOR.pub).key_id != ANCHOR.key_id


@pytest.mark.parametrize("time", [0, -1, 2**63])
def test_times_that_are_not_signed(time: int) -> None:
    with pytest.raises(ValueError, match="time"):
        cosignatures.cosign(HEAD, ANCHOR.name, SEED, time)


def test_broken_keys() -> None:
    for name, pub in (("", ANCHOR.pub), ("a b", ANCHOR.pub), ("a", bytes(32)), ("a", ANCHOR.pub[:31])):
        with pytest.raises(NoteError):
            CosignerKey(name, pub)


@given(st.binary(max_size=80))
def test_any_signature(signature: bytes) -> None:
    assert not ANCHOR.verify(OWN["text"].encode(), signature)


@given(st.integers(1, 2**63 - 1), st.integers(0, 2**63 - 1), st.binary(max_size=9))
def test_identity(time: int, size: int, salt: bytes) -> None:
    head = checkpoints.Checkpoint(HEAD.origin, size, sha256(salt).digest())
    line = cosignatures.cosign(head, ANCHOR.name, SEED, time)
    assert ANCHOR.verify(checkpoints.format(head).encode(), line.signature)
    assert cosignatures.cosignature_time(line) == time
