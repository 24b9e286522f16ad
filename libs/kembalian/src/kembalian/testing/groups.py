"""What two workers need: tests that share a house or a broker stay together; clean reports."""

from collections.abc import Generator
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling  # pyright: ignore[reportMissingTypeStubs]

ROOM_PARTS = 2
"""`tests/e2e`, `libs/events`, `services/identity`: the first two parts of a test's path."""

SHARE_KAFKA = ("libs/events", "services/catalog")
"""These ask for the session's Kafka: one worker starts it, not both."""

ALONE = ("test_two_ledgers.py",)
"""These stories start a house of their own."""

LONGEST_FIRST = (
    "tests/faults",
    "tests/e2e",
    "tests/run",
    "services/settlement",
    "test_two_ledgers.py",
    "kafka",
    "services/identity",
    "services/wallet-ledger",
    "tests/grounds",
    "tests/deploy",
)
"""In this order workers take groups, the others last: no worker is left alone with a long one."""


def group_of(nodeid: str) -> str:
    """Return what a test shares its servers with."""
    path = nodeid.partition("::")[0].split("/")
    room = "/".join(path[:ROOM_PARTS])
    if path[-1] in ALONE:
        return path[-1]
    return "kafka" if room in SHARE_KAFKA else room


def _turn(group: str) -> int:
    return LONGEST_FIRST.index(group) if group in LONGEST_FIRST else len(LONGEST_FIRST)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the tests of a worker into the order of their groups; alone, they stay as they are."""
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: _turn(group_of(item.nodeid)))


class Grouped(LoadScopeScheduling):
    """Gives each worker whole groups, in the order of the collection."""

    def __init__(self, config: pytest.Config, log: Any) -> None:
        config.option.loadscopereorder = False  # a number of tests says little of their time
        super().__init__(config, log)

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Grouped:
    """Group by what is shared, whatever --dist says."""
    return Grouped(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape what was captured: a lone surrogate in a log cannot be sent by a worker."""
    report = yield
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report
