"""Public event -> rows of the views: pure, so that a checker can make the same rows again."""

from collections.abc import Iterable
from typing import Any, Final, TypeAlias, TypeGuard

from asyncpg.pgproto.pgproto import UUID

from events.contracts import catalog, lean, wallet
from events.contracts.base import Allocations
from events.received import Received
from settlement.domain import (
    Allocation,
    BalanceEvent,
    Credited,
    Kind,
    Returned,
    Spent,
    Withdrawn,
    movements,
    obligations,
    saved_and_paid,
)
from settlement.rows import (
    NO_ROWS,
    EntryRow,
    MovementRow,
    ObligationRow,
    Rows,
    StoreRow,
    TotalRow,
)

__all__ = [
    "EntryRow",
    "MovementRow",
    "ObligationRow",
    "Rows",
    "StoreRow",
    "TotalRow",
    "UnknownEvent",
    "balance_event",
    "rows_of",
    "store_of",
    "totals_of",
]


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


def rows_of(received: Received) -> Rows:
    """Return the rows of one event of a wallet. Raises UnknownEvent."""
    _, partition, position, at, envelope = received
    data = envelope.data
    if not moves(data):
        if type(data) in MOVES_NOTHING:
            return NO_ROWS
        raise UnknownEvent(type(data).__name__)
    event = balance_event(data)
    event_id = UUID(envelope.event_id)
    card, cashier = card_and_cashier(data)
    saved, paid = saved_and_paid(event)
    kind, member, store = event.kind.value, data.wallet_id, data.store_id
    entry = EntryRow(
        partition, position, 0, at, event_id, kind, member, card, store, cashier, saved, paid,
        data.balance,
    )  # fmt: skip
    owed = [
        ObligationRow(partition, position, n, at, event_id, debtor, creditor, card, amount)
        for n, (debtor, creditor, amount) in enumerate(obligations(event))
    ]
    moved = [
        MovementRow(partition, position, n, at, *movement)
        for n, movement in enumerate(movements(event))
    ]
    return Rows([entry], owed, moved)


def moves(data: Any) -> TypeGuard[Moving]:
    """Tell whether an event moved a balance.

    By its very class: to ask whether it is an instance of a contract costs more than its row.
    """
    return type(data) in KINDS


def balance_event(data: Moving) -> BalanceEvent:
    """Return what an event that moved a balance means here."""
    kind = KINDS[type(data)]
    match data:
        case lean.TopUp() | lean.ChangeSaved() | wallet.TopUp() | wallet.ChangeSaved():
            return Credited(kind, data.store_id, data.issuer, data.amount)
        case lean.ChangeRedeemed() | wallet.ChangeRedeemed():
            return Spent(kind, data.store_id, _own(data.allocations))
        case wallet.CashedOut() | wallet.PaymentDebited():
            return Spent(kind, data.store_id, _own(data.allocations))
        case wallet.EntryReversed(direction="credit"):
            return Withdrawn(kind, data.store_id, _own(data.allocations))
        case wallet.PaymentRefunded() | wallet.EntryReversed():
            return Returned(kind, data.store_id, _own(data.allocations))


def card_and_cashier(data: Moving) -> tuple[str | None, str | None]:
    """Return the card that was scanned and who scanned it; None where nobody did."""
    match data:
        case lean.TillEvent() | wallet.TillEvent():
            return (data.card_number, data.cashier_id)
        case wallet.PaymentDebited() | wallet.PaymentRefunded():
            return (None, None)
        case wallet.EntryReversed():
            return (data.card_number, None)


def _own(allocations: Allocations | tuple[lean.Allocation, ...]) -> tuple[Allocation, ...]:
    return tuple([Allocation(a.issuer, a.amount) for a in allocations])


def totals_of(moved: Iterable[MovementRow]) -> list[TotalRow]:
    """Return the sums of `moved` per (partition, store), in that order."""
    sums: dict[tuple[int, str], TotalRow] = {}
    for row in moved:
        key = (row.partition, row.store_id)
        before = sums.get(key)
        figures = (row.receivable, row.liability, row.issued)
        if before is None:
            sums[key] = TotalRow(*key, *figures, row.position, row.recorded_at)
        else:
            sums[key] = TotalRow(
                *key,
                before.receivable + row.receivable,
                before.liability + row.liability,
                before.issued + row.issued,
                max(before.position, row.position),
                max(before.recorded_at, row.recorded_at),
            )
    return [sums[key] for key in sorted(sums)]


def store_of(received: Received) -> StoreRow | None:
    """Return the store that an event of the catalog registers, if any. Raises UnknownEvent."""
    match received.envelope.data:
        case catalog.StoreRegistered(store_id=store_id):
            where = (received.partition, received.position)
            return StoreRow(store_id, *where, received.recorded_at)
        case catalog.StoreChanged():
            return None
        case _:
            raise UnknownEvent(received.envelope.type)
