"""What the till sends and gets, as the API describes it. All money is whole rupiah."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from web.models import Amount, Body, CardNumber, MemberId, StoreId, Text200
from web.validation import OWN_ERROR

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


PaymentId = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
"""Chosen by the caller: of a hold and the payment that it becomes."""

RecordId = Annotated[
    str, Field(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")
]
"""The id of an event or of a reversal."""

PARTS_MAX = 50
HOLD_SECONDS_MAX = 7 * 24 * 3_600


class PartRequest(Body):
    """What one store is to get."""

    store_id: StoreId
    amount: Amount


def _distinct(parts: list[PartRequest] | None) -> list[PartRequest] | None:
    if parts is not None and len({part.store_id for part in parts}) != len(parts):
        raise PydanticCustomError(OWN_ERROR, "must name each store once")
    return parts


Parts = Annotated[list[PartRequest], Field(min_length=1, max_length=PARTS_MAX)]


class HoldRequest(Body):
    """Money to be set aside for an order, `expires_in` seconds at most."""

    payment_id: PaymentId
    order_id: PaymentId
    parts: Annotated[Parts, AfterValidator(_distinct)]
    expires_in: Annotated[int, Field(strict=True, ge=1, le=HOLD_SECONDS_MAX)]


class ConfirmRequest(Body):
    """What of a hold is debited; without `parts` all of it."""

    parts: Annotated[Parts | None, AfterValidator(_distinct)] = None


class RefundRequest(Body):
    """What of one store's part goes back."""

    store_id: StoreId
    amount: Amount


class EmptyRequest(Body):
    """Nothing needs to be said."""


class ReversalRequest(Body):
    """Which entry is to be undone, and why; a reason names a cause, never a person."""

    event_id: RecordId
    reason: Text200


class ReversalAnswer(BaseModel):
    """A reversal and its state; once it is approved also what was undone."""

    event_id: str
    reversal_id: str
    state: str
    reversed_event_id: str
    amount: int | None = None
    allocations: list[AllocationAnswer] | None = None
    balance: int
    available: int
    ledger_position: str


class ReversalItem(BaseModel):
    """A line of the list of reversals."""

    reversal_id: str
    state: str
    reversed_event_id: str
    member_id: str
    requested_by: str
    reason: str


class ReversalsAnswer(BaseModel):
    """A page of reversals, oldest first."""

    items: list[ReversalItem]
    next_cursor: str | None


EntryKey = Annotated[str, Field(pattern=r"^[\x20-\x7e]{1,255}$")]
ENTRIES_MAX = 1_000
ENTRY_TYPES = frozenset({"change", "redemption", "topup", "cashout"})


class ChangeEntry(ChangeRequest):
    """`POST /pos/change` in a batch."""

    key: EntryKey
    type: Literal["change"]
    store_id: StoreId


class RedemptionEntry(RedemptionRequest):
    """`POST /pos/redemptions` in a batch."""

    key: EntryKey
    type: Literal["redemption"]
    store_id: StoreId


class TopUpEntry(TopUpRequest):
    """`POST /pos/topups` in a batch."""

    key: EntryKey
    type: Literal["topup"]
    store_id: StoreId


class CashOutEntry(CashOutRequest):
    """`POST /pos/cashouts` in a batch."""

    key: EntryKey
    type: Literal["cashout"]
    store_id: StoreId


BatchEntry = ChangeEntry | RedemptionEntry | TopUpEntry | CashOutEntry


class BatchRequest(Body):
    """Entries of tills, each under a key of its own; `atomic` = all or none."""

    atomic: bool = False
    entries: Annotated[
        list[Annotated[BatchEntry, Field(discriminator="type")]],
        Field(min_length=1, max_length=ENTRIES_MAX),
    ]


class OutcomeAnswer(BaseModel):
    """What became of one entry: status and body as the single call would have answered."""

    key: str
    status: int
    body: dict[str, Any]


class BatchAnswer(BaseModel):
    """The outcomes, in the order of the entries."""

    outcomes: list[OutcomeAnswer]
