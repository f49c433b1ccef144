"""A new version of the program whose migration fails or is killed: the old one runs on (design §10)."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import sys
from pathlib import Path

import pytest

from coopnode.store import database
from tests.faults import page
from tests.faults.living import Society

_NEXT = '''"""The next version's."""

import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("colour", sa.Text))
    op.execute("UPDATE sessions SET colour = 'blue'")
    op.create_table("novelties", sa.Column("name", sa.Text, primary_key=True))
    {then}
'''


def later(folder: Path, then: str = "pass") -> Path:
    """The migrations of this version and one more."""
    shutil.copytree(database._MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    before = max(path.name[:4] for path in (folder / "versions").glob("*.py"))
    (folder / "versions" / "9999_next.py").write_text(_NEXT.format(before=before, then=then))
    return folder


def program(folder: Path) -> tuple[str, ...]:
    return (sys.executable, "-m", "tests.faults.newer", str(folder))


def schema(path: Path) -> tuple[str, list[str]]:
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as connection:
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master ORDER BY name")]
    connection.close()
    return revision, names


async def _used(society: Society) -> tuple[str, list[str]]:
    """With statements in it; what its schema is."""
    async with society.living() as life:
        await life.give(3)
    return schema(society.data / "coopnode.db")


@pytest.mark.long
async def test_the_next_version_keeps_a_copy(society: Society, tmp_path: Path) -> None:
    old = await _used(society)
    folder = later(tmp_path / "migrations")
    async with society.living(program=program(folder)) as life:
        await life.remembers()
    assert schema(society.data / "coopnode.db")[0] == "9999"
    copy = society.data / f"coopnode.db.schema-{old[0]}"
    # The blind index is in no copy (ADR 11).
    without = [name for name in old[1] if not name.startswith(("search_records", "search_terms"))]
    assert schema(copy) == (old[0], without) and without != old[1] and copy.stat().st_mode & 0o077 == 0
    sentence = await society.refused()
    assert "newer coopnode" in sentence and "9999" in sentence
    copy.replace(society.data / "coopnode.db")
    for name in ("coopnode.db-wal", "coopnode.db-shm"):
        (society.data / name).unlink(missing_ok=True)
    async with society.living() as life:
        await life.remembers()
    await society.sound()


async def test_a_migration_that_fails(society: Society, tmp_path: Path) -> None:
    old = await _used(society)
    folder = later(tmp_path / "migrations", 'op.execute("INSERT INTO nowhere VALUES (1)")')
    sentence = await society.refused(program=program(folder))
    assert schema(society.data / "coopnode.db") == old
    async with society.living() as life:
        await life.remembers()
    await society.sound()
    page.says(
        "migration that fails",
        sentence,
        "the new version does not start (status 2); the database is as it was",
        "the old version runs on, at once",
    )


@pytest.mark.long
async def test_killed_while_migrating(society: Society, tmp_path: Path) -> None:
    old = await _used(society)
    folder = later(tmp_path / "migrations")
    for point in ("migration.copied", "migration.done"):
        more = {"COOPNODE_FAULT": f"{point}:kill"}
        told = await society.command(
            "run", "--port", "0", "--signing-port", "0", program=program(folder), more=more
        )
        assert told.status == -signal.SIGKILL
        async with society.living() as life:
            await life.remembers()
        assert schema(society.data / "coopnode.db") == old
    async with society.living(program=program(folder)) as life:
        await life.remembers()
    assert schema(society.data / "coopnode.db")[0] == "9999"
    page.says(
        "killed while migrating",
        "nothing",
        "the database is as it was",
        "the old version runs on; the new one migrates at its next start",
    )
