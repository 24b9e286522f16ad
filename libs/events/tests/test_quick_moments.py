"""Times that are read quickly are the times that asyncpg reads, to the microsecond."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import asyncpg
import pytest

from events.connecting import connected, connected_to_history
from events.quick_moments import KNOWN_MAX, read
from kembalian.grounds.databases import Databases

SAID = [
    "2026-11-26 12:34:56.000001+00",
    "2026-11-26 12:34:56+07",
    "2000-01-01 00:00:00+00",
    "1969-12-31 23:59:59.999999+00",
    "0001-01-01 00:00:00+00",
    "9999-12-31 23:59:59.999999+00",
    "10000-01-01 00:00:00+00",
    "0044-03-15 12:00:00+00 BC",
    "infinity",
    "-infinity",
]


async def told(connection: asyncpg.Connection, said: str) -> Any:
    """Return the time, or the refusal."""
    try:
        moment = await connection.fetchval("SELECT $1::text::timestamptz", said)
    except OverflowError as refusal:
        return str(refusal)
    return (moment, moment.tzinfo)


@pytest.mark.parametrize("said", SAID)
async def test_a_time_is_read_alike(databases: Databases, said: str) -> None:
    async with (
        connected(databases.app_dsn) as usual,
        connected_to_history(databases.app_dsn) as quick,
    ):
        assert await told(quick, said) == await told(usual, said)


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=7))])
async def test_a_time_is_sent_alike(databases: Databases, zone: timezone) -> None:
    moment = datetime(2026, 11, 26, 12, 34, 56, 1, tzinfo=zone)
    async with connected_to_history(databases.app_dsn) as quick:
        text = await quick.fetchval("SELECT $1::timestamptz::text", moment)

    assert datetime.fromisoformat(text) == moment


def test_times_are_forgotten_again() -> None:
    for microseconds in range(2 * KNOWN_MAX):
        read(microseconds.to_bytes(8, "big", signed=True))

    assert read.cache_info().currsize == KNOWN_MAX
