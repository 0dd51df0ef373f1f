"""Fixtures shared by all tests, each in its own module under tests/support; which tests run, and in which order."""

import os
from importlib.util import find_spec

import pytest

SUPPORT = ("s3", "apiserver", "flights", "node", "loop", "prometheus")
pytest_plugins = [name for name in (f"tests.support.{s}" for s in SUPPORT) if find_spec(name)]

SOAK = os.environ.get("PERENNIAL_SOAK") == "1"
REQUIRE_ALL = os.environ.get("PERENNIAL_REQUIRE_ALL") == "1"
ORDER = ("unit", "contract", "integration", "docs", "e2e")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Cheapest first; what is only for `make soak` is left out of other runs."""
    items.sort(key=_place)
    if SOAK:
        return
    soak = [item for item in items if item.get_closest_marker("soak")]
    if soak:
        config.hook.pytest_deselected(items=soak)
        items[:] = [item for item in items if not item.get_closest_marker("soak")]


def _place(item: pytest.Item) -> int:
    folder = item.path.relative_to(item.config.rootpath / "tests").parts[0]
    return ORDER.index(folder) if folder in ORDER else len(ORDER)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say plainly what could not run here."""
    skipped = terminalreporter.stats.get("skipped", [])
    if skipped:
        terminalreporter.write_line(f"{len(skipped)} tests could not run on this machine; the reasons stand above.")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI everything must run: a skipped test is a failure there."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if REQUIRE_ALL and exitstatus == 0 and reporter is not None and reporter.stats.get("skipped"):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
