"""A broker whose topics hold the logs of a run, or something else than them."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from aiokafka import TopicPartition

from events import log
from events.log import RecordedEvent
from events.sending import producer, send
from events.topics import CHECKPOINTS, Kafka, Topic, ensure
from kembalian.grounds.embedded_broker import EmbeddedBroker
from kembalian.grounds.ground import running_async
from kembalian.operators.house import HOUSE
from kembalian.operators.live import LiveRun
from kembalian.operators.reading import database

BESIDE = {"wallet-ledger": (CHECKPOINTS,)}

Alter = Callable[[Topic, RecordedEvent], Sequence[RecordedEvent]]
"""What is published instead of an event: nothing, something else, or it twice."""


def as_it_is(_: Topic, event: RecordedEvent) -> Sequence[RecordedEvent]:
    """Publish what the log holds."""
    return [event]


@asynccontextmanager
async def refilled(run: LiveRun, folder: Path, alter: Alter = as_it_is) -> AsyncGenerator[LiveRun]:
    """Give the run on an embedded broker of its own, filled from its logs."""
    async with running_async(EmbeddedBroker(folder)) as broker:
        kafka = Kafka(broker.bootstrap, "embedded")
        for service, operated in HOUSE.items():
            for topic in (operated.topic, *BESIDE.get(service, ())):
                await ensure(kafka, topic)
                for partition in topic.log_partitions:
                    await _fill(run, service, topic, partition, kafka, alter)
        yield replace(run, kafka=kafka.bootstrap, kafka_ground="embedded")


async def _fill(
    run: LiveRun, service: str, topic: Topic, partition: int, kafka: Kafka, alter: Alter
) -> None:
    async with database(run, service) as connection:
        events = await log.read(connection, partition, 0, 100_000)
    left = [published for event in events for published in alter(topic, event)]
    async with producer(kafka) as through:
        while left:
            sent = await send(
                through, TopicPartition(topic.name, partition - topic.first_partition), left
            )
            left = left[sent.count :]
