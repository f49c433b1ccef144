"""What condition this machine's node is in, as its operator has to know: for `/metrics`, `/readyz` and the
operator's page. It looks and changes nothing.

Only the process that writes the log knows all of it; one that serves pages asks it over the channel
(`coopnode.channel.Follower`). No field is about a person.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol
from urllib.parse import urlsplit

import msgspec

from coopnode import __version__, figures, outbox
from coopnode.clock import Clock
from coopnode.config import Config
from coopnode.figures import Process, Report
from coopnode.store import vault
from coopnode.store.log_store import LogStore
from coopnode.tiles_writer import CHECKPOINT
from protocol import registry

if TYPE_CHECKING:
    from coopnode.publisher import Publishing
    from coopnode.sequencer import Sequencer
    from coopnode.startup import Standing

#: Of the data directory: what `backup` last made (`note_backup`).
BACKUP_NOTE: Final = "last-backup.json"
_DAY: Final = 86_400
_GB: Final = 10**9
#: A backup is late after two nights, and a danger after a week.
_BACKUP_LATE, _BACKUP_OLD = 2 * _DAY, 7 * _DAY
#: Entries wait a second for a checkpoint; longer than this something is in the way.
_PUBLISH_LATE: Final = 60
_CERTIFICATE_SOON: Final = 14 * _DAY
#: Attempts after which a letter that has not left says that mail does not work.
_LETTER_TRIES: Final = 3


class Part(msgspec.Struct, frozen=True):
    """Base of the parts; they travel between processes of one program, by name."""


class Log(Part, frozen=True):
    """`stopped`: why nothing is written, in words; `doubt`: why this start only reads; `problem`: why the log
    is not published."""

    cooperative: str | None
    generation: int
    size: int
    published: int
    tick: int
    #: when the checkpoint was signed; None before the first
    published_at: int | None
    #: the log's time of the oldest entry that is not published
    waits_since: int | None
    stopped: str | None
    doubt: str | None
    problem: str | None
    notes: list[str]
    #: statements between arrival and answer, and how many there may be
    queue: int
    most_queue: int


class ClockState(Part, frozen=True):
    """`ahead`: seconds by which the wall clock outran the monotonic one since both were compared."""

    now: int
    ahead: float
    doubt: str | None


class Letters(Part, frozen=True):
    """`tried`: those waiting that were tried in vain several times. `way`: the mail server; None: files."""

    waiting: int
    tried: int
    failed: int
    way: str | None


class Disk(Part, frozen=True):
    """Bytes. `folder`: the data directory; `wal`: the write-ahead log; `vault`: keys of private records."""

    folder: str
    free: int
    total: int
    database: int
    wal: int
    vault: int


class Backup(Part, frozen=True):
    """The last one that was made, an increment maybe. `whole_at`: when the last whole one was: without it an
    increment is worth nothing, so by this a backup is late."""

    at: int
    whole_at: int
    path: str
    size: int
    entries: int


class JobState(Part, frozen=True):
    """`problem`: the kind of error of the last call, None when it went well."""

    name: str
    ended_at: int
    problem: str | None


Side = Literal["public", "signing"]


class Address(Part, frozen=True):
    """One of the node's two addresses; `until` is the end of the certificate that its server shows."""

    name: Side
    url: str
    checked_at: int
    until: int | None
    problem: str | None


class Versions(Part, frozen=True):
    program: str
    schema: str
    database: str
    python: str
    ruleset: int
    #: documents of the registry
    types: int


class Condition(Part, frozen=True):
    """All of it at one moment."""

    at: int
    log: Log
    clock: ClockState
    letters: Letters
    disk: Disk
    backup: Backup | None
    #: why the one that the clock wanted was not made
    backup_problem: str | None
    jobs: list[JobState]
    processes: list[Process]
    #: processes for pages that the configuration wants
    wanted_processes: int
    addresses: list[Address]
    versions: Versions
    counts: list[tuple[str, tuple[str, ...], float]]


class Watching(Protocol):
    """Whoever can tell: this process, or another one."""

    async def condition(self) -> Condition:
        """Raises TimeoutError when the process that writes does not answer."""
        ...


