"""The composition root: a data directory becomes a running node (design §3)."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from pathlib import Path
from typing import IO, Any, Self, TypeVar

import structlog

from coopnode import admission, erasure, keystore
from coopnode.channel import Follower
from coopnode.clock import Clock
from coopnode.condition import Watch, Watching
from coopnode.config import Config
from coopnode.engine import Engine
from coopnode.keystore import Keystore
from coopnode.projections import Projection, Projections
from coopnode.publisher import Publisher, Publishing
from coopnode.reading import Reading
from coopnode.search.people import People, discard
from coopnode.sequencer import Sequencer
from coopnode.startup import Standing, examine
from coopnode.store.database import STORAGE_ERRORS, Database, StoreError, is_led, open_database
from coopnode.store.database import InUse as InUseElsewhere
from coopnode.store.heads import Heads, HeadsMissing
from coopnode.store.log_store import Blob, LogStore
from coopnode.store.schema import private_records
from coopnode.store.sql import Connection, select
from coopnode.store.state_store import SnapshotState, StateStore
from coopnode.store.tree_store import TreeStore
from coopnode.store.vault import Vault
from coopnode.tiles_writer import LogFiles
from protocol import added, registry, signatures

log = structlog.get_logger()

__all__ = ["Blob", "Node", "NodeError", "initialise"]

R = TypeVar("R")

LOCK = "lock"
FOUNDING_TOKEN = "founding-token"
#: Threads that wait for the interpreter get it after this long: the loop, the writer and the checkers all
#: want it in turns of far less than the usual 5 ms.
_SWITCH_SECONDS = 0.0005


#: How often the lock on the database is looked at.
_WATCH_SECONDS = 1.0


class NodeError(Exception):
    """The node cannot be opened; the text is for the operator."""


class InUse(NodeError):
    """Another process writes this log."""


def initialise(config: Config) -> Keystore:
    """Makes a new node's directory, keys and head database. Raises NodeError when there is one already."""
    data = config.data
    if keystore.exists(config.keys) or (data / "coopnode.db").exists():
        raise NodeError(f"{data} holds a node already")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = keystore.create(config.keys)
    Heads(data, create=True).close()
    return keys


@dataclass
class Node:
    """An open node, as slices and pages see it: they use `database.read` and `.write`, `engine.submit`,
    `facts` and `vault`. The log is written by the `Leader`, in this process or in another."""

    config: Config
    keys: Keystore
    clock: Clock
    database: Database
    vault: Vault
    store: LogStore
    files: LogFiles
    engine: Engine
    publisher: Publishing
    reading: Reading
    #: what condition this node is in
    watch: Watching
    people: People
    #: told what pages have changed in the configuration, so that every process follows
    config_listeners: list[Callable[[Mapping[str, Any]], None]] = field(default_factory=list, kw_only=True)

    @staticmethod
    def open(config: Config, *, clock: Clock | None = None, projections: Sequence[Projection] = ()) -> Leader:
        """Opens, migrates and compares; starts nothing. A new directory is initialised first.

        Raises:
            NodeError: another process has it open, keys are missing, the files cannot be used.
        """
        signatures.self_check()
        if config.countries:
            added.add(config.countries)
        if not config.data.exists() or not any(
            path.name != "coopnode.toml" for path in config.data.iterdir()
        ):
            initialise(config)
        lock = lock_data(config.data)
        try:
            return Leader.open_locked(config, clock or Clock(), projections, lock)
        except BaseException:
            lock.close()
            raise

    @classmethod
    def follow(cls, config: Config, follower: Follower) -> Self:
        """Beside the process that writes the log, which has opened and migrated everything."""
        signatures.self_check()
        if config.countries:
            added.add(config.countries)
        keys, clock = keystore.load(config.keys), Clock()
        database = Database(config.data, config.database)
        vault = Vault(config.data, keys.vault)
        store, files = LogStore(database), LogFiles(config.log_files)
        return cls(
            config=config,
            keys=keys,
            clock=clock,
            database=database,
            vault=vault,
            store=store,
            files=files,
            engine=Engine(follower, store, keys, clock, config.limits),
            publisher=follower,
            reading=Reading(store, files),
            watch=follower,
            people=People(vault, keys.vault),
        )

    def close(self) -> None:
        """Without finishing anything."""
        self.engine.close()
        self.database.close()
        self.vault.close()

    # -- what slices and pages use ------------------------------------------------------------------------

    async def in_thread(self, work: Callable[..., R], *arguments: Any) -> R:
        """One hop to a thread that may use `state`, `facts`, `reading` and point reads."""
        return await self.database.in_thread(work, *arguments)

    @property
    def cooperative(self) -> str | None:
        """Id of the cooperative, or None before it is founded."""
        return self.engine.head.cooperative

    @property
    def state(self) -> SnapshotState:
        """The state as of the last commit, for the calling thread; no cache, a few microseconds a record."""
        return SnapshotState(self.database.raw_reader)

    @property
    def facts(self) -> registry.StateFacts:
        """Questions across domains, over `state`."""
        return registry.StateFacts(self.state)

    def status(self) -> dict[str, Any]:
        """For /readyz, at no cost; `watch.condition()` tells more."""
        head = self.engine.head
        return {
            "cooperative": head.cooperative,
            "generation": head.generation,
            "size": head.size,
            "published": self.publisher.published,
            "tick": head.tick,
            "in_flight": self.engine.in_flight,
            "writing": self.engine.stopped is None,
            "reason": self.engine.stopped or self.publisher.problem,
        }

    @property
    def founding_token(self) -> str | None:
        """The token that lets its holder found the cooperative; None once it is founded."""
        path = self.config.data / FOUNDING_TOKEN
        return path.read_text().strip() if self.engine.head.size == 0 and path.exists() else None

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Some of `Config.changeable`, in force from now on in every process of this node. The file is the
        caller's to write."""
        self.follow_config(changes)
        for tell in self.config_listeners:
            tell(changes)

    def follow_config(self, values: Mapping[str, Any]) -> None:
        """What pages of any process have changed."""
        self.config = self.config.changed(values)

    async def issue_ticket(self, lifetime: int = 3600) -> str:
        """A token for one new account, to be given to somebody whose e-mail code was accepted or who was
        invited."""
        now = self.clock.peek()
        return await self.database.write(
            lambda connection: admission.issue(connection, admission.ACCOUNT, now, lifetime)
        )


