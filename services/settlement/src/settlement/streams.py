"""The rows of the views as a checker reads them: one state, in order, a few at a time."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Literal

import asyncpg

from events import places
from events.place import Place
from settlement import comparing
from settlement.comparing import Row
from settlement.projections import EntryRow, MovementRow, ObligationRow
from settlement.store import HOLD_VIEWS

PREFETCH: Final = 1_000

ROWS = """
SELECT r.* FROM view.{view} r
JOIN unnest($1::smallint[], $2::bigint[]) AS upto (partition, position)
    ON r.partition = upto.partition AND r.position <= upto.position
ORDER BY r.partition, r.position, r.ordinal
"""
"""The columns of a view are the fields of its row type, in order."""

LETTERS = """
SELECT partition, position, state FROM log.dead_letter
WHERE topic = $1 AND position IS NOT NULL
"""

View = Literal["entry", "obligation", "movement"]
ROW_TYPES: Final[dict[View, type[Row]]] = {
    "entry": EntryRow,
    "obligation": ObligationRow,
    "movement": MovementRow,
}


class CouldNotCheck(Exception):
    """The views are not whole (a rebuild), or the events did not come in order."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One state of the views, how far they are in `topic`, and which events are letters."""

    connection: asyncpg.Connection
    reached: Place
    letters: dict[tuple[int, int], str]


@asynccontextmanager
async def seen_now(dsn: str, topic: str) -> AsyncGenerator[Seen]:
    """Give one state of the views as far as they are in `topic`. Raises CouldNotCheck."""
    connection = await asyncpg.connect(dsn)
    try:
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            await connection.execute(HOLD_VIEWS)
            known = [p for p in await places.load(connection) if p.topic == topic]
            if any(place.rebuilding for place in known):
                raise CouldNotCheck("the views are being rebuilt")
            letters = await connection.fetch(LETTERS, topic)
            states = {(row["partition"], row["position"]): str(row["state"]) for row in letters}
            yield Seen(connection, Place.of((p.partition, p.position) for p in known), states)
    finally:
        await connection.close()


class Rows:
    """The rows of one view up to a place, in order, read as far as they are asked for."""

    def __init__(self, connection: asyncpg.Connection, view: View, upto: Place) -> None:
        self.view: View = view
        self._row_type = ROW_TYPES[view]
        cursor: Any = connection.cursor(ROWS.format(view=view), *arrays(upto), prefetch=PREFETCH)
        self._records: AsyncIterator[asyncpg.Record] = aiter(cursor)
        self._next: Row | None = None
        self._begun = False

    async def before(self, where: tuple[int, int]) -> AsyncIterator[Row]:
        """Yield the rows before the event at `where` that nobody asked for."""
        while (row := await self._peek()) is not None and comparing.where(row) < where:
            yield await self._take(row)

    async def at(self, where: tuple[int, int]) -> AsyncIterator[Row]:
        """Yield the rows of the event at `where`."""
        while (row := await self._peek()) is not None and comparing.where(row) == where:
            yield await self._take(row)

    async def rest(self) -> AsyncIterator[Row]:
        """Yield all rows that are left."""
        while (row := await self._peek()) is not None:
            yield await self._take(row)

    async def _peek(self) -> Row | None:
        if not self._begun:
            self._begun = True
            await self._advance()
        return self._next

    async def _take(self, row: Row) -> Row:
        await self._advance()
        return row

    async def _advance(self) -> None:
        record = await anext(self._records, None)
        self._next = None if record is None else self._row_type(*record.values())


def arrays(place: Place) -> tuple[list[int], list[int]]:
    """Return a place as the arguments ($1, $2) of a query."""
    return ([p for p, _ in place.positions], [position for _, position in place.positions])
