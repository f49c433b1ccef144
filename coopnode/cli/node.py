"""`coopnode run`, `init`, `config`, `letters`, `operator` and `rebuild`: the node of this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from coopnode.cli import output
from coopnode.cli.output import CONTRADICTION, DATA, JSON, LANGUAGE

if TYPE_CHECKING:
    from coopnode.config import Config
    from coopnode.projections import Projection


def add(app: typer.Typer) -> None:
    app.command()(run)
    app.command("serve-pages", hidden=True)(serve_pages)
    app.command()(init)
    app.command("config")(show_config)
    app.command("letters")(show_letters)
    app.command("operator")(operator_link)
    app.command()(rebuild)


def all_projections() -> list[Projection]:
    """Read models of all slices: every `coopnode.<slice>.projection` has its `PROJECTIONS`."""
    import importlib
    import importlib.util
    import pkgutil

    import coopnode

    found: list[Projection] = []
    for slice in sorted(each.name for each in pkgutil.iter_modules(coopnode.__path__) if each.ispkg):
        name = f"coopnode.{slice}.projection"
        if importlib.util.find_spec(name) is not None:
            found.extend(importlib.import_module(name).PROJECTIONS)
    return found


def load_config(data: Path | None, as_json: bool, **overrides: Any) -> Config:
    import tomlkit.exceptions
    from pydantic import ValidationError

    from coopnode import config

    folder = output.data_folder(data)
    given = {name: value for name, value in overrides.items() if value is not None}
    try:
        return _with_ports(config.load(folder, **given))
    except ValidationError as error:
        wrong = error.errors()[0]
        place = ".".join(str(part) for part in wrong["loc"])
        if wrong["type"] == "extra_forbidden":
            output.fail(config.unknown(wrong["loc"]), as_json=as_json, code="config")
        said = wrong["msg"].removeprefix("Value error, ")
        where = f" at {place}" if place else ""
        output.fail(f"the configuration is wrong{where}: {said}", as_json=as_json, code="config")
    except config.UnknownSetting as error:
        output.fail(str(error), as_json=as_json, code="config")
    except (ValueError, tomlkit.exceptions.ParseError) as error:
        output.fail(f"{folder / config.FILE} cannot be read: {error}", as_json=as_json, code="config")


def _with_ports(found: Config) -> Config:
    """On localhost the addresses follow the ports, as long as nobody has set them."""
    changed: dict[str, str] = {}
    for name, port in (("public_url", found.port), ("signing_url", found.signing_port)):
        if port and getattr(found, name) == type(found).model_fields[name].default:
            changed[name] = f"http://localhost:{port}"
    return found.model_copy(update=changed)


HOST: Any = typer.Option(
    None, "--host", help="Address to listen on. [default: 127.0.0.1]", show_default=False
)
PORT: Any = typer.Option(
    None, "--port", min=0, max=65535, help="Port of the site. [default: 8470]", show_default=False
)
SIGNING_PORT: Any = typer.Option(
    None,
    "--signing-port",
    min=0,
    max=65535,
    help="Second port, on which keys live (P28). [default: 8471]",
    show_default=False,
)


def run(
    data: Path | None = DATA,
    host: str | None = HOST,
    port: int | None = PORT,
    signing_port: int | None = SIGNING_PORT,
    standby: bool = typer.Option(
        False, "--standby", help="Wait while another process writes this log; take over when it ends."
    ),
    demo: bool = typer.Option(
        False, "--demo", help="Try it out with a cooperative of forty invented people, in ./data-demo."
    ),
    anew: bool = typer.Option(
        False, "--anew", help="With --demo: throw the demo away and make one of today."
    ),
    as_json: bool = JSON,
) -> None:
    """Run the node until it is told to stop (Ctrl-C, SIGTERM).

    A directory that does not exist is made. As long as no cooperative is founded, one address with a one-time
    token is printed: whoever opens it founds the cooperative.

    With --standby the node waits until nobody writes its log any more, on this machine or, with PostgreSQL,
    on another one, and takes over. It needs the same data directory: a shared or mirrored disk. One that is
    older than the log is refused.

    With --demo the directory is one of its own, made at the first start in about half a minute and kept: a
    cooperative with two months behind it, and a page on which one becomes any of its people. It can be
    reached from this machine only. A directory with a real node is refused.

    With --json one line {"ready": true, "url": …, "founding": …} is printed when the node answers.

    Exit status: 0 stopped, 2 could not start (port taken, directory in use, keys missing).
    """
    from coopnode.cli.running import serve

    overrides: dict[str, Any] = {"host": host, "port": port, "signing_port": signing_port}
    if anew and not demo:
        output.fail("--anew goes with --demo: nothing else is thrown away", as_json=as_json)
    if demo:
        from coopnode.cli.demo import FOLDER, prepare

        data = data or FOLDER
        prepare(load_config(data, as_json, demo=True, **overrides), anew=anew, as_json=as_json)
    serve(load_config(data, as_json, **overrides), overrides, as_json, standby=standby)


def serve_pages(
    data: Path = DATA,
    host: str | None = HOST,
    port: int | None = PORT,
    signing_port: int | None = SIGNING_PORT,
    channel: int = typer.Option(...),
    public: list[int] = typer.Option(...),
    signing: list[int] = typer.Option(...),
) -> None:
    """Serve pages beside the process that writes the log, which alone starts this (`web_processes`)."""
    from coopnode.cli import running

    config = load_config(data, False, host=host, port=port, signing_port=signing_port)
    running.serve_pages(config, channel, public, signing)


def init(
    data: Path | None = DATA,
    host: str | None = HOST,
    port: int | None = PORT,
    signing_port: int | None = SIGNING_PORT,
    public_url: str | None = typer.Option(
        None,
        "--public-url",
        help="Address people open. Fixed once the cooperative is founded.",
        metavar="URL",
    ),
    signing_url: str | None = typer.Option(
        None,
        "--signing-url",
        help="Address on which keys live: the same host, another port or sign.…",
        metavar="URL",
    ),
    as_json: bool = JSON,
) -> None:
    """Make a data directory with keys and coopnode.toml. Nothing is started.

    People's keys belong to the signing address and to no other: choose both addresses before anybody
    makes a key.

    Exit status: 0 done, 2 there is a node already or the directory cannot be written.
    """
    from coopnode import config as configuration
    from coopnode.app import NodeError, initialise

    values: dict[str, str | int | None] = {
        "host": host,
        "port": port,
        "signing_port": signing_port,
        "public_url": public_url,
        "signing_url": signing_url,
    }
    given = {name: value for name, value in values.items() if value is not None}
    folder = output.data_folder(data)
    if ("public_url" in given) != ("signing_url" in given):
        output.fail(
            "--public-url and --signing-url belong together: people keep their keys at the second",
            as_json=as_json,
        )
    found = load_config(folder, as_json, **given)
    if not configuration.belong_together(found.public_url, found.signing_url):
        output.fail(
            f"{found.signing_url} is no place for keys beside {found.public_url}: it is the same host with "
            "another port, or a host of the same site such as sign.coop.example",
            as_json=as_json,
        )
    try:
        keys = initialise(found)
        configuration.write(folder, given)
    except NodeError as error:
        output.fail(str(error), as_json=as_json)
    except OSError as error:
        output.fail(f"{error.filename} cannot be written: {error.strerror}", as_json=as_json)
    text = (
        f"{folder} is ready.\n"
        f"Log key:  {keys.log_pub.hex()}\nNode key: {keys.node_pub.hex()}\n"
        f"Keep a copy of {folder / 'keys'} apart from backups of the database.\n"
        f"Start it: coopnode run --data {folder}"
    )
    result = {"ok": True, "data": str(folder), "log_key": keys.log_pub.hex(), "node_key": keys.node_pub.hex()}
    output.show(result, text, as_json=as_json)


def show_config(
    data: Path | None = DATA,
    check_mail: str | None = typer.Option(
        None, "--check-mail", help="Send a letter to this address to try the settings.", metavar="ADDRESS"
    ),
    lang: str | None = LANGUAGE,
    as_json: bool = JSON,
) -> None:
    """Show the configuration in force.

    Variables COOPNODE_… go before coopnode.toml. Secrets are hidden.

    Exit status: 0 shown or sent, 1 the letter was refused, 2 the configuration is wrong or the mail server
    cannot be used.
    """
    found = load_config(data, as_json)
    if check_mail is not None:
        _check_mail(found, check_mail, output.language(lang), as_json)
        return
    values = found.model_dump(mode="json")
    lines = list(_lines(values))
    output.show(values, "\n".join(lines), as_json=as_json)


def _check_mail(config: Config, to: str, language: output.Language, as_json: bool) -> None:
    import asyncio
    import time

    from coopnode.mail import Mailer, MailError, trial

    try:
        asyncio.run(Mailer.of(config).send(trial(to, language), now=int(time.time())))
    except MailError as error:
        status = output.FAILED if error.everywhere else CONTRADICTION
        output.fail(str(error), as_json=as_json, code="mail", status=status)
    except OSError as error:
        output.fail(f"{error.filename} cannot be written: {error.strerror}", as_json=as_json, code="mail")
    way = f"by {config.smtp.host}:{config.smtp.port}" if config.smtp.host else f"as a file in {config.mail}"
    output.show({"ok": True, "way": way}, f"The letter left {way}.", as_json=as_json)


def _lines(values: dict[str, Any], prefix: str = "") -> list[str]:
    lines: list[str] = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines += _lines(value, f"{prefix}{name}.")
        else:
            lines.append(f"{prefix}{name} = {'' if value is None else value}")
    return lines


def show_letters(
    data: Path | None = DATA,
    retry: bool = typer.Option(False, "--retry", help="Try letters that were given up once more."),
    id: int | None = typer.Option(None, "--id", help="Only this one.", metavar="NUMBER", min=1),
    as_json: bool = JSON,
) -> None:
    """Show letters that have not left.

    Those that wait stand with the time of the next attempt, those given up with the reason. The node may
    run meanwhile.

    A letter is given up after eight attempts in two days, or at once when its address is refused. Receivers
    are not shown: their addresses stand in the vault only.

    Exit status: 0 nothing given up (or all tried again), 1 some were given up, 2 could not be done.
    """
    import time

    from coopnode import outbox
    from coopnode.config import database_of
    from coopnode.store.database import StoreError, exists, open_database

    folder = output.data_folder(data)
    url = database_of(folder)
    if not exists(folder, url):
        output.fail(f"{folder} holds no node", as_json=as_json)
    again = 0
    try:
        database = open_database(folder, url)
    except StoreError as error:
        output.fail(str(error), as_json=as_json)
    try:
        if retry:
            again = database.write_now(lambda connection: outbox.retry(connection, int(time.time()), id))
        lines = database.read_now(outbox.open_lines)
    finally:
        database.close()
    if id is not None:
        lines = [line for line in lines if line.id == id]
    failed = [line for line in lines if line.failed_at is not None]
    shown = [{name: getattr(line, name) for name in line.__slots__} for line in lines]
    text: list[str] = []
    for line in lines:
        due = time.strftime("%Y-%m-%d %H:%MZ", time.gmtime(line.due_at))
        state = f"waits for {due}" if line.failed_at is None else "given up"
        text.append(
            f"{line.id}  {line.kind}  {line.attempts} attempts  {state}  {line.problem or ''}".rstrip()
        )
    text.append(f"{len(lines) - len(failed)} waiting, {len(failed)} given up, {again} to be tried again")
    output.show({"ok": not failed, "again": again, "letters": shown}, "\n".join(text), as_json=as_json)
    if failed:
        raise typer.Exit(CONTRADICTION)


def operator_link(data: Path | None = DATA, as_json: bool = JSON) -> None:
    """Print a link to the page of the node's condition.

    It works for ten minutes and opens the page for twelve hours in the browser that opened it. The page only
    shows; whoever runs this command could read more than it does.

    Exit status: 0 printed, 2 there is no node or its keys cannot be read.
    """
    import time

    from coopnode import keystore
    from coopnode import operator_link as links

    config = load_config(data, as_json)
    try:
        keys = keystore.load(config.keys)
    except keystore.KeystoreError as error:
        output.fail(str(error), as_json=as_json)
    link = f"{config.public_url}/operator?link={links.make(keys, 'link', int(time.time()))}"
    output.show({"ok": True, "link": link, "seconds": links.SECONDS["link"]}, link, as_json=as_json)


def rebuild(
    data: Path | None = DATA,
    yes: bool = typer.Option(False, "--yes", "-y", help="Do not ask."),
    lang: str | None = LANGUAGE,
    as_json: bool = JSON,
) -> None:
    """Compute state and read models anew from the log.

    The node must not run.

    The log itself is not touched. When an entry does not replay nothing is changed and it is named.

    Exit status: 0 done, 1 the log does not replay, 2 could not be done.
    """
    from coopnode.audit import RulesFailed
    from coopnode.rebuilding import RebuildError
    from coopnode.rebuilding import rebuild as work

    words = output.language(lang)
    folder = output.data_folder(data)
    output.confirm(f"Compute state and read models in {folder} anew?", yes=yes or as_json)
    try:
        with output.progress("Replay", as_json=as_json) as progress:
            done = work(folder, all_projections(), progress)
    except (RebuildError, RulesFailed) as error:
        output.fail(str(error), as_json=as_json)
    if done.problem is not None:
        problem = done.problem.to_json(words)
        output.show({"ok": False, "problem": problem}, "", as_json=as_json)
        if not as_json:
            typer.echo(f"coopnode: entry {done.problem.index}: {done.problem.sentence(words)}", err=True)
        raise typer.Exit(CONTRADICTION)
    result = {
        "ok": True,
        "entries": done.entries,
        "records": done.records,
        "read_models": list(done.projections),
    }
    models = len(done.projections)
    text = f"{done.entries} entries replayed, {done.records} records of state, {models} read models"
    output.show(result, text, as_json=as_json)
