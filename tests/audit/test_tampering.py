"""Every way to falsify a log that the rules P1–P20 name, and the entry and code the audit answers with.

A *file* attack changes what is copied or carried and cannot sign. A *node* attack comes from the
cooperative's own node: it puts a statement that the rules forbid into its tree and signs the head over it
with the real log
key. In both the audit must name the first bad entry. docs/tampering.md is made of what is found here.
"""

from __future__ import annotations

import functools
import shutil
import threading
from collections.abc import Callable, Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from coopnode.audit import Report, audit, open_source
from protocol import checkpoints, commitments, documents, encoding, merkle, methodology, registry, signatures
from protocol.checkpoints import Checkpoint
from protocol.documents import Seen, Statement
from protocol.identifiers import identifier
from protocol.tiles import Tile, decode_bundle, encode_bundle
from tests.audit import logs, page
from tests.audit.logs import DAY, START, Log, Person, assemble, key

#: The group order of Ed25519 and a point of small order (the identity's double, order 4).
ORDER = 2**252 + 27742317777372353535851937790883648493
SMALL = bytes(32)


@pytest.fixture(scope="module")
def honest() -> Log:
    """Decided, paid: nothing open."""
    return logs.example()


def run(log: Log, folder: Path, **options: Any) -> Report:
    return audit(open_source(str(log.write(folder))), **options)


def flip(path: Path, at: int) -> None:
    data = bytearray(path.read_bytes())
    data[at] ^= 1
    path.write_bytes(data)


def test_honest_log_passes(honest: Log, tmp_path: Path) -> None:
    found = run(honest, tmp_path, expect=honest.id, since=honest.checkpoint(20))
    assert found.ok, found.problem
    assert found.entries == found.size == found.signatures == len(honest.entries)
    assert found.state_digest == honest.replica.digest()
    assert found.results == 1
    assert found.notes == ()
    assert "No contradiction" in found.to_text()
    assert "Противоречий не найдено" in found.to_text("ru")
    assert found.to_json()["ok"] is True


# --- files ----------------------------------------------------------------------------------------


def bundle_of(folder: Path, log: Log) -> Path:
    return folder / Tile("entries", 0, len(log.entries)).path


def tile_of(folder: Path, log: Log) -> Path:
    return folder / Tile(0, 0, len(log.entries)).path


def rewrite(folder: Path, log: Log, change: Callable[[list[bytes]], list[bytes]]) -> None:
    """The entries change, tiles and head stay."""
    path = bundle_of(folder, log)
    path.write_bytes(encode_bundle(change(decode_bundle(path.read_bytes()))))


def offset(log: Log, index: int) -> int:
    return sum(2 + len(raw) for raw in log.entries[:index]) + 2


def flip_entry(folder: Path, log: Log) -> None:
    flip(bundle_of(folder, log), offset(log, 30) + 50)


def flip_genesis(folder: Path, log: Log) -> None:
    flip(bundle_of(folder, log), offset(log, 0) + len(log.entries[0]) - 70)


def flip_length(folder: Path, log: Log) -> None:
    flip(bundle_of(folder, log), offset(log, 30) - 1)


def flip_tile(folder: Path, log: Log) -> None:
    flip(tile_of(folder, log), 32 * 17 + 5)


def flip_checkpoint_root(folder: Path, log: Log) -> None:
    text = (folder / "checkpoint").read_text().split("\n")
    text[2] = ("B" if text[2][0] != "B" else "C") + text[2][1:]
    (folder / "checkpoint").write_text("\n".join(text))


def checkpoint_of_another_key(folder: Path, log: Log) -> None:
    root = merkle.root([merkle.leaf_hash(raw) for raw in log.entries])
    head = Checkpoint(log.origin, len(log.entries), root)
    (folder / "checkpoint").write_bytes(checkpoints.sign_checkpoint(head, bytes(range(32))))


def checkpoint_of_another_log(folder: Path, log: Log) -> None:
    (folder / "checkpoint").write_bytes(logs.example("other").checkpoint())


def checkpoint_is_noise(folder: Path, log: Log) -> None:
    (folder / "checkpoint").write_bytes(b"all is well\n")


def drop(folder: Path, log: Log) -> None:
    rewrite(folder, log, lambda entries: [*entries[:25], *entries[26:], entries[-1]])


def drop_only(folder: Path, log: Log) -> None:
    rewrite(folder, log, lambda entries: [*entries[:25], *entries[26:]])


def double(folder: Path, log: Log) -> None:
    rewrite(folder, log, lambda entries: [*entries[:26], *entries[25:-1]])


def swap(folder: Path, log: Log) -> None:
    rewrite(folder, log, lambda entries: [*entries[:44], entries[45], entries[44], *entries[46:]])


def insert(folder: Path, log: Log) -> None:
    """A ballot of somebody's, properly signed, between two others."""
    forged = log.ballot(log.council[4], "against", sequence=2, cti=bytes(16))
    rewrite(folder, log, lambda entries: [*entries[:46], forged, *entries[46:-1]])


def replace(folder: Path, log: Log) -> None:
    forged = log.ballot(log.council[4], "against", sequence=2, cti=bytes(16))
    rewrite(folder, log, lambda entries: [*entries[:46], forged, *entries[47:]])


def cut_inside_an_entry(folder: Path, log: Log) -> None:
    path = bundle_of(folder, log)
    path.write_bytes(path.read_bytes()[: offset(log, 40) + 9])


def cut_between_entries(folder: Path, log: Log) -> None:
    path = bundle_of(folder, log)
    path.write_bytes(path.read_bytes()[: offset(log, 40) - 2])


def cut_tile(folder: Path, log: Log) -> None:
    path = tile_of(folder, log)
    path.write_bytes(path.read_bytes()[: 32 * 40])


def tile_of_another_log(folder: Path, log: Log) -> None:
    other = logs.example("other").write(folder / "other")
    shutil.copyfile(tile_of(other, log), tile_of(folder, log))


