"""Registration numbers. The valid ones are published examples; others are built by the rule."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.registration import inn_of_organisation, inn_of_person, kpp, ogrn, ogrnip

#: Sberbank's numbers stand on every invoice of the bank and serve as examples everywhere.
SBERBANK_INN, SBERBANK_OGRN, SBERBANK_KPP = "7707083893", "1027700132195", "773601001"

VALID: list[tuple[Callable[[str], bool], str]] = [
    (inn_of_organisation, SBERBANK_INN),
    (ogrn, SBERBANK_OGRN),
    (kpp, SBERBANK_KPP),
    (kpp, "7736AB001"),
    (inn_of_person, "500100732259"),  # the example in the tax service's own explanation of the rule
    (ogrnip, "304500116000157"),
]


@pytest.mark.parametrize(("check", "number"), VALID)
def test_valid(check: Callable[[str], bool], number: str) -> None:
    assert check(number)


@pytest.mark.parametrize(("check", "number"), [pair for pair in VALID if pair[0] is not kpp])
def test_any_other_last_digit_is_refused(check: Callable[[str], bool], number: str) -> None:
    last = int(number[-1])
    assert not any(check(number[:-1] + str(digit)) for digit in range(10) if digit != last)


@pytest.mark.parametrize("check", [inn_of_organisation, inn_of_person, kpp, ogrn, ogrnip])
@pytest.mark.parametrize(
    "text",
    [
        "",
        " 7707083893",
        "77070838９3",
        "7707-083893",
        "0" * 10,
        "0" * 12,
        "0" * 13,
        "0" * 15,
        "0" * 9,
        "٣" * 10,
    ],
)
def test_other_forms_are_refused(check: Callable[[str], bool], text: str) -> None:
    assert not check(text)


def test_kpp_takes_only_capital_latin_letters() -> None:
    assert not kpp("7736ab001")
    assert not kpp("7736АВ001")  # Cyrillic


def test_the_first_digit_tells_organisations_from_entrepreneurs() -> None:
    as_entrepreneur = "3" + SBERBANK_OGRN[1:12]
    assert not ogrn(as_entrepreneur + str(int(as_entrepreneur) % 11 % 10))


@given(st.integers(min_value=1, max_value=9999), st.integers(min_value=0, max_value=99_999))
def test_exactly_one_check_digit_fits(office: int, number: int) -> None:
    body = f"{office:04}{number:05}"
    assert sum(inn_of_organisation(body + str(digit)) for digit in range(10)) == 1
    person = body + "0"
    assert sum(inn_of_person(f"{person}{digits:02}") for digits in range(100)) == 1
