"""The council's robot (SPEC §8.2.1, R83–R85): what lent keys may do, through the kernel, with real keys."""

from __future__ import annotations

from typing import Any

import pytest

from protocol import documents, signatures
from protocol.contract import View
from protocol.contracts import council
from protocol.identifiers import identifier
from protocol.log import Accepted
from tests.audit.logs import DAY, START, Log, Person

TERMS: dict[str, Any] = {
    "kinds": ["admission"],
    "persons": ["person"],
    "level": 1,
    "per_day": 2,
    "until": START + 100 * DAY,
    "chair": True,
}
ACTS = {"chair": ["approve", "vote"], "secretary": ["complete", "vote"], "other": ["vote"]}


class Robot(Log):
    """A log whose council lets a robot admit members."""

    def __init__(self, **terms: Any) -> None:
        super().__init__()
        self.seat_council()
        self.keys: dict[str, bytes] = {}
        self.lent: dict[str, bytes] = {}
        self.approval_digest = self.decide_on({**TERMS, **terms})

    def decide_on(self, terms: dict[str, Any] | None) -> bytes:
        fields: dict[str, Any] = {"kind": "automation"} | ({"automation": terms} if terms else {})
        proposed = self.act(self.chair, "council.propose/1", fields)
        self.matter = identifier(documents.parse(proposed).digest)
        self.vote()
        self.tick(60)
        raw = self.put(self.approval())
        return documents.parse(raw).digest

    def lend(self, who: Person, acts: list[str], **changed: Any) -> bytes:
        """A `council.delegate/1`, not yet put."""
        key = self.random()
        self.keys[who.id] = key
        pub = signatures.public_key(key)
        proof = signatures.sign(key, documents.possession(pub, who.id, 0, self.approval_digest))
        fields = {"re": [self.approval_digest], "key": pub, "proof": proof, "acts": acts}
        return self.statement(who, "council.delegate/1", fields | {"until": START + 50 * DAY} | changed)

    def lend_all(self) -> None:
        for place, who in enumerate(self.council):
            acts = ACTS["chair" if place == 0 else "secretary" if place == 1 else "other"]
            raw = self.put(self.lend(who, acts))
            self.lent[who.id] = documents.parse(raw).digest

    def key(self, who: Person) -> bytes:
        return self.keys[who.id]

    def applied(self) -> str:
        """An identified application; gives its id."""
        who = self.person()
        self.agree(who)
        consent = {"purpose": "membership", "operator": self.id, "fields": ["name"]}
        self.act(who, "consent.give/1", consent | {"text": self.texts["privacy"]}, sub=who.id)
        fees = {"entrance": {"amount": 1000, "currency": "EUR"}, "share": {"amount": 2500, "currency": "EUR"}}
        fields: dict[str, Any] = {"person": "person", "charter": self.charter, **fees}
        raw = self.act(who, "membership.apply/1", fields, sub=who.id)
        self.application = documents.parse(raw).digest
        self.tick(60)
        seen = {"re": [self.application], "method": "in_person", "level": 1}
        self.act(self.secretary, "membership.identify/1", seen, sub=identifier(self.application))
        return identifier(self.application)

    def complete(self) -> bytes:
        return self.statement(
            self.secretary,
            "membership.complete/1",
            {"re": [self.application]},
            sub=identifier(self.application),
            seed=self.key(self.secretary),
        )

    def sent_on(self) -> None:
        self.applied()
        self.matter = identifier(documents.parse(self.put(self.complete())).digest)

    def by_robot(self, who: Person, choice: str = "for", **more: Any) -> bytes:
        return self.ballot(who, choice, seed=self.key(who), **more)

    def robot_approval(self, **changed: Any) -> bytes:
        raw = self.approval(**changed)
        parsed = documents.parse(raw)
        fields = {key: value for key, value in parsed.payload.items() if key not in ("type", "private")}
        return self.statement(
            self.chair,
            "council.approve/1",
            fields,
            sub=self.matter,
            seen=self.seen(),
            private={},
            seed=self.key(self.chair),
        )

    def view(self) -> View:
        return View(self.replica.state, council.DOMAIN)


@pytest.fixture
def log() -> Robot:
    made = Robot()
    made.lend_all()
    return made


def test_an_admission_without_a_human_hand(log: Robot) -> None:
    log.sent_on()
    for who in log.council[:4]:
        log.put(log.by_robot(who))
    raw = log.put(log.robot_approval())
    matter = log.view().need("matter", log.matter, council.Matter)
    assert (matter.status, matter.outcome) == ("approved", "adopted")
    statement = documents.parse(raw)
    # whose responsibility it is stands in the document, and that it was not their own key
    assert statement.iss == log.chair.id and statement.kid != log.chair.pub
    log.pay()


def test_never_against(log: Robot) -> None:
    log.sent_on()
    for choice in ("against", "abstain"):
        assert log.refused(log.by_robot(log.council[3], choice)) == "robot_not_allowed"


