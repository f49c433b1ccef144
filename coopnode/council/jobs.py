"""Letters of the council, sent after the commit that caused them and tried again until they leave.

A row of the outbox names a matter and what happened to it. Working it off first makes one row for each
receiver, in one transaction; then each is sent by itself. Whoever has done it meanwhile gets no letter.
Subjects and texts say that something waits, never what or about whom.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog

from coopnode.app import Leader
from coopnode.council.projection import LETTER, written
from coopnode.council.queries import votes_in
from coopnode.mail import Letter, Mailer, MailError
from coopnode.membership import letters
from coopnode.membership.jobs import locale_of
from coopnode.membership.letters import Locale, Words
from coopnode.membership.people import particulars
from coopnode.membership.queries import house
from coopnode.store.schema import outbox
from coopnode.store.sql import Connection, Row, insert, select, update
from protocol import encoding
from protocol.contract import View
from protocol.contracts import council
from protocol.contracts.council import Holder, Matter
from protocol.decisions import Ballot
from protocol.log import Accepted

log = structlog.get_logger()

LETTER_TO: Final = "council.letter.to"
_PAUSES: Final = (1, 5, 15, 60, 240, 720, 1440)
#: A letter about something that was due longer ago says nothing new (after a rebuild, for instance).
_STALE: Final = 2 * 86_400
_BATCH: Final = 50

#: Placeholders: day, the end of the vote or of the chair's time to sign.
LETTERS: Final[Mapping[str, Mapping[Locale, Words]]] = {
    "opened": {
        "ru": Words(
            "В совете новый вопрос",
            ("Совету передан вопрос. Голосование открыто до {day}.", "Ваш голос нужен."),
        ),
        "en": Words(
            "A new matter in the council",
            ("The council has a new matter. Voting is open until {day}.", "Your vote is needed."),
        ),
    },
    "returned": {
        "ru": Words(
            "Вопрос возвращён совету",
            (
                "Председатель вернул вопрос совету с причиной. Прежние голоса не переносятся.",
                "Новое голосование открыто до {day}.",
            ),
        ),
        "en": Words(
            "A matter was returned to the council",
            (
                "The chair returned a matter with a reason. Earlier votes are not carried over.",
                "The new vote is open until {day}.",
            ),
        ),
    },
    "reminder": {
        "ru": Words(
            "Голосование в совете заканчивается", ("Вы ещё не проголосовали. Голосование закроется {day}.",)
        ),
        "en": Words("A vote in the council is ending", ("You have not voted yet. Voting closes on {day}.",)),
    },
    "decided": {
        "ru": Words(
            "Решение совета ждёт вашей подписи",
            ("Совет проголосовал. Подпишите решение до {day}, иначе оно утратит силу.",),
        ),
        "en": Words(
            "A decision of the council awaits your signature",
            ("The council has voted. Sign the decision by {day}, otherwise it lapses.",),
        ),
    },
}


class Post:
    """Works off the outbox of this slice. One for a node."""

    def __init__(self, node: Leader, mailer: Mailer | None = None) -> None:
        self._node = node
        self._mailer = mailer or Mailer.of(node.config)
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._node.sequencer.subscribe(self._committed)
        self._task = asyncio.create_task(self._run(), name="council.post")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _committed(self, accepted: Sequence[Accepted]) -> None:
        if any(written(entry) for entry in accepted):
            self._wake.set()

    async def _run(self) -> None:
        while True:
            try:
                while await self.work():
                    pass
            except Exception:
                log.exception("letters could not be worked off")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), 30.0)
            self._wake.clear()

    async def work(self) -> int:
        """One round; returns how many rows were worked off."""
        now = self._node.clock.peek()
        spread = await self._node.database.write(lambda connection: self._spread(connection, now))
        due = await self._node.database.read(lambda connection: _due(connection, LETTER_TO, now))
        for row in due:
            await self._one(row, now)
        return spread + len(due)

    def _spread(self, connection: Connection, now: int) -> int:
        """Rows for events → rows for receivers."""
        rows = _due(connection, LETTER, now)
        for row in rows:
            body: Any = encoding.decode(row.body)
            for account in self._receivers(body) if now - row.due_at <= _STALE else ():
                more = {"kind": LETTER_TO, "idx": row.idx, "created_at": row.created_at, "due_at": now}
                more["body"] = encoding.encode({**body, "to": account})
                connection.execute(insert(outbox).values(more))
            connection.execute(update(outbox).where(outbox.c.id == row.id).values(done_at=now))
        return len(rows)

    def _receivers(self, body: Mapping[str, Any]) -> list[str]:
        """Who has something to do, as the matter stands now."""
        view = View(self._node.state, council.DOMAIN)
        matter = view.get("matter", body["matter"], Matter)
        if matter is None or matter.box.round != body["round"]:
            return []
        if body["event"] == "decided":
            chair = council.chair(view)
            return [chair] if matter.status == "decided" and chair else []
        if matter.status != "open":
            return []
        prefix = f"{body['matter']}/{matter.box.round}/"
        voters = [
            account for account, _ in view.scan("holder", "", Holder) if votes_in(view, account, matter)
        ]
        return [account for account in voters if view.get("ballot", prefix + account, Ballot) is None]

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
        """None when there is nobody to write to any more."""
        body: Any = encoding.decode(row.body)
        matter = View(self._node.state, council.DOMAIN).get("matter", body["matter"], Matter)
        own = house(self._node.state)
        # The node writes to the person in its own duty: it reads the address as that person's.
        address = particulars(connection, self._node.vault, body["to"], ("self",)).get("email")
        if matter is None or own is None or not address:
            return None
        locale = locale_of(connection, body["to"])
        end = letters.day(matter.sign_by or matter.box.closes, locale)
        link = f"{own.public_url}/council/{body['matter']}"
        words = LETTERS[body["event"]][locale]
        subject, text = letters.render(words, {"day": end}, house=own.name, link=link, locale=locale)
        return Letter(str(address), subject, text, key=f"{row.idx}.{row.id}")


def _due(connection: Connection, kind: str, now: int) -> list[Row[Any]]:
    where = (outbox.c.kind == kind, outbox.c.done_at.is_(None), outbox.c.due_at <= now)
    return list(connection.execute(select(outbox).where(*where).order_by(outbox.c.id).limit(_BATCH)))
