"""Commitments to private fields (SPEC §5, P20)."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol import commitments, merkle
from protocol.errors import StatementError

TYPE = "membership.apply/1"
FIELDS = ("name", "birth_date", "address", "phone", "email")
VECTORS = json.loads((Path(__file__).parents[1] / "vectors" / "commitments.json").read_text())

values = st.dictionaries(
    st.sampled_from(FIELDS), st.text(max_size=20) | st.integers(-1000, 1000) | st.binary(max_size=8)
)
salts = st.lists(
    st.binary(min_size=32, max_size=32), min_size=len(FIELDS), max_size=len(FIELDS), unique=True
).map(lambda drawn: dict(zip(FIELDS, drawn, strict=True)))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_vectors(vector: dict[str, Any]) -> None:
    fields = vector["fields"]
    salts = {name: bytes.fromhex(salt) for name, salt in vector["salts"].items()}
    root, record = commitments.commit(vector["type"], fields, vector["values"], salts)
    assert root.hex() == vector["root"]
    assert [leaf.hex() for leaf in commitments.leaves(vector["type"], fields, record)] == vector["leaves"]


@given(values, salts)
def test_a_record_opens_its_root_and_each_field_alone(
    private: dict[str, Any], salted: dict[str, bytes]
) -> None:
    root, record = commitments.commit(TYPE, FIELDS, private, salted)
    assert commitments.root(TYPE, FIELDS, record) == root
    leaves = commitments.leaves(TYPE, FIELDS, record)
    for place, name in enumerate(FIELDS):
        path = merkle.inclusion_path(merkle.subtrees(leaves), place, len(leaves))
        if name in private:
            assert commitments.verify_disclosure(TYPE, FIELDS, name, salted[name], private[name], path, root)
            assert not commitments.verify_disclosure(
                TYPE, FIELDS, name, salted[name], "another value", path, root
            )
            assert not commitments.verify_disclosure(
                "membership.accept/1", FIELDS, name, salted[name], private[name], path, root
            )


@given(values, salts, st.sampled_from(FIELDS))
def test_a_changed_record_has_another_root(
    private: dict[str, Any], salted: dict[str, bytes], name: str
) -> None:
    root, record = commitments.commit(TYPE, FIELDS, private, salted)
    part, key = ("fields", name) if name in private else ("decoys", name)
    changed = {"fields": dict(record["fields"]), "decoys": dict(record["decoys"])}
    changed[part][key] = (
        {"salt": bytes(32), "value": "другое"} if part == "fields" else hashlib.sha256(salted[name]).digest()
    )
    assert commitments.root(TYPE, FIELDS, changed) != root


@pytest.mark.parametrize(
    "record",
    [
        None,
        {},
        {"fields": {}, "decoys": {}},
        {"fields": [], "decoys": {}},
        {
            "fields": {name: {"salt": bytes(32), "value": "x"} for name in FIELDS},
            "decoys": {"name": bytes(32)},
        },
        {"fields": {}, "decoys": {name: bytes(31) for name in FIELDS}},
        {"fields": {}, "decoys": {name: bytes(32) for name in (*FIELDS, "more")}},
        {"fields": {"name": {"salt": bytes(32)}}, "decoys": {name: bytes(32) for name in FIELDS[1:]}},
        {
            "fields": {"name": {"salt": "x" * 32, "value": 1}},
            "decoys": {name: bytes(32) for name in FIELDS[1:]},
        },
    ],
)
def test_malformed_records_are_refused(record: Any) -> None:
    with pytest.raises(StatementError):
        commitments.root(TYPE, FIELDS, record)
