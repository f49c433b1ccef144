"""`coopnode migrate-database`."""

from __future__ import annotations

from pathlib import Path

import typer

from coopnode.cli import output
from coopnode.cli.output import DATA, JSON


def add(app: typer.Typer) -> None:
    app.command("migrate-database")(migrate_database)


def migrate_database(
    to: str = typer.Option(help="postgresql://USER@HOST/NAME, or sqlite.", metavar="URL|sqlite"),
    data: Path | None = DATA,
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    as_json: bool = JSON,
) -> None:
    """Move a stopped node between SQLite and PostgreSQL.

    The database at the address must exist and be empty: createdb --encoding=UTF8 --template=template0 NAME.
    All facts are copied in one transaction and compared: rows, state digest, log root. Then coopnode.toml
    names the new database. When anything goes wrong before, the old one stays in force, and the same command
    may be given again. The old database is left where it is; delete it when the node has started well, for it
    holds the same private records.

    Exit status: 0 moved, 1 you said no, 2 could not be moved.
    """
    from coopnode.moving import SQLITE, MoveError, move

    folder = output.data_folder(data)
    if to != SQLITE and not to.startswith(("postgresql://", "postgres://")):
        output.fail("--to takes postgresql://… or sqlite", as_json=as_json)
    output.confirm(f"Move the database of {folder}?", yes=yes or as_json)
    try:
        with output.progress("Copy", as_json=as_json) as progress:
            done = move(folder, None if to == SQLITE else to, progress)
    except MoveError as error:
        output.fail(str(error), as_json=as_json)
    result = {
        "ok": True,
        "entries": done.entries,
        "rows": done.rows,
        "state_digest": done.state_digest,
        "root": done.root,
        "old": done.old,
    }
    text = (
        f"{done.entries} entries, {done.rows} rows moved\n"
        f"State digest: {done.state_digest}\nRoot of the log: {done.root}\n"
        f"The old database is still there: {done.old}"
    )
    output.show(result, text, as_json=as_json)
