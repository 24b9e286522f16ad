"""The rules of a member's wallet: what a till may do with it, and whose money is spent.

A wallet is a set of buckets, one per issuer (the store that holds the money). All amounts are whole
rupiah. Nothing here reads a clock, draws a number or knows how it is stored.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import TypeAlias

BALANCE_MAX = 9_000_000_000_000_000
"""Rupiah that one wallet may hold: every reader of JSON knows whole numbers up to 2^53 exactly."""


@dataclass(frozen=True, slots=True)
class Till:
    """Where a command comes from: the card that was scanned, the store and who stood there."""

    card_number: str
    store_id: str
    cashier_id: str


@dataclass(frozen=True, slots=True)
class Allocation:
    """How much of a spending comes out of the bucket that `issuer` holds."""

    issuer: str
    amount: int


@dataclass(frozen=True, slots=True)
class Posting:
    """One leg of a double entry: rupiah credited to `account`, negative = debited."""

    account: str
    amount: int


# Commands


@dataclass(frozen=True, slots=True)
class TopUpWithCash:
    """Take `amount` in cash; the store then holds it for the member."""

    till: Till
    amount: int


@dataclass(frozen=True, slots=True)
class RecordSale:
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


@dataclass(frozen=True, slots=True)
class Redeem:
    """Pay `amount` with the wallet, at the till's store, out of any bucket."""

    till: Till
    amount: int


@dataclass(frozen=True, slots=True)
class CashOut:
    """Hand `amount` out in cash: only what this store itself holds."""

    till: Till
    amount: int


Command: TypeAlias = TopUpWithCash | RecordSale | Redeem | CashOut


# Events


@dataclass(frozen=True, slots=True)
class TopUp:
    """`issuer` holds `amount` more."""

    till: Till
    issuer: str
    amount: int


@dataclass(frozen=True, slots=True)
class ChangeSaved:
    """`issuer` holds `amount` more, left over from a sale; `cash_returned` was handed back."""

    till: Till
    issuer: str
    amount: int
    sale_total: int
    tendered: int
    cash_returned: int


@dataclass(frozen=True, slots=True)
class SaleRecorded:
    """A sale of which nothing was saved; no balance moves."""

    till: Till
    sale_total: int
    tendered: int
    cash_returned: int


@dataclass(frozen=True, slots=True)
class ChangeRedeemed:
    """`amount` was spent at the till's store, out of the buckets that `allocations` name."""

    till: Till
    amount: int
    allocations: tuple[Allocation, ...]


@dataclass(frozen=True, slots=True)
class CashedOut:
    """`amount` was handed out in cash by the store that held it."""

    till: Till
    amount: int
    allocations: tuple[Allocation, ...]


Credit: TypeAlias = TopUp | ChangeSaved | SaleRecorded
Event: TypeAlias = TopUp | ChangeSaved | SaleRecorded | ChangeRedeemed | CashedOut


# State


@dataclass(frozen=True, slots=True)
class Wallet:
    """One member's money: issuer -> rupiah; `version` counts its events."""

    buckets: Mapping[str, int] = field(default_factory=dict[str, int])
    version: int = 0

    @property
    def balance(self) -> int:
        """The sum of all buckets, rupiah."""
        return sum(self.buckets.values())


# Refusals


class Rejected(Exception):
    """A command that the rules refuse; nothing changes."""


class InsufficientFunds(Rejected):
    """More was asked for than there is: `available` rupiah, `shortfall` more were needed."""

    def __init__(self, available: int, requested: int) -> None:
        super().__init__(f"available={available} requested={requested}")
        self.available = available
        self.shortfall = requested - available


class BalanceTooLarge(Rejected):
    """The wallet would hold more than BALANCE_MAX; `field` is what the till asked too much in."""

    def __init__(self, balance: int, amount: int, field: str) -> None:
        super().__init__(f"balance={balance} amount={amount}")
        self.field = field


class TenderedTooLittle(Rejected):
    """The cash handed over does not cover the sale."""


