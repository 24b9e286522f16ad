"""What stores owe each other, added up from statements with nothing of the house's own code."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Debts:
    """What stores owe each other after all entries that were counted."""

    issued: Counter[str] = field(default_factory=Counter[str])
    receivable: Counter[str] = field(default_factory=Counter[str])
    liability: Counter[str] = field(default_factory=Counter[str])

    def take(self, entry: dict[str, Any]) -> None:
        """Add one entry of a statement; what goes back to its buckets is owed no longer."""
        store_id, allocations = entry["store_id"], entry["allocations"]
        if not allocations:
            self.issued[store_id] += entry["saved"]
        sign = -1 if entry["saved"] else 1
        for part in allocations:
            amount = sign * part["amount"]
            self.issued[part["issuer"]] -= amount
            if part["issuer"] != store_id:
                self.receivable[store_id] += amount
                self.liability[part["issuer"]] += amount

    def line(self, store_id: str) -> dict[str, int]:
        """Return a store's figures as the list of positions has them."""
        receivable, liability = self.receivable[store_id], self.liability[store_id]
        net, issued = receivable - liability, self.issued[store_id]
        return {
            "receivable": receivable,
            "liability": liability,
            "net": net,
            "issued": issued,
            "position": net - issued,
        }
