"""A figure never stands alone: beside it stands what the machine could do at most in the same minute.

Boxes differ and are shared, so only ratios are compared with goals. A ratio is always "more is better":
rate ÷ limit for rates, allowed ÷ taken for times.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Figure:
    group: str
    name: str
    value: float
    unit: str
    #: what it is compared with
    against: str
    limit: float
    ratio: float
    goal: float | None = None
    note: str = ""


class Figures:
    def __init__(self) -> None:
        self.all: list[Figure] = []

    def rate(
        self,
        group: str,
        name: str,
        value: float,
        against: str,
        limit: float,
        goal: float | None = None,
        **more: str,
    ) -> None:
        """Things done in a second."""
        self._add(
            Figure(group, name, value, more.pop("unit", "/s"), against, limit, value / limit, goal, **more)
        )

    def time(
        self,
        group: str,
        name: str,
        seconds: float,
        against: str,
        allowed: float,
        goal: float | None = None,
        **more: str,
    ) -> None:
        """How long one thing took, in seconds."""
        unit, factor = ("ms", 1e3) if max(seconds, allowed) >= 0.001 else ("us", 1e6)
        self._add(
            Figure(
                group,
                name,
                seconds * factor,
                unit,
                against,
                allowed * factor,
                allowed / seconds,
                goal,
                **more,
            )
        )

    def memory(
        self,
        group: str,
        name: str,
        used: int,
        against: str,
        allowed: int,
        goal: float | None = None,
        **more: str,
    ) -> None:
        """Bytes held at once."""
        value, limit = used / 2**20, allowed / 2**20
        self._add(Figure(group, name, value, "MiB", against, limit, limit / value, goal, **more))

    def _add(self, figure: Figure) -> None:
        self.all.append(figure)
        print(line(figure), flush=True)

    def write(self, path: Path, **about: Any) -> None:
        path.write_text(
            json.dumps(
                {**about, "figures": [asdict(each) for each in self.all]}, indent=1, ensure_ascii=False
            )
            + "\n"
        )


def head() -> str:
    return f"{'':11}{'':44}{'measured':>12}{'':4}{'limit':>12}{'':4}{'ratio':>7}{'goal':>7}"


def line(each: Figure) -> str:
    digits = 0 if each.value >= 100 else 1 if each.value >= 10 else 2
    goal = "" if each.goal is None else f"{each.goal:>7.2f}" + ("" if each.ratio >= each.goal else "  short")
    return (
        f"{each.group:11}{each.name:44}{each.value:>12,.{digits}f}{each.unit:4}{each.limit:>12,.{digits}f}{each.unit:4}"
        f"{each.ratio:>7.2f}{goal:14}{each.against}" + (f"; {each.note}" if each.note else "")
    )


def best(work: Callable[[], T], rounds: int, rate_of: Callable[[T, float], float]) -> float:
    """The best rate of some rounds: other programs on the machine only ever make one slower."""
    found = 0.0
    for _ in range(rounds):
        started = time.perf_counter()
        result = work()
        found = max(found, rate_of(result, time.perf_counter() - started))
    return found
