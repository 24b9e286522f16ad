"""Work spread over processes: every result comes, a failure is told, and nothing is left behind."""

import os

import psutil
import pytest

from events.parallel import WorkFailed, processes_for, spread
from events.testing_works import dies, endless, refuses_three, squares


def children() -> set[int]:
    return {process.pid for process in psutil.Process().children(recursive=True)}


@pytest.mark.parametrize("processes", [1, 2])
async def test_every_item_is_done_once(processes: int) -> None:
    before = children()

    found = [result async for result in spread(squares, range(7), processes)]

    assert sorted((n, s) for _, n, s in found) == sorted([(n, n * n) for n in range(7)] * 2)
    assert ({pid for pid, _, _ in found} == {os.getpid()}) == (processes == 1)
    assert children() <= before | pythons_own()


@pytest.mark.parametrize("processes", [1, 2])
async def test_a_failure_is_raised_as_it_was(processes: int) -> None:
    with pytest.raises(ValueError, match="three"):
        _ = [n async for n in spread(refuses_three, range(6), processes)]


async def test_a_process_that_ends_by_itself_is_told() -> None:
    with pytest.raises(WorkFailed, match="ended"):
        _ = [n async for n in spread(dies, range(4), 2)]


async def test_leaving_early_ends_the_processes() -> None:
    before = children()
    results = spread(endless, range(2), 2)

    first = await anext(results)
    during = children() - before
    await results.aclose()

    assert first in (0, 1)
    assert len(during) >= 2
    assert children() <= before | pythons_own()


def pythons_own() -> set[int]:
    """Processes that Python itself keeps for ours until the end; ours are children of theirs."""
    return {
        process.pid
        for process in psutil.Process().children()
        if any(own in " ".join(process.cmdline()) for own in ("resource_tracker", "forkserver"))
    }


def test_a_small_ledger_is_done_here() -> None:
    assert processes_for(1_000) == 1
    assert processes_for(10_000_000) == min(os.cpu_count() or 1, 8)
