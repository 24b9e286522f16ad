"""Given top-ups in bulk, decided and written as the lanes do it: what a measurement begins with.

(`testing.history` draws a history of all kinds of commands instead, by a seed, for tests.)
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice

import asyncpg

from events import log
from events.connecting import connected
from events.envelope import Cause
from wallet_ledger import store
from wallet_ledger.domain import Till, TopUpWithCash
from wallet_ledger.group import Order
from wallet_ledger.ids import new_id
from wallet_ledger.turn import Turn
from wallet_ledger.writing import append, write_group

GROUP = 1_000


async def top_up_all(
    dsn: str,
    partition: int,
    entries: Iterable[tuple[str, Till, int]],
    *,
    key: str,
    progress: Callable[[int], None],
) -> int:
    """Append a top-up per (wallet id, till, rupiah), all of `partition`; return how many.

    Takes the partition's epoch: a service that runs beside it is fenced, and goes on under a new
    one when this is done. If it takes it back before (its lease had run out), it is taken again.
    `key` and a number make the idempotency keys.
    """
    done, remaining = 0, iter(entries)
    async with connected(dsn) as connection:
        turn = await _begun(connection, partition)
        while group := list(islice(remaining, GROUP)):
            orders = [
                _order(f"{key}-{partition}-{done + n}", *entry) for n, entry in enumerate(group)
            ]
            turn = await _written(turn, orders)
            done += len(orders)
            progress(done)
    return done


async def _begun(connection: asyncpg.Connection, partition: int) -> Turn:
    return Turn(partition, connection, *await store.raise_epoch(connection, partition))


async def _written(turn: Turn, orders: Sequence[Order]) -> Turn:
    """Write a group, under another epoch if need be; return the turn that goes on."""
    while True:
        try:
            await write_group(turn, orders, datetime.now(UTC), new_id, append)
        except asyncpg.PostgresError as error:
            if getattr(error, "sqlstate", None) not in (log.FENCED, log.OTHER_POSITION):
                raise
            turn = await _begun(turn.connection, turn.partition)
        else:
            return turn


def _order(key: str, wallet_id: str, till: Till, amount: int) -> Order:
    return Order(
        caller=f"cashier:{till.cashier_id}",
        key=key,
        fingerprint=bytes(32),
        wallet_id=wallet_id,
        asked=TopUpWithCash(till, amount),
        cause=Cause("bulk"),
    )
