"""The service as a whole: without its database, and with a real broker."""

import asyncio

import httpx
from aiokafka import TopicPartition

from catalog.app import make_app
from catalog.config import Settings
from events.reading import reader, until_quiet
from events.topics import CATALOG
from kembalian.grounds.databases import Databases
from kembalian.testing.kafka import Broker
from web.testing import SigningIdentity

KANTIN = {"store_id": "kantin", "name": "Kantin", "address": "Gedung A"}
PATIENCE_SECONDS = 60.0


async def test_without_a_database_all_is_unavailable(identity: SigningIdentity) -> None:
    settings = Settings(
        database_url="postgresql://nobody@127.0.0.1:1/catalog", kafka_bootstrap="127.0.0.1:1"
    )
    app = make_app(settings, verifier=identity.verifier())
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://catalog") as client,
    ):
        ready = await client.get("/readyz")
        alive = await client.get("/livez")
        listed = await client.get("/api/v1/stores", headers=identity.headers("guest"))

    assert (ready.status_code, alive.status_code, listed.status_code) == (503, 200, 503)
    assert listed.json()["type"] == "/problems/unavailable"
    assert "retry-after" in listed.headers


async def test_what_was_registered_is_published_as_it_is_stored(
    database: Databases, identity: SigningIdentity, kafka: Broker
) -> None:
    ground = "embedded" if type(kafka).__name__ == "EmbeddedBroker" else "apache"
    settings = Settings(
        database_url=database.app_dsn, kafka_bootstrap=kafka.bootstrap, kafka_ground=ground
    )
    app = make_app(settings, verifier=identity.verifier())
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://catalog") as client,
    ):
        headers = identity.headers("admin") | {"idempotency-key": "1"}
        await client.post("/api/v1/stores", json=KANTIN, headers=headers)
        stored: bytes = await app.state.pool.fetchval("SELECT body FROM log.event")

        async with asyncio.timeout(PATIENCE_SECONDS):
            published = await _first_on_the_topic(settings)

    assert published == stored


async def _first_on_the_topic(settings: Settings) -> bytes:
    """Return the first message, as soon as there is one."""
    where = TopicPartition(CATALOG.name, 0)
    while True:
        async with reader(settings.kafka) as consumer:
            async for record in until_quiet(consumer, where, 0):
                assert record.value is not None
                return record.value
