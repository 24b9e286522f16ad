"""What the operators' command asks of catalog: an export of its view, a rebuild, a store."""

from collections.abc import AsyncGenerator, Callable

import asyncpg

from catalog import queries
from catalog.config import MIGRATIONS
from catalog.projections import project
from catalog.publish import from_body
from catalog.store import PARTITION
from events import log
from events.connecting import connected
from events.views import in_transaction, make_again

__all__ = ["export", "is_known", "rebuild"]

Progress = Callable[[int, int], None]
"""Told (events handled again, events to handle)."""

BATCH_EVENTS = 1_000
VIEW_SQL = MIGRATIONS / "0002_store_view.sql"

# Share-locks the log's counter until the end of the transaction: nothing is appended meanwhile.
LOCK_LOG = "SELECT position FROM log.place_at(NULL) WHERE partition = $1"

EXPORT = "SELECT 'store ' || row_to_json(s) FROM view.store s ORDER BY store_id"


async def export(dsn: str) -> AsyncGenerator[str]:
    """Yield every row of the view as one line, sorted: equal views give equal lines."""
    async with connected(dsn) as connection, connection.transaction(readonly=True):
        async for row in connection.cursor(EXPORT, prefetch=BATCH_EVENTS):
            yield row[0]


async def is_known(dsn: str, store_id: str) -> bool:
    """Tell whether there is a store of this id, in whatever state."""
    async with connected(dsn) as connection:
        return await queries.store(connection, store_id) is not None


async def rebuild(dsn: str, progress: Progress) -> None:
    """Empty the view and refill it from the log, in one transaction: readers see old or new.

    A view that was dropped is made again, for which `dsn` must name its owner, or a superuser.
    """
    async with connected(dsn) as connection:
        await in_transaction(connection, lambda: _refill(connection, progress))


async def _refill(connection: asyncpg.Connection, progress: Progress) -> None:
    total: int = await connection.fetchval(LOCK_LOG, PARTITION)
    await make_again(connection, "catalog", ["store"], [VIEW_SQL])
    await connection.execute("DELETE FROM view.store")
    done = 0
    progress(done, total)
    while events := await log.read(connection, PARTITION, done, BATCH_EVENTS):
        for event in events:
            public = from_body(event.body)
            await project(connection, public, event.partition, event.position, event.recorded_at)
        done = events[-1].position
        progress(done, total)
