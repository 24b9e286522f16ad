"""Compares the views with a new fold of all events: streams both, side by side, in one order."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from typing import Final

from events.place import Place
from events.received import Received
from events.topics import CATALOG, WALLET
from settlement import comparing
from settlement.comparing import Difference, Row
from settlement.domain import Position
from settlement.projections import StoreRow, rows_of, store_of
from settlement.streams import ROW_TYPES, CouldNotCheck, Rows, Seen, View, arrays, seen_now

AHEAD_MAX: Final = 1_000

AHEAD = """
SELECT r.* FROM view.{view} r
LEFT JOIN unnest($1::smallint[], $2::bigint[]) AS upto (partition, position)
    ON r.partition = upto.partition
WHERE r.position > coalesce(upto.position, 0) ORDER BY r.partition, r.position LIMIT $3
"""

# Where the sum of the movements of a store in a partition is not what view.total says.
TOTALS = """
SELECT partition, store_id, t.store_id IS NULL AS missing, s.store_id IS NULL AS extra,
    coalesce(s.position, t.position) AS position,
    concat_ws('/', t.receivable, t.liability, t.issued, t.position) AS found,
    concat_ws('/', s.receivable, s.liability, s.issued, s.position) AS expected
FROM view.total t
FULL JOIN (
    SELECT partition, store_id, sum(receivable) AS receivable, sum(liability) AS liability,
        sum(issued) AS issued, max(position) AS position, max(recorded_at) AS recorded_at
    FROM view.movement GROUP BY partition, store_id
) AS s USING (partition, store_id)
WHERE (t.receivable, t.liability, t.issued, t.position, t.recorded_at)
    IS DISTINCT FROM (s.receivable, s.liability, s.issued, s.position, s.recorded_at)
ORDER BY partition, store_id
"""

POSITIONS = """
SELECT m.store_id, sum(m.receivable)::bigint, sum(m.liability)::bigint, sum(m.issued)::bigint
FROM view.movement m JOIN unnest($1::smallint[], $2::bigint[]) AS upto (partition, position)
    ON m.partition = upto.partition AND m.position <= upto.position
GROUP BY m.store_id
"""


async def positions(dsn: str, upto: Place) -> dict[str, Position]:
    """Return store -> position at the place `upto`, summed over the movements."""
    async with seen_now(dsn, WALLET.name) as seen:
        rows = await seen.connection.fetch(POSITIONS, *arrays(upto))
        return {row[0]: Position(row[1], row[2], row[3]) for row in rows}


async def check(
    dsn: str, events: AsyncIterable[Received], upto: Place | None = None
) -> AsyncGenerator[Difference]:
    """Yield every difference between the views and a new fold of all wallet `events`.

    `events` come by partition, then position, from the first one on; those after `upto` (default:
    where the views are) are left out, and so are the views' rows of them. Holds one event at a
    time. Raises CouldNotCheck.
    """
    async with seen_now(dsn, WALLET.name) as seen:
        end = seen.reached if upto is None else _lesser(upto, seen.reached)
        streams: dict[View, Rows] = {view: Rows(seen.connection, view, end) for view in ROW_TYPES}
        before = (-1, 0)
        async for event in events:
            where = (event.partition, event.position)
            if where <= before:
                raise CouldNotCheck("events must come by partition and position")
            before = where
            if event.position > end.at(event.partition):
                continue
            expected: tuple[Sequence[Row], ...] = rows_of(event)
            for stream, rows in zip(streams.values(), expected, strict=True):
                async for stray in stream.before(where):
                    yield comparing.stray(stream.view, stray)
                found = [row async for row in stream.at(where)]
                letter = seen.letters.get(where)
                for difference in comparing.compared(stream.view, event, rows, found, letter):
                    yield difference
        async for difference in _strays(seen, streams):
            yield difference


async def _strays(seen: Seen, streams: dict[View, Rows]) -> AsyncIterator[Difference]:
    """Yield rows that no event stands for, rows ahead of the views' place, and wrong sums."""
    for stream in streams.values():
        async for stray in stream.rest():
            yield comparing.stray(stream.view, stray)
    for view, row_type in ROW_TYPES.items():
        ahead = await seen.connection.fetch(
            AHEAD.format(view=view), *arrays(seen.reached), AHEAD_MAX
        )
        for record in ahead:
            yield comparing.stray(view, row_type(*record.values()))
    for record in await seen.connection.fetch(TOTALS):
        yield comparing.total(record)


async def check_stores(dsn: str, events: AsyncIterable[Received]) -> AsyncIterator[Difference]:
    """Yield every difference between the views' stores and a new fold of the catalog's `events`."""
    async with seen_now(dsn, CATALOG.name) as seen:
        rows = await seen.connection.fetch("SELECT * FROM view.store ORDER BY store_id")
        found = {row["store_id"]: StoreRow(*row.values()) for row in rows}
        async for event in events:
            expected = store_of(event)
            if expected is None or event.position > seen.reached.at(event.partition):
                continue
            difference = comparing.store(expected, found.pop(expected.store_id, None))
            if difference is not None:
                yield difference
    for stray in found.values():
        yield comparing.stray("store", stray)


def _lesser(one: Place, other: Place) -> Place:
    """Return the place that both have reached."""
    partitions = one.partitions() | other.partitions()
    return Place.of((p, min(one.at(p), other.at(p))) for p in partitions)
