"""Where a document stands and what shows it: for the verification page and the evidence file (P1, P23).

Everything is computed for one reader. What the log does not entitle them to see is not in the answer: of a
closed document only its place, its time and its proof.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass
from importlib import resources
from typing import Any, Final, Literal

from coopnode.app import Node
from coopnode.council import queries
from coopnode.store.sql import Connection
from protocol import checkpoints, documents, merkle, proofs, registry, signatures, wording
from protocol.contract import View
from protocol.contracts import accounts, cooperative
from protocol.contracts.accounts import Account
from protocol.errors import ProtocolError
from protocol.identifiers import origin
from protocol.notes import format_vkey, parse_note

_LOG_KEY: Final = 1
#: The certificate of an Ed25519 public key without the key itself (RFC 8410).
_SPKI: Final = bytes.fromhex("302a300506032b6570032100")

KeyStatus = Literal["active", "revoked", "waiting", "unknown", "node"]


@dataclass(frozen=True, slots=True)
class Signer:
    """`status` is of today; that the key was in force at the document's index is what the log checked."""

    account: str
    kid: bytes
    status: KeyStatus
    since: int | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """Of a decision: what the chair signed (P23)."""

    number: int
    kind: str
    outcome: Literal["adopted", "rejected"]
    round: int
    counts: tuple[int, int, int]
    result: bytes
    matter: str


