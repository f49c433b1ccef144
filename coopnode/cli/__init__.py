"""The command line. One small module per group of commands; what they do is imported when they run.

Exit statuses, the same for every command:

    0  done, nothing wrong
    1  a contradiction was found, or the thing asked for was refused
    2  could not be done: wrong arguments, unreadable files, no answer

`--json` prints one JSON value on standard output, whatever happens; words for people go to standard error
then.
"""

from __future__ import annotations

import typer

from coopnode.cli import auditing, backup, key, moving, node, signing

app = typer.Typer(
    name="coopnode",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="A server that one cooperative runs for itself.\n\n"
    "Exit status: 0 done, 1 a contradiction was found or the request was refused, 2 could not be done.",
    epilog="coopnode COMMAND --help explains a command.",
)


@app.callback()
def _program(
    version: bool = typer.Option(False, "--version", "-V", help="Print the version and leave."),
) -> None:
    if version:
        from coopnode import __version__

        typer.echo(f"coopnode {__version__}")
        raise typer.Exit


node.add(app)
auditing.add(app)
backup.add(app)
moving.add(app)
app.add_typer(key.app, name="key")
signing.add(app)
