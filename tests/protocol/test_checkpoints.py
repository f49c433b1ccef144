"""Checkpoints: published and own vectors, broken texts, one form only (C2SP tlog-checkpoint)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import checkpoints, notes
from protocol.checkpoints import Checkpoint
from protocol.errors import NoteError
from protocol.notes import NoteKey, NoteSigner

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "checkpoints.json").read_text())
OWN = VECTORS["own"]
TEXT: str = VECTORS["published"]["text"]
SEED = bytes.fromhex(OWN["log_seed"])
HEAD = checkpoints.parse(OWN["text"])


def test_published() -> None:
    checkpoint = checkpoints.parse(TEXT)
    assert checkpoint.origin == "example.com/behind-the-sofa"
    assert checkpoint.size == VECTORS["published"]["size"]
    assert checkpoints.format(checkpoint) == TEXT
    text, lines = notes.parse_note(VECTORS["published"]["note"].encode())
    assert text == TEXT and len(lines) == 2


def test_own() -> None:
    assert bytes.fromhex(OWN["root"]) == HEAD.root and HEAD.size == 3
    note = checkpoints.sign_checkpoint(HEAD, SEED)
    assert note == OWN["checkpoint"].encode()
    for data in (note, OWN["cosigned"].encode()):
        assert checkpoints.open_checkpoint(data, OWN["log_vkey"]) == HEAD
        assert checkpoints.open_checkpoint(data, NoteKey.parse(OWN["log_vkey"])) == HEAD


def test_other_signers() -> None:
    stranger = NoteSigner("example.org/stranger", bytes(32))
    note = notes.sign_note(OWN["text"], [stranger])
    with pytest.raises(NoteError, match="not signed"):
        checkpoints.open_checkpoint(note, OWN["log_vkey"])
    with pytest.raises(NoteError, match="another log"):
        checkpoints.open_checkpoint(note, stranger.key)
    tampered = OWN["checkpoint"].replace("\n3\n", "\n4\n").encode()
    with pytest.raises(NoteError, match="does not hold"):
        checkpoints.open_checkpoint(tampered, OWN["log_vkey"])


def test_a_signed_note_that_is_no_checkpoint() -> None:
    signer = NoteSigner(HEAD.origin, SEED)
    note = notes.sign_note(OWN["text"] + "extension\n", [signer])
    with pytest.raises(NoteError):
        checkpoints.open_checkpoint(note, OWN["log_vkey"])


LINES = TEXT.split("\n")
BROKEN = {
    "empty": "",
    "no final newline": TEXT[:-1],
    "extension line": TEXT + "ext\n",
    "empty line": TEXT + "\n",
    "no origin": TEXT[len(LINES[0]) :],
    "origin with a space": TEXT.replace("/behind", " behind"),
    "origin with a plus": TEXT.replace("/behind", "+behind"),
    "origin too long": TEXT.replace("/behind", "o" * 256),
    "leading zero": TEXT.replace("20852163", "020852163"),
    "plus sign": TEXT.replace("20852163", "+20852163"),
    "negative": TEXT.replace("20852163", "-1"),
    "other digits": TEXT.replace("20852163", "٣"),
    "underscore": TEXT.replace("20852163", "2_0"),
    "hexadecimal": TEXT.replace("20852163", "0x10"),
    "no size": TEXT.replace("20852163", ""),
    "space after size": TEXT.replace("20852163", "20852163 "),
    "2^63": TEXT.replace("20852163", str(2**63)),
    "short root": TEXT.replace(LINES[2], "AAAA"),
    "unused bits": TEXT.replace("q2I=", "q2J="),
    "no padding": TEXT.replace("q2I=", "q2I"),
    "carriage returns": TEXT.replace("\n", "\r\n"),
    "very long": TEXT * 1000,
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name: str) -> None:
    with pytest.raises(NoteError):
        checkpoints.parse(BROKEN[name])


def test_legal_from_construction_on() -> None:
    for change in ({"origin": ""}, {"origin": "a\nb"}, {"size": -1}, {"size": 2**63}, {"root": b""}):
        with pytest.raises(NoteError):
            replace(HEAD, **change)
    assert (
        checkpoints.parse(checkpoints.format(replace(HEAD, origin="o" * 255, size=2**63 - 1))).size
        == 2**63 - 1
    )


@given(st.integers(0, 2**63 - 1), st.binary(min_size=32, max_size=32))
def test_identity(size: int, root: bytes) -> None:
    checkpoint = Checkpoint(HEAD.origin, size, root)
    assert checkpoints.parse(checkpoints.format(checkpoint)) == checkpoint


@given(st.text(max_size=200))
def test_any_text(text: str) -> None:
    with pytest.raises(NoteError):
        checkpoints.parse(text)


@given(st.data())
def test_mutated(draw: st.DataObject) -> None:
    place = draw.draw(st.integers(0, len(TEXT)))
    text = TEXT[:place] + draw.draw(st.text(max_size=2)) + TEXT[place + draw.draw(st.integers(0, 2)) :]
    try:
        checkpoint = checkpoints.parse(text)
    except NoteError:
        return
    assert checkpoints.format(checkpoint) == text
