"""A partition's events in order, out of the log or out of its topic: the same bytes from either."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, TypeAlias

import asyncpg
from aiokafka import TopicPartition

from events.carried import carry_moments
from events.client import TopicReader
from events.reading import NoPosition, first_offset, judge, position_of, reader, until_quiet
from events.received import recorded_at
from events.topics import Kafka, Topic

READ_EVENTS = 5_000
PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.2

READ = """
SELECT position, stream, recorded_at, body FROM log.event
WHERE partition = $1 AND position > $2 AND position <= $3 ORDER BY position LIMIT $4
"""


class Read(NamedTuple):
    """One event as it was written; `recorded_at` is UTC, or carried if that was asked for."""

    position: int
    stream: str
    recorded_at: datetime
    body: bytes


class SourceEnded(Exception):
    """A source does not hold what was asked for: a hole, or a topic that is behind its log."""


@dataclass(frozen=True, slots=True)
class LogSource:
    """The log itself; `dsn` names its database.

    `carried`: moments come unopened (carried.py), for whoever only writes them down again.
    """

    dsn: str
    name: str = "postgres"
    carried: bool = False

    async def batches(
        self, partition: int, after: int, until: int
    ) -> AsyncGenerator[Sequence[Read]]:
        """Yield the events after one position up to another. Raises SourceEnded."""
        connection = await asyncpg.connect(self.dsn, timeout=10, command_timeout=300)
        try:
            if self.carried:
                await carry_moments(connection)
            while after < until:
                rows = await connection.fetch(READ, partition, after, until, READ_EVENTS)
                batch = [Read(*row) for row in rows]
                if not batch or batch[-1].position != after + len(batch):
                    raise SourceEnded(f"partition {partition} of the log: a hole after {after}")
                yield batch
                after = batch[-1].position
        finally:
            await connection.close()


@dataclass(frozen=True, slots=True)
class TopicSource:
    """The topic that a log is published on, read by the consumer's own rule."""

    kafka: Kafka
    topic: Topic
    name: str = "kafka"

    async def batches(
        self, partition: int, after: int, until: int
    ) -> AsyncGenerator[Sequence[Read]]:
        """Yield the events after one position up to another, waiting for a relay that is behind.

        Raises SourceEnded after PATIENCE_SECONDS without the next one, KafkaError, TimeoutError.
        """
        if after >= until:
            return
        clock = asyncio.get_running_loop().time
        came = clock()
        offset = after  # a position's first message lies at this offset or later
        async with reader(self.kafka) as consumer:
            offset = max(offset, await first_offset(consumer, self._where(partition)))
            while True:
                async with aclosing(self._at(consumer, partition, offset, after, until)) as found:
                    async for batch in found:
                        yield batch
                        after, came = batch[-1].position, clock()
                if after >= until:
                    return
                if clock() - came > PATIENCE_SECONDS:
                    raise SourceEnded(f"{self.topic.name}/{partition} holds nothing after {after}")
                await asyncio.sleep(POLL_SECONDS)
                offset = await first_offset(consumer, self._where(partition))

    def _where(self, partition: int) -> TopicPartition:
        return TopicPartition(self.topic.name, partition)

    async def _at(
        self, consumer: TopicReader, partition: int, offset: int, after: int, until: int
    ) -> AsyncGenerator[Sequence[Read]]:
        """Yield what lies in order from `offset` to where the partition ends now."""
        batch: list[Read] = []
        async with aclosing(until_quiet(consumer, self._where(partition), offset)) as records:
            async for record in records:
                try:
                    position = position_of(record)
                except NoPosition:
                    continue
                if judge(after, position) != "next":
                    continue
                after = position
                stream = (record.key or b"").decode(errors="replace")
                batch.append(Read(position, stream, recorded_at(record), record.value or b""))
                if after >= until:
                    break
                if len(batch) >= READ_EVENTS:
                    yield batch
                    batch = []
        if batch:
            yield batch


Source: TypeAlias = LogSource | TopicSource
