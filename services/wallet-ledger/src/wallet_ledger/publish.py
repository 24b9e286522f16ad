"""Domain event to public form and back: pure, before the append; the stored bytes are sent.

`data_of` makes plain data, which nobody validates again on the way of a payment: that it keeps the
contract is shown by tests for every event.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from events.canonical import canonical_form
from events.contracts import CONTRACTS, PublicEvent, lean
from events.contracts import base as public
from events.contracts import wallet as contract
from events.envelope import timestamp
from events.log import NewEvent
from events.written import Cause, seal_plain
from wallet_ledger import domain
from wallet_ledger.till_forms import form_of

SOURCE = "wallet-ledger"

Data = dict[str, Any]

NAMES: dict[type[domain.Event], str] = {
    domain.TopUp: "kembalian.wallet.TopUp.v1",
    domain.ChangeSaved: "kembalian.wallet.ChangeSaved.v1",
    domain.SaleRecorded: "kembalian.wallet.SaleRecorded.v1",
    domain.ChangeRedeemed: "kembalian.wallet.ChangeRedeemed.v1",
    domain.CashedOut: "kembalian.wallet.CashedOut.v1",
    domain.PaymentHeld: "kembalian.wallet.PaymentHeld.v1",
    domain.PaymentHoldReleased: "kembalian.wallet.PaymentHoldReleased.v1",
    domain.PaymentDebited: "kembalian.wallet.PaymentDebited.v1",
    domain.PaymentRefunded: "kembalian.wallet.PaymentRefunded.v1",
    domain.ReversalRequested: "kembalian.wallet.ReversalRequested.v1",
    domain.ReversalRejected: "kembalian.wallet.ReversalRejected.v1",
    domain.EntryReversed: "kembalian.wallet.EntryReversed.v1",
}
"""The stored name of each domain event: an explicit text, whatever its class is called."""


class NotAWalletEvent(ValueError):
    """A contract of another context turned up in a wallet's history."""


def data_of(wallet_id: str, event: domain.Event, balance: int) -> Data:
    """Return the data of `event` in public; `balance` is the wallet's after it, rupiah."""
    if isinstance(event, domain.TillEvent):
        return msgspec.json.decode(canonical_form(form_of(wallet_id, event, balance)))
    legs = [{"account": p.account, "amount": p.amount} for p in domain.postings(wallet_id, event)]
    return {**_other_data(event), "wallet_id": wallet_id, "balance": balance, "postings": legs}


def _other_data(event: domain.PaymentEvent | domain.ReversalEvent) -> Data:
    match event:
        case domain.PaymentHeld():
            parts = [
                {
                    "store_id": p.store_id,
                    "amount": p.amount,
                    "allocations": _allocations(p.allocations),
                }
                for p in event.parts
            ]
            until = timestamp(event.expires_at)
            return {**_payment(event), "amount": event.amount, "parts": parts, "expires_at": until}
        case domain.PaymentHoldReleased(_, _, amount, reason):
            return {**_payment(event), "amount": amount, "reason": reason}
        case domain.PaymentDebited(_, _, store_id, amount, spent) | domain.PaymentRefunded(
            _, _, store_id, amount, spent
        ):
            moved = {"store_id": store_id, "amount": amount, "allocations": _allocations(spent)}
            return {**_payment(event), **moved}
        case domain.ReversalRequested(reversal_id, event_id, requested_by, reason):
            asked = {"requested_by": requested_by, "reason": reason}
            return {"reversal_id": reversal_id, "event_id": event_id, **asked}
        case domain.ReversalRejected(reversal_id, event_id, rejected_by):
            return {"reversal_id": reversal_id, "event_id": event_id, "rejected_by": rejected_by}
        case domain.EntryReversed(reversal_id, entry):
            return {
                "reversal_id": reversal_id,
                "event_id": entry.event_id,
                "card_number": entry.card_number,
                "store_id": entry.store_id,
                "amount": entry.amount,
                "allocations": _allocations(entry.allocations),
                "direction": entry.direction,
                "account": entry.account,
                "requested_by": event.requested_by,
                "approved_by": event.approved_by,
                "reason": event.reason,
            }


def _payment(event: domain.PaymentEvent) -> Data:
    return {"payment_id": event.payment_id, "order_id": event.order_id}


