"""What a till is told of an entry that was made: the fields in the order of the answer."""

from typing import TypeAlias

from msgspec import Struct

from wallet_ledger import domain


class Sold(Struct, frozen=True, gc=False):
    """What became of a sale, in the order of the answer's fields."""

    event_id: str
    change: int
    saved: int
    cash_returned: int
    balance: int
    available: int
    ledger_position: str


class Moved(Struct, frozen=True, gc=False):
    """What became of a top-up or a cash-out."""

    event_id: str
    amount: int
    balance: int
    available: int
    ledger_position: str


class Spent(Struct, frozen=True, gc=False):
    """What became of a payment with the card."""

    event_id: str
    amount: int
    allocations: tuple[domain.Allocation, ...]
    balance: int
    available: int
    ledger_position: str


TillOutcome: TypeAlias = Sold | Moved | Spent

Left = tuple[int, int, str]
"""Balance and what is available of it, rupiah, and the ledger position: the end of an answer."""


def till_outcome(event_id: str, event: domain.TillEvent, left: Left) -> TillOutcome:
    """Return what a till is told of the one event that its command caused."""
    match event:
        case domain.ChangeSaved():
            saved, returned = event.amount, event.cash_returned
            return Sold(event_id, saved + returned, saved, returned, *left)
        case domain.ChangeRedeemed():
            return Spent(event_id, event.amount, event.allocations, *left)
        case domain.TopUp() | domain.CashedOut():
            return Moved(event_id, event.amount, *left)
        case domain.SaleRecorded(_, _, _, change):
            return Sold(event_id, change, 0, change, *left)
