"""A row per wallet: written and read again, made of an older version's buckets, and lost."""

import random
from collections import defaultdict
from collections.abc import AsyncGenerator

import asyncpg
import pytest

from events import log
from events.envelope import Cause, open_envelope
from events.log import partition_of
from kembalian.grounds.databases import Databases
from kembalian.testing.databases import MakeDatabase
from wallet_ledger import domain, operations, store
from wallet_ledger.bulk import top_up_all
from wallet_ledger.config import MIGRATIONS, PARTITIONS
from wallet_ledger.domain import Redeem, Till, TopUpWithCash, Wallet
from wallet_ledger.group import Order
from wallet_ledger.lane import Undecidable
from wallet_ledger.publish import from_contract
from wallet_ledger.testing.history import History, make_history, members
from wallet_ledger.testing.lanes import owned, writing

STORES = ("null", "nil", "store-1", "0")
"""What means something to PostgreSQL's text of arrays, or to nobody."""

EPOCHS = "SELECT epoch FROM log.counter WHERE partition < 1000 ORDER BY partition"

ROWS = "SELECT * FROM view.wallet ORDER BY partition, wallet_id"

AS_BEFORE = """
CREATE TABLE kept AS SELECT * FROM view.bucket;
DROP VIEW view.bucket;
CREATE TABLE view.bucket (
    partition smallint NOT NULL, wallet_id text NOT NULL, issuer text NOT NULL,
    balance bigint NOT NULL CHECK (balance >= 0), PRIMARY KEY (partition, wallet_id, issuer)
);
INSERT INTO view.bucket SELECT * FROM kept;
DROP TABLE kept;
INSERT INTO view.bucket SELECT partition, wallet_id, 'emptied', 0 FROM view.wallet;
DELETE FROM view.wallet;
"""
"""The table of buckets, as migrations up to 0022 left it: it kept those that were emptied."""


@pytest.fixture
async def lived(make_database: MakeDatabase) -> Databases:
    """A ledger with some history of tills in it."""
    made = make_database("wallet-ledger", MIGRATIONS)
    await make_history(made.app_dsn, History(400, members(30), STORES, group=20), processes=1)
    return made


@pytest.fixture
async def history(lived: Databases) -> AsyncGenerator[asyncpg.Connection]:
    """A superuser's way into it."""
    connection = await asyncpg.connect(lived.admin_dsn)
    yield connection
    await connection.close()


async def folded(connection: asyncpg.Connection) -> dict[tuple[int, str], Wallet]:
    found: defaultdict[tuple[int, str], list[domain.Event]] = defaultdict(list)
    for partition in range(PARTITIONS):
        for event in await log.read(connection, partition, 0, 1_000):
            fact = from_contract(open_envelope(event.body).data)
            found[partition, event.stream].append(fact)
    return {wallet: domain.fold(facts) for wallet, facts in found.items()}


async def test_wallets_are_read_as_their_events_left_them(
    history: asyncpg.Connection,
) -> None:
    due = await folded(history)
    wanted = random.sample(sorted(due), len(due))

    assert await store.load_wallets(history, wanted) == due
    assert {issuer for wallet in due.values() for issuer in wallet.buckets} == {*STORES}


async def test_the_buckets_of_an_older_version_become_the_same_wallets(
    history: asyncpg.Connection,
) -> None:
    before = await history.fetch(ROWS)
    epochs = await history.fetch(EPOCHS)
    await history.execute(AS_BEFORE)
    for name in ("0024_wallets_of_buckets.sql", "0025_buckets.sql"):
        await history.execute((MIGRATIONS / name).read_text(encoding="utf-8"))

    assert await history.fetch(ROWS) == before
    fenced = [epoch + 1 for (epoch,) in epochs]  # whoever wrote meanwhile, in the old way
    assert [epoch for (epoch,) in await history.fetch(EPOCHS)] == fenced


async def test_views_that_were_not_whole_are_left_to_their_rebuild(
    history: asyncpg.Connection,
) -> None:
    before = await history.fetch(ROWS)
    half = before[0]["partition"]
    await history.execute(AS_BEFORE)
    await history.execute("DELETE FROM view.whole WHERE partition = $1", half)
    filled = (MIGRATIONS / "0024_wallets_of_buckets.sql").read_text(encoding="utf-8")
    await history.execute(filled)

    rest = [row for row in before if row["partition"] != half]
    assert await history.fetch(ROWS) == rest


async def test_a_wallet_whose_row_is_lost_can_neither_pay_nor_save(
    ledger: Databases, admin: asyncpg.Connection
) -> None:
    wallet = next(f"w{n}" for n in range(100) if partition_of(f"w{n}", PARTITIONS) == 0)
    till = Till("1000", "kantin", "kasir-1")

    def order(key: str, command: domain.Command) -> Order:
        return Order("cashier:kasir-1", key, b"body", wallet, command, Cause("test"))

    async with writing(ledger.app_dsn, 0) as (lane,):
        await owned([lane])
        await lane.submit(order("first", TopUpWithCash(till, 500)))
    await admin.execute("DELETE FROM view.wallet")
    async with writing(ledger.app_dsn, 0) as (lane,):
        await owned([lane])
        with pytest.raises(Undecidable):
            await lane.submit(order("again", TopUpWithCash(till, 500)))
        refused = await lane.submit(order("spend", Redeem(till, 500)))

    assert refused.status == 409
    assert await admin.fetchval("SELECT count(*) FROM log.event") == 1


SPOILT = {
    "version = version + 1": "version is 3, its events say 2",
    "balances = '{7,300}'": "bucket kantin is 7, its events say 500",
    "issuers[1] = 'kios'": (
        "bucket kantin is 0, its events say 500; bucket kios is 500, its events say 0"
    ),
    "issuers = '{toko,kantin}', balances = '{300,500}'": "has its buckets in another form or order",
}


@pytest.mark.parametrize("spoilt", SPOILT)
async def test_what_is_wrong_in_a_row_is_said_and_nothing_else(
    ledger: Databases, admin: asyncpg.Connection, spoilt: str
) -> None:
    wallet = members(1)[0][0]
    partition = partition_of(wallet, PARTITIONS)
    money = [(wallet, Till("1000", s, "kasir-1"), n) for s, n in (("kantin", 500), ("toko", 300))]
    await top_up_all(ledger.app_dsn, partition, money, key="k", progress=lambda _: None)
    await admin.execute(f"UPDATE view.wallet SET {spoilt}")  # noqa: S608 - ours

    found = [f async for f in operations.check(ledger.app_dsn, lambda _done, _total: None)]

    assert [(f.invariant, f.partition, f.position, f.stream) for f in found] == [
        (7, partition, 2, wallet)
    ]
    assert found[0].detail.startswith(f"view.wallet: {SPOILT[spoilt]}")
