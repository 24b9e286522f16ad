"""History under another order of spending: the same purchases, other buckets, other debts: pure.

What is assumed: every purchase, payment, refund and reversal happens as it did, for the same sum.
A wallet's total is therefore the same at every moment; only whose money it is differs. A cash-out
or the reversal of a credit can meet a bucket that the other order has emptied: the store then pays
as it did, the rest comes out of other buckets, and the case is counted as not covered.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from wallet_ledger import domain
from wallet_ledger.debts import Tally
from wallet_ledger.domain import Allocation
from wallet_ledger.domain.parts import first
from wallet_ledger.orders_of_spending import Purse, Rule


@dataclass(slots=True)
class OtherWallet:
    """A wallet as the other order would have left it."""

    buckets: dict[str, int] = field(default_factory=dict[str, int])
    since: dict[str, int] = field(default_factory=dict[str, int])
    held: dict[str, dict[str, tuple[Allocation, ...]]] = field(
        default_factory=dict[str, dict[str, tuple[Allocation, ...]]]
    )
    paid: dict[tuple[str, str], tuple[Allocation, ...]] = field(
        default_factory=dict[tuple[str, str], tuple[Allocation, ...]]
    )
    spent: dict[str, tuple[Allocation, ...]] = field(
        default_factory=dict[str, tuple[Allocation, ...]]
    )
    """Entry -> whose money it took; only of entries that are undone later."""
    events: int = 0

    def credit(self, allocations: Iterable[Allocation]) -> None:
        """Put money into its buckets."""
        for allocation in allocations:
            held = self.buckets.get(allocation.issuer, 0)
            if held == 0:
                self.since[allocation.issuer] = self.events
            self.buckets[allocation.issuer] = held + allocation.amount

    def debit(self, allocations: Iterable[Allocation]) -> None:
        """Take money out of its buckets."""
        for allocation in allocations:
            self.buckets[allocation.issuer] -= allocation.amount

    def purse(self) -> Purse:
        """Return what is not set aside."""
        free = dict(self.buckets)
        for parts in self.held.values():
            for allocations in parts.values():
                for allocation in allocations:
                    free[allocation.issuer] -= allocation.amount
        return Purse(free, self.since)


class WhatIf:
    """Decides the spendings of one partition's wallets anew while its events stream by."""

    def __init__(self, rule: Rule, undone: Iterable[str]) -> None:
        """Take the other rule, and the ids of the entries that are undone later."""
        self._rule = rule
        self._undone = frozenset(undone)
        self._wallets: dict[str, OtherWallet] = {}
        self.tally = Tally()

    def wallet(self, wallet_id: str) -> OtherWallet:
        """Return a wallet as it would be now."""
        return self._wallets.setdefault(wallet_id, OtherWallet())

    def take(self, wallet_id: str, event_id: str, fact: domain.Event) -> None:
        """Apply one event, in order. Raises InsufficientFunds if the log itself overdraws."""
        wallet = self.wallet(wallet_id)
        wallet.events += 1
        match fact:
            case domain.TopUp(_, issuer, amount) | domain.ChangeSaved(_, issuer, amount):
                wallet.credit([Allocation(issuer, amount)])
            case domain.ChangeRedeemed(till, amount, today):
                (then,) = self._rule(wallet.purse(), [(till.store_id, amount)])
                self._spend(wallet, till.store_id, today, then)
                self._note(wallet, event_id, then)
            case domain.CashedOut(till, amount, today):
                then = self._from_bucket(wallet, till.store_id, till.store_id, amount)
                self._spend(wallet, till.store_id, today, then)
                self._note(wallet, event_id, then)
            case domain.EntryReversed(_, entry):
                self._reverse(wallet, entry)
            case domain.SaleRecorded() | domain.ReversalRequested() | domain.ReversalRejected():
                return
            case _:
                self._payment(wallet, fact)

    def _payment(self, wallet: OtherWallet, fact: domain.PaymentEvent) -> None:
        match fact:
            case domain.PaymentHeld(payment_id, _, parts):
                asked = [(part.store_id, part.amount) for part in parts]
                taken = self._rule(wallet.purse(), asked)
                stores = [store_id for store_id, _ in asked]
                wallet.held[payment_id] = dict(zip(stores, taken, strict=True))
            case domain.PaymentDebited(payment_id, _, store_id, amount, today):
                then = first(wallet.held.get(payment_id, {}).pop(store_id, ()), amount)
                self._spend(wallet, store_id, today, then)
                wallet.paid[payment_id, store_id] = then
                if not wallet.held.get(payment_id):
                    wallet.held.pop(payment_id, None)
            case domain.PaymentHoldReleased(payment_id):
                wallet.held.pop(payment_id, None)
            case domain.PaymentRefunded(payment_id, _, store_id, amount, today):
                paid = wallet.paid.get((payment_id, store_id), ())
                then = first(reversed(paid), amount)
                kept = sum(a.amount for a in paid) - amount
                wallet.paid[payment_id, store_id] = first(paid, kept)
                self._give_back(wallet, store_id, today, then)

    def _reverse(self, wallet: OtherWallet, entry: domain.Entry) -> None:
        if entry.direction == "debit":
            then = wallet.spent.pop(entry.event_id, entry.allocations)
            self._give_back(wallet, entry.store_id, entry.allocations, then)
            return
        for allocation in entry.allocations:
            issuer, amount = allocation.issuer, allocation.amount
            then = self._from_bucket(wallet, entry.store_id, issuer, amount)
            wallet.debit(then)
            self.tally.then.add(issuer, then)  # who had the cash back owes what was not its own

    def _from_bucket(
        self, wallet: OtherWallet, store_id: str, issuer: str, amount: int
    ) -> tuple[Allocation, ...]:
        """Take `amount` of one issuer's money, and what it lacks of others'."""
        purse = wallet.purse()
        own = min(amount, max(0, purse.free.get(issuer, 0)))
        taken = (Allocation(issuer, own),) if own else ()
        if own == amount:
            return taken
        self.tally.uncovered += 1
        self.tally.uncovered_amount += amount - own
        rest = Purse({**purse.free, issuer: 0}, purse.since)
        (others,) = self._rule(rest, [(store_id, amount - own)])
        return (*taken, *others)

    def _spend(
        self,
        wallet: OtherWallet,
        store_id: str,
        today: Sequence[Allocation],
        then: Sequence[Allocation],
    ) -> None:
        self.tally.spendings += 1
        self.tally.otherwise += sorted(_pairs(today)) != sorted(_pairs(then))
        wallet.debit(then)
        self.tally.today.add(store_id, today)
        self.tally.then.add(store_id, then)

    def _give_back(
        self,
        wallet: OtherWallet,
        store_id: str,
        today: Sequence[Allocation],
        then: Sequence[Allocation],
    ) -> None:
        wallet.credit(then)
        self.tally.today.add(store_id, today, -1)
        self.tally.then.add(store_id, then, -1)

    def _note(self, wallet: OtherWallet, event_id: str, then: tuple[Allocation, ...]) -> None:
        if event_id in self._undone:
            wallet.spent[event_id] = then


def _pairs(allocations: Iterable[Allocation]) -> list[tuple[str, int]]:
    return [(a.issuer, a.amount) for a in allocations]
