"""Is the catalog's view what its log says? A new fold of all events, compared row by row."""

from collections.abc import AsyncGenerator

import asyncpg

from catalog.store import PARTITION
from events import log
from events.audit import Finding
from events.audit_views import Due, audit_rows
from events.contracts import catalog
from events.log import RecordedEvent
from events.quickly import readable

STORES = "SELECT store_id, name, address, kind, state, position, recorded_at FROM view.store"

Rows = dict[str, Due]


async def check(dsn: str) -> AsyncGenerator[Finding]:
    """Yield every row of the view that differs from a fold of the log, out of one snapshot."""
    connection = await asyncpg.connect(dsn)
    due: Rows = {}
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            last = 0
            while events := await log.read(connection, PARTITION, last):
                for event in events:
                    fold(due, event)
                last = events[-1].position
            rows = [tuple(row.values()) for row in await connection.fetch(STORES)]
            for finding in audit_rows("catalog", "store", due, rows):
                yield finding
    finally:
        await connection.close()


def fold(stores: Rows, event: RecordedEvent) -> None:
    """Apply one event to the rows that should be there; a broken log is another check's find."""
    at = (event.position, event.recorded_at)
    envelope = readable(event.body)
    match None if envelope is None else envelope.data:
        case catalog.StoreRegistered() as new:
            row = (new.store_id, new.name, new.address, new.kind, new.state, *at)
            stores[new.store_id] = Due(event.partition, event.position, row)
        case catalog.StoreChanged() as changed if changed.store_id in stores:
            kept = stores[changed.store_id].row[3:5]
            row = (changed.store_id, changed.name, changed.address, *kept, *at)
            stores[changed.store_id] = Due(event.partition, event.position, row)
        case _:
            return
