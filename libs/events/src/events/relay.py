"""The relay: what stands in the log is published, in order, to the Kafka partition of its number.

The log is the outbox and the topic tells how far it is: no table of what was sent. A topic that
shrank or was made anew is noticed, also while running, and refilled from the log. What this very
process appended it takes from memory (fresh.py), if that goes on where the topic ends.
"""

import asyncio
import logging
from collections.abc import Sequence

import asyncpg
from aiokafka import TopicPartition

from events import log
from events.channel import Channels
from events.failures import PASSING
from events.fresh import Fresh
from events.leases import Leases
from events.log import Appended, NewEvent, RecordedEvent
from events.news import News
from events.reading import tail
from events.topic_guard import TopicGuard, TopicRemade
from events.topics import Kafka, Topic, TopicMismatch

__all__ = ["Relay", "TopicRemade"]

logger = logging.getLogger(__name__)

BATCH_EVENTS_MAX = 1_000
RETRY_SECONDS = 0.5


class Relay:
    """Publishes one service's log. Several processes may run one: leases elect per partition.

    `writer`: the name, less the partition's number, of the lease under which a partition has one
    writer; None = whoever appends is in this process, or in no hurry.
    """

    def __init__(
        self,
        pool: asyncpg.Pool,
        topic: Topic,
        kafka: Kafka,
        leases: Leases,
        writer: str | None = None,
    ) -> None:
        self._pool = pool
        self._topic = topic
        self._kafka = kafka
        self._leases = leases
        self._guard = TopicGuard(kafka, topic)
        self._channels = Channels(kafka)
        self._fresh = Fresh()
        self._news = News(
            pool, topic, self._fresh, lambda p: writer is None or leases.holds(f"{writer}{p}")
        )

    def poke(self) -> None:
        """Say that something was appended, so that it is published at once."""
        self._news.poke()

    def appended(self, partition: int, what: Appended, events: Sequence[NewEvent]) -> None:
        """Say what this process appended and committed: it is published from memory."""
        self._news.appended(partition, what, events)

    async def run(self) -> None:
        """Publish until cancelled. Raises TopicMismatch: the service must refuse to run."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._news.watch())
                group.create_task(self._guard.run())
                for partition in self._topic.log_partitions:
                    group.create_task(self._relay(partition))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from failed
        finally:
            await self._channels.close()

    async def _relay(self, partition: int) -> None:
        """Publish one partition of the log whenever its lease is ours."""
        there = partition - self._topic.first_partition
        lease = f"relay/{partition}"
        while True:
            try:
                await self._guard.ready()
                if await self._leases.take(lease) is not None:
                    await self._publish(partition, lease)
            except (TopicRemade, *PASSING) as error:
                logger.warning("relay %s/%d begins again: %r", self._topic.name, there, error)
                self._channels.failed(there)
                self._guard.failed(error)
            finally:
                self._fresh.ignore(partition)
                self._guard.leave(there)
            await asyncio.sleep(RETRY_SECONDS)

    async def _publish(self, partition: int, lease: str) -> None:
        """Go on after what the topic holds, for as long as the lease is ours."""
        there = partition - self._topic.first_partition
        self._guard.begin(there)
        found = await tail(self._kafka, self._topic.name, there)
        self._fresh.listen(partition)
        head = await self._news.look(partition)
        if found.position > head:
            raise TopicMismatch(
                f"{self._topic.name}/{there} holds {found.position} events, its log {head}: "
                "the database is older than the topic"
            )
        self._guard.reached(there, found.end)
        sent = found.position
        while self._leases.stays(lease):
            self._guard.check(there)
            events = await self._next(partition, sent)
            if events:
                sent += await self._send(there, events)
            await self._news.wait(partition, sent)

    async def _next(self, partition: int, sent: int) -> list[RecordedEvent]:
        """Return what follows the last event that was sent, from memory if that goes on there."""
        events = self._fresh.after(partition, sent, BATCH_EVENTS_MAX)
        if events or not self._news.is_after(partition, sent):
            return events
        async with self._pool.acquire() as connection:
            return await log.read(connection, partition, sent, BATCH_EVENTS_MAX)

    async def _send(self, partition: int, events: list[RecordedEvent]) -> int:
        """Send what one batch holds; return how many were acknowledged. Raises TopicRemade."""
        where = TopicPartition(self._topic.name, partition)
        async with self._guard.writing(partition):
            done = await self._channels.send(where, events)
        self._guard.acknowledged(partition, done.offset)
        return done.count
