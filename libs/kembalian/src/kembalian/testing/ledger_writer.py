"""A writer of the ledger without a database: what lane and SQL do with a group, in memory.

The rows are kept as the SQL would keep them, with its CHECKs; every event goes through its bytes.
"""

import json
from collections import ChainMap, defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from events.contracts.wallet import WalletEvent
from events.envelope import open_envelope, timestamp
from events.outcomes import Outcome
from wallet_ledger import domain, group, publish, records, store
from wallet_ledger.answers import Answer
from wallet_ledger.group import Decision, Moment, Named, Order, Slot

Row = dict[str, Any]


class Broken(AssertionError):
    """The database would have refused what was decided, or an invariant does not hold."""


def insist(holds: bool, what: object) -> None:
    """Raises Broken unless `holds`; unlike assert, also under python -O."""
    if not holds:
        raise Broken(what)


class LedgerWriter:
    """One partition: its log, its views and what its writer has in memory."""

    def __init__(self, new_id: Callable[[], UUID]) -> None:
        self.new_id = new_id
        self.log: list[tuple[str, WalletEvent]] = []  # (event id, public form)
        self.folded: dict[str, domain.Wallet] = {}  # from the log alone, nothing left out
        self.rows: dict[str, tuple[int, dict[str, int]]] = {}  # wallet -> version, buckets
        self.payments: defaultdict[str, dict[str, Row]] = defaultdict(dict)
        self.reversals: defaultdict[str, dict[str, Row]] = defaultdict(dict)
        self.touched: set[tuple[str, str]] = set()  # records that the last group moved
        self.kept: dict[Slot, Outcome] = {}
        self.memory: dict[str, domain.Wallet] = {}

    def forget(self) -> None:
        """Be another process, which knows what the database has and nothing else."""
        self.memory.clear()

    def write(self, orders: Sequence[Order], now: datetime) -> list[Answer]:
        """Decide and write one group; return each order's answer. Raises Broken."""
        for wallet_id in {order.wallet_id for order in orders} - self.memory.keys():
            self.memory[wallet_id] = self.loaded(wallet_id)
        named = self._with_named(group.named_by(orders, self.memory))
        earlier = {o.slot: self.kept[o.slot] for o in orders if o.slot in self.kept}
        moment = Moment(0, len(self.log), now, self.new_id, timestamp(now))
        decision = group.decide_group(orders, ChainMap(named, self.memory), earlier, moment)
        self._append(decision)
        for wallet_id, wallet in decision.wallets.items():
            self.memory[wallet_id] = group.settled(wallet)
        return decision.answers

    def loaded(self, wallet_id: str) -> domain.Wallet:
        """Return a wallet as a new owner of the partition would find it."""
        version, buckets = self.rows.get(wallet_id, (0, {}))
        rows = [r for r in self.payments[wallet_id].values() if r["state"] == "held"]
        held = [records.payment_of(row) for row in rows]
        return domain.Wallet(buckets, version, {p.payment_id: p for p in held})

    def _with_named(self, named: Named) -> dict[str, domain.Wallet]:
        found: dict[str, domain.Wallet] = {}
        for wallet_id, payment_id in named.payments:
            row = self.payments[wallet_id].get(payment_id)
            wallet = found.get(wallet_id) or self.memory[wallet_id]
            if row is not None:
                payments = {**wallet.payments, payment_id: records.payment_of(row)}
                found[wallet_id] = replace(wallet, payments=payments)
        for wallet_id, name in named.reversals:
            wallet = found.get(wallet_id) or self.memory[wallet_id]
            rows = self.reversals[wallet_id].values()
            mine = [
                records.reversal_of(r) for r in rows if name in (r["reversal_id"], r["event_id"])
            ]
            reversals = {**wallet.reversals, **{r.reversal_id: r for r in mine}}
            found[wallet_id] = replace(wallet, reversals=reversals)
        return found

    def _append(self, decision: Decision) -> None:
        rows = store.records_of(decision.wallets, decision.touched)
        written: dict[str, list[Row]] = json.loads(rows or '{"payments": [], "reversals": []}')
        for wallet_id, wallet in decision.wallets.items():
            issuers, balances = records.buckets_row(wallet)
            insist(all(balance > 0 for balance in balances), f"{wallet_id=} {wallet.buckets=}")
            self.rows[wallet_id] = (wallet.version, dict(zip(issuers, balances, strict=True)))
        for row in written["payments"]:
            insist((row["state"] == "held") == (row["held"] != "[]"), row)
            insist(row["state"] == "debited" or row["paid"] == "[]", row)
            mine = self.payments[row["wallet_id"]]
            before: str = mine.get(row["payment_id"], row)["state"]
            insist(before in ("held", row["state"]), f"{before} became {row['state']}")
            mine[row["payment_id"]] = row
        for row in written["reversals"]:
            self.reversals[row["wallet_id"]][row["reversal_id"]] = row
        for wallet_id in decision.wallets:
            others = self.reversals[wallet_id].values()
            alive = [r["event_id"] for r in others if r["state"] != "rejected"]
            insist(len(alive) == len(set(alive)), "an entry is reversed twice")
        self.touched = decision.touched
        for outcome in decision.outcomes:
            insist(self.kept.setdefault((outcome.caller, outcome.key), outcome) is outcome, outcome)
        for new in decision.events:
            opened = open_envelope(new.body)
            wallet = self.folded.get(opened.stream, domain.Wallet())
            insist(new.version == opened.version == wallet.version + 1, "versions are not dense")
            event = publish.from_contract(opened.data)
            self.folded[opened.stream] = domain.evolve(wallet, event)
            insist(isinstance(opened.data, WalletEvent), opened.type)
            assert isinstance(opened.data, WalletEvent)
            self.log.append((opened.event_id, opened.data))
