"""Payments of online orders: what becomes of a hold, and after its confirmation of a refund."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

from msgspec.structs import replace

from wallet_ledger.domain import holds, refunds
from wallet_ledger.domain.holds import (
    HoldCommand,
    HoldEvent,
    PaymentDebited,
    PaymentHeld,
    PaymentHoldReleased,
)
from wallet_ledger.domain.parts import less
from wallet_ledger.domain.refunds import PaymentRefunded, RefundPayment
from wallet_ledger.domain.wallet import (
    Part,
    Payment,
    Posting,
    Wallet,
    credits_of,
    debits_of,
    entries,
    moved,
)

PaymentCommand: TypeAlias = HoldCommand | RefundPayment
PaymentEvent: TypeAlias = HoldEvent | PaymentRefunded


def decide(wallet: Wallet, command: PaymentCommand, now: datetime) -> Sequence[PaymentEvent]:
    """Return the events that `command` causes at `now`, the database's clock. Raises Rejected."""
    if isinstance(command, RefundPayment):
        return [refunds.decide(wallet, command)]
    return holds.decide(wallet, command, now)


def moves(event: PaymentEvent) -> list[tuple[str, int]]:
    """Return what one event adds to the buckets: (issuer, rupiah)."""
    match event:
        case PaymentHeld() | PaymentHoldReleased():
            return []
        case PaymentDebited():
            return debits_of(event.allocations)
        case PaymentRefunded():
            return credits_of(event.allocations)


def evolve(wallet: Wallet, event: PaymentEvent) -> Wallet:
    """Apply one recorded fact. Never validates: history cannot be refused."""
    known = wallet.payments.get(event.payment_id)
    match event:
        case PaymentHeld(payment_id, order_id, parts, expires_at):
            after = Payment(payment_id, order_id, "held", expires_at, parts)
        case PaymentHoldReleased(_, _, _, reason):
            state = "debited" if reason == "remainder" else reason
            after = known and replace(known, state=state, held=())
        case PaymentDebited(_, _, store_id, amount, spent):
            after = known and replace(
                known,
                state="debited",
                held=less(known.held, store_id, spent),
                paid=(*known.paid, Part(store_id, amount, spent)),
            )
        case PaymentRefunded(_, _, store_id, _, back):
            after = known and replace(known, paid=less(known.paid, store_id, back))
    return moved(wallet, moves(event), payment=after)


def postings(wallet_id: str, event: PaymentEvent) -> tuple[Posting, ...]:
    """Return the double entry of one event; `store:<id>:paid` is what orders brought the store."""
    match event:
        case PaymentHeld() | PaymentHoldReleased():
            return ()
        case PaymentDebited() | PaymentRefunded():
            return entries(wallet_id, moves(event), f"store:{event.store_id}:paid")
