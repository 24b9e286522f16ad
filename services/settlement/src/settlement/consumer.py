"""What settlement does with the events of wallets and of the catalog: rows, many at once."""

from collections.abc import Sequence

from events import topics
from events.log import Connection
from events.received import Received
from settlement import store
from settlement.meaning import UnknownEvent
from settlement.projections import add_rows, store_of
from settlement.rows import Rows

TOPICS = (topics.WALLET, topics.CATALOG)


async def project(connection: Connection, events: Sequence[Received]) -> None:
    """Write the rows of `events` in the transaction that also moves their place.

    Raises UnknownEvent and asyncpg.PostgresError (a row that is there already): then nothing of
    the transaction stays, and the culprit becomes a dead letter.
    """
    rows = Rows([], [], [])
    for topic, partition, position, recorded_at, envelope in events:
        if topic == topics.CATALOG.name:
            continue
        if topic != topics.WALLET.name:
            raise UnknownEvent(topic)
        add_rows(rows, partition, position, recorded_at, envelope)
    await store.add(connection, rows)
    stores = (store_of(r) for r in events if r.topic == topics.CATALOG.name)
    await store.add_stores(connection, [row for row in stores if row is not None])
