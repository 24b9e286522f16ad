"""A wallet counted again, with nothing of the house's own code: what it may, and what it says.

Borrowed rules: requirements B2 and B3; a hold's parts each take their own store's bucket first, by
store id, then the rest, largest first.
"""

from collections import defaultdict
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

from kembalian.testing.errands import Operation
from kembalian.testing.past import SHORTFALL, Line, Past, Refusal, allocations_of
from kembalian.testing.spending import Allocations, Parts, order, parts_of, taken

AUTO_SAVE_BELOW = 500
TIMED_OUT = "/problems/hold-expired"


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
    past: Past = field(default_factory=Past)

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
        """Return one to try something on that was not acknowledged: it has the same past."""
        return deepcopy(self, {id(self.past): self.past})

    def refusal(self, operation: Operation) -> Refusal | None:
        """Return what must be said to refuse an operation, None if it must be done."""
        free = self.free()
        match operation.kind:
            case "change" | "topup":
                return None
            case "redemption" | "hold" | "cashout":
                own_only = operation.kind == "cashout"
                within = free.get(operation.store_id, 0) if own_only else sum(free.values())
                too_much = _asked(operation) > within
                return {"type": SHORTFALL, "available": within} if too_much else None
            case "confirm" | "release":
                return None if operation.payment_id in self.held else {"type": TIMED_OUT}
            case "refund" | "request" | "approve" | "reject":
                return self.past.refusal(operation, free)

    def do(self, operation: Operation) -> Done | None:
        """Do what is asked; None if that must be refused, and nothing is done."""
        if self.refusal(operation) is not None:
            return None
        match operation.kind:
            case "change":
                done = self._change(operation)
            case "topup":
                amount = _asked(operation)
                done = self._credit(operation, amount, {"amount": amount})
            case "redemption" | "cashout":
                done = self._spend(operation, _asked(operation))
            case "hold":
                done = self._hold(operation)
            case "confirm" | "release":
                done = self._end(operation, self.held.pop(operation.payment_id))
            case "refund":
                done = self._refund(operation)
            case "request":
                asked = self.past.ask(operation)
                done = Done({"state": "requested", "reversed_event_id": asked.event_id})
            case "approve" | "reject":
                done = self._decide(operation)
        self.past.keep(operation, done.lines)
        return done

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
        spent = taken(free, [store_id] if own_only else order(free, store_id), amount)
        self._pay(spent)
        said = {"amount": amount} if own_only else {"amount": amount, "allocations": spent}
        return Done(said, [self._line(operation.kind, store_id, 0, amount, spent)])

    def _hold(self, operation: Operation) -> Done:
        free, asked = self.free(), parts_of(operation.body["parts"])
        own = {s: taken(free, [s], amount) for s, amount in asked.items()}
        parts: Parts = []
        for s, amount in asked.items():
            missing = amount - sum(a["amount"] for a in own[s])
            spent = own[s] + taken(free, order(free), missing)
            parts.append({"store_id": s, "amount": amount, "allocations": spent})
        self.held[operation.payment_id] = parts
        if operation.short:
            self.short.add(operation.payment_id)
        return Done({"state": "held", "amount": sum(asked.values()), "parts": parts})

    def _end(self, operation: Operation, held: Parts) -> Done:
        if operation.kind == "release":
            return Done({"state": "released", "amount": sum(part["amount"] for part in held)})
        asked = parts_of(operation.body.get("parts", held))
        by_store = {part["store_id"]: part for part in held}
        parts: Parts = []
        lines: list[Line] = []
        for store_id, amount in asked.items():
            whole = {a["issuer"]: a["amount"] for a in by_store[store_id]["allocations"]}
            spent = taken(whole, list(whole), amount)
            self._pay(spent)
            self.past.pay(operation.payment_id, store_id, list(spent))
            parts.append({"store_id": store_id, "amount": amount, "allocations": spent})
            lines.append(self._line("payment", store_id, 0, amount, spent))
        released = sum(p["amount"] for p in held) - sum(asked.values())
        said = {"state": "debited", "amount": sum(asked.values()), "parts": parts}
        return Done({**said, "released": released}, lines, len(lines) + (released > 0))

    def _refund(self, operation: Operation) -> Done:
        store_id, amount = operation.store_id, _asked(operation)
        back = self.past.refund(operation)
        self._pay(back, -1)
        named = {"payment_id": operation.payment_id, "store_id": store_id, "amount": amount}
        line = self._line("refund", store_id, amount, 0, back)
        return Done({**named, "allocations": back}, [line])

    def _decide(self, operation: Operation) -> Done:
        """Undo an entry in the very buckets that it moved, or leave it as it is."""
        entry = self.past.decide(operation)
        known = self.past.reversals[operation.reversal_id]
        said = {"reversal_id": operation.reversal_id, "state": known.state}
        said["reversed_event_id"] = known.event_id
        if entry is None:
            return Done(said)
        moved = allocations_of(entry)
        self._pay(moved, 1 if entry["saved"] else -1)
        amounts = (entry["paid"], entry["saved"])
        line = self._line("reversal", entry["store_id"], *amounts, moved)
        return Done({**said, "amount": sum(amounts), "allocations": moved}, [line])

    def _pay(self, spent: Allocations, sign: int = 1) -> None:
        for part in spent:
            self.buckets[part["issuer"]] -= sign * part["amount"]

    def _line(self, kind: str, store_id: str, saved: int, paid: int, spent: Allocations) -> Line:
        moved = {"store_id": store_id, "kind": kind, "saved": saved, "paid": paid}
        return {**moved, "balance": self.balance, "allocations": spent}


def _asked(operation: Operation) -> int:
    """Return the rupiah that a top-up, a spending or a hold names."""
    if operation.kind == "hold":
        return sum(parts_of(operation.body["parts"]).values())
    return operation.body["amount"]
