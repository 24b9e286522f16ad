"""What wallet-ledger says in public: every movement of a member's money, and whose money it was.

Every event names the wallet (= member id), the wallet's `balance` after it (rupiah over all
buckets, held ones included) and the double entry (`postings`, sum 0). An event that moves no
balance has no postings.
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from events.contracts.base import Allocations, Amount, Id, NonNegative, Postings, PublicEvent

ReleaseReason = Literal["released", "expired", "remainder"]
"""Asked for, timed out by the database's clock, or what a partial confirmation left."""

Direction = Literal["credit", "debit"]
Account = Literal["cash", "redeemed"]


class WalletEvent(PublicEvent):
    """What every event of a wallet carries."""

    wallet_id: Id
    balance: NonNegative
    postings: Postings


class TillEvent(WalletEvent):
    """What every event of a till carries: the card that was scanned, the store, the cashier."""

    card_number: Id
    store_id: Id
    cashier_id: Id


class TopUp(TillEvent):
    """Cash paid in at a till: `issuer` holds `amount` more of the member's money."""

    issuer: Id
    amount: Amount


class ChangeSaved(TillEvent):
    """Change kept on the card: of `tendered` - `sale_total`, `amount` was saved with `issuer`."""

    issuer: Id
    amount: Amount
    sale_total: Amount
    tendered: Amount
    cash_returned: NonNegative


class SaleRecorded(TillEvent):
    """A sale whose change was all paid in cash: no posting, in no statement, but in the drawer."""

    sale_total: Amount
    tendered: Amount
    cash_returned: NonNegative


class ChangeRedeemed(TillEvent):
    """The member paid `amount` at `store_id`, out of the buckets that `allocations` name."""

    amount: Amount
    allocations: Allocations


class CashedOut(TillEvent):
    """The member took `amount` in cash from the store that holds it."""

    amount: Amount
    allocations: Allocations


class PaymentEvent(WalletEvent):
    """What every event of an online payment carries. A hold and its payment have one id."""

    payment_id: Id
    order_id: Id


class PaymentPart(BaseModel):
    """What one store is to get of a payment, and whose money it is."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    store_id: Id
    amount: Amount
    allocations: Allocations


PaymentParts = Annotated[tuple[PaymentPart, ...], Field(strict=False, min_length=1)]
"""The parts of a payment, one per store, by store id (a JSON array is taken for the tuple)."""


class PaymentHeld(PaymentEvent):
    """`amount` is set aside for an order until `expires_at` (RFC 3339, UTC): no balance moves."""

    amount: Amount
    parts: PaymentParts
    expires_at: Id


class PaymentHoldReleased(PaymentEvent):
    """`amount` of a hold is no longer set aside."""

    amount: Amount
    reason: ReleaseReason


class PaymentDebited(PaymentEvent):
    """One store's part of an online order was paid, out of the buckets of `allocations`."""

    store_id: Id
    amount: Amount
    allocations: Allocations


class PaymentRefunded(PaymentEvent):
    """`amount` of one store's part went back to the buckets that it came from."""

    store_id: Id
    amount: Amount
    allocations: Allocations


class ReversalRequested(WalletEvent):
    """Somebody asks that the entry `event_id` be undone; a second person decides."""

    reversal_id: Id
    event_id: Id
    requested_by: Id
    reason: Id


class ReversalRejected(WalletEvent):
    """The entry `event_id` stays as it is."""

    reversal_id: Id
    event_id: Id
    rejected_by: Id


class EntryReversed(WalletEvent):
    """The entry `event_id` is undone, at the store and in the buckets where it was made.

    `direction` is what the entry was: a credit is taken out of its bucket again, a debit goes back
    to the buckets of its allocations. `account` is the store's side of it: its drawer, or what it
    was paid with members' money.
    """

    reversal_id: Id
    event_id: Id
    card_number: Id
    store_id: Id
    amount: Amount
    allocations: Allocations
    direction: Direction
    account: Account
    requested_by: Id
    approved_by: Id
    reason: Id
