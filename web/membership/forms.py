"""What people type while joining and at the desk, read and judged field by field.

Pure: a form gives what was typed (shown again), what it means, and errors by field with a stable code. Words
of the codes stand in `MESSAGES`; pages translate them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, time
from typing import Any, Final

from web.forms import FAULTS, Fields, Rule, texts
from web.i18n import place


def N_(text: str) -> str:
    return text


#: Stable codes of errors at fields → message ids.
MESSAGES: Final[Mapping[str, str]] = {
    **FAULTS,
    "email_form": N_("This does not look like an e-mail address. Check it: a code goes there."),
    "code_form": N_("The code has six digits. You find it in the letter."),
    "code_wrong": N_("The code does not fit. Look at the newest letter and type it again."),
    "code_expired": N_("This code is no longer valid. Ask for a new one below."),
    "code_exhausted": N_("Too many wrong codes. Ask for a new one below."),
    "kind_missing": N_("Choose as whom you join."),
    "kind_later": N_("Organisations cannot join here yet."),
    "name_short": N_("Write surname and given names in full, as in your passport."),
    "birth_date_missing": N_("Give the date of birth."),
    "birth_date_wrong": N_("This date cannot be a date of birth. Check day, month and year."),
    "too_young": N_("The charter asks for a higher age."),
    "address_short": N_("Write the address with town, street and house."),
    "phone_form": N_("Write the number with its code."),
    "inn_form": N_("An INN of a person has twelve digits, and the last two have to fit the others."),
    "ogrn_form": N_("An OGRNIP has fifteen digits, and the last one has to fit the others."),
    "number_form": N_("Write the number as it stands in the papers: letters and digits."),
    "text_unopened": N_("Open this text before you go on: you will sign it."),
    "method_missing": N_("Choose how you checked the identity."),
    "level_missing": N_("Choose how sure you are."),
    "details_missing": N_("Write what you checked: kind of document, by whom it was issued, when you met."),
    "reason_short": N_("Write what is missing, so that the applicant can add it."),
    "confirm_missing": N_("Confirm that you checked it yourself."),
    "amount_form": N_("Write an amount, for example 300 or 300,50."),
    "amount_differs": N_("This is not the amount applied for. The contract takes exactly that amount."),
    "date_missing": N_("Give the day the money arrived."),
    "date_ahead": N_("This day lies ahead."),
    "date_wrong": N_("This is not a date. Write it as 18.05.2026."),
    "too_many_requests": N_("Too many requests from your address. Wait a few minutes and try again."),
    "mail_down": N_("The letter could not be sent just now. Nothing is lost; try again in a few minutes."),
    "file_missing": N_("Choose a file first."),
    "file_kind": N_("Only photos (JPEG, PNG) and PDF files are taken."),
    "file_large": N_("The file is larger than 10 MB. Take a smaller photo."),
    "file_many": N_("Five files at most. Remove one first."),
    "wrong_status": N_("The application has moved on; files are no longer taken."),
}

Errors = dict[str, str]


@dataclass
class Read:
    """What was typed, what it means, and codes of what is wrong, by field."""

    typed: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    errors: Errors = field(default_factory=dict)

    def wrong(self, name: str, code: str) -> None:
        """The first reason at a field stands: what cannot be read is judged no further."""
        self.errors.setdefault(name, code)


_SHORT: Final = Rule("line", 64)
#: Every text field of these forms, by form.
EMAIL: Final = {"email": Rule("line", 254)}
CODE: Final = {"code": _SHORT}
KIND: Final = {"kind": _SHORT}
PERSON: Final = {
    "name": Rule("name", 200),
    "birth_date": _SHORT,
    "address": Rule("text", 500),
    "phone": _SHORT,
    "document": Rule("line", 300),
}
NUMBERS: Final = {"inn": _SHORT, "ogrn": _SHORT}
IDENTIFICATION: Final = {
    "method": _SHORT,
    "level": _SHORT,
    "details": Rule("text", 2000),
    "sure": _SHORT,
}
REASON: Final = {"reason": Rule("text", 2000)}
PAYMENT: Final = {
    "entrance": _SHORT,
    "share": _SHORT,
    "received": _SHORT,
    "reference": Rule("line", 200),
}


def _read(form: Fields, rules: Mapping[str, Rule]) -> Read:
    """Typed and values are the same texts, apart from what a form makes of them."""
    found, faults = texts(form, rules)
    return Read(dict(found), dict(found), faults)


# --- the applicant --------------------------------------------------------------------------------


_EMAIL: Final = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,190}\.[^@\s,;<>\"]{2,63}")


def email(form: Fields) -> Read:
    found = _read(form, EMAIL)
    if not _EMAIL.fullmatch(found.values["email"]):
        found.wrong("email", "email_form")
    return found


def code(form: Fields) -> Read:
    """People copy a code with spaces."""
    found = _read(form, CODE)
    found.values["code"] = re.sub(r"[\s-]", "", found.typed["code"])
    if not re.fullmatch(r"\d{6}", found.values["code"], re.ASCII):
        found.wrong("code", "code_form")
    return found


def kind(form: Fields) -> Read:
    found = _read(form, KIND)
    if found.values["kind"] == "organisation":
        found.wrong("kind", "kind_later")
    elif found.values["kind"] not in ("person", "entrepreneur"):
        found.wrong("kind", "kind_missing")
    return found


def person(form: Fields, kind: str, today: date, min_age: int) -> Read:
    """The private fields of an application."""
    found = _read(form, PERSON | NUMBERS if kind == "entrepreneur" else PERSON)
    values = found.values
    values["phone"] = place().phone(values["phone"])
    if len(values["name"].split()) < 2:
        found.wrong("name", "name_short")
    if error := birth_error(values["birth_date"], today, min_age):
        found.wrong("birth_date", error)
    if len(values["address"]) < 10:
        found.wrong("address", "address_short")
    if not re.fullmatch(r"\+\d{10,15}", values["phone"], re.ASCII):
        found.wrong("phone", "phone_form")
    if kind == "entrepreneur":
        if place().local.numbers:
            values |= {name: re.sub(r"[\s-]", "", values[name]) for name in NUMBERS}
        if not place().number_fits("person", values["inn"]):
            found.wrong("inn", number_code("inn_form"))
        if not place().number_fits("trade", values["ogrn"]):
            found.wrong("ogrn", number_code("ogrn_form"))
    return found


def number_code(russian: str) -> str:
    """What is said of a number that cannot be one, where no country's check digits are known."""
    return russian if place().local.numbers == "ru" else "number_form"


