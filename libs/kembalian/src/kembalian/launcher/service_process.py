"""A service as a child process, which can be launched, asked and stopped as a ground can."""

import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

import httpx

from kembalian.grounds.process import spawn, stop

STOP_PATIENCE_S = 8
ASK_TIMEOUT_S = 2


class ServiceProcess:
    """One service on one port, with the settings of its environment."""

    def __init__(
        self,
        command: list[str],
        url: str,
        environment: Mapping[str, str],
        log_path: Path,
        *,
        niceness: int = 0,
    ) -> None:
        self.url = url
        self.log_path = log_path
        self._command = command
        self._environment = environment
        self._niceness = niceness
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The service's id, None while it is down."""
        alive = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process is not None and alive else None

    def prepare(self) -> None:
        """Nothing: its database was migrated before the first start."""

    def launch(self) -> None:
        """Start the service; returns before it answers."""
        self._process = spawn(
            self._command,
            environment=self._environment,
            log_path=self.log_path,
            niceness=self._niceness,
        )

    def is_ready(self) -> bool:
        """Tell whether the process answers (not whether it reaches what it needs)."""
        if self.pid is None:
            return False
        try:
            return httpx.get(f"{self.url}/livez", timeout=ASK_TIMEOUT_S).is_success
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """Let it finish what it has in hand, and stop it."""
        if self._process is not None:
            stop(self._process, signal.SIGTERM, patience_s=STOP_PATIENCE_S)

    def kill(self) -> None:
        """SIGKILL it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
