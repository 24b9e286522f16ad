"""Composition root: pools, leases, lanes, relay, consumer and the routes on top of them."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
import httpx
from fastapi import FastAPI
from tenacity import AsyncRetrying, retry_if_exception_type, wait_exponential

from events import background
from events.consumer import Consumer
from events.failures import DATABASE_AWAY
from events.leases import Leases
from events.relay import Relay
from events.topics import CATALOG, IDENTITY, WALLET
from wallet_ledger import api_till, api_wallets
from wallet_ledger.config import PARTITIONS, Settings
from wallet_ledger.directory import Directory
from wallet_ledger.handlers import Ledger
from wallet_ledger.lane import Lane
from wallet_ledger.projections import project
from web.app import create_app
from web.peers import Peer, ServiceTokens

POOL_MAX = 16


async def connect(dsn: str) -> asyncpg.Pool:
    """Return a pool, as soon as the database is there: no start order is needed."""
    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(DATABASE_AWAY), wait=wait_exponential(0.1, max=2)
    ):
        with attempt:
            return await asyncpg.create_pool(dsn, min_size=1, max_size=POOL_MAX, command_timeout=10)
    raise AssertionError("AsyncRetrying without a stop never ends")


def build(settings: Settings) -> FastAPI:
    """Return the application; its lifespan starts and stops all that runs beside the requests."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        pool = await connect(settings.database_url)
        leases = Leases(pool, settings.address)
        relay = Relay(pool, WALLET, settings.kafka, leases)
        consumer = Consumer(pool, (IDENTITY, CATALOG), settings.kafka, leases, project)
        lanes = [Lane(n, settings.database_url, leases, relay.poke) for n in range(PARTITIONS)]
        tokens = ServiceTokens(settings)
        identity = Peer("identity", settings.identity_url, tokens)
        catalog = Peer("catalog", settings.catalog_url, tokens)
        client = httpx.AsyncClient(timeout=10, trust_env=False)
        app.state.settings, app.state.pool = settings, pool
        app.state.leases, app.state.lanes = leases, lanes
        app.state.directory = Directory(pool, identity, catalog)
        app.state.ledger = Ledger(lanes, leases, client)
        writing = [background.start(lane.run(), lane.lease) for lane in lanes]
        beside = [
            background.start(leases.keep(), "leases"),
            background.start(relay.run(), "relay"),
            background.start(consumer.run(), "consumer"),
        ]
        try:
            yield
        finally:
            await background.stop(*writing)
            await background.stop(*beside)
            await leases.release()
            for closing in (identity, catalog, tokens, client):
                await closing.aclose()
            await asyncio.wait_for(pool.close(), 3)

    async def ready() -> bool:
        """Ready when every partition has a writer: this process or another one."""
        leases: Leases = app.state.leases
        lanes: list[Lane] = app.state.lanes
        return all([lane.owned or await leases.holder(lane.lease) is not None for lane in lanes])

    app = create_app(
        "wallet-ledger",
        settings=settings,
        routers=[api_till.api, api_wallets.api],
        ready=ready,
        lifespan=lifespan,
    )
    return app