def _allocations(allocations: Iterable[domain.Allocation]) -> list[Data]:
    return [{"issuer": a.issuer, "amount": a.amount} for a in allocations]


def to_contract(wallet_id: str, event: domain.Event, balance: int) -> PublicEvent:
    """Return the public contract of `event`, validated. Raises pydantic.ValidationError."""
    return CONTRACTS[NAMES[type(event)]].model_validate(data_of(wallet_id, event, balance))


def from_contract(event: PublicEvent | lean.AnyLeanEvent) -> domain.Event:
    """Return the domain form of a recorded fact. Raises NotAWalletEvent."""
    match event:
        case lean.TillEvent() | contract.TillEvent():
            return _till_event(event)
        case contract.PaymentEvent():
            return _payment_event(event)
        case contract.ReversalRequested():
            asked = (event.requested_by, event.reason)
            return domain.ReversalRequested(event.reversal_id, event.event_id, *asked)
        case contract.ReversalRejected():
            return domain.ReversalRejected(event.reversal_id, event.event_id, event.rejected_by)
        case contract.EntryReversed():
            where = (event.event_id, event.card_number, event.store_id)
            entry = domain.Entry(*where, event.direction, event.account, _own(event.allocations))
            decided = (event.requested_by, event.approved_by, event.reason)
            return domain.EntryReversed(event.reversal_id, entry, *decided)
        case _:
            raise NotAWalletEvent(type(event).__name__)


def _till_event(event: lean.TillEvent | contract.TillEvent) -> domain.TillEvent:
    till = domain.Till(event.card_number, event.store_id, event.cashier_id)
    match event:
        case lean.TopUp() | contract.TopUp():
            return domain.TopUp(till, event.issuer, event.amount)
        case lean.ChangeSaved() | contract.ChangeSaved():
            sale = (event.sale_total, event.tendered, event.cash_returned)
            return domain.ChangeSaved(till, event.issuer, event.amount, *sale)
        case contract.SaleRecorded():
            return domain.SaleRecorded(till, event.sale_total, event.tendered, event.cash_returned)
        case lean.ChangeRedeemed() | contract.ChangeRedeemed():
            return domain.ChangeRedeemed(till, event.amount, _own(event.allocations))
        case contract.CashedOut():
            return domain.CashedOut(till, event.amount, _own(event.allocations))
        case _:
            raise NotAWalletEvent(type(event).__name__)


def _payment_event(event: contract.PaymentEvent) -> domain.PaymentEvent:
    ids = (event.payment_id, event.order_id)
    match event:
        case contract.PaymentHeld():
            parts = tuple(
                domain.Part(p.store_id, p.amount, _own(p.allocations)) for p in event.parts
            )
            return domain.PaymentHeld(*ids, parts, datetime.fromisoformat(event.expires_at))
        case contract.PaymentHoldReleased():
            return domain.PaymentHoldReleased(*ids, event.amount, event.reason)
        case contract.PaymentDebited():
            spent = _own(event.allocations)
            return domain.PaymentDebited(*ids, event.store_id, event.amount, spent)
        case contract.PaymentRefunded():
            back = _own(event.allocations)
            return domain.PaymentRefunded(*ids, event.store_id, event.amount, back)
        case _:
            raise NotAWalletEvent(type(event).__name__)


def _own(
    allocations: tuple[public.Allocation, ...] | tuple[lean.Allocation, ...],
) -> tuple[domain.Allocation, ...]:
    return tuple(domain.Allocation(a.issuer, a.amount) for a in allocations)


def seal(
    wallet_id: str,
    event: domain.Event,
    wallet: domain.Wallet,
    *,
    event_id: UUID,
    shown_id: str,
    time: str,
    cause: Cause,
) -> NewEvent:
    """Return the event as it will be stored and published; `wallet` is the state after it.

    `shown_id` and `time`: the event's id and the moment of the decision as events name them.
    """
    name, balance = NAMES[type(event)], wallet.balance
    body = seal_plain(
        name,
        form_of(wallet_id, event, balance)
        if isinstance(event, domain.TillEvent)
        else data_of(wallet_id, event, balance),
        source=SOURCE,
        event_id=shown_id,
        stream=wallet_id,
        version=wallet.version,
        time=time,
        cause=cause,
    )
    return NewEvent(wallet_id, wallet.version, name, event_id, body)
