"""What a server under the house can do, and how to wait for it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

POLL_S = 0.05
PATIENCE_S = 90  # seconds at most: a machine busy with other things needs many of them


class GroundError(Exception):
    """A server did not come up, or cannot on this machine; the message says why."""


class Ground(Protocol):
    """A server that runs as a child of this process, on a port of its own for its whole life."""

    @property
    def pid(self) -> int | None:
        """The id of the process that does the work, None while it is down."""
        ...

    @property
    def log_path(self) -> Path:
        """The file that the server's output goes to."""
        ...

    def prepare(self) -> None:
        """Make what the server needs before its first start; may take seconds; safe to repeat."""
        ...

    def launch(self) -> None:
        """Start the process and return at once (from the main thread only)."""
        ...

    def is_ready(self) -> bool:
        """Tell whether the server answers; bounded to about 2 s."""
        ...

    def stop(self) -> None:
        """Stop the server in order and wait for it."""
        ...

    def kill(self) -> None:
        """SIGKILL the server and wait until it is gone."""
        ...


AnyGround = TypeVar("AnyGround", bound=Ground)


def start(ground: Ground, *, patience_s: float = PATIENCE_S) -> None:
    """Launch `ground` and wait until it answers; launched again if it dies meanwhile.

    (After a kill -9 PostgreSQL refuses to start for about 2 s: old backends hold its memory.)

    Raises: GroundError after `patience_s`.
    """
    deadline_s = time.monotonic() + patience_s
    while True:
        if ground.pid is None:
            ground.prepare()
            ground.launch()
        if ground.is_ready():
            return
        _check_deadline(ground, deadline_s)
        time.sleep(POLL_S)


async def start_async(ground: Ground, *, patience_s: float = PATIENCE_S) -> None:
    """As `start`, without holding up the event loop (which must be the main thread's)."""
    deadline_s = time.monotonic() + patience_s
    while True:
        if ground.pid is None:
            await asyncio.to_thread(ground.prepare)
            ground.launch()
        if await asyncio.to_thread(ground.is_ready):
            return
        _check_deadline(ground, deadline_s)
        await asyncio.sleep(POLL_S)


@contextmanager
def running(ground: AnyGround) -> Generator[AnyGround]:
    """Run `ground` as long as the block lasts."""
    try:
        start(ground)
        yield ground
    finally:
        ground.stop()


@asynccontextmanager
async def running_async(ground: AnyGround) -> AsyncGenerator[AnyGround]:
    """As `running`, in an event loop."""
    try:
        await start_async(ground)
        yield ground
    finally:
        await asyncio.to_thread(ground.stop)


def last_lines(path: Path, count: int = 12) -> str:
    """Return the last lines of a log, to be shown when a server did not come up."""
    if not path.exists():
        return ""
    return "\n".join(path.read_text(errors="replace").splitlines()[-count:])


def _check_deadline(ground: Ground, deadline_s: float) -> None:
    if time.monotonic() > deadline_s:
        raise GroundError(f"{ground.log_path.stem} is not up:\n{last_lines(ground.log_path)}")
