"""Apache Kafka as deploy/ runs it, in the very image, where a Docker daemon answers."""

from pathlib import Path
from subprocess import CalledProcessError

from testcontainers.core.container import DockerContainer

from kembalian.grounds.kafka_jars import KAFKA_VERSION
from kembalian.grounds.kafka_wire import answers
from kembalian.grounds.ports import free_port
from kembalian.testing.secured_kafka import PROPERTIES, addressed

MOUNTED = "/etc/kembalian"
GIVEN = ("kafka-broker", "kafka-setup")


class SecuredKafkaContainer:
    """One broker that lets in whom deploy/ lets in, published on 127.0.0.1 under its own port."""

    name = "testcontainers"

    def __init__(self, home: Path, secrets: Path) -> None:
        self.port = free_port(kept=False)  # the daemon binds it as it likes
        self.log_path = home / "broker.log"
        self._properties = home.resolve() / "server.properties"
        self._secrets = secrets.resolve()
        self._container: DockerContainer | None = None

    @property
    def pid(self) -> int | None:
        """Not 0 while the container is there; nobody signals it by this."""
        return 1 if self._container is not None else None

    @property
    def bootstrap(self) -> str:
        """The address that clients are given, `host:port`."""
        return f"127.0.0.1:{self.port}"

    def version(self) -> str:
        """Return the version of the image."""
        return KAFKA_VERSION

    def prepare(self) -> None:
        """Write the settings with the port that is published here."""
        where = {
            "listeners": (
                f"CLIENTS://:{self.port},CONTROLLER://127.0.0.1:9093,BROKER://127.0.0.1:9094"
            ),
            "advertised.listeners": f"CLIENTS://{self.bootstrap},BROKER://127.0.0.1:9094",
        }
        self._properties.parent.mkdir(parents=True, exist_ok=True)
        self._properties.write_text(addressed(PROPERTIES.read_text(), where))
        self._properties.chmod(0o644)

    def launch(self) -> None:
        """Make and start the container with deploy's start script, settings and secrets."""
        container = DockerContainer(
            f"apache/kafka:{KAFKA_VERSION}", entrypoint=["/bin/sh", f"{MOUNTED}/start.sh"]
        )
        container.with_bind_ports(self.port, self.port)
        container.with_env("KAFKA_HEAP_OPTS", "-Xmx512m")
        container.with_volume_mapping(str(PROPERTIES.parent), MOUNTED, "ro")
        container.with_env("KAFKA_PROPERTIES", "/run/server.properties")
        container.with_volume_mapping(str(self._properties), "/run/server.properties", "ro")
        for name in GIVEN:  # file by file, as Compose does: the folder is its owner's alone
            container.with_volume_mapping(str(self._secrets / name), f"/run/secrets/{name}", "ro")
        self._container = container.start()

    def run_script(self, name: str) -> str:
        """Run a script of deploy/kafka in the container; return what it printed.

        Raises: subprocess.CalledProcessError if it fails.
        """
        assert self._container is not None, "the container was never started"
        command = ["/bin/sh", f"{MOUNTED}/{name}"]
        done = self._container.exec(command)
        said = done.output.decode(errors="replace")
        if done.exit_code != 0:
            raise CalledProcessError(done.exit_code or 1, command, said)
        return said

    def is_ready(self) -> bool:
        """Tell whether it answers Kafka's first request."""
        return answers(self.port)

    def stop(self) -> None:
        """Stop the broker and remove the container with its data."""
        if self._container is not None:
            self._container.stop()
            self._container = None

    def kill(self) -> None:
        """End it at once; the container and its data are gone."""
        self.stop()
