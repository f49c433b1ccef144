"""A mail server over loopback that speaks real SMTP (RFC 5321) with STARTTLS and AUTH PLAIN/LOGIN, keeps what
it is given and can be told to refuse or to hang."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Got(NamedTuple):
    sender: str
    receivers: tuple[str, ...]
    raw: bytes
    encrypted: bool
    user: str | None

    @property
    def message(self) -> EmailMessage:
        return message_from_bytes(self.raw, policy=policy.default)


def certificate(folder: Path, host: str = "127.0.0.1") -> tuple[Path, Path]:
    """(certificate, key) of a server that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "mail.crt", folder / "mail.key"
    paths[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


@dataclass
class Sink:
    #: by first word of a command (or "." for the end of a letter): the line answered instead
    answers: dict[str, str] = field(default_factory=dict)
    #: by receiver: the line answered to RCPT
    refused: dict[str, str] = field(default_factory=dict)
    #: the word after which nothing is ever answered
    hangs: str | None = None
    users: Mapping[str, str] = field(default_factory=dict)
    tls: tuple[Path, Path] | None = None
    got: list[Got] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    port: int = 0
    talks: set[asyncio.Task[None]] = field(default_factory=set)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[Sink]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            open = list(self.talks)
            for task in open:
                task.cancel()
            await asyncio.gather(*open, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self.talks.add(task)
        try:
            with suppress(ConnectionError, asyncio.IncompleteReadError):
                await _Talk(self, reader, writer).run()
        except asyncio.CancelledError:
            pass  # the test is over
        finally:
            self.talks.discard(task)
            writer.close()


class _Talk:
    def __init__(self, sink: Sink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sink, self.reader, self.writer = sink, reader, writer
        self.sender, self.receivers = "", list[str]()
        self.encrypted = False
        self.user: str | None = None

    async def run(self) -> None:
        await self.say("220 sink", "CONNECT")
        while line := await self.line():
            word, _, rest = line.partition(" ")
            word = word.upper()
            self.sink.commands.append(word)
            if word == "QUIT":
                await self.say("221 bye", word)
                return
            await getattr(self, f"_{word.lower()}", self._unknown)(word, rest)

    async def line(self) -> str:
        return (await self.reader.readuntil(b"\r\n")).decode().rstrip("\r\n")

    async def say(self, text: str, word: str) -> bool:
        """Whether it was the answer planned."""
        if self.sink.hangs == word:
            await asyncio.Event().wait()
        said = self.sink.answers.get(word, text)
        self.writer.write(said.encode() + b"\r\n")
        await self.writer.drain()
        return said is text

    async def _unknown(self, word: str, rest: str) -> None:
        await self.say("500 what?", word)

    async def _ehlo(self, word: str, rest: str) -> None:
        offers = ["sink"]
        if self.sink.tls and not self.encrypted:
            offers.append("STARTTLS")
        if self.sink.users:
            offers.append("AUTH PLAIN LOGIN")
        lines = [f"250-{offer}" for offer in offers[:-1]] + [f"250 {offers[-1]}"]
        await self.say("\r\n".join(lines), word)

    async def _starttls(self, word: str, rest: str) -> None:
        assert self.sink.tls is not None
        if await self.say("220 go", word):
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*self.sink.tls)
            await self.writer.start_tls(context)
            self.encrypted = True

    async def _auth(self, word: str, rest: str) -> None:
        method, _, given = rest.partition(" ")
        if method.upper() == "PLAIN":
            _, user, password = base64.b64decode(given).decode().split("\0")
        else:
            user = base64.b64decode(given or await self._ask("VXNlcm5hbWU6")).decode()
            password = base64.b64decode(await self._ask("UGFzc3dvcmQ6")).decode()
        if self.sink.users.get(user) == password:
            self.user = user
            await self.say("235 welcome", word)
        else:
            await self.say("535 no", word)

    async def _ask(self, prompt: str) -> str:
        await self.say(f"334 {prompt}", "PROMPT")
        return await self.line()

    async def _mail(self, word: str, rest: str) -> None:
        self.sender, self.receivers = _address(rest), []
        needed = self.sink.users and not self.user
        await self.say("530 who are you" if needed else "250 ok", word)

    async def _rcpt(self, word: str, rest: str) -> None:
        to = _address(rest)
        if await self.say(self.sink.refused.get(to, "250 ok"), word):
            self.receivers.append(to)

    async def _data(self, word: str, rest: str) -> None:
        if not await self.say("354 go on", word):
            return
        raw = await self.reader.readuntil(b"\r\n.\r\n")
        raw = raw.removesuffix(b".\r\n").replace(b"\r\n..", b"\r\n.")
        if await self.say("250 taken", "."):
            self.sink.got.append(Got(self.sender, tuple(self.receivers), raw, self.encrypted, self.user))


def _address(rest: str) -> str:
    return rest[rest.index("<") + 1 : rest.index(">")]
