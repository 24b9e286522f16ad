"""What a till may do with a wallet: save change, top up, redeem, pay out in cash."""

from typing import TypeAlias

from msgspec import Struct

from wallet_ledger.domain.wallet import (
    Allocation,
    InsufficientFunds,
    Posting,
    Rejected,
    Wallet,
    allocate,
    check_bounds,
    debits_of,
    entries,
    moved,
)


class Till(Struct, frozen=True, gc=False):
    """Where a command comes from: the card that was scanned, the store and who stood there."""

    card_number: str
    store_id: str
    cashier_id: str


# Commands


class TopUpWithCash(Struct, frozen=True, gc=False):
    """Take `amount` in cash; the store then holds it for the member."""

    till: Till
    amount: int


class RecordSale(Struct, frozen=True, gc=False):
    """A sale paid in cash, whose change is saved on the card or handed back.

    Below `auto_save_below` the change of a member who consented is saved without asking; else
    `save` says what the customer answered.
    """

    till: Till
    sale_total: int
    tendered: int
    save: bool
    consented: bool
    auto_save_below: int


class Redeem(Struct, frozen=True, gc=False):
    """Pay `amount` with the wallet, at the till's store, out of any bucket."""

    till: Till
    amount: int


class CashOut(Struct, frozen=True, gc=False):
    """Hand `amount` out in cash: only what this store itself holds."""

    till: Till
    amount: int


TillCommand: TypeAlias = TopUpWithCash | RecordSale | Redeem | CashOut


# Events


class TopUp(Struct, frozen=True, gc=False):
    """`issuer` holds `amount` more."""

    till: Till
    issuer: str
    amount: int


class ChangeSaved(Struct, frozen=True, gc=False):
    """`issuer` holds `amount` more, left over from a sale; `cash_returned` was handed back."""

    till: Till
    issuer: str
    amount: int
    sale_total: int
    tendered: int
    cash_returned: int


class SaleRecorded(Struct, frozen=True, gc=False):
    """A sale of which nothing was saved; no balance moves."""

    till: Till
    sale_total: int
    tendered: int
    cash_returned: int


class ChangeRedeemed(Struct, frozen=True, gc=False):
    """`amount` was spent at the till's store, out of the buckets that `allocations` name."""

    till: Till
    amount: int
    allocations: tuple[Allocation, ...]


class CashedOut(Struct, frozen=True, gc=False):
    """`amount` was handed out in cash by the store that held it."""

    till: Till
    amount: int
    allocations: tuple[Allocation, ...]


TillEvent: TypeAlias = TopUp | ChangeSaved | SaleRecorded | ChangeRedeemed | CashedOut


class TenderedTooLittle(Rejected):
    """The cash handed over does not cover the sale."""


def decide(wallet: Wallet, command: TillCommand) -> TillEvent:
    """Return the event that `command` causes. Raises Rejected."""
    match command:
        case RecordSale():
            return _decide_sale(wallet, command)
        case Redeem():
            parts = [(command.till.store_id, command.amount)]
            (allocations,) = allocate(wallet.free(), parts)
            return ChangeRedeemed(command.till, command.amount, allocations)
        case TopUpWithCash():
            check_bounds(wallet, command.amount, "amount")
            return TopUp(command.till, command.till.store_id, command.amount)
        case CashOut(till, amount):
            free = wallet.free().get(till.store_id, 0)
            if amount > free:
                raise InsufficientFunds(free, amount)
            return CashedOut(till, amount, (Allocation(till.store_id, amount),))


def _decide_sale(wallet: Wallet, sale: RecordSale) -> ChangeSaved | SaleRecorded:
    """Save the change or hand it back, the whole of it. Source: requirements B2."""
    change = sale.tendered - sale.sale_total
    if change < 0:
        raise TenderedTooLittle(f"tendered={sale.tendered} sale_total={sale.sale_total}")
    unasked = sale.consented and change < sale.auto_save_below
    if change > 0 and (unasked or sale.save):
        check_bounds(wallet, change, "tendered")
        issuer = sale.till.store_id
        return ChangeSaved(sale.till, issuer, change, sale.sale_total, sale.tendered, 0)
    return SaleRecorded(sale.till, sale.sale_total, sale.tendered, change)


def moves(event: TillEvent) -> list[tuple[str, int]]:
    """Return what one event adds to the buckets: (issuer, rupiah)."""
    match event:
        case TopUp() | ChangeSaved():
            return [(event.issuer, event.amount)]
        case ChangeRedeemed() | CashedOut():
            return debits_of(event.allocations)
        case SaleRecorded():
            return []


def evolve(wallet: Wallet, event: TillEvent) -> Wallet:
    """Apply one recorded fact. Never validates: history cannot be refused."""
    return moved(wallet, moves(event))


def postings(wallet_id: str, event: TillEvent) -> tuple[Posting, ...]:
    """Return the double entry of one event."""
    return _entries(wallet_id, event, moves(event))


def booked(wallet: Wallet, wallet_id: str, event: TillEvent) -> tuple[Wallet, tuple[Posting, ...]]:
    """Return what `evolve` and what `postings` return, for whoever wants both of many events."""
    made = moves(event)
    return moved(wallet, made), _entries(wallet_id, event, made)


def _entries(wallet_id: str, event: TillEvent, made: list[tuple[str, int]]) -> tuple[Posting, ...]:
    """Return the double entry of one event, given its moves.

    `store:<id>:cash` is the drawer, `store:<id>:redeemed` what was paid with members' money.
    """
    match event:
        case TopUp() | ChangeSaved() | CashedOut():
            return entries(wallet_id, made, f"store:{event.till.store_id}:cash")
        case ChangeRedeemed():
            return entries(wallet_id, made, f"store:{event.till.store_id}:redeemed")
        case SaleRecorded():
            return ()
