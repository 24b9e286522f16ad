"""Children of the bench, which end with it: whatever ends it, and however suddenly."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

from kembalian.grounds.process import dying_with_parent

STOP_SECONDS_MAX = 5.0
Result = TypeVar("Result")


@asynccontextmanager
async def child(*argv: str, **how: Any) -> AsyncGenerator[Process]:
    """Give a child that is ended with the block, and by the kernel if this process is killed.

    `how` is what asyncio.create_subprocess_exec takes besides.
    """
    started = await asyncio.create_subprocess_exec(
        *argv, **how, preexec_fn=dying_with_parent(signal.SIGKILL)
    )
    try:
        yield started
    finally:
        if started.returncode is None:
            started.terminate()
            await _ended(started)


async def _ended(started: Process) -> None:
    try:
        async with asyncio.timeout(STOP_SECONDS_MAX):
            await started.wait()
    except TimeoutError:
        started.kill()
        await started.wait()


async def until_told(work: Coroutine[Any, Any, Result]) -> Result:
    """Do `work`, but cancel it at SIGTERM: so what it began is ended as at Ctrl-C.

    Raises asyncio.CancelledError then.
    """
    loop, doing = asyncio.get_running_loop(), asyncio.ensure_future(work)
    loop.add_signal_handler(signal.SIGTERM, doing.cancel)
    try:
        return await doing
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
