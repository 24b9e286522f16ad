"""Money in bulk: the same log as if tills had made it."""

import asyncio

import asyncpg
import pytest

from events.log import partition_of
from kembalian.grounds.databases import Databases
from kembalian.testing.databases import MakeDatabase
from wallet_ledger import bulk, operations, store
from wallet_ledger.bulk import top_up_all
from wallet_ledger.config import MIGRATIONS, PARTITIONS
from wallet_ledger.domain import Till

KANTIN = Till("1000", "kantin", "kasir-1")
WALLETS = [w for w in (f"w{n}" for n in range(9_000)) if partition_of(w, PARTITIONS) == 3][:700]


async def test_bulk_top_ups_leave_a_ledger_with_nothing_wrong(make_database: MakeDatabase) -> None:
    made = make_database("wallet-ledger", MIGRATIONS)
    entries = [(wallet, KANTIN, 500) for wallet in WALLETS] * 2
    told: list[int] = []

    done = await top_up_all(made.app_dsn, 3, entries, key="k", progress=told.append)

    found = [f async for f in operations.check(made.app_dsn, lambda _done, _total: None)]
    connection = await asyncpg.connect(made.app_dsn)
    try:
        buckets = await connection.fetch("SELECT count(*), min(balance) FROM view.bucket")
    finally:
        await connection.close()
    assert (done, told, found) == (1_400, [1_000, 1_400], [])
    assert tuple(buckets[0].values()) == (700, 1_000)


async def test_a_service_that_takes_the_partition_back_meanwhile_stops_nothing(
    ledger: Databases, admin: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "GROUP", 100)
    entries = [(wallet, KANTIN, 500) for wallet in WALLETS]
    taking: list[asyncio.Task[object]] = []

    def take_it_back(done: int) -> None:
        if done in (100, 400):
            taking.append(asyncio.create_task(store.raise_epoch(admin, 3)))

    done = await top_up_all(ledger.app_dsn, 3, entries, key="k", progress=take_it_back)
    await asyncio.gather(*taking)

    rows = await admin.fetch("SELECT version, balances FROM view.wallet")
    found = [f async for f in operations.check(ledger.app_dsn, lambda _done, _total: None)]
    assert (done, len(rows), found) == (700, 700, [])
    assert {(row["version"], *row["balances"]) for row in rows} == {(1, 500)}
    assert await admin.fetchval("SELECT epoch FROM log.counter WHERE partition = 3") >= 5
