"""From statements to state: the checks every log makes in the same order (SPEC §4.4, §7.2, §9.2).

`Batch` judges statements one after another over a state it only reads, and collects what they change; a node
commits the result in one transaction, an audit keeps it in memory (`Replica`). Nothing here reads a clock:
time is what the log's own ticks say. Signatures are checked before a statement comes here (`Batch.offer`
trusts them), because that is done in chunks and in threads.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Mapping
from typing import Protocol

import msgspec

from protocol import checkpoints, documents, merkle, registry, signatures
from protocol.checkpoints import Checkpoint
from protocol.contract import Changes, Context, Deadline, DeadlineMark, Effect, Record, Rejection, State, View
from protocol.contracts import accounts, continuation, cooperative, council
from protocol.documents import Seen, Statement
from protocol.encoding import Value
from protocol.errors import StatementError
from protocol.identifiers import origin
from protocol.merkle import CompactRange, Levels
from protocol.state import DEADLINES, MemoryState, Overlay, deadline_key, state_digest

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


class Head(msgspec.Struct, frozen=True):
    """Where a log stands. `cooperative` is None before entry 0; `tick` is 0 before the first tick."""

    cooperative: str | None
    generation: int
    size: int
    tick: int
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
        self._by_exp: list[tuple[int, str, bytes]] = []

    def add(self, iss: str, cti: bytes, exp: int) -> None:
        self._held[iss, cti] = exp
        heapq.heappush(self._by_exp, (exp, iss, cti))

    def forget_before(self, tick: int) -> None:
        while self._by_exp and self._by_exp[0][0] < tick:
            exp, iss, cti = heapq.heappop(self._by_exp)
            if self._held.get((iss, cti)) == exp:
                del self._held[iss, cti]

    def holds(self, iss: str, cti: bytes, tick: int) -> bool:
        """Asked with the time, so that it does not matter when the old ones are forgotten."""
        return self._held.get((iss, cti), -1) >= tick


class Batch:
    """Statements judged in order over one state; what was accepted so far is visible to the next one."""

    def __init__(self, head: Head, state: State, nonces: Nonces, history: History) -> None:
        self._base = head
        self._cooperative = head.cooperative
        self._tick = head.tick
        self._tree = head.tree.copy()
        self._generation = head.generation
        self._constituted = False
        #: the statement being judged is signed by a key lent to the council's robot
        self._robot = False
        #: the log waits for the second signature of its continuation; None when not looked at yet
        self._waits: bool | None = None
        self._overlay = Overlay(state)
        self._nonces = nonces
        self._new_nonces: dict[tuple[str, bytes], int] = {}
        self._history = history
        self.accepted: list[Accepted] = []
        self.leaf_hashes: list[bytes] = []

    @property
    def writes(self) -> Mapping[tuple[str, str], Record | None]:
        return self._overlay.writes

    @property
    def head(self) -> Head:
        return Head(
            self._cooperative,
            self._generation,
            self._base.size + len(self.accepted),
            self._tick,
            self._tree,
        )

    def commit_nonces(self) -> None:
        """To be called once the batch is durable."""
        for (iss, cti), exp in self._new_nonces.items():
            self._nonces.add(iss, cti, exp)
        self._nonces.forget_before(self._tick)

    def settle(self, state: MemoryState) -> None:
        """In memory, where nothing can fail between judging and keeping: `state`, over which this batch was
        made, takes what was accepted, and the batch goes on from the new head."""
        self.commit_nonces()
        state.apply(self._overlay.writes)
        self._base = self.head
        self._overlay.writes.clear()
        self._new_nonces.clear()
        self.accepted.clear()
        self.leaf_hashes.clear()

    def offer(self, statement: Statement) -> Accepted | Refused:
        """Judges one statement whose signature holds. Raises SeenAhead (P3)."""
        try:
            statement = registry.typed(statement)
        except StatementError as error:
            return Refused(error.code, error.field or None, known=self._knows(statement))
        self._robot = False
        # Nothing written yet (a batch of one, as in every replay): one step less to each record.
        overlay = Overlay(self._overlay if self._overlay.writes else self._overlay.base)
        outcome = self._check(statement) or self._decide(statement, overlay)
        if isinstance(outcome, Rejection):
            outcome = Refused(outcome.code, outcome.at, outcome.facts)
        if isinstance(outcome, Refused):
            if not self._base.size + len(self.accepted):
                self._cooperative = None
            known = outcome.known and self._knows(statement)
            return Refused(outcome.code, outcome.at, outcome.facts, known)
        accepted = Accepted(
            statement, self._base.size + len(self.accepted), self._tick, overlay.writes, outcome
        )
        self._admit(accepted)
        return accepted

    # -- checks that need no contract -----------------------------------------------------------------

    def _check(self, statement: Statement) -> Refused | None:
        index = self._base.size + len(self.accepted)
        if index < 2:
            return self._check_first(statement, index)
        return (
            self._audience(statement)
            or self._time(statement)
            or self._nonce(statement)
            or self._seen(statement)
            or self._authority(statement)
        )

    def _check_first(self, statement: Statement, index: int) -> Refused | None:
        """Entry 0 is the genesis, entry 1 the pack, both by the founder's key (SPEC §7.1)."""
        if statement.type != (GENESIS, PACK)[index]:
            return Refused("not_founded", "type", known=False)
        if index == 0:
            self._cooperative = cooperative.genesis_id(statement)
        if statement.aud != self._cooperative:
            return Refused("wrong_audience", "aud")
        if statement.on_behalf is not None:
            return Refused("no_authority", "for")
        if index == 1 and (statement.iss, statement.kid) != self._founder():
            return Refused("unknown_key", "kid")
        return None

    def _founder(self) -> tuple[str, bytes]:
        found = cooperative.cooperative(View(self._overlay, cooperative.DOMAIN))
        assert found is not None
        return found.founder, found.founder_key

    def _knows(self, statement: Statement) -> bool:
        """A good key of a known account is behind it: then a refusal is signed (P13)."""
        view = View(self._overlay, accounts.DOMAIN)
        return accounts.key_status(view, statement.iss, statement.kid, self._tick) is None

    def _audience(self, statement: Statement) -> Refused | None:
        if statement.aud != (statement.iss if statement.is_account_event else self._cooperative):
            return Refused("wrong_audience", "aud")
        return None

    def _time(self, statement: Statement) -> Refused | None:
        if statement.type == TICK:
            return None
        if statement.type == continuation.TYPE:
            # Time stood still while the log was lost; the first tick after it moves it on.
            return Refused("expired", "exp", {"tick": self._tick}) if self._tick > statement.exp else None
        if self._tick == 0:
            return Refused("not_founded", "type")
        if statement.is_account_event:
            return None
        if statement.iat > self._tick + MAX_AHEAD:
            return Refused("not_yet_valid", "iat", {"tick": self._tick})
        if self._tick > statement.exp:
            return Refused("expired", "exp", {"tick": self._tick})
        return None

    def _nonce(self, statement: Statement) -> Refused | None:
        if statement.is_account_event:
            return None
        known = self._new_nonces.get((statement.iss, statement.cti), -1) >= self._tick
        if known or self._nonces.holds(statement.iss, statement.cti, self._tick):
            return Refused("nonce_reused", "cti")
        return None

    def _seen(self, statement: Statement) -> Refused | None:
        seen = statement.seen
        if seen is None:
            return Refused("seen_missing", "seen") if registry.TYPES[statement.type].seen else None
        if seen.generation != self._generation:
            return Refused("seen_fork", "seen")
        ahead = seen.size > self._base.size
        if not ahead and self._history.root_at(seen.size) == seen.root:
            return None
        # Anybody can write down a number; only what our own key signed stops the whole cooperative.
        if self._signed_by_us(seen):
            raise SeenAhead(statement)
        return Refused("seen_unknown" if ahead else "seen_fork", "seen", {"size": seen.size})

    def _signed_by_us(self, seen: Seen) -> bool:
        found = cooperative.cooperative(View(self._overlay, cooperative.DOMAIN))
        assert found is not None and self._cooperative is not None
        claimed = Checkpoint(origin(self._cooperative, seen.generation), seen.size, seen.root)
        return checkpoints.signed_by(claimed, found.log_key, seen.signature)

    def _authority(self, statement: Statement) -> Refused | None:
        if statement.on_behalf is not None:
            return Refused("no_authority", "for")  # organisations arrive with their contract
        kind = registry.TYPES[statement.type]
        if kind.signer == "node":
            return self._node_authority(statement)
        if kind.signer == "founder":
            return None  # a second genesis or pack: the contract says why not
        if statement.domain == "account":
            return self._genesis_of_founder(statement)  # key history judges its own signatures
        view = View(self._overlay, accounts.DOMAIN)
        code = accounts.key_status(view, statement.iss, statement.kid, self._tick)
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
        view = View(self._overlay, council.DOMAIN)
        return council.robot_status(view, statement.iss, statement.kid, statement.type, self._tick)

    def _node_authority(self, statement: Statement) -> Refused | None:
        found = cooperative.cooperative(View(self._overlay, cooperative.DOMAIN))
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
        view = View(self._overlay, accounts.DOMAIN)
        if (statement.iss == founder) != (statement.kid == key) and not accounts.knows(view, statement.iss):
            return Refused("unknown_key", "kid")
        return None

    # -- contracts ------------------------------------------------------------------------------------

    def _decide(self, statement: Statement, overlay: Overlay) -> tuple[Effect, ...] | Rejection:
        kind = registry.TYPES[statement.type]
        context = self._context(overlay)
        if not kind.founding and not self._is_constituted(context):
            return Rejection("not_constituted", "type")
        if statement.type == continuation.TYPE:
            if not self._waiting() and not self._stands_here(statement):
                return Rejection("wrong_tree", "root")
        elif self._waiting():
            return Rejection("not_continued", "type")
        contract = registry.CONTRACT_OF[statement.type]
        outcome = contract.decide(View(overlay, contract.DOMAIN), statement, context)
        if isinstance(outcome, Rejection):
            return outcome
        effects = self._carry_out(contract, outcome, overlay)
        if isinstance(effects, Rejection) or statement.type != TICK:
            return effects
        return effects + self._pass_time(statement.payload["time"], overlay)

    def _waiting(self) -> bool:
        if self._waits is None:
            self._waits = self._standing().waits is not None
        return self._waits

    def _standing(self) -> continuation.Generation:
        return continuation.standing(View(self._overlay, continuation.DOMAIN))

    def _stands_here(self, statement: Statement) -> bool:
        """A continuation names the tree before it (P18)."""
        body = statement.payload
        size = self._base.size + len(self.accepted)
        return size > 2 and body["size"] == size and body["root"] == self._tree.root()

    def _is_constituted(self, context: Context) -> bool:
        # Once and for all: no contract takes it back.
        self._constituted = self._constituted or context.facts.constituted()
        return self._constituted

    def _context(self, overlay: Overlay) -> Context:
        return Context(
            cooperative=self._cooperative or "",
            generation=self._generation,
            index=self._base.size + len(self.accepted),
            tick=self._tick,
            facts=registry.StateFacts(overlay),
            robot=self._robot,
        )

    def _carry_out(
        self, contract: registry.ContractModule, changes: Changes, overlay: Overlay
    ) -> tuple[Effect, ...] | Rejection:
        """Applies changes and, breadth first, what they set off in other domains."""
        _apply(contract.DOMAIN, contract.STATE, changes, overlay)
        if not changes.effects:
            return ()
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
                _apply(other.DOMAIN, other.STATE, outcome, overlay)
                waiting.extend(outcome.effects)
        return tuple(done)

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
            carried = self._carry_out(contract, changes, overlay)
            if isinstance(carried, Rejection):
                raise RuntimeError(f"an effect of deadline {key} was rejected: {carried.code}")
            effects.extend(carried)
        return tuple(effects)

    def _admit(self, accepted: Accepted) -> None:
        leaf = merkle.leaf_hash(accepted.statement.raw)
        self._tree.append(leaf)
        self.leaf_hashes.append(leaf)
        self._overlay.writes.update(accepted.writes)
        if not accepted.statement.is_account_event:
            self._new_nonces[accepted.statement.iss, accepted.statement.cti] = accepted.statement.exp
        if accepted.statement.type == continuation.TYPE:
            found = self._standing()
            self._generation, self._waits = found.number, found.waits is not None
        self.accepted.append(accepted)


def _apply(domain: str, kinds: Mapping[str, type[Record]], changes: Changes, overlay: Overlay) -> None:
    for write in changes.writes:
        if write.value is not None and type(write.value) is not kinds.get(write.kind):
            raise TypeError(f"{domain} keeps no {type(write.value).__name__} as {write.kind}")
        overlay.writes[(domain, f"{write.kind}/{write.id}")] = write.value
    for deadline in changes.clear_deadlines:
        overlay.writes[(DEADLINES, deadline_key(domain, deadline))] = None
    for deadline in changes.set_deadlines:
        overlay.writes[(DEADLINES, deadline_key(domain, deadline))] = DeadlineMark()


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
        return state_digest(
            (domain, key, registry.encode_record(value)) for domain, key, value in self.state.items()
        )
