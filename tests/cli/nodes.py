"""Data directories of real nodes for the command line's tests: a cooperative with a chair, then closed."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from coopnode import testing
from coopnode.cli.node import all_projections
from coopnode.keyfile import PersonalKey, seal
from coopnode.store.log_store import Blob
from coopnode.testing import Cooperative, Person
from protocol import documents, signatures

PASSPHRASE = "correct horse battery"
AGREEMENTS = ("signature", "charter", "privacy")


@dataclass(frozen=True)
class Made:
    data: Path
    id: str
    founder: Person
    size: int

    def key_file(self, path: Path) -> Path:
        path.write_text(seal(personal(self.founder), PASSPHRASE))
        return path


def personal(person: Person) -> PersonalKey:
    """The person's key as the signing page would keep it."""
    genesis: Any = person.genesis
    return PersonalKey(person.key, genesis["recovery"], genesis["nonce"], person.home)


def furnish(data: Path, *, visibility: str = "entitled") -> Made:
    """Founded on the real clock, so that a node started later has nothing to doubt."""
    return asyncio.run(_furnish(data, visibility))


async def _furnish(data: Path, visibility: str) -> Made:
    made = await testing.cooperative(
        data, pack="generic-1", visibility=visibility, projections=all_projections()
    )
    try:
        await _seat_chair(made)
        size = made.node.engine.head.size
    finally:
        await made.node.stop()
    return Made(data, made.id, made.founder, size)


async def _seat_chair(made: Cooperative) -> None:
    founder = made.founder
    for kind in AGREEMENTS:
        text = Blob(hashlib.sha256(kind.encode()).digest(), "text/plain", kind.encode())
        fields: dict[str, Any] = {"kind": kind, "edition": 1, "title": kind, "blob": text.digest}
        done = await made.must(founder, "cooperative.agreement/1", fields, sub=made.id, blobs=[text])
        fields = {"agreement": done.digest, "kind": kind, "edition": 1}
        await made.must(founder, "agreement.sign/1", fields)
    invitation = testing.seed("invitation")
    basis: dict[str, Any] = {"organ": "general_meeting", "number": "1", "date": "2026-01-10"}
    charter = Blob(hashlib.sha256(b"the charter").digest(), "text/plain", b"the charter")
    fields = {"title": "Charter", "blob": charter.digest, "parameters": {}, "basis": basis}
    await made.must(founder, "cooperative.charter/1", fields, sub=made.id, blobs=[charter])
    seat: dict[str, Any] = {
        "seat": 1,
        "roles": ["chair"],
        "voting": True,
        "invitation": signatures.public_key(invitation),
        "member": {"number": 1, "since": 1_700_000_000},
    }
    fields = {"basis": basis, "seats": [seat], "until": made.now + 86_400 * 900}
    appoint = await made.must(founder, "council.appoint/1", fields, sub=made.id)
    possession = documents.possession(signatures.public_key(invitation), founder.id, 0, appoint.digest)
    fields = {"re": [appoint.digest], "seat": 1, "proof": signatures.sign(invitation, possession)}
    person: dict[str, Any] = {
        "name": "Анна Первая",
        "birth_date": "1980-02-03",
        "address": "Москва",
        "phone": "+7 900",
        "email": "anna@example.org",
    }
    await made.must(founder, "council.accept/1", fields, sub=made.id, values=person)
