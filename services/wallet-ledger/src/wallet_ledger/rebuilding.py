"""The ledger's own views filled anew from its log, partition by partition, in several processes."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg

from events import log
from events.quickly import open_quickly
from events.source import LogSource
from wallet_ledger import store
from wallet_ledger.folding import COLUMNS, Fold
from wallet_ledger.publish import from_contract

# Writers lock these rows before the counter: who takes the tables first cannot meet them halfway.
LOCK = """
LOCK TABLE view.wallet, view.payment, view.reversal IN SHARE ROW EXCLUSIVE MODE
"""

WHOLE = "INSERT INTO view.whole (partition) VALUES ($1) ON CONFLICT DO NOTHING"

EMPTY = "DELETE FROM view.{view} WHERE partition = $1"


@dataclass(frozen=True, slots=True)
class Part:
    """One partition: an item of work for another process."""

    dsn: str
    partition: int


async def refill(part: Part) -> AsyncIterator[tuple[int, int]]:
    """Fill the views of one partition anew. Yields (partition, position reached).

    The log is folded while writers write. They are locked out only for what came meanwhile and for
    the writing of the rows, and then find another epoch: they reload.
    """
    fold, source = Fold(part.partition), LogSource(part.dsn)
    connection = await asyncpg.connect(part.dsn, timeout=10)
    try:
        place, head = 0, (await log.heads(connection)).at(part.partition)
        async for place in _folded(source, fold, 0, head):
            yield part.partition, place
        async with connection.transaction():
            await connection.execute(LOCK)
            _, head = await store.raise_epoch(connection, part.partition)
            async for last in _folded(source, fold, place, head):
                place = last
            for view, rows in fold.rows().items():
                await connection.execute(EMPTY.format(view=view), part.partition)
                await connection.copy_records_to_table(
                    view, schema_name="view", columns=COLUMNS[view], records=rows
                )
            await connection.execute(WHOLE, part.partition)
    finally:
        await connection.close()
    yield part.partition, place


async def _folded(source: LogSource, fold: Fold, after: int, until: int) -> AsyncIterator[int]:
    async for reads in source.batches(fold.partition, after, until):
        for read in reads:
            fold.take(read.stream, from_contract(open_quickly(read.body).data))
        yield reads[-1].position
