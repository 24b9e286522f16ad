"""Public event -> rows of the views: pure, so that a checker can make the same rows again."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from asyncpg.pgproto.pgproto import UUID

from events.contracts import catalog
from events.envelope import Envelope
from events.received import Received
from settlement.domain import Kind, movements, obligations, saved_and_paid
from settlement.meaning import (
    KINDS,
    MOVES_NOTHING,
    UnknownEvent,
    balance_event,
    card_and_cashier,
    moves,
)
from settlement.rows import EntryRow, MovementRow, ObligationRow, Rows, StoreRow, TotalRow

CREDITS: Final[dict[type[Any], str]] = {
    form: kind.value for form, kind in KINDS.items() if kind in (Kind.TOPUP, Kind.CHANGE)
}


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
