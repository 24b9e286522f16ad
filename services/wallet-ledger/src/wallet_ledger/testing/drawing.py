"""Commands drawn at random for wallets as they are: mostly covered, so most become events."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from events.envelope import open_envelope
from events.log import NewEvent
from wallet_ledger.domain import (
    ApproveReversal,
    CashOut,
    Command,
    ConfirmHold,
    Entry,
    NotReversible,
    PlaceHold,
    RecordSale,
    Redeem,
    RefundPayment,
    RejectReversal,
    ReleaseHold,
    RequestReversal,
    Till,
    TillEvent,
    TopUpWithCash,
    Wallet,
    entry_of,
)
from wallet_ledger.publish import from_contract

AMOUNT_MAX = 5_000
HOLD_SECONDS = 86_400
TILL = (("change", 45), ("redeem", 38), ("topup", 12), ("cashout", 5))
ALL = (*TILL, ("payment", 7), ("reversal", 2))


@dataclass(slots=True)
class Draw:
    """Draws commands; `remember` what was written, so that some of it can be undone."""

    chance: random.Random
    stores: Sequence[str]
    entries: dict[str, Entry] = field(default_factory=dict[str, Entry])
    """Wallet -> an entry of the newest group that could be undone."""

    def command(
        self, till: Till, wallet_id: str, wallet: Wallet, key: str, *, one: bool
    ) -> Command:
        """Return the next command for a wallet; `one` = it makes one event at most."""
        if wallet.reversals and (decided := self._decided(wallet_id, wallet)) is not None:
            return decided
        kinds, weights = zip(*(TILL if one else ALL), strict=True)
        (kind,) = self.chance.choices(kinds, weights)
        if kind == "payment" and wallet.available > 1:
            return self._payment(wallet, key)
        entry = self.entries.get(wallet_id)
        if kind == "reversal" and entry is not None:
            return RequestReversal(f"reversal/{key}", entry, "kepala-1", "salah ketik")
        return self._at_till(kind, till, wallet)

    def _at_till(self, kind: str, till: Till, wallet: Wallet) -> Command:
        amount = self.chance.randint(1, AMOUNT_MAX)
        if kind == "redeem" and wallet.available > 0:
            return Redeem(till, min(amount, wallet.available))
        held = wallet.buckets.get(till.store_id, 0)
        if kind == "cashout" and held > 0:
            return CashOut(till, min(amount, held))
        if kind == "topup":
            return TopUpWithCash(till, 10 * amount)
        sale = self.chance.randint(1, 50_000)
        return RecordSale(till, sale, sale + amount, True, True, 500)

    def _payment(self, wallet: Wallet, key: str) -> Command:
        """Settle a hold, refund a part, or place another hold."""
        for payment in wallet.payments.values():
            if payment.state == "held":
                return self.chance.choice(
                    (
                        ConfirmHold(payment.payment_id),
                        ConfirmHold(payment.payment_id),
                        ConfirmHold(payment.payment_id, ((payment.held[0].store_id, 1),)),
                        ReleaseHold(payment.payment_id),
                    )
                )
            if payment.paid and self.chance.random() < 0.3:
                part = payment.paid[0]
                amount = self.chance.randint(1, part.amount)
                return RefundPayment(payment.payment_id, part.store_id, amount)
        some = self.chance.sample(list(self.stores), min(2, len(self.stores)))
        each = max(1, min(AMOUNT_MAX, wallet.available) // (2 * len(some)))
        parts = tuple((store_id, each) for store_id in sorted(some))
        return PlaceHold(f"payment/{key}", f"order/{key}", parts, HOLD_SECONDS)

    def _decided(self, wallet_id: str, wallet: Wallet) -> Command | None:
        """Decide a reversal that somebody asked for, if there is one."""
        entry = self.entries.get(wallet_id)
        for reversal in wallet.reversals.values():
            if reversal.state == "requested":
                known = entry is not None and entry.event_id == reversal.event_id
                if entry is None or not known or self.chance.random() < 0.3:
                    return RejectReversal(reversal.reversal_id, "kepala-2")
                return ApproveReversal(reversal.reversal_id, entry, "kepala-2")
        return None

    def remember(self, events: Iterable[NewEvent], wallets: dict[str, Wallet]) -> None:
        """Keep what could be undone of a group, beside what somebody asked to undo."""
        asked = {
            reversal.event_id
            for wallet_id in self.entries
            for reversal in wallets[wallet_id].reversals.values()
            if reversal.state == "requested"
        }
        self.entries = {w: e for w, e in self.entries.items() if e.event_id in asked}
        for event in list(events)[:5]:
            fact = from_contract(open_envelope(event.body).data)
            if event.stream in self.entries or not isinstance(fact, TillEvent):
                continue
            try:
                self.entries[event.stream] = entry_of(str(event.event_id), fact)
            except NotReversible:
                continue
