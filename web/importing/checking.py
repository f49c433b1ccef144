"""The dry run: every line of a table judged, nothing changed. Pure.

A line is *ready*; or *wrong*, with the column and the reason; or a *double*, which waits for the officer to
say whether it is skipped or both are kept; or *skipped*; or *done*, because its number has this very name in
the register by now (a former member's number is taken). What of contacts cannot be read is left out with a
remark and stops nobody from becoming a member.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal

from coopnode.importing.drafts import Choice, File, Line, Person
from coopnode.importing.known import Known
from coopnode.places import Place
from web.forms import FAULTS, N_, Rule, clean, fault

Standing = Literal["ready", "wrong", "double", "skipped", "done"]

_NAME: Final = Rule("name", 200)
_TITLE: Final = Rule("line", 200)
_ADDRESS: Final = Rule("line", 300)
#: Before it time is negative in the log, and cooperatives of Russia have no paper of it.
_FIRST_DAY: Final = date(1970, 1, 2)
#: Kept of those with the same name, name and date of birth, e-mail or telephone.
_DOUBLES: Final = 5
_MONTHS: Final = (
    *("января", "февраля", "марта", "апреля", "мая", "июня"),
    *("июля", "августа", "сентября", "октября", "ноября", "декабря"),
)

MESSAGES: Final[Mapping[str, str]] = {
    "number_wrong": N_("A membership number is a whole number from 1."),
    "number_missing": N_("The membership number is missing."),
    "name_missing": N_("The name is missing."),
    "since_missing": N_("The day of joining is missing."),
    "date_wrong": N_("This is not a date. Write it as 18.05.2024."),
    "year_short": N_("Write the year with four digits."),
    "since_ahead": N_("This day lies ahead."),
    "since_early": N_("The register can begin in 1970. Write 02.01.1970 and keep the older paper."),
    "since_before_birth": N_("The day of joining is earlier than the date of birth."),
    "person_wrong": N_("This is neither a person, a sole trader nor an organisation."),
    "amount_wrong": N_("This is not an amount. Write it as 300 or 300,50."),
    "number_taken": N_("The number belongs to somebody else in the register: %(name)s."),
    "number_kept": N_("The number is kept for a seat of the council."),
    "number_left": N_("The number stays with a former member: %(name)s."),
    "number_twice": N_("The number stands in line %(line)s already: %(name)s."),
    "email_wrong": N_("This is no e-mail address: it will not be kept."),
    "phone_wrong": N_("This is no telephone number: it will not be kept."),
    "birth_wrong": N_("This is no date of birth: doubles are looked for without it."),
    "address_wrong": N_("The address cannot be read: it will not be kept."),
    **FAULTS,
}
#: About doubles; `where` is words for line, register or application.
DOUBLES: Final[Mapping[str, str]] = {
    "name": N_("The same name and date of birth: %(where)s."),
    "name_alone": N_("The same name: %(where)s."),
    "email": N_("The same e-mail address: %(where)s."),
    "phone": N_("The same telephone: %(where)s."),
}


@dataclass(frozen=True, slots=True)
class Remark:
    """About a cell: its field, the message id and its facts, what was read. `stops`: the line is not
    signed."""

    field: str
    words: str
    facts: Mapping[str, Any]
    read: str
    stops: bool = True


@dataclass(frozen=True, slots=True)
class Double:
    """Somebody who may be the same person: in another line, or known to the cooperative."""

    why: Literal["name", "name_alone", "email", "phone"]
    where: Literal["line", "member", "invited", "left", "applying"]
    number: int
    name: str


@dataclass(slots=True)
class Judged:
    line: int
    cells: Mapping[str, str]
    remarks: list[Remark] = field(default_factory=list)
    doubles: list[Double] = field(default_factory=list)
    choice: Choice | None = None
    done: bool = False
    number: int = 0
    since: str = ""
    name: str = ""
    person: Person = "person"
    birth_date: str = ""
    email: str = ""
    phone: str = ""
    address: str = ""
    entrance: int | None = None
    share: int | None = None

    @property
    def standing(self) -> Standing:
        if self.done:
            return "done"
        if self.choice == "skip":
            return "skipped"
        if any(remark.stops for remark in self.remarks):
            return "wrong"
        return "double" if self.doubles and self.choice != "keep" else "ready"

    def remark(self, field: str, code: str, *, stops: bool = True, **facts: Any) -> None:
        self.remarks.append(Remark(field, MESSAGES[code], facts, self.cells.get(field, ""), stops))

    def signed(self) -> Line:
        return Line(
            self.line,
            self.number,
            self.since,
            self.name,
            self.person,
            self.email,
            self.phone,
            self.address,
            self.entrance,
            self.share,
        )


@dataclass(frozen=True, slots=True)
class Report:
    lines: tuple[Judged, ...]

    def of(self, *standings: Standing) -> list[Judged]:
        return [line for line in self.lines if line.standing in standings]

    def count(self, standing: Standing) -> int:
        return sum(line.standing == standing for line in self.lines)

    def sum(self, name: Literal["entrance", "share"], *standings: Standing) -> int:
        return sum(getattr(line, name) or 0 for line in self.of(*standings))

    @property
    def has_money(self) -> bool:
        return any(line.share or line.entrance for line in self.of("ready", "done"))


def check(file: File, known: Iterable[Known], today: date, place: Place) -> Report:
    """`place` is where the cooperative is: how telephones are written there."""
    lines = [_judged(file, at, today, place) for at in range(int(file.heading), len(file.rows))]
    everybody = list(known)
    _in_register(lines, everybody)
    _numbers(lines)
    _doubles(lines, everybody, place)
    return Report(tuple(lines))


# --- one line -------------------------------------------------------------------------------------


def _judged(file: File, row_at: int, today: date, place: Place) -> Judged:
    row = file.rows[row_at]
    cells = {name: row[at] for at, name in enumerate(file.columns) if name and at < len(row)}
    if "surname" in cells:
        parts = (cells.get(part, "") for part in ("surname", "given", "patronymic"))
        cells["name"] = " ".join(part for part in parts if part)
    line = file.lines[row_at]
    found = Judged(line, cells, choice=file.choices.get(line))
    _number(found)
    _name(found)
    _dates(found, today)
    _contacts(found, place)
    for money in ("share", "entrance"):
        _amount(found, money)
    return found


def _number(found: Judged) -> None:
    read = re.sub(r"^(no|n|№)\s*", "", found.cells.get("number", "").strip().casefold())
    if not read:
        return found.remark("number", "number_missing")
    if not re.fullmatch(r"0{0,6}[1-9]\d{0,8}", read, re.ASCII):
        return found.remark("number", "number_wrong")
    found.number = int(read)


_ORGANISATION: Final = re.compile(
    r"(ооо|ао|пао|зао|оао|нко|спк|спок|пк|тсж|снт|ано|мук|гуп|муп|по|потреб\w*)\b"
)
_TRADER: Final = re.compile(r"(ип|индивидуальный предприниматель)\b")


def _name(found: Judged) -> None:
    read = found.cells.get("name", "")
    found.person = _person(found, read)
    rule = _TITLE if found.person == "organisation" else _NAME
    found.name = clean(read, rule.kind)
    if not found.name:
        return found.remark("name", "name_missing")
    if wrong := fault(found.name, rule):
        found.remark("name", wrong)


def _person(found: Judged, name: str) -> Person:
    read = found.cells.get("person", "").strip().casefold().replace("ё", "е")
    kinds: tuple[tuple[Person, str], ...] = (
        ("entrepreneur", r"ип\b|и\.? ?п\.|индивид|предприн|sole|trader|entrepreneur|self"),
        ("organisation", r"орг|юр|ооо|ао\b|комп|предприятие|org|compan|legal|business"),
        ("person", r"физ|граж|пайщик|чел|лицо|person|indiv|human|natural"),
    )
    if read:
        for person, pattern in kinds:
            if re.match(pattern, read):
                return person
        found.remark("person", "person_wrong")
        return "person"
    lowered = name.strip().casefold().lstrip('«"')
    if _TRADER.match(lowered):
        return "entrepreneur"
    return "organisation" if _ORGANISATION.match(lowered) else "person"


def _dates(found: Judged, today: date) -> None:
    born = day(found.cells.get("birth_date", ""))
    if isinstance(born, date) and born.year >= 1900 and born <= today:
        found.birth_date = born.isoformat()
    elif found.cells.get("birth_date"):
        found.remark("birth_date", "birth_wrong", stops=False)
    since = day(found.cells.get("since", ""))
    if isinstance(since, str):
        return found.remark("since", since if found.cells.get("since") else "since_missing")
    if since > today:
        return found.remark("since", "since_ahead")
    if since < _FIRST_DAY:
        return found.remark("since", "since_early")
    if found.birth_date and since.isoformat() < found.birth_date and found.person == "person":
        return found.remark("since", "since_before_birth")
    found.since = since.isoformat()


def day(read: str) -> date | str:
    """A day as people write it, or the code of what is wrong."""
    text = re.sub(r"\s*(г\.?|года?)$", "", read.strip().casefold())
    written = re.fullmatch(r"(\d{1,2}) ([а-я]{3,8}) (\d{4})", text)
    if written:
        month = next((at for at, name in enumerate(_MONTHS, 1) if name.startswith(written[2])), 0)
        return _date(int(written[3]), month, int(written[1]))
    match = re.fullmatch(r"(\d{1,2})[./-](\d{1,2})[./-](\d{4}|\d{2})", text, re.ASCII)
    if match:
        if len(match[3]) == 2:
            return "year_short"
        return _date(int(match[3]), int(match[2]), int(match[1]))
    match = re.fullmatch(r"(\d{4})-(\d{1,2})-(\d{1,2})", text, re.ASCII)
    return _date(int(match[1]), int(match[2]), int(match[3])) if match else "date_wrong"


def _date(year: int, month: int, of: int) -> date | str:
    try:
        return date(year, month, of)
    except ValueError:
        return "date_wrong"


def _contacts(found: Judged, place: Place) -> None:
    cells = found.cells
    email = re.split(r"[;,\s]+", cells.get("email", "").strip())[0]
    if email and re.fullmatch(r"[^@\s<>\"]{1,64}@[^@\s<>\"]+\.[^@\s<>\"]+", email) and len(email) <= 254:
        found.email = email
    elif email:
        found.remark("email", "email_wrong", stops=False)
    written = re.split(r"[;,/]", cells.get("phone", ""))[0]
    phone = place.phone(_number_in(written))
    if re.fullmatch(r"\+\d{10,15}", phone, re.ASCII):
        found.phone = phone
    elif cells.get("phone", "").strip():
        found.remark("phone", "phone_wrong", stops=False)
    address = clean(cells.get("address", ""), "line")
    if fault(address, _ADDRESS):
        found.remark("address", "address_wrong", stops=False)
    else:
        found.address = address


def _number_in(written: str) -> str:
    """«моб. 8 900 123–45–67» without its word; dashes and spaces of any kind as they are dialled."""
    return re.sub(r"^[^\d+(]+|\D+$", "", re.sub(r"[\s\u2010-\u2015]", " ", written))


def _amount(found: Judged, name: Literal["share", "entrance"]) -> None:
    read = found.cells.get(name, "").strip()
    if not read or read in ("-", "—"):
        return
    text = re.sub(r"\s|[\u00a0\u202f]|₽|руб(лей|ля|ль)?\.?|р\.?$|rub", "", read.casefold())
    match = re.fullmatch(r"(\d{1,12})(?:[.,](\d{1,2})0*)?", text, re.ASCII)
    if match is None:
        return found.remark(name, "amount_wrong")
    setattr(found, name, int(match[1]) * 100 + int((match[2] or "").ljust(2, "0")))


# --- lines against each other, and against whom the cooperative knows -------------------------------


def folded(name: str) -> str:
    """One spelling of a name: case, «ё», quotes and hyphens aside."""
    return " ".join(re.sub(r"[\W_]+", " ", name.casefold().replace("ё", "е")).split())


def _in_register(lines: Sequence[Judged], known: Sequence[Known]) -> None:
    numbers = {each.number: each for each in known if each.standing != "applying"}
    for line in lines:
        held = numbers.get(line.number)
        if held is None:
            continue
        if held.standing == "kept":
            line.remark("number", "number_kept")
        elif held.standing == "left":
            line.remark("number", "number_left", name=held.name or "…")
        elif held.name and folded(held.name) == folded(line.name):
            line.done = True
        else:
            line.remark("number", "number_taken", name=held.name or "…")


def _numbers(lines: Sequence[Judged]) -> None:
    """Of lines with one number the first that is not skipped has it."""
    first: dict[int, Judged] = {}
    for line in lines:
        if not line.number or line.standing in ("skipped", "done"):
            continue
        before = first.setdefault(line.number, line)
        if before is not line:
            line.remark("number", "number_twice", line=before.line, name=before.name)


def _doubles(lines: Sequence[Judged], known: Sequence[Known], place: Place) -> None:
    """Each line against those before it and against everybody known; one double for each person, and of many
    who share a key the first few: a table of one name has as many pairs as lines by lines."""
    # By kind, key and date of birth; None is whatever date.
    seen: dict[tuple[str, str, str | None], list[tuple[Double, str]]] = {}

    def note(kind: str, key: str, double: Double, born: str) -> None:
        for date_of in (born, None) if key else ():
            held = seen.setdefault((kind, key, date_of), [])
            if len(held) < _DOUBLES:
                held.append((double, born))

    def alike(kind: str, key: str, born: str) -> Iterator[tuple[Double, str]]:
        """Namesakes with another date of birth are not."""
        for date_of in (born, "") if born and kind == "name" else (None,):
            yield from seen.get((kind, key, date_of), ())

    # A line that is done says more of its person than the register does until they confirm: a date of birth.
    done = {line.number: line.birth_date for line in lines if line.done}
    for each in known:
        if each.standing == "kept":
            continue
        born = each.birth_date or (done.get(each.number, "") if each.standing != "applying" else "")
        here = (each.standing, each.number, each.name)
        note("name", folded(each.name), Double("name", *here), born)
        note("email", each.email.casefold(), Double("email", *here), "")
        note("phone", place.phone(each.phone), Double("phone", *here), "")
    for line in lines:
        if line.standing in ("skipped", "done"):
            continue
        found: dict[tuple[str, int], Double] = {}
        keys = (("name", folded(line.name)), ("email", line.email.casefold()), ("phone", line.phone))
        for kind, key in keys:
            for double, born in alike(kind, key, line.birth_date):
                if kind == "name":
                    sure = bool(born and line.birth_date)
                    double = Double(
                        "name" if sure else "name_alone", double.where, double.number, double.name
                    )
                found.setdefault((double.where, double.number), double)
        line.doubles = list(found.values())
        for kind, key in keys:
            if kind == "name":
                note(kind, key, Double("name", "line", line.line, line.name), line.birth_date)
            else:
                note(
                    kind,
                    key,
                    Double("email" if kind == "email" else "phone", "line", line.line, line.name),
                    "",
                )
