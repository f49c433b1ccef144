"""Who may read what of the log, and the proofs everybody may have (SPEC §10, P22)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

from coopnode.store.log_store import LogStore
from coopnode.store.state_store import SnapshotState
from coopnode.store.tree_store import TreeStore
from coopnode.tiles_writer import LogFiles
from protocol import checkpoints, documents, encoding, merkle, proofs, registry, signatures
from protocol.contract import View
from protocol.contracts import accounts
from protocol.errors import StatementError
from protocol.notes import parse_note

MAX_READ_SECONDS: Final = 300
SCHEME: Final = "Coopnode "


@dataclass(frozen=True, slots=True)
class Found:
    """An entry somebody named by its digest. `raw` stays inside until the reader's right is known."""

    index: int
    type: str
    tick: int
    raw: bytes
    public: bool


class Reading:
    """Called in threads (`coopnode.store.database.Database.read` and friends give them out)."""

    def __init__(self, store: LogStore, files: LogFiles) -> None:
        self._store, self.files = store, files
        self._state = SnapshotState(store.database.raw_reader)

    # -- rights -------------------------------------------------------------------------------------------

    def reader(self, authorization: str | None, path: str, cooperative: str, now: int) -> str | None:
        """Account proved by an `Authorization: Coopnode …` header for this path, or None. A request proves
        it anew (P22)."""
        if not authorization or not authorization.startswith(SCHEME) or len(authorization) > 4_000:
            return None
        text = authorization.removeprefix(SCHEME).strip()
        try:
            data = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
            kid, content, signed, signature = documents.parse_message(data, documents.READ)
        except (binascii.Error, StatementError):
            return None
        account, exp, prefix = content.get("iss"), content.get("exp"), content.get("path")
        if set(content) != {"aud", "iss", "exp", "path"} or content["aud"] != cooperative:
            return None
        if not isinstance(account, str) or type(exp) is not int or not isinstance(prefix, str):
            return None
        if not now <= exp <= now + MAX_READ_SECONDS or not path.startswith(prefix):
            return None
        if accounts.key_status(View(self._state, accounts.DOMAIN), account, kid, now) is not None:
            return None
        return account if signatures.verify(kid, signed, signature) else None

    def may_read(self, account: str | None) -> bool:
        """Whether entry bundles are open to the account: everybody's when the log is public, else members'
        and the council's."""
        facts = registry.StateFacts(self._state)
        try:
            if facts.visibility() == "public":
                return True
        except KeyError:
            return False  # not founded
        return account is not None and (facts.is_member(account) or bool(facts.roles(account)))

    # -- entries and proofs -------------------------------------------------------------------------------

    def find(self, digest: bytes) -> Found | None:
        """By document digest."""
        found = self._store.find_document(digest)
        if found is None:
            return None
        index, raw = found
        type = documents.parse(raw).type
        return Found(index, type, self._store.tick_at(index), raw, registry.TYPES[type].public)

    def published(self) -> tuple[int, bytes] | None:
        """(size, note) of the checkpoint that is out."""
        note = self.files.checkpoint()
        return (checkpoints.parse(parse_note(note)[0]).size, note) if note else None

    def proof(self, index: int) -> bytes | None:
        """The `.tlog-proof` of an entry under the newest checkpoint; None while it is not published."""
        newest = self.published()
        if newest is None or index >= newest[0]:
            return None
        size, note = newest
        path = merkle.inclusion_path(self._tree().reader(size), index, size)
        return proofs.format(proofs.TlogProof(index, tuple(path), note))

    def consistency(self, old: int, new: int) -> list[bytes] | None:
        """None when the checkpoint that is out is smaller than `new`."""
        newest = self.published()
        if newest is None or not 0 <= old <= new <= newest[0]:
            return None
        return merkle.consistency_path(self._tree().reader(new), old, new)

    def blob(self, digest: bytes) -> tuple[str, bytes] | None:
        """(media type, bytes) of a public text."""
        return self._store.find_blob(digest)

    def _tree(self) -> TreeStore:
        return TreeStore(self._store.database.raw_reader)


def read_header(seed: bytes, kid: bytes, cooperative: str, account: str, path: str, exp: int) -> str:
    """The `Authorization` value for a reader's own program: CLI, mirrors, tests."""
    header = documents.message_header(documents.READ, kid)
    payload = encoding.encode({"aud": cooperative, "exp": exp, "iss": account, "path": path})
    message = documents.assemble(
        header, payload, signatures.sign(seed, documents.sig_structure(header, payload))
    )
    return SCHEME + base64.urlsafe_b64encode(message).rstrip(b"=").decode()
