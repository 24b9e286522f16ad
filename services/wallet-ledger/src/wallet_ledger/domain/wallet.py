"""A member's wallet: whose money it is, what of it is set aside, and whose money is spent first.

A wallet is a set of buckets, one per issuer (the store that holds the money). All amounts are whole
rupiah. Nothing here reads a clock, draws a number or knows how it is stored.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, Literal

from msgspec import Struct, field

BALANCE_MAX = 9_000_000_000_000_000
"""Rupiah that one wallet may hold: every reader of JSON knows whole numbers up to 2^53 exactly."""

NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


def _nothing() -> Mapping[str, Any]:
    """Return the one empty mapping that all wallets without records share."""
    return NOTHING


PaymentState = Literal["held", "debited", "released", "expired"]
ReversalState = Literal["requested", "approved", "rejected"]


class Allocation(Struct, frozen=True, gc=False):
    """How much of a spending comes out of the bucket that `issuer` holds."""

    issuer: str
    amount: int


class Posting(Struct, frozen=True, gc=False):
    """One leg of a double entry: rupiah credited to `account`, negative = debited."""

    account: str
    amount: int


class Part(Struct, frozen=True, gc=False):
    """What one store gets of a payment, and whose money it is; the allocations sum to `amount`."""

    store_id: str
    amount: int
    allocations: tuple[Allocation, ...]


class Payment(Struct, frozen=True, gc=False):
    """A hold and what became of it; one id for both.

    `held` is set aside until it is debited, released or expired: one of them, once. `paid` is what
    was debited and has not been refunded, part by part.
    """

    payment_id: str
    order_id: str
    state: PaymentState
    expires_at: datetime
    held: tuple[Part, ...]
    paid: tuple[Part, ...] = ()


class Reversal(Struct, frozen=True, gc=False):
    """That the entry `event_id` be undone: who asked, and what was decided."""

    reversal_id: str
    event_id: str
    state: ReversalState
    requested_by: str
    reason: str


class Wallet(Struct, frozen=True, gc=False):
    """One member's money: issuer -> rupiah, no bucket of 0; `version` counts its events.

    `payments` and `reversals` are by id. A writer may leave out those that are settled and that no
    command in hand names: they no longer bear on what the wallet may do.
    """

    buckets: Mapping[str, int] = field(default_factory=dict[str, int])
    version: int = 0
    payments: Mapping[str, Payment] = field(default_factory=_nothing)
    reversals: Mapping[str, Reversal] = field(default_factory=_nothing)

    @property
    def balance(self) -> int:
        """The sum of all buckets, rupiah, held ones included."""
        return sum(self.buckets.values())

    @property
    def available(self) -> int:
        """The balance less what is set aside for orders, rupiah."""
        return sum(self.free().values()) if self.payments else sum(self.buckets.values())

    def free(self) -> Mapping[str, int]:
        """Return issuer -> rupiah that is not set aside."""
        if not self.payments:
            return self.buckets
        free = dict(self.buckets)
        for payment in self.payments.values():
            for part in payment.held:
                for allocation in part.allocations:
                    issuer = allocation.issuer
                    free[issuer] = free.get(issuer, 0) - allocation.amount
        return free


# Refusals


class Rejected(Exception):
    """A command that the rules refuse; nothing changes."""


class InsufficientFunds(Rejected):
    """More was asked for than there is: `available` rupiah, `shortfall` more were needed."""

    def __init__(self, available: int, requested: int) -> None:
        super().__init__(f"available={available} requested={requested}")
        self.available = available
        self.shortfall = requested - available


class BalanceTooLarge(Rejected):
    """The wallet would hold more than BALANCE_MAX; `field` is what was asked too much in."""

    def __init__(self, balance: int, amount: int, field: str) -> None:
        super().__init__(f"balance={balance} amount={amount}")
        self.field = field


class WrongState(Rejected):
    """What is asked for is no longer possible, or was done before; `state` says why."""

    def __init__(self, state: str) -> None:
        super().__init__(f"state={state}")
        self.state = state


# Rules


def allocate(
    free: Mapping[str, int], parts: Sequence[tuple[str, int]]
) -> tuple[tuple[Allocation, ...], ...]:
    """Return whose money pays each of `parts` (store id, rupiah), in the order of emptying.

    Each part takes its own store's bucket first, parts by store id; then the rest, same order of
    parts, largest bucket first, ties by store id as text. The answer is in the order of `parts`,
    whose stores differ. Raises InsufficientFunds.
    Source: requirements B4; paper B, figures 10 to 12; design, "Order and payment".
    """
    available, requested = sum(free.values()), sum([amount for _, amount in parts])
    if requested > available:
        raise InsufficientFunds(available, requested)
    left = dict(free)
    ordered = sorted(parts)
    taken: dict[str, list[Allocation]] = {
        store_id: _take(left, [store_id], amount) for store_id, amount in ordered
    }
    for store_id, amount in ordered:
        missing = amount - sum([a.amount for a in taken[store_id]])
        if missing:
            largest_first = sorted(left, key=lambda issuer: (-left[issuer], issuer))
            taken[store_id] += _take(left, largest_first, missing)
    return tuple([tuple(taken[store_id]) for store_id, _ in parts])


def _take(left: dict[str, int], issuers: Iterable[str], amount: int) -> list[Allocation]:
    """Take up to `amount` out of `left`, bucket by bucket."""
    taken: list[Allocation] = []
    for issuer in issuers:
        if amount == 0:
            break
        some = min(amount, left.get(issuer, 0))
        if some > 0:
            taken.append(Allocation(issuer, some))
            left[issuer] -= some
            amount -= some
    return taken


def check_bounds(wallet: Wallet, amount: int, field: str) -> None:
    """Raises BalanceTooLarge if `amount` more is more than a wallet may hold."""
    if wallet.balance + amount > BALANCE_MAX:
        raise BalanceTooLarge(wallet.balance, amount, field)


# State


def moved(
    wallet: Wallet,
    deltas: Iterable[tuple[str, int]],
    *,
    payment: Payment | None = None,
    reversal: Reversal | None = None,
) -> Wallet:
    """Return the wallet one event later: buckets moved by (issuer, rupiah), records replaced."""
    buckets = dict(wallet.buckets)
    for issuer, delta in deltas:
        held = buckets.get(issuer, 0) + delta
        if held:
            buckets[issuer] = held
        else:
            buckets.pop(issuer, None)
    payments, reversals = wallet.payments, wallet.reversals
    if payment is not None:
        payments = {**payments, payment.payment_id: payment}
    if reversal is not None:
        reversals = {**reversals, reversal.reversal_id: reversal}
    return Wallet(buckets, wallet.version + 1, payments, reversals)


def credits_of(allocations: Iterable[Allocation]) -> list[tuple[str, int]]:
    """Return allocations as deltas that put the money back."""
    return [(a.issuer, a.amount) for a in allocations]


def debits_of(allocations: Iterable[Allocation]) -> list[tuple[str, int]]:
    """Return allocations as deltas that take the money out."""
    return [(a.issuer, -a.amount) for a in allocations]


def entries(
    wallet_id: str, moves: Iterable[tuple[str, int]], store_account: str
) -> tuple[Posting, ...]:
    """Return the double entry of what `moves` adds to the wallet's buckets: (issuer, rupiah).

    The other side is an account of a store. `wallet:<id>:<issuer>` is what the issuer owes the
    member.
    """
    legs: list[Posting] = []
    total = 0
    for issuer, amount in moves:
        legs.append(Posting(f"wallet:{wallet_id}:{issuer}", amount))
        total += amount
    legs.append(Posting(store_account, -total))
    return tuple(legs)
