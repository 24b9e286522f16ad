"""Apache Kafka as deploy/ runs it, without Docker: its settings, its start script, its secrets."""

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from kembalian.grounds.apache_kafka import java
from kembalian.grounds.kafka_jars import KAFKA_VERSION
from kembalian.grounds.local_broker import LocalBroker
from kembalian.grounds.ports import free_ports

DEPLOY: Final = Path(__file__).parents[5] / "deploy"
PROPERTIES: Final = DEPLOY / "kafka" / "server.properties"
START: Final = DEPLOY / "kafka" / "start.sh"

SCRIPT_SECONDS: Final = 60

PROGRAMS: Final = {
    "kafka-storage.sh": "kafka.tools.StorageTool",
    "kafka-server-start.sh": "kafka.Kafka",
    "kafka-configs.sh": "kafka.admin.ConfigCommand",
}
"""What the image has under /opt/kafka/bin, and deploy/kafka uses."""


class SecuredKafka(LocalBroker):
    """One broker on 127.0.0.1 that lets in whom deploy/ lets in. `secrets` is a folder of files."""

    name = "apache"

    def __init__(self, home: Path, secrets: Path) -> None:
        port, self.controller_port, self.broker_port = free_ports(3)
        super().__init__(port, home / "broker.log")
        self._home = home.resolve()
        self._secrets = secrets.resolve()

    def version(self) -> str:
        """Return the version of the jars."""
        return KAFKA_VERSION

    def prepare(self) -> None:
        """Lay out what the container has. Raises: GroundError without Java and Maven."""
        programs = self._home / "bin"
        programs.mkdir(parents=True, exist_ok=True)
        for name, main_class in PROGRAMS.items():
            words = " ".join(f"'{word}'" for word in java(main_class))
            (programs / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
            (programs / name).chmod(0o755)
        link = self._home / "secrets"
        if not link.exists():
            link.symlink_to(self._secrets)
        self._properties.write_text(addressed(PROPERTIES.read_text(), self._addresses()))

    def launch(self) -> None:
        """Run start.sh, which formats at the first start; returns before the broker answers."""
        self._run(["/bin/sh", START], self._environment(), directory=self._home)

    def run_script(self, name: str) -> str:
        """Run a script of deploy/kafka to its end; return what it printed. Raises if it fails."""
        return subprocess.run(
            ["/bin/sh", START.with_name(name)],
            env=self._environment(),
            check=True,
            capture_output=True,
            text=True,
            timeout=SCRIPT_SECONDS,
        ).stdout

    def _environment(self) -> dict[str, str]:
        """Return what tells the scripts of deploy/kafka where everything is here."""
        return {
            **os.environ,
            "PATH": f"{self._home / 'bin'}:{os.environ['PATH']}",
            "KAFKA_RUN": str(self._home),
            "KAFKA_PROPERTIES": str(self._properties),
            "KAFKA_BROKER": f"127.0.0.1:{self.broker_port}",
        }

    @property
    def _properties(self) -> Path:
        return self._home / "server.properties"

    def _addresses(self) -> dict[str, str]:
        """Return the settings that say where: all others are the deployment's."""
        controller, broker = f"127.0.0.1:{self.controller_port}", f"127.0.0.1:{self.broker_port}"
        return {
            "controller.quorum.voters": f"1@{controller}",
            "log.dirs": str(self._home / "data"),
            "listeners": (
                f"CLIENTS://{self.bootstrap},CONTROLLER://{controller},BROKER://{broker}"
            ),
            "advertised.listeners": f"CLIENTS://{self.bootstrap},BROKER://{broker}",
        }


def addressed(properties: str, addresses: Mapping[str, str]) -> str:
    """Return the settings with these values in place of their own. Raises: ValueError."""
    lines = properties.splitlines()
    for name, value in addresses.items():
        places = [n for n, line in enumerate(lines) if line.startswith(f"{name}=")]
        if len(places) != 1:
            raise ValueError(f"{name} stands {len(places)} times in the settings")
        lines[places[0]] = f"{name}={value}"
    return "\n".join(lines) + "\n"
