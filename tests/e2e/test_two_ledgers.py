"""Two wallet-ledger processes on one database, and one that slept while the other took over."""

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from kembalian.grounds.ports import free_port
from kembalian.testing.house import RunningHouse, running_house
from kembalian.testing.people import Campus, Person, new_campus

LEASE_SECONDS = 5.0
PATIENCE_SECONDS = 30.0
KEYS = 50


@pytest.fixture(scope="module")
def own_house(house: RunningHouse) -> Generator[RunningHouse]:
    """A house of its own on the same kind of Kafka: here its ledger is put to sleep."""
    with (
        tempfile.TemporaryDirectory(prefix="kembalian-two-", ignore_cleanup_errors=True) as folder,
        running_house(Path(folder), kafka=house.kafka) as own,
    ):
        yield own


@contextmanager
def second_ledger(house: RunningHouse) -> Generator[str]:
    """Run wallet-ledger once more with the settings of the first; give its address."""
    pid = house.live().pids["wallet-ledger"]
    lines = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    environment = dict(line.decode().split("=", 1) for line in lines if line)
    port = str(free_port())
    with (house.home / "logs" / "second.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "wallet_ledger"],
            env={**environment, "KEMBALIAN_PORT": port},
            stdout=log,
            stderr=log,
        )
    url = f"http://127.0.0.1:{port}"
    try:
        until_ready(url)
        yield url
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def until_ready(url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        with suppress(httpx.TransportError):
            if httpx.get(f"{url}/readyz").is_success:
                return
        assert time.monotonic() < deadline, f"{url} is not ready"
        time.sleep(0.1)


def insist(till: Person, campus: Campus, key: str) -> httpx.Response:
    """Top up one rupiah under `key`, again and again while that is not possible."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = till.post("/pos/topups", {"card_number": campus.card_number, "amount": 1}, key)
        if answer.status_code not in (409, 503):
            return answer
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)


def to_both(tills: Sequence[Person], campus: Campus, keys: Sequence[str]) -> set[str]:
    """Post every key through both processes at once; return the events that were answered."""
    with ThreadPoolExecutor(2 * len(keys)) as threads:
        sent = [[threads.submit(insist, till, campus, key) for till in tills] for key in keys]
        pairs = [[future.result() for future in pair] for pair in sent]
    for first, second in pairs:
        assert (first.status_code, second.status_code) == (201, 201), (first.text, second.text)
        assert first.content == second.content
        replayed = [answer.headers.get("Idempotent-Replayed") for answer in (first, second)]
        assert "true" in replayed  # both, if an answer was lost on its way and asked for again
    return {first.json()["event_id"] for first, _ in pairs}


def keys(count: int = KEYS) -> list[str]:
    return [secrets.token_hex(8) for _ in range(count)]


def event_ids(campus: Campus) -> list[str]:
    page = campus.member.get("/wallets/me/transactions", limit=200).json()
    assert page["next_cursor"] is None
    return [entry["event_id"] for entry in page["items"]]


def test_nothing_is_doubled_by_two_writers_or_by_one_that_slept(own_house: RunningHouse) -> None:
    campus = new_campus(own_house)
    till = campus.tills[campus.stores[0]]
    run = own_house.live()
    first_url, first_pid = run.urls["wallet-ledger"], run.pids["wallet-ledger"]
    with (
        second_ledger(own_house) as second_url,
        httpx.Client(base_url=first_url, timeout=60) as one,
        httpx.Client(base_url=second_url, timeout=60) as two,
        ThreadPoolExecutor(10) as sleepers,
    ):
        tills = [replace(till, client=client) for client in (one, two)]
        acknowledged = to_both(tills, campus, keys())
        assert len(acknowledged) == KEYS

        stuck = keys(10)
        os.kill(first_pid, signal.SIGSTOP)
        try:
            asked = time.monotonic()
            early = [sleepers.submit(insist, tills[0], campus, key) for key in stuck]
            late = [insist(tills[1], campus, key) for key in stuck]
            took_over = time.monotonic() - asked
            time.sleep(max(0.0, LEASE_SECONDS + 1 - took_over))
            acknowledged |= {insist(tills[1], campus, key).json()["event_id"] for key in keys(20)}
        finally:
            os.kill(first_pid, signal.SIGCONT)
        acknowledged |= to_both(tills, campus, keys())
        woken = [future.result() for future in early]

        assert [answer.content for answer in woken] == [answer.content for answer in late]
        assert all(answer.status_code == 201 for answer in late)
        acknowledged |= {answer.json()["event_id"] for answer in late}
        assert len(acknowledged) == 2 * KEYS + 30
        assert took_over > LEASE_SECONDS / 2  # nobody took what was still leased

    shown = event_ids(campus)
    assert sorted(shown) == sorted(acknowledged)
    wallet = campus.member.get("/wallets/me").json()
    assert (wallet["balance"], wallet["version"]) == (len(shown), len(shown))


def test_the_ledger_is_whole_afterwards(own_house: RunningHouse) -> None:
    until_ready(own_house.url)

    checked = own_house.command("verify", "--json")

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert json.loads(checked.stdout)["findings"] == []
