import asyncio
from collections.abc import Sequence

import asyncpg
import pytest
from aiokafka import TopicPartition

from events import dead_letters, handling, places
from events.dead_letters import Letter, NoSuchLetter, NotTheFirst
from events.failures import Fenced
from events.handling import Run
from events.log import Connection
from events.received import Received
from events.testing import an_event, recorded, see
from events.topics import Topic

TOPIC = Topic("kembalian.test.v1", 1)
WHERE = TopicPartition(TOPIC.name, 0)


class WrittenRecord:
    """A record as a consumer reads it, made without a broker."""

    def __init__(self, position: int, stream: str, value: bytes | None = None) -> None:
        event = recorded(0, position, an_event(stream, position))
        self.topic, self.partition = WHERE
        self.offset = position - 1
        self.timestamp = 0
        self.key: bytes | None = stream.encode()
        self.value: bytes | None = event.body if value is None else value
        self.headers: Sequence[tuple[str, bytes]] = [("position", b"%d" % position)]


class Poison:
    """A projection that fails for some positions, with a reason that PostgreSQL cannot keep."""

    def __init__(self, *positions: int) -> None:
        self.positions = set(positions)

    async def __call__(self, connection: Connection, events: Sequence[Received]) -> None:
        await see(connection, events)
        for event in events:
            if event.position in self.positions:
                raise LookupError(f"no\0store\ud800 at {event.position}")


def records(streams: str, first: int = 1) -> list[WrittenRecord]:
    return [WrittenRecord(first + n, stream) for n, stream in enumerate(streams)]


@pytest.fixture(autouse=True)
async def a_place(pool: asyncpg.Pool) -> None:
    async with pool.acquire() as connection:
        await places.make(connection, [TOPIC])


async def seen(pool: asyncpg.Pool) -> list[int]:
    return [row[0] for row in await pool.fetch("SELECT position FROM view.seen ORDER BY n")]


async def letters(pool: asyncpg.Pool) -> list[Letter]:
    async with pool.acquire() as connection:
        return await dead_letters.list_all(connection)


async def states(pool: asyncpg.Pool) -> list[tuple[int | None, str]]:
    return [(letter.position, letter.state) for letter in await letters(pool)]


async def position(pool: asyncpg.Pool) -> int:
    async with pool.acquire() as connection:
        return (await places.load(connection))[0].position


async def test_what_cannot_be_handled_is_kept_and_its_stream_waits(pool: asyncpg.Pool) -> None:
    await handling.handle(pool, Run(WHERE, 0, records("abab")), Poison(2))
    await handling.handle(pool, Run(WHERE, 4, records("acb", first=5)), Poison(2))

    assert await seen(pool) == [1, 3, 5, 6]
    assert await states(pool) == [(2, "dead"), (4, "parked"), (7, "parked")]
    assert await position(pool) == 7
    first = (await letters(pool))[0]
    assert (first.stream, first.kafka_offset) == ("b", 1)
    assert "at 2" in first.reason


async def test_others_are_handled_at_once_while_a_stream_waits(pool: asyncpg.Pool) -> None:
    calls: list[int] = []

    async def project(connection: Connection, events: Sequence[Received]) -> None:
        calls.append(len(events))
        await Poison(1)(connection, events)

    await handling.handle(pool, Run(WHERE, 0, records("ab")), project)
    calls.clear()
    await handling.handle(pool, Run(WHERE, 2, records("bcb", first=3)), project)

    assert calls == [3]


@pytest.mark.parametrize("value", [b"", b"{", b"null", b"\xff\0", b'{"type":"x"}'])
async def test_a_body_that_is_no_event_is_a_dead_letter(pool: asyncpg.Pool, value: bytes) -> None:
    run = [WrittenRecord(1, "a"), WrittenRecord(2, "b\0", value), WrittenRecord(3, "b\0")]

    await handling.handle(pool, Run(WHERE, 0, run), see)

    assert await seen(pool) == [1]
    assert await states(pool) == [(2, "dead"), (3, "parked")]
    assert (await letters(pool))[0].body == value


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


async def test_a_failure_of_the_database_is_no_letter(pool: asyncpg.Pool) -> None:
    async def no_such_table(connection: Connection, _: Sequence[Received]) -> None:
        await connection.execute("SELECT * FROM view.no_such_table")

    async def killed(connection: Connection, _: Sequence[Received]) -> None:
        await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    for project, error in (
        (no_such_table, asyncpg.UndefinedTableError),
        (killed, asyncpg.InterfaceError),
    ):
        with pytest.raises(error):
            await handling.handle(pool, Run(WHERE, 0, records("ab")), project)

    assert await letters(pool) == []
    assert await position(pool) == 0


async def test_a_timestamp_that_no_calendar_has_is_no_obstacle(pool: asyncpg.Pool) -> None:
    record = WrittenRecord(1, "a", b"?")
    record.timestamp = 2**62

    await handling.handle(pool, Run(WHERE, 0, [record]), see)

    assert await states(pool) == [(1, "dead")]


async def test_of_two_that_handle_the_same_run_one_is_fenced(pool: asyncpg.Pool) -> None:
    results = await asyncio.gather(
        *(handling.handle(pool, Run(WHERE, 0, records("ab")), see) for _ in range(6)),
        return_exceptions=True,
    )

    assert [type(result) for result in results if result is not None] == [Fenced] * 5
    assert await seen(pool) == [1, 2]


async def test_a_stranger_is_kept_once_and_can_only_be_discarded(pool: asyncpg.Pool) -> None:
    stranger = WrittenRecord(1, "a", b"hello")
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
