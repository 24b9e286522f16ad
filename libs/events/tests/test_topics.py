import secrets

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError

from events.testing import Rig
from events.topics import CATALOG, IDENTITY, SETTLEMENT, WALLET, Kafka, Topic, TopicMismatch, ensure
from kembalian.grounds.embedded_broker import EmbeddedBroker
from kembalian.grounds.ports import free_port
from kembalian.testing.kafka import Broker


def a_topic(partitions: int = 2) -> Topic:
    return Topic(f"kembalian.test-{secrets.token_hex(4)}.v1", partitions)


async def made_by_hand(kafka: Kafka, topic: Topic, **settings: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    new = NewTopic(topic.name, topic.partitions, 1, topic_configs=settings)
    await admin.create_topics([new])
    await admin.close()


async def partitions_of(kafka: Kafka, topic: Topic) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    described = await admin.describe_topics([topic.name])
    await admin.close()
    return len(described[0]["partitions"])


async def test_a_missing_topic_is_made_once(rig: Rig) -> None:
    topic = a_topic(3)

    assert await ensure(rig.kafka, topic)
    assert not await ensure(rig.kafka, topic)
    assert await partitions_of(rig.kafka, topic) == 3


async def test_another_partition_count_is_refused(apache_kafka: Broker) -> None:
    kafka, topic = Kafka(apache_kafka.bootstrap), a_topic(2)
    await ensure(kafka, topic)

    with pytest.raises(TopicMismatch, match="2 partitions, not 8"):
        await ensure(kafka, Topic(topic.name, 8))


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("retention.ms", "604800000", "retention.ms is 604800000, not -1"),
        ("retention.bytes", "1048576", "retention.bytes is 1048576, not -1"),
        ("cleanup.policy", "compact", "cleanup.policy is compact, not delete"),
    ],
)
async def test_a_topic_that_forgets_is_refused(
    apache_kafka: Broker, name: str, value: str, message: str
) -> None:
    kafka, topic = Kafka(apache_kafka.bootstrap), a_topic()
    wanted = {"retention.ms": "-1", "retention.bytes": "-1", name: value}
    await made_by_hand(kafka, topic, **wanted)

    with pytest.raises(TopicMismatch, match=message):
        await ensure(kafka, topic)


async def test_the_embedded_broker_makes_topics_by_accident_and_the_owner_repairs_them(
    embedded_broker: EmbeddedBroker,
) -> None:
    kafka, topic = Kafka(embedded_broker.bootstrap, "embedded"), a_topic(8)
    assert await partitions_of(kafka, topic) == 4  # asking for it made it

    assert await ensure(kafka, topic)

    assert await partitions_of(kafka, topic) == 8
    assert not await ensure(kafka, topic)


async def test_a_broker_that_is_away_is_a_passing_failure() -> None:
    with pytest.raises((KafkaError, OSError, TimeoutError)):
        await ensure(Kafka(f"127.0.0.1:{free_port()}"), IDENTITY)


def test_the_topics_of_the_house_have_their_logs_partitions() -> None:
    counts = {topic.name: topic.partitions for topic in (IDENTITY, CATALOG, WALLET, SETTLEMENT)}

    assert counts == {
        "kembalian.identity.v1": 1,
        "kembalian.catalog.v1": 1,
        "kembalian.wallet.v1": 8,
        "kembalian.settlement.v1": 1,
    }
