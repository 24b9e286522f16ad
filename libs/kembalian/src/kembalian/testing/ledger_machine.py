"""The ledger against its reference: commands of tills, orders and finance, in any order."""

from dataclasses import replace
from itertools import product

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from kembalian.testing.ledger_match import MOST, Expected
from kembalian.testing.ledger_orders import ANY, WALLETS, OrderRules
from kembalian.testing.reference_ledger import Coins
from wallet_ledger import domain
from wallet_ledger.domain import Entry, Till

STORES, PEOPLE, ALONE = ("a", "b", "c"), ("ana", "budi"), (True, False)
AT_TILL = st.sampled_from(list(product(WALLETS, STORES, range(1, 16), ALONE)))
SALES = st.sampled_from(list(product(WALLETS, STORES, range(-2, 13), ALONE, ALONE)))

AtTill = tuple[str, str, int, bool]
"""Wallet, store, rupiah, and whether it is decided alone."""


def _till(store: str) -> Till:
    return Till("1000", store, "kasir")


class LedgerMachine(OrderRules):
    """Several commands may be decided as one group; time moves, also backwards."""

    @initialize(amounts=st.lists(st.integers(15, 35), min_size=3, max_size=3))
    def begin(self, amounts: list[int]) -> None:
        for store, amount in zip("abc", amounts, strict=True):
            self.top_up(("w1", store, amount, False))

    @rule(at=AT_TILL)
    def top_up(self, at: AtTill) -> None:
        wallet, store, amount, alone = at

        def expect(event_id: str) -> Expected:
            given = self.reference.give(wallet, [store] * amount)
            return self.entered(wallet, event_id, given)

        self.ask(wallet, domain.TopUpWithCash(_till(store), amount), expect, alone)

    @rule(at=SALES)
    def sale(self, at: tuple[str, str, int, bool, bool]) -> None:
        wallet, store, change, save, consented = at

        def expect(event_id: str) -> Expected:
            if change > 0 and (save or (consented and change < 5)):
                given = self.reference.give(wallet, [store] * change)
                return self.entered(wallet, event_id, given)
            return change >= 0 or None

        sale = domain.RecordSale(_till(store), 100, 100 + change, save, consented, 5)
        self.ask(wallet, sale, expect, alone=True)

    @rule(at=AT_TILL)
    def redeem(self, at: AtTill) -> None:
        wallet, store, amount, alone = at

        def expect(event_id: str) -> Expected:
            taken = self.reference.take(wallet, {store: amount})
            return self.entered(wallet, event_id, self.reference.spend(taken))

        self.ask(wallet, domain.Redeem(_till(store), amount), expect, alone)

    @rule(at=AT_TILL)
    def cash_out(self, at: AtTill) -> None:
        wallet, store, amount, alone = at

        def expect(event_id: str) -> Expected:
            taken = self.reference.take(wallet, {store: amount}, own=True)
            return self.entered(wallet, event_id, taken)

        self.ask(wallet, domain.CashOut(_till(store), amount), expect, alone)

    @rule(n=ANY)
    def ask_for_a_reversal(self, n: int) -> None:
        if not self.entries:
            return
        by, alone = PEOPLE[n % 2], n // 2 % 2 == 0
        wallet, entry = self.entries[n // 16 % len(self.entries)]
        reversal_id = f"r{len(self.reversals)}"
        self.reversals.append((wallet, entry, by))

        def expect(_: str) -> Expected:
            others = (r for r, (_, e, _) in self.named() if e.event_id == entry.event_id)
            if any(self.states.get(r, "rejected") != "rejected" for r in others):
                return None
            if not self.reversible(wallet, entry):
                return None
            self.states[reversal_id] = "requested"
            return True

        self.ask(wallet, domain.RequestReversal(reversal_id, entry, by, "why"), expect, alone)
        if n // 4 % 4:
            self.decide(len(self.reversals) - 1, n)

    @rule(n=ANY)
    def decide_a_reversal(self, n: int) -> None:
        if self.reversals:
            self.decide(n // 16 % len(self.reversals), n)

    def decide(self, which: int, n: int) -> None:
        by, approve, alone = PEOPLE[n // 4 % 2], n % 3 > 0, n // 8 % 2 == 0
        reversal_id, (wallet, entry, asked_by) = self.named()[which]

        def expect(_: str) -> Expected:
            if self.states.get(reversal_id) != "requested" or (approve and by == asked_by):
                return None
            if not approve:
                self.states[reversal_id] = "rejected"
                return True
            if not self.reversible(wallet, entry):
                return None
            self.states[reversal_id] = "approved"
            return self.undo(wallet, entry)

        if approve:
            self.ask(wallet, domain.ApproveReversal(reversal_id, entry, by), expect, alone)
        else:
            self.ask(wallet, domain.RejectReversal(reversal_id, by), expect, alone)

    def named(self) -> list[tuple[str, tuple[str, Entry, str]]]:
        return [(f"r{n}", reversal) for n, reversal in enumerate(self.reversals)]

    def reversible(self, wallet: str, entry: Entry) -> bool:
        if entry.direction == "credit":
            return self.reference.purse[wallet].count(entry.store_id) >= entry.amount
        return len(self.reference.coins(wallet)) + entry.amount <= MOST

    def undo(self, wallet: str, entry: Entry) -> Coins | None:
        coins = [a.issuer for a in entry.allocations for _ in range(a.amount)]
        if entry.direction == "debit":
            spent_at = entry.store_id if entry.account == "redeemed" else ""
            return self.reference.give(wallet, coins, spent_at)
        taken = self.reference.take(wallet, {entry.store_id: entry.amount}, own=True)
        return None if taken is None else taken[entry.store_id]

    @rule(n=ANY)
    def repeat(self, n: int) -> None:
        order, expect = self.asked[-1 - n // 8 % min(len(self.asked), 20)]
        if n % 4 == 0:
            order = replace(order, fingerprint=b"another body")
        self.put(order, expect, alone=n % 8 < 4)

    @rule(n=ANY)
    def let_time_pass(self, n: int) -> None:
        """Move the clock by little, or to the very end of a hold; sometimes backwards."""
        type(self).steps += 1
        self.commit()
        end = self.until.get(self.pick(n), self.seconds)
        self.seconds = max(self.seconds - 2, 0, end - n // 8 % 2 if n % 2 else n % 5)

    @rule()
    def change_the_owner(self) -> None:
        type(self).steps += 1
        self.commit()
        self.writer.forget()

    @rule()
    def sweep(self) -> None:
        """End what is over, as a lane does every second."""
        self.commit()
        rows = [row for rows in self.writer.payments.values() for row in rows.values()]
        held = [(r["wallet_id"], r["payment_id"]) for r in rows if r["state"] == "held"]
        for key in held:
            if self.seconds >= self.until[key]:
                self.end(key, alone=False)
        type(self).steps += 1
        self.commit()
