"""The registry: which documents exist, which contract decides on them, which effect reaches whom (SPEC §11).

Everything here is a table built once at import. `typed` gives a statement its payload as a Struct;
`StateFacts` answers what one domain may
ask about another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from itertools import islice
from typing import Any, Final, Literal, Protocol, get_args, get_origin, get_type_hints

import msgspec

from protocol import encoding, methodology
from protocol.contract import (
    Changes,
    Context,
    Deadline,
    DeadlineMark,
    DocumentType,
    Effect,
    Payload,
    Record,
    RecordCase,
    Rejection,
    State,
    View,
)
from protocol.contracts import (
    accounts,
    agreements,
    consents,
    continuation,
    cooperative,
    council,
    founding,
    membership,
    vault,
)
from protocol.documents import SAID_OFTEN, Statement
from protocol.effects import ROUTES
from protocol.errors import StatementError

#: More bytes than any record has: entries, of which they are made, are far smaller.
MAX_RECORD: Final = 2**24
#: Records of a state that are written at once.
_TOGETHER: Final = 256


class ContractModule(Protocol):
    """A contract as the kernel uses it (see `protocol.contract`)."""

    @property
    def DOMAIN(self) -> str: ...

    @property
    def STATE(self) -> Mapping[str, type[Record]]: ...

    @property
    def TYPES(self) -> tuple[DocumentType, ...]: ...

    def decide(self, view: View, statement: Statement, context: Context, /) -> Changes | Rejection: ...

    def due(self, view: View, deadline: Deadline, context: Context, /) -> Changes: ...

    def react(self, view: View, effect: Effect, context: Context, /) -> Changes | Rejection: ...


_MODULES: tuple[ContractModule, ...] = (
    accounts,
    cooperative,
    agreements,
    consents,
    membership,
    council,
    founding,
    vault,
    continuation,
)

CONTRACTS: Mapping[str, ContractModule] = {module.DOMAIN: module for module in _MODULES}

_OWNED: tuple[tuple[ContractModule, DocumentType], ...] = (
    *((module, kind) for module in _MODULES for kind in module.TYPES),
    *((cooperative, kind) for kind in cooperative.NODE_TYPES),
)

#: Which rules this program knows (protocol/SPEC.md).
RULESET: Final = 0

TYPES: Mapping[str, DocumentType] = {kind.name: kind for _, kind in _OWNED}
CONTRACT_OF: Mapping[str, ContractModule] = {kind.name: module for module, kind in _OWNED}

#: Names kept for later parts, so that no other meaning is given to them (SPEC §6.5, §9.6).
RESERVED = (
    "log.reinstate/1",
    "membership.succession/1",
    "node.anchored/1",
    "node.late/1",
    "protocol.upgrade/1",
)

#: Who reacts to what, at the same index, in this order. A test keeps it free of cycles.
EFFECTS: Mapping[str, tuple[ContractModule, ...]] = {
    name: tuple(CONTRACTS[domain] for domain in route.reactors) for name, route in ROUTES.items()
}

_STATE: Mapping[tuple[str, str], type[Record]] = {
    (module.DOMAIN, kind): record for module in _MODULES for kind, record in module.STATE.items()
}


def typed(statement: Statement) -> Statement:
    """The statement with `body`. Raises StatementError: unknown_type, invalid_field, private_missing,
    private_unexpected."""
    data = statement.payload_bytes
    body = _BODIES.get(data)
    if body is None:
        body = _body(statement)
        if len(data) <= SAID_OFTEN:
            if len(_BODIES) >= _MOST_BODIES:
                _BODIES.clear()
            _BODIES[data] = body
    return statement.with_body(body)


#: Typed payloads by their bytes, which name the type too: see `documents.SAID_OFTEN`.
_BODIES: Final[dict[bytes, Payload]] = {}
_MOST_BODIES: Final = 256


def _body(statement: Statement) -> Payload:
    kind = TYPES.get(statement.type)
    if kind is None:
        raise StatementError("unknown_type", "type")
    fields = statement.payload.copy()
    del fields["type"]
    private = fields.pop("private", None)
    if kind.private and private is None:
        raise StatementError("private_missing", "private")
    if not kind.private and private is not None:
        raise StatementError("private_unexpected", "private")
    try:
        return msgspec.convert(fields, kind.payload, strict=True, builtin_types=(bytes,))
    except msgspec.ValidationError as error:
        raise StatementError("invalid_field", _field(str(error))) from error


def _field(message: str) -> str:
    """msgspec names the place as `$.field`; the wire names the field."""
    _, found, place = message.rpartition(" - at `$.")
    return place.rstrip("`").split(".")[0].split("[")[0] if found else "payload"


class _Plain(msgspec.Struct, frozen=True):
    """How a type of record is written out: which fields are left out when equal to their default, which hold
    records themselves."""

    defaults: tuple[tuple[str, Any], ...]
    inner: tuple[tuple[str, _Plain, bool], ...]

    def strip(self, value: dict[str, Any]) -> None:
        for name, default in self.defaults:
            if value.get(name) == default:
                del value[name]
        for name, plain, many in self.inner:
            held = value.get(name)
            if not held:
                continue
            for item in held if many else (held,):
                plain.strip(item)


def _plain(kind: type[msgspec.Struct]) -> _Plain | None:
    """None when msgspec leaves out all there is to leave out. It knows a default by identity: None, booleans,
    small numbers and what is empty there is one of only, but a text that was read is not the text it equals.
    """
    defaults: list[tuple[str, Any]] = []
    inner: list[tuple[str, _Plain, bool]] = []
    hints = get_type_hints(kind)
    for item in msgspec.structs.fields(kind):
        if kind.__struct_config__.omit_defaults and isinstance(item.default, str | bytes) and item.default:
            defaults.append((item.encode_name, item.default))
        held = _records_in(hints[item.name])
        if held is not None and (plain := _plain(held[0])) is not None:
            inner.append((item.encode_name, plain, held[1]))
    return _Plain(tuple(defaults), tuple(inner)) if defaults or inner else None


def _records_in(hint: Any, many: bool = False) -> tuple[type[msgspec.Struct], bool] | None:
    """The type of record a field holds, and whether it holds a list of them."""
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint, many
    many = many or get_origin(hint) in (list, tuple)
    return next((found for part in get_args(hint) if (found := _records_in(part, many))), None)


_PLAIN: Mapping[type[Record], _Plain] = {
    record: plain for record in _STATE.values() if (plain := _plain(record)) is not None
}


def encode_record(record: Record) -> bytes:
    """Canonical CBOR of a state record."""
    return encoding.encode_unordered(_fields_of(record), limit=MAX_RECORD)


def _fields_of(record: Record) -> dict[str, Any]:
    value: dict[str, Any] = msgspec.to_builtins(record, builtin_types=(bytes,))
    if plain := _PLAIN.get(type(record)):
        plain.strip(value)
    return value


def state_digest(items: Iterable[tuple[str, str, Record]]) -> bytes:
    """`protocol.state.state_digest` of records, ascending by (domain, key). Some hundred are written at once:
    alone, each would take twice as long."""
    sum, rest = sha256(), iter(items)
    while some := list(islice(rest, _TOGETHER)):
        entries = [(domain, key, _fields_of(record)) for domain, key, record in some]
        sum.update(encoding.encode_sequence(entries, limit=_TOGETHER * MAX_RECORD))
    return sum.digest()


def decode_record(domain: str, key: str, data: bytes) -> Record:
    kind = DeadlineMark if domain == "deadline" else _STATE[(domain, key.partition("/")[0])]
    return msgspec.convert(encoding.decode(data, limit=MAX_RECORD), kind, strict=True)


class StateFacts:
    """`protocol.contract.Facts` over a state."""

    __slots__ = ("_state",)

    def __init__(self, state: State) -> None:
        self._state = state

    def _view(self, module: ContractModule) -> View:
        return View(self._state, module.DOMAIN)

    def _cooperative(self) -> cooperative.Cooperative:
        found = cooperative.cooperative(self._view(cooperative))
        if found is None:
            raise KeyError("cooperative")
        return found

    def parameter(self, key: str) -> Any:
        return cooperative.parameter(self._view(cooperative), key)

    def constituted(self) -> bool:
        return founding.constituted(self._view(founding)) or council.constituted(self._view(council))

    def founding_vote_open(self) -> bool:
        return founding.voting(self._view(founding))

    def founder(self) -> str:
        return self._cooperative().founder

    def genesis_kind(self) -> Literal["new", "existing"]:
        return self._cooperative().kind

    def visibility(self) -> Literal["entitled", "public"]:
        return self._cooperative().visibility

    def log_key(self) -> bytes:
        return self._cooperative().log_key

    def pack_digest(self) -> bytes:
        return self._cooperative().pack

    def charter_digest(self) -> bytes | None:
        found = cooperative.charter(self._view(cooperative))
        return found.digest if found else None

    def reserved_matters(self) -> tuple[str, ...]:
        return tuple(self._pack().reserved)

    def required_agreements(self) -> tuple[str, ...]:
        return tuple(self._pack().agreements)

    def _pack(self) -> methodology.Pack:
        return cooperative.pack(self._view(cooperative))

    def edition(self, kind: str) -> bytes | None:
        found = cooperative.agreement(self._view(cooperative), kind)
        return found.digest if found else None

    def has_signed(self, account: str, kind: str) -> bool:
        edition = self.edition(kind)
        return edition is not None and agreements.has_signed(self._view(agreements), account, edition)

    def has_consent(self, account: str, purpose: str) -> bool:
        return consents.has_consent(self._view(consents), account, purpose)

    def knows_account(self, account: str) -> bool:
        return accounts.knows(self._view(accounts), account)

    def key_active(self, account: str, kid: bytes) -> bool:
        """Neither revoked nor stopped, whatever the waiting time."""
        return accounts.key_status(self._view(accounts), account, kid, 2**53) is None

    def knows_key(self, kid: bytes) -> bool:
        return accounts.owner(self._view(accounts), kid) is not None

    def is_member(self, account: str) -> bool:
        return membership.is_member(self._view(membership), account)

    def roles(self, account: str) -> frozenset[str]:
        return council.roles(self._view(council), account)

    def chair(self) -> str | None:
        return council.chair(self._view(council))

    def adopted(self, approval: bytes) -> tuple[str, tuple[bytes, ...]] | None:
        found = council.adopted(self._view(council), approval)
        return (found.kind, found.re) if found else None

    def record_case(self, document: bytes) -> RecordCase | None:
        return membership.record_case(self._view(membership), document)

    def council(self) -> tuple[str, ...]:
        return council.council(self._view(council))
