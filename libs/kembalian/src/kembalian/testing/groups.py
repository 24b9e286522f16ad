"""What two workers need: tests that share a house or a broker stay together; clean reports."""

from collections.abc import Generator

import pytest

ROOM_PARTS = 2
"""`tests/e2e`, `libs/events`, `services/identity`: the first two parts of a test's path."""

SHARES_KAFKA = ("libs/events", "services/catalog")
"""These ask for the session's Kafka: one worker starts it, not both."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Give every test the group of its room (`--dist loadgroup`)."""
    for item in items:
        room = "/".join(item.path.relative_to(config.rootpath).parts[:ROOM_PARTS])
        item.add_marker(pytest.mark.xdist_group("kafka" if room in SHARES_KAFKA else room))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Escape what was captured: a lone surrogate in a log cannot be sent by a worker."""
    report = yield
    report.sections = [
        (name, text.encode(errors="backslashreplace").decode()) for name, text in report.sections
    ]
    return report
