"""An empty ledger, one with history in it, calls that read it, and the stand-alone verifier."""

from collections.abc import AsyncGenerator
from pathlib import Path

import asyncpg
import pytest

from kembalian.grounds.databases import Databases
from kembalian.testing.databases import MakeDatabase
from kembalian.testing.signed import WASH, Calls, History, Verifier, serving
from wallet_ledger.config import MIGRATIONS
from wallet_ledger.signing import ensure_key_file


@pytest.fixture
def ledger(make_database: MakeDatabase) -> Databases:
    """A new database of wallet-ledger."""
    return make_database("wallet-ledger", MIGRATIONS)


@pytest.fixture
async def admin(ledger: Databases) -> AsyncGenerator[asyncpg.Connection]:
    """A superuser's way into it."""
    connection = await asyncpg.connect(ledger.admin_dsn)
    yield connection
    await connection.close()


@pytest.fixture(scope="session")
def signed_database(make_database: MakeDatabase) -> Databases:
    """The one database of these tests: making one for each costs more than washing it."""
    return make_database("wallet-ledger", MIGRATIONS)


@pytest.fixture
async def history(signed_database: Databases, tmp_path: Path) -> AsyncGenerator[History]:
    """An empty ledger."""
    databases = signed_database
    key_file = ensure_key_file(tmp_path / "secrets" / "checkpoint-key.pem")
    async with asyncpg.create_pool(databases.app_dsn, min_size=1, max_size=8) as pool:
        empty = History(databases, pool, key_file)
        await empty.as_superuser(*WASH)
        yield empty


@pytest.fixture
async def calls(history: History) -> AsyncGenerator[Calls]:
    """The calls on the test's history."""
    async with serving(history) as made:
        yield made


@pytest.fixture
def verifier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Verifier:
    """The verifier and a folder for what it is given."""
    return Verifier(tmp_path, capsys)
