"""Compares the views with a new fold of all events: both streamed, side by side, in one order."""

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Sequence
from itertools import pairwise
from typing import Final

import asyncpg

from events.place import Place
from events.received import Received
from events.topics import CATALOG, WALLET
from settlement import comparing
from settlement.comparing import Difference, Row, View
from settlement.domain import Position
from settlement.projections import add_rows, rows_of, store_of
from settlement.rows import Rows, StoreRow
from settlement.streams import (
    ROW_TYPES,
    CouldNotCheck,
    Seen,
    arrays,
    rows_between,
    seen_now,
)

AHEAD_MAX: Final = 1_000

# Both halves are looked up in the key's index: to read all rows for it takes as long as their sums.
AHEAD = """
SELECT r.* FROM (
    SELECT r.* FROM unnest($1::smallint[], $2::bigint[]) AS upto (partition, position)
    CROSS JOIN LATERAL (
        SELECT * FROM view.{view} v
        WHERE v.partition = upto.partition AND v.position > upto.position
        ORDER BY v.position LIMIT $5
    ) AS r
    UNION ALL
    SELECT r.* FROM unnest($3::int[], $4::int[]) AS unknown (first, last)
    CROSS JOIN LATERAL (
        SELECT * FROM view.{view} v
        WHERE v.partition BETWEEN unknown.first AND unknown.last AND v.position > 0
        ORDER BY v.partition, v.position LIMIT $5
    ) AS r
) AS r ORDER BY r.partition, r.position LIMIT $5
"""

SMALLINT: Final = (-(2**15), 2**15 - 1)

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
        return await positions_of(seen, upto)


async def positions_of(seen: Seen, upto: Place) -> dict[str, Position]:
    """Return store -> position at the place `upto`, in one state of the views."""
    rows = await seen.connection.fetch(POSITIONS, *arrays(upto))
    return {row[0]: Position(row[1], row[2], row[3]) for row in rows}


async def check_beside(seen: Seen) -> AsyncGenerator[Difference]:
    """Yield rows ahead of the views' place, and wrong sums."""
    for view, row_type in ROW_TYPES.items():
        where = (*arrays(seen.reached), *_unknown(seen.reached))
        ahead = await seen.connection.fetch(AHEAD.format(view=view), *where, AHEAD_MAX)
        for record in ahead:
            yield comparing.stray(view, row_type(*record.values()))
    for record in await seen.connection.fetch(TOTALS):
        yield comparing.total(record)


def _unknown(place: Place) -> tuple[list[int], list[int]]:
    """Return the ranges (first, last) of partitions that a place does not name."""
    least, greatest = SMALLINT
    edges = pairwise([least - 1, *sorted(place.partitions()), greatest + 1])
    ranges = [(before + 1, after - 1) for before, after in edges if after - before > 1]
    return [first for first, _ in ranges], [last for _, last in ranges]


def end_of(seen: Seen, upto: Place | None) -> Place:
    """Return how far the views can be checked: where they are, or `upto` if that is before."""
    return seen.reached if upto is None else _lesser(upto, seen.reached)


class PartitionCheck:
    """Compares the rows of one partition up to `end` with its events, as these stream by.

    Holds some events and their rows at a time.
    """

    def __init__(self, seen: Seen, partition: int, end: int) -> None:
        self._seen = seen
        self._partition = partition
        self.end = end
        self._done = 0

    async def take(self, batch: Sequence[Received]) -> Sequence[Difference]:
        """Return the differences in the next events. Raises CouldNotCheck: they are not in order.

        Those after `end` are left out.
        """
        events = [event for event in batch if event.position <= self.end]
        if not events:
            return ()
        last = self._done
        for event in events:
            if event.position <= last or event.partition != self._partition:
                raise CouldNotCheck("events must come by partition and position")
            last = event.position
        done, self._done = self._done, last
        return await _compared(self._seen, self._partition, done, last, events)

    async def rest(self) -> Sequence[Difference]:
        """Return the rows after the last event, up to `end`: they are of none."""
        return await _compared(self._seen, self._partition, self._done, self.end, [])


async def _compared(
    seen: Seen, partition: int, after: int, until: int, events: Sequence[Received]
) -> Sequence[Difference]:
    """Return what differs between `events` and the rows after one position up to another."""
    expected = Rows([], [], [])
    for _, _, position, recorded_at, envelope in events:
        add_rows(expected, partition, position, recorded_at, envelope)
    found: dict[View, list[asyncpg.Record]] = {}
    for view in ROW_TYPES:
        found[view] = await rows_between(seen, view, partition, after, until)
    due = (expected.entries, expected.obligations, expected.movements)
    if list(found.values()) == list(due):  # the day on which all is well
        return ()
    rows = [rows_of(event) for event in events]
    there: dict[View, list[Row]] = {
        view: [ROW_TYPES[view](*r.values()) for r in found[view]] for view in ROW_TYPES
    }
    return list(comparing.by_event(events, rows, there, seen.letters))


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
