"""What the letters of joining say, in Russian and English. Subjects carry no personal data; the page has the rest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Final, Literal, TypeAlias

Locale: TypeAlias = Literal["ru", "en"]
Audience: TypeAlias = Literal["applicant", "registrar", "secretary", "accountant"]


@dataclass(frozen=True, slots=True)
class Words:
    subject: str
    lines: tuple[str, ...]


#: By status of the application and who reads. `{number}` the application, `{decide_by}`, `{pay_by}`, `{amount}`.
LETTERS: Final[Mapping[tuple[str, Audience], Mapping[Locale, Words]]] = {
    ("applied", "applicant"): {
        "ru": Words(
            "Заявление получено",
            (
                "Ваше заявление № {number} принято и записано в журнал кооператива.",
                "Дальше секретарь проверит личность и документы и передаст заявление совету.",
                "Совет решит до {decide_by}. Заявление можно отозвать на странице ниже.",
            ),
        ),
        "en": Words(
            "Application received",
            (
                "Your application No. {number} has been received and entered in the cooperative's log.",
                "The secretary will now check your identity and papers and pass the application to the council.",
                "The council decides by {decide_by}. You may withdraw the application on the page below.",
            ),
        ),
    },
    ("identified", "applicant"): {
        "ru": Words(
            "Личность подтверждена",
            ("По заявлению № {number} подтверждена личность. Секретарь проверит, полны ли документы.",),
        ),
        "en": Words(
            "Identity confirmed",
            ("Identity has been confirmed for application No. {number}. The secretary now checks the papers.",),
        ),
    },
    ("complete", "applicant"): {
        "ru": Words(
            "Заявление передано совету",
            ("Документы по заявлению № {number} полны. Совет голосует и решит до {decide_by}.",),
        ),
        "en": Words(
            "Application passed to the council",
            ("The papers of application No. {number} are complete. The council votes and decides by {decide_by}.",),
        ),
    },
    ("admitted", "applicant"): {
        "ru": Words(
            "Совет принял решение: внесите взносы",
            (
                "Совет решил принять вас. Членство начнётся, когда поступят взносы: {amount}.",
                "Внесите их до {pay_by}. Как заплатить, написано на странице заявления.",
            ),
        ),
        "en": Words(
            "The council has decided: please pay the contributions",
            (
                "The council has decided to admit you. Membership begins when the contributions arrive: {amount}.",
                "Please pay by {pay_by}. The application's page says how.",
            ),
        ),
    },
    ("member", "applicant"): {
        "ru": Words(
            "Вы приняты в кооператив",
            ("Взносы поступили. С этого дня вы пайщик: свидетельство и права на странице ниже.",),
        ),
        "en": Words(
            "You are a member",
            ("The contributions have arrived. You are a member from today; your certificate is on the page below.",),
        ),
    },
    ("incomplete", "applicant"): {
        "ru": Words(
            "Заявление возвращено на доработку",
            (
                "Секретарь вернул заявление № {number}. Чего не хватает, написано на странице ниже.",
                "Исправьте и подайте заявление снова: введённые сведения сохранены.",
            ),
        ),
        "en": Words(
            "Application returned for completion",
            (
                "The secretary has returned application No. {number}. The page below says what is missing.",
                "Correct it and apply again: what you entered has been kept.",
            ),
        ),
    },
    ("refused", "applicant"): {
        "ru": Words(
            "Совет принял решение по заявлению",
            ("Совет отказал в приёме по заявлению № {number}. Основание написано на странице ниже.",),
        ),
        "en": Words(
            "The council has decided on your application",
            ("The council has refused application No. {number}. The reason is on the page below.",),
        ),
    },
    ("withdrawn", "applicant"): {
        "ru": Words("Заявление отозвано", ("Заявление № {number} отозвано. Вы можете подать новое в любое время.",)),
        "en": Words("Application withdrawn", ("Application No. {number} is withdrawn. You may apply again at any time.",)),
    },
    ("lapsed", "applicant"): {
        "ru": Words(
            "Срок оплаты прошёл",
            ("Взносы по заявлению № {number} не поступили в срок, поэтому решение совета потеряло силу.",
             "Вы можете подать заявление снова. Если вы заплатили, напишите бухгалтеру кооператива.",),
        ),
        "en": Words(
            "The time for payment has passed",
            ("The contributions for application No. {number} did not arrive in time, so the decision has lapsed.",
             "You may apply again. If you have paid, write to the cooperative's accountant.",),
        ),
    },
    ("undecided", "applicant"): {
        "ru": Words(
            "Совет не решил в срок",
            ("Совет не принял решения по заявлению № {number} в срок. Вы можете подать заявление снова.",),
        ),
        "en": Words(
            "The council did not decide in time",
            ("The council did not decide on application No. {number} in time. You may apply again.",),
        ),
    },
    ("applied", "registrar"): {
        "ru": Words(
            "Новое заявление о приёме",
            ("Поступило заявление № {number}. Проверьте личность заявителя. Срок решения совета: {decide_by}.",),
        ),
        "en": Words(
            "A new application for membership",
            ("Application No. {number} has arrived. Check the applicant's identity. Decision due {decide_by}.",),
        ),
    },
    ("identified", "secretary"): {
        "ru": Words(
            "Заявление ждёт проверки документов",
            ("По заявлению № {number} личность подтверждена. Проверьте документы и передайте заявление совету.",),
        ),
        "en": Words(
            "An application awaits your check",
            ("Identity is confirmed for application No. {number}. Check the papers and pass it to the council.",),
        ),
    },
    ("admitted", "accountant"): {
        "ru": Words(
            "Ожидаются взносы нового пайщика",
            ("По заявлению № {number} ожидается {amount} до {pay_by}. Подтвердите поступление.",),
        ),
        "en": Words(
            "Contributions of a new member are expected",
            ("{amount} is expected for application No. {number} by {pay_by}. Confirm when it has arrived.",),
        ),
    },
}

CODE: Final[Mapping[Locale, Words]] = {
    "ru": Words(
        "Код подтверждения: {code}",
        (
            "Ваш код: {code}",
            "Введите его на странице, где вы начали заявление. Код действует 15 минут.",
            "Если вы не подавали заявление, ничего делать не нужно.",
        ),
    ),
    "en": Words(
        "Confirmation code: {code}",
        (
            "Your code: {code}",
            "Enter it on the page where you began your application. It is valid for 15 minutes.",
            "If you did not apply, there is nothing you need to do.",
        ),
    ),
}

_MONTHS: Final[Mapping[Locale, tuple[str, ...]]] = {
    "ru": (
        *("января", "февраля", "марта", "апреля", "мая", "июня"),
        *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}
_MOSCOW: Final = timezone(timedelta(hours=3))


def day(moment: int, locale: Locale) -> str:
    found = datetime.fromtimestamp(moment, _MOSCOW)
    return f"{found.day} {_MONTHS[locale][found.month - 1]} {found.year}"


def render(words: Words, facts: Mapping[str, str], *, house: str, link: str, locale: Locale) -> tuple[str, str]:
    """(subject, text). The cooperative's name ends the letter; the subject says nothing about persons."""
    open_page = "Открыть страницу" if locale == "ru" else "Open the page"
    parts = [line.format_map(facts) for line in words.lines]
    if link:
        parts.append(f"{open_page}: {link}")
    text = "\n\n".join([*parts, f"— \n{house}"])
    return words.subject.format_map(facts), text + "\n"
