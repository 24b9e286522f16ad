from pathlib import Path

import pytest
from aiokafka.errors import KafkaError
from pydantic import ValidationError

from events.broker import BrokerLogin, Kafka
from events.settings import LogSettings
from events.topics import Topic, ensure
from kembalian.testing.kafka import Broker

URL = "postgresql://catalog_app@db:5432/catalog"
EXAMPLE_CA = """
-----BEGIN CERTIFICATE-----
MIIBhTCCASugAwIBAgIQIRi6zePL6mKjOipn+dNuaTAKBggqhkjOPQQDAjASMRAw
DgYDVQQKEwdBY21lIENvMB4XDTE3MTAyMDE5NDMwNloXDTE4MTAyMDE5NDMwNlow
EjEQMA4GA1UEChMHQWNtZSBDbzBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABD0d
7VNhbWvZLWPuj/RtHFjvtJBEwOkhbN/BnnE8rnZR8+sbwnc/KhCk3FhnpHZnQz7B
5aETbbIgmuvewdjvSBSjYzBhMA4GA1UdDwEB/wQEAwICpDATBgNVHSUEDDAKBggr
BgEFBQcDATAPBgNVHRMBAf8EBTADAQH/MCkGA1UdEQQiMCCCDmxvY2FsaG9zdDo1
NDUzgg4xMjcuMC4wLjE6NTQ1MzAKBggqhkjOPQQDAgNIADBFAiEA2zpJEPQyz6/l
Wf86aX6PepsntZv2GYlA5UpabfT2EZICICpJ5h/iI+i341gBmLiAFQOyTDT+/wQc
6MF9+Yw1Yy0t
-----END CERTIFICATE-----
"""


def settings(**more: object) -> LogSettings:
    return LogSettings.model_validate(
        {"database_url": URL, "kafka_bootstrap": "broker:9092", **more}
    )


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret"
    path.write_text("p@ss/word\n")
    return path


def test_a_password_from_a_file_is_put_into_the_databases_url(secret: Path) -> None:
    assert settings(database_password_file=secret).database_url == (
        "postgresql://catalog_app:p%40ss%2Fword@db:5432/catalog"
    )
    assert settings().database_url == URL


@pytest.mark.parametrize(
    "url", ["postgresql://catalog_app:other@db/catalog", "postgresql://db/catalog"]
)
def test_a_password_from_a_file_needs_a_url_with_a_role_and_no_password(
    secret: Path, url: str
) -> None:
    with pytest.raises(ValidationError, match="a role and no password"):
        settings(database_url=url, database_password_file=secret)


def test_a_password_file_that_is_not_there_is_named_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="No such file or directory"):
        settings(database_password_file=tmp_path / "nowhere")
    with pytest.raises(ValidationError, match="kafka_password_file"):
        settings(kafka_username="catalog", kafka_password_file=tmp_path / "nowhere")


def test_without_a_login_the_broker_is_come_to_as_nobody() -> None:
    assert settings().kafka.connection() == {"bootstrap_servers": "broker:9092"}


def test_a_login_is_by_scram_and_its_password_is_read_anew_each_time(secret: Path) -> None:
    kafka = settings(kafka_username="catalog", kafka_password_file=secret).kafka

    assert kafka.connection() == {
        "bootstrap_servers": "broker:9092",
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "catalog",
        "sasl_plain_password": "p@ss/word",
    }
    secret.write_text("rotated")
    assert kafka.connection()["sasl_plain_password"] == "rotated"
    assert "rotated" not in repr(kafka)


def test_with_certificates_the_connection_is_encrypted_and_the_broker_verified(
    secret: Path, tmp_path: Path
) -> None:
    ca = tmp_path / "ca.pem"
    ca.write_text(EXAMPLE_CA)

    kafka = settings(kafka_username="catalog", kafka_password_file=secret, kafka_ca_file=ca).kafka
    connection = kafka.connection()

    assert connection["security_protocol"] == "SASL_SSL"
    assert connection["ssl_context"].check_hostname
    assert len(connection["ssl_context"].get_ca_certs()) == 1


@pytest.mark.parametrize("names", [["kafka_username"], ["kafka_password_file"], ["kafka_ca_file"]])
def test_half_a_login_is_refused(secret: Path, names: list[str]) -> None:
    half = {name: "catalog" if name == "kafka_username" else secret for name in names}

    with pytest.raises(ValidationError, match="KEMBALIAN_KAFKA_USERNAME"):
        settings(**half)


async def test_as_many_copies_of_a_topic_are_asked_for_as_the_setting_says(
    apache_kafka: Broker,
) -> None:
    kafka = settings(kafka_bootstrap=apache_kafka.bootstrap, kafka_replication=2).kafka

    with pytest.raises(KafkaError, match="error 38"):  # one broker cannot hold two
        await ensure(kafka, Topic("kembalian.test-copies.v1", 1))


def test_a_secret_that_went_away_is_a_passing_failure(tmp_path: Path) -> None:
    kafka = Kafka("broker:9092", login=BrokerLogin("catalog", tmp_path / "gone"))

    with pytest.raises(OSError, match="gone"):
        kafka.connection()
