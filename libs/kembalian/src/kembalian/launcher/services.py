"""The services of the house: their packages, their databases, and the settings each is given."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import catalog.config
import identity.config
import settlement.config
import wallet_ledger.config

SETTINGS_PREFIX = "KEMBALIAN_"
COMMAND_CLIENT = "kembalian"  # the operators' command as a client of identity


@dataclass(frozen=True, slots=True)
class Service:
    """One service; `migrations` is None for the gateway, which owns nothing.

    `niceness`: a projection can wait a little, a till with a queue in front of it cannot.
    """

    name: str
    package: str
    migrations: Path | None = None
    niceness: int = 0

    @property
    def command(self) -> list[str]:
        """The command that runs it."""
        return [sys.executable, "-m", self.package]


SERVICES = (
    Service("identity", "identity", identity.config.MIGRATIONS),
    Service("catalog", "catalog", catalog.config.MIGRATIONS),
    Service("wallet-ledger", "wallet_ledger", wallet_ledger.config.MIGRATIONS),
    Service("settlement", "settlement", settlement.config.MIGRATIONS, niceness=5),
    Service("gateway", "gateway"),
)

LEDGER = "wallet-ledger"

CLIENTS = (*(service.name for service in SERVICES), COMMAND_CLIENT)


def processes(ledger_processes: int) -> dict[str, Service]:
    """Return a run's processes by name: wallet-ledger, wallet-ledger-2 ... are of one service."""
    named: dict[str, Service] = {}
    for service in SERVICES:
        named[service.name] = service
        if service.name == LEDGER:
            named |= {f"{LEDGER}-{n}": service for n in range(2, ledger_processes + 1)}
    return named


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where everything of one run is; it stays so over every restart within the run."""

    ports: Mapping[str, int]
    kafka_bootstrap: str
    kafka_ground: str

    def url(self, process: str) -> str:
        """Return the root URL of a service's process."""
        return f"http://127.0.0.1:{self.ports[process]}"


def environment(
    process: str,
    service: Service,
    addresses: Addresses,
    secret_path: Path,
    database_url: str | None,
    checkpoint_key_path: Path,
) -> dict[str, str]:
    """Return the environment of a service's process: ours, with all that the run decides."""
    settings = {
        "HOST": "127.0.0.1",
        "PORT": str(addresses.ports[process]),
        "SERVICE_NAME": service.name,
        "SERVICE_SECRET_FILE": str(secret_path),
        "KAFKA_BOOTSTRAP": addresses.kafka_bootstrap,
        "KAFKA_GROUND": addresses.kafka_ground,
    }
    settings |= {
        f"{other.package.upper()}_URL": addresses.url(other.name)
        for other in SERVICES
        if other.name != "gateway"
    }
    if database_url is not None:
        settings["DATABASE_URL"] = database_url
    if service.name == "wallet-ledger":
        settings["CHECKPOINT_KEY_FILE"] = str(checkpoint_key_path)
    if service.name == "gateway":
        ledgers = [addresses.url(name) for name in addresses.ports if name.startswith(LEDGER)]
        settings["GATEWAY_LEDGER_URLS"] = ",".join(ledgers)
    if service.name == "identity":
        settings["SERVICE_SECRETS_DIR"] = str(secret_path.parent)
    return {**os.environ, **{SETTINGS_PREFIX + name: value for name, value in settings.items()}}
