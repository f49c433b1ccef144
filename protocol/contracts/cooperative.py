"""The cooperative itself: genesis, methodology pack, charter, texts to sign, and the node's own statements
(SPEC §7, P12).

Owns the domains `cooperative` and `node`: the node's statements are about this log and touch no person's
rights.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from protocol import documents, encoding, methodology, signatures
from protocol.acts import Seconds, Word
from protocol.contract import (
    Changes,
    Context,
    Deadline,
    DocumentType,
    Effect,
    Payload,
    Record,
    Rejection,
    View,
    Write,
)
from protocol.documents import Statement
from protocol.effects import FoundingConstituted
from protocol.errors import ProtocolError
from protocol.identifiers import identifier, parse_identifier
from protocol.keys import PublicKey, check_public_key

DOMAIN = "cooperative"

_SELF = "self"
MAX_FOUNDERS = 64


class Registration(Payload, frozen=True):
    inn: str | None = None
    ogrn: str | None = None


class GenesisMap(Payload, frozen=True):
    """The map whose digest is the cooperative id."""

    name: str
    kind: Literal["new", "existing"]
    country: str
    public_url: str
    signing_url: str
    log_key: PublicKey
    node_key: PublicKey
    founders: list[bytes]
    visibility: Literal["entitled", "public"]
    pack: bytes
    nonce: bytes
    registration: Registration = Registration()


class CooperativeGenesis(Payload, frozen=True):
    genesis: GenesisMap
    #: possession of log key and node key, in this order
    proofs: list[bytes]


class CooperativePack(Payload, frozen=True):
    name: str
    version: int
    content: bytes = msgspec.field(name="bytes")


class Basis(Payload, frozen=True):
    """What the charter or an appointment rests on: the organ that decided, its date and, when on paper, the
    digest of its minutes."""

    organ: Literal["founding_meeting", "general_meeting", "council"]
    number: str | None = None
    date: str | None = None
    minutes: bytes | None = None


class CooperativeCharter(Payload, frozen=True):
    title: str
    blob: bytes
    parameters: dict[str, Any]
    basis: Basis


class CooperativeAgreement(Payload, frozen=True):
    kind: Word
    edition: int
    title: str
    blob: bytes


class NodeTick(Payload, frozen=True):
    time: Seconds


class NodeAssets(Payload, frozen=True):
    version: str
    files: dict[str, bytes]


class NodeKeys(Payload, frozen=True):
    log_key: PublicKey
    node_key: PublicKey
    #: document digest of the `council.approve/1` that adopted just these keys
    decision: bytes
    #: possession of log key and node key, in this order, each over the decision
    proofs: list[bytes]


class Cooperative(Record, frozen=True):
    name: str
    kind: Literal["new", "existing"]
    country: str
    public_url: str
    signing_url: str
    log_key: bytes
    node_key: bytes
    visibility: Literal["entitled", "public"]
    pack: bytes
    founder: str
    founder_key: bytes
    inn: str | None = None
    ogrn: str | None = None


class PackInForce(Record, frozen=True):
    digest: bytes
    content: bytes


class Charter(Record, frozen=True):
    digest: bytes
    title: str
    blob: bytes
    parameters: dict[str, Any]
    in_force: bool


class Agreement(Record, frozen=True):
    digest: bytes
    kind: str
    edition: int
    title: str
    blob: bytes


class Assets(Record, frozen=True):
    version: str
    files: dict[str, bytes]
    #: document digest of the `node.assets/1`
    digest: bytes
    index: int


class FormerKey(Record, frozen=True):
    """By kid in hexadecimal: a key of the node that was replaced, and by which `node.keys/1`."""

    by: bytes


STATE: Mapping[str, type[Record]] = {
    "cooperative": Cooperative,
    "pack": PackInForce,
    "charter": Charter,
    "agreement": Agreement,
    "assets": Assets,
    "former": FormerKey,
}

TYPES = (
    DocumentType("cooperative.genesis/1", CooperativeGenesis, signer="founder", public=True, founding=True),
    DocumentType("cooperative.pack/1", CooperativePack, signer="founder", public=True, founding=True),
    DocumentType("cooperative.charter/1", CooperativeCharter, public=True, founding=True),
    DocumentType("cooperative.agreement/1", CooperativeAgreement, public=True, founding=True),
)
NODE_TYPES = (
    DocumentType("node.tick/1", NodeTick, signer="node", public=True, founding=True),
    DocumentType("node.assets/1", NodeAssets, signer="node", public=True, founding=True),
    DocumentType("node.keys/1", NodeKeys, public=True),
)


# --- what others may ask ------------------------------------------------------------------------------------
# ---------------------------


def cooperative(view: View) -> Cooperative | None:
    return view.get("cooperative", _SELF, Cooperative)


def pack(view: View) -> methodology.Pack:
    return methodology.decode(view.need("pack", _SELF, PackInForce).content)


def has_pack(view: View) -> bool:
    """False until the second statement of a log."""
    return view.get("pack", _SELF, PackInForce) is not None


def charter(view: View) -> Charter | None:
    return view.get("charter", _SELF, Charter)


def agreement(view: View, kind: str) -> Agreement | None:
    return view.get("agreement", kind, Agreement)


def assets(view: View) -> Assets | None:
    return view.get("assets", _SELF, Assets)


def parameter(view: View, key: str) -> Any:
    """Value in force (SPEC §7.3). A draft charter already binds the founding that adopts it."""
    found = charter(view)
    return methodology.value(pack(view), found.parameters if found else {}, key)


# --- deciding -----------------------------------------------------------------------------------------------
# ---------------------------


def decide(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    handler = _HANDLERS[statement.type]
    if statement.sub != context.cooperative:
        return Rejection("wrong_subject", "sub")
    return handler(view, statement, context)


def due(view: View, deadline: Deadline, context: Context) -> Changes:
    raise KeyError(deadline.kind)


def react(view: View, effect: Effect, context: Context) -> Changes | Rejection:
    """The founding meeting puts the draft charter in force."""
    assert isinstance(effect.data, FoundingConstituted)
    draft = charter(view)
    if draft is None or draft.digest != effect.data.charter:
        return Rejection("charter_outdated", "charter")
    adopted = Charter(draft.digest, draft.title, draft.blob, draft.parameters, True)
    return Changes((Write("charter", _SELF, adopted),))


def genesis_id(statement: Statement) -> str:
    """Cooperative id named by a `cooperative.genesis/1`."""
    return identifier(hashlib.sha256(encoding.encode(statement.payload["genesis"])).digest())


def _genesis(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: CooperativeGenesis = statement.body
    genesis = body.genesis
    if context.index != 0 or cooperative(view) is not None:
        return Rejection("already_founded")
    if genesis_id(statement) != context.cooperative:
        return Rejection("wrong_cooperative_id", "sub")
    try:
        parse_identifier(statement.iss)
    except ProtocolError:
        return Rejection("invalid_field", "iss")
    if not 1 <= len(genesis.founders) <= MAX_FOUNDERS or statement.kid not in genesis.founders:
        return Rejection("unknown_key", "founders")
    if len(genesis.nonce) != 16 or len(genesis.pack) != 32 or not genesis.name.strip():
        return Rejection("invalid_field", "genesis")
    if genesis.log_key.pub == genesis.node_key.pub:
        return Rejection("invalid_key", "node_key")
    for scope, key, proof in zip(
        ("log", "node"), (genesis.log_key, genesis.node_key), body.proofs, strict=False
    ):
        refused = _held(key, scope, proof, context.cooperative)
        if refused:
            return refused
    if len(body.proofs) != 2:
        return Rejection("invalid_field", "proofs")
    record = Cooperative(
        name=genesis.name,
        kind=genesis.kind,
        country=genesis.country,
        public_url=genesis.public_url,
        signing_url=genesis.signing_url,
        log_key=genesis.log_key.pub,
        node_key=genesis.node_key.pub,
        visibility=genesis.visibility,
        pack=genesis.pack,
        founder=statement.iss,
        founder_key=statement.kid,
        inn=genesis.registration.inn,
        ogrn=genesis.registration.ogrn,
    )
    return Changes((Write("cooperative", _SELF, record),))


def _held(
    key: PublicKey, scope: str, proof: bytes, cooperative_id: str, previous: bytes = bytes(32)
) -> Rejection | None:
    try:
        check_public_key(key)
    except ProtocolError:
        return Rejection("invalid_key", f"{scope}_key")
    if key.scope != scope:
        return Rejection("invalid_key", f"{scope}_key")
    if not signatures.verify(key.pub, documents.possession(key.pub, cooperative_id, 0, previous), proof):
        return Rejection("no_possession", "proofs")
    return None


def _pack(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: CooperativePack = statement.body
    found = view.need("cooperative", _SELF, Cooperative)
    digest = methodology.digest(body.content)
    if context.index != 1:
        return Rejection("exclusive_competence", "bytes", {"way": "agenda"})
    if digest != found.pack:
        return Rejection("wrong_pack", "bytes")
    try:
        decoded = methodology.decode(body.content)
    except ProtocolError:
        return Rejection("invalid_field", "bytes")
    if (decoded.name, decoded.version) != (body.name, body.version):
        return Rejection("invalid_field", "name")
    if key := methodology.unfit(decoded):
        return Rejection("invalid_field", "bytes", {"key": key})
    return Changes((Write("pack", _SELF, PackInForce(digest, body.content)),))


def _charter(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """The founder writes it until the cooperative is constituted; afterwards only the general meeting changes
    it (R129)."""
    body: CooperativeCharter = statement.body
    if context.facts.constituted():
        return Rejection("exclusive_competence", "parameters", {"way": "agenda"})
    if statement.iss != context.facts.founder():
        return Rejection("not_allowed", "iss", {"role": "founder"})
    if context.facts.founding_vote_open():
        return Rejection("voting_open", "parameters")  # its numbers would change under the voters' hands
    if len(body.blob) != 32:
        return Rejection("invalid_field", "blob")
    for finding in methodology.check_charter(pack(view), body.parameters):
        if finding.severity == "error":
            return Rejection("parameter_refused", finding.key, {"reason": finding.code})
    existing = context.facts.genesis_kind() == "existing"
    return Changes(
        (
            Write(
                "charter", _SELF, Charter(statement.digest, body.title, body.blob, body.parameters, existing)
            ),
        )
    )


def _agreement(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: CooperativeAgreement = statement.body
    roles = context.facts.roles(statement.iss)
    drafting = not context.facts.constituted() and statement.iss == context.facts.founder()
    if not drafting and not roles & {"chair", "secretary"}:
        return Rejection("not_allowed", "iss", {"role": "secretary"})
    if drafting and context.facts.founding_vote_open():
        return Rejection("voting_open", "kind")  # who votes has signed the texts as they stand
    if len(body.blob) != 32 or not body.title.strip():
        return Rejection("invalid_field", "blob")
    before = agreement(view, body.kind)
    expected = before.edition + 1 if before else 1
    if body.edition != expected:
        return Rejection("wrong_edition", "edition", {"expected": expected})
    record = Agreement(statement.digest, body.kind, body.edition, body.title, body.blob)
    return Changes((Write("agreement", body.kind, record),))


def _tick(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """Time itself is kept by the kernel (`protocol.log`), which refuses a tick that does not grow."""
    return Changes()


def _assets(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    body: NodeAssets = statement.body
    if any(len(digest) != 32 for digest in body.files.values()):
        return Rejection("invalid_field", "files")
    return Changes(
        (Write("assets", _SELF, Assets(body.version, body.files, statement.digest, context.index)),)
    )


def keys_digest(log_key: PublicKey, node_key: PublicKey) -> bytes:
    """What the council's matter of kind `node_keys` names, so that it decides on these keys and no others."""
    keys = {
        name: {"alg": key.alg, "pub": key.pub, "scope": key.scope}
        for name, key in (("log_key", log_key), ("node_key", node_key))
    }
    return hashlib.sha256(encoding.encode(keys)).digest()


