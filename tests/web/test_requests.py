"""What a member asks of the council, through the pages: a petition with its answer, leaving (R80)."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from protocol.contract import View
from protocol.contracts import council, membership
from protocol.encoding import Value
from tests.web.test_council import PASSED, Site, get, post, site
from web import i18n

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
    page = await get(await site.browser("chair"), f"/council/{id}")
    assert "The member took the petition back" in page and "application" not in page.split("</h1>")[1][:3000]


async def test_a_petition_without_a_decision_says_what_remains(asked: tuple[Site, str]) -> None:
    site, id = asked
    await site.made.wait(40 * DAY)
    page = await get(await site.browser("chair"), f"/council/{id}")
    assert "Too few voted in time. The petition is undecided" in page and "proposes it anew" not in page


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
    page = await get(two, "/me/membership")
    assert "You were member No. 5." in page and "Your membership ended on" in page
    assert 'href="/me/requests"' in page and "not a member here yet" not in page
    assert "granted" in await get(two, "/me/requests"), "what was asked stays to be read"
    secretary = await site.browser("secretary")
    card = await get(secretary, "/members/5")
    assert "left" in card and site.made.names["two"] in card
    for path in ("/members", "/members?status=member", "/members?status=invited"):
        assert site.made.names["two"] not in await get(secretary, path)
    listed = await get(secretary, "/members?status=left")
    assert site.made.names["two"] in listed and site.made.names["one"] not in listed
    assert site.made.names["two"] in await get(secretary, "/members?status=left&q=5")
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


async def leaves(site: Site, key: str) -> str:
    """Somebody asks to leave; the matter's id."""
    browser = await site.browser(key)
    await site.signs(await post(browser, "/me/leave", sure="yes"), key)
    found = re.search(r'action="/me/requests/([a-z2-7]{52})/withdraw"', await get(browser, "/me/requests"))
    assert found is not None
    return found[1]


async def test_nobody_left_yet(site: Site) -> None:
    assert "Nobody has left." in await get(await site.browser("secretary"), "/members?status=left")


async def test_an_exit_taken_back_leaves_a_member(site: Site) -> None:
    id = await leaves(site, "two")
    await site.signs(await post(await site.browser("two"), f"/me/requests/{id}/withdraw"), "two")
    assert "took the request to leave back and stays a member" in await get(
        await site.browser("chair"), f"/council/{id}"
    )


async def test_an_exit_too_few_voted_on_ends_membership(site: Site) -> None:
    id = await leaves(site, "two")
    await site.made.wait(40 * DAY)
    page = await get(await site.browser("chair"), f"/council/{id}")
    assert "Too few voted in time. Membership ended with the term without a decision" in page
    assert "proposes it anew" not in page
    russian = await get(await site.browser("chair", "ru"), f"/council/{id}")
    assert "Членство прекратилось с истечением срока без решения" in russian


async def test_an_exit_the_chair_does_not_sign_ends_membership(site: Site) -> None:
    id = await leaves(site, "two")
    await site.made.vote(id, chair="against", secretary="against", accountant="against", one="against")
    closes = View(site.made.node.state, council.DOMAIN).need("matter", id, council.Matter).box.closes
    await site.made.wait(closes + DAY // 2 - site.made.clock.peek())
    chair, one = await site.browser("chair"), await site.browser("one")
    for path, browser in ((f"/council/{id}", chair), (f"/council/{id}/sign", chair)):
        assert "otherwise membership ends without a decision" in await get(browser, path)
    assert "membership ends without it" in await get(one, f"/council/{id}")
    await site.made.wait(40 * DAY)
    page = await get(await site.browser("chair"), f"/council/{id}")
    assert "The chair did not sign in time. Membership ended" in page
    assert "You were member No. 5." in await get(await site.browser("two"), "/me/membership")


async def test_what_was_paid_stays_on_the_card_of_whoever_left(site: Site) -> None:
    """Somebody who joined by an application; their page does not lead back to it."""
    application = await site.made.applied()
    await site.made.vote(application, **PASSED)
    await site.made.approve(application)
    facts = site.made.node.facts
    fees: dict[str, Value] = {
        kind: {"amount": facts.parameter(f"fees.{kind}.person"), "currency": "RUB"}
        for kind in ("entrance", "share")
    }
    applicant = site.made["applicant"]
    view = View(site.made.node.state, membership.DOMAIN)
    running = view.need("applicant", applicant.id, membership.Applicant).application
    digest = view.need("application", running, membership.Application).apply
    fields: dict[str, Value] = {"re": [digest], **fees, "received_at": site.made.coop.now}
    values: dict[str, Value] = {"reference": "ПП 17"}
    await site.made.coop.must(
        site.made["accountant"], "membership.payment/1", fields, sub=running, values=values
    )
    browser = await site.browser("applicant")
    share = i18n.money(facts.parameter("fees.share.person"), "RUB", "en")
    assert share in await get(browser, "/me/leave")
    secretary = await site.browser("secretary")
    card = await get(secretary, "/members/6")
    assert "Share paid" in card and share in card
    await leaves(site, "applicant")
    await site.made.wait(40 * DAY)
    card = await get(await site.browser("secretary"), "/members/6")
    assert "Share to be returned" in card and share in card
    assert "You were member No. 6." in await get(await site.browser("applicant"), "/me/membership")


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
