"""Letters over real SMTP on loopback."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from coopnode.config import Smtp
from coopnode.mail import Letter, Mailer, MailError, trial
from coopnode.testing import START
from tests.node.smtp_sink import Sink, certificate

LETTER = Letter("anna@example.org", "Заявление № 7 получено", "Здравствуйте!\n\n.точка в начале\n", key="7.x")


def mailer(sink: Sink, folder: Path, **more: Any) -> Mailer:
    given: dict[str, Any] = {"starttls": False, "sender": "Росток <office@rostok.example>"}
    return Mailer(Smtp(host="127.0.0.1", port=sink.port, **{**given, **more}), folder, timeout=2.0)


async def problem(found: Mailer, letter: Letter = LETTER) -> MailError:
    with pytest.raises(MailError) as caught:
        await found.send(letter, now=START)
    return caught.value


async def test_a_letter_arrives_whole(tmp_path: Path) -> None:
    async with Sink().listening() as sink:
        await mailer(sink, tmp_path).send(LETTER, now=START)
    (got,) = sink.got
    assert got.sender == "office@rostok.example" and got.receivers == ("anna@example.org",)
    assert got.raw.isascii() and max(map(len, got.raw.splitlines())) <= 998
    assert got.message["Subject"] == LETTER.subject
    assert got.message["From"] == "Росток <office@rostok.example>"
    assert got.message["Message-ID"] == "<7.x@rostok.example>"
    assert got.message["Auto-Submitted"] == "auto-generated"
    assert got.message.get_content_type() == "text/plain"
    assert got.message.get_content().replace("\r\n", "\n") == LETTER.text


async def test_encrypted_and_with_a_password(tmp_path: Path) -> None:
    tls = certificate(tmp_path)
    more = {"starttls": True, "authority": tls[0], "user": "node", "password": SecretStr("secret")}
    async with Sink(tls=tls, users={"node": "secret"}).listening() as sink:
        await mailer(sink, tmp_path, **more).send(LETTER, now=START)
        assert sink.got[0].encrypted and sink.got[0].user == "node"
        wrong = await problem(mailer(sink, tmp_path, **{**more, "password": SecretStr("other")}))
        assert "smtp.password" in str(wrong) and wrong.everywhere and not wrong.final
        unknown = await problem(mailer(sink, tmp_path, **{**more, "authority": None}))
        assert "not trusted" in str(unknown) and unknown.everywhere
        half = await problem(mailer(sink, tmp_path, **{**more, "password": None}))
        assert str(half).startswith("smtp.password is not set")
        nowhere = await problem(mailer(sink, tmp_path, **{**more, "authority": tmp_path / "none.pem"}))
        assert "smtp.authority" in str(nowhere)
    assert len(sink.got) == 1


@pytest.mark.parametrize(
    ("sink", "final", "everywhere", "words"),
    [
        (lambda: Sink(refused={"anna@example.org": "450 later anna@example.org"}), False, False, "address"),
        (lambda: Sink(refused={"anna@example.org": "550 no anna@example.org"}), True, False, "address"),
        (lambda: Sink(answers={".": "451 later"}), False, False, "451"),
        (lambda: Sink(answers={".": "554 spam from anna@example.org"}), True, False, "554"),
        (lambda: Sink(answers={"DATA": "452 full"}), False, False, "452"),
        (lambda: Sink(answers={"MAIL": "553 not yours"}), False, True, "office@rostok.example"),
        (lambda: Sink(answers={"CONNECT": "421 busy"}), False, True, "421"),
        (lambda: Sink(hangs="CONNECT"), False, True, "in time"),
        (lambda: Sink(hangs="RCPT"), False, True, "in time"),
        (lambda: Sink(hangs="."), False, True, "in time"),
    ],
)
async def test_what_a_server_says_decides(
    tmp_path: Path, sink: Callable[[], Sink], final: bool, everywhere: bool, words: str
) -> None:
    async with sink().listening() as found:
        error = await problem(mailer(found, tmp_path))
    assert (error.final, error.everywhere) == (final, everywhere) and words in str(error)
    assert "anna" not in str(error), "nothing personal in what is logged"
    assert found.got == []


async def test_settings_that_cannot_work_are_named(tmp_path: Path) -> None:
    async with Sink().listening() as sink:
        assert "STARTTLS" in str(await problem(mailer(sink, tmp_path, starttls=True)))
    assert "refuses the connection" in str(await problem(mailer(sink, tmp_path)))
    nowhere = Mailer(Smtp(host="no-such-host.invalid"), tmp_path, timeout=5.0)
    assert "no-such-host.invalid" in str(await problem(nowhere))
    assert Smtp(host="", user="", password=SecretStr("x")).host is None
    for sender in ("nobody", "a@b\r\nBcc: c@d", "@"):
        with pytest.raises(ValidationError):
            Smtp(sender=sender)


@pytest.mark.parametrize(
    "to",
    [
        "anna@example.org\r\nBcc: eve@example.org",
        "anna@example.org, eve@example.org",
        "Anna <anna@example.org>",
        "anna@example.org\n",
        "anna",
        "@example.org",
        "anna@" + "д" * 300,
    ],
)
async def test_an_address_is_one_address(tmp_path: Path, to: str) -> None:
    async with Sink().listening() as sink:
        error = await problem(mailer(sink, tmp_path), Letter(to, "x", "x"))
    assert error.final and sink.commands == []


async def test_nothing_gets_into_the_headers(tmp_path: Path) -> None:
    letter = Letter(
        "anna@example.org", "Тема\r\nBcc: eve@example.org\n\nтело", "Bcc: eve@example.org\r\n.\r\nDATA\r\n"
    )
    async with Sink().listening() as sink:
        await mailer(sink, tmp_path).send(letter, now=START)
    (got,) = sink.got
    assert got.receivers == ("anna@example.org",) and got.message["Bcc"] is None
    assert got.message["Subject"] == "Тема Bcc: eve@example.org тело"
    assert got.message.get_content().splitlines() == ["Bcc: eve@example.org", ".", "DATA"]


async def test_a_domain_in_other_letters(tmp_path: Path) -> None:
    async with Sink().listening() as sink:
        await mailer(sink, tmp_path).send(Letter("anna@почта.рф", "x", "x"), now=START)
        assert sink.got[0].receivers == ("anna@xn--80a1acny.xn--p1ai",)
        assert (await problem(mailer(sink, tmp_path), Letter("анна@почта.рф", "x", "x"))).final


async def test_without_a_server_letters_are_files(tmp_path: Path) -> None:
    await Mailer(Smtp(), tmp_path / "mail").send(trial("anna@example.org", "ru"), now=START)
    (path,) = (tmp_path / "mail").iterdir()
    assert path.stat().st_mode & 0o777 == 0o600
