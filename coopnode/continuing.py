"""`coopnode continue`: the next generation of this node's log, when its end is nowhere to be found
(SPEC §9.6, P18).

First a draft that says what survived and what is known, for the chair and another voter of the council to
sign on their own machines; then, with both statements, the log goes on. The files of the old generation are
put aside and never written again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from coopnode import keystore, rebuilding
from coopnode.config import database_of
from coopnode.projections import Projection, Projections
from coopnode.store import state_store
from coopnode.store.database import STORAGE_ERRORS, StoreError, exists, open_database
from coopnode.store.heads import FILE, FOLDER, Heads, StoredHead
from coopnode.store.log_store import LogStore
from coopnode.store.state_store import StateStore
from coopnode.store.tree_store import TreeStore
from coopnode.tiles_writer import LogFiles
from protocol import checkpoints, documents, signatures
from protocol.contract import View
from protocol.contracts import continuation, cooperative
from protocol.documents import Statement
from protocol.errors import ProtocolError, StatementError
from protocol.identifiers import origin
from protocol.log import Accepted, Batch, Head
from protocol.notes import NoteKey

#: Causes that take the end of a log away. After the others it goes on elsewhere, or in two ways.
_LOSSES: Final = ("machine_lost", "disk_damaged")


class ContinueError(Exception):
    """The log cannot be continued like this; nothing was changed. The sentence says why."""


@dataclass(frozen=True, slots=True)
class Continued:
    generation: int
    #: entries that survived, and with the statements all that the log has now
    survived: int
    entries: int
    #: first and last index that the old generation is known to have had beyond what survived
    lost: tuple[int, int] | None


@dataclass(slots=True)
class _Place:
    data: Path
    store: LogStore
    tree: TreeStore
    state: StateStore
    head: Head
    log_key: bytes

    @property
    def origin(self) -> str:
        assert self.head.cooperative is not None
        return origin(self.head.cooperative, self.head.generation)

    @property
    def log(self) -> Path:
        return self.data / "log"


def draft(data: Path, cause: str, asked: Sequence[str]) -> dict[str, Any]:
    """Payload of a `log.continue/1` for the log as it lies here. Raises ContinueError, also where nothing is
    missing that a loss of the machine or its disk could have taken."""
    with _opened(data) as place:
        size, root = place.head.size, place.head.tree.root()
        known = _known(place)
        if known is None and cause in _LOSSES:
            raise ContinueError(
                f"nothing is missing: no more than the {size} entries that are here is known to be signed. "
                "What another copy of the log has beyond them comes back with coopnode restore --from"
            )
        return {
            "origin": place.origin,
            "size": size,
            "root": root,
            "state": state_store.digest(place.store.database.raw_reader()),
            "known": known or {"size": size, "root": root},
            "cause": cause,
            "asked": list(asked),
        }


def carry_out(data: Path, signed: Sequence[bytes], projections: Sequence[Projection]) -> Continued:
    """Appends the statements and gives the new generation its head. Safe to repeat after a crash.

    Raises ContinueError.
    """
    try:
        statements = [documents.parse(raw) for raw in signed]
    except StatementError as error:
        raise ContinueError(f"a statement cannot be read: {error}") from error
    for statement in statements:
        if not signatures.verify(statement.kid, statement.sig_structure, statement.signature):
            raise ContinueError(f"the signature of {statement.iss} does not hold")
    with _opened(data) as place:
        if not all(place.store.find(each.digest, each.entry_digest) for each in statements):
            _append(place, statements, projections)
        return _begin(place)


def _append(place: _Place, statements: Sequence[Statement], projections: Sequence[Projection]) -> None:
    nonces = place.store.nonces(place.head)
    batch = Batch(place.head, place.state, nonces, place.tree)
    named = state_store.digest(place.store.database.raw_reader())
    for statement in statements:
        if statement.type != continuation.TYPE or statement.payload.get("state") != named:
            raise ContinueError("a statement is no continuation of the log as it lies here")
        outcome = batch.offer(statement)
        if not isinstance(outcome, Accepted):
            raise ContinueError(f"the rules refuse the statement of {statement.iss}: {outcome.code}")
    if batch.head.generation == place.head.generation:
        raise ContinueError("the chair's statement is not enough: another voter of the council signs too")
    known = _known(place)
    if known is not None and statements[0].payload["known"]["size"] < known["size"]:
        raise ContinueError(f"the old log is known to have had {known['size']} entries; make the draft anew")
    made = Projections(projections)
    made.prepare(place.store.database)
    aside = place.data / f"log.{place.head.generation}"
    if not aside.exists():
        place.log.rename(aside)
    place.store.append(
        place.head.size,
        batch.accepted,
        batch.leaf_hashes,
        batch.writes,
        also=lambda connection: made.apply(connection, batch.accepted),
    )
    place.state.applied(batch.writes)
    place.head = batch.head


def _begin(place: _Place) -> Continued:
    """The new origin's first head. Nothing was signed under it before."""
    generation, size = place.head.generation, place.head.size
    found = continuation.continuation(View(place.state, continuation.DOMAIN), generation)
    if found is None:
        raise ContinueError("this log was never continued")
    heads = Heads(place.data, create=True)
    try:
        if heads.get(place.origin) is None:
            heads.swap(place.origin, None, StoredHead(size, place.head.tree.root()))
    finally:
        heads.close()
    lost = (found.size, found.known_size - 1) if found.known_size > found.size else None
    return Continued(generation, found.size, size, lost)


def _known(place: _Place) -> dict[str, Any] | None:
    """The largest head of this generation that the head database or the last checkpoint names, when it is
    larger than what is here."""
    found: dict[str, Any] | None = None
    note = LogFiles(place.log).checkpoint()
    if note is not None:
        signed = checkpoints.open_checkpoint(note, NoteKey(place.origin, place.log_key))
        if signed.size > place.head.size:
            signature = checkpoints.log_signature(note)[1]
            found = {"size": signed.size, "root": signed.root, "signature": signature}
    if (place.data / FOLDER / FILE).exists():
        heads = Heads(place.data, create=False)
        stored = heads.get(place.origin)
        heads.close()
        if stored is not None and stored.size > max(place.head.size, found["size"] if found else 0):
            found = {"size": stored.size, "root": stored.root}
    return found


@contextmanager
def _opened(data: Path) -> Iterator[_Place]:
    url = database_of(data)
    if not exists(data, url):
        raise ContinueError(f"{data} holds no node")
    try:
        with rebuilding.locked(data):
            keys = keystore.load(data / "keys")
            database = open_database(data, url, lead=True)
            try:
                store = LogStore(database)
                tree, state = TreeStore(database.raw_reader), StateStore(database.raw_reader)
                found = cooperative.cooperative(View(state, cooperative.DOMAIN))
                if found is None or found.log_key != keys.log_pub:
                    raise ContinueError("the database and the keys here are not those of one log")
                name = cooperative.genesis_id(documents.parse(store.raw(0, 1)[0]))
                generation = continuation.standing(View(state, continuation.DOMAIN)).number
                yield _Place(data, store, tree, state, store.head(name, generation, tree), found.log_key)
            finally:
                database.close()
    except (StoreError, ProtocolError, keystore.KeystoreError, rebuilding.RebuildError) as error:
        raise ContinueError(str(error)) from error
    except STORAGE_ERRORS as error:
        raise ContinueError(f"{data} cannot be written: {error}") from error
