"""Moments that are only carried from one table to another: as PostgreSQL keeps them, unopened.

To make a datetime of one and to take it apart again costs more than all else that a reader and a
writer of rows do with a row.
"""

from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

import asyncpg

Carried: TypeAlias = tuple[int]
"""(microseconds since PG_EPOCH,): what asyncpg's form "tuple" says of a timestamptz."""

PG_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)


async def carry_moments(connection: asyncpg.Connection) -> None:
    """Let each timestamptz of a connection come as it is carried, and be sent in either form."""
    await connection.set_type_codec(
        "timestamptz", schema="pg_catalog", format="tuple", encoder=_sent, decoder=tuple
    )


def _sent(moment: Carried | datetime) -> Carried:
    return carried(moment) if isinstance(moment, datetime) else moment


def carried(moment: datetime) -> Carried:
    """Return a moment of any time zone as it is carried."""
    return ((moment - PG_EPOCH) // MICROSECOND,)
