"""A topic watched by its owner: made when missing, and refilled when it lost what it held."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import count

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from events.client import TopicReader
from events.failures import PASSING
from events.reading import PartitionBroken, end_offsets, reader
from events.topics import Kafka, Topic, administrator, ensured, make_anew

logger = logging.getLogger(__name__)

GUARD_SECONDS = 2.0
LOOK_SECONDS_MAX = 15.0
RETENTION_LOOKS = 30
"""At every so manieth look the retention is looked at, too, and at the first one with a broker."""

RETRY_SECONDS = 0.5
UNKNOWN = -1


class TopicRemade(Exception):
    """The topic no longer holds what was sent: it must be refilled."""


class TopicGuard:
    """Knows how far each partition must reach, and says when a topic no longer does.

    The embedded broker breaks a partition that was written to before its topic was made: it
    answers -1 for ever. Such a topic is deleted and made anew while nothing is being written.
    """

    def __init__(self, kafka: Kafka, topic: Topic) -> None:
        self._kafka = kafka
        self._topic = topic
        self._ends: dict[int, int] = {}
        self._remade: set[int] = set()
        self._broken = False
        self._gates = [asyncio.Lock() for _ in range(topic.partitions)]
        self._ready = asyncio.Event()

    async def ready(self) -> None:
        """Wait until the topic is there."""
        await self._ready.wait()

    def begin(self, partition: int) -> None:
        """Say that `partition` is about to be looked at from its end."""
        self._remade.discard(partition)

    def reached(self, partition: int, end: int) -> None:
        """Say that the topic reached offset `end` and must not be found shorter."""
        self._ends[partition] = end

    def leave(self, partition: int) -> None:
        """Say that nothing is written to `partition` any more."""
        self._ends.pop(partition, None)

    def check(self, partition: int) -> None:
        """Raises TopicRemade if `partition` must be refilled."""
        if partition in self._remade:
            raise TopicRemade(f"{self._topic.name}/{partition}")

    @asynccontextmanager
    async def writing(self, partition: int) -> AsyncGenerator[None]:
        """Hold the topic as it is while a batch is written. Raises TopicRemade."""
        async with self._gates[partition]:
            self.check(partition)
            yield

    def acknowledged(self, partition: int, offset: int) -> None:
        """Take note of where a batch begins (-1 = not said). Raises TopicRemade."""
        if 0 <= offset < self._ends.get(partition, 0):
            raise TopicRemade(f"{self._topic.name}/{partition} was at offset {offset}")
        if offset >= 0:
            # Of the last batch only the first offset counts: more the embedded broker cannot say.
            self._ends[partition] = offset + 1

    def failed(self, error: Exception) -> None:
        """Take note of a failure that may mean a broken partition of the embedded broker."""
        unknown = isinstance(error, KafkaError) and getattr(error, "errno", 0) == UNKNOWN
        broken = unknown or isinstance(error, PartitionBroken)
        self._broken = self._broken or (self._kafka.embedded and broken)

    async def run(self) -> None:
        """Watch the topic until cancelled. Raises TopicMismatch: the service must refuse to run."""
        while True:
            try:
                async with reader(self._kafka) as consumer, administrator(self._kafka) as admin:
                    for look in count():
                        async with asyncio.timeout(LOOK_SECONDS_MAX):
                            await self._look(consumer, admin, look % RETENTION_LOOKS == 0)
                        await asyncio.sleep(GUARD_SECONDS)
            except PASSING as error:
                self._ready.clear()
                logger.warning("broker not reachable for %s: %r", self._topic.name, error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _look(
        self, consumer: TopicReader, admin: AIOKafkaAdminClient, retention: bool
    ) -> None:
        name = self._topic.name
        made = await ensured(admin, self._kafka, self._topic, retention=retention)
        if made and self._ends:
            logger.warning("topic %s was made anew: refilling", name)
            self._remade.update(self._ends)
        if self._broken:
            await self._make_anew(admin)
        self._ready.set()
        known = dict(self._ends)
        ends = await end_offsets(consumer, [TopicPartition(name, p) for p in known])
        for partition, end in known.items():
            if ends[TopicPartition(name, partition)] < end == self._ends.get(partition):
                logger.warning("%s/%d shrank: refilling", name, partition)
                self._remade.add(partition)

    async def _make_anew(self, admin: AIOKafkaAdminClient) -> None:
        """Delete the topic and make it again, while every writer waits."""
        logger.warning("topic %s is broken and made anew: refilling", self._topic.name)
        async with AsyncExitStack() as stack:
            for gate in self._gates:
                await stack.enter_async_context(gate)
            await make_anew(admin, self._kafka, self._topic)
            self._remade.update(range(self._topic.partitions))
            self._broken = False
