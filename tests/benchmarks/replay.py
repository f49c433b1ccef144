"""Replaying a log, the auditor's way through files, beside libsodium and the decoder alone."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

from nacl.bindings import crypto_sign_open

from coopnode.audit import audit, open_source
from protocol import documents, encoding, signatures
from protocol.signatures import Signed
from tests.audit.logs import Log
from tests.benchmarks.figures import Figures, best
from tests.benchmarks.material import replayed

GROUP = "replay"
ASKED = 25_000
_CORES = 2


def run(figures: Figures, folder: Path, *, quick: bool) -> None:
    count, rounds = (5_000, 1) if quick else (48_000, 2)
    for kind in ("votes", "consents"):
        log = replayed(200, count, kind)
        _kind(figures, log, log.write(folder / f"log-{kind}"), kind, rounds)


def _kind(figures: Figures, log: Log, place: Path, kind: str, rounds: int) -> None:
    entries, note = log.entries, (place / "checkpoint").read_bytes()
    items = [_signed(raw) for raw in entries]
    limit = checked = trusted = decoded = 0.0
    spent = check = 1.0
    for _ in range(rounds):  # in turns, so that a busy minute of the machine meets all of them
        limit = max(limit, _bare(items))
        check = min(check, _cpu(lambda: signatures.verify_many(items)) / len(items))
        before = time.perf_counter()
        spent = min(spent, _cpu(lambda: _audit(log, place)) / len(items))
        checked = max(checked, len(items) / (time.perf_counter() - before))
        trusted = max(trusted, best(lambda: _audit(log, place, note), 1, _documents(entries)))
        decoded = max(decoded, best(lambda: _decode(entries), 1, _documents(entries)))
    name = f"log of {len(entries):,} documents, {kind}"
    figures.rate(GROUP, f"{name}: all checked", checked, f"bare libsodium on {_CORES} cores", limit, 0.5)
    # Says the same of a machine whose cores other programs use too.
    figures.time(
        GROUP, "  processor time of one, start of checkers too", spent, "one signature check", check, 0.5
    )
    figures.rate(GROUP, "  signatures trusted", trusted, "asked for", ASKED, 1.0)
    figures.rate(GROUP, "  signatures trusted", trusted, "decoding only", decoded)


def _cpu(work: Callable[[], object]) -> float:
    """Seconds of processor time, that of child processes too."""
    before = os.times()
    work()
    after = os.times()
    return sum(after[:4]) - sum(before[:4])


def _documents(entries: Sequence[bytes]) -> Callable[[object, float], float]:
    return lambda _, seconds: len(entries) / seconds


def _signed(raw: bytes) -> Signed:
    statement = documents.parse(raw)
    return statement.kid, statement.sig_structure, statement.signature


def _audit(log: Log, place: Path, since: bytes | None = None) -> None:
    report = audit(open_source(str(place)), expect=log.id, since=since, trust_since=since is not None)
    if report.problem is not None or report.entries != len(log.entries):
        raise RuntimeError(f"the audit found {report.problem}")


def _decode(entries: Sequence[bytes]) -> None:
    for raw in entries:
        encoding.decode(documents.split(raw)[1])


def _bare(items: Sequence[Signed]) -> float:
    """Checks in a second on two cores: by threads or by processes, whichever is faster here."""
    half = len(items) // _CORES
    parts = [
        [(sig + message, pub) for pub, message, sig in items[at : at + half]]
        for at in range(0, half * _CORES, half)
    ]
    with ThreadPoolExecutor(_CORES) as threads:
        found = _both(threads, parts)
    with ProcessPoolExecutor(_CORES, multiprocessing.get_context("spawn")) as processes:
        return max(found, _both(processes, parts))


def _both(executor: Executor, parts: Sequence[Sequence[tuple[bytes, bytes]]]) -> float:
    spans = list(executor.map(_check, parts))
    # Each tells when it began and ended: handing the messages over is not the library's time.
    return sum(map(len, parts)) / (max(end for _, end in spans) - min(begin for begin, _ in spans))


def _check(items: Sequence[tuple[bytes, bytes]]) -> tuple[float, float]:
    began = time.monotonic()
    for signed, pub in items:
        crypto_sign_open(signed, pub)
    return began, time.monotonic()
