"""What stores owe, added up from the wallet events alone: pure, apart from settlement's code.

Invariants 3 and 5 of docs/architecture.md: i issues, j is where it was spent.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from events.contracts import lean, wallet
from events.contracts.base import Allocations, PublicEvent
from events.received import Received

ADDS_MONEY = (lean.TopUp, lean.ChangeSaved)
"""What is asked first: nearly all events of a ledger."""

Parts = Allocations | tuple[lean.Allocation, ...]


@dataclass(slots=True)
class Sums:
    """Rupiah per store: `issued`, and `owed[i, j]` = what i owes j."""

    issued: Counter[str] = field(default_factory=Counter[str])
    owed: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])

    def take(self, events: Iterable[Received]) -> None:
        """Add events."""
        issued = self.issued
        for _, _, _, _, envelope in events:
            data = envelope.data
            if isinstance(data, ADDS_MONEY):
                issued[data.issuer] += data.amount
            else:
                self._take_other(data)

    def _take_other(self, data: PublicEvent | lean.AnyLeanEvent) -> None:
        match data:
            case wallet.TopUp() | wallet.ChangeSaved():
                self.issued[data.issuer] += data.amount
            case (
                lean.ChangeRedeemed(store_id=store, allocations=parts)
                | wallet.ChangeRedeemed(store_id=store, allocations=parts)
                | wallet.PaymentDebited(store_id=store, allocations=parts)
            ):
                self._spent(store, parts, 1)
            case (
                wallet.PaymentRefunded(store_id=store, allocations=parts)
                | wallet.EntryReversed(direction="debit", store_id=store, allocations=parts)
            ):
                self._spent(store, parts, -1)
            case (
                wallet.CashedOut(allocations=parts)
                | wallet.EntryReversed(direction="credit", allocations=parts)
            ):
                for part in parts:
                    self.issued[part.issuer] -= part.amount
            case _:
                return

    def _spent(
        self, store: str, parts: Allocations | tuple[lean.Allocation, ...], sign: int
    ) -> None:
        """Add a spending at `store`, with `sign` -1 what brought it back to the buckets."""
        for part in parts:
            self.issued[part.issuer] -= sign * part.amount
            if part.issuer != store:
                self.owed[part.issuer, store] += sign * part.amount

    def add(self, other: "Sums") -> None:
        """Add the sums of other events."""
        for issuer, amount in other.issued.items():
            self.issued[issuer] += amount
        for pair, amount in other.owed.items():
            self.owed[pair] += amount

    def receivable(self, store: str) -> int:
        """Return what all others owe `store`."""
        return sum(amount for (_, creditor), amount in self.owed.items() if creditor == store)

    def liability(self, store: str) -> int:
        """Return what `store` owes all others."""
        return sum(amount for (debtor, _), amount in self.owed.items() if debtor == store)

    def stores(self) -> set[str]:
        """Return every store that holds, owes or is owed anything, or ever did."""
        return set(self.issued) | {store for pair in self.owed for store in pair}
