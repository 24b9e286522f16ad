"""Wallets now and in the past, statements in pages, on real PostgreSQL."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from uuid_utils.compat import uuid7

from events.envelope import Cause
from events.log import partition_of
from events.place import Place
from kembalian.testing.databases import MakeDatabase
from wallet_ledger import queries, store
from wallet_ledger.config import MIGRATIONS, PARTITIONS
from wallet_ledger.domain import Command, RecordSale, Redeem, Till, TopUpWithCash, Wallet
from wallet_ledger.group import Moment, Order, decide_group
from web.periods import Period
from web.problems import Problem

WALLET = "01a20587-5fcc-74ee-9257-7aa73067629b"
PARTITION = partition_of(WALLET, PARTITIONS)
KANTIN, KOPERASI = Till("1000", "kantin", "kasir-1"), Till("1000", "koperasi", "kasir-3")
ALWAYS = Period(None, None, None, None)
STEPS: list[Command] = [
    TopUpWithCash(KANTIN, 500),
    RecordSale(KANTIN, 9_000, 10_000, False, True, 500),
    Redeem(KOPERASI, 200),
    RecordSale(KOPERASI, 9_900, 10_000, False, True, 500),
]


@pytest.fixture
async def pool(make_database: MakeDatabase) -> AsyncGenerator[asyncpg.Pool]:
    dsn = make_database("wallet-ledger", MIGRATIONS).app_dsn
    async with asyncpg.create_pool(dsn, min_size=1, max_size=3) as pool:
        async with pool.acquire() as connection:
            epoch, position = await store.raise_epoch(connection, PARTITION)
            wallets = {WALLET: Wallet()}
            for n, command in enumerate(STEPS):
                order = Order("c", f"k{n}", b"f", WALLET, command, Cause("test"))
                moment = Moment(PARTITION, position, datetime.now(UTC), uuid7, "now")
                decision = decide_group([order], wallets, {}, moment)
                await store.append_group(connection, PARTITION, epoch, position, decision)
                wallets, position = decision.wallets, position + 1
        yield pool


async def test_now_is_the_fold_of_all_steps(pool: asyncpg.Pool) -> None:
    view = await queries.wallet_now(pool, PARTITION, WALLET)

    assert view.wallet == Wallet({"kantin": 300, "koperasi": 100}, version=4)
    assert view.place == Place.of({PARTITION: 4})


@pytest.mark.parametrize(("position", "balance"), [(0, 0), (1, 500), (2, 500), (3, 300), (4, 400)])
async def test_every_past_position_can_be_seen(
    pool: asyncpg.Pool, position: int, balance: int
) -> None:
    text = str(Place.of({PARTITION: position}))

    view = await queries.view(pool, WALLET, None, text)

    assert (view.wallet.balance, view.wallet.version) == (balance, position)


async def test_the_time_of_an_event_includes_it(pool: asyncpg.Pool) -> None:
    times = [r[0] for r in await pool.fetch("SELECT recorded_at FROM log.event ORDER BY position")]

    at = await queries.view(pool, WALLET, times[2].isoformat().replace("+00:00", "Z"), None)
    before = times[2] - timedelta(microseconds=1)
    earlier = await queries.view(pool, WALLET, before.isoformat().replace("+00:00", "Z"), None)

    assert (at.wallet.balance, earlier.wallet.balance) == (300, 500)
    assert (at.place.at(PARTITION), earlier.place.at(PARTITION)) == (3, 2)


@pytest.mark.parametrize(
    ("as_of", "position"),
    [
        ("2999-01-01T00:00:00Z", None),
        ("yesterday", None),
        (None, str(Place.of({PARTITION: 5}))),  # the log has not been there
        (None, str(Place.of({(PARTITION + 1) % PARTITIONS: 0}))),  # another wallet's partition
        (None, "rubbish"),
        ("2026-01-01T00:00:00Z", "0-0"),
    ],
)
async def test_a_past_that_cannot_be_is_refused(
    pool: asyncpg.Pool, as_of: str | None, position: str | None
) -> None:
    with pytest.raises(Problem) as refusal:
        await queries.view(pool, WALLET, as_of, position)

    assert refusal.value.status_code == 422


async def test_a_statement_in_pages_leaves_out_the_sale_of_which_nothing_was_saved(
    pool: asyncpg.Pool,
) -> None:
    first = await queries.transactions(pool, PARTITION, WALLET, ALWAYS, 0, 2)
    rest = await queries.transactions(pool, PARTITION, WALLET, ALWAYS, first[-1].version, 2)

    shown = [(e.item["kind"], e.item["saved"], e.item["paid"], e.item["balance"]) for e in first]
    assert shown == [("topup", 500, 0, 500), ("redemption", 0, 200, 300)]
    assert first[1].item["allocations"] == [{"issuer": "kantin", "amount": 200}]
    assert [e.item["kind"] for e in rest] == ["change"]


async def test_a_statement_of_a_period(pool: asyncpg.Pool) -> None:
    tomorrow = datetime.now(UTC) + timedelta(days=1)

    entries = await queries.transactions(
        pool, PARTITION, WALLET, Period(None, None, tomorrow, None), 0, 10
    )

    assert entries == []
