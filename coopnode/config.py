"""Configuration: `coopnode.toml` in the data directory, overridden by environment variables
`COOPNODE_<KEY>` (design §10).

Nested keys are written `COOPNODE_SMTP__HOST`. Addresses that people's keys depend on (`public_url`,
`signing_url`) are fixed by the cooperative's genesis; after it the values there win and a different one
here is reported at start.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches
from email.utils import parseaddr
from pathlib import Path
from typing import Any, Final, Literal, Self
from urllib.parse import urlsplit

import tomlkit
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from coopnode import banking
from protocol import registration

FILE = "coopnode.toml"
#: names of this machine that nobody else can mean
LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))
_PREFIX: Final = "COOPNODE_"
#: Variables with our prefix that are no settings of a node: of the command line, of faults in tests, and of a
#: checkout's tools.
_OTHERS: Final = frozenset(
    (
        *("DATA", "PASSPHRASE", "FAULT"),
        *("DEV_PYTHON", "CHROMIUM", "NODE", "POSTGRESQL", "ORACLE_PYTHON"),
        *("BENCH_CACHE", "CRASHES", "PICTURES", "SHOTS"),
    )
)
_PORTS: Final = {"http": 80, "https": 443}
#: a host that is an address of IPv4 or IPv6: nothing is part of it
_NUMBERS: Final = re.compile(r"[\d.]+|.*:.*")


class UnknownSetting(ValueError):
    """The sentence names it, and the nearest one there is."""


class Smtp(BaseModel):
    """How e-mail leaves this node. Without `host` letters are files in `mail_dir`."""

    model_config = ConfigDict(extra="forbid")

    host: str | None = None
    port: int = 587
    user: str | None = None
    password: SecretStr | None = None
    starttls: bool = True
    sender: str = "coopnode@localhost"
    #: certificates (PEM) of the authority that vouches for a server of one's own; else the system's
    authority: Path | None = None

    def plain(self) -> dict[str, Any]:
        """Plain values, the password in clear."""
        found = self.model_dump(mode="json")
        found["password"] = self.password.get_secret_value() if self.password else None
        return found

    @field_validator("host", "user", "password", "authority", mode="before")
    @classmethod
    def _empty(cls, value: Any) -> Any:
        return None if value == "" else value

    @field_validator("sender")
    @classmethod
    def _sender(cls, value: str) -> str:
        address = parseaddr(value)[1]
        if not value.isprintable() or not all(address.partition("@")) or " " in address:
            raise ValueError("an address such as office@coop.example or Office <office@coop.example>")
        return value


class Bank(BaseModel):
    """Whose account receives fees, as it stands in a payment order. Check digits are verified, so that a slip
    of the pen does not send money astray: the account and the correspondent account with the BIC (rule of the
    Bank of Russia, 08.09.1997 No. 515), ИНН and КПП by themselves.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: at most as long as ГОСТ Р 56042-2014 allows
    name: str = Field(min_length=3, max_length=160)
    account: str
    bank: str = Field(min_length=3, max_length=45)
    bic: str
    #: empty for an account at the Bank of Russia itself
    correspondent: str = ""
    inn: str = ""
    kpp: str = ""

    @field_validator("account", "bic", "correspondent", "inn", "kpp", mode="before")
    @classmethod
    def _digits(cls, value: object) -> object:
        return re.sub(r"[\s-]", "", value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if not banking.bic(self.bic):
            raise ValueError("bic: nine digits, as in the cooperative's agreement with its bank")
        if not banking.account(self.account, self.bic):
            raise ValueError("account: twenty digits that fit the bic; one of the two is wrong")
        if self.correspondent:
            if not banking.correspondent(self.correspondent, self.bic):
                raise ValueError("correspondent: twenty digits that fit the bic; one of the two is wrong")
        elif not banking.of_central_bank(self.bic):
            raise ValueError("correspondent: the account of the bank, twenty digits, is missing")
        if self.inn and not registration.inn_of_organisation(self.inn):
            raise ValueError("inn: ten digits, and the last one has to fit the others")
        if self.kpp and not registration.kpp(self.kpp):
            raise ValueError("kpp: nine characters")
        return self


class Backup(BaseModel):
    """Backups made by the running node (`docs/backup.md`)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    folder: Path
    #: where copies of the keys go; keep them apart from the others
    keys_folder: Path | None = None
    #: at least 32 random bytes, which encrypt both; keep a copy elsewhere, without it there is no way back
    key_file: Path
    #: hours between two
    every: float = Field(24.0, ge=0.1, le=24 * 35)
    #: hours between two increments, which hold what has come since the last whole one; none without it
    increments: float | None = Field(None, ge=0.01, le=24 * 35)
    #: how many whole ones stay
    keep: int = Field(14, ge=1, le=10_000)


class Push(BaseModel):
    """Which push services browsers may name. Without any, no device is woken."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: names, with all under them: of Chrome and Edge on Android, Firefox, Edge on Windows, Safari
    services: tuple[str, ...] = (
        *("fcm.googleapis.com", "jmt17.google.com", "push.services.mozilla.com"),
        *("notify.windows.com", "push.apple.com"),
    )
    #: for tests: a service on this machine, without TLS
    loopback: bool = False

    @field_validator("services")
    @classmethod
    def _names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", name) for name in value):
            raise ValueError("names of hosts such as push.services.mozilla.com")
        return value

    @property
    def works(self) -> bool:
        return bool(self.services) or self.loopback


class Limits(BaseModel):
    """Every number that bounds what others can make this node do (P14)."""

    model_config = ConfigDict(extra="forbid")

    #: submissions between arrival and answer; more are told to come back
    in_flight: int = Field(4096, ge=1)
    #: bytes of bodies between their first byte and the answer, in each process
    in_flight_bytes: int = Field(134_217_728, ge=10_000_000)
    #: statements of one transaction
    batch: int = Field(256, ge=1, le=4096)
    #: token bucket of one known account: how many at once, how many a second afterwards
    account_burst: float = 120.0
    account_rate: float = 20.0
    #: token bucket of one address for signers this log does not know
    stranger_burst: float = 20.0
    stranger_rate: float = 1.0
    #: new accounts a day, over all
    accounts_per_day: int = 500
    #: bytes of the private record of one statement, of one public text, of one attachment
    private_record: int = 262_144
    blob: int = 8_388_608
    attachment: int = 26_214_400
    #: tiles and checkpoints served at once do not count; proofs a second and address
    lookups_burst: float = 60.0
    lookups_rate: float = 10.0


class Config(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="COOPNODE_", env_nested_delimiter="__", extra="forbid", toml_file=FILE, frozen=True
    )

    data: Path = Path("data")
    #: address of a PostgreSQL database; without it a SQLite file in the data directory (ADR 9)
    database_url: SecretStr | None = None
    #: a folder with packs, texts and translations of another country (`docs/packs.md`)
    countries: Path | None = None
    host: str = "127.0.0.1"
    port: int = Field(8470, ge=0, le=65535)
    #: second port of the signing origin (P28)
    signing_port: int = Field(8471, ge=0, le=65535)
    public_url: str = "http://localhost:8470"
    signing_url: str = "http://localhost:8471"
    #: processes that serve pages and check statements, beside the one that writes the log; 0 = one process
    #: does everything; by default one for each core but one, at most three
    web_processes: int = Field(default_factory=lambda: min(3, len(os.sched_getaffinity(0)) - 1), ge=0, le=32)
    smtp: Smtp = Smtp()
    push: Push = Push()
    #: without it applicants read whom to ask how to pay
    bank: Bank | None = None
    #: without it backups are made by hand only
    backup: Backup | None = None
    #: letters as files, for trying things out; default `<data>/mail`
    mail_dir: Path | None = None
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    limits: Limits = Limits()
    #: addresses whose X-Forwarded-For is believed
    trusted_proxies: tuple[str, ...] = ()
    #: seconds between checkpoints when the tree grew
    checkpoint_seconds: float = Field(1.0, gt=0, le=600)
    #: what Prometheus says to read /metrics (`Authorization: Bearer …`); without it /metrics is open to this
    #: machine only, and to nobody once a proxy stands in front
    metrics_token: SecretStr | None = Field(None, min_length=16)
    #: the operator has compared this machine's clock with another one (P16)
    time_confirmed: bool = False
    #: a cooperative of invented people (`coopnode run --demo`); pages say so, and it stays on this machine
    demo: bool = False

    @model_validator(mode="before")
    @classmethod
    def _demo_is_quiet(cls, given: dict[str, Any]) -> dict[str, Any]:
        return {"push": {"services": ()}, **given} if given.get("demo") else given

    @model_validator(mode="after")
    def _demo_at_home(self) -> Self:
        """A demo lets anybody at the machine sign as anybody: nobody else reaches it, no letter and no
        push leaves it."""
        if not self.demo:
            return self
        if any(urlsplit(url).hostname not in LOOPBACK for url in (self.public_url, self.signing_url)):
            raise ValueError("a demo stays on this machine: public_url and signing_url name localhost")
        if self.host not in LOOPBACK:
            raise ValueError("a demo stays on this machine: host is 127.0.0.1 or ::1")
        if self.trusted_proxies:
            raise ValueError("a demo stays on this machine: no trusted_proxies")
        if self.smtp.host is not None:
            raise ValueError("letters of a demo are files only: no smtp.host")
        if self.push.services:
            raise ValueError("a demo wakes no devices: no push.services")
        return self

    @field_validator("database_url", mode="before")
    @classmethod
    def _database(cls, value: Any) -> Any:
        if isinstance(value, str) and value and not value.startswith(("postgresql://", "postgres://")):
            raise ValueError("postgresql://USER@HOST/NAME, or postgresql:///NAME?host=/run/postgresql")
        return value or None

    @field_validator("public_url", "signing_url")
    @classmethod
    def _origin(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
            raise ValueError("an origin such as https://coop.example: scheme, host and maybe a port")
        if parts.query or parts.fragment or parts.username:
            raise ValueError("an origin has no query, fragment or user name")
        return value.rstrip("/")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = cls.model_config.get("toml_file")
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls, toml_file=file))

    def changeable(self) -> dict[str, Any]:
        """What pages may change while the node runs, as plain values, secrets in clear."""
        return {
            "public_url": self.public_url,
            "signing_url": self.signing_url,
            "smtp": self.smtp.plain(),
        }

    def changed(self, values: Mapping[str, Any]) -> Self:
        """With some of the values of another's `changeable`; the others stay."""
        smtp = {"smtp": Smtp(**values["smtp"])} if "smtp" in values else {}
        return self.model_copy(update={**values, **smtp})

    @property
    def database(self) -> str | None:
        """Address of PostgreSQL, maybe with a password; None: the file in the data directory."""
        return self.database_url.get_secret_value() if self.database_url else None

    @property
    def keys(self) -> Path:
        return self.data / "keys"

    @property
    def log_files(self) -> Path:
        return self.data / "log"

    @property
    def mail(self) -> Path:
        return self.mail_dir or self.data / "mail"


