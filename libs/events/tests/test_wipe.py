"""The broker loses everything while the house runs: every broker of its own, started anew."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from events.reading import tail
from events.testing import Rig
from kembalian.grounds.apache_kafka import ApacheKafka
from kembalian.grounds.embedded_broker import EmbeddedBroker
from kembalian.grounds.ground import GroundError, running_async, start_async
from kembalian.grounds.kafka_jars import jars
from kembalian.testing.kafka import Broker
from kembalian.testing.require import lacking


@pytest.fixture(params=["apache", "embedded"])
def own_broker(request: pytest.FixtureRequest, tmp_path: Path) -> ApacheKafka | EmbeddedBroker:
    """A broker that a test may kill."""
    if request.param == "embedded":
        return EmbeddedBroker(tmp_path / "broker")
    try:
        jars()
    except GroundError as error:
        lacking("kafka", str(error))
    return ApacheKafka(tmp_path / "broker")


@pytest.mark.timeout(240)  # a JVM starts twice
async def test_a_wiped_broker_is_refilled_and_no_effect_is_lost_or_doubled(
    own_broker: ApacheKafka | EmbeddedBroker,
    make_rig: Callable[[Broker], Awaitable[Rig]],
) -> None:
    async with running_async(own_broker):
        rig = await make_rig(own_broker)
        relay, consumer = rig.start_relay(), rig.start_consumer()
        await rig.append(0, 40, "a")
        await rig.append(1, 5, "b")
        await rig.until_seen(0, range(1, 41))
        await rig.until_seen(1, range(1, 6))

        own_broker.wipe()
        await rig.append(0, 10, "a")
        await asyncio.sleep(0.3)
        await start_async(own_broker, patience_s=90)
        await rig.until_seen(0, range(1, 51))
        await rig.append(1, 1, "b")
        await rig.until_seen(1, range(1, 7))

        for partition, count in ((0, 50), (1, 6)):
            await rig.until_published(partition, count)
            found = await tail(rig.kafka, rig.topic.name, partition)
            assert found.position == count
        assert not relay.done()
        assert not consumer.done()
        await rig.stop()
