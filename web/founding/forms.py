"""What people type while founding, read and judged field by field. Pure: a form gives values and errors,
nothing is thrown away.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Any, Final

from coopnode import places
from coopnode.config import belong_together
from protocol import methodology
from protocol.methodology.parameters import kind_of
from web import i18n
from web.forms import FAULTS, Fields, Rule, clean, fault, texts

#: Errors are message ids in English; pages translate them.
Errors = dict[str, str]


@dataclass
class Read:
    """What was typed (shown again), what it means, and what is wrong with it."""

    typed: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    errors: Errors = field(default_factory=dict)

    def wrong(self, name: str, words: str) -> None:
        """The first reason at a field stands: what cannot be read is judged no further."""
        self.errors.setdefault(name, words)


_SHORT: Final = Rule("line", 64)
_LINE: Final = Rule("line", 200)
_LONG: Final = Rule("line", 500)
#: Every text field of these forms, by form. Names on cards and of organisations are lines: people add to
#: them what tells two apart.
IDENTITY: Final = {"name": _LINE, "country": _SHORT, "inn": _SHORT, "ogrn": _SHORT}
BASIS: Final = {"organ": _SHORT, "number": _SHORT, "date": _SHORT}
UNTIL: Final = {"until": _SHORT}
SEAT: Final = {"person": _LINE, "number": _SHORT, "since": _SHORT}
FOUNDERS: Final = {"founders": Rule("text", 210_000), "closes_days": _SHORT}
PERSON: Final = {
    "name": Rule("name", 200),
    "birth_date": _SHORT,
    "address": Rule("text", 500),
    "phone": _SHORT,
    "email": Rule("line", 254),
}
ENROLMENT: Final = {"number": _SHORT, "since": _SHORT, "name": _LINE, "person": _SHORT}
PLACE: Final = {
    "address": _LONG,
    "contact": _LONG,
    "responsible": _LONG,
    "processors": _LONG,
    "purpose": Rule("text", 1000),
}
ADDRESSES: Final = {"public_url": _LINE, "signing_url": _LINE}
MAIL: Final = {
    "mail": _SHORT,
    "host": Rule("line", 253),
    "port": _SHORT,
    "user": _LINE,
    "sender": _LINE,
    "to": Rule("line", 254),
}
#: A charter or agreement, and its title.
BODY: Final = {"body": Rule("text", 400_000)}
EDITION: Final = {"title": _LINE, **BODY}
INVITED: Final = {"person": _LINE}
VOIDED: Final = {"reason": Rule("text", 1000)}


def read(form: Fields, rules: Mapping[str, Rule], prefix: str = "") -> Read:
    """Typed and values are the same texts, apart from what a form makes of them."""
    found, faults = texts(form, {prefix + name: rule for name, rule in rules.items()})
    return Read(dict(found), dict(found), {name: FAULTS[code] for name, code in faults.items()})


def text(form: Fields, name: str) -> str:
    """What chooses something; a text that is kept has a rule."""
    value = form.get(name, "")
    return clean(value, "line") if isinstance(value, str) else ""


def multiline(form: Fields, name: str) -> str:
    value = form.get(name, "")
    return clean(value, "text") if isinstance(value, str) else ""


# --- the cooperative ------------------------------------------------------------------------------


#: A pack of no particular country: the founder says which.
NOWHERE: Final = "ZZ"


def identity(form: Fields, pack: methodology.Pack, *, existing: bool) -> Read:
    """Name, country, ИНН and ОГРН or what stands for them in the pack's country."""
    found = read(form, IDENTITY)
    place = places.of_pack(pack)
    name, country = found.values["name"], found.values["country"].upper()
    if pack.country != NOWHERE:
        country = pack.country
    inn, ogrn = (
        re.sub(r"[\s-]", "", found.values[key]) if place.local.numbers else found.values[key]
        for key in ("inn", "ogrn")
    )
    found.values = {"name": name, "country": country, "inn": inn, "ogrn": ogrn}
    found.typed = {**found.values}
    if not 3 <= len(name) <= 200:
        found.wrong("name", "Write the full name, as it stands or will stand in the charter.")
    if not re.fullmatch(r"[A-Z]{2}", country):
        found.wrong("country", "Two letters, for example RU.")
    for key, number in (("inn", inn), ("ogrn", ogrn)):
        if number and not place.number_fits(key, number):
            found.wrong(key, _NUMBERS.get((place.local.numbers, key), _NUMBER))
    if existing and place.local.numbers:
        for key in ("inn", "ogrn"):
            if not found.values[key]:
                found.wrong(
                    key, "A registered cooperative has this number. You find it in its registration papers."
                )
    return found


