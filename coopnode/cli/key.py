"""`coopnode key`: a personal signing key in an encrypted file, the same one the signing page writes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from coopnode.cli import output
from coopnode.cli.output import JSON

if TYPE_CHECKING:
    from coopnode.keyfile import PersonalKey

app = typer.Typer(no_args_is_help=True, help="Make, show and restore a personal key file.")

PASSPHRASE: Any = typer.Option(
    None,
    "--passphrase-file",
    help="Passphrase in the first line of a file; else COOPNODE_PASSPHRASE, else asked.",
    metavar="FILE",
)


def load(path: Path, passphrase_file: Path | None) -> PersonalKey:
    """The key of a file. Ends the program with a sentence when it cannot be opened."""
    from coopnode.keyfile import KeyFileError, open_key

    try:
        return open_key(_read(path), output.ask_passphrase(passphrase_file, f"Passphrase of {path}"))
    except KeyFileError as error:
        output.fail(str(error), code="key")


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        output.fail(f"{path} cannot be read: {error}", code="key")


@app.command()
def new(
    path: Path = typer.Argument(help="The key file to write.", metavar="FILE"),
    home: str | None = typer.Option(
        None, "--home", help="Id of the cooperative where the account begins.", metavar="ID"
    ),
    passphrase_file: Path | None = PASSPHRASE,
    suggest: bool = typer.Option(False, "--suggest", help="Make a passphrase of six words and print it."),
    recovery_file: Path | None = typer.Option(
        None, "--recovery-file", help="Write the recovery key there instead of printing it.", metavar="FILE"
    ),
    as_json: bool = JSON,
) -> None:
    """Make a personal key and its recovery key.

    The recovery key is printed once and kept nowhere: write it on paper. It alone can bring the account back.

    Exit status: 0 done, 2 the file exists or cannot be written.
    """
    from coopnode import keyfile

    if path.exists():
        output.fail(f"{path} exists and is not overwritten", as_json=as_json)
    secret = keyfile.passphrase() if suggest else None
    given = secret or output.ask_passphrase(passphrase_file, "Passphrase of the new key", twice=True)
    if len(given) < 12:
        output.fail("the passphrase has fewer than 12 characters", as_json=as_json)
    key, recovery = keyfile.generate(home)
    output.write_private(path, (keyfile.seal(key, given) + "\n").encode())
    groups = keyfile.recovery_groups(recovery)
    if recovery_file is not None:
        output.write_private(recovery_file, (groups + "\n").encode())
    result: dict[str, Any] = {"ok": True, "file": str(path), "public": key.pub.hex()}
    lines = [f"{path} holds the key {key.pub.hex()}"]
    if home:
        result["account"] = key.account()
        lines.append(f"Account: {result['account']}")
    if secret:
        result["passphrase"] = secret
        lines.append(f"Passphrase: {secret}")
    if recovery_file is None:
        result["recovery"] = groups
        lines.append(f"Recovery key, for paper only:\n    {groups}")
    output.show(result, "\n".join(lines), as_json=as_json)


@app.command()
def show(
    path: Path = typer.Argument(help="A key file.", metavar="FILE"),
    home: str | None = typer.Option(None, "--home", help="Name the account it makes there.", metavar="ID"),
    public: bool = typer.Option(False, "--public", help="Only the public key; no passphrase is asked."),
    passphrase_file: Path | None = PASSPHRASE,
    as_json: bool = JSON,
) -> None:
    """Show the public key, account and home of a key file. The secret is never printed.

    Exit status: 0 shown, 2 the file cannot be opened.
    """
    from coopnode.keyfile import KeyFileError, public_part

    if public:
        try:
            pub = public_part(_read(path))
        except KeyFileError as error:
            output.fail(str(error), as_json=as_json, code="key")
        output.show({"ok": True, "public": pub.hex()}, pub.hex(), as_json=as_json)
        return
    key = load(path, passphrase_file)
    chosen = home or key.home
    account = key.account(chosen) if chosen else None
    result = {"ok": True, "public": key.pub.hex(), "home": chosen, "account": account}
    text = f"Public key: {key.pub.hex()}\nHome: {chosen or '—'}\nAccount: {account or '—'}"
    output.show(result, text, as_json=as_json)


@app.command()
def restore(
    source: Path = typer.Argument(
        help="Text with a copy of the key: a file or what a printed code says.", metavar="TEXT"
    ),
    path: Path = typer.Argument(help="The key file to write.", metavar="FILE"),
    passphrase_file: Path | None = PASSPHRASE,
    home: str | None = typer.Option(
        None,
        "--home",
        help="Id of the cooperative where the account begins, for a founder's key that is older than it.",
        metavar="ID",
    ),
    new_passphrase_file: Path | None = typer.Option(
        None, "--new-passphrase-file", help="Lock the file under another passphrase.", metavar="FILE"
    ),
    as_json: bool = JSON,
) -> None:
    """Bring a key back from its copy into a new key file.

    The copy is opened with its passphrase, and the file keeps it. A copy made while joining names the
    cooperative; that of a founder was made before there was one: --home writes it into the file, and
    documents signed with it need no --to.

    Exit status: 0 done, 2 the copy cannot be opened, names another cooperative, or the file exists.
    """
    from coopnode.keyfile import KeyFileError, open_key, seal

    if path.exists():
        output.fail(f"{path} exists and is not overwritten", as_json=as_json)
    text, secret = _read(source), output.ask_passphrase(passphrase_file, f"Passphrase of {source}")
    try:
        key = open_key(text, secret)
        if home is not None:
            key = key.at_home(home)
    except KeyFileError as error:
        output.fail(str(error), as_json=as_json, code="key")
    if new_passphrase_file is not None:
        content = seal(key, output.ask_passphrase(new_passphrase_file, "New passphrase"))
    elif home is not None:
        content = seal(key, secret)
    else:
        start = text.upper().index("COOPNODE-KEY-1:")
        content = "".join(text[start:].split())
    output.write_private(path, (content + "\n").encode())
    named = f", home {key.home}" if key.home else "; it names no cooperative, see --home"
    output.show(
        {"ok": True, "file": str(path), "public": key.pub.hex(), "home": key.home},
        f"{path} holds {key.pub.hex()}{named}",
        as_json=as_json,
    )
