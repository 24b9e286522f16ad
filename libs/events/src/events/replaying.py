"""One partition of a replay: followed, taken up where it was, and compared in one snapshot."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import NamedTuple

import asyncpg

from events.shadow import Replayed, Shadowed, ViewsInMotion, session
from events.source import Source

FLUSH_EVENTS = 250_000
"""What is lost at most when a replay is killed: seconds of work."""

PLACE = "SELECT position FROM shadow.place WHERE partition = $1"

MOVE = """
INSERT INTO shadow.place AS p (partition, position) VALUES ($1, $2)
ON CONFLICT (partition) DO UPDATE SET position = excluded.position
"""

DIFFERENCES = """
SELECT concat_ws(' ', {key}) AS key, row_to_json(v)::text AS live, row_to_json(s)::text AS replayed,
    count(*) OVER () AS count
FROM (SELECT {columns} FROM view.{table} WHERE partition = $1) v
FULL JOIN (SELECT {columns} FROM shadow.{table} WHERE partition = $1) s USING ({key})
WHERE v IS DISTINCT FROM s ORDER BY {key} LIMIT $2
"""


class Difference(NamedTuple):
    """A row that is not in the live view as the replay has it; None = not there at all."""

    partition: int
    view: str
    key: str
    live: str | None
    replayed: str | None


class Found(NamedTuple):
    """What came of one partition: events replayed, how many rows differ, the first of them."""

    partition: int
    position: int
    different: int
    first: list[Difference]


@dataclass(frozen=True, slots=True)
class Part:
    """One partition's replay: an item of work for another process."""

    dsn: str
    shadowed: Shadowed
    source: Source
    partition: int
    listed: int
    flush_events: int = FLUSH_EVENTS


async def replay_part(part: Part) -> AsyncIterator[tuple[int, int] | Found]:
    """Replay one partition and compare it. Yields (partition, position reached), at the end Found.

    Raises SourceEnded, ViewsInMotion, asyncpg.PostgresError.
    """
    made = part.shadowed.begin(part.partition)
    async with session(part.dsn) as connection:
        place = await connection.fetchval(PLACE, part.partition) or 0
        if place:
            async with connection.transaction():
                await made.load(connection)
        until = await _reached(connection, part)
        flushed = place
        async for reads in part.source.batches(part.partition, place, until):
            made.take(reads)
            place = reads[-1].position
            if place - flushed >= part.flush_events:
                async with connection.transaction():
                    await _flush(connection, part, made, place)
                flushed = place
            yield part.partition, place
        async with connection.transaction():
            await _flush(connection, part, made, place)
        async with connection.transaction(isolation="repeatable_read"):
            until = await _reached(connection, part)
            async for reads in part.source.batches(part.partition, place, until):
                made.take(reads)
                place = reads[-1].position
            await _flush(connection, part, made, place)
            await made.complete(connection)
            found = await _compare(connection, part, place)
        yield found


async def _reached(connection: asyncpg.Connection, part: Part) -> int:
    try:
        reached = await connection.fetchval(part.shadowed.reached, part.partition)
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        reached = None
    if reached is None:
        raise ViewsInMotion("the live views are being rebuilt, or are gone")
    return reached


async def _flush(connection: asyncpg.Connection, part: Part, made: Replayed, position: int) -> None:
    await made.flush(connection)
    await connection.execute(MOVE, part.partition, position)


async def _compare(connection: asyncpg.Connection, part: Part, position: int) -> Found:
    different = 0
    first: list[Difference] = []
    for view in part.shadowed.views:
        query = DIFFERENCES.format(
            table=view.table, key=", ".join(view.key), columns=", ".join(view.key + view.columns)
        )
        rows = await connection.fetch(query, part.partition, part.listed)
        different += rows[0]["count"] if rows else 0
        first.extend(
            Difference(part.partition, view.table, row["key"], row["live"], row["replayed"])
            for row in rows
        )
    return Found(part.partition, position, different, first[: part.listed])
