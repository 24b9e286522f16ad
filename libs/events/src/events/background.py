"""Work that runs beside the requests of a service: if it ends, the process must not live on."""

import asyncio
import logging
import os
from collections.abc import Coroutine
from typing import Any, NoReturn

logger = logging.getLogger(__name__)

EXIT_FAILED = 70


def start(work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
    """Run `work` as a task; if it raises, say why and end the process, which is then restarted."""
    task = asyncio.create_task(work, name=name)
    task.add_done_callback(_end_process_on_failure)
    return task


def end_process() -> NoReturn:
    """End this process at once, without waiting for anything that may be stuck."""
    logging.shutdown()
    os._exit(EXIT_FAILED)


def _end_process_on_failure(task: asyncio.Task[None]) -> None:
    if task.cancelled() and task.cancelling():
        return
    # A CancelledError that nobody asked for came out of a library: no less a failure.
    error = asyncio.CancelledError() if task.cancelled() else task.exception()
    if error is not None:
        logger.critical("%s failed: this process ends", task.get_name(), exc_info=error)
        end_process()


async def stop(*tasks: asyncio.Task[None]) -> None:
    """Cancel `tasks` and wait until they have ended."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def settle(work: Coroutine[Any, Any, object], seconds: float) -> None:
    """Run `work` in a task of its own, `seconds` at most; how it ends is only said.

    For closing a client of aiokafka: its fetcher awaits the requests that it has just cancelled,
    and so raises a CancelledError that would silently end the task that closes it.
    """
    task = asyncio.create_task(work)
    await asyncio.wait({task}, timeout=seconds)
    if not task.done():
        task.cancel()
        logger.warning("%s did not end in %.0f s", task.get_name(), seconds)
    elif task.cancelled() or task.exception() is not None:
        logger.info("%s ended early", task.get_name())
