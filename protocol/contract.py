"""The contract kernel: what a contract sees, what it answers, and how answers become state (SPEC §9.2).

A contract is a module of `protocol.contracts` with

    DOMAIN: str                                     the name of its part of the state
    STATE: Mapping[str, type[Record]]               kinds of records it keeps, by kind
    TYPES: tuple[DocumentType, ...]                 the statements it decides on
    decide(view, statement, context) -> Changes | Rejection
    due(view, deadline, context) -> Changes         a deadline of its own has passed
    react(view, effect, context) -> Changes | Rejection       another domain's effect, same index

What passes between kernel and contracts are frozen msgspec Structs, not dataclasses: a replay makes a dozen
for each entry, and a Struct is made five times as fast.

All are pure: ids, index and time come in the context; facts of other domains come through `Context.facts`, so
that contracts never
import each other. A contract writes its own domain only; the kernel refuses anything else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeVar, cast

import msgspec

from protocol.documents import Statement
from protocol.encoding import Value


class Record(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of everything kept in state: a frozen value with a canonical CBOR form (unset fields are left
    out)."""


class Payload(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """Base of the typed payloads. The fields `type` and `private` are the envelope's and are taken off before
    conversion."""


class Money(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Integer minor units (kopecks) and an ISO 4217 code (SPEC §1)."""

    amount: int
    currency: str


R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class PrivateField:
    """One committed field. `readers` are roles inside the cooperative: self, chair, secretary, accountant,
    council, member."""

    name: str
    readers: tuple[str, ...]
    required: bool = True
    format: Literal["text", "multiline", "date", "email", "phone", "digits", "file"] = "text"


@dataclass(frozen=True, slots=True)
class DocumentType:
    """One row of the registry (SPEC §11). Words for people stand in `protocol/wording.json`."""

    name: str
    payload: type[Payload]
    signer: Literal["person", "node", "founder"] = "person"
    log: Literal["home", "cooperative", "ano", "any"] = "cooperative"
    private: tuple[PrivateField, ...] = ()
    public: bool = False
    seen: bool = False
    fresh: bool = False
    token: bool = False
    number: int | None = None
    status: Literal["active", "reserved"] = "active"
    #: Allowed before the cooperative is constituted (SPEC §8.4).
    founding: bool = False

    @property
    def domain(self) -> str:
        return self.name.partition(".")[0]


class Write(msgspec.Struct, frozen=True):
    """`kind` and `id` name a record inside the writing domain; `value` None deletes it."""

    kind: str
    id: str
    value: Record | None


class Deadline(msgspec.Struct, frozen=True):
    """`due` of the owning contract is called on the first tick later than `time` (seconds)."""

    time: int
    kind: str
    id: str


class DeadlineMark(Record, frozen=True):
    """Value of a pending deadline in the kernel's own domain `deadline`; what it says stands in its key
    (`protocol.state.deadline_key`)."""


class Effect(msgspec.Struct, frozen=True):
    """What another domain must know at the same index. `name` stands in the registry's table, `data` is that
    effect's Record."""

    name: str
    data: Record


class Changes(msgspec.Struct, frozen=True):
    writes: tuple[Write, ...] = ()
    effects: tuple[Effect, ...] = ()
    set_deadlines: tuple[Deadline, ...] = ()
    clear_deadlines: tuple[Deadline, ...] = ()


class Rejection(msgspec.Struct, frozen=True):
    """Stable `code` (documented in docs/errors.md, worded in protocol/wording.json), `at` the field at fault,
    facts for the sentence."""

    code: str
    at: str | None = None
    facts: Mapping[str, Value] = msgspec.field(default_factory=dict)


class State(Protocol):
    """The whole state, read only."""

    def get(self, domain: str, key: str) -> Record | None: ...

    def scan(self, domain: str, start: str, stop: str) -> Iterator[tuple[str, Record]]:
        """Records with start ≤ key < stop, ascending."""
        ...


class View(msgspec.Struct, frozen=True):
    """What one contract sees: its own domain."""

    state: State
    domain: str

    def get(self, kind: str, id: str, type: type[R]) -> R | None:
        return self.state.get(self.domain, f"{kind}/{id}")  # type: ignore[return-value]

    def need(self, kind: str, id: str, type: type[R]) -> R:
        """For records the contract's own invariants promise."""
        found = self.get(kind, id, type)
        if found is None:
            raise KeyError(f"{self.domain} {kind}/{id}")
        return found

    def scan(self, kind: str, prefix: str, type: type[R]) -> Iterator[tuple[str, R]]:
        """Records of a kind whose id begins with `prefix`, ascending by id. Only for small sets (seats,
        ballots of one matter)."""
        start = f"{kind}/{prefix}"
        for key, value in self.state.scan(self.domain, start, start + "\U0010ffff"):
            yield key[len(kind) + 1 :], cast(R, value)


class RecordCase(msgspec.Struct, frozen=True):
    """What a private record is about, as far as its erasure goes. `ended_at` is None while it goes on, and
    for good once it has led to membership; `subject` is the account it is about, when there is one."""

    kind: Literal["application", "enrolment"]
    ended_at: int | None
    subject: str | None = None


class Facts(Protocol):
    """What contracts may know of other domains. Built by the registry over the state before the statement."""

    def parameter(self, key: str) -> Any:
        """Value in force: the charter's, else the pack's. KeyError for a key no pack knows is a programming
        error."""
        ...

    def constituted(self) -> bool: ...

    def founding_vote_open(self) -> bool:
        """Founders are voting on the charter, or have adopted it and its minutes are due."""
        ...

    def founder(self) -> str:
        """Account id of the person who signed the cooperative's genesis."""
        ...

    def genesis_kind(self) -> Literal["new", "existing"]: ...

    def visibility(self) -> Literal["entitled", "public"]: ...

    def log_key(self) -> bytes: ...

    def pack_digest(self) -> bytes: ...

    def charter_digest(self) -> bytes | None:
        """Document digest of the charter in force, or of the draft while founding."""
        ...

    def reserved_matters(self) -> tuple[str, ...]: ...

    def required_agreements(self) -> tuple[str, ...]:
        """Kinds a person signs before applying, from the pack."""
        ...

    def edition(self, kind: str) -> bytes | None:
        """Document digest of the `cooperative.agreement/1` in force of this kind."""
        ...

    def has_signed(self, account: str, kind: str) -> bool:
        """The person signed the edition in force."""
        ...

    def has_consent(self, account: str, purpose: str) -> bool: ...

    def knows_account(self, account: str) -> bool: ...

    def key_active(self, account: str, kid: bytes) -> bool: ...

    def knows_key(self, kid: bytes) -> bool:
        """It is or was a key of some account."""
        ...

    def is_member(self, account: str) -> bool: ...

    def roles(self, account: str) -> frozenset[str]:
        """Offices held now: chair, secretary, accountant, council."""
        ...

    def chair(self) -> str | None: ...

    def adopted(self, approval: bytes) -> tuple[str, tuple[bytes, ...]] | None:
        """Kind and references of the council's matter that the `council.approve/1` of this digest adopted."""
        ...

    def record_case(self, document: bytes) -> RecordCase | None:
        """The application or enrolment that a document of this digest is about."""
        ...

    def council(self) -> tuple[str, ...]:
        """Accounts with a vote in the council now, ascending."""
        ...


class Context(msgspec.Struct, frozen=True):
    cooperative: str
    generation: int
    index: int
    #: legal time of this index, seconds (SPEC §7.2)
    tick: int
    facts: Facts
    #: the statement is signed by a key that its `iss` has lent to the council's robot (SPEC §8.2.1)
    robot: bool = False


class Contract(Protocol):
    DOMAIN: str
    STATE: Mapping[str, type[Record]]
    TYPES: tuple[DocumentType, ...]

    def decide(self, view: View, statement: Statement, context: Context) -> Changes | Rejection: ...

    def due(self, view: View, deadline: Deadline, context: Context) -> Changes: ...

    def react(self, view: View, effect: Effect, context: Context) -> Changes | Rejection: ...
