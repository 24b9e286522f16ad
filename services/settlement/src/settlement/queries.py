"""Reads: SELECTs over the views, each bounded by the place of its snapshot ($1, $2)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from asyncpg import Record

from settlement.domain import PLATFORM, Position
from settlement.snapshots import Snapshot
from web.periods import Period

# (store, receivable, liability, issued); a store that never had an entry is not in it
POSITIONS_NOW = """
SELECT store_id, sum(receivable)::bigint AS receivable, sum(liability)::bigint AS liability,
    sum(issued)::bigint AS issued
FROM view.total GROUP BY store_id
"""

POSITIONS_THEN = """
SELECT m.store_id, sum(m.receivable)::bigint AS receivable, sum(m.liability)::bigint AS liability,
    sum(m.issued)::bigint AS issued
FROM view.movement m JOIN unnest($1::smallint[], $2::bigint[]) AS upto (partition, position)
    ON m.partition = upto.partition AND m.position <= upto.position
GROUP BY m.store_id
"""

STORES = "SELECT store_id FROM view.store"

# A wallet lives in one partition: there positions are in the order of time.
BALANCE_BEFORE = """
SELECT e.balance
FROM view.entry e JOIN unnest($1::smallint[], $2::bigint[]) AS upto (partition, position)
    ON e.partition = upto.partition AND e.position <= upto.position
WHERE e.member_id = $3 AND e.recorded_at < $4
ORDER BY e.partition DESC, e.position DESC, e.ordinal DESC LIMIT 1
"""

STATEMENT = """
SELECT e.recorded_at, e.store_id, e.kind, e.saved, e.paid, e.balance
FROM view.entry e JOIN unnest($1::smallint[], $2::bigint[]) AS upto (partition, position)
    ON e.partition = upto.partition AND e.position <= upto.position
WHERE e.member_id = $3 AND e.recorded_at >= $4 AND e.recorded_at < $5
ORDER BY e.partition, e.position, e.ordinal
"""

RECEIVABLES = """
SELECT o.recorded_at, o.debtor, o.creditor, o.card_number, o.amount, o.event_id
FROM view.obligation o JOIN unnest($1::smallint[], $2::bigint[]) AS upto (partition, position)
    ON o.partition = upto.partition AND o.position <= upto.position
WHERE o.creditor = $3 AND o.recorded_at >= $4 AND o.recorded_at < $5
ORDER BY o.recorded_at, o.partition, o.position, o.ordinal
"""

LIABILITIES = """
SELECT o.recorded_at, o.debtor, o.creditor, o.card_number, o.amount, o.event_id
FROM view.obligation o JOIN unnest($1::smallint[], $2::bigint[]) AS upto (partition, position)
    ON o.partition = upto.partition AND o.position <= upto.position
WHERE o.debtor = $3 AND o.recorded_at >= $4 AND o.recorded_at < $5
ORDER BY o.recorded_at, o.partition, o.position, o.ordinal
"""

HAS_STORE = "SELECT EXISTS (SELECT 1 FROM view.store WHERE store_id = $1)"
HAS_MEMBER = "SELECT EXISTS (SELECT 1 FROM view.entry WHERE member_id = $1)"

VIEWS_ARE_THERE = """
SELECT bool_and(to_regclass('view.' || name) IS NOT NULL)
FROM unnest(ARRAY['entry', 'obligation', 'movement', 'total', 'store', 'place']) AS views (name)
"""

Side = Literal["creditor", "debtor"]


@dataclass(frozen=True, slots=True)
class Statement:
    """A member's entries of a period, oldest first, and the balance before them, in rupiah."""

    opening: int
    rows: list[Record]


async def positions(snapshot: Snapshot) -> dict[str, Position]:
    """Return store -> position of every store of the catalog, of `platform` and of any in debt."""
    if snapshot.past:
        rows = await snapshot.connection.fetch(POSITIONS_THEN, *snapshot.upto)
    else:
        rows = await snapshot.connection.fetch(POSITIONS_NOW)
    stores = [row["store_id"] for row in await snapshot.connection.fetch(STORES)]
    moved = {r["store_id"]: Position(r["receivable"], r["liability"], r["issued"]) for r in rows}
    return {store: moved.get(store, Position()) for store in {*stores, *moved, PLATFORM}}


async def statement(snapshot: Snapshot, member_id: str, period: Period) -> Statement:
    """Return the member's entries within `period`, both of whose ends are given."""
    start, end = bounds(period)
    arguments = (*snapshot.upto, member_id, start)
    opening = await snapshot.connection.fetchval(BALANCE_BEFORE, *arguments)
    rows = await snapshot.connection.fetch(STATEMENT, *arguments, end)
    return Statement(opening or 0, rows)


async def debts(snapshot: Snapshot, side: Side, store_id: str, period: Period) -> list[Record]:
    """Return the obligations in which the store is the `side`, oldest first."""
    query = RECEIVABLES if side == "creditor" else LIABILITIES
    return await snapshot.connection.fetch(query, *snapshot.upto, store_id, *bounds(period))


def bounds(period: Period) -> tuple[datetime, datetime]:
    """Return the period of a report in UTC, [start, end)."""
    assert period.start is not None  # a report's period has both ends
    assert period.end is not None
    return (period.start, period.end)
