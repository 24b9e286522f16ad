"""One house for all stories: `kembalian run` on the best Kafka that this machine can have."""

import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from kembalian.testing.cast import Cast, new_cast
from kembalian.testing.house import RunningHouse, best_kafka, running_house
from kembalian.testing.people import Campus, new_campus, with_new_member
from kembalian.testing.refusals import log_heads


@pytest.fixture(scope="session")
def house() -> Generator[RunningHouse]:
    """The house that all stories share; what breaks one starts a house of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="kembalian-e2e-", ignore_cleanup_errors=True) as folder,
        running_house(Path(folder), kafka=best_kafka()) as house,
    ):
        yield house


@pytest.fixture
def campus(house: RunningHouse) -> Campus:
    """Three stores, their tills and a member, new for each test."""
    return new_campus(house)


@pytest.fixture(scope="session")
def shared_stores(house: RunningHouse) -> Campus:
    """A campus that many tests use: none may count what happens at its stores."""
    return new_campus(house)


@pytest.fixture
def shopper(house: RunningHouse, shared_stores: Campus) -> Campus:
    """The shared stores and a member who is new: a test has the wallet to itself."""
    return with_new_member(house, shared_stores)


@pytest.fixture(scope="session")
def cast(house: RunningHouse) -> Generator[Cast]:
    """Somebody of every role, for tests that ask every call."""
    cast = new_cast(house)
    yield cast
    cast.close()


@pytest.fixture
def no_events(house: RunningHouse, cast: Cast) -> Generator[None]:
    """Nothing that the test does may append to any log."""
    before = log_heads(house)
    yield
    assert log_heads(house) == before