def test_a_rejection_is_not_approved_by_the_robot(log: Robot) -> None:
    log.sent_on()
    for who in log.council:
        log.put(log.ballot(who, "against"))
    assert log.refused(log.robot_approval(outcome="rejected")) == "robot_not_allowed"


def test_other_matters_are_left_to_people(log: Robot) -> None:
    raw = log.act(log.chair, "council.propose/1", {"kind": "free"})
    log.matter = identifier(documents.parse(raw).digest)
    assert log.refused(log.by_robot(log.council[3])) == "robot_not_allowed"


@pytest.mark.parametrize(
    ("type", "fields"),
    [
        ("council.propose/1", {"kind": "free"}),
        ("council.comment/1", {"matter": "a" * 52}),
        ("council.return/1", {"matter": "a" * 52, "round": 1}),
        ("consent.withdraw/1", {"re": [bytes(32)]}),
        ("council.undelegate/1", {"re": [bytes(32)]}),
    ],
)
def test_a_lent_key_signs_nothing_else(log: Robot, type: str, fields: dict[str, Any]) -> None:
    raw = log.statement(log.secretary, type, fields, seed=log.key(log.secretary))
    assert log.refused(raw) == "robot_not_allowed"


def test_nobody_else_with_a_lent_key(log: Robot) -> None:
    log.sent_on()
    assert log.refused(log.ballot(log.council[4], seed=log.key(log.council[3]))) == "unknown_key"


def test_only_the_acts_lent(log: Robot) -> None:
    log.applied()
    raw = log.statement(
        log.council[3],
        "membership.complete/1",
        {"re": [log.application]},
        sub=identifier(log.application),
        seed=log.key(log.council[3]),
    )
    assert log.refused(raw) == "robot_not_allowed"


def test_so_many_a_day(log: Robot) -> None:
    for _ in range(2):
        log.sent_on()
        log.put(log.by_robot(log.council[3]))
    log.applied()
    assert log.refused(log.complete()) == "robot_quota"
    log.tick(DAY)
    log.put(log.complete())


@pytest.mark.parametrize(
    ("terms", "lent", "code"),
    [
        ({"persons": ["organisation"]}, {}, "robot_not_allowed"),
        ({"level": 2}, {}, "robot_not_allowed"),
        ({"max_sum": 3499}, {}, "robot_sum"),
        ({"max_sum": 3500}, {"max_sum": 3499}, "robot_sum"),
        ({"max_sum": 3500}, {"max_sum": 3500}, None),
    ],
)
def test_limits_of_decision_and_member(terms: dict[str, Any], lent: dict[str, Any], code: str | None) -> None:
    log = Robot(**terms)
    log.put(log.lend(log.secretary, ["complete"], **lent))
    log.applied()
    if code is None:
        log.put(log.complete())
    else:
        assert log.refused(log.complete()) == code


def test_taken_back_at_once_by_whoever_lent_it(log: Robot) -> None:
    log.sent_on()
    four = log.council[3]
    stranger = log.statement(log.council[4], "council.undelegate/1", {"re": [log.lent[four.id]]})
    assert log.refused(stranger) == "unknown_delegation"
    log.act(four, "council.undelegate/1", {"re": [log.lent[four.id]]})
    assert log.refused(log.by_robot(four)) == "key_revoked"
    log.put(log.by_robot(log.council[4]))
    log.put(log.ballot(four, "against"))  # and people vote as ever


def test_what_a_stolen_device_lent_ends_with_its_key(log: Robot) -> None:
    """The owner revokes the device's key: the robot's key made with it goes too, and so does its ballot."""
    log.sent_on()
    four, since = log.council[3], log.now
    log.put(log.by_robot(four))
    assert log.view().need("matter", log.matter, council.Matter).box.counts.for_ == 1
    new = log.random()
    four.events.append(log.put(log.add_key(four, new)))
    revoke = {"key": four.pub, "suspected_from": since}
    log.put(log.statement(four, "account.revoke/1", revoke, sub=four.id, seed=new))
    assert council.delegation(log.view(), four.id) is None
    assert log.view().need("matter", log.matter, council.Matter).box.counts.for_ == 0
    assert log.refused(log.by_robot(four, sequence=1)) == "key_revoked"


def test_another_devices_loan_stays(log: Robot) -> None:
    four, new = log.council[3], log.random()
    four.events.append(log.put(log.add_key(four, new)))
    log.put(log.statement(four, "account.revoke/1", {"key": signatures.public_key(new)}, sub=four.id))
    log.sent_on()
    log.put(log.by_robot(four))


def test_lending_anew_begins_no_new_day(log: Robot) -> None:
    for _ in range(2):
        log.sent_on()
    log.put(log.lend(log.secretary, ["complete"]))
    log.applied()
    assert log.refused(log.complete()) == "robot_quota"