_NUMBER: Final = "Write the number as it stands in the papers: letters and digits."
_NUMBERS: Final = {
    ("ru", "inn"): "This is not an organisation's INN: ten digits, and the last one has to fit the others.",
    ("ru", "ogrn"): "This is not an OGRN: thirteen digits, and the last one has to fit the others.",
}


# --- rules ----------------------------------------------------------------------------------------

#: Groups of rules by the beginning of their key, in the order they are shown.
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "council": ("council.", "chair."),
    "members": ("member.", "identity.", "org."),
    "fees": ("fees.",),
    "founding": ("founding.",),
    "meeting": ("gm.",),
    "districts": ("plenipotentiary.", "district."),
    "funds": ("audit.", "funds.", "payout.", "loss.", "ledger."),
    "data": ("sign.", "consent.", "data.", "log.", "vote."),
    "network": ("join.", "ano.", "programmes.", "delegates."),
}


def group_of(key: str) -> str:
    return next((name for name, starts in GROUPS.items() if key.startswith(starts)), "network")


def keys_of(pack: methodology.Pack, group: str) -> list[str]:
    return [key for key in pack.parameters if group_of(key) == group]


def is_money(key: str) -> bool:
    return key.startswith(("fees.entrance.", "fees.share."))


def show(key: str, value: Any) -> str:
    """A value as it stands in an input."""
    if is_money(key):
        whole, rest = divmod(value, 100)
        return f"{whole},{rest:02d}" if rest else str(whole)
    kind = kind_of(value)
    if kind == "fraction":
        return f"{value[0]}/{value[1]}"
    if kind == "fractions":
        return ", ".join(f"{item[0]}/{item[1]}" for item in value)
    if kind == "texts":
        return ", ".join(value)
    return str(value)


def parameters(form: Fields, pack: methodology.Pack, group: str) -> Read:
    """The values of one group. Those equal to the pack's are left out of the charter."""
    found = Read()
    for key in keys_of(pack, group):
        parameter = pack.parameters[key]
        if parameter.by == "nobody":
            continue
        try:
            value = _parameter(form, key, parameter, found.typed)
            _readable(form, key, parameter)
        except ValueError as error:
            found.errors[key] = str(error)
            continue
        if value != parameter.value:
            found.values[key] = value
    return found


def _readable(form: Fields, key: str, parameter: methodology.Parameter) -> None:
    """Raises ValueError when one of the texts of a rule cannot be read or came twice."""
    if parameter.options is not None and kind_of(parameter.value) == "texts":
        return  # several boxes of one name; what is no option is left out
    inner = [f"{key}:{name}" for name in parameter.value] if isinstance(parameter.value, dict) else [key]
    for words in read(form, dict.fromkeys(inner, _LINE)).errors.values():
        raise ValueError(words)


