"""What runs beside requests in the process that writes the log: news of all slices, clean-ups,
backups, a look at the node's own addresses."""

from __future__ import annotations

from functools import partial
from typing import Final

from coopnode import addresses, cleaning
from coopnode.app import Leader
from coopnode.backup_job import BackupJob
from coopnode.importing.papers import Papers
from coopnode.membership.attachments import Copies
from coopnode.notifications.kinds import KINDS
from coopnode.outbox import Outbox
from coopnode.robot.job import Worker as Robot
from coopnode.scheduler import Job, Scheduler, every

#: Commits that may bring news.
_NEWS: Final = ("account", "membership", "council")


def scheduler(node: Leader) -> Scheduler:
    outbox = Outbox(node, KINDS)
    copies = Copies(node.keys.session, node.vault)
    return Scheduler(
        node,
        (
            Job("robot", 5.0, Robot(node).work, ("membership", "council")),
            Job("letters", 30.0, partial(outbox.work, "email"), _NEWS),
            Job("pushes", 30.0, partial(outbox.work, "push"), _NEWS),
            every(node, "copies", 600.0, lambda connection, now: copies.sweep(connection), ("membership",)),
            every(node, "imports", 3600.0, Papers(node).sweep, ("membership",)),
            every(node, "cleaning", 3600.0, cleaning.clean),
            Job("addresses", 6 * 3600.0, partial(addresses.look, node)),
            Job("backup", 300.0, BackupJob(node).work),
        ),
    )
