"""The end of a run: nothing of it is left, in whatever way it ends."""

import json
import signal
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from kembalian.demo.campus import golden
from kembalian.testing.house import RunningHouse
from kembalian.testing.people import log_in


def test_a_termination_leaves_no_process(house: RunningHouse) -> None:
    processes = house.family()
    assert len(processes) > 6

    assert house.stop(signal.SIGTERM) == 0

    assert [process for process in processes if process.is_running()] == []
    assert house.run == {}
    assert house.lines[-1] == "stopping"


@pytest.mark.slow
def test_a_launcher_killed_amid_its_demo_leaves_no_process_and_the_next_start_finishes_it(
    tmp_path: Path,
) -> None:
    house = RunningHouse(tmp_path / "home", kafka="embedded", demo="trial", settings={})
    house.launch()
    until(lambda: "members" in house.demo() or not house.runs, "first member")
    assert house.runs, house.lines
    processes = house.family()
    house.kill_launcher()
    _, alive = psutil.wait_procs(processes, timeout=30)
    assert alive == []
    known = house.demo()
    # As if the run had died between the answer and its note: the password is gone.
    (house.home / "demo.json").write_text(json.dumps({**known, "members": []}))

    house.start()
    try:
        demo = house.demo()
        balance = log_in(house, demo["members"][0]).get("/wallets/me").json()["balance"]
        assert balance == golden()["transactions"][-1]["balance"]
        for entry in demo["members"]:
            log_in(house, entry)
        assert known["members"][0]["member_id"] == demo["members"][0]["member_id"]
        assert known["admin"] == demo["admin"]
    finally:
        house.client.close()
        house.stop()


def until(condition: Callable[[], bool], what: str, *, patience_s: float = 100) -> None:
    deadline_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.1)
