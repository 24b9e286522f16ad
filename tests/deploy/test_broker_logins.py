"""Nobody comes in without a password of his own, and nobody by the broker's own entrances."""

from pathlib import Path

import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from events.broker import BrokerLogin, Kafka
from events.topics import IDENTITY, TopicMismatch, ensure
from kembalian.setup.access import ACCESS, BROKER, SETUP
from kembalian.testing.deployment import Deployment
from kembalian.testing.secured_kafka import SecuredKafka


async def refused(kafka: Kafka, **settings: str) -> bool:
    """Tell whether the broker lets this client not even in."""
    client = AIOKafkaClient(**kafka.connection() | settings, request_timeout_ms=5_000)
    try:
        await client.bootstrap()
    except KafkaError:
        return True
    finally:
        await client.close()
    return False


async def test_who_says_no_name_is_not_let_in(deployment: Deployment) -> None:
    assert await refused(Kafka(deployment.broker.bootstrap))


@pytest.mark.parametrize("principal", ["wallet-ledger", SETUP, BROKER, "gateway"])
async def test_a_wrong_password_is_not_let_in(
    deployment: Deployment, tmp_path: Path, principal: str
) -> None:
    wrong = tmp_path / "password"
    wrong.write_text("guessed")

    assert await refused(Kafka(deployment.broker.bootstrap, login=BrokerLogin(principal, wrong)))


async def test_the_brokers_own_name_is_no_clients(deployment: Deployment) -> None:
    """Its right password lets nobody in where clients come in: there is no SCRAM user `broker`."""
    assert await refused(deployment.kafka(BROKER))


async def test_a_password_in_the_clear_is_not_taken(deployment: Deployment) -> None:
    assert not await refused(deployment.kafka("identity"))
    assert await refused(deployment.kafka("identity"), sasl_mechanism="PLAIN")
    assert await refused(deployment.kafka("identity"), sasl_mechanism="SCRAM-SHA-256")


async def test_the_brokers_own_entrances_take_only_the_broker(deployment: Deployment) -> None:
    broker = deployment.broker
    if not isinstance(broker, SecuredKafka):
        return  # in a container nobody outside it reaches its loopback at all
    itself = deployment.kafka(BROKER).login
    others = (None, deployment.kafka(SETUP).login, deployment.kafka("wallet-ledger").login)
    for port in (broker.broker_port, broker.controller_port):
        for login in others:
            assert await refused(Kafka(f"127.0.0.1:{port}", login=login), sasl_mechanism="PLAIN")
    entrance = Kafka(f"127.0.0.1:{broker.broker_port}", login=itself)
    assert not await refused(entrance, sasl_mechanism="PLAIN")


async def test_a_service_whose_topic_was_not_made_refuses_and_says_what_to_do(
    deployment: Deployment,
) -> None:
    """Catalog may neither see nor make identity's topic: to it the job has not run."""
    with pytest.raises(TopicMismatch, match="`kembalian setup` makes topics and rights"):
        await ensure(deployment.kafka("catalog"), IDENTITY)


async def test_a_service_finds_the_topic_that_the_job_made_as_it_must_be(
    deployment: Deployment,
) -> None:
    for principal, access in ACCESS.items():
        for topic in access.owns:
            assert not await ensure(deployment.kafka(principal), topic)
