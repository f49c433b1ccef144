"""Packs and the linter: canonical bytes, consistent rules, a charter judged before anyone signs it."""

from fractions import Fraction
from typing import Any

import msgspec
import pytest

from protocol import encoding, methodology
from protocol.errors import EncodingError
from protocol.methodology import Pack, PackError, Parameter
from protocol.methodology.parameters import Kind, kind_of

RU = methodology.load("ru-consumer-1")
#: Keys the contracts of this ruleset read (SPEC §7, §8).
READ_BY_CONTRACTS = {
    "council.quorum": [3, 4],
    "council.quorum_chair": True,
    "council.majority": [1, 2],
    "council.majority_base": "ballots",
    "council.tie": "chair",
    "council.vote_days": 3,
    "council.chair_sign_days": 5,
    "vote.grace_seconds": 60,
    "member.decide_days": 30,
    "member.pay_days": 14,
    "member.identify_roles": ["secretary", "chair"],
    "fees.entrance.person": 10_000,
    "fees.entrance.entrepreneur": 100_000,
    "fees.entrance.organisation": 100_000,
    "fees.share.person": 30_000,
    "fees.share.entrepreneur": 300_000,
    "fees.share.organisation": 300_000,
    "fees.currency": "RUB",
    "founding.min_founders": 5,
    "founding.council_seats_min": 3,
    "founding.vote_days": 7,
    "sign.class": "unqualified",
}


def findings(parameters: dict[str, Any], pack: Pack = RU) -> list[tuple[str, str, str]]:
    return [
        (finding.severity, finding.key, finding.code)
        for finding in methodology.check_charter(pack, parameters)
    ]


@pytest.mark.parametrize("name", methodology.available())
def test_a_pack_is_what_its_bytes_say(name: str) -> None:
    pack = methodology.load(name)
    data = methodology.encode(pack)
    assert methodology.decode(data) == pack
    assert len(data) <= methodology.MAX_PACK
    assert f"{pack.name}-{pack.version}" == name
    assert methodology.digest(data) == methodology.digest(methodology.encode(methodology.decode(data)))


@pytest.mark.parametrize("name", methodology.available())
def test_the_packs_know_the_same_keys(name: str) -> None:
    assert set(methodology.load(name).parameters) == set(RU.parameters)


@pytest.mark.parametrize("name", methodology.available())
def test_every_value_says_where_it_comes_from(name: str) -> None:
    """A default without a source would be an invention; one that no statute was read for carries a `?`."""
    pack = methodology.load(name)
    for key, rule in pack.parameters.items():
        assert rule.source, key
        if (rule.law or "").startswith(("193-ФЗ", "41-ФЗ")) and rule.source.startswith("own"):
            assert rule.source in ("own", "own ?"), key
    assert set(pack.title) == set(pack.note) == {"ru", "en"}
    assert not methodology.check_charter(pack, {}), "the defaults stay within the legal lines"


@pytest.mark.parametrize("name", ["ru-agricultural-1", "ru-production-1"])
def test_another_form_cites_no_law_of_the_consumer_society(name: str) -> None:
    pack = methodology.load(name)
    assert not [key for key, rule in pack.parameters.items() if "3085-1" in (rule.law or "")]
    assert len(methodology.unconfirmed(pack)) >= 40, "most of these statutes was not read"
    assert set(pack.terms["ru"]) >= {"пайщик", "пайщика", "пайщиков", "пайщики"}


def test_what_was_read_of_the_laws_of_the_other_forms() -> None:
    """193-ФЗ art. 22, 24, 36; 41-ФЗ art. 7, 21; Civil Code art. 106.3 (docs/legal-notes.md)."""
    farm, artel = methodology.load("ru-agricultural-1"), methodology.load("ru-production-1")
    assert (farm.parameters["gm.notice_days"].value, farm.parameters["gm.notice_days"].legal_min) == (30, 30)
    assert farm.parameters["gm.quorum.floor"].legal_min == [1, 4]
    assert farm.parameters["gm.quorum.min_members"].value == 5
    assert farm.parameters["payout.max_share_of_income"].legal_max == [3, 10]
    assert artel.parameters["founding.min_founders"].legal_min == 5
    assert artel.parameters["member.labour"] == Parameter(
        True, by="nobody", law="41-ФЗ, ст. 1; ГК РФ, ст. 106.1", source="statute"
    )
    assert artel.parameters["member.without_labour_max"].legal_max == [1, 4]
    assert artel.parameters["member.hired_max"].legal_max == [3, 10]
    assert artel.parameters["member.share_at_registration"].min == [1, 10]
    assert findings({"gm.notice_days": 14}, farm) == [("warning", "gm.notice_days", "below_legal_line")]


