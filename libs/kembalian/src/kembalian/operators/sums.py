"""What stores owe, added up from the wallet events alone: pure, apart from settlement's code.

Invariants 3 and 5 of docs/architecture.md: i issues, j is where it was spent.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from events.contracts import wallet
from events.contracts.base import Allocations
from events.received import Received


@dataclass(slots=True)
class Sums:
    """Rupiah per store: `issued`, and `owed[i, j]` = what i owes j."""

    issued: defaultdict[str, int] = field(default_factory=lambda: defaultdict[str, int](int))
    owed: defaultdict[tuple[str, str], int] = field(
        default_factory=lambda: defaultdict[tuple[str, str], int](int)
    )

    def take(self, event: Received) -> None:
        """Add one event."""
        match event.envelope.data:
            case wallet.TopUp(issuer=issuer, amount=amount):
                self.issued[issuer] += amount
            case wallet.ChangeSaved(issuer=issuer, amount=amount):
                self.issued[issuer] += amount
            case (
                wallet.ChangeRedeemed(store_id=store, allocations=parts)
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

    def _spent(self, store: str, parts: Allocations, sign: int) -> None:
        """Add a spending at `store`, with `sign` -1 what brought it back to the buckets."""
        for part in parts:
            self.issued[part.issuer] -= sign * part.amount
            if part.issuer != store:
                self.owed[part.issuer, store] += sign * part.amount

    def receivable(self, store: str) -> int:
        """Return what all others owe `store`."""
        return sum(amount for (_, creditor), amount in self.owed.items() if creditor == store)

    def liability(self, store: str) -> int:
        """Return what `store` owes all others."""
        return sum(amount for (debtor, _), amount in self.owed.items() if debtor == store)

    def stores(self) -> set[str]:
        """Return every store that holds, owes or is owed anything, or ever did."""
        return set(self.issued) | {store for pair in self.owed for store in pair}