def allocate(buckets: Mapping[str, int], store_id: str, amount: int) -> tuple[Allocation, ...]:
    """Return whose money pays `amount` at `store_id`, in the order in which buckets are emptied.

    The paying store's own bucket first, then the others, largest first, ties by store id as text.
    Raises InsufficientFunds. Source: requirements B4; paper B, figures 10 to 12.
    """
    available = sum(buckets.values())
    if amount > available:
        raise InsufficientFunds(available, amount)
    order = sorted(buckets, key=lambda issuer: (issuer != store_id, -buckets[issuer], issuer))
    allocations: list[Allocation] = []
    left = amount
    for issuer in order:
        taken = min(left, buckets[issuer])
        if taken > 0:
            allocations.append(Allocation(issuer, taken))
            left -= taken
    return tuple(allocations)


def decide(wallet: Wallet, command: Command) -> list[Event]:
    """Return the events that `command` causes. Raises Rejected."""
    match command:
        case TopUpWithCash(till, amount):
            return [_within_bounds(wallet, TopUp(till, till.store_id, amount))]
        case RecordSale():
            return [_within_bounds(wallet, _decide_sale(command))]
        case Redeem(till, amount):
            return [ChangeRedeemed(till, amount, allocate(wallet.buckets, till.store_id, amount))]
        case CashOut(till, amount):
            held = wallet.buckets.get(till.store_id, 0)
            if amount > held:
                raise InsufficientFunds(held, amount)
            return [CashedOut(till, amount, (Allocation(till.store_id, amount),))]


def _decide_sale(sale: RecordSale) -> ChangeSaved | SaleRecorded:
    """Save the change or hand it back, the whole of it. Source: requirements B2."""
    change = sale.tendered - sale.sale_total
    if change < 0:
        raise TenderedTooLittle(f"tendered={sale.tendered} sale_total={sale.sale_total}")
    unasked = sale.consented and change < sale.auto_save_below
    if change > 0 and (unasked or sale.save):
        issuer = sale.till.store_id
        return ChangeSaved(sale.till, issuer, change, sale.sale_total, sale.tendered, 0)
    return SaleRecorded(sale.till, sale.sale_total, sale.tendered, change)


def _within_bounds(wallet: Wallet, event: Credit) -> Credit:
    if not isinstance(event, SaleRecorded) and wallet.balance + event.amount > BALANCE_MAX:
        field = "amount" if isinstance(event, TopUp) else "tendered"
        raise BalanceTooLarge(wallet.balance, event.amount, field)
    return event


def evolve(wallet: Wallet, event: Event) -> Wallet:
    """Apply one recorded fact. Never validates: history cannot be refused."""
    match event:
        case TopUp(_, issuer, amount) | ChangeSaved(_, issuer, amount):
            moved = {issuer: wallet.buckets.get(issuer, 0) + amount}
        case SaleRecorded():
            moved = {}
        case ChangeRedeemed(_, _, allocations) | CashedOut(_, _, allocations):
            moved = {a.issuer: wallet.buckets.get(a.issuer, 0) - a.amount for a in allocations}
    return replace(wallet, buckets={**wallet.buckets, **moved}, version=wallet.version + 1)


def fold(events: Iterable[Event], wallet: Wallet | None = None) -> Wallet:
    """Return the wallet after `events`, in order."""
    return reduce(evolve, events, wallet or Wallet())


def postings(wallet_id: str, event: Event) -> tuple[Posting, ...]:
    """Return the double entry of one event; the amounts sum to 0.

    `wallet:<id>:<issuer>` is what the issuer owes the member; `store:<id>:cash` is the drawer,
    `store:<id>:redeemed` what the store was paid with members' money.
    """
    match event:
        case TopUp(till, issuer, amount) | ChangeSaved(till, issuer, amount):
            credited = Posting(f"wallet:{wallet_id}:{issuer}", amount)
            return (credited, Posting(f"store:{till.store_id}:cash", -amount))
        case SaleRecorded():
            return ()
        case ChangeRedeemed(till, amount, allocations):
            return _debits(wallet_id, allocations, f"store:{till.store_id}:redeemed", amount)
        case CashedOut(till, amount, allocations):
            return _debits(wallet_id, allocations, f"store:{till.store_id}:cash", amount)


def _debits(
    wallet_id: str, allocations: Iterable[Allocation], account: str, amount: int
) -> tuple[Posting, ...]:
    debits = tuple(Posting(f"wallet:{wallet_id}:{a.issuer}", -a.amount) for a in allocations)
    return (*debits, Posting(account, amount))
