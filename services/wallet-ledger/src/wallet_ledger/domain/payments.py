"""Payments of online orders: money is set aside, then debited, released or timed out, once.

A hold fixes its allocation when it is placed, so confirming it cannot fail for want of money. After
the confirmation there are only refunds.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from wallet_ledger.domain.wallet import (
    Allocation,
    Part,
    Payment,
    Posting,
    Rejected,
    Wallet,
    WrongState,
    allocate,
    check_bounds,
    credits_of,
    debits_of,
    entries,
    moved,
)

ReleaseReason = Literal["released", "expired", "remainder"]

PAYMENT_MAX = 1_000_000_000_000
"""Rupiah that one order may come to, over all its stores: no event names more at once."""

# Commands


@dataclass(frozen=True, slots=True)
class PlaceHold:
    """Set aside rupiah for the stores of an order, for `seconds` by the database's clock."""

    payment_id: str
    order_id: str
    parts: tuple[tuple[str, int], ...]
    """(store id, rupiah); the stores differ."""
    seconds: int


@dataclass(frozen=True, slots=True)
class ConfirmHold:
    """Debit what is held: all of it, or these (store id, rupiah), and let go of the rest."""

    payment_id: str
    parts: tuple[tuple[str, int], ...] | None = None


@dataclass(frozen=True, slots=True)
class ReleaseHold:
    """Let go of what is held."""

    payment_id: str


@dataclass(frozen=True, slots=True)
class ExpireHold:
    """Let go of a hold whose time is over."""

    payment_id: str


@dataclass(frozen=True, slots=True)
class RefundPayment:
    """Bring `amount` of one store's part back to the buckets that it came from."""

    payment_id: str
    store_id: str
    amount: int


PaymentCommand: TypeAlias = PlaceHold | ConfirmHold | ReleaseHold | ExpireHold | RefundPayment


# Events


@dataclass(frozen=True, slots=True)
class PaymentHeld:
    """`parts` are set aside until `expires_at`."""

    payment_id: str
    order_id: str
    parts: tuple[Part, ...]
    expires_at: datetime

    @property
    def amount(self) -> int:
        """The sum of the parts, rupiah."""
        return total(self.parts)


@dataclass(frozen=True, slots=True)
class PaymentHoldReleased:
    """`amount` is no longer set aside."""

    payment_id: str
    order_id: str
    amount: int
    reason: ReleaseReason


@dataclass(frozen=True, slots=True)
class PaymentDebited:
    """One store's part was paid."""

    payment_id: str
    order_id: str
    store_id: str
    amount: int
    allocations: tuple[Allocation, ...]


@dataclass(frozen=True, slots=True)
class PaymentRefunded:
    """`amount` of one store's part went back to the buckets that `allocations` name."""

    payment_id: str
    order_id: str
    store_id: str
    amount: int
    allocations: tuple[Allocation, ...]


PaymentEvent: TypeAlias = PaymentHeld | PaymentHoldReleased | PaymentDebited | PaymentRefunded


# Refusals


class UnknownPayment(Rejected):
    """The wallet has no hold of this id."""


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


class RefundTooLarge(Rejected):
    """More than was paid, less what went back already; `refundable` rupiah are left."""

    def __init__(self, refundable: int, requested: int) -> None:
        super().__init__(f"refundable={refundable} requested={requested}")
        self.refundable = refundable


def total(parts: Iterable[Part]) -> int:
    """Return the rupiah of all parts."""
    return sum(part.amount for part in parts)


def first(allocations: Iterable[Allocation], amount: int) -> tuple[Allocation, ...]:
    """Return the first `amount` rupiah of `allocations`, in order."""
    taken: list[Allocation] = []
    for allocation in allocations:
        some = min(amount, allocation.amount)
        if some > 0:
            taken.append(Allocation(allocation.issuer, some))
            amount -= some
    return tuple(taken)


def decide(wallet: Wallet, command: PaymentCommand, now: datetime) -> Sequence[PaymentEvent]:
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
        case RefundPayment():
            return [_decide_refund(wallet, command)]


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
    payment = _known(wallet, payment_id)
    if payment.state == "expired":
        raise HoldExpired(payment_id)
    if payment.state != "held":
        raise WrongState(payment.state)
    return payment


def _known(wallet: Wallet, payment_id: str) -> Payment:
    payment = wallet.payments.get(payment_id)
    if payment is None:
        raise UnknownPayment(payment_id)
    return payment


def _release(payment: Payment, reason: ReleaseReason) -> PaymentHoldReleased:
    held = total(payment.held)
    return PaymentHoldReleased(payment.payment_id, payment.order_id, held, reason)


def _decide_confirmation(
    payment: Payment, parts: tuple[tuple[str, int], ...] | None
) -> list[PaymentEvent]:
    held = {part.store_id: part for part in payment.held}
    everything = ((part.store_id, part.amount) for part in payment.held)
    asked = sorted(everything if parts is None else parts)
    if not asked:
        raise NotHeld("nothing is asked for")
    events: list[PaymentEvent] = []
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


def _decide_refund(wallet: Wallet, command: RefundPayment) -> PaymentRefunded:
    """Walk the part's allocations backwards. Source: design, "Order and payment"."""
    payment = _known(wallet, command.payment_id)
    if payment.state != "debited":
        raise WrongState(payment.state)
    paid = {part.store_id: part for part in payment.paid}.get(command.store_id)
    refundable = paid.amount if paid else 0
    if paid is None or command.amount > refundable:
        raise RefundTooLarge(refundable, command.amount)
    check_bounds(wallet, command.amount, "amount")
    back = first(reversed(paid.allocations), command.amount)
    return PaymentRefunded(
        payment.payment_id, payment.order_id, command.store_id, command.amount, back
    )


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
                held=_less(known.held, store_id, spent),
                paid=(*known.paid, Part(store_id, amount, spent)),
            )
            return moved(wallet, debits_of(spent), payment=debited)
        case PaymentRefunded(_, _, store_id, _, back):
            left = known and replace(known, paid=_less(known.paid, store_id, back))
            return moved(wallet, credits_of(back), payment=left)


def _less(
    parts: tuple[Part, ...], store_id: str, allocations: Iterable[Allocation]
) -> tuple[Part, ...]:
    """Return `parts` without `allocations` of one store's; what comes to nothing is left out."""
    gone = {a.issuer: a.amount for a in allocations}
    result: list[Part] = []
    for part in parts:
        if part.store_id != store_id:
            result.append(part)
            continue
        left = tuple(
            Allocation(a.issuer, a.amount - gone.get(a.issuer, 0))
            for a in part.allocations
            if a.amount > gone.get(a.issuer, 0)
        )
        if left:
            result.append(Part(store_id, sum(a.amount for a in left), left))
    return tuple(result)


def postings(wallet_id: str, event: PaymentEvent) -> tuple[Posting, ...]:
    """Return the double entry of one event; `store:<id>:paid` is what orders brought the store."""
    match event:
        case PaymentHeld() | PaymentHoldReleased():
            return ()
        case PaymentDebited(_, _, store_id, _, spent):
            return entries(wallet_id, spent, f"store:{store_id}:paid", sign=-1)
        case PaymentRefunded(_, _, store_id, _, back):
            return entries(wallet_id, back, f"store:{store_id}:paid", sign=1)
