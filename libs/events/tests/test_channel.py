"""One producer for all partitions, and what becomes of it when a batch fails. No broker."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from events import channel
from events.channel import Channels
from events.log import RecordedEvent
from events.sending import Sent
from events.topics import Kafka

NOWHERE = Kafka("127.0.0.1:1")


class Producers:
    """Stands in for the broker: which batch went by which producer, and who is open."""

    def __init__(self) -> None:
        self.made = 0
        self.open: set[int] = set()
        self.sent: list[tuple[int, int]] = []
        """(producer, partition), when a batch sets out."""
        self.failing: set[int] = set()
        self.held: dict[int, asyncio.Event] = {}
        self.away = False

    @asynccontextmanager
    async def producer(self, _: Kafka) -> AsyncGenerator[int]:
        if self.away:
            raise KafkaError("no broker")
        self.made += 1
        mine = self.made
        self.open.add(mine)
        await asyncio.sleep(0)
        yield mine
        self.open.remove(mine)

    async def send(
        self, through: int, where: TopicPartition, events: Sequence[RecordedEvent]
    ) -> Sent:
        assert through in self.open
        self.sent.append((through, where.partition))
        if where.partition in self.held:
            await self.held[where.partition].wait()
        if where.partition in self.failing:
            raise KafkaError("failed")
        assert through in self.open
        return Sent(len(events), 0)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Producers:
    made = Producers()
    monkeypatch.setattr(channel, "producer", made.producer)
    monkeypatch.setattr(channel, "send", made.send)
    return made


async def batch(channels: Channels, partition: int) -> Sent:
    return await channels.send(TopicPartition("a-topic", partition), [])


async def failed(channels: Channels, partition: int) -> None:
    with pytest.raises(KafkaError):
        await batch(channels, partition)
    channels.failed(partition)


async def test_all_partitions_share_one_producer(broker: Producers) -> None:
    channels = Channels(NOWHERE)

    await asyncio.gather(*(batch(channels, partition) for partition in range(8)))
    await batch(channels, 3)

    assert {through for through, _ in broker.sent} == {1}
    await channels.close()
    assert not broker.open


async def test_nothing_sets_out_by_a_producer_after_one_of_its_batches_failed(
    broker: Producers,
) -> None:
    channels = Channels(NOWHERE)
    broker.failing = {1}
    await asyncio.gather(batch(channels, 0), failed(channels, 1), batch(channels, 2))

    await asyncio.gather(batch(channels, 0), batch(channels, 2))

    assert broker.sent == [(1, 0), (1, 1), (2, 2), (2, 0), (2, 2)]
    await channels.close()


async def test_batches_that_are_on_their_way_are_waited_for_before_a_producer_is_closed(
    broker: Producers,
) -> None:
    channels = Channels(NOWHERE)
    broker.failing, broker.held[0] = {1}, asyncio.Event()
    slow = asyncio.create_task(batch(channels, 0))
    await asyncio.sleep(0.01)
    await failed(channels, 1)
    await batch(channels, 2)
    assert broker.open == {1, 2}

    broker.held[0].set()
    await slow
    await asyncio.sleep(0.01)

    assert broker.open == {2}
    await channels.close()


async def test_a_partition_that_failed_goes_on_alone_until_a_batch_of_it_went_well(
    broker: Producers,
) -> None:
    channels = Channels(NOWHERE)
    await batch(channels, 0)
    broker.failing = {1}
    await failed(channels, 1)
    await failed(channels, 1)
    await batch(channels, 0)
    broker.failing = set()
    await batch(channels, 1)
    await batch(channels, 1)
    await batch(channels, 0)

    assert broker.sent == [(1, 0), (1, 1), (2, 1), (3, 0), (4, 1), (3, 1), (3, 0)]
    await channels.close()
    assert not broker.open


async def test_a_broker_that_is_away_is_told_to_all_and_asked_again(broker: Producers) -> None:
    channels = Channels(NOWHERE)
    broker.away = True
    await asyncio.gather(*(failed(channels, partition) for partition in range(3)))

    broker.away = False
    await asyncio.gather(*(batch(channels, partition) for partition in range(3)))

    assert len(broker.sent) == 3
    await channels.close()
    assert not broker.open


async def test_a_batch_that_is_cancelled_ends_its_producer(broker: Producers) -> None:
    channels = Channels(NOWHERE)
    broker.held[0] = asyncio.Event()
    slow = asyncio.create_task(batch(channels, 0))
    await asyncio.sleep(0.01)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    await asyncio.sleep(0.01)

    assert not broker.open
    await batch(channels, 1)
    assert broker.sent == [(1, 0), (2, 1)]
    await channels.close()
