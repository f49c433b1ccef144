"""One step of the schema, so that a failure costs nothing: the version that wrote the database can still run.

The migrations of a new version run in the one transaction in which their need was found, and before them the
file is copied beside itself. The copy is for a person who wants to go back to the old version before anything
new was written; the next step replaces it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import structlog

from coopnode import faults
from coopnode.store import schema
from coopnode.store.backend import Backend, StoreError
from coopnode.store.troubles import in_words, known

log = structlog.get_logger()


def upgrade(backend: Backend, current: str, head: str, migrations: Callable[[], None]) -> None:
    """Within the caller's transaction, which has written nothing yet. Raises StoreError; then the caller
    rolls back."""
    name = backend.name
    unchanged = "Nothing was changed: the version that wrote this database runs with it"
    try:
        backend.keep(current)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(
            f"before {name} is brought from schema {current} to {head} a copy is made, and that failed: "
            f"{in_words(error)}. {unchanged}"
        ) from error
    faults.point("migration.copied")
    try:
        migrations()
    except Exception as error:
        why = in_words(error) if known(error) else f"{type(error).__name__}: {error}"
        raise StoreError(
            f"{name} could not be brought from schema {current} to {head}: {_line(why)}. {unchanged}. "
            "Start that one again, and report this"
        ) from error
    faults.point("migration.done")
    log.info("schema brought forward", old=current, new=head)


def keep_copy(path: Path, schema: str) -> None:
    """Of a SQLite file, whole or not at all; earlier copies go."""
    copy = path.with_name(f"{path.name}.schema-{schema}")
    unfinished = copy.with_name(copy.name + ".new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        source, target = sqlite3.connect(f"file:{path}?mode=ro", uri=True), sqlite3.connect(unfinished)
        try:
            source.backup(target, pages=2048)
            target.execute("PRAGMA journal_mode = DELETE")
            without_index(target)
        finally:
            source.close()
            target.close()
        os.fsync(descriptor)
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise
    finally:
        os.close(descriptor)
    for old in path.parent.glob(f"{path.name}.schema-*"):
        if old != unfinished:
            old.unlink()
    unfinished.rename(copy)


def without_index(copy: sqlite3.Connection) -> None:
    """Takes the blind index out of a copy, overwriting what it held; a node that opens the copy fills it anew
    (ADR 11)."""
    copy.execute("PRAGMA secure_delete = ON")
    for table in schema.SECRET_FROM_COPIES:
        copy.execute(f"DROP TABLE IF EXISTS {table}")
    held = copy.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (schema.projection_versions.name,))
    if held.fetchone() is not None:
        copy.execute(f"DELETE FROM {schema.projection_versions.name} WHERE name = ?", (schema.BLIND_INDEX,))
    copy.commit()


def _line(text: str) -> str:
    return text.splitlines()[0] if text else text
