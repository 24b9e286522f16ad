"""What deploy/ makes, on this machine: secrets, PostgreSQL, the broker, the start-up job's work."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from events.broker import Kafka
from kembalian.grounds.ground import GroundError, running, start
from kembalian.grounds.kafka_jars import jars
from kembalian.grounds.postgres import SUPERUSER, Postgres
from kembalian.setup.job import set_up
from kembalian.setup.settings import DeploymentSettings
from kembalian.testing.kafka_container import docker_answers
from kembalian.testing.require import lacking
from kembalian.testing.secured_container import SecuredKafkaContainer
from kembalian.testing.secured_kafka import DEPLOY, SecuredKafka
from kembalian.testing.summary import note

NO_BROKER = "Apache Kafka with its authorizer needs a Docker daemon, or Java 17 and Maven"


@dataclass(frozen=True, slots=True)
class Deployment:
    """The servers of a deployment. `said` is what the start-up job printed on them."""

    postgres: Postgres
    broker: SecuredKafka | SecuredKafkaContainer
    settings: DeploymentSettings
    said: list[str]

    def kafka(self, principal: str) -> Kafka:
        """Return the broker with the login of a principal."""
        return self.settings.kafka(principal)

    def app_dsn(self, database: str) -> str:
        """Return the DSN of the role that serves in a database: `wallet_ledger`."""
        return self._dsn(database, "app")

    def owner_dsn(self, database: str) -> str:
        """Return the DSN of the role that owns a database."""
        return self._dsn(database, "owner")

    def _dsn(self, database: str, kind: str) -> str:
        passwords = self.settings.secrets.database(database.replace("_", "-"))
        password = passwords.app if kind == "app" else passwords.owner
        return self.postgres.dsn(f"{database}_{kind}", password, database)


@pytest.fixture(scope="session")
def deployment(pytestconfig: pytest.Config) -> Generator[Deployment]:
    """The session's deployment; skipped by name, or failed, where there is no Apache Kafka."""
    require_broker()
    with deployed() as made:
        ground = "testcontainers" if isinstance(made.broker, SecuredKafkaContainer) else "jars"
        note(pytestconfig, f"Apache Kafka {made.broker.version()} with SCRAM and ACLs ({ground})")
        yield made


def require_broker() -> None:
    """Skip the test, or fail it under KEMBALIAN_REQUIRE=acl, where there is no Apache Kafka."""
    if docker_answers():
        return
    try:
        jars()
    except GroundError:
        lacking("acl", NO_BROKER)


@contextmanager
def deployed() -> Generator[Deployment]:
    """Give servers of a deployment on which the start-up job has done its work."""
    with servers() as made:
        set_up(made.settings, made.said.append)
        yield made


@contextmanager
def servers(kept_secrets: Path | None = None) -> Generator[Deployment]:
    """Make secrets and start both servers, side by side; nothing is in them yet.

    `kept_secrets`: a folder of secrets to take instead, as after the loss of a machine.
    """
    home = Path(tempfile.mkdtemp(prefix="kembalian-deploy-"))
    secrets = home / "secrets"
    if kept_secrets is None:
        make_secrets(secrets)
    else:
        shutil.copytree(kept_secrets, secrets)
    broker = _broker(home / "kafka", secrets)
    try:
        broker.prepare()
        broker.launch()
        with running(_postgres(home / "postgres", secrets)) as postgres:
            start(broker)
            settings = DeploymentSettings(
                secrets_dir=secrets,
                postgres_url=f"postgresql://127.0.0.1:{postgres.port}",
                kafka_bootstrap=broker.bootstrap,
            )
            yield Deployment(postgres, broker, settings, [])
    finally:
        broker.kill()  # nobody needs its data again
        shutil.rmtree(home)


def make_secrets(folder: Path, *names: str) -> str:
    """Run deploy/make-secrets for a folder of ours; return what it printed."""
    return subprocess.run(
        ["/bin/sh", DEPLOY / "make-secrets", *names],
        env={**os.environ, "SECRETS": str(folder)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def _broker(home: Path, secrets: Path) -> SecuredKafka | SecuredKafkaContainer:
    return (SecuredKafkaContainer if docker_answers() else SecuredKafka)(home, secrets)


def _postgres(home: Path, secrets: Path) -> Postgres:
    """Return a server whose superuser has the deployment's password."""
    home.mkdir()
    shutil.copyfile(secrets / SUPERUSER, home / "superuser-password")
    return Postgres(home, durable=False)
