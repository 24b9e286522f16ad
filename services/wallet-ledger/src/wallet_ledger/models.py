"""What the till sends and gets, as the API describes it. All money is whole rupiah."""

from typing import Annotated

from pydantic import BaseModel, Field

from web.models import Amount, Body, CardNumber, MemberId

Pin = Annotated[str, Field(pattern=r"^[0-9]{6}$")]


class ChangeRequest(Body):
    """A sale paid in cash: what it came to, what was handed over, and the customer's answer."""

    card_number: CardNumber
    sale_total: Amount
    tendered: Amount
    save: bool = False


class RedemptionRequest(Body):
    """A payment with the card."""

    card_number: CardNumber
    amount: Amount
    pin: Pin | None = None


class TopUpRequest(Body):
    """Cash paid in on the card."""

    card_number: CardNumber
    amount: Amount


class CashOutRequest(Body):
    """Cash paid out of this store's own bucket."""

    card_number: CardNumber
    amount: Amount
    pin: Pin | None = None


class AllocationAnswer(BaseModel):
    """Whose money was spent."""

    issuer: str
    amount: int


class Settled(BaseModel):
    """What every success at a till says of the wallet after it."""

    event_id: str
    balance: int
    available: int
    ledger_position: str


class ChangeAnswer(Settled):
    """How the change was split: `change` = `saved` + `cash_returned`."""

    change: int
    saved: int
    cash_returned: int


class RedemptionAnswer(Settled):
    """What was paid, and whose money it was."""

    amount: int
    allocations: list[AllocationAnswer]


class AmountAnswer(Settled):
    """A top-up or a cash-out."""

    amount: int


class BucketAnswer(BaseModel):
    """What one issuer holds of the member's money."""

    issuer: str
    balance: int


class WalletAnswer(BaseModel):
    """A wallet at `as_of`; buckets by issuer, those of 0 left out."""

    member_id: str
    balance: int
    available: int
    buckets: list[BucketAnswer]
    version: int
    as_of: str
    ledger_position: str


class TransactionAnswer(BaseModel):
    """One line of a statement: `saved` = a credit, `paid` = a debit, `balance` after it."""

    event_id: str
    at: str
    store_id: str
    kind: str
    saved: int
    paid: int
    balance: int
    allocations: list[AllocationAnswer]


class TransactionsAnswer(BaseModel):
    """A page of a statement, oldest first."""

    items: list[TransactionAnswer]
    next_cursor: str | None


class BalancesRequest(Body):
    """Whose balances another service asks for."""

    member_ids: list[MemberId] = Field(max_length=200)
