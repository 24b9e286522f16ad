"""Undoing an entry of a till that should not have been made: one person asks, another approves."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from wallet_ledger.domain.till import CashedOut, ChangeRedeemed, ChangeSaved, TillEvent, TopUp
from wallet_ledger.domain.wallet import (
    Allocation,
    InsufficientFunds,
    Posting,
    Rejected,
    Reversal,
    Wallet,
    WrongState,
    check_bounds,
    credits_of,
    debits_of,
    entries,
    moved,
)

Direction = Literal["credit", "debit"]
Account = Literal["cash", "redeemed"]


class Entry(Struct, frozen=True, gc=False):
    """What was entered at a till, as far as it can be undone; `account` is the store's side."""

    event_id: str
    card_number: str
    store_id: str
    direction: Direction
    account: Account
    allocations: tuple[Allocation, ...]

    @property
    def amount(self) -> int:
        """The rupiah that were entered."""
        return sum(a.amount for a in self.allocations)


# Commands


class RequestReversal(Struct, frozen=True, gc=False):
    """Ask that `entry` be undone."""

    reversal_id: str
    entry: Entry
    requested_by: str
    reason: str


class ApproveReversal(Struct, frozen=True, gc=False):
    """Undo `entry`, as somebody else asked."""

    reversal_id: str
    entry: Entry
    approved_by: str


class RejectReversal(Struct, frozen=True, gc=False):
    """Leave the entry as it is."""

    reversal_id: str
    rejected_by: str


ReversalCommand: TypeAlias = RequestReversal | ApproveReversal | RejectReversal


# Events


class ReversalRequested(Struct, frozen=True, gc=False):
    """Somebody asked that the entry `event_id` be undone."""

    reversal_id: str
    event_id: str
    requested_by: str
    reason: str


class ReversalRejected(Struct, frozen=True, gc=False):
    """The entry `event_id` stays."""

    reversal_id: str
    event_id: str
    rejected_by: str


class EntryReversed(Struct, frozen=True, gc=False):
    """`entry` is undone, in the buckets and at the store where it was made."""

    reversal_id: str
    entry: Entry
    requested_by: str
    approved_by: str
    reason: str


ReversalEvent: TypeAlias = ReversalRequested | ReversalRejected | EntryReversed


class NotReversible(Rejected):
    """Only an entry of a till that moved money can be reversed: a payment is refunded instead."""


class UnknownReversal(Rejected):
    """Nobody asked for this reversal."""


class OwnRequest(Rejected):
    """Who asked cannot be the second person."""


def entry_of(event_id: str, event: TillEvent) -> Entry:
    """Return what can be undone of an event. Raises NotReversible."""
    till = event.till
    match event:
        case TopUp(_, issuer, amount) | ChangeSaved(_, issuer, amount):
            moved_money = (Allocation(issuer, amount),)
            return Entry(event_id, till.card_number, till.store_id, "credit", "cash", moved_money)
        case ChangeRedeemed(_, _, spent):
            return Entry(event_id, till.card_number, till.store_id, "debit", "redeemed", spent)
        case CashedOut(_, _, spent):
            return Entry(event_id, till.card_number, till.store_id, "debit", "cash", spent)
        case _:
            raise NotReversible(event_id)


def decide(wallet: Wallet, command: ReversalCommand) -> Sequence[ReversalEvent]:
    """Return the event that `command` causes. Raises Rejected."""
    match command:
        case RequestReversal(reversal_id, entry, requested_by, reason):
            for other in wallet.reversals.values():
                if other.event_id == entry.event_id and other.state != "rejected":
                    raise WrongState(other.state)
            _check_possible(wallet, entry)
            return [ReversalRequested(reversal_id, entry.event_id, requested_by, reason)]
        case ApproveReversal(reversal_id, entry, approved_by):
            asked = _open(wallet, reversal_id)
            if approved_by == asked.requested_by:
                raise OwnRequest(approved_by)
            _check_possible(wallet, entry)
            return [
                EntryReversed(reversal_id, entry, asked.requested_by, approved_by, asked.reason)
            ]
        case RejectReversal(reversal_id, rejected_by):
            asked = _open(wallet, reversal_id)
            return [ReversalRejected(reversal_id, asked.event_id, rejected_by)]


def _open(wallet: Wallet, reversal_id: str) -> Reversal:
    known = wallet.reversals.get(reversal_id)
    if known is None:
        raise UnknownReversal(reversal_id)
    if known.state != "requested":
        raise WrongState(known.state)
    return known


def _check_possible(wallet: Wallet, entry: Entry) -> None:
    """Raises InsufficientFunds if the money is spent or set aside, BalanceTooLarge."""
    if entry.direction == "debit":
        check_bounds(wallet, entry.amount, "event_id")
        return
    free = wallet.free()
    for allocation in entry.allocations:
        left = free.get(allocation.issuer, 0)
        if allocation.amount > left:
            raise InsufficientFunds(left, allocation.amount)


def moves(event: ReversalEvent) -> list[tuple[str, int]]:
    """Return what one event adds to the buckets: (issuer, rupiah)."""
    match event:
        case ReversalRequested() | ReversalRejected():
            return []
        case EntryReversed(_, entry):
            undo = debits_of if entry.direction == "credit" else credits_of
            return undo(entry.allocations)


def evolve(wallet: Wallet, event: ReversalEvent) -> Wallet:
    """Apply one recorded fact. Never validates: history cannot be refused."""
    known = wallet.reversals.get(event.reversal_id)
    match event:
        case ReversalRequested(reversal_id, event_id, requested_by, reason):
            after = Reversal(reversal_id, event_id, "requested", requested_by, reason)
        case ReversalRejected():
            after = known and replace(known, state="rejected")
        case EntryReversed():
            after = known and replace(known, state="approved")
    return moved(wallet, moves(event), reversal=after)


def postings(wallet_id: str, event: ReversalEvent) -> tuple[Posting, ...]:
    """Return the double entry of one event: that of the entry with all signs turned."""
    match event:
        case ReversalRequested() | ReversalRejected():
            return ()
        case EntryReversed(_, entry):
            account = f"store:{entry.store_id}:{entry.account}"
            return entries(wallet_id, moves(event), account)
