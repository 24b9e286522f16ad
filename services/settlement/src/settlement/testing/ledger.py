"""For tests: a wallet ledger in memory, whose events come as the consumer hands them over."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from random import Random
from typing import Any
from uuid import UUID

import asyncpg

from events import places
from events.contracts import PublicEvent, name_of
from events.contracts.base import Allocation
from events.contracts.catalog import StoreChanged, StoreRegistered
from events.contracts.wallet import (
    CashedOut,
    ChangeRedeemed,
    ChangeSaved,
    SaleRecorded,
    TopUp,
)
from events.envelope import Envelope, timestamp
from events.log import partition_of
from events.place import Place
from events.received import Received
from events.topics import CATALOG, WALLET
from settlement.consumer import TOPICS, project

START = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
CARDS = "6200"
SUSILA = "0197b0c0-0000-7000-8000-000000001000"
RANI = "0197b0c0-0000-7000-8000-000000001004"


@dataclass
class Ledger:
    """Wallets and stores; every call records one event, a second after the one before.

    Buckets are spent as rule B4 says: the store's own first, then the largest, ties by id.
    """

    now: datetime = START
    events: list[Received] = field(default_factory=list[Received])
    heads: dict[tuple[str, int], int] = field(default_factory=dict[tuple[str, int], int])
    versions: dict[str, int] = field(default_factory=dict[str, int])
    buckets: dict[str, dict[str, int]] = field(default_factory=dict[str, dict[str, int]])

    @property
    def place(self) -> Place:
        """Return where the wallets' log is."""
        topic, partitions = WALLET.name, range(WALLET.partitions)
        return Place.of((p, self.heads.get((topic, p), 0)) for p in partitions)

    def top_up(self, wallet: str, store: str, amount: int) -> Received:
        """Cash paid in at a till."""
        self._credit(wallet, store, amount)
        return self._wallet(TopUp(**self._till(wallet, store), issuer=store, amount=amount))

    def save(self, wallet: str, store: str, amount: int) -> Received:
        """Change kept on the card."""
        self._credit(wallet, store, amount)
        sale: dict[str, Any] = {
            "sale_total": 10_000,
            "tendered": 10_000 + amount,
            "cash_returned": 0,
        }
        saved = ChangeSaved(**self._till(wallet, store), issuer=store, amount=amount, **sale)
        return self._wallet(saved)

    def sell(self, wallet: str, store: str) -> Received:
        """A sale of which nothing was saved."""
        sale: dict[str, Any] = {"sale_total": 10_000, "tendered": 10_500, "cash_returned": 500}
        return self._wallet(SaleRecorded(**self._till(wallet, store), **sale))

    def redeem(self, wallet: str, store: str, amount: int) -> Received:
        """A purchase paid from the card."""
        spent = self._spend(wallet, store, amount)
        till = self._till(wallet, store)
        return self._wallet(ChangeRedeemed(**till, amount=amount, allocations=spent))

    def cash_out(self, wallet: str, store: str, amount: int) -> Received:
        """Cash handed out by the store that holds it."""
        spent = self._spend(wallet, store, amount)
        return self._wallet(
            CashedOut(**self._till(wallet, store), amount=amount, allocations=spent)
        )

    def open_store(self, store: str) -> Received:
        """A store of the catalog, from now on."""
        opened = StoreRegistered(
            store_id=store, name=store.title(), address="Kampus", kind="store", state="active"
        )
        return self._record(CATALOG.name, 0, store, opened)

    def rename_store(self, store: str) -> Received:
        """Another name for a store."""
        changed = StoreChanged(store_id=store, name="Baru", address="Kampus")
        return self._record(CATALOG.name, 0, store, changed)

    def _till(self, wallet: str, store: str) -> dict[str, Any]:
        return {
            "wallet_id": wallet,
            "card_number": CARDS + wallet[-4:],
            "store_id": store,
            "cashier_id": f"{store}-1",
            "balance": sum(self.buckets.get(wallet, {}).values()),
            "postings": (),
        }

    def _credit(self, wallet: str, issuer: str, amount: int) -> None:
        held = self.buckets.setdefault(wallet, {})
        held[issuer] = held.get(issuer, 0) + amount

    def _spend(self, wallet: str, store: str, amount: int) -> tuple[Allocation, ...]:
        held, spent = self.buckets[wallet], list[Allocation]()
        for issuer in sorted(held, key=lambda i: (i != store, -held[i], i)):
            take = min(held[issuer], amount)
            if take:
                held[issuer] -= take
                amount -= take
                spent.append(Allocation(issuer=issuer, amount=take))
        return tuple(spent)

    def _wallet(
        self, data: TopUp | ChangeSaved | SaleRecorded | ChangeRedeemed | CashedOut
    ) -> Received:
        partition = partition_of(data.wallet_id, WALLET.partitions)
        return self._record(WALLET.name, partition, data.wallet_id, data)

    def _record(self, topic: str, partition: int, stream: str, data: PublicEvent) -> Received:
        position = self.heads[topic, partition] = self.heads.get((topic, partition), 0) + 1
        version = self.versions[stream] = self.versions.get(stream, 0) + 1
        event_id = str(UUID(int=(7 << 76) + (2 << 62) + len(self.events) + 1))
        envelope = Envelope(event_id, name_of(data), stream, version, timestamp(self.now), data)
        received = Received(topic, partition, position, self.now, envelope)
        self.events.append(received)
        self.now += timedelta(seconds=1)
        return received


def busy(ledger: Ledger, entries: int = 150, seed: int = 7) -> Ledger:
    """Return the ledger after so many events of 12 wallets, most of them balance events."""
    random, stores = Random(seed), ["fotokopi", "kantin", "koperasi"]  # noqa: S311 - a test
    wallets = [f"0197b0c0-0000-7000-8000-{n:012d}" for n in range(12)]
    for _ in range(entries):
        wallet, store = random.choice(wallets), random.choice(stores)
        balance = sum(ledger.buckets.get(wallet, {}).values())
        own = ledger.buckets.get(wallet, {}).get(store, 0)
        kind = random.choice(["save", "sell", "top_up", "redeem", "redeem", "cash_out"])
        if kind == "sell":
            ledger.sell(wallet, store)
        elif kind == "redeem" and balance:
            ledger.redeem(wallet, store, random.randint(1, balance))
        elif kind == "cash_out" and own:
            ledger.cash_out(wallet, store, random.randint(1, own))
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
