"""`kembalian run` as a test starts it: a home, a port, the lines it prints, and its end."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from kembalian.grounds.account import open_for_search
from kembalian.grounds.ground import last_lines
from kembalian.grounds.ports import free_port
from kembalian.launcher.home import read_json

READY_PATIENCE_S = 120
STOP_PATIENCE_S = 60
POLL_S = 0.05


class RunningHouse:
    """A run of the whole house as a process of its own. `lines` grows while it prints."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self.home = home
        self.port = int(environment["PORT"])
        self.url = f"http://127.0.0.1:{self.port}"
        self.lines: list[str] = []
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kembalian", "run"],
            env={**os.environ, **environment, "KEMBALIAN_HOME": str(home)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def runs(self) -> bool:
        """Tell whether the launcher is alive."""
        return self.process.poll() is None

    @property
    def run(self) -> dict[str, Any]:
        """What run.json says now, {} once nothing runs."""
        return read_json(self.home / "run.json")

    @property
    def demo(self) -> dict[str, Any]:
        """What demo.json says: the logins."""
        return read_json(self.home / "demo.json")

    @property
    def pids(self) -> dict[str, int]:
        """The process ids by name as run.json has them now."""
        return self.run["pids"]

    def wait_for_line(self, text: str, *, patience_s: float = READY_PATIENCE_S) -> str:
        """Return the first line that contains `text`. Raises: AssertionError if none comes."""
        deadline_s = time.monotonic() + patience_s
        while time.monotonic() < deadline_s:
            found = next((line for line in self.lines if text in line), None)
            if found is not None:
                return found
            if self.process.poll() is not None and not self._reader.is_alive():
                break
            time.sleep(POLL_S)
        raise AssertionError(f"no line {text!r} in:\n" + "\n".join(self.lines) + self._logs())

    def stop(self, stop_signal: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end and return the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(stop_signal)
        status = self.process.wait(STOP_PATIENCE_S)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return status

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    def _logs(self) -> str:
        paths = sorted((self.home / "logs").glob("*.log"))
        return "".join(f"\n--- {path.name}\n{last_lines(path)}" for path in paths)


@contextmanager
def running_house(
    home: Path, *, demo: str = "none", kafka: str = "embedded", port: int | None = None
) -> Generator[RunningHouse]:
    """Run the house in `home` until the block ends; ready when the block begins."""
    home.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        open_for_search(home)  # the run would do so itself, and say it
    settings = {
        "PORT": str(port or free_port()),
        "KEMBALIAN_DEMO": demo,
        "KEMBALIAN_KAFKA": kafka,
    }
    house = RunningHouse(home, settings)
    try:
        house.wait_for_line("ready http://localhost:")
        yield house
    finally:
        house.stop()
