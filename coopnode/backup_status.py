"""What became of the last backup made by the clock: one row of the database, for every process of a node."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from coopnode.store.database import STORAGE_ERRORS, Database, get_meta, set_meta
from coopnode.store.sql import Connection

#: Row of `meta`, as JSON: at, and either file, entries, bytes, seconds, pruned, or problem.
LAST: Final = "backup_last"


def last(database: Database) -> dict[str, Any] | None:
    """None when there was none."""
    try:
        return database.read_now(read)
    except STORAGE_ERRORS as error:
        return {"problem": f"the database cannot be read: {type(error).__name__}"}


def read(connection: Connection) -> dict[str, Any] | None:
    text = get_meta(connection, LAST)
    return None if text is None else dict(json.loads(text))


def write(connection: Connection, found: Mapping[str, Any]) -> None:
    set_meta(connection, LAST, json.dumps(found))
