"""From statements to state: the checks every log makes in the same order (SPEC §4.4, §7.2, §9.2).

`Judge` judges statements one after another. A `Batch` only reads the state and collects what they change; a
node commits that in one transaction. A `Reducer` keeps it in memory at once, as an audit does. Nothing here
reads a clock: time is what the log's own ticks say. Signatures are checked before a statement comes here
(`Judge.offer` trusts them), because that is done in chunks and in processes of their own.
"""

from __future__ import annotations

import heapq
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from typing import Protocol

import msgspec

from protocol import checkpoints, documents, merkle, registry, signatures
from protocol.checkpoints import Checkpoint
from protocol.contract import (
    Changes,
    Context,
    Deadline,
    DeadlineMark,
    DocumentType,
    Effect,
    Record,
    Rejection,
    State,
    View,
)
from protocol.contracts import accounts, continuation, cooperative, council
from protocol.documents import Seen, Statement
from protocol.encoding import Value
from protocol.errors import StatementError
from protocol.identifiers import origin
from protocol.merkle import CompactRange, Levels
from protocol.state import DEADLINES, MemoryState, Overlay, deadline_key

#: `iat` may run ahead of the log's time by this many seconds (SPEC §4.4).
MAX_AHEAD = 300
#: Effects that one statement may set off, all together: the table has no cycles, this bounds mistakes.
MAX_EFFECTS = 2048
GENESIS, PACK, TICK = "cooperative.genesis/1", "cooperative.pack/1", "node.tick/1"
#: How an account comes into a log.
_ARRIVALS = ("account.genesis/1", "account.copy/1")


class History(Protocol):
    """The tree so far, for checking what a signer had seen (P3)."""

    def root_at(self, size: int) -> bytes: ...


class Accepted(msgspec.Struct, frozen=True):
    statement: Statement
    index: int
    #: legal time
    tick: int
    writes: Mapping[tuple[str, str], Record | None]
    effects: tuple[Effect, ...]


class Refused(msgspec.Struct, frozen=True):
    """`at` names the field, `facts` fill the sentence. `known` tells whether a valid key of a known account
    was behind it (P13)."""

    code: str
    at: str | None = None
    facts: Mapping[str, Value] = msgspec.field(default_factory=dict)
    known: bool = True


class Position(msgspec.Struct, frozen=True):
    """Where a log stands. `cooperative` is None before entry 0; `tick` is 0 before the first tick."""

    cooperative: str | None
    generation: int
    size: int
    tick: int


class Head(Position, frozen=True):
    tree: CompactRange

    @classmethod
    def empty(cls, generation: int = 0) -> Head:
        return cls(None, generation, 0, 0, CompactRange())


class SeenAhead(Exception):
    """A `seen` that carries our log key's signature is of a tree we do not have: a larger one, or another
    history. Somebody was shown what we cannot show; writing stops (P3)."""

    def __init__(self, statement: Statement) -> None:
        super().__init__("our log key has signed a tree that is not this one")
        self.statement = statement


class Nonces:
    """(iss, cti) of statements whose `exp` has not passed (P1). Start-up fills it from the entries that are
    still that young."""

    def __init__(self) -> None:
        self._held: dict[tuple[str, bytes], int] = {}
        #: those of one `exp` together: there are as many of these as seconds
        self._by_exp: dict[int, list[tuple[str, bytes]]] = {}
        self._exps: list[int] = []

    def add(self, iss: str, cti: bytes, exp: int) -> None:
        nonce = iss, cti
        self._held[nonce] = exp
        together = self._by_exp.get(exp)
        if together is None:
            self._by_exp[exp] = [nonce]
            heapq.heappush(self._exps, exp)
        else:
            together.append(nonce)

    def forget_before(self, tick: int) -> None:
        while self._exps and self._exps[0] < tick:
            exp = heapq.heappop(self._exps)
            for nonce in self._by_exp.pop(exp):
                if self._held.get(nonce) == exp:
                    del self._held[nonce]

    def holds(self, iss: str, cti: bytes, tick: int) -> bool:
        """Asked with the time, so that it does not matter when the old ones are forgotten."""
        return self._held.get((iss, cti), -1) >= tick


