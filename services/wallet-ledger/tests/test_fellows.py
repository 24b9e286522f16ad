"""Processes that share the partitions of one database: they come, leave, die and seize."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass

import asyncpg
import httpx
import pytest

from events import background, leases
from events.envelope import Cause
from events.leases import Leases
from events.log import partition_of
from kembalian.grounds.databases import Databases
from wallet_ledger import lane
from wallet_ledger.answers import Answer
from wallet_ledger.arrivals import NotOwner
from wallet_ledger.config import PARTITIONS
from wallet_ledger.convoy import convoy_to
from wallet_ledger.domain import Till, TopUpWithCash
from wallet_ledger.fellows import Fellows
from wallet_ledger.group import Order
from wallet_ledger.lane import Lane
from wallet_ledger.testing.lanes import tell_nobody

TILL = Till("1000", "kantin", "kasir-1")
LONG_SECONDS = 90.0
PATIENCE_SECONDS = 45.0
"""Whoever waits so long does not wait for a lease of LONG_SECONDS to run out."""

LEFT = "SELECT max(expires_at) FROM log.lease WHERE owner = $1"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it five times as fast as it runs, but leases that no busy machine lets run out."""
    monkeypatch.setattr(leases, "LEASE_SECONDS", LONG_SECONDS)
    monkeypatch.setattr(leases, "RENEW_SECONDS", 0.2)
    monkeypatch.setattr(leases, "SEIZED_SECONDS", 1.0)
    monkeypatch.setattr(lane, "TICK_SECONDS", 0.2)
    monkeypatch.setattr(lane, "RETRY_SECONDS", 0.06)
    monkeypatch.setattr("wallet_ledger.fellows.ROUND_SECONDS", 0.1)


@dataclass
class Process:
    """What of a process writes: its leases and lanes. `killed`: it ends without a word."""

    leases: Leases
    lanes: list[Lane]
    killed: bool = False

    def written(self) -> list[int]:
        return [lane.partition for lane in self.lanes if lane.owned]


@asynccontextmanager
async def process(ledger: Databases, address: str) -> AsyncGenerator[Process]:
    answering = httpx.MockTransport(lambda _: httpx.Response(200))
    async with (
        asyncpg.create_pool(ledger.app_dsn, min_size=1, max_size=4) as pool,
        httpx.AsyncClient(transport=answering) as client,
        convoy_to(ledger.app_dsn) as convoy,
    ):
        held = Leases(pool, address)
        fellows = Fellows(held, PARTITIONS, client)
        lanes = [Lane(n, ledger.app_dsn, held, convoy, tell_nobody) for n in range(8)]
        made = Process(held, lanes)
        works = [fellows.run(), held.keep(), *(lane.run() for lane in made.lanes)]
        tasks = [background.start(work, "work") for work in works]
        try:
            yield made
        finally:
            await background.stop(*tasks)
            if not made.killed:
                await held.release()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():
            await asyncio.sleep(0.02)


def loads(*processes: Process) -> list[int]:
    """Return how many partitions each writes, the fewest first; [] unless each has one writer."""
    written = [process.written() for process in processes]
    if Counter(n for mine in written for n in mine) != Counter(range(PARTITIONS)):
        return []
    return sorted(len(mine) for mine in written)


async def insist(processes: list[Process], key: str, wallet: str) -> Answer:
    """Ask whoever writes the wallet, as a process that passes a request on does."""
    order = Order("cashier:1", key, b"body", wallet, TopUpWithCash(TILL, 1), Cause("test"))
    n = partition_of(wallet, PARTITIONS)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            for lanes in [process.lanes for process in processes]:
                if lanes[n].owned:
                    with suppress(NotOwner):
                        return await lanes[n].submit(order)
            await asyncio.sleep(0.01)