FILES = [
    ("flipped-byte-in-entry", flip_entry, 30, "entry_not_in_tree"),
    ("flipped-byte-in-genesis", flip_genesis, 0, "entry_not_in_tree"),
    ("flipped-length", flip_length, 30, "entry_not_in_tree"),
    ("flipped-byte-in-tile", flip_tile, 17, "tile_mismatch"),
    ("dropped-entry", drop_only, 25, "entry_not_in_tree"),
    ("dropped-entry-filled-up", drop, 25, "entry_not_in_tree"),
    ("doubled-entry", double, 26, "entry_not_in_tree"),
    ("swapped-entries", swap, 44, "entry_not_in_tree"),
    ("inserted-entry", insert, 46, "entry_not_in_tree"),
    ("replaced-entry", replace, 46, "entry_not_in_tree"),
    ("entries-cut-off-inside-one", cut_inside_an_entry, 40, "bundle_malformed"),
    ("entries-cut-off-between-two", cut_between_entries, 40, "bundle_malformed"),
    ("hashes-cut-off", cut_tile, 40, "tile_mismatch"),
    ("hashes-of-another-log", tile_of_another_log, 0, "tile_mismatch"),
    ("flipped-checkpoint", flip_checkpoint_root, None, "checkpoint_signature"),
    ("P12-checkpoint-of-another-key", checkpoint_of_another_key, None, "checkpoint_signature"),
    ("P12-checkpoint-of-another-log", checkpoint_of_another_log, 0, "wrong_origin"),
    ("checkpoint-is-noise", checkpoint_is_noise, None, "checkpoint_malformed"),
]


class _Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *rest: Any) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The address at which `tmp_path` is served."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(tmp_path)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(("kind", "attack", "index", "code"), FILES, ids=[row[0] for row in FILES])
def test_files(
    honest: Log,
    tmp_path: Path,
    served: str,
    kind: str,
    attack: Callable[[Path, Log], None],
    index: int | None,
    code: str,
) -> None:
    attack(honest.write(tmp_path), honest)
    check(audit(open_source(str(tmp_path))), index, code, "Files on their way", kind)
    check(audit(open_source(served)), index, code, "Files on their way", kind)


def check(found: Report, index: int | None, code: str, section: str, kind: str) -> None:
    problem = found.problem
    assert problem is not None
    assert (problem.code, problem.index) == (code, index)
    page.says(section, kind, problem)
    for language in ("en", "ru"):
        text = found.to_text(language)
        assert code in text
        assert problem.culprit(language) in text
    assert found.to_json()["problem"]["index"] == index
    # A copy with a contradiction is not given a state anybody could rely on.
    assert found.state_digest is None


def another_cooperative(log: Log, folder: Path) -> Report:
    return run(log, folder, expect=identifier(bytes(32)))


# --- heads that contradict each other (P3, P15) ---------------------------------------------------


def forked(log: Log, folder: Path) -> Report:
    """The node signs a second history in which one ballot never was; by itself it is flawless."""
    other = Log()
    other.seat_council()
    other.apply()
    other.vote(other.council[:4])
    other.tick()
    assert run(other, folder / "other").ok
    return audit(open_source(str(folder / "other")), since=log.checkpoint(len(other.entries)))


def shorter(log: Log, folder: Path) -> Report:
    log.write(folder, log.entries[:40])
    return audit(open_source(str(folder)), since=log.checkpoint())


def saved_of_another_log(log: Log, folder: Path) -> Report:
    return run(log, folder, since=logs.Log(seed="other").checkpoint())


def under_the_old_head(log: Log, folder: Path) -> Report:
    """Whoever cannot sign rewrites everything else consistently. The chair had verified the tree before the
    change: the first thing the rules refuse."""
    log.write(folder)
    head = (folder / "checkpoint").read_bytes()
    changed = [*log.entries]
    changed[47] = log.ballot(log.council[4], "against", iat=log.now - 100)
    log.write(folder, changed)
    (folder / "checkpoint").write_bytes(head)
    return audit(open_source(str(folder)))


HEADS: list[tuple[str, Callable[[Log, Path], Report], int | None, str]] = [
    ("another-cooperative-than-expected", another_cooperative, None, "wrong_cooperative"),
    ("P3-resigned-head-against-a-saved-one", forked, None, "fork"),
    ("P15-shorter-log-than-saved", shorter, 40, "rolled_back"),
    ("saved-head-of-another-log", saved_of_another_log, None, "other_generation"),
    ("entries-and-tiles-changed-under-the-old-head", under_the_old_head, 49, "seen_fork"),
]


@pytest.mark.parametrize(("kind", "attack", "index", "code"), HEADS, ids=[row[0] for row in HEADS])
def test_heads(
    honest: Log,
    tmp_path: Path,
    kind: str,
    attack: Callable[[Log, Path], Report],
    index: int | None,
    code: str,
) -> None:
    check(attack(honest, tmp_path), index, code, "Two histories", kind)


# --- what a hostile node logs anyway --------------------------------------------------------------

Attack = Callable[[Log], bytes]


def reparsed(raw: bytes) -> Statement:
    return documents.parse(raw)


def with_header(log: Log, raw: bytes, change: Callable[[dict[Any, Any]], None], seed: bytes) -> bytes:
    """The same payload under a changed protected header, signed anew."""
    found = reparsed(raw)
    header: Any = encoding.decode_header(found.protected)
    change(header)
    return assemble(seed, encoding.encode_header(header), found.payload_bytes)


def with_signature(raw: bytes, change: Callable[[bytes], bytes]) -> bytes:
    found = reparsed(raw)
    return documents.assemble(found.protected, found.payload_bytes, change(found.signature))


def nonce_reused(log: Log) -> bytes:
    first = reparsed(log.put(log.ballot(log.council[1])))
    return log.ballot(log.council[1], "against", sequence=2, cti=first.cti)


def logged_twice(log: Log) -> bytes:
    return log.put(log.ballot(log.council[1]))


