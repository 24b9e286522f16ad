"""view.store: the stores as they are, one row each, moved in the transaction of their events."""

from datetime import datetime

from catalog.domain import Event, StoreChanged, StoreRegistered
from events.log import Connection

REGISTER = """
INSERT INTO view.store
    (store_id, name, address, kind, state, partition, position, recorded_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
"""

CHANGE = """
UPDATE view.store
SET name = $2, address = $3, partition = $4, position = $5, recorded_at = $6
WHERE store_id = $1
"""


async def project(
    connection: Connection, event: Event, partition: int, position: int, recorded_at: datetime
) -> None:
    """Apply the event that stands at (partition, position); `recorded_at` is UTC."""
    where = (partition, position, recorded_at)
    match event:
        case StoreRegistered(store_id, name, address, kind, state):
            await connection.execute(REGISTER, store_id, name, address, kind, state, *where)
        case StoreChanged(store_id, name, address):
            await connection.execute(CHANGE, store_id, name, address, *where)
