"""Counts again what clients were told, with nothing of the house's own code: to the rupiah."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import psycopg

from kembalian.operators.live import LiveRun
from kembalian.testing.load import Load, Operation, Wallet
from kembalian.testing.people import Person

PAGE = 200

EVENT_IDS = "SELECT event_id::text FROM log.event WHERE stream = ANY (%s)"


@dataclass(slots=True)
class Purse:
    """A wallet as its statement adds up: store -> rupiah."""

    buckets: defaultdict[str, int] = field(default_factory=lambda: defaultdict[str, int](int))

    @property
    def balance(self) -> int:
        """Return all of it."""
        return sum(self.buckets.values())

    def spend(self, store_id: str, amount: int) -> list[dict[str, Any]]:
        """Take `amount`: the store's own bucket first, the largest next, ties by id (B4)."""
        spent: list[dict[str, Any]] = []
        for issuer in sorted(self.buckets, key=lambda i: (i != store_id, -self.buckets[i], i)):
            part = min(self.buckets[issuer], amount)
            if part:
                self.buckets[issuer] -= part
                amount -= part
                spent.append({"issuer": issuer, "amount": part})
        return spent


@dataclass(slots=True)
class Debts:
    """What stores owe each other after all entries that were counted."""

    issued: Counter[str] = field(default_factory=Counter[str])
    receivable: Counter[str] = field(default_factory=Counter[str])
    liability: Counter[str] = field(default_factory=Counter[str])

    def take(self, entry: dict[str, Any]) -> None:
        """Add one entry of a statement."""
        store_id = entry["store_id"]
        self.issued[store_id] += entry["saved"]
        for part in entry["allocations"]:
            self.issued[part["issuer"]] -= part["amount"]
            if part["issuer"] != store_id:
                self.receivable[store_id] += part["amount"]
                self.liability[part["issuer"]] += part["amount"]

    def line(self, store_id: str) -> dict[str, int]:
        """Return a store's figures as the list of positions has them."""
        receivable, liability = self.receivable[store_id], self.liability[store_id]
        net, issued = receivable - liability, self.issued[store_id]
        return {
            "receivable": receivable,
            "liability": liability,
            "net": net,
            "issued": issued,
            "position": net - issued,
        }


def statement(admin: Person, wallet: Wallet) -> list[dict[str, Any]]:
    """Return all entries of a wallet, oldest first."""
    entries: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        path = f"/wallets/{wallet.member_id}/transactions"
        answer = admin.get(path, limit=PAGE, **cursor)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        entries += page["items"]
        if page["next_cursor"] is None:
            return entries
        cursor = {"cursor": page["next_cursor"]}


def recount(load: Load, live: LiveRun) -> Debts:
    """Compare every wallet with its clients' record, one to one; return what stores owe."""
    debts = Debts()
    told = [operation.said()["event_id"] for operation in load.acknowledged()]
    with psycopg.connect(live.postgres_admin["wallet-ledger"]) as connection:
        streams = [wallet.member_id for wallet in load.wallets]
        recorded = [row[0] for row in connection.execute(EVENT_IDS, (streams,))]
    assert Counter(told) == Counter(recorded), "acknowledged once, recorded once"
    for wallet in load.wallets:
        mine = [operation for operation in load.operations if operation.wallet == wallet]
        entries = statement(load.admin, wallet)
        _compare(mine, entries)
        purse = fold(entries)
        shown = load.admin.get(f"/wallets/{wallet.member_id}").json()
        assert shown["balance"] == purse.balance
        assert {b["issuer"]: b["balance"] for b in shown["buckets"]} == {
            issuer: amount for issuer, amount in purse.buckets.items() if amount
        }
        if wallet.owner is not None:
            _judge(mine)
        for entry in entries:
            debts.take(entry)
    return debts


def fold(entries: Iterable[dict[str, Any]]) -> Purse:
    """Return what a statement adds up to; every line must say the balance after it."""
    purse = Purse()
    for entry in entries:
        if entry["saved"]:
            purse.buckets[entry["store_id"]] += entry["saved"]
        elif entry["kind"] == "cashout":
            purse.buckets[entry["store_id"]] -= entry["paid"]
            assert entry["allocations"] == [
                {"issuer": entry["store_id"], "amount": entry["paid"]}
            ], entry
        else:
            assert entry["allocations"] == purse.spend(entry["store_id"], entry["paid"]), entry
        assert entry["balance"] == purse.balance, entry
        assert all(amount >= 0 for amount in purse.buckets.values()), entry
    return purse


def _compare(operations: Sequence[Operation], entries: Sequence[dict[str, Any]]) -> None:
    """Each answer that moved money is one line with the same figures, and no line is left."""
    lines = {entry["event_id"]: entry for entry in entries}
    assert len(lines) == len(entries), "no event twice in a statement"
    for operation in operations:
        if not operation.acknowledged or _moved(operation) == 0:
            continue
        said, line = operation.said(), lines.pop(operation.said()["event_id"])
        assert (line["saved"] or line["paid"], line["balance"]) == (
            _moved(operation),
            said["balance"],
        ), (operation, line)
        assert line["store_id"] == operation.store_id
        assert said.get("allocations", line["allocations"]) == line["allocations"]
    assert lines == {}, "a line that no client was told of"


def _moved(operation: Operation) -> int:
    """Return the rupiah that an acknowledged operation put on the card or took off it."""
    said = operation.said()
    return said["saved"] if "saved" in said else said["amount"]


def _judge(operations: Sequence[Operation]) -> None:
    """Decide one client's operations again: the same were accepted, the same refused."""
    purse = Purse()
    for operation in operations:
        amount, store_id = operation.body.get("amount", 0), operation.store_id
        cash_out = operation.path == "/pos/cashouts"
        if cash_out or operation.path == "/pos/redemptions":
            within = amount <= (purse.buckets[store_id] if cash_out else purse.balance)
            assert operation.status == (201 if within else 409), operation
            if not within:
                assert operation.said()["type"] == "/problems/insufficient-funds"
            elif cash_out:
                purse.buckets[store_id] -= amount
            else:
                purse.spend(store_id, amount)
            continue
        assert operation.status == 201, operation
        if "sale_total" in operation.body:
            change = operation.body["tendered"] - operation.body["sale_total"]
            amount = change if operation.body["save"] or change < 500 else 0
        purse.buckets[store_id] += amount
        assert operation.said()["balance"] == purse.balance, operation
