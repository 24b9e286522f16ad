"""Money in bulk: the same log as if tills had made it."""

import asyncpg

from events.log import partition_of
from kembalian.testing.databases import MakeDatabase
from wallet_ledger import operations
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
