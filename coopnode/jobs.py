"""What runs beside requests in the process that writes the log: letters of all slices, clean-ups,
backups, a look at the node's own addresses."""

from __future__ import annotations

from functools import partial
from typing import Final

from coopnode import addresses, cleaning
from coopnode.accounts import letters as accounts
from coopnode.app import Leader
from coopnode.backup_job import BackupJob
from coopnode.council import letters as council
from coopnode.importing import letters as importing
from coopnode.importing import queries as imports
from coopnode.membership import letters as membership
from coopnode.membership.attachments import Copies
from coopnode.outbox import Kind, Outbox
from coopnode.robot.job import Worker as Robot
from coopnode.scheduler import Job, Scheduler, every

#: The letters that slices write.
KINDS: Final[tuple[Kind, ...]] = (membership.KIND, council.KIND, accounts.KIND, importing.KIND)


def scheduler(node: Leader) -> Scheduler:
    copies = Copies(node.keys.session, node.vault)
    return Scheduler(
        node,
        (
            Job("robot", 5.0, Robot(node).work, ("membership", "council")),
            Job("letters", 30.0, Outbox(node, KINDS).work, ("account", "membership", "council")),
            every(node, "copies", 600.0, lambda connection, now: copies.sweep(connection), ("membership",)),
            every(node, "imports", 3600.0, imports.sweep, ("membership",)),
            every(node, "cleaning", 3600.0, cleaning.clean),
            Job("addresses", 6 * 3600.0, partial(addresses.look, node)),
            Job("backup", 300.0, BackupJob(node).work),
        ),
    )
