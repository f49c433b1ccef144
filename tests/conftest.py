"""For every test: how hard Hypothesis searches, and that no skipped test hides behind a green CI."""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, settings

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
