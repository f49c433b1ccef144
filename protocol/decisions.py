"""The one way decisions are counted: council, meetings, plenipotentiaries, delegates (SPEC §8.1).

Pure data and functions, exact integers. A contract keeps a `Box` per matter and round and a `Ballot` per
voter, asks `cast` when a ballot arrives, and `outcome` when the box closes. What holds whatever arrives in
whatever order:

- the counting ballot of a voter is the one with the highest sequence among those of keys not revoked, and
  only when there is none, the highest of a revoked key (P19);
- the counts of a box equal a recount of the counting ballots;
- a ballot signed after the deadline never counts, one signed before it counts if it arrives within the
  grace time (P17);
- a carried matter stays carried when a ballot turns in its favour, as long as nobody abstains (with
  abstentions a tie can turn into a majority too small for the rule: 2 : 2 and one abstention is decided by
  the chair, 3 : 2 and one is not carried).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Annotated, Final, Literal, TypeAlias

from msgspec import Meta, field
from msgspec.structs import replace

from protocol import encoding, merkle
from protocol.contract import Record, Rejection

Choice: TypeAlias = Literal["for", "against", "abstain"]
Outcome: TypeAlias = Literal["adopted", "rejected", "expired"]
Fraction: TypeAlias = tuple[int, int]

#: A voter's sequence may run this far ahead of the highest logged one: a stolen key cannot use up the
#: numbers (P19).
SEQUENCE_WINDOW: Final = 16
MAX_SEQUENCE: Final = 2**31 - 1
MAX_BALLOTS: Final = 50
HALF: Final[Fraction] = (1, 2)
NO_BALLOTS: Final = bytes(32)

CODES: Final[Mapping[str, str]] = {
    "ballot_repeated": "A ballot with this sequence and the same choice is logged already.",
    "key_revoked": "The voter's key has been revoked.",
    "sequence_taken": "A different ballot with this sequence is logged already.",
    "sequence_too_far": "The sequence is more than 16 beyond the highest logged one.",
    "too_many_ballots": "The voter has cast 50 ballots in this matter.",
    "voting_closed": "The ballot was signed after the deadline or came after the grace time.",
}


class Rule(Record, frozen=True):
    """What a matter needs to be carried, frozen when it opens."""

    quorum: Fraction
    majority: Fraction
    base: Literal["ballots", "electorate"] = "ballots"
    #: more than the fraction, not just as much
    strict: bool = True
    quorum_chair: bool = False
    #: whose ballot decides a tie
    casting: str | None = None


class Electorate(Record, frozen=True):
    """Who may vote, frozen at a log index. `size` counts entitled places, a vacant seat among them;
    `root` is over accounts.
    """

    index: int
    size: int
    root: bytes


class Counts(Record, frozen=True):
    for_: Annotated[int, Meta(ge=0)] = field(name="for")
    against: Annotated[int, Meta(ge=0)]
    abstain: Annotated[int, Meta(ge=0)]

    @property
    def ballots(self) -> int:
        return self.for_ + self.against + self.abstain


class Box(Record, frozen=True):
    """One round of one matter. `closes` binds the ballot's `iat`, `until` its arrival."""

    electorate: Electorate
    round: int
    opens: int
    closes: int
    until: int
    counts: Counts


class Cast(Record, frozen=True):
    """One logged ballot. `names` are the persons voted for, in the contract's own order."""

    sequence: int
    choice: Choice
    iat: int
    kid: bytes
    digest: bytes
    names: tuple[str, ...] = ()


class Ballot(Record, frozen=True):
    """Everything one voter has cast in one box, ascending by (sequence, digest): later revocations may
    bring back an earlier one.
    """

    casts: tuple[Cast, ...] = ()
    revoked: tuple[bytes, ...] = ()


NONE_YET: Final = Counts(0, 0, 0)


def open_box(electorate: Electorate, round: int, opens: int, closes: int, grace: int) -> Box:
    return Box(electorate, round, opens, closes, closes + grace, NONE_YET)


def electorate_root(accounts: Iterable[str]) -> bytes:
    """Merkle root of the account ids in ascending order."""
    return merkle.root([merkle.leaf_hash(account.encode()) for account in sorted(accounts)])


def simple_majority(majority: Fraction) -> bool:
    return majority == HALF


# --- ballots --------------------------------------------------------------------------------------


def counting(ballot: Ballot) -> Cast | None:
    """The cast that counts now: the last one, of a valid key if there is any."""
    casts, revoked = ballot.casts, ballot.revoked
    if revoked:
        casts = tuple(cast for cast in casts if cast.kid not in revoked) or casts
    return casts[-1] if casts else None


