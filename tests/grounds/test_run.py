"""`kembalian run`: ready, alone in its home, mended when something dies, gone without a trace."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import psutil
import pytest

from kembalian.demo.campus import golden
from kembalian.grounds.http_wire import is_well
from kembalian.grounds.ports import free_port
from kembalian.testing.runs import RunningHouse, running_house

CHILDREN = {
    "gateway": "gateway",
    "identity": "identity",
    "catalog": "catalog",
    "wallet-ledger": "wallet_ledger",
    "settlement": "settlement",
    "postgres": "postgres",
    "broker": "tansu",
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHouse]:
    with running_house(tmp_path_factory.mktemp("house"), demo="none") as running:
        yield running


def family(house: RunningHouse) -> list[psutil.Process]:
    """Return every process that the launcher started, and those that these started."""
    return psutil.Process(house.process.pid).children(recursive=True)


def login(house: RunningHouse, username: str, password: str) -> int:
    """Return the status of an attempt to log in."""
    credentials = {"username": username, "password": password}
    return httpx.post(f"{house.url}/api/v1/auth/token", json=credentials).status_code


def wait_until(condition: Callable[[], bool], what: str, *, patience_s: float = 30) -> None:
    deadline_s = time.monotonic() + patience_s
    while not condition():
        assert time.monotonic() < deadline_s, what
        time.sleep(0.1)


def test_ready_is_the_last_word_and_true(house: RunningHouse) -> None:
    assert house.lines[-1] == f"ready http://localhost:{house.port}"
    assert httpx.get(f"{house.url}/readyz").status_code == 200
    assert house.demo.keys() == {"admin"}
    assert login(house, **house.demo["admin"]) == 200


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
        assert httpx.get(f"{url}/livez").status_code == 200, name


def test_everything_listens_on_loopback_only(house: RunningHouse) -> None:
    listening = {
        connection.laddr.ip
        for process in family(house)
        for connection in process.net_connections("inet")
        if connection.status == psutil.CONN_LISTEN
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
    assert f"is in use by process {house.process.pid}" in second.stderr
    assert httpx.get(f"{house.url}/readyz").status_code == 200


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


@pytest.mark.parametrize("name", CHILDREN)
def test_whatever_is_killed_comes_back_where_it_was(house: RunningHouse, name: str) -> None:
    before = house.run

    os.kill(before["pids"][name], signal.SIGKILL)
    wait_until(lambda: house.pids.get(name, before["pids"][name]) != before["pids"][name], name)
    wait_until(lambda: is_well(f"{house.url}/readyz"), f"ready again after the death of {name}")

    assert any(line.startswith(f"{name} died; starting it again") for line in house.lines)
    after = house.run
    assert {**after, "pids": None} == {**before, "pids": None}
    assert login(house, **house.demo["admin"]) == 200


def test_the_trial_is_played_once_and_each_end_of_a_run_leaves_no_process(tmp_path: Path) -> None:
    with running_house(tmp_path / "home", demo="trial") as house:
        printed = "".join(house.lines).replace(" ", "")
        demo = house.demo
        wallet = _wallet_of_susila(house)

        assert wallet["buckets"] == [{"issuer": "kantin", "balance": 200}]
        for step in golden()["transactions"]:
            assert f"│{step['balance']}│" in printed
        for row in (
            "│fotokopi│900│0│0│900│",
            "│kantin│550│50│200│300│",
            "│koperasi│0│1400│0│-1400│",
        ):
            assert row in printed
        assert stat.S_IMODE((house.home / "demo.json").stat().st_mode) == 0o600
        assert [store["store_id"] for store in demo["stores"]] == ["kantin", "fotokopi", "koperasi"]
        cards = [member["card_number"] for member in demo["members"]]
        assert cards == ["1000", "1001", "1003", "1004"]
        for entry in [*demo["members"], *demo["cashiers"], *demo["operators"], demo["finance"]]:
            assert login(house, entry["username"], entry["password"]) == 200, entry
        _assert_ends_without_a_trace(house, signal.SIGINT)

    with running_house(tmp_path / "home", demo="trial") as again:
        assert again.demo == demo
        assert not any("trial of 2016" in line for line in again.lines)
        assert _wallet_of_susila(again)["buckets"] == wallet["buckets"]
        _assert_ends_without_a_trace(again, signal.SIGTERM)


@pytest.mark.slow
def test_a_launcher_killed_amid_its_demo_leaves_no_process_and_the_next_start_finishes_it(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    house = RunningHouse(home, {"PORT": str(free_port()), "KEMBALIAN_DEMO": "trial"})
    wait_until(lambda: "members" in house.demo or not house.runs, "first member", patience_s=100)
    assert house.runs, house.lines
    processes = family(house)
    house.stop(signal.SIGKILL)
    _, alive = psutil.wait_procs(processes, timeout=10)
    assert alive == []
    known = house.demo
    # As if the run had died between the answer and its note: the password is gone.
    (home / "demo.json").write_text(json.dumps({**known, "members": []}))

    with running_house(home, demo="trial") as again:
        demo = again.demo
        assert _wallet_of_susila(again)["balance"] == golden()["transactions"][-1]["balance"]
        for entry in demo["members"]:
            assert login(again, entry["username"], entry["password"]) == 200, entry
        assert known["members"][0]["member_id"] == demo["members"][0]["member_id"]
        assert known["admin"] == demo["admin"]


def _assert_ends_without_a_trace(house: RunningHouse, stop_signal: signal.Signals) -> None:
    processes = family(house)
    assert len(processes) >= len(CHILDREN)

    assert house.stop(stop_signal) == 0

    assert [process for process in processes if process.is_running()] == []
    assert house.run == {}
    assert house.lines[-1] == "stopping"


def _wallet_of_susila(house: RunningHouse) -> dict[str, object]:
    susila = house.demo["members"][0]
    credentials = {"username": susila["username"], "password": susila["password"]}
    token = httpx.post(f"{house.url}/api/v1/auth/token", json=credentials).json()["access_token"]
    answer = httpx.get(
        f"{house.url}/api/v1/wallets/me", headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 200, answer.text
    return answer.json()
