"""`coopnode audit`, `verify` and `export`: logs re-checked, and copied so that others can do it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from coopnode.cli import output
from coopnode.cli.output import CONTRADICTION, DATA, JSON, LANGUAGE, OK

if TYPE_CHECKING:
    from coopnode.audit import Report
    from coopnode.audit.sources import Authorise


def add(app: typer.Typer) -> None:
    app.command()(audit)
    app.command()(verify)
    app.command()(export)


def audit(
    place: str = typer.Argument(help="Address of a node, or a folder with a copied log.", metavar="URL|DIR"),
    expect: str | None = typer.Option(
        None,
        "--expect",
        help="Id of the cooperative it must be. [default: that of --since]",
        metavar="ID",
    ),
    since: Path | None = typer.Option(
        None,
        "--since",
        help="A checkpoint saved earlier: it must be a beginning of this log.",
        metavar="FILE",
    ),
    trust_since: bool = typer.Option(
        False, "--trust-since", help="Signatures before --since were checked then; do not check them again."
    ),
    save: Path | None = typer.Option(
        None, "--save", help="Keep the checkpoint for the next --since when all is well.", metavar="FILE"
    ),
    key: Path | None = typer.Option(
        None, "--key", help="Key file of a member, for logs that only members read.", metavar="FILE"
    ),
    account: str | None = typer.Option(
        None, "--account", help="Account id, when the key was added later.", metavar="ID"
    ),
    passphrase_file: Path | None = typer.Option(
        None, "--passphrase-file", help="Passphrase of --key.", metavar="FILE"
    ),
    workers: int | None = typer.Option(
        None, "--workers", min=1, max=64, help="Processes that check signatures."
    ),
    lang: str | None = LANGUAGE,
    as_json: bool = JSON,
) -> None:
    """Re-check a log that somebody else keeps.

    Every signature, every rule, every count.

    Fetches checkpoint, hashes and entries, derives the log's key from entry 0, replays all contracts and
    compares the results of votes. Names the first bad entry and who could have made it.

    Exit status: 0 no contradiction, 1 a contradiction, 2 the log could not be checked.
    """
    from coopnode.audit import CheckerDied, RulesFailed, SourceError, open_source
    from coopnode.audit import audit as check
    from coopnode.audit.sources import read_checkpoint

    words = output.language(lang)
    if trust_since and since is None:
        output.fail("--trust-since needs --since", as_json=as_json)
    try:
        saved = since.read_bytes() if since else None
        whom = expect or (_cooperative(saved) if saved else None)
        source = open_source(place, reader(place, key, account, whom, passphrase_file) if key else None)
        with output.progress("Проверка" if words == "ru" else "Checking", as_json=as_json) as progress:
            found = check(
                source,
                expect=expect,
                since=saved,
                trust_since=trust_since,
                progress=progress,
                workers=workers,
            )
        if found.ok and save is not None:
            _save(save, read_checkpoint(source), found)
    except OSError as error:
        output.fail(f"{error.filename} cannot be read: {error.strerror}", as_json=as_json)
    except (SourceError, RulesFailed, CheckerDied) as error:
        output.fail(str(error), as_json=as_json, code="unchecked")
    _finish(found, words, as_json)


def _cooperative(note: bytes) -> str | None:
    """Whose log a saved checkpoint is of; None when it is none, which the audit then says."""
    from protocol import checkpoints
    from protocol.errors import ProtocolError
    from protocol.identifiers import parse_origin
    from protocol.notes import parse_note

    try:
        return parse_origin(checkpoints.parse(parse_note(note)[0]).origin)[0]
    except ProtocolError:
        return None


def _save(path: Path, note: bytes, found: Report) -> None:
    """The checkpoint that was checked, not one that came out meanwhile."""
    from protocol import checkpoints
    from protocol.notes import parse_note

    if checkpoints.parse(parse_note(note)[0]).root == found.root:
        path.write_bytes(note)
    else:
        typer.echo("coopnode: the log grew meanwhile; the checkpoint was not saved", err=True)


def reader(
    place: str, key: Path, account: str | None, expect: str | None, passphrase_file: Path | None
) -> Authorise:
    """Read authorisations of SPEC §10, anew for every path: each is good for five minutes and one place."""
    import time
    from urllib.parse import urlsplit

    from coopnode.audit import Url
    from coopnode.audit.sources import read_checkpoint
    from coopnode.cli.key import load
    from coopnode.reading import read_header

    opened = load(key, passphrase_file)
    base = urlsplit(place).path.rstrip("/")
    cooperative = expect

    def authorise(path: str) -> str | None:
        nonlocal cooperative
        if not path.startswith("tile/entries/"):
            return None
        if cooperative is None:
            # Only names the log we ask; what it claims to be is checked against entry 0 afterwards.
            cooperative = _cooperative(read_checkpoint(Url(place)))
        if cooperative is None:
            return None
        who = account or opened.account(opened.home or cooperative)
        until = int(time.time()) + 240
        return read_header(opened.seed, opened.pub, cooperative, who, f"{base}/{path}", until)

    return authorise


def verify(
    data: Path | None = DATA,
    workers: int | None = typer.Option(
        None, "--workers", min=1, max=64, help="Processes that check signatures."
    ),
    lang: str | None = LANGUAGE,
    as_json: bool = JSON,
) -> None:
    """Check this node's own data directory.

    Changes nothing and may run beside the node.

    Entries against hashes, tiles, bundles, checkpoint and head database; every contract replayed and compared
    with the state row by row; private records against their commitments; tables of the pages against a
    rebuild.

    Exit status: 0 no contradiction, 1 a contradiction, 2 could not be checked.
    """
    from coopnode.audit import CheckerDied, RulesFailed, SourceError
    from coopnode.cli.node import all_projections
    from coopnode.inspection import verify as check

    words = output.language(lang)
    try:
        with output.progress("Проверка" if words == "ru" else "Checking", as_json=as_json) as progress:
            found = check(
                output.data_folder(data), projections=all_projections(), progress=progress, workers=workers
            )
    except (SourceError, RulesFailed, CheckerDied) as error:
        output.fail(str(error), as_json=as_json, code="unchecked")
    _finish(found, words, as_json)


def _finish(found: Report, words: output.Language, as_json: bool) -> None:
    output.show(found.to_json(words), found.to_text(words), as_json=as_json)
    raise typer.Exit(OK if found.ok else CONTRADICTION)


def export(
    target: Path = typer.Argument(help="A folder that does not exist yet, or an empty one.", metavar="DIR"),
    data: Path | None = DATA,
    as_json: bool = JSON,
) -> None:
    """Copy the public log into a folder.

    `coopnode audit DIR` and other tlog-tiles tools read it. Holds checkpoint, tile/, blobs/ with the public
    texts by digest, and pack.cbor. Entries after the last signed checkpoint, private records and keys are not
    in it. Entries are for those who may read the log: see SPEC §10.

    Exit status: 0 done, 2 could not be done.
    """
    from coopnode.exports import ExportError
    from coopnode.exports import export as copy

    try:
        with output.progress("Copying", as_json=as_json) as progress:
            done = copy(output.data_folder(data), target, progress)
    except ExportError as error:
        output.fail(str(error), as_json=as_json)
    text = (
        f"{done.entries} entries and {done.blobs} texts are in {target}\nCheck them: coopnode audit {target}"
    )
    output.show(
        {"ok": True, "folder": str(target), "entries": done.entries, "blobs": done.blobs},
        text,
        as_json=as_json,
    )
