"""The words of SQL that slices need for their tables and queries, so that drivers stay behind
`coopnode.store`."""

from collections.abc import Mapping, Sequence
from typing import Any, Self

from sqlalchemy import (
    Column,
    CompoundSelect,
    Connection,
    ForeignKey,
    Index,
    LargeBinary,
    Row,
    Select,
    Table,
    UniqueConstraint,
    and_,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    not_,
    or_,
    select,
    text,
    union_all,
    update,
)
from sqlalchemy.dialects.postgresql import Insert
from sqlalchemy.exc import IntegrityError

from coopnode.store.schema import projections
from coopnode.store.types import Integer, Text


class upsert(Insert):
    """INSERT … ON CONFLICT, which both databases understand in PostgreSQL's form."""

    inherit_cache = True

    def on_conflict_do_update(self, columns: Sequence[str], *, set_: Mapping[str, Any]) -> Self:  # type: ignore[override]  # narrower
        return super().on_conflict_do_update(index_elements=columns, set_=set_)


__all__ = [
    "Column",
    "CompoundSelect",
    "Connection",
    "ForeignKey",
    "Index",
    "Integer",
    "IntegrityError",
    "LargeBinary",
    "Row",
    "Select",
    "Table",
    "Text",
    "UniqueConstraint",
    "and_",
    "bindparam",
    "case",
    "delete",
    "exists",
    "func",
    "insert",
    "not_",
    "or_",
    "projections",
    "select",
    "text",
    "union_all",
    "update",
    "upsert",
]
