"""Apache Kafka 4 in a container, where a Docker daemon answers (testcontainers starts it)."""

import gc
import warnings
from pathlib import Path
from typing import Protocol, cast

import docker
from docker.errors import DockerException
from testcontainers.core.container import DockerContainer

from kembalian.grounds.kafka_jars import KAFKA_VERSION
from kembalian.grounds.kafka_wire import answers
from kembalian.grounds.ports import free_port

DAEMON_TIMEOUT_S = 3


class _Wrapped(Protocol):
    """What is used here of the Docker client's container, which has no types of its own."""

    attrs: dict[str, dict[str, int]]

    def reload(self) -> None: ...
    def start(self) -> None: ...
    def stop(self) -> None: ...
    def kill(self) -> None: ...


class _Client(Protocol):
    def ping(self) -> bool: ...
    def close(self) -> None: ...


def docker_answers() -> bool:
    """Tell whether a Docker daemon can be used from here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # refused, the client leaks its socket
        answered = _ping()
        gc.collect()
    return answered


def _ping() -> bool:
    try:
        client = cast("_Client", docker.from_env(timeout=DAEMON_TIMEOUT_S))
    except DockerException:
        return False
    try:
        return client.ping()
    except DockerException:
        return False
    finally:
        client.close()


class KafkaContainer:
    """One broker of the official image, its port published on 127.0.0.1 under the same number."""

    name = "testcontainers"

    def __init__(self, home: Path) -> None:
        self.port = free_port(kept=False)  # the daemon binds it as it likes
        self.log_path = home / "broker.log"
        self._container: DockerContainer | None = None

    @property
    def pid(self) -> int | None:
        """The id of the container's first process as the daemon's machine knows it."""
        if self._container is None:
            return None
        wrapped = self._wrapped()
        wrapped.reload()
        return wrapped.attrs["State"]["Pid"] or None

    @property
    def bootstrap(self) -> str:
        """The address that clients are given, `host:port`."""
        return f"127.0.0.1:{self.port}"

    def version(self) -> str:
        """Return the version of the image."""
        return KAFKA_VERSION

    def prepare(self) -> None:
        """Nothing is needed: the daemon pulls the image when the container is made."""

    def launch(self) -> None:
        """Make and start the container, or start the one that was stopped or killed."""
        if self._container is not None:
            self._wrapped().start()
            return
        container = DockerContainer(f"apache/kafka:{KAFKA_VERSION}")
        container.with_bind_ports(self.port, self.port).with_envs(**self._settings())
        self._container = container.start()

    def is_ready(self) -> bool:
        """Tell whether it answers Kafka's first request."""
        return answers(self.port)

    def stop(self) -> None:
        """Stop the broker and remove the container with its data."""
        if self._container is not None:
            self._container.stop()
            self._container = None

    def kill(self) -> None:
        """SIGKILL it; the container keeps the data."""
        self._wrapped().kill()

    def wipe(self) -> None:
        """Lose all data: the container is removed, and the next launch makes another."""
        self.stop()

    def _wrapped(self) -> _Wrapped:
        assert self._container is not None, "the container was never started"
        return cast("_Wrapped", self._container.get_wrapped_container())

    def _settings(self) -> dict[str, str]:
        return {
            "KAFKA_NODE_ID": "1",
            "KAFKA_PROCESS_ROLES": "broker,controller",
            "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
            "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
            "KAFKA_LISTENERS": f"PLAINTEXT://:{self.port},CONTROLLER://localhost:9093",
            "KAFKA_ADVERTISED_LISTENERS": f"PLAINTEXT://{self.bootstrap}",
            "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
            "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
            "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
            "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
            "KAFKA_HEAP_OPTS": "-Xmx512m",
        }
