"""What operators do to the ledger's database: audit it, rebuild its views, look into the past."""

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import asyncpg

from events import log, parallel, places, topics
from events.connecting import connected
from events.place import Place
from events.places import ConsumerPlace
from events.view_digest import Digest, digest
from events.views import in_transaction, make_again
from wallet_ledger import queries, store
from wallet_ledger.audit_directory import MEMBERS, STORES
from wallet_ledger.checking import Progress, check
from wallet_ledger.config import MIGRATIONS, PARTITIONS
from wallet_ledger.folding import COLUMNS, KEY_COLUMNS
from wallet_ledger.growth import grown_again
from wallet_ledger.rebuilding import Part, refill
from web.periods import parse_time
from web.problems import invalid

VIEW_SQL = [
    MIGRATIONS / "0002_views.sql",
    MIGRATIONS / "0004_view_of_trees.sql",
    MIGRATIONS / "0005_views_of_payments.sql",
    MIGRATIONS / "0007_whole_views.sql",
    MIGRATIONS / "0023_wallets.sql",
    MIGRATIONS / "0025_buckets.sql",
]
VIEWS_WITHOUT_EXPORT = ["bucket", "tree_node", "whole"]
"""Wallets shown otherwise, and a fold of the links, which `verify` checks: made again with all."""

NO_PROGRESS_SECONDS = 10.0

EXPORTS = {
    "member": MEMBERS,
    "payment": """
        SELECT partition, wallet_id, payment_id, order_id, state, expires_at::text, held, paid
        FROM view.payment ORDER BY partition, wallet_id, payment_id
    """,
    "reversal": "SELECT * FROM view.reversal ORDER BY partition, wallet_id, reversal_id",
    "store": STORES,
    "wallet": "SELECT * FROM view.wallet ORDER BY partition, wallet_id",
}

BY_KEY = "SELECT * FROM view.{view} WHERE partition = {partition} ORDER BY {key}"


class RebuildStalled(Exception):
    """Nothing refills the views: is wallet-ledger running, and the broker?"""


async def export(dsn: str) -> AsyncGenerator[str]:
    """Yield every row of every view as one canonical line, tables by name, rows by key."""
    async with connected(dsn) as connection, connection.transaction(isolation="repeatable_read"):
        for table, query in EXPORTS.items():
            async for row in connection.cursor(query, prefetch=2_000):
                values = json.dumps(list(row.values()), separators=(",", ":"), ensure_ascii=False)
                yield f"{table} {values}"


async def digest_of(dsn: str) -> Digest:
    """Return the digest of all views."""
    folded = [
        BY_KEY.format(view=view, partition=partition, key=", ".join(columns[: KEY_COLUMNS[view]]))
        for view, columns in COLUMNS.items()
        for partition in range(PARTITIONS)
    ]
    return await digest(dsn, [*folded, MEMBERS, STORES])


async def rebuild(dsn: str, progress: Progress, until: Mapping[str, Place] | None = None) -> None:
    """Drop and refill all views; safe while the service runs, whose writers reload their wallets.

    What its own log says is refilled here (wallet_ledger.rebuilding); cards and stores by the
    running service from their topics. Views that were dropped are made again, for which `dsn` must
    name the owner or a superuser; `until` (by topic) says then how far readers must wait. Raises
    RebuildStalled.
    """
    async with connected(dsn) as connection:
        await in_transaction(connection, lambda: make_views_again(connection, until))
        async with connection.transaction():
            for place in await places.load(connection):
                await places.lock(connection, place.topic, place.partition)
            await connection.execute("DELETE FROM view.member")
            await connection.execute("DELETE FROM view.store")
            await places.rewind(connection)
        heads = await log.heads(connection)
        total = sum(position for _, position in heads.positions)
        longest = sorted(range(PARTITIONS), key=heads.at, reverse=True)
        parts, done = [Part(dsn, partition) for partition in longest], dict[int, int]()
        many = parallel.processes_for(total)
        async for partition, position in parallel.spread(refill, parts, many):
            done[partition] = position
            progress(sum(done.values()), max(total, sum(done.values())))
        async with connection.transaction():
            await grown_again(connection)
        await _refilled(connection, progress)


async def make_views_again(
    connection: asyncpg.Connection, until: Mapping[str, Place] | None
) -> None:
    """Make dropped views anew, empty; until they are filled no writer may decide by them.

    A writer that goes on meanwhile is fenced; whoever owns a partition next finds that its views
    are not whole, and waits.
    """
    consumes = (topics.IDENTITY, topics.CATALOG)
    names = [*EXPORTS, *VIEWS_WITHOUT_EXPORT]
    if await make_again(connection, "wallet_ledger", names, VIEW_SQL, consumes, until):
        await connection.execute("DELETE FROM view.whole")
        for partition in range(PARTITIONS):
            await store.raise_epoch(connection, partition)


async def _refilled(connection: asyncpg.Connection, progress: Progress) -> None:
    """Wait until the running service is back where it was."""
    clock = asyncio.get_running_loop().time
    moved, before = clock(), -1
    while True:
        known: list[ConsumerPlace] = await places.load(connection)
        done = sum(min(place.position, place.rebuild_until) for place in known)
        progress(done, sum(place.rebuild_until for place in known))
        if not any(place.rebuilding for place in known):
            return
        if done != before:
            moved, before = clock(), done
        elif clock() - moved > NO_PROGRESS_SECONDS:
            raise RebuildStalled("nothing refills the views: start wallet-ledger and the broker")
        await asyncio.sleep(0.1)


async def balance(
    dsn: str, wallet_id: str, *, as_of: str | None = None, position: str | None = None
) -> dict[str, Any]:
    """Return a wallet at a moment, folded from the log: the same fields as the API's answer."""
    async with asyncpg.create_pool(dsn, min_size=1, max_size=1) as pool:
        view = await queries.view(pool, wallet_id, as_of, position)
    return queries.rendered(wallet_id, view)


async def place(dsn: str, *, as_of: str | None = None, position: str | None = None) -> Place:
    """Return the log's place now, at the time `as_of`, or a `position` of all partitions.

    Raises Problem 422.
    """
    if as_of is not None and position is not None:
        raise invalid("position", "cannot be combined with as_of")
    async with connected(dsn) as connection:
        if as_of is not None:
            return await queries.place_at(connection, parse_time(as_of, field="as_of"), "as_of")
        heads = await log.heads(connection)
    if position is None:
        return heads
    try:
        named = Place.parse(position)
    except ValueError:
        raise invalid("position", "is not a ledger position") from None
    if named.partitions() != heads.partitions() or not heads.reaches(named):
        raise invalid("position", "must name every partition, and nothing that is not written")
    return named


__all__ = [
    "RebuildStalled",
    "balance",
    "check",
    "digest_of",
    "export",
    "place",
    "rebuild",
]
