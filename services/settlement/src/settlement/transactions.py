"""A store's transactions, page by page, with its position after each, added up when it is read."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self, cast

from asyncpg import Record

from events.merkle import EPOCH, microseconds
from events.place import Place
from settlement.snapshots import Snapshot
from web.paging import Key
from web.periods import Period

PAGE = """
SELECT e.recorded_at, e.partition, e.position, e.ordinal, e.event_id, e.card_number, e.cashier_id,
    e.kind, e.saved, e.paid
FROM view.entry e JOIN unnest($1::smallint[], $2::bigint[]) AS upto (partition, position)
    ON e.partition = upto.partition AND e.position <= upto.position
WHERE e.store_id = $3
    AND (e.recorded_at, e.partition, e.position, e.ordinal) > ($4, $5::smallint, $6, $7::smallint)
    AND ($8::timestamptz IS NULL OR e.recorded_at < $8)
ORDER BY e.recorded_at, e.partition, e.position, e.ordinal LIMIT $9
"""

POSITION_BEFORE = """
SELECT coalesce(sum(m.receivable - m.liability - m.issued), 0)::bigint
FROM view.movement m JOIN unnest($1::smallint[], $2::bigint[]) AS upto (partition, position)
    ON m.partition = upto.partition AND m.position <= upto.position
WHERE m.store_id = $3 AND m.recorded_at < $4
"""

# (recorded_at, partition, position, change of the store's position), after one event, up to another
CHANGES = """
SELECT m.recorded_at, m.partition, m.position,
    sum(m.receivable - m.liability - m.issued)::bigint AS change
FROM view.movement m JOIN unnest($1::smallint[], $2::bigint[]) AS upto (partition, position)
    ON m.partition = upto.partition AND m.position <= upto.position
WHERE m.store_id = $3
    AND (m.recorded_at, m.partition, m.position) > ($4, $5::smallint, $6)
    AND (m.recorded_at, m.partition, m.position) <= ($7, $8::smallint, $9)
GROUP BY m.recorded_at, m.partition, m.position
ORDER BY m.recorded_at, m.partition, m.position
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """Where a page ended: its last entry, and the store's position (rupiah) after it."""

    recorded_at: datetime
    partition: int
    position: int
    ordinal: int
    running: int

    @property
    def event(self) -> tuple[datetime, int, int]:
        """Return the place of the entry's event in the order over all partitions."""
        return (self.recorded_at, self.partition, self.position)

    @property
    def entry(self) -> tuple[datetime, int, int, int]:
        """Return the place of the entry itself in that order."""
        return (*self.event, self.ordinal)


@dataclass(frozen=True, slots=True)
class Cursor:
    """What the next page needs: the place of the first one, so that all show the same state."""

    place: Place
    after: Mark

    @classmethod
    def parse(cls, keys: Sequence[Key]) -> Self:
        """Read `keys()` back; a cursor is signed, so it is one of ours."""
        place, at, *rest = keys
        moment = EPOCH + timedelta(microseconds=cast("int", at))
        return cls(Place.parse(cast("str", place)), Mark(moment, *cast("list[int]", rest)))

    def keys(self) -> list[Key]:
        """Return the cursor as values that can be signed."""
        mark = self.after
        rest = (mark.partition, mark.position, mark.ordinal, mark.running)
        return [str(self.place), microseconds(mark.recorded_at), *rest]


@dataclass(frozen=True, slots=True)
class Line:
    """An entry of a store, and the store's position (rupiah) after it."""

    row: Record
    running: int

    @property
    def mark(self) -> Mark:
        """Return where a page ends that ends with this line."""
        row = self.row
        place = (row["recorded_at"], row["partition"], row["position"], row["ordinal"])
        return Mark(*place, self.running)


async def lines(
    snapshot: Snapshot, store_id: str, period: Period, after: Mark | None, limit: int
) -> list[Line]:
    """Return at most `limit` lines after `after` (None = from the period's first), oldest first."""
    mark = after or await _before(snapshot, store_id, period)
    arguments = (*snapshot.upto, store_id)
    rows = await snapshot.connection.fetch(PAGE, *arguments, *mark.entry, period.end, limit)
    if not rows:
        return []
    last = (rows[-1]["recorded_at"], rows[-1]["partition"], rows[-1]["position"])
    changes = await snapshot.connection.fetch(CHANGES, *arguments, *mark.event, *last)
    return list(_added_up(rows, changes, mark.running))


async def _before(snapshot: Snapshot, store_id: str, period: Period) -> Mark:
    """Return the mark just before the first moment of `period`."""
    start = max(period.start or EPOCH, EPOCH).astimezone(UTC)
    running = await snapshot.connection.fetchval(POSITION_BEFORE, *snapshot.upto, store_id, start)
    return Mark(start, -1, 0, 0, running)


def _added_up(rows: list[Record], changes: list[Record], running: int) -> Iterator[Line]:
    """Yield the rows with the sum of all changes up to each; both are in the same order."""
    ahead = deque(changes)
    for row in rows:
        event = (row["recorded_at"], row["partition"], row["position"])
        while ahead and (ahead[0][0], ahead[0][1], ahead[0][2]) <= event:
            running += ahead.popleft()["change"]
        yield Line(row, running)
