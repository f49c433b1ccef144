"""Pages that people really open, over a log of `tests.benchmarks.million`: addresses with their visitors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from coopnode.app import Node
from coopnode.membership.people import Names, Viewer
from coopnode.membership.projection import register
from coopnode.sessions import Sessions
from coopnode.store.sql import Connection, Row, func, select
from tests.benchmarks.million import Somebody, Today


@dataclass(frozen=True)
class Visit:
    """`cookie` is the value of the header; empty for a stranger."""

    name: str
    path: str
    cookie: str = ""


async def prepare(node: Node, today: Today) -> list[Visit]:
    """Signs the visitors in: a member from the middle of the register, the chair and the secretary."""
    row = await node.database.read(_somebody)
    chair = Viewer(None, frozenset(("chair",)))
    names = await node.database.read(
        lambda connection: Names(node.vault).of_accounts(connection, (row.account,), chair)
    )
    accounts = {"member": row.account}
    for name, seed in (("chair", "founder"), ("secretary", "secretary")):
        accounts[name] = Somebody(seed, today.about.id).id
    cookies = {"": ""}
    sessions = Sessions(node)
    for name, account in accounts.items():
        made, _ = await sessions.create("ru")
        cookies[name] = f"coopnode={(await sessions.sign_in(made, account))[1]}"
    return [
        Visit(name, path, cookies[name.partition(":")[0]])
        for name, path in _pages(today, row, names[row.account] or "")
    ]


def searches(name: str, account: str, number: int, document: str) -> list[tuple[str, str]]:
    """Common words, rare ones, several, none; documents by each filter and by several."""
    surname, given, patronymic = name.split()
    asked = {
        "common beginning": surname[:2],
        "name": given,
        "surname": surname,
        "whole name": name,
        "two common": f"{surname[:2]} {patronymic[:2]}",
        "in no order": f"{patronymic} {surname[:4]}",
        "nobody": f"{surname} {given} Ъ{patronymic}",
        "common address": "person",
        "telephone": "8 901 234-56-78",
        "number": str(number),
        "account": account[:8],
        "fingerprint": document[:12],
    }
    filters = {
        "all": "",
        "kind": "kind=decisions",
        "period": "from=2025-02-01&to=2025-02-03",
        "kind and period": "kind=applications&from=2025-03-01&to=2025-04-01",
        "person": f"person={account}",
        "person and kind": f"person={account}&kind=payments",
        "name": f"who={quote(surname)}",
        "number": f"number={number}",
        "fingerprint": f"fingerprint={document[:12]}",
        "word of a kind": f"q={quote('заявления')}",
        "word": f"q={quote('семян')}",
        "two words": f"q={quote('решения о партии')}",
        "rare word": f"q={quote('устава')}",
        "no such word": f"q={quote('семян картофеля')}",
    }
    return [
        *((f"secretary: find {what}", f"/members?q={quote(words)}") for what, words in asked.items()),
        ("secretary: find applicant", f"/desk/applications?q={quote(surname)}"),
        ("secretary: find, API", f"/api/v1/people?q={quote(surname[:3])}"),
        *((f"secretary: documents by {what}", f"/desk/documents?{more}") for what, more in filters.items()),
        ("chair: documents of the secretary", "/api/v1/documents?q=" + quote("внесение пайщика")),
    ]


def _somebody(connection: Connection) -> Row[Any]:
    """A line of the register, of a member and not among the first."""
    largest = connection.execute(select(func.max(register.c.number))).scalar_one()
    query = select(register).where(register.c.number > largest // 4, register.c.status == "member")
    return connection.execute(query.order_by(register.c.number).limit(1)).one()


def _pages(today: Today, row: Row[Any], name: str) -> list[tuple[str, str]]:
    """(name, path); the name begins with who looks."""
    application, apply = today.applications[0]
    number, document = row.number, row.digest.hex()
    return [
        (": cooperative", "/"),
        (": look-up", "/verify"),
        (": document found", f"/verify/{document}"),
        (": sign-in", "/sign-in"),
        (": checkpoint", "/checkpoint"),
        ("member: now", "/now"),
        ("member: card", "/me/membership"),
        ("member: data", "/me/data"),
        ("member: keys", "/me/keys"),
        ("member: proof", f"/entries/{document}/proof"),
        ("chair: now", "/now"),
        ("chair: queue", "/council"),
        ("chair: matter", f"/council/{today.matters[0]}"),
        ("chair: decisions", "/council/decisions"),
        ("chair: propose", "/council/propose"),
        ("chair: data", "/me/data"),
        ("chair: matters, API", "/api/v1/council/matters"),
        ("chair: decisions, API", "/api/v1/council/decisions"),
        ("secretary: now", "/now"),
        ("secretary: desk", "/desk"),
        ("secretary: new", "/desk/applications?list=new"),
        ("secretary: ended", "/desk/applications?list=ended"),
        ("secretary: application", f"/desk/applications/{application}"),
        ("secretary: register", "/members"),
        ("secretary: register, middle", f"/members?after={number - 1}"),
        ("secretary: invited", "/members?status=invited"),
        ("secretary: register of a day", "/members?at=2025-01-01"),
        ("secretary: member", f"/members/{number}"),
        ("secretary: own line", "/members/2"),
        ("secretary: data", "/me/data"),
        ("secretary: document", f"/documents/{apply.hex()}"),
        ("secretary: applications, API", "/api/v1/applications"),
        ("secretary: members, API", f"/api/v1/members?after={number - 1}"),
        *searches(name, row.account, number, document),
    ]
