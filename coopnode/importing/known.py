"""Whom a file is held against: the register with its former members, those invited, those applying.

Everything is opened from the vault, for officers who may read it, each time a file is looked at; nothing of
it is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from coopnode import private_records
from coopnode.membership.people import Viewer, who
from coopnode.membership.projection import applications, register
from coopnode.membership.queries import OPEN
from coopnode.store.sql import Connection, Row, select
from coopnode.store.vault import Vault

#: As the register has it (`left`: a former member), or an application that is not decided.
Standing: TypeAlias = Literal["member", "invited", "kept", "left", "applying"]


@dataclass(frozen=True, slots=True)
class Known:
    """`number` in the register, or of the application."""

    standing: Standing
    number: int
    name: str = ""
    birth_date: str = ""
    email: str = ""
    phone: str = ""


def known(connection: Connection, vault: Vault, viewer: Viewer) -> list[Known]:
    """By number; applicants last."""
    lines = select(register).where(register.c.to_idx.is_(None)).order_by(register.c.number)
    rows = list(connection.execute(lines))
    said = who(connection, {row.account for row in rows if row.account})
    return [
        *(_standing(connection, vault, viewer, row, said) for row in rows),
        *_applying(connection, vault, viewer),
    ]


def _standing(
    connection: Connection, vault: Vault, viewer: Viewer, row: Row[Any], said: dict[str, tuple[bytes, str]]
) -> Known:
    if row.account is not None and row.account in said:
        digest, type = said[row.account]
    elif row.status == "invited":
        digest, type = row.digest, "membership.enrol/1"
    else:
        return Known(row.status, row.number)
    return _of(connection, vault, viewer, row.status, row.number, digest, type, row.account)


def _applying(connection: Connection, vault: Vault, viewer: Viewer) -> Iterator[Known]:
    query = select(applications).where(applications.c.status.in_(OPEN)).order_by(applications.c.idx)
    for row in connection.execute(query):
        yield _of(
            connection, vault, viewer, "applying", row.idx, row.digest, "membership.apply/1", row.applicant
        )


def _of(
    connection: Connection,
    vault: Vault,
    viewer: Viewer,
    standing: Standing,
    number: int,
    digest: bytes,
    type: str,
    about: str | None,
) -> Known:
    values = private_records.values(connection, vault, digest, type, viewer.reads_as(about)) or {}
    found = {name: str(values.get(name, "")) for name in ("name", "birth_date", "email", "phone")}
    return Known(standing, number, **found)
