"""The start-up job: from nothing to what the services need, and again without harm."""

import asyncio
from pathlib import Path
from unittest.mock import AsyncMock

import pytest
from confluent_kafka import KafkaException
from confluent_kafka.admin import (
    AclBinding,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
    ScramCredentialInfo,
    ScramMechanism,
    UserScramCredentialUpsertion,
)

from kembalian.setup.access import SETUP
from kembalian.setup.job import set_up
from kembalian.setup.secrets import SecretMissing
from kembalian.setup.settings import DeploymentSettings
from kembalian.testing.broker_door import DONE, NOT_THE_TOPIC, broker_door
from kembalian.testing.deployment import Deployment, make_secrets

WALLET = "kembalian.wallet.v1"


def admin_of(deployment: Deployment) -> AdminClient:
    return AdminClient(
        {
            "bootstrap.servers": deployment.broker.bootstrap,
            "security.protocol": "SASL_PLAINTEXT",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": SETUP,
            "sasl.password": deployment.settings.secrets.kafka(SETUP),
            "log_level": "4",
        }
    )


def test_the_first_run_makes_everything(deployment: Deployment) -> None:
    assert "database wallet_ledger: 0001_log, " in "\n".join(deployment.said)
    assert f"topic {WALLET}: made" in deployment.said
    assert "rights: 24, of which 24 were missing" in deployment.said


def test_a_second_run_finds_all_as_it_must_be(deployment: Deployment) -> None:
    said: list[str] = []
    set_up(deployment.settings, said.append)

    assert "database wallet_ledger: nothing new" in said
    assert f"topic {WALLET}: as it must be" in said
    assert "rights: 24, of which 0 were missing" in said
    assert said[-1] == "set up"


async def test_what_is_not_in_the_table_is_taken_away(deployment: Deployment) -> None:
    admin = admin_of(deployment)
    backdoor = AclBinding(
        ResourceType.TOPIC,
        WALLET,
        ResourcePatternType.LITERAL,
        "User:settlement",
        "*",
        AclOperation.WRITE,
        AclPermissionType.ALLOW,
    )
    stranger = UserScramCredentialUpsertion(
        "stranger", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4_096), b"a password"
    )
    admin.alter_user_scram_credentials([stranger])["stranger"].result(10)
    admin.create_acls([backdoor])[backdoor].result(10)

    said: list[str] = []
    await asyncio.to_thread(set_up, deployment.settings, said.append)

    assert "user stranger: removed, it is not in the table" in said
    assert "stranger" not in admin.describe_user_scram_credentials().result(10)
    assert any("User:settlement" in line and "removed" in line for line in said)
    async with broker_door(deployment.kafka("settlement")) as door:
        assert await door.write(WALLET) == NOT_THE_TOPIC


async def test_a_new_password_holds_after_the_next_run(deployment: Deployment) -> None:
    make_secrets(deployment.settings.secrets_dir, "kafka-catalog", "database-catalog-app")

    said: list[str] = []
    await asyncio.to_thread(set_up, deployment.settings, said.append)

    async with broker_door(deployment.kafka("catalog")) as door:
        assert await door.read("kembalian.catalog.v1") == DONE


async def test_a_broker_that_says_no_is_not_asked_again(
    deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A principal that is no super user may see all topics, and make neither users nor rights."""
    monkeypatch.setattr("kembalian.setup.job.SETUP", "operator")
    monkeypatch.setattr("kembalian.setup.job.make_topics", AsyncMock())
    said: list[str] = []

    with pytest.raises(KafkaException, match="CLUSTER_AUTHORIZATION_FAILED"):
        await asyncio.to_thread(set_up, deployment.settings, said.append)
    assert not any(line.startswith("waiting") for line in said)


def test_a_missing_secret_is_named_before_anything_is_waited_for(tmp_path: Path) -> None:
    settings = DeploymentSettings(
        secrets_dir=tmp_path, postgres_url="postgresql://127.0.0.1:1", kafka_bootstrap="127.0.0.1:1"
    )

    with pytest.raises(SecretMissing, match="secret kafka-setup: No such file"):
        set_up(settings, lambda _: None)


def test_what_never_comes_up_is_given_up_in_the_end(tmp_path: Path) -> None:
    make_secrets(tmp_path / "secrets")
    settings = DeploymentSettings(
        secrets_dir=tmp_path / "secrets",
        postgres_url="postgresql://127.0.0.1:1",
        kafka_bootstrap="127.0.0.1:1",
        setup_seconds_max=1,
    )
    said: list[str] = []

    with pytest.raises(Exception, match="refused"):
        set_up(settings, said.append)
    assert said[0].startswith("waiting: ")
