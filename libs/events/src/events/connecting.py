"""An operator's own connection to a service's database: not from a pool, closed at the end."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg

from events.quick_moments import read_moments_quickly

CONNECT_SECONDS = 10.0


@asynccontextmanager
async def connected(dsn: str) -> AsyncGenerator[asyncpg.Connection]:
    """Give a connection to the database that `dsn` names; times in it are in UTC.

    Raises: OSError, TimeoutError or asyncpg.PostgresError if there is none to be had.
    """
    connection = await asyncpg.connect(
        dsn, timeout=CONNECT_SECONDS, server_settings={"TimeZone": "UTC"}
    )
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def connected_to_history(dsn: str) -> AsyncGenerator[asyncpg.Connection]:
    """Give the same for whoever reads very many rows with times. Raises as `connected`."""
    async with connected(dsn) as connection:
        await read_moments_quickly(connection)
        yield connection
