import asyncio
from datetime import timedelta

import asyncpg
import pytest

from events import log, merkle
from events.place import Place
from events.testing import an_event
from kembalian.grounds.databases import Databases


async def test_the_clock_of_a_partition_never_runs_back(
    pool: asyncpg.Pool, databases: Databases
) -> None:
    ahead = "UPDATE log.counter SET recorded_at = clock_timestamp() + interval '1 hour'"
    owner = await asyncpg.connect(databases.owner_dsn)
    await owner.execute(ahead)
    await owner.close()

    async with pool.acquire() as connection:
        before = await connection.fetchval("SELECT recorded_at FROM log.counter LIMIT 1")
        appended = await log.append(connection, 0, [an_event("a", 1)])

    assert appended.recorded_at == before


async def test_the_place_at_a_moment_waits_for_the_append_in_flight(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as writer, pool.acquire() as reader:
        await log.append(writer, 0, [an_event("a", 1)])
        transaction = writer.transaction()
        await transaction.start()
        appended = await log.append(writer, 0, [an_event("a", 2), an_event("a", 3)])
        asking = asyncio.create_task(log.place_at(reader, appended.recorded_at))
        await asyncio.sleep(0.1)
        assert not asking.done()
        await transaction.commit()

        assert (await asking).at(0) == 3
        before = appended.recorded_at - timedelta(microseconds=1)
        assert (await log.place_at(reader, before)).at(0) == 1
        assert await log.place_at(reader, merkle.EPOCH) == Place.of(dict.fromkeys(range(4), 0))


async def test_a_transaction_that_began_before_a_moment_cannot_append_before_it(
    pool: asyncpg.Pool,
) -> None:
    async with pool.acquire() as writer, pool.acquire() as reader, writer.transaction():
        await writer.execute("SELECT 1")
        moment = await reader.fetchval("SELECT clock_timestamp()")
        before = await log.place_at(reader, moment)

        appended = await log.append(writer, 0, [an_event("a", 1)])

        assert before.at(0) == 0
        assert appended.recorded_at > moment


async def test_appends_of_one_moment_belong_to_one_place(
    pool: asyncpg.Pool, databases: Databases
) -> None:
    owner = await asyncpg.connect(databases.owner_dsn)
    await owner.execute("UPDATE log.counter SET recorded_at = clock_timestamp() + interval '0.3 s'")
    await owner.close()
    async with pool.acquire() as connection:
        for version in (1, 2, 3):
            last = await log.append(connection, 0, [an_event("a", version)])
        await asyncio.sleep(0.4)

        assert (await log.place_at(connection, last.recorded_at)).at(0) == 3
        await log.append(connection, 0, [an_event("a", 4)])
        assert (await log.place_at(connection, last.recorded_at)).at(0) == 3


async def test_the_place_at_a_moment_to_come_is_refused(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        now = await connection.fetchval("SELECT clock_timestamp()")

        with pytest.raises(log.FutureMoment):
            await log.place_at(connection, now + timedelta(seconds=5))
