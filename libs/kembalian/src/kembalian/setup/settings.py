"""Settings of the start-up job and of the operators' command in a deployment, `KEMBALIAN_*`."""

from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import DirectoryPath, Field, FilePath, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from events.broker import BrokerLogin, Kafka
from kembalian.setup.secrets import Secrets

SUPERUSER = "postgres"


class DeploymentSettings(BaseSettings):
    """Where PostgreSQL and the broker of a deployment are, and where its secrets lie."""

    model_config = SettingsConfigDict(
        env_prefix="KEMBALIAN_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    secrets_dir: DirectoryPath = Path("/run/secrets")
    postgres_url: str = "postgresql://postgres:5432"
    """`postgresql://host:port`: neither role nor password nor database."""

    kafka_bootstrap: str = "kafka:9092"
    kafka_ca_file: FilePath | None = None
    kafka_replication: int = Field(default=1, gt=0)
    setup_seconds_max: int = Field(default=180, gt=0)
    """How long the start-up job waits for PostgreSQL and the broker, and works."""

    @field_validator("postgres_url")
    @classmethod
    def _only_where(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.scheme != "postgresql" or "@" in parts.netloc or parts.path.strip("/"):
            raise ValueError("it must be postgresql://host:port")
        return url.rstrip("/")

    @property
    def secrets(self) -> Secrets:
        """Return the secrets."""
        return Secrets(self.secrets_dir)

    @property
    def server(self) -> "DeployedPostgres":
        """Return PostgreSQL with its superuser. Raises SecretMissing."""
        return DeployedPostgres(self.postgres_url, self.secrets.postgres())

    def kafka(self, principal: str) -> Kafka:
        """Return the broker with the login of `principal`."""
        login = BrokerLogin(principal, self.secrets.kafka_path(principal), self.kafka_ca_file)
        return Kafka(self.kafka_bootstrap, login=login, replication=self.kafka_replication)


class DeployedPostgres:
    """A server that somebody else runs, seen by its superuser (`grounds.databases.Server`)."""

    def __init__(self, url: str, password: str) -> None:
        self._url = url
        self._password = password

    @property
    def admin_dsn(self) -> str:
        """The superuser's DSN, database `postgres`."""
        return self.admin_dsn_of("postgres")

    def admin_dsn_of(self, database: str) -> str:
        """The superuser's DSN of one database."""
        return self.dsn(SUPERUSER, self._password, database)

    def dsn(self, user: str, password: str, database: str) -> str:
        """Return the DSN of one role in one database, in the form that asyncpg takes."""
        return dsn(self._url, user, password, database)


def dsn(url: str, user: str, password: str, database: str) -> str:
    """Return the DSN of one role in one database of the server at `url`."""
    parts = urlsplit(url)
    netloc = f"{quote(user)}:{quote(password, safe='')}@{parts.netloc}"
    return urlunsplit(parts._replace(netloc=netloc, path=f"/{database}"))
