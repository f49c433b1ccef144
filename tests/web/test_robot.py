"""The robot's pages: terms tried and proposed, a key lent and taken back, the review, the way to stop it."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator

import pytest

from coopnode.robot.job import Worker
from protocol.contract import View
from protocol.contracts import council
from tests.web.test_council import PASSED, Site, get, post, site

__all__ = ["site"]

pytestmark = pytest.mark.databases("sqlite", "postgresql", long=("postgresql",))

TERMS = {
    "persons": "person",
    "level": "1",
    "per_day": "5",
    "max_sum": "1000",
    "until": "2026-06-01",
    "chair": "yes",
    "title": "О роботе совета",
    "text": "Поручить роботу приём.",
}


@pytest.fixture
async def decided(site: Site) -> AsyncIterator[Site]:
    """The council has decided about the robot."""
    one = await site.browser("one")
    await site.signs(await post(one, "/council/robot/terms", **TERMS), "one")
    shown = await get(one, "/council/robot")
    found = re.search(r'href="/council/([a-z2-7]{52})"', shown)
    assert found is not None and "The council is deciding about the robot now." in shown
    await site.made.vote(found[1], **PASSED)
    await site.made.approve(found[1])
    yield site


async def test_terms_are_tried_before_they_are_proposed(site: Site) -> None:
    one = await site.browser("one")
    page = await get(one, "/council/robot/terms")
    assert 'name="persons" value="person" checked' in page and 'value="organisation">' in page
    await site.made.identified(phone="+7 911 111-11-11", email="somebody@example.org")
    tried = await post(one, "/council/robot/terms", **TERMS, **{"try": "yes"})
    text = await tried.text()
    assert (
        tried.status == 200 and "Of 1 applications of the last 90 days the robot would have decided 1" in text
    )
    assert 'value="О роботе совета"' in text, "what was typed is kept"
    cheap = await (
        await post(one, "/council/robot/terms", **(TERMS | {"max_sum": "1"}), **{"try": "1"})
    ).text()
    assert "The fees are above the limit: 1" in cheap


@pytest.mark.parametrize("until", ["2025-01-01", "2029-01-01"])
async def test_a_term_that_cannot_be(site: Site, until: str) -> None:
    one = await site.browser("one")
    answer = await post(one, "/council/robot/terms", **(TERMS | {"until": until}))
    assert answer.status == 422 and 'id="until-error"' in await answer.text()


async def test_a_key_is_lent_used_and_taken_back(decided: Site) -> None:
    one = await decided.browser("one")
    page = await get(one, "/council/robot")
    assert "Lend the robot a key?" in page and "nobody has lent the robot a key yet" in page
    form = await get(one, "/council/robot/lend")
    assert "checked" not in form and 'value="approve"' not in form, (
        "nothing is chosen, and only what one holds"
    )
    for fields, error in (
        ({}, "acts-error"),
        ({"acts": "approve"}, "acts-error"),
        ({"acts": "vote", "until": "never"}, "until-error"),
        ({"acts": "vote", "until": "2026-06-02"}, "until-error"),
        ({"acts": "vote", "until": "2026-05-01", "max_sum": "many"}, "max_sum-error"),
    ):
        wrong = await post(one, "/council/robot/lend", **({"until": "2026-05-01"} | fields))
        assert wrong.status == 422 and f'id="{error}"' in await wrong.text(), fields
    lent = await decided.signs(await post(one, "/council/robot/lend", acts="vote", until="2026-06-01"), "one")
    assert lent["acts"] == ["vote"]
    page = await get(one, "/council/robot")
    assert "Your key at the robot" in page and "1 of 4 votes" in page
    await decided.signs(await post(one, "/council/robot/take-back"), "one")
    assert "Your key at the robot" not in await get(one, "/council/robot")


async def test_what_it_did_is_marked_and_reviewed(decided: Site) -> None:
    for key, acts in (
        ("chair", ["vote", "approve"]),
        ("secretary", ["complete", "vote"]),
        ("accountant", ["vote"]),
        ("one", ["vote"]),
    ):
        browser = await decided.browser(key)
        answer = await post(browser, "/council/robot/lend", acts=acts, until="2026-05-01")
        await decided.signs(answer, key)
    chair = await decided.browser("chair")
    assert "decided without a person" in await get(chair, "/council/robot")
    made = decided.made
    await made.identified(phone="+7 911 111-11-11", email="somebody@example.org", method="video")
    await made.identified("Белов Иван Ильич", "young", birth_date="2010-01-01", phone="+7 911 111-11-12")
    worker = Worker(made.node)
    done = 0
    for _ in range(5):
        await made.published()
        done += await worker.work()
    assert done == 6
    review = await get(chair, "/council/robot/review")
    assert "The robot dealt with 1 application. You would have looked at 1 of them yourself." in review
    assert "The identity was checked by video" in review and "Left to people now" in review
    assert "The applicant is under eighteen" in review
    found = re.search(r'href="/council/([a-z2-7]{52})"', review)
    assert found is not None
    matter = await get(chair, f"/council/{found[1]}")
    assert matter.count("by the robot, with a key lent to it") == 4
    minutes = await get(chair, f"/council/{found[1]}/minutes")
    assert minutes.count("by the robot") == 5, "four votes and the chair's signature"
    assert "Month before" in await get(chair, "/council/robot/review?month=2025-12")


async def test_any_voter_stops_it(decided: Site) -> None:
    two = await decided.browser("two")
    assert "Stop the robot?" in await get(two, "/council/robot/stop")
    await decided.signs(await post(two, "/council/robot/stop"), "two")
    assert council.in_force(View(decided.made.node.state, council.DOMAIN), decided.made.clock.peek()) is None
    assert "The robot was stopped" in await get(two, "/council/robot")
