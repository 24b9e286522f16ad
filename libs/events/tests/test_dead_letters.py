import asyncpg
import pytest

from events import dead_letters, handling, places
from events.dead_letters import NoSuchLetter, NotTheFirst
from events.handling import Run
from events.testing import WrittenRecord, see
from events.testing.handled import (
    WHERE,
    Poison,
    letters,
    make_place,
    position,
    records,
    seen,
    states,
)


@pytest.fixture(autouse=True)
async def a_place(pool: asyncpg.Pool) -> None:
    await make_place(pool)


async def test_what_cannot_be_handled_is_kept_and_its_stream_waits(pool: asyncpg.Pool) -> None:
    await handling.handle(pool, Run(WHERE, 0, records("abab")), Poison(2))
    await handling.handle(pool, Run(WHERE, 4, records("acb", first=5)), Poison(2))

    assert await seen(pool) == [1, 3, 5, 6]
    assert await states(pool) == [(2, "dead"), (4, "parked"), (7, "parked")]
    assert await position(pool) == 7
    first = (await letters(pool))[0]
    assert (first.stream, first.kafka_offset) == ("b", 1)
    assert "at 2" in first.reason


async def test_a_retry_handles_the_letter_and_what_waits_behind_it(pool: asyncpg.Pool) -> None:
    await handling.handle(pool, Run(WHERE, 0, records("baba")), Poison(1))
    first, second = await letters(pool)
    async with pool.acquire() as connection:
        with pytest.raises(NotTheFirst, match=f"behind letter {first.id}"):
            await dead_letters.retry(connection, second.id, see)
        with pytest.raises(LookupError):
            await dead_letters.retry(connection, first.id, Poison(1))
        assert await states(pool) == [(1, "dead"), (3, "parked")]

        assert await dead_letters.retry(connection, first.id, see) == 2

        with pytest.raises(NoSuchLetter):
            await dead_letters.retry(connection, first.id, see)
    assert await seen(pool) == [2, 4, 1, 3]
    assert await letters(pool) == []


async def test_a_retry_gets_as_far_as_the_next_failure(pool: asyncpg.Pool) -> None:
    await handling.handle(pool, Run(WHERE, 0, records("bbbb")), Poison(1))
    first, *_ = await letters(pool)

    async with pool.acquire() as connection:
        assert await dead_letters.retry(connection, first.id, Poison(3)) == 2

    assert await seen(pool) == [1, 2]
    assert await states(pool) == [(3, "dead"), (4, "parked")]


async def test_what_is_discarded_stays_out_also_in_a_rebuild(pool: asyncpg.Pool) -> None:
    await handling.handle(pool, Run(WHERE, 0, records("bab")), Poison(1))
    first, *_ = await letters(pool)
    async with pool.acquire() as connection:
        assert await dead_letters.discard(connection, first.id, see) == 1
        assert await seen(pool) == [2, 3]
        assert await states(pool) == [(1, "discarded")]
        with pytest.raises(NoSuchLetter):
            await dead_letters.discard(connection, first.id, see)
        async with connection.transaction():
            await places.rewind(connection)
            await connection.execute("DELETE FROM view.seen")

    await handling.handle(pool, Run(WHERE, 0, records("bab")), see)

    assert await seen(pool) == [2, 3]
    assert await states(pool) == [(1, "discarded")]
    assert await position(pool) == 3


async def test_what_was_discarded_stays_out_when_another_fails(pool: asyncpg.Pool) -> None:
    await handling.handle(pool, Run(WHERE, 0, records("ba")), Poison(1))
    [letter] = await letters(pool)
    async with pool.acquire() as connection:
        await dead_letters.discard(connection, letter.id, see)
        await places.rewind(connection)
        await connection.execute("DELETE FROM view.seen")

    await handling.handle(pool, Run(WHERE, 0, records("bac")), Poison(3))

    assert await seen(pool) == [2]
    assert await states(pool) == [(1, "discarded"), (3, "dead")]


async def test_a_rebuild_meets_again_what_was_dead(pool: asyncpg.Pool) -> None:
    await handling.handle(pool, Run(WHERE, 0, records("bb")), Poison(1))
    async with pool.acquire() as connection:
        await places.rewind(connection)
    assert await letters(pool) == []

    await handling.handle(pool, Run(WHERE, 0, records("bb")), see)

    assert await seen(pool) == [1, 2]


async def test_a_stranger_is_kept_once_and_can_only_be_discarded(pool: asyncpg.Pool) -> None:
    stranger = WrittenRecord(WHERE, 1, "a", b"hello")
    for _ in range(2):
        await handling.handle_stranger(pool, WHERE, stranger)
    [letter] = await letters(pool)

    async with pool.acquire() as connection:
        with pytest.raises(ValueError, match="body"):
            await dead_letters.retry(connection, letter.id, see)
        assert await dead_letters.discard(connection, letter.id, see) == 0
        assert (await dead_letters.show(connection, letter.id)).state == "discarded"
    await handling.handle_stranger(pool, WHERE, stranger)

    assert len(await letters(pool)) == 1
    assert await seen(pool) == []
