"""The data directory of a demo: told apart from a real node's, refused, made once, thrown away.

`demo/people.json` is written when everything else is there. It holds the private keys of invented people, so
that anybody at this machine can sign as any of them.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from coopnode import config as settings
from coopnode import keyfile
from coopnode.app import NodeError, initialise, lock_data
from coopnode.config import Config
from coopnode.keyfile import PersonalKey

#: Opens the copy of any key of a demo. No secret: it stands on the page that hands the copies out.
PASSPHRASE: Final = "rostok demo key"
FOLDER: Final = "demo"
_PEOPLE: Final = "people.json"
_UNFINISHED: Final = "unfinished"


class DemoError(NodeError):
    """The demo cannot be made or opened here; the text is for people."""


@dataclass(frozen=True, slots=True)
class Resident:
    """Somebody of the demo. `key` names them in `cast`; `seed` is of the key that signs now."""

    key: str
    name: str
    account: str
    home: str
    seed: bytes = field(repr=False)
    recovery: bytes
    nonce: bytes
    #: the key came to the account later
    joined: bool

    @property
    def kid(self) -> bytes:
        return self.personal.pub

    @property
    def personal(self) -> PersonalKey:
        joined = self.account if self.joined else None
        return PersonalKey(self.seed, self.recovery, self.nonce, self.home, joined)

    def copy(self) -> str:
        """The key file as the signing page reads it. Takes a tenth of a second and 64 MiB: in a thread."""
        return keyfile.seal(self.personal, PASSPHRASE) + "\n"


@dataclass(frozen=True, slots=True)
class Demo:
    """What a finished demo consists of. `made_at` in seconds since 1970."""

    cooperative: str
    made_at: int
    residents: Mapping[str, Resident]


def is_demo(data: Path) -> bool:
    """Whether `making` has worked here, finished or not."""
    return is_finished(data) or (data / FOLDER / _UNFINISHED).exists()


def is_finished(data: Path) -> bool:
    return (data / FOLDER / _PEOPLE).exists()


def load(config: Config) -> Demo | None:
    """The demo behind this configuration; None for every other node, whatever its settings say."""
    path = config.data / FOLDER / _PEOPLE
    if not config.demo or not path.exists():
        return None
    kept: dict[str, Any] = json.loads(path.read_text("utf-8"))
    people = {each["key"]: _resident(each, kept["cooperative"]) for each in kept["people"]}
    return Demo(kept["cooperative"], kept["made_at"], people)


def prepare(config: Config) -> None:
    """An empty directory with the settings of a demo.

    Raises:
        DemoError: something else is in it.
    """
    data = config.data
    if data.exists() and any(path.name != settings.FILE for path in data.iterdir()):
        raise DemoError(
            f"{data} holds something else than a demo and is left alone; name another folder with --data"
        )
    initialise(config)
    (data / FOLDER).mkdir(mode=0o700)
    (data / FOLDER / _UNFINISHED).touch(0o600)
    # Whoever opens it weeks later need not compare clocks: it is no evidence of anything. The ports stay
    # because keys belong to addresses.
    ports = {name: getattr(config, name) for name in ("port", "signing_port") if getattr(config, name)}
    settings.write(data, {"demo": True, "time_confirmed": True, **ports})


def discard(config: Config) -> None:
    """Throws a demo away, so that `prepare` finds nothing but its database's address.

    Raises:
        DemoError: it is a real node, or its database is on a server.
        NodeError: it runs.
    """
    data = config.data
    if not is_demo(data):
        raise DemoError(f"{data} holds no demo: nothing is thrown away there")
    lock_data(data).close()
    if config.database is not None:
        raise DemoError(
            f"the demo of {data} stands on PostgreSQL: drop its database, make it again, and delete {data}"
        )
    shutil.rmtree(data)


def finish(config: Config, demo: Demo) -> None:
    """From now on `load` finds it."""
    folder = config.data / FOLDER
    people = [_kept(each) for each in demo.residents.values()]
    text = json.dumps(
        {"cooperative": demo.cooperative, "made_at": demo.made_at, "people": people}, ensure_ascii=False
    )
    descriptor = os.open(folder / _PEOPLE, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with open(descriptor, "w", encoding="utf-8") as file:
        file.write(text + "\n")
    (folder / _UNFINISHED).unlink()


def _kept(resident: Resident) -> dict[str, Any]:
    secrets = {name: base64.b64encode(getattr(resident, name)).decode() for name in _BYTES}
    return {
        "key": resident.key,
        "name": resident.name,
        "account": resident.account,
        "joined": resident.joined,
    } | secrets


_BYTES: Final = ("seed", "recovery", "nonce")


def _resident(kept: dict[str, Any], home: str) -> Resident:
    secrets = {name: base64.b64decode(kept[name]) for name in _BYTES}
    return Resident(kept["key"], kept["name"], kept["account"], home, joined=kept["joined"], **secrets)
