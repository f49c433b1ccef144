"""One founded cooperative for all tests of a worker; each gets a copy where it wants it."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from coopnode import testing
from coopnode.cli.node import all_projections
from tests.faults.living import Society
from tests.faults.places import Place, disks, mounts


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> testing.Cooperative:
    """Founded on the real clock, and stopped."""

    async def make() -> testing.Cooperative:
        made = await testing.cooperative(
            tmp_path_factory.mktemp("faults") / "data", projections=all_projections()
        )
        await made.node.stop()
        return made

    return asyncio.run(make())


@pytest.fixture
def society(template: testing.Cooperative, tmp_path: Path) -> Society:
    shutil.copytree(template.node.config.data, tmp_path / "data")
    return Society(tmp_path / "data", template)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Place]:
    """A disk of 24 MB in memory."""
    assert mounts(), "a tmpfs cannot be mounted here: ./dev test leaves these tests out"
    place = Place(tmp_path / "place", 24)
    yield place
    place.close()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Place]:
    """A disk of 40 MB with a file system that can fail."""
    assert disks(), "an image cannot be mounted here: ./dev test leaves these tests out"
    place = Place(tmp_path / "place", 40, image=tmp_path / "image")
    yield place
    place.close()


def placed(place: Place, template: testing.Cooperative) -> Society:
    """The cooperative moved there, synced."""
    place.run("cp", "--archive", str(template.node.config.data), str(place.folder / "data"))
    place.run("sync")
    return Society(place.folder / "data", template, place.enter)
