"""Which errand of a load corrects what was done: refunds of payments, reversals of entries."""

import random
from collections.abc import Callable, Sequence
from typing import Any

from kembalian.testing.errands import (
    ADMIN,
    FINANCE,
    ORDERS,
    TILL_KINDS,
    Errand,
    Kind,
    Operation,
    Wallet,
)

REVERSALS = "/ledger/reversals"
DECIDERS = (ADMIN, FINANCE)

ASKED = 0.12
"""So often somebody asks that an acknowledged entry be undone; and that a payment be: in vain."""

REFUNDED = 0.8
AGAIN = 0.4
BEYOND_MAX = 500
"""Rupiah that a refund which must be refused is too large by, at most."""

CHAINS_MAX = 6
"""With so many corrections in hand a client begins no other."""

REFUNDS = {"some": 5, "all": 3, "beyond": 2, "race": 2}
DECISIONS = {"approve": 6, "reject": 2, "race": 2, "own": 2, "spend": 2, "twice": 1, "leave": 2}


class Corrections:
    """Draws one client's corrections, each when what it corrects has been answered."""

    def __init__(
        self, choose: random.Random, stores: Sequence[str], new_key: Callable[[], str]
    ) -> None:
        self._choose = choose
        self._stores = stores
        self._new_key = new_key
        self._in_hand: list[Errand] = []
        self._rest: dict[str, dict[str, int]] = {}
        """Payment -> store -> rupiah that were paid and not refunded."""
        self._asked: dict[str, tuple[str, str]] = {}
        """Reversal -> (event id, who asked)."""

    def __bool__(self) -> bool:
        """Tell whether there is one in hand."""
        return bool(self._in_hand)

    def next(self) -> Errand:
        """Return one that is in hand."""
        return self._in_hand.pop(self._choose.randrange(len(self._in_hand)))

    def after(self, operation: Operation) -> None:
        """Draw what an answered operation leads to: nothing, mostly."""
        match operation.kind:
            case "refund":
                self._refunded(operation)
            case "request":
                self._requested(operation)
            case "approve" | "reject":
                self._decided(operation)
            case "confirm" if operation.acknowledged:
                self._paid(operation)
            case _ if operation.kind in TILL_KINDS and operation.acknowledged:
                if self._begins(ASKED):
                    self._ask(operation.wallet, operation.event_ids()[0])
            case _:
                pass

    def _begins(self, share: float) -> bool:
        return len(self._in_hand) < CHAINS_MAX and self._choose.random() < share

    def _paid(self, confirm: Operation) -> None:
        said = confirm.said()
        self._rest[confirm.payment_id] = {p["store_id"]: p["amount"] for p in said["parts"]}
        if self._begins(REFUNDED):
            self._refund(confirm)
        if self._begins(ASKED):
            self._ask(confirm.wallet, confirm.event_ids()[0])

    def _refunded(self, refund: Operation) -> None:
        if refund.acknowledged:
            self._rest[refund.payment_id][refund.store_id] -= refund.body["amount"]
        if self._choose.random() < AGAIN:
            self._refund(refund)

    def _refund(self, paid: Operation) -> None:
        """Draw a refund of a part, or two at once of which only one can be."""
        choose, rest = self._choose, self._rest[paid.payment_id]
        store_id = choose.choice(sorted(rest))
        left = rest[store_id]
        what = choose.choices(list(REFUNDS), list(REFUNDS.values()))[0]
        if what == "beyond" or not left:
            amounts = [left + choose.randint(1, BEYOND_MAX)]
        elif what == "race":
            amounts = [choose.randint(left // 2 + 1, left) for _ in range(2)]
        else:
            amounts = [left if what == "all" else choose.randint(1, left)]
        self._put(*(self._refund_of(paid, store_id, amount) for amount in amounts))

    def _refund_of(self, paid: Operation, store_id: str, amount: int) -> Errand:
        body = {"store_id": store_id, "amount": amount}
        refund = Operation("refund", self._new_key(), paid.wallet, body, store_id, paid.payment_id)
        path = f"{paid.wallet.member_id}/holds/{paid.payment_id}/refund"
        return Errand(ORDERS, path, refund.key, body, [refund])

    def _ask(self, wallet: Wallet, event_id: str) -> None:
        body = {"event_id": event_id, "reason": "keyed in twice"}
        self._put(self._said(self._choose.choice(DECIDERS), "request", wallet, body))

    def _requested(self, request: Operation) -> None:
        """Draw what becomes of a request: most are decided by somebody else."""
        if not request.acknowledged:
            return
        event_id, reversal_id = request.body["event_id"], request.said()["reversal_id"]
        self._asked[reversal_id] = (event_id, request.by)
        either, other = self._choose.choice(DECIDERS), _other(request.by)
        approved = self._decision("approve", other, request, reversal_id)
        match self._choose.choices(list(DECISIONS), list(DECISIONS.values()))[0]:
            case "approve":
                self._put(approved)
            case "reject":
                self._put(self._decision("reject", either, request, reversal_id))
            case "own":
                self._put(self._decision("approve", request.by, request, reversal_id))
            case "race":
                self._put(approved, self._either(request, reversal_id))
            case "spend":
                self._spend_all(request)
                self._put(approved)
            case "twice":
                self._ask(request.wallet, event_id)
                self._put(approved)
            case _:
                pass

    def _spend_all(self, request: Operation) -> None:
        """Draw that the money is spent before anybody decides, or after."""
        available, store_id = request.said()["available"], self._choose.choice(self._stores)
        if available:
            body = {"amount": available, "card_number": request.wallet.card_number}
            spent = Operation("redemption", self._new_key(), request.wallet, body, store_id)
            self._put(Errand(store_id, "/pos/redemptions", spent.key, body, [spent]))

    def _decided(self, decision: Operation) -> None:
        """Draw what follows a decision: another one, in vain if one was taken, or a request."""
        event_id, asked_by = self._asked[decision.reversal_id]
        if decision.by == asked_by and decision.kind == "approve":
            other = _other(asked_by)
            self._put(self._decision("approve", other, decision, decision.reversal_id))
        elif self._choose.random() < AGAIN:
            if decision.acknowledged and self._choose.random() < 0.5:
                self._ask(decision.wallet, event_id)
            else:
                self._put(self._either(decision, decision.reversal_id))

    def _either(self, about: Operation, reversal_id: str) -> Errand:
        """Return an approval by the second person, or a rejection by either."""
        asked_by = self._asked[reversal_id][1]
        if self._choose.random() < 0.5:
            return self._decision("approve", _other(asked_by), about, reversal_id)
        return self._decision("reject", self._choose.choice(DECIDERS), about, reversal_id)

    def _decision(self, kind: Kind, by: str, about: Operation, reversal_id: str) -> Errand:
        return self._said(by, kind, about.wallet, {}, reversal_id)

    def _said(
        self, by: str, kind: Kind, wallet: Wallet, body: dict[str, Any], reversal_id: str = ""
    ) -> Errand:
        operation = Operation(kind, self._new_key(), wallet, body, reversal_id=reversal_id, by=by)
        path = f"{REVERSALS}/{reversal_id}/{kind}" if reversal_id else REVERSALS
        return Errand(by, path, operation.key, body, [operation])

    def _put(self, errand: Errand, rival: Errand | None = None) -> None:
        """Put one in hand, or two that are asked for at the same time."""
        errand.rival = rival
        self._in_hand.append(errand)


def _other(by: str) -> str:
    return FINANCE if by == ADMIN else ADMIN
