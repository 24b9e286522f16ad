"""What was paid comes back: to the buckets that it was taken from, never more than was paid."""

from msgspec import Struct

from wallet_ledger.domain.parts import first, known
from wallet_ledger.domain.wallet import (
    Allocation,
    Rejected,
    Wallet,
    WrongState,
    check_bounds,
)


class RefundPayment(Struct, frozen=True, gc=False):
    """Bring `amount` of one store's part back to the buckets that it came from."""

    payment_id: str
    store_id: str
    amount: int


class PaymentRefunded(Struct, frozen=True, gc=False):
    """`amount` of one store's part went back to the buckets that `allocations` name."""

    payment_id: str
    order_id: str
    store_id: str
    amount: int
    allocations: tuple[Allocation, ...]


class RefundTooLarge(Rejected):
    """More than was paid, less what went back already; `refundable` rupiah are left."""

    def __init__(self, refundable: int, requested: int) -> None:
        super().__init__(f"refundable={refundable} requested={requested}")
        self.refundable = refundable


def decide(wallet: Wallet, command: RefundPayment) -> PaymentRefunded:
    """Walk the part's allocations backwards. Raises Rejected.

    Source: design, "Order and payment".
    """
    payment = known(wallet, command.payment_id)
    if payment.state != "debited":
        raise WrongState(payment.state)
    paid = {part.store_id: part for part in payment.paid}.get(command.store_id)
    refundable = paid.amount if paid else 0
    if paid is None or command.amount > refundable:
        raise RefundTooLarge(refundable, command.amount)
    check_bounds(wallet, command.amount, "amount")
    back = first(reversed(paid.allocations), command.amount)
    return PaymentRefunded(
        payment.payment_id, payment.order_id, command.store_id, command.amount, back
    )
