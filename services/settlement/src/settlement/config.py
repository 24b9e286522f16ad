"""Settings of settlement: `KEMBALIAN_*`, on top of those that every service has."""

from pathlib import Path

from events.topics import Kafka
from web.settings import ServiceSettings

MIGRATIONS: Path = Path(__file__).parents[2] / "migrations"
"""The SQL that makes this service's database (the distribution is installed in place)."""


class Settings(ServiceSettings):
    """Where the database and the broker are, and on which ground the broker stands."""

    service_name: str = "settlement"
    database_url: str
    kafka_bootstrap: str
    kafka_ground: str = "apache"

    @property
    def kafka(self) -> Kafka:
        """Return the broker and what it can do."""
        return Kafka(self.kafka_bootstrap, self.kafka_ground)