def test_any_voter_stops_the_robot(log: Robot) -> None:
    log.sent_on()
    outsider = log.person()
    stop = {"re": [log.approval_digest]}
    assert log.refused(log.statement(outsider, "council.undelegate/1", stop)) == "not_allowed"
    log.act(log.council[4], "council.undelegate/1", stop)
    assert council.in_force(log.view(), log.now) is None
    assert log.refused(log.by_robot(log.council[3])) == "automation_ended"
    assert log.refused(log.statement(log.council[4], "council.undelegate/1", stop)) == "automation_ended"


def test_a_persons_ballot_replaces_the_robots(log: Robot) -> None:
    log.sent_on()
    log.put(log.by_robot(log.council[3]))
    log.put(log.ballot(log.council[3], "against", sequence=2))
    counts = log.view().need("matter", log.matter, council.Matter).box.counts
    assert (counts.for_, counts.against) == (0, 1)


def test_terms_and_delegations_run_out(log: Robot) -> None:
    log.sent_on()
    log.tick(50 * DAY)
    log.applied()
    assert log.refused(log.complete()) == "automation_ended"


def test_a_new_decision_ends_what_was_lent(log: Robot) -> None:
    log.applied()
    log.approval_digest = log.decide_on({**TERMS, "per_day": 5})
    assert log.refused(log.complete()) == "automation_ended"
    log.decide_on(None)
    assert council.in_force(log.view(), log.now) is None


def test_an_office_lost_ends_its_acts(log: Robot) -> None:
    """The secretary's seat stays; who does not hold the office any more cannot use the key for it."""
    pub = signatures.public_key(log.key(log.council[3]))
    status = council.robot_status(log.view(), log.council[3].id, pub, "council.approve/1", log.now)
    assert status == "robot_not_allowed"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"kinds": ["free"]}, "not_automatable"),
        ({"kinds": ["admission", "admission"]}, "not_automatable"),
        ({"persons": ["person", "person"]}, "not_automatable"),
        ({"until": START - 1}, "until_passed"),
        ({"until": START + 400 * DAY}, "term_too_long"),
    ],
)
def test_terms_refused(log: Robot, changed: dict[str, Any], code: str) -> None:
    fields = {"kind": "automation", "automation": {**TERMS, **changed}}
    assert log.refused(log.statement(log.chair, "council.propose/1", fields)) == code


def test_terms_stand_only_in_their_matter(log: Robot) -> None:
    fields = {"kind": "free", "automation": TERMS}
    assert log.refused(log.statement(log.chair, "council.propose/1", fields)) == "terms_unexpected"


def test_the_charter_may_forbid_it() -> None:
    log = Log()
    log.seat_council({"council.auto.types": []})
    fields = {"kind": "automation", "automation": TERMS}
    assert log.refused(log.statement(log.chair, "council.propose/1", fields)) == "not_automatable"
    log = Log()
    log.seat_council({"council.auto.chair_approval": False})
    assert log.refused(log.statement(log.chair, "council.propose/1", fields)) == "not_automatable"


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"acts": ["approve"]}, "not_allowed"),
        ({"acts": ["vote", "vote"]}, "act_repeated"),
        ({"until": START}, "until_passed"),
        ({"until": START + 101 * DAY}, "term_too_long"),
        ({"re": [bytes(32)]}, "automation_ended"),
        ({"proof": bytes(64)}, "no_possession"),
    ],
)
def test_delegations_refused(log: Robot, changed: dict[str, Any], code: str) -> None:
    acts = changed.pop("acts", ["vote"])
    assert log.refused(log.lend(log.council[3], acts, **changed)) == code


def test_every_delegation_has_a_key_of_its_own(log: Robot) -> None:
    three, four = log.council[3:5]
    used = signatures.public_key(log.key(three))
    assert log.refused(log.lend(four, ["vote"], key=used)) == "key_taken"
    assert log.refused(log.lend(four, ["vote"], key=four.pub)) == "key_taken"


def test_the_chairs_signature_only_if_the_council_said_so() -> None:
    log = Robot(chair=False)
    assert log.refused(log.lend(log.chair, ["approve"])) == "robot_not_allowed"


def test_whoever_is_no_officer_lends_nothing(log: Robot) -> None:
    assert log.refused(log.lend(log.person(), ["vote"])) == "not_allowed"


def test_without_a_decision_nothing_is_lent() -> None:
    log = Log()
    log.seat_council()
    key = log.random()
    fields = {"re": [bytes(32)], "key": signatures.public_key(key), "proof": bytes(64), "acts": ["vote"]}
    raw = log.statement(log.council[3], "council.delegate/1", fields | {"until": START + DAY})
    assert log.refused(raw) == "automation_ended"


def test_a_replay_agrees(log: Robot) -> None:
    log.sent_on()
    for who in log.council[:4]:
        log.put(log.by_robot(who))
    log.put(log.robot_approval())
    again = type(log.replica)()
    for raw in log.entries:
        assert isinstance(again.append(raw), Accepted)
    assert again.digest() == log.replica.digest()
