"""Public event -> rows of the views: pure, so that a checker can make the same rows again."""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from events.contracts import PublicEvent, catalog, wallet
from events.contracts.base import Allocations
from events.received import Received
from settlement.domain import (
    Allocation,
    BalanceEvent,
    Credited,
    Kind,
    Movement,
    Position,
    Spent,
    moved_by,
    movements,
    obligations,
    saved_and_paid,
)


class UnknownEvent(ValueError):
    """An event that this build gives no meaning: it becomes a dead letter, and is never skipped."""


class EntryRow(NamedTuple):
    """A line of view.entry; the fields are its columns, in order."""

    partition: int
    position: int
    ordinal: int
    recorded_at: datetime
    event_id: UUID
    kind: str
    member_id: str
    card_number: str
    store_id: str
    cashier_id: str
    saved: int
    paid: int
    balance: int


class ObligationRow(NamedTuple):
    """A line of view.obligation; the fields are its columns, in order."""

    partition: int
    position: int
    ordinal: int
    recorded_at: datetime
    event_id: UUID
    debtor: str
    creditor: str
    card_number: str
    amount: int


class MovementRow(NamedTuple):
    """A line of view.movement; the fields are its columns, in order."""

    partition: int
    position: int
    ordinal: int
    recorded_at: datetime
    store_id: str
    receivable: int
    liability: int
    issued: int


class TotalRow(NamedTuple):
    """What is added to a line of view.total; the fields are its columns, in order."""

    partition: int
    store_id: str
    receivable: int
    liability: int
    issued: int
    position: int
    recorded_at: datetime


class StoreRow(NamedTuple):
    """A line of view.store; the fields are its columns, in order."""

    store_id: str
    partition: int
    position: int
    recorded_at: datetime


class Rows(NamedTuple):
    """The rows that one wallet event gives."""

    entries: list[EntryRow]
    obligations: list[ObligationRow]
    movements: list[MovementRow]


NO_ROWS = Rows([], [], [])


def rows_of(received: Received) -> Rows:
    """Return the rows of one event of a wallet. Raises UnknownEvent."""
    till = received.envelope.data
    event = balance_event(till)
    if event is None:
        return NO_ROWS
    assert isinstance(till, wallet.TillEvent)  # balance_event refuses all others
    where = (received.partition, received.position)
    at, event_id = received.recorded_at, UUID(received.envelope.event_id)
    who = (till.wallet_id, till.card_number, till.store_id, till.cashier_id)
    line = (*saved_and_paid(event), till.balance)
    owed = (
        ObligationRow(*where, n, at, event_id, o.debtor, o.creditor, till.card_number, o.amount)
        for n, o in enumerate(obligations(event))
    )
    moved = (
        MovementRow(*where, n, at, m.store_id, m.receivable, m.liability, m.issued)
        for n, m in enumerate(movements(event))
    )
    entry = EntryRow(*where, 0, at, event_id, event.kind.value, *who, *line)
    return Rows([entry], list(owed), list(moved))


def balance_event(data: PublicEvent) -> BalanceEvent | None:
    """Return what a wallet's event means here, None if no money moved. Raises UnknownEvent."""
    match data:
        case wallet.TopUp():
            return Credited(Kind.TOPUP, data.store_id, data.issuer, data.amount)
        case wallet.ChangeSaved():
            return Credited(Kind.CHANGE, data.store_id, data.issuer, data.amount)
        case wallet.ChangeRedeemed():
            return Spent(Kind.REDEMPTION, data.store_id, _own(data.allocations))
        case wallet.CashedOut():
            return Spent(Kind.CASHOUT, data.store_id, _own(data.allocations))
        case wallet.SaleRecorded():
            return None
        case _:
            raise UnknownEvent(type(data).__name__)


def _own(allocations: Allocations) -> tuple[Allocation, ...]:
    return tuple(Allocation(a.issuer, a.amount) for a in allocations)


def totals_of(moved: Iterable[MovementRow]) -> list[TotalRow]:
    """Return the sums of `moved` per (partition, store), in that order."""
    sums: dict[tuple[int, str], TotalRow] = {}
    for row in moved:
        key = (row.partition, row.store_id)
        before = sums.get(key) or TotalRow(*key, 0, 0, 0, row.position, row.recorded_at)
        figures = moved_by(
            Position(*before[2:5]),
            Movement(row.store_id, row.receivable, row.liability, row.issued),
        )
        sums[key] = TotalRow(
            *key,
            figures.receivable,
            figures.liability,
            figures.issued,
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
