"""The ledger against a reference that fits one screen, and faults that this must find.

KEMBALIAN_MODEL_STEPS says how many commands are decided by both (`make model`: a million).
"""

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from pydantic import ValidationError

from kembalian.testing.ledger_machine import LedgerMachine
from kembalian.testing.ledger_match import MOST
from kembalian.testing.ledger_writer import Broken
from wallet_ledger import domain, group, publish, records
from wallet_ledger.domain import payments, reversals, till, wallet

STEPS = int(os.environ.get("KEMBALIAN_MODEL_STEPS", "20000"))
RUNS, RUN_STEPS = 40, 100

EVERY_COMMAND = {
    "TopUpWithCash", "RecordSale", "Redeem", "CashOut", "PlaceHold", "ConfirmHold", "ReleaseHold",
    "ExpireHold", "RefundPayment", "RequestReversal", "ApproveReversal", "RejectReversal",
}  # fmt: skip


@pytest.fixture(autouse=True)
def small_wallets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the bound of a wallet be met, and count from 0."""
    monkeypatch.setattr(wallet, "BALANCE_MAX", MOST)
    LedgerMachine.steps = 0
    LedgerMachine.outcomes.clear()


def play(runs: int, *phases: Phase) -> None:
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=runs,
            stateful_step_count=RUN_STEPS,
            deadline=None,
            database=None,
            phases=[Phase.generate, *phases],
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.timeout(180 + STEPS // 100)
def test_the_ledger_decides_as_the_reference_does(capsys: pytest.CaptureFixture[str]) -> None:
    while LedgerMachine.steps < STEPS:
        play(RUNS, Phase.shrink)
        if STEPS > 20_000:
            with capsys.disabled():
                print(f"\r{LedgerMachine.steps:,} of {STEPS:,} commands", end="", flush=True)

    assert LedgerMachine.steps >= STEPS
    if STEPS < 20_000:  # a glance: not everything is met
        return
    done = {name for name, status in LedgerMachine.outcomes if status == 201}
    refused = {name for name, status in LedgerMachine.outcomes if status != 201}
    assert done == refused == EVERY_COMMAND
    repeats = LedgerMachine.steps - sum(LedgerMachine.outcomes.values())
    assert repeats > STEPS // 100


Plant = Callable[[pytest.MonkeyPatch], None]


def smallest_first(patch: pytest.MonkeyPatch) -> None:
    def allocate(free: Any, parts: Any) -> Any:
        turned = {issuer: 1_000 - rupiah for issuer, rupiah in free.items() if rupiah}
        chosen = list[list[domain.Allocation]]()
        left = dict(free)
        wallet.allocate(free, parts)
        for store, amount in parts:
            order = [store, *sorted(turned, key=lambda i: (-turned[i], i))]
            chosen.append(wallet._take(left, order, amount))
        return tuple(map(tuple, chosen))

    patch.setattr(till, "allocate", allocate)


def own_bucket_last(patch: pytest.MonkeyPatch) -> None:
    rule = wallet.allocate

    def allocate(free: Any, parts: Any) -> Any:
        return rule(free, [("nobody", amount) for _, amount in parts])

    patch.setattr(till, "allocate", allocate)


def held_money_can_be_spent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(domain.Wallet, "free", lambda self: self.buckets)


def refunds_walk_forwards(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(payments, "reversed", iter, raising=False)


def a_refund_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    rule = payments.evolve

    def evolve(before: domain.Wallet, event: Any) -> domain.Wallet:
        after = rule(before, event)
        if isinstance(event, domain.PaymentRefunded):
            return replace(after, payments=before.payments)
        return after

    patch.setattr(payments, "evolve", evolve)


def a_hold_is_confirmed_when_its_time_is_over(patch: pytest.MonkeyPatch) -> None:
    rule = payments.decide

    def decide(before: domain.Wallet, command: Any, now: datetime) -> Any:
        late = isinstance(command, domain.ConfirmHold)
        return rule(before, command, now - timedelta(seconds=1) if late else now)

    patch.setattr(payments, "decide", decide)


def a_hold_ends_twice(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(payments, "_held", payments._known)


def the_rest_of_a_partial_confirmation_stays_held(patch: pytest.MonkeyPatch) -> None:
    rule = payments._decide_confirmation
    patch.setattr(payments, "_decide_confirmation", lambda *args: rule(*args)[:1])


def whoever_asks_approves(patch: pytest.MonkeyPatch) -> None:
    rule = reversals.decide

    def decide(before: domain.Wallet, command: Any) -> Any:
        try:
            return rule(before, command)
        except domain.OwnRequest:
            return rule(before, replace(command, approved_by="somebody else"))

    patch.setattr(reversals, "decide", decide)


def what_is_spent_is_reversed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reversals, "_check_possible", lambda *_: None)


def a_reversal_goes_the_wrong_way(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reversals, "debits_of", wallet.credits_of)


def postings_are_turned(patch: pytest.MonkeyPatch) -> None:
    rule = wallet.entries

    def entries(*args: Any, sign: int) -> Any:
        return rule(*args, sign=-sign)

    patch.setattr(payments, "entries", entries)


def the_bound_is_off_by_one(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(wallet, "BALANCE_MAX", MOST + 1)


def a_writer_forgets_holds(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(group, "settled", lambda w: domain.Wallet(w.buckets, w.version))


def records_are_not_loaded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(group, "named_by", lambda *_: group.Named())


def a_repeat_is_done_again(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(group, "KEPT", frozenset({409}))


def a_refusal_is_not_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(group, "KEPT", frozenset({201}))


def a_row_loses_what_was_paid(patch: pytest.MonkeyPatch) -> None:
    rule = records.payment_of
    patch.setattr(records, "payment_of", lambda row: replace(rule(row), paid=()))


def the_log_turns_allocations_round(patch: pytest.MonkeyPatch) -> None:
    rule = publish._own
    patch.setattr(publish, "_own", lambda allocations: rule(allocations)[::-1])


def an_early_expiry_is_kept(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(group, "KEPT", group.KEPT | {503})


FAULTS: list[Plant] = [
    smallest_first,
    own_bucket_last,
    held_money_can_be_spent,
    refunds_walk_forwards,
    a_refund_is_forgotten,
    a_hold_is_confirmed_when_its_time_is_over,
    a_hold_ends_twice,
    the_rest_of_a_partial_confirmation_stays_held,
    whoever_asks_approves,
    what_is_spent_is_reversed,
    a_reversal_goes_the_wrong_way,
    postings_are_turned,
    the_bound_is_off_by_one,
    a_writer_forgets_holds,
    records_are_not_loaded,
    a_repeat_is_done_again,
    a_refusal_is_not_kept,
    a_row_loses_what_was_paid,
    the_log_turns_allocations_round,
    an_early_expiry_is_kept,
]


@pytest.mark.parametrize("plant", FAULTS, ids=lambda plant: plant.__name__)
def test_a_planted_fault_is_found(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)

    with pytest.raises((Broken, ValidationError)):
        play(100)
