"""Every command of the installed program, run for real."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from coopnode import keyfile, keystore, testing
from protocol import checkpoints, documents, signatures
from protocol.identifiers import origin
from tests.audit import logs
from tests.cli.nodes import PASSPHRASE, Made, furnish, personal

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = (
    "run", "init", "config", "letters", "operator", "rebuild", "audit", "verify", "export", "backup",
    "restore", "migrate-database", "continue", "drill", "sign", "submit",
    "key new", "key show", "key restore",
)  # fmt: skip


def coopnode(*arguments: object, status: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "coopnode", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, "LC_ALL": "C.UTF-8", "COOPNODE_PASSPHRASE": PASSPHRASE, **environment},
    )
    assert done.returncode == status, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    return done


def json_of(*arguments: object, status: int = 0, **environment: str) -> Any:
    return json.loads(coopnode(*arguments, "--json", status=status, **environment).stdout)


@contextmanager
def running(data: Path, *more: str) -> Iterator[dict[str, Any]]:
    command = [sys.executable, "-m", "coopnode", "run", "--data", str(data), "--json"]
    command += ["--port", "0", "--signing-port", "0", *more]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    try:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        ready["address"] = f"http://127.0.0.1:{ready['port']}"
        yield ready
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return furnish(tmp_path_factory.mktemp("node") / "data")


@pytest.fixture
def node(original: Made, tmp_path: Path) -> Made:
    shutil.copytree(original.data, tmp_path / "data")
    return Made(tmp_path / "data", original.id, original.founder, original.size)


@pytest.fixture(scope="module")
def copied(tmp_path_factory: pytest.TempPathFactory) -> tuple[logs.Log, Path]:
    log = logs.example()
    return log, log.write(tmp_path_factory.mktemp("copied"))


# --- the program ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COMMANDS)
def test_help_explains_and_names_the_exit_status(name: str) -> None:
    text = coopnode(*name.split(), "--help").stdout
    assert "Exit status:" in text
    assert "--json" in text


def test_list_of_commands_is_whole() -> None:
    text = coopnode("--help").stdout
    assert all(name.split()[0] in text for name in COMMANDS)
    assert text.startswith("Usage: coopnode ")
    for words in (text, coopnode("key", "--help").stdout):
        assert "..." not in words.partition("Commands:")[2], "a first sentence is too long"


def test_version() -> None:
    assert coopnode("--version").stdout == coopnode("-V").stdout == f"coopnode {_version()}\n"


def _version() -> str:
    from coopnode import __version__

    return __version__


def test_help_and_version_import_little() -> None:
    """`coopnode --help` answers at once: nothing of a node is imported for it."""
    code = "import sys; from coopnode.__main__ import main; sys.argv = ['coopnode', '--help']\n"
    code += "try: main()\nexcept SystemExit: pass\n"
    code += "heavy = ('aiohttp', 'pydantic', 'sqlalchemy', 'nacl', 'msgspec')\n"
    code += "print([name for name in heavy if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.rstrip().endswith("[]")


def test_unknown_command() -> None:
    coopnode("dance", status=2)


# --- audit ----------------------------------------------------------------------------------------


def test_audit_directory(copied: tuple[logs.Log, Path], tmp_path: Path) -> None:
    log, folder = copied
    text = coopnode("audit", folder, "--expect", log.id).stdout
    assert "No contradiction found." in text
    assert "Противоречий не найдено" in coopnode("audit", folder, LC_ALL="ru_RU.UTF-8").stdout
    assert "Противоречий не найдено" in coopnode("audit", folder, "--lang", "ru").stdout
    saved = tmp_path / "saved"
    found = json_of("audit", folder, "--save", saved)
    assert found["ok"] and found["cooperative"] == log.id and found["entries"] == len(log.entries)
    assert saved.read_bytes() == (folder / "checkpoint").read_bytes()
    again = json_of("audit", folder, "--since", saved, "--trust-since")
    assert again["ok"] and again["signatures"] == 0
    assert "--expect" in coopnode("audit", folder).stdout
    assert "--expect" not in coopnode("audit", folder, "--since", saved).stdout, "it names the cooperative"


def test_audit_names_the_first_bad_entry(copied: tuple[logs.Log, Path], tmp_path: Path) -> None:
    log, _ = copied
    entries = [*log.entries, log.ballot(log.council[1], sequence=2)]
    folder = log.write(tmp_path, entries)
    done = coopnode("audit", folder, status=1)
    assert f"First bad entry: {len(log.entries)} (council.vote/1)" in done.stdout
    assert "matter_closed" in done.stdout
    found = json_of("audit", folder, status=1)
    assert found["problem"]["index"] == len(log.entries)
    assert found["problem"]["culprit"]


def test_audit_that_cannot_be_made(copied: tuple[logs.Log, Path], tmp_path: Path) -> None:
    coopnode("audit", tmp_path / "nowhere", status=2)
    coopnode("audit", tmp_path, status=2)
    found = json_of("audit", "http://127.0.0.1:1/", status=2)
    assert found["ok"] is False and found["code"] == "unchecked"
    coopnode("audit", copied[1], "--since", tmp_path / "none", status=2)
    coopnode("audit", copied[1], "--lang", "tlh", status=2)


# --- the node's own directory ---------------------------------------------------------------------


def test_init_config(tmp_path: Path) -> None:
    data = tmp_path / "data"
    addresses = ("--public-url", "http://coop.example:9000", "--signing-url", "http://coop.example:9001")
    alone = json_of("init", "--data", data, *addresses[:2], status=2)
    assert "--signing-url" in alone["problem"] and not data.exists()
    strange = json_of("init", "--data", data, *addresses[:3], "http://keys.example:9001", status=2)
    assert "sign.coop.example" in strange["problem"] and not data.exists()
    coopnode("init", "--data", data, status=2, COOPNODE_SIGNING_URL="https://keys.example")
    made = json_of("init", "--data", data, "--port", "9000", *addresses)
    assert made["ok"] and len(made["log_key"]) == 64
    assert (data / "keys/log").stat().st_mode & 0o777 == 0o600
    assert "is not overwritten" not in coopnode("init", "--data", data, status=2).stderr
    shown = json_of("config", "--data", data, COOPNODE_SMTP__PASSWORD="geheim")
    assert shown["port"] == 9000 and shown["public_url"] == "http://coop.example:9000"
    text = coopnode("config", "--data", data, COOPNODE_SMTP__PASSWORD="geheim").stdout
    assert "port = 9000" in text
    assert "geheim" not in text + json.dumps(shown)
    assert json_of("config", "--data", data, status=2, COOPNODE_PORT="many")["code"] == "config"
    said = coopnode("config", "--data", data, status=2, COOPNODE_PUBLIC_URL="coop.example").stderr
    assert "wrong at public_url: an origin such as" in said


def test_unknown_settings_are_named(tmp_path: Path) -> None:
    for variable, said in (
        (
            "COOPNODE_SMTP_HOST",
            "there is no setting COOPNODE_SMTP_HOST; the nearest there is: COOPNODE_SMTP__HOST",
        ),
        ("COOPNODE_SMTP__HOTS", "there is no setting smtp.hots; the nearest there is: smtp.host"),
        ("COOPNODE_DANCE", "there is no setting COOPNODE_DANCE\n"),
    ):
        assert said in coopnode("config", "--data", tmp_path, status=2, **{variable: "1"}).stderr
    for text, said in (
        ("publik_url = 'https://coop.example'", "publik_url; the nearest there is: public_url"),
        ("[limit]\nblob = 1", "limit; the nearest there is: limits"),
        (
            "[backup]\nfolder = '/a'\nkey_file = '/b'\nevry = 1",
            "backup.evry; the nearest there is: backup.every",
        ),
    ):
        (tmp_path / "coopnode.toml").write_text(text)
        assert said in coopnode("config", "--data", tmp_path, status=2).stderr
        assert said in coopnode("run", "--data", tmp_path, "--port", "0", status=2).stderr


def test_addresses_on_localhost_follow_the_ports(tmp_path: Path) -> None:
    shown = json_of("config", "--data", tmp_path, COOPNODE_PORT="9470", COOPNODE_SIGNING_PORT="9471")
    assert (shown["public_url"], shown["signing_url"]) == ("http://localhost:9470", "http://localhost:9471")


def test_verify_and_rebuild(node: Made) -> None:
    found = json_of("verify", "--data", node.data)
    assert found["ok"] and found["entries"] == node.size
    sqlite(node, "DELETE FROM state WHERE domain = 'council'")
    text = coopnode("verify", "--data", node.data, status=1).stdout
    assert "state_missing" in text
    assert json_of("rebuild", "--data", node.data)["entries"] == node.size
    assert "No contradiction" in coopnode("verify", "--data", node.data).stdout
    sqlite(node, "UPDATE entries SET raw = x'00' WHERE idx = 9")
    assert json_of("rebuild", "--data", node.data, status=1)["problem"]["index"] == 9
    coopnode("verify", "--data", node.data / "none", status=2)
    coopnode("rebuild", "--yes", "--data", node.data / "none", status=2)
    coopnode("rebuild", "--data", node.data, status=2)  # nobody can answer


def sqlite(node: Made, statement: str) -> None:
    import sqlite3

    connection = sqlite3.connect(node.data / "coopnode.db")
    with connection:
        connection.execute(statement)
    connection.close()


def test_export_is_a_log_others_can_audit(node: Made, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    assert json_of("export", target, "--data", node.data) == {
        "ok": True, "folder": str(target), "entries": node.size, "blobs": 4
    }  # fmt: skip
    assert json_of("audit", target, "--expect", node.id)["ok"]
    assert (target / "pack.cbor").exists()
    assert not list(target.rglob("*.db"))
    coopnode("export", target, "--data", node.data, status=2)
    coopnode("export", tmp_path / "other", "--data", tmp_path / "none", status=2)


def test_backup_and_restore(node: Made, tmp_path: Path) -> None:
    made = json_of("backup", tmp_path / "backups/b.backup", "--data", node.data)
    assert made["entries"] == node.size
    backup, keys = Path(made["backup"]), Path(made["keys"])
    assert b"council" not in backup.read_bytes() and b"SQLite" not in backup.read_bytes()
    other = tmp_path / "other"
    coopnode(
        "restore", backup, "--data", node.data, "--nothing-newer", "--yes", status=2
    )  # never over a node
    coopnode("restore", backup, "--data", other, status=2, COOPNODE_PASSPHRASE="wrong passphrase")
    damaged = tmp_path / "damaged.backup"
    damaged.write_bytes(backup.read_bytes()[:-10])
    coopnode("restore", damaged, "--keys", keys, "--data", other, status=2)
    assert not other.exists()
    text = coopnode("restore", backup, "--data", other, status=1).stdout
    assert "does not start yet" in text and "--nothing-newer" in text and "coopnode verify" not in text
    assert not (other / "head").exists()
    coopnode("run", "--data", other, "--port", "0", "--signing-port", "0", status=2)
    unknown = json_of("verify", "--data", other, status=1)
    assert unknown["problem"]["code"] == "head_file_missing"
    assert "Nobody, when this is a restored copy" in coopnode("verify", "--data", other, status=1).stdout
    shutil.rmtree(other)
    restore = ("restore", backup, "--data", other, "--nothing-newer", "--yes")
    text = coopnode(*restore, COOPNODE_DATABASE_URL="postgresql://nobody@/nowhere").stdout
    assert "take COOPNODE_DATABASE_URL away" in text and "coopnode run" in text
    shutil.rmtree(other)
    done = json_of("restore", backup, "--data", other, "--nothing-newer", "--yes")
    assert done["startable"] is True and done["entries"] == node.size
    assert json_of("verify", "--data", other)["ok"]
    with running(other) as ready:
        assert ready["reading_only"] is None
    shutil.rmtree(other)
    # With the head database of a node that went on the older copy does not start to write.
    sqlite_head(node)
    found = json_of(
        "restore", backup, "--data", other, "--head", node.data / "head/head.db", status=1
    )  # one entry is nowhere
    assert found["missing"] == [node.size, node.size] and found["startable"] is False
    with running(other) as ready:
        assert "an older copy was restored" in ready["reading_only"]
        late = tmp_path / "late.cose"
        fields: dict[str, Any] = {"fields": [], "operator": node.id, "purpose": "contacts", "text": bytes(32)}
        late.write_bytes(node.founder.sign("consent.give/1", fields, aud=node.id, now=int(time.time())))
        said = coopnode("submit", ready["address"], late, "--patience", "0", status=2).stderr
        assert "HTTP status 503" in said and "an older copy was restored" in said
    # It is nowhere: chair and council go on without it. This council has no second voter.
    draft, key = tmp_path / "continue.json", node.key_file(tmp_path / "chair.key")
    asked = json_of("continue", "--data", other, "--asked", "https://mirror.example", "-o", draft)
    assert (asked["size"], asked["known"]) == (node.size, node.size + 1)
    before = draft.read_bytes()
    again = coopnode("continue", "--data", other, "-o", draft, status=2).stderr
    assert "is not overwritten" in again and draft.read_bytes() == before
    signed = tmp_path / "chair.cose"
    coopnode("continue", draft, "--data", other, status=2)
    shown = coopnode("sign", "log.continue/1", draft, "--key", key, "--to", node.id, "-o", signed, "--yes")
    assert "Valid without an end" in shown.stderr and "Valid until" not in shown.stderr
    done = json_of("continue", signed, "--data", other)
    assert (done["generation"], done["lost"], done["survived"]) == (1, [node.size, node.size], node.size)
    nothing = coopnode("continue", "--data", other, "-o", tmp_path / "again.json", status=2).stderr
    assert "nothing is missing" in nothing and not (tmp_path / "again.json").exists()
    with running(other) as ready:
        assert ready["reading_only"] is None
        assert urlopen(f"{ready['address']}/checkpoint").read().split()[0].endswith(b"/1")
    assert json_of("verify", "--data", other)["ok"]
    coopnode("export", tmp_path / "copy", "--data", other)
    assert "was lost once" in coopnode("audit", tmp_path / "copy", "--expect", node.id).stdout


def test_restore_takes_what_is_newer_from_a_mirror_for_readers(node: Made, tmp_path: Path) -> None:
    """The log is not public: the mirror gives its entries to a member's key only (P22)."""
    made = json_of("backup", tmp_path / "b.backup", "--data", node.data)
    key = node.key_file(tmp_path / "my.key")
    with running(node.data) as ready:  # goes on: the signing page's files and a tick are logged
        address = ready["address"]
        for _ in range(100):
            size = int(urlopen(f"{address}/checkpoint").read().split()[1])
            if size > node.size:
                break
            time.sleep(0.1)
        assert size > node.size
        closed = json_of("restore", made["backup"], "--data", tmp_path / "a", "--from", address, status=1)
        assert closed["missing"] == [node.size, size - 1]
        assert closed["entries"] == node.size and "--key" in closed["notes"][0]
        found = json_of(
            *("restore", made["backup"], "--data", tmp_path / "b", "--from", address, "--key", key),
            *("--nothing-newer", "--yes"),
        )
    assert found["entries"] >= size and found["source"] == address and found["startable"]
    assert json_of("verify", "--data", tmp_path / "b")["ok"]
    coopnode("restore", made["backup"], "--data", tmp_path / "c", "--from", "nowhere", status=2)


