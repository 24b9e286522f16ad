"""The generator of long histories: as many events as were asked for, in due form."""

import asyncpg

from events.finding import Finding
from kembalian.testing.databases import MakeDatabase
from wallet_ledger import operations
from wallet_ledger.config import MIGRATIONS
from wallet_ledger.publish import NAMES
from wallet_ledger.testing.history import History, make_history, members, stores

SALE_RECORDED = "kembalian.wallet.SaleRecorded.v1"


async def test_a_history_has_the_length_asked_for_and_nothing_is_wrong_with_it(
    make_database: MakeDatabase,
) -> None:
    made = make_database("wallet-ledger", MIGRATIONS)
    history = History(1_203, members(40), stores(4), group=10)

    done = await make_history(made.app_dsn, history, processes=1)

    found: list[Finding] = [
        finding async for finding in operations.check(made.app_dsn, lambda _done, _total: None)
    ]
    connection = await asyncpg.connect(made.app_dsn)
    try:
        types = await connection.fetch("SELECT type, count(*) FROM log.event GROUP BY type")
    finally:
        await connection.close()
    assert (done, sum(row["count"] for row in types)) == (1_203, 1_203)
    assert {row["type"] for row in types} == set(NAMES.values()) - {SALE_RECORDED}
    assert found == []
