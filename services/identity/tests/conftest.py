"""Fixtures: a database per test, peers that live in the test, the service over ASGI."""

from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from identity.app import make_app_on, resources_on
from identity.config import MIGRATIONS, Settings
from identity.operations import ensure_user
from identity.testing import ADMIN_PASSWORD, MEMBER, Client, House, Service
from kembalian.grounds.databases import Databases, drop
from kembalian.grounds.postgres import Postgres
from kembalian.testing.databases import MakeDatabase


@pytest.fixture
def member_form() -> dict[str, Any]:
    return dict(MEMBER)


@pytest.fixture
def database(make_database: MakeDatabase, postgres: Postgres) -> Generator[Databases]:
    """A fresh database, dropped afterwards: what is never flushed costs the machine nothing."""
    made = make_database("identity", MIGRATIONS)
    yield made
    drop(postgres, made.name)


@pytest.fixture
def settings(database: Databases, tmp_path: Path) -> Settings:
    for name in ("gateway", "catalog", "wallet-ledger", "identity"):
        (tmp_path / name).write_text(f"secret of {name}\n")
    return Settings(
        database_url=database.app_dsn,
        kafka_bootstrap="127.0.0.1:1",
        service_secrets_dir=tmp_path,
        service_secret_file=tmp_path / "identity",
        failures_per_account=3,
        failures_per_address=10,
    )


@pytest.fixture
async def service(settings: Settings) -> AsyncGenerator[Service]:
    house = House(settings)
    async with (
        asyncpg.create_pool(settings.database_url, min_size=0, max_size=12) as pool,
        resources_on(settings, pool, None) as made,
    ):
        resources = replace(made, catalog=house.catalog, wallet_ledger=house.ledger)

        @asynccontextmanager
        async def nothing(_: FastAPI) -> AsyncGenerator[None]:
            yield

        app = make_app_on(settings, nothing)
        app.state.resources = resources
        await ensure_user(
            settings.database_url, username="anna", password=ADMIN_PASSWORD, role="admin"
        )
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://identity") as http:
            yield Service(http, resources, house, settings.database_url)
        for peer in (house.catalog, house.ledger):
            await peer.aclose()


@pytest.fixture
async def admin(service: Service) -> Client:
    return await service.admin()
