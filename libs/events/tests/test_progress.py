# ruff: noqa: ARG002 - a client that is asked and always says the same
import asyncio
from collections.abc import Mapping

import pytest
from aiokafka import TopicPartition

from events import background, progress
from events.client import Record
from events.progress import STALLED_SECONDS, Reading, Watchdog
from events.topics import Kafka

WHERE = TopicPartition("kembalian.test.v1", 0)


class Client:
    """A client of a broker at whose end offset, and at whose position, it always is."""

    def __init__(self, position: int = 0, end: int = 0) -> None:
        self.at = position
        self.end = end

    async def start(self) -> None: ...
    async def stop(self) -> None: ...
    def assign(self, partitions: list[TopicPartition]) -> None: ...
    def seek(self, partition: TopicPartition, offset: int) -> None: ...
    def pause(self, *partitions: TopicPartition) -> None: ...
    def resume(self, *partitions: TopicPartition) -> None: ...

    async def position(self, partition: TopicPartition) -> int:
        return self.at

    def highwater(self, partition: TopicPartition) -> int | None:
        return self.end

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self.end)

    async def beginning_offsets(
        self, partitions: list[TopicPartition]
    ) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 0)

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> dict[TopicPartition, list[Record]]:
        return {}


class Ended(BaseException):
    """The process would have ended here."""


@pytest.fixture(autouse=True)
def no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ends says so instead."""

    def end() -> None:
        raise Ended

    monkeypatch.setattr(progress, "end_process", end)


class Clock:
    """Shows the seconds that a test has let pass."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


async def looked_twice(
    consumer: Client, other: Client, readings: Mapping[TopicPartition, Reading]
) -> None:
    clock = Clock()
    watchdog = Watchdog(Kafka("nowhere:1"), consumer, readings, clock)
    await watchdog.look(other)
    clock.seconds += STALLED_SECONDS + 1
    await watchdog.look(other)


async def test_a_client_that_went_silent_although_there_is_more_ends_the_process() -> None:
    with pytest.raises(Ended):
        await looked_twice(Client(5), Client(end=7), {WHERE: Reading(5)})


async def test_a_client_at_the_end_is_no_concern() -> None:
    await looked_twice(Client(7), Client(end=7), {WHERE: Reading(7)})


async def test_a_stopped_partition_is_no_concern() -> None:
    await looked_twice(Client(7), Client(7, end=7), {WHERE: Reading(5, stopped_at=1.0)})
    await looked_twice(Client(5), Client(end=7), {WHERE: Reading(5, stopped_at=1.0)})


async def test_a_client_that_moves_on_is_no_concern() -> None:
    consumer, readings = Client(5), {WHERE: Reading(5)}
    clock = Clock()
    watchdog = Watchdog(Kafka("nowhere:1"), consumer, readings, clock)
    await watchdog.look(Client(end=90))
    clock.seconds += STALLED_SECONDS + 1
    consumer.at = 6

    await watchdog.look(Client(end=90))


async def test_a_client_that_gave_something_lately_is_no_concern() -> None:
    clock = Clock()
    watchdog = Watchdog(Kafka("nowhere:1"), Client(5), {WHERE: Reading(5)}, clock)
    await watchdog.look(Client(end=7))
    clock.seconds += STALLED_SECONDS + 1
    watchdog.messages_came()

    await watchdog.look(Client(end=7))


def test_progress_ends_a_stop_and_the_memory_of_a_rewind() -> None:
    reading = Reading(1, highest=3, rewound=True, stopped_at=9.0)

    reading.advance(2)

    assert (reading.rewound, reading.stopped_at, reading.gap) == (False, None, True)
    reading.advance(3)
    assert not reading.gap


async def test_work_that_fails_ends_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr("os._exit", ended.append)

    async def fail() -> None:
        raise LookupError

    task = background.start(fail(), "a test")
    await asyncio.wait([task])
    await asyncio.sleep(0)

    assert ended == [background.EXIT_FAILED]


async def test_work_that_is_stopped_ends_quietly(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr("os._exit", ended.append)
    task = background.start(asyncio.sleep(60), "a test")
    await asyncio.sleep(0)

    await background.stop(task)

    assert (task.cancelled(), ended) == (True, [])
