"""Letters about keys: to the person at every event, to officers when an account is being recovered (P7).

As in joining: a row names the event, working it off makes one row for each receiver, and the address is
opened from the person's own record at the moment of sending and stands nowhere else.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Sequence
from datetime import datetime
from importlib import resources
from typing import Any, Final

import structlog

from coopnode.accounts.projection import NOTICE
from coopnode.app import Leader
from coopnode.mail import Letter, Mailer, MailError
from coopnode.membership import letters, queries
from coopnode.membership.jobs import locale_of
from coopnode.membership.letters import MOSCOW, Locale, Words
from coopnode.membership.people import particulars
from coopnode.store.schema import outbox
from coopnode.store.sql import Connection, Row, insert, select, update
from protocol import encoding
from protocol.contracts.accounts import OBJECTION_WAIT, RECOVERY_WAIT
from protocol.log import Accepted

log = structlog.get_logger()

NOTICE_TO: Final = "accounts.notice.to"
#: Minutes until the next attempt; after the last it is given up.
_PAUSES: Final = (1, 5, 15, 60, 240, 720, 1440)
_STALE: Final = 3 * 86_400
_BATCH: Final = 50
_OFFICES: Final = ("secretary", "chair")
_LETTERS: Final[Any] = json.loads(resources.files(__package__).joinpath("letters.json").read_text("utf-8"))


class Post:
    """Works off the notices about keys. One for a node."""

    def __init__(self, node: Leader, mailer: Mailer | None = None) -> None:
        self._node = node
        self._mailer = mailer or Mailer.of(node.config)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._node.sequencer.subscribe(self._committed)
        self._task = asyncio.create_task(self._run(), name="accounts.post")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _committed(self, accepted: Sequence[Accepted]) -> None:
        if any(entry.statement.domain == "account" for entry in accepted):
            self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                while await self.work():
                    pass
            except Exception:
                log.exception("letters about keys could not be worked off")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), 30.0)
            self._wake.clear()

    async def work(self) -> int:
        """One round; returns how many rows were worked off."""
        now = self._node.clock.peek()
        spread = await self._node.database.write(lambda connection: self._spread(connection, now))
        due = await self._node.database.read(lambda connection: _due(connection, NOTICE_TO, now))
        for row in due:
            await self._one(row, now)
        return spread + len(due)

    def _spread(self, connection: Connection, now: int) -> int:
        rows = _due(connection, NOTICE, now)
        for row in rows:
            body: Any = encoding.decode(row.body)
            if now - row.created_at <= _STALE:
                for account, audience in self._receivers(body):
                    more = {"kind": NOTICE_TO, "idx": row.idx, "created_at": row.created_at, "due_at": now}
                    more["body"] = encoding.encode({**body, "to": account, "audience": audience})
                    connection.execute(insert(outbox).values(more))
            connection.execute(update(outbox).where(outbox.c.id == row.id).values(done_at=now))
        return len(rows)

    def _receivers(self, body: dict[str, Any]) -> list[tuple[str, str]]:
        found = [(body["account"], "person")]
        if "officer" in _LETTERS[body["type"]]:
            state = self._node.state
            officers = {account for office in _OFFICES for account in queries.officers(state, office)}
            found += [(account, "officer") for account in sorted(officers - {body["account"]})]
        return found

    async def _one(self, row: Row[Any], now: int) -> None:
        try:
            letter = await self._node.database.read(lambda connection: self._letter(connection, row))
            if letter is not None:
                await self._mailer.send(letter, now=now)
            changed: dict[str, Any] = {"done_at": now, "problem": None if letter else "no address"}
        except MailError as error:
            attempts = row.attempts + 1
            over = error.final or attempts > len(_PAUSES)
            pause = _PAUSES[min(attempts, len(_PAUSES)) - 1] * 60
            changed = {"attempts": attempts, "problem": str(error), "due_at": now + pause}
            changed["done_at"] = now if over else None
            log.warning("a letter did not leave", row=row.id, problem=str(error), final=over)
        await self._node.database.write(
            lambda connection: connection.execute(update(outbox).where(outbox.c.id == row.id).values(changed))
        )

    def _letter(self, connection: Connection, row: Row[Any]) -> Letter | None:
        """None when there is no address."""
        body: Any = encoding.decode(row.body)
        house = queries.house(self._node.state)
        address = particulars(connection, self._node.vault, body["to"], ("self",)).get("email")
        if house is None or not address:
            return None
        locale = locale_of(connection, body["to"])
        said = _LETTERS[body["type"]][body["audience"]][locale]
        account = body["account"]
        facts = {
            "at": _moment(body["at"], locale),
            "from": _moment(body["at"] + RECOVERY_WAIT, locale),
            "decided": _moment(body["at"] + OBJECTION_WAIT, locale),
            "account": f"{account[:4]} {account[4:8]} … {account[-4:]}",
        }
        link = house.public_url + "/me/keys" if body["audience"] == "person" else ""
        words = Words(said["subject"], tuple(said["lines"]))
        subject, text = letters.render(words, facts, house=house.name, link=link, locale=locale)
        return Letter(str(address), subject, text, key=f"keys.{row.idx}.{row.id}")


def _moment(seconds: int, locale: Locale) -> str:
    clock = datetime.fromtimestamp(seconds, MOSCOW)
    return f"{letters.day(seconds, locale)}, {clock:%H:%M} ({'мск' if locale == 'ru' else 'Moscow'})"


def _due(connection: Connection, kind: str, now: int) -> list[Row[Any]]:
    where = (outbox.c.kind == kind, outbox.c.done_at.is_(None), outbox.c.due_at <= now)
    return list(connection.execute(select(outbox).where(*where).order_by(outbox.c.id).limit(_BATCH)))
