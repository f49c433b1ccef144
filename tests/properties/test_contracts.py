"""The whole course of a cooperative in random order, by random people, well and badly signed (SPEC §6–§8).

Whatever arrives: only `Accepted` or `Refused` comes out, a refusal leaves no trace, and after every step the
state keeps the promises that members rely on. At the end the log is replayed over a state that knows records
only as bytes, as a node's database does, and has to give the same digest.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, get_args, get_origin, get_type_hints

import msgspec
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from coopnode.testing import Memory, Person, commit, seed, sign_statement
from protocol import documents, registry, signatures
from protocol.contract import Deadline, Record, View
from protocol.contracts import accounts, consents, cooperative, council, founding, membership
from protocol.errors import EncodingError
from protocol.identifiers import identifier, parse_identifier
from protocol.log import Accepted, Reducer, Refused, Replica
from protocol.methodology import load
from protocol.state import MemoryState, deadline_key

NAMES = ("анна", "борис", "вера", "глеб", "дина", "егор")
KINDS = load("ru-consumer-1").agreements
ACTS = tuple(name for name in registry.TYPES if not name.startswith(("node.", "cooperative.genesis")))
DAY = 86_400
_OF_THE_SIGNER = ("membership.apply/1", "membership.accept/1")
#: What a cooperative at each stage is busy with; acts nobody gets far without come more often.
CONSTITUTED = (
    *("membership.apply/1", "membership.identify/1", "membership.complete/1", "membership.payment/1") * 3,
    *("council.vote/1",) * 14,
    *("council.approve/1",) * 5,
    *("council.propose/1", "council.accept/1", "membership.accept/1", "membership.enrol/1") * 2,
    *("council.return/1", "council.comment/1", "membership.withdraw/1", "membership.incomplete/1"),
    *("account.revoke/1", "account.key/1", "account.key/1", "account.recover/1", "account.object/1"),
    *("consent.give/1", "consent.give/1", "consent.withdraw/1", "vault.erase/1"),
)
_ALWAYS = ("account.revoke/1", "account.key/1", "account.key/1", "agreement.sign/1", "consent.give/1")
FOUNDING = {
    "new": (
        *("founding.ballot/1",) * 16,
        *("founding.minutes/1",) * 6,
        *("founding.join/1", "founding.open/1", "founding.convene/1") * 3,
        *_ALWAYS,
    ),
    "existing": (*("council.accept/1",) * 6, "council.appoint/1", "council.reinvite/1", *_ALWAYS),
}


class Encoded:
    """A state that keeps bytes: what a node reads back from its database."""

    def __init__(self) -> None:
        self._values: dict[tuple[str, str], bytes] = {}

    def get(self, domain: str, key: str) -> Record | None:
        data = self._values.get((domain, key))
        return None if data is None else registry.decode_record(domain, key, data)

    def scan(self, domain: str, start: str, stop: str) -> Iterator[tuple[str, Record]]:
        for where, key in sorted(self._values):
            if where == domain and start <= key < stop:
                yield key, registry.decode_record(domain, key, self._values[where, key])

    def apply(self, writes: Mapping[tuple[str, str], Record | None]) -> None:
        for place, value in writes.items():
            if value is None:
                self._values.pop(place, None)
            else:
                self._values[place] = registry.encode_record(value)

    def items(self) -> Iterator[tuple[str, str, Record]]:
        for domain, key in sorted(self._values):
            yield domain, key, registry.decode_record(domain, key, self._values[domain, key])


class Course(RuleBasedStateMachine):
    log: Memory

    @initialize(
        kind=st.sampled_from(("new", "existing")),
        stage=st.sampled_from((2, 2, 2, 1, 0)),
        number=st.integers(0, 2**32),
    )
    def begin(self, kind: str, stage: int, number: int) -> None:
        self.random = random.Random(number)
        self.log = Memory(kind=kind)
        self.kind = kind
        self.reduced = MemoryState()
        self.reducer = Reducer(self.reduced, self.log.replica)
        self.people = [self.log.founder, *(self.log.person(name) for name in NAMES)]
        self.ids = {person.name: person.id for person in self.people}
        self.by_id = {person.id: person for person in self.people}
        self.signing: dict[str, list[bytes]] = {person.id: [person.key] for person in self.people}
        self.outsider = Person.make("никто", self.log.id)
        self.invitations: dict[bytes, bytes] = {}
        self.secrets: dict[bytes, bytes] = {}
        self.made = 0
        self.wanted = ""
        #: by matter or founding vote and round: what is in the log, by voter
        self.cast: dict[str, dict[str, list[Any]]] = defaultdict(lambda: defaultdict(list))
        self.ended: dict[str, set[bytes]] = defaultdict(set)
        self.types: dict[bytes, str] = {}
        self.revoked: dict[str, set[bytes]] = defaultdict(set)
        self.largest = 0
        if stage:
            self.prepare()
        if stage > 1:
            self.seat()

    # --- ways gone before anything random ---------------------------------------------------------

    def prepare(self) -> None:
        self.must(self.log.founder, "cooperative.charter/1")
        for _ in KINDS:
            self.must(self.log.founder, "cooperative.agreement/1")
        for person in self.people:
            for self.wanted in KINDS:
                self.must(person, "agreement.sign/1")
            self.must(person, "consent.give/1", purpose="membership")

    def seat(self) -> None:
        founder = self.log.founder
        if self.kind == "existing":
            self.must(founder, "council.appoint/1")
            for person in self.people[1:5]:
                self.must(person, "council.accept/1")
        else:
            self.must(founder, "founding.convene/1")
            for person in self.people[:5]:
                self.must(person, "founding.join/1")
            self.must(founder, "founding.open/1")
            for person in self.people[:4]:
                self.must(person, "founding.ballot/1")

    def must(self, person: Person, type: str, **fields: Any) -> None:
        outcome = self.offer(person, type, {**self.fields(type, person), **fields}, exact=True)
        assert isinstance(outcome, Accepted), (type, outcome)

    # --- what happens -----------------------------------------------------------------------------

    @rule(seconds=st.sampled_from((1, 1, 1, 61, 61, 3600, 3600, DAY, 4 * DAY, 40 * DAY)))
    def time_passes(self, seconds: int) -> None:
        self.note(self.log.tick(seconds))

    @rule(number=st.integers(0, 2**32))
    def somebody_acts(self, number: int) -> None:
        self.shuffle(number)
        for _ in range(8):
            self.act()
            self.wait_for_nobody()

    def act(self) -> None:
        type = self.random.choice(self.course())
        person = self.signer(type)
        self.offer(person, type, self.fields(type, person))

    def wait_for_nobody(self) -> None:
        """What holds after every step holds after every act."""
        self.the_register_is_in_order()
        self.counts_are_those_of_the_log()

    def shuffle(self, number: int) -> None:
        self.random = random.Random(f"{number} {len(self.log.entries)}")

    def course(self) -> tuple[str, ...]:
        if registry.StateFacts(self.log.replica.state).constituted():
            return CONSTITUTED
        return FOUNDING[self.kind]

    @precondition(lambda self: len(self.course()) == len(CONSTITUTED))
    @rule(number=st.integers(0, 2**32), far=st.integers(1, 12))
    def an_admission_goes_its_way(self, number: int, far: int) -> None:
        """As long as everybody still has a key, somebody comes as far as the payment."""
        self.shuffle(number)
        facts = registry.StateFacts(self.log.replica.state)
        applicant = self.random.choice(
            [item for item in self.people if not facts.is_member(item.id)] or self.people
        )
        voters = [self.by_id[id] for id in facts.council() if id in self.by_id]
        way: list[tuple[Person, str]] = [(applicant, f"agreement.sign/1 {kind}") for kind in KINDS]
        way += [(applicant, "consent.give/1"), (applicant, "membership.apply/1")]
        way += [(self.signer(name), name) for name in ("membership.identify/1", "membership.complete/1")]
        way += [(voter, "council.vote/1") for voter in voters]
        way += [(self.signer(name), name) for name in ("council.approve/1", "membership.payment/1")]
        for person, name in way[: len(KINDS) + far]:
            type, _, self.wanted = name.partition(" ")
            fields = self.fields(type, person)
            if type == "consent.give/1":
                fields["purpose"] = "membership"
            self.offer(person, type, fields, exact=True)
            self.wait_for_nobody()

    @rule(number=st.integers(0, 2**32))
    def somebody_acts_oddly(self, number: int) -> None:
        """A good payload with one field replaced by something of the right form."""
        self.shuffle(number)
        type = self.random.choice((*ACTS, *self.course()))
        person = self.signer(type)
        fields = self.fields(type, person)
        payload = registry.TYPES[type].payload
        hints = get_type_hints(payload)
        names = {item.encode_name: hints[item.name] for item in msgspec.structs.fields(payload)}
        name = self.random.choice(list(names))
        fields[name] = self.anything(names[name])
        self.offer(person, type, fields)

    @rule(number=st.integers(0, 2**32))
    def somebody_sends_nonsense(self, number: int) -> None:
        self.shuffle(number)
        type = self.random.choice(ACTS)
        hints = get_type_hints(registry.TYPES[type].payload)
        fields = {
            item.encode_name: self.anything(hints[item.name])
            for item in msgspec.structs.fields(registry.TYPES[type].payload)
        }
        self.offer(self.random.choice([*self.people, self.outsider]), type, fields)

    @precondition(lambda self: len(self.log.entries) > 4)
    @rule(number=st.integers(0, 2**32))
    def old_bytes_come_again(self, number: int) -> None:
        raw = self.log.entries[number % len(self.log.entries)]
        outcome = self.log.offer(raw)
        assert isinstance(outcome, Refused), documents.parse(raw).type

    # --- offering ---------------------------------------------------------------------------------

    def offer(
        self, person: Person, type: str, fields: dict[str, Any], *, exact: bool = False
    ) -> Accepted | Refused:
        kind, iss = registry.TYPES[type], self.ids.get(person.name, person.id)
        head = self.log.replica.head
        own = kind.domain == "account"
        root = commit(type, {item.name: item.name for item in kind.private})[0] if kind.private else None
        key = self.random.choice(self.signing.get(iss, [person.key]))
        if (own and self.random.random() < 0.1) or type in ("account.recover/1", "account.home/1"):
            key = person.recovery
        try:
            raw = sign_statement(
                key,
                type,
                fields,
                iss=iss,
                sub=self.subject(type, fields, iss, exact),
                aud=iss if own and type != "account.copy/1" else self.log.id,
                now=self.log.now - (0 if exact else self.random.choice((0, 0, 0, 0, 0, 0, 30, 4000))),
                private=root,
                seen=self.log.seen() if kind.seen else None,
                lifetime=8000,
            )
        except EncodingError:  # nothing that could be sent
            return Refused("malformed")
        before, state = self.log.replica.digest(), self.log.replica.state
        outcome = self.log.offer(raw)
        if isinstance(outcome, Refused):
            assert self.log.replica.head == head and self.log.replica.state is state
            assert self.log.replica.digest() == before
        else:
            self.note(outcome)
        self.reduced_alike(raw, outcome)
        return outcome

    def reduced_alike(self, raw: bytes, outcome: Accepted | Refused) -> None:
        """A reducer, which keeps every entry at once, judges as the batches do."""
        if isinstance(outcome, Refused) and outcome.code in ("malformed", "too_large", "bad_signature"):
            return  # found before it comes to a reducer
        before = len(self.log.entries) - isinstance(outcome, Accepted)
        self.reduce_up_to(before)
        again = self.reducer.offer(documents.parse(raw))
        if isinstance(outcome, Refused):
            assert again == outcome
        else:
            assert isinstance(again, Accepted) and (again.index, again.tick) == (outcome.index, outcome.tick)
            assert again.writes == outcome.writes and again.effects == outcome.effects

    def reduce_up_to(self, size: int) -> None:
        for raw in self.log.entries[self.reducer.position.size : size]:
            assert isinstance(self.reducer.offer(documents.parse(raw)), Accepted)

    def subject(self, type: str, fields: dict[str, Any], iss: str, exact: bool) -> str:
        if not exact and self.random.random() < 0.02:
            return self.random.choice((self.log.id, self.outsider.id))
        domain = type.partition(".")[0]
        if domain in ("account", "agreement", "consent") or type in _OF_THE_SIGNER:
            return iss
        if domain == "membership" and type != "membership.enrol/1":
            answered = fields.get("re")
            digest = answered[0] if isinstance(answered, list) and answered else None
            if isinstance(digest, bytes) and len(digest) == 32:
                return identifier(digest)
        matter = fields.get("matter")
        if domain == "council" and isinstance(matter, str) and len(matter) == 52:
            return matter
        return self.log.id

    def note(self, accepted: Accepted) -> None:
        """Keeps what a naive count of the log needs."""
        statement, body = accepted.statement, accepted.statement.body
        self.types[statement.digest] = statement.type
        if statement.type == "council.vote/1":
            self.cast[f"{body.matter}/{body.round}"][statement.iss].append(statement)
        if statement.type == "founding.ballot/1":
            self.cast[f"{identifier(body.re[0])}/1"][statement.iss].append(statement)
        for effect in accepted.effects:
            if effect.name == "account.revoked":
                self.withdraw(effect.data)
            if effect.name == "membership.joined":
                self.joined(statement, effect.data)
        if statement.domain == "account":
            self.keys_keep_their_wait(statement)
        if statement.type in ("account.key/1", "account.recover/1"):
            known = {key.pub for key in self.account(statement.iss).keys}
            own = self.by_id[statement.iss]
            self.signing[statement.iss] = [
                key for kid, key in ((own.kid, own.key), *self.secrets.items()) if kid in known
            ]

    def keys_keep_their_wait(self, statement: Any) -> None:
        """P7, P10: what ended stays ended; what the recovery key brings waits, longer after an objection."""
        found, tick = self.account(statement.iss), self.log.replica.head.tick
        keys = {key.pub: key for key in found.keys}
        assert self.revoked[statement.iss] <= {pub for pub, key in keys.items() if key.revoked_at is not None}
        self.revoked[statement.iss] = {pub for pub, key in keys.items() if key.revoked_at is not None}
        if statement.type == "account.recover/1":
            for brought in statement.body.keys:
                assert keys[brought.pub].active_from >= max(
                    tick + accounts.RECOVERY_WAIT, found.disputed_until or 0
                )
        if statement.type == "account.object/1":
            waiting = [key for key in found.keys if key.revoked_at is None and key.active_from > tick]
            assert waiting and all(
                key.active_from == tick + accounts.OBJECTION_WAIT == found.disputed_until for key in waiting
            )

    def withdraw(self, data: Any) -> None:
        for place, voters in self.cast.items():
            if self.box_is_open(*place.split("/")) and any(
                item.kid == data.kid for item in voters.get(data.account, ())
            ):
                self.ended[place].add(data.kid)
                if data.suspected_from is not None:
                    voters[data.account] = [
                        item
                        for item in voters[data.account]
                        if item.kid != data.kid or item.iat < data.suspected_from
                    ]

    def box_is_open(self, id: str, round: str) -> bool:
        matter = self.view("council").get("matter", id, council.Matter)
        if matter is not None:
            return matter.status == "open" and matter.box.round == int(round)
        meeting = self.view("founding").get("meeting", "current", founding.Meeting)
        return (
            meeting is not None
            and meeting.status == "voting"
            and meeting.opened is not None
            and identifier(meeting.opened) == id
        )

    def joined(self, statement: documents.Statement, data: Any) -> None:
        """Nobody becomes a member but by payment after the chair's approval, or as one who was before."""
        if statement.type == "membership.payment/1":
            application = self.view("membership").need(
                "application", identifier(statement.body.re[0]), membership.Application
            )
            assert application.matter is not None and application.level is not None
            matter = self.view("council").need("matter", application.matter, council.Matter)
            assert (matter.status, matter.outcome) == ("approved", "adopted")
            assert matter.approval == application.decision and matter.subject == data.account
            assert data.number == self.largest + 1
        else:
            assert statement.type in ("membership.accept/1", "council.accept/1", "founding.minutes/1")

    # --- what holds after every step --------------------------------------------------------------

    @invariant()
    def the_register_is_in_order(self) -> None:
        view = self.view("membership")
        members = dict(view.scan("member", "", membership.Member))
        register = membership.register(view)
        numbers = sorted(member.number for member in members.values())
        assert len(set(numbers)) == len(numbers) == register.members
        places = dict(view.scan("number", "", membership.Place))
        for account, member in members.items():
            assert places[f"{member.number:010d}"].account == account
            assert self.types[member.basis] in (
                *("membership.payment/1", "membership.accept/1", "council.accept/1", "founding.minutes/1"),
            )
        assert all(place.account in members for place in places.values() if place.account)
        assert register.largest == max((int(key) for key in places), default=0)
        self.largest = register.largest
        under_way = [item.applicant for _, item in self.live_applications()]
        assert len(set(under_way)) == len(under_way) and not set(under_way) & set(members)

    @invariant()
    def one_chair(self) -> None:
        view = self.view("council")
        chairs = [id for id, holder in view.scan("holder", "", council.Holder) if "chair" in holder.offices]
        assert chairs == ([council.chair(view)] if council.chair(view) else [])
        assert not any("chair" in office.offices for _, office in view.scan("office", "", council.Office))
        constituted = registry.StateFacts(self.log.replica.state).constituted()
        assert not constituted or len(chairs) == 1

    @invariant()
    def counts_are_those_of_the_log(self) -> None:
        boxes = [
            (id, matter.box, matter.box.electorate.size)
            for id, matter in self.view("council").scan("matter", "", council.Matter)
        ]
        boxes += [
            (id, vote.box, vote.box.electorate.size)
            for id, vote in self.view("founding").scan("vote", "", founding.Vote)
        ]
        for id, box, size in boxes:
            place = f"{id}/{box.round}"
            counted = [self.last(votes, self.ended[place]) for votes in self.cast[place].values() if votes]
            choices = [getattr(item, "choice", None) or item.charter for item in counted]
            naive = tuple(choices.count(name) for name in ("for", "against", "abstain"))
            assert naive == (box.counts.for_, box.counts.against, box.counts.abstain)
            assert sum(naive) <= size

    @staticmethod
    def last(votes: list[documents.Statement], ended: set[bytes]) -> Any:
        good = [item for item in votes if item.kid not in ended] or votes
        return max(good, key=lambda item: (item.body.sequence, item.digest)).body

    @invariant()
    def every_deadline_is_awaited_and_none_is_forgotten(self) -> None:
        expected = set()
        for id, matter in self.view("council").scan("matter", "", council.Matter):
            live = self.view("council").get("live", id, council.Live) is not None
            assert live == (matter.status in ("open", "decided"))
            if live:
                time = matter.box.until if matter.sign_by is None else matter.sign_by
                expected.add(deadline_key("council", Deadline(time, "matter", id)))
        for id, item in self.live_applications():
            time = item.decide_by if item.pay_by is None else item.pay_by
            expected.add(deadline_key("membership", Deadline(time, "application", id)))
        for id, given in self.view("consent").scan("consent", "", consents.Consent):
            if given.status == "given" and given.until is not None:
                expected.add(deadline_key("consent", Deadline(given.until, "consent", id)))
        meeting = self.view("founding").get("meeting", "current", founding.Meeting)
        if meeting is not None and meeting.status == "voting" and meeting.opened is not None:
            id = identifier(meeting.opened)
            vote = self.view("founding").need("vote", id, founding.Vote)
            expected.add(deadline_key("founding", Deadline(vote.box.until, "vote", id)))
        if meeting is not None and meeting.sign_by is not None and meeting.opened is not None:
            assert meeting.status == "closed"
            waits = Deadline(meeting.sign_by, "minutes", identifier(meeting.opened))
            expected.add(deadline_key("founding", waits))
        held = {key for key, _ in self.log.replica.state.scan("deadline", "", "9")}
        # A convening that was overtaken keeps its own until it passes, and says nothing then.
        assert {key for key in held if "/founding/meeting/" not in key} == expected
        assert all(int(key[:12]) >= self.log.replica.head.tick for key in held)

    def live_applications(self) -> list[tuple[str, membership.Application]]:
        return [
            (id, item)
            for id, item in self.view("membership").scan("application", "", membership.Application)
            if item.status in ("applied", "identified", "complete", "admitted")
        ]

    def teardown(self) -> None:
        if not hasattr(self, "log"):
            return
        replica = Replica()
        replica.state = Encoded()  # type: ignore[assignment]
        for raw in self.log.entries:
            assert isinstance(replica.append(raw, verified=True), Accepted)
        assert replica.digest() == self.log.replica.digest()
        self.reduce_up_to(len(self.log.entries))
        assert registry.state_digest(self.reduced.items()) == self.log.replica.digest()
        assert replica.head == self.log.replica.head or replica.head.size == self.log.replica.head.size

    # --- payloads that could be right -------------------------------------------------------------

    def view(self, domain: str) -> View:
        return View(self.log.replica.state, domain)

    def account(self, id: str) -> accounts.Account:
        return self.view("account").need("account", id, accounts.Account)

    def signer(self, type: str) -> Person:
        if self.random.random() < 0.2:
            return self.random.choice([*self.people, self.outsider])
        offices = {
            "council.approve/1": "chair",
            "council.vote/1": "council",
            "council.propose/1": "council",
            "council.return/1": "chair",
            "membership.identify/1": "secretary",
            "membership.complete/1": "secretary",
            "membership.incomplete/1": "secretary",
            "membership.enrol/1": "secretary",
            "vault.erase/1": "secretary",
            "membership.payment/1": "accountant",
        }
        if type in ("founding.convene/1", "founding.open/1", "council.appoint/1", "council.reinvite/1"):
            return self.log.founder
        held = offices.get(type)
        facts = registry.StateFacts(self.log.replica.state)
        fit = [person for person in self.people if held and held in facts.roles(person.id)]
        return self.random.choice(fit or self.people)

    def invitation(self) -> bytes:
        secret = seed(f"invitation {self.random.randrange(10**9)}")
        kid = signatures.public_key(secret)
        self.invitations[kid] = secret
        return kid

    def fields(self, type: str, signer: Person | None) -> dict[str, Any]:
        """Fields that fit the state; of `signer` when it matters who accepts."""
        known = signer is not None and signer.name in self.ids
        self.signed_by = signer if signer is not None and known else self.random.choice(self.people)
        make: Callable[[], dict[str, Any]] | None = getattr(self, f"_{type[:-2].replace('.', '_')}", None)
        return make() if make else {}

    def some(self, domain: str, kind: str, type: Any) -> tuple[str, Any] | tuple[None, None]:
        found = list(self.view(domain).scan(kind, "", type))
        return self.random.choice(found) if found else (None, None)

    def held(self, kid: bytes, inviting: bytes) -> bytes:
        secret = self.invitations.get(kid, bytes(32))
        account = self.ids[self.signed_by.name]
        public = signatures.public_key(secret)
        return signatures.sign(secret, documents.possession(public, account, 0, inviting))

    def charter(self) -> bytes:
        found = cooperative.charter(self.view("cooperative"))
        return found.digest if found else bytes(32)

    def _cooperative_charter(self) -> dict[str, Any]:
        return {"title": "У", "blob": bytes(32), "parameters": {}, "basis": {"organ": "general_meeting"}}

    def _cooperative_agreement(self) -> dict[str, Any]:
        view = self.view("cooperative")
        missing = [kind for kind in KINDS if cooperative.agreement(view, kind) is None]
        kind = (missing or [self.random.choice(KINDS)])[0]
        before = cooperative.agreement(view, kind)
        return {"kind": kind, "edition": before.edition + 1 if before else 1, "title": "Т", "blob": bytes(32)}

    def _agreement_sign(self) -> dict[str, Any]:
        view = self.view("cooperative")
        kind, self.wanted = self.wanted or self.random.choice(KINDS), ""
        found = cooperative.agreement(view, kind)
        return {"agreement": found.digest if found else bytes(32), "kind": kind, "edition": 1}

    def _consent_give(self) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "purpose": self.random.choice(("membership", "contacts")),
            "operator": self.log.id,
            "fields": ["name"],
            "text": bytes(32),
        }
        if self.random.random() < 0.3:
            fields["until"] = self.log.now + self.random.choice((1, 3600, 2 * DAY))
        return fields

    def _consent_withdraw(self) -> dict[str, Any]:
        id, _ = self.some("consent", "consent", consents.Consent)
        return {"re": [_digest(id)]}

    def _membership_apply(self) -> dict[str, Any]:
        return {
            "person": "person",
            "charter": self.charter(),
            "entrance": {"amount": 10000, "currency": "RUB"},
            "share": {"amount": 30000, "currency": "RUB"},
        }

    def _on_application(self, *statuses: str) -> dict[str, Any]:
        found = list(self.view("membership").scan("application", "", membership.Application))
        fit = [item for _, item in found if item.status in statuses] or [item for _, item in found]
        return {"re": [self.random.choice(fit).apply if fit else bytes(32)]}

    def _membership_withdraw(self) -> dict[str, Any]:
        return self._on_application("applied", "complete", "admitted")

    def _membership_identify(self) -> dict[str, Any]:
        return {**self._on_application("applied"), "method": "in_person", "level": 1}

    def _membership_complete(self) -> dict[str, Any]:
        return self._on_application("identified")

    def _membership_incomplete(self) -> dict[str, Any]:
        return self._on_application("applied", "identified")

    def _membership_payment(self) -> dict[str, Any]:
        paid = {name: self._membership_apply()[name] for name in ("entrance", "share")}
        return {**self._on_application("admitted"), **paid, "received_at": self.log.now - DAY}

    def _membership_enrol(self) -> dict[str, Any]:
        return {
            "number": self.random.randrange(1, 12),
            "since": self.log.now - 1000 * DAY,
            "person": "person",
            "invitation": self.invitation(),
        }

    def _membership_accept(self) -> dict[str, Any]:
        _, item = self.some("membership", "enrolment", membership.Enrolment)
        if item is None:
            return {"re": [bytes(32)], "proof": bytes(64)}
        return {"re": [item.digest], "proof": self.held(item.invitation, item.digest)}

    def _vault_erase(self) -> dict[str, Any]:
        ended = [
            (item.apply, "retention")
            for _, item in self.view("membership").scan("application", "", membership.Application)
            if item.ended_at is not None
        ]
        ended += [
            (item.digest, "mistake")
            for _, item in self.view("membership").scan("enrolment", "", membership.Enrolment)
            if item.voided_at is not None
        ]
        document, ground = self.random.choice(ended or [(bytes(32), "retention")])
        return {"re": [document], "ground": ground}

    def _council_appoint(self) -> dict[str, Any]:
        roles = (["chair"], ["secretary"], ["accountant"], ["member"])
        seats = [
            {"seat": number, "roles": list(held), "voting": True, "invitation": self.invitation()}
            for number, held in enumerate(roles, 1)
        ]
        if self.random.random() < 0.5:
            seats[0]["member"] = {"number": 7, "since": 1}
        return {"basis": {"organ": "general_meeting"}, "seats": seats, "until": self.log.now + 1000 * DAY}

    def _council_reinvite(self) -> dict[str, Any]:
        return {"seat": self.random.randrange(1, 5), "invitation": self.invitation()}

    def _council_accept(self) -> dict[str, Any]:
        found = list(self.view("council").scan("seat", "", council.Seat))
        free = [(id, seat) for id, seat in found if seat.account is None and seat.invited_by]
        if not free:
            return {"re": [bytes(32)], "seat": 1, "proof": bytes(64)}
        id, seat = self.random.choice(free)
        proof = self.held(seat.invitation or b"", seat.invited_by or b"")
        return {"re": [seat.invited_by], "seat": int(id), "proof": proof}

    def _council_propose(self) -> dict[str, Any]:
        if self.random.random() < 0.5:
            return {"kind": "free"}
        subject = self.random.choice(self.people).id
        office = self.random.choice(("secretary", "accountant"))
        return {"kind": "officer", "subject": subject, "roles": [office]}

    def _matter(self, *statuses: str) -> tuple[str, council.Matter | None]:
        found = list(self.view("council").scan("matter", "", council.Matter))
        fit = [item for item in found if item[1].status in statuses] or found
        return self.random.choice(fit) if fit else (self.log.id, None)

    def _council_vote(self) -> dict[str, Any]:
        id, matter = self._matter("open")
        choice = self.random.choice(("for", "for", "for", "against", "abstain"))
        round = matter.box.round if matter else 1
        return {"matter": id, "round": round, "choice": choice, "sequence": self.random.randrange(0, 17)}

    def _council_comment(self) -> dict[str, Any]:
        return {"matter": self._matter("open")[0]}

    def _council_approve(self) -> dict[str, Any]:
        id, matter = self._matter("open", "decided")
        if matter is None:
            counts = {"for": 0, "against": 0, "abstain": 0}
            return {"matter": id, "round": 1, "outcome": "adopted", "counts": counts, "result": bytes(32)}
        counts = msgspec.to_builtins(matter.box.counts)
        outcome = "adopted" if counts["for"] > counts["against"] else "rejected"
        result = council.result(self.view("council"), id)
        named = {"outcome": outcome, "counts": counts, "result": result}
        return {"matter": id, "round": matter.box.round, **named}

    def _council_return(self) -> dict[str, Any]:
        id, matter = self._matter("decided", "open")
        return {"matter": id, "round": matter.box.round if matter else 1}

    def _founding_convene(self) -> dict[str, Any]:
        invitations = [self.invitation() for _ in range(6)]
        return {"charter": self.charter(), "invitations": invitations, "closes": self.log.now + 5 * DAY}

    def meeting(self) -> founding.Meeting | None:
        return self.view("founding").get("meeting", "current", founding.Meeting)

    def _founding_join(self) -> dict[str, Any]:
        meeting = self.meeting()
        inviting = meeting.convene if meeting else bytes(32)
        found = list(self.view("founding").scan("invitation", "", founding.Invitation))
        free = [kid for kid, item in found if item.account is None and item.convene == inviting]
        kid = bytes.fromhex(self.random.choice(free)) if free else bytes(32)
        return {"re": [inviting], "invitation": kid, "proof": self.held(kid, inviting)}

    def _founding_open(self) -> dict[str, Any]:
        meeting = self.meeting()
        candidates = list(founding.founders(self.view("founding")))[:4]
        convened = meeting.convene if meeting else bytes(32)
        return {"re": [convened], "candidates": candidates, "seats": 3, "closes": self.log.now + DAY}

    def _founding_ballot(self) -> dict[str, Any]:
        meeting = self.meeting()
        vote = self.vote()
        names = list(vote.candidates[:3]) if vote else []
        return {
            "re": [meeting.opened if meeting and meeting.opened else bytes(32)],
            "charter": self.random.choice(("for",) * 20 + ("against", "abstain")),
            "council": names,
            "chair": names[0] if names else self.outsider.id,
            "sequence": self.random.randrange(0, 17),
        }

    def vote(self) -> founding.Vote | None:
        meeting = self.meeting()
        if meeting is None or meeting.opened is None:
            return None
        return self.view("founding").get("vote", identifier(meeting.opened), founding.Vote)

    def _founding_minutes(self) -> dict[str, Any]:
        meeting, vote = self.meeting(), self.vote()
        role = self.random.choice(("presider", "secretary"))
        if vote is None or meeting is None or meeting.opened is None:
            nothing = {"result": bytes(32), "council": [], "chair": self.outsider.id}
            return {"re": [bytes(32)], "role": role, **nothing}
        id, view = identifier(meeting.opened), self.view("founding")
        counted = founding.count(view, id)
        return {
            "re": [meeting.opened],
            "role": role,
            "result": founding.result(view, id),
            "council": list(counted.council),
            "chair": counted.chair or self.outsider.id,
        }

    def chain(self) -> tuple[str, int, bytes]:
        id = self.ids[self.signed_by.name]
        events = self.account(id).events
        return id, len(events), events[-1]

    def _account_key(self) -> dict[str, Any]:
        id, number, prev = self.chain()
        secret = seed(f"made {self.made}")
        self.made += 1
        kid = signatures.public_key(secret)
        self.secrets[kid] = secret
        proof = signatures.sign(secret, documents.possession(kid, id, number, prev))
        return {"number": number, "prev": prev, "key": _key(kid), "proof": proof}

    def _account_recover(self) -> dict[str, Any]:
        _, number, prev = self.chain()
        recovery = signatures.public_key(self.signed_by.recovery)
        return {
            "number": number,
            "prev": prev,
            "recovery": {**_key(recovery), "scope": "recovery"},
            "next": hashlib.sha256(bytes([number % 256])).digest(),
            **self.brought(number, prev),
            "revoke": [self.account(self.signed_by.id).keys[-1].pub],
        }

    def brought(self, number: int, prev: bytes) -> dict[str, Any]:
        if self.random.random() < 0.5:
            return {"keys": [], "proofs": []}
        made = self._account_key()
        return {"keys": [made["key"]], "proofs": [made["proof"]]}

    def _account_object(self) -> dict[str, Any]:
        return {"recovery": self.account(self.signed_by.id).recovered or bytes(32)}

    def _account_home(self) -> dict[str, Any]:
        _, number, prev = self.chain()
        return {"number": number, "prev": prev, "home": self.outsider.id}

    def _account_revoke(self) -> dict[str, Any]:
        keys = self.account(self.signed_by.id).keys
        kept = self.random.random() < 0.9  # or else soon nobody could sign anything
        fields: dict[str, Any] = {"key": self.random.choice(keys[1:]).pub if kept and keys[1:] else bytes(32)}
        if not kept:
            fields["key"] = self.random.choice(keys).pub
        if self.random.random() < 0.5:
            fields["suspected_from"] = self.log.now - self.random.choice((0, 100, 10**6))
        return fields

    # --- payloads of nobody -----------------------------------------------------------------------

    def anything(self, hint: Any) -> Any:
        """A value the encoding can carry: mostly of the field's type, sometimes of any."""
        choice = self.random.choice
        if self.random.random() < 0.1:
            return choice((0, -1, True, "", b"", [], {}, [[]], {"a": []}, "x" * 5000, 2**53 - 1))
        origin, inner = get_origin(hint), get_args(hint)
        if hasattr(hint, "__metadata__"):
            return self.anything(inner[0])
        if origin in (list, tuple):
            item = inner[0] if inner else Any
            return [self.anything(item) for _ in range(choice((0, 1, 1, 2, 5)))]
        if origin is dict:
            keys = [*load("ru-consumer-1").parameters, "x"]
            return {choice(keys): self.anything(choice((int, str, bool, list[int], list[str]))) for _ in "ab"}
        if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
            hints = get_type_hints(hint)
            return {
                item.encode_name: self.anything(hints[item.name])
                for item in msgspec.structs.fields(hint)
                if item.required or self.random.random() < 0.5
            }
        if hint is bytes:
            digests = list(self.types) or [bytes(32)]
            return choice((choice(digests), self.people[1].kid, bytes(32), bytes(64), bytes(16), b""))
        if hint is int:
            return choice((0, 1, 2, 7, -1, self.log.now, self.log.now + DAY, 2**31, 2**53 - 1, -(2**53) + 1))
        if hint is bool:
            return choice((True, False))
        if hint is str:
            matters = [id for id, _ in self.view("council").scan("matter", "", council.Matter)]
            return choice((*self.ids.values(), *matters, self.log.id, "membership", "a\x00/b", "é" * 52, ""))
        if inner:  # unions and literals
            picked = choice(inner)
            return self.anything(picked) if isinstance(picked, type) or get_origin(picked) else picked or 0
        return choice((0, "x", b"x"))


def _digest(id: str | None) -> bytes:
    return parse_identifier(id) if id else bytes(32)


def _key(kid: bytes) -> dict[str, Any]:
    return {"alg": documents.ED25519, "pub": kid, "scope": "sign"}


TestCourse = Course.TestCase
TestCourse.settings = settings(stateful_step_count=40)
