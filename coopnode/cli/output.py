"""What all commands share: how results, problems and progress reach a person or a script."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal, NoReturn

import typer

OK: Final = 0
CONTRADICTION: Final = 1
FAILED: Final = 2

Language = Literal["en", "ru"]

DATA: Any = typer.Option(
    None,
    "--data",
    "-d",
    help="The node's data directory. [default: $COOPNODE_DATA or ./data]",
    show_default=False,
)
JSON: Any = typer.Option(False, "--json", help="Print one JSON value for scripts.")
LANGUAGE: Any = typer.Option(
    None, "--lang", help="en or ru. [default: from the environment]", show_default=False
)


def data_folder(given: Path | None) -> Path:
    return given or Path(os.environ.get("COOPNODE_DATA", "data"))


def language(given: str | None) -> Language:
    """`--lang`, else what LC_ALL, LC_MESSAGES and LANG say."""
    if given in ("ru", "en"):
        return given  # type: ignore[return-value]
    if given is not None:
        fail(f"there is no language {given}; use en or ru")
    found = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    return "ru" if found.startswith("ru") else "en"


def show(value: Mapping[str, Any], text: str, *, as_json: bool) -> None:
    """The result of a command."""
    if as_json:
        typer.echo(json.dumps(value, ensure_ascii=False))
    elif text:
        typer.echo(text.rstrip("\n"))


def fail(sentence: str, *, as_json: bool = False, code: str = "failed", status: int = FAILED) -> NoReturn:
    """Ends the command with a sentence for people on standard error."""
    if as_json:
        typer.echo(json.dumps({"ok": False, "code": code, "problem": sentence}, ensure_ascii=False))
    typer.echo(f"coopnode: {sentence}", err=True)
    raise typer.Exit(status)


def confirm(question: str, *, yes: bool) -> None:
    """Asks unless `--yes`; without a terminal nobody can answer, which is a no."""
    if yes:
        return
    if not sys.stdin.isatty():
        fail(f"{question} Nobody can answer here: give --yes.")
    if not typer.confirm(question, err=True):
        fail("nothing was done", code="cancelled", status=CONTRADICTION)


@contextmanager
def progress(title: str, *, as_json: bool) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error for long work; silent for scripts and files."""
    if as_json or not sys.stderr.isatty():
        yield lambda done, total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def ask_passphrase(given: Path | None, question: str, *, twice: bool = False) -> str:
    """From a file (its first line), from COOPNODE_PASSPHRASE, else typed unseen."""
    if given is not None:
        try:
            return given.read_text("utf-8").split("\n")[0].rstrip("\r")
        except OSError as error:
            fail(f"{given} cannot be read: {error.strerror}")
    found = os.environ.get("COOPNODE_PASSPHRASE")
    if found:
        return found
    if not sys.stdin.isatty():
        fail("a passphrase is needed: give --passphrase-file or COOPNODE_PASSPHRASE")
    typed: str = typer.prompt(question, hide_input=True, confirmation_prompt=twice, err=True)
    return typed


def write_private(path: Path, data: bytes, *, replace: bool = False) -> None:
    """A file only its owner reads. Refuses to overwrite unless told."""
    flags = os.O_WRONLY | os.O_CREAT | (os.O_TRUNC if replace else os.O_EXCL)
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        fail(f"{path} exists and is not overwritten")
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}")
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
