"""The audit of a log that somebody else made (design §5, SPEC §9): files in, `Report` out.

In this order: entry 0 gives the cooperative's id and log key; the checkpoint must be of that id and signed by
that key; then bundle after bundle every entry is compared with the hash tiles, its signature checked and its
contract replayed; in the end root and tiles are compared with what the entries give. A checkpoint saved
earlier must be a beginning of this log. What is found first, counted by entries, is the report's problem.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from coopnode.audit.replay import Replayer, replaying
from coopnode.audit.report import Problem, Report
from coopnode.audit.sources import Source, SourceError, read_checkpoint, read_tile
from protocol import checkpoints, documents, merkle, tiles
from protocol.checkpoints import Checkpoint
from protocol.contract import View
from protocol.contracts import continuation, cooperative
from protocol.errors import EncodingError, NoteError, StatementError, TileError
from protocol.identifiers import parse_origin
from protocol.log import GENESIS
from protocol.notes import NoteKey, parse_note
from protocol.tiles import TILE_WIDTH, Tile

#: Documents that carry a result which the contract computes anew (SPEC §8.1).
RESULTS = ("council.approve/1", "founding.minutes/1")

#: called with (entries done, entries of all)
Progress = Callable[[int, int], None]


class _Found(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.code)
        self.problem = problem


def audit(
    source: Source,
    *,
    expect: str | None = None,
    since: bytes | None = None,
    trust_since: bool = False,
    progress: Progress | None = None,
    workers: int | None = None,
) -> Report:
    """Checks everything. `since` is a checkpoint saved from an earlier audit; with `trust_since` the
    signatures before it are not checked again, for who checked them then: the entries are the same bytes
    when its root agrees.

    Raises:
        SourceError: something could not be read; there is no verdict.
        RulesFailed: our own rules broke down on an entry.
    """
    return _Audit(source, expect, since, trust_since, progress, workers).run()


class _Audit:
    def __init__(
        self,
        source: Source,
        expect: str | None,
        since: bytes | None,
        trust_since: bool,
        progress: Progress | None,
        workers: int | None,
    ) -> None:
        self._source = source
        self._expect = expect
        self._since_note = since
        self._trust_since = trust_since and since is not None
        self._progress = progress or (lambda done, total: None)
        self._workers = workers
        self._checkpoint: Checkpoint | None = None
        self._cooperative: str | None = None
        self._since: Checkpoint | None = None
        #: the saved checkpoint, when it is of an earlier generation
        self._since_before: Checkpoint | None = None
        #: the first hash tile that differs from the entries
        self._tile: Problem | None = None
        self._replayer: Replayer | None = None

    def run(self) -> Report:
        started = time.perf_counter()
        try:
            problem = self._check()
        except _Found as found:
            problem = found.problem
        return self._report(problem, time.perf_counter() - started)

    def _report(self, problem: Problem | None, seconds: float) -> Report:
        checkpoint, replayer = self._checkpoint, self._replayer
        notes = (
            # The checkpoint saved earlier names the cooperative too.
            *(() if self._expect or self._since_note else ("not_pinned",)),
            *(() if self._since_note else ("not_compared",)),
            *(("trusted_prefix",) if self._trust_since else ()),
            *(("continued",) if replayer and replayer.head.generation else ()),
        )
        found = replayer and cooperative.cooperative(View(replayer.state, cooperative.DOMAIN))
        return Report(
            source=self._source.name,
            cooperative=self._cooperative,
            name=found.name if found else None,
            origin=checkpoint.origin if checkpoint else None,
            size=checkpoint.size if checkpoint else 0,
            root=checkpoint.root if checkpoint else b"",
            tick=replayer.head.tick if replayer else 0,
            entries=replayer.head.size if replayer else 0,
            signatures=replayer.signatures_checked if replayer else 0,
            state_digest=replayer.digest() if replayer and problem is None else None,
            counts=dict(replayer.counts) if replayer else {},
            results=sum(replayer.counts[name] for name in RESULTS) if replayer else 0,
            seconds=seconds,
            problem=problem,
            notes=notes,
        )

    def _check(self) -> Problem | None:
        self._checkpoint = checkpoint = self._open_checkpoint()
        self._since = self._open_since(checkpoint)
        generation = parse_origin(checkpoint.origin)[1]
        trusted = self._since.size if self._since is not None and self._trust_since else 0
        with replaying(checkpoint.size, workers=self._workers, verified_before=trusted) as replayer:
            self._replayer = replayer
            return self._replay(replayer, checkpoint) or self._generations(replayer, generation)

    def _generations(self, replayer: Replayer, claimed: int) -> Problem | None:
        """The origin's generation is the one the log's continuations lead to; a checkpoint saved from an
        earlier one is a beginning, or the loss was owned to (P18)."""
        if replayer.head.generation != claimed:
            return Problem("wrong_generation", facts={"generation": claimed}, where="checkpoint")
        since = self._since_before
        if since is None:
            return None
        generation = parse_origin(since.origin)[1]
        found = continuation.continuation(View(replayer.state, continuation.DOMAIN), generation + 1)
        if found is not None and since.size <= found.size:
            if replayer.history.root_at(since.size) == since.root:
                return None
            return Problem("fork", facts={"size": since.size}, where="--since")
        if found is None or since.size > found.known_size:
            return Problem("loss_hidden", facts={"size": since.size}, where="--since")
        return None

    # -- the head

    def _open_checkpoint(self) -> Checkpoint:
        note = read_checkpoint(self._source)
        try:
            claimed = checkpoints.parse(parse_note(note)[0])
        except NoteError as error:
            raise _Found(Problem("checkpoint_malformed", where="checkpoint")) from error
        try:
            claimed_id = parse_origin(claimed.origin)[0]
        except EncodingError as error:
            raise _Found(Problem("checkpoint_malformed", where="checkpoint")) from error
        if self._expect is not None and claimed_id != self._expect:
            raise _Found(Problem("wrong_cooperative", facts={"id": claimed_id}, where="checkpoint"))
        if claimed.size == 0:
            raise _Found(Problem("empty_log", where="checkpoint"))
        self._checkpoint = claimed
        key = self._log_key(claimed, claimed_id)
        try:
            return checkpoints.open_checkpoint(note, NoteKey(claimed.origin, key))
        except NoteError as error:
            raise _Found(Problem("checkpoint_signature", where="checkpoint")) from error

    def _log_key(self, claimed: Checkpoint, claimed_id: str) -> bytes:
        """Of entry 0, which the id in the origin pins: the id is the digest of the genesis that names the
        key.
        """
        entries, _ = self._bundle(Tile("entries", 0, min(claimed.size, TILE_WIDTH)))
        if not entries:
            raise _Found(Problem("bundle_malformed", 0, where="tile/entries/000"))
        try:
            statement = documents.parse(entries[0])
            genesis: Any = statement.payload.get("genesis")
            self._cooperative = cooperative.genesis_id(statement)
            key = genesis["log_key"]["pub"]
            if statement.type != GENESIS or not isinstance(key, bytes) or len(key) != 32:
                raise StatementError("malformed", "genesis")
        except (StatementError, EncodingError, KeyError, TypeError) as error:
            raise _Found(self._bad_genesis(claimed, entries[0], "malformed")) from error
        if self._cooperative != claimed_id:
            raise _Found(self._bad_genesis(claimed, entries[0], "wrong_origin"))
        return key

    def _bad_genesis(self, claimed: Checkpoint, raw: bytes, code: str) -> Problem:
        """Before the checkpoint can be trusted: is at least entry 0 the one of the tree it names?"""
        in_tree = True
        try:
            hash_at = tiles.hash_reader(
                lambda tile: read_tile(self._source, tile), claimed.size, root=claimed.root
            )
            in_tree = hash_at(0, 0) == merkle.leaf_hash(raw)
        except (TileError, SourceError):
            pass
        return Problem(code if in_tree else "entry_not_in_tree", 0, GENESIS)

    def _open_since(self, checkpoint: Checkpoint) -> Checkpoint | None:
        if self._since_note is None:
            return None
        key = self._log_key(checkpoint, parse_origin(checkpoint.origin)[0])
        try:
            text = checkpoints.parse(parse_note(self._since_note)[0])
            if not _earlier(text.origin, checkpoint.origin):
                raise _Found(Problem("other_generation", facts={"origin": text.origin}, where="--since"))
            since = checkpoints.open_checkpoint(self._since_note, NoteKey(text.origin, key))
            if text.origin != checkpoint.origin:
                self._since_before = since
                return None
        except NoteError as error:
            raise SourceError(f"the checkpoint given with --since is not one of this log: {error}") from error
        if since.size > checkpoint.size:
            raise _Found(
                Problem("rolled_back", checkpoint.size, facts={"size": since.size}, where="checkpoint")
            )
        return since

    # -- the entries

    def _replay(self, replayer: Replayer, checkpoint: Checkpoint) -> Problem | None:
        for start in range(0, checkpoint.size, TILE_WIDTH):
            width = min(TILE_WIDTH, checkpoint.size - start)
            problem = self._block(replayer, checkpoint, start, width)
            if problem is not None:
                return problem
            self._progress(replayer.head.size, checkpoint.size)
        problem = replayer.finish() or self._fork(replayer)
        self._progress(replayer.head.size, checkpoint.size)
        return problem or self._compare_tree(replayer, checkpoint)

    def _block(self, replayer: Replayer, checkpoint: Checkpoint, start: int, width: int) -> Problem | None:
        name = Tile("entries", start // TILE_WIDTH, width)
        entries, complete = self._bundle(name)
        leaves = [merkle.leaf_hash(entry) for entry in entries]
        differs = self._first_difference(start // TILE_WIDTH, width, leaves)
        if differs is not None:
            wrong = start + differs
            if self._in_tree(checkpoint, wrong):
                # the tile belongs to the signed tree, so the entry does not
                earlier = replayer.feed(entries[:differs]) or replayer.finish()
                return earlier or self._fork(replayer) or Problem("entry_not_in_tree", wrong, where=name.path)
            self._tile = self._tile or Problem("tile_mismatch", wrong, where=Tile(0, name.index, width).path)
        problem = replayer.feed(entries, leaves)
        if problem is None and not complete:
            problem = replayer.finish() or Problem("bundle_malformed", start + len(entries), where=name.path)
        # A fork is the graver finding, and proof of itself: it goes before what a replay of the other
        # history finds.
        return self._fork(replayer) or problem

    def _bundle(self, name: Tile) -> tuple[list[bytes], bool]:
        """The entries that can be told apart, and whether these are all."""
        data = read_tile(self._source, name)
        try:
            return tiles.decode_bundle(data, name.width), True
        except TileError:
            return _prefix(data, name.width), False

    def _first_difference(self, index: int, width: int, leaves: list[bytes]) -> int | None:
        """The place of the first entry whose hash is not the one in the level-0 tile, none when the tile
        is shorter than the entries.
        """
        data = read_tile(self._source, Tile(0, index, width))
        if data.startswith(b"".join(leaves)):
            return None
        for place, leaf in enumerate(leaves):
            if data[32 * place : 32 * place + 32] != leaf:
                return place
        return None

    def _in_tree(self, checkpoint: Checkpoint, index: int) -> bool:
        """Whether the level-0 tile of this entry belongs to the signed root, by way of the tiles above it."""
        try:
            hash_at = tiles.hash_reader(
                lambda tile: read_tile(self._source, tile), checkpoint.size, root=checkpoint.root
            )
            hash_at(0, index)
        except TileError:
            return False
        return True

    def _fork(self, replayer: Replayer) -> Problem | None:
        """P3, P15: what the log key signed earlier must be a beginning of what it signs now."""
        since = self._since
        if since is None or replayer.history.size < since.size:
            return None
        if replayer.history.root_at(since.size) == since.root:
            self._since = None
            return None
        return Problem("fork", facts={"size": since.size}, where="--since")

    def _compare_tree(self, replayer: Replayer, checkpoint: Checkpoint) -> Problem | None:
        if replayer.history.root_at(checkpoint.size) != checkpoint.root:
            index = self._tile.index if self._tile else None
            return Problem("root_mismatch", index, where="checkpoint")
        return self._tile or self._compare_upper_tiles(replayer, checkpoint.size)

    def _compare_upper_tiles(self, replayer: Replayer, size: int) -> Problem | None:
        below = replayer.history.blocks()
        level = 1
        while below:
            for start in range(0, len(below), TILE_WIDTH):
                hashes = below[start : start + TILE_WIDTH]
                tile = Tile(level, start // TILE_WIDTH, len(hashes))
                data = read_tile(self._source, tile)
                for place, expected in enumerate(hashes, start):
                    if data[32 * (place - start) : 32 * (place - start) + 32] != expected:
                        return Problem("tile_mismatch", place << (8 * level), where=tile.path)
            full = len(below) // TILE_WIDTH
            below = [merkle.root(below[at * TILE_WIDTH : (at + 1) * TILE_WIDTH]) for at in range(full)]
            level += 1
        return None


def _earlier(origin: str, other: str) -> bool:
    """Whether a checkpoint of `origin` is of the same log as `other`, of its generation or one before."""
    try:
        name, generation = parse_origin(origin)
    except EncodingError:
        return False
    return name == parse_origin(other)[0] and generation <= parse_origin(other)[1]


def _prefix(data: bytes, width: int) -> list[bytes]:
    entries: list[bytes] = []
    position = 0
    while len(entries) < width and position + 2 <= len(data):
        end = position + 2 + int.from_bytes(data[position : position + 2], "big")
        if end > len(data):
            break
        entries.append(data[position + 2 : end])
        position = end
    return entries
