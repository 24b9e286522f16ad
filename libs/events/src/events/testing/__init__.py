"""What tests of the log, the relay and the consumer stand on: a database and a topic."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from uuid import uuid4

import asyncpg
from aiokafka import TopicPartition

from events import background, log, places
from events.client import Record
from events.consumer import Consumer
from events.contracts import name_of
from events.contracts.identity import MemberConsentChanged
from events.envelope import Cause, seal
from events.leases import Leases
from events.log import Connection, NewEvent, RecordedEvent
from events.merkle import EPOCH
from events.places import ConsumerPlace
from events.reading import position_of, reader, until_quiet
from events.received import Project, Received
from events.relay import Relay
from events.sending import producer, send
from events.topics import Kafka, Topic

SEEN_TABLE = """
CREATE TABLE view.seen (
    n bigint GENERATED ALWAYS AS IDENTITY, partition smallint, position bigint, stream text
);
GRANT SELECT, INSERT, DELETE ON view.seen TO {app};
"""
"""A projection that shows what was handled, in which order and how often."""

PATIENCE_SECONDS = 40.0
POLL_SECONDS = 0.02


def an_event(stream: str, version: int) -> NewEvent:
    """Return an event of a member, ready to be appended."""
    data = MemberConsentChanged(member_id=stream, auto_save_consent=version % 2 == 0)
    event_id = uuid4()
    body = seal(
        data,
        source="identity",
        event_id=event_id,
        stream=stream,
        version=version,
        time=datetime.now(UTC),
        cause=Cause(correlation_id="a-test"),
    )
    return NewEvent(stream, version, name_of(data), event_id, body)


def recorded(partition: int, position: int, event: NewEvent) -> RecordedEvent:
    """Return `event` as if a log had given it `position`; for records written by hand."""
    at = EPOCH.replace(year=2026)
    fields = (event.stream, event.version, event.type, event.event_id, at, event.body)
    return RecordedEvent(partition, position, *fields)


async def see(connection: Connection, events: Sequence[Received]) -> None:
    """Project events into view.seen; a double would be seen."""
    await connection.executemany(
        "INSERT INTO view.seen (partition, position, stream) VALUES ($1, $2, $3)",
        [(event.partition, event.position, event.envelope.stream) for event in events],
    )


class WrittenRecord:
    """A record as a consumer reads it, made without a broker."""

    def __init__(
        self, where: TopicPartition, position: int, stream: str, value: bytes | None = None
    ) -> None:
        self.topic, self.partition = where
        self.offset = position - 1
        self.timestamp = 0
        self.key: bytes | None = stream.encode()
        self.value: bytes | None = an_event(stream, position).body if value is None else value
        self.headers: Sequence[tuple[str, bytes]] = [("position", b"%d" % position)]


async def until(condition: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait for `condition`. Raises TimeoutError, which says `what` did not come."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not await condition():
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError as error:
        raise TimeoutError(what) from error


class Rig:
    """A log, its topic, and a projection of it (view.seen), all in `pool`'s database."""

    def __init__(self, kafka: Kafka, topic: Topic, pool: asyncpg.Pool) -> None:
        self.kafka = kafka
        self.topic = topic
        self.pool = pool
        self._versions: dict[str, int] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def append(self, partition: int, count: int, stream: str = "member") -> None:
        """Append `count` events of one stream, in one append."""
        first = self._versions.get(stream, 0) + 1
        self._versions[stream] = first + count - 1
        events = [an_event(stream, first + n) for n in range(count)]
        async with self.pool.acquire() as connection:
            await log.append(connection, partition, events)

    def start(self, work: Awaitable[None]) -> asyncio.Task[None]:
        """Run `work` until the test ends or `stop` is called with it."""
        task = asyncio.ensure_future(work)
        assert isinstance(task, asyncio.Task)
        self._tasks.append(task)
        return task

    def start_relay(self) -> asyncio.Task[None]:
        """Run a relay, as a process of its own would."""
        leases = Leases(self.pool, "test")
        relay = Relay(self.pool, self.topic, self.kafka, leases)
        return self.start(self._with_leases(leases, relay.run()))

    def start_consumer(self, project: Project = see) -> asyncio.Task[None]:
        """Run a consumer, as a process of its own would."""
        leases = Leases(self.pool, "test")
        consumer = Consumer(self.pool, [self.topic], self.kafka, leases, project)
        return self.start(self._with_leases(leases, consumer.run()))

    async def _with_leases(self, leases: Leases, work: Awaitable[None]) -> None:
        keeping = asyncio.create_task(leases.keep())
        try:
            await work
        finally:
            await background.stop(keeping)
            await leases.release()

    async def stop(self, *tasks: asyncio.Task[None]) -> None:
        """Stop these tasks, or all."""
        await background.stop(*(tasks or self._tasks))

    async def write_by_hand(self, partition: int, *positions: int, stream: str = "member") -> None:
        """Send records of these positions, whatever holes or doubles that makes."""
        where = TopicPartition(self.topic.name, partition)
        events = [recorded(partition, p, an_event(stream, p)) for p in positions]
        async with producer(self.kafka) as through:
            while events:
                done = await send(through, where, events)
                events = events[done.count :]

    async def records(self, partition: int) -> list[Record]:
        """Return all that a topic partition holds."""
        where = TopicPartition(self.topic.name, partition)
        async with reader(self.kafka) as consumer:
            return [record async for record in until_quiet(consumer, where, 0)]

    async def positions(self, partition: int) -> list[int]:
        """Return the positions that a topic partition holds, as they lie there."""
        return [position_of(record) for record in await self.records(partition)]

    async def seen(self, partition: int) -> list[int]:
        """Return the positions that were projected, in the order in which they were."""
        statement = "SELECT position FROM view.seen WHERE partition = $1 ORDER BY n"
        return [row[0] for row in await self.pool.fetch(statement, partition)]

    async def place(self, partition: int = 0) -> ConsumerPlace:
        """Return how far a topic partition was handled, and whether it was stopped."""
        async with self.pool.acquire() as connection:
            await places.make(connection, [self.topic])
            return (await places.load(connection))[partition]

    async def until_seen(self, partition: int, positions: Sequence[int]) -> None:
        """Wait until exactly these positions were projected, once each and in this order."""
        expected = list(positions)

        async def all_there() -> bool:
            return len(await self.seen(partition)) >= len(expected)

        await until(all_there, f"{len(expected)} events of partition {partition}")
        assert await self.seen(partition) == expected

    async def until_published(self, partition: int, count: int) -> None:
        """Wait until a topic partition holds `count` records or more."""

        async def published() -> bool:
            return len(await self.records(partition)) >= count

        await until(published, f"{count} records in partition {partition}")