def _parameter(form: Fields, key: str, parameter: methodology.Parameter, typed: dict[str, Any]) -> Any:
    kind = kind_of(parameter.value)
    if kind == "map":
        values = {}
        for name in parameter.value:
            raw = text(form, f"{key}:{name}")
            typed[f"{key}:{name}"] = raw
            values[name] = _fraction(raw) if not isinstance(parameter.value[name], str) else raw
        return values
    if kind == "texts" and parameter.options is not None:
        chosen = [str(item) for item in form.getall(key, [])]
        typed[key] = chosen
        return [item for item in parameter.options if item in chosen]
    raw = text(form, key)
    typed[key] = raw
    if kind == "boolean":
        return raw == "yes"
    if kind == "text":
        return raw
    if kind == "fraction":
        return _fraction(raw)
    if kind == "fractions":
        return [_fraction(item) for item in re.split(r"[;,]", raw) if item.strip()]
    if kind == "texts":
        return [item.strip() for item in raw.split(",") if item.strip()]
    return _money(raw) if is_money(key) else _integer(raw)


def _fraction(raw: str) -> list[int]:
    """`3/4`, `75 %` or `0,75`."""
    cleaned = raw.replace(",", ".").replace(" ", "").replace("\u00a0", "").replace("\u202f", "")
    try:
        value = Fraction(cleaned.rstrip("%")) / (100 if cleaned.endswith("%") else 1)
    except (ValueError, ZeroDivisionError):
        raise ValueError("Write a fraction such as 3/4 or a decimal such as 0.75.") from None
    if not 0 <= value <= 1:
        raise ValueError("A fraction lies between 0 and 1.")
    return [value.numerator, value.denominator]


def _integer(raw: str) -> int:
    cleaned = re.sub(r"[\s\u00a0\u202f]", "", raw)
    if not re.fullmatch(r"\d{1,12}", cleaned, re.ASCII):
        raise ValueError("Write a whole number.")
    return int(cleaned)


def _money(raw: str) -> int:
    cleaned = re.sub(r"[\s\u00a0\u202f₽]", "", raw).replace(",", ".")
    match = re.fullmatch(r"(\d{1,10})(?:\.(\d{1,2}))?", cleaned, re.ASCII)
    if match is None:
        raise ValueError("Write an amount, for example 300 or 300,50.")
    return int(match[1]) * 100 + int((match[2] or "").ljust(2, "0"))


# --- decisions on paper, seats, people ------------------------------------------------------------

ORGANS: Final = ("founding_meeting", "general_meeting", "council")
SEAT_ROLES: Final = ("chair", "secretary", "accountant", "member")


def basis(form: Fields, prefix: str, organs: Sequence[str], today: date) -> Read:
    """Organ, number and date of minutes on paper."""
    found = read(form, BASIS, f"{prefix}_")
    organ, number, day = (found.typed[f"{prefix}_{name}"] for name in BASIS)
    found.values = {"organ": organ, "number": number, "date": day}
    if organ not in organs:
        found.wrong(f"{prefix}_organ", "Choose who decided.")
    if (decided := _day(day)) is None:
        found.wrong(f"{prefix}_date", "Give the day of the minutes.")
    elif decided > today:
        found.wrong(f"{prefix}_date", "This day lies ahead.")
    return found


def until(form: Fields, today: date, years: int) -> Read:
    """Last day of the council's term."""
    found = read(form, UNTIL)
    day = _day(found.values["until"])
    if day is None:
        found.wrong("until", "Give the last day of the council's term.")
    elif day <= today:
        found.wrong("until", "This day has passed: elect a council first.")
    elif day.year > today.year + years + 1:
        found.wrong("until", "The term is longer than the charter allows.")
    return found


def seats(form: Fields, today: date) -> Read:
    """Rows `seat-0-role`, …; a row without a role is empty."""
    found = Read()
    rows: list[dict[str, Any]] = []
    indexes = sorted(
        {int(match[1]) for name in _names(form) if (match := re.fullmatch(r"seat-(\d{1,2})-\w+", name))}
    )
    mine = text(form, "mine")
    for index in indexes:
        row = _seat(form, index, mine, today, found.errors)
        if row is not None:
            rows.append(row)
    found.values = {"seats": rows}
    chairs = sum("chair" in row["roles"] for row in rows)
    if len(rows) < 2:
        found.errors["seats"] = "Name at least two seats."
    elif chairs != 1:
        found.errors["seats"] = "Exactly one seat is the chair's."
    elif sum("secretary" in row["roles"] for row in rows) != 1:
        found.errors["seats"] = "Name who keeps the papers: exactly one secretary."
    numbers = [row["number"] for row in rows if row["number"] is not None]
    if len(set(numbers)) != len(numbers):
        found.errors["seats"] = "Two people have the same membership number."
    return found


