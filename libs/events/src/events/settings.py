"""Settings of every service that has a log: its database and the broker, `KEMBALIAN_*`.

Passwords come as files, so that no environment and no image holds one.
"""

from pathlib import Path
from typing import Literal
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import Field, FilePath, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from events.broker import BrokerLogin, Kafka


class LogSettings(BaseSettings):
    """Where database and broker are, and as whom this service comes to them."""

    model_config = SettingsConfigDict(
        env_prefix="KEMBALIAN_", frozen=True, extra="ignore", hide_input_in_errors=True
    )

    database_password_file: Path | None = None
    """The password of `database_url`'s role, if the URL has none."""

    database_url: str
    kafka_bootstrap: str
    kafka_ground: Literal["apache", "embedded"] = "apache"
    kafka_username: str | None = None
    kafka_password_file: FilePath | None = None
    kafka_ca_file: FilePath | None = None
    """Certificates by which the broker is known: then the connection is encrypted."""

    kafka_replication: int = Field(default=1, gt=0)
    """Copies of a topic that this service makes."""

    @field_validator("database_url")
    @classmethod
    def _with_password(cls, url: str, info: ValidationInfo) -> str:
        path: Path | None = info.data.get("database_password_file")
        return url if path is None else with_password(url, path)

    @model_validator(mode="after")
    def _whole_login(self) -> "LogSettings":
        if (self.kafka_username is None) != (self.kafka_password_file is None):
            raise ValueError("KEMBALIAN_KAFKA_USERNAME and _PASSWORD_FILE belong together")
        if self.kafka_ca_file is not None and self.kafka_username is None:
            raise ValueError("KEMBALIAN_KAFKA_CA_FILE needs KEMBALIAN_KAFKA_USERNAME")
        return self

    @property
    def kafka(self) -> Kafka:
        """Return the broker, what it can do, and this service's login there."""
        login = None
        if self.kafka_username is not None and self.kafka_password_file is not None:
            login = BrokerLogin(self.kafka_username, self.kafka_password_file, self.kafka_ca_file)
        return Kafka(self.kafka_bootstrap, self.kafka_ground, login, self.kafka_replication)


def with_password(url: str, path: Path) -> str:
    """Return a database's URL with the password that a file holds. Raises ValueError."""
    parts = urlsplit(url)
    if parts.password is not None or not parts.username:
        raise ValueError("it must name a role and no password: the password is in a file")
    try:
        password = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ValueError(f"the password's file: {error}") from error
    role, _, where = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{role}:{quote(password, safe='')}@{where}"))
