"""Who owes whom under two orders of spending, and what the difference comes to: pure."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from wallet_ledger.domain import Allocation


@dataclass(slots=True)
class Debts:
    """(debtor, creditor) -> rupiah, and how many obligations made them up."""

    owed: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    obligations: int = 0

    def add(self, store_id: str, allocations: Iterable[Allocation], sign: int = 1) -> None:
        """Count what was spent at a store (or came back: -1) of others' money."""
        for allocation in allocations:
            if allocation.issuer != store_id:
                self.owed[allocation.issuer, store_id] += sign * allocation.amount
                self.obligations += 1

    def merge(self, other: "Debts") -> None:
        """Add another's debts to these."""
        for pair, amount in other.owed.items():
            self.owed[pair] += amount
        self.obligations += other.obligations

    def nets(self) -> dict[str, int]:
        """Return store -> what it is owed less what it owes, rupiah; they sum to 0."""
        nets: Counter[str] = Counter()
        for (debtor, creditor), amount in self.owed.items():
            nets[creditor] += amount
            nets[debtor] -= amount
        return dict(sorted(nets.items()))

    def transfers(self) -> int:
        """Return how many payments settle all debts when each pays its net to whom it is due."""
        nets = self.nets().values()
        owing = [-net for net in nets if net < 0]
        due = [net for net in nets if net > 0]
        count = 0
        while owing and due:
            owing.sort()
            due.sort()
            pays, gets = owing.pop(), due.pop()
            count += 1
            if pays > gets:
                owing.append(pays - gets)
            elif gets > pays:
                due.append(gets - pays)
        return count


@dataclass(slots=True)
class Tally:
    """What one partition, or all of them, come to under both orders."""

    today: Debts = field(default_factory=Debts)
    then: Debts = field(default_factory=Debts)
    spendings: int = 0
    otherwise: int = 0
    """Spendings whose allocation would have been another one."""
    uncovered: int = 0
    uncovered_amount: int = 0

    def merge(self, other: "Tally") -> None:
        """Add another partition's tally to this one."""
        self.today.merge(other.today)
        self.then.merge(other.then)
        self.spendings += other.spendings
        self.otherwise += other.otherwise
        self.uncovered += other.uncovered
        self.uncovered_amount += other.uncovered_amount