class Watch:
    """Of the process that writes the log."""

    def __init__(
        self,
        config: Config,
        clock: Clock,
        store: LogStore,
        log_files: Path,
        standing: Standing,
        sequencer: Sequencer,
        publisher: Publishing,
    ) -> None:
        self._config, self._clock, self._store, self._log_files = config, clock, store, log_files
        self._database = store.database
        self._standing, self._sequencer, self._publisher = standing, sequencer, publisher
        self._pages = figures.Sum()
        #: processes for pages that whoever runs this node keeps beside it
        self.wanted_processes = 0
        #: written by the scheduler, by the job of the backups and by the one that looks at the certificates
        self.jobs: dict[str, JobState] = {}
        self.backup_problem: str | None = None
        self.addresses: list[Address] = _unseen(config)

    def configure(self, changes: Mapping[str, Any]) -> None:
        self._config = config = self._config.changed(changes)
        if [address.url for address in self.addresses] != [config.public_url, config.signing_url]:
            self.addresses = _unseen(config)

    def heard(self, who: Hashable, report: Report) -> None:
        self._pages.heard(who, report)

    def left(self, who: Hashable) -> None:
        self._pages.left(who)

    async def condition(self) -> Condition:
        return await self._database.in_thread(self._look)

    def _look(self) -> Condition:
        config, now = self._config, self._clock.peek()
        counted = figures.add((figures.counts(), self._pages.counts()))
        ahead, doubt = self._clock.standing()
        return Condition(
            at=now,
            log=self._log(config),
            clock=ClockState(now, ahead, doubt),
            letters=self._letters(config),
            disk=self._disk(config.data),
            backup=read_backup(config.data),
            backup_problem=self.backup_problem,
            jobs=sorted(self.jobs.values(), key=lambda job: job.name),
            processes=[figures.process("writer"), *self._pages.processes()],
            wanted_processes=self.wanted_processes,
            addresses=list(self.addresses),
            versions=self._versions(),
            counts=[(name, labels, value) for (name, labels), value in counted.items()],
        )

    def _log(self, config: Config) -> Log:
        head, published = self._sequencer.head, self._publisher.published
        return Log(
            cooperative=head.cooperative,
            generation=head.generation,
            size=head.size,
            published=published,
            tick=head.tick,
            published_at=_modified(self._log_files / CHECKPOINT),
            waits_since=self._store.tick_at(published) if published < head.size else None,
            stopped=self._sequencer.stopped,
            doubt=self._standing.doubt,
            problem=self._publisher.problem,
            notes=list(self._standing.notes),
            queue=self._sequencer.in_flight,
            most_queue=config.limits.in_flight,
        )

    def _letters(self, config: Config) -> Letters:
        waiting, failed = self._database.read_now(outbox.counts)
        tried = self._database.read_now(lambda connection: outbox.tried(connection, _LETTER_TRIES))
        way = f"{config.smtp.host}:{config.smtp.port}" if config.smtp.host else None
        return Letters(waiting, tried, failed, way)

    def _disk(self, data: Path) -> Disk:
        usage = shutil.disk_usage(data)
        database, wal = self._database.sizes()
        return Disk(str(data.resolve()), usage.free, usage.total, database, wal, _size(data / vault.FILE))

    def _versions(self) -> Versions:
        return Versions(
            program=__version__,
            schema=self._database.revision(),
            database=self._database.kind(),
            python=platform.python_version(),
            ruleset=registry.RULESET,
            types=len(registry.TYPES),
        )


def _unseen(config: Config) -> list[Address]:
    return [Address(name, url, 0, None, None) for name, url in named(config)]


def named(config: Config) -> list[tuple[Side, str]]:
    """The node's two addresses."""
    return [("public", config.public_url), ("signing", config.signing_url)]


def _modified(path: Path) -> int | None:
    try:
        return int(path.stat().st_mtime)
    except OSError:
        return None


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


# -- backups ----------------------------------------------------------------------------------------------


def note_backup(data: Path, path: Path, entries: int, now: int, whole_at: int) -> None:
    """Remembers a backup that was made. A directory that may only be read stays as it is: whoever makes
    the backup of such a copy watches over it elsewhere."""
    found = Backup(now, whole_at, str(path.resolve()), _size(path), entries)
    temporary = data / f"{BACKUP_NOTE}.new"
    try:
        temporary.write_bytes(msgspec.json.encode(found))
        temporary.replace(data / BACKUP_NOTE)
    except OSError:
        temporary.unlink(missing_ok=True)