def cast(box: Box, ballot: Ballot | None, vote: Cast, tick: int) -> tuple[Box, Ballot] | Rejection:
    """The box and the voter's record with one more ballot (P17, P19)."""
    before = ballot or Ballot()
    if vote.iat > box.closes or tick > box.until:
        return Rejection("voting_closed", "iat", {"closes": box.closes})
    if vote.kid in before.revoked:
        return Rejection("key_revoked", "kid")
    # Ballots of revoked keys neither use up the voter's numbers nor occupy them.
    own = before.casts
    if before.revoked:
        own = tuple(logged for logged in own if logged.kid not in before.revoked)
    highest = own[-1].sequence if own else 0
    if vote.sequence > min(highest + SEQUENCE_WINDOW, MAX_SEQUENCE):
        return Rejection("sequence_too_far", "sequence", {"highest": highest})
    for logged in own if vote.sequence <= highest else ():
        if logged.sequence == vote.sequence:
            same = (logged.choice, logged.names) == (vote.choice, vote.names)
            return Rejection("ballot_repeated" if same else "sequence_taken", "sequence")
    if len(own) >= MAX_BALLOTS:
        return Rejection("too_many_ballots", "sequence", {"limit": MAX_BALLOTS})
    after = Ballot(_in_order(before.casts, vote), before.revoked)
    return _recounted(box, before, after), after


def _in_order(casts: tuple[Cast, ...], vote: Cast) -> tuple[Cast, ...]:
    if not casts or (casts[-1].sequence, casts[-1].digest) < (vote.sequence, vote.digest):
        return (*casts, vote)  # as almost always
    return tuple(sorted((*casts, vote), key=lambda item: (item.sequence, item.digest)))


def revoke(box: Box, ballot: Ballot, kid: bytes, suspected_from: int | None) -> tuple[Box, Ballot]:
    """A key is revoked while the box is open (P10): its suspected ballots go, the others give way to any
    of a valid key (P19).
    """
    casts = ballot.casts
    if suspected_from is not None:
        casts = tuple(item for item in casts if item.kid != kid or item.iat < suspected_from)
    revoked = ballot.revoked if kid in ballot.revoked else (*ballot.revoked, kid)
    after = Ballot(casts, revoked)
    return _recounted(box, ballot, after), after


def _recounted(box: Box, before: Ballot, after: Ballot) -> Box:
    counts = _add(_add(box.counts, counting(before), -1), counting(after), 1)
    return replace(box, counts=counts)


def _add(counts: Counts, vote: Cast | None, by: int) -> Counts:
    if vote is None:
        return counts
    return Counts(
        counts.for_ + by * (vote.choice == "for"),
        counts.against + by * (vote.choice == "against"),
        counts.abstain + by * (vote.choice == "abstain"),
    )


# --- results --------------------------------------------------------------------------------------


def quorate(rule: Rule, counts: Counts, electorate_size: int, chair_choice: Choice | None) -> bool:
    part, whole = rule.quorum
    if rule.quorum_chair and chair_choice is None:
        return False
    return counts.ballots * whole >= electorate_size * part


def outcome(rule: Rule, counts: Counts, electorate_size: int, chair_choice: Choice | None) -> Outcome:
    """`chair_choice` is the counting ballot of the person who presides, None when there is none."""
    if not quorate(rule, counts, electorate_size, chair_choice):
        return "expired"
    base = counts.ballots if rule.base == "ballots" else electorate_size
    if _exceeds(rule, counts.for_, base):
        return "adopted"
    if _tie(rule, counts, base) and rule.casting is not None and chair_choice == "for":
        return "adopted"
    return "rejected"


def settled(rule: Rule, counts: Counts, electorate_size: int, chair_choice: Choice | None) -> bool:
    """No ballot still to come can change the outcome (a changed one could: the approval closes the box)."""
    if not quorate(rule, counts, electorate_size, chair_choice):
        return False
    missing = electorate_size - counts.ballots
    if missing <= 0 or _exceeds(rule, counts.for_, electorate_size):
        return True
    best = counts.for_ + missing
    may_tie = rule.casting is not None and simple_majority(rule.majority) and best >= counts.against
    return not _exceeds(rule, best, electorate_size) and not may_tie


def _exceeds(rule: Rule, votes: int, base: int) -> bool:
    part, whole = rule.majority
    return votes * whole > base * part if rule.strict else votes * whole >= base * part


def _tie(rule: Rule, counts: Counts, base: int) -> bool:
    """As many for as against. Where the majority of all entitled is needed, only an even split of all of
    them is a tie.
    """
    if not simple_majority(rule.majority) or counts.for_ != counts.against:
        return False
    return rule.base == "ballots" or counts.for_ * 2 == base


def elected(votes: Mapping[str, int], ballots: int, places: int) -> tuple[str, ...]:
    """Whom more than half of the ballots name, most votes first (A17). Equal votes for the last place
    leave it empty.
    """
    passed = sorted(
        (item for item in votes.items() if item[1] * 2 > ballots), key=lambda item: (-item[1], item[0])
    )
    if len(passed) > places:
        cut = passed[places][1]
        passed = [item for item in passed[:places] if item[1] > cut]
    return tuple(account for account, _ in passed)


def result_digest(matter: str, box: Box, ballots: Iterable[bytes]) -> bytes:
    """What approvals and minutes sign: counts and the document digests of the ballots that made them."""
    leaves = [merkle.leaf_hash(digest) for digest in sorted(ballots)]
    electorate, counts = box.electorate, box.counts
    return sha256(
        encoding.encode(
            {
                "matter": matter,
                "round": box.round,
                "electorate": {"index": electorate.index, "size": electorate.size, "root": electorate.root},
                "counts": {"for": counts.for_, "against": counts.against, "abstain": counts.abstain},
                "ballots": merkle.root(leaves) if leaves else NO_BALLOTS,
            }
        )
    ).digest()
