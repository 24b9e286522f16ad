"""Payments and reversals as the ledger shows them at last, beside the clients' own record."""

from kembalian.testing.errands import ORDERS, Wallet
from kembalian.testing.load import Load
from kembalian.testing.orders import Orders
from kembalian.testing.purse import Purse
from kembalian.testing.spending import Parts


def reversals_of(load: Load) -> dict[str, dict[str, tuple[str, str]]]:
    """Return wallet -> reversal -> (state, event id), of all reversals that are listed."""
    listed: dict[str, dict[str, tuple[str, str]]] = {}
    for item in load.admin.all("/ledger/reversals"):
        shown = (item["state"], item["reversed_event_id"])
        listed.setdefault(item["member_id"], {})[item["reversal_id"]] = shown
    return listed


def check_reversals(purse: Purse, listed: dict[str, tuple[str, str]]) -> None:
    """Compare a wallet's reversals: each with the one state that was answered last."""
    known = purse.past.reversals
    assert listed == {name: (each.state, each.event_id) for name, each in known.items()}


def check_payments(load: Load, wallet: Wallet, purse: Purse) -> None:
    """Compare what is left of each payment of which something was refunded."""
    orders = load.speakers[ORDERS]
    assert isinstance(orders, Orders)
    for payment_id in purse.past.refunded:
        check_rest(purse, payment_id, orders.payment(wallet.member_id, payment_id)["paid"])


def check_rest(purse: Purse, payment_id: str, paid: Parts) -> None:
    """Compare what was paid and not refunded: each store's part, and the buckets it came from."""
    by_store = purse.past.paid[payment_id]
    left = [
        {"store_id": s, "amount": sum(a["amount"] for a in spent), "allocations": spent}
        for s, spent in by_store.items()
        if spent
    ]
    assert sorted(paid, key=lambda part: part["store_id"]) == left, payment_id
