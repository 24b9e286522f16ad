"""Is the catalog's view what its log says? A new fold of all events, compared row by row."""

from collections.abc import AsyncGenerator
from typing import Any

import asyncpg

from catalog.store import PARTITION
from events import log
from events.audit import Finding, audit_rows
from events.contracts import catalog
from events.envelope import open_envelope
from events.log import RecordedEvent

STORES = "SELECT store_id, name, address, kind, state, position, recorded_at FROM view.store"

Rows = dict[str, tuple[Any, ...]]


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
    """Apply one event to the rows that should be there."""
    at = (event.position, event.recorded_at)
    match open_envelope(event.body).data:
        case catalog.StoreRegistered() as new:
            row = (new.store_id, new.name, new.address, new.kind, new.state)
            stores[new.store_id] = (*row, *at)
        case catalog.StoreChanged() as changed:
            row = (changed.store_id, changed.name, changed.address)
            stores[changed.store_id] = (*row, *stores[changed.store_id][3:5], *at)
        case _:
            return
