"""An empty database of settlement for each test, a ledger to fill it from, and its routes."""

from collections.abc import AsyncGenerator
from pathlib import Path

import asyncpg
import pytest

from kembalian.testing.databases import MakeDatabase
from settlement.config import MIGRATIONS
from settlement.operations import EMPTY_VIEWS
from settlement.testing.feeding import busy, feed
from settlement.testing.ledger import RANI, SUSILA, Ledger
from settlement.testing.service import Peers, Service, serving


@pytest.fixture(scope="session")
def session_dsn(make_database: MakeDatabase) -> str:
    return make_database("settlement", MIGRATIONS).app_dsn


@pytest.fixture
async def dsn(session_dsn: str) -> str:
    """The way into an empty database, as the role that serves: made once, emptied for each test."""
    connected = await asyncpg.connect(session_dsn)
    async with connected.transaction():
        for statement in (*EMPTY_VIEWS, "DELETE FROM view.place", "DELETE FROM log.dead_letter"):
            await connected.execute(statement)
    await connected.close()
    return session_dsn


@pytest.fixture
async def connection(dsn: str) -> AsyncGenerator[asyncpg.Connection]:
    connected = await asyncpg.connect(dsn)
    yield connected
    await connected.close()


@pytest.fixture
def ledger() -> Ledger:
    """A ledger with the three stores of the campus and no wallet yet."""
    made = Ledger()
    for store in ("fotokopi", "kantin", "koperasi"):
        made.open_store(store)
    return made


@pytest.fixture
async def filled(connection: asyncpg.Connection, ledger: Ledger) -> Ledger:
    """300 saved at koperasi, 400 at kantin, 600 paid at kantin; Rani topped up at fotokopi."""
    ledger.save(SUSILA, "koperasi", 300)
    ledger.save(SUSILA, "kantin", 400)
    ledger.redeem(SUSILA, "kantin", 600)
    ledger.top_up(RANI, "fotokopi", 5_000)
    ledger.sell(RANI, "fotokopi")
    await feed(connection, ledger.events)
    return ledger


@pytest.fixture
def peers() -> Peers:
    return Peers()


@pytest.fixture
async def service(dsn: str, peers: Peers, tmp_path: Path) -> AsyncGenerator[Service]:
    secret = tmp_path / "settlement"
    secret.write_text("secret")
    async with serving(dsn, peers, secret) as made:
        yield made


@pytest.fixture
async def whole(connection: asyncpg.Connection, ledger: Ledger) -> Ledger:
    """A busy day in the views, and Susila's redemption of 600 last."""
    busy(ledger)
    ledger.save(SUSILA, "koperasi", 300)
    ledger.save(SUSILA, "kantin", 400)
    ledger.redeem(SUSILA, "kantin", 600)
    await feed(connection, ledger.events)
    return ledger