async def test_shares_are_fair_whoever_comes_leaves_or_dies(
    ledger: Databases, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "LEASE_SECONDS", 1.0)
    async with AsyncExitStack() as stack:
        first = await stack.enter_async_context(process(ledger, "http://one"))
        await until(lambda: loads(first) == [8])
        second = await stack.enter_async_context(process(ledger, "http://two"))
        await until(lambda: loads(first, second) == [4, 4])
        async with process(ledger, "http://three") as third:
            await until(lambda: loads(first, second, third) == [2, 3, 3])
            third.killed = True
        runs_out = await admin.fetchval(LEFT, third.leases.owner)
        await until(lambda: loads(first, second) == [4, 4])
        assert await admin.fetchval("SELECT clock_timestamp()") > runs_out
        monkeypatch.setattr(leases, "LEASE_SECONDS", LONG_SECONDS)
        async with process(ledger, "http://four") as fourth:
            await until(lambda: loads(first, second, fourth) == [2, 3, 3])
        await until(lambda: loads(first, second) == [4, 4])  # it gave its leases up


async def test_a_process_inherits_at_once_what_one_that_died_at_its_address_held(
    ledger: Databases,
) -> None:
    async with process(ledger, "http://one") as dead:
        await until(lambda: loads(dead) == [8])
        dead.killed = True

    async with process(ledger, "http://one") as heir:
        await until(lambda: loads(heir) == [8])


async def test_nothing_moves_once_shares_are_fair(ledger: Databases) -> None:
    async with process(ledger, "http://one") as first, process(ledger, "http://two") as second:
        await until(lambda: loads(first, second) == [4, 4])
        before = (first.written(), second.written())
        for _ in range(30):
            await asyncio.sleep(0.03)
            assert (first.written(), second.written()) == before


async def test_no_command_is_lost_or_doubled_while_partitions_move(ledger: Databases) -> None:
    wallets = [f"wallet-{n}" for n in range(24)]
    done: list[Answer] = []
    async with process(ledger, "http://one") as first:
        processes = [first]
        await until(lambda: loads(first) == [8])
        stop = asyncio.Event()

        async def work(wallet: str) -> None:
            while not stop.is_set():
                done.append(await insist(processes, f"{wallet}/{len(done)}", wallet))

        async with asyncio.TaskGroup() as clients:
            for wallet in wallets:
                clients.create_task(work(wallet))
            async with process(ledger, "http://two") as second:
                processes.append(second)
                await until(lambda: loads(first, second) == [4, 4])
                await asyncio.sleep(0.3)
            await until(lambda: loads(first) == [8])
            stop.set()

    connection = await asyncpg.connect(ledger.admin_dsn)
    try:
        total = await connection.fetchval("SELECT sum(balance) FROM view.bucket")
        events = await connection.fetchval("SELECT count(*) FROM log.event")
    finally:
        await connection.close()
    assert {answer.status for answer in done} == {201}
    assert (total, events) == (len(done), len(done))
    assert len(done) > len(wallets)


async def test_who_seizes_a_partition_writes_it_and_gives_it_back_later(
    ledger: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "SEIZED_SECONDS", LONG_SECONDS)
    async with process(ledger, "http://one") as first, process(ledger, "http://two") as second:
        both = [first, second]
        await until(lambda: loads(*both) == [4, 4])
        wanted = second.written()[0]
        wallet = next(f"w{n}" for n in range(99) if partition_of(f"w{n}", PARTITIONS) == wanted)
        await insist(both, "before", wallet)

        await first.lanes[wanted].seize()
        async with asyncio.timeout(PATIENCE_SECONDS):
            while True:
                with suppress(NotOwner):
                    async with first.lanes[wanted].lent() as turn:
                        position = turn.position
                        break
        assert wanted in first.written()
        late = await insist([second, first], "after", wallet)  # the old owner is asked first

        assert position == 1
        assert late.status == 201
        assert b'"balance":2' in late.body
        assert wanted in first.written()
        monkeypatch.setattr(leases, "SEIZED_SECONDS", 0.0)
        await until(lambda: loads(*both) == [4, 4])
