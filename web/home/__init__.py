"""The places everybody has: Now, Cooperatives, Documents, Me, and the cooperative's public page."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Task:
    """One thing to do, with one main button. Words are already in the person's language."""

    title: str
    href: str
    action: str
    #: «до 18 мая, 20:00» or what it is about
    chip: str = ""
    lead: str = ""
    #: calls to vote are warm, the rest is calm
    urgent: bool = False
    due: int | None = field(default=None)


@dataclass(frozen=True)
class Event:
    """A line of the quiet timeline."""

    time: int
    words: str
    href: str | None = None
