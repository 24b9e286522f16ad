"""Work spread over processes: every result comes, a failure is told, and nothing is left behind."""

import asyncio
import os
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from events.parallel import WorkFailed, processes_for, spread
from events.testing_works import dies, endless, refuses_three, squares
from events.worker import forked_ahead

SERVERS = {"postgres", "java", "tansu"}
"""What this session's servers run in: PostgreSQL begins and ends processes whenever it likes."""


def children() -> set[int]:
    found: set[int] = set()
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.name() not in SERVERS:
                found.add(process.pid)
    return found


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


async def parents_of_results(processes: int) -> set[int]:
    """Return who made the processes that did the work."""
    return {psutil.Process(pid).ppid() async for pid, _, _ in spread(squares, range(7), processes)}


def test_processes_that_were_forked_ahead_do_the_work_and_end() -> None:
    before = children()

    with forked_ahead(2):
        assert len(children() - before) == 2
        assert asyncio.run(parents_of_results(2)) == {os.getpid()}

    assert children() <= before | pythons_own()


def test_processes_that_had_nothing_to_do_end_too() -> None:
    before = children()

    with forked_ahead(3):
        assert len(children() - before) == 3
        assert asyncio.run(parents_of_results(1)) == {psutil.Process().ppid()}

    assert children() <= before | pythons_own()


def test_processes_that_were_forked_ahead_end_with_a_command_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE) as command:
        assert command.stdout is not None
        pids = [int(pid) for pid in command.stdout.readline().split()]
        forked = [psutil.Process(pid) for pid in pids]

        command.kill()

    _, alive = psutil.wait_procs(forked, timeout=60)
    assert len(forked) == 2
    assert not alive


KILLED = """
import multiprocessing, time
from events.worker import forked_ahead
with forked_ahead(2):
    print(*[child.pid for child in multiprocessing.active_children()], flush=True)
    time.sleep(60)
"""


OWN = ("resource_tracker", "forkserver")


def pythons_own() -> set[int]:
    """Processes that Python itself keeps for ours until the end; ours are children of theirs."""
    found: set[int] = set()
    for process in psutil.Process().children():
        with suppress(psutil.NoSuchProcess):
            if any(own in " ".join(process.cmdline()) for own in OWN):
                found.add(process.pid)
    return found


def test_a_small_ledger_is_done_here() -> None:
    assert processes_for(1_000) == 1
    assert processes_for(10_000_000) == min(os.cpu_count() or 1, 8)
