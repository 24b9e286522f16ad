"""Money set aside for an order: debited, let go or timed out, once.

A hold fixes its allocation when it is placed, so confirming it cannot fail for want of money.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from msgspec import Struct

from wallet_ledger.domain.parts import first, known, total
from wallet_ledger.domain.wallet import (
    Allocation,
    Part,
    Payment,
    Rejected,
    Wallet,
    WrongState,
    allocate,
)

ReleaseReason = Literal["released", "expired", "remainder"]

PAYMENT_MAX = 1_000_000_000_000
"""Rupiah that one order may come to, over all its stores: no event names more at once."""

# Commands


class PlaceHold(Struct, frozen=True, gc=False):
    """Set aside rupiah for the stores of an order, for `seconds` by the database's clock."""

    payment_id: str
    order_id: str
    parts: tuple[tuple[str, int], ...]
    """(store id, rupiah); the stores differ."""
    seconds: int


class ConfirmHold(Struct, frozen=True, gc=False):
    """Debit what is held: all of it, or these (store id, rupiah), and let go of the rest."""

    payment_id: str
    parts: tuple[tuple[str, int], ...] | None = None


class ReleaseHold(Struct, frozen=True, gc=False):
    """Let go of what is held."""

    payment_id: str


class ExpireHold(Struct, frozen=True, gc=False):
    """Let go of a hold whose time is over."""

    payment_id: str


HoldCommand: TypeAlias = PlaceHold | ConfirmHold | ReleaseHold | ExpireHold


# Events


class PaymentHeld(Struct, frozen=True, gc=False):
    """`parts` are set aside until `expires_at`."""

    payment_id: str
    order_id: str
    parts: tuple[Part, ...]
    expires_at: datetime

    @property
    def amount(self) -> int:
        """The sum of the parts, rupiah."""
        return total(self.parts)


class PaymentHoldReleased(Struct, frozen=True, gc=False):
    """`amount` is no longer set aside."""

    payment_id: str
    order_id: str
    amount: int
    reason: ReleaseReason


class PaymentDebited(Struct, frozen=True, gc=False):
    """One store's part was paid."""

    payment_id: str
    order_id: str
    store_id: str
    amount: int
    allocations: tuple[Allocation, ...]


HoldEvent: TypeAlias = PaymentHeld | PaymentHoldReleased | PaymentDebited


# Refusals


class PaymentExists(Rejected):
    """The wallet has a hold of this id already."""


class HoldExpired(Rejected):
    """The time of the hold is over."""


class NotDue(Rejected):
    """The time of the hold is not over: by a clock that was set back, or for an impatient sweep."""


class PaymentTooLarge(Rejected):
    """The parts of a hold come to more than PAYMENT_MAX."""


class NotHeld(Rejected):
    """A confirmation asks more for a store than is held for it, or nothing at all."""


def decide(wallet: Wallet, command: HoldCommand, now: datetime) -> Sequence[HoldEvent]:
    """Return the events that `command` causes at `now`, the database's clock. Raises Rejected."""
    match command:
        case PlaceHold():
            return [_decide_hold(wallet, command, now)]
        case ConfirmHold(payment_id, parts):
            payment = _held(wallet, payment_id)
            if now >= payment.expires_at:
                raise HoldExpired(payment_id)
            return _decide_confirmation(payment, parts)
        case ReleaseHold(payment_id):
            return [_release(_held(wallet, payment_id), "released")]
        case ExpireHold(payment_id):
            payment = _held(wallet, payment_id)
            if now < payment.expires_at:
                raise NotDue(payment_id)
            return [_release(payment, "expired")]


def _decide_hold(wallet: Wallet, command: PlaceHold, now: datetime) -> PaymentHeld:
    if command.payment_id in wallet.payments:
        raise PaymentExists(command.payment_id)
    ordered = sorted(command.parts)
    amount = sum(amount for _, amount in ordered)
    if amount > PAYMENT_MAX:
        raise PaymentTooLarge(f"requested={amount}")
    taken = allocate(wallet.free(), ordered)
    parts = tuple(
        Part(store_id, amount, allocations)
        for (store_id, amount), allocations in zip(ordered, taken, strict=True)
    )
    expires_at = now + timedelta(seconds=command.seconds)
    return PaymentHeld(command.payment_id, command.order_id, parts, expires_at)


def _held(wallet: Wallet, payment_id: str) -> Payment:
    payment = known(wallet, payment_id)
    if payment.state == "expired":
        raise HoldExpired(payment_id)
    if payment.state != "held":
        raise WrongState(payment.state)
    return payment


def _release(payment: Payment, reason: ReleaseReason) -> PaymentHoldReleased:
    held = total(payment.held)
    return PaymentHoldReleased(payment.payment_id, payment.order_id, held, reason)


def _decide_confirmation(
    payment: Payment, parts: tuple[tuple[str, int], ...] | None
) -> list[HoldEvent]:
    held = {part.store_id: part for part in payment.held}
    everything = ((part.store_id, part.amount) for part in payment.held)
    asked = sorted(everything if parts is None else parts)
    if not asked:
        raise NotHeld("nothing is asked for")
    events: list[HoldEvent] = []
    for store_id, amount in asked:
        part = held.pop(store_id, None)  # named twice, a store would get twice what is held
        if part is None or amount > part.amount:
            raise NotHeld(f"{store_id=} requested={amount}")
        spent = first(part.allocations, amount)
        ids = (payment.payment_id, payment.order_id)
        events.append(PaymentDebited(*ids, store_id, amount, spent))
    rest = total(payment.held) - sum(amount for _, amount in asked)
    if rest:
        ids = (payment.payment_id, payment.order_id)
        events.append(PaymentHoldReleased(*ids, rest, "remainder"))
    return events