def read_backup(data: Path) -> Backup | None:
    try:
        return msgspec.json.decode((data / BACKUP_NOTE).read_bytes(), type=Backup)
    except (OSError, msgspec.DecodeError):
        return None


# -- what is wrong ----------------------------------------------------------------------------------------

Level = Literal["bad", "warn"]


class Trouble(Part, frozen=True):
    """Something that asks for a person. `code` names words of the page and the guide (`deploy/README.md`)."""

    code: str
    level: Level
    facts: dict[str, Any]


#: Every code there is; the page has words for each, the guide a paragraph.
TROUBLES: Final = (
    "doubt",
    "clock",
    "stopped",
    "publishing",
    "disk_full",
    "disk_low",
    "backup_failed",
    "no_backup",
    "backup_late",
    "queue",
    "processes",
    "letters_failed",
    "letters_tried",
    "no_mail_server",
    "job",
    "certificate",
    "address",
    "not_https",
)


def troubles(found: Condition) -> list[Trouble]:
    """The worst first."""
    every = [*_of_log(found), *_of_disk(found), *_of_mail(found), *_of_addresses(found)]
    return sorted(every, key=lambda trouble: trouble.level != "bad")


def _of_log(found: Condition) -> Iterator[Trouble]:
    log = found.log
    if log.doubt is not None:
        yield Trouble("doubt", "bad", {"reason": log.doubt})
    elif found.clock.doubt is not None:
        yield Trouble("clock", "bad", {"reason": found.clock.doubt})
    elif log.stopped is not None:
        yield Trouble("stopped", "bad", {"reason": log.stopped})
    late = log.waits_since is not None and found.at - log.waits_since > _PUBLISH_LATE
    if log.problem is not None or (late and log.doubt is None):
        yield Trouble("publishing", "bad", {"reason": log.problem or "", "entries": log.size - log.published})
    if log.queue >= log.most_queue * 0.8:
        yield Trouble("queue", "warn", {"queue": log.queue, "most": log.most_queue})
    pages = sum(process.role == "pages" for process in found.processes)
    if pages < found.wanted_processes:
        yield Trouble("processes", "warn", {"there": pages, "wanted": found.wanted_processes})
    for job in found.jobs:
        if job.problem is not None:
            yield Trouble("job", "warn", {"name": job.name, "problem": job.problem})


def _of_disk(found: Condition) -> Iterator[Trouble]:
    disk, backup = found.disk, found.backup
    if disk.free < max(_GB // 2, disk.total // 50):
        yield Trouble("disk_full", "bad", {"free": disk.free, "folder": disk.folder})
    elif disk.free < max(2 * _GB, disk.total // 10):
        yield Trouble("disk_low", "warn", {"free": disk.free, "folder": disk.folder})
    if found.backup_problem is not None:
        yield Trouble("backup_failed", "bad", {"reason": found.backup_problem})
    if found.log.size == 0:
        return
    if backup is None:
        yield Trouble("no_backup", "warn", {})
    elif found.at - backup.whole_at > _BACKUP_LATE:
        old = found.at - backup.whole_at > _BACKUP_OLD
        yield Trouble("backup_late", "bad" if old else "warn", {"at": backup.whole_at})


def _of_mail(found: Condition) -> Iterator[Trouble]:
    letters = found.letters
    if letters.failed:
        yield Trouble("letters_failed", "warn", {"letters": letters.failed})
    if letters.tried:
        yield Trouble("letters_tried", "warn", {"letters": letters.tried, "way": letters.way or ""})
    if letters.way is None and any(not is_local(address.url) for address in found.addresses):
        yield Trouble("no_mail_server", "warn", {})


def _of_addresses(found: Condition) -> Iterator[Trouble]:
    for address in found.addresses:
        if is_local(address.url):
            continue
        if not address.url.startswith("https:"):
            yield Trouble("not_https", "bad", {"url": address.url})
        elif address.problem is not None:
            yield Trouble("address", "warn", {"url": address.url, "problem": address.problem})
        elif address.until is not None and address.until - found.at < _CERTIFICATE_SOON:
            passed = address.until <= found.at
            yield Trouble(
                "certificate", "bad" if passed else "warn", {"url": address.url, "at": address.until}
            )


def is_local(url: str) -> bool:
    """Whether only this machine opens it."""
    host = urlsplit(url).hostname or ""
    return host in ("localhost", "127.0.0.1", "::1") or host.endswith(".localhost")