def birth_error(text: str, today: date, min_age: int) -> str | None:
    if not text:
        return "birth_date_missing"
    born = day(text)
    if born is None or born.year < 1900 or born > today:
        return "birth_date_wrong"
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return "too_young" if years < min_age else None


def consents(form: Fields, optional: frozenset[str]) -> set[str]:
    return {str(name) for name in form.getall("consent", []) if name in optional}


# --- the desk -------------------------------------------------------------------------------------


def identification(form: Fields, methods: tuple[str, ...]) -> Read:
    found = _read(form, IDENTIFICATION)
    level = found.values.pop("level")
    if found.values["method"] not in methods:
        found.wrong("method", "method_missing")
    if level not in ("1", "2"):
        found.wrong("level", "level_missing")
    else:
        found.values["level"] = int(level)
    if len(found.values["details"]) < 5:
        found.wrong("details", "details_missing")
    if found.values.pop("sure") != "yes":
        found.wrong("sure", "confirm_missing")
    return found


def reason(form: Fields) -> Read:
    found = _read(form, REASON)
    if len(found.values["reason"]) < 10:
        found.wrong("reason", "reason_short")
    return found


def payment(form: Fields, due: tuple[int, int], now: int) -> Read:
    """Amounts in minor units; `received_at` is noon of the day, never later than now."""
    found = _read(form, PAYMENT)
    for name, expected in zip(("entrance", "share"), due, strict=True):
        amount = money(found.typed[name])
        if amount is None:
            found.wrong(name, "amount_form")
        elif amount != expected:
            found.wrong(name, "amount_differs")
        found.values[name] = amount
    received = day(found.typed["received"])
    today = place().at(now).date()
    if received is None:
        found.wrong("received", "date_missing")
    elif received > today:
        found.wrong("received", "date_ahead")
    else:
        noon = place().seconds(received, time(12))
        found.values["received_at"] = min(noon, now)
    return found


def money(text: str) -> int | None:
    cleaned = re.sub(r"[\s\u00a0\u202f₽]", "", text).replace(",", ".")
    match = re.fullmatch(r"(\d{1,10})(?:\.(\d{1,2}))?", cleaned, re.ASCII)
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")) if match else None


def money_typed(amount: int) -> str:
    whole, rest = divmod(amount, 100)
    return f"{whole},{rest:02d}" if rest else str(whole)


# --- dates ----------------------------------------------------------------------------------------


def day(text: str) -> date | None:
    """`2026-05-18` as browsers send it, or `18.05.2026` as people type it."""
    if match := re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", text.strip(), re.ASCII):
        text = f"{match[3]}-{int(match[2]):02d}-{int(match[1]):02d}"
    try:
        found = date.fromisoformat(text.strip())
    except ValueError:
        return None
    return found if found > date.min and found < date.max else None  # the ends have no midnight everywhere


def end_of(day: date) -> int:
    """The last second of a day by the cooperative's clock."""
    return place().seconds(day, time(23, 59, 59))


def suffix(media_type: str) -> str:
    return {"image/jpeg": ".jpg", "image/png": ".png", "application/pdf": ".pdf"}.get(media_type, "")
