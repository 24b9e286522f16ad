"""The parts of a payment, one a store, each with the buckets that it is taken from."""

from collections.abc import Iterable

from wallet_ledger.domain.wallet import Allocation, Part, Payment, Rejected, Wallet


class UnknownPayment(Rejected):
    """The wallet has no hold of this id."""


def known(wallet: Wallet, payment_id: str) -> Payment:
    """Return a payment of the wallet. Raises UnknownPayment."""
    payment = wallet.payments.get(payment_id)
    if payment is None:
        raise UnknownPayment(payment_id)
    return payment


def total(parts: Iterable[Part]) -> int:
    """Return the rupiah of all parts."""
    return sum(part.amount for part in parts)


def first(allocations: Iterable[Allocation], amount: int) -> tuple[Allocation, ...]:
    """Return the first `amount` rupiah of `allocations`, in order."""
    taken: list[Allocation] = []
    for allocation in allocations:
        some = min(amount, allocation.amount)
        if some > 0:
            taken.append(Allocation(allocation.issuer, some))
            amount -= some
    return tuple(taken)


def less(
    parts: tuple[Part, ...], store_id: str, allocations: Iterable[Allocation]
) -> tuple[Part, ...]:
    """Return `parts` without `allocations` of one store's; what comes to nothing is left out."""
    gone = {a.issuer: a.amount for a in allocations}
    result: list[Part] = []
    for part in parts:
        if part.store_id != store_id:
            result.append(part)
            continue
        left = tuple(
            Allocation(a.issuer, a.amount - gone.get(a.issuer, 0))
            for a in part.allocations
            if a.amount > gone.get(a.issuer, 0)
        )
        if left:
            result.append(Part(store_id, sum(a.amount for a in left), left))
    return tuple(result)
