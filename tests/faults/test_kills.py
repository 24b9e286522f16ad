"""SIGKILL of every process under load: nothing lost, nothing doubled, by the clients' record."""

import os
import random
import time
from collections import Counter

import psutil
import pytest

from kembalian.testing.faults import check_all, report
from kembalian.testing.house import RunningHouse
from kembalian.testing.load import load

PROCESSES = (
    "postgres",
    "broker",
    "identity",
    "catalog",
    "wallet-ledger",
    "settlement",
    "gateway",
)


def kill_all(house: RunningHouse, times: int, seed: int, *, patient: bool) -> list[str]:
    """Kill every process `times` times in a random order; return the names as they were killed.

    Not `patient`: now and then the next one is killed while the last is still coming back.
    """
    choose = random.Random(seed)
    names = list(house.live().pids) * times
    assert set(names) == set(PROCESSES)
    choose.shuffle(names)
    killed: dict[str, int] = {}
    for name in names:
        time.sleep(choose.uniform(0.1, 1.0))
        if name in killed or patient or choose.random() < 0.6:
            for other, pid in killed.items():
                house.until_back(other, pid)
            killed.clear()
        killed[name] = house.kill(name)
    for name, pid in killed.items():
        house.until_back(name, pid)
    return names


@pytest.mark.timeout(420)
def test_every_process_is_killed_once_and_nothing_is_lost_or_doubled(
    faulty_house: RunningHouse,
) -> None:
    with load(faulty_house, seed=1) as busy:
        killed = kill_all(faulty_house, 1, seed=1, patient=True)
        while len(busy.acknowledged()) < 200 and not busy.failures:
            time.sleep(0.2)

    report(busy, killed)
    check_all(faulty_house, busy)


@pytest.mark.slow
@pytest.mark.timeout(1_500)
def test_every_process_is_killed_five_times_under_two_thousand_operations(
    faulty_house: RunningHouse,
) -> None:
    with load(faulty_house, seed=2016) as busy:
        killed = kill_all(faulty_house, 5, seed=2016, patient=False)
        while len(busy.acknowledged()) < 2_000 and not busy.failures:
            time.sleep(0.5)

    report(busy, killed)
    assert min(Counter(killed).values()) >= 5
    check_all(faulty_house, busy)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_processes_are_killed_for_as_long_as_asked(faulty_house: RunningHouse) -> None:
    deadline = time.monotonic() + 60 * float(os.environ.get("KEMBALIAN_SOAK_MINUTES", "60"))
    killed: list[str] = []
    seed = 0

    with load(faulty_house, seed=2026) as busy:
        while time.monotonic() < deadline:
            killed += kill_all(faulty_house, 1, seed=(seed := seed + 1), patient=False)

    report(busy, killed)
    check_all(faulty_house, busy)


@pytest.mark.slow  # tests/grounds kills a launcher in every run; this one under load, to the rupiah
@pytest.mark.timeout(420)
def test_a_launcher_that_is_killed_leaves_nothing_behind_and_finds_all_again(
    faulty_house: RunningHouse,
) -> None:
    with load(faulty_house, seed=3) as busy:
        time.sleep(2)
    family = psutil.Process(faulty_house.pid).children(recursive=True)
    assert len(family) >= len(PROCESSES)

    faulty_house.kill_launcher()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert alive == []
    faulty_house.start()

    check_all(faulty_house, busy)