def _keys(view: View, statement: Statement, context: Context) -> Changes | Rejection:
    """The council decided, the chair signs (P12): never the old key alone, so that who stole it cannot keep
    the node."""
    body: NodeKeys = statement.body
    if statement.iss != context.facts.chair():
        return Rejection("not_allowed", "iss", {"role": "chair"})
    named = keys_digest(body.log_key, body.node_key)
    if context.facts.adopted(body.decision) != ("node_keys", (named,)):
        return Rejection("not_decided", "decision")
    found = view.need("cooperative", _SELF, Cooperative)
    if body.log_key.pub != found.log_key:
        return Rejection("log_key_fixed", "log_key")  # until proofs and audits follow a change of it
    if len(body.proofs) != 2:
        return Rejection("invalid_field", "proofs")
    for scope, key, proof in zip(("log", "node"), (body.log_key, body.node_key), body.proofs, strict=True):
        if refused := _held(key, scope, proof, context.cooperative, body.decision):
            return refused
    new = body.node_key.pub
    if new in (found.node_key, found.log_key) or view.get("former", new.hex(), FormerKey) is not None:
        return Rejection("key_taken", "node_key")
    return Changes(
        (
            Write("cooperative", _SELF, msgspec.structs.replace(found, node_key=new)),
            Write("former", found.node_key.hex(), FormerKey(statement.digest)),
        )
    )


_HANDLERS = {
    "node.keys/1": _keys,
    "cooperative.genesis/1": _genesis,
    "cooperative.pack/1": _pack,
    "cooperative.charter/1": _charter,
    "cooperative.agreement/1": _agreement,
    "node.tick/1": _tick,
    "node.assets/1": _assets,
}
