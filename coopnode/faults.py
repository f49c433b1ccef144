"""Named points at which a test lets the process die (design §2.8: what was acknowledged survives `kill -9`).

`COOPNODE_FAULT="<name>:kill"` kills at the first passage, `"<name>:<n>:kill"` at the n-th. Instead of `kill`,
`raise` raises an I/O error there and `full` that of a full disk, once; `slow` takes a second from then on,
each time. Unset, a point costs one comparison.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from typing import Final

#: Every point there is, in the order of a commit and its publication; `tests/node/test_faults.py` dies at
#: each.
POINTS: Final = (
    "vault.before_keys",
    "vault.after_keys",
    "store.begin",
    "store.before_commit",
    "store.after_commit",
    "heads.before_swap",
    "heads.after_swap",
    "tiles.written",
    "tiles.synced",
    "tiles.renamed",
    "tiles.folder_synced",
    "checkpoint.signed",
    "checkpoint.written",
    "checkpoint.synced",
    "checkpoint.renamed",
)
#: Beside the log; `tests/node/test_outbox.py`, `tests/faults/test_upgrade.py` and
#: `tests/cli/test_moving.py` die there.
OTHERS: Final = ("outbox.sent", "migration.copied", "migration.done", "move.copied", "move.compared")
#: what happens at a point → the error raised there, if any
ACTIONS: Final = {"kill": None, "raise": errno.EIO, "full": errno.ENOSPC, "slow": None}


class _Armed:
    def __init__(self, text: str) -> None:
        name, *rest = text.split(":")
        if name not in POINTS + OTHERS or not 1 <= len(rest) <= 2 or rest[-1] not in ACTIONS:
            raise ValueError(f"COOPNODE_FAULT: {text!r} is not <name>[:<n>]:{'|'.join(ACTIONS)}")
        self.name, self.action = name, rest[-1]
        self.left = int(rest[0]) if len(rest) == 2 else 1


_armed: _Armed | None = _Armed(os.environ["COOPNODE_FAULT"]) if os.environ.get("COOPNODE_FAULT") else None


def arm(text: str | None) -> None:
    """For tests in one process."""
    global _armed
    _armed = _Armed(text) if text else None


def point(name: str) -> None:
    if _armed is None or _armed.name != name:
        return
    _armed.left -= 1
    if _armed.left > 0:
        return
    if _armed.action == "slow":
        time.sleep(1.0)
        return
    error = ACTIONS[_armed.action]
    if error is not None:
        arm(None)
        raise OSError(error, os.strerror(error))
    os.kill(os.getpid(), signal.SIGKILL)
