"""The decision engine against a naive recount (SPEC §8.1; R81, R136, R200, P10, P17, P19)."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from hashlib import sha256
from itertools import permutations
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from protocol import acts, decisions, encoding, merkle
from protocol.contract import Rejection
from protocol.contracts import agreements, consents, council, founding, membership
from protocol.decisions import Ballot, Box, Cast, Choice, Counts, Electorate, Rule
from protocol.effects import ROUTES
from protocol.encoding import Value

CHOICES: tuple[Choice, ...] = ("for", "against", "abstain")
CLOSES = 1000
MAJORITY = Rule(quorum=(3, 4), majority=(1, 2))
CASTING = Rule(quorum=(3, 4), majority=(1, 2), quorum_chair=True, casting="chair")


def box(size: int = 4) -> Box:
    return decisions.open_box(Electorate(7, size, bytes(32)), 1, 0, CLOSES, 60)


def vote(sequence: int, choice: Choice = "for", *, iat: int = 10, key: int = 1, name: str = "") -> Cast:
    names = (name,) if name else ()
    digest = sha256(repr((sequence, choice, iat, key, name)).encode()).digest()
    return Cast(sequence, choice, iat, bytes([key]) * 32, digest, names)


def counted(state: Box, ballot: Ballot | None, cast: Cast, tick: int = 10) -> tuple[Box, Ballot]:
    result = decisions.cast(state, ballot, cast, tick)
    assert not isinstance(result, Rejection), result
    return result


def refused(ballot: Ballot | None, cast: Cast, tick: int = 10) -> str:
    result = decisions.cast(box(), ballot, cast, tick)
    assert isinstance(result, Rejection)
    assert result.code in decisions.CODES
    return result.code


def tally(for_: int, against: int, abstain: int = 0) -> Counts:
    return Counts(for_, against, abstain)


# --- ballots --------------------------------------------------------------------------------------------


@given(st.lists(st.sampled_from(CHOICES), min_size=1, max_size=5), st.data())
def test_the_highest_sequence_counts_in_any_order_of_arrival(
    choices: list[Choice], data: st.DataObject
) -> None:
    """P19"""
    casts = [vote(number, choice) for number, choice in enumerate(choices)]
    results = set()
    for order in (casts, data.draw(st.permutations(casts))):
        state, ballot = box(), None
        for cast in order:
            state, ballot = counted(state, ballot, cast)
        assert ballot is not None
        results.add((decisions.counting(ballot), state, ballot))
    assert len(results) == 1
    final = results.pop()[0]
    assert final is not None and final.choice == choices[-1]


steps = st.lists(
    st.tuples(
        st.integers(0, 3),  # voter
        st.integers(0, 40),  # sequence, or time from which a key is suspected
        st.sampled_from(CHOICES),
        st.integers(1, 2),  # key
        st.booleans(),  # revoke instead of voting
    ),
    max_size=40,
)


@given(steps)
def test_counts_equal_a_naive_recount(script: list[tuple[int, int, Choice, int, bool]]) -> None:
    """P10, P19: whatever is cast, refused and revoked."""
    state, ballots = box(), dict[int, Ballot]()
    logged: dict[int, list[Cast]] = {}
    dead: set[tuple[int, bytes]] = set()
    for voter, number, choice, key, revoking in script:
        cast = vote(number, choice, iat=number, key=key)
        if revoking:
            if voter in ballots:
                state, ballots[voter] = decisions.revoke(state, ballots[voter], cast.kid, number)
                dead.add((voter, cast.kid))
                kept = [item for item in logged[voter] if item.kid != cast.kid or item.iat < number]
                logged[voter] = kept
            continue
        result = decisions.cast(state, ballots.get(voter), cast, 10)
        if not isinstance(result, Rejection):
            state, ballots[voter] = result
            logged.setdefault(voter, []).append(cast)
    final = []
    for voter, casts in logged.items():
        live = [item for item in casts if (voter, item.kid) not in dead] or casts
        if live:
            final.append(max(live, key=lambda item: (item.sequence, item.digest)).choice)
    assert state.counts == tally(*(final.count(choice) for choice in CHOICES))


def test_grace() -> None:
    """P17: signed by the deadline and here within the grace time."""
    assert counted(box(), None, vote(0, iat=CLOSES), CLOSES + 60)[0].counts.ballots == 1
    assert refused(None, vote(0, iat=CLOSES), CLOSES + 61) == "voting_closed"
    assert refused(None, vote(0, iat=CLOSES + 1), CLOSES + 1) == "voting_closed"


def test_sequence_window() -> None:
    """P19"""
    _, ballot = counted(box(), None, vote(16))
    assert refused(None, vote(17)) == "sequence_too_far"
    assert counted(box(), ballot, vote(32))
    assert refused(ballot, vote(33)) == "sequence_too_far"
    late = Ballot((vote(2**31 - 2),))
    assert counted(box(), late, vote(2**31 - 1))
    assert refused(late, vote(2**31)) == "sequence_too_far"


def test_one_sequence_twice() -> None:
    """P19: a different ballot is the voter's fault, the same one is only resent; older numbers are free."""
    state, ballot = counted(*counted(box(), None, vote(1, "for")), vote(3, "against"))
    assert refused(ballot, vote(1, "against")) == "sequence_taken"
    assert refused(ballot, vote(1, "for", name="x")) == "sequence_taken"
    assert refused(ballot, vote(1, "for", iat=11)) == "ballot_repeated"
    state, _ = counted(state, ballot, vote(2, "abstain"))
    assert state.counts == tally(0, 1)