def expired(log: Log) -> bytes:
    kept = log.ballot(log.council[1])
    log.tick(3600)
    return kept


def from_the_future(log: Log) -> bytes:
    return log.ballot(log.council[1], iat=log.now + 301)


def seen_fork(log: Log) -> bytes:
    log.vote()
    log.tick(60)
    return log.approval(seen=Seen(0, 20, bytes(32), bytes(64)))


def seen_fork_signed(log: Log) -> bytes:
    """The log's key signed both histories."""
    log.vote()
    log.tick(60)
    return log.approval(seen=log.signed_seen(20, bytes(32)))


def seen_of_next_generation(log: Log) -> bytes:
    log.vote()
    return log.approval(seen=log.seen(20)._replace(generation=1))


def seen_ahead(log: Log) -> bytes:
    log.vote()
    return log.approval(seen=log.signed_seen(10_000, bytes(32)))


def seen_invented(log: Log) -> bytes:
    log.vote()
    return log.approval(seen=Seen(0, 10_000, bytes(32), bytes(64)))


def seen_missing(log: Log) -> bytes:
    log.vote()
    return with_header(log, log.approval(), lambda header: header[15].pop(-70001), log.chair.seed)


def unknown_label(log: Log) -> bytes:
    return with_header(
        log, log.ballot(log.council[1]), lambda header: header.update({5: b"iv"}), log.council[1].seed
    )


def unknown_claim(log: Log) -> bytes:
    return with_header(
        log, log.ballot(log.council[1]), lambda header: header[15].update({5: 1}), log.council[1].seed
    )


def login_answer(log: Log) -> bytes:
    return with_header(
        log,
        log.ballot(log.council[1]),
        lambda header: header.update({3: documents.LOGIN}),
        log.council[1].seed,
    )


def other_algorithm(log: Log) -> bytes:
    return with_header(
        log, log.ballot(log.council[1]), lambda header: header.update({1: -8}), log.council[1].seed
    )


def unprotected_header(log: Log) -> bytes:
    raw = log.ballot(log.council[1])
    found = reparsed(raw)
    head = b"\xd2\x84" + documents.bstr(found.protected)
    return head + b"\xa1\x01\x26" + raw[len(head) + 1 :]


def trailing_bytes(log: Log) -> bytes:
    return log.ballot(log.council[1]) + b"\x00"


def small_order_signature(log: Log) -> bytes:
    return with_signature(log.ballot(log.council[1]), lambda signature: SMALL + signature[32:])


