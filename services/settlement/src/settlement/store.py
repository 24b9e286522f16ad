"""This service's writes: rows of one transaction, many at once, into the views."""

from collections.abc import Sequence

from events.log import Connection
from settlement.projections import totals_of
from settlement.rows import EntryRow, MovementRow, ObligationRow, Rows, StoreRow

# COPY refuses a row that is there already (its primary key), and with it the whole transaction.
COLUMNS = {
    "entry": EntryRow._fields,
    "obligation": ObligationRow._fields,
    "movement": MovementRow._fields,
    "store": StoreRow._fields,
}

# In the order of the key: two consumers of different partitions cannot meet, and need not deadlock.
ADD_TOTALS = """
INSERT INTO view.total AS t
    (partition, store_id, receivable, liability, issued, position, recorded_at)
SELECT * FROM unnest(
    $1::smallint[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
    $7::timestamptz[]
)
ON CONFLICT (partition, store_id) DO UPDATE SET
    receivable = t.receivable + excluded.receivable,
    liability = t.liability + excluded.liability,
    issued = t.issued + excluded.issued,
    position = greatest(t.position, excluded.position),
    recorded_at = greatest(t.recorded_at, excluded.recorded_at)
"""

HOLD_VIEWS = """
LOCK TABLE view.entry, view.obligation, view.movement, view.total, view.store
IN ACCESS SHARE MODE
"""
"""First in every transaction that reads more than once: no rebuild swaps the tables meanwhile."""


async def add(connection: Connection, rows: Rows) -> None:
    """Write the rows of some wallet events and add them up. Raises UniqueViolationError."""
    await copy(connection, "view", rows)
    totals = totals_of(rows.movements)
    if totals:
        await connection.execute(ADD_TOTALS, *map(list, zip(*totals, strict=True)))


async def copy(connection: Connection, schema: str, rows: Rows) -> None:
    """Write rows into the tables of `schema`, and no sums."""
    await _copy(connection, schema, "entry", rows.entries)
    await _copy(connection, schema, "obligation", rows.obligations)
    await _copy(connection, schema, "movement", rows.movements)


async def add_stores(connection: Connection, stores: Sequence[StoreRow]) -> None:
    """Write stores of the catalog. Raises UniqueViolationError."""
    await _copy(connection, "view", "store", stores)


async def _copy(
    connection: Connection, schema: str, table: str, rows: Sequence[tuple[object, ...]]
) -> None:
    if rows:
        await connection.copy_records_to_table(
            table,
            schema_name=schema,
            columns=COLUMNS[table],
            records=map(tuple, rows),  # asyncpg looks into a plain tuple in a third of the time
        )
