"""QR codes are read back by another program: from the printed sheet and from the picture to keep."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import pytest

from coopnode import places, qr
from coopnode.config import Bank
from coopnode.membership import payments
from coopnode.printing import pdf, png
from tests.coopnode.test_printing import ALL, PROOF
from tests.pixels import codes
from tests.web.test_membership import BANK


@pytest.mark.parametrize("name", ["certificate", "minutes"])
def test_a_sheet_leads_to_the_document(name: str) -> None:
    pages = png(ALL[name], "ru")
    assert [found for page in pages for found in codes(page)] == [PROOF.url]


def test_any_address_is_read_back() -> None:
    for _ in range(50):
        url, out = f"https://coop.example/verify/{secrets.token_hex(32)}", BytesIO()
        qr.code(url).save(out, kind="png", scale=3)
        assert codes(out.getvalue()) == [url]


def test_a_bank_reads_the_payment_string() -> None:
    name = "Иванова Мария Сергеевна"
    purpose = payments.purpose(17, name, places.first())
    order = payments.Order(Bank.model_validate(BANK), 40_000, purpose, name)
    assert codes(order.png()) == [order.text()]


def test_sheets_made_at_once_are_those_made_one_after_the_other() -> None:
    wanted = [pdf(document, "ru") for document in ALL.values()]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(lambda document: pdf(document, "ru"), 3 * list(ALL.values()))) == 3 * wanted