def test_at_most_fifty_ballots() -> None:
    """P19"""
    state, ballot = counted(box(), None, vote(0))
    for number in range(1, 50):
        state, ballot = counted(state, ballot, vote(number))
    assert refused(ballot, vote(50)) == "too_many_ballots"


def test_a_stolen_key_uses_up_neither_numbers_nor_ballots() -> None:
    """P10, P19"""
    state, ballot = counted(box(), None, vote(1, "for", key=1))
    for number in range(2, 51):
        state, ballot = counted(state, ballot, vote(number, "against", key=2, iat=500))
    state, ballot = decisions.revoke(state, ballot, vote(0, key=2).kid, None)
    assert state.counts == tally(1, 0), "a valid key's ballot wins over any of a revoked one"
    state, ballot = counted(state, ballot, vote(2, "abstain", key=1))
    assert state.counts == tally(0, 0, 1)
    assert decisions.cast(state, ballot, vote(3, key=2), 10) == Rejection("key_revoked", "kid")


def test_revoked_ballots() -> None:
    """P10: unsuspected ones stand while there is no other; suspected ones are gone."""
    state, ballot = counted(*counted(box(), None, vote(1, "for", iat=100)), vote(2, "against", iat=200))
    kid = vote(0).kid
    assert decisions.revoke(state, ballot, kid, None)[0].counts == tally(0, 1)
    assert decisions.revoke(state, ballot, kid, 201)[0].counts == tally(0, 1)
    assert decisions.revoke(state, ballot, kid, 200)[0].counts == tally(1, 0)
    empty, none = decisions.revoke(state, ballot, kid, 100)
    assert empty.counts == decisions.NONE_YET and decisions.counting(none) is None
    assert decisions.revoke(empty, none, kid, 100) == (empty, none)


