"""The rules of a member's wallet, by what is done with it: one decider, one fold, one double entry.

The standard library and msgspec's structs only (decision 0037). `wallet` is the state and the rules
that all share; `till`, `payments` (of `holds` and `refunds`, which share `parts`) and `reversals`
are what can happen to it.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import reduce
from typing import TypeAlias

from wallet_ledger.domain import payments, reversals, till
from wallet_ledger.domain.holds import (
    ConfirmHold,
    ExpireHold,
    HoldExpired,
    NotDue,
    NotHeld,
    PaymentDebited,
    PaymentExists,
    PaymentHeld,
    PaymentHoldReleased,
    PaymentTooLarge,
    PlaceHold,
    ReleaseHold,
)
from wallet_ledger.domain.parts import UnknownPayment
from wallet_ledger.domain.payments import PaymentCommand, PaymentEvent
from wallet_ledger.domain.refunds import PaymentRefunded, RefundPayment, RefundTooLarge
from wallet_ledger.domain.reversals import (
    ApproveReversal,
    Entry,
    EntryReversed,
    NotReversible,
    OwnRequest,
    RejectReversal,
    RequestReversal,
    ReversalCommand,
    ReversalEvent,
    ReversalRejected,
    ReversalRequested,
    UnknownReversal,
    entry_of,
)
from wallet_ledger.domain.till import (
    CashedOut,
    CashOut,
    ChangeRedeemed,
    ChangeSaved,
    RecordSale,
    Redeem,
    SaleRecorded,
    TenderedTooLittle,
    Till,
    TillCommand,
    TillEvent,
    TopUp,
    TopUpWithCash,
)
from wallet_ledger.domain.wallet import (
    BALANCE_MAX,
    Allocation,
    BalanceTooLarge,
    InsufficientFunds,
    Part,
    Payment,
    Posting,
    Rejected,
    Reversal,
    Wallet,
    WrongState,
    allocate,
)

Command: TypeAlias = TillCommand | PaymentCommand | ReversalCommand
Event: TypeAlias = TillEvent | PaymentEvent | ReversalEvent


def decide(wallet: Wallet, command: Command, now: datetime) -> Sequence[Event]:
    """Return the events that `command` causes; `now` is the database's clock. Raises Rejected."""
    if isinstance(command, TillCommand):
        return [till.decide(wallet, command)]
    if isinstance(command, PaymentCommand):
        return payments.decide(wallet, command, now)
    return reversals.decide(wallet, command)


def evolve(wallet: Wallet, event: Event) -> Wallet:
    """Apply one recorded fact. Never validates: history cannot be refused."""
    if isinstance(event, TillEvent):
        return till.evolve(wallet, event)
    if isinstance(event, PaymentEvent):
        return payments.evolve(wallet, event)
    return reversals.evolve(wallet, event)


def fold(events: Iterable[Event], wallet: Wallet | None = None) -> Wallet:
    """Return the wallet after `events`, in order."""
    return reduce(evolve, events, wallet or Wallet())


def postings(wallet_id: str, event: Event) -> tuple[Posting, ...]:
    """Return the double entry of one event; the amounts sum to 0."""
    if isinstance(event, TillEvent):
        return till.postings(wallet_id, event)
    if isinstance(event, PaymentEvent):
        return payments.postings(wallet_id, event)
    return reversals.postings(wallet_id, event)


def booked(wallet: Wallet, wallet_id: str, event: Event) -> tuple[Wallet, tuple[Posting, ...]]:
    """Return the wallet one event later and the event's double entry: `evolve` and `postings`."""
    if isinstance(event, TillEvent):  # nearly all of a ledger, and their moves are made once
        return till.booked(wallet, wallet_id, event)
    return evolve(wallet, event), postings(wallet_id, event)


__all__ = [
    "BALANCE_MAX",
    "Allocation",
    "ApproveReversal",
    "BalanceTooLarge",
    "CashOut",
    "CashedOut",
    "ChangeRedeemed",
    "ChangeSaved",
    "Command",
    "ConfirmHold",
    "Entry",
    "EntryReversed",
    "Event",
    "ExpireHold",
    "HoldExpired",
    "InsufficientFunds",
    "NotDue",
    "NotHeld",
    "NotReversible",
    "OwnRequest",
    "Part",
    "Payment",
    "PaymentCommand",
    "PaymentDebited",
    "PaymentEvent",
    "PaymentExists",
    "PaymentHeld",
    "PaymentHoldReleased",
    "PaymentRefunded",
    "PaymentTooLarge",
    "PlaceHold",
    "Posting",
    "RecordSale",
    "Redeem",
    "RefundPayment",
    "RefundTooLarge",
    "RejectReversal",
    "Rejected",
    "ReleaseHold",
    "RequestReversal",
    "Reversal",
    "ReversalCommand",
    "ReversalEvent",
    "ReversalRejected",
    "ReversalRequested",
    "SaleRecorded",
    "TenderedTooLittle",
    "Till",
    "TillCommand",
    "TillEvent",
    "TopUp",
    "TopUpWithCash",
    "UnknownPayment",
    "UnknownReversal",
    "Wallet",
    "WrongState",
    "allocate",
    "booked",
    "decide",
    "entry_of",
    "evolve",
    "fold",
    "postings",
]
