"""Stores in bulk are stores like others."""

import asyncpg
import pytest

from catalog.bulk import register_stores
from catalog.operations import export, rebuild
from kembalian.grounds.databases import Databases


async def test_stores_made_in_bulk_are_rebuilt_to_the_byte(database: Databases) -> None:
    await register_stores(database.app_dsn, ["toko-1", "toko-2"])
    before = [line async for line in export(database.app_dsn)]

    await rebuild(database.app_dsn, lambda _done, _total: None)

    assert len(before) == 2
    assert [line async for line in export(database.app_dsn)] == before
    with pytest.raises(asyncpg.UniqueViolationError):
        await register_stores(database.app_dsn, ["toko-2"])
