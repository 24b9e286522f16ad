"""Who owes whom: what one movement of a member's money means for the stores, in whole rupiah.

A store's *position* is what others owe it, less what it owes, less what members still hold of its
money. Nothing here reads a clock or a database, or knows how an event is published.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import reduce
from typing import NamedTuple, Protocol, TypeAlias

PLATFORM = "platform"
"""The issuer of money that was paid in at a bank: it has a position like a store."""


class Kind(StrEnum):
    """What a member did, as statements and reports name it."""

    TOPUP = "topup"
    CHANGE = "change"
    REDEMPTION = "redemption"
    CASHOUT = "cashout"
    PAYMENT = "payment"
    REFUND = "refund"
    REVERSAL = "reversal"


class Share(Protocol):
    """How much of a spending came out of the bucket that `issuer` holds, as an event says it."""

    @property
    def issuer(self) -> str:
        """Return the store that held the money."""
        ...

    @property
    def amount(self) -> int:
        """Return how much of it."""
        ...


@dataclass(frozen=True, slots=True)
class Credited:
    """At `store_id` a member's money grew: `issuer` holds `amount` more of it."""

    kind: Kind
    store_id: str
    issuer: str
    amount: int


@dataclass(frozen=True, slots=True)
class Spent:
    """At `store_id` a member's money was used, out of the buckets that `allocations` name."""

    kind: Kind
    store_id: str
    allocations: Sequence[Share]


@dataclass(frozen=True, slots=True)
class Returned:
    """Money that was spent at `store_id` went back to the buckets of `allocations`."""

    kind: Kind
    store_id: str
    allocations: Sequence[Share]


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What was credited at `store_id` was taken out of the buckets of `allocations` again."""

    kind: Kind
    store_id: str
    allocations: Sequence[Share]


BalanceEvent: TypeAlias = Credited | Spent | Returned | Withdrawn


class Obligation(NamedTuple):
    """`debtor` held the money that was spent at `creditor`, and now owes it.

    A negative `amount` is no longer owed: the money went back to the member.
    """

    debtor: str
    creditor: str
    amount: int


class Movement(NamedTuple):
    """How one event moved one store's figures; negative = fell."""

    store_id: str
    receivable: int
    liability: int
    issued: int


@dataclass(frozen=True, slots=True)
class Position:
    """Where a store stands: what it is owed, what it owes, what members still hold of its money."""

    receivable: int = 0
    liability: int = 0
    issued: int = 0

    @property
    def net(self) -> int:
        """Return what other stores owe this one, less what it owes them; all nets sum to 0."""
        return self.receivable - self.liability

    @property
    def position(self) -> int:
        """Return the net less what members still hold of this store's money."""
        return self.receivable - self.liability - self.issued


def saved_and_paid(event: BalanceEvent) -> tuple[int, int]:
    """Return (saved, paid): one of them is the event's amount, the other 0."""
    match event:
        case Spent() | Withdrawn():
            return (0, sum([a.amount for a in event.allocations]))
        case Returned():
            return (sum([a.amount for a in event.allocations]), 0)
        case Credited():
            return (event.amount, 0)


def obligations(event: BalanceEvent) -> tuple[Obligation, ...]:
    """Return what became owed, one per allocation of another store's money, in their order.

    What goes back to the buckets is owed no longer: the same with negative amounts.
    """
    match event:
        case Spent():
            return _owed(event.store_id, event.allocations, 1)
        case Returned():
            return _owed(event.store_id, event.allocations, -1)
        case Credited() | Withdrawn():
            return ()


def movements(event: BalanceEvent) -> tuple[Movement, ...]:
    """Return how the event moved each store's figures, one per store: first where it happened.

    The holders of the money follow in the order of the allocations. A store whose money is spent
    elsewhere owes what it no longer holds for the member: its position stays.
    """
    match event:
        case Spent():
            return _moved(event.store_id, event.allocations, 1)
        case Returned():
            return _moved(event.store_id, event.allocations, -1)
        case Credited():
            return (Movement(event.issuer, 0, 0, event.amount),)
        case Withdrawn():
            return tuple([Movement(a.issuer, 0, 0, -a.amount) for a in event.allocations])


def _owed(store_id: str, shares: Sequence[Share], sign: int) -> tuple[Obligation, ...]:
    return tuple(
        [
            Obligation(share.issuer, store_id, sign * share.amount)
            for share in shares
            if share.issuer != store_id
        ]
    )


def _moved(store_id: str, shares: Sequence[Share], sign: int) -> tuple[Movement, ...]:
    """Return the movements of a spending, `sign` 1, or of its return, -1; an issuer comes once."""
    own = 0
    others: dict[str, int] = {}
    for share in shares:
        issuer, amount = share.issuer, sign * share.amount
        if issuer == store_id:
            own += amount
        else:
            others[issuer] = others.get(issuer, 0) + amount
    moved = [Movement(issuer, 0, amount, -amount) for issuer, amount in others.items()]
    return (Movement(store_id, sum(others.values()), 0, -own), *moved)


def moved_by(position: Position, movement: Movement) -> Position:
    """Return where a store stands after `movement`."""
    return Position(
        position.receivable + movement.receivable,
        position.liability + movement.liability,
        position.issued + movement.issued,
    )


def evolve(positions: Mapping[str, Position], event: BalanceEvent) -> dict[str, Position]:
    """Apply one recorded fact. Never validates: history cannot be refused."""
    moved = {
        m.store_id: moved_by(positions.get(m.store_id, Position()), m) for m in movements(event)
    }
    return {**positions, **moved}


def fold(events: Iterable[BalanceEvent]) -> dict[str, Position]:
    """Return store -> position after `events`, in any order: sums do not depend on it."""
    nothing: dict[str, Position] = {}
    return reduce(evolve, events, nothing)
