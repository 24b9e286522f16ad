"""Two wallet-ledger processes on one database, and one that slept while the other took over."""

import json
import os
import secrets
import signal
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest

from events.log import partition_of
from events.topics import WALLET
from kembalian.testing.faults import check_all
from kembalian.testing.house import RunningHouse, best_kafka, running_house
from kembalian.testing.load import load
from kembalian.testing.people import Campus, Person, log_in, new_campus, new_channel, new_member

PARTITIONS = WALLET.partitions
LEASE_SECONDS = 5.0
SERVED_SECONDS = 7.0
"""So soon every partition is written again after a writer was killed, on a quiet machine."""

NOISE_SECONDS = 15.0
"""What a machine may add that runs other tests beside this one, and the load of this one."""

LEDGERS = ("wallet-ledger", "wallet-ledger-2")
FAIR = [(name, PARTITIONS // 2) for name in LEDGERS]
WRITERS = """
SELECT name, address, owner FROM log.lease
WHERE name LIKE 'writer/%' AND expires_at > clock_timestamp()
"""
LEASED_UNTIL = "SELECT expires_at FROM log.lease WHERE name = %s"
PATIENCE_SECONDS = 60.0
KEYS = 50
MEMBERS = 24
"""So many that some of them surely live in partitions of each process."""


@pytest.fixture(scope="module")
def own_house() -> Generator[RunningHouse]:
    """A house of its own, without a demo: here its ledger is put to sleep."""
    with (
        tempfile.TemporaryDirectory(prefix="kembalian-two-", ignore_cleanup_errors=True) as folder,
        running_house(
            Path(folder), kafka=best_kafka(), demo="none", KEMBALIAN_LEDGER_PROCESSES="2"
        ) as own,
    ):
        yield own


@dataclass(frozen=True, slots=True)
class Writer:
    """A process by its name, and its id in the leases: another one after each start."""

    name: str
    owner: str


def writers(house: RunningHouse) -> dict[int, Writer]:
    """Return who writes each partition that somebody writes now."""
    run = house.live()
    names = {url: name for name, url in run.urls.items()}
    with psycopg.connect(run.postgres_admin["wallet-ledger"]) as connection:
        rows = connection.execute(WRITERS).fetchall()
    return {
        int(lease.removeprefix("writer/")): Writer(names[address], owner)
        for lease, address, owner in rows
    }


def until_shared(house: RunningHouse) -> dict[int, Writer]:
    """Wait until the two processes write four partitions each; return who writes which then."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        now = writers(house)
        if sorted(Counter(writer.name for writer in now.values()).items()) == FAIR:
            return now
        assert time.monotonic() < deadline, now
        time.sleep(0.05)


def asked_of_the_database(house: RunningHouse, statement: str, *values: str) -> datetime:
    with psycopg.connect(house.live().postgres_admin["wallet-ledger"]) as connection:
        row = connection.execute(statement.encode(), values).fetchone()
    assert row is not None
    return row[0]


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


def test_the_partitions_are_shared_from_the_start(own_house: RunningHouse) -> None:
    run = own_house.live()

    assert set(LEDGERS) <= run.urls.keys() & run.pids.keys()
    assert own_house.demo().keys() == {"admin"}
    until_shared(own_house)


def test_nothing_is_doubled_by_two_writers_or_by_one_that_slept(own_house: RunningHouse) -> None:
    campus = new_campus(own_house)
    till = campus.tills[campus.stores[0]]
    run = own_house.live()
    partition = partition_of(campus.member_id, PARTITIONS)
    owner = until_shared(own_house)[partition].name
    (other,) = set(LEDGERS) - {owner}
    first_pid = run.pids[owner]
    with (
        httpx.Client(base_url=run.urls[owner], timeout=60) as one,
        httpx.Client(base_url=run.urls[other], timeout=60) as two,
        ThreadPoolExecutor(10) as sleepers,
    ):
        tills = [replace(till, client=client) for client in (one, two)]
        acknowledged = to_both(tills, campus, keys())
        assert len(acknowledged) == KEYS

        stuck = keys(10)
        os.kill(first_pid, signal.SIGSTOP)
        try:
            asked = time.monotonic()
            runs_out = asked_of_the_database(own_house, LEASED_UNTIL, f"writer/{partition}")
            early = [sleepers.submit(insist, tills[0], campus, key) for key in stuck]
            late = [insist(tills[1], campus, key) for key in stuck]
            took_over_at = asked_of_the_database(own_house, "SELECT clock_timestamp()")
            time.sleep(max(0.0, asked + LEASE_SECONDS + 1 - time.monotonic()))
            acknowledged |= {insist(tills[1], campus, key).json()["event_id"] for key in keys(20)}
        finally:
            os.kill(first_pid, signal.SIGCONT)
        acknowledged |= to_both(tills, campus, keys())
        woken = [future.result() for future in early]

        assert [answer.content for answer in woken] == [answer.content for answer in late]
        assert all(answer.status_code == 201 for answer in late)
        acknowledged |= {answer.json()["event_id"] for answer in late}
        assert len(acknowledged) == 2 * KEYS + 30
        assert took_over_at > runs_out  # nobody took what was still leased

    shown = event_ids(campus)
    assert sorted(shown) == sorted(acknowledged)
    wallet = campus.member.get("/wallets/me").json()
    assert (wallet["balance"], wallet["version"]) == (len(shown), len(shown))


def test_who_is_killed_under_load_is_followed_and_comes_back(own_house: RunningHouse) -> None:
    shared = until_shared(own_house)
    dead = {w.owner for w in shared.values() if w.name == "wallet-ledger-2"}
    with load(own_house, seed=21, atomic=False) as busy:
        time.sleep(1)
        killed, began = own_house.kill("wallet-ledger-2"), time.monotonic()
        while len(now := writers(own_house)) < PARTITIONS or dead & {w.owner for w in now.values()}:
            assert time.monotonic() - began < SERVED_SECONDS + NOISE_SECONDS, now
            time.sleep(0.05)
        took_over = time.monotonic() - began
        own_house.until_back("wallet-ledger-2", killed)
        until_shared(own_house)
        time.sleep(1)

    print(f"written again after {took_over:.1f} s, {busy.longest_outage_seconds():.1f} s at most")
    assert busy.longest_outage_seconds() < SERVED_SECONDS + NOISE_SECONDS
    check_all(own_house, busy)


def entries(campus: Campus, members: Sequence[Any], kind: str, amount: int) -> list[dict[str, Any]]:
    """Return an entry for each member's card, under new keys."""
    return [
        {
            "key": secrets.token_hex(8),
            "type": kind,
            "store_id": campus.stores[0],
            "card_number": member["card_number"],
            "amount": amount,
        }
        for member in members
    ]


def all_or_none(channel: Person, batch: Sequence[dict[str, Any]]) -> httpx.Response:
    """Send an atomic batch, again and again while the partitions cannot be had together."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        answer = channel.post("/ledger/batch", {"atomic": True, "entries": batch})
        if answer.status_code != 503:
            return answer
        assert time.monotonic() < deadline, answer.text
        time.sleep(0.05)


def test_an_atomic_batch_over_the_partitions_of_both_is_all_or_none(
    own_house: RunningHouse,
) -> None:
    campus, admin = new_campus(own_house), log_in(own_house, own_house.demo()["admin"])
    channel, members = new_channel(own_house), [new_member(admin) for _ in range(MEMBERS)]
    urls = own_house.live().urls

    def balances() -> list[int]:
        return [admin.get(f"/wallets/{m['member_id']}").json()["balance"] for m in members]

    with (
        httpx.Client(base_url=urls["wallet-ledger"], timeout=60) as one,
        httpx.Client(base_url=urls["wallet-ledger-2"], timeout=60) as two,
        ThreadPoolExecutor(2) as threads,
    ):
        channels = [replace(channel, client=client) for client in (one, two)]
        for turn in range(1, 3):
            now = until_shared(own_house)
            homes = {now[partition_of(m["member_id"], PARTITIONS)].name for m in members}
            assert homes == set(LEDGERS), "not a batch over two processes"
            good = entries(campus, members, "topup", 10)
            asked = [threads.submit(all_or_none, each, good) for each in channels]
            first, second = (future.result() for future in asked)
            assert (first.status_code, first.content) == (200, second.content), first.text
            assert {o["status"] for o in first.json()["outcomes"]} == {201}
            assert balances() == [10 * turn] * MEMBERS

            poor = [
                *entries(campus, members, "redemption", 10 * turn),
                *entries(campus, members[-1:], "redemption", 1),
            ]
            refused = all_or_none(channels[turn % 2], poor)
            assert (refused.status_code, refused.json()["index"]) == (409, MEMBERS), refused.text
            assert balances() == [10 * turn] * MEMBERS


def test_the_ledger_is_whole_afterwards(own_house: RunningHouse) -> None:
    until_ready(own_house.url)

    checked = own_house.command("verify", "--json")

    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert json.loads(checked.stdout)["findings"] == []
