"""Views made anew beside the old ones, by all cores, and put in their place at one moment.

Readers see the old views until then, and the new ones after it, never half of either: a snapshot
locks the tables before it looks (snapshots.py). The consumer goes on meanwhile; what it adds to the
old views is folded again at the end. The new tables get their indexes when they are full.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Final, NamedTuple

import asyncpg

from events import places
from events.envelope import MalformedEvent, UnknownEventType
from events.parallel import processes_for, spread
from events.place import Place
from events.quickly import open_quickly
from events.source import Source
from events.topics import WALLET
from settlement import store
from settlement.meaning import UnknownEvent
from settlement.new_views import (
    BEGIN,
    SCHEMA,
    add_up,
    connected,
    hand_over_stores,
    index,
    put_in_place,
)
from settlement.projections import add_rows
from settlement.rows import Rows

Progress = Callable[[int, int], None]

ROUNDS_MAX: Final = 5
FEW_EVENTS: Final = 2_000
"""So many are folded while the views are locked: some 100 ms."""

DISCARDED = """
SELECT partition, position FROM log.dead_letter
WHERE topic = $1 AND state = 'discarded' AND position IS NOT NULL
"""

# A consumer waits for its place, a reader for the tables; both are there again in an instant.
LOCK = "LOCK TABLE view.place IN EXCLUSIVE MODE"


@dataclass(frozen=True, slots=True)
class Part:
    """One partition's events after one position up to another: work for one process."""

    dsn: str
    source: Source
    partition: int
    after: int
    until: int
    left_out: frozenset[int]


class Filled(NamedTuple):
    """A partition is in the new views up to `position`; `done` = no further here.

    Short of what was asked for: the next event cannot be handled, which is the consumer's to say.
    """

    partition: int
    position: int
    done: bool


async def refill(dsn: str, source: Source, until: Place, progress: Progress) -> None:
    """Make the rows of all wallet events anew, up to `until` or where the views are if further.

    The stores, few as they are, are left to the running consumer, which reads of them meanwhile.
    `dsn` must name a superuser or the owner. Raises SourceEnded, WorkFailed, asyncpg.PostgresError:
    the views are as they were.
    """
    async with connected(dsn) as connection:
        async with connection.transaction():
            await hand_over_stores(connection)
        await connection.execute("SET ROLE settlement_owner")
        await connection.execute(BEGIN)
        filled: dict[int, Filled] = {}
        for _ in range(ROUNDS_MAX):
            parts = await _parts(connection, dsn, source, until, filled)
            missing = sum(part.until - part.after for part in parts)
            if filled and missing < FEW_EVENTS:
                break
            await _fill_all(parts, filled, progress)
        await index(connection, dsn)
        async with connection.transaction():
            await connection.execute("SET LOCAL synchronous_commit = on")
            await connection.execute(LOCK)
            for part in await _parts(connection, dsn, source, until, filled):
                async for found in _filling(connection, part):
                    filled[part.partition] = found
            await add_up(connection)
            await put_in_place(connection, {p: f.position for p, f in filled.items()})


async def _parts(
    connection: asyncpg.Connection,
    dsn: str,
    source: Source,
    until: Place,
    filled: dict[int, Filled],
) -> list[Part]:
    """Return what is still to be folded, the longest first."""
    left_out: dict[int, set[int]] = {}
    for partition, position in await connection.fetch(DISCARDED, WALLET.name):
        left_out.setdefault(partition, set()).add(position)
    parts: list[Part] = []
    for place in await places.load(connection):
        found = filled.get(place.partition, Filled(place.partition, 0, done=False))
        end = max(place.position, place.rebuild_until, until.at(place.partition))
        if place.topic == WALLET.name and not found.done:
            skipped = frozenset(left_out.get(place.partition, ()))
            parts.append(Part(dsn, source, place.partition, found.position, end, skipped))
    return sorted(parts, key=lambda part: part.after - part.until)


async def _fill_all(parts: Sequence[Part], filled: dict[int, Filled], progress: Progress) -> None:
    total = sum(part.until for part in parts)
    processes = processes_for(sum(part.until - part.after for part in parts))
    async with aclosing(spread(fill, parts, processes)) as found:
        async for place in found:
            filled[place.partition] = place
            progress(sum(f.position for f in filled.values()), total)


async def fill(part: Part) -> AsyncIterator[Filled]:
    """Write the rows of a part into the new tables, on a connection of its own."""
    async with connected(part.dsn) as connection:
        await connection.execute("SET ROLE settlement_owner")
        async for found in _filling(connection, part):
            yield found


async def _filling(connection: asyncpg.Connection, part: Part) -> AsyncIterator[Filled]:
    rows = Rows([], [], [])
    reached = part.after
    async for reads in part.source.batches(part.partition, part.after, part.until):
        try:
            for position, _, recorded_at, body in reads:
                if position not in part.left_out:
                    add_rows(rows, part.partition, position, recorded_at, open_quickly(body))
                reached = position
        except (MalformedEvent, UnknownEventType, UnknownEvent):
            await _write(connection, rows)
            yield Filled(part.partition, reached, done=True)
            return
        await _write(connection, rows)
        yield Filled(part.partition, reached, done=False)
    yield Filled(part.partition, reached, done=False)


async def _write(connection: asyncpg.Connection, rows: Rows) -> None:
    """Write all rows into the new tables, and take them out of `rows`."""
    async with connection.transaction():
        await store.copy(connection, SCHEMA, rows)
    for written in rows:
        written.clear()
