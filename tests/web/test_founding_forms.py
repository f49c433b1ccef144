"""Forms of founding, the texts it proposes, and the words of its pages."""

from __future__ import annotations

import ast
import hashlib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract
from multidict import MultiDict, MultiDictProxy

from coopnode import places
from coopnode.founding import items
from coopnode.founding import texts as founding_texts
from coopnode.founding.drafts import Basis, Draft, Seat
from coopnode.keystore import Keystore
from protocol import documents, encoding, methodology, signatures
from protocol.identifiers import identifier
from web.founding import forms, words

ROOT = Path(__file__).resolve().parents[2]
TODAY = date(2026, 5, 18)
PACK = methodology.load("ru-consumer-1")


def posted(*pairs: tuple[str, Any], **fields: Any) -> MultiDictProxy[Any]:
    return MultiDictProxy(MultiDict([*pairs, *fields.items()]))


def test_identity_needs_numbers_only_of_an_existing_cooperative() -> None:
    new = forms.identity(posted(name="Росток", country="ru"), PACK, existing=False)
    assert not new.errors and new.values["country"] == "RU"
    old = forms.identity(posted(name="Росток", inn="7707 083 893", ogrn="1027700132195"), PACK, existing=True)
    assert not old.errors and old.values["inn"] == "7707083893"
    assert set(forms.identity(posted(name="Росток"), PACK, existing=True).errors) == {"inn", "ogrn"}
    assert "inn" in forms.identity(posted(name="Росток", inn="7707083894"), PACK, existing=False).errors


def every_rule(group: str, **changed: str) -> MultiDictProxy[Any]:
    """The form as a browser sends it when nothing, or only `changed`, was touched."""
    pairs: list[tuple[str, Any]] = []
    for key in forms.keys_of(PACK, group):
        value = PACK.parameters[key].value
        if isinstance(value, dict):
            pairs += [(f"{key}:{name}", forms.show(key, item)) for name, item in value.items()]
        elif isinstance(value, bool):
            pairs.append((key, "yes" if value else "no"))
        elif isinstance(value, list) and PACK.parameters[key].options:
            pairs += [(key, item) for item in value]
        else:
            pairs.append((key, changed.get(key, forms.show(key, value))))
    return posted(*pairs)


@pytest.mark.parametrize("group", forms.GROUPS)
def test_untouched_rules_leave_the_charter_empty(group: str) -> None:
    read = forms.parameters(every_rule(group), PACK, group)
    assert not read.errors and not read.values


def test_every_rule_belongs_to_a_group() -> None:
    grouped = [key for group in forms.GROUPS for key in forms.keys_of(PACK, group)]
    assert sorted(grouped) == sorted(PACK.parameters)
    assert all(forms.group_of(key) != "network" or key.startswith(forms.GROUPS["network"]) for key in grouped)


@pytest.mark.parametrize(
    ("key", "typed", "meant"),
    [
        ("fees.share.person", "1 200,50 ₽", 120_050),
        ("fees.share.person", "300", 30_000),
        ("council.quorum", "75 %", [3, 4]),
        ("council.quorum", "0,8", [4, 5]),
        ("gm.quorum.cycles", "3/4, 1/3", [[3, 4], [1, 3]]),
        ("member.pay_days", "10", 10),
    ],
)
def test_values_as_people_write_them(key: str, typed: str, meant: Any) -> None:
    group = forms.group_of(key)
    read = forms.parameters(every_rule(group, **{key: typed}), PACK, group)
    assert not read.errors
    assert read.values.get(key, PACK.parameters[key].value) == meant


@pytest.mark.parametrize(
    ("key", "typed"), [("fees.share.person", "даром"), ("council.quorum", "3/0"), ("member.pay_days", "-1")]
)
def test_nonsense_is_told_by_field(key: str, typed: str) -> None:
    group = forms.group_of(key)
    read = forms.parameters(every_rule(group, **{key: typed}), PACK, group)
    assert set(read.errors) == {key} and read.typed[key] == typed


def seat(index: int, *roles: str, **fields: str) -> list[tuple[str, str]]:
    named = {"person": f"Человек {index}", "voting": "yes", **fields}
    return [
        *((f"seat-{index}-roles", role) for role in roles),
        *((f"seat-{index}-{k}", v) for k, v in named.items()),
    ]


