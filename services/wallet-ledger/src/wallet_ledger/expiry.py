"""Ending holds whose time is over: orders of our own, decided like those of any client."""

import hashlib

from events.envelope import Cause
from events.log import Connection
from wallet_ledger import store
from wallet_ledger.domain import ExpireHold
from wallet_ledger.group import Order

CALLER = "system:expiry"
SWEEP_MAX = 200


async def expiry_orders(connection: Connection, partition: int) -> list[Order]:
    """Return an order for each of at most SWEEP_MAX holds of a partition whose time is over."""
    expired = await store.expired_holds(connection, partition, SWEEP_MAX)
    return [order_of(wallet_id, payment_id) for wallet_id, payment_id in expired]


def order_of(wallet_id: str, payment_id: str) -> Order:
    """Return what ends one hold: under one key, so that it is kept once."""
    key = f"{wallet_id}/{payment_id}"
    mark = hashlib.sha256(key.encode()).digest()
    return Order(CALLER, key, mark, wallet_id, ExpireHold(payment_id), Cause(payment_id))