def load(data: Path | None = None, **overrides: Any) -> Config:
    """The configuration of the node in `data` (or COOPNODE_DATA, or ./data).

    Raises:
        pydantic.ValidationError: names the key at fault.
        UnknownSetting: a variable COOPNODE_… that is none of ours.
    """
    _check_environment()
    folder = data or Path(os.environ.get("COOPNODE_DATA", "data"))

    class Located(Config):
        model_config = SettingsConfigDict(toml_file=folder / FILE)

    return Located(data=folder, **overrides)


def belong_together(public_url: str, signing_url: str) -> bool:
    """Whether keys may live at `signing_url` beside a site at `public_url` (P28): the same scheme and either
    the same host on another port, or another name of the same site, such as `sign.coop.example` beside
    `coop.example` or `node.coop.example`. For two names below one of at least two parts no list of public
    suffixes is asked."""
    site, keys = urlsplit(public_url), urlsplit(signing_url)
    host, other = site.hostname or "", keys.hostname or ""
    if site.scheme != keys.scheme or not host or not other:
        return False
    if host == other:
        try:
            return (site.port or _PORTS[site.scheme]) != (keys.port or _PORTS[keys.scheme])
        except ValueError:  # no port has this number
            return False
    if _NUMBERS.fullmatch(host) or _NUMBERS.fullmatch(other):
        return False
    above = host.partition(".")[2]
    return other.endswith(f".{host}") or ("." in above and other.endswith(f".{above}"))


