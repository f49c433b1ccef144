"""The schema moves by added migrations, and what an earlier version wrote opens with this one."""

from __future__ import annotations

import io
import json
import lzma
import sqlite3
import tarfile
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from coopnode import testing
from coopnode.app import Node
from coopnode.cli.node import all_projections
from coopnode.inspection import verify
from coopnode.store import database, schema
from coopnode.testing import FixedClock
from tools.schema import FIXTURES, migrations, ours, revisions
from web.app import create_app
from web.keys import SESSIONS

_HINT = "the schema has changed: python -m tools.schema next NAME, then fixture (CONTRIBUTING.md)"


def described(path: Path) -> dict[str, str]:
    """name → SQL that made it, of what migrations make."""
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT name, tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        ).fetchall()
    connection.close()
    return {name: "".join(sql.split()) for name, table, sql in rows if table in schema.metadata.tables}


def test_migrations_lead_to_the_schema(tmp_path: Path) -> None:
    database.open_database(tmp_path / "migrated").close()
    with create_engine(f"sqlite:///{tmp_path / 'migrated' / database.FILE}").connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        assert compare_metadata(context, schema.metadata) == [], _HINT
    engine = create_engine(f"sqlite:///{tmp_path / 'made'}")
    schema.metadata.create_all(engine)
    engine.dispose()
    # Alembic does not compare everything (tables without row numbers, checks).
    migrated = described(tmp_path / "migrated" / database.FILE)
    if len(revisions()) == 1:
        assert migrated == described(tmp_path / "made"), _HINT
    else:
        assert set(migrated) == set(described(tmp_path / "made")), _HINT


def test_every_schema_has_its_directory() -> None:
    assert [path.stem for path in sorted(FIXTURES.glob("*.json"))] == revisions(), _HINT
    assert all(path.stat().st_size < 200_000 for path in FIXTURES.iterdir())


@pytest.mark.parametrize("revision", revisions())
def test_a_migration_that_is_out_never_changes(revision: str) -> None:
    assert facts(revision)["migrations"] == migrations(revision), _HINT


def facts(revision: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FIXTURES / f"{revision}.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize("revision", revisions())
async def test_an_old_directory_opens(revision: str, tmp_path: Path) -> None:
    known, data = facts(revision), tmp_path / "data"
    with tarfile.open(
        fileobj=io.BytesIO(lzma.decompress((FIXTURES / f"{revision}.tar.xz").read_bytes()))
    ) as archive:
        archive.extractall(data, filter="data")
    node = Node.open(testing.config(data), clock=FixedClock(known["time"]), projections=all_projections())
    assert node.standing.doubt is None
    head = node.engine.head
    assert (head.size, head.tree.root().hex()) == (known["size"], known["root"])
    assert testing.state_digest(node).hex() == known["state_digest"]
    await node.start()
    server = TestServer(create_app(node))
    await server.start_server()
    stranger = TestClient[Any, Any](server)
    for path in ("/", f"/verify/{known['approval']}", "/checkpoint", "/join"):
        assert (await stranger.get(path)).status == 200, path
    officer = TestClient[Any, Any](server)
    session, _ = await server.app[SESSIONS].create("ru")
    _, token = await server.app[SESSIONS].sign_in(session, known["secretary"])
    officer.session.cookie_jar.update_cookies({"coopnode": token}, server.make_url("/"))
    register = await (await officer.get("/members")).text()
    assert [name for name in known["names"] if name not in register] == []
    assert (await officer.get(f"/council/{known['matter']}")).status == 200
    await stranger.close()
    await officer.close()
    await server.close()
    await node.stop()
    found = verify(data, projections=all_projections())
    assert found.ok, found.problem


def test_letters_that_wait_are_still_letters(tmp_path: Path) -> None:
    """Migration 0002: what the program before was about to send goes by e-mail, what it had announced is
    told by every channel."""
    with tarfile.open(
        fileobj=io.BytesIO(lzma.decompress((FIXTURES / "0001.tar.xz").read_bytes()))
    ) as archive:
        archive.extractall(tmp_path, filter="data")
    row = "INSERT INTO outbox (kind, idx, receiver, audience, body, created_at, due_at) VALUES "
    with sqlite3.connect(tmp_path / database.FILE) as connection:
        connection.execute("DELETE FROM outbox")
        connection.execute(row + "('k', 1, 'a', '', x'a0', 1, 1), ('k', 2, NULL, NULL, x'a0', 1, 1)")
    connection.close()
    database.open_database(tmp_path).close()
    with sqlite3.connect(tmp_path / database.FILE) as connection:
        found = connection.execute("SELECT idx, channel, bundled FROM outbox ORDER BY idx").fetchall()
    connection.close()
    assert found == [(1, "email", 0), (2, None, 0)]
