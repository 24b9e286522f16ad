"""The ledger's views replayed beside the live ones: on real PostgreSQL, killed and taken up."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from events import source
from events.migrate import migrate
from events.replaying import Found, Part, replay_part
from events.shadow import OtherReplay, ReplayRunning, prepared
from events.source import LogSource
from kembalian.grounds.databases import Databases, provision
from kembalian.grounds.ground import running, start
from kembalian.grounds.postgres import Postgres
from kembalian.testing.databases import TEST_PASSWORDS, MakeDatabase
from wallet_ledger.config import MIGRATIONS, PARTITIONS
from wallet_ledger.replaying import SHADOWED
from wallet_ledger.testing.history import History, make_history, members, stores

EVENTS = 400


@pytest.fixture(scope="module")
async def history(make_database: MakeDatabase) -> Databases:
    made = make_database("wallet-ledger", MIGRATIONS)
    await make_history(made.app_dsn, History(EVENTS, members(30), stores(3), group=25), processes=1)
    return made


@asynccontextmanager
async def superuser(made: Databases) -> AsyncGenerator[asyncpg.Connection]:
    connection = await asyncpg.connect(made.admin_dsn)
    try:
        yield connection
    finally:
        await connection.close()


def part(made: Databases, partition: int, flush_events: int = 10) -> Part:
    log = LogSource(made.app_dsn)
    return Part(made.admin_dsn, SHADOWED, log, partition, 5, flush_events)


async def replayed(made: Databases, *, restart: bool = False, keep: bool = False) -> list[Found]:
    async with prepared(made.admin_dsn, SHADOWED, "postgres", restart=restart, keep=keep):
        return [
            told
            for partition in range(PARTITIONS)
            async for told in replay_part(part(made, partition))
            if isinstance(told, Found)
        ]


async def test_the_views_are_as_their_events_say(history: Databases) -> None:
    found = await replayed(history)

    assert sum(one.position for one in found) == EVENTS
    assert [one for one in found if one.different] == []
    async with superuser(history) as connection:
        assert await connection.fetchval("SELECT to_regnamespace('shadow')") is None


@pytest.mark.parametrize(
    ("damage", "live", "replayed_balance"),
    [
        ("UPDATE view.wallet SET balances[1] = balances[1] + 7 WHERE {row}", True, True),
        ("UPDATE view.wallet SET version = version + 1 WHERE {row}", True, True),
        ("DELETE FROM view.wallet WHERE {row}", False, True),
        ("INSERT INTO view.wallet SELECT {copy} FROM view.wallet WHERE {row}", True, False),
    ],
)
async def test_a_row_that_differs_is_listed(
    history: Databases, damage: str, live: bool, replayed_balance: bool
) -> None:
    async with superuser(history) as connection:
        row = await connection.fetchrow("SELECT * FROM view.bucket ORDER BY 1, 2, 3 LIMIT 1")
        assert row is not None
        where = "(partition, wallet_id) = ({partition}, '{wallet_id}')"
        copy = "partition, '{wallet_id}-2', version, issuers, balances".format(**dict(row))
        statement = damage.format(row=where.format(**dict(row)), copy=copy)
        await connection.execute("CREATE TABLE kept AS SELECT * FROM view.wallet")
        await connection.execute(statement)
        found = await replayed(history)
        await connection.execute(
            "TRUNCATE view.wallet; INSERT INTO view.wallet SELECT * FROM kept; DROP TABLE kept"
        )

    [difference] = [difference for one in found for difference in one.first]
    assert sum(one.different for one in found) == 1
    assert (difference.partition, difference.view) == (row["partition"], "wallet")
    assert row["wallet_id"] in difference.key
    assert (difference.live is not None, difference.replayed is not None) == (
        live,
        replayed_balance,
    )


class Killed(Exception):
    """Ends a replay before it is done."""


async def interrupted(made: Databases, partition: int) -> int:
    """Replay two batches of ten, then stop as Ctrl-C does; return the place that was kept."""
    with suppress(Killed):
        async with prepared(made.admin_dsn, SHADOWED, "postgres", restart=True, keep=False):
            places = replay_part(part(made, partition))
            assert [await anext(places), await anext(places)] == [(partition, 10), (partition, 20)]
            raise Killed
    async with superuser(made) as connection:
        return await connection.fetchval("SELECT position FROM shadow.place")


async def test_a_replay_that_was_killed_goes_on_where_it_was(
    history: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "READ_EVENTS", 10)
    kept = await interrupted(history, 1)

    async with prepared(
        history.admin_dsn, SHADOWED, "postgres", restart=False, keep=False
    ) as taken_up:
        first, *_, found = [told async for told in replay_part(part(history, 1))]

    assert (kept, taken_up, first) == (20, True, (1, 30))
    assert isinstance(found, Found)
    assert found.different == 0


async def test_a_replay_that_was_kept_is_not_gone_on_with(history: Databases) -> None:
    await replayed(history, restart=True, keep=True)

    async with superuser(history) as connection:
        assert await connection.fetchval("SELECT count(*) FROM shadow.wallet") > 0
    with pytest.raises(OtherReplay, match="a finished replay from postgres was kept"):
        await replayed(history)
    assert [one for one in await replayed(history, restart=True) if one.different] == []


async def test_what_a_crash_of_postgresql_emptied_is_begun_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "READ_EVENTS", 10)
    with running(Postgres(tmp_path / "postgres")) as server:
        made = provision(server, "wallet-ledger", TEST_PASSWORDS)
        migrate(made.owner_dsn, MIGRATIONS)
        await make_history(made.app_dsn, History(EVENTS, members(30), stores(3)), processes=1)
        await interrupted(made, 1)
        server.kill()
        start(server)

        found = await replayed(made)

    assert sum(one.position for one in found) == EVENTS
    assert [one for one in found if one.different] == []


async def test_an_unfinished_replay_from_elsewhere_is_not_mixed_up(
    history: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "READ_EVENTS", 10)
    await interrupted(history, 1)

    with pytest.raises(OtherReplay, match="from postgres"):
        async with prepared(history.admin_dsn, SHADOWED, "kafka", restart=False, keep=False):
            pass
    async with prepared(history.admin_dsn, SHADOWED, "kafka", restart=True, keep=False) as taken_up:
        assert not taken_up


async def test_two_replays_of_one_service_are_not_made_at_once(history: Databases) -> None:
    async with prepared(history.admin_dsn, SHADOWED, "postgres", restart=True, keep=False):
        with pytest.raises(ReplayRunning):
            async with prepared(history.admin_dsn, SHADOWED, "postgres", restart=True, keep=True):
                pass
