"""A cooperative of every form, and of a country that is added as data, texts and a translation, is founded by
the wizard and admits a member (R44).
"""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pypdf
import pytest

from coopnode import letters, places
from coopnode.app import Node
from coopnode.cli.node import all_projections
from coopnode.founding import queries, texts
from coopnode.founding.items import Item
from coopnode.notifications import calendars
from coopnode.notifications.calendars import Marks
from coopnode.testing import Cooperative, FixedClock, Person, config, seed
from protocol import added, methodology, signatures
from protocol.identifiers import identifier
from protocol.registry import StateFacts
from tests.node.society import TEXTS, Society
from tests.web.test_refused_forms import House, close, serve
from tests.web.test_shell import Client
from web.founding.shell import FOUNDING
from web.founding.wizard import forms_offered
from web.membership.shell import MEMBERSHIP

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

XX = Path(__file__).resolve().parents[1] / "fixtures" / "xx"
RUSSIAN = {"inn": "7707083893", "ogrn": "1027700132195"}
SIGNING = ("cooperative.genesis/1", "cooperative.pack/1", "account.genesis/1", "cooperative.charter/1")


@pytest.fixture
async def houses(tmp_path: Path) -> AsyncIterator[list[House]]:
    """Nodes waiting for their founder; closed, and what they added forgotten, afterwards."""
    made: list[House] = []
    yield made
    for house in made:
        await close(house)
    added.FOLDERS.clear()


async def waiting(houses: list[House], data: Path, **more: Any) -> House:
    node = Node.open(config(data, **more), clock=FixedClock(), projections=all_projections())
    await node.start()
    houses.append(await serve(node))
    return houses[-1]


async def page(client: Client, path: str) -> str:
    answer = await client.get(path)
    text = await answer.text()
    assert answer.status == 200, (path, text[:2000])
    return text


async def wizard(house: House, pack: str, language: str, **named: str) -> Client:
    """Every question of an existing cooperative, as a browser answers it."""
    client = await house.browser(language=language)
    await client.get(f"/found?token={house.node.founding_token}")

    async def right(step: str, **good: str) -> None:
        answer = await house.post(client, f"/found/{step}", None, **good)
        assert answer.status == 303, (step, await answer.text())

    await right("start", language=language, kind="existing")
    await right("form", pack=pack)
    await right("name", name="«Rostok»", **named)
    await right("place", address="Rostok, 1", contact="office@rostok.example", purpose="Buying together")
    await right("rules")
    own = house.node.config
    await right("address", public_url=own.public_url, signing_url=own.signing_url, agreed="yes")
    await right("texts", read="yes")
    basis = {f"{paper}_{name}": value for paper in ("charter", "council") for name, value in PAPER.items()}
    seats = [(name, role) for name, role in SEATS]
    pairs = [*basis.items(), ("until", "2027-05-01"), ("mine", "0")]
    for place, (name, role) in enumerate(seats):
        pairs += [(f"seat-{place}-person", name), (f"seat-{place}-roles", role)]
        pairs += [(f"seat-{place}-voting", "yes")] if role != "accountant" else []
    headers = {"Origin": house.origin, "Content-Type": "application/x-www-form-urlencoded"}
    answer = await client.post(
        "/found/people", data=urlencode(pairs).encode(), headers=headers, allow_redirects=False
    )
    assert answer.status == 303, await answer.text()
    return client


PAPER = {"organ": "general_meeting", "number": "1", "date": "2025-05-20"}
SEATS = (
    *(("Orlova Anna", "chair"), ("Zajcev Oleg", "secretary")),
    *(("Kim Vera", "member"), ("Belov Petr", "accountant")),
)


