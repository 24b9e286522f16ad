"""Moments that go from one table to another unopened stay the moments that they were."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta, timezone

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from events import log
from events.carried import PG_EPOCH, carried, carry_moments
from events.source import LogSource
from events.testing import an_event
from kembalian.grounds.databases import Databases

MOMENTS = (
    datetime(2026, 11, 26, 12, 0, 0, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC),
    datetime(2026, 11, 26, 19, 0, tzinfo=timezone(timedelta(hours=7))),
    datetime(9999, 12, 30, 23, 59, 59, 999_999, tzinfo=UTC),
)
SAY_BACK = "SELECT $1::timestamptz"


@pytest.fixture
async def connection(databases: Databases) -> AsyncGenerator[asyncpg.Connection]:
    """A connection that can be closed with its form of moments."""
    connection = await asyncpg.connect(databases.app_dsn)
    yield connection
    await connection.close()


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=7))])))
def test_what_is_carried_is_the_moment(moment: datetime) -> None:
    [microseconds] = carried(moment)

    assert PG_EPOCH + timedelta(microseconds=microseconds) == moment


@pytest.mark.parametrize("moment", MOMENTS)
async def test_postgres_takes_either_form_and_gives_what_is_carried(
    connection: asyncpg.Connection, moment: datetime
) -> None:
    assert await connection.fetchval(SAY_BACK, moment) == moment
    await carry_moments(connection)

    unopened = await connection.fetchval(SAY_BACK, moment)

    assert unopened == carried(moment)
    assert await connection.fetchval(SAY_BACK, unopened) == unopened


async def test_a_log_read_with_carried_moments_says_the_same(
    connection: asyncpg.Connection, databases: Databases
) -> None:
    async with connection.transaction():
        await log.append(connection, 1, [an_event("a", 1), an_event("a", 2)])
    opening = LogSource(databases.app_dsn)
    carrying = LogSource(databases.app_dsn, carried=True)

    [opened] = [reads async for reads in opening.batches(1, 0, 2)]
    [as_carried] = [reads async for reads in carrying.batches(1, 0, 2)]

    assert len(opened) == 2
    assert [tuple(r) for r in as_carried] == [
        (r.position, r.stream, carried(r.recorded_at), r.body) for r in opened
    ]
