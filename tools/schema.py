"""The schema's migrations and the data directories they are tried on. `.venv/bin/python -m tools.schema` with

first       writes the first migration anew from coopnode/store/schema.py: only before the first release, as
            long as nobody has data
next NAME   writes a migration from the newest one to coopnode/store/schema.py; read it before it is committed
fixture     makes a small data directory of the newest schema and keeps it, as an archive, under
            tests/fixtures/schemas; its keys are used nowhere else
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import json
import lzma
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations.ops import UpgradeOps
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine

from coopnode.cli.node import all_projections
from coopnode.store import database, schema, state_store
from coopnode.testing import FixedClock
from tests.node.society import Society
from tools.environments import ROOT

FIXTURES = ROOT / "tests" / "fixtures" / "schemas"
VERSIONS = database._MIGRATIONS / "versions"
_MODULE = '''"""{title}"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "{revision}"
down_revision = {before}
branch_labels = None
depends_on = None

{types}

def upgrade() -> None:
    {body}
'''
#: `coopnode.store.types` as they are now: a migration does not change when they do.
_TYPES = {
    "INTEGER": "sa.Integer().with_variant(sa.BigInteger(), 'postgresql')",
    "TEXT": "sa.Text().with_variant(sa.TEXT(collation='C'), 'postgresql')",
}


def main(arguments: list[str]) -> int:
    match arguments:
        case ["first"]:
            path = VERSIONS / "0001_first.py"
            _write(path, "The tables of the first version.", "0001", None, Path(":memory:"))
        case ["next", name]:
            newest = revisions()[-1]
            path = VERSIONS / f"{int(newest) + 1:04d}_{name}.py"
            with tempfile.TemporaryDirectory() as folder:
                database.open_database(Path(folder)).close()
                _write(path, f"{name}.", path.name[:4], newest, Path(folder) / database.FILE)
        case ["fixture"]:
            path = asyncio.run(_fixture())
        case _:
            print(__doc__)
            return 2
    print(path.relative_to(ROOT))
    return 0


def revisions() -> list[str]:
    """All there are, oldest first."""
    return sorted(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))


def migrations(upto: str) -> dict[str, str]:
    """File → SHA-256, of all up to this revision."""
    found = (path for path in sorted(VERSIONS.glob("[0-9]*.py")) if path.name[:4] <= upto)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in found}


def _write(path: Path, title: str, revision: str, before: str | None, old: Path) -> None:
    with create_engine(f"sqlite:///{old}").connect() as connection:
        context = MigrationContext.configure(connection, opts={"include_object": ours, "compare_type": True})
        made = produce_migrations(context, schema.metadata)
        assert isinstance(made.upgrade_ops, UpgradeOps)
        body = render_python_code(made.upgrade_ops, imports=[], migration_context=context)
    body = "\n".join(line for line in body.splitlines() if not line.strip().startswith("#")).strip()
    for name, words in _TYPES.items():
        body = body.replace(words, name)
    types = "".join(f"{name} = {words}\n" for name, words in _TYPES.items() if name in body)
    text = _MODULE.format(title=title, types=types, revision=revision, before=_quoted(before), body=body)
    path.write_text(text, "utf-8")
    for command in (["format", "--quiet"], ["check", "--fix", "--quiet"]):
        subprocess.run([sys.executable, "-m", "ruff", *command, str(path)], check=True, cwd=ROOT)


def ours(thing: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:
    """What migrations make; tables of pages are made by their projections."""
    table = name if kind == "table" else getattr(getattr(thing, "table", None), "name", None)
    return table in schema.metadata.tables


def _quoted(text: str | None) -> str:
    return "None" if text is None else f'"{text}"'


# -- a data directory -------------------------------------------------------------------------------------


async def _fixture() -> Path:
    revision = revisions()[-1]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        facts = await _live(data) | {"revision": revision, "migrations": migrations(revision)}
        for name in ("lock", "founding-token"):
            (data / name).unlink(missing_ok=True)
        for name in (database.FILE, "vault-keys.db"):
            with sqlite3.connect(data / name) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                connection.execute("PRAGMA journal_mode = DELETE")
            connection.execute("VACUUM")
            connection.close()
        packed = _packed(data)
    FIXTURES.mkdir(parents=True, exist_ok=True)
    path = FIXTURES / f"{revision}.tar.xz"
    path.write_bytes(packed)
    path.with_name(f"{revision}.json").write_text(json.dumps(facts, indent=2) + "\n", "utf-8")
    return path


async def _live(data: Path) -> dict[str, Any]:
    """A council, a member it admitted and one of the paper register, an application, somebody signed in."""
    from coopnode.sessions import Sessions

    clock = FixedClock()
    society = await Society.make(data, clock=clock, projections=all_projections())
    node = society.node
    member = await society.coop.person("member")
    apply = await society.apply(member)
    matter, approval = await society.admit(apply.digest)
    await society.pay(apply.digest)
    await society.enrol(50, "Старожилова Вера")
    await society.apply(await society.coop.person("waiting"), "Ожидающий Пётр")
    society.move(60)
    sessions = Sessions(node)
    session, _ = await sessions.create("ru")
    await sessions.sign_in(session, member.id)
    await node.issue_ticket()
    head = node.engine.head
    assert await node.publisher.wait_for(head.size)
    digest = node.database.read_now(lambda connection: state_store.digest(database.driver(connection)))
    await node.stop()
    return {
        "time": clock.peek(),
        "size": head.size,
        "root": head.tree.root().hex(),
        "state_digest": digest.hex(),
        "approval": approval.digest.hex(),
        "matter": matter,
        "secretary": society.officers["secretary"].id,
        "names": ["Иванова Мария Сергеевна", "Старожилова Вера"],
    }


def _packed(data: Path) -> bytes:
    """The same bytes for the same files."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for path in sorted(data.rglob("*")):
            found = archive.gettarinfo(str(path), str(path.relative_to(data)))
            found.uid = found.gid = 0
            found.mtime, found.uname, found.gname = 0, "", ""
            found.mode = 0o700 if path.is_dir() else 0o600
            if path.is_dir():
                archive.addfile(found)
            else:
                archive.addfile(found, io.BytesIO(path.read_bytes()))
    return lzma.compress(buffer.getvalue(), preset=9)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