# --- rules ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "counts", "size", "chair", "expected"),
    [
        (MAJORITY, tally(3, 0), 4, None, "adopted"),  # quorum at the edge: 3/4 of 4
        (MAJORITY, tally(2, 0), 4, None, "expired"),
        (MAJORITY, tally(6, 0), 8, None, "adopted"),
        (MAJORITY, tally(5, 0), 8, None, "expired"),
        (MAJORITY, tally(5, 0), 7, None, "expired"),  # 5.25 of 7
        (MAJORITY, tally(6, 0), 7, None, "adopted"),
        (MAJORITY, tally(2, 2), 4, None, "rejected"),  # R136: strictly more than half
        (MAJORITY, tally(2, 1, 1), 4, None, "rejected"),  # A16: abstentions are in the base
        (MAJORITY, tally(3, 1), 4, None, "adopted"),
        (CASTING, tally(3, 0), 4, None, "expired"),  # the chair has to take part
        (CASTING, tally(3, 0), 4, "for", "adopted"),
        (CASTING, tally(2, 2), 4, "for", "adopted"),  # R200
        (CASTING, tally(2, 2), 4, "against", "rejected"),  # R200
        (CASTING, tally(1, 1, 1), 4, "abstain", "rejected"),  # A19
        (CASTING, tally(1, 1, 1), 4, "for", "adopted"),
        (CASTING, tally(0, 0, 4), 4, "abstain", "rejected"),
        (
            replace(CASTING, majority=(2, 3)),
            tally(2, 2),
            4,
            "for",
            "rejected",
        ),  # no tie without a simple majority
        (replace(CASTING, base="electorate"), tally(2, 2), 5, "for", "rejected"),
        (replace(CASTING, base="electorate"), tally(3, 1), 5, "for", "adopted"),
        (replace(CASTING, base="electorate"), tally(2, 2), 4, "for", "adopted"),
        (Rule((1, 2), (3, 4), strict=False), tally(3, 1), 4, None, "adopted"),  # just three quarters
        (Rule((1, 2), (3, 4)), tally(3, 1), 4, None, "rejected"),
        (Rule((1, 1), (1, 1), "electorate", False), tally(5, 0), 5, None, "adopted"),
        (Rule((1, 1), (1, 1), "electorate", False), tally(4, 0, 1), 5, None, "rejected"),
        (Rule((0, 1), (1, 2)), tally(0, 0), 5, None, "rejected"),
    ],
)
def test_outcome(rule: Rule, counts: Counts, size: int, chair: Choice | None, expected: str) -> None:
    assert decisions.outcome(rule, counts, size, chair) == expected


fractions = st.integers(1, 12).flatmap(lambda d: st.tuples(st.integers(0, d), st.just(d)))
rules = st.builds(
    Rule,
    quorum=fractions,
    majority=fractions.filter(lambda f: f[0] > 0),
    base=st.sampled_from(("ballots", "electorate")),
    strict=st.booleans(),
    quorum_chair=st.booleans(),
    casting=st.sampled_from((None, "chair")),
)
elections = st.lists(st.sampled_from((None, *CHOICES)), min_size=1, max_size=9)


def judged(rule: Rule, ballots: Iterable[Choice | None]) -> str:
    """The first place is the chair's."""
    cast = list(ballots)
    counts = tally(*(cast.count(choice) for choice in CHOICES))
    return decisions.outcome(rule, counts, len(cast), cast[0])


@given(rules, elections, st.integers(0, 8))
def test_a_ballot_in_favour_never_undoes_a_carried_matter(
    rule: Rule, ballots: list[Choice | None], at: int
) -> None:
    """Without the casting vote always; with it as long as nobody abstains (see the module)."""
    if rule.casting and "abstain" in ballots:
        rule = replace(rule, casting=None)
    if judged(rule, ballots) == "adopted":
        ballots[at % len(ballots)] = "for"
        assert judged(rule, ballots) == "adopted"


def test_the_known_exception() -> None:
    assert judged(CASTING, ["for", "for", "against", "against", "abstain"]) == "adopted"
    assert judged(CASTING, ["for", "for", "for", "against", "against", "abstain"]) == "rejected"


@given(rules, elections, st.data())
def test_settled_means_that_no_ballot_to_come_changes_it(
    rule: Rule, ballots: list[Choice | None], data: st.DataObject
) -> None:
    counts = tally(*(ballots.count(choice) for choice in CHOICES))
    if not decisions.settled(rule, counts, len(ballots), ballots[0]):
        return
    before = judged(rule, ballots)
    assert before != "expired"
    later = [choice or data.draw(st.sampled_from((None, *CHOICES))) for choice in ballots]
    assert judged(rule, later) == before


