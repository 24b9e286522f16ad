"""While views that were dropped are filled again, nobody is told that something is not there."""

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from events.connecting import connected
from events.envelope import Cause
from events.finding import Finding
from events.log import partition_of
from events.shadow import ViewsInMotion
from events.views import in_transaction
from kembalian.grounds.databases import Databases
from wallet_ledger import operations, queries
from wallet_ledger.atomic import write_all_or_none
from wallet_ledger.bulk import top_up_all
from wallet_ledger.checking import check, parts
from wallet_ledger.config import PARTITIONS
from wallet_ledger.domain import (
    Allocation,
    Command,
    Entry,
    PlaceHold,
    Redeem,
    RequestReversal,
    Till,
    TopUpWithCash,
)
from wallet_ledger.group import Order
from wallet_ledger.lane import Lane
from wallet_ledger.rebuilding import Part, refill
from wallet_ledger.recorded import Records
from wallet_ledger.testing.lanes import owned, writing
from web.failures import problem_of
from web.problems import Problem

KANTIN = Till("1000", "kantin", "kasir-1")
WALLETS = tuple(
    next(f"w{n}" for n in range(100) if partition_of(f"w{n}", PARTITIONS) == p)
    for p in range(PARTITIONS)
)
WALLET = WALLETS[0]
ENTRY = Entry("event-1", "1000", "kantin", "credit", "cash", (Allocation("kantin", 100),))
STEPS: tuple[Command, ...] = (
    TopUpWithCash(KANTIN, 900),
    PlaceHold("payment-1", "order-1", (("kantin", 60),), 3_600),
    RequestReversal("reversal-1", ENTRY, "kepala-1", "salah ketik"),
)
READS: dict[str, Callable[[asyncpg.Pool], Awaitable[Any]]] = {
    "payment": lambda pool: Records(pool).payment(WALLET, "payment-1"),
    "payment that never was": lambda pool: Records(pool).payment(WALLET, "payment-2"),
    "reversal": lambda pool: Records(pool).reversal("reversal-1"),
    "reversals": lambda pool: Records(pool).reversals(None, "", 10),
    "reversals of a state": lambda pool: Records(pool).reversals("approved", "", 10),
    "wallet": lambda pool: queries.wallet_now(pool, 0, WALLET),
    "balances": lambda pool: queries.balances(pool, [WALLET]),
}


@pytest.fixture
async def pool(ledger: Databases) -> AsyncGenerator[asyncpg.Pool]:
    async with asyncpg.create_pool(ledger.app_dsn, min_size=1, max_size=2) as pool:
        yield pool


@pytest.fixture
async def lane(ledger: Databases) -> AsyncGenerator[Lane]:
    """A lane of a wallet with money, some of it held, and a reversal that somebody asked for."""
    async with writing(ledger.app_dsn, 0) as (lane,):
        await owned([lane])
        for n, command in enumerate(STEPS):
            assert (await lane.submit(order(f"k{n}", command))).status == 201
        yield lane


def order(key: str, command: Command) -> Order:
    return Order("someone", key, b"body", WALLET, command, Cause("test"))


async def drop_views(ledger: Databases) -> None:
    """Do what `rebuild` begins with after somebody dropped two views: all are there, empty."""
    connection = await asyncpg.connect(ledger.admin_dsn)
    try:
        await connection.execute("DROP TABLE view.payment, view.reversal")
        await in_transaction(connection, lambda: operations.make_views_again(connection, None))
    finally:
        await connection.close()


async def fill_views(ledger: Databases) -> None:
    for partition in range(PARTITIONS):
        async for _ in refill(Part(ledger.admin_dsn, partition)):
            pass


@pytest.mark.usefixtures("lane")
@pytest.mark.parametrize("name", READS)
async def test_whoever_reads_is_told_to_come_again(
    ledger: Databases, pool: asyncpg.Pool, name: str
) -> None:
    before = await READS[name](pool)
    await drop_views(ledger)

    with pytest.raises(Problem) as told:
        await READS[name](pool)
    await fill_views(ledger)

    assert told.value.status_code == 503
    assert await READS[name](pool) == before


