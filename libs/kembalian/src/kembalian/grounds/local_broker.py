"""What the brokers have in common that run as children of ours."""

from pathlib import Path

from kembalian.grounds.kafka_wire import answers
from kembalian.grounds.process import Child


class LocalBroker(Child):
    """One broker on 127.0.0.1."""

    def __init__(self, port: int, log_path: Path) -> None:
        super().__init__(log_path)
        self.port = port

    @property
    def bootstrap(self) -> str:
        """The address that clients are given, `host:port`."""
        return f"127.0.0.1:{self.port}"

    def is_ready(self) -> bool:
        """Tell whether it answers Kafka's first request."""
        return self.pid is not None and answers(self.port)
