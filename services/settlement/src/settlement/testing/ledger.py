"""For tests: a wallet ledger in memory, whose events come as the consumer hands them over."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from events.contracts import PublicEvent, name_of
from events.contracts.base import Allocation
from events.contracts.catalog import StoreChanged, StoreRegistered
from events.contracts.wallet import (
    CashedOut,
    ChangeRedeemed,
    ChangeSaved,
    EntryReversed,
    PaymentDebited,
    PaymentRefunded,
    SaleRecorded,
    TillEvent,
    TopUp,
    WalletEvent,
)
from events.envelope import Opened, timestamp
from events.log import partition_of
from events.place import Place
from events.received import Received
from events.topics import CATALOG, WALLET

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

    def pay(self, wallet: str, store: str, amount: int) -> Received:
        """A store's part of an online order."""
        spent = self._spend(wallet, store, amount)
        payment = self._payment(wallet, store)
        return self._wallet(PaymentDebited(**payment, amount=amount, allocations=spent))

    def refund(self, paid: Received, amount: int) -> Received:
        """`amount` of a payment goes back, from its last allocation to its first."""
        payment = paid.envelope.data
        assert isinstance(payment, PaymentDebited)
        back, left = list[Allocation](), amount
        for part in reversed(payment.allocations):
            take = min(part.amount, left)
            if take:
                left -= take
                back.append(Allocation(issuer=part.issuer, amount=take))
                self._credit(payment.wallet_id, part.issuer, take)
        refund = self._payment(payment.wallet_id, payment.store_id)
        return self._wallet(PaymentRefunded(**refund, amount=amount, allocations=tuple(back)))

    def reverse(self, entered: Received) -> Received:
        """An entry of a till is undone."""
        entry = entered.envelope.data
        assert isinstance(entry, TillEvent)
        match entry:
            case TopUp() | ChangeSaved():
                parts = (Allocation(issuer=entry.issuer, amount=entry.amount),)
                direction, sign = "credit", -1
            case ChangeRedeemed() | CashedOut():
                parts, direction, sign = entry.allocations, "debit", 1
            case _:
                raise ValueError(entry)
        for part in parts:
            self._credit(entry.wallet_id, part.issuer, sign * part.amount)
        undone: dict[str, Any] = {
            **self._till(entry.wallet_id, entry.store_id),
            "reversal_id": f"r{len(self.events)}",
            "event_id": entered.envelope.event_id,
            "direction": direction,
            "account": "redeemed" if isinstance(entry, ChangeRedeemed) else "cash",
            "requested_by": "admin-1",
            "approved_by": "admin-2",
            "reason": "typed twice",
        }
        del undone["cashier_id"]
        return self._wallet(EntryReversed(**undone, amount=entry.amount, allocations=parts))

    def tell(self, data: WalletEvent) -> Received:
        """Any other event of a wallet."""
        return self._wallet(data)

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

    def _payment(self, wallet: str, store: str) -> dict[str, Any]:
        return {
            "wallet_id": wallet,
            "payment_id": "p1",
            "order_id": "o1",
            "store_id": store,
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

    def _wallet(self, data: WalletEvent) -> Received:
        partition = partition_of(data.wallet_id, WALLET.partitions)
        return self._record(WALLET.name, partition, data.wallet_id, data)

    def _record(self, topic: str, partition: int, stream: str, data: PublicEvent) -> Received:
        position = self.heads[topic, partition] = self.heads.get((topic, partition), 0) + 1
        version = self.versions[stream] = self.versions.get(stream, 0) + 1
        event_id = str(UUID(int=(7 << 76) + (2 << 62) + len(self.events) + 1))
        envelope = Opened(event_id, name_of(data), stream, version, timestamp(self.now), data)
        received = Received(topic, partition, position, self.now, envelope)
        self.events.append(received)
        self.now += timedelta(seconds=1)
        return received
