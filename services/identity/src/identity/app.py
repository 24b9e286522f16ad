"""The composition root: pool, peers, the relay beside the requests, and the routes."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
from fastapi import FastAPI
from starlette.types import Lifespan

from events.failures import DATABASE_AWAY
from events.relay import Relay
from events.running import database_pool, publishing
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
READY_SECONDS: Final = 2.0

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
            database_pool(settings.database_url, REQUESTS_MAX) as pool,
            database_pool(settings.database_url, WORKERS_MAX) as workers,
            publishing(workers, IDENTITY, settings.kafka, settings.address) as log,
            resources_on(settings, pool, log.relay) as resources,
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
        async with asyncio.timeout(READY_SECONDS):
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
