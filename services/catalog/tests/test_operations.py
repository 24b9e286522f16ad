"""Rebuild and export: the view is what the log says, to the byte."""

import asyncio

import asyncpg
import pytest

from catalog.domain import ChangeStore, RegisterStore
from catalog.handlers import Key, change, register
from catalog.operations import export, rebuild
from events.envelope import Cause
from kembalian.grounds.databases import Databases

CAUSE = Cause("request-1")


async def fill(pool: asyncpg.Pool) -> None:
    """Make three stores, one of them corrected twice."""
    for number, name in enumerate(("kantin", "fotokopi", "koperasi")):
        command = RegisterStore(name, name.title(), "Gedung A", "store")
        await register(pool, command, Key("admin:1", str(number), b"f"), CAUSE)
    for address in ("Gedung B", "Gedung C"):
        await change(pool, ChangeStore("kantin", None, address), CAUSE)


def untold(done: int, total: int) -> None:
    """Take no notice of progress."""


async def lines(dsn: str) -> list[str]:
    """Return the whole export."""
    return [line async for line in export(dsn)]


async def test_an_export_is_one_sorted_line_per_row(
    pool: asyncpg.Pool, database: Databases
) -> None:
    await fill(pool)

    found = await lines(database.app_dsn)

    assert [line.split(",")[0] for line in found] == [
        'store {"store_id":"fotokopi"',
        'store {"store_id":"kantin"',
        'store {"store_id":"koperasi"',
    ]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM view.store",
        "UPDATE view.store SET name = 'wrong', position = 9",
        "INSERT INTO view.store VALUES ('never-was', 'N', 'A', 'store', 'active', 0, 9, now())",
    ],
)
async def test_a_rebuild_restores_the_view(
    pool: asyncpg.Pool, database: Databases, damage: str
) -> None:
    await fill(pool)
    before = await lines(database.app_dsn)
    await pool.execute(damage)
    told: list[tuple[int, int]] = []

    await rebuild(database.app_dsn, lambda done, total: told.append((done, total)))

    assert await lines(database.app_dsn) == before
    assert (told[0], told[-1]) == ((0, 5), (5, 5))


async def test_a_dropped_view_is_made_again_by_its_owner(
    pool: asyncpg.Pool, database: Databases
) -> None:
    await fill(pool)
    before = await lines(database.app_dsn)
    owner = await asyncpg.connect(database.owner_dsn)
    await owner.execute("DROP TABLE view.store")
    await owner.close()

    await rebuild(database.owner_dsn, untold)

    assert await lines(database.app_dsn) == before
    await change(pool, ChangeStore("kantin", "Kantin Baru", None), CAUSE)


async def test_a_rebuild_while_writers_write_loses_nothing(
    pool: asyncpg.Pool, database: Databases
) -> None:
    await fill(pool)

    async def write() -> None:
        for number in range(30):
            await change(pool, ChangeStore("kantin", f"Kantin {number}", None), CAUSE)

    async def rebuild_often() -> None:
        for _ in range(5):
            await rebuild(database.app_dsn, untold)

    await asyncio.gather(write(), rebuild_often())
    live = await lines(database.app_dsn)
    await rebuild(database.app_dsn, untold)

    assert await lines(database.app_dsn) == live
    assert '"name":"Kantin 29"' in live[1]