async def sign(house: House) -> Society:
    """What the founder's browser signs in the first sitting; then the council takes its seats."""
    service, node = house.server.app[FOUNDING], house.node
    owner = (await service.permission(str(node.founding_token)))[1]
    draft = await service.draft(owner)
    draft.key = signatures.public_key(seed("founder/sign"))
    pack = methodology.load(draft.pack)
    proposed = texts.proposed(draft, pack, node.config.public_url, date(2026, 5, 18))
    wanted = await service.constitution(owner, draft, proposed)
    assert [item.type for item in wanted[:4]] == list(SIGNING)
    own = str((await service.draft(owner)).cooperative)
    founder = Person.make("founder", own)
    for item in wanted:
        ticket = node.founding_token if item.type == SIGNING[0] else None
        answer = await node.engine.submit(_signed(founder, item, own, node.clock.peek()), ticket=ticket)
        assert not hasattr(answer, "code"), (item.type, answer)
    society = Society(Cooperative(node, own, founder), None)
    charter = queries.charter_in(node.state)
    assert charter is not None
    society.charter = charter.digest
    society.agreements = {line.kind: (line.digest, line.blob) for line in queries.texts(node.state)}
    assert set(society.agreements) == set(TEXTS)
    await society.elect()
    return society


def _signed(founder: Person, item: Item, own: str, now: int) -> bytes:
    if item.payload is None:
        return founder.account_genesis(now)
    return founder.sign(item.type, item.payload, aud=own, sub=own, now=now)


async def member(society: Society) -> Person:
    person = await society.coop.person("newcomer")
    await society.join(person, "Ivanova Maria")
    assert StateFacts(society.node.state).is_member(person.id)
    return person


@pytest.mark.parametrize("name", methodology.available())
async def test_a_cooperative_of_each_form_is_founded(name: str, houses: list[House], tmp_path: Path) -> None:
    pack = methodology.load(name)
    house = await waiting(houses, tmp_path)
    russian = pack.country == "RU"
    client = await wizard(house, name, "ru", **(RUSSIAN if russian else {"country": "RS"}))
    offered = await page(client, "/found/form")
    assert all(f'value="{each}"' in offered for each in methodology.available())
    unconfirmed = len(methodology.unconfirmed(pack))
    rules = await page(client, "/found/rules")
    assert (f"{unconfirmed} " in rules and "не сверен" in rules) == bool(unconfirmed)
    marked = await page(client, "/found/rules/members") + await page(client, "/found/rules/meeting")
    assert ("Не сверено с законом" in marked) == bool(unconfirmed)
    charter = await page(client, "/found/texts/charter")
    law = {"ru-consumer": "3085-1", "ru-agricultural": "193-ФЗ", "ru-production": "41-ФЗ"}.get(pack.name)
    assert law is None or law in charter
    society = await sign(house)
    genesis = queries.cooperative_in(house.node.state)
    assert genesis is not None and genesis.country == ("RU" if russian else "RS")
    facts = StateFacts(house.node.state)
    assert facts.parameter("fees.currency") == ("RUB" if russian else "EUR")
    person = await member(society)
    mine = await house.browser(person)
    profile = await page(mine, "/")
    assert bool(re.search("член[а-я]* кооператива", profile)) == bool(pack.terms)


def test_forms_are_offered_by_country() -> None:
    countries = forms_offered()
    assert [country for country, _ in countries] == ["RU", "ZZ"]
    assert [name for name, _ in countries[0][1]] == ["ru-consumer-1", "ru-agricultural-1", "ru-production-1"]


async def test_a_form_is_founded_in_a_language_it_has_texts_in(houses: list[House], tmp_path: Path) -> None:
    house = await waiting(houses, tmp_path, countries=XX)
    client = await house.browser(language="eo")
    await client.get(f"/found?token={house.node.founding_token}")
    start = await page(client, "/found/start")
    assert all(f'value="{code}"' in start for code in ("ru", "en", "eo"))
    assert (await house.post(client, "/found/start", None, language="eo", kind="new")).status == 303
    refused = await house.post(client, "/found/form", None, pack="ru-consumer-1")
    assert refused.status == 422 and "no texts in the language" in await refused.text()
    assert (await house.post(client, "/found/form", None, pack="xx-example-1")).status == 303