@dataclass
class Leader(Node):
    """The node with the log's writing end."""

    watch: Watch
    publisher: Publisher
    heads: Heads
    sequencer: Sequencer
    standing: Standing
    _lock: IO[bytes]
    _watch: asyncio.Task[None] | None = None

    @classmethod
    def open_locked(
        cls, config: Config, clock: Clock, projections: Sequence[Projection], lock: IO[bytes]
    ) -> Leader:
        """See `Node.open`."""
        try:
            keys = keystore.load(config.keys)
            heads = Heads(config.data, create=False)
        except keystore.KeystoreError as error:
            raise NodeError(str(error)) from error
        except HeadsMissing as error:
            raise NodeError(
                f"the head database {error} is missing. It tells how far this log has "
                "come and is never part of a backup; without it this node might sign a second history. If "
                "this is a restored copy, see `coopnode restore --help`"
            ) from error
        try:
            database = open_database(config.data, config.database, lead=True)
        except InUseElsewhere as error:
            heads.close()
            raise InUse(str(error)) from error
        vault = Vault(config.data, keys.vault)
        store, files = LogStore(database), LogFiles(config.log_files)
        tree, state = TreeStore(database.raw_reader), StateStore(database.raw_reader)
        standing = examine(store, tree, files, heads, keys)
        made, people = Projections(projections), People(vault, keys.vault)
        if standing.doubt is None:
            rebuilt = made.prepare(database)
            if rebuilt and standing.head.size:  # of an empty log there was nothing to fill
                standing.notes.append(f"read models filled anew: {', '.join(rebuilt)}")
            if back := erasure.again(database):
                standing.notes.append(
                    f"{back} private records erased before had come back and are erased again"
                )
                database.write_now(discard)  # their words may have come back with them
            if people.prepare(database) and standing.head.size:
                standing.notes.append("the index of people filled anew")
            database.read_now(lambda connection: _sweep(connection, vault))
            if standing.tiles < standing.published:
                files.write(standing.tiles, standing.published, tree.read_tile, store.raw)
                standing.tiles = standing.published
        clock.check_start(max(heads.alive_at(), standing.head.tick), confirmed=config.time_confirmed)
        sequencer = Sequencer(
            store, state, tree, vault, keys, clock, config.limits, made, people, standing.head, standing.doubt
        )
        publisher = Publisher(
            store,
            files,
            heads,
            keys.log,
            clock,
            seconds=config.checkpoint_seconds,
            published=standing.published,
            tiles=standing.tiles,
        )
        watch = Watch(config, clock, store, files.folder, standing, sequencer, publisher)
        node = cls(
            config=config,
            keys=keys,
            clock=clock,
            database=database,
            vault=vault,
            store=store,
            files=files,
            engine=Engine(sequencer, store, keys, clock, config.limits),
            publisher=publisher,
            reading=Reading(store, files),
            watch=watch,
            people=people,
            heads=heads,
            sequencer=sequencer,
            standing=standing,
            _lock=lock,
        )
        node.config_listeners.append(watch.configure)
        node._founding_token()
        return node

    async def start(self) -> None:
        """Begins to take statements and to publish. With doubt it only reads."""
        sys.setswitchinterval(_SWITCH_SECONDS)
        for note in self.standing.notes:
            log.info("at start", note=note)
        if self.standing.doubt is not None:
            log.error("reading only", reason=self.standing.doubt)
            return
        self.sequencer.start()
        self.publisher.start(
            lambda: self.sequencer.head, self.sequencer.stop_writing, lambda: self.sequencer.trouble
        )
        if self.config.database is not None:
            self._watch = asyncio.create_task(self._watch_lead(), name="lead")

    async def _watch_lead(self) -> None:
        """Gets a lost lock on the database back, or stops writing."""
        loop = asyncio.get_running_loop()
        while self.sequencer.stopped is None:
            await asyncio.sleep(_WATCH_SECONDS)
            if await loop.run_in_executor(None, self.database.still_leads):
                continue
            log.warning("the lock on the database is lost; trying to get it back")
            try:
                await loop.run_in_executor(None, self.database.settle)
            except (StoreError, *STORAGE_ERRORS) as error:
                self.sequencer.stop_writing(f"the lock on the database is lost: {error}")

    async def stop(self) -> None:
        """Finishes what was taken, publishes it, closes."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
        await self.sequencer.stop()
        healthy = self.sequencer.stopped is None
        try:
            await self.publisher.stop(self.sequencer.head if healthy else None)
            if healthy:
                self.publisher.remember_time()
        finally:
            self.close()

    def close(self) -> None:
        """Without finishing anything; for tools and tests."""
        super().close()
        self.heads.close()
        self._lock.close()

    def _founding_token(self) -> None:
        path = self.config.data / FOUNDING_TOKEN
        if self.engine.head.size:
            path.unlink(missing_ok=True)
        elif not path.exists():
            now = self.clock.peek()
            token = self.database.write_now(
                lambda connection: admission.issue(connection, admission.FOUNDING, now, 10 * 365 * 86_400)
            )
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with open(descriptor, "w") as file:
                file.write(token + "\n")


def lock_data(data: Path) -> IO[bytes]:
    """One process at a time. Raises NodeError."""
    file = open(data / LOCK, "ab")  # noqa: SIM115  (held for the life of the node)
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        file.close()
        raise InUse(f"{data} is in use by another coopnode process; stop that one first") from error
    return file


def is_free(config: Config) -> bool:
    """Whether a node that stands by may try to take over. Raises NodeError when it never could: without keys
    and the head database nobody may go on with a log."""
    if not keystore.exists(config.keys) or not Heads.exist(config.data):
        raise NodeError(
            f"{config.data} cannot stand by: it needs the keys, the head database and everything else of the "
            "node's data directory, the same at every moment (a shared or mirrored disk)"
        )
    try:
        lock_data(config.data).close()
        return not is_led(config.database)
    except InUse:
        return False
    except StoreError as error:
        log.warning("standing by", problem=str(error))
        return False


def _sweep(connection: Connection, vault: Vault) -> None:
    query = select(private_records.c.digest).order_by(private_records.c.digest)
    boxes = connection.execution_options(yield_per=1000).execute(query).scalars()
    vault.sweep(merge(boxes, sorted(vault.attachments())))


async def run(config: Config) -> None:
    """A node without pages, until cancelled; for tests of the core."""
    node = Node.open(config)
    await node.start()
    try:
        await asyncio.Event().wait()
    finally:
        await node.stop()
