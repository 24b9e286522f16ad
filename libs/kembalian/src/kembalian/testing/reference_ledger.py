"""A ledger so naive that one screen shows it right: all money is coins, lists of issuers' names.

Written from requirements B3 to B5 and design, "Order and payment". None = refused.
"""

from collections import Counter, defaultdict

Coins = list[str]
Key = tuple[str, str]  # (wallet, payment)
Spent = dict[str, Coins] | None  # at each store


class ReferenceLedger:
    """Wallets, holds and debts; what each method returns is whose coins moved, in their order."""

    def __init__(self, most: int) -> None:
        self.most = most  # coins that one wallet may have
        self.purse: defaultdict[str, Coins] = defaultdict(list)  # wallet -> free to spend
        self.held: defaultdict[Key, dict[str, Coins]] = defaultdict(dict)  # store -> set aside
        self.paid: defaultdict[Key, dict[str, Coins]] = defaultdict(dict)
        self.known: set[Key] = set()  # every hold there ever was
        self.owed: Counter[tuple[str, str]] = Counter()  # (issuer, store) -> coins spent there

    def coins(self, wallet: str) -> Coins:
        aside = [parts for (owner, _), parts in self.held.items() if owner == wallet]
        return self.purse[wallet] + [
            c for parts in aside for coins in parts.values() for c in coins
        ]

    def give(self, wallet: str, coins: Coins, spent_at: str = "") -> Coins | None:
        if len(self.coins(wallet)) + len(coins) > self.most:
            return None
        self.owed -= Counter((issuer, spent_at) for issuer in coins if spent_at not in ("", issuer))
        self.purse[wallet] += coins
        return coins

    def take(self, wallet: str, parts: dict[str, int], own: bool = False) -> Spent:
        purse, taken = self.purse[wallet], {store: Coins() for store in sorted(parts)}
        if sum(parts.values()) > (sum(map(purse.count, parts)) if own else len(purse)):
            return None
        for own_first in (True, False):
            for store, coins in taken.items():
                largest = sorted(set(purse), key=lambda issuer: (-purse.count(issuer), issuer))
                for issuer in [store] if own_first else largest:
                    while issuer in purse and len(coins) < parts[store]:
                        purse.remove(issuer)
                        coins.append(issuer)
        return taken

    def spend(self, parts: Spent) -> Spent:
        self.owed += Counter((i, s) for s, coins in (parts or {}).items() for i in coins if i != s)
        return parts

    def hold(self, key: Key, parts: dict[str, int]) -> Spent:
        taken = None if key in self.known else self.take(key[0], parts)
        if taken:
            self.held[key] = taken
            self.known.add(key)
        return taken

    def release(self, key: Key) -> Spent:
        held = self.held.pop(key, None)
        self.purse[key[0]] += [coin for coins in (held or {}).values() for coin in coins]
        return held

    def confirm(self, key: Key, asked: dict[str, int]) -> Spent:
        held = self.held[key]
        if not asked or any(n > len(held.get(store, "")) for store, n in asked.items()):
            return None
        self.paid[key] = {store: held[store][:n] for store, n in asked.items()}
        self.held[key] = {store: coins[asked.get(store, 0) :] for store, coins in held.items()}
        self.release(key)
        return self.spend(self.paid[key])

    def refund(self, key: Key, store: str, n: int) -> Coins | None:
        coins = self.paid[key].get(store, [])
        back = self.give(key[0], coins[::-1][:n], store) if n <= len(coins) else None
        del coins[len(coins) - len(back or []) :]
        return back
