"""Scans behind opening balances while nothing is signed: they go with their draft, and never when a document,
another draft or minutes rest on the same file."""

from __future__ import annotations

from coopnode import private_records, scans
from coopnode.app import Node
from coopnode.founding.drafts import DraftBox
from coopnode.importing import queries
from coopnode.importing.drafts import FILE, LOOSE_SECONDS, File
from coopnode.store.sql import Connection


class Papers:
    """For the calling thread, in its transaction."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self._files = DraftBox(node.keys.session, FILE)

    def release(self, connection: Connection, digest: bytes) -> None:
        """Of a draft that is gone."""
        if digest not in self._signed(connection) | self._drafted(connection):
            scans.forget(connection, self.node.vault, digest)

    def sweep(self, connection: Connection, now: int) -> None:
        """What has had its time of an import, and scans that no draft has any more. A scan that is new stays:
        it may wait for its signature."""
        queries.sweep(connection, now)
        loose = scans.loose(connection)
        if not loose:
            return
        signed, drafted = self._signed(connection), self._drafted(connection)
        for digest, since in loose.items():
            if digest in signed:
                scans.settle(connection, digest)
            elif digest not in drafted and since < now - LOOSE_SECONDS:
                scans.forget(connection, self.node.vault, digest)

    def _signed(self, connection: Connection) -> set[bytes]:
        """Named by any opening balances of the log, whatever their day and title."""
        digests = [found.digest for found in queries.openings(self.node.state)]
        records = private_records.many(connection, self.node.vault, digests).values()
        fields = (record["fields"].get("scan") for record in records)
        return {field["value"]["sha256"] for field in fields if field}

    def _drafted(self, connection: Connection) -> set[bytes]:
        owners = self._files.owners(connection)
        files = (self._files.load(connection, owner, File) for owner in owners)
        return {file.balances.scan.sha256 for file in files if file.balances and file.balances.scan}
