"""What an event of a wallet means for the stores, whichever form of it was read: pure."""

from typing import Any, Final, TypeAlias, TypeGuard

from events.contracts import lean, wallet
from settlement.domain import BalanceEvent, Credited, Kind, Returned, Spent, Withdrawn


class UnknownEvent(ValueError):
    """An event that this build gives no meaning: it becomes a dead letter, and is never skipped."""


Moving: TypeAlias = (
    wallet.TopUp
    | wallet.ChangeSaved
    | wallet.ChangeRedeemed
    | wallet.CashedOut
    | wallet.PaymentDebited
    | wallet.PaymentRefunded
    | wallet.EntryReversed
    | lean.LeanEvent
)
"""The events that move a balance; each happened at a store."""

KINDS: dict[type[Moving], Kind] = {
    wallet.TopUp: Kind.TOPUP,
    wallet.ChangeSaved: Kind.CHANGE,
    wallet.ChangeRedeemed: Kind.REDEMPTION,
    wallet.CashedOut: Kind.CASHOUT,
    wallet.PaymentDebited: Kind.PAYMENT,
    wallet.PaymentRefunded: Kind.REFUND,
    wallet.EntryReversed: Kind.REVERSAL,
    lean.TopUp: Kind.TOPUP,
    lean.ChangeSaved: Kind.CHANGE,
    lean.ChangeRedeemed: Kind.REDEMPTION,
}

MOVES_NOTHING: Final = (
    wallet.SaleRecorded,
    wallet.PaymentHeld,
    wallet.PaymentHoldReleased,
    wallet.ReversalRequested,
    wallet.ReversalRejected,
)


def moves(data: Any) -> TypeGuard[Moving]:
    """Tell whether an event moved a balance.

    By its very class: to ask whether it is an instance of a contract costs more than its row.
    """
    return type(data) in KINDS


def balance_event(data: Moving) -> BalanceEvent:
    """Return what an event that moved a balance means here."""
    kind = KINDS[type(data)]
    match data:
        case lean.TopUp() | lean.ChangeSaved():
            return Credited(kind, data.store_id, data.issuer, data.amount)
        case lean.ChangeRedeemed():
            return Spent(kind, data.store_id, data.allocations)
        case wallet.TopUp() | wallet.ChangeSaved():
            return Credited(kind, data.store_id, data.issuer, data.amount)
        case wallet.ChangeRedeemed() | wallet.CashedOut() | wallet.PaymentDebited():
            return Spent(kind, data.store_id, data.allocations)
        case wallet.EntryReversed(direction="credit"):
            return Withdrawn(kind, data.store_id, data.allocations)
        case wallet.PaymentRefunded() | wallet.EntryReversed():
            return Returned(kind, data.store_id, data.allocations)


def card_and_cashier(data: Moving) -> tuple[str | None, str | None]:
    """Return the card that was scanned and who scanned it; None where nobody did."""
    match data:
        case lean.TillEvent() | wallet.TillEvent():
            return (data.card_number, data.cashier_id)
        case wallet.PaymentDebited() | wallet.PaymentRefunded():
            return (None, None)
        case wallet.EntryReversed():
            return (data.card_number, None)
