import asyncpg
import pytest
from aiokafka import TopicPartition

from events import dead_letters, places
from events.failures import Fenced
from events.handling import Run
from events.testing import WrittenRecord, see
from events.testing.handled import Poison
from events.together import handle_all, opened
from events.topics import Topic

TOPIC = Topic("kembalian.test.v1", 3)


def where(partition: int) -> TopicPartition:
    return TopicPartition(TOPIC.name, partition)


def run(partition: int, streams: str, before: int = 0, value: bytes | None = None) -> Run:
    records = [
        WrittenRecord(where(partition), before + 1 + n, stream, value)
        for n, stream in enumerate(streams)
    ]
    return Run(where(partition), before, records)


@pytest.fixture(autouse=True)
async def three_places(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await places.make(connection, [TOPIC])


async def seen(pool: asyncpg.Pool) -> list[tuple[int, int]]:
    rows = await pool.fetch("SELECT partition, position FROM view.seen ORDER BY n")
    return [(row[0], row[1]) for row in rows]


async def reached(pool: asyncpg.Pool) -> list[tuple[int, int]]:
    async with pool.acquire() as connection:
        return [(place.position, place.kafka_offset) for place in await places.load(connection)]


async def test_runs_of_several_partitions_are_handled_in_one_transaction(
    pool: asyncpg.Pool,
) -> None:
    batch = await opened([run(2, "xy"), run(0, "abc")])

    await handle_all(pool, batch, see)

    assert await seen(pool) == [(0, 1), (0, 2), (0, 3), (2, 1), (2, 2)]
    assert await reached(pool) == [(3, 3), (0, 0), (2, 2)]
    transactions = "SELECT count(DISTINCT xmin::text) FROM view.place WHERE position > 0"
    assert await pool.fetchval(transactions) == 1


async def test_a_message_that_fails_becomes_a_letter_and_the_other_runs_are_handled(
    pool: asyncpg.Pool,
) -> None:
    batch = await opened([run(0, "abc"), run(1, "x"), run(2, "s", value=b"not an event")])
    assert batch.events is None

    await handle_all(pool, batch, Poison(2))

    assert await seen(pool) == [(0, 1), (0, 3), (1, 1)]
    assert await reached(pool) == [(3, 3), (1, 1), (1, 1)]
    async with pool.acquire() as connection:
        letters = await dead_letters.list_all(connection)
    assert [(letter.partition, letter.position) for letter in letters] == [(0, 2), (2, 1)]


async def test_what_follows_a_letter_is_parked_behind_it(pool: asyncpg.Pool) -> None:
    await handle_all(pool, await opened([run(0, "ab")]), Poison(1))

    await handle_all(pool, await opened([run(0, "ca", before=2), run(1, "x")]), see)

    assert await seen(pool) == [(0, 2), (0, 3), (1, 1)]
    states = await pool.fetch("SELECT position, state FROM log.dead_letter ORDER BY position")
    assert [tuple(row) for row in states] == [(1, "dead"), (4, "parked")]


async def test_one_place_that_was_moved_fences_the_whole_batch(pool: asyncpg.Pool) -> None:
    await pool.execute("UPDATE view.place SET position = 7 WHERE partition = 1")

    with pytest.raises(Fenced):
        await handle_all(pool, await opened([run(0, "a"), run(1, "x")]), see)

    assert await seen(pool) == []
