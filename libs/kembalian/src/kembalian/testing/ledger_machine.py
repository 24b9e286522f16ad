"""The ledger against its reference: commands of tills, orders and finance, in any order."""

from dataclasses import replace
from functools import partial

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from kembalian.testing.ledger_match import MOST, Expected, LedgerMatch
from kembalian.testing.reference_ledger import Coins, Key
from wallet_ledger import domain
from wallet_ledger.domain import Entry, Till

WALLETS = st.sampled_from(["w1", "w1", "w2"])
STORES = st.sampled_from(["a", "b", "c"])
RUPIAH = st.integers(1, 15)
PARTS = st.dictionaries(STORES, st.integers(1, 12), min_size=1, max_size=3)
PEOPLE = st.sampled_from(["ana", "budi"])
ALONE = st.booleans()
ANY = st.integers(0, 999)


def _till(store: str) -> Till:
    return Till("1000", store, "kasir")


class LedgerMachine(LedgerMatch):
    """Several commands may be decided as one group; time moves, also backwards."""

    @initialize(amounts=st.lists(st.integers(10, 35), min_size=3, max_size=3))
    def begin(self, amounts: list[int]) -> None:
        for store, amount in zip("abc", amounts, strict=True):
            self.top_up("w1", store, amount, alone=False)

    @rule(wallet=WALLETS, store=STORES, amount=RUPIAH, alone=ALONE)
    def top_up(self, wallet: str, store: str, amount: int, alone: bool) -> None:
        def expect(event_id: str) -> Expected:
            given = self.reference.give(wallet, [store] * amount)
            return self.entered(wallet, event_id, given)

        self.ask(wallet, domain.TopUpWithCash(_till(store), amount), expect, alone)

    @rule(wallet=WALLETS, store=STORES, change=st.integers(-2, 12), asked=st.integers(0, 3))
    def sale(self, wallet: str, store: str, change: int, asked: int) -> None:
        save, consented = bool(asked & 1), bool(asked & 2)

        def expect(event_id: str) -> Expected:
            if change > 0 and (save or (consented and change < 5)):
                given = self.reference.give(wallet, [store] * change)
                return self.entered(wallet, event_id, given)
            return change >= 0 or None

        sale = domain.RecordSale(_till(store), 100, 100 + change, save, consented, 5)
        self.ask(wallet, sale, expect, alone=True)

    @rule(wallet=WALLETS, store=STORES, amount=RUPIAH, alone=ALONE)
    def redeem(self, wallet: str, store: str, amount: int, alone: bool) -> None:
        def expect(event_id: str) -> Expected:
            taken = self.reference.take(wallet, {store: amount})
            return self.entered(wallet, event_id, self.reference.spend(taken))

        self.ask(wallet, domain.Redeem(_till(store), amount), expect, alone)

    @rule(wallet=WALLETS, store=STORES, amount=RUPIAH, alone=ALONE)
    def cash_out(self, wallet: str, store: str, amount: int, alone: bool) -> None:
        def expect(event_id: str) -> Expected:
            taken = self.reference.take(wallet, {store: amount}, own=True)
            return self.entered(wallet, event_id, taken)

        self.ask(wallet, domain.CashOut(_till(store), amount), expect, alone)

    @rule(wallet=WALLETS, n=ANY, parts=PARTS, seconds=st.integers(2, 20), alone=ALONE)
    def hold(self, wallet: str, n: int, parts: dict[str, int], seconds: int, alone: bool) -> None:
        known = n % 9 == 0
        key = self.pick(n) if known else (wallet, f"p{len(self.holds)}")
        self.place(key, parts, seconds, alone)
        if n % 3 == 1:  # pay at once, in the same group or in the next
            self.confirm(0, n % 4, parts, alone)

    def place(self, key: Key, parts: dict[str, int], seconds: int, alone: bool) -> None:
        self.holds.append(key)

        def expect(_: str) -> Expected:
            taken = self.reference.hold(key, parts)
            if taken:
                self.until[key] = self.seconds + seconds
            return taken

        command = domain.PlaceHold(key[1], "order", tuple(parts.items()), seconds)
        self.ask(key[0], command, expect, alone)

    @rule(n=ANY, cut=st.integers(0, 3), parts=PARTS, alone=ALONE)
    def confirm(self, n: int, cut: int, parts: dict[str, int], alone: bool) -> None:
        """Confirm all, or a share of each part, or one part alone, or what nobody agreed on."""
        key = self.pick(n)
        if n % 8 < 4 and key not in self.reference.held:
            self.place(key := ("w1", f"p{len(self.holds)}"), parts, 5, alone)
        held = {store: len(coins) for store, coins in self.reference.held[key].items()}
        shares = {store: -(-coins * 2 // 3) for store, coins in held.items()}
        asked = [None, shares, dict(list(held.items())[-1:]), parts][cut]

        def expect(_: str) -> Expected:
            if self.seconds >= self.until.get(key, 0):
                return None
            now_held = {store: len(coins) for store, coins in self.reference.held[key].items()}
            return self.reference.confirm(key, now_held if asked is None else asked)

        command = domain.ConfirmHold(key[1], None if asked is None else tuple(asked.items()))
        self.ask(key[0], command, expect, alone)

    @rule(n=ANY, alone=ALONE)
    def release(self, n: int, alone: bool) -> None:
        key = self.pick(n)
        command = domain.ReleaseHold(key[1])
        self.ask(key[0], command, lambda _: bool(self.reference.release(key)), alone)

    @rule(n=ANY, alone=ALONE)
    def expire(self, n: int, alone: bool) -> None:
        self.end(self.pick(n), alone)

    def end(self, key: Key, alone: bool) -> None:
        def expect(_: str) -> Expected:
            due = self.seconds >= self.until.get(key, 0)
            return bool(self.reference.release(key)) if due else None

        self.ask(key[0], domain.ExpireHold(key[1]), expect, alone)

    @rule(n=ANY, store=STORES, amounts=st.lists(st.integers(1, 8), min_size=1, max_size=3))
    def refund(self, n: int, store: str, amounts: list[int]) -> None:
        """Refund mostly what was paid: a store's part, in steps, beyond its end too."""
        paid = [(key, s) for key, parts in self.reference.paid.items() for s in parts if parts[s]]
        key, store = paid[n % len(paid)] if paid and n % 4 else (self.pick(n), store)
        for amount in amounts:
            command = domain.RefundPayment(key[1], store, amount)
            expect = partial(self.reference.refund, key, store, amount)
            self.ask(key[0], command, lambda _, expect=expect: expect(), alone=False)

    def pick(self, n: int) -> Key:
        """Return one of the last holds, or one that nobody placed."""
        if n % 8 == 7 or not self.holds:
            return ("w1", "nobody's")
        return self.holds[-1 - n % min(len(self.holds), 4)]

    @rule(n=ANY, by=PEOPLE, alone=ALONE)
    def ask_for_a_reversal(self, n: int, by: str, alone: bool) -> None:
        if not self.entries:
            return
        wallet, entry = self.entries[n % len(self.entries)]
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
        if n % 2:
            self.decide(len(self.reversals) - 1, "carla", n % 8 > 1, alone)

    @rule(n=ANY, by=PEOPLE, approve=st.booleans(), alone=ALONE)
    def decide_a_reversal(self, n: int, by: str, approve: bool, alone: bool) -> None:
        if self.reversals:
            self.decide(n % len(self.reversals), by, approve, alone)

    def decide(self, n: int, by: str, approve: bool, alone: bool) -> None:
        reversal_id, (wallet, entry, asked_by) = self.named()[n]

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
        return taken and taken[entry.store_id]

    @rule(n=ANY, other_body=st.booleans(), alone=ALONE)
    def repeat(self, n: int, other_body: bool, alone: bool) -> None:
        if not self.asked:
            return
        order, expect = self.asked[-1 - n % min(len(self.asked), 20)]
        if other_body:
            order = replace(order, fingerprint=b"another body")
        self.put(order, expect, alone)

    @rule(seconds=st.integers(-2, 6))
    def let_time_pass(self, seconds: int) -> None:
        type(self).steps += 1
        self.commit()
        self.seconds = max(0, self.seconds + seconds)

    @rule()
    def change_the_owner(self) -> None:
        type(self).steps += 1
        self.commit()
        self.writer.forget()

    @rule()
    def sweep(self) -> None:
        """End what is over, as a lane does every second."""
        self.commit()
        held = (k for k, row in self.writer.payments.items() if row["state"] == "held")
        for wallet, payment in [k for k in held if self.seconds >= self.until[k]]:
            self.end((wallet, payment), alone=False)
        type(self).steps += 1
        self.commit()