@pytest.mark.parametrize(
    ("counts", "size", "chair", "expected"),
    [
        (tally(3, 0), 4, "for", True),  # more than half of all, and a quorum
        (tally(3, 0), 4, None, False),  # the chair is missing from the quorum
        (tally(2, 1), 4, "for", False),
        (tally(0, 3), 4, "against", True),
        (tally(1, 2), 4, "for", False),  # one more could make a tie
        (tally(2, 2), 4, "for", True),  # everybody has voted
        (tally(4, 0), 8, "for", False),
    ],
)
def test_settled(counts: Counts, size: int, chair: Choice | None, expected: bool) -> None:
    assert decisions.settled(CASTING, counts, size, chair) is expected


@pytest.mark.parametrize(
    ("votes", "ballots", "places", "expected"),
    [
        ({"b": 5, "a": 5, "c": 3}, 5, 3, ("a", "b", "c")),
        ({"a": 5, "b": 2}, 5, 3, ("a",)),  # A17: above the majority only
        ({"a": 2, "b": 2}, 4, 2, ()),  # half is not more than half
        ({"a": 4, "b": 3, "c": 3}, 5, 2, ("a",)),  # a tie for the last place leaves it empty
        ({"a": 4, "b": 4, "c": 3}, 5, 2, ("a", "b")),
        ({}, 0, 3, ()),
    ],
)
def test_elected(votes: dict[str, int], ballots: int, places: int, expected: tuple[str, ...]) -> None:
    assert decisions.elected(votes, ballots, places) == expected


# --- digests --------------------------------------------------------------------------------------------


def test_electorate_root_is_of_a_set() -> None:
    roots = {decisions.electorate_root(order) for order in permutations(("a", "b", "c"))}
    assert roots == {merkle.root([merkle.leaf_hash(name) for name in (b"a", b"b", b"c")])}


def test_result_digest() -> None:
    state = replace(box(), counts=tally(1, 1))
    first, second = vote(1).digest, vote(2).digest
    digest = decisions.result_digest("m", state, [first, second])
    assert digest == decisions.result_digest("m", state, [second, first])
    ballots = merkle.root([merkle.leaf_hash(item) for item in sorted((first, second))])
    expected: Value = {
        "matter": "m",
        "round": 1,
        "electorate": {"index": 7, "size": 4, "root": bytes(32)},
        "counts": {"for": 1, "against": 1, "abstain": 0},
        "ballots": ballots,
    }
    assert digest == sha256(encoding.encode(expected)).digest()
    assert decisions.result_digest("m", box(), []) != decisions.result_digest("n", box(), [])
    assert len({digest, decisions.result_digest("m", state, [first])}) == 2


# --- tables ---------------------------------------------------------------------------------------------


def _source(module: ModuleType) -> str:
    """Of a module, or of all modules of a package."""
    files = [Path(inspect.getfile(module))]
    if hasattr(module, "__path__"):
        files = sorted(files[0].parent.glob("*.py"))
    return "".join(file.read_text() for file in files)


@pytest.mark.parametrize("module", [acts, decisions, agreements, consents, council, founding, membership])
def test_every_refusal_is_listed(module: ModuleType) -> None:
    """`CODES` is what the page of errors and the words for people are made of."""
    written = set(re.findall(r'Rejection\(\s*"([a-z_]+)"', _source(module)))
    written |= {"ballot_repeated", "sequence_taken"} if module is decisions else set()
    assert written <= set(module.CODES) | set(acts.CODES)
    shared = set(decisions.CODES) if module in (council, founding) else set()
    assert set(module.CODES) <= written | shared | set(acts.CODES) & set(module.CODES)


def test_routes_name_their_ends() -> None:
    """Every effect is made where the table says, and a reactor has something to do with it."""
    modules = {module.DOMAIN: module for module in (council, founding, membership)}
    for name, route in ROUTES.items():
        if route.emitter in modules:
            assert f'"{name}"' in _source(modules[route.emitter])
        for reactor in route.reactors:
            if reactor in modules:
                assert route.data.__name__ in inspect.getsource(modules[reactor].react)
