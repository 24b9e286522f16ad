"""How money is taken out of buckets, with nothing of the house's own code. Borrowed rule: B4."""

from collections.abc import Sequence
from typing import Any

Allocations = list[dict[str, Any]]
"""`issuer` and `amount` of each."""

Parts = list[dict[str, Any]]
"""`store_id`, `amount` and `allocations` of each."""


def parts_of(parts: Parts) -> dict[str, int]:
    """Return store -> rupiah, by store id."""
    return {part["store_id"]: part["amount"] for part in sorted(parts, key=lambda p: p["store_id"])}


def order(free: dict[str, int], first: str = "") -> list[str]:
    """Return the stores as their money is spent: `first`, the largest next, ties by id (B4)."""
    return sorted(free, key=lambda issuer: (issuer != first, -free[issuer], issuer))


def taken(free: dict[str, int], issuers: Sequence[str], amount: int) -> Allocations:
    """Take up to `amount` out of `free`, bucket by bucket; return of whom how much."""
    some: Allocations = []
    for issuer in issuers:
        part = min(free.get(issuer, 0), amount)
        if part:
            free[issuer] -= part
            amount -= part
            some.append({"issuer": issuer, "amount": part})
    return some
