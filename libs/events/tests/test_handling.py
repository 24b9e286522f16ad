import asyncio
from collections.abc import Sequence

import asyncpg
import pytest

from events import handling
from events.failures import Fenced
from events.handling import Run
from events.log import Connection
from events.received import Received
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
    run = [
        WrittenRecord(WHERE, 1, "a"),
        WrittenRecord(WHERE, 2, "b\0", value),
        WrittenRecord(WHERE, 3, "b\0"),
    ]

    await handling.handle(pool, Run(WHERE, 0, run), see)

    assert await seen(pool) == [1]
    assert await states(pool) == [(2, "dead"), (3, "parked")]
    assert (await letters(pool))[0].body == value


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
    record = WrittenRecord(WHERE, 1, "a", b"?")
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
