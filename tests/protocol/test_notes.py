"""Signed notes: published examples, a table of broken ones, and no other exception (C2SP signed-note)."""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import notes
from protocol.errors import NoteError
from protocol.notes import NoteKey, NoteSignature, NoteSigner

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "notes.json").read_text())["notes"]
ONE = NoteSigner("example.org/one", sha256(b"note key one").digest())
TWO = NoteSigner("example.org/two", sha256(b"note key two").digest())
TEXT = "a text\n\nwith an empty line\n"
NOTE = notes.sign_note(TEXT, [ONE, TWO])
LINES = NOTE.decode().rpartition("\n\n")[2]
GOOD = NOTE.decode()


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: v["keys"][0])
def test_published(vector: dict[str, Any]) -> None:
    keys = [NoteKey.parse(vkey) for vkey in vector["keys"]]
    assert [str(key) for key in keys] == vector["keys"]
    note = vector["note"].encode()
    text, signatures = notes.open_note(note, keys)
    assert text == vector["text"]
    assert [line.name for line in signatures] == [key.name for key in keys]
    for key in keys:
        assert len(notes.open_note(note, [key]).signatures) == 1
        with pytest.raises(NoteError):
            notes.open_note(note.replace(text[:1].encode(), b"X", 1), [key])


def test_sign_and_open() -> None:
    text, signatures = notes.open_note(NOTE, [TWO.key, ONE.key])
    assert text == TEXT
    assert [line.name for line in signatures] == [ONE.name, TWO.name]
    assert "".join(line.line for line in signatures) == LINES


def test_unknown_keys_are_ignored() -> None:
    namesake = NoteSigner(ONE.name, sha256(b"another").digest())
    note = notes.sign_note(TEXT, [namesake, TWO])
    assert [line.name for line in notes.open_note(note, [ONE.key, TWO.key]).signatures] == [TWO.name]
    with pytest.raises(NoteError, match="not signed"):
        notes.open_note(note, [ONE.key])
    with pytest.raises(NoteError, match="not signed"):
        notes.open_note(note, [])


def test_a_known_key_with_a_bad_signature_spoils_the_note() -> None:
    forged = NoteSignature(ONE.name, ONE.key_id, bytes(64))
    for lines in ([forged], [forged, _sign(ONE)], [_sign(ONE), forged]):
        note = _note(TEXT, [*lines, _sign(TWO)])
        assert notes.open_note(note, [TWO.key]).text == TEXT
        with pytest.raises(NoteError, match="does not hold"):
            notes.open_note(note, [ONE.key, TWO.key])


def test_a_key_that_signs_twice_counts_once() -> None:
    note = notes.sign_note(TEXT, [ONE, ONE, TWO])
    assert len(notes.open_note(note, [ONE.key, TWO.key]).signatures) == 2


def test_append() -> None:
    only = notes.sign_note(TEXT, [ONE])
    assert notes.append_signatures(only, [_sign(TWO)]) == NOTE
    with pytest.raises(NoteError):
        notes.append_signatures(only, [_sign(TWO)] * notes.MAX_SIGNATURES)


def test_limits() -> None:
    note = notes.sign_note(TEXT, [ONE] * notes.MAX_SIGNATURES)
    assert notes.open_note(note, [ONE.key]).text == TEXT
    with pytest.raises(NoteError):
        notes.parse_note(note + ONE_LINE)
    with pytest.raises(NoteError):
        notes.sign_note(TEXT, [ONE] * (notes.MAX_SIGNATURES + 1))
    with pytest.raises(NoteError):
        notes.sign_note(TEXT, [])
    room = notes.MAX_NOTE_BYTES - len(notes.sign_note("\n", [ONE]))
    assert len(notes.sign_note("x" * room + "\n", [ONE])) == notes.MAX_NOTE_BYTES
    with pytest.raises(NoteError):
        notes.sign_note("x" * (room + 1) + "\n", [ONE])
    with pytest.raises(NoteError):
        notes.parse_note(b"x" * 2_000_000)


def _sign(signer: NoteSigner) -> NoteSignature:
    return NoteSignature(signer.name, signer.key_id, signer.sign(TEXT.encode()))


def _note(text: str, lines: list[NoteSignature]) -> bytes:
    return (text + "\n" + "".join(line.line for line in lines)).encode()


