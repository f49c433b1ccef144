"""What a node does with a log of a million entries and 200,000 people: start, pages, audit, backup."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from typing import Final

from coopnode import backups, increments, moving, printing, testing
from coopnode.app import Leader, Node
from coopnode.backup_file import Made
from coopnode.cli.node import all_projections
from tests.benchmarks import million, processes, visits
from tests.benchmarks.accepting import Prepared
from tests.benchmarks.figures import Figures
from tests.benchmarks.load import pack
from tests.benchmarks.million import Bar, Today
from tests.benchmarks.processes import Server
from tests.benchmarks.visits import Visit
from tests.postgresql import Cluster

GROUP = "size"
SMALL: Final = 1_000
_MIB: Final = 2**20
_PAGES_A_SECOND, _SEARCHES_A_SECOND, _STATEMENTS_A_SECOND = 100, 20, 500
#: How often a page of strangers and of members is opened while each of the officers is opened once.
_OFTEN: Final = {"": 8, "member": 4}
#: About six entries each.
_APPLICATIONS: Final = 152
#: From here on an increment is held against the whole backup: its empty database has a size of its own.
_LARGE: Final = 100_000
#: Goals: seconds, bytes.
_START, _PAGE, _SEARCH, _BACKUP, _PDF = 10.0, 0.1, 0.2, 120.0, 0.02
_MOVE = 120.0
_MEMORY, _AUDIT_MEMORY = 600 * _MIB, 1536 * _MIB
#: A proof may take this much longer in the large log than in one of a thousand entries: its path is.
_FLAT: Final = 3.0


def run(figures: Figures, folder: Path, *, size: int, quick: bool, cluster: Cluster | None = None) -> None:
    """On files, or in databases of `cluster`."""
    data = million.copy(size, folder / "million", Bar("Writing"))
    people = million.Plan(size).people
    name = f"{size:,} entries, {people:,} people"
    if cluster is not None:
        _move(figures, name, data, cluster)
    today = million.freshen(data, 30 if quick else 300)
    pages = asyncio.run(_signed_in(data, today))
    began = time.perf_counter()
    with processes.node(data, settled=False) as server:
        _get(server, Visit("", "/"))
        figures.time(GROUP, f"{name}: start to first page", time.perf_counter() - began, "allowed", _START, 1)
        searching = [visit for visit in pages if _is_search(visit)]
        _pages(figures, folder, server, data, today, [page for page in pages if not _is_search(page)], quick)
        _searches(figures, folder, server, searching, quick)
        _memory(figures, "  memory of all processes after the load", _pss(server.pid), _MEMORY)
        if cluster is not None:
            _memory(figures, "  … of the database server", _pss(cluster.pid), _MEMORY, goal=None)
    _proofs(figures, data, folder, size, 50 if quick else 500, cluster)
    _audit(figures, data, size)
    _backup(figures, data, folder, size)
    _papers(figures, 3 if quick else 20)


def _move(figures: Figures, name: str, data: Path, cluster: Cluster) -> None:
    """Into a database of its own, and the first start there, which fills the tables of pages and the index of
    people."""
    began = time.perf_counter()
    moving.move(data, cluster.database(empty=True), lambda done, total: None)
    figures.time(GROUP, f"{name}: move", time.perf_counter() - began, "allowed", _MOVE)
    began = time.perf_counter()
    _open(data).close()
    figures.time(GROUP, "  first start after the move", time.perf_counter() - began, "allowed", _MOVE)


# --- pages ----------------------------------------------------------------------------------------


async def _signed_in(data: Path, today: Today) -> list[Visit]:
    node = _open(data)
    try:
        return await visits.prepare(node, today)
    finally:
        node.close()


def _open(data: Path) -> Leader:
    node = Node.open(testing.config(data, time_confirmed=True), projections=all_projections())
    assert isinstance(node, Leader)
    return node


def _get(server: Server, visit: Visit) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.request("GET", visit.path, headers={"Accept": "text/html", "Cookie": visit.cookie})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def _pages(
    figures: Figures,
    folder: Path,
    server: Server,
    data: Path,
    today: Today,
    pages: list[Visit],
    quick: bool,
) -> None:
    """All of them mixed, while statements keep coming; the slowest by name."""
    server.settle()
    for visit in pages:
        if (status := _get(server, visit)) != 200:
            raise RuntimeError(f"{visit.path} answered {status} to {visit.name}")
    seconds = 2.0 if quick else 20.0
    wanted, statements = folder / "visits.json", folder / "statements"
    mixed = [visit for visit in pages for _ in range(_OFTEN.get(visit.name.partition(":")[0], 1))]
    random.Random(1).shuffle(mixed)
    wanted.write_text(json.dumps([[visit.path, visit.cookie] for visit in mixed]))
    people = [(who.person.key, who.id) for who in today.people]
    prepared = Prepared(data, today.about.id, people, [], [])
    count = int((seconds + 3) * _STATEMENTS_A_SECOND)
    # each for 64 purposes at most: fewer people send less
    count = min(count, 64 * len(people))
    rate = min(_STATEMENTS_A_SECOND, count / (seconds + 2))
    pack(statements, prepared.consents(count))
    posts = ("--file", statements, "--seconds", seconds + 1, "--rate", rate)
    gets = ("--visits", wanted, "--seconds", seconds, "--rate", _PAGES_A_SECOND, "--connections", 16)
    with ThreadPoolExecutor(1) as beside:
        posting = beside.submit(processes.load, server, "/entries", *posts)
        found = processes.load(server, "/", *gets)
        posted = posting.result()
    if set(found["statuses"]) != {"200"} or set(posted["statuses"]) != {"200"}:
        raise RuntimeError(f"pages answered {found['statuses']}, /entries {posted['statuses']}")
    times = sorted(found["by"].items(), key=lambda item: -item[1])
    slowest = ", ".join(f"{mixed[int(place)].name.strip(': ')} {took * 1e3:.0f}" for place, took in times[:4])
    note = f"p50 {found['p50'] * 1e3:.1f} ms; slowest: {slowest}; {rate:.0f} statements/s beside"
    figures.time(GROUP, f"  p99 of {len(pages)} pages, 100/s", found["p99"], "allowed", _PAGE, 1.0, note=note)
    alone = processes.load(server, "/", *gets)
    slow = sorted(alone["by"].items(), key=lambda item: -item[1])[:4]
    slowest = ", ".join(f"{mixed[int(place)].name.strip(': ')} {took * 1e3:.0f}" for place, took in slow)
    note = f"processor time of one {alone['cpu'] * 1e3:.1f} ms; slowest: {slowest}"
    figures.time(GROUP, "  … without statements", alone["p99"], "allowed", _PAGE, note=note)


def _is_search(visit: Visit) -> bool:
    return "q=" in visit.path or "/documents?" in visit.path


def _searches(figures: Figures, folder: Path, server: Server, pages: list[Visit], quick: bool) -> None:
    """Mixed; the slowest questions by name."""
    for visit in pages:
        if (status := _get(server, visit)) != 200:
            raise RuntimeError(f"{visit.path} answered {status} to {visit.name}")
    wanted = folder / "searches.json"
    wanted.write_text(json.dumps([[visit.path, visit.cookie] for visit in pages]))
    seconds = 2.0 if quick else 20.0
    found = processes.load(
        server,
        "/",
        "--visits",
        wanted,
        "--seconds",
        seconds,
        "--rate",
        _SEARCHES_A_SECOND,
        "--connections",
        8,
    )
    if set(found["statuses"]) != {"200"}:
        raise RuntimeError(f"searches answered {found['statuses']}")
    times = sorted(found["by"].items(), key=lambda item: -item[1])
    slowest = ", ".join(
        f"{pages[int(place)].name.partition(': ')[2]} {took * 1e3:.0f}" for place, took in times[:5]
    )
    note = f"p50 {found['p50'] * 1e3:.1f} ms; slowest: {slowest}"
    figures.time(
        GROUP,
        f"  p99 of {len(pages)} searches, {_SEARCHES_A_SECOND}/s",
        found["p99"],
        "allowed",
        _SEARCH,
        note=note,
    )


# --- memory ---------------------------------------------------------------------------------------


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for child in processes.children(pid):
        yield from _tree(child)


def _pss(pid: int) -> int:
    """Bytes of a process and its children, shared pages counted once."""
    found = 0
    for each in _tree(pid):
        try:
            text = Path(f"/proc/{each}/smaps_rollup").read_text()
        except OSError:  # has ended
            continue
        found += sum(int(line.split()[1]) for line in text.splitlines() if line.startswith("Pss:"))
    return found * 1024


def _memory(figures: Figures, name: str, used: int, allowed: int, goal: float | None = 1.0) -> None:
    figures.memory(GROUP, name, used, "allowed", allowed, goal)


@contextmanager
def _watched(pid: int) -> Iterator[Callable[[], int]]:
    """The largest memory so far, looked at four times a second."""
    largest, ended = [_pss(pid)], threading.Event()

    def look() -> None:
        while not ended.wait(0.25):
            largest[0] = max(largest[0], _pss(pid))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield lambda: largest[0]
    finally:
        ended.set()
        thread.join()


# --- proofs, audit, backup, papers ------------------------------------------------------------------


def _proofs(
    figures: Figures, data: Path, folder: Path, size: int, count: int, cluster: Cluster | None
) -> None:
    """Of documents all over the log, beside the same in a log of a thousand entries."""
    small = million.copy(SMALL, folder / "thousand")
    if cluster is not None:
        moving.move(small, cluster.database(empty=True), lambda done, total: None)
    found = []
    for place, length in ((small, SMALL), (data, size)):
        node = _open(place)
        places = [random.Random(number).randrange(1, length) for number in range(count)]
        reading = node.reading
        inclusion = _each(reading.proof, places)
        consistency = _each(partial(reading.consistency, new=length), places)
        found.append((inclusion, consistency))
        node.close()
    for name, few, many in zip(("inclusion", "consistency"), *found, strict=True):
        figures.time(GROUP, f"  {name} proof", many, f"{_FLAT:.0f} × of {SMALL:,} entries", few * _FLAT, 1.0)


def _each(work: Callable[[int], object], places: list[int]) -> float:
    began = time.process_time()
    for place in places:
        work(place)
    return (time.process_time() - began) / len(places)


def _audit(figures: Figures, data: Path, size: int) -> None:
    command = [sys.executable, "-m", "coopnode", "audit", str(data / "log"), "--json"]
    began = time.perf_counter()
    running = subprocess.Popen(command, cwd=processes.ROOT, stdout=subprocess.PIPE, text=True)
    with _watched(running.pid) as largest:
        said, _ = running.communicate()
    seconds = time.perf_counter() - began
    report = json.loads(said)
    if not report["ok"] or report["entries"] < size:
        raise RuntimeError(f"the audit found {report}")
    _memory(figures, "  audit of the whole log: memory", largest(), _AUDIT_MEMORY)
    figures.rate(GROUP, "  … entries", report["entries"] / seconds, "a second", 1.0)


def _backup(figures: Figures, data: Path, folder: Path, size: int) -> None:
    secret = backups.Secret(key_file=os.urandom(32))
    began = time.perf_counter()
    made = backups.make(data, folder / "backup.backup", secret, lambda done, total: None)
    seconds = time.perf_counter() - began
    note = f"{made.backup.stat().st_size / _MIB:,.0f} MiB and {made.keys.stat().st_size / _MIB:,.0f} of keys"
    figures.time(GROUP, "  backup", seconds, "allowed", _BACKUP, 1.0, note=note)
    _increment(figures, data, made, secret, seconds, 1.0 if size >= _LARGE else None)
    made.backup.unlink()
    made.keys.unlink()


def _increment(
    figures: Figures, data: Path, base: Made, secret: backups.Secret, whole: float, goal: float | None
) -> None:
    """Of applications of a day, with their particulars."""
    million.freshen(data, _APPLICATIONS)
    began = time.perf_counter()
    made = increments.make(data, base.backup, secret)
    seconds = time.perf_counter() - began
    name = f"  increment of {made.entries - base.entries:,} entries"
    part, all_of_it = (sum(path.stat().st_size for path in (each.backup, each.keys)) for each in (made, base))
    figures.time(GROUP, name, seconds, "1/10 of the backup", whole / 10, goal)
    figures.memory(GROUP, "  … bytes", part, "1/10 of the backup", all_of_it // 10, goal)
    made.backup.unlink()
    made.keys.unlink()


def _papers(figures: Figures, count: int) -> None:
    """Processor time of one certificate and one page of minutes, each of another person."""
    issuer = printing.Issuer("Потребительское общество «Росток»", "7701234567")
    proof = printing.Proof("https://coop.example/verify/" + "ab" * 32, "abcd " * 16, 1)
    moment = datetime(2026, 5, 16, 12, 0, tzinfo=UTC)

    def certificate(number: int) -> printing.Document:
        return printing.Certificate(
            issuer,
            million.full_name(number),
            number,
            date(2026, 5, 17),
            printing.Fees(10_000, 30_000, "RUB"),
            "решение совета № 17",
            "Орлова Вера Павловна",
            moment,
            date(2026, 5, 18),
            proof,
        )

    def minutes(number: int) -> printing.Document:
        votes = tuple(
            printing.Vote(million.full_name(each), "", "for", moment) for each in range(number, number + 20)
        )
        return printing.Minutes(
            issuer,
            number,
            "О закупке семян",
            ("Закупить семена.",),
            1,
            moment,
            moment,
            20,
            15,
            (20, 0, 0),
            votes,
            "adopted",
            "Орлова Вера Павловна",
            moment,
            date(2026, 5, 18),
            "abcd " * 16,
            "abcd " * 16,
            proof,
        )

    for name, make in (("certificate", certificate), ("minutes of twenty votes", minutes)):
        printing.pdf(make(1), "ru")
        began = time.process_time()
        for number in range(count):
            printing.pdf(make(1_000 + number), "ru")
        spent = (time.process_time() - began) / count
        figures.time(GROUP, f"  PDF, {name}: processor time", spent, "allowed", _PDF, 1.0)
