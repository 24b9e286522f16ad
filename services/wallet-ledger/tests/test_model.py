"""The ledger against a reference that fits one screen, and faults that this must find.

KEMBALIAN_MODEL_STEPS says how many commands are decided by both (`make model`: a million).
"""

import os
from pkgutil import resolve_name

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from pydantic import ValidationError

from events.envelope import MalformedEvent
from kembalian.testing.ledger_faults import FAULTS
from kembalian.testing.ledger_machine import LedgerMachine
from kembalian.testing.ledger_match import MOST
from kembalian.testing.ledger_writer import Broken

STEPS = int(os.environ.get("KEMBALIAN_MODEL_STEPS", "20000"))
RUNS, RUN_STEPS = 40, 100
RUNS_UNTIL_FOUND = 1_000
"""A fault ends the search when it is found, mostly in a few runs; 200 missed the rarest once."""

EVERY_COMMAND = {
    "TopUpWithCash", "RecordSale", "Redeem", "CashOut", "PlaceHold", "ConfirmHold", "ReleaseHold",
    "ExpireHold", "RefundPayment", "RequestReversal", "ApproveReversal", "RejectReversal",
}  # fmt: skip


@pytest.fixture(autouse=True)
def small_wallets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the bound of a wallet be met, and count from 0."""
    monkeypatch.setattr("wallet_ledger.domain.wallet.BALANCE_MAX", MOST)
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
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
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


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, becomes = FAULTS[fault]
    target = f"wallet_ledger.{name}"
    monkeypatch.setattr(target, becomes(resolve_name(target)))

    with pytest.raises((Broken, ValidationError, MalformedEvent)):
        play(RUNS_UNTIL_FOUND)
