"""Which errand a client of a load runs next, drawn by a seed."""

import random
from collections.abc import Sequence
from typing import Any

from kembalian.testing.corrections import Corrections
from kembalian.testing.errands import (
    CHANNEL,
    ORDERS,
    SHORT_SECONDS,
    Errand,
    Kind,
    Operation,
    Wallet,
)
from kembalian.testing.orders import hold_of, parts_of

TILL: dict[Kind, str] = {
    "change": "change",
    "redemption": "redemptions",
    "topup": "topups",
    "cashout": "cashouts",
}
USUAL = (5, 5, 2, 1)
"""How often each entry of a till comes, in a single request and in a batch."""

MOSTLY_GOOD = (8, 4, 4, 1)
"""The same in an atomic batch: one entry that is too large is enough to refuse it."""

ENTRIES_MAX = 10
ATOMIC_MAX = 6
IN_HAND_MAX = 4
LONG_SECONDS = 3_600
CORRECTED = 0.15
"""So often a correction that is in hand is the next errand."""

FATES = ("all", "some", "release", "leave", "late")


class Drawing:
    """Draws one client's errands; remembers the holds and the corrections that it has in hand.

    `atomic`: whether some batches are all or none.
    """

    def __init__(
        self,
        choose: random.Random,
        wallets: Sequence[Wallet],
        stores: Sequence[str],
        *,
        atomic: bool,
    ) -> None:
        self._choose = choose
        self._wallets = wallets
        self._stores = stores
        self._atomic = atomic
        self._in_hand: list[Errand] = []
        self._corrections = Corrections(choose, stores, self._key)
        self.left: list[Operation] = []
        """Holds that time out, or may."""

    def next(self) -> Errand:
        """Return the next one: mostly single entries of tills, some of them too large."""
        choose = self._choose
        many = len(self._in_hand) > IN_HAND_MAX
        if self._in_hand and (many or choose.random() < 0.2):
            return self._in_hand.pop(choose.randrange(len(self._in_hand)))
        if self._corrections and choose.random() < CORRECTED:
            return self._corrections.next()
        what = choose.choices(["single", "batch", "hold"], [12, 2, 3])[0]
        if what == "single":
            return self._single()
        return self._batch() if what == "batch" else self._hold()

    def ended(self, errand: Errand) -> None:
        """Take note of what an errand has come to."""
        for operation in errand.operations:
            if operation.kind == "hold" and operation.acknowledged:
                if operation.short:
                    self.left.append(operation)
                if errand.follows is not None:
                    self._in_hand.append(errand.follows)
            self._corrections.after(operation)

    def rest(self) -> list[Errand]:
        """Return what is still to be done with the holds in hand; corrections may be left."""
        rest, self._in_hand = self._in_hand, []
        return rest

    def _key(self) -> str:
        return f"{self._choose.getrandbits(64):016x}"

    def _single(self) -> Errand:
        operation = self._entry(USUAL)
        path = f"/pos/{TILL[operation.kind]}"
        return Errand(operation.store_id, path, operation.key, operation.body, [operation])

    def _batch(self) -> Errand:
        atomic = self._atomic and self._choose.random() < 0.5
        count = self._choose.randint(2, ATOMIC_MAX if atomic else ENTRIES_MAX)
        operations = [self._entry(MOSTLY_GOOD if atomic else USUAL) for _ in range(count)]
        entries = [
            {"key": o.key, "type": o.kind, "store_id": o.store_id, **o.body} for o in operations
        ]
        body = {"atomic": True, "entries": entries} if atomic else {"entries": entries}
        return Errand(CHANNEL, "/ledger/batch", self._key(), body, operations, atomic)

    def _entry(self, weights: Sequence[int]) -> Operation:
        choose = self._choose
        kind = choose.choices(list(TILL), weights)[0]
        wallet = choose.choice(self._wallets)
        amount = choose.randint(1, 2_500)
        if kind == "change":
            sale, save = choose.randint(1, 50_000), choose.random() < 0.9
            body: dict[str, Any] = {"sale_total": sale, "tendered": sale + amount, "save": save}
        else:
            body = {"amount": amount}
        body["card_number"] = wallet.card_number
        return Operation(kind, self._key(), wallet, body, store_id=choose.choice(self._stores))

    def _hold(self) -> Errand:
        """Return a hold, and with it what becomes of it."""
        choose = self._choose
        wallet, payment_id = choose.choice(self._wallets), self._key()
        stores = choose.sample(self._stores, choose.randint(1, len(self._stores)))
        parts = {store_id: choose.randint(1, 1_200) for store_id in stores}
        fate = choose.choices(FATES, [4, 4, 3, 2, 2])[0]
        short = fate in {"leave", "late"}
        held = hold_of(payment_id, parts, SHORT_SECONDS if short else LONG_SECONDS)
        errand = self._asked("hold", wallet, payment_id, held, short=short)
        if fate == "release":
            errand.follows = self._asked("release", wallet, payment_id, {}, short=False)
        elif fate != "leave":
            some = {"parts": parts_of(self._some(parts))} if fate == "some" else {}
            errand.follows = self._asked("confirm", wallet, payment_id, some, short=short)
        return errand

    def _some(self, parts: dict[str, int]) -> dict[str, int]:
        chosen = self._choose.sample(sorted(parts), self._choose.randint(1, len(parts)))
        return {store_id: self._choose.randint(1, parts[store_id]) for store_id in chosen}

    def _asked(
        self, kind: Kind, wallet: Wallet, payment_id: str, body: dict[str, Any], *, short: bool
    ) -> Errand:
        operation = Operation(kind, self._key(), wallet, body, payment_id=payment_id, short=short)
        below = "" if kind == "hold" else f"/{payment_id}/{kind}"
        path = f"{wallet.member_id}/holds{below}"
        return Errand(ORDERS, path, operation.key, body, [operation])
