"""The composition root: pools, relay, routes. Starts without database and broker, and waits."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from catalog import api
from catalog.answers import SLUGS
from catalog.config import Settings
from events.failures import DATABASE_AWAY
from events.running import database_pool, publishing
from events.topics import CATALOG
from web.app import create_app
from web.problems import Problem
from web.tokens import TokenVerifier

REQUESTS_MAX = 10
WORKERS_MAX = 3
"""Connections of relay and leases: requests, however many, cannot take them away."""

READY_SECONDS = 2.0


def make_app(settings: Settings, *, verifier: TokenVerifier | None = None) -> FastAPI:
    """Return the service. `verifier`: who reads tokens, if not by identity's keys over HTTP."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with (
            database_pool(settings.database_url, REQUESTS_MAX) as pool,
            database_pool(settings.database_url, WORKERS_MAX) as workers,
            publishing(workers, CATALOG, settings.kafka, settings.address) as log,
        ):
            app.state.pool, app.state.relay = pool, log.relay
            yield

    async def ready() -> bool:
        return await _is_ready(app.state.pool)

    app = create_app(
        "catalog",
        settings=settings,
        routers=[api.public, api.internal],
        ready=ready,
        lifespan=lifespan,
        verifier=verifier,
    )
    for refusal in SLUGS:
        app.add_exception_handler(refusal, _answer_refusal)
    return app


async def _answer_refusal(_: Request, refusal: Exception) -> Response:
    return Problem(SLUGS[type(refusal)]).response()


async def _is_ready(pool: asyncpg.Pool) -> bool:
    """Tell whether the database answers and has the view."""
    try:
        async with asyncio.timeout(READY_SECONDS):
            await pool.fetchval("SELECT count(*) FROM view.store WHERE false")
    except DATABASE_AWAY:
        return False
    return True
