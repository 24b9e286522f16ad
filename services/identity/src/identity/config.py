"""Settings of identity: `KEMBALIAN_*`, on top of those that every service has."""

from pathlib import Path

from pydantic import Field

from events.settings import LogSettings
from web.settings import ServiceSettings

MIGRATIONS: Path = Path(__file__).parents[2] / "migrations"
"""The SQL that makes this service's database (the distribution is installed in place)."""

PARTITION = 0
"""Identity's log has one partition."""


class Settings(ServiceSettings, LogSettings):
    """Where database, broker and the services' secrets are, and how long tokens live."""

    service_name: str = "identity"
    service_secrets_dir: Path
    card_prefix: str = Field(default="9900", pattern=r"^[0-9]{1,8}$")
    access_token_seconds: int = Field(default=1_800, gt=0)
    refresh_token_seconds: int = Field(default=30 * 86_400, gt=0)
    failures_per_account: int = Field(default=20, gt=0)
    failures_per_address: int = Field(default=200, gt=0)
    failures_window_seconds: int = Field(default=300, gt=0)
