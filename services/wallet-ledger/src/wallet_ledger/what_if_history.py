"""The whole log decided anew under another order of spending, partition by partition."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import asyncpg

from events import log, parallel
from events.envelope import open_envelope
from events.source import LogSource
from wallet_ledger.debts import Tally
from wallet_ledger.domain import EntryReversed
from wallet_ledger.orders_of_spending import ORDERS
from wallet_ledger.publish import NAMES, from_contract
from wallet_ledger.what_if import WhatIf

Progress = Callable[[int, int], None]
"""Called with (done, total) in events."""

REVERSALS = """
SELECT body FROM log.event WHERE partition = $1 AND position <= $2 AND type = $3
"""


@dataclass(frozen=True, slots=True)
class Part:
    """One partition's history up to a position: an item of work for another process."""

    dsn: str
    partition: int
    until: int
    order: str


async def what_if(
    dsn: str, order: str, progress: Progress, processes: int | None = None
) -> tuple[Tally, str]:
    """Return the debts under both orders, and the place up to which history was read.

    `order` is a name of ORDERS. Raises SourceEnded, MalformedEvent, asyncpg.PostgresError.
    """
    connection = await asyncpg.connect(dsn, timeout=10)
    try:
        heads = await log.heads(connection)
    finally:
        await connection.close()
    total = sum(position for _, position in heads.positions)
    longest = sorted(heads.positions, key=lambda at: -at[1])
    parts = [Part(dsn, partition, until, order) for partition, until in longest]
    many = parallel.processes_for(total) if processes is None else processes
    tally, done = Tally(), dict[int, int]()
    async for partition, told in parallel.spread(what_if_part, parts, many):
        if isinstance(told, Tally):
            tally.merge(told)
        else:
            done[partition] = told
            progress(sum(done.values()), total)
    return tally, str(heads)


async def what_if_part(part: Part) -> AsyncIterator[tuple[int, int | Tally]]:
    """Decide one partition anew. Yields (partition, position reached), at the end its tally."""
    deciding = WhatIf(ORDERS[part.order], await _undone(part))
    async for reads in LogSource(part.dsn).batches(part.partition, 0, part.until):
        for read in reads:
            envelope = open_envelope(read.body)
            deciding.take(read.stream, envelope.event_id, from_contract(envelope.data))
        yield part.partition, reads[-1].position
    yield part.partition, deciding.tally


async def _undone(part: Part) -> list[str]:
    """Return the entries that are undone later: what they took must be remembered."""
    connection = await asyncpg.connect(part.dsn, timeout=10)
    try:
        rows = await connection.fetch(REVERSALS, part.partition, part.until, NAMES[EntryReversed])
    finally:
        await connection.close()
    facts = (from_contract(open_envelope(row["body"]).data) for row in rows)
    return [fact.entry.event_id for fact in facts if isinstance(fact, EntryReversed)]
