"""Tables like those of the views, beside them: made, indexed, and put in their place at once."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import asyncpg

from events.carried import carry_moments
from events.topics import CATALOG, WALLET

SCHEMA: Final = "refill"
FULL: Final = ("entry", "obligation", "movement", "total")

CONNECTIONS: Final = 2
"""PostgreSQL sorts with further processes of its own."""

SESSION = {
    "application_name": "kembalian rebuild",
    "synchronous_commit": "off",  # nothing of it counts before the last commit, which is not
    "maintenance_work_mem": "256MB",
    "TimeZone": "UTC",
}

BEGIN = f"""
DROP SCHEMA IF EXISTS {SCHEMA} CASCADE;
CREATE SCHEMA {SCHEMA};
""" + "".join(
    f"CREATE TABLE {SCHEMA}.{table} (LIKE view.{table} INCLUDING CONSTRAINTS);\n" for table in FULL
)

# Those of most columns first: their sorts take longest.
INDEXES = """
SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid
WHERE t.relnamespace = 'view'::regnamespace AND t.relname::text = ANY ($1::text[])
ORDER BY i.indnatts DESC, i.indexrelid
"""

PRIMARY_KEYS = """
SELECT t.relname, k.conname FROM pg_constraint k JOIN pg_class t ON t.oid = k.conrelid
WHERE t.relnamespace = 'view'::regnamespace AND t.relname::text = ANY ($1::text[])
    AND k.contype = 'p'
"""

FINISH = f"""
ALTER TABLE {SCHEMA}.{{table}} ADD CONSTRAINT {{key}} PRIMARY KEY USING INDEX {{key}};
GRANT SELECT, INSERT, UPDATE, DELETE ON {SCHEMA}.{{table}} TO settlement_app;
ANALYZE {SCHEMA}.{{table}};
"""

TOTALS = """
INSERT INTO refill.total
    (partition, store_id, receivable, liability, issued, position, recorded_at)
SELECT partition, store_id, sum(receivable), sum(liability), sum(issued), max(position),
    max(recorded_at)
FROM refill.movement GROUP BY partition, store_id
"""

SWAP = (
    "".join(
        f"DROP TABLE view.{table}; ALTER TABLE {SCHEMA}.{table} SET SCHEMA view;\n"
        for table in FULL
    )
    + f"DROP SCHEMA {SCHEMA};"
)

# A position's message lies at that offset or, after doubled ones, later: never before it.
SET_PLACE = """
UPDATE view.place SET position = $3, stopped = NULL,
    kafka_offset = CASE WHEN position = $3 THEN kafka_offset ELSE $3 END,
    rebuild_until = CASE WHEN position > $3 THEN position ELSE 0 END
WHERE topic = $1 AND partition = $2
"""

REWIND_STORES = """
UPDATE view.place SET rebuild_until = greatest(rebuild_until, position), position = 0,
    kafka_offset = 0, stopped = NULL
WHERE topic = $1
"""

FORGET_LETTERS = "DELETE FROM log.dead_letter WHERE topic = $1 AND state <> 'discarded'"


async def index(connection: asyncpg.Connection, dsn: str) -> None:
    """Give the new tables the indexes and rights of the old ones, and let the planner know them."""
    indexes = [row[0] for row in await connection.fetch(INDEXES, FULL)]
    keys = await connection.fetch(PRIMARY_KEYS, FULL)
    await _all(dsn, [of.replace(" ON view.", f" ON {SCHEMA}.", 1) for of in indexes])
    await _all(dsn, [FINISH.format(table=table, key=key) for table, key in keys])


async def _all(dsn: str, statements: Sequence[str]) -> None:
    """Execute statements over several connections, each the next one when it is free."""
    left = list(reversed(statements))

    async def some() -> None:
        async with connected(dsn) as connection:
            await connection.execute("SET ROLE settlement_owner")
            while left:
                await connection.execute(left.pop())

    await asyncio.gather(*(some() for _ in range(CONNECTIONS)))


async def add_up(connection: asyncpg.Connection) -> None:
    """Fill the sums, once all movements are there."""
    await connection.execute(TOTALS)


async def put_in_place(connection: asyncpg.Connection, reached: Mapping[int, int]) -> None:
    """Put the new tables where the old ones are, with (partition, position) that they reach."""
    await connection.execute(SWAP)
    for partition, position in reached.items():
        await connection.execute(SET_PLACE, WALLET.name, partition, position)
    await connection.execute(FORGET_LETTERS, WALLET.name)


async def hand_over_stores(connection: asyncpg.Connection) -> None:
    """Let the running consumer read of all stores again; it begins within a second."""
    await connection.execute(REWIND_STORES, CATALOG.name)  # first: so it locks, too
    await connection.execute(FORGET_LETTERS, CATALOG.name)
    await connection.execute("DELETE FROM view.store")


@asynccontextmanager
async def connected(dsn: str) -> AsyncGenerator[asyncpg.Connection]:
    """Give a connection whose settings are for filling tables, closed at the end."""
    connection = await asyncpg.connect(dsn, timeout=10, server_settings=SESSION)
    try:
        await carry_moments(connection)
        yield connection
    finally:
        await connection.close()
