"""Proof files: own vector, every leaf of small trees, broken files (C2SP tlog-proof)."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import checkpoints, cosignatures, merkle, proofs
from protocol.checkpoints import Checkpoint
from protocol.errors import NoteError, ProofError, ProtocolError
from protocol.proofs import TlogProof

OWN = json.loads((Path(__file__).parent.parent / "vectors" / "checkpoints.json").read_text())["own"]
FILE = OWN["proof"].encode()
PROOF = proofs.parse(FILE)
ENTRY = bytes.fromhex(OWN["entries"][1])
LOG: str = OWN["log_vkey"]


def test_own() -> None:
    assert PROOF.index == 1 and PROOF.extra == b"coopnode" and len(PROOF.path) == 2
    assert proofs.format(PROOF) == FILE
    assert proofs.verify(ENTRY, PROOF, LOG) == checkpoints.parse(OWN["text"])
    assert proofs.verify_leaf(merkle.leaf_hash(ENTRY), PROOF, LOG).size == 3
    anchor = cosignatures.CosignerKey.parse(OWN["anchor_vkey"])
    assert len(cosignatures.open_cosigned(PROOF.checkpoint_note, LOG, [anchor]).cosignatures) == 1


def test_every_leaf() -> None:
    origin, seed = LOG.split("+")[0], bytes.fromhex(OWN["log_seed"])
    entries = [b"%d" % number for number in range(20)]
    leaves = [merkle.leaf_hash(entry) for entry in entries]
    for size in range(1, len(entries) + 1):
        note = checkpoints.sign_checkpoint(Checkpoint(origin, size, merkle.root(leaves[:size])), seed)
        for index in range(size):
            path = tuple(merkle.inclusion_path(merkle.subtrees(leaves), index, size))
            proof = TlogProof(index, path, note)
            assert proofs.parse(proofs.format(proof)) == proof
            assert proofs.verify(entries[index], proof, LOG).size == size


def test_wrong_claims() -> None:
    for entry, proof in (
        (ENTRY + b".", PROOF),
        (ENTRY, replace(PROOF, index=0)),
        (ENTRY, replace(PROOF, index=2)),
        (ENTRY, replace(PROOF, index=3)),
        (ENTRY, replace(PROOF, path=PROOF.path[:1])),
        (ENTRY, replace(PROOF, path=(*PROOF.path, bytes(32)))),
        (ENTRY, replace(PROOF, path=PROOF.path[::-1])),
    ):
        with pytest.raises(ProofError):
            proofs.verify(entry, proof, LOG)
    with pytest.raises(NoteError):
        proofs.verify(ENTRY, replace(PROOF, checkpoint_note=b"nothing"), LOG)
    with pytest.raises(NoteError):
        proofs.verify(ENTRY, PROOF, LOG.replace("aaaqe", "baaqe"))


TEXT: str = OWN["proof"]
FIRST = TEXT.split("\n")[3]
BROKEN = {
    "empty": "",
    "header only": "c2sp.org/tlog-proof@v1\n",
    "header and checkpoint": "c2sp.org/tlog-proof@v1\n\n" + OWN["cosigned"],
    "other version": TEXT.replace("@v1", "@v2"),
    "no header": TEXT.partition("\n")[2],
    "no empty line": TEXT.replace("\n\n", "\n"),
    "no checkpoint": TEXT.partition("\n\n")[0] + "\n\n",
    "no index": TEXT.replace("index 1\n", ""),
    "leading zero": TEXT.replace("index 1", "index 01"),
    "negative": TEXT.replace("index 1", "index -1"),
    "two indices": TEXT.replace("index 1", "index 1\nindex 1"),
    "index too large": TEXT.replace("index 1", f"index {2**63}"),
    "extra after index": TEXT.replace("index 1", "index 1\nextra AAAA"),
    "two extras": TEXT.replace("index 1", "extra AAAA\nindex 1"),
    "empty extra": TEXT.replace("extra Y29vcG5vZGU=", "extra "),
    "extra without value": TEXT.replace("extra Y29vcG5vZGU=", "extra"),
    "short hash": TEXT.replace(FIRST, "AAAA"),
    "hash not base64": TEXT.replace(FIRST, "!" * 44),
    "not ASCII": TEXT.replace(FIRST, "é" * 44),
    "carriage return": TEXT.replace("index 1", "index 1\r"),
    "64 hashes": TEXT.replace(FIRST, "\n".join([FIRST] * 64)),
    "no final newline": TEXT[:-1],
    "unverifiable checkpoint": TEXT.replace("—", "-"),
    "too large": TEXT + "x" * 1_200_000,
}


@pytest.mark.parametrize("name", BROKEN)
def test_broken(name: str) -> None:
    with pytest.raises((ProofError, NoteError)):
        proofs.parse(BROKEN[name].encode())


def test_legal_from_construction_on() -> None:
    for change in (
        {"index": -1},
        {"index": 2**63 - 1},
        {"path": (b"",)},
        {"path": (bytes(32),) * 64},
        {"extra": b""},
        {"extra": bytes(70_000)},
    ):
        with pytest.raises(ProofError):
            replace(PROOF, **change)


@given(st.binary(max_size=200))
def test_any_bytes(data: bytes) -> None:
    with pytest.raises(ProtocolError):
        proofs.parse(data)


@given(st.data())
def test_mutated(draw: st.DataObject) -> None:
    data = bytearray(FILE)
    place = draw.draw(st.integers(0, len(data)))
    data[place : place + draw.draw(st.integers(0, 3))] = draw.draw(st.binary(max_size=3))
    try:
        proof = proofs.parse(bytes(data))
        proofs.verify(ENTRY, proof, LOG)
    except ProtocolError:
        return
    assert (proof.index, proof.path) == (PROOF.index, PROOF.path)
    assert proofs.format(proof) == data
