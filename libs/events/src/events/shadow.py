"""Views made a second time in a schema of their own, and compared with the live ones.

A replay never blocks a writer: it reads in bounded statements, writes only its own tables, and
compares inside one snapshot. How far it is stands beside what it has made, in one transaction, so
it goes on where it was. All its tables are UNLOGGED: a crash of PostgreSQL empties every one of
them, also the one that says what was begun, and then a replay begins anew.
"""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import asyncpg

from events.source import Read

SESSION = {
    "application_name": "kembalian replay",
    "statement_timeout": "900s",
    "lock_timeout": "10s",
    "TimeZone": "UTC",
}

LOCK = "SELECT pg_try_advisory_lock(hashtext('kembalian replay'))"

BEGIN = """
DROP SCHEMA IF EXISTS shadow CASCADE;
CREATE SCHEMA shadow;
CREATE UNLOGGED TABLE shadow.place (partition smallint PRIMARY KEY, position bigint);
CREATE UNLOGGED TABLE shadow.replay (source text, layout text, finished boolean DEFAULT false);
"""

# (What an older version left there has no such table, and is begun anew.)
IS_BEGUN = "SELECT to_regclass('shadow.replay') IS NOT NULL"

FINISH = "UPDATE shadow.replay SET finished = true"

LAYOUT = """
SELECT string_agg(table_name || '.' || column_name || ' ' || data_type, ', '
    ORDER BY table_name, ordinal_position)
FROM information_schema.columns WHERE table_schema = 'view' AND table_name = ANY ($1::text[])
"""


class ReplayRunning(Exception):
    """Another replay of this service is at work."""


class OtherReplay(Exception):
    """A finished replay lies there, or an unfinished one from another source or of other views."""


class ViewsInMotion(Exception):
    """The live views are being rebuilt, or are gone: there is nothing to compare with."""


class View(NamedTuple):
    """A view that is replayed: its table, key and other columns; `partition` is part of the key."""

    table: str
    key: tuple[str, ...]
    columns: tuple[str, ...]


class Replayed(Protocol):
    """What one partition's events come to, while they stream by."""

    async def load(self, connection: asyncpg.Connection) -> None:
        """Take up what an interrupted replay left in the shadow tables."""
        ...

    def take(self, reads: Sequence[Read]) -> None:
        """Apply events, in order."""
        ...

    async def flush(self, connection: asyncpg.Connection) -> None:
        """Write what has changed since the last time into the shadow tables."""
        ...

    async def complete(self, connection: asyncpg.Connection) -> None:
        """Make what only the whole comes to, before the comparison."""
        ...


@dataclass(frozen=True, slots=True)
class Shadowed:
    """Which views of a service are replayed, how far the live ones are, and what makes them.

    `reached` is asked for a partition ($1) in the snapshot of the comparison; NULL = not now.
    """

    views: tuple[View, ...]
    reached: str
    begin: Callable[[int], Replayed]


@asynccontextmanager
async def session(dsn: str) -> AsyncGenerator[asyncpg.Connection]:
    """Give a connection of a replay, with bounds on what it may wait for."""
    connection = await asyncpg.connect(dsn, timeout=10, server_settings=SESSION)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def prepared(
    dsn: str, shadowed: Shadowed, source: str, *, restart: bool, keep: bool
) -> AsyncGenerator[bool]:
    """Make the schema `shadow`, or find an unfinished one, and drop it after a replay that ended.

    `keep` leaves it there as a finished one, which no replay goes on with. Gives whether an
    unfinished replay is taken up. `dsn` must name the owner of the database or a superuser.
    Raises ReplayRunning, OtherReplay, ViewsInMotion.
    """
    async with session(dsn) as connection:
        if not await connection.fetchval(LOCK):
            raise ReplayRunning("another replay of this service is at work")
        layout = await connection.fetchval(LAYOUT, [view.table for view in shadowed.views])
        if layout is None:
            raise ViewsInMotion("the views are gone: rebuild them first")
        async with connection.transaction():
            taken_up = not restart and await _is_unfinished(connection, source, layout)
            if not taken_up:
                await _begin(connection, shadowed, source, layout)
        yield taken_up
        await connection.execute(FINISH if keep else "DROP SCHEMA shadow CASCADE")


async def _is_unfinished(connection: asyncpg.Connection, source: str, layout: str) -> bool:
    """Tell whether this very replay was begun; nothing, or what a crash emptied, was not."""
    if not await connection.fetchval(IS_BEGUN):
        return False
    begun = await connection.fetchrow("SELECT source, layout, finished FROM shadow.replay")
    if begun is None:
        return False
    if begun["finished"]:
        raise OtherReplay(f"a finished replay from {begun['source']} was kept: say --restart")
    if (begun["source"], begun["layout"]) != (source, layout):
        raise OtherReplay(f"an unfinished replay from {begun['source']} is there: say --restart")
    return True


async def _begin(
    connection: asyncpg.Connection, shadowed: Shadowed, source: str, layout: str
) -> None:
    await connection.execute(BEGIN)
    await connection.execute(
        "INSERT INTO shadow.replay (source, layout) VALUES ($1, $2)", source, layout
    )
    for view in shadowed.views:
        await connection.execute(
            f"CREATE UNLOGGED TABLE shadow.{view.table} (LIKE view.{view.table},"
            f" PRIMARY KEY ({', '.join(view.key)}))"
        )
