"""Each service's relay and consumer under its own principal and its own database role."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest

from events import background, log
from events.consumer import Consumer
from events.leases import Leases
from events.reading import tail
from events.received import Received
from events.relay import Relay
from events.testing import an_event, until
from kembalian.setup.access import ACCESS
from kembalian.testing.deployment import Deployment

SERVICES = ["identity", "catalog", "wallet-ledger", "settlement"]


@asynccontextmanager
async def pool_of(deployment: Deployment, service: str) -> AsyncGenerator[asyncpg.Pool]:
    dsn = deployment.app_dsn(service.replace("-", "_"))
    async with asyncpg.create_pool(dsn, min_size=1, max_size=6) as pool:
        yield pool


async def test_every_service_publishes_its_log_and_reads_what_it_may(
    deployment: Deployment,
) -> None:
    published = {service: await publish(deployment, service) for service in SERVICES}
    assert published == dict.fromkeys(SERVICES, 1)

    for service in SERVICES:
        topics = {topic.name for topic in ACCESS[service].reads}
        assert await consumed(deployment, service) == topics


async def publish(deployment: Deployment, service: str) -> int:
    """Append one event as the service would, run its relay, return the topic's last position."""
    kafka, topic = deployment.kafka(service), ACCESS[service].owns[0]
    async with pool_of(deployment, service) as pool:
        leases = Leases(pool, "test")
        async with pool.acquire() as connection:
            epoch = await connection.fetchval("SELECT epoch FROM log.raise_epoch(0::smallint)")
            await log.append(connection, 0, [an_event("member", 1)], epoch=epoch)
        tasks = [
            background.start(Relay(pool, topic, kafka, leases).run(), "relay"),
            background.start(leases.keep(), "leases"),
        ]

        async def there() -> bool:
            return (await tail(kafka, topic.name, 0)).position == 1

        await until(there, f"{service}'s event on {topic.name}")
        await background.stop(*tasks)
        await leases.release()
    return (await tail(kafka, topic.name, 0)).position


async def consumed(deployment: Deployment, service: str) -> set[str]:
    """Run the service's consumer until every topic gave something; return which did."""
    topics = ACCESS[service].reads
    if not topics:
        return set()
    seen: set[str] = set()

    async def see(_: Any, events: Sequence[Received]) -> None:
        seen.update(event.topic for event in events)

    async with pool_of(deployment, service) as pool:
        leases = Leases(pool, "test")
        consumer = Consumer(pool, topics, deployment.kafka(service), leases, see)
        tasks = [
            background.start(consumer.run(), "consumer"),
            background.start(leases.keep(), "leases"),
        ]

        async def all_gave() -> bool:
            return len(seen) == len(topics)

        await until(all_gave, f"{service} reads {[topic.name for topic in topics]}")
        await background.stop(*tasks)
        await leases.release()
    return seen


@pytest.mark.parametrize("service", SERVICES)
async def test_the_operators_command_sees_every_topic(deployment: Deployment, service: str) -> None:
    for topic in ACCESS[service].owns:
        assert (await tail(deployment.kafka("operator"), topic.name, 0)).position >= 0