class Judge(ABC):
    """Judges statements in order over one state; what becomes of an accepted one is for `_keep`."""

    def __init__(self, start: Position, state: State, nonces: Nonces, history: History) -> None:
        self._cooperative = start.cooperative
        self._generation = start.generation
        self._size = start.size
        #: legal time
        self._tick = start.tick
        #: the largest tree that `seen` may name
        self._shown = start.size
        self._constituted = False
        #: the statement being judged is signed by a key lent to the council's robot
        self._robot = False
        #: the log waits for the second signature of its continuation; None when not looked at yet
        self._waits: bool | None = None
        self._nonces = nonces
        self._history = history
        self._look_at(state)

    def _look_at(self, state: State) -> None:
        """What the next statement is judged over."""
        self._state = state
        self._facts = registry.StateFacts(state)
        self._views = {domain: View(state, domain) for domain in registry.CONTRACTS}

    @property
    def position(self) -> Position:
        return Position(self._cooperative, self._generation, self._size, self._tick)

    @abstractmethod
    def _keep(self, accepted: Accepted, leaf: bytes, nonce: bool) -> None:
        """Makes the entry visible to the next statement; `nonce` tells whether its nonce is used up."""

    @abstractmethod
    def _root(self) -> bytes:
        """Of all entries accepted so far."""

    def offer(self, statement: Statement, leaf: bytes | None = None) -> Accepted | Refused:
        """Judges one statement whose signature holds; `leaf` is its leaf hash, when known. Raises SeenAhead
        (P3)."""
        try:
            registry.typed(statement)
        except StatementError as error:
            return Refused(error.code, error.field or None, known=self._knows(statement))
        self._robot = False
        kind, own = registry.TYPES[statement.type], statement.is_account_event
        outcome = self._check(statement, kind, own) or self._decide(statement, kind)
        if isinstance(outcome, Accepted):
            self._keep(outcome, leaf or merkle.leaf_hash(statement.raw), not own)
            if statement.type == continuation.TYPE:
                found = self._standing()
                self._generation, self._waits = found.number, found.waits is not None
            return outcome
        if not self._size:
            self._cooperative = None
        known = (isinstance(outcome, Rejection) or outcome.known) and self._knows(statement)
        return Refused(outcome.code, outcome.at, outcome.facts, known)

    # -- checks that need no contract -----------------------------------------------------------------

    def _check(self, statement: Statement, kind: DocumentType, own: bool) -> Refused | None:
        """`own`: it is an event of the account, which is for every log."""
        if self._size < 2:
            return self._check_first(statement)
        if statement.aud != (statement.iss if own else self._cooperative):
            return Refused("wrong_audience", "aud")
        return (
            self._time(statement, own)
            or (None if own else self._nonce(statement))
            or (self._seen(statement) if kind.seen or statement.seen else None)
            or self._authority(statement, kind)
        )

    def _check_first(self, statement: Statement) -> Refused | None:
        """Entry 0 is the genesis, entry 1 the pack, both by the founder's key (SPEC §7.1)."""
        if statement.type != (GENESIS, PACK)[self._size]:
            return Refused("not_founded", "type", known=False)
        if self._size == 0:
            self._cooperative = cooperative.genesis_id(statement)
        if statement.aud != self._cooperative:
            return Refused("wrong_audience", "aud")
        if statement.on_behalf is not None:
            return Refused("no_authority", "for")
        if self._size == 1 and (statement.iss, statement.kid) != self._founder():
            return Refused("unknown_key", "kid")
        return None

    def _founder(self) -> tuple[str, bytes]:
        found = cooperative.cooperative(self._views[cooperative.DOMAIN])
        assert found is not None
        return found.founder, found.founder_key

    def _knows(self, statement: Statement) -> bool:
        """A good key of a known account is behind it: then a refusal is signed (P13)."""
        return self._key_status(statement) is None

    def _key_status(self, statement: Statement) -> str | None:
        view = self._views[accounts.DOMAIN]
        return accounts.key_status(view, statement.iss, statement.kid, self._tick)

    def _time(self, statement: Statement, own: bool) -> Refused | None:
        tick = self._tick
        if statement.type == TICK:
            return None
        if statement.type == continuation.TYPE:
            # Time stood still while the log was lost; the first tick after it moves it on.
            return Refused("expired", "exp", {"tick": tick}) if tick > statement.exp else None
        if tick == 0:
            return Refused("not_founded", "type")
        if own:
            return None
        if statement.iat > tick + MAX_AHEAD:
            return Refused("not_yet_valid", "iat", {"tick": tick})
        if tick > statement.exp:
            return Refused("expired", "exp", {"tick": tick})
        return None

    def _nonce(self, statement: Statement) -> Refused | None:
        if self._nonces.holds(statement.iss, statement.cti, self._tick):
            return Refused("nonce_reused", "cti")
        return None

    def _seen(self, statement: Statement) -> Refused | None:
        seen = statement.seen
        if seen is None:
            return Refused("seen_missing", "seen")
        if seen.generation != self._generation:
            return Refused("seen_fork", "seen")
        ahead = seen.size > self._shown
        if not ahead and self._history.root_at(seen.size) == seen.root:
            return None
        # Anybody can write down a number; only what our own key signed stops the whole cooperative.
        if self._signed_by_us(seen):
            raise SeenAhead(statement)
        return Refused("seen_unknown" if ahead else "seen_fork", "seen", {"size": seen.size})

    def _signed_by_us(self, seen: Seen) -> bool:
        found = cooperative.cooperative(self._views[cooperative.DOMAIN])
        assert found is not None and self._cooperative is not None
        claimed = Checkpoint(origin(self._cooperative, seen.generation), seen.size, seen.root)
        return checkpoints.signed_by(claimed, found.log_key, seen.signature)

    def _authority(self, statement: Statement, kind: DocumentType) -> Refused | None:
        if statement.on_behalf is not None:
            return Refused("no_authority", "for")  # organisations arrive with their contract
        if kind.signer == "node":
            return self._node_authority(statement)
        if kind.signer == "founder":
            return None  # a second genesis or pack: the contract says why not
        if statement.type.startswith("account."):
            return self._genesis_of_founder(statement)  # key history judges its own signatures
        code = self._key_status(statement)
        if code == "unknown_key":
            code = self._robot_status(statement)
            self._robot = code is None
        if code:
            return Refused(
                code, "iss" if code == "unknown_account" else "kid", known=code != "unknown_account"
            )
        return None

    def _robot_status(self, statement: Statement) -> str | None:
        """Not a key of the account: perhaps one that the account has lent to the robot."""
        view = self._views[council.DOMAIN]
        return council.robot_status(view, statement.iss, statement.kid, statement.type, self._tick)

    def _node_authority(self, statement: Statement) -> Refused | None:
        found = cooperative.cooperative(self._views[cooperative.DOMAIN])
        if (
            found is None
            or statement.kid != found.node_key
            or statement.iss != self._cooperative
            or statement.sub != statement.iss
        ):
            return Refused("unknown_key", "kid", known=False)
        if statement.type == TICK and statement.payload["time"] <= self._tick:
            return Refused("tick_not_later", "time", {"tick": self._tick})
        return None

    def _genesis_of_founder(self, statement: Statement) -> Refused | None:
        """The account that signed entry 0 must appear with exactly that key (SPEC §7.1)."""
        if statement.type not in _ARRIVALS:
            return None
        founder, key = self._founder()
        view = self._views[accounts.DOMAIN]
        if (statement.iss == founder) != (statement.kid == key) and not accounts.knows(view, statement.iss):
            return Refused("unknown_key", "kid")
        return None

    # -- contracts ------------------------------------------------------------------------------------

    def _decide(self, statement: Statement, kind: DocumentType) -> Accepted | Rejection:
        type = statement.type
        context = Context(
            self._cooperative or "", self._generation, self._size, self._tick, self._facts, self._robot
        )
        if not (self._constituted or kind.founding or self._is_constituted()):
            return Rejection("not_constituted", "type")
        if type == continuation.TYPE:
            if not self._waiting() and not self._stands_here(statement):
                return Rejection("wrong_tree", "root")
        elif self._waiting():
            return Rejection("not_continued", "type")
        contract = registry.CONTRACT_OF[type]
        changes = contract.decide(self._views[contract.DOMAIN], statement, context)
        if isinstance(changes, Rejection):
            return changes
        writes: dict[tuple[str, str], Record | None] = {}
        _write(contract, changes, writes)
        effects: tuple[Effect, ...] = ()
        if changes.effects or type == TICK:
            overlay = Overlay(self._state, writes)
            carried = self._carry_out(changes, overlay)
            if isinstance(carried, Rejection):
                return carried
            effects = carried
            if type == TICK:
                effects += self._pass_time(statement.payload["time"], overlay)
        return Accepted(statement, self._size, self._tick, writes, effects)

    def _waiting(self) -> bool:
        if self._waits is None:
            self._waits = self._standing().waits is not None
        return self._waits

    def _standing(self) -> continuation.Generation:
        return continuation.standing(self._views[continuation.DOMAIN])

    def _stands_here(self, statement: Statement) -> bool:
        """A continuation names the tree before it (P18)."""
        body = statement.payload
        size = self._size
        return size > 2 and body["size"] == size and body["root"] == self._root()

    def _is_constituted(self) -> bool:
        # Once and for all: no contract takes it back.
        self._constituted = self._facts.constituted()
        return self._constituted

    def _carry_out(self, changes: Changes, overlay: Overlay) -> tuple[Effect, ...] | Rejection:
        """Breadth first, what written changes set off in other domains."""
        done: list[Effect] = []
        waiting = deque(changes.effects)
        while waiting:
            effect = waiting.popleft()
            done.append(effect)
            if len(done) > MAX_EFFECTS:
                raise RuntimeError(f"more than {MAX_EFFECTS} effects of one statement")
            for other in registry.EFFECTS[effect.name]:
                outcome = other.react(View(overlay, other.DOMAIN), effect, self._context(overlay))
                if isinstance(outcome, Rejection):
                    return outcome
                _write(other, outcome, overlay.writes)
                waiting.extend(outcome.effects)
        return tuple(done)

    def _context(self, overlay: Overlay) -> Context:
        facts = registry.StateFacts(overlay)
        return Context(self._cooperative or "", self._generation, self._size, self._tick, facts)

    def _pass_time(self, time: int, overlay: Overlay) -> tuple[Effect, ...]:
        """Deadlines before `time` fall due in order of (time, domain, kind, id) (SPEC §7.2)."""
        self._tick = time
        effects: list[Effect] = []
        for found in list(overlay.scan(DEADLINES, "", f"{time:012d}")):
            key = found[0]
            overlay.writes[(DEADLINES, key)] = None
            when, domain, kind, id = key.split("/", 3)
            contract = registry.CONTRACTS[domain]
            changes = contract.due(
                View(overlay, domain), Deadline(int(when), kind, id), self._context(overlay)
            )
            _write(contract, changes, overlay.writes)
            carried = self._carry_out(changes, overlay)
            if isinstance(carried, Rejection):
                raise RuntimeError(f"an effect of deadline {key} was rejected: {carried.code}")
            effects.extend(carried)
        return tuple(effects)


