"""For every test: how hard Hypothesis searches, on which database it runs, and that no skipped test hides
behind a green CI."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

import pytest
from hypothesis import HealthCheck, settings

from coopnode import testing
from tests.postgresql import Cluster

# A busy machine is slow now and then: no deadline, and no complaint about slow generation.
settings.register_profile(
    "quick", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("all", settings.get_profile("quick"), max_examples=500)
settings.load_profile("quick")  # --hypothesis-profile=all comes later and wins


class NoSkips:
    """In the CI a test that did not run is a failure: otherwise a missing browser looks like a passed one."""

    def __init__(self) -> None:
        self.skipped: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            self.note(report.nodeid, report.longrepr)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.skipped:
            self.note(report.nodeid, report.longrepr)

    def note(self, name: str, reason: object) -> None:
        self.skipped.append(f"{name}: {reason[-1] if isinstance(reason, tuple) else reason}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.skipped and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.skipped:
            terminalreporter.section("skipped, which the CI does not accept", red=True)
            for line in sorted(set(self.skipped)):
                terminalreporter.line(line)


def pytest_configure(config: pytest.Config) -> None:
    on_a_worker = hasattr(config, "workerinput")  # of xdist; its reports come to the process that started it
    if os.environ.get("CI") and not on_a_worker:
        config.pluginmanager.register(NoSkips(), "no-skips")


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    """A PostgreSQL server of this run's own."""
    made = Cluster()
    yield made
    made.close()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`@pytest.mark.databases("sqlite", "postgresql")` runs a test on each; with `long=("postgresql",)` on
    that one only with --all."""
    mark = metafunc.definition.get_closest_marker("databases")
    if mark is not None:
        rare = mark.kwargs.get("long", ())
        names = [pytest.param(name, marks=_marks(name, rare)) for name in mark.args]
        metafunc.fixturenames.append("database")
        metafunc.parametrize("database", names, indirect=True)


def _marks(name: str, rare: Collection[str]) -> list[pytest.MarkDecorator]:
    server = [pytest.mark.postgresql] if name == "postgresql" else []
    return [*server, pytest.mark.long] if name in rare else server


@pytest.fixture(autouse=True)
def database(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The kind of database that nodes of this test stand on."""
    kind = getattr(request, "param", "sqlite")
    if kind == "sqlite":
        yield kind
        return
    cluster: Cluster = request.getfixturevalue("cluster")
    monkeypatch.setattr(testing, "furnish", cluster.furnish)
    yield kind
    cluster.forget()
