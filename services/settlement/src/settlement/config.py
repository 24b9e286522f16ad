"""Settings of settlement: `KEMBALIAN_*`, on top of those that every service has."""

from pathlib import Path

from events.settings import LogSettings
from web.settings import ServiceSettings

MIGRATIONS: Path = Path(__file__).parents[2] / "migrations"
"""The SQL that makes this service's database (the distribution is installed in place)."""


class Settings(ServiceSettings, LogSettings):
    """Where the database and the broker are, and on which ground the broker stands."""

    service_name: str = "settlement"