def test_seats_need_one_chair_and_one_secretary() -> None:
    good = forms.seats(posted(*seat(0, "chair"), *seat(1, "secretary"), mine="1"), TODAY)
    assert not good.errors and [row["mine"] for row in good.values["seats"]] == [False, True]
    assert "seats" in forms.seats(posted(*seat(0, "chair"), *seat(1, "chair")), TODAY).errors
    assert "seats" in forms.seats(posted(*seat(0, "chair"), *seat(1, "member")), TODAY).errors
    empty = posted(*seat(0, "chair"), *seat(1, "secretary"), *seat(2, person=""))
    assert len(forms.seats(empty, TODAY).values["seats"]) == 2
    numbered = forms.seats(posted(*seat(0, "chair", number="7"), *seat(1, "secretary")), TODAY)
    assert "seat-0-since" in numbered.errors


def draft(**more: Any) -> Draft:
    found = Draft(
        kind="existing", pack="ru-consumer-1", name="Росток", key=bytes(range(32)), until="2029-05-01"
    )
    found.council_basis = Basis("general_meeting", "7", "2026-02-01", bytes(32))
    found.seats = [Seat(["chair", "member"]), Seat(["secretary"], number=5, since="2020-01-02")]
    for name, value in more.items():
        setattr(found, name, value)
    return found


@pytest.mark.parametrize("pack", ["ru-consumer-1", "generic-1"])
@pytest.mark.parametrize("language", ["ru", "en"])
def test_proposed_texts_have_no_gaps(pack: str, language: Any) -> None:
    loaded = methodology.load(pack)
    proposed = founding_texts.proposed(draft(language=language), loaded, "https://coop.example", TODAY)
    assert [text.kind for text in proposed][: len(loaded.agreements)] == loaded.agreements
    assert all("{" not in text.data.decode() and "Росток" in text.data.decode() for text in proposed)


def test_genesis_and_its_proofs() -> None:
    keys, made = Keystore.random(), draft()
    made.genesis = encoding.encode(items.genesis_map(made, PACK, keys, ("https://a", "https://b"), bytes(16)))
    texts = founding_texts.proposed(made, PACK, "https://a", TODAY)
    wanted = items.constitution(made, PACK, keys, texts, texts[0])
    own = identifier(hashlib.sha256(made.genesis).digest())
    assert [item.type for item in wanted[:4]] == [
        "cooperative.genesis/1",
        "cooperative.pack/1",
        "account.genesis/1",
        "cooperative.charter/1",
    ]
    payload: Any = wanted[0].payload
    for pub, proof in zip((keys.log_pub, keys.node_pub), payload["proofs"], strict=True):
        assert signatures.verify(pub, documents.possession(pub, own, 0), proof)


def test_an_appointment_names_places_for_its_invitations() -> None:
    item = items.appoint(draft(), "a" * 52, ["one", "two"], places.first())
    payload: Any = item.payload
    assert [place.path for place in item.invitations] == [
        ("seats", 0, "invitation"),
        ("seats", 1, "invitation"),
    ]
    assert payload["seats"][1]["member"]["number"] == 5 and "member" not in payload["seats"][0]
    assert payload["basis"] == {
        "organ": "general_meeting",
        "number": "7",
        "date": "2026-02-01",
        "minutes": bytes(32),
    }


def test_the_linter_speaks_both_languages() -> None:
    low = {"council.quorum": [2, 3], "fees.share.person": 0, "unknown.key": 1}
    for locale in ("ru", "en"):
        said = words.helpers(locale, str)["sentences"]
        for finding in methodology.check_charter(PACK, low):
            assert all(said(finding).values()) and "{" not in "".join(said(finding).values())


def test_every_message_has_russian_words() -> None:
    with (ROOT / "web/locale/ru/LC_MESSAGES/founding.po").open("rb") as file:
        known = {message.id for message in read_po(file, locale="ru") if message.string}
    known |= {message[0] for message in known if isinstance(message, tuple)}
    asked: set[str] = set()
    for path in (ROOT / "web/templates/founding").glob("*.html"):
        with path.open("rb") as source:
            for _, _, message, _ in babel_extract(source, ("_",), [], {}):
                asked |= {message} if isinstance(message, str) else set()
    tree = ast.parse((ROOT / "web/founding/forms.py").read_text("utf-8"))
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Subscript)
            and isinstance(node.value, ast.Constant)
        ):
            asked.add(str(node.value.value))
    shell = {"Back", "INN", "OGRN"}
    assert asked - known - shell == set()
