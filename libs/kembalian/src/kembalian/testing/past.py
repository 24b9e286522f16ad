"""What a wallet counted again remembers, so that it can be corrected: payments and entries.

Borrowed rules: a refund walks what a part was paid from backwards (design, "Order and payment"); a
reversal undoes its entry in the very buckets, once, and not by whoever asked for it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kembalian.testing.errands import TILL_KINDS, Operation
from kembalian.testing.spending import Allocations

SHORTFALL = "/problems/insufficient-funds"
WRONG_STATE = "/problems/wrong-state"
FORBIDDEN = "/problems/forbidden"

Line = dict[str, Any]
"""A line of a statement without its time."""

Refusal = dict[str, Any]
"""What a problem must say; None = it must not say that."""


@dataclass(slots=True)
class Reversal:
    """Who asked that the entry `event_id` be undone, and what became of it."""

    event_id: str
    asked_by: str
    state: str = "requested"


@dataclass(slots=True)
class Past:
    """What was paid and not refunded, by payment and store; lines by event; reversals by id."""

    paid: dict[str, dict[str, Allocations]] = field(
        default_factory=dict[str, dict[str, Allocations]]
    )
    refunded: set[str] = field(default_factory=set[str])
    """The payments of which something went back."""
    entries: dict[str, Line] = field(default_factory=dict[str, Line])
    reversals: dict[str, Reversal] = field(default_factory=dict[str, Reversal])

    def keep(self, operation: Operation, lines: Sequence[Line]) -> None:
        """Remember the entry of a till that was acknowledged: it moved what its line says."""
        if lines and operation.kind in TILL_KINDS and operation.acknowledged:
            self.entries[operation.event_ids()[0]] = lines[0]

    def pay(self, payment_id: str, store_id: str, spent: Allocations) -> None:
        """Remember what a store's part of a payment was paid from."""
        self.paid.setdefault(payment_id, {})[store_id] = spent

    def refusal(self, operation: Operation, free: Mapping[str, int]) -> Refusal | None:
        """Return why a correction must be refused while `free` is held by no order, else None."""
        match operation.kind:
            case "refund":
                left = self._refundable(operation)
                beyond = operation.body["amount"] > left
                return {"type": WRONG_STATE, "refundable": left} if beyond else None
            case "request":
                return self._why_not_asked(operation.body["event_id"], free)
            case _:
                known = self.reversals[operation.reversal_id]
                if known.state != "requested":
                    return {"type": WRONG_STATE, "state": known.state}
                if operation.kind == "reject":
                    return None
                if known.asked_by == operation.by:
                    return {"type": FORBIDDEN}
                return _spent_meanwhile(self.entries[known.event_id], free)

    def _refundable(self, operation: Operation) -> int:
        part = self.paid.get(operation.payment_id, {}).get(operation.store_id, [])
        return sum(a["amount"] for a in part)

    def _why_not_asked(self, event_id: str, free: Mapping[str, int]) -> Refusal | None:
        if event_id not in self.entries:  # a payment, or a sale that moved nothing
            return {"type": WRONG_STATE, "state": None}
        for other in self.reversals.values():
            if other.event_id == event_id and other.state != "rejected":
                return {"type": WRONG_STATE, "state": other.state}
        return _spent_meanwhile(self.entries[event_id], free)

    def refund(self, operation: Operation) -> Allocations:
        """Return what goes back to which buckets, the last one that was spent first."""
        part, amount = self.paid[operation.payment_id][operation.store_id], operation.body["amount"]
        self.refunded.add(operation.payment_id)
        back: Allocations = []
        while amount:
            last = part.pop()
            some = min(last["amount"], amount)
            back.append({"issuer": last["issuer"], "amount": some})
            amount -= some
            if some < last["amount"]:
                part.append({"issuer": last["issuer"], "amount": last["amount"] - some})
        return back

    def ask(self, operation: Operation) -> Reversal:
        """Take note that somebody asked."""
        event_id = operation.body["event_id"]
        asked = Reversal(event_id, operation.by)
        assert operation.said()["reversal_id"] not in self.reversals, operation
        self.reversals[operation.said()["reversal_id"]] = asked
        return asked

    def decide(self, operation: Operation) -> Line | None:
        """Take note of a decision; return the line of the entry that is undone, None for none."""
        known = self.reversals[operation.reversal_id]
        known.state = "approved" if operation.kind == "approve" else "rejected"
        return self.entries[known.event_id] if operation.kind == "approve" else None


def allocations_of(line: Line) -> Allocations:
    """Return the buckets that an entry of a till moved."""
    return line["allocations"] or [{"issuer": line["store_id"], "amount": line["saved"]}]


def _spent_meanwhile(line: Line, free: Mapping[str, int]) -> Refusal | None:
    """Tell whether the credit of `line` can no longer be taken back."""
    left = free.get(line["store_id"], 0)
    return {"type": SHORTFALL, "available": left} if line["saved"] > left else None
