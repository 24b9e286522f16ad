"""The composition root: pools, relay, routes. Starts without database and broker, and waits."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import asyncpg
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from catalog import api
from catalog.answers import SLUGS
from catalog.config import Settings
from events import background
from events.leases import Leases
from events.relay import Relay
from events.topics import CATALOG
from web.app import create_app
from web.problems import Problem
from web.tokens import TokenVerifier

REQUESTS_MAX = 10
WORKERS_MAX = 3
"""Connections of relay and leases: requests, however many, cannot take them away."""

CONNECT_SECONDS = 5.0
READY_SECONDS = 2.0
STATEMENT_SECONDS = 10.0
CLOSE_SECONDS = 2.0


def make_app(settings: Settings, *, verifier: TokenVerifier | None = None) -> FastAPI:
    """Return the service. `verifier`: who reads tokens, if not by identity's keys over HTTP."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with (
            _pool(settings, REQUESTS_MAX) as pool,
            _pool(settings, WORKERS_MAX) as workers,
            _relaying(settings, workers) as relay,
        ):
            app.state.pool, app.state.relay = pool, relay
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
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True


@asynccontextmanager
async def _pool(settings: Settings, size_max: int) -> AsyncGenerator[asyncpg.Pool]:
    pool = asyncpg.create_pool(
        settings.database_url,
        min_size=0,  # connects to nothing yet
        max_size=size_max,
        timeout=CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS,
    )
    await pool
    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await pool.close()
        except TimeoutError:
            pool.terminate()


@asynccontextmanager
async def _relaying(settings: Settings, pool: asyncpg.Pool) -> AsyncGenerator[Relay]:
    """Publish the log; if that fails for good, the process ends."""
    leases = Leases(pool, f"http://{settings.host}:{settings.port}")
    relay = Relay(pool, CATALOG, settings.kafka, leases)
    tasks = [background.start(leases.keep(), "leases"), background.start(relay.run(), "relay")]
    try:
        yield relay
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await background.stop(*tasks)
        await leases.release()