@dataclass(frozen=True, slots=True)
class Checks:
    """What the node found when it looked itself. None while there is nothing to check yet."""

    fingerprint: bool
    signature: bool
    checkpoint: bool | None
    inclusion: bool | None

    @property
    def good(self) -> bool:
        return (
            self.fingerprint
            and self.signature
            and self.checkpoint is not False
            and self.inclusion is not False
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """One document of this log. `statement`, `type`, `signer` and `result` only for those who may read it."""

    digest: bytes
    index: int
    #: legal time; 0 for the entries before the log's first tick
    tick: int
    leaf: bytes
    origin: str
    vkey: str
    cooperative: str
    name: str
    published: bool
    checks: Checks
    public: bool
    #: text of the tlog-proof, and the size of the tree it is under
    proof: str | None = None
    size: int | None = None
    path: tuple[bytes, ...] = ()
    checkpoint: str | None = None
    statement: bytes | None = None
    type: str | None = None
    signer: Signer | None = None
    result: Result | None = None
    iat: int | None = None

    @property
    def readable(self) -> bool:
        return self.statement is not None


def find(connection: Connection, node: Node, digest: bytes, account: str | None) -> Evidence | None:
    """None when the log has no such document."""
    found = node.reading.find(digest)
    state = node.state
    own = cooperative.cooperative(View(state, cooperative.DOMAIN))
    if found is None or own is None or node.cooperative is None:
        return None
    name = origin(node.cooperative, node.engine.head.generation)
    vkey = format_vkey(name, _LOG_KEY, own.log_key)
    text = node.reading.proof(found.index)
    parsed = proofs.parse(text) if text is not None else None
    statement = documents.parse(found.raw)
    readable = found.public or node.reading.may_read(account)
    common: dict[str, Any] = {
        "digest": digest,
        "index": found.index,
        "tick": found.tick,
        "leaf": merkle.leaf_hash(found.raw),
        "origin": name,
        "vkey": vkey,
        "cooperative": node.cooperative,
        "name": own.name,
        "published": parsed is not None,
        "public": found.public,
        "checks": _checked(statement, digest, parsed, vkey),
    }
    if parsed is not None and text is not None:
        common |= {
            "proof": text.decode(),
            "path": parsed.path,
            "checkpoint": parsed.checkpoint_note.decode(),
            "size": checkpoints.parse(parse_note(parsed.checkpoint_note)[0]).size,
        }
    if not readable:
        return Evidence(**common)
    return Evidence(
        **common,
        statement=found.raw,
        type=found.type,
        iat=statement.iat,
        signer=_signer(View(state, accounts.DOMAIN), statement, found.tick),
        result=_result(connection, statement),
    )


def _checked(
    statement: documents.Statement, digest: bytes, proof: proofs.TlogProof | None, vkey: str
) -> Checks:
    """The same four the reader's browser makes, from the same bytes."""
    signed = signatures.verify(statement.kid, statement.sig_structure, statement.signature)
    checkpoint = inclusion = None
    if proof is not None:
        checkpoint = inclusion = True
        try:
            checkpoints.open_checkpoint(proof.checkpoint_note, vkey)
        except ProtocolError:
            checkpoint = False
        try:
            proofs.verify(statement.raw, proof, vkey)
        except ProtocolError:
            inclusion = False
    return Checks(statement.digest == digest, signed, checkpoint, inclusion)


def _signer(view: View, statement: documents.Statement, now: int) -> Signer:
    if registry.TYPES[statement.type].signer == "node":
        return Signer(statement.iss, statement.kid, "node")
    account = view.get("account", statement.iss, Account)
    key = next((item for item in account.keys if item.pub == statement.kid), None) if account else None
    if key is None:
        return Signer(statement.iss, statement.kid, "unknown")
    if key.revoked_at is not None or key.stopped:
        return Signer(statement.iss, statement.kid, "revoked", key.revoked_at)
    status: KeyStatus = "waiting" if key.active_from > now else "active"
    return Signer(statement.iss, statement.kid, status, key.active_from)


def _result(connection: Connection, statement: documents.Statement) -> Result | None:
    if statement.type != "council.approve/1":
        return None
    found = queries.decision(connection, digest=statement.digest)
    if found is None:
        return None
    body, counts = statement.payload, statement.payload["counts"]
    return Result(
        found.number,
        found.kind,
        body["outcome"],
        body["round"],
        (counts["for"], counts["against"], counts["abstain"]),
        body["result"],
        body["matter"],
    )


# --- the file to take away -----------------------------------------------------------------------------


def facts(found: Evidence) -> dict[str, Any]:
    """What stands in `facts.json`: the node's words about the files beside it."""
    made: dict[str, Any] = {
        "document_digest": found.digest.hex(),
        "index": found.index,
        # Nothing was timed before the log's first tick.
        "legal_time": found.tick or None,
        "leaf_hash": found.leaf.hex(),
        "cooperative": {"id": found.cooperative, "name": found.name},
        "log": {"origin": found.origin, "verifier_key": found.vkey},
    }
    if found.type is not None:
        made["type"] = found.type
        made["title"] = {locale: wording.title(found.type, locale) for locale in wording.LOCALES}
    if found.signer is not None:
        made["signer"] = {
            "account": found.signer.account,
            "key": found.signer.kid.hex(),
            "key_today": found.signer.status,
        }
    if found.result is not None:
        made["decision"] = result_facts(found.result)
    return made


def result_facts(result: Result) -> dict[str, Any]:
    in_favour, against, abstain = result.counts
    return {
        "number": result.number,
        "kind": result.kind,
        "outcome": result.outcome,
        "round": result.round,
        "counts": {"for": in_favour, "against": against, "abstain": abstain},
        "result_digest": result.result.hex(),
        "matter": result.matter,
    }


def archive(found: Evidence) -> bytes:
    """A `.zip` that verifies with tools of others. The same bytes for the same document and checkpoint."""
    files: dict[str, bytes] = {}
    if found.statement is not None:
        statement = documents.parse(found.statement)
        files["statement.cose"] = found.statement
        files["signed.bin"] = statement.sig_structure
        files["signature.bin"] = statement.signature
        files["signer.der"] = _SPKI + statement.kid
    if found.proof is not None:
        files["document.tlog-proof"] = found.proof.encode()
    files["log.vkey"] = f"{found.vkey}\n".encode()
    files["facts.json"] = json.dumps(facts(found), ensure_ascii=False, indent=2).encode() + b"\n"
    folder = resources.files("coopnode").joinpath("evidence_files")
    for name in ("README.ru.txt", "README.en.txt", "check.py"):
        files[name] = folder.joinpath(name).read_bytes()
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in files.items():
            info = zipfile.ZipInfo(f"coopnode-{found.digest.hex()[:16]}/{name}", (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            made.writestr(info, data)
    return out.getvalue()
