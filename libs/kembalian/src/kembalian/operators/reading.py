"""How far everything is: heads of logs, ends of topics, places of consumers; and waiting for it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg

from events import log, places
from events.failures import PASSING
from events.place import Place
from events.places import ConsumerPlace
from events.quickly import readable
from events.reading import tail
from events.received import Received
from events.topics import Topic
from kembalian.operators.live import LiveRun, NotRunning
from kembalian.operators.services import OWNER_OF, SERVICES

COULD_NOT_READ = (NotRunning, *PASSING)
"""What keeps a command from its answer: nothing runs, or a database or the broker is away."""

PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.2
READ_EVENTS = 2_000


@asynccontextmanager
async def database(run: LiveRun, service: str) -> AsyncGenerator[asyncpg.Connection]:
    """Give a connection to a service's database with the rights of the role that serves."""
    connection = await asyncpg.connect(run.postgres[service], timeout=10)
    try:
        yield connection
    finally:
        await connection.close()


async def heads(run: LiveRun) -> dict[str, Place]:
    """Return service -> the last position of each partition of its log."""
    found: dict[str, Place] = {}
    for name in SERVICES:
        async with database(run, name) as connection:
            found[name] = await log.heads(connection)
    return found


async def published(run: LiveRun, topic: Topic) -> Place:
    """Return how far a topic holds its log without a hole, by the log's partitions.

    Raises KafkaError, TimeoutError.
    """
    kafka = run.broker
    tails = await asyncio.gather(*(tail(kafka, topic.name, n) for n in range(topic.partitions)))
    return Place.of(
        (n, found.position) for n, found in zip(topic.log_partitions, tails, strict=True)
    )


async def consumed(run: LiveRun, service: str) -> list[ConsumerPlace]:
    """Return how far a service has handled each topic partition."""
    async with database(run, service) as connection:
        return await places.load(connection)


def place_in(known: list[ConsumerPlace], topic: Topic) -> Place:
    """Return the place of one topic among a consumer's places."""
    return Place.of(
        (place.partition, place.position) for place in known if place.topic == topic.name
    )


async def events_of(run: LiveRun, service: str) -> AsyncGenerator[Received]:
    """Yield all events of a service's log, by partition and position, as its consumers see them.

    What cannot be read is left out: the check of the log names it.
    """
    topic = SERVICES[service].topic
    async with database(run, service) as connection:
        for partition in range(topic.partitions):
            after = 0
            while events := await log.read(connection, partition, after, READ_EVENTS):
                for event in events:
                    envelope = readable(event.body)
                    if envelope is not None:
                        where = (topic.name, partition, event.position)
                        yield Received(*where, event.recorded_at, envelope)
                after = events[-1].position


def reached(have: Place, want: Place) -> int:
    """Return how many events of `want` are in `have`."""
    return sum(min(have.at(partition), position) for partition, position in want.positions)


def size(place: Place) -> int:
    """Return how many events a place stands for."""
    return sum(position for _, position in place.positions)


async def wait_until(
    measure: Callable[[], Awaitable[Place]], want: Place, tell: Callable[[int, int], None]
) -> Place:
    """Measure until `want` is reached, PATIENCE_SECONDS at most without progress; return it."""
    clock = asyncio.get_running_loop().time
    moved, before = clock(), -1
    while True:
        have = await measure()
        done = reached(have, want)
        tell(done, size(want))
        if have.reaches(want):
            return have
        if done > before:
            moved, before = clock(), done
        elif clock() - moved > PATIENCE_SECONDS:
            return have
        await asyncio.sleep(POLL_SECONDS)


async def wait_for_service(
    run: LiveRun, service: str, want: dict[str, Place], tell: Callable[[int, int], None]
) -> dict[str, Place]:
    """Let a service reach the heads `want` of what it consumes; return topic -> place reached."""
    found: dict[str, Place] = {}
    for topic in SERVICES[service].consumes:

        async def measure(topic: Topic = topic) -> Place:
            return place_in(await consumed(run, service), topic)

        found[topic.name] = await wait_until(measure, want[OWNER_OF[topic.name]], tell)
    return found
