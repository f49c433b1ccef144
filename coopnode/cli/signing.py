"""`coopnode sign` and `coopnode submit`: documents without a browser. Recommended for officers (P29)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from coopnode.cli import output
from coopnode.cli.key import PASSPHRASE
from coopnode.cli.output import CONTRADICTION, JSON, LANGUAGE

if TYPE_CHECKING:
    from coopnode.keyfile import PersonalKey
    from protocol.documents import Seen

#: Its payload may be left out: it follows from the key.
_GENESIS: Final = "account.genesis/1"


def add(app: typer.Typer) -> None:
    app.command()(sign)
    app.command()(submit)


def sign(
    type: str = typer.Argument(help="Document type, such as council.vote/1.", metavar="TYPE"),
    payload: Path = typer.Argument(help="Public fields, JSON or CBOR; - for none.", metavar="PAYLOAD"),
    key: Path = typer.Option(..., "--key", help="Key file of the signer.", metavar="FILE"),
    to: str | None = typer.Option(
        None, "--to", help="Id of the cooperative. [default: the key's home]", metavar="ID"
    ),
    about: str | None = typer.Option(
        None, "--about", help="Id of what it is about. [default: the cooperative]", metavar="ID"
    ),
    account: str | None = typer.Option(
        None, "--account", help="Account id, when the key was added later.", metavar="ID"
    ),
    private: Path | None = typer.Option(
        None, "--private", help="Private fields, JSON or CBOR.", metavar="FILE"
    ),
    seen: Path | None = typer.Option(
        None, "--seen", help="The checkpoint you have verified.", metavar="FILE"
    ),
    out: Path | None = typer.Option(
        None, "--out", "-o", help="Where to write. [default: TYPE.cose]", metavar="FILE"
    ),
    minutes: int = typer.Option(15, "--minutes", min=1, max=1440, help="How long it may be handed in."),
    yes: bool = typer.Option(False, "--yes", "-y", help="Sign without asking."),
    passphrase_file: Path | None = PASSPHRASE,
    lang: str | None = LANGUAGE,
    as_json: bool = JSON,
) -> None:
    """Make and sign a document. It is shown in words, decoded from the very bytes to be signed, and you
    are asked.

    Writes the statement (FILE.cose) and, for documents with private fields, the record that opens them
    (FILE.record). Byte strings in JSON are {"$bytes": "base64url"}. For account.genesis/1 the payload is
    -: it follows from the key.

    Exit status: 0 signed, 1 you said no, 2 it could not be made.
    """
    import time

    from coopnode import drafting
    from coopnode.cli.key import load
    from coopnode.keyfile import KeyFileError
    from protocol.identifiers import fingerprint

    words = output.language(lang)
    target = out or Path(type.replace("/", "-") + ".cose")
    try:
        given = _given(payload)
        drafting.check_choices(type, given)
    except drafting.DraftError as error:
        output.fail(str(error), as_json=as_json, code="draft")
    _free(type, target, as_json)
    opened = load(key, passphrase_file)
    if account is None and to is None and opened.home is None:
        output.fail(
            "this key file names no cooperative: give its id with --to", as_json=as_json, code="draft"
        )
    try:
        home = to or opened.home
        who = account or opened.account(opened.home or to)
        fields = _genesis(opened, home, who) if type == _GENESIS and str(payload) == "-" else given
        values = _value(private) if private else None
        own = type.startswith("account.") and type != "account.copy/1"
        audience = who if own else home
        if audience is None:
            output.fail("name the cooperative with --to", as_json=as_json)
        made = drafting.draft(
            opened,
            type,
            fields,
            account=who,
            audience=audience,
            subject=about or (who if type.startswith("account.") else audience),
            now=int(time.time()),
            lifetime=minutes * 60,
            values=values,
            seen=_seen(seen) if seen else None,
        )
    except (drafting.DraftError, KeyFileError) as error:
        output.fail(str(error), as_json=as_json, code="draft")
    if not as_json:
        typer.echo("\n".join(drafting.in_words(made, words)), err=True)
    output.confirm("Подписать?" if words == "ru" else "Sign this?", yes=yes)
    raw = made.sign(opened.seed)
    output.write_private(target, raw)
    result: dict[str, Any] = {"ok": True, "statement": str(target), "digest": made.shown.digest.hex()}
    lines = [f"{target}: {fingerprint(made.shown.digest)}"]
    if made.record is not None:
        record = target.with_suffix(".record")
        output.write_private(record, made.record)
        result["record"] = str(record)
        lines.append(f"{record}: opens the private fields; keep it until the document is published")
    output.show(result, "\n".join(lines), as_json=as_json)


def _free(type: str, target: Path, as_json: bool) -> None:
    """Before a person has read and agreed: neither file is overwritten."""
    from protocol import registry

    record = [target.with_suffix(".record")] if registry.TYPES[type].private else []
    for path in (target, *record):
        if path.exists():
            output.fail(f"{path} exists and is not overwritten", as_json=as_json)


def _genesis(key: PersonalKey, home: str | None, account: str) -> dict[str, Any]:
    from protocol import documents, signatures

    proof = signatures.sign(key.seed, documents.possession(key.pub, account, 0))
    return {"genesis": key.genesis(key.home or home), "proofs": [proof]}


def _given(payload: Path) -> dict[str, Any]:
    if str(payload) == "-":
        return {}
    found = _value(payload)
    if not isinstance(found, dict):
        output.fail(f"{payload} holds no map of fields")
    found.pop("type", None)
    return found


def _value(path: Path) -> Any:
    from coopnode.drafting import read_value

    try:
        return read_value(path.read_bytes())
    except OSError as error:
        output.fail(f"{path} cannot be read: {error.strerror}")


def _seen(path: Path) -> Seen:
    from protocol import checkpoints
    from protocol.documents import Seen
    from protocol.errors import ProtocolError
    from protocol.identifiers import parse_origin

    try:
        found, signature = checkpoints.log_signature(path.read_bytes())
        return Seen(parse_origin(found.origin)[1], found.size, found.root, signature)
    except (OSError, ProtocolError) as error:
        output.fail(f"{path} holds no checkpoint: {error}")


def submit(
    url: str = typer.Argument(help="Address of the node.", metavar="URL"),
    files: list[Path] = typer.Argument(
        help="Statements; a FILE.record beside FILE.cose goes with it.", metavar="FILE..."
    ),
    ticket: str | None = typer.Option(
        None, "--ticket", help="Token for a first account or a founding.", metavar="TOKEN"
    ),
    blob: list[Path] | None = typer.Option(
        None, "--blob", help="A public text the document names: .txt, .md or .pdf.", metavar="FILE"
    ),
    node_key: str | None = typer.Option(
        None, "--node-key", help="The node's public key, hex.", metavar="KEY"
    ),
    patience: float = typer.Option(60.0, "--patience", help="Seconds to go on trying.", min=0, max=86400),
    as_json: bool = JSON,
) -> None:
    """Hand signed documents in.

    They go in the order given, and the node's signed promise for each is checked.
    The same bytes are sent until they are answered; sending them again is harmless. Stops at the first
    refusal.

    Exit status: 0 all committed, 1 one was refused, 2 no answer or an answer that cannot be relied on.
    """
    from coopnode import drafting
    from protocol.errors import StatementError

    key = _hex(node_key) if node_key else None
    answers: list[dict[str, Any]] = []
    status = 0
    for place, path in enumerate(files):
        record = path.with_suffix(".record")
        try:
            sent = drafting.submit(
                url,
                path.read_bytes(),
                record.read_bytes() if record != path and record.exists() else None,
                ticket=ticket if place == 0 else None,
                blobs=[(_media_type(each), each.read_bytes()) for each in blob or ()] if place == 0 else (),
                node_key=key,
                patience=patience,
            )
        except OSError as error:
            output.fail(f"{error.filename} cannot be read: {error.strerror}", as_json=as_json)
        except (drafting.SubmitError, StatementError) as error:
            output.fail(f"{path}: {error}", as_json=as_json, code="unanswered")
        answers.append(_answer(path, sent))
        if not as_json:
            typer.echo(_sentence(path, sent))
        if sent.code is not None:
            status = CONTRADICTION
            break
    if as_json:
        output.show({"ok": status == 0, "answers": answers}, "", as_json=True)
    raise typer.Exit(status)


def _answer(path: Path, sent: Any) -> dict[str, Any]:
    return {
        "file": str(path),
        "digest": sent.digest.hex(),
        "index": sent.index,
        "tick": sent.tick,
        "code": sent.code,
        "field": sent.field,
        "detail": sent.detail,
        "proof": sent.proof,
    }


def _sentence(path: Path, sent: Any) -> str:
    if sent.code is None:
        return f"{path}: entry {sent.index}"
    place = f" at {sent.field}" if sent.field else ""
    return f"{path}: refused, {sent.code}{place}. {sent.detail or ''}".rstrip()


def _media_type(path: Path) -> str:
    types = {".txt": "text/plain", ".md": "text/markdown", ".pdf": "application/pdf"}
    found = types.get(path.suffix.lower())
    if found is None:
        output.fail(f"{path}: a public text is .txt, .md or .pdf")
    return found


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        output.fail(f"{text} is not hexadecimal")
