"""What a member asks of the council, through the pages: a petition with its answer, leaving (R80)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from protocol.contract import View
from protocol.contracts import membership
from tests.web.test_council import PASSED, Site, get, post, site

__all__ = ["site"]

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

DAY = 86_400


@pytest.fixture
async def asked(site: Site) -> AsyncIterator[tuple[Site, str]]:
    """A petition of a council member before the council; the matter's id."""
    one = await site.browser("one")
    answer = await post(one, "/me/requests/new", title="О навесе", text="Прошу поставить навес у склада.")
    await site.signs(answer, "one")
    found = re.search(r'action="/me/requests/([a-z2-7]{52})/withdraw"', await get(one, "/me/requests"))
    assert found is not None
    yield site, found[1]


async def test_a_petition_is_answered_by_a_decision(asked: tuple[Site, str]) -> None:
    site, id = asked
    one, chair = await site.browser("one"), await site.browser("chair")
    page = await get(chair, f"/council/{id}")
    assert "О навесе" in page and "Прошу поставить навес у склада." in page
    assert "oting lasts" not in page, "the answer is due by its own rule"
    assert "О навесе" in await get(chair, "/council")
    await site.made.vote(id, **PASSED)
    assert "the council&#39;s answer" in await get(chair, f"/council/{id}/sign")
    await site.made.approve(id)
    shown = await get(one, "/me/requests")
    assert "granted" in shown and "The decision and its proof" in shown and "/withdraw" not in shown
    assert "О навесе" in await get(chair, f"/council/{id}/minutes")


async def test_a_refusal_says_why(asked: tuple[Site, str]) -> None:
    site, id = asked
    await site.made.vote(id, chair="against", secretary="against", accountant="against", one="against")
    await site.made.approve(id, reason="Нет средств до осени.")
    shown = await get(await site.browser("one"), "/me/requests")
    assert "refused" in shown and "Нет средств до осени." in shown


async def test_taken_back(asked: tuple[Site, str]) -> None:
    site, id = asked
    one = await site.browser("one")
    stranger = await post(await site.browser("two"), f"/me/requests/{id}/withdraw")
    assert stranger.status == 409
    await site.signs(await post(one, f"/me/requests/{id}/withdraw"), "one")
    assert "taken back" in await get(one, "/me/requests")


async def test_leaving(site: Site) -> None:
    """Told what follows, signed, decided; the register and the seat say so."""
    two, chair = await site.browser("two"), await site.browser("chair")
    page = await get(two, "/me/leave")
    assert "after 30 days at the latest" in page and "is not returned" in page
    await site.signs(await post(two, "/me/leave", payout="Сбербанк, счёт 1", sure="yes"), "two")
    assert (await two.get("/me/leave", allow_redirects=False)).status == 303, "asked already"
    listed = await get(chair, "/council")
    found = re.search(r'href="/council/([a-z2-7]{52})"', listed)
    assert found is not None and "asks to leave" in listed
    await site.made.vote(found[1], **PASSED)
    assert "Membership ends with your signature" in await get(chair, f"/council/{found[1]}/sign")
    await site.made.approve(found[1])
    view = View(site.made.node.state, membership.DOMAIN)
    assert not membership.is_member(view, site.made["two"].id)
    assert "You are not a member here yet." in await get(two, "/me/membership")
    assert "granted" in await get(two, "/me/requests"), "what was asked stays to be read"
    secretary = await site.browser("secretary")
    card = await get(secretary, "/members/5")
    assert "left" in card and site.made.names["two"] in card
    assert site.made.names["two"] not in await get(secretary, "/members?status=member")
    assert "vacant" in await get(chair, f"/council/{await site.made.propose()}")


async def test_a_former_member_is_recognised_in_a_table_that_is_brought(site: Site) -> None:
    two, secretary = await site.browser("two"), await site.browser("secretary")
    await site.signs(await post(two, "/me/leave", payout="Сбербанк, счёт 1", sure="yes"), "two")
    found = re.search(r'href="/council/([a-z2-7]{52})"', await get(await site.browser("chair"), "/council"))
    assert found is not None
    await site.made.vote(found[1], **PASSED)
    await site.made.approve(found[1])
    name = site.made.names["two"]
    rows = f"Номер;ФИО;Дата вступления\n5;{name};01.02.2020\n100;{name};01.02.2020\n"
    await post(secretary, "/desk/import", rows=rows)
    chosen = {"column-0": "number", "column-1": "name", "column-2": "since", "heading": "yes"}
    await post(secretary, "/desk/import/columns", **chosen)
    page = await get(secretary, "/desk/import/check")
    assert f"The number stays with a former member: {name}." in page
    assert f"The same name: former member No. 5, {name}." in page
    report = await get(secretary, "/desk/import/report.csv")
    assert f"former member No. 5, {name}" in report and "is in the register" not in report


async def test_the_chair_hands_over_first(site: Site) -> None:
    chair = await site.browser("chair")
    page = await get(chair, "/me/leave")
    assert "hands the office over first" in page and "<form" not in page.split("</h1>")[1].split("</main>")[0]
    assert (await post(chair, "/me/leave", sure="yes")).status == 409


async def test_whoever_is_no_member_asks_nothing(site: Site) -> None:
    await site.made.identified()
    applicant = await site.browser("applicant")
    assert "Nothing asked so far" in await get(applicant, "/me/requests")
    for path in ("/me/requests/new", "/me/leave"):
        assert (await applicant.get(path, allow_redirects=False)).status == 303
