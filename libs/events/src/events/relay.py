"""The relay: what stands in the log is published, in order, to the Kafka partition of its number.

The log is the outbox and the topic tells how far it is: no table of what was sent. A topic that
shrank or was made anew is noticed, also while running, and refilled from the log.
"""

import asyncio
import logging
from collections import defaultdict

import asyncpg
from aiokafka import TopicPartition

from events import log
from events.client import BatchProducer
from events.failures import PASSING
from events.leases import Leases
from events.log import RecordedEvent
from events.place import Place
from events.reading import tail
from events.sending import producer, send
from events.topic_guard import TopicGuard, TopicRemade
from events.topics import Kafka, Topic, TopicMismatch

__all__ = ["Relay", "TopicRemade"]

logger = logging.getLogger(__name__)

BATCH_EVENTS_MAX = 1_000
IDLE_SECONDS = 0.1
GATHER_SECONDS = 0.04
"""While events come one after the other, so long lies between two looks at the log: a batch costs
what a hundred events cost, in a process that has payments to make. After a pause: at once."""

MANY_EVENTS = 50
GATHER_MANY_SECONDS = 0.15
"""So long after a look that found so many: then there is work enough for larger batches, here, at
the broker and at every reader, and whoever reads is behind by more than that anyway."""

NEWS_SECONDS = 1.0
RETRY_SECONDS = 0.5


class Relay:
    """Publishes one service's log. Several processes may run one: leases elect per partition."""

    def __init__(self, pool: asyncpg.Pool, topic: Topic, kafka: Kafka, leases: Leases) -> None:
        self._pool = pool
        self._topic = topic
        self._kafka = kafka
        self._leases = leases
        self._guard = TopicGuard(kafka, topic)
        self._poked = asyncio.Event()
        self._heads: dict[int, int] = defaultdict(int)
        self._news = {p: asyncio.Event() for p in topic.log_partitions}

    def poke(self) -> None:
        """Say that something was appended, so that it is published at once."""
        self._poked.set()

    async def run(self) -> None:
        """Publish until cancelled. Raises TopicMismatch: the service must refuse to run."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._watch_log())
                group.create_task(self._guard.run())
                for partition in self._topic.log_partitions:
                    group.create_task(self._relay(partition))
        except BaseExceptionGroup as failed:
            raise failed.exceptions[0] from failed

    async def _watch_log(self) -> None:
        """Wake the partitions that have news: one small query for all of them."""
        clock = asyncio.get_running_loop().time
        while True:
            looked = clock()
            try:
                news = await self._look_for_news()
            except PASSING as error:
                logger.warning("log of %s not readable: %s", self._topic.name, error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if news:
                gather = GATHER_MANY_SECONDS if news >= MANY_EVENTS else GATHER_SECONDS
                await asyncio.sleep(max(0.0, looked + gather - clock()))
            try:
                async with asyncio.timeout(IDLE_SECONDS):
                    await self._poked.wait()
            except TimeoutError:
                continue
            self._poked.clear()

    async def _look_for_news(self) -> int:
        """Wake the partitions whose log went on; return by how many events, all together."""
        news = 0
        for partition, position in (await self._log_heads()).positions:
            if position > self._heads[partition]:
                news += position - self._heads[partition]
                self._heads[partition] = position
                self._news[partition].set()
        return news

    async def _log_heads(self) -> Place:
        async with self._pool.acquire() as connection:
            return await log.heads(connection, self._topic.first_partition)

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
                self._guard.failed(error)
            self._guard.leave(there)
            await asyncio.sleep(RETRY_SECONDS)

    async def _publish(self, partition: int, lease: str) -> None:
        """Go on after what the topic holds, for as long as the lease is ours."""
        there = partition - self._topic.first_partition
        self._guard.begin(there)
        found = await tail(self._kafka, self._topic.name, there)
        head = (await self._log_heads()).at(partition)
        if found.position > head:
            raise TopicMismatch(
                f"{self._topic.name}/{there} holds {found.position} events, its log {head}: "
                "the database is older than the topic"
            )
        self._guard.reached(there, found.end)
        sent = found.position
        async with producer(self._kafka) as through:
            while self._leases.stays(lease):
                self._guard.check(there)
                self._news[partition].clear()
                async with self._pool.acquire() as connection:
                    events = await log.read(connection, partition, sent, BATCH_EVENTS_MAX)
                if events:
                    sent += await self._send(through, there, events)
                if sent >= self._heads[partition]:
                    await self._wait_for_news(partition)

    async def _wait_for_news(self, partition: int) -> None:
        try:
            async with asyncio.timeout(NEWS_SECONDS):
                await self._news[partition].wait()
        except TimeoutError:
            return

    async def _send(
        self, through: BatchProducer, partition: int, events: list[RecordedEvent]
    ) -> int:
        """Send what one batch holds; return how many were acknowledged. Raises TopicRemade."""
        where = TopicPartition(self._topic.name, partition)
        async with self._guard.writing(partition):
            done = await send(through, where, events)
        self._guard.acknowledged(partition, done.offset)
        return done.count
