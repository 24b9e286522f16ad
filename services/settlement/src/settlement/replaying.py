"""Settlement's views of the ledger replayed: the rows that its projection makes, once more."""

from collections.abc import Sequence

import asyncpg

from events.quickly import open_quickly
from events.shadow import Shadowed, View
from events.source import Read
from settlement import store
from settlement.projections import add_rows
from settlement.rows import EntryRow, MovementRow, ObligationRow, Rows, TotalRow

REACHED = """
SELECT CASE WHEN position >= rebuild_until THEN position END FROM view.place
WHERE topic = 'kembalian.wallet.v1' AND partition = $1
"""

ADD_UP = (
    "DELETE FROM shadow.total WHERE partition = $1",
    """
    INSERT INTO shadow.total
        (partition, store_id, receivable, liability, issued, position, recorded_at)
    SELECT partition, store_id, sum(receivable), sum(liability), sum(issued), max(position),
        max(recorded_at)
    FROM shadow.movement WHERE partition = $1 GROUP BY partition, store_id
    """,
)


class SettlementReplay:
    """One partition's rows that are not yet in the shadow tables: they never change again."""

    def __init__(self, partition: int) -> None:
        self._partition = partition
        self._rows = Rows([], [], [])

    async def load(self, connection: asyncpg.Connection) -> None:
        """Nothing to take up: a row depends on its event alone."""

    def take(self, reads: Sequence[Read]) -> None:
        """Make the rows of events. Raises MalformedEvent, UnknownEventType, UnknownEvent."""
        for position, _, recorded_at, body in reads:
            add_rows(self._rows, self._partition, position, recorded_at, open_quickly(body))

    async def flush(self, connection: asyncpg.Connection) -> None:
        """Write the rows made since the last time."""
        await store.copy(connection, "shadow", self._rows)
        for written in self._rows:
            written.clear()

    async def complete(self, connection: asyncpg.Connection) -> None:
        """Add the movements up, once all are there."""
        for statement in ADD_UP:
            await connection.execute(statement, self._partition)


OF_AN_EVENT = ("partition", "position", "ordinal")

SHADOWED = Shadowed(
    (
        View("entry", OF_AN_EVENT, EntryRow._fields[3:]),
        View("obligation", OF_AN_EVENT, ObligationRow._fields[3:]),
        View("movement", OF_AN_EVENT, MovementRow._fields[3:]),
        View("total", ("partition", "store_id"), TotalRow._fields[2:]),
    ),
    REACHED,
    SettlementReplay,
)
"""What `kembalian replay settlement` makes a second time; its stores come from the catalog."""
