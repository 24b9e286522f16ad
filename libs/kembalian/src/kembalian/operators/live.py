"""The run that holds a home, as its run.json describes it."""

import os
from dataclasses import dataclass
from typing import Any, cast

from events.broker import BrokerLogin, Kafka
from kembalian.launcher.home import Home, read_json
from kembalian.launcher.settings import HomeSettings


class NotRunning(Exception):
    """Nothing runs in this home, so its databases and its broker cannot be asked."""


@dataclass(frozen=True, slots=True)
class LiveRun:
    """Addresses, DSNs (of the serving role, of a superuser) and process ids, by service name."""

    home: Home
    gateway: str
    kafka: str
    kafka_ground: str
    urls: dict[str, str]
    postgres: dict[str, str]
    postgres_admin: dict[str, str]
    pids: dict[str, int]
    kafka_login: BrokerLogin | None = None

    @property
    def broker(self) -> Kafka:
        """Return the broker, and as whom we come to it."""
        return Kafka(self.kafka, self.kafka_ground, self.kafka_login)


def read_run() -> LiveRun:
    """Return the run of KEMBALIAN_HOME, or the deployment that our container belongs to.

    Raises: NotRunning.
    """
    if "KEMBALIAN_SECRETS_DIR" in os.environ:
        from kembalian.setup.deployed import deployed_run  # noqa: PLC0415 (it imports LiveRun)

        return deployed_run()
    return run_of(Home(HomeSettings().home))


def run_of(home: Home) -> LiveRun:
    """Return the run that holds `home`. Raises: NotRunning."""
    content = cast("dict[str, Any]", read_json(home.run_path))
    if not content:
        raise NotRunning(f"nothing runs in {home.root}: start it with `make run`")
    postgres = dict(content["postgres"])
    return LiveRun(
        home=home,
        gateway=content["gateway"],
        kafka=content["kafka"],
        kafka_ground=content["kafka_ground"],
        urls=content["urls"],
        postgres_admin=postgres.pop("admin"),
        postgres=postgres,
        pids=content["pids"],
    )
