"""What settlement does with the events of wallets and of the catalog: rows, many at once."""

from collections.abc import Sequence

from events import topics
from events.log import Connection
from events.received import Received
from settlement import store
from settlement.projections import (
    EntryRow,
    MovementRow,
    ObligationRow,
    UnknownEvent,
    rows_of,
    store_of,
)

TOPICS = (topics.WALLET, topics.CATALOG)


async def project(connection: Connection, events: Sequence[Received]) -> None:
    """Write the rows of `events` in the transaction that also moves their place.

    Raises UnknownEvent and asyncpg.PostgresError (a row that is there already): then nothing of
    the transaction stays, and the culprit becomes a dead letter.
    """
    entries: list[EntryRow] = []
    obligations: list[ObligationRow] = []
    movements: list[MovementRow] = []
    for received in events:
        if received.topic == topics.CATALOG.name:
            continue
        if received.topic != topics.WALLET.name:
            raise UnknownEvent(received.topic)
        rows = rows_of(received)
        entries += rows.entries
        obligations += rows.obligations
        movements += rows.movements
    await store.add(connection, entries, obligations, movements)
    stores = (store_of(r) for r in events if r.topic == topics.CATALOG.name)
    await store.add_stores(connection, [row for row in stores if row is not None])
