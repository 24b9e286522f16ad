"""The brokers: messages through aiokafka, a kill and a restart on the same port, a wipe."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from events.reading import reader, until_quiet
from events.topics import Kafka
from kembalian.grounds.apache_kafka import ApacheKafka
from kembalian.grounds.embedded_broker import EmbeddedBroker
from kembalian.grounds.ground import GroundError, running, start
from kembalian.grounds.kafka_jars import jars
from kembalian.testing.kafka import Broker
from kembalian.testing.require import lacking

TOPIC = "kembalian.ground.v1"
MANY = 2_000
VERY_MANY = 120_000
PATIENCE_SECONDS = 120.0


@pytest.fixture
def own_apache(tmp_path: Path) -> Iterator[ApacheKafka]:
    try:
        jars()
    except GroundError as error:
        lacking("kafka", f"Apache Kafka's jars: {error}")
    with running(ApacheKafka(tmp_path)) as broker:
        yield broker


@pytest.fixture
def own_embedded(tmp_path: Path) -> Iterator[EmbeddedBroker]:
    with running(EmbeddedBroker(tmp_path)) as broker:
        yield broker


async def make_topic(bootstrap: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(TOPIC, 2, 1)])
    finally:
        await admin.close()


async def write(bootstrap: str, messages: list[bytes], *, idempotent: bool) -> None:
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=idempotent
    )
    await producer.start()
    try:
        for message in messages:
            await producer.send_and_wait(TOPIC, message, partition=1)
    finally:
        await producer.stop()


async def read(bootstrap: str, count: int) -> list[bytes]:
    """Return the first `count` messages of partition 1."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([TopicPartition(TOPIC, 1)])
        await consumer.seek_to_beginning()
        found: list[bytes] = []
        while len(found) < count:
            batches = await consumer.getmany(timeout_ms=5_000)
            assert batches, f"{len(found)} of {count} messages came"
            found += [message.value or b"" for batch in batches.values() for message in batch]
        return found
    finally:
        await consumer.stop()


async def topics(bootstrap: str) -> set[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        return set(await admin.list_topics())
    finally:
        await admin.close()


async def test_apache_kafka_carries_an_idempotent_producers_messages(apache_kafka: Broker) -> None:
    await make_topic(apache_kafka.bootstrap)

    await write(apache_kafka.bootstrap, [b"1", b"2", b"3"], idempotent=True)

    assert await read(apache_kafka.bootstrap, 3) == [b"1", b"2", b"3"]


async def test_apache_kafka_keeps_its_messages_over_a_kill(own_apache: ApacheKafka) -> None:
    address = own_apache.bootstrap
    await make_topic(address)
    await write(address, [b"kept"], idempotent=True)

    own_apache.kill()
    start(own_apache)

    assert own_apache.bootstrap == address
    assert await read(address, 1) == [b"kept"]


async def test_apache_kafka_is_a_new_cluster_after_a_wipe(own_apache: ApacheKafka) -> None:
    await make_topic(own_apache.bootstrap)

    own_apache.wipe()
    start(own_apache)

    assert await topics(own_apache.bootstrap) == set()


async def test_the_embedded_broker_carries_messages(own_embedded: EmbeddedBroker) -> None:
    await make_topic(own_embedded.bootstrap)

    await write(own_embedded.bootstrap, [b"1", b"2", b"3"], idempotent=False)

    assert await read(own_embedded.bootstrap, 3) == [b"1", b"2", b"3"]


async def read_from(kafka: Kafka, offset: int) -> list[bytes | None]:
    """Return what partition 1 holds from `offset` on, as every reader of the house reads it."""
    async with reader(kafka) as consumer, asyncio.timeout(PATIENCE_SECONDS):
        where = TopicPartition(TOPIC, 1)
        return [record.value async for record in until_quiet(consumer, where, offset)]


async def assert_gives_all(broker: EmbeddedBroker, batches: int) -> None:
    """Fill a partition, a message a batch, and read it from its ends and from its middle."""
    await make_topic(broker.bootstrap)
    messages = [b"%d" % n for n in range(batches)]
    await write(broker.bootstrap, messages, idempotent=False)

    kafka = Kafka(broker.bootstrap, "embedded")
    for offset in (0, batches // 2, batches - 1):
        assert await read_from(kafka, offset) == messages[offset:]


async def test_the_embedded_broker_gives_a_partition_of_many_batches(
    own_embedded: EmbeddedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes through all of them at each fetch: with 1 ms for that, these are as many as 200,000.

    A reader that gave it no more would read nothing from the middle on, however long it tried.
    """
    monkeypatch.setattr("events.reading.EMBEDDED_POLL_MS", 1)

    await assert_gives_all(own_embedded, MANY)


@pytest.mark.slow
@pytest.mark.timeout(900)
async def test_the_embedded_broker_gives_a_partition_of_very_many_batches(
    own_embedded: EmbeddedBroker,
) -> None:
    await assert_gives_all(own_embedded, VERY_MANY)


async def test_the_embedded_broker_forgets_all_when_it_is_killed(
    own_embedded: EmbeddedBroker,
) -> None:
    address = own_embedded.bootstrap
    await make_topic(address)

    own_embedded.kill()
    start(own_embedded)

    assert own_embedded.bootstrap == address
    assert TOPIC not in await topics(address)


def test_the_embedded_broker_listens_on_loopback_only(own_embedded: EmbeddedBroker) -> None:
    listening = psutil.Process(own_embedded.pid).net_connections("tcp")

    assert {(c.laddr.ip, c.laddr.port) for c in listening if c.status == psutil.CONN_LISTEN} == {
        ("127.0.0.1", own_embedded.port)
    }
