"""The houses of these tests: one on the best Kafka there is, one on the embedded broker."""

import tempfile
import time
from collections.abc import AsyncGenerator, Generator
from pathlib import Path

import pytest

from kembalian.grounds.postgres import Postgres
from kembalian.operators.live import LiveRun
from kembalian.testing.copies import copied
from kembalian.testing.faults import until_at_rest, until_settled
from kembalian.testing.house import RunningHouse, best_kafka, running_house
from kembalian.testing.load import Load, load
from kembalian.testing.recount import recount
from kembalian.testing.refill import refilled


@pytest.fixture(scope="session")
def faulty_house() -> Generator[RunningHouse]:
    """A house whose processes are killed and whose broker is wiped; it must get over it."""
    with (
        tempfile.TemporaryDirectory(prefix="kembalian-faults-") as folder,
        running_house(Path(folder), kafka=best_kafka()) as house,
    ):
        yield house


@pytest.fixture(scope="module")
def forgetful_house(tmp_path_factory: pytest.TempPathFactory) -> Generator[RunningHouse]:
    """A house on the embedded broker, which forgets everything whenever it dies."""
    folder = tmp_path_factory.mktemp("forgetful")
    with running_house(folder, kafka="embedded") as house:
        yield house


SEEN = {"change": 10, "redemption": 10, "topup": 10}
"""So many of each the faults are planted in, at least; and PARTITIONS_SEEN with DEPTH events."""

PARTITIONS_SEEN = 5
DEPTH = 5

SHARED = 3
"""So many redemptions that more than one store's money paid: there are debts, and other orders of
spending would have made other ones."""


def is_enough(seen: Load) -> bool:
    """Tell whether a load has left something for every fault to be planted in."""
    kinds, deep = seen.kinds(), [n for n in seen.written().values() if n >= DEPTH]
    redeemed = [done.said() for done in seen.acknowledged() if done.kind == "redemption"]
    shared = [said for said in redeemed if len(said["allocations"]) > 1]
    return (
        len(deep) >= PARTITIONS_SEEN
        and len(shared) >= SHARED
        and all(kinds[kind] >= n for kind, n in SEEN.items())
    )


@pytest.fixture(scope="session")
def busy(faulty_house: RunningHouse) -> Load:
    """What the faulty house has seen, at rest again: every view of every service has rows."""
    with load(faulty_house, seed=4) as busy:
        while not is_enough(busy) and not busy.failures:
            time.sleep(0.1)
    until_settled(busy, recount(busy, faulty_house.live()))
    until_at_rest(faulty_house.live())
    return busy


@pytest.fixture(scope="session")
async def originals(
    faulty_house: RunningHouse,
    busy: Load,
    postgres: Postgres,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncGenerator[LiveRun]:
    """Copies of the house's databases at rest; server and broker are not the house's."""
    assert busy.operations
    folder = tmp_path_factory.mktemp("copies")
    with copied(faulty_house.live(), postgres) as copy:
        async with refilled(copy, folder) as run:
            yield run