async def test_a_balance_read_at_any_moment_of_a_refill_is_right_or_asked_for_again(
    ledger: Databases, pool: asyncpg.Pool
) -> None:
    right: dict[str, int] = {}
    for partition, wallet_id in enumerate(WALLETS):
        right[wallet_id] = 100 + partition
        entry = (wallet_id, KANTIN, right[wallet_id])
        await top_up_all(ledger.admin_dsn, partition, [entry], key="k", progress=lambda _: None)
    seen: Counter[int] = Counter()
    ended = asyncio.Event()

    async def read() -> None:
        while not ended.is_set():
            try:
                found = await queries.balances(pool, list(WALLETS))
            except Problem as told:
                seen[told.status_code] += 1
            except asyncpg.PostgresError as met:  # a deadlock with who drops the views, for one
                seen[problem_of(met).status_code] += 1
            else:
                seen[200] += 1
                assert found == right

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(read())
        for _ in range(3):
            await drop_views(ledger)
            await fill_views(ledger)
        ended.set()

    assert seen.keys() == {200, 503}, seen


@pytest.mark.usefixtures("lane")
async def test_what_is_there_is_shown_whole(pool: asyncpg.Pool) -> None:
    records = Records(pool)

    payment = await records.payment(WALLET, "payment-1")
    assert payment is not None
    assert (payment["state"], payment["held"][0]["amount"], payment["paid"]) == ("held", 60, [])
    assert datetime.fromisoformat(payment["expires_at"]) > datetime.now(UTC)
    assert payment["expires_at"].endswith("Z")
    assert await records.payment(WALLET, "payment-2") is None
    assert await records.reversal("reversal-1") == (WALLET, "event-1")
    assert await records.reversal("reversal-2") is None
    assert await records.reversals("requested", "", 10) == [
        {
            "reversal_id": "reversal-1",
            "state": "requested",
            "reversed_event_id": "event-1",
            "member_id": WALLET,
            "requested_by": "kepala-1",
            "reason": "salah ketik",
        }
    ]
    assert await records.reversals("approved", "", 10) == []


async def test_an_atomic_batch_is_not_refused_by_what_empty_views_say(
    ledger: Databases, lane: Lane
) -> None:
    async with lane.lent() as turn:
        turn.wallets.clear()  # as if it had been too long ago
    await drop_views(ledger)

    poor = order("batch", Redeem(KANTIN, 500))
    with pytest.raises(Problem) as told:
        await write_all_or_none([lane] * PARTITIONS, [poor], datetime.now(UTC))

    assert told.value.status_code == 503


async def found(ledger: Databases) -> list[Finding]:
    return [finding async for finding in check(ledger.app_dsn, lambda _done, _total: None)]


@pytest.mark.usefixtures("lane")
async def test_views_that_are_being_filled_are_not_checked(ledger: Databases) -> None:
    await drop_views(ledger)

    with pytest.raises(ViewsInMotion, match="wallet-ledger are being refilled"):
        await found(ledger)
    await fill_views(ledger)

    assert await found(ledger) == []


@pytest.mark.usefixtures("lane")
async def test_views_that_are_made_anew_during_a_check_spoil_it(ledger: Databases) -> None:
    async def check_slowly() -> None:
        async with parts(ledger.app_dsn):
            await drop_views(ledger)  # and does not wait for the check
            await fill_views(ledger)

    with pytest.raises(ViewsInMotion, match="made anew meanwhile"):
        await check_slowly()


@pytest.mark.usefixtures("lane")
async def test_views_that_are_gone_are_not_checked(ledger: Databases) -> None:
    async with connected(ledger.admin_dsn) as connection:
        await connection.execute("DROP SCHEMA view CASCADE")

    with pytest.raises(ViewsInMotion, match="are gone"):
        await found(ledger)
