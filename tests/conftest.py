"""What is not run on this machine, by name: skipped and counted in the very last line; under CI a failure."""

from __future__ import annotations

import os
import re
import signal
from collections import Counter

import pytest

from tests.servers import NEEDS, need, stop_shared

_not_run: pytest.StashKey[Counter[str]] = pytest.StashKey()


def pytest_configure(config: pytest.Config) -> None:
    """Register ``needs_node``, ``needs_nginx``, …; ask through no proxy of this machine's; and let Ctrl-C and
    the end of a terminal be what they are in what is started, where whoever started this has them ignored.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # as nohup does
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
    for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
        del os.environ[name]
    config.stash[_not_run] = Counter()
    for name, what in NEEDS.items():
        config.addinivalue_line("markers", f"needs_{name}: needs {what}")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip, or under CI fail, a test before its fixtures when what it needs is missing."""
    for name in NEEDS:
        if item.get_closest_marker(f"needs_{name}"):
            need(name)


def pytest_sessionfinish() -> None:
    """End what ``shared`` started, so that nothing lives on when the run is interrupted."""
    stop_shared()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Count the skipped tests by their reason."""
    for report in terminalreporter.stats.get("skipped", []):
        _, _, reason = report.longrepr
        config.stash[_not_run][reason.removeprefix("Skipped: ")] += 1


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """Print the last line, below pytest's own: ``not run here: 12 tests need node, 3 need nginx``."""
    counts = config.stash[_not_run]
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if counts and reporter is not None:
        reporter.write_line(not_run(counts))


def not_run(counts: Counter[str]) -> str:
    """The line that says how many tests were skipped for which reason, the most frequent first."""
    parts: list[str] = []
    for reason, count in counts.most_common():
        missing = re.fullmatch(r"needs (\w+)", reason)
        why = f"need{'s' if count == 1 else ''} {missing[1]}" if missing else f"skipped: {reason}"
        noun = "" if parts else (" test" if count == 1 else " tests")
        parts.append(f"{count}{noun} {why}")
    return "not run here: " + ", ".join(parts)
