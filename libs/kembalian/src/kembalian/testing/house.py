"""A whole house under test: `kembalian run` as a child process, as a user starts it."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import httpx
import psutil

from kembalian.grounds.ground import GroundError
from kembalian.grounds.http_wire import is_well
from kembalian.grounds.kafka_jars import jars
from kembalian.grounds.ports import free_port
from kembalian.launcher.home import Home, read_json
from kembalian.operators.live import LiveRun, run_of
from kembalian.testing.require import missing

READY_SECONDS = 180.0
STOP_SECONDS = 90.0
CONNECTIONS_MAX = 200
API = "/api/v1"


class RunningHouse:
    """One run in a home of its own. `kafka` is what KEMBALIAN_KAFKA says."""

    def __init__(self, home: Path, *, kafka: str, demo: str, settings: dict[str, str]) -> None:
        self.home = home
        self.kafka = kafka
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log_path = home.parent / f"{home.name}.out"
        self._environment = {
            **os.environ,
            "PORT": str(self.port),
            "KEMBALIAN_HOME": str(home),
            "KEMBALIAN_KAFKA": kafka,
            "KEMBALIAN_DEMO": demo,
            "KEMBALIAN_CHECKPOINT_SECONDS": "1",  # nobody waits a minute for a proof
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.tokens: dict[str, str] = {}  # by role
        self.client = httpx.Client(
            base_url=self.url, timeout=30, limits=httpx.Limits(max_connections=CONNECTIONS_MAX)
        )

    def start(self) -> None:
        """Start it and wait for its ready line. Raises AssertionError with what it printed."""
        said_before = self.output().count(self._ready_line)
        self.launch()
        deadline = time.monotonic() + READY_SECONDS
        while self.output().count(self._ready_line) == said_before:
            assert self.runs, self.output()
            assert time.monotonic() < deadline, self.output()
            time.sleep(0.1)

    def launch(self) -> None:
        """Start it, and do not wait."""
        command = [str(Path(sys.executable).with_name("kembalian")), "run"]
        with self.log_path.open("ab") as out:
            self._process = subprocess.Popen(
                command, stdout=out, stderr=out, env=self._environment, start_new_session=True
            )

    def stop(self, stop_signal: signal.Signals = signal.SIGINT) -> int:
        """Stop it as Ctrl-C does, and wait until it has ended; return its exit status."""
        if self._process is None:
            return 0
        if self._process.poll() is None:
            self._process.send_signal(stop_signal)
        status = self._process.wait(STOP_SECONDS)
        self._process = None
        return status

    @property
    def pid(self) -> int:
        """The launcher's process id."""
        assert self._process is not None, "it was not started"
        return self._process.pid

    def kill_launcher(self) -> None:
        """SIGKILL the launcher itself; `start` runs the same home again."""
        assert self._process is not None, "it was not started"
        self._process.kill()
        self._process.wait()
        self._process = None

    @property
    def _ready_line(self) -> str:
        return f"ready http://localhost:{self.port}"

    def output(self) -> str:
        """Return what it has printed so far."""
        if not self.log_path.exists():
            return ""
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    @property
    def lines(self) -> list[str]:
        """What it has printed so far, line by line."""
        return self.output().splitlines()

    @property
    def runs(self) -> bool:
        """Tell whether the launcher is alive."""
        return self._process is not None and self._process.poll() is None

    @property
    def run(self) -> dict[str, Any]:
        """What run.json says now, {} once nothing runs."""
        return cast("dict[str, Any]", read_json(self.home / "run.json"))

    def family(self) -> list[psutil.Process]:
        """Return every process that the launcher started, and those that these started."""
        return psutil.Process(self.pid).children(recursive=True)

    def logs(self) -> dict[str, str]:
        """Return the log of every process, by its name."""
        return {path.stem: path.read_text() for path in (self.home / "logs").glob("*.log")}

    def live(self) -> LiveRun:
        """Return the run as the operators' command sees it."""
        return run_of(Home(self.home))

    def demo(self) -> dict[str, Any]:
        """Return the logins of demo.json."""
        return cast("dict[str, Any]", read_json(self.home / "demo.json"))

    def kill(self, name: str) -> int:
        """SIGKILL one process of the run; return the pid that it had."""
        pid = self.live().pids[name]
        os.kill(pid, signal.SIGKILL)
        return pid

    def until_back(self, name: str, killed: int, seconds: float = 90) -> None:
        """Wait until a killed process runs again, under another pid, and the house is ready."""
        deadline = time.monotonic() + seconds
        while True:
            pid = self.live().pids.get(name)
            if pid not in (None, killed) and self.is_ready():
                return
            assert time.monotonic() < deadline, f"{name} is not back\n{self.output()}"
            time.sleep(0.1)

    def is_ready(self) -> bool:
        """Tell whether every call would be answered now."""
        return is_well(f"{self.url}/readyz")

    def command(self, *words: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        """Run `kembalian <words>` on this house; return what it printed and its exit code."""
        return subprocess.run(
            [str(Path(sys.executable).with_name("kembalian")), *words],
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


def best_kafka() -> str:
    """Return what KEMBALIAN_KAFKA must say for Apache Kafka, else `embedded`.

    Fails where KEMBALIAN_REQUIRE says that there must be Apache Kafka.
    """
    try:
        jars()
    except GroundError:
        missing("kafka", "Apache Kafka needs Java 17 and Maven")
        return "embedded"
    return "apache"


@contextmanager
def running_house(
    folder: Path, *, kafka: str, demo: str = "logins", **settings: str
) -> Generator[RunningHouse]:
    """Give a house that is ready; it is stopped, and its home removed, at the end."""
    house = RunningHouse(folder / "home", kafka=kafka, demo=demo, settings=settings)
    try:
        house.start()
        yield house
    finally:
        house.client.close()
        house.stop()
        shutil.rmtree(house.home, ignore_errors=True)
