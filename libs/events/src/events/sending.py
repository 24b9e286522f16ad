"""Sending recorded events to Kafka, one batch at a time and nothing after a failed one."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import cast

from aiokafka import AIOKafkaProducer, TopicPartition

from events.background import settle
from events.client import BatchProducer, start
from events.envelope import CONTENT_TYPE
from events.log import RecordedEvent
from events.merkle import microseconds
from events.reading import BOUND_SECONDS
from events.topics import Kafka

BATCH_BYTES_MAX = 900_000


@dataclass(frozen=True, slots=True)
class Sent:
    """What was acknowledged: `count` events, the first at `offset` (-1 = not said)."""

    count: int
    offset: int


@asynccontextmanager
async def producer(kafka: Kafka) -> AsyncGenerator[BatchProducer]:
    """Give a producer. After anything that fails, leave it: it would send the next batch."""
    made = cast(
        "BatchProducer",
        AIOKafkaProducer(
            **kafka.connection(),
            acks="all",
            enable_idempotence=not kafka.embedded,
            max_batch_size=BATCH_BYTES_MAX,
            request_timeout_ms=10_000,
        ),
    )
    try:
        async with asyncio.timeout(BOUND_SECONDS):
            await start(made)
        yield made
    finally:
        await settle(made.stop(), BOUND_SECONDS)


CONTENT_TYPE_HEADER = ("content-type", CONTENT_TYPE)


def headers(event: RecordedEvent) -> list[tuple[str, bytes]]:
    """Return what a reader may need without parsing the body."""
    return [
        CONTENT_TYPE_HEADER,
        ("ce_id", str(event.event_id).encode()),
        ("ce_type", event.type.encode()),
        ("position", b"%d" % event.position),
        ("recorded_at", b"%d" % _microseconds(event.recorded_at)),
    ]


@lru_cache(maxsize=256)
def _microseconds(moment: datetime) -> int:
    """Return microseconds since 1970; all events of a commit have the same."""
    return microseconds(moment)


async def send(
    through: BatchProducer, where: TopicPartition, events: Sequence[RecordedEvent]
) -> Sent:
    """Send as many of `events` as one batch holds, at least one; wait for the acknowledgement.

    Raises KafkaError or TimeoutError: it is then unknown whether they were written.
    """
    batch = through.create_batch()
    count = 0
    for event in events:
        added = batch.append(
            timestamp=_microseconds(event.recorded_at) // 1_000,
            key=event.stream.encode(),
            value=event.body,
            headers=headers(event),
        )
        if added is None:
            break
        count += 1
    batch.close()
    async with asyncio.timeout(BOUND_SECONDS):
        sending = await through.send_batch(batch, where.topic, partition=where.partition)
        return Sent(count, (await sending).offset)
