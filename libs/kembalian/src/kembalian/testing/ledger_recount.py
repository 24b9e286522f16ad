"""Invariants 1 to 5, counted anew from what the ledger says in public, event by event."""

from collections import Counter
from collections.abc import Iterable

from events.contracts import wallet as contract
from events.contracts.base import Allocation
from events.contracts.wallet import WalletEvent
from kembalian.testing.ledger_writer import insist

Pair = tuple[str, str]


class Recount:
    """What the events so far come to."""

    def __init__(self) -> None:
        self.buckets: Counter[Pair] = Counter()  # (holder, issuer) -> rupiah
        self.owed: Counter[Pair] = Counter()  # (issuer, store) -> rupiah spent there
        self.paid: Counter[tuple[str, str, str]] = Counter()  # (payment, store, issuer)
        self.undone: set[str] = set()

    def add(self, event: WalletEvent) -> None:
        """Take one event into account. Raises Broken if it breaks an invariant."""
        moves = [(a.issuer, sign * a.amount) for sign, a in _moves(event)]
        insist(sum(p.amount for p in event.postings) == 0, event)
        legs = {p.account: p.amount for p in event.postings if p.account.startswith("wallet:")}
        insist(legs == {f"wallet:{event.wallet_id}:{i}": n for i, n in moves}, event)
        insist(len(event.postings) == (len(moves) + 1 if moves else 0), event)
        for issuer, rupiah in moves:
            self.buckets[event.wallet_id, issuer] += rupiah
            insist(self.buckets[event.wallet_id, issuer] >= 0, event)
            self._owe(event, issuer, rupiah)
        held = sum(n for (owner, _), n in self.buckets.items() if owner == event.wallet_id)
        insist(event.balance == held, event)
        if isinstance(event, contract.EntryReversed):
            insist(event.event_id not in self.undone, event)
            self.undone.add(event.event_id)

    def _owe(self, event: WalletEvent, issuer: str, rupiah: int) -> None:
        match event:
            case contract.PaymentDebited() | contract.PaymentRefunded():
                key = (f"{event.wallet_id}/{event.payment_id}", event.store_id, issuer)
                self.paid[key] -= rupiah
                insist(self.paid[key] >= 0, event)
            case contract.ChangeRedeemed() | contract.EntryReversed(account="redeemed"):
                pass
            case _:
                return
        if issuer != event.store_id:
            self.owed[issuer, event.store_id] -= rupiah

    def issued(self) -> Counter[str]:
        """Return issuer -> rupiah that members hold of it."""
        issued: Counter[str] = Counter()
        for (_, issuer), rupiah in self.buckets.items():
            issued[issuer] += rupiah
        return issued

    def positions_sum_to_zero(self) -> bool:
        """Tell whether what stores owe and what they are owed is the same money."""
        net: Counter[str] = Counter()
        for (debtor, creditor), rupiah in self.owed.items():
            net[debtor] -= rupiah
            net[creditor] += rupiah
        return sum(net.values()) == 0 and min(self.owed.values(), default=0) >= 0


def _moves(event: WalletEvent) -> Iterable[tuple[int, Allocation]]:
    """Return each bucket's (sign, allocation), signed as the wallet sees it."""
    match event:
        case contract.TopUp() | contract.ChangeSaved():
            return [(1, Allocation(issuer=event.issuer, amount=event.amount))]
        case contract.PaymentRefunded():
            sign = 1
        case contract.ChangeRedeemed() | contract.CashedOut() | contract.PaymentDebited():
            sign = -1
        case contract.EntryReversed(direction=direction):
            sign = -1 if direction == "credit" else 1
        case _:
            return []
    insist(sum(a.amount for a in event.allocations) == event.amount, event)
    return [(sign, a) for a in event.allocations]