def _names(form: Any) -> list[str]:
    return [str(name) for name in form]


def _seat(form: Fields, index: int, mine: str, today: date, errors: Errors) -> dict[str, Any] | None:
    given = read(form, SEAT, f"seat-{index}-")
    roles = [role for role in form.getall(f"seat-{index}-roles", []) if role in SEAT_ROLES]
    person, number, since = (given.values[f"seat-{index}-{name}"] for name in SEAT)
    if not roles and not person and not number:
        return None
    errors |= given.errors
    voting = text(form, f"seat-{index}-voting") == "yes" or "chair" in roles
    row: dict[str, Any] = {
        "roles": roles or ["member"],
        "voting": voting,
        "person": person[:200],  # kept in the draft, though too long to go on
        "number": None,
        "since": since,
    }
    row["mine"] = mine == str(index)
    if not person:
        errors.setdefault(f"seat-{index}-person", "Write the name: it stands on the invitation.")
    if number:
        if re.fullmatch(r"[1-9]\d{0,8}", number, re.ASCII):
            row["number"] = int(number)
            if (day := _day(since)) is None or day > today:
                words = "With a membership number give the day of joining."
                errors.setdefault(f"seat-{index}-since", words)
        else:
            errors.setdefault(f"seat-{index}-number", "A membership number is a whole number from 1.")
    return row


def founders(form: Fields, minimum: int) -> Read:
    """Names of the other founders, one a line, for the printed cards."""
    found = read(form, FOUNDERS)
    names = [clean(line, "line") for line in found.typed["founders"].split("\n") if line.strip()]
    if any(fault(name, _LINE) for name in names):
        found.wrong("founders", "A name in this list is too long or cannot be read.")
    found.values = {"founders": names, "closes_days": 14}
    if len(set(names)) != len(names):
        found.wrong("founders", "One name stands twice. Tell the two apart.")
    elif len(names) + 1 < minimum:
        found.wrong("founders", "Fewer founders than the law asks for, you among them.")
    elif len(names) > 999:
        found.wrong("founders", "At most 1000 founders.")
    try:
        found.values["closes_days"] = _integer(found.typed["closes_days"] or "14")
    except ValueError as error:
        found.wrong("closes_days", str(error))
    else:
        if not 1 <= found.values["closes_days"] <= 90:
            found.wrong("closes_days", "Between 1 and 90 days.")
    return found


def person(form: Fields, today: date, min_age: int) -> Read:
    """Personal data of whoever joins: the private fields of an acceptance."""
    found = read(form, PERSON)
    found.values["phone"] = i18n.place().phone(found.values["phone"])
    if len(found.values["name"].split()) < 2:
        found.wrong("name", "Write surname and given names in full.")
    born = _day(found.values["birth_date"])
    if born is None or born.year < 1900 or born > today:
        found.wrong("birth_date", "Give the date of birth.")
    elif _years(born, today) < min_age:
        found.wrong("birth_date", "The charter asks for a higher age.")
    if len(found.values["address"]) < 8:
        found.wrong("address", "Write the address with town, street and house.")
    if not re.fullmatch(r"\+\d{10,15}", found.values["phone"], re.ASCII):
        found.wrong("phone", "Write the number with its code.")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+\.[^@\s]+", found.values["email"]):
        found.wrong("email", "This does not look like an e-mail address.")
    return found


def enrolment(form: Fields, today: date) -> Read:
    """One existing member: number, day of joining, name."""
    found = read(form, ENROLMENT)
    found.values["person"] = found.values["person"] or "person"
    found.typed = {**found.values}
    for name, words in _enrolment_errors(found.values, today).items():
        found.wrong(name, words)
    return found


