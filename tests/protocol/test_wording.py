"""Nothing a member can meet is without words: types, fields, values, refusals, rules, in both languages."""

import json
import re
from collections.abc import Iterator
from importlib import resources
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest

import protocol
from protocol import methodology, registry, wording
from protocol.contract import DocumentType, Payload
from protocol.contracts import council, membership
from protocol.wording import LOCALES

TYPES = tuple(registry.TYPES.values())
#: Codes the intake gives before any contract is asked (SPEC §4.4).
INTAKE = (
    *(
        "malformed",
        "too_large",
        "unknown_type",
        "wrong_log",
        "invalid_field",
        "wrong_audience",
        "not_yet_valid",
    ),
    *(
        "expired",
        "nonce_reused",
        "seen_missing",
        "seen_fork",
        "seen_unknown",
        "unknown_account",
        "unknown_key",
        "key_revoked",
    ),
    *("key_waiting", "bad_signature", "private_missing", "private_unexpected"),
)


def sources() -> Iterator[tuple[str, str]]:
    root = resources.files(protocol)
    for folder in (root, root / "contracts"):
        for file in folder.iterdir():
            if file.name.endswith(".py"):
                yield file.name, file.read_text("utf-8")


def codes() -> set[str]:
    """Codes written out at a refusal, and those the contracts list."""
    found = set(INTAKE)
    for _, text in sources():
        found.update(re.findall(r'(?:Rejection|Refused|StatementError|_refuse)\(\s*"([a-z_]+)"', text))
        listed = re.search(r"^CODES\b.*?^\}", text, re.MULTILINE | re.DOTALL)
        if listed:
            found.update(re.findall(r'^ +"([a-z_]+)":', listed[0], re.MULTILINE))
    return found


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, f"{path}/{key}")
    else:
        yield path, value


def literals(struct: type[msgspec.Struct], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(path, value) of every enumerated text value in a payload."""
    for field, hint in get_type_hints(struct).items():
        yield from _literals(hint, prefix + field)


def _literals(hint: Any, path: str) -> Iterator[tuple[str, str]]:
    if get_origin(hint) is Literal:
        yield from ((path, value) for value in get_args(hint) if isinstance(value, str))
    elif isinstance(hint, type) and issubclass(hint, Payload):
        yield from literals(hint, path + ".")
    else:
        for part in get_args(hint):
            yield from _literals(part, path)


def flat(fields: list[dict[str, Any]], prefix: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for field in fields:
        yield prefix + field["name"], field
        yield from flat(field.get("fields", []), f"{prefix}{field['name']}.")


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
def test_every_type_has_words(kind: DocumentType) -> None:
    fields = wording.fields(kind)
    assert [field["name"] for field in fields if field["private"]] == [field.name for field in kind.private]
    for path, field in flat(fields):
        assert field["format"] in wording.FORMATS, path
        assert set(field["title"]) == set(LOCALES), path
        assert ("values" in field) == (field["format"] == "choice" or field.get("of") == "choice"), path
        assert field["format"] != "group" or field["fields"], path
    for locale in LOCALES:
        assert wording.title(kind.name, locale)
        assert wording.effect(kind.name, locale).endswith(".")


@pytest.mark.parametrize("kind", TYPES, ids=lambda kind: kind.name)
def test_every_enumerated_value_has_words(kind: DocumentType) -> None:
    fields = dict(flat(wording.fields(kind)))
    for path, value in literals(kind.payload):
        if path.rpartition(".")[2] == "scope":
            continue  # a key is shown whole
        assert value in fields[path].get("values", {}), f"{path} = {value}"


@pytest.mark.parametrize("name", registry.RESERVED)
def test_reserved_types_have_titles(name: str) -> None:
    assert all(wording.title(name, locale) and wording.effect(name, locale) for locale in LOCALES)


@pytest.mark.parametrize("code", sorted(codes()))
def test_every_refusal_has_a_sentence(code: str) -> None:
    """What happened, what was not changed, what to do: three sentences at least."""
    for locale in LOCALES:
        assert len(re.findall(r"[.:](?: |$)", wording.rejection(code, locale))) >= 3


@pytest.mark.parametrize("name", methodology.available())
def test_every_rule_of_a_pack_has_words(name: str) -> None:
    pack = methodology.load(name)
    for locale in LOCALES:
        for key, rule in pack.parameters.items():
            assert wording.parameter(key, locale)[0]
            kind = methodology.parameters.kind_of(rule.value)
            words = [rule.value] if kind == "text" else rule.value if kind == "texts" else []
            if kind == "map":
                words = [] if key.endswith(".by_item") else list(rule.value)
            items = key.endswith("_items")
            for word in [*words, *(rule.options or [])]:
                assert wording.matter(word, locale) if items else wording.option(word, locale)
        assert all(wording.matter(kind, locale) for kind in pack.reserved)
        assert all(wording.agreement(kind, locale) for kind in pack.agreements)


def test_every_finding_of_the_linter_has_words() -> None:
    text = (resources.files(methodology) / "linter.py").read_text("utf-8")
    found = re.findall(r'_(?:error|warning)\(\s*(?:key|"[a-z._]+"), "([a-z_]+)", "([a-z_]+)"', text)
    consequences = {*re.findall(r'^    \("[a-z.]+", "([a-z_]+)"\)', text, re.MULTILINE), "charter_refused"}
    assert len(found) >= 11 and len(consequences) >= 6
    for locale in LOCALES:
        for code, remedy in found:
            assert wording.finding("code", code, locale) and wording.finding("remedy", remedy, locale)
        assert all(wording.finding("consequence", code, locale) for code in consequences)


@pytest.mark.parametrize(
    ("package", "path"), [("protocol", "wording.json"), ("protocol.methodology", "data/words.json")]
)
def test_the_files_are_complete_and_in_our_voice(package: str, path: str) -> None:
    data = json.loads((resources.files(package) / path).read_text("utf-8"))
    texts = {place: text for place, text in leaves(data) if place.endswith(("/ru", "/en"))}
    for place, text in texts.items():
        twin = place[:-2] + ("en" if place.endswith("ru") else "ru")
        assert twin in texts, place
        assert text == text.strip() and "!" not in text and "  " not in text, place
        assert not re.search(r"хеш|хэш|нод[аыу]|блокчейн|транзакци|blockchain|hash\b", text, re.IGNORECASE), (
            place
        )
        if place.endswith("/ru") and text:
            assert re.search("[А-Яа-я]", text), place
        if place.endswith("/en"):
            assert not re.search("[А-Яа-я]", text), place


def test_the_browser_gets_json() -> None:
    data = json.loads(json.dumps(wording.registry_json(TYPES)))
    vote = data["types"]["council.vote/1"]
    assert [field["name"] for field in vote["fields"]] == ["matter", "round", "choice", "sequence", "pack"]
    assert vote["fields"][2]["values"]["for"] == {"ru": "за", "en": "for"}
    assert vote["title"]["ru"] == "Голос члена совета"


def test_every_status_has_a_chip() -> None:
    statuses = {"matter": get_args(council.Status), "application": get_args(membership.Status)}
    for thing, names in statuses.items():
        assert all(wording.state(thing, name, locale) for name in names for locale in LOCALES)


def test_a_missing_word_is_an_error() -> None:
    with pytest.raises(KeyError):
        wording.title("no.such/1", "ru")
    with pytest.raises(KeyError):
        wording.rejection("no_such", "en")
