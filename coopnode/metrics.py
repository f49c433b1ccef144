"""The condition of a node as Prometheus reads it (text format 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.samples import Sample

from coopnode import figures
from coopnode.condition import TROUBLES, Condition, troubles

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


def text(found: Condition) -> bytes:
    return generate_latest(_Families([*_counted(found), *_looked_at(found)]))


class _Families:
    """As much of a registry as is needed to write one down."""

    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = list(families)

    def collect(self) -> list[Metric]:
        return self._families


def _counted(found: Condition) -> Iterator[Metric]:
    """Over all processes. The names of what is counted are the same in each."""
    families = {family.name: family for family in figures.REGISTRY.collect()}
    made = {
        name: Metric(name, family.documentation, family.type) for name, family in sorted(families.items())
    }
    for name, labels, value in sorted(found.counts):
        base = next(
            name.removesuffix(end) for end in ("_total", "_bucket", "_count", "_sum") if name.endswith(end)
        )
        pairs = dict(zip(labels[::2], labels[1::2], strict=True))
        if base in made:
            made[base].add_sample(name, pairs, value)
    for family in made.values():
        family.samples.sort(key=_order)
        yield family


def _order(sample: Sample) -> tuple[object, ...]:
    """The buckets of a histogram by their bound, which is no word."""
    name, labels = sample.name, dict(sample.labels)
    bound = float(labels.pop("le", "inf"))
    return (tuple(sorted(labels.items())), not name.endswith("_bucket"), bound, name)


def _looked_at(found: Condition) -> Iterator[Metric]:
    log, disk, letters = found.log, found.disk, found.letters
    yield _one("coopnode_writing", "1 while statements are taken", log.stopped is None and log.doubt is None)
    yield _one("coopnode_log_entries", "Entries of the log", log.size)
    yield _one("coopnode_log_published_entries", "Entries under the signed checkpoint", log.published)
    yield _one("coopnode_log_generation", "Generation of the log", log.generation)
    yield _one("coopnode_log_tick_seconds", "The log's own time, since 1970", log.tick)
    if log.published_at is not None:
        age = max(0, found.at - log.published_at)
        yield _one("coopnode_checkpoint_age_seconds", "Since the last checkpoint was signed", age)
    yield _one("coopnode_queue_statements", "Statements between arrival and answer", log.queue)
    yield _one("coopnode_queue_limit", "At most so many, then the answer is busy", log.most_queue)
    yield _one("coopnode_clock_ahead_seconds", "Wall clock against the monotonic one", found.clock.ahead)
    yield _one("coopnode_clock_doubtful", "1 while the clock is not believed", found.clock.doubt is not None)
    waiting = (("waiting", letters.waiting), ("tried", letters.tried), ("failed", letters.failed))
    yield _many("coopnode_letters_open", "Letters that have not left", "state", waiting)
    yield _one("coopnode_disk_free_bytes", "Free where the data are", disk.free)
    yield _one("coopnode_disk_size_bytes", "Size of the disk where the data are", disk.total)
    files = (("database", disk.database), ("wal", disk.wal), ("vault-keys", disk.vault))
    yield _many("coopnode_file_bytes", "Files of the node", "file", files)
    if found.backup is not None:
        age = max(0, found.at - found.backup.whole_at)
        yield _one("coopnode_backup_age_seconds", "Since the last whole backup was made", age)
        yield _one("coopnode_backup_bytes", "Size of the last backup", found.backup.size)
    yield _many(
        "coopnode_job_failed",
        "1 when the last call of a job failed",
        "job",
        ((job.name, job.problem is not None) for job in found.jobs),
    )
    yield _many(
        "coopnode_certificate_until_seconds",
        "When the certificate of an address ends, since 1970",
        "address",
        ((address.name, address.until) for address in found.addresses if address.until is not None),
    )
    there = {trouble.code for trouble in troubles(found)}
    yield _many(
        "coopnode_trouble",
        "1 for what the operator's page complains of",
        "code",
        ((code, code in there) for code in TROUBLES),
    )
    yield from _processes(found)
    versions = found.versions
    info = GaugeMetricFamily(
        "coopnode_info",
        "Versions",
        labels=("version", "schema", "database", "python", "ruleset"),
    )
    named = (versions.program, versions.schema, versions.database, versions.python, str(versions.ruleset))
    info.add_metric(named, 1)
    yield info


def _processes(found: Condition) -> Iterator[Metric]:
    """Pages are numbered from 1; a new process may get the number of one that has gone."""
    names = ["writer"] + [f"pages-{number}" for number in range(1, len(found.processes))]
    rows = list(zip(names, found.processes, strict=True))
    yield _one("coopnode_processes_wanted", "Processes for pages that should run", found.wanted_processes)
    for name, words, values in (
        ("memory_bytes", "Resident memory", [(row, process.memory) for row, process in rows]),
        ("open_files", "Open files", [(row, process.files) for row, process in rows]),
        ("most_open_files", "Open files there may be", [(row, process.most_files) for row, process in rows]),
        ("started_seconds", "Start, since 1970", [(row, process.started) for row, process in rows]),
    ):
        yield _many(f"coopnode_process_{name}", words, "process", values)
    cpu = Metric("coopnode_process_cpu_seconds", "Processor time", "counter")
    for row, process in rows:
        cpu.add_sample("coopnode_process_cpu_seconds_total", {"process": row}, process.cpu)
    yield cpu


def _one(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=float(value))


def _many(name: str, words: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    made = GaugeMetricFamily(name, words, labels=(label,))
    for row, value in values:
        made.add_metric((row,), float(value))
    return made
