"""Where the broker is, what it can do, and how a client of ours proves who it is."""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MECHANISM = "SCRAM-SHA-512"


@dataclass(frozen=True, slots=True)
class BrokerLogin:
    """A principal of the broker. The password stays in its file and is read for each client.

    `ca_path`: the certificates by which the broker is known, None = a connection without TLS.
    """

    username: str
    password_path: Path
    ca_path: Path | None = None

    def password(self) -> str:
        """Return the password. Raises OSError: there is no such file, or it is not ours to read."""
        return self.password_path.read_text(encoding="utf-8").strip()


@dataclass(frozen=True, slots=True)
class Kafka:
    """Where the broker is, and on which ground: `embedded` cannot do all that Apache Kafka can.

    `login`: None = the broker asks nobody. `replication`: copies of each topic that is made.
    """

    bootstrap: str
    ground: str = "apache"
    login: BrokerLogin | None = None
    replication: int = 1

    @property
    def embedded(self) -> bool:
        """True for the in-memory broker of `make run`: no idempotence, topics by accident."""
        return self.ground == "embedded"

    def connection(self) -> dict[str, Any]:
        """Return what every client of aiokafka is told about the way to the broker.

        Raises OSError if a file of the login cannot be read.
        """
        settings: dict[str, Any] = {"bootstrap_servers": self.bootstrap}
        if self.login is None:
            return settings
        settings |= {
            "security_protocol": "SASL_PLAINTEXT",
            "sasl_mechanism": MECHANISM,
            "sasl_plain_username": self.login.username,
            "sasl_plain_password": self.login.password(),
        }
        if self.login.ca_path is not None:
            settings["security_protocol"] = "SASL_SSL"
            settings["ssl_context"] = ssl.create_default_context(cafile=str(self.login.ca_path))
        return settings
