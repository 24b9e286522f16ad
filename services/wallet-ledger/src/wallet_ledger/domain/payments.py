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


def evolve(wallet: Wallet, event: PaymentEvent) -> Wallet:
    """Apply one recorded fact. Never validates: history cannot be refused."""
    known = wallet.payments.get(event.payment_id)
    match event:
        case PaymentHeld(payment_id, order_id, parts, expires_at):
            payment = Payment(payment_id, order_id, "held", expires_at, parts)
            return moved(wallet, [], payment=payment)
        case PaymentHoldReleased(_, _, _, reason):
            state = "debited" if reason == "remainder" else reason
            return moved(wallet, [], payment=known and replace(known, state=state, held=()))
        case PaymentDebited(_, _, store_id, amount, spent):
            debited = known and replace(
                known,
                state="debited",
                held=less(known.held, store_id, spent),
                paid=(*known.paid, Part(store_id, amount, spent)),
            )
            return moved(wallet, debits_of(spent), payment=debited)
        case PaymentRefunded(_, _, store_id, _, back):
            left = known and replace(known, paid=less(known.paid, store_id, back))
            return moved(wallet, credits_of(back), payment=left)


def postings(wallet_id: str, event: PaymentEvent) -> tuple[Posting, ...]:
    """Return the double entry of one event; `store:<id>:paid` is what orders brought the store."""
    match event:
        case PaymentHeld() | PaymentHoldReleased():
            return ()
        case PaymentDebited(_, _, store_id, _, spent):
            return entries(wallet_id, spent, f"store:{store_id}:paid", sign=-1)
        case PaymentRefunded(_, _, store_id, _, back):
            return entries(wallet_id, back, f"store:{store_id}:paid", sign=1)
