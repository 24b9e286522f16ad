"""A run beside everything else on the machine, and mended when something of it dies."""

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from kembalian.grounds.http_wire import is_well
from kembalian.grounds.ports import free_port
from kembalian.testing.house import RunningHouse
from kembalian.testing.people import log_in

CHILDREN = {
    "gateway": "gateway",
    "identity": "identity",
    "catalog": "catalog",
    "wallet-ledger": "wallet_ledger",
    "settlement": "settlement",
    "postgres": "postgres",
    "broker": "tansu",
}


SERVICES = ("gateway", "identity", "catalog", "wallet-ledger", "settlement")
GROUNDS = ("postgres", "broker")


def wait_until(condition: Callable[[], bool], what: str, *, patience_s: float = 120) -> None:
    deadline_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.1)


def test_run_json_tells_where_everything_is_and_nobody_else_may_read_it(
    house: RunningHouse,
) -> None:
    run = house.run

    assert stat.S_IMODE((house.home / "run.json").stat().st_mode) == 0o600
    assert run["gateway"] == house.url
    assert run["pids"].keys() == CHILDREN.keys()
    assert run["postgres"].keys() == CHILDREN.keys() - {"gateway", "broker", "postgres"} | {"admin"}
    for name, part in CHILDREN.items():
        assert part in " ".join(psutil.Process(run["pids"][name]).cmdline()), name
    for name, url in run["urls"].items():
        assert is_well(f"{url}/livez"), name


def test_everything_listens_on_loopback_only(house: RunningHouse) -> None:
    ours = {process.pid for process in house.family()}

    listening = {
        connection.laddr.ip
        for connection in psutil.net_connections("inet")
        if connection.pid in ours and connection.status == psutil.CONN_LISTEN and connection.laddr
    }

    assert listening == {"127.0.0.1"}


def test_a_home_that_a_run_holds_is_refused(house: RunningHouse) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "kembalian", "run"],
        env={**os.environ, "KEMBALIAN_HOME": str(house.home), "PORT": str(free_port())},
        capture_output=True,
        text=True,
        check=False,
    )

    assert second.returncode == 2
    assert f"is in use by process {house.pid}" in second.stderr
    assert is_well(f"{house.url}/readyz")


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        refused = subprocess.run(
            [sys.executable, "-m", "kembalian", "run"],
            env={**os.environ, "KEMBALIAN_HOME": str(tmp_path), "PORT": str(port)},
            capture_output=True,
            text=True,
            check=False,
        )

    assert refused.returncode == 1
    assert f"port {port}: Address already in use; set PORT to another" in refused.stderr


@pytest.mark.parametrize("names", [SERVICES, GROUNDS], ids=["services", "grounds"])
def test_whatever_is_killed_comes_back_where_it_was(
    house: RunningHouse, names: tuple[str, ...]
) -> None:
    before = house.run
    said_before = len(house.lines)

    def all_are_others() -> bool:
        now = house.run["pids"]
        return all(now.get(name) not in (None, before["pids"][name]) for name in names)

    for name in names:
        os.kill(before["pids"][name], signal.SIGKILL)
    wait_until(all_are_others, f"all of {names} run again")
    wait_until(lambda: is_well(f"{house.url}/readyz"), f"ready again after the death of {names}")

    for name in names:
        said = f"{name} died; starting it again"
        assert any(line.startswith(said) for line in house.lines[said_before:])
    assert {**house.run, "pids": None} == {**before, "pids": None}
    log_in(house, house.demo()["admin"])
