"""Apache Kafka 4 (KRaft, one node) run from its jars: the real broker without Docker."""

import base64
import os
import shutil
import subprocess
import uuid
from pathlib import Path

from kembalian.grounds.ground import GroundError, last_lines
from kembalian.grounds.kafka_jars import KAFKA_VERSION, jars
from kembalian.grounds.local_broker import LocalBroker
from kembalian.grounds.ports import free_ports


class ApacheKafka(LocalBroker):
    """One broker, its own controller, on 127.0.0.1. `home` holds the data, which lasts."""

    name = "apache"

    def __init__(
        self, home: Path, *, port: int | None = None, log_path: Path | None = None
    ) -> None:
        free = free_ports(2)
        self.home = home.resolve()
        super().__init__(port or free[0], log_path or self.home / "broker.log")
        self.controller_port = free[1]

    def version(self) -> str:
        """Return the version of the jars."""
        return KAFKA_VERSION

    def prepare(self) -> None:
        """Resolve the jars, write the settings, and format the data folder if it is not yet.

        Raises: GroundError without Java and Maven, or if the folder cannot be formatted.
        """
        self.home.mkdir(parents=True, exist_ok=True)
        self._settings_path.write_text(self._settings())
        if (self._data / "meta.properties").exists():
            return
        shutil.rmtree(self._data, ignore_errors=True)
        command = [*java("kafka.tools.StorageTool"), "format", "-t", _cluster_id()]
        with self.log_path.open("ab") as log:
            done = subprocess.run(
                [*command, "-c", str(self._settings_path)], stdout=log, stderr=log, check=False
            )
        if done.returncode != 0:
            raise GroundError(f"Kafka's data folder: {last_lines(self.log_path)}")

    def launch(self) -> None:
        """Start the broker; returns before it answers."""
        self._run(
            [*java("kafka.Kafka"), self._settings_path], dict(os.environ), directory=self.home
        )

    def wipe(self) -> None:
        """Lose all data: the broker is dead afterwards, and its next start is a new cluster.

        After `kill` alone, what was acknowledged is on disk or in the page cache.
        """
        self.kill()
        shutil.rmtree(self._data, ignore_errors=True)

    @property
    def _data(self) -> Path:
        return self.home / "data"

    @property
    def _settings_path(self) -> Path:
        return self.home / "server.properties"

    def _settings(self) -> str:
        return "\n".join(f"{name}={value}" for name, value in self._settings_table().items())

    def _settings_table(self) -> dict[str, str]:
        controller = f"127.0.0.1:{self.controller_port}"
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "controller.listener.names": "CONTROLLER",
            "listeners": f"PLAINTEXT://{self.bootstrap},CONTROLLER://{controller}",
            "advertised.listeners": f"PLAINTEXT://{self.bootstrap}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "log.dirs": str(self._data),
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            "share.coordinator.state.topic.replication.factor": "1",
            "share.coordinator.state.topic.min.isr": "1",
            "group.initial.rebalance.delay.ms": "0",
            "auto.create.topics.enable": "false",
            # A broker that was killed is let in again once its old session ended (9 s by default).
            "broker.session.timeout.ms": "3000",
            "broker.heartbeat.interval.ms": "500",
        }


def _cluster_id() -> str:
    """Return a random id in Kafka's form; never with a dash first: it would read as an option."""
    made = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return made if not made.startswith("-") else _cluster_id()


def java(main_class: str) -> list[str]:
    """Return the command that runs one of Kafka's programs, warnings of its logging only."""
    return [
        *("java", "-Xmx512m", "-XX:+UseSerialGC", "-Djava.net.preferIPv4Stack=true"),
        "-XX:TieredStopAtLevel=1",  # up with half the work; its top speed is not needed here
        "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
        *("-cp", f"{jars()}/*", main_class),
    ]
