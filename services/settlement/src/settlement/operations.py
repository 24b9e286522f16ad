"""What the operators' command asks of settlement: places, an export, a rebuild, a check."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Final

import asyncpg

from events import places as consumer_places
from events.connecting import connected
from events.place import Place
from events.places import ConsumerPlace
from events.source import Source
from events.topics import WALLET
from events.view_digest import Digest, digest
from events.views import in_transaction, make_again
from settlement.checking import check_stores, positions
from settlement.comparing import Difference
from settlement.config import MIGRATIONS
from settlement.consumer import TOPICS, project
from settlement.refilling import refill
from settlement.store import HOLD_VIEWS
from settlement.streams import CouldNotCheck

__all__ = [
    "CouldNotCheck",
    "Difference",
    "RebuildStalled",
    "check_stores",
    "digest_of",
    "export",
    "places",
    "positions",
    "project",
    "rebuild",
    "rebuild_from",
]

Progress = Callable[[int, int], None]
"""Told (events handled again, events to handle)."""

STALLED_SECONDS: Final = 10.0
POLL_SECONDS: Final = 0.1

VIEW_SQL = (MIGRATIONS / "0002_views.sql", MIGRATIONS / "0003_payments.sql")

VIEWS: Final = ("entry", "obligation", "movement", "total", "store")

# DELETE, not TRUNCATE: a reader in its snapshot goes on seeing the whole view.
EMPTY_VIEWS = (
    "DELETE FROM view.entry",
    "DELETE FROM view.obligation",
    "DELETE FROM view.movement",
    "DELETE FROM view.total",
    "DELETE FROM view.store",
)

# One line per row, in the order of the key; what says how a view was filled is not part of it.
EXPORTS = (
    """
    SELECT 'entry ' || row_to_json(e) FROM view.entry e
    ORDER BY partition, position, ordinal
    """,
    """
    SELECT 'movement ' || row_to_json(m) FROM view.movement m
    ORDER BY partition, position, ordinal
    """,
    """
    SELECT 'obligation ' || row_to_json(o) FROM view.obligation o
    ORDER BY partition, position, ordinal
    """,
    """
    SELECT 'place ' || json_build_array(topic, partition, position, stopped) FROM view.place
    ORDER BY topic COLLATE "C", partition
    """,
    "SELECT 'store ' || row_to_json(s) FROM view.store s ORDER BY store_id",
    "SELECT 'total ' || row_to_json(t) FROM view.total t ORDER BY partition, store_id",
)


BY_EVENT = "SELECT * FROM view.{view} WHERE partition = {partition} ORDER BY position, ordinal"
FEW = (
    """
    SELECT topic, partition, position, stopped FROM view.place ORDER BY topic COLLATE "C", partition
    """,
    "SELECT * FROM view.store ORDER BY store_id",
    "SELECT * FROM view.total ORDER BY partition, store_id",
)


class RebuildStalled(Exception):
    """The service does not refill its views: it is not running, or a partition was stopped."""


async def places(dsn: str) -> list[ConsumerPlace]:
    """Return how far each topic partition is in the views, by topic and partition."""
    async with connected(dsn) as connection:
        return await consumer_places.load(connection)


async def export(dsn: str) -> AsyncGenerator[str]:
    """Yield every row of every view as one line, sorted: equal views give equal lines."""
    async with (
        connected(dsn) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute(HOLD_VIEWS)
        for query in EXPORTS:
            async for row in connection.cursor(query, prefetch=1_000):
                yield row[0]


async def digest_of(dsn: str) -> Digest:
    """Return the digest of all views; what says how they were filled is not part of it."""
    folded = [
        BY_EVENT.format(view=view, partition=partition)
        for view in ("entry", "movement", "obligation")
        for partition in range(WALLET.partitions)
    ]
    return await digest(dsn, [*folded, *FEW], HOLD_VIEWS)


async def rebuild(dsn: str, progress: Progress, until: Mapping[str, Place] | None = None) -> None:
    """Drop what the views hold and wait until the running service has refilled them.

    Views that were dropped are made again, for which `dsn` must name the owner, or a superuser;
    `until` (by topic) says then how far readers must wait. They get 503 until all is there.
    Letters that an operator discarded stay discarded. Raises RebuildStalled after STALLED_SECONDS
    without progress; the views go on being refilled whenever the service runs.
    """
    async with connected(dsn) as connection:
        await in_transaction(connection, lambda: _empty(connection, until))
        await _refilled(connection, progress)


async def rebuild_from(
    dsn: str, source: Source, progress: Progress, until: Mapping[str, Place] | None = None
) -> None:
    """Make the views anew from `source`, the ledger's events, and put them in place at once.

    Readers see the old views until then. Views that were dropped are made again, empty, and refuse
    to answer until all is there. `dsn` must name a superuser or the owner. Letters that an operator
    discarded stay discarded; what cannot be handled is left to the running service, which is waited
    for, as it is for the stores. Raises SourceEnded, RebuildStalled.
    """
    async with connected(dsn) as connection:
        await in_transaction(connection, lambda: _made_again(connection, until))
        await refill(dsn, source, (until or {}).get(WALLET.name, Place(())), progress)
        await _refilled(connection, progress)


async def _made_again(connection: asyncpg.Connection, until: Mapping[str, Place] | None) -> None:
    await make_again(connection, "settlement", VIEWS, VIEW_SQL, TOPICS, until)


async def _empty(connection: asyncpg.Connection, until: Mapping[str, Place] | None) -> None:
    await make_again(connection, "settlement", VIEWS, VIEW_SQL, TOPICS, until)
    await consumer_places.rewind(connection)  # first: the consumer too locks places first
    for statement in EMPTY_VIEWS:
        await connection.execute(statement)


async def _refilled(connection: asyncpg.Connection, progress: Progress) -> None:
    clock = asyncio.get_running_loop().time
    before, since = -1, clock()
    while True:
        known = await consumer_places.load(connection)
        done = sum(min(place.position, place.rebuild_until) for place in known)
        progress(done, sum(place.rebuild_until for place in known))
        if not any(place.rebuilding for place in known):
            return
        if done != before:
            before, since = done, clock()
        elif clock() - since > STALLED_SECONDS:
            stopped = [f"{p.topic}/{p.partition}: {p.stopped}" for p in known if p.stopped]
            raise RebuildStalled("; ".join(stopped) or "nothing comes: is settlement running?")
        await asyncio.sleep(POLL_SECONDS)
