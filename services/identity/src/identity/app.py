"""The composition root: pool, peers, the relay beside the requests, and the routes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import Final

import asyncpg
from fastapi import FastAPI
from starlette.types import Lifespan

from events import background
from events.failures import DATABASE_AWAY
from events.leases import Leases
from events.relay import Relay
from events.topics import IDENTITY
from identity import api_auth, api_cards, api_internal, api_members, api_staff
from identity.attempts import Attempts
from identity.config import Settings
from identity.passwords import Passwords
from identity.resources import Resources
from identity.signing import Signer
from web.app import create_app
from web.peers import Peer, ServiceTokens
from web.tokens import TokenVerifier

REQUESTS_MAX: Final = 12
WORKERS_MAX: Final = 4
"""Connections of relay and leases: requests, however many, cannot take them away."""
CONNECT_SECONDS: Final = 5.0
STATEMENT_SECONDS: Final = 10.0  # longer than a repeat waits for the first request
CLOSE_SECONDS: Final = 2.0

ROUTES: Final = [
    api_auth.routes,
    api_members.routes,
    api_staff.routes,
    api_cards.routes,
    api_internal.routes,
]


def make_app(settings: Settings) -> FastAPI:
    """Return the service. It starts without database or broker, and goes on trying."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
        async with (
            _pool(settings, REQUESTS_MAX) as pool,
            _pool(settings, WORKERS_MAX) as workers,
            _relay(settings, workers) as relay,
            resources_on(settings, pool, relay) as resources,
        ):
            app.state.resources = resources
            yield

    return make_app_on(settings, lifespan)


def make_app_on(settings: Settings, lifespan: Lifespan[FastAPI]) -> FastAPI:
    """Return the service whose `lifespan` puts Resources into `app.state.resources`."""

    def resources() -> Resources:
        return app.state.resources

    async def own_keys() -> bytes:
        return await resources().signer.document()

    async def ready() -> bool:
        return await _is_ready(resources())

    app = create_app(
        "identity",
        settings=settings,
        routers=ROUTES,
        ready=ready,
        lifespan=lifespan,
        verifier=TokenVerifier(own_keys),
    )
    return app


async def _is_ready(resources: Resources) -> bool:
    """Tell whether the database answers and there is a key to sign with."""
    try:
        async with asyncio.timeout(CLOSE_SECONDS):
            await resources.signer.keys()
            await resources.pool.fetchval("SELECT count(*) FROM view.staff WHERE false")
    except DATABASE_AWAY:
        return False
    return True


@asynccontextmanager
async def resources_on(
    settings: Settings, pool: asyncpg.Pool, relay: Relay | None
) -> AsyncGenerator[Resources]:
    """Make what the handlers work with, and close it at the end."""
    tokens = ServiceTokens(settings)
    catalog = Peer("catalog", settings.catalog_url, tokens)
    wallet_ledger = Peer("wallet-ledger", settings.wallet_ledger_url, tokens)
    passwords = Passwords()
    try:
        yield Resources(
            settings=settings,
            pool=pool,
            signer=Signer(pool, token_seconds=settings.access_token_seconds),
            passwords=passwords,
            attempts=Attempts(
                per_account=settings.failures_per_account,
                per_address=settings.failures_per_address,
                window_seconds=settings.failures_window_seconds,
            ),
            catalog=catalog,
            wallet_ledger=wallet_ledger,
            relay=relay,
        )
    finally:
        passwords.close()
        for each in (catalog, wallet_ledger, tokens):
            await each.aclose()


@asynccontextmanager
async def _pool(settings: Settings, size_max: int) -> AsyncGenerator[asyncpg.Pool]:
    pool = asyncpg.create_pool(
        settings.database_url,
        min_size=0,
        max_size=size_max,
        timeout=CONNECT_SECONDS,
        command_timeout=STATEMENT_SECONDS,
    )
    await pool  # connects to nothing yet: min_size is 0
    try:
        yield pool
    finally:
        try:
            async with asyncio.timeout(CLOSE_SECONDS):
                await pool.close()
        except TimeoutError:
            pool.terminate()


@asynccontextmanager
async def _relay(settings: Settings, pool: asyncpg.Pool) -> AsyncGenerator[Relay]:
    """Publish the log; if that fails for good, the process ends."""
    leases = Leases(pool, f"http://{settings.host}:{settings.port}")
    relay = Relay(pool, IDENTITY, settings.kafka, leases)
    tasks = [
        background.start(leases.keep(), "leases"),
        background.start(relay.run(), "relay"),
    ]
    try:
        yield relay
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await background.stop(*tasks)
        await leases.release()
