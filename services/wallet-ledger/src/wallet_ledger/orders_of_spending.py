"""Other orders in which a wallet's buckets could be spent, for `kembalian what-if`: pure.

The house spends as `domain.allocate` says. Each rule here answers the same question for the same
wallet: whose money pays these parts? All of them spend the same sum, so they differ only in who
owes whom.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from wallet_ledger.domain import Allocation, InsufficientFunds, allocate

Parts: TypeAlias = Sequence[tuple[str, int]]
"""(store id, rupiah), one per store that is paid."""

Allocations: TypeAlias = tuple[tuple[Allocation, ...], ...]
"""Whose money pays each part, in the order of the parts."""


@dataclass(frozen=True, slots=True)
class Purse:
    """What can be spent: issuer -> rupiah, and since when (a running number) it holds anything."""

    free: Mapping[str, int]
    since: Mapping[str, int]


Rule: TypeAlias = Callable[[Purse, Parts], Allocations]
"""Raises InsufficientFunds if the purse does not cover the parts."""

Next: TypeAlias = Callable[[Purse, Mapping[str, int]], list[str]]
"""Given what is left, in which order issuers are emptied after the paying store's own bucket."""


def own_then_largest(purse: Purse, parts: Parts) -> Allocations:
    """Today's rule: the store's own bucket, then the largest, ties by store id."""
    return allocate(purse.free, parts)


def own_then_smallest(purse: Purse, parts: Parts) -> Allocations:
    """The store's own bucket, then the smallest, so that few buckets are left; ties by id."""
    return _own_then(purse, parts, lambda _, left: sorted(left, key=lambda i: (left[i], i)))


def own_then_oldest(purse: Purse, parts: Parts) -> Allocations:
    """The store's own bucket, then the one that has held money for the longest time."""
    return _own_then(
        purse, parts, lambda known, left: sorted(left, key=lambda i: (known.since.get(i, 0), i))
    )


def own_then_alphabetical(purse: Purse, parts: Parts) -> Allocations:
    """The store's own bucket, then the others by store id as text."""
    return _own_then(purse, parts, lambda _, left: sorted(left))


def proportional(purse: Purse, parts: Parts) -> Allocations:
    """Out of every bucket in proportion to what it holds, the store's own one like any other.

    Whole rupiah: what rounding leaves goes to the largest remainders, ties by store id. Parts are
    paid by store id, each out of what the one before it left.
    """
    _covered(purse, parts)
    left = {issuer: held for issuer, held in purse.free.items() if held > 0}
    paid: dict[str, tuple[Allocation, ...]] = {}
    for store_id, amount in sorted(parts):
        total = sum(left.values())
        shares = {issuer: divmod(held * amount, total) for issuer, held in left.items()}
        taken = {issuer: share for issuer, (share, _) in shares.items()}
        missing = amount - sum(taken.values())
        for issuer in sorted(shares, key=lambda i: (-shares[i][1], i))[:missing]:
            taken[issuer] += 1
        paid[store_id] = tuple(Allocation(i, taken[i]) for i in sorted(taken) if taken[i])
        left = {i: held - taken[i] for i, held in left.items() if held > taken[i]}
    return tuple(paid[store_id] for store_id, _ in parts)


def _own_then(purse: Purse, parts: Parts, others: Next) -> Allocations:
    """Pay each part out of its own store's bucket, parts by store id; then the rest likewise."""
    _covered(purse, parts)
    left = {issuer: held for issuer, held in purse.free.items() if held > 0}
    ordered = sorted(parts)
    taken = {store_id: _take(left, [store_id], amount) for store_id, amount in ordered}
    for store_id, amount in ordered:
        missing = amount - sum(a.amount for a in taken[store_id])
        if missing:
            taken[store_id] += _take(left, others(purse, left), missing)
    return tuple(tuple(taken[store_id]) for store_id, _ in parts)


def _covered(purse: Purse, parts: Parts) -> None:
    available, requested = sum(purse.free.values()), sum(amount for _, amount in parts)
    if requested > available:
        raise InsufficientFunds(available, requested)


def _take(left: dict[str, int], issuers: Sequence[str], amount: int) -> list[Allocation]:
    taken: list[Allocation] = []
    for issuer in issuers:
        some = min(amount, left.get(issuer, 0))
        if some > 0:
            taken.append(Allocation(issuer, some))
            amount -= some
            left[issuer] -= some
            if not left[issuer]:
                del left[issuer]
    return taken


ORDERS: Mapping[str, Rule] = {
    "own-then-largest": own_then_largest,
    "own-then-smallest": own_then_smallest,
    "own-then-oldest": own_then_oldest,
    "own-then-alphabetical": own_then_alphabetical,
    "proportional": proportional,
}
"""By the name that an operator says."""