class Batch(Judge):
    """Statements judged over a state that is only read, and collected: a node commits them together."""

    def __init__(self, head: Head, state: State, nonces: Nonces, history: History) -> None:
        super().__init__(head, state, nonces, history)
        self._tree = head.tree.copy()
        self._overlay = Overlay(state)
        self._new_nonces: dict[tuple[str, bytes], int] = {}
        self.accepted: list[Accepted] = []
        self.leaf_hashes: list[bytes] = []

    @property
    def writes(self) -> Mapping[tuple[str, str], Record | None]:
        return self._overlay.writes

    @property
    def head(self) -> Head:
        return Head(self._cooperative, self._generation, self._size, self._tick, self._tree)

    def commit_nonces(self) -> None:
        """To be called once the batch is durable."""
        for (iss, cti), exp in self._new_nonces.items():
            self._nonces.add(iss, cti, exp)
        self._nonces.forget_before(self._tick)

    def _nonce(self, statement: Statement) -> Refused | None:
        if self._new_nonces.get((statement.iss, statement.cti), -1) >= self._tick:
            return Refused("nonce_reused", "cti")
        return super()._nonce(statement)

    def _keep(self, accepted: Accepted, leaf: bytes, nonce: bool) -> None:
        statement = accepted.statement
        self._tree.append(leaf)
        self.leaf_hashes.append(leaf)
        self.accepted.append(accepted)
        self._size += 1
        if accepted.writes:
            if not self._overlay.writes:
                self._look_at(self._overlay)
            self._overlay.writes.update(accepted.writes)
        if nonce:
            self._new_nonces[statement.iss, statement.cti] = statement.exp

    def _root(self) -> bytes:
        return self._tree.root()


