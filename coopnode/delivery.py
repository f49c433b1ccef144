"""What can go wrong on the way to a person."""

from __future__ import annotations


class Undelivered(Exception):
    """It has not left. The text is for the operator: it names settings, never a receiver.

    `final`: sending this again cannot help. `everywhere`: nothing else would leave this way either.
    """

    def __init__(self, reason: str, *, final: bool = False, everywhere: bool = False) -> None:
        super().__init__(reason)
        self.final, self.everywhere = final, everywhere
