"""For tests: a busy day of a ledger in memory, and its events handled as the consumer does."""

from collections.abc import Iterable, Sequence
from itertools import groupby
from random import Random

import asyncpg

from events import places
from events.contracts.wallet import PaymentDebited
from events.received import Received
from settlement.consumer import TOPICS, project
from settlement.testing.ledger import Ledger


def busy(ledger: Ledger, entries: int = 150, seed: int = 7) -> Ledger:
    """Return the ledger after so many events of 12 wallets, most of them balance events."""
    random, stores = Random(seed), ["fotokopi", "kantin", "koperasi"]  # noqa: S311 - a test
    wallets = [f"0197b0c0-0000-7000-8000-{n:012d}" for n in range(12)]
    paid = list[Received]()
    for _ in range(entries):
        wallet, store = random.choice(wallets), random.choice(stores)
        balance = sum(ledger.buckets.get(wallet, {}).values())
        own = ledger.buckets.get(wallet, {}).get(store, 0)
        kind = random.choice(
            ["save", "sell", "top_up", "redeem", "redeem", "cash_out", "pay", "refund", "undo"]
        )
        if kind == "sell":
            ledger.sell(wallet, store)
        elif kind == "redeem" and balance:
            ledger.redeem(wallet, store, random.randint(1, balance))
        elif kind == "cash_out" and own:
            ledger.cash_out(wallet, store, random.randint(1, own))
        elif kind == "pay" and balance:
            paid.append(ledger.pay(wallet, store, random.randint(1, balance)))
        elif kind == "refund" and paid:
            payment = paid.pop(random.randrange(len(paid)))
            debited = payment.envelope.data
            assert isinstance(debited, PaymentDebited)
            ledger.refund(payment, random.randint(1, debited.amount))
        elif kind == "undo":
            ledger.reverse(ledger.top_up(wallet, store, 20_000))
        elif kind == "top_up":
            ledger.top_up(wallet, store, random.randint(1, 50_000))
        else:
            ledger.save(wallet, store, random.randint(1, 900))
    return ledger


async def feed(connection: asyncpg.Connection, events: Iterable[Received]) -> None:
    """Handle `events` as the consumer does: runs of a partition, each in one transaction."""
    await connection.execute("SET synchronous_commit = off")  # a test need not wait for the disk
    await places.make(connection, TOPICS)
    for (topic, partition), run in groupby(events, lambda e: (e.topic, e.partition)):
        await _handle(connection, topic, partition, list(run))


async def _handle(
    connection: asyncpg.Connection, topic: str, partition: int, run: Sequence[Received]
) -> None:
    async with connection.transaction():
        before = await places.lock(connection, topic, partition)
        await project(connection, run)
        after = run[-1].position
        await places.move(connection, topic, partition, before=before, after=after, offset=after)
