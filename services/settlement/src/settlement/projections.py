"""Public event -> rows of the views: pure, so that a checker can make the same rows again."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final, TypeAlias, TypeGuard

from asyncpg.pgproto.pgproto import UUID

from events.contracts import catalog, lean, wallet
from events.envelope import Envelope
from events.received import Received
from settlement.domain import (
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

CREDITS: Final[dict[type[Any], str]] = {
    form: kind.value for form, kind in KINDS.items() if kind in (Kind.TOPUP, Kind.CHANGE)
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
    rows = Rows([], [], [])
    add_rows(rows, received.partition, received.position, received.recorded_at, received.envelope)
    return rows


def add_rows(rows: Rows, partition: int, position: int, at: datetime, envelope: Envelope) -> None:
    """Append the rows of one event of a wallet. Raises UnknownEvent: then nothing is appended.

    Most events are credits, whose few rows are made here without a detour; a test holds them
    against the rule of all the others.
    """
    kind = CREDITS.get(type(envelope.data))
    if kind is None:
        _add_by_the_rule(rows, partition, position, at, envelope)
        return
    data: Any = envelope.data
    amount, issuer = data.amount, data.issuer
    rows.entries.append(
        EntryRow(
            partition, position, 0, at, UUID(envelope.event_id), kind, data.wallet_id,
            data.card_number, data.store_id, data.cashier_id, amount, 0, data.balance,
        )
    )  # fmt: skip
    rows.movements.append(MovementRow(partition, position, 0, at, issuer, 0, 0, amount))


def _add_by_the_rule(
    rows: Rows, partition: int, position: int, at: datetime, envelope: Envelope
) -> None:
    data = envelope.data
    if not moves(data):
        if type(data) in MOVES_NOTHING:
            return
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
    rows.entries.append(entry)
    rows.obligations.extend(owed)
    rows.movements.extend(moved)


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


def totals_of(moved: Iterable[MovementRow]) -> list[TotalRow]:
    """Return the sums of `moved` per (partition, store), in that order."""
    sums: dict[tuple[int, str], list[Any]] = {}
    for partition, position, _, at, store_id, receivable, liability, issued in moved:
        total = sums.get((partition, store_id))
        if total is None:
            sums[partition, store_id] = [receivable, liability, issued, position, at]
            continue
        total[0] += receivable
        total[1] += liability
        total[2] += issued
        total[3] = max(total[3], position)
        total[4] = max(total[4], at)
    return [TotalRow(*key, *sums[key]) for key in sorted(sums)]


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
