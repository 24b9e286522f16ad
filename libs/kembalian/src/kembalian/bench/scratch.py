"""A scratch database with wallet-ledger's schema on the same server, for the baselines."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from io import BytesIO

import asyncpg

from events.migrate import migrate
from kembalian.operators.live import LiveRun
from wallet_ledger.config import MIGRATIONS

NAME = "bench_scratch"
TABLES = (("log", "event"), ("log", "link"), ("log", "outcome"), ("view", "wallet"))


@asynccontextmanager
async def scratch(run: LiveRun) -> AsyncGenerator[str]:
    """Give the DSN of a fresh scratch database, dropped at the end."""
    admin = run.postgres_admin["wallet-ledger"]
    await _execute(admin, f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)", f"CREATE DATABASE {NAME}")
    dsn = admin.rpartition("/")[0] + f"/{NAME}"
    try:
        migrate(dsn, MIGRATIONS)
        triggers = [f"ALTER TABLE {s}.{t} DISABLE TRIGGER ALL" for s, t in TABLES]
        await _execute(dsn, "CREATE SEQUENCE bench_place CACHE 100", *triggers)
        yield dsn
    finally:
        await _execute(admin, f"DROP DATABASE IF EXISTS {NAME} WITH (FORCE)")


async def copied_out(run: LiveRun, events: int) -> dict[tuple[str, str], BytesIO]:
    """Return rows of each table in COPY's binary form: what `events` entries write."""
    connection = await asyncpg.connect(run.postgres_admin["wallet-ledger"])
    found: dict[tuple[str, str], BytesIO] = {}
    try:
        for schema, table in TABLES:
            limit = events if table != "link" else max(1, events // 500)
            query = f"SELECT * FROM {schema}.{table} LIMIT {limit}"  # noqa: S608 - our own names
            found[schema, table] = BytesIO()
            await connection.copy_from_query(query, output=found[schema, table], format="binary")
    finally:
        await connection.close()
    return found


async def copy_in(dsn: str, rows: dict[tuple[str, str], BytesIO]) -> None:
    """COPY rows into the emptied tables, one transaction."""
    connection = await asyncpg.connect(dsn)
    try:
        for schema, table in TABLES:
            await connection.execute(f"TRUNCATE {schema}.{table}")
        async with connection.transaction():
            for (schema, table), content in rows.items():
                content.seek(0)
                await connection.copy_to_table(
                    table, schema_name=schema, source=content, format="binary"
                )
    finally:
        await connection.close()


async def _execute(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()
