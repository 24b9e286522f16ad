"""A service as a child process, which can be launched, asked and stopped as a ground can."""

from collections.abc import Mapping
from pathlib import Path

from kembalian.grounds.http_wire import is_well
from kembalian.grounds.process import Child

ASK_TIMEOUT_S = 2


class ServiceProcess(Child):
    """One service on one port, with the settings of its environment."""

    stop_patience_s = 8.0  # it finishes what it has in hand

    def __init__(
        self,
        command: list[str],
        url: str,
        environment: Mapping[str, str],
        log_path: Path,
        *,
        niceness: int = 0,
    ) -> None:
        super().__init__(log_path)
        self.url = url
        self._command = command
        self._environment = environment
        self._niceness = niceness

    def prepare(self) -> None:
        """Nothing: its database was migrated before the first start."""

    def launch(self) -> None:
        """Start the service; returns before it answers."""
        self._run(self._command, self._environment, niceness=self._niceness)

    def is_ready(self) -> bool:
        """Tell whether the process answers (not whether it reaches what it needs)."""
        return self.pid is not None and is_well(f"{self.url}/livez", timeout_s=ASK_TIMEOUT_S)
