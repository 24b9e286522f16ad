"""Are log, buckets and kept answers what the events say? One snapshot for all of them."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import asyncpg

from events import log, parallel
from events.audit import Follower, audit_partition
from events.connecting import connected, connected_to_history
from events.finding import Finding
from events.shadow import ViewsInMotion
from wallet_ledger import audit
from wallet_ledger.audit_answers import answers
from wallet_ledger.config import PARTITIONS

VIEWS = "SELECT to_regnamespace('view')::oid::bigint"
WHOLE = "SELECT count(*) FROM view.whole"

Progress = Callable[[int, int], None]
"""Called with (done, total) in events."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one process checks at a time: a partition's events, or the kept answers (None)."""

    dsn: str
    snapshot: str
    partition: int | None
    events: int


@asynccontextmanager
async def parts(dsn: str) -> AsyncGenerator[list[Part]]:
    """Give all that is to be checked, longest first, out of one snapshot, which is held open.

    The kept answers come last: PostgreSQL spreads their join over what cores have nothing to do.
    Raises ViewsInMotion, also at the end: whoever reads views that were made anew meanwhile by an
    older snapshot finds them empty, and what he says of them is worth nothing.
    """
    async with connected(dsn) as connection, connection.transaction(isolation="repeatable_read"):
        snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
        views = await _whole_views(connection)
        heads = await log.heads(connection)
        longest = sorted(range(PARTITIONS), key=heads.at, reverse=True)
        of_partitions = [Part(dsn, snapshot, p, heads.at(p)) for p in longest]
        yield [*of_partitions, Part(dsn, snapshot, None, of_partitions[-1].events)]
    async with connected(dsn) as connection:  # a new one: within a transaction names are remembered
        if await connection.fetchval(VIEWS) != views:
            raise ViewsInMotion("the views of wallet-ledger were made anew meanwhile")


async def _whole_views(connection: log.Connection) -> int:
    """Return which views these are, all of them whole. Raises ViewsInMotion.

    The look is rolled back, which lets go of the table: who drops the views does not wait for us
    and whoever checks does not wait for him.
    """
    look = connection.transaction()
    await look.start()
    try:
        views = await connection.fetchval(VIEWS)
        whole = await connection.fetchval(WHOLE)
    except asyncpg.UndefinedTableError as error:
        raise ViewsInMotion("the views of wallet-ledger are gone: rebuild them first") from error
    finally:
        await look.rollback()
    if whole < PARTITIONS:
        raise ViewsInMotion("the views of wallet-ledger are being refilled")
    return views


async def check(
    dsn: str, progress: Progress, processes: int | None = None
) -> AsyncGenerator[Finding]:
    """Yield all that is wrong with log, buckets and kept answers, out of one snapshot.

    A long log is read by several processes (default: what its length is worth), a partition each.
    """
    async with parts(dsn) as found_parts:
        total = sum(part.events for part in found_parts if part.partition is not None)
        many = parallel.processes_for(total) if processes is None else processes
        done: dict[int, int] = {}
        async for partition, found in parallel.spread(check_part, found_parts, many):
            if isinstance(found, Finding):
                yield found
            else:
                done[partition] = found
                progress(sum(done.values()), total)


async def check_part(
    part: Part, followers: Sequence[Follower] = ()
) -> AsyncGenerator[tuple[int, Finding | int]]:
    """Yield (partition, finding or the position reached); the answers' findings as of -1.

    `followers` are given the events of a partition too, as they are read.
    """
    async with (
        connected_to_history(part.dsn) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute(f"SET TRANSACTION SNAPSHOT '{part.snapshot}'")
        if part.partition is None:
            async for finding in answers(connection):
                yield -1, finding
            return
        everybody = (audit.LedgerAudit(connection, part.partition), *followers)
        async for found in audit_partition(connection, audit.SERVICE, part.partition, everybody):
            yield part.partition, found
