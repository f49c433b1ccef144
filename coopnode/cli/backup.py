"""`coopnode backup` and `restore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from coopnode.cli import output
from coopnode.cli.output import DATA, JSON

if TYPE_CHECKING:
    from coopnode.backups import Secret

PASSPHRASE: Any = typer.Option(
    None,
    "--passphrase-file",
    help="Passphrase in the first line of a file; else COOPNODE_PASSPHRASE, else asked.",
    metavar="FILE",
)
KEY_FILE: Any = typer.Option(
    None, "--key-file", help="Instead of a passphrase: a file of at least 32 random bytes.", metavar="FILE"
)


def add(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)


def _secret(passphrase_file: Path | None, key_file: Path | None, question: str, *, twice: bool) -> Secret:
    from coopnode.backups import Secret

    if key_file is None:
        return Secret(passphrase=output.ask_passphrase(passphrase_file, question, twice=twice))
    try:
        return Secret(key_file=key_file.read_bytes())
    except OSError as error:
        output.fail(f"{key_file} cannot be read: {error.strerror}")


def backup(
    target: Path = typer.Argument(help="A folder, or the name of the file to make.", metavar="DIR|FILE"),
    data: Path | None = DATA,
    passphrase_file: Path | None = PASSPHRASE,
    key_file: Path | None = KEY_FILE,
    as_json: bool = JSON,
) -> None:
    """Make an encrypted backup; the node may run meanwhile.

    Two files: NAME.backup with database, log and attachments, and NAME.keys with the keys. Keep them in
    different places, and NAME.keys no longer than 35 days: an erased record lives as long as an old copy
    of its key. The head database is in neither (it must never go back in time).

    Exit status: 0 done, 2 could not be made.
    """
    from coopnode.backups import BackupError, make

    secret = _secret(passphrase_file, key_file, "Passphrase of the backup", twice=True)
    try:
        with output.progress("Backup", as_json=as_json) as progress:
            made = make(output.data_folder(data), target, secret, progress)
    except BackupError as error:
        output.fail(str(error), as_json=as_json)
    result = {"ok": True, "backup": str(made.backup), "keys": str(made.keys), "entries": made.entries}
    text = f"{made.backup}: {made.entries} entries\n{made.keys}: keys; keep them apart, at most 35 days"
    output.show(result, text, as_json=as_json)


def restore(
    source: Path = typer.Argument(help="NAME.backup", metavar="FILE"),
    data: Path | None = DATA,
    keys: Path | None = typer.Option(None, "--keys", help="[default: NAME.keys beside it]", metavar="FILE"),
    head: Path | None = typer.Option(
        None, "--head", help="The surviving head/head.db of the lost node.", metavar="FILE"
    ),
    nothing_newer: bool = typer.Option(
        False, "--nothing-newer", help="You vouch that the node took nothing after this backup."
    ),
    passphrase_file: Path | None = PASSPHRASE,
    key_file: Path | None = KEY_FILE,
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    as_json: bool = JSON,
) -> None:
    """Put a backup back into a new directory. A node is never overwritten.

    A node must know how far its log has ever been signed, or it could sign a second history. Give --head when
    head.db of the lost machine survives; the node then tells which entries are missing. Without it,
    --nothing-newer says that there were none. Without either the files are restored and the node does not
    start.

    Exit status: 0 done, 1 you said no, 2 could not be restored.
    """
    from coopnode.backups import BackupError
    from coopnode.backups import restore as put_back

    if nothing_newer and head is None:
        output.confirm(
            "If the node took documents after this backup they are lost, and members will see a broken log. "
            "Nothing was taken after it?",
            yes=yes,
        )
    secret = _secret(passphrase_file, key_file, "Passphrase of the backup", twice=False)
    folder = output.data_folder(data)
    try:
        done = put_back(
            source,
            keys or source.with_suffix(".keys"),
            folder,
            secret,
            head=head,
            nothing_newer=nothing_newer,
        )
    except BackupError as error:
        output.fail(str(error), as_json=as_json)
    lines = [f"{folder}: {done.entries} entries. Check it: coopnode verify --data {folder}"]
    if not done.startable:
        lines.append(
            f"The node does not start without {folder / 'head' / 'head.db'}: see coopnode restore --help"
        )
    result = {"ok": True, "data": str(folder), "entries": done.entries, "startable": done.startable}
    output.show(result, "\n".join(lines), as_json=as_json)
