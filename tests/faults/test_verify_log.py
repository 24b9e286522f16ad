"""Faults planted in a copy of a log: `verify` names invariant, partition, position and stream."""

from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from kembalian.operators import reading
from kembalian.operators.live import LiveRun
from kembalian.operators.verify import run_verify
from kembalian.testing import chain_plants as chain
from kembalian.testing import ledger_plants as ledger
from kembalian.testing.copies import spoilt
from kembalian.testing.plants import LEDGER, Where
from kembalian.testing.refill import refilled

Plant = Callable[[asyncpg.Connection], Awaitable[Where]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is behind for ever, in a copy, is waited for a moment only."""
    monkeypatch.setattr(reading, "PATIENCE_SECONDS", 0.3)


async def found_in(run: LiveRun) -> set[Where]:
    """Return where `verify` finds something."""
    report = await run_verify(run, lambda _step: lambda _done, _total: None)
    return {Where.of(finding) for finding in report.findings}


async def test_nothing_is_found_in_the_untouched_copy(originals: LiveRun) -> None:
    assert await found_in(originals) == set()


@pytest.mark.parametrize(
    "plant",
    [
        ledger.postings_that_do_not_sum_to_zero,
        ledger.a_bucket_overdrawn,
        ledger.a_balance_that_is_said_wrongly,
        ledger.allocations_that_do_not_sum_to_the_amount,
        ledger.a_refund_of_what_was_never_paid,
        ledger.a_reversal_of_no_entry,
        chain.an_answer_without_its_event,
        chain.an_event_without_its_answer,
        chain.two_answers_for_one_event,
        chain.a_place_told_wrongly,
        chain.a_hole_in_the_positions,
        chain.a_hole_in_the_versions,
        chain.the_last_event_deleted,
        chain.a_tail_cut_off_with_its_links,
        chain.a_changed_body,
        chain.a_changed_body_that_kafka_knows_better,
        chain.a_body_that_nobody_can_read,
        chain.a_changed_link,
        chain.a_link_missing,
        chain.a_changed_time,
    ],
)
async def test_a_fault_in_the_ledgers_log_is_named(originals: LiveRun, plant: Plant) -> None:
    async with spoilt(originals, LEDGER) as (run, connection):
        planted = await plant(connection)
        found = await found_in(run)

    assert planted in found


@pytest.mark.parametrize(
    ("plant", "invariants"),
    [
        # 9: a checkpoint had been signed over what was rewritten, not over what was added
        (ledger.postings_that_do_not_sum_to_zero, {1, 9}),
        (ledger.a_bucket_overdrawn, {2}),
    ],
)
async def test_a_forgery_that_all_others_agree_on_is_named_by_its_invariant(
    originals: LiveRun, tmp_path: Path, plant: Plant, invariants: set[int]
) -> None:
    async with spoilt(originals, LEDGER) as (copy, connection):
        planted = await plant(connection)
        async with refilled(copy, tmp_path) as run:
            found = await found_in(run)

    assert planted in found
    assert {where.invariant for where in found} == invariants


@pytest.mark.parametrize("service", ["identity", "catalog"])
async def test_a_hole_in_another_log_is_named(originals: LiveRun, service: str) -> None:
    async with spoilt(originals, service) as (run, connection):
        await connection.execute("DELETE FROM log.event WHERE position = 2")
        found = await found_in(run)

    assert Where(9, service, 0, 2, None) in found