def malleated_signature(log: Log) -> bytes:
    def change(signature: bytes) -> bytes:
        return signature[:32] + (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")

    return with_signature(log.ballot(log.council[1]), change)


def small_order_key(log: Log) -> bytes:
    """A = R = identity, S = 0 holds for every message in looser verifiers."""
    identity = (1).to_bytes(32, "little")
    found = reparsed(log.ballot(log.council[1]))
    header: Any = encoding.decode_header(found.protected)
    header[4] = identity
    return documents.assemble(encoding.encode_header(header), found.payload_bytes, identity + bytes(32))


def signature_of_another_entry(log: Log) -> bytes:
    other = reparsed(log.ballot(log.council[1])).signature
    return with_signature(log.ballot(log.council[1], "against"), lambda signature: other)


def small_order_key_registered(log: Log) -> bytes:
    who = log.council[1]
    number, prev = log.next_event(who)
    bad = {"alg": documents.ED25519, "pub": (1).to_bytes(32, "little"), "scope": "sign"}
    fields = {"number": number, "prev": prev, "key": bad, "proof": bytes(64)}
    return log.statement(who, "account.key/1", fields, sub=who.id)


def key_by_a_stranger(log: Log) -> bytes:
    return log.add_key(log.council[1], log.random(), by=log.random())


def key_by_the_recovery_key(log: Log) -> bytes:
    who = log.council[1]
    return log.add_key(who, log.random(), by=who.recovery)


def recovery(log: Log, who: Person, new: bytes, *, by: bytes | None = None) -> bytes:
    by = by or who.recovery
    number, prev = log.next_event(who)
    pub = signatures.public_key(new)
    fields = {
        "number": number,
        "prev": prev,
        "recovery": key(by, "recovery"),
        "next": log.random(),
        "keys": [key(new)],
        "proofs": [signatures.sign(new, documents.possession(pub, who.id, number, prev))],
        "revoke": [],
    }
    return log.statement(who, "account.recover/1", fields, sub=who.id, seed=by)


def recovered_by_a_sign_key(log: Log) -> bytes:
    who = log.council[1]
    return recovery(log, who, log.random(), by=who.seed)


def recovered_key_used_at_once(log: Log) -> bytes:
    who, new = log.council[1], log.random()
    log.put(recovery(log, who, new))
    return log.ballot(who, seed=new)


def no_possession(log: Log) -> bytes:
    who, new = log.council[1], log.random()
    number, prev = log.next_event(who)
    wrong = signatures.sign(
        log.random(), documents.possession(signatures.public_key(new), who.id, number, prev)
    )
    return log.add_key(who, new, proof=wrong)


def possession_for_another_account(log: Log) -> bytes:
    who, new = log.council[1], log.random()
    number, prev = log.next_event(who)
    proof = signatures.sign(new, documents.possession(signatures.public_key(new), log.chair.id, number, prev))
    return log.add_key(who, new, proof=proof)


def wrong_previous(log: Log) -> bytes:
    who, new = log.council[1], log.random()
    proof = signatures.sign(new, documents.possession(signatures.public_key(new), who.id, 1, bytes(32)))
    fields = {"number": 1, "prev": bytes(32), "key": key(new), "proof": proof}
    return log.statement(who, "account.key/1", fields, sub=who.id)


def copy(
    log: Log, home: Log, who: Person, events: list[dict[str, bytes]], *, seed: bytes | None = None
) -> bytes:
    genesis: Any = reparsed(home.entries[0]).payload["genesis"]
    fields = {"home": encoding.encode(genesis), "events": events}
    return log.statement(who, "account.copy/1", fields, sub=who.id, seed=seed)


def foreigner(log: Log) -> tuple[Log, Person]:
    home = Log(seed="home")
    return home, home.person()


def copy_without_proof(log: Log) -> bytes:
    home, who = foreigner(log)
    return copy(log, home, who, [{"statement": who.events[0], "proof": b""}])


def copy_with_the_proof_of_another_entry(log: Log) -> bytes:
    home, who = foreigner(log)
    return copy(log, home, who, [{"statement": who.events[0], "proof": home.proof(0)}])


def copy_with_a_head_of_another_key(log: Log) -> bytes:
    home, who = foreigner(log)
    home.log_seed = log.random()
    return copy(log, home, who, [{"statement": who.events[0], "proof": home.proof(len(home.entries) - 1)}])


def foreign_event_directly(log: Log) -> bytes:
    return log.person(home=identifier(bytes(32)), logged=False).events[0]


def forked_history(log: Log) -> tuple[Person, bytes]:
    """An account of another cooperative shows two second events; each is in its home log, which forked
    too.
    """
    home, who = foreigner(log)
    one, two = log.random(), log.random()
    first, second = home.add_key(who, one), home.add_key(who, two)
    place = len(home.entries) - 1
    genesis = {"statement": who.events[0], "proof": home.proof(place)}
    home.force(first)
    branch = {"statement": first, "proof": home.proof(place + 1)}
    home.entries.pop()
    home.force(second)
    other = {"statement": second, "proof": home.proof(place + 1)}
    log.put(copy(log, home, who, [genesis, branch]))
    log.put(copy(log, home, who, [other]))
    return who, one


def branch_key_used(log: Log) -> bytes:
    who, one = forked_history(log)
    return log.statement(who, "agreement.sign/1", signing(log), sub=who.id, seed=one)


def signing(log: Log) -> dict[str, Any]:
    return {"agreement": log.texts["charter"], "kind": "charter", "edition": 1}


def revoke(log: Log, who: Person, **more: Any) -> bytes:
    return log.statement(who, "account.revoke/1", {"key": who.pub, **more}, sub=who.id)


def revoked_key(log: Log) -> bytes:
    who = log.council[3]
    log.put(revoke(log, who))
    return log.statement(who, "agreement.sign/1", signing(log), sub=who.id)


def revoked_ballot(log: Log) -> bytes:
    who = log.council[3]
    log.put(revoke(log, who))
    return log.ballot(who)


def revoked_by_another(log: Log) -> bytes:
    who = log.council[3]
    return log.statement(who, "account.revoke/1", {"key": who.pub}, sub=who.id, seed=log.council[4].seed)


def counted_suspected_ballot(log: Log) -> bytes:
    """The chair's approval counts a ballot that a revocation has withdrawn."""
    log.vote()
    log.tick(60)
    approval = log.approval()
    log.put(revoke(log, log.council[4], suspected_from=log.now - 100))
    return approval


def same_sequence(log: Log) -> bytes:
    log.put(log.ballot(log.council[1]))
    return log.ballot(log.council[1], "against")


def sequence_far(log: Log) -> bytes:
    return log.ballot(log.council[1], sequence=17)


def vote_by_a_stranger(log: Log) -> bytes:
    return log.ballot(Person(log.random(), log.random(), identifier(bytes(32))))


def vote_by_a_non_member(log: Log) -> bytes:
    return log.ballot(log.person())


def vote_with_anothers_key(log: Log) -> bytes:
    return log.ballot(log.council[1], seed=log.council[2].seed)


def late_vote(log: Log) -> bytes:
    """Signed after the deadline, arrived within the grace time."""
    log.tick(3 * DAY - 60 + 30)
    return log.ballot(log.council[1])


def very_late_vote(log: Log) -> bytes:
    """Signed in time and kept back until the matter was over."""
    log.tick(3 * DAY - 60)
    kept = log.ballot(log.council[1], iat=log.now - 10)
    log.tick(62)
    return kept


def foreign_vote(log: Log) -> bytes:
    return log.ballot(log.council[1], aud=Log(seed="other").id)


def vote_in_an_unknown_matter(log: Log) -> bytes:
    log.matter = identifier(bytes(32))
    return log.ballot(log.council[1])


def vote_about_something_else(log: Log) -> bytes:
    return log.ballot(log.council[1], sub=log.id)


def vote_of_the_node(log: Log) -> bytes:
    """P12: no statement of the node touches a person's rights."""
    return log.ballot(Person(log.node_seed, b"", log.id))


def tick_of_a_person(log: Log) -> bytes:
    return log.statement(log.chair, "node.tick/1", {"time": log.now + 60}, iss=log.id)


def tick_backwards(log: Log) -> bytes:
    return log.tick_statement(log.now - 1)


def second_genesis(log: Log) -> bytes:
    genesis: Any = reparsed(log.entries[0]).payload
    return log.statement(
        log.founder, "cooperative.genesis/1", {name: genesis[name] for name in ("genesis", "proofs")}
    )


def pack_of_the_node(log: Log) -> bytes:
    pack = methodology.encode(methodology.load("generic-1"))
    return log.statement(log.founder, "cooperative.pack/1", {"name": "generic", "version": 1, "bytes": pack})


def charter_after_founding(log: Log) -> bytes:
    basis = {"organ": "council"}
    fields = {"title": "Устав", "blob": bytes(32), "parameters": {"council.quorum": [1, 4]}, "basis": basis}
    return log.statement(log.founder, "cooperative.charter/1", fields)


def approval_of_other_counts(log: Log) -> bytes:
    log.vote(log.council[:4])
    return log.approval(counts={"for": 5, "against": 0, "abstain": 0})


def approval_of_another_result(log: Log) -> bytes:
    log.vote()
    return log.approval(result=bytes(32))


def approval_by_the_secretary(log: Log) -> bytes:
    log.vote()
    return log.approval(who=log.secretary)


def approval_too_early(log: Log) -> bytes:
    log.vote(log.council[:2])
    return log.approval()


def reserved_matter(log: Log) -> bytes:
    return log.statement(log.chair, "council.propose/1", {"kind": "liquidation"})


def rotated_key(log: Log) -> bytes:
    """A new device took the place of the old one; the old one votes once more."""
    who, new = log.council[3], log.random()
    who.events.append(log.put(log.add_key(who, new)))
    log.put(log.statement(who, "account.revoke/1", {"key": who.pub}, sub=who.id, seed=new))
    log.tick(60)
    log.put(log.ballot(who, seed=new))
    return log.ballot(who, "against", sequence=2)


def robot_key(log: Log) -> bytes:
    """A robot's key among a person's own."""
    who, seed = log.council[1], log.random()
    number, prev = log.next_event(who)
    proof = signatures.sign(seed, documents.possession(signatures.public_key(seed), who.id, number, prev))
    fields = {"number": number, "prev": prev, "key": key(seed, "robot"), "proof": proof}
    return log.statement(who, "account.key/1", fields, sub=who.id)


def robots_vote(log: Log) -> bytes:
    """Signed by a key of the person's machine that no statement brought."""
    return log.ballot(log.council[1], seed=log.random())


def robot_appointed(log: Log) -> bytes:
    """A key lent to a robot that the council has not decided on."""
    return _lent(log, log.council[3], bytes(32))[1]


def _lent(log: Log, who: Person, approval: bytes) -> tuple[bytes, bytes]:
    """(seed, statement) of a key that lets the robot vote."""
    seed = log.random()
    pub = signatures.public_key(seed)
    proof = signatures.sign(seed, documents.possession(pub, who.id, 0, approval))
    fields = {"re": [approval], "key": pub, "proof": proof, "acts": ["vote"], "until": log.now + DAY}
    return seed, log.statement(who, "council.delegate/1", fields)


def _robot(log: Log) -> bytes:
    """The council lets a robot admit members, and somebody lends it a key; its seed."""
    about = log.matter
    terms = {"kinds": ["admission"], "persons": ["person"], "level": 1, "per_day": 1, "chair": False}
    fields = {"kind": "automation", "automation": terms | {"until": log.now + 2 * DAY}}
    proposed = log.act(log.chair, "council.propose/1", fields)
    log.matter = identifier(documents.parse(proposed).digest)
    log.vote()
    log.tick(60)
    approval = documents.parse(log.put(log.approval())).digest
    seed, lent = _lent(log, log.council[3], approval)
    log.put(lent)
    log.matter = about
    return seed


def robot_against(log: Log) -> bytes:
    """The robot turns against an applicant."""
    return log.ballot(log.council[3], "against", seed=_robot(log))


def robot_for_another(log: Log) -> bytes:
    """A key lent by one signs as another."""
    return log.ballot(log.council[4], seed=_robot(log))


def robot_consents(log: Log) -> bytes:
    """A lent key signs what nobody lends."""
    who, seed = log.council[3], _robot(log)
    return log.statement(who, "agreement.sign/1", signing(log), sub=who.id, seed=seed)


def robot_after_it_was_taken_back(log: Log) -> bytes:
    who, seed = log.council[3], _robot(log)
    lent = documents.parse(log.entries[-1]).digest
    log.act(who, "council.undelegate/1", {"re": [lent]})
    return log.ballot(who, seed=seed)


def login_key(log: Log) -> bytes:
    """The key a device signs in with (P7) is in no log."""
    return log.statement(
        log.council[2], "agreement.sign/1", signing(log), sub=log.council[2].id, seed=log.random()
    )


def foreign_member(log: Log) -> bytes:
    """Seated in another cooperative's council, with a key that is good there."""
    _, who = foreigner(log)
    return log.ballot(who)


def ticks_jump(log: Log) -> bytes:
    """A day passes in one second, and a deadline with it: whoever goes on by a true clock shows it."""
    kept = log.ballot(log.council[1], iat=log.now + 60)
    log.tick(DAY)
    return kept


def tick_again(log: Log) -> bytes:
    return log.tick_statement(log.now)


def tick_by_a_foreign_node(log: Log) -> bytes:
    return log.tick_statement(log.now + 60, seed=log.random())


def life_too_long(log: Log) -> bytes:
    return log.ballot(log.council[1], exp=log.now + 2 * DAY)


def vote_doubled_in_the_counts(log: Log) -> bytes:
    log.vote(log.council[:4])
    return log.approval(counts={"for": 4, "against": 0, "abstain": 1})


def outcome_turned(log: Log) -> bytes:
    log.vote()
    return log.approval(outcome="rejected")


def second_approval(log: Log) -> bytes:
    log.vote()
    log.tick(60)
    first = log.approval()
    log.put(first)
    return with_header(log, first, lambda header: header[15].update({7: log.random(16)}), log.chair.seed)


def vote_after_the_approval(log: Log) -> bytes:
    log.vote(log.council[:4])
    log.tick(60)
    log.put(log.approval())
    return log.ballot(log.council[4], "against")


def paid(log: Log) -> dict[str, Any]:
    log.vote()
    log.tick(60)
    log.put(log.approval())
    log.tick(60)
    return {
        "re": [log.application],
        "entrance": {"amount": 1000, "currency": "EUR"},
        "share": {"amount": 2500, "currency": "EUR"},
        "received_at": log.now,
    }


def payment_by(who: Callable[[Log], Person]) -> Attack:
    def attack(log: Log) -> bytes:
        fields = paid(log)
        return log.statement(who(log), "membership.payment/1", fields, sub=identifier(log.application))

    return attack


def payment_of_less(log: Log) -> bytes:
    fields = paid(log) | {"share": {"amount": 1, "currency": "EUR"}}
    return log.statement(log.accountant, "membership.payment/1", fields, sub=identifier(log.application))


def paid_twice(log: Log) -> bytes:
    log.vote()
    log.approve()
    log.pay()
    log.tick(60)
    fields = {
        "re": [log.application],
        "entrance": {"amount": 1000, "currency": "EUR"},
        "share": {"amount": 2500, "currency": "EUR"},
        "received_at": log.now,
    }
    return log.statement(log.accountant, "membership.payment/1", fields, sub=identifier(log.application))


def identified_by_the_accountant(log: Log) -> bytes:
    fields = {"re": [log.application], "method": "in_person", "level": 1}
    return log.statement(log.accountant, "membership.identify/1", fields, sub=identifier(log.application))


def version_of_tomorrow(log: Log) -> bytes:
    """The registry knows this type in another version only."""
    fields = {"matter": log.matter, "round": 1, "choice": "for", "sequence": 1}
    return log.statement(log.council[1], "council.vote/2", fields, sub=log.matter)


def unknown_type(log: Log) -> bytes:
    return log.statement(log.chair, "membership.succession/1", {})


def public_field_added(log: Log) -> bytes:
    fields = {"matter": log.matter, "round": 1, "choice": "for", "sequence": 1, "name": "Anna"}
    return log.statement(log.council[1], "council.vote/1", fields, sub=log.matter)


def commitment_missing(log: Log) -> bytes:
    about = {"matter": log.matter}
    raw = log.statement(log.council[1], "council.comment/1", about, sub=log.matter)
    return assemble(
        log.council[1].seed,
        reparsed(raw).protected,
        documents.payload_bytes("council.comment/1", dict(about)),
    )


def member_paid_to_himself(log: Log) -> bytes:
    fields = {
        "re": [log.application],
        "entrance": {"amount": 1000, "currency": "EUR"},
        "share": {"amount": 2500, "currency": "EUR"},
        "received_at": log.now,
    }
    return log.statement(log.accountant, "membership.payment/1", fields, sub=identifier(log.application))


NODE: list[tuple[str, Attack, str]] = [
    ("P1-nonce-with-other-bytes", nonce_reused, "nonce_reused"),
    ("P1-entry-doubled", logged_twice, "nonce_reused"),
    ("P2-expired-statement-used-later", expired, "expired"),
    ("P2-signed-in-the-future", from_the_future, "not_yet_valid"),
    ("P3-seen-is-no-prefix", seen_fork, "seen_fork"),
    ("P3-seen-of-another-generation", seen_of_next_generation, "seen_fork"),
    ("P3-seen-of-another-history-of-this-key", seen_fork_signed, "seen_fork"),
    ("P3-seen-larger-than-the-log", seen_ahead, "seen_ahead"),
    ("P3-seen-larger-and-not-signed-by-the-log", seen_invented, "seen_unknown"),
    ("P3-seen-left-out", seen_missing, "seen_missing"),
    ("P4-unknown-header-label", unknown_label, "malformed"),
    ("P4-unknown-claim", unknown_claim, "malformed"),
    ("P4-login-answer-as-statement", login_answer, "malformed"),
    ("P4-unprotected-header", unprotected_header, "malformed"),
    ("P4-trailing-bytes", trailing_bytes, "malformed"),
    ("P6-other-algorithm", other_algorithm, "malformed"),
    ("P6-small-order-signature", small_order_signature, "bad_signature"),
    ("P6-non-canonical-signature", malleated_signature, "bad_signature"),
    ("P6-small-order-key", small_order_key, "bad_signature"),
    ("P6-small-order-key-registered", small_order_key_registered, "invalid_key"),
    ("P6-signature-of-another-entry", signature_of_another_entry, "bad_signature"),
    ("P7-key-added-by-a-stranger", key_by_a_stranger, "unknown_key"),
    ("P7-key-added-by-the-recovery-key", key_by_the_recovery_key, "unknown_key"),
    ("P7-recovery-by-a-sign-key", recovered_by_a_sign_key, "wrong_recovery_key"),
    ("P7-recovered-key-before-72-hours", recovered_key_used_at_once, "key_waiting"),
    ("P8-possession-by-another-key", no_possession, "no_possession"),
    ("P8-possession-for-another-account", possession_for_another_account, "no_possession"),
    ("P8-event-outside-the-chain", wrong_previous, "wrong_previous"),
    ("P9-copy-without-proof", copy_without_proof, "bad_proof"),
    ("P9-copy-with-proof-of-another-entry", copy_with_the_proof_of_another_entry, "bad_proof"),
    ("P9-copy-with-head-of-another-key", copy_with_a_head_of_another_key, "bad_proof"),
    ("P9-foreign-event-without-copy", foreign_event_directly, "not_home"),
    ("P9-key-of-one-branch-after-fork", branch_key_used, "key_revoked"),
    ("P10-statement-by-a-revoked-key", revoked_key, "key_revoked"),
    ("P10-ballot-by-a-revoked-key", revoked_ballot, "key_revoked"),
    ("P10-revocation-by-another-person", revoked_by_another, "unknown_key"),
    ("P10-suspected-ballot-counted", counted_suspected_ballot, "result_mismatch"),
    ("P10-ballot-by-a-key-that-was-replaced", rotated_key, "key_revoked"),
    ("P7-robot-key-among-a-persons", robot_key, "invalid_key"),
    ("P7-ballot-by-a-robots-key", robots_vote, "unknown_key"),
    ("P7-robot-without-a-decision", robot_appointed, "automation_ended"),
    ("P7-robot-votes-against", robot_against, "robot_not_allowed"),
    ("P7-robot-votes-for-another", robot_for_another, "unknown_key"),
    ("P7-robot-signs-something-else", robot_consents, "robot_not_allowed"),
    ("P7-robot-after-its-key-was-taken-back", robot_after_it_was_taken_back, "key_revoked"),
    ("P7-statement-by-a-login-key", login_key, "unknown_key"),
    ("P12-ballot-of-the-node", vote_of_the_node, "unknown_account"),
    ("P12-tick-of-a-person", tick_of_a_person, "unknown_key"),
    ("P12-second-genesis", second_genesis, "already_founded"),
    ("P17-tick-backwards", tick_backwards, "tick_not_later"),
    ("P17-tick-of-the-same-second", tick_again, "tick_not_later"),
    ("P17-tick-of-another-node", tick_by_a_foreign_node, "unknown_key"),
    ("P17-ticks-jump-ahead", ticks_jump, "expired"),
    ("P2-life-of-two-days", life_too_long, "malformed"),
    ("P17-ballot-signed-after-the-deadline", late_vote, "voting_closed"),
    ("P17-ballot-after-the-grace-time", very_late_vote, "matter_closed"),
    ("P19-one-sequence-two-choices", same_sequence, "sequence_taken"),
    ("P19-sequence-too-far", sequence_far, "sequence_too_far"),
    ("P20-commitment-missing", commitment_missing, "private_missing"),
    ("P20-name-in-the-open", public_field_added, "invalid_field"),
    ("vote-by-an-unknown-account", vote_by_a_stranger, "unknown_account"),
    ("vote-by-a-non-member", vote_by_a_non_member, "not_allowed"),
    ("vote-by-a-member-of-another-cooperative", foreign_member, "unknown_account"),
    ("vote-after-the-approval", vote_after_the_approval, "matter_closed"),
    ("vote-with-another's-key", vote_with_anothers_key, "unknown_key"),
    ("vote-of-a-foreign-cooperative", foreign_vote, "wrong_audience"),
    ("vote-in-an-unknown-matter", vote_in_an_unknown_matter, "unknown_matter"),
    ("vote-with-a-lying-subject", vote_about_something_else, "wrong_subject"),
    ("pack-changed", pack_of_the_node, "exclusive_competence"),
    ("charter-changed", charter_after_founding, "exclusive_competence"),
    ("approval-of-other-counts", approval_of_other_counts, "result_mismatch"),
    ("approval-of-a-doubled-vote", vote_doubled_in_the_counts, "result_mismatch"),
    ("approval-of-the-opposite", outcome_turned, "result_mismatch"),
    ("approval-twice", second_approval, "matter_closed"),
    ("approval-of-another-result", approval_of_another_result, "result_mismatch"),
    ("approval-by-the-secretary", approval_by_the_secretary, "not_allowed"),
    ("approval-before-it-is-settled", approval_too_early, "not_settled"),
    ("payment-before-admission", member_paid_to_himself, "wrong_status"),
    ("payment-attested-by-the-secretary", payment_by(lambda log: log.secretary), "not_allowed"),
    ("payment-attested-by-the-chair", payment_by(lambda log: log.chair), "not_allowed"),
    ("payment-attested-by-a-plain-member", payment_by(lambda log: log.council[4]), "not_allowed"),
    ("payment-of-less", payment_of_less, "amount_mismatch"),
    ("payment-attested-twice", paid_twice, "wrong_status"),
    ("identity-attested-by-the-accountant", identified_by_the_accountant, "not_allowed"),
    ("version-of-a-type-that-is-not-known", version_of_tomorrow, "unknown_type"),
    ("reserved-matter-in-the-council", reserved_matter, "exclusive_competence"),
    ("unknown-type", unknown_type, "unknown_type"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "attack", "code"), NODE, ids=[row[0] for row in NODE])
def test_node(tmp_path: Path, kind: str, attack: Attack, code: str) -> None:
    log = Log()
    log.seat_council()
    log.apply()
    log.tick(60)
    raw = attack(log)
    index = len(log.entries)
    log.force(raw)
    # Life goes on after it: the first bad entry is named, not the last.
    log.force(log.tick_statement(log.now + 120))
    check(run(log, tmp_path), index, code, "A node against its own rules", kind)


# --- a node that rewrites its past and signs it ---------------------------------------------------


def dropped(log: Log) -> tuple[int, str]:
    """One ballot vanishes: the chair had verified a log in which it stood."""
    del log.entries[log.places["vote 3"]]
    return log.places["approve"] - 1, "seen_ahead"


def dropped_and_filled_up(log: Log) -> tuple[int, str]:
    index = log.places["vote 3"]
    log.entries[index] = log.tick_statement(reparsed(log.entries[log.places["votes"]]).payload["time"] + 1)
    return log.places["approve"], "seen_fork"


def swapped(log: Log) -> tuple[int, str]:
    """Each order is allowed by itself; the chair had seen the other one."""
    first, second = log.places["vote 3"], log.places["vote 4"]
    log.entries[first], log.entries[second] = log.entries[second], log.entries[first]
    return log.places["approve"], "seen_fork"


def pack_bytes(log: Log) -> tuple[int, str]:
    other = methodology.encode(methodology.load("ru-consumer-1"))
    fields = {"name": "ru-consumer", "version": 1, "bytes": other}
    log.entries[1] = log.statement(log.founder, "cooperative.pack/1", fields, iat=START)
    return 1, "wrong_pack"


def charter_parameters(log: Log) -> tuple[int, str]:
    """Another charter at the place of the first: the founder's key signs what it never had adopted."""
    basis = {"organ": "general_meeting", "number": "1", "date": "2026-01-10"}
    fields = {"title": "Устав", "blob": bytes(32), "parameters": {"council.quorum": [1, 4]}, "basis": basis}
    log.entries[log.places["charter"]] = log.statement(
        log.founder, "cooperative.charter/1", fields, iat=START
    )
    return log.places["apply"], "charter_outdated"


def invalid_parameters(log: Log) -> tuple[int, str]:
    basis = {"organ": "general_meeting", "number": "1", "date": "2026-01-10"}
    fields = {"title": "Устав", "blob": bytes(32), "parameters": {"council.quorum": [7, 4]}, "basis": basis}
    log.entries[log.places["charter"]] = log.statement(
        log.founder, "cooperative.charter/1", fields, iat=START
    )
    return log.places["charter"], "parameter_refused"


def choice_changed(log: Log) -> tuple[int, str]:
    index = log.places["vote 3"]
    payload: Any = dict(reparsed(log.entries[index]).payload, choice="against")
    del payload["type"]
    found = reparsed(log.entries[index])
    log.entries[index] = documents.assemble(
        found.protected, documents.payload_bytes("council.vote/1", payload), found.signature
    )
    return index, "bad_signature"


def founder_replaced(log: Log) -> tuple[int, str]:
    other = Person(log.random(), log.random(), log.founder.id)
    genesis: Any = reparsed(log.entries[0]).payload
    fields = {name: genesis[name] for name in ("genesis", "proofs")}
    log.entries[0] = log.statement(other, "cooperative.genesis/1", fields, iat=START)
    return 0, "unknown_key"


def first_tick_missing(log: Log) -> tuple[int, str]:
    del log.entries[2]
    return 2, "not_founded"


REWRITTEN: list[tuple[str, Callable[[Log], tuple[int, str]]]] = [
    ("P3-dropped-ballot", dropped),
    ("P3-dropped-ballot-filled-up", dropped_and_filled_up),
    ("P3-swapped-ballots", swapped),
    ("pack-bytes", pack_bytes),
    ("charter-parameters", charter_parameters),
    ("charter-parameters-beyond-the-pack", invalid_parameters),
    ("choice-changed", choice_changed),
    ("P12-genesis-by-another-key", founder_replaced),
    ("P17-first-tick-missing", first_tick_missing),
]


@pytest.mark.parametrize(("kind", "attack"), REWRITTEN, ids=[row[0] for row in REWRITTEN])
def test_rewritten(tmp_path: Path, kind: str, attack: Callable[[Log], tuple[int, str]]) -> None:
    log = logs.example()
    index, code = attack(log)
    check(run(log, tmp_path), index, code, "A rewritten past", kind)


# --- private records (P20) ------------------------------------------------------------------------


def record_root(log: Log, index: int, change: Callable[[dict[str, Any]], None]) -> bool:
    statement = reparsed(log.entries[index])
    fields = [each.name for each in registry.TYPES[statement.type].private]
    record: Any = encoding.decode(encoding.encode(log.records[index]))
    change(record)
    root: bytes = statement.payload["private"]
    return commitments.root(statement.type, fields, record) == root


def other_value(record: dict[str, Any]) -> None:
    record["fields"]["name"]["value"] = "Ivan"


def other_salt(record: dict[str, Any]) -> None:
    record["fields"]["name"]["salt"] = bytes(32)


def swapped_decoys(record: dict[str, Any]) -> None:
    record["decoys"]["inn"], record["decoys"]["ogrn"] = record["decoys"]["ogrn"], record["decoys"]["inn"]


def swapped_values(record: dict[str, Any]) -> None:
    fields = record["fields"]
    fields["name"], fields["phone"] = fields["phone"], fields["name"]


@pytest.mark.parametrize("change", [other_value, other_salt, swapped_decoys, swapped_values])
def test_P20_record_that_does_not_match(change: Callable[[dict[str, Any]], None]) -> None:
    log = Log()
    log.seat_council()
    who = log.person()
    log.agree(who)
    consent = {"purpose": "membership", "operator": log.id, "fields": ["name"], "text": log.texts["privacy"]}
    log.act(who, "consent.give/1", consent, sub=who.id)
    fields = {
        "person": "person",
        "charter": log.charter,
        "entrance": {"amount": 1000, "currency": "EUR"},
        "share": {"amount": 2500, "currency": "EUR"},
    }
    values = {name: name for name in ("name", "birth_date", "address", "phone", "email")}
    log.act(who, "membership.apply/1", fields, "apply", sub=who.id, private=values)
    assert record_root(log, log.places["apply"], lambda record: None)
    assert not record_root(log, log.places["apply"], change)


# --- a large log: several tiles -------------------------------------------------------------------


@pytest.fixture(scope="module")
def large() -> Log:
    log = logs.example("large")
    while len(log.entries) < 600:
        log.tick()
    return log


LARGE = [
    ("entry-in-the-second-bundle", Tile("entries", 1), 2 + 40, 256, "entry_not_in_tree"),
    ("entry-in-the-last-bundle", Tile("entries", 2, 88), 2 + 40, 512, "entry_not_in_tree"),
    ("full-tile", Tile(0, 1), 32 * 3, 259, "tile_mismatch"),
    ("upper-tile", Tile(1, 0, 2), 33, 256, "tile_mismatch"),
]


@pytest.mark.parametrize(("kind", "tile", "at", "index", "code"), LARGE, ids=[row[0] for row in LARGE])
def test_large(large: Log, tmp_path: Path, kind: str, tile: Tile, at: int, index: int, code: str) -> None:
    folder = large.write(tmp_path)
    flip(folder / tile.path, at)
    check(audit(open_source(str(folder))), index, code, "Files on their way", kind)


#: section of docs/tampering.md → its kinds, in order
KINDS = {
    "Files on their way": [row[0] for row in FILES] + [row[0] for row in LARGE],
    "Two histories": [row[0] for row in HEADS],
    "A node against its own rules": [row[0] for row in NODE],
    "A rewritten past": [row[0] for row in REWRITTEN],
}


def test_full_tiles_stand_for_dropped_partial_ones(large: Log, tmp_path: Path) -> None:
    """A node may drop a partial tile once the full one is there (tlog-tiles)."""
    folder = large.write(tmp_path)
    note = large.checkpoint(300)
    (folder / "checkpoint").write_bytes(note)
    shutil.rmtree(folder / "tile/1")
    (folder / "tile/1/000.p").mkdir(parents=True)
    root = merkle.root([merkle.leaf_hash(raw) for raw in large.entries[:256]])
    (folder / "tile/1/000.p/1").write_bytes(root)
    assert audit(open_source(str(folder))).ok


def test_trusted_prefix_is_not_checked_again(large: Log, tmp_path: Path) -> None:
    folder = large.write(tmp_path)
    found = audit(open_source(str(folder)), since=large.checkpoint(512), trust_since=True)
    assert found.ok
    assert found.signatures == 88
    assert "trusted_prefix" in found.notes
