"""`coopnode backup` and `restore`."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from coopnode.cli import output
from coopnode.cli.output import DATA, JSON

if TYPE_CHECKING:
    from coopnode.audit.sources import Source
    from coopnode.backups import Restored, Secret
    from coopnode.drill import Drilled

PASSPHRASE: Any = typer.Option(
    None,
    "--passphrase-file",
    help="Passphrase in the first line of a file; else COOPNODE_PASSPHRASE, else asked.",
    metavar="FILE",
)
KEY_FILE: Any = typer.Option(
    None, "--key-file", help="Instead of a passphrase: a file of at least 32 random bytes.", metavar="FILE"
)


_HINT: Final = ". Its increment {found} was to be used: --increment names another one, --no-increment none"


def add(app: typer.Typer) -> None:
    app.command()(backup)
    app.command()(restore)
    app.command("continue")(go_on)
    app.command("drill")(rehearse)


def _secret(passphrase_file: Path | None, key_file: Path | None, question: str, *, twice: bool) -> Secret:
    from coopnode.backups import Secret

    if key_file is None:
        return Secret(passphrase=output.ask_passphrase(passphrase_file, question, twice=twice))
    try:
        return Secret(key_file=key_file.read_bytes())
    except OSError as error:
        output.fail(f"{key_file} cannot be read: {error.strerror}")


def backup(
    target: Path = typer.Argument(
        help="A folder, made when it is missing, or the name of a file: NAME.backup.", metavar="DIR|FILE"
    ),
    increment: bool = typer.Option(
        False,
        "--increment",
        help="Only what has come since the newest whole backup in DIR, or since the backup FILE.",
    ),
    data: Path | None = DATA,
    passphrase_file: Path | None = PASSPHRASE,
    key_file: Path | None = KEY_FILE,
    as_json: bool = JSON,
) -> None:
    """Make an encrypted backup; the node may run meanwhile.

    Two files: NAME.backup with database, log and attachments, and NAME.keys with the keys. Keep them in
    different places, and NAME.keys no longer than 35 days: an erased record lives as long as an old copy
    of its key. The head database is in neither (it must never go back in time). Both are read back and
    compared before they get their names.

    With --increment: NAME+TIME.increment and its keys, beside NAME.backup and under the same passphrase or
    key file. It holds all that is new since NAME.backup, so restoring takes that and the last increment.

    Exit status: 0 done, 2 could not be made.
    """
    from coopnode import increments
    from coopnode.backups import BackupError, make

    secret = _secret(passphrase_file, key_file, "Passphrase of the backup", twice=not increment)
    try:
        with output.progress("Backup", as_json=as_json) as progress:
            work = increments.make if increment else make
            made = work(output.data_folder(data), target, secret, progress)
    except BackupError as error:
        output.fail(str(error), as_json=as_json)
    result = {"ok": True, "backup": str(made.backup), "keys": str(made.keys), "entries": made.entries}
    text = f"{made.backup}: {made.entries} entries\n{made.keys}: keys; keep them apart, at most 35 days"
    output.show(result, text, as_json=as_json)


def restore(
    source: Path | None = typer.Argument(
        None, help="NAME.backup; without it the node in --data is brought forward.", metavar="[FILE]"
    ),
    data: Path | None = DATA,
    keys: Path | None = typer.Option(None, "--keys", help="[default: NAME.keys beside it]", metavar="FILE"),
    increment: Path | None = typer.Option(
        None, "--increment", help="NAME+TIME.increment. [default: the newest beside it]", metavar="FILE"
    ),
    no_increment: bool = typer.Option(False, "--no-increment", help="The backup alone."),
    head: Path | None = typer.Option(
        None, "--head", help="The surviving head/head.db of the lost node.", metavar="FILE"
    ),
    nothing_newer: bool = typer.Option(
        False, "--nothing-newer", help="You vouch that the node took nothing after what is found."
    ),
    come_from: list[str] = typer.Option(
        [], "--from", help="Newer entries: a copied log or a mirror. May be repeated.", metavar="DIR|URL"
    ),
    key: Path | None = typer.Option(
        None, "--key", help="Your key file, for a mirror of a log that only members read.", metavar="FILE"
    ),
    key_passphrase: Path | None = typer.Option(
        None, "--key-passphrase-file", help="Passphrase of --key.", metavar="FILE"
    ),
    account: str | None = typer.Option(
        None, "--account", help="Account id, when the key was added later.", metavar="ID"
    ),
    passphrase_file: Path | None = PASSPHRASE,
    key_file: Path | None = KEY_FILE,
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    as_json: bool = JSON,
) -> None:
    """Put a backup back and roll it forward.

    A node is never overwritten: the directory is new, or holds what survived of the lost one. Its log/ and
    head/ are used and then put aside. Entries after the backup come from its increment, which also brings
    private records and texts, then from log/ and from --from; each is checked and judged again, and keeps its
    bytes. Private records that only the lost machine had are named.

    A node must know how far its log has ever been signed, or it could sign a second history. That stands in
    head/head.db: in the directory, or given by --head. Without it, --nothing-newer says that there was
    nothing after what was found. Without either the files are restored and the node does not start.

    When signed entries are nowhere to be found, the command says which; coopnode continue goes on without
    them.

    Exit status: 0 done, 1 you said no, signed entries are missing or the node does not start yet, 2 could
    not be restored.
    """
    from coopnode.backups import BackupError, forward
    from coopnode.backups import restore as put_back
    from coopnode.cli.node import all_projections
    from coopnode.increments import increments_of

    folder = output.data_folder(data)
    if increment is not None and source is None:
        output.fail("--increment goes with the backup it follows on: give that too", as_json=as_json)
    newest = increments_of(source) if source is not None and source.is_file() else []
    found = newest[-1] if newest and increment is None and not no_increment else None
    if nothing_newer and head is None and source is not None:
        output.confirm(
            "If the node took documents after what is found here they are lost, and members will see a "
            "broken log. Nothing was taken after it?",
            yes=yes,
        )
    sources = [_source(place, key, account, key_passphrase, as_json) for place in come_from]
    try:
        with output.progress("Entries", as_json=as_json) as progress:
            if source is None:
                done = forward(folder, sources, projections=all_projections(), progress=progress)
            else:
                secret = _secret(passphrase_file, key_file, "Passphrase of the backup", twice=False)
                done = put_back(
                    source,
                    keys or source.with_suffix(".keys"),
                    folder,
                    secret,
                    increment=increment or found,
                    head=head,
                    nothing_newer=nothing_newer,
                    sources=sources,
                    projections=all_projections(),
                    progress=progress,
                )
    except BackupError as error:
        hint = "" if found is None else _HINT.format(found=found)
        output.fail(f"{error}{hint}", as_json=as_json)
    output.show(_told(done), "\n".join(_lines(done)), as_json=as_json)
    if not done.startable:
        raise typer.Exit(output.CONTRADICTION)


def _source(
    place: str, key: Path | None, account: str | None, passphrase_file: Path | None, as_json: bool
) -> Source:
    from coopnode.audit import SourceError, open_source
    from coopnode.cli.auditing import reader

    try:
        authorise = reader(place, key, account, None, passphrase_file) if key else None
        return open_source(place, authorise)
    except SourceError as error:
        output.fail(str(error), as_json=as_json)


def _told(done: Restored) -> dict[str, Any]:
    rolled = done.rolled
    return {
        "ok": done.startable,
        "data": str(done.data),
        "backed_up": done.backed_up,
        "increment": str(done.increment) if done.increment else None,
        "incremented": rolled.increment if rolled else None,
        "entries": done.entries,
        "startable": done.startable,
        "missing": list(done.missing) if done.missing else None,
        "source": rolled.source if rolled else None,
        "records_missing": [index for index, _ in rolled.records_missing] if rolled else [],
        "texts_missing": rolled.texts_missing if rolled else [],
        "notes": rolled.notes if rolled else [],
        "aside": str(done.aside) if done.aside else None,
    }


def _lines(done: Restored) -> list[str]:
    import time

    from coopnode.config import database_in_environment

    rolled, folder = done.rolled, done.data
    until = time.strftime("%Y-%m-%d %H:%M:%SZ", time.gmtime(done.tick))
    lines = [f"{folder}: {done.entries} entries, the last of {until}."]
    known = done.backed_up
    if rolled is not None and rolled.increment is not None:
        lines.append(f"{rolled.increment - known} of them came after the backup, from {done.increment}.")
        known = rolled.increment
    if rolled is not None and rolled.source is not None:
        after = "backup" if rolled.increment is None else "increment"
        lines.append(f"{done.entries - known} of them came after the {after}, from {rolled.source}.")
    lines += [f"Not used: {note}" for note in rolled.notes] if rolled else []
    if rolled is not None and rolled.records_missing:
        named = ", ".join(f"{index} ({type})" for index, type in rolled.records_missing[:20])
        lines.append(
            f"Private records of {len(rolled.records_missing)} entries are lost with the machine: {named}"
            + (" …" if len(rolled.records_missing) > 20 else "")
        )
    if rolled is not None and rolled.texts_missing:
        lines.append(f"Public texts of entries {rolled.texts_missing} are missing; publish them again.")
    if done.aside is not None:
        lines.append(f"What had survived stands in {done.aside}.")
    if done.missing is not None:
        first, last = done.missing
        lines.append(
            f"Entries {first} to {last} were signed and are nowhere to be found. The node starts and only "
            "reads.\n"
            f"Give another copy of the log: coopnode restore --data {folder} --from DIR|URL\n"
            "When there is none: coopnode continue --help"
        )
    elif done.startable:
        if database_in_environment():
            lines.append(
                "It stands on a file: take COOPNODE_DATABASE_URL away, which names another database."
            )
        lines.append(f"Check it: coopnode verify --data {folder}\nStart it: coopnode run --data {folder}")
    else:
        lines.append(
            "It does not start yet: how far the lost node's log was signed is not known here, and a node "
            "that guessed could sign a second history.\n"
            f"When the lost node's head/head.db is found, put it at {folder / 'head' / 'head.db'}.\n"
            f"When you are sure that nothing was taken after {until}, remove {folder} and restore with "
            "--nothing-newer."
        )
    return lines


def go_on(
    statements: list[Path] = typer.Argument(
        None, help="The signed statements; without them a draft is written.", metavar="[FILE]..."
    ),
    data: Path | None = DATA,
    cause: str = typer.Option(
        "machine_lost",
        "--cause",
        help="machine_lost, disk_damaged, stolen or second_history.",
        metavar="CAUSE",
    ),
    asked: list[str] = typer.Option(
        [], "--asked", help="Who was asked for the lost entries. May be repeated.", metavar="WHO"
    ),
    out: Path = typer.Option(Path("continue.json"), "--out", "-o", help="The draft.", metavar="FILE"),
    as_json: bool = JSON,
) -> None:
    """Go on with a log whose end is lost.

    Only when signed entries are nowhere to be found: whoever holds them has proof that they are missing. The
    log goes on as its next part, under another name, with what survived as its beginning.

    First without files: writes what survived and what is known as a draft. The chair and another voter of the
    council sign it on their own machines: coopnode sign log.continue/1 continue.json --key FILE -o NAME.cose.
    Then with both files. What was put in the lost entries has to be signed anew.

    Exit status: 0 done, 2 could not be done, or nothing is missing.
    """
    from coopnode.cli.node import all_projections
    from coopnode.continuing import ContinueError, carry_out, draft

    folder = output.data_folder(data)
    if not statements and out.exists():
        output.fail(f"{out} exists and is not overwritten", as_json=as_json)
    try:
        if statements:
            signed = [path.read_bytes() for path in statements]
            done = carry_out(folder, signed, all_projections())
        else:
            found = draft(folder, cause, asked)
            with out.open("x") as file:
                file.write(json.dumps(found, default=_bytes, indent=2) + "\n")
    except ContinueError as error:
        output.fail(str(error), as_json=as_json)
    except OSError as error:
        output.fail(f"{error.filename}: {error.strerror}", as_json=as_json)
    if not statements:
        known = found["known"]["size"]
        text = (
            f"{out}: {found['size']} entries survived, the old log had at least {known}.\n"
            "Chair and another voter of the council sign it:\n"
            f"  coopnode sign log.continue/1 {out} --key FILE --to {found['origin'].split('/')[1]}\n"
            f"Then: coopnode continue --data {folder} CHAIR.cose OTHER.cose"
        )
        output.show(
            {"ok": True, "draft": str(out), "size": found["size"], "known": known}, text, as_json=as_json
        )
        return
    lost = (
        f"entries {done.lost[0]} to {done.lost[1]} of the part before are lost"
        if done.lost
        else "nothing is lost"
    )
    output.show(
        {
            "ok": True,
            "generation": done.generation,
            "survived": done.survived,
            "entries": done.entries,
            "lost": list(done.lost or ()),
        },
        f"Part {done.generation} of the log begins with the {done.survived} entries that survived; {lost}.\n"
        f"Start it: coopnode run --data {folder}",
        as_json=as_json,
    )


def _bytes(value: object) -> dict[str, str]:
    """As `coopnode sign` reads them."""
    assert isinstance(value, bytes)
    return {"$bytes": base64.urlsafe_b64encode(value).rstrip(b"=").decode()}


def rehearse(
    place: Path = typer.Argument(help="A backup, or the folder of backups.", metavar="DIR|FILE"),
    data: Path | None = DATA,
    keys: Path | None = typer.Option(None, "--keys", help="[default: NAME.keys beside it]", metavar="FILE"),
    come_from: list[str] = typer.Option(
        [], "--from", help="Newer entries, besides those of --data. May be repeated.", metavar="DIR|URL"
    ),
    scratch: Path | None = typer.Option(
        None, "--scratch", help="Where there is room. [default: the data directory]", metavar="DIR"
    ),
    passphrase_file: Path | None = PASSPHRASE,
    key_file: Path | None = KEY_FILE,
    as_json: bool = JSON,
) -> None:
    """Try whether everything could be got back.

    The node may run meanwhile. Restores the newest backup with its newest increment into a scratch directory,
    rolls it forward from the tiles of --data, verifies and audits the result, carries out erasures, opens
    pages, and removes it all. The copy signs nothing.

    Exit status: 0 everything came back, 1 something did not, 2 there is nothing to try with.
    """
    from coopnode import logs
    from coopnode.backups import BackupError
    from coopnode.cli.node import all_projections, load_config
    from coopnode.drill import as_json as told
    from coopnode.drill import drill

    logs.configure("error")
    config = load_config(data, as_json)
    secret = _secret(passphrase_file, key_file, "Passphrase of the backup", twice=False)
    sources = [_source(each, None, None, None, as_json) for each in come_from]
    try:
        found = drill(
            config,
            place,
            secret,
            scratch or config.data,
            keys=keys,
            sources=sources,
            projections=all_projections(),
        )
    except BackupError as error:
        output.fail(str(error), as_json=as_json)
    output.show(told(found), "\n".join(_found(found)), as_json=as_json)
    if not found.ok:
        raise typer.Exit(output.CONTRADICTION)


def _found(found: Drilled) -> Iterator[str]:
    """Only figures of steps that were reached."""
    yield (
        f"{found.increment or found.backup}: {found.bytes / 2**20:.1f} MiB, "
        f"made {found.age / 3600:.1f} hours ago"
    )
    if found.entries is not None:
        held = found.backed_up if found.incremented is None else found.incremented
        seconds = ", ".join(f"{step} {taken:g} s" for step, taken in found.seconds.items())
        if found.increment:
            yield f"{found.backed_up} entries in {found.backup}"
        yield f"{held} entries in it, {found.entries} after rolling forward; {seconds}"
        erased = "" if found.erased is None else f", {found.erased} records stay erased"
        yield (
            f"{found.records_missing} private records and {found.texts_missing} texts would be lost{erased}"
        )
    if found.state_digest:
        yield f"State digest {found.state_digest}"
    yield "Everything came back." if found.ok else f"NOT EVERYTHING CAME BACK: {found.problem}"
