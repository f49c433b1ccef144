"""What it means for the operator when a disk, a database or the memory lets a node down: a sentence with
what to do."""

from __future__ import annotations

import errno
import sqlite3
from typing import Final

from sqlalchemy.exc import DBAPIError

_FULL: Final = (
    "no room is left on the disk: nothing new is recorded until there is. Free some, or enlarge the disk; "
    "a running node then goes on by itself"
)
_READ_ONLY: Final = (
    "the disk can only be read; systems do this to a disk that fails. Look into the system's log (dmesg), "
    "repair it and mount it for writing, then start the node again: it compares everything before it writes"
)
_BROKEN: Final = (
    "the disk answers with errors. Look into the system's log (dmesg), repair or replace the disk, then "
    "start the node again: it compares everything before it writes. What is lost comes from a backup "
    "(coopnode restore)"
)
_DAMAGED: Final = (
    "the database is damaged, or its disk is. Stop the node, keep a copy of the whole directory and see what "
    "coopnode verify says. When it finds nothing wrong, start the node again; otherwise restore the newest "
    "backup with the surviving head/head.db (coopnode restore)"
)
_BUSY: Final = (
    "another program holds the database (a copy, an editor): end it, the database is the node's alone"
)
_AWAY: Final = (
    "the database server does not answer. Start it, or put its address right (database_url); a running node "
    "goes on by itself when it is back"
)
_MEMORY: Final = "there is not enough memory; give the program more, or end others"
_CLOSED: Final = (
    "a file cannot be opened. Give the directory to the user the node runs as, and see that no file of it "
    "is missing"
)
_HANDLES: Final = "too many files are open: raise the limit (ulimit -n, LimitNOFILE= of the service)"

_OF_SQLITE: Final = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_IOERR: _BROKEN,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_BUSY: _BUSY,
    sqlite3.SQLITE_LOCKED: _BUSY,
    sqlite3.SQLITE_CANTOPEN: _CLOSED,
    sqlite3.SQLITE_NOMEM: _MEMORY,
}
_OF_SYSTEM: Final = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _READ_ONLY,
    errno.EIO: _BROKEN,
    errno.ENOMEM: _MEMORY,
    errno.EMFILE: _HANDLES,
    errno.ENFILE: _HANDLES,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
}

#: The beginning of SQLSTATE → sentence, the longer ones first.
_OF_SERVER: Final = {
    "53100": _FULL,
    "53200": _MEMORY,
    "25006": _READ_ONLY,
    "58030": _BROKEN,
    "XX00": _DAMAGED,
    "57P": _AWAY,
    "08": _AWAY,
}


def known(error: BaseException) -> str | None:
    """The sentence, if there is one for this."""
    found = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(found, sqlite3.Error):
        code = getattr(found, "sqlite_errorcode", 0)
        # The shared memory beside the write-ahead log is made when the database is opened.
        return _FULL if code == sqlite3.SQLITE_IOERR_SHMSIZE else _OF_SQLITE.get(code & 0xFF)
    state = getattr(found, "sqlstate", None)
    if isinstance(state, str):
        return next((words for start, words in _OF_SERVER.items() if state.startswith(start)), None)
    return _OF_SYSTEM.get(found.errno or 0) if isinstance(found, OSError) else None


def in_words(error: BaseException) -> str:
    """The sentence, with what the system itself says, but no name of a file: anybody may read it. Without a
    sentence, what it says alone."""
    found = error.orig if isinstance(error, DBAPIError) else error
    sentence = known(error)
    if sentence is None:
        return str(found)
    said = (
        found.strerror if isinstance(found, OSError) else found if isinstance(found, sqlite3.Error) else None
    )
    return f"{sentence} ({said})" if said else sentence
