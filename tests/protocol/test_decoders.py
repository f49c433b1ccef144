"""Every decoder of bytes that others send: whatever they are, it answers or refuses in its own words.

`tests/fixtures/corpus/NAME` holds a few inputs for each, good ones first; further ones that once broke
something are added there. They and what becomes of them by cutting, doubling and flipping are tried every
time. `.venv/bin/python -m tests.protocol.test_decoders` writes the good ones anew.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coopnode import backup_file, keyfile
from coopnode.answers import Signer
from coopnode.membership.attachments import media_type
from protocol import (
    checkpoints,
    cosignatures,
    documents,
    encoding,
    identifiers,
    merkle,
    methodology,
    notes,
    promises,
    proofs,
    signatures,
    tiles,
)
from protocol.errors import ProtocolError
from protocol.tiles import Tile
from tests.audit import logs

CORPUS: Final = Path(__file__).parents[1] / "fixtures" / "corpus"
Decoder = Callable[[bytes], object]


def of_text(work: Callable[[str], object]) -> Decoder:
    """What takes text is given any: every byte a letter when it is no UTF-8."""

    def decode(data: bytes) -> object:
        try:
            text = data.decode()
        except UnicodeDecodeError:
            text = data.decode("latin-1")
        return work(text)

    return decode


def again(decode: Decoder, encode: Callable[[Any], bytes]) -> Decoder:
    """What is taken is written as the very bytes it was."""

    def both(data: bytes) -> object:
        found = decode(data)
        assert encode(found) == data
        return found

    return both


def statement(data: bytes) -> object:
    found = documents.parse(data)
    assert found.raw == data
    assert documents.assemble(found.protected, found.payload_bytes, found.signature) == data
    return found


ENTRY: Final = b"an entry"


def promise(data: bytes) -> object:
    return promises.check(data, b"", ENTRY, 7)


#: name → (decoder, what it may raise)
DECODERS: Final[dict[str, tuple[Decoder, tuple[type[Exception], ...]]]] = {
    "encoding": (again(encoding.decode, encoding.encode), (ProtocolError,)),
    "header": (again(encoding.decode_header, encoding.encode_header), (ProtocolError,)),
    "statement": (statement, (ProtocolError,)),
    "bundle": (again(tiles.decode_bundle, tiles.encode_bundle), (ProtocolError,)),
    "tile": (lambda data: tiles.split_tile(Tile(0, 0, 52), data), (ProtocolError,)),
    "tile-path": (of_text(tiles.parse_tile_path), (ProtocolError,)),
    "note": (notes.parse_note, (ProtocolError,)),
    "vkey": (of_text(notes.NoteKey.parse), (ProtocolError,)),
    "cosigner": (of_text(cosignatures.CosignerKey.parse), (ProtocolError,)),
    "checkpoint": (of_text(checkpoints.parse), (ProtocolError,)),
    "proof": (again(proofs.parse, proofs.format), (ProtocolError,)),
    "promise": (promise, (ProtocolError,)),
    "pack": (methodology.decode, (ProtocolError,)),
    "identifier": (of_text(identifiers.parse_identifier), (ProtocolError,)),
    "origin": (of_text(identifiers.parse_origin), (ProtocolError,)),
    "fingerprint": (of_text(identifiers.parse_fingerprint), (ProtocolError,)),
    "recovery": (of_text(keyfile.parse_recovery), (keyfile.KeyFileError,)),
    "backup-header": (backup_file._checked, (backup_file.BackupError,)),
    "media-type": (media_type, ()),
}


def corpus(name: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted((CORPUS / name).iterdir())]


def tried(name: str, data: bytes) -> bool:
    """Whether it was taken."""
    decode, refusals = DECODERS[name]
    try:
        decode(data)
    except refusals:
        return False
    return True


@pytest.mark.parametrize("name", DECODERS)
def test_the_corpus(name: str) -> None:
    found = corpus(name)
    assert found and tried(name, found[0]), "the first of each is a good one"
    for data in found[1:]:
        tried(name, data)


@st.composite
def broken(draw: st.DrawFn, good: list[bytes]) -> bytes:
    """One of the corpus, cut, doubled, flipped or with something put into it, a few times."""
    data = bytearray(draw(st.sampled_from(good)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        how = draw(st.sampled_from(("flip", "cut", "drop", "put", "double", "set")))
        if how == "flip" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "set" and at < len(data):
            data[at] = draw(st.sampled_from((0, 0x1F, 0x7F, 0x80, 0xFF, 0x5F, 0x9F, 0xBF, 0x1B, 0x5B)))
        elif how == "cut":
            del data[at:]
        elif how == "drop":
            del data[at : at + draw(st.integers(1, 40))]
        elif how == "put":
            data[at:at] = draw(st.binary(min_size=1, max_size=12))
        else:
            data[at:at] = data[max(0, at - draw(st.integers(1, 40))) : at]
    return bytes(data)


@pytest.mark.parametrize("name", DECODERS)
def test_what_others_send(name: str) -> None:
    good = corpus(name)

    @given(st.one_of(broken(good), st.binary(max_size=200)))
    @example(b"")
    @settings(derandomize=False)
    def search(data: bytes) -> None:
        tried(name, data)

    search()


#: Depth, lengths beyond the end, parts without end, a key twice, floats, tags, text that is none.
_STRANGE: Final = (
    b"\x81" * 5_000,
    b"\xa1\x61a" * 3_000,
    b"\x5b" + b"\xff" * 8,
    b"\x9b" + b"\x7f" * 8,
    b"\xbb" + b"\xff" * 8,
    b"\x9f" * 100,
    b"\x5f" * 100,
    b"\xbf\x61a\x01\xff",
    b"\xa2\x61a\x01\x61a\x02",
    b"\xa2\x61b\x01\x61a\x02",
    b"\xfb\x7f\xf8" + bytes(6),
    b"\xc2\x58\x20" + b"\xff" * 32,
    b"\x62\xff\xfe",
    b"\x63\xed\xa0\x80",
    b"\x1b" + b"\xff" * 8,
    b"\x3b" + b"\xff" * 8,
    b"\xf6",
    b"\x18\x01",
)


def _good() -> dict[str, list[bytes]]:
    log = logs.example()
    raw = [log.entries[index] for index in (0, 2, len(log.entries) - 1)]
    found = documents.parse(raw[2])
    leaves = b"".join(bytes([number]) * 32 for number in range(52))
    packed = methodology.encode(methodology.load("generic-1"))
    signer = Signer(log.node_seed, signatures.public_key(log.node_seed))
    promised, _ = signer.committed(log.origin, 7, [merkle.leaf_hash(ENTRY)], logs.START)
    header: dict[str, Any] = {"kdf": "hkdf", "salt": bytes(16), "prefix": bytes(7)}
    key, cosigner = (notes.format_vkey("example.org/log", kind, log.founder.pub) for kind in (1, 4))
    return {
        "encoding": [found.payload_bytes, encoding.encode({"a": [1, -1, b"", "я", True]}), *_STRANGE],
        "header": [found.protected, *_STRANGE],
        "statement": [*raw, b"\xd2" * 1000, raw[0] + raw[0]],
        "bundle": [tiles.encode_bundle(log.entries[:3]), b""],
        "tile": [leaves],
        "tile-path": [b"tile/0/x001/234.p/5", b"tile/entries/000"],
        "note": [log.checkpoint()],
        "vkey": [key.encode()],
        "cosigner": [cosigner.encode()],
        "promise": [promised],
        "recovery": [keyfile.recovery_groups(bytes(range(32))).encode()],
        "checkpoint": [notes.parse_note(log.checkpoint())[0].encode()],
        "proof": [log.proof(7)],
        "pack": [packed, *_STRANGE],
        "identifier": [log.id.encode()],
        "origin": [log.origin.encode()],
        "fingerprint": [identifiers.fingerprint(found.digest).encode()],
        "backup-header": [encoding.encode(header)],
        "media-type": [b"%PDF-1.7\n", b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04"],
    }


if __name__ == "__main__":
    for _name, _inputs in _good().items():
        (CORPUS / _name).mkdir(parents=True, exist_ok=True)
        for _number, _data in enumerate(_inputs):
            (CORPUS / _name / f"{_number:02d}").write_bytes(_data)
