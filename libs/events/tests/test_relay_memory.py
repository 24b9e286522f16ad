"""A relay that is told what its process appended, and faults that must not show in the topic."""

import asyncio
from collections.abc import Sequence

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from events import background, channel, leases, log, news, sending
from events.client import BatchProducer
from events.leases import Leases
from events.log import RecordedEvent
from events.relay import Relay
from events.sending import Sent
from events.testing import Rig, an_event


class Writer:
    """A process that appends, with a relay that it tells of it, if it does."""

    def __init__(self, rig: Rig, address: str) -> None:
        self._rig = rig
        self._leases = Leases(rig.pool, address)
        self.relay = Relay(rig.pool, rig.topic, rig.kafka, self._leases, "writer/")
        self._relaying: asyncio.Task[None] | None = None

    async def start(self, partition: int = 0) -> None:
        """Be the writer of a partition, and its relay."""
        assert await self._leases.take(f"writer/{partition}") is not None
        self._relaying = self._rig.start(self.relay.run())

    @property
    def ended(self) -> bool:
        """True if its relay has failed."""
        return self._relaying is not None and self._relaying.done()

    async def stop(self) -> None:
        """End in good order."""
        assert self._relaying is not None
        await background.stop(self._relaying)
        await self._leases.release()

    async def append(
        self, partition: int, first: int, count: int, *, stream: str = "member", tell: bool = True
    ) -> None:
        """Append events of a stream from version `first` on, and say so."""
        events = [an_event(f"{stream}-{partition}", first + n) for n in range(count)]
        async with self._rig.pool.acquire() as connection:
            what = await log.append(connection, partition, events)
        if tell:
            self.relay.appended(partition, what, events)


@pytest.fixture(autouse=True)
def long_leases(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leases that last for a whole test, since nobody keeps them (a rig's own are short)."""
    monkeypatch.setattr(leases, "LEASE_SECONDS", 60.0)


@pytest.fixture
async def writer(rig: Rig) -> Writer:
    return Writer(rig, "a writer")


async def the_log_is_published(rig: Rig, partition: int) -> None:
    async with rig.pool.acquire() as connection:
        facts = await log.read(connection, partition, 0)
    records = {dict(record.headers)["position"]: record for record in await rig.records(partition)}
    assert [records[b"%d" % fact.position].value for fact in facts] == [f.body for f in facts]
    assert all(
        list(records[b"%d" % fact.position].headers) == sending.headers(fact) for fact in facts
    )


async def test_what_it_is_told_is_published_without_a_look_at_the_log(
    rig: Rig, writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await writer.append(0, 1, 1)
    await writer.start()
    await rig.until_published(0, 1)
    monkeypatch.setattr(news, "IDLE_SECONDS", 600.0)
    await asyncio.sleep(0.3)  # the last look

    async def unreadable(*_: object) -> list[RecordedEvent]:
        raise AssertionError("the log was read")

    monkeypatch.setattr(log, "read", unreadable)
    await writer.append(0, 2, 3)
    await writer.append(0, 5, 2)
    await rig.until_published(0, 6)
    monkeypatch.undo()

    assert await rig.positions(0) == list(range(1, 7))
    await the_log_is_published(rig, 0)


async def test_what_it_was_not_told_is_read_and_memory_goes_on_after_it(
    rig: Rig, writer: Writer
) -> None:
    await writer.start()
    await writer.append(0, 1, 2)
    await rig.until_published(0, 2)

    await writer.append(0, 3, 3, tell=False)
    await writer.append(0, 6, 2)
    await rig.until_published(0, 7)

    assert await rig.positions(0) == list(range(1, 8))
    await the_log_is_published(rig, 0)


async def test_two_writers_that_take_over_from_each_other_leave_one_dense_topic(rig: Rig) -> None:
    first, second = Writer(rig, "first"), Writer(rig, "second")
    await first.start()
    await first.append(0, 1, 5)
    await rig.until_published(0, 5)

    await second.append(0, 6, 4)  # the first one's relay is told nothing of it
    await rig.until_published(0, 9)
    await first.append(0, 10, 3)
    await rig.until_published(0, 12)
    await first.stop()
    await second.start()
    await second.append(0, 13, 3)
    await rig.until_published(0, 15)

    assert await rig.positions(0) == list(range(1, 16))
    await the_log_is_published(rig, 0)


class Faults:
    """Batches of one partition that fail, before the broker had them or after it."""

    def __init__(self, partition: int, *, written: bool) -> None:
        self._partition = partition
        self._written = written
        self.over = False
        self.failed = 0
        self._condemned: list[BatchProducer] = []

    async def send(
        self, through: BatchProducer, where: TopicPartition, events: Sequence[RecordedEvent]
    ) -> Sent:
        assert not any(through is failed for failed in self._condemned)
        if where.partition != self._partition or self.over:
            return await sending.send(through, where, events)
        if self._written:
            await sending.send(through, where, events)
        self.failed += 1
        self._condemned.append(through)
        raise KafkaError("a fault")


@pytest.mark.parametrize("written", [False, True], ids=["lost", "written all the same"])
async def test_a_partition_whose_batches_fail_neither_stops_the_others_nor_loses_anything(
    rig: Rig, writer: Writer, monkeypatch: pytest.MonkeyPatch, *, written: bool
) -> None:
    faults = Faults(1, written=written)
    monkeypatch.setattr(channel, "send", faults.send)
    await writer.start()
    for version in (1, 3, 5):
        for partition in range(3):
            await writer.append(partition, version, 2)
        await rig.until_published(0, version + 1)
        await rig.until_published(2, version + 1)
    assert faults.failed >= 1
    assert not writer.ended

    faults.over = True
    rig.start_consumer()
    for partition in range(3):
        await rig.until_seen(partition, range(1, 7))
        await the_log_is_published(rig, partition)
    assert await rig.positions(0) == list(range(1, 7))
