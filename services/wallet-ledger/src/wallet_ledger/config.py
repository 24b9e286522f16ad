"""Settings of wallet-ledger: environment variables that begin with KEMBALIAN_."""

from pathlib import Path

from pydantic import Field

from events.settings import LogSettings
from events.topics import WALLET
from web.settings import ServiceSettings

MIGRATIONS = Path(__file__).parents[2] / "migrations"

PARTITIONS = WALLET.partitions
"""Of the log, chosen when the database is made; the topic has as many."""


class Settings(ServiceSettings, LogSettings):
    """What wallet-ledger needs besides what every service has."""

    service_name: str = "wallet-ledger"
    auto_save_below: int = Field(default=500, ge=0, description="rupiah; less is saved unasked")
    pin_above: int = Field(default=100_000, ge=0, description="rupiah; more needs the PIN")
    checkpoint_key_file: Path | None = Field(
        default=None, description="the key that signs checkpoints; without it none are signed here"
    )
    checkpoint_events: int = Field(default=1_000, ge=1, description="a checkpoint after so many")
    checkpoint_seconds: float = Field(default=60.0, gt=0, description="or after so long")