class Reducer(Judge):
    """Statements judged and kept one by one, as a replay does it: in memory nothing can fail between the two,
    and `seen` may name any earlier head, wherever the node cut its batches. The tree is `history`'s."""

    def __init__(self, state: MemoryState, history: History) -> None:
        super().__init__(Position(None, 0, 0, 0), state, Nonces(), history)
        self._memory = state

    def _keep(self, accepted: Accepted, leaf: bytes, nonce: bool) -> None:
        statement = accepted.statement
        self._memory.apply(accepted.writes)
        self._size += 1
        self._shown = self._size
        if nonce:
            self._nonces.add(statement.iss, statement.cti, statement.exp)
        if statement.type == TICK:
            self._nonces.forget_before(self._tick)

    def _root(self) -> bytes:
        return self._history.root_at(self._size)


def _write(
    contract: registry.ContractModule, changes: Changes, writes: dict[tuple[str, str], Record | None]
) -> None:
    domain, kinds = contract.DOMAIN, contract.STATE
    for write in changes.writes:
        kind, value = write.kind, write.value
        if value is not None and type(value) is not kinds.get(kind):
            raise TypeError(f"{domain} keeps no {type(value).__name__} as {kind}")
        writes[domain, f"{kind}/{write.id}"] = value
    for deadline in changes.clear_deadlines:
        writes[DEADLINES, deadline_key(domain, deadline)] = None
    for deadline in changes.set_deadlines:
        writes[DEADLINES, deadline_key(domain, deadline)] = DeadlineMark()