def _enrolment_errors(values: Mapping[str, str], today: date) -> Errors:
    errors: Errors = {}
    if not re.fullmatch(r"[1-9]\d{0,8}", values["number"], re.ASCII):
        errors["number"] = "A membership number is a whole number from 1."
    day = _day(values["since"])
    if day is None:
        errors["since"] = "Give the day of joining."
    elif day > today:
        errors["since"] = "This day lies ahead."
    rule = _LINE if values["person"] == "organisation" else PERSON["name"]
    if not values["name"]:
        errors["name"] = "Write the name."
    elif wrong := fault(values["name"], rule):
        errors["name"] = FAULTS[wrong]
    if values["person"] not in ("person", "entrepreneur", "organisation"):
        errors["person"] = "Choose who it is."
    return errors


def iso_day(raw: str) -> str:
    """`18.05.2024` as people write it → `2024-05-18`."""
    match = re.fullmatch(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", raw.strip())
    return f"{match[3]}-{match[2]:0>2}-{match[1]:0>2}" if match else raw.strip()


def _day(raw: str) -> date | None:
    """No cooperative and no paper of one is older than its first century; the last day has no midnight."""
    try:
        found = date.fromisoformat(iso_day(raw)) if raw else None
    except ValueError:
        return None
    return found if found is not None and 1800 <= found.year < date.max.year else None


def _years(born: date, today: date) -> int:
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def place(form: Fields) -> Read:
    """What the texts name: address, how to ask, purpose, and who handles personal data."""
    found = read(form, PLACE)
    if len(found.values["address"]) < 8:
        found.wrong("address", "Write the address with town, street and house.")
    if len(found.values["contact"]) < 5:
        found.wrong("contact", "Give an e-mail address or a telephone number for questions.")
    if len(found.values["purpose"]) < 10:
        found.wrong("purpose", "Say in a sentence what the cooperative is for.")
    return found


def addresses(form: Fields) -> Read:
    """Origins of the site and of signatures."""
    found = read(form, ADDRESSES)
    for name in ADDRESSES:
        value = found.typed[name].rstrip("/")
        found.typed[name] = found.values[name] = value
        if not re.fullmatch(r"https://[^/\s?#@]+|http://(localhost|127\.0\.0\.1)(:\d{1,5})?", value):
            found.wrong(
                name,
                "An address such as https://coop.example, without a path. Only localhost goes without https.",
            )
    if not found.errors and not belong_together(found.values["public_url"], found.values["signing_url"]):
        found.wrong(
            "signing_url",
            "Signatures need an address of their own on the same site: another name such as "
            "https://sign.coop.example, or the same name with another port.",
        )
    return found


def mail(form: Fields) -> Read:
    """How letters leave the node."""
    found = read(form, MAIL)
    way = found.values.pop("mail")
    to = found.values.pop("to")
    if to and not re.fullmatch(r"[^@\s,;<>\"]+@[^@\s,;<>\"]+", to):
        found.wrong("to", "This does not look like an e-mail address.")
    # As it is: spaces belong to a password.
    password = form.get("password", "")
    found.values |= {"way": way, "password": password if isinstance(password, str) else ""}
    if not found.values["password"].isprintable() or len(found.values["password"]) > 200:
        found.wrong("password", FAULTS["unreadable"])
    if way not in ("folder", "smtp"):
        found.wrong("mail", "Choose how letters leave the node.")
    if way != "smtp":
        return found
    if not re.fullmatch(r"[A-Za-z0-9.-]{3,253}", found.values["host"]):
        found.wrong("host", "The name of your mail provider's server, for example smtp.example.org.")
    port = found.values["port"] or "587"
    if not re.fullmatch(r"\d{2,5}", port, re.ASCII) or int(port) > 65_535:
        found.wrong("port", "Usually 587.")
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", found.values["sender"]):
        found.wrong("sender", "This does not look like an e-mail address.")
    return found
