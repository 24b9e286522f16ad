"""Settings of a run: PORT and what begins with KEMBALIAN_."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_HOME = Path(".kembalian")

STAFF = ("admin", "finance", "auditor", "channel")
"""Roles that have one login each in the demo; `channel` sends batches of entries."""

Demo = Literal["trial", "logins", "none"]


class HomeSettings(BaseSettings):
    """Where all state of a run lies."""

    model_config = SettingsConfigDict(env_prefix="KEMBALIAN_", frozen=True, env_ignore_empty=True)

    home: Path = DEFAULT_HOME


class RunSettings(HomeSettings):
    """What `kembalian run` can be told."""

    port: int = Field(default=8080, gt=0, le=65_535, validation_alias="PORT")
    """The gateway's; every other port is a free one."""

    kafka: str = "embedded"
    """`embedded`, `apache` (from its jars), or the `host:port` of a broker that runs already."""

    demo: Demo = "trial"
    """`trial`: the campus and the trial of 2016; `logins`: the campus; `none`: the first admin."""

    ledger_processes: int = Field(default=1, ge=1, le=8)
    """How many processes of wallet-ledger share its partitions."""

    @property
    def staff(self) -> tuple[str, ...]:
        """Return who there is of the operator from the start; names are roles."""
        return ("admin",) if self.demo == "none" else STAFF

    @field_validator("kafka")
    @classmethod
    def _ground_or_address(cls, kafka: str) -> str:
        host, _, port = kafka.rpartition(":")
        if kafka not in {"embedded", "apache"} and not (host and port.isdigit()):
            raise ValueError("KEMBALIAN_KAFKA is `embedded`, `apache` or `host:port`")
        return kafka
