"""Fixtures: one Kafka per session, the best that this machine can have."""

import os
import shutil
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest

from kembalian.grounds.apache_kafka import ApacheKafka
from kembalian.grounds.embedded_broker import EmbeddedBroker
from kembalian.grounds.ground import GroundError, running
from kembalian.grounds.kafka_jars import jars
from kembalian.testing.kafka_container import KafkaContainer, docker_answers
from kembalian.testing.require import lacking
from kembalian.testing.summary import note

Broker = ApacheKafka | EmbeddedBroker | KafkaContainer


@pytest.fixture(scope="session")
def kafka(pytestconfig: pytest.Config) -> Generator[Broker]:
    """The session's broker; tests that kill or wipe one start one of their own instead."""
    home = Path(tempfile.mkdtemp(prefix="kembalian-kafka-"))
    try:
        with running(_best_broker(home)) as broker:
            note(pytestconfig, described(broker))
            yield broker
    finally:
        shutil.rmtree(home)


@pytest.fixture(scope="session")
def apache_kafka(kafka: Broker) -> Broker:
    """The session's broker if it is Apache Kafka; else the test is skipped, or fails."""
    if isinstance(kafka, EmbeddedBroker):
        lacking("kafka", "Apache Kafka needs a Docker daemon, or Java 17 and Maven")
    return kafka


def described(broker: Broker) -> str:
    """Return the line that names a broker at the end of a run."""
    match broker:
        case EmbeddedBroker():
            return f"embedded broker {broker.version()}"
        case ApacheKafka():
            return f"Apache Kafka {broker.version()} (jars)"
        case KafkaContainer():
            return f"Apache Kafka {broker.version()} (testcontainers)"


def _best_broker(home: Path) -> Broker:
    """Return Apache Kafka in a container, else from its jars, else the embedded broker.

    KEMBALIAN_TEST_KAFKA=embedded asks for the last one, to see the house on that ground too.
    """
    if os.environ.get("KEMBALIAN_TEST_KAFKA") == "embedded":
        return EmbeddedBroker(home)
    if docker_answers():
        return KafkaContainer(home)
    try:
        jars()
    except GroundError:
        return EmbeddedBroker(home)
    return ApacheKafka(home)
