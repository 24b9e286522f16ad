"""The house that is measured: `kembalian run` as a child, in a home of its own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from kembalian.grounds.ports import free_port
from kembalian.grounds.process import spawn
from kembalian.launcher.home import Home
from kembalian.operators.live import LiveRun, run_of

START_SECONDS_MAX = 180
STOP_SECONDS_MAX = 60
SHOWN = ("fsync", "full_page_writes", "synchronous_commit", "server_version")


class HouseFailed(Exception):
    """The house did not start, or ended; its output is in the named file."""


@asynccontextmanager
async def running(root: Path) -> AsyncGenerator[LiveRun]:
    """Run the house in `root` inside the block. Raises HouseFailed."""
    output = root / "bench-output.log"
    child = _started(root, output)
    try:
        await _until_ready(child, output)
        yield run_of(Home(root))
    finally:
        child.send_signal(signal.SIGTERM)
        await asyncio.to_thread(child.wait, STOP_SECONDS_MAX)


def _started(root: Path, output: Path) -> subprocess.Popen[bytes]:
    root.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "KEMBALIAN_HOME": str(root),
        "KEMBALIAN_DEMO": "none",
        "PORT": str(free_port()),
    }
    output.unlink(missing_ok=True)  # an earlier run's "ready" is not this one's
    return spawn(
        [sys.executable, "-m", "kembalian", "run"],
        environment=environment,
        log_path=output,
        death_signal=signal.SIGTERM,  # if the bench is killed, the house stops in good order
    )


def _says_ready(output: Path) -> bool:
    return "\nready http" in output.read_text()


async def _until_ready(child: subprocess.Popen[bytes], output: Path) -> None:
    async with asyncio.timeout(START_SECONDS_MAX):
        while not _says_ready(output):
            if child.poll() is not None:
                raise HouseFailed(f"the house ended: see {output}")
            await asyncio.sleep(0.2)


async def shown_settings(run: LiveRun) -> dict[str, str]:
    """Return what PostgreSQL says of its own durability."""
    connection = await asyncpg.connect(run.postgres_admin["wallet-ledger"])
    try:
        return {name: await connection.fetchval(f"SHOW {name}") for name in SHOWN}
    finally:
        await connection.close()


def admin_login(run: LiveRun) -> dict[str, str]:
    """Return user name and password of the first admin."""
    return json.loads(run.home.demo_path.read_text())["admin"]
