"""The files of the signing origin in the log (P29): whoever was served others can prove it afterwards.

The digests come from above, from whoever serves the files; this module only compares and logs.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import Mapping, Sequence

import structlog

from coopnode.answers import Busy, Committed
from coopnode.app import Leader, Node
from protocol import documents, signatures
from protocol.contract import View
from protocol.contracts import cooperative
from protocol.contracts.cooperative import Assets
from protocol.encoding import Value
from protocol.log import Accepted

log = structlog.get_logger()

TYPE = "node.assets/1"
_LIFETIME = 3600
_PAUSE = 5.0
#: Genesis, pack, first tick and the founder's account come first.
_FIRST = 3


def logged(node: Node) -> Assets | None:
    """What the newest `node.assets/1` says."""
    return cooperative.assets(View(node.state, cooperative.DOMAIN))


class AssetsNotice:
    """Logs the digests when they are not those logged last. One for a node; a node that is not founded yet
    waits for its log to begin."""

    def __init__(self, node: Leader, version: str, files: Mapping[str, bytes]) -> None:
        self._node, self._version, self._files = node, version, dict(files)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        if self._node.standing.doubt is not None:
            return
        self._node.sequencer.subscribe(self._committed)
        self._task = asyncio.create_task(self._run(), name="assets.notice")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _committed(self, accepted: Sequence[Accepted]) -> None:
        self._wake.set()

    async def _run(self) -> None:
        while not await self.work():
            # Woken by an entry while there is no log yet, by time when the node was busy.
            self._wake.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), _PAUSE)

    async def work(self) -> bool:
        """Whether nothing is left to do."""
        if self._node.engine.head.size <= _FIRST:
            return False
        known = await self._node.in_thread(lambda: logged(self._node))
        if known is not None and (known.version, known.files) == (self._version, self._files):
            return True
        answer = await self._node.engine.submit(self._statement())
        if isinstance(answer, Busy):
            return False
        if not isinstance(answer, Committed):
            log.error("the digests of the signing page could not be logged", code=answer.code)
        return True

    def _statement(self) -> bytes:
        node, keys = self._node, self._node.keys
        name, now = node.cooperative, node.clock.peek()
        assert name is not None
        protected = documents.statement_header(
            kid=keys.node_pub,
            iss=name,
            sub=name,
            aud=name,
            iat=now,
            exp=now + _LIFETIME,
            cti=secrets.token_bytes(16),
        )
        files: dict[str, Value] = dict(self._files)
        payload = documents.payload_bytes(TYPE, {"version": self._version, "files": files})
        signature = signatures.sign(keys.node, documents.sig_structure(protected, payload))
        return documents.assemble(protected, payload, signature)
