"""Domain event to public contract and back: pure, before the append; the stored bytes are sent."""

from datetime import datetime
from uuid import UUID

from events import envelope
from events.contracts import PublicEvent, name_of
from events.contracts import base as public
from events.contracts import wallet as contract
from events.log import NewEvent
from wallet_ledger import domain

SOURCE = "wallet-ledger"


class NotAWalletEvent(ValueError):
    """A contract of another context turned up in a wallet's history."""


def to_contract(wallet_id: str, event: domain.Event, balance: int) -> PublicEvent:
    """Return the public form of `event`; `balance` is the wallet's after it, rupiah."""
    till = event.till
    common = {
        "wallet_id": wallet_id,
        "card_number": till.card_number,
        "store_id": till.store_id,
        "cashier_id": till.cashier_id,
        "balance": balance,
        "postings": tuple(
            public.Posting(account=p.account, amount=p.amount)
            for p in domain.postings(wallet_id, event)
        ),
    }
    match event:
        case domain.TopUp(_, issuer, amount):
            return contract.TopUp.model_validate({**common, "issuer": issuer, "amount": amount})
        case domain.ChangeSaved(_, issuer, amount, sale_total, tendered, cash_returned):
            sale = {"sale_total": sale_total, "tendered": tendered, "cash_returned": cash_returned}
            return contract.ChangeSaved.model_validate(
                {**common, **sale, "issuer": issuer, "amount": amount}
            )
        case domain.SaleRecorded(_, sale_total, tendered, cash_returned):
            sale = {"sale_total": sale_total, "tendered": tendered, "cash_returned": cash_returned}
            return contract.SaleRecorded.model_validate({**common, **sale})
        case domain.ChangeRedeemed(_, amount, allocations):
            spent = {"amount": amount, "allocations": _allocations(allocations)}
            return contract.ChangeRedeemed.model_validate({**common, **spent})
        case domain.CashedOut(_, amount, allocations):
            spent = {"amount": amount, "allocations": _allocations(allocations)}
            return contract.CashedOut.model_validate({**common, **spent})


def _allocations(allocations: tuple[domain.Allocation, ...]) -> tuple[public.Allocation, ...]:
    return tuple(public.Allocation(issuer=a.issuer, amount=a.amount) for a in allocations)


def from_contract(event: PublicEvent) -> domain.Event:
    """Return the domain form of a recorded fact. Raises NotAWalletEvent."""
    if not isinstance(event, contract.TillEvent):
        raise NotAWalletEvent(type(event).__name__)
    till = domain.Till(event.card_number, event.store_id, event.cashier_id)
    match event:
        case contract.TopUp():
            return domain.TopUp(till, event.issuer, event.amount)
        case contract.ChangeSaved():
            sale = (event.sale_total, event.tendered, event.cash_returned)
            return domain.ChangeSaved(till, event.issuer, event.amount, *sale)
        case contract.SaleRecorded():
            return domain.SaleRecorded(till, event.sale_total, event.tendered, event.cash_returned)
        case contract.ChangeRedeemed():
            return domain.ChangeRedeemed(till, event.amount, _own(event.allocations))
        case contract.CashedOut():
            return domain.CashedOut(till, event.amount, _own(event.allocations))
        case _:
            raise NotAWalletEvent(type(event).__name__)


def _own(allocations: tuple[public.Allocation, ...]) -> tuple[domain.Allocation, ...]:
    return tuple(domain.Allocation(a.issuer, a.amount) for a in allocations)


def seal(
    wallet_id: str,
    event: domain.Event,
    wallet: domain.Wallet,
    *,
    event_id: UUID,
    time: datetime,
    cause: envelope.Cause,
) -> NewEvent:
    """Return the event as it will be stored and published; `wallet` is the state after it."""
    data = to_contract(wallet_id, event, wallet.balance)
    body = envelope.seal(
        data,
        source=SOURCE,
        event_id=event_id,
        stream=wallet_id,
        version=wallet.version,
        time=time,
        cause=cause,
    )
    return NewEvent(wallet_id, wallet.version, name_of(data), event_id, body)
