"""The rows of the views as a checker reads them: one state, in order, a few at a time."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import asyncpg

from events import places
from events.place import Place
from events.quick_moments import read_moments_quickly
from settlement.comparing import View
from settlement.rows import EntryRow, MovementRow, ObligationRow
from settlement.store import HOLD_VIEWS

ROWS = """
SELECT {columns} FROM view.{view}
WHERE partition = $1 AND position > $2 AND position <= $3 ORDER BY position, ordinal
"""

LETTERS = """
SELECT partition, position, state FROM log.dead_letter
WHERE topic = $1 AND position IS NOT NULL
"""

RowType = type[EntryRow] | type[ObligationRow] | type[MovementRow]
ROW_TYPES: Final[dict[View, RowType]] = {
    "entry": EntryRow,
    "obligation": ObligationRow,
    "movement": MovementRow,
}
"""The columns of a view are the fields of its row type, in order."""

QUERIES: Final[dict[View, str]] = {
    view: ROWS.format(view=view, columns=", ".join(row._fields)) for view, row in ROW_TYPES.items()
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
async def seen_now(dsn: str, topic: str, snapshot: str | None = None) -> AsyncGenerator[Seen]:
    """Give one state of the views as far as they are in `topic`. Raises CouldNotCheck.

    `snapshot` is the name of one that somebody who holds the views has exported (`shared`).
    """
    connection = await asyncpg.connect(dsn)
    try:
        await read_moments_quickly(connection)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            if snapshot is not None:
                await connection.execute(f"SET TRANSACTION SNAPSHOT '{snapshot}'")
            await connection.execute(HOLD_VIEWS)
            known = [p for p in await places.load(connection) if p.topic == topic]
            if any(place.rebuilding for place in known):
                raise CouldNotCheck("the views of settlement are being rebuilt")
            letters = await connection.fetch(LETTERS, topic)
            states = {(row["partition"], row["position"]): str(row["state"]) for row in letters}
            yield Seen(connection, Place.of((p.partition, p.position) for p in known), states)
    finally:
        await connection.close()


async def shared(seen: Seen) -> str:
    """Return the name under which other processes can see the same state while this one does."""
    return await seen.connection.fetchval("SELECT pg_export_snapshot()")


async def rows_between(
    seen: Seen, view: View, partition: int, after: int, until: int
) -> list[asyncpg.Record]:
    """Return the rows of events after one position up to another, in order.

    A record equals a row of the same values.
    """
    return await seen.connection.fetch(QUERIES[view], partition, after, until)


def arrays(place: Place) -> tuple[list[int], list[int]]:
    """Return a place as the arguments ($1, $2) of a query."""
    return ([p for p, _ in place.positions], [position for _, position in place.positions])
