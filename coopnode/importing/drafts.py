"""A register on its way in: kept encrypted, until it is all signed, it is forgotten, or its term is over.

Two kinds of drafts. The *file* belongs to the officer who brought it: rows, what its columns are, what was
decided about doubles. *Contacts* belong to a number of the register: where the letters of a member go who
has been enrolled and has not confirmed yet. They are no part of any document: whoever confirms says anew,
and under their own signature, where they are to be reached.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

FILE: Final = "import"
CONTACTS: Final = "import-contacts"
#: A file nobody has touched for so long is forgotten.
FILE_SECONDS: Final = 30 * 86_400
#: So are contacts of somebody who has not confirmed for half a year.
CONTACTS_SECONDS: Final = 183 * 86_400
#: Contacts without an enrolment, a scan without a draft: the sitting they were meant for was left.
LOOSE_SECONDS: Final = 2 * 86_400

Person: TypeAlias = Literal["person", "entrepreneur", "organisation"]
Choice: TypeAlias = Literal["skip", "keep"]


class Scan(msgspec.Struct, frozen=True):
    """A file of SPEC §5."""

    name: str
    media_type: str
    size: int
    sha256: bytes


class Balances(msgspec.Struct, frozen=True):
    """The paper that amounts rest on. `as_of` as `2020-02-01`."""

    as_of: str
    title: str
    scan: Scan | None = None


class File(msgspec.Struct, omit_defaults=True):
    """What was uploaded and what the officer said about it."""

    name: str = ""
    rows: list[list[str]] = []
    #: where each row stands in the file
    lines: list[int] = []
    #: the first row names the columns
    heading: bool = False
    #: field of each column; "" = not taken
    columns: list[str] = []
    #: the officer has looked at `columns`
    mapped: bool = False
    #: about doubles, by place in the file
    choices: dict[int, Choice] = {}
    balances: Balances | None = None
    #: document digest of the opening balances once they are signed
    opening: bytes = b""


class Line(msgspec.Struct, frozen=True):
    """A line that can be signed. `since` as `2020-02-01`; amounts in minor units, None = nothing said."""

    line: int
    number: int
    since: str
    name: str
    person: Person = "person"
    email: str = ""
    phone: str = ""
    address: str = ""
    entrance: int | None = None
    share: int | None = None


class Contacts(msgspec.Struct, frozen=True, omit_defaults=True):
    email: str = ""
    phone: str = ""
    address: str = ""
    #: when the office last wrote to the address
    reminded_at: int = 0