async def test_a_second_country_is_data_texts_and_a_translation(houses: list[House], tmp_path: Path) -> None:
    house = await waiting(houses, tmp_path, countries=XX)
    client = await wizard(house, "xx-example-1", "eo", inn="X-77/1", ogrn="")
    offered = await page(client, "/found/form")
    assert '<html lang="eo"' in offered and "Kian formon ĝi havas?" in offered
    assert "Kooperativo de XX" in offered and "Leĝo de XX pri kooperativoj" in offered
    asked = await page(client, "/found/name")
    assert "Impostnumero" in asked and 'name="country"' not in asked and "OGRN" not in asked
    assert "XTS" in await page(client, "/found/rules/fees")
    assert "Tempo por decidi pri peto" in await page(client, "/found/rules/members")
    charter = await page(client, "/found/texts/charter")
    assert "«Rostok» estas kooperativo" in charter and "dum 21 tagoj" in charter
    assert "inter ili la prezidanto" in charter and "XTS" in charter
    consent = await page(client, "/found/texts/consent-membership")
    assert "Ĉiu kunulo rajtas" in consent, "the words of the pack stand in the texts"
    society = await sign(house)
    genesis = queries.cooperative_in(house.node.state)
    assert genesis is not None and (genesis.country, genesis.inn) == ("XX", "X-77/1")
    await pages_of_xx(house, society)


async def pages_of_xx(house: House, society: Society) -> None:
    node, person = house.node, await member(society)
    place = places.of(node.state)
    stranger = await house.browser(language="de")
    profile = await page(stranger, "/")
    assert '<html lang="eo"' in profile, "the language of the country, where nobody has chosen another"
    assert "Iĝi kunulo" in profile and "Impostnumero" in profile and "XTS" in profile
    assert 'lang="eo"' in profile and "Esperanto" in profile
    chosen = await house.post(stranger, "/me/language", locale="eo", back="/")
    assert chosen.cookies["locale"].value == "eo"
    mine = await house.browser(person, "eo")
    away = await stranger.get("/sign-in?go=1&to=/me", allow_redirects=False)
    (token,) = re.findall(r"#r=([^&]+)&", away.headers["Location"])
    asked = await (await stranger.get(f"/api/v1/signing/{token}")).json()
    assert (asked["locale"], asked["zone"]) == ("eo", "Asia/Kathmandu")
    matters = await page(await house.browser(society.officers["chair"], "eo"), "/council/decisions")
    assert "(мск)" not in matters and "Moscow" not in matters
    assert letters.clock(1_779_087_600, "eo", place) == "18 Majo 2026, 12:45 (tempo de XX)"
    marks = Marks(b"s", person.id, "https://coop.example")
    assert "X-WR-CALNAME:Kooperativo: datoj" in calendars.document((), marks, "eo")
    assert "X-WR-CALNAME:Cooperative: dates" in calendars.document((), marks, "ka"), "nobody translated it"
    assert place.phone("0 1234 5678") == place.phone("+977 1234 5678") == "+97712345678"
    made = await house.server.app[MEMBERSHIP].certificate(person.id, "eo")
    assert made is not None
    text = "".join(leaf.extract_text() for leaf in pypdf.PdfReader(io.BytesIO(made[1])).pages)
    assert "taxpayer number X-77/1" in text and "INN " not in text
    waiting = await society.coop.person("payer")
    applied = (await society.apply(waiting, "Petrov Petr")).digest
    matter, _ = await society.admit(applied)
    assert matter != identifier(applied)
    status = await page(await house.browser(waiting, "eo"), "/join/status")
    assert "Aliĝkotizo kaj kapitalparto, peto n-ro" in status and "НДС" not in status
    assert await page(mine, "/me/membership")