class Replica:
    """A whole log in memory, rebuilt from its entries: what an audit trusts instead of the node."""

    def __init__(self, generation: int = 0) -> None:
        self.state = MemoryState()
        self.head = Head.empty(generation)
        self.nonces = Nonces()
        self.tree = Levels()

    def root_at(self, size: int) -> bytes:
        return self.tree.root_at(size)

    def append(self, raw: bytes, *, verified: bool = False) -> Accepted | Refused:
        """The next entry. `verified` skips the signature check when the caller has made it already."""
        try:
            statement = documents.parse(raw)
        except StatementError as error:
            return Refused(error.code, error.field or None, known=False)
        if not verified and not signatures.verify(
            statement.kid, statement.sig_structure, statement.signature
        ):
            return Refused("bad_signature", "signature", known=False)
        return self.append_statement(statement)

    def append_statement(self, statement: Statement) -> Accepted | Refused:
        batch = Batch(self.head, self.state, self.nonces, self)
        outcome = batch.offer(statement)
        if isinstance(outcome, Accepted):
            batch.commit_nonces()
            self.state.apply(batch.writes)
            self.tree.extend(batch.leaf_hashes)
            self.head = batch.head
        return outcome

    def digest(self) -> bytes:
        return registry.state_digest(self.state.items())
