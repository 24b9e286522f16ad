"""A store's stream in the log, read under a lock: two writers decide one after the other."""

from collections.abc import Sequence

from catalog.domain import Event
from catalog.publish import from_body
from events import log
from events.log import Appended, Connection, NewEvent
from events.outcomes import Outcome

PARTITION = 0
"""Catalog's log has one partition."""

# The UNIQUE of (partition, stream, version) would refuse the slower of two writers; the lock lets
# it wait and decide on what the faster one did instead.
LOCK_STREAM = "SELECT pg_advisory_xact_lock(hashtextextended('store' || E'\\n' || $1, 0))"

READ_STREAM = "SELECT body FROM log.event WHERE partition = $1 AND stream = $2 ORDER BY version"


async def locked_stream(connection: Connection, store_id: str) -> list[Event]:
    """Return all events of a store, oldest first; nobody else decides on it until we commit."""
    await connection.execute(LOCK_STREAM, store_id)
    rows = await connection.fetch(READ_STREAM, PARTITION, store_id)
    return [from_body(row["body"]) for row in rows]


async def append(
    connection: Connection, events: Sequence[NewEvent], outcomes: Sequence[Outcome]
) -> Appended:
    """Record events and kept answers in the caller's transaction."""
    return await log.append(connection, PARTITION, events, outcomes)