def changed(key: str, **fields: Any) -> Pack:
    rule = msgspec.structs.replace(RU.parameters[key], **fields)
    return msgspec.structs.replace(RU, parameters={**RU.parameters, key: rule})


@pytest.mark.parametrize(
    ("key", "fields"),
    [
        ("identity.level.admission", {"value": 0, "min": 0}),
        ("identity.level.admission", {"min": None}),
        ("identity.level.platform_vote", {"max": 3}),
        ("identity.accept_other", {"value": 1}),
        ("identity.valid_years", {"max": None}),
        ("member.succession_days", {"value": 0, "min": 0}),
        ("member.inherit_months", {"value": "6"}),
        ("council.papers.admission", {"options": None}),
        ("council.papers.exit", {"value": ["blood"], "options": ["blood"]}),
    ],
)
def test_what_the_office_relies_on_is_bounded(key: str, fields: dict[str, Any]) -> None:
    """No pack lets anybody in, or counts a vote, without a confirmed identity (R71, R83)."""
    assert methodology.unfit(RU) is None
    assert methodology.unfit(changed(key, **fields)) == key


def test_a_pack_logged_before_these_rules_is_still_good() -> None:
    older = {
        key: rule
        for key, rule in RU.parameters.items()
        if not key.startswith(("identity.", "council.papers.", "member.succession"))
    }
    pack = msgspec.structs.replace(RU, parameters=older, title={}, note={}, local=None)
    assert methodology.unfit(pack) is None
    assert methodology.decode(methodology.encode(pack)) == pack
    assert methodology.local(pack) == RU.local, "the release knows the country"
    assert methodology.local(methodology.load("generic-1")) == methodology.Local()


def test_the_contracts_find_their_keys() -> None:
    assert {key: methodology.value(RU, {}, key) for key in READ_BY_CONTRACTS} == READ_BY_CONTRACTS


def test_the_kinds_of_a_value_are_told_apart() -> None:
    kinds: dict[Kind, Any] = {
        "boolean": True,
        "integer": 0,
        "text": "",
        "fraction": [1, 2],
        "texts": ["a", "b"],
        "fractions": [[3, 4], [1, 2]],
        "map": {"a": [1, 1]},
    }
    assert {kind: kind_of(value) for kind, value in kinds.items()} == {kind: kind for kind in kinds}
    for nothing in (None, 1.5, b"", [2, 4], [3, 2], [1, 0], [True, True], [1, 2, 3], ["a", [1, 2]], {"a": 1}):
        assert kind_of(nothing) is None


def test_the_charter_overrides_the_pack_but_not_what_nobody_may_change() -> None:
    charter = {"council.vote_days": 5, "vote.grace_seconds": 3_000}
    assert methodology.value(RU, charter, "council.vote_days") == 5
    assert methodology.value(RU, charter, "council.quorum") == [3, 4]
    assert methodology.value(RU, charter, "vote.grace_seconds") == 60
    with pytest.raises(KeyError):
        methodology.value(RU, {"no.such": 1}, "no.such")


