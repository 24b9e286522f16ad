"""What tests of handling ask the database: what was seen, what is kept, how far it came."""

from collections.abc import Sequence

import asyncpg
from aiokafka import TopicPartition

from events import dead_letters, places
from events.dead_letters import Letter
from events.log import Connection
from events.received import Received
from events.testing import WrittenRecord, see
from events.topics import Topic

TOPIC = Topic("kembalian.test.v1", 1)
WHERE = TopicPartition(TOPIC.name, 0)


def records(streams: str, first: int = 1) -> list[WrittenRecord]:
    """Return a record per letter of `streams`, which names its stream, from position `first`."""
    return [WrittenRecord(WHERE, first + n, stream) for n, stream in enumerate(streams)]


class Poison:
    """A projection that fails for some positions, with a reason that PostgreSQL cannot keep."""

    def __init__(self, *positions: int) -> None:
        self.positions = set(positions)

    async def __call__(self, connection: Connection, events: Sequence[Received]) -> None:
        """Project all of them, then fail."""
        await see(connection, events)
        for event in events:
            if event.position in self.positions:
                raise LookupError(f"no\0store\ud800 at {event.position}")


async def make_place(pool: asyncpg.Pool) -> None:
    """Have a place for the topic, at 0."""
    async with pool.acquire() as connection:
        await places.make(connection, [TOPIC])


async def seen(pool: asyncpg.Pool) -> list[int]:
    """Return the positions that were projected, in the order in which they were."""
    return [row[0] for row in await pool.fetch("SELECT position FROM view.seen ORDER BY n")]


async def letters(pool: asyncpg.Pool) -> list[Letter]:
    """Return all letters."""
    async with pool.acquire() as connection:
        return await dead_letters.list_all(connection)


async def states(pool: asyncpg.Pool) -> list[tuple[int | None, str]]:
    """Return (position, state) of all letters."""
    return [(letter.position, letter.state) for letter in await letters(pool)]


async def position(pool: asyncpg.Pool) -> int:
    """Return how far the topic was handled."""
    async with pool.acquire() as connection:
        return (await places.load(connection))[0].position
