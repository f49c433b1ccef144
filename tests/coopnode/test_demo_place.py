"""The demo's directory and what it is made of; the made one is tried in `tests/web/test_demo.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from coopnode import config, testing
from coopnode.app import NodeError, initialise, lock_data
from coopnode.config import Config
from coopnode.demo import cast, papers, place
from coopnode.demo.place import Demo, DemoError
from coopnode.demo.story import LAST, start_of

DAY = 86_400


def files(data: Path) -> dict[str, bytes]:
    return {str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*") if path.is_file()}


def demo(data: Path) -> Config:
    return Config(data=data, demo=True)


def test_a_real_node_is_left_alone(tmp_path: Path) -> None:
    real = tmp_path / "real"
    initialise(testing.config(real))
    before = files(real)
    with pytest.raises(DemoError, match="left alone"):
        place.prepare(demo(real))
    with pytest.raises(DemoError, match="holds no demo"):
        place.discard(demo(real))
    assert files(real) == before


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("mine")
    with pytest.raises(DemoError):
        place.prepare(demo(tmp_path))
    assert files(tmp_path) == {"letter.txt": b"mine"}


def test_a_setting_alone_makes_no_demo(tmp_path: Path) -> None:
    """Whoever writes `demo = true` into a real node's settings opens no door."""
    initialise(testing.config(tmp_path / "real"))
    config.write(tmp_path / "real", {"demo": True})
    assert config.load(tmp_path / "real").demo
    assert place.load(config.load(tmp_path / "real")) is None
    assert not place.is_demo(tmp_path / "real")


def test_it_is_kept_and_thrown_away(tmp_path: Path) -> None:
    data = tmp_path / "data-demo"
    place.prepare(demo(data))
    settings = config.load(data)
    assert settings.demo and settings.time_confirmed
    # an unfinished one is a demo too: the next start throws it away
    assert place.is_demo(data) and not place.is_finished(data) and place.load(settings) is None
    place.finish(settings, Demo("c" * 52, 1, {}))
    assert place.load(settings) == Demo("c" * 52, 1, {}) and place.is_finished(data)
    assert place.load(Config(data=data)) is None, "without the setting there is no demo either"
    lock = lock_data(data)
    with pytest.raises(NodeError, match="in use"):
        place.discard(settings)
    lock.close()
    place.discard(settings)
    assert not data.exists()


def test_one_on_a_server_is_not_dropped(tmp_path: Path) -> None:
    data = tmp_path / "data-demo"
    place.prepare(demo(data))
    with pytest.raises(DemoError, match="PostgreSQL"):
        place.discard(Config(data=data, demo=True, database_url="postgresql:///x"))
    assert place.is_demo(data)


@pytest.mark.parametrize(
    "more",
    [
        {"public_url": "https://coop.example"},
        {"signing_url": "https://sign.coop.example"},
        {"host": "0.0.0.0"},
        {"trusted_proxies": ("127.0.0.1",)},
        {"smtp": {"host": "mail.example.org"}},
        {"push": {"services": ("push.services.mozilla.com",)}},
    ],
)
def test_it_stays_on_this_machine(tmp_path: Path, more: dict[str, Any]) -> None:
    Config(data=tmp_path, **more)
    with pytest.raises(ValidationError, match="demo"):
        Config(data=tmp_path, demo=True, **more)


def test_people_are_told_apart() -> None:
    people = list(cast.PEOPLE.values())
    assert len(cast.REGISTER) == 34 and len({each.name for each in people}) == len(people) == 50
    for field in ("phone", "email", "address"):
        assert len({each.particulars[field] for each in people}) == len(people), field
    assert set(cast.INVITED) < set(cast.REGISTER) and not set(cast.INVITED) & set(cast.COUNCIL)
    assert {role.key for role in cast.ROLES} < set(cast.PEOPLE) - set(cast.INVITED)
    assert "(учебное)" in cast.COOPERATIVE


def test_papers_name_days_to_come() -> None:
    now = 1_767_225_600
    assert papers.dated("до {+10} и {-1}", now) == "до 11 января и 31 декабря"
    kept = json.dumps(papers._file(), ensure_ascii=False)
    assert "{" not in papers.dated(papers.paper("seeds").text, now) and "{+10}" in kept
    names = set(cast.PEOPLE)
    for name in papers._file()["papers"]:
        assert {who for who, _ in papers.paper(name).comments} <= names & set(cast.COUNCIL), name


@pytest.mark.parametrize("now", [1_767_225_600 + 1800 * n for n in range(0, 48, 5)])
def test_the_last_day_is_yesterday(now: int) -> None:
    start = start_of(now)
    assert (start + 3 * 3600) % DAY == 0, "midnight in Moscow"
    assert start + (LAST + 1) * DAY <= now < start + (LAST + 2) * DAY