def sqlite_head(node: Made) -> None:
    import sqlite3

    connection = sqlite3.connect(node.data / "head/head.db")
    with connection:
        connection.execute("UPDATE head SET size = size + 1")
    connection.close()


def test_backup_with_a_key_file_into_a_folder(node: Made, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(os.urandom(32))
    (tmp_path / "backups").mkdir()
    made = json_of("backup", tmp_path / "backups", "--data", node.data, "--key-file", key)
    done = json_of("restore", made["backup"], "--data", tmp_path / "other", "--key-file", key, status=1)
    assert done["entries"] == node.size and not done["startable"]
    part = json_of("backup", tmp_path / "backups", "--increment", "--data", node.data, "--key-file", key)
    with running(node.data):  # beside a node at work
        found = json_of("drill", tmp_path / "backups", "--data", node.data, "--key-file", key)
    assert (found["backup"], found["increment"]) == (made["backup"], part["backup"])
    assert found["ok"] and found["entries"] >= node.size and found["pages"]["/"] == 200
    assert (
        "Everything came back"
        in coopnode("drill", tmp_path / "backups", "--data", node.data, "--key-file", key).stdout
    )
    coopnode("drill", tmp_path / "none", "--data", node.data, "--key-file", key, status=2)
    closed = coopnode("drill", tmp_path / "backups", "--data", node.data, status=1).stdout  # by a passphrase
    assert len(closed.splitlines()) == 2 and "NOT EVERYTHING CAME BACK" in closed
    missing = json_of("backup", tmp_path / "not" / "there", "--data", node.data, "--key-file", key)
    assert Path(missing["backup"]).parent == tmp_path / "not" / "there"
    coopnode("restore", made["backup"], "--data", tmp_path / "third", status=2)  # not by a passphrase
    key.write_bytes(b"short")
    coopnode("backup", tmp_path / "backups/x.backup", "--data", node.data, "--key-file", key, status=2)


@pytest.mark.long
def test_an_increment_is_found_beside_its_backup(node: Made, tmp_path: Path) -> None:
    key, folder = tmp_path / "key", tmp_path / "backups"
    key.write_bytes(os.urandom(32))
    secret = ("--key-file", key)
    coopnode("backup", folder, "--increment", "--data", node.data, *secret, status=2)  # of nothing
    base = json_of("backup", folder, "--data", node.data, *secret)["backup"]
    with running(node.data) as ready:  # the signing page's files and a tick are logged
        for _ in range(100):
            size = int(urlopen(f"{ready['address']}/checkpoint").read().split()[1])
            if size > node.size:
                break
            time.sleep(0.1)
        made = json_of("backup", folder, "--increment", "--data", node.data, *secret)
    assert made["entries"] >= size > node.size
    assert Path(made["backup"]).name.startswith(f"{Path(base).stem}+")
    head = ("--head", node.data / "head/head.db")
    done = json_of("restore", base, "--data", tmp_path / "a", *head, *secret)
    assert done["increment"] == made["backup"] and done["startable"]
    assert done["entries"] == done["incremented"] == made["entries"] and done["backed_up"] == node.size
    Path(made["backup"]).rename(made["backup"] + ".away")
    Path(made["backup"]).write_bytes(b"damaged")
    said = coopnode("restore", base, "--data", tmp_path / "b", *head, *secret, status=2).stderr
    assert made["backup"] in said and "--no-increment" in said and not (tmp_path / "b").exists()
    alone = ("--no-increment", "--from", node.data, *head, *secret)
    done = json_of("restore", base, "--data", tmp_path / "b", *alone)
    assert done["increment"] is None and done["source"] == str(node.data)


@pytest.mark.long
def test_an_increment_is_told_of(node: Made, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_bytes(os.urandom(32))
    secret = ("--key-file", key)
    base = json_of("backup", tmp_path, "--data", node.data, *secret)["backup"]
    with running(node.data):
        time.sleep(3)
    made = json_of("backup", base, "--increment", "--data", node.data, *secret)
    given = ("--increment", made["backup"], "--head", node.data / "head/head.db")
    text = coopnode("restore", base, "--data", tmp_path / "a", *given, *secret).stdout
    assert f"{made['entries'] - node.size} of them came after the backup, from {made['backup']}" in text
    assert json_of("verify", "--data", tmp_path / "a")["ok"]
    told = json_of("drill", tmp_path, "--data", node.data, *secret)
    assert told["increment"] == made["backup"] and told["incremented"] == made["entries"]
    text = coopnode("drill", tmp_path, "--data", node.data, *secret).stdout
    assert "0 private records and 0 texts would be lost" in text
    Path(made["backup"]).write_bytes(b"damaged")
    said = coopnode("restore", base, "--data", tmp_path / "b", *given, *secret, status=2).stderr
    assert "--no-increment" not in said, "it was named by the person"
    assert "goes with the backup" in coopnode("restore", "--data", tmp_path / "a", *given, status=2).stderr


@pytest.mark.long
def test_the_examples_of_the_guide_run_one_after_the_other(node: Made, tmp_path: Path) -> None:
    """The commands of docs/backup.md up to the restore, with other folders."""
    text = (ROOT / "docs/backup.md").read_text("utf-8").partition("## When the end is lost")[0]
    commands = [line for block in re.findall(r"```sh\n(.*?)```", text, re.S) for line in block.splitlines()]
    assert [line.split()[2] for line in commands[1:]] == ["backup", "backup", "drill", "restore"]
    places = {"/media/usb": tmp_path / "usb", "/etc/coopnode": tmp_path, "/srv/coopnode": node.data}
    for command in commands:
        if " restore " in command:  # the machine is lost but for its log and head
            for path in node.data.iterdir():
                if path.name not in ("log", "head"):
                    path.rename(tmp_path / path.name)
            command = command.replace("NAME.backup", next((tmp_path / "usb/coopnode").glob("*.backup")).name)
        for place, real in places.items():
            command = command.replace(place, str(real))
        if command.startswith("./dev coopnode "):
            coopnode(*command.split()[2:])
        else:
            subprocess.run(command, shell=True, check=True)
    assert json_of("verify", "--data", node.data)["entries"] == node.size


# --- keys and documents ---------------------------------------------------------------------------


def test_key_new_show_restore(tmp_path: Path) -> None:
    path, home = tmp_path / "anna.key", "a" * 51 + "q"
    made = json_of("key", "new", path, "--home", home)
    assert path.stat().st_mode & 0o777 == 0o600
    shown = json_of("key", "show", path)
    assert (shown["public"], shown["account"], shown["home"]) == (made["public"], made["account"], home)
    assert coopnode("key", "show", path, "--public", COOPNODE_PASSPHRASE="").stdout.strip() == made["public"]
    assert len(keyfile.parse_recovery(made["recovery"])) == 32
    coopnode("key", "new", path, status=2)
    coopnode("key", "show", path, status=2, COOPNODE_PASSPHRASE="another one entirely")
    again = tmp_path / "again.key"
    assert json_of("key", "restore", path, again)["public"] == made["public"]
    assert again.read_text() == path.read_text()
    coopnode("key", "restore", path, again, status=2)
    # Of a founder: the key is older than its cooperative, and the copy names none.
    founder, named = tmp_path / "founder.key", tmp_path / "named.key"
    pub = json_of("key", "new", founder)["public"]
    assert json_of("key", "restore", founder, tmp_path / "plain.key")["home"] is None
    coopnode("key", "restore", founder, named, "--home", "nowhere", status=2)
    coopnode("key", "restore", path, named, "--home", "b" * 51 + "a", status=2)  # it names another one
    assert json_of("key", "restore", founder, named, "--home", home)["home"] == home
    shown = json_of("key", "show", named)
    assert (shown["public"], shown["home"]) == (pub, home)
    assert shown["account"] == json_of("key", "show", founder, "--home", home)["account"]
    suggested = json_of("key", "new", tmp_path / "s.key", "--suggest", "--recovery-file", tmp_path / "paper")
    assert len(suggested["passphrase"].split()) == 6 and "recovery" not in suggested
    new = tmp_path / "new"
    new.write_text("something else entirely\n")
    third = tmp_path / "third.key"
    coopnode("key", "restore", path, third, "--new-passphrase-file", new)
    assert json_of("key", "show", third, "--passphrase-file", new)["public"] == made["public"]


def test_sign_shows_the_document_in_words(tmp_path: Path) -> None:
    home = "a" * 51 + "q"
    coopnode("key", "new", tmp_path / "k", "--home", home)
    matter = json.dumps({"matter": home})
    (tmp_path / "payload").write_text(matter)
    (tmp_path / "private").write_text(json.dumps({"text": "Согласна с предложением"}))
    arguments: tuple[object, ...] = (
        "sign", "council.comment/1", tmp_path / "payload", "--key", tmp_path / "k"
    )  # fmt: skip
    coopnode(*arguments, status=2)  # a private field is missing
    arguments += ("--private", tmp_path / "private", "--out", tmp_path / "c.cose", "--lang", "ru")
    coopnode(*arguments, status=2)  # nobody can answer
    done = coopnode(*arguments, "--yes")
    assert "Согласна с предложением" in done.stderr and "Отпечаток" in done.stderr
    assert "Действительно до: 2" in done.stderr
    statement = documents.parse((tmp_path / "c.cose").read_bytes())
    assert statement.type == "council.comment/1" and statement.aud == home
    assert (tmp_path / "c.record").exists()
    again = coopnode(*arguments, status=2, COOPNODE_PASSPHRASE="").stderr  # before anything is asked
    assert "c.cose exists" in again and "Согласна" not in again
    (tmp_path / "c.cose").unlink()
    assert "c.record exists" in coopnode(*arguments, "--yes", status=2).stderr
    coopnode("sign", "council.dance/1", "-", "--key", tmp_path / "k", "--yes", status=2)
    vote = {"matter": home, "round": 1, "choice": "maybe", "sequence": 0}
    proposal = {"kind": "officer", "subject": home, "roles": ["secretary", "king"]}
    for type, fields, said in (
        ("council.vote/1", vote, "choice cannot be 'maybe'; it is one of: for, against, abstain"),
        ("council.propose/1", proposal, "roles cannot be 'king'"),
        ("council.approve/1", {"outcome": "expired"}, "one of: adopted, rejected"),
    ):
        (tmp_path / "wrong").write_text(json.dumps(fields))
        asked = ("sign", type, tmp_path / "wrong", "--key", tmp_path / "k", "--out", tmp_path / "w.cose")
        assert said in coopnode(*asked, status=2, COOPNODE_PASSPHRASE="").stderr
    coopnode("sign", "council.vote/1", "-", "--key", tmp_path / "k", "--yes", status=2)
    coopnode("key", "new", tmp_path / "homeless")
    arguments = ("sign", "council.comment/1", tmp_path / "payload", "--key", tmp_path / "homeless")
    assert "give its id with --to" in coopnode(*arguments, status=2).stderr


def test_sign_carries_the_logs_signature_under_what_was_seen(tmp_path: Path) -> None:
    """P3: the checkpoint goes into the claim with the signature that makes it a proof."""
    home, log = "a" * 51 + "q", testing.seed("log")
    coopnode("key", "new", tmp_path / "k", "--home", home)
    head = checkpoints.Checkpoint(origin(home, 0), 7, bytes(32))
    (tmp_path / "head").write_bytes(checkpoints.sign_checkpoint(head, log))
    counts = {"for": 3, "against": 0, "abstain": 0}
    fields = {
        "matter": home,
        "round": 1,
        "outcome": "adopted",
        "counts": counts,
        "result": {"$bytes": "A" * 43},
    }
    (tmp_path / "payload").write_text(json.dumps(fields))
    sign: tuple[object, ...] = ("sign", "council.approve/1", tmp_path / "payload", "--key", tmp_path / "k")
    sign += ("--yes", "--out", tmp_path / "a.cose")
    coopnode(*sign, status=2)  # no checkpoint
    coopnode(*sign, "--seen", tmp_path / "payload", status=2)
    coopnode(*sign, "--seen", tmp_path / "head")
    seen = documents.parse((tmp_path / "a.cose").read_bytes()).seen
    assert seen is not None and (seen.generation, seen.size, seen.root) == (0, 7, bytes(32))
    assert checkpoints.signed_by(head, signatures.public_key(log), seen.signature)


# --- against a running node -----------------------------------------------------------------------


def test_found_sign_submit_audit(tmp_path: Path) -> None:
    """From an empty directory to a logged document and an audit over the network, with nothing but the
    program.
    """
    data = tmp_path / "data"
    coopnode("init", "--data", data)
    import time

    first = testing.found(
        keystore.load(data / "keys"), now=int(time.time()), pack="generic-1", visibility="public"
    )
    (tmp_path / "0.cose").write_bytes(first.genesis)
    (tmp_path / "1.cose").write_bytes(first.pack)
    key = tmp_path / "founder.key"
    key.write_text(keyfile.seal(personal(first.founder), PASSPHRASE))
    coopnode("sign", "account.genesis/1", "-", "--key", key, "--yes", "--out", tmp_path / "3.cose")
    consent = {
        "purpose": "membership",
        "operator": first.id,
        "fields": ["name"],
        "text": {"$bytes": "A" * 43},
    }
    (tmp_path / "consent.json").write_text(json.dumps(consent))
    about = ("--about", first.founder.id, "--out", tmp_path / "4.cose")
    coopnode("sign", "consent.give/1", tmp_path / "consent.json", "--key", key, "--yes", *about)
    statements = [tmp_path / f"{place}.cose" for place in (0, 1, 3, 4)]
    with running(data) as ready:
        assert ready["founding"].startswith("http://")
        token = ready["founding"].rpartition("=")[2]
        refused = json_of("submit", ready["address"], statements[0], status=1)
        assert refused["answers"][0]["code"].startswith("ticket")
        done = json_of("submit", ready["address"], *statements, "--ticket", token)
        # The node's own statement on the signing page's files (P29) comes after the founder's account.
        *first_three, last = [each["index"] for each in done["answers"]]
        assert first_three == [0, 1, 3] and last >= 4
        again = coopnode("submit", ready["address"], statements[3]).stdout
        assert again.strip().endswith(f"entry {last}")
        node_key = keystore.load(data / "keys").node_pub.hex()
        coopnode("submit", ready["address"], statements[3], "--node-key", node_key)
        coopnode("submit", ready["address"], statements[3], "--node-key", "00" * 32, status=2)
        saved = tmp_path / "saved"
        wait_for(ready["address"], max(6, last + 1))
        found = json_of("audit", ready["address"], "--expect", first.id, "--save", saved)
        assert found["ok"] and found["entries"] >= 6
        assert '"same":true' in get(f"{ready['address']}/api/v1/signing/assets").replace(" ", "")
        assert json_of("verify", "--data", data)["ok"]
        coopnode("rebuild", "--yes", "--data", data, status=2)  # in use
        ports = ("--port", ready["port"], "--signing-port", ready["signing_port"])
        second = json_of("run", "--data", data, *ports, status=2)
        assert f"{data} is in use by another coopnode process" in second["problem"]
        coopnode("run", "--data", data, "--port", "0", status=2)  # in use
    assert json_of("verify", "--data", data)["ok"]
    with running(data) as ready:
        assert ready["founding"] is None
        assert json_of("audit", ready["address"], "--since", saved)["ok"]
    coopnode("submit", "http://127.0.0.1:1", statements[3], "--patience", "0", status=2)


def get(address: str) -> str:
    import urllib.request

    with urllib.request.urlopen(address) as answer:
        return str(answer.read(), "utf-8")


def wait_for(address: str, size: int) -> None:
    import time

    for _ in range(100):
        if json.loads(get(f"{address}/readyz"))["published"] >= size:
            return
        time.sleep(0.1)
    raise AssertionError("nothing was published")


def test_audit_of_a_log_only_members_read(node: Made, tmp_path: Path) -> None:
    key = node.key_file(tmp_path / "chair.key")
    with running(node.data) as ready:
        refused = coopnode("audit", ready["address"], status=2)
        assert "--key" in refused.stderr
        found = json_of("audit", ready["address"], "--key", key)
        assert found["ok"] and found["entries"] >= node.size
        stranger = tmp_path / "stranger.key"
        coopnode("key", "new", stranger, "--home", node.id)
        coopnode("audit", ready["address"], "--key", stranger, status=2)


def test_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        found = json_of("run", "--data", tmp_path / "data", "--port", port, status=2)
    assert found["code"] == "port_taken" and str(port) in found["problem"]


def test_run_prints_one_address_to_found_with(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "coopnode", "run", "--data", str(tmp_path / "data"), "--port", "0"]
    command += ["--signing-port", "0"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=ROOT)
    assert process.stdout is not None and process.stderr is not None
    lines = [process.stdout.readline() for _ in range(4)]
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert process.stderr.read() == ""
    process.stdout.close()
    process.stderr.close()
    assert "".join(lines).count("http") == 1 and "token=" in lines[2]
