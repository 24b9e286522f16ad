"""Given top-ups in bulk, decided and written as the lanes do it: what a measurement begins with.

(`testing.history` draws a history of all kinds of commands instead, by a seed, for tests.)
"""

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import islice

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
    one when this is done. `key` and a number make the idempotency keys.
    """
    done, remaining = 0, iter(entries)
    async with connected(dsn) as connection:
        turn = Turn(partition, connection, *await store.raise_epoch(connection, partition))
        while group := list(islice(remaining, GROUP)):
            orders = [
                _order(f"{key}-{partition}-{done + n}", *entry) for n, entry in enumerate(group)
            ]
            await write_group(turn, orders, datetime.now(UTC), new_id, append)
            done += len(orders)
            progress(done)
    return done


def _order(key: str, wallet_id: str, till: Till, amount: int) -> Order:
    return Order(
        caller=f"cashier:{till.cashier_id}",
        key=key,
        fingerprint=bytes(32),
        wallet_id=wallet_id,
        asked=TopUpWithCash(till, amount),
        cause=Cause("bulk"),
    )
