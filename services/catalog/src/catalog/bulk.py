"""Many stores at once: what a measurement needs of a town."""

from collections.abc import Sequence
from datetime import UTC, datetime

from uuid_utils.compat import uuid7

from catalog.domain import StoreRegistered
from catalog.projections import project
from catalog.publish import prepared
from catalog.store import PARTITION, append
from events.connecting import connected
from events.envelope import Cause


async def register_stores(dsn: str, store_ids: Sequence[str]) -> None:
    """Append one StoreRegistered per id, active at once.

    Raises asyncpg.UniqueViolationError for an id that exists.
    """
    now = datetime.now(UTC)
    stores = [
        StoreRegistered(store_id, f"Toko {store_id}", "Denpasar", "store", "active")
        for store_id in store_ids
    ]
    events = [
        prepared(store, event_id=uuid7(), version=1, time=now, cause=Cause("bulk"))
        for store in stores
    ]
    async with connected(dsn) as connection, connection.transaction():
        appended = await append(connection, events, ())
        for n, store in enumerate(stores):
            position = appended.first_position + n
            await project(connection, store, PARTITION, position, appended.recorded_at)
