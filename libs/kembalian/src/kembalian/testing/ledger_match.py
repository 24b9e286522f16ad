"""The ledger as it decides beside a reference that fits one screen: asked and compared."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import count, groupby
from typing import Any, ClassVar, TypeAlias
from uuid import UUID

from hypothesis.stateful import RuleBasedStateMachine

from events.envelope import Cause
from kembalian.testing.ledger_recount import Recount
from kembalian.testing.ledger_writer import LedgerWriter, insist
from kembalian.testing.reference_ledger import Coins, Key, ReferenceLedger
from wallet_ledger import domain, expiry, publish, records
from wallet_ledger.answers import Answer
from wallet_ledger.domain import Command, Entry
from wallet_ledger.group import Order

MOST = 120
"""Rupiah that a wallet may hold here: BALANCE_MAX is made so small that it is met."""

START = datetime(2026, 11, 22, tzinfo=UTC)

Expected: TypeAlias = "Mapping[str, Coins] | Coins | bool | None"
"""What the reference says was spent (at each store), True where nothing shows; None = refused."""

Expect: TypeAlias = "Callable[[str], Expected]"


class LedgerMatch(RuleBasedStateMachine):
    """The two sides, how they are asked and how they are compared."""

    steps: ClassVar[int] = 0
    outcomes: ClassVar[Counter[tuple[str, int]]] = Counter()  # (command, status): what was met

    def __init__(self) -> None:
        super().__init__()
        numbers = count(1)
        self.writer = LedgerWriter(lambda: UUID(int=next(numbers)))
        self.reference = ReferenceLedger(MOST)
        self.recount = Recount()
        self.seconds = 0
        self.holds: list[Key] = []  # asked for, whatever became of it
        self.until: dict[Key, int] = {}
        self.entries: list[tuple[str, Entry]] = []
        self.reversals: list[tuple[str, Entry, str]] = []  # wallet, entry, who asked
        self.states: dict[str, str] = {}  # reversal -> requested, approved, rejected
        self.waiting: list[tuple[Order, Expect]] = []
        self.asked: list[tuple[Order, Expect]] = []
        self.first: dict[tuple[str, str], tuple[bytes, Answer]] = {}
        self.counted = 0

    def ask(self, wallet: str, command: Command, expect: Expect, alone: bool) -> None:
        key = f"k{len(self.asked)}"
        if isinstance(command, domain.ExpireHold):
            order = expiry.order_of(wallet, command.payment_id)
        else:
            order = Order("caller", key, b"mark", wallet, command, Cause("test"))
        self.asked.append((order, expect))
        self.put(order, expect, alone)

    def put(self, order: Order, expect: Expect, alone: bool) -> None:
        type(self).steps += 1
        self.waiting.append((order, expect))
        if alone or len(self.waiting) == 4:
            self.commit()

    def commit(self) -> None:
        """Let the writer decide what waits, and compare it with the reference."""
        waiting, self.waiting = self.waiting, []
        now = START + timedelta(seconds=self.seconds)
        answers = self.writer.write([order for order, _ in waiting], now)
        for (order, expect), answer in zip(waiting, answers, strict=True):
            first = self.first.get(order.slot)
            if first is None:
                self.compare(answer, expect, order)
                if answer.status in {201, 404, 409}:
                    self.first[order.slot] = (order.fingerprint, answer)
            elif first[0] == order.fingerprint:
                insist((answer.body, answer.replayed) == (first[1].body, True), order)
            else:
                insist(answer.status == 422 and not answer.replayed, order)
        self.check({order.wallet_id for order, _ in waiting})

    def compare(self, answer: Answer, expect: Expect, order: Order) -> None:
        body = json.loads(answer.body)
        expected = expect(body.get("event_id", ""))
        self.outcomes[type(order.asked).__name__, answer.status] += 1
        done = answer.status == 201
        insist(done == bool(expected), f"{order} {answer} expected={expected}")
        if isinstance(expected, Mapping):
            parts = body.get("parts") or [{"store_id": s, **body} for s in expected]
            shown = {part["store_id"]: _shown(part) for part in parts if "allocations" in part}
            insist(shown in ({}, {s: _runs(c) for s, c in expected.items()}), f"{order} {body}")
        elif isinstance(expected, list) and "allocations" in body:
            insist(_shown(body) == _runs(expected), f"{order} {body} expected={expected}")

    def entered(self, wallet: str, event_id: str, happened: Expected) -> Expected:
        """Keep the entry of a till for later reversals, as it is in the log."""
        if happened:
            event = publish.from_contract(dict(self.writer.log[self.counted :])[event_id])
            assert isinstance(event, domain.TillEvent)
            self.entries.append((wallet, domain.entry_of(event_id, event)))
        return happened

    def teardown(self) -> None:
        """Decide what still waits."""
        self.commit()

    def check(self, wallets: Iterable[str]) -> None:
        """Compare everything that is known of `wallets`, and the invariants of all."""
        for _, event in self.writer.log[self.counted :]:
            self.recount.add(event)
        self.counted = len(self.writer.log)
        insist(+self.recount.owed == +self.reference.owed, "debts differ")
        insist(self.recount.positions_sum_to_zero(), "positions")
        issued: Counter[str] = Counter()
        for _, buckets in self.writer.rows.values():
            issued.update(buckets)
        insist(+issued == +self.recount.issued(), "issued")
        for wallet_id in wallets:
            self.check_wallet(wallet_id)
        for wallet_id, record_id in self.writer.touched:
            self.check_record(wallet_id, record_id)

    def check_wallet(self, wallet_id: str) -> None:
        wallet, purse = self.writer.memory[wallet_id], self.reference.purse[wallet_id]
        insist(+Counter(wallet.buckets) == Counter(self.reference.coins(wallet_id)), wallet)
        insist(wallet.available == len(purse), wallet)
        insist(wallet == self.writer.loaded(wallet_id), "memory and rows differ")
        folded = self.writer.folded.get(wallet_id, domain.Wallet())
        insist(folded.buckets == wallet.buckets, "log and memory differ")
        insist(folded.available == wallet.available, "log and memory differ")

    def check_record(self, wallet_id: str, record_id: str) -> None:
        """Compare a row with what the log alone says of it."""
        folded = self.writer.folded[wallet_id]
        if record_id in folded.payments:
            row = records.payment_row(wallet_id, folded.payments[record_id])
            insist(row == self.writer.payments[wallet_id][record_id], row)
        else:
            row = records.reversal_row(wallet_id, folded.reversals[record_id])
            insist(row == self.writer.reversals[wallet_id][record_id], row)
            insist(row["state"] == self.states[record_id], row)


def _shown(part: Mapping[str, Any]) -> list[tuple[str, int]]:
    return [(a["issuer"], a["amount"]) for a in part["allocations"]]


def _runs(coins: Coins) -> list[tuple[str, int]]:
    return [(issuer, len(list(same))) for issuer, same in groupby(coins)]
