"""Reads: one SELECT each over view.store. Stores come by id, in byte order."""

from typing import cast

from asyncpg import Record

from catalog.domain import Store, StoreKind, StoreState
from events.log import Connection

ONE = "SELECT store_id, name, address, kind, state FROM view.store WHERE store_id = $1"

PAGE = """
SELECT store_id, name, address, kind, state FROM view.store
WHERE store_id > $1 AND ($2 OR state = 'active' OR store_id = $3)
ORDER BY store_id LIMIT $4
"""

ALL = "SELECT store_id, name, address, kind, state FROM view.store ORDER BY store_id"

COUNT = "SELECT count(*) FROM view.store"


async def store(connection: Connection, store_id: str) -> Store | None:
    """Return one store, drafts too, or None."""
    row = await connection.fetchrow(ONE, store_id)
    return None if row is None else _store(row)


async def page(
    connection: Connection, *, after: str, drafts: bool, own: str | None, limit: int
) -> list[Store]:
    """Return at most `limit` stores after the id `after` ("" = from the first).

    Of drafts only the one that is `own`, unless `drafts` says all.
    """
    rows = await connection.fetch(PAGE, after, drafts, own, limit)
    return [_store(row) for row in rows]


async def every_store(connection: Connection) -> list[Store]:
    """Return all stores, drafts too."""
    return [_store(row) for row in await connection.fetch(ALL)]


async def count(connection: Connection) -> int:
    """Return how many stores there are, drafts too."""
    return cast("int", await connection.fetchval(COUNT))


def _store(row: Record) -> Store:
    return Store(
        store_id=row["store_id"],
        name=row["name"],
        address=row["address"],
        kind=cast("StoreKind", row["kind"]),
        state=cast("StoreState", row["state"]),
    )
