"""Fixtures: a fresh database, a pool in it, and the service over ASGI with tokens of our own."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import httpx
import pytest

from catalog.app import make_app
from catalog.config import MIGRATIONS, Settings
from kembalian.grounds.databases import Databases
from kembalian.testing.databases import MakeDatabase
from web.testing import SigningIdentity


@pytest.fixture
def database(make_database: MakeDatabase) -> Databases:
    """A fresh, migrated database of catalog."""
    return make_database("catalog", MIGRATIONS)


@pytest.fixture
async def pool(database: Databases) -> AsyncGenerator[asyncpg.Pool]:
    """Connections of the role that serves."""
    async with asyncpg.create_pool(database.app_dsn, min_size=0, max_size=10) as opened:
        yield opened


@pytest.fixture(scope="session")
def identity() -> SigningIdentity:
    """An identity that signs what a test asks for."""
    return SigningIdentity()


@asynccontextmanager
async def serving(
    database: Databases, identity: SigningIdentity
) -> AsyncGenerator[httpx.AsyncClient]:
    """The service; its broker is away, which no request may notice."""
    settings = Settings(database_url=database.app_dsn, kafka_bootstrap="127.0.0.1:1")
    app = make_app(settings, verifier=identity.verifier())
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://catalog") as opened,
    ):
        yield opened


@pytest.fixture
async def client(
    database: Databases, identity: SigningIdentity
) -> AsyncGenerator[httpx.AsyncClient]:
    """The service with nothing in it."""
    async with serving(database, identity) as opened:
        yield opened


@pytest.fixture(scope="module")
async def quiet_client(
    make_database: MakeDatabase, identity: SigningIdentity
) -> AsyncGenerator[httpx.AsyncClient]:
    """The service with nothing in it, shared by tests whose every request is refused."""
    async with serving(make_database("catalog", MIGRATIONS), identity) as opened:
        yield opened
