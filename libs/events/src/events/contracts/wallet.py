"""What wallet-ledger says in public: every movement of a member's money, and whose money it was.

Every event names the wallet (= member id), the card that was scanned, the store and the cashier,
the wallet's `balance` after it (rupiah over all buckets) and the double entry (`postings`, sum 0).
"""

from events.contracts.base import Allocations, Amount, Id, NonNegative, Postings, PublicEvent


class TillEvent(PublicEvent):
    """What every event of a till carries."""

    wallet_id: Id
    card_number: Id
    store_id: Id
    cashier_id: Id
    balance: NonNegative
    postings: Postings


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