def _check_environment() -> None:
    """Pydantic passes over a variable whose first part it does not know."""
    for name in sorted(os.environ):
        key = name.removeprefix(_PREFIX)
        if key == name or key in _OTHERS or key.partition("__")[0].lower() in Config.model_fields:
            continue
        variables = [each.upper().replace(".", "__") for each in settings()]
        raise UnknownSetting(f"there is no setting {name}{_near(key, variables, _PREFIX)}")


def unknown(place: Sequence[str | int]) -> str:
    """Of a key that pydantic does not expect: a sentence with the nearest one there is."""
    name = ".".join(map(str, place))
    return f"there is no setting {name}{_near(name, settings())}"


def settings(model: type[BaseModel] | None = None, prefix: str = "") -> list[str]:
    """Names of all settings, as `limits.blob`, and of their tables."""
    found: list[str] = []
    for name, field in (model or Config).model_fields.items():
        found.append(prefix + name)
        tables = (each for each in (Smtp, Bank, Backup, Limits) if field.annotation in (each, each | None))
        for table in tables:
            found += settings(table, f"{prefix}{name}.")
    return found


def _near(name: str, known: Sequence[str], prefix: str = "") -> str:
    found = get_close_matches(name, known, 1, 0.7)
    return f"; the nearest there is: {prefix}{found[0]}" if found else ""


