"""Letters out of this node: by SMTP, or as files while no server is configured (`Config.smtp`, `mail_dir`).

Plain text only, at most with a date for a calendar. A subject never names a person or what they did: it is
read by every server on the way.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid, parseaddr
from pathlib import Path
from typing import Final, Literal

import aiosmtplib

from coopnode.config import Config, Smtp
from coopnode.delivery import Undelivered
from coopnode.seen import visible

#: Seconds for one answer of the server, and for a whole letter.
_TIMEOUT: Final = 20.0
_ALTOGETHER: Final = 60.0
#: Seven bits only: every server on the way can carry it.
_POLICY: Final = policy.SMTP.clone(cte_type="7bit")


class MailError(Undelivered):
    """The letter has not left."""


@dataclass(frozen=True, slots=True)
class Letter:
    to: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    #: the same value for the same letter: a receiver may recognise a repetition
    key: str = ""
    #: a date to keep (RFC 5545), goes along as a file
    calendar: str = field(default="", repr=False)


@dataclass(frozen=True)
class Mailer:
    """Hands letters over. The caller keeps them until `send` returns."""

    smtp: Smtp
    folder: Path
    #: seconds for one answer of the server
    timeout: float = _TIMEOUT

    @classmethod
    def of(cls, config: Config) -> Mailer:
        return cls(config.smtp, config.mail)

    async def send(self, letter: Letter, *, now: int) -> None:
        """Raises MailError."""
        message = self._message(letter, now)
        if self.smtp.host is None:
            await asyncio.to_thread(self._file, message, now)
            return
        try:
            async with asyncio.timeout(min(_ALTOGETHER, 3 * self.timeout)):
                await self._deliver(message)
        except TimeoutError as error:
            raise self._unreachable("does not answer in time") from error

    def _message(self, letter: Letter, now: int) -> EmailMessage:
        if not _is_address(letter.to):
            raise MailError("not an address", final=True)
        message = EmailMessage(_POLICY)
        message["From"] = self.smtp.sender
        message["To"] = _ascii_domain(letter.to)
        message["Subject"] = visible(" ".join(letter.subject.split()))
        message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
        domain = parseaddr(self.smtp.sender)[1].rpartition("@")[2] or "localhost"
        message["Message-ID"] = f"<{letter.key}@{domain}>" if letter.key else make_msgid(domain=domain)
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(visible(letter.text))
        if letter.calendar:
            # Coded whatever is in it: its line ends are part of the format.
            parameters = {"method": "PUBLISH"}
            message.add_attachment(
                letter.calendar, "calendar", cte="base64", filename="date.ics", params=parameters
            )
        return message

    def _file(self, message: EmailMessage, now: int) -> None:
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.folder / f"{now}-{secrets.token_hex(4)}.eml"
        temporary = path.with_suffix(".new")
        temporary.write_bytes(message.as_bytes())
        temporary.chmod(0o600)
        temporary.rename(path)

    async def _deliver(self, message: EmailMessage) -> None:
        """One connection for one letter. Raises MailError and TimeoutError."""
        smtp = self.smtp
        if (smtp.user is None) != (smtp.password is None):
            missing = "smtp.password" if smtp.password is None else "smtp.user"
            raise MailError(f"{missing} is not set; user and password go together", everywhere=True)
        authority = None if smtp.authority is None else str(smtp.authority)
        try:
            await aiosmtplib.send(
                message,
                hostname=smtp.host,
                port=smtp.port,
                username=smtp.user,
                password=smtp.password.get_secret_value() if smtp.password else None,
                use_tls=smtp.port == 465,
                start_tls=smtp.starttls and smtp.port != 465,
                timeout=self.timeout,
                cert_bundle=authority,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = {refused.code for refused in error.recipients}
            raise MailError("the address was refused", final=all(code >= 500 for code in codes)) from error
        except aiosmtplib.SMTPResponseException as error:
            raise self._answered(error) from error
        except aiosmtplib.SMTPTimeoutError as error:
            raise TimeoutError from error
        except aiosmtplib.SMTPNotSupported as error:
            raise MailError("the mail server cannot carry such an address", final=True) from error
        except (aiosmtplib.SMTPException, OSError, ValueError) as error:
            raise self._unreachable(_cause(error, smtp)) from error

    def _answered(self, error: aiosmtplib.SMTPResponseException) -> MailError:
        """What the server says is left out, it may repeat the receiver's address; its number says enough."""
        if isinstance(error, aiosmtplib.SMTPAuthenticationError):
            return self._unreachable("refused smtp.user and smtp.password")
        if isinstance(error, aiosmtplib.SMTPSenderRefused):
            return self._unreachable(f"refused the sender {self.smtp.sender} ({error.code})")
        if isinstance(error, aiosmtplib.SMTPDataError):
            return MailError(f"the letter was refused ({error.code})", final=error.code >= 500)
        return self._unreachable(f"answered {error.code}")

    def _unreachable(self, reason: str) -> MailError:
        return MailError(f"the mail server {self.smtp.host}:{self.smtp.port} {reason}", everywhere=True)


def trial(to: str, locale: Literal["ru", "en"] = "en") -> Letter:
    """A letter to try the settings with."""
    if locale == "ru":
        return Letter(
            to, "coopnode: проверка почты", "Узел отправил это письмо, чтобы проверить настройки.\n"
        )
    return Letter(to, "coopnode: test", "This letter tries out the settings of your node.\n")


def _cause(error: BaseException, smtp: Smtp) -> str:
    chain: list[BaseException] = []
    found: BaseException | None = error
    while found is not None:
        chain.append(found)
        found = found.__cause__ or found.__context__
    for each in chain:
        if isinstance(each, ssl.SSLCertVerificationError):
            return f"shows a certificate that is not trusted: {each.verify_message}"
        if isinstance(each, ssl.SSLError):
            return "does not speak TLS there"
        if isinstance(each, socket.gaierror):
            return "is not known: there is no such name"
        if isinstance(each, FileNotFoundError):
            return f"cannot be checked: smtp.authority {smtp.authority} is missing"
        if isinstance(each, ConnectionRefusedError):
            return "refuses the connection"
    if "STARTTLS" in str(error):
        return "offers no STARTTLS; only a server on this machine may go without (smtp.starttls = false)"
    if smtp.user and "AUTH" in str(error).upper():
        return "takes no user and password"
    return f"could not be used ({type(error).__name__})"


def _ascii_domain(address: str) -> str:
    """Domains in other letters have a spelling that every server knows."""
    local, _, domain = address.rpartition("@")
    try:
        return f"{local}@{domain.encode('idna').decode()}"
    except UnicodeError as error:
        raise MailError("not an address", final=True) from error


def _is_address(text: str) -> bool:
    """No name, no second address, no line breaks: what goes into a header is exactly one address."""
    local, at, domain = text.rpartition("@")
    return bool(local and at and domain) and text.isprintable() and not any(c in text for c in ' ,;<>"')
