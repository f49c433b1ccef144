"""The parts: one thread, each beside one signature check, which nothing can do without."""

from __future__ import annotations

import hashlib
import os
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from coopnode.audit.replay import History
from coopnode.store.vault import Vault
from coopnode.tiles_writer import LogFiles
from protocol import documents, merkle, registry, signatures, tiles
from protocol.documents import Statement
from protocol.identifiers import identifier
from protocol.log import Reducer
from protocol.merkle import CompactRange
from protocol.state import MemoryState
from tests.benchmarks.figures import Figures
from tests.benchmarks.material import replayed

GROUP = "parts"


def run(figures: Figures, folder: Path, *, quick: bool) -> None:
    count, rounds = (1_500, 3) if quick else (6_000, 5)
    entries = [raw for kind in ("votes", "consents") for raw in replayed(100, count, kind).entries]
    parsed = [documents.parse(raw) for raw in entries]
    few = parsed[-count:]
    check = _one(
        rounds,
        count,
        lambda: signatures.verify_many([(each.kid, each.sig_structure, each.signature) for each in few]),
    )
    figures.time(GROUP, "signature check", check, "itself", check)

    def part(name: str, seconds: float, goal: float | None = None) -> None:
        figures.time(GROUP, name, seconds, "one signature check", check, goal)

    part("parse", _one(rounds, len(entries), lambda: [documents.parse(raw) for raw in entries]), 2.0)
    part("typed payload", _one(rounds, len(entries), lambda: [registry.typed(each) for each in parsed]), 5.0)
    for type, seconds in sorted(_decide(count, rounds).items()):
        part(f"decide {type}", seconds)
    leaves = [merkle.leaf_hash(raw) for raw in entries]
    part("leaf hash and Merkle append", _one(rounds, len(entries), lambda: _append(entries)), 20.0)
    part("identifier of a digest", _one(rounds, len(leaves), lambda: [identifier(leaf) for leaf in leaves]))
    records = [(os.urandom(32), os.urandom(600)) for _ in range(count)]
    vault = Vault(folder, os.urandom(32))
    part("vault: seal a record", _one(rounds, count, lambda: [vault.seal(*each) for each in records]))
    vault.close()
    _tiles(figures, folder, entries, leaves)


def _one(rounds: int, count: int, work: Callable[[], object]) -> float:
    """Seconds of processor time for one, in the best round."""
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return min(spent) / count


def _append(entries: Sequence[bytes]) -> bytes:
    edge = CompactRange()
    for raw in entries:
        edge.append(merkle.leaf_hash(raw))
    return edge.root()


def _decide(count: int, rounds: int) -> dict[str, float]:
    """Everything between a checked signature and the new state, by type."""
    best: dict[str, float] = {}
    for kind in ("votes", "consents"):
        statements = [documents.parse(raw) for raw in replayed(100, count, kind).entries]
        for _ in range(rounds):
            for type, (number, spent) in _timed(statements).items():
                if number >= 20:
                    best[type] = min(best.get(type, 1.0), spent / number)
    return best


def _timed(statements: Sequence[Statement]) -> dict[str, tuple[int, float]]:
    found: dict[str, tuple[int, float]] = defaultdict(lambda: (0, 0.0))
    reducer = Reducer(MemoryState(), History())
    for statement in statements:
        began = time.process_time()
        reducer.offer(statement)
        number, spent = found[statement.type]
        found[statement.type] = (number + 1, spent + time.process_time() - began)
    return found


def _tiles(figures: Figures, folder: Path, entries: Sequence[bytes], leaves: Sequence[bytes]) -> None:
    """Files of a second's growth, synced, beside the syncs alone."""
    files, hash_at = LogFiles(folder / "log"), merkle.subtrees(leaves)
    at, grown = 1_000, 500
    files.write(
        0, at, lambda tile: tiles.hash_tile(hash_at, tile), lambda start, stop: list(entries[start:stop])
    )
    began = time.perf_counter()
    written = files.write(
        at,
        at + grown,
        lambda tile: tiles.hash_tile(hash_at, tile),
        lambda start, stop: list(entries[start:stop]),
    )
    took = time.perf_counter() - began
    began = time.perf_counter()
    for number in range(written):
        path = folder / f"bare-{number}"
        with path.open("wb") as file:
            file.write(hashlib.sha256(path.name.encode()).digest() * 256)
            file.flush()
            os.fsync(file.fileno())
    figures.time(
        GROUP,
        f"{written} tiles and bundles of {grown} entries",
        took,
        "as many synced files",
        time.perf_counter() - began,
    )
