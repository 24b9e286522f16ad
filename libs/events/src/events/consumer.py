"""The consumer of every service: effects and place in one transaction, by sequence, never a gap.

Kafka's offsets are a hint. Due is `position + 1` of view.place; a message before it is a duplicate,
a no-op for ever; one after it is left unhandled, since what is missing comes later with all that
follows it. At a partition's end with a gap open, or out of its range, it is read once from the
beginning; then it is stopped, and says so.
"""

import asyncio
import logging
from collections.abc import Sequence

import asyncpg
from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from events import background, places
from events.client import Record, TopicReader
from events.failures import PASSING, Fenced
from events.gathering import BATCH_RECORDS_MAX, gathering
from events.handling import Run, handle_stranger
from events.leases import Leases
from events.progress import Reading, Watchdog
from events.reading import first_offset, reader
from events.received import Project
from events.together import Batch, handle_all, opened
from events.topics import Kafka, Topic

logger = logging.getLogger(__name__)

LEASE = "consumer"
POLL_MS = 200
RETRY_SECONDS = 0.5
RECHECK_SECONDS = 10.0
PLACES_SECONDS = 1.0


class Consumer:
    """Feeds the projection of one service from all topics that it subscribes to."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        topics: Sequence[Topic],
        kafka: Kafka,
        leases: Leases,
        project: Project,
    ) -> None:
        self._pool = pool
        self._topics = topics
        self._kafka = kafka
        self._leases = leases
        self._project = project
        self._reading: dict[TopicPartition, Reading] = {}
        self._places_seen = 0.0
        self._in_flight: asyncio.Task[None] | None = None

    async def run(self) -> None:
        """Consume until cancelled, whenever the lease `consumer` is ours."""
        while True:
            try:
                if await self._leases.take(LEASE) is None:
                    await asyncio.sleep(1.0)
                    continue
                async with self._pool.acquire() as connection:
                    await places.make(connection, self._topics)
                async with reader(self._kafka) as consumer:
                    await self._consume(consumer)
            except Fenced as error:
                logger.info("%s: reading places again", error)
            except PASSING as error:
                logger.warning("consumer begins again: %r", error)
                await asyncio.sleep(RETRY_SECONDS)

    async def _consume(self, consumer: TopicReader) -> None:
        await self._assign(consumer)
        watchdog = Watchdog(self._kafka, consumer, self._reading)
        watch = asyncio.create_task(watchdog.run())
        try:
            while self._leases.holds(LEASE):
                if watch.done():
                    watch.result()
                await self._look_at_places()
                polled = await self._poll(consumer)
                if polled:
                    watchdog.messages_came()
                    async with gathering(consumer, self._reading, sum(map(len, polled.values()))):
                        await self._take_all(polled)
                if not polled or any(r.gap or r.stopped_at for r in self._reading.values()):
                    await self._landed()
                    for where in self._reading:
                        await self._look_at_end(consumer, where)
            await self._landed()
        finally:
            flying, self._in_flight = self._in_flight, None
            await background.stop(watch, *([flying] if flying else []))

    async def _take_all(self, polled: dict[TopicPartition, list[Record]]) -> None:
        """Open what is due while the batch before is committed; then let it follow that one."""
        runs: list[Run] = []
        for where, records in polled.items():
            before = self._reading[where].taken
            due, strangers = self._reading[where].take(records)
            for record in strangers:
                await self._keep_stranger(where, record)
            if due:
                runs.append(Run(where, before, due))
        if runs:
            batch = await opened(runs)
            await self._landed()
            self._in_flight = asyncio.create_task(self._handle(batch))

    async def _handle(self, batch: Batch) -> None:
        await handle_all(self._pool, batch, self._project)
        for run in batch.runs:
            self._reading[run.where].advance(run.before + len(run.records))

    async def _landed(self) -> None:
        """Wait for the batch on its way. Raises what it raised; all is read again then."""
        flying, self._in_flight = self._in_flight, None
        if flying is not None:
            await flying

    async def _poll(self, consumer: TopicReader) -> dict[TopicPartition, list[Record]]:
        try:
            return await consumer.getmany(timeout_ms=POLL_MS, max_records=BATCH_RECORDS_MAX)
        except OffsetOutOfRangeError as error:
            for where in error.args[0]:
                await self._begin_again(consumer, where, "offset out of range")
            return {}

    async def _assign(self, consumer: TopicReader) -> None:
        known = await self._load_places()
        self._reading = {where: Reading(place.position) for where, place in known.items()}
        consumer.assign(list(known))
        for where, place in known.items():
            consumer.seek(where, place.kafka_offset)

    async def _load_places(self) -> dict[TopicPartition, places.ConsumerPlace]:
        names = {topic.name for topic in self._topics}
        async with self._pool.acquire() as connection:
            known = [p for p in await places.load(connection) if p.topic in names]
        self._places_seen = asyncio.get_running_loop().time()
        return {TopicPartition(p.topic, p.partition): p for p in known}

    async def _look_at_places(self) -> None:
        """Notice a rebuild although no message comes. Raises Fenced."""
        if asyncio.get_running_loop().time() - self._places_seen < PLACES_SECONDS:
            return
        await self._landed()
        for where, place in (await self._load_places()).items():
            if place.position != self._reading[where].position:
                raise Fenced(f"{where} was set to {place.position}")

    async def _keep_stranger(self, where: TopicPartition, record: Record) -> None:
        """Keep a message without a position, which no relay of ours wrote; it blocks nothing."""
        reading = self._reading[where]
        if record.offset not in reading.strangers:
            reading.strangers.add(record.offset)
            logger.error("%s: offset %d has no position", where, record.offset)
            await handle_stranger(self._pool, where, record)

    async def _look_at_end(self, consumer: TopicReader, where: TopicPartition) -> None:
        """At the end of a partition: a gap still open, or less there than was read before?"""
        reading, high = self._reading[where], consumer.highwater(where)
        if high is None:
            return
        offset = await consumer.position(where)
        if reading.stopped_at is not None:
            if asyncio.get_running_loop().time() - reading.stopped_at > RECHECK_SECONDS:
                reading.stopped_at, reading.rewound = None, False
                await self._begin_again(consumer, where, "looking again")
        elif high < offset:
            await self._begin_again(consumer, where, "the topic was wiped")
        elif reading.gap and offset >= high:
            await self._begin_again(consumer, where, f"nothing at {reading.position + 1} yet")

    async def _begin_again(self, consumer: TopicReader, where: TopicPartition, reason: str) -> None:
        """Read a partition from its beginning, once; with the gap still open it is stopped."""
        reading = self._reading[where]
        if reading.rewound and reading.gap:
            reading.stopped_at = asyncio.get_running_loop().time()
            text = f"a gap: the topic does not hold what follows position {reading.position}"
            logger.error("%s stopped: %s", where, text)
            async with self._pool.acquire() as connection:
                await places.stop(connection, where.topic, where.partition, text)
            return
        logger.warning("%s is read from the beginning: %s", where, reason)
        reading.rewound, reading.highest = True, 0
        consumer.seek(where, await first_offset(consumer, where))
