"""What time it is, and whether to believe it (P16, P17).

Only the node's ticks carry time into the log, so a wrong clock would poison every deadline for good. The
wall clock is therefore compared with the monotonic one: when it runs ahead of it by more than an hour, or
when a start finds it far past the last known moment, ticks stop until the operator confirms.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

MAX_JUMP = 3600.0


class ClockDoubtful(Exception):
    """The wall clock cannot be trusted; the text says what was seen."""


@dataclass
class Clock:
    """Seconds since 1970, checked. Tests use `FixedClock` of `coopnode.testing`."""

    _wall: float = field(default_factory=time.time, init=False)
    _monotonic: float = field(default_factory=time.monotonic, init=False)
    _confirmed: bool = field(default=True, init=False)
    _reason: str = field(default="", init=False)

    def now(self) -> int:
        """Raises ClockDoubtful after a forward jump of more than an hour; a small step either way is
        followed. After a large one back the way forward again is no jump."""
        wall, monotonic = self._read()
        ahead = (wall - self._wall) - (monotonic - self._monotonic)
        if ahead > MAX_JUMP:
            raise ClockDoubtful(_jumped(ahead))
        if not self._confirmed:
            raise ClockDoubtful(self._reason)
        if ahead >= -MAX_JUMP:
            self._wall, self._monotonic = wall, monotonic
        return int(wall)

    def peek(self) -> int:
        """Without judgement: for expiry of sessions and the like, which no log depends on."""
        return int(self._read()[0])

    def standing(self) -> tuple[float, str | None]:
        """(seconds by which the wall clock ran ahead of the monotonic one since `now`, what speaks against
        it). For the operator; it changes nothing."""
        wall, monotonic = self._read()
        ahead = (wall - self._wall) - (monotonic - self._monotonic)
        doubt = self._reason if not self._confirmed else _jumped(ahead) if ahead > MAX_JUMP else None
        return ahead, doubt

    def check_start(self, last_known: int, *, confirmed: bool) -> None:
        """`last_known`: the latest moment this node has recorded. A long gap needs a person who looked at a
        second clock (P16)."""
        wall = self._read()[0]
        self._confirmed = confirmed or last_known == 0 or abs(wall - last_known) <= MAX_JUMP
        if not self._confirmed:
            word = "later" if wall > last_known else "earlier"
            self._reason = (
                f"the clock of this machine is {abs(wall - last_known) / 3600:.1f} hours {word} than "
                "the last moment this node recorded; compare it with another clock, then set it right or "
                "confirm it (time_confirmed = true in coopnode.toml), and start the node again"
            )

    def confirm(self) -> None:
        """A person has compared the clock with another one."""
        self._wall, self._monotonic = self._read()
        self._confirmed = True

    def _read(self) -> tuple[float, float]:
        return time.time(), time.monotonic()


def _jumped(ahead: float) -> str:
    return (
        f"the clock of this machine jumped ahead by {ahead / 3600:.1f} hours; compare it with another clock, "
        "set it right and start the node again"
    )
