import asyncio
from itertools import pairwise

import asyncpg
import pytest

from events import log, merkle
from events.outcomes import Outcome, find_all
from events.place import Place
from events.testing import an_event, until

WRITERS = 16
APPENDS = 12


async def waits(observer: log.Connection, pid: int) -> bool:
    """Tell whether a session waits for a lock that another one holds."""
    kind = await observer.fetchval(
        "SELECT wait_event_type FROM pg_stat_activity WHERE pid = $1", pid
    )
    return kind == "Lock"


def refusal(key: str) -> Outcome:
    return Outcome("cashier:1", key, b"f", 409, b"{}")


async def test_positions_are_dense_and_a_reader_that_goes_by_number_misses_nothing(
    pool: asyncpg.Pool,
) -> None:
    total = WRITERS * sum(1 + n % 3 for n in range(APPENDS))
    read: list[log.RecordedEvent] = []

    async def write(writer: int) -> None:
        version = 0
        for n in range(APPENDS):
            events = [an_event(f"s{writer}", version + k + 1) for k in range(1 + n % 3)]
            version += len(events)
            async with pool.acquire() as connection, connection.transaction():
                await log.append(connection, 1, events)
                await asyncio.sleep(0.001 * (writer % 3))  # commits come in another order

    async def follow() -> None:
        async with pool.acquire() as connection:
            while len(read) < total:
                read.extend(await log.read(connection, 1, read[-1].position if read else 0, 7))

    async with asyncio.timeout(30), asyncio.TaskGroup() as group:
        group.create_task(follow())
        for writer in range(WRITERS):
            group.create_task(write(writer))

    assert [event.position for event in read] == list(range(1, total + 1))
    assert all(a.recorded_at <= b.recorded_at for a, b in pairwise(read))
    assert len({(event.stream, event.version) for event in read}) == total
    async with pool.acquire() as connection:
        assert await log.heads(connection) == Place.of({0: 0, 1: total, 2: 0, 3: 0})


async def test_the_link_is_the_same_in_sql_and_in_python(pool: asyncpg.Pool) -> None:
    previous = merkle.GENESIS
    async with pool.acquire() as connection:
        for count in (1, 2, 5):
            events = [an_event(f"{count}-{n}", 1) for n in range(count)]
            appended = await log.append(connection, 2, events)
            bodies = [event.body for event in events]
            expected = merkle.link(
                previous,
                appended.first_position,
                count,
                appended.recorded_at,
                merkle.root(bodies),
            )
            row = await connection.fetchrow(
                "SELECT * FROM log.link WHERE partition = 2 ORDER BY first_position DESC LIMIT 1"
            )
            assert row is not None
            assert row["link"] == expected
            assert row["count"] == count
            assert [e.body for e in await log.read(connection, 2, appended.first_position - 1)] == [
                *bodies
            ]
            previous = expected
        head = await connection.fetchval("SELECT link FROM log.counter WHERE partition = 2")
        assert head == previous


async def test_a_stream_version_can_be_taken_once(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await log.append(connection, 0, [an_event("a", 1)])

        with pytest.raises(asyncpg.UniqueViolationError):
            await log.append(connection, 0, [an_event("b", 1), an_event("a", 1)])

        assert (await log.heads(connection)).at(0) == 1


async def test_an_older_epoch_is_fenced_for_refusals_alone_too(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        first = await connection.fetchrow("SELECT * FROM log.raise_epoch(0::smallint)")
        second = await connection.fetchrow("SELECT * FROM log.raise_epoch(0::smallint)")
        assert (tuple(first or ()), tuple(second or ())) == ((1, 0), (2, 0))

        for epoch in (None, 0, 1, 3):
            for events in ([an_event("a", 1)], []):
                with pytest.raises(asyncpg.PostgresError, match="fenced") as refused:
                    await log.append(connection, 0, events, [refusal("k")], epoch=epoch)
                assert getattr(refused.value, "sqlstate", None) == log.FENCED

        assert await find_all(connection, [("cashier:1", "k")]) == {}
        await log.append(connection, 0, [an_event("a", 1)], [refusal("k")], epoch=2)
        assert await find_all(connection, [("cashier:1", "k")])


async def test_a_new_epoch_waits_for_the_append_of_the_old_one(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as old, pool.acquire() as new:
        transaction = old.transaction()
        await transaction.start()
        await log.append(old, 0, [an_event("a", 1)])

        raising = asyncio.create_task(new.fetchrow("SELECT * FROM log.raise_epoch(0::smallint)"))
        await asyncio.sleep(0.1)
        assert not raising.done()
        await transaction.commit()

        assert tuple(await raising or ()) == (1, 1)


async def test_a_writer_that_expects_another_position_is_refused(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await log.append(connection, 0, [an_event("a", 1)], first_position=1)

        for events in ([an_event("a", 2)], []):
            with pytest.raises(asyncpg.PostgresError, match="is at 2") as refused:
                await log.append(connection, 0, events, [refusal("k")], first_position=3)
            assert getattr(refused.value, "sqlstate", None) == log.OTHER_POSITION


async def test_a_group_of_refusals_moves_nothing(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        appended = await log.append(connection, 0, [], [refusal("b"), refusal("a")])

        assert appended.first_position == 1
        assert (await log.heads(connection)).at(0) == 0
        assert await connection.fetchval("SELECT count(*) FROM log.link") == 0
        assert len(await find_all(connection, [("cashier:1", "a"), ("cashier:1", "b")])) == 2


async def test_a_key_is_taken_once_and_its_events_go_with_it(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await log.append(connection, 0, [], [refusal("k")])

        with pytest.raises(asyncpg.UniqueViolationError):
            await log.append(connection, 0, [an_event("a", 1)], [refusal("k")])

        assert (await log.heads(connection)).at(0) == 0


async def test_outcomes_are_written_by_key_so_that_writers_cannot_deadlock(
    pool: asyncpg.Pool,
) -> None:
    async with pool.acquire() as first, pool.acquire() as second, pool.acquire() as third:
        transaction = first.transaction()
        await transaction.start()
        await log.append(first, 0, [], [refusal("m")])
        writing = asyncio.create_task(
            log.append(second, 1, [], [refusal("z"), refusal("m"), refusal("a")])
        )
        # it holds `a`, waits for `m`, and has not come to `z`
        await until(lambda: waits(third, second.get_server_pid()), "the wait for `m`")
        await third.execute("SET lock_timeout = '300ms'")

        with pytest.raises(asyncpg.LockNotAvailableError):
            await log.append(third, 2, [], [refusal("a")])
        await log.append(third, 2, [], [refusal("z")])

        await transaction.rollback()
        with pytest.raises(asyncpg.UniqueViolationError):
            await writing


def test_a_stream_stays_in_its_partition_for_ever() -> None:
    assert [log.partition_of(stream, 8) for stream in ("a", "b", "m-1", "Ñ")] == [2, 2, 4, 6]
    assert {log.partition_of(f"s{n}", 8) for n in range(200)} == set(range(8))
