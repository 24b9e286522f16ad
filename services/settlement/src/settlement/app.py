"""The composition root: pools, peers, the work beside the requests, and the routes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from events import places
from events.failures import DATABASE_AWAY
from events.running import consuming, database_pool, publishing
from events.topics import SETTLEMENT
from settlement import api, reports
from settlement.config import Settings
from settlement.consumer import TOPICS, project
from settlement.directory import Directory
from settlement.queries import VIEWS_ARE_THERE
from settlement.resources import Resources
from settlement.snapshots import Snapshots
from web.app import create_app
from web.peers import Peer, ServiceTokens
from web.problems import Problem
from web.tokens import TokenVerifier

READERS_MAX = 12
WORKERS_MAX = 6
"""Connections of relay, consumer and leases: requests, however many, cannot take them away."""

STATEMENT_SECONDS = 30.0  # a report of a long period
READY_SECONDS = 2.0


def make_app(settings: Settings, *, verifier: TokenVerifier | None = None) -> FastAPI:
    """Return the service, which starts without database or broker, and goes on trying.

    `verifier`: who reads tokens, if not by identity's keys over HTTP.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with (
            database_pool(
                settings.database_url, READERS_MAX, statement_seconds=STATEMENT_SECONDS
            ) as readers,
            database_pool(settings.database_url, WORKERS_MAX) as workers,
            _peers(settings) as (identity, catalog, wallet_ledger),
            publishing(workers, SETTLEMENT, settings.kafka, settings.address) as log,
            consuming(workers, TOPICS, settings.kafka, log.leases, project),
        ):
            app.state.readers = readers
            app.state.resources = Resources(
                Snapshots(readers, wallet_ledger), Directory(readers, identity, catalog)
            )
            yield

    async def ready() -> bool:
        return await _is_ready(app.state.readers)

    app = create_app(
        "settlement",
        settings=settings,
        routers=[api.routes, reports.routes],
        ready=ready,
        lifespan=lifespan,
        verifier=verifier,
    )
    app.add_exception_handler(asyncpg.UndefinedTableError, _answer_no_views)
    return app


async def _answer_no_views(_: Request, __: Exception) -> Response:
    """Answer 503: the database is not migrated yet, or its views were dropped."""
    return Problem("unavailable", "the views are not there yet").response()


async def _is_ready(pool: asyncpg.Pool) -> bool:
    """Tell whether reads are answered: the views and their places are there, and no rebuild is."""
    try:
        async with asyncio.timeout(READY_SECONDS), pool.acquire() as connection:
            if not await connection.fetchval(VIEWS_ARE_THERE):
                return False
            known = await places.load(connection)
    except DATABASE_AWAY:
        return False
    needed = sum(topic.partitions for topic in TOPICS)
    return len(known) >= needed and not any(place.rebuilding for place in known)


@asynccontextmanager
async def _peers(settings: Settings) -> AsyncGenerator[tuple[Peer, Peer, Peer]]:
    tokens = ServiceTokens(settings)
    peers = (
        Peer("identity", settings.identity_url, tokens),
        Peer("catalog", settings.catalog_url, tokens),
        Peer("wallet-ledger", settings.wallet_ledger_url, tokens),
    )
    try:
        yield peers
    finally:
        for peer in (*peers, tokens):
            await peer.aclose()
