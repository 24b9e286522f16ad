"""The broker loses all its data while the house runs: topics are refilled, no view changes."""

import asyncio
import hashlib
import shutil
import time

import psutil
import pytest

from kembalian.operators.house import HOUSE
from kembalian.operators.live import LiveRun
from kembalian.operators.reading import COULD_NOT_READ, heads, published
from kembalian.testing.faults import check_clean, until_at_rest, until_settled
from kembalian.testing.house import RunningHouse
from kembalian.testing.load import load
from kembalian.testing.recount import recount

REFILL_SECONDS = 60.0


def wipe(house: RunningHouse) -> None:
    """Kill the broker and lose what it kept; on the embedded one the kill is all of it."""
    broker = psutil.Process(house.live().pids["broker"])
    data = house.home / "kafka" / "data"
    killed = house.kill("broker")
    broker.wait(10) if broker.is_running() else None
    if data.exists():
        lost = data.rename(data.with_name("lost"))
        shutil.rmtree(lost)
    house.until_back("broker", killed)


def exports(live: LiveRun) -> dict[str, str]:
    """Return service -> SHA-256 of the canonical export of all its views."""

    async def read(service: str) -> str:
        sha = hashlib.sha256()
        async for line in HOUSE[service].export(live.postgres_admin[service]):
            sha.update(line.encode() + b"\n")
        return sha.hexdigest()

    return {service: asyncio.run(read(service)) for service in HOUSE}


def until_refilled(live: LiveRun) -> float:
    """Wait until every topic holds its whole log again; return how many seconds it took."""
    began = time.monotonic()

    async def is_full() -> bool:
        want = await heads(live)
        try:
            return all(
                [(await published(live, s.topic)).reaches(want[s.name]) for s in HOUSE.values()]
            )
        except COULD_NOT_READ:
            return False

    while not asyncio.run(is_full()):
        assert time.monotonic() - began < REFILL_SECONDS, "the topics are not refilled"
        time.sleep(0.3)
    return time.monotonic() - began


def lose_the_topics(house: RunningHouse, seed: int) -> None:
    """Wipe under load, then at rest."""
    with load(house, seed=seed) as busy:
        time.sleep(1)
        wipe(house)
        time.sleep(1)
    until_settled(busy, recount(busy, house.live()))
    until_at_rest(house.live())
    before = exports(house.live())

    wipe(house)
    seconds = until_refilled(house.live())

    print(f"\ntopics refilled {seconds:.1f} s after the broker came back")
    assert exports(house.live()) == before
    check_clean(house)


@pytest.mark.timeout(420)
def test_a_wiped_kafka_is_refilled_and_no_projection_changes(faulty_house: RunningHouse) -> None:
    lose_the_topics(faulty_house, seed=6)


@pytest.mark.slow
@pytest.mark.timeout(420)
def test_an_embedded_broker_that_died_is_refilled_and_no_projection_changes(
    forgetful_house: RunningHouse,
) -> None:
    lose_the_topics(forgetful_house, seed=7)