def from_environment(key: str) -> bool:
    """Whether the environment sets this key: it wins over the file at every start, so writing it there would
    be for nothing."""
    return f"COOPNODE_{key.upper()}" in os.environ


def database_of(data: Path) -> str | None:
    """`Config.database` of the node in `data`, without a look at anything else.

    Raises ValueError when the file is not TOML."""
    given = os.environ.get("COOPNODE_DATABASE_URL")
    path = data / FILE
    if not given and path.exists():
        given = tomlkit.parse(path.read_text()).get("database_url")
    return str(given) if given else None


def database_in_environment() -> bool:
    return bool(os.environ.get("COOPNODE_DATABASE_URL"))


def without(data: Path, name: str) -> str:
    """The text of the node's `coopnode.toml` without a key."""
    document = tomlkit.parse((data / FILE).read_text())
    document.pop(name, None)
    return tomlkit.dumps(document)


def remove(data: Path, name: str) -> None:
    with _alone(data):
        _replace(data / FILE, without(data, name))


def write(data: Path, values: Mapping[str, str | int | bool]) -> None:
    """Sets keys in `coopnode.toml` (`port`, `smtp.host`), keeping every other line as it was."""
    path = data / FILE
    with _alone(data):
        document = tomlkit.parse(path.read_text() if path.exists() else "")
        for key, value in values.items():
            *tables, name = key.split(".")
            place: Any = document
            for table in tables:
                place = place.setdefault(table, tomlkit.table())
            place[name] = value
        _replace(path, tomlkit.dumps(document))


@contextmanager
def _alone(data: Path) -> Iterator[None]:
    """Several processes serve pages: what one writes is read by the next before it writes. The lock is on the
    folder, which stays while files in it are exchanged."""
    folder = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _replace(path: Path, text: str) -> None:
    temporary = path.with_suffix(".toml.new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # there may be a password
    with open(descriptor, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