ONE_LINE = _sign(ONE).line.encode()

BROKEN = {
    "empty": "",
    "text only": TEXT,
    "no signatures": TEXT + "\n",
    "no empty line": TEXT + LINES,
    "no text": "\n" + LINES,
    "no final newline": GOOD[:-1],
    "two final newlines": GOOD + "\n",
    "carriage return": GOOD.replace("a text", "a text\r"),
    "tab in text": GOOD.replace("a text", "a\ttext"),
    "NUL in text": GOOD.replace("a text", "a\0text"),
    "hyphen for em dash": GOOD.replace("—", "-"),
    "two spaces after dash": GOOD.replace("— ", "—  ", 1),
    "two spaces after name": GOOD.replace("/one ", "/one  "),
    "space after signature": GOOD.replace("\n— example.org/two", " \n— example.org/two"),
    "plus in name": GOOD.replace("/one", "+one"),
    "no name": GOOD.replace("example.org/one", ""),
    "no-break space in name": GOOD.replace("/one", "\u00a0one"),
    "line separator in name": GOOD.replace("/one", "\u2028one"),
    "name too long": GOOD.replace("/one", "o" * 260),
    "not base64": GOOD.replace("/one ", "/one !"),
    "no padding": GOOD.replace("=", ""),
    "key id only": TEXT + f"\n— a {base64.b64encode(b'1234').decode()}\n",
    "short key id": TEXT + "\n— a MTIz\n",
    "unused base64 bits": TEXT + "\n— a MTIzNDV=\n",
    "url-safe base64": TEXT + "\n— a MTIzND-_\n",
    "only a signature line": LINES,
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name: str) -> None:
    for call in (notes.parse_note, lambda data: notes.open_note(data, [ONE.key])):
        with pytest.raises(NoteError):
            call(BROKEN[name].encode())


def test_not_utf8() -> None:
    with pytest.raises(NoteError):
        notes.parse_note(NOTE.replace(b"a text", b"a \xff"))


@pytest.mark.parametrize("text", ["", "no newline", "a\rb\n", "\x1f\n", "\ud800\n"])
def test_texts_that_cannot_be_signed(text: str) -> None:
    with pytest.raises(NoteError):
        notes.sign_note(text, [ONE])


VKEY = str(ONE.key)


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+00000000",
        "name+00000000+",
        VKEY.upper(),
        VKEY + "=",
        VKEY[:-2] + "A=",
        VKEY.replace("example.org/one", "example.org/two"),
        VKEY.replace("example.org/one", ""),
        VKEY.replace("example.org/one", "a b"),
        notes.format_vkey(ONE.name, 0x04, ONE.key.pub),
        notes.format_vkey(ONE.name, 0x01, ONE.key.pub[:31]),
        notes.format_vkey(ONE.name, 0x01, b"\x01" + bytes(31)),
        notes.format_vkey(ONE.name, 0x01, b""),
        "a" * 20_000,
        "\ud800+00000000+AA==",
    ],
)
def test_broken_vkeys(vkey: str) -> None:
    with pytest.raises(NoteError):
        NoteKey.parse(vkey)


def test_vkey_round_trip() -> None:
    for number in range(40):  # some of them hold a plus sign in their base64
        key = NoteSigner("example.org/k", sha256(bytes((number,))).digest()).key
        assert NoteKey.parse(str(key)) == key


def test_a_signer_shows_no_secret() -> None:
    assert ONE.seed.hex() not in repr(ONE) and repr(ONE.seed) not in repr(ONE)


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda t: t.encode("utf-8", "ignore")))
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(NoteError):
        notes.open_note(data, [ONE.key])


@given(st.text(max_size=200))
def test_any_vkey(vkey: str) -> None:
    with pytest.raises(NoteError):
        NoteKey.parse(vkey)


@given(st.data())
def test_mutated(draw: st.DataObject) -> None:
    data = bytearray(NOTE)
    place = draw.draw(st.integers(0, len(data)))
    data[place : place + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=3))
    try:
        text, _ = notes.open_note(bytes(data), [ONE.key, TWO.key])
    except NoteError:
        return
    assert text == TEXT


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.just("\n"), max_size=60))
def test_any_text_survives(text: str) -> None:
    text += "\n"
    assert notes.open_note(notes.sign_note(text, [ONE]), [ONE.key]).text == text
