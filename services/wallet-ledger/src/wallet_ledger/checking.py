"""Are log, buckets, kept answers, cards and stores what the events say? One snapshot each."""

from collections.abc import AsyncGenerator, AsyncIterable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from events import log, parallel, places
from events.audit import Finding, audit_partition
from events.audit_views import Due, audit_rows
from events.connecting import connected
from events.contracts import catalog, identity
from events.received import Received
from wallet_ledger import audit
from wallet_ledger.audit_answers import answers
from wallet_ledger.config import PARTITIONS

Progress = Callable[[int, int], None]
"""Called with (done, total) in events."""

MEMBERS = "SELECT * FROM view.member ORDER BY wallet_id"
STORES = "SELECT * FROM view.store ORDER BY store_id"
TABLES = {"member": MEMBERS, "store": STORES}


@dataclass(frozen=True, slots=True)
class Part:
    """What one process checks at a time: a partition, or the kept answers (None)."""

    dsn: str
    snapshot: str
    partition: int | None
    events: int


@asynccontextmanager
async def parts(dsn: str) -> AsyncGenerator[list[Part]]:
    """Give all that is to be checked, longest first, out of one snapshot, which is held open."""
    async with connected(dsn) as connection, connection.transaction(isolation="repeatable_read"):
        snapshot = await connection.fetchval("SELECT pg_export_snapshot()")
        heads = await log.heads(connection)
        longest = sorted(range(PARTITIONS), key=heads.at, reverse=True)
        of_partitions = [Part(dsn, snapshot, p, heads.at(p)) for p in longest]
        total = sum(part.events for part in of_partitions)
        yield [Part(dsn, snapshot, None, total // PARTITIONS), *of_partitions]


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


async def check_part(part: Part) -> AsyncGenerator[tuple[int, Finding | int]]:
    """Yield (partition, finding or the position reached); the answers' findings as of -1."""
    async with (
        connected(part.dsn) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        await connection.execute(f"SET TRANSACTION SNAPSHOT '{part.snapshot}'")
        if part.partition is None:
            async for finding in answers(connection):
                yield -1, finding
            return
        wallets = audit.LedgerAudit(part.partition)
        async for found in audit_partition(connection, audit.SERVICE, part.partition, wallets.take):
            yield part.partition, found
        for findings in (wallets.entries(connection), wallets.views(connection)):
            async for finding in findings:
                yield part.partition, finding


async def check_directory(
    dsn: str, members: AsyncIterable[Received], stores: AsyncIterable[Received]
) -> AsyncGenerator[Finding]:
    """Yield where the views of cards and stores differ from a fold of their owners' events.

    `members` and `stores` are the logs of identity and catalog, in order, at least up to this
    service's places; what lies after a place is left out.
    """
    async with connected(dsn) as connection, connection.transaction(isolation="repeatable_read"):
        reached = {place.topic: place.position for place in await places.load(connection)}
        due: dict[str, dict[str, Due]] = {"member": {}, "store": {}}
        for events in (members, stores):
            async for event in events:
                if event.position <= reached.get(event.topic, 0):
                    _fold(due, event)
        for table, rows in due.items():
            found = [tuple(row.values()) for row in await connection.fetch(TABLES[table])]
            for finding in audit_rows(audit.SERVICE, table, rows, found):
                yield finding


def _fold(due: dict[str, dict[str, Due]], event: Received) -> None:
    at = (event.partition, event.position)
    match event.envelope.data:
        case identity.MemberRegistered() as new:
            row = (new.member_id, new.card_number, new.auto_save_consent)
            due["member"][new.member_id] = Due(*at, row)
        case identity.MemberConsentChanged() as changed if changed.member_id in due["member"]:
            kept = due["member"][changed.member_id].row[:2]
            due["member"][changed.member_id] = Due(*at, (*kept, changed.auto_save_consent))
        case catalog.StoreRegistered() as new:
            due["store"][new.store_id] = Due(*at, (new.store_id, new.state))
        case _:
            return
