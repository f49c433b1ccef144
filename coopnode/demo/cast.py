"""Who the people of the demo are. All of them are invented; so are their addresses and telephones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from protocol.wording import Locale

COOPERATIVE: Final = "Потребительское общество «Росток» (учебное)"
ADDRESS: Final = "Тверская область, Кашинский округ, с. Луговое, ул. Школьная, д. 3"
CONTACT: Final = "pravlenie@rostok.example, +7 900 000-00-00"
PURPOSE: Final = "совместные закупки семян, кормов и инвентаря, хранение и сбыт урожая пайщиков"
RESPONSIBLE: Final = "секретарь совета"


@dataclass(frozen=True, slots=True)
class Character:
    """`number` in the register kept on paper, `since` the day of joining there; None for who comes later.
    `place` makes the telephone."""

    key: str
    name: str
    birth_date: str
    address: str
    place: int
    number: int | None = None
    since: str = ""

    @property
    def particulars(self) -> dict[str, str]:
        return {
            "name": self.name,
            "birth_date": self.birth_date,
            "address": f"171620, Тверская область, Кашинский округ, {self.address}",
            "phone": f"+7 900 000-{self.place // 100:02}-{self.place % 100:02}",
            "email": f"{self.key}@rostok.example",
        }


#: key, name, day of birth, address, day of joining: the register as it was kept on paper, in its order. The
#: first five sit on the council.
_REGISTER: Final = (
    ("ryabinina", "Рябинина Вера Павловна", "1971-05-18", "с. Луговое, ул. Школьная, д. 12", "2019-03-02"),
    ("kostrov", "Костров Илья Андреевич", "1984-11-02", "с. Луговое, ул. Речная, д. 5", "2019-03-02"),
    ("zhdanova", "Жданова Тамара Ильинична", "1966-08-30", "с. Луговое, ул. Садовая, д. 21", "2019-03-02"),
    ("melnikov", "Мельников Пётр Саввич", "1958-01-14", "д. Выдрино, д. 8", "2019-03-02"),
    ("sobol", "Соболь Нина Георгиевна", "1990-04-25", "с. Луговое, ул. Новая, д. 3, кв. 2", "2020-10-11"),
    ("ageev", "Агеев Фёдор Николаевич", "1962-02-09", "с. Луговое, ул. Речная, д. 9", "2019-03-02"),
    ("bondar", "Бондарь Лидия Фёдоровна", "1969-12-01", "с. Луговое, ул. Речная, д. 11", "2019-03-02"),
    ("vershinin", "Вершинин Глеб Юрьевич", "1979-06-17", "д. Выдрино, д. 14", "2019-04-20"),
    ("gurova", "Гурова Зоя Михайловна", "1953-10-05", "с. Луговое, ул. Садовая, д. 4", "2019-04-20"),
    ("dyachkov", "Дьячков Степан Егорович", "1975-03-28", "д. Болотово, д. 2", "2019-05-12"),
    ("emelina", "Емелина Раиса Петровна", "1960-07-07", "с. Луговое, ул. Школьная, д. 17", "2019-05-12"),
    ("zharov", "Жаров Антон Викторович", "1988-09-19", "с. Луговое, ул. Новая, д. 3, кв. 7", "2019-09-01"),
    ("zimina", "Зимина Ольга Дмитриевна", "1982-01-23", "с. Луговое, ул. Новая, д. 5, кв. 1", "2019-09-01"),
    ("ilyukhin", "Илюхин Борис Захарович", "1949-05-09", "д. Выдрино, д. 1", "2019-09-01"),
    ("karaseva", "Карасева Марина Львовна", "1993-03-03", "с. Луговое, ул. Новая, д. 5, кв. 6", "2020-02-16"),
    ("lapin", "Лапин Егор Тимофеевич", "1986-12-12", "д. Болотово, д. 10", "2020-02-16"),
    ("maslova", "Маслова Инна Сергеевна", "1977-04-08", "с. Луговое, ул. Садовая, д. 13", "2020-02-16"),
    ("nazarov", "Назаров Кирилл Олегович", "1991-08-21", "с. Луговое, ул. Речная, д. 20", "2020-10-11"),
    ("ozerova", "Озерова Галина Ивановна", "1956-11-30", "с. Луговое, ул. Школьная, д. 8", "2020-10-11"),
    ("pakhomov", "Пахомов Виктор Ильич", "1964-06-02", "д. Выдрино, д. 22", "2020-10-11"),
    ("rodina", "Родина Светлана Юрьевна", "1981-02-14", "с. Луговое, ул. Новая, д. 1, кв. 4", "2021-03-06"),
    ("savin", "Савин Денис Романович", "1995-07-29", "с. Луговое, ул. Новая, д. 1, кв. 9", "2021-03-06"),
    ("tikhonova", "Тихонова Елена Борисовна", "1973-09-11", "д. Болотово, д. 15", "2021-03-06"),
    ("uvarov", "Уваров Матвей Ильич", "1987-10-16", "с. Луговое, ул. Речная, д. 2", "2021-11-27"),
    ("fomina", "Фомина Анна Кирилловна", "1996-05-31", "с. Луговое, ул. Садовая, д. 30", "2021-11-27"),
    ("kharlamov", "Харламов Юрий Степанович", "1959-03-15", "д. Выдрино, д. 17", "2022-02-19"),
    ("tsvetkova", "Цветкова Мария Глебовна", "1985-12-24", "с. Луговое, ул. Школьная, д. 25", "2022-02-19"),
    ("cherkasov", "Черкасов Лев Данилович", "1970-08-06", "д. Болотово, д. 6", "2022-09-10"),
    ("shubina", "Шубина Полина Андреевна", "1998-01-19", "с. Луговое, ул. Новая, д. 7, кв. 3", "2023-04-01"),
    ("yudin", "Юдин Захар Фёдорович", "1955-04-04", "д. Выдрино, д. 30", "2023-04-01"),
    ("yakovleva", "Яковлева Дарья Павловна", "1989-06-26", "с. Луговое, ул. Речная, д. 31", "2024-02-24"),
    ("klimov", "Климов Артём Игоревич", "1992-11-08", "с. Луговое, ул. Садовая, д. 2", "2024-02-24"),
    ("lobanova", "Лобанова Ирина Олеговна", "1974-07-13", "д. Болотово, д. 21", "2025-03-15"),
    ("nosov", "Носов Андрей Петрович", "1967-09-27", "с. Луговое, ул. Школьная, д. 30", "2025-03-15"),
)

#: Those who apply while the node keeps the register.
_APPLICANTS: Final = (
    ("vetrova", "Ветрова Ксения Алексеевна", "1994-02-11", "с. Луговое, ул. Новая, д. 7, кв. 8"),
    ("gromov", "Громов Тимур Сергеевич", "1983-06-06", "д. Выдрино, д. 5"),
    ("demidova", "Демидова Людмила Юрьевна", "1968-10-29", "с. Луговое, ул. Садовая, д. 17"),
    ("ershov", "Ершов Роман Викторович", "1990-12-03", "д. Болотово, д. 12"),
    ("kalinina", "Калинина Юлия Романовна", "1987-04-17", "с. Луговое, ул. Речная, д. 15"),
    ("litvinov", "Литвинов Олег Маркович", "1976-08-08", "с. Луговое, ул. Школьная, д. 19"),
    ("makarova", "Макарова Алла Денисовна", "1991-03-22", "с. Луговое, ул. Новая, д. 9, кв. 1"),
    ("nechaev", "Нечаев Игорь Львович", "1980-01-30", "д. Выдрино, д. 11"),
    ("osipova", "Осипова Вероника Ильинична", "1999-05-05", "с. Луговое, ул. Речная, д. 27"),
    ("platonov", "Платонов Сергей Глебович", "1965-09-14", "д. Болотово, д. 3"),
    ("rusakova", "Русакова Нелли Борисовна", "1978-11-11", "с. Луговое, ул. Садовая, д. 9"),
    ("strelkov", "Стрелков Павел Иванович", "1985-07-01", "д. Выдрино, д. 19"),
    ("titova", "Титова Надежда Олеговна", "1997-08-18", "с. Луговое, ул. Новая, д. 9, кв. 5"),
    ("ushakova", "Ушакова Софья Андреевна", "2004-06-20", "с. Луговое, ул. Школьная, д. 6"),
    ("filatov", "Филатов Ярослав Антонович", "1993-10-10", "д. Болотово, д. 18"),
    ("shirokova", "Широкова Дина Маратовна", "1986-02-27", "с. Луговое, ул. Речная, д. 33"),
)


def _everybody() -> Mapping[str, Character]:
    found = [
        Character(key, name, born, address, place, place, since)
        for place, (key, name, born, address, since) in enumerate(_REGISTER, 1)
    ]
    for place, (key, name, born, address) in enumerate(_APPLICANTS, len(found) + 1):
        found.append(Character(key, name, born, address, place))
    return {each.key: each for each in found}


PEOPLE: Final = _everybody()
REGISTER: Final[Sequence[str]] = tuple(row[0] for row in _REGISTER)
#: In the order of their seats, with the roles these give.
COUNCIL: Final[Mapping[str, tuple[str, ...]]] = {
    "ryabinina": ("chair", "member"),
    "kostrov": ("secretary", "member"),
    "zhdanova": ("accountant", "member"),
    "melnikov": ("member",),
    "sobol": ("member",),
}
CHAIR, SECRETARY, ACCOUNTANT, ONE, TWO = COUNCIL
#: Members of the paper register who were invited and have not come yet.
INVITED: Final = ("gurova", "ilyukhin", "ozerova", "kharlamov", "yudin", "lobanova", "nosov", "cherkasov")


@dataclass(frozen=True, slots=True)
class Role:
    """Somebody worth being, and what there is to do as them."""

    key: str
    title: Mapping[Locale, str]
    waits: Mapping[Locale, str]


def _role(key: str, title: tuple[str, str], waits: tuple[str, str]) -> Role:
    return Role(key, {"ru": title[0], "en": title[1]}, {"ru": waits[0], "en": waits[1]})


ROLES: Final = (
    _role(
        CHAIR,
        ("председатель совета", "chair of the council"),
        (
            "Решения совета ждут вашей подписи. Обычные решения о приёме за вас утверждает робот: "
            "посмотрите список.",
            "Decisions of the council wait for your signature. The robot signs ordinary admissions for you: "
            "see its list.",
        ),
    ),
    _role(
        SECRETARY,
        ("секретарь", "secretary"),
        (
            "Новые заявления: проверьте личность и передайте совету. Реестр, приглашения, протоколы.",
            "New applications: verify identities and pass them to the council. Register, invitations, "
            "minutes.",
        ),
    ),
    _role(
        ACCOUNTANT,
        ("бухгалтер, член совета", "accountant, on the council"),
        (
            "Заявители, о приёме которых решил совет, платят взносы: подтвердите поступление.",
            "People admitted pay their fees: attest the receipt.",
        ),
    ),
    _role(
        TWO,
        ("член совета", "member of the council"),
        (
            "Открытые вопросы, по которым вы ещё не голосовали.",
            "Open matters on which you have not voted yet.",
        ),
    ),
    _role(
        "maslova",
        ("пайщик", "member"),
        (
            "Новая редакция текста для подписи; ответ совета на ваше заявление — в разделе «Я».",
            "A new edition of a text to sign; the council's answer to your petition is under “Me”.",
        ),
    ),
    _role(
        "vershinin",
        ("пайщик, подал заявление в совет", "member who petitions the council"),
        ("Ваше заявление рассматривает совет.", "The council considers your petition."),
    ),
    _role(
        "nazarov",
        ("пайщик, выходит из общества", "member who leaves"),
        (
            "Заявление о выходе в совете; его ещё можно отозвать.",
            "Your application to leave is before the council; it can still be taken back.",
        ),
    ),
    _role(
        "savin",
        ("пайщик, восстанавливает учётную запись", "member who recovers the account"),
        (
            "Новый ключ заработает через три дня после восстановления.",
            "The new key begins to sign three days after the recovery.",
        ),
    ),
    _role(
        "shirokova",
        ("заявитель", "applicant"),
        (
            "Заявление подано: секретарь проверит личность.",
            "The application is made: the secretary will verify the identity.",
        ),
    ),
    _role(
        "rusakova",
        ("заявитель, совет решил принять", "applicant, admitted"),
        (
            "Совет решил принять вас. Членство начнётся, когда поступят взносы.",
            "The council has admitted you: the fees remain to be paid.",
        ),
    ),
    _role(
        "platonov",
        ("заявитель, которому отказали", "applicant, refused"),
        ("Совет отказал и объяснил почему.", "The council refused and said why."),
    ),
)
