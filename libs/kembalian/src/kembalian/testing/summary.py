"""The last lines of a test run: which PostgreSQL and which Kafka it stood on."""

from collections.abc import Generator
from typing import Any

import pytest

GROUND_LINES = pytest.StashKey[list[str]]()
WORKER_KEY = "grounds"


def note(config: pytest.Config, line: str) -> None:
    """Have `line` printed at the end of the run, once, also if a worker of pytest-xdist says it."""
    lines = config.stash.setdefault(GROUND_LINES, [])
    if line not in lines:
        lines.append(line)
    output: dict[str, list[str]] | None = getattr(config, "workeroutput", None)
    if output is not None:
        output[WORKER_KEY] = lines


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over what a worker noted."""
    for line in getattr(node, "workeroutput", {}).get(WORKER_KEY, []):
        note(node.config, line)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> Generator[None]:
    """Print the grounds after everything but pytest's own last line."""
    yield
    lines = config.stash.setdefault(GROUND_LINES, [])
    for line in sorted(lines, key=_postgres_first):
        terminalreporter.write_line(line)


def _postgres_first(line: str) -> bool:
    return not line.startswith("PostgreSQL")
