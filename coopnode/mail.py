"""Letters out of this node: by SMTP, or as files while no server is configured (`Config.smtp`, `mail_dir`).

Plain text only. A subject never names a person or what they did: it is read by every server on the way.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from pathlib import Path

import aiosmtplib

from coopnode.config import Config, Smtp
from coopnode.seen import visible

_TIMEOUT = 20.0


class MailError(Exception):
    """The letter has not left. `final` when sending it again cannot help (the address is refused)."""

    def __init__(self, reason: str, *, final: bool = False) -> None:
        super().__init__(reason)
        self.final = final


@dataclass(frozen=True, slots=True)
class Letter:
    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    #: the same value for the same letter: a receiver may recognise a repetition
    key: str = ""


@dataclass(frozen=True)
class Mailer:
    """Hands letters over. The caller keeps them until `send` returns."""

    smtp: Smtp
    folder: Path
    owner: str = ""

    @classmethod
    def of(cls, config: Config) -> Mailer:
        return cls(config.smtp, config.mail)

    async def send(self, letter: Letter, *, now: int) -> None:
        """Raises MailError."""
        message = self._message(letter, now)
        if self.smtp.host is None:
            await asyncio.to_thread(self._file, message, now)
        else:
            await self._deliver(message, letter.to)

    def _message(self, letter: Letter, now: int) -> EmailMessage:
        if not _is_address(letter.to):
            raise MailError("not an address", final=True)
        message = EmailMessage()
        message["From"] = self.smtp.sender
        message["To"] = letter.to
        message["Subject"] = visible(letter.subject)
        message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
        domain = parseaddr(self.smtp.sender)[1].rpartition("@")[2] or "localhost"
        message["Message-ID"] = f"<{letter.key}@{domain}>" if letter.key else make_msgid(domain=domain)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(visible(letter.text))
        return message

    def _file(self, message: EmailMessage, now: int) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{now}-{secrets.token_hex(4)}.eml"
        temporary = path.with_suffix(".new")
        temporary.write_bytes(message.as_bytes())
        temporary.chmod(0o600)
        temporary.rename(path)

    async def _deliver(self, message: EmailMessage, to: str) -> None:
        password = self.smtp.password.get_secret_value() if self.smtp.password else None
        try:
            await aiosmtplib.send(
                message,
                recipients=[to],
                hostname=self.smtp.host,
                port=self.smtp.port,
                username=self.smtp.user,
                password=password,
                use_tls=self.smtp.port == 465,
                start_tls=self.smtp.starttls and self.smtp.port != 465,
                timeout=_TIMEOUT,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = {refused.code for refused in error.recipients}
            raise MailError("the address was refused", final=all(code >= 500 for code in codes)) from error
        except (aiosmtplib.SMTPException, OSError) as error:
            # The text of such an error may hold the address: only its kind is kept.
            raise MailError(type(error).__name__) from error


def _is_address(text: str) -> bool:
    """No name, no second address, no line breaks: what goes into a header is exactly one address."""
    local, at, domain = text.rpartition("@")
    return bool(local and at and domain) and text.isprintable() and not any(c in text for c in ' ,;<>"')
