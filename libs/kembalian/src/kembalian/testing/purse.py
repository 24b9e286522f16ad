"""A wallet counted again, with nothing of the house's own code: what it may, and what it says.

Borrowed rules: requirements B2 to B4; a hold's parts each take their own store's bucket first, by
store id, then the rest, largest first.
"""

from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from kembalian.testing.errands import Operation

AUTO_SAVE_BELOW = 500
Allocations = list[dict[str, Any]]
Parts = list[dict[str, Any]]
"""`store_id`, `amount` and `allocations` of each."""

Line = dict[str, Any]
"""A line of a statement without its time."""


@dataclass(slots=True)
class Done:
    """What an operation comes to: the lines of the statement, in order, and what is answered.

    `events`: how many there are of it.
    """

    said: dict[str, Any]
    lines: Sequence[Line] = ()
    events: int = 1


@dataclass(slots=True)
class Purse:
    """Store -> rupiah; what is held of it for orders, by payment: its parts."""

    buckets: defaultdict[str, int] = field(default_factory=lambda: defaultdict[str, int](int))
    held: dict[str, Parts] = field(default_factory=dict[str, Parts])
    short: set[str] = field(default_factory=set[str])
    """The payments whose hold times out."""

    @property
    def balance(self) -> int:
        """Return all of it."""
        return sum(self.buckets.values())

    def free(self) -> dict[str, int]:
        """Return store -> rupiah that no order holds."""
        free = dict(self.buckets)
        for parts in self.held.values():
            for spent in (a for part in parts for a in part["allocations"]):
                free[spent["issuer"]] -= spent["amount"]
        return free

    @property
    def available(self) -> int:
        """Return what no order holds."""
        return sum(self.free().values())

    def copy(self) -> "Purse":
        """Return one to try something on."""
        return deepcopy(self)

    def within(self, operation: Operation) -> int | None:
        """Return the rupiah that an operation may take at most, None if it takes none."""
        if operation.kind == "cashout":
            return self.free().get(operation.store_id, 0)
        return self.available if operation.kind in {"redemption", "hold"} else None

    def do(self, operation: Operation) -> Done | None:
        """Do what is asked; None if that must be refused, and nothing is done."""
        within = self.within(operation)
        if within is not None and _asked(operation) > within:
            return None
        match operation.kind:
            case "change":
                return self._change(operation)
            case "topup":
                amount = _asked(operation)
                return self._credit(operation, amount, {"amount": amount})
            case "redemption" | "cashout":
                return self._spend(operation, _asked(operation))
            case "hold":
                return self._hold(operation)
            case "confirm" | "release":
                held = self.held.pop(operation.payment_id, None)
                return None if held is None else self._end(operation, held)

    def expire(self, payment_id: str, amount: int) -> None:
        """Let go of a hold whose time is over: one that was left to time out, all of it."""
        assert payment_id in self.short, f"{payment_id} was not to time out"
        parts = self.held.pop(payment_id)
        assert amount == sum(part["amount"] for part in parts), payment_id

    def _change(self, operation: Operation) -> Done:
        body = operation.body
        change = body["tendered"] - body["sale_total"]
        saved = change if body["save"] or change < AUTO_SAVE_BELOW else 0
        said = {"change": change, "saved": saved, "cash_returned": change - saved}
        return self._credit(operation, saved, said) if saved else Done(said)

    def _credit(self, operation: Operation, amount: int, said: dict[str, Any]) -> Done:
        self.buckets[operation.store_id] += amount
        return Done(said, [self._line(operation.kind, operation.store_id, amount, 0, [])])

    def _spend(self, operation: Operation, amount: int) -> Done:
        store_id, free = operation.store_id, self.free()
        own_only = operation.kind == "cashout"
        spent = _taken(free, [store_id] if own_only else _order(free, store_id), amount)
        self._pay(spent)
        said = {"amount": amount} if own_only else {"amount": amount, "allocations": spent}
        return Done(said, [self._line(operation.kind, store_id, 0, amount, spent)])

    def _hold(self, operation: Operation) -> Done:
        free, asked = self.free(), _parts(operation.body["parts"])
        own = {s: _taken(free, [s], amount) for s, amount in asked.items()}
        parts: Parts = []
        for s, amount in asked.items():
            missing = amount - sum(a["amount"] for a in own[s])
            spent = own[s] + _taken(free, _order(free), missing)
            parts.append({"store_id": s, "amount": amount, "allocations": spent})
        self.held[operation.payment_id] = parts
        if operation.short:
            self.short.add(operation.payment_id)
        return Done({"state": "held", "amount": sum(asked.values()), "parts": parts})

    def _end(self, operation: Operation, held: Parts) -> Done:
        if operation.kind == "release":
            return Done({"state": "released", "amount": sum(part["amount"] for part in held)})
        asked, by_store = (
            _parts(operation.body.get("parts", held)),
            {p["store_id"]: p for p in held},
        )
        parts: Parts = []
        lines: list[Line] = []
        for store_id, amount in asked.items():
            whole = {a["issuer"]: a["amount"] for a in by_store[store_id]["allocations"]}
            spent = _taken(whole, list(whole), amount)
            self._pay(spent)
            parts.append({"store_id": store_id, "amount": amount, "allocations": spent})
            lines.append(self._line("payment", store_id, 0, amount, spent))
        released = sum(p["amount"] for p in held) - sum(asked.values())
        said = {"state": "debited", "amount": sum(asked.values()), "parts": parts}
        return Done({**said, "released": released}, lines, len(lines) + (released > 0))

    def _pay(self, spent: Allocations) -> None:
        for part in spent:
            self.buckets[part["issuer"]] -= part["amount"]

    def _line(self, kind: str, store_id: str, saved: int, paid: int, spent: Allocations) -> Line:
        moved = {"store_id": store_id, "kind": kind, "saved": saved, "paid": paid}
        return {**moved, "balance": self.balance, "allocations": spent}


def _asked(operation: Operation) -> int:
    """Return the rupiah that a top-up, a spending or a hold names."""
    if operation.kind == "hold":
        return sum(_parts(operation.body["parts"]).values())
    return operation.body["amount"]


def _parts(parts: Parts) -> dict[str, int]:
    """Return store -> rupiah, by store id."""
    return {part["store_id"]: part["amount"] for part in sorted(parts, key=lambda p: p["store_id"])}


def _order(free: dict[str, int], first: str = "") -> list[str]:
    """Return the stores as their money is spent: `first`, the largest next, ties by id (B4)."""
    return sorted(free, key=lambda issuer: (issuer != first, -free[issuer], issuer))


def _taken(free: dict[str, int], issuers: Sequence[str], amount: int) -> Allocations:
    """Take up to `amount` out of `free`, bucket by bucket; return of whom how much."""
    taken: Allocations = []
    for issuer in issuers:
        part = min(free.get(issuer, 0), amount)
        if part:
            free[issuer] -= part
            amount -= part
            taken.append({"issuer": issuer, "amount": part})
    return taken
