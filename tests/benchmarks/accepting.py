"""Accepting statements over HTTP: our node as a process, the bare pipeline, one client that waits."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from coopnode import testing
from protocol.encoding import Value
from tests.benchmarks import processes
from tests.benchmarks.figures import Figures
from tests.benchmarks.load import pack

GROUP = "accepting"
_SEATS = 20
#: a voter's ballots in one matter whose order of arrival does not matter (P19)
_BALLOTS = 16
_LIFETIME = 3600


@dataclass
class Prepared:
    data: Path
    id: str
    #: (private key, account id)
    people: list[tuple[bytes, str]]
    council: list[tuple[bytes, str]]
    matters: list[str]

    def consents(self, count: int) -> Iterator[bytes]:
        """By all accounts in turn."""
        now = int(time.time())
        for number in range(count):
            key, id = self.people[number % len(self.people)]
            fields: dict[str, Value] = {
                "purpose": f"purpose-{number // len(self.people) % 64}",
                "operator": self.id,
                "fields": ["name", "phone"],
                "text": bytes(32),
            }
            yield self._sign(key, "consent.give/1", fields, id, id, now)

    def votes(self) -> Iterator[bytes]:
        now = int(time.time())
        for matter in self.matters:
            for sequence in range(1, _BALLOTS + 1):
                for key, id in self.council:
                    fields: dict[str, Value] = {
                        "matter": matter,
                        "round": 1,
                        "choice": "for",
                        "sequence": sequence,
                    }
                    yield self._sign(key, "council.vote/1", fields, id, matter, now)

    def _sign(self, key: bytes, type: str, fields: dict[str, Value], iss: str, sub: str, now: int) -> bytes:
        return testing.sign_statement(
            key, type, fields, iss=iss, sub=sub, aud=self.id, now=now, cti=os.urandom(16), lifetime=_LIFETIME
        )


def prepare(data: Path, *, people: int, matters: int) -> Prepared:
    """A founded cooperative with accounts, a council and open matters, on disk."""

    async def work() -> Prepared:
        made = await testing.cooperative(data)
        council = await made.constitute(_SEATS)
        # by all in turn: one may have only so many open
        opened = [
            await made.matter(council[number % _SEATS], f"Вопрос {number}") for number in range(matters)
        ]
        found = await made.people_named("person", people)
        await made.node.stop()

        def pairs(those: list[testing.Person]) -> list[tuple[bytes, str]]:
            return [(each.key, each.id) for each in those]

        return Prepared(data, made.id, pairs(found), pairs(council), opened)

    return asyncio.run(work())


def run(figures: Figures, folder: Path, prepared: Prepared, *, quick: bool) -> None:
    seconds, rounds = (1.2, 1) if quick else (2.0, 3)
    consents, votes = folder / "consents", folder / "votes"
    pack(consents, prepared.consents(18_000 if quick else 100_000))
    pack(votes, prepared.votes())
    bare_folder = folder / "bare"
    bare_folder.mkdir()
    ours, limit, alone = [], [], []
    used = bare_used = 0
    with processes.node(prepared.data) as server, processes.bare(bare_folder) as bare:
        for _ in range(rounds):
            found = processes.load(
                server, "/entries", "--file", consents, "--seconds", seconds, "--skip", used
            )
            used += found["sent"]
            ours.append(found)
            found = processes.load(
                bare, "/entries", "--file", consents, "--seconds", seconds, "--skip", bare_used
            )
            bare_used += found["sent"]
            limit.append(found)
        most = max(rate(each) for each in limit)
        top = max(ours, key=rate)
        figures.rate(
            GROUP, "consent.give by many accounts, 64 clients", rate(top), "bare pipeline", most, 0.6
        )
        least = min(each["cpu"] for each in limit)
        figures.time(
            GROUP, "  processor time of one", min(each["cpu"] for each in ours), "bare pipeline", least
        )
        figures.time(
            GROUP, "  p50 of committed", top["p50"], "bare pipeline", min(each["p50"] for each in limit)
        )
        figures.time(GROUP, "  p99 of committed", top["p99"], "allowed", 0.1, 1.0)
        found = processes.load(server, "/entries", "--file", votes, "--seconds", seconds)
        figures.rate(
            GROUP, f"council.vote by {_SEATS} voters, 64 clients", rate(found), "bare pipeline", most, 0.6
        )
        figures.time(GROUP, "  processor time of one", found["cpu"], "bare pipeline", least)
        figures.time(GROUP, "  p99 of committed", found["p99"], "allowed", 0.1, 1.0)
        sync = 0.0
        for _ in range(rounds):
            sync = max(sync, processes.syncs(folder, seconds / 4))
            found = processes.load(
                server,
                "/entries",
                "--file",
                consents,
                "--seconds",
                seconds / 2,
                "--skip",
                used,
                "--connections",
                1,
            )
            used += found["sent"]
            alone.append(rate(found))
            sync = max(sync, processes.syncs(folder, seconds / 4))
        figures.rate(GROUP, "one client that waits", max(alone), "1 / fdatasync", sync, 0.5)


def rate(found: dict[str, object]) -> float:
    """Committed in a second. Raises when anything else was answered: then the figure would mean nothing."""
    statuses, seconds = found["statuses"], found["seconds"]
    assert isinstance(statuses, dict) and isinstance(seconds, float)
    if set(statuses) != {"200"}:
        raise RuntimeError(f"the server answered {statuses}")
    return float(statuses["200"]) / seconds
