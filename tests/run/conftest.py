"""One run of the house, of which nearly all is told here: its first start, its next, its end."""

import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from kembalian.testing.house import RunningHouse, running_house


@pytest.fixture(scope="session")
def house() -> Generator[RunningHouse]:
    """A house on the embedded broker with the trial of 2016, as `make run` makes it."""
    with (
        tempfile.TemporaryDirectory(prefix="kembalian-run-", ignore_cleanup_errors=True) as folder,
        running_house(Path(folder), kafka="embedded", demo="trial") as house,
    ):
        yield house
