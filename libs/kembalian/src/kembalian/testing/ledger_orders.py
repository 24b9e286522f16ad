"""What orders do with a wallet: rules of the state machine of ledger and reference."""

from functools import partial
from itertools import permutations

from hypothesis import strategies as st
from hypothesis.stateful import rule

from kembalian.testing.ledger_match import MOST, Expected, LedgerMatch
from kembalian.testing.reference_ledger import Key
from wallet_ledger import domain
from wallet_ledger.domain import Till

# One draw for all arguments of a rule: Hypothesis is asked seldom, and shrinks to the first.
WALLETS = ("w1", "w1", "w2")
ORDERS = st.sampled_from(
    [
        dict(list(parts)[:length])
        for parts in permutations([("a", 9), ("b", 21), ("c", 5), ("d", 14)], 3)
        for length in (1, 2, 3)
    ]
)
ANY = st.integers(0, 9_999)
"""A number from which a rule takes all its small choices."""


class OrderRules(LedgerMatch):
    """Holds, their end, and refunds."""

    @rule(parts=ORDERS, n=ANY)
    def hold(self, parts: dict[str, int], n: int) -> None:
        key = self.pick(n) if n % 9 == 8 else (WALLETS[n % 3], f"p{len(self.holds)}")
        self.place(key, parts, seconds=2 + n % 17, alone=n % 2 == 0)
        if n % 5 < 2:  # paid at once, in the same group or in the next
            self.confirm(parts, n // 5 * 8)

    def place(self, key: Key, parts: dict[str, int], seconds: int, alone: bool) -> None:
        self.holds.append(key)

        def expect(_: str) -> Expected:
            taken = self.reference.hold(key, parts)
            if taken:
                self.until[key] = self.seconds + seconds
            return taken

        command = domain.PlaceHold(key[1], "order", tuple(parts.items()), seconds)
        self.ask(key[0], command, expect, alone)

    @rule(parts=ORDERS, n=ANY)
    def confirm(self, parts: dict[str, int], n: int) -> None:
        """Confirm all, or a share of each part, or one part alone, or what nobody agreed on."""
        cut, alone = n // 8 % 4, n // 32 % 2 == 0
        key = self.pick(n)
        if n % 8 < 4 and key not in self.reference.held:
            self.place(("w1", f"p{len(self.holds)}"), parts, 5, alone)
        held = {store: len(coins) for store, coins in self.reference.held[key].items()}
        shares = {store: -(-coins * 2 // 3) for store, coins in held.items()}
        asked = [None, shares, dict(list(held.items())[-1:]), parts][cut]

        self.settle(key, asked, alone)

    def settle(self, key: Key, asked: dict[str, int] | None, alone: bool) -> None:
        def expect(_: str) -> Expected:
            if self.seconds >= self.until.get(key, 0):
                return None
            now_held = {store: len(coins) for store, coins in self.reference.held[key].items()}
            return self.reference.confirm(key, now_held if asked is None else asked)

        command = domain.ConfirmHold(key[1], None if asked is None else tuple(asked.items()))
        self.ask(key[0], command, expect, alone)

    @rule(n=ANY)
    def release(self, n: int) -> None:
        key, alone = self.pick(n), n // 8 % 2 == 0
        command = domain.ReleaseHold(key[1])
        self.ask(key[0], command, lambda _: bool(self.reference.release(key)), alone)

    @rule(n=ANY)
    def expire(self, n: int) -> None:
        """Expire a hold: too early, then on time and too late."""
        key = self.pick(n)
        self.end(key, alone=n // 8 % 2 == 0)
        if n // 16 % 2:
            self.commit()
            self.seconds = max(self.seconds, self.until.get(key, 0) - n // 32 % 2)
            if n // 64 % 2:
                self.settle(key, None, alone=False)
            self.end(key, alone=False)

    def end(self, key: Key, alone: bool) -> None:
        def expect(_: str) -> Expected:
            due = self.seconds >= self.until.get(key, 0)
            return bool(self.reference.release(key)) if due else None

        self.ask(key[0], domain.ExpireHold(key[1]), expect, alone)

    @rule(n=ANY)
    def refund(self, n: int) -> None:
        """Refund mostly what was paid: a store's part, in steps, beyond its end too."""
        if n % 4 and not any(map(any, (p.values() for p in self.reference.paid.values()))):
            self.confirm({"a": 9, "d": 14}, 0)
            self.commit()
        if n % 8 == 5:
            self.fill("w1")
        paid = [(key, s) for key, parts in self.reference.paid.items() for s in parts if parts[s]]
        key, store = paid[n // 4 % len(paid)] if paid and n % 4 else (self.pick(n), "a")
        for amount in (1 + n // 4 % 8, 1 + n // 32 % 4)[: 1 + n % 2]:
            command = domain.RefundPayment(key[1], store, amount)
            expect = partial(self.reference.refund, key, store, amount)
            self.ask(key[0], command, lambda _, expect=expect: expect(), alone=False)

    def fill(self, wallet: str) -> None:
        """Save so much that the wallet can hold only a little more."""
        room = MOST - len(self.reference.coins(wallet)) - 2
        if room > 0:
            expect = partial(self.reference.give, wallet, ["a"] * room)
            command = domain.TopUpWithCash(Till("1000", "a", "kasir"), room)
            self.ask(wallet, command, lambda _: expect(), alone=True)

    def pick(self, n: int) -> Key:
        """Return one of the last holds, or one that nobody placed."""
        if n % 8 == 7 or not self.holds:
            return ("w1", "nobody's")
        return self.holds[-1 - n % min(len(self.holds), 4)]
