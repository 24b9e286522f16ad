"""The events of a till as they are written: the fields of their contracts, in canonical order.

So they are encoded without being sorted first. That they say what the contracts say, in the order
of RFC 8785, is shown by tests for every event.
"""

from typing import TypeAlias

from msgspec import Struct

from wallet_ledger import domain


class Allocation(Struct, frozen=True, gc=False):
    """How much came out of the bucket of `issuer`."""

    amount: int
    issuer: str


class TopUp(Struct, frozen=True, gc=False):
    """Cash paid in."""

    amount: int
    balance: int
    card_number: str
    cashier_id: str
    issuer: str
    postings: tuple[domain.Posting, ...]
    store_id: str
    wallet_id: str


class ChangeSaved(Struct, frozen=True, gc=False):
    """Change kept on the card."""

    amount: int
    balance: int
    card_number: str
    cash_returned: int
    cashier_id: str
    issuer: str
    postings: tuple[domain.Posting, ...]
    sale_total: int
    store_id: str
    tendered: int
    wallet_id: str


class SaleRecorded(Struct, frozen=True, gc=False):
    """A sale of which nothing was kept."""

    balance: int
    card_number: str
    cash_returned: int
    cashier_id: str
    postings: tuple[domain.Posting, ...]
    sale_total: int
    store_id: str
    tendered: int
    wallet_id: str


class Spent(Struct, frozen=True, gc=False):
    """A payment with the card, or cash paid out: both have the same fields."""

    allocations: list[Allocation]
    amount: int
    balance: int
    card_number: str
    cashier_id: str
    postings: tuple[domain.Posting, ...]
    store_id: str
    wallet_id: str


TillForm: TypeAlias = TopUp | ChangeSaved | SaleRecorded | Spent


def form_of(wallet_id: str, event: domain.TillEvent, balance: int) -> TillForm:
    """Return the public form of `event`; `balance` is the wallet's after it, rupiah."""
    till = event.till
    card, store, cashier = till.card_number, till.store_id, till.cashier_id
    postings = domain.postings(wallet_id, event)
    match event:
        case domain.ChangeSaved():
            return ChangeSaved(
                event.amount,
                balance,
                card,
                event.cash_returned,
                cashier,
                event.issuer,
                postings,
                event.sale_total,
                store,
                event.tendered,
                wallet_id,
            )
        case domain.ChangeRedeemed() | domain.CashedOut():
            taken = [Allocation(a.amount, a.issuer) for a in event.allocations]
            return Spent(taken, event.amount, balance, card, cashier, postings, store, wallet_id)
        case domain.TopUp(_, issuer, amount):
            return TopUp(amount, balance, card, cashier, issuer, postings, store, wallet_id)
        case domain.SaleRecorded(_, total, tendered, returned):
            return SaleRecorded(
                balance, card, returned, cashier, postings, total, store, tendered, wallet_id
            )