@pytest.mark.parametrize(
    ("parameters", "expected"),
    [
        ({}, []),
        ({"council.vote_days": 5}, []),
        ({"council.auto.types": ["admission"]}, []),
        ({"no.such": 1}, [("error", "no.such", "parameter_unknown")]),
        ({"vote.grace_seconds": 60}, []),
        ({"vote.grace_seconds": 61}, [("error", "vote.grace_seconds", "parameter_fixed")]),
        ({"council.vote_days": True}, [("error", "council.vote_days", "parameter_type")]),
        ({"council.vote_days": "3"}, [("error", "council.vote_days", "parameter_type")]),
        ({"council.vote_days": 0}, [("error", "council.vote_days", "parameter_too_small")]),
        ({"council.vote_days": 31}, [("error", "council.vote_days", "parameter_too_large")]),
        ({"fees.entrance.person": -1}, [("error", "fees.entrance.person", "parameter_too_small")]),
        ({"fees.entrance.person": 2**53}, [("error", "fees.entrance.person", "parameter_too_large")]),
        ({"council.tie": "coin"}, [("error", "council.tie", "parameter_option")]),
        ({"council.auto.types": ["exclusion"]}, [("error", "council.auto.types", "parameter_option")]),
        ({"council.quorum": [2, 4]}, [("error", "council.quorum", "parameter_type")]),
        ({"council.quorum": [1, 3]}, [("error", "council.quorum", "parameter_too_small")]),
        ({"council.quorum": [2, 3]}, [("warning", "council.quorum", "below_legal_line")]),
        ({"council.majority": [1, 3]}, [("warning", "council.majority", "minority_decides")]),
        ({"identity.level.admission": 0}, [("error", "identity.level.admission", "parameter_too_small")]),
        ({"identity.level.admission": 3}, [("error", "identity.level.admission", "parameter_too_large")]),
        ({"member.min_age_limited": 18}, [("error", "member.min_age_limited", "ages_crossed")]),
        ({"council.papers.free": ["blood"]}, [("error", "council.papers.free", "parameter_option")]),
        ({"gm.notice_days": 7}, [("warning", "gm.notice_days", "below_legal_line")]),
        ({"gm.quorum.cycles": [[3, 4], [1, 4]]}, [("warning", "gm.quorum.cycles", "below_legal_line")]),
        ({"gm.quorum.cycles": [[1, 2], [3, 4]]}, [("error", "gm.quorum.cycles", "cycles_rise")]),
        ({"gm.annual.from_months": 6}, [("error", "gm.annual.until_months", "window_empty")]),
        (
            {"payout.max_share_of_income": [1, 4]},
            [("warning", "payout.max_share_of_income", "above_legal_line")],
        ),
        (
            {"gm.majority.by_item": {"exclusion": [1, 3]}},
            [("error", "gm.majority.by_item", "parameter_too_small")],
        ),
    ],
)
def test_the_linter(parameters: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    assert findings(parameters) == expected


def test_a_quorum_without_floor_is_named_with_its_law() -> None:
    found = methodology.check_charter(RU, {"gm.quorum.floor": [0, 1]})
    assert [finding.code for finding in found] == ["below_legal_line", "quorum_without_floor"]
    assert all(finding.consequence == "meeting_void" and "181.2" in finding.facts["law"] for finding in found)


def test_the_legal_lines_of_russia() -> None:
    """Decision in 30 days (art. 10), three quarters of the council, half of the members (181.2)."""
    decide = RU.parameters["member.decide_days"]
    assert (decide.value, decide.max) == (30, 30)
    assert Fraction(*RU.parameters["council.quorum"].legal_min) == Fraction(3, 4)
    assert Fraction(*RU.parameters["gm.quorum.floor"].legal_min) == Fraction(1, 2)
    assert {"exclusion", "charter_change", "fee_sizes", "liquidation"} <= set(RU.reserved)
    assert RU.agreements == ["signature", "charter", "privacy"]


def _with(**changes: Any) -> bytes:
    return encoding.encode({**msgspec.to_builtins(RU), **changes})


@pytest.mark.parametrize(
    "data",
    [
        _with(name="Bad Name"),
        _with(version=0),
        _with(country="Russia"),
        _with(reserved=["a", "a"]),
        _with(agreements=["with space"]),
        _with(extra=1),
        _with(title={"ru": "x" * 501}),
        _with(note={"Russian": "x"}),
        _with(terms={"ru": {"a": "x" * 501}}),
        _with(local={"time_zone": "../etc/passwd"}),
        _with(local={"numbers": "us"}),
        _with(local={"phone_code": "+7"}),
        _with(local={"language": "english"}),
        _with(parameters={"single": {"value": 1}}),
        _with(parameters={"a.b": {"value": [2, 4]}}),
        _with(parameters={"a.b": {"value": 1, "min": 2}}),
        _with(parameters={"a.b": {"value": "x", "options": ["y"]}}),
        _with(parameters={"a.b": {"value": 1, "by": "anybody"}}),
        encoding.encode([]),
    ],
)
def test_what_is_no_pack(data: bytes) -> None:
    with pytest.raises(PackError):
        methodology.decode(data)


def test_one_pack_has_one_encoding() -> None:
    data = methodology.encode(RU)
    for other in (data + b"\0", b"", data[:-1]):
        with pytest.raises(EncodingError):
            methodology.decode(other)
    for written_out in ({"time_zone": ""}, {"language": ""}, {"phone_digits": 0}, {"numbers": ""}):
        with pytest.raises(EncodingError):
            methodology.decode(_with(local=written_out))
    for empty in ("title", "note", "terms"):
        with pytest.raises(EncodingError):
            methodology.decode(_with(**{empty: {}}))
    with pytest.raises(EncodingError):
        methodology.decode(_with(parameters={"a.b": {"value": 1, "by": "charter"}}))


def test_a_pack_must_fit_a_statement() -> None:
    bulky = msgspec.structs.replace(RU, parameters={f"a.b{n}": Parameter("x" * 1000) for n in range(60)})
    with pytest.raises(EncodingError):
        methodology.encode(bulky)


def test_an_unknown_pack_is_a_key_error() -> None:
    for name in ("nowhere-1", "../ru-consumer-1", ""):
        with pytest.raises(KeyError):
            methodology.load(name)
