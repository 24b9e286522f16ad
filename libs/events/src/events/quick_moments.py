"""Times of a database, read quickly: of many rows in order most have the time of the row before.

asyncpg makes each time anew, in twice the time of all other columns of a row together.
"""

from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

import asyncpg

from events.carried import PG_EPOCH, carried

NEVER_AND_EVER: Final = {-(2**63): datetime.min, 2**63 - 1: datetime.max}  # noqa: DTZ901
"""Both infinities, as asyncpg says them: without a time zone."""

KNOWN_MAX: Final = 4_096
"""So many times are remembered: those of a stretch of events that were all recorded singly."""


async def read_moments_quickly(connection: asyncpg.Connection) -> None:
    """Let a connection that reads a whole history remember times. Outside of a transaction.

    What comes and goes is as without it: tests hold both against each other.
    """
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", encoder=written, decoder=read, format="binary"
    )


@lru_cache(maxsize=KNOWN_MAX)
def read(value: bytes) -> datetime:
    """Return the time, UTC, in PostgreSQL's eight bytes. Raises OverflowError: beyond 9999."""
    microseconds = int.from_bytes(value, "big", signed=True)
    infinite = NEVER_AND_EVER.get(microseconds)
    return PG_EPOCH + timedelta(microseconds=microseconds) if infinite is None else infinite


def written(moment: datetime) -> bytes:
    """Return a time that has a time zone as PostgreSQL reads it."""
    (microseconds,) = carried(moment)
    return microseconds.to_bytes(8, "big", signed=True)
