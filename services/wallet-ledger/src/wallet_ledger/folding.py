"""The wallets of one partition as their events stream by, and the rows that they come to: pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

from wallet_ledger import domain
from wallet_ledger.domain import Wallet
from wallet_ledger.records import buckets_row, payment_row, reversal_row

View = Literal["wallet", "payment", "reversal"]

COLUMNS: Mapping[View, tuple[str, ...]] = {
    "wallet": ("partition", "wallet_id", "version", "issuers", "balances"),
    "payment": (
        "partition",
        "wallet_id",
        "payment_id",
        "order_id",
        "state",
        "expires_at",
        "held",
        "paid",
    ),
    "reversal": (
        "partition",
        "wallet_id",
        "reversal_id",
        "event_id",
        "state",
        "requested_by",
        "reason",
    ),
}
"""The views that are a fold of the ledger's own log, with their columns."""

KEY_COLUMNS: Mapping[View, int] = {"wallet": 2, "payment": 3, "reversal": 3}
"""The first so many columns of each are its key."""

NO_EVENTS = Wallet()

Row = tuple[Any, ...]


class Fold:
    """The wallets of one partition, each as its events so far left it."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.wallets: dict[str, Wallet] = {}

    def take(self, wallet_id: str, fact: domain.Event) -> Wallet:
        """Apply one event and return its wallet."""
        wallet = domain.evolve(self.wallets.get(wallet_id, NO_EVENTS), fact)
        self.wallets[wallet_id] = wallet
        return wallet

    def rows(self, wallet_ids: Iterable[str] | None = None) -> dict[View, list[Row]]:
        """Return the rows of all wallets, or of these, by view; columns as COLUMNS has them."""
        made: dict[View, list[Row]] = {"wallet": [], "payment": [], "reversal": []}
        for wallet_id in self.wallets if wallet_ids is None else wallet_ids:
            for view, row in rows_of(self.partition, wallet_id, self.wallets[wallet_id]):
                made[view].append(row)
        return made


def rows_of(partition: int, wallet_id: str, wallet: Wallet) -> Iterator[tuple[View, Row]]:
    """Yield the rows of one wallet with their view."""
    yield "wallet", (partition, wallet_id, wallet.version, *buckets_row(wallet))
    for payment in wallet.payments.values():
        values: dict[str, Any] = {**payment_row(wallet_id, payment)}
        values["expires_at"] = payment.expires_at
        yield "payment", (partition, *(values[name] for name in COLUMNS["payment"][1:]))
    for reversal in wallet.reversals.values():
        yield "reversal", (partition, *reversal_row(wallet_id, reversal).values())
