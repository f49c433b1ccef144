"""What `Database` asks of the database under it: SQLite (`coopnode.store.sqlite`) or PostgreSQL
(`coopnode.store.postgresql`)."""

from __future__ import annotations

from typing import Protocol

from sqlalchemy import Connection, Engine

from coopnode.store.driver import Driver


class StoreError(Exception):
    """The database cannot be used; the text says why."""


class InUse(StoreError):
    """Another node writes this database."""


class Superseded(StoreError):
    """Another node has become the writing one; this one must write nothing more."""


class Reader(Driver, Protocol):
    """A read-only connection for point reads."""

    def close(self) -> None: ...


class Backend(Protocol):
    #: how sentences call the database; without a password
    name: str
    #: queries that are worth a thread each
    threads: int
    #: whether point reads go by the connection of the transaction they are in. Not where it can be lost: the
    #: reader for point reads connects again by itself.
    one_connection: bool
    #: whether a writing connection stays good from one transaction to the next
    keeps_writer: bool

    def engine(self, *, read_only: bool) -> Engine:
        """Writing transactions are serialised over all processes; those that read see one moment."""
        ...

    def reader(self) -> Reader: ...

    def driver(self, connection: Connection) -> Driver:
        """The driver's connection under SQLAlchemy's, inside its transaction."""
        ...

    def prepare(self) -> None:
        """Makes or looks at the database before it is used. Raises StoreError."""
        ...

    def keep(self, schema: str) -> None:
        """Before a migration: a copy beside the database, where this database can make one."""
        ...

    def lead(self) -> None:
        """Becomes the only writing node. Raises InUse."""
        ...

    def mark(self) -> None:
        """After `lead`, once there are tables: from now on what an earlier leader still wants to write is
        turned away."""
        ...

    def fence(self, connection: Driver) -> None:
        """In the log's transaction: raises Superseded when this node leads no longer."""
        ...

    def settle(self, seconds: float) -> None:
        """Returns when no transaction of this node's log is under way any more, so that a commit whose end
        is not known has taken place or never will. Waits so long for a database that is away.

        Raises Superseded or a storage error."""
        ...

    def still_leads(self) -> bool:
        """False when the lock was lost; `settle` then gets it back, or says who has it."""
        ...

    def checkpoint(self) -> None: ...

    def sizes(self, reader: Driver) -> tuple[int, int]:
        """Bytes of (the database, its write-ahead log); 0 for what it does not tell."""
        ...

    def kind(self, reader: Driver) -> str:
        """Name and version."""
        ...

    def close(self) -> None: ...
