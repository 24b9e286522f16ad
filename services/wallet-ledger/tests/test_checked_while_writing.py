"""A long ledger is verified, replayed and rebuilt in several processes while four clients write."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from events import background, log
from events.parallel import spread
from events.replaying import Found, Part, replay_part
from events.shadow import prepared
from events.source import LogSource
from kembalian.grounds.databases import Databases
from kembalian.testing.databases import MakeDatabase
from wallet_ledger import operations, rebuilding
from wallet_ledger.config import MIGRATIONS, PARTITIONS
from wallet_ledger.replaying import SHADOWED
from wallet_ledger.testing.history import (
    History,
    append_share,
    make_history,
    members,
    stores,
)

CLIENTS = 4
PAUSE_SECONDS = 0.002


@asynccontextmanager
async def four_clients(made: Databases, history: History) -> AsyncGenerator[None]:
    """Keep one writer busy in each of the first partitions, in commits of three commands."""

    async def write(partition: int) -> None:
        seed = 100
        while True:  # a short share at a time: a rebuild takes the epoch in between
            seed += 1
            mine = History(30, history.members, history.stores, group=3, seed=seed)
            try:
                await append_share(made.app_dsn, mine, partition, 30)
            except asyncpg.PostgresError as error:
                if error.sqlstate != log.FENCED:
                    raise
            await asyncio.sleep(PAUSE_SECONDS)

    tasks = [
        background.start(write(partition), f"client {partition}") for partition in range(CLIENTS)
    ]
    try:
        yield
    finally:
        await background.stop(*tasks)


async def size(made: Databases) -> int:
    connection = await asyncpg.connect(made.app_dsn)
    try:
        return sum(position for _, position in (await log.heads(connection)).positions)
    finally:
        await connection.close()


@pytest.mark.timeout(3_600)
@pytest.mark.parametrize(
    "events",
    [
        pytest.param(40_000, marks=pytest.mark.slow),
        pytest.param(1_000_000, marks=pytest.mark.soak),
    ],
)
async def test_nothing_is_found_while_four_clients_write(
    make_database: MakeDatabase, events: int
) -> None:
    made = make_database("wallet-ledger", MIGRATIONS)
    history = History(events, members(events // 10), stores(50))
    await make_history(made.app_dsn, history)

    async with four_clients(made, history):
        before = await size(made)
        findings = [x async for x in operations.check(made.app_dsn, lambda _d, _t: None, 2)]
        verified = await size(made)
        async with prepared(made.admin_dsn, SHADOWED, "postgres", restart=True, keep=False):
            source = LogSource(made.app_dsn)
            parts = [Part(made.admin_dsn, SHADOWED, source, p, 5) for p in range(PARTITIONS)]
            found = [x async for x in spread(replay_part, parts, 2) if isinstance(x, Found)]
        again = [rebuilding.Part(made.admin_dsn, p) for p in range(PARTITIONS)]
        rebuilt = [x async for x in spread(rebuilding.refill, again, 2)]
    after = [x async for x in operations.check(made.app_dsn, lambda _d, _t: None, 2)]

    assert before < verified  # they did write
    assert findings == []
    assert sorted(x.partition for x in found) == list(range(PARTITIONS))
    assert [x for x in found if x.different] == []
    assert {partition for partition, _ in rebuilt} == set(range(PARTITIONS))
    assert after == []
