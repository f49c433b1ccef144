"""Column types that mean the same on both databases."""

from __future__ import annotations

from typing import Final

import sqlalchemy
from sqlalchemy.dialects import postgresql

#: SQLite's integers have 64 bits; so have ours everywhere: indices, seconds, minor units.
Integer: Final = sqlalchemy.Integer().with_variant(sqlalchemy.BigInteger(), "postgresql")
#: Compared and ordered by code points, as the state digest needs it and as SQLite does.
Text: Final = sqlalchemy.Text().with_variant(postgresql.TEXT(collation="C"), "postgresql")
