"""Composition root: pools, leases, lanes, relay, consumer and the routes on top of them."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI

from events.failures import DATABASE_AWAY
from events.leases import Leases
from events.running import Publishing, beside, consuming, database_pool, publishing
from events.topics import CATALOG, IDENTITY, WALLET
from wallet_ledger import (
    api_batch,
    api_ledger,
    api_payments,
    api_reversals,
    api_till,
    api_wallets,
    models,
)
from wallet_ledger.batches import Batches
from wallet_ledger.config import PARTITIONS, Settings
from wallet_ledger.convoy import convoy_to
from wallet_ledger.directory import Directory
from wallet_ledger.fellows import Fellows
from wallet_ledger.handlers import Ledger
from wallet_ledger.lane import WRITER, Lane
from wallet_ledger.passing import Passing
from wallet_ledger.projections import project
from wallet_ledger.recorded import Records
from wallet_ledger.signer import checkpointing
from wallet_ledger.till_commands import Limits
from wallet_ledger.till_shortcut import Parts
from web.app import create_app
from web.peers import Peer, ServiceTokens
from web.trust import trusted

REQUESTS_MAX = 16
WORKERS_MAX = 8
"""Connections of relay, consumer and leases: requests, however many, cannot take them away."""

PASS_ON_SECONDS = 10.0
READY_SECONDS = 2.0
CONSUMED = (IDENTITY, CATALOG)


def build(settings: Settings) -> FastAPI:
    """Return the application; its lifespan starts and stops all that runs beside the requests."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with (
            database_pool(settings.database_url, REQUESTS_MAX) as pool,
            database_pool(settings.database_url, WORKERS_MAX) as workers,
            publishing(workers, WALLET, settings.kafka, settings.address, WRITER) as log,
            consuming(workers, CONSUMED, settings.kafka, log.leases, project),
            checkpointing(workers, settings, log.leases),
            _peers(settings) as (identity, catalog),
            httpx.AsyncClient(timeout=PASS_ON_SECONDS, trust_env=False, verify=trusted()) as client,
            _fellows(log.leases, client) as fellows,
            _lanes(settings, log) as lanes,
        ):
            app.state.settings, app.state.pool = settings, pool
            app.state.leases, app.state.lanes = log.leases, lanes
            app.state.limits = Limits(settings.auto_save_below, settings.pin_above)
            app.state.directory = directory = Directory(pool, identity, catalog)
            app.state.records = Records(pool)
            app.state.ledger = Ledger(lanes, Passing(log.leases, fellows, client))
            app.state.batches = Batches(app.state.ledger, directory, app.state.limits)
            app.state.shortcut = Parts(
                app.state.verifier, directory, app.state.ledger, app.state.limits
            )
            async with beside("directory", directory.listen()):
                yield

    async def ready() -> bool:
        """Ready when every partition has a writer: this process or another one."""
        try:
            async with asyncio.timeout(READY_SECONDS):
                return await _is_ready(app.state.lanes, app.state.leases)
        except DATABASE_AWAY:
            return False

    app = create_app(
        "wallet-ledger",
        settings=settings,
        routers=[
            api_batch.api,
            api_till.api,
            api_wallets.api,
            api_reversals.api,
            api_payments.api,
            api_ledger.api,
        ],
        ready=ready,
        lifespan=lifespan,
        tags=models.ENTRY_TYPES,
    )
    return app


async def _is_ready(lanes: Sequence[Lane], leases: Leases) -> bool:
    return all([lane.owned or await leases.holder(lane.lease) is not None for lane in lanes])


@asynccontextmanager
async def _fellows(leases: Leases, client: httpx.AsyncClient) -> AsyncGenerator[Fellows]:
    fellows = Fellows(leases, PARTITIONS, client)
    async with beside("fellows", fellows.run()):
        yield fellows


@asynccontextmanager
async def _lanes(settings: Settings, log: Publishing) -> AsyncGenerator[list[Lane]]:
    dsn, publish = settings.database_url, log.relay.appended
    async with convoy_to(dsn) as convoy:
        lanes = [Lane(n, dsn, log.leases, convoy, publish) for n in range(PARTITIONS)]
        async with beside("lane", *(lane.run() for lane in lanes)):
            yield lanes


@asynccontextmanager
async def _peers(settings: Settings) -> AsyncGenerator[tuple[Peer, Peer]]:
    tokens = ServiceTokens(settings)
    identity = Peer("identity", settings.identity_url, tokens)
    catalog = Peer("catalog", settings.catalog_url, tokens)
    try:
        yield identity, catalog
    finally:
        for each in (identity, catalog, tokens):
            await each.aclose()
