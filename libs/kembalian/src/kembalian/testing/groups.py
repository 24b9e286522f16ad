"""Which tests run in one worker: those that share a house, a broker or a package's databases."""

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
