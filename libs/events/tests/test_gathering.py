"""How long a consumer waits between two looks, and that nothing is fetched meanwhile."""

import asyncio
from typing import cast

import pytest
from aiokafka import TopicPartition

from events.client import TopicReader
from events.gathering import (
    FULL_RECORDS,
    GATHER_MANY_SECONDS,
    GATHER_SECONDS,
    MANY_RECORDS,
    gathering,
)

PARTITIONS = [TopicPartition("wallet", 0), TopicPartition("wallet", 1)]


class Paused:
    """A consumer of which only what is paused is known."""

    def __init__(self) -> None:
        self.partitions: set[TopicPartition] = set()

    def pause(self, *partitions: TopicPartition) -> None:
        self.partitions |= set(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        self.partitions -= set(partitions)


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that were to be waited each time; nobody does."""
    asked: list[float] = []

    async def sleep(seconds: float) -> None:
        asked.append(seconds)

    monkeypatch.setattr("events.gathering.sleep", sleep)
    return asked


async def paused_during(consumer: Paused, records: int, work_seconds: float = 0) -> int:
    """Return how many partitions were paused while a poll of `records` was handled."""
    async with gathering(cast("TopicReader", consumer), PARTITIONS, records):
        await asyncio.sleep(work_seconds)
        return len(consumer.partitions)


@pytest.mark.parametrize(
    ("records", "seconds"),
    [(1, GATHER_SECONDS), (MANY_RECORDS, GATHER_MANY_SECONDS)],
)
async def test_where_more_comes_more_is_waited_for(
    slept: list[float], records: int, seconds: float
) -> None:
    consumer = Paused()

    assert await paused_during(consumer, records) == len(PARTITIONS)

    assert len(slept) == 1
    assert 0 <= slept[0] <= seconds
    assert not consumer.partitions


async def test_whoever_is_behind_waits_for_nothing_and_goes_on_fetching(
    slept: list[float],
) -> None:
    assert await paused_during(Paused(), FULL_RECORDS) == 0
    assert slept == []


async def test_what_the_batch_took_is_not_waited_for_again(slept: list[float]) -> None:
    await paused_during(Paused(), MANY_RECORDS, work_seconds=GATHER_MANY_SECONDS)

    assert slept[0] <= 0.01
