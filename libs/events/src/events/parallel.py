"""Long work over partitions in several processes: one core decodes while the other one does too."""

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Sequence
from multiprocessing import forkserver, get_context
from typing import Any, TypeAlias

from events.worker import Connection, Item, Result, Work, Worker, WorkFailed, serve, waiting_worker

__all__ = ["Work", "WorkFailed", "get_ready", "processes_at_most", "processes_for", "spread"]

WORTH_EVENTS = 30_000
"""Fewer are done sooner here: a process takes a second to import the house."""

STARTING = get_context("forkserver")
"""One process imports what the work needs, once, and forks for whoever asks, as often as asked:
it has no threads and no loop, which a fork of this process would have by then. A command that
forks ahead (`events.worker`) has imported all of it itself."""

RESULTS_WAITING_MAX = 100

Queue: TypeAlias = "asyncio.Queue[tuple[bool, Any]]"
"""(True, a result), (False, a failure), or (False, None): a process has nothing left to do."""


def processes_for(events: int) -> int:
    """Return how many processes are worth their start for so many events."""
    return 1 if events < WORTH_EVENTS else processes_at_most()


def processes_at_most() -> int:
    """Return how many processes any work is given."""
    return min(os.cpu_count() or 1, 8)


def get_ready(*modules: str) -> None:
    """Begin to import what work will need, in another process, while this one does other things.

    Only the first call of a process counts.
    """
    STARTING.set_forkserver_preload([*modules])
    forkserver.ensure_running()


async def spread(
    work: Work[Item, Result], items: Sequence[Item], processes: int
) -> AsyncGenerator[Result]:
    """Yield what `work` yields for each of `items`, in the order in which it comes.

    With one process the work is done here. Else whoever is free takes the next item, so put the
    longest first; the processes are nice to others, heed no Ctrl-C of their own and are ended with
    this generator. Raises what `work` raises, or WorkFailed.
    """
    if processes <= 1 or len(items) <= 1:
        for item in items:
            async for result in work(item):
                yield result
        return
    waiting: Queue = asyncio.Queue(RESULTS_WAITING_MAX)
    left = list(reversed(items))
    workers = [_begin(work) for _ in range(min(processes, len(items)))]
    tasks = [asyncio.create_task(_drive(pipe, work, left, waiting)) for _, pipe in workers]
    try:
        busy = len(tasks)
        while busy:
            is_result, value = await waiting.get()
            if is_result:
                yield value
            elif value is None:
                busy -= 1
            else:
                raise value
    finally:
        for process, _ in workers:
            process.terminate()
        await asyncio.shield(_end(workers, tasks))


def _begin(work: Work[Any, Any]) -> Worker:
    """Return a process that will do `work`: one that waits, else one that is started."""
    worker = waiting_worker()
    if worker is None:
        get_ready(work.__module__)
        ours, theirs = STARTING.Pipe()
        worker = Worker(STARTING.Process(target=serve, args=(theirs,), daemon=True), ours)
        worker.process.start()
        theirs.close()
    return worker


async def _drive(pipe: Connection, work: Work[Any, Any], left: list[Any], waiting: Queue) -> None:
    """Give one process item after item of `work` and pass on what it says."""
    try:
        pipe.send(work)
        while left:
            pipe.send(left.pop())
            while (said := await asyncio.to_thread(pipe.recv))[0] != "done":
                if said[0] == "failed":
                    await waiting.put((False, said[1]))
                    return
                await waiting.put((True, said[1]))
        await waiting.put((False, None))
    except (EOFError, OSError) as error:
        await waiting.put((False, WorkFailed(f"a process of this command ended: {error!r}")))


async def _end(workers: Sequence[Worker], tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for all processes; their pipes end with them, and so do the threads that listen."""
    for task in tasks:
        task.cancel()
    for process, _ in workers:
        await asyncio.to_thread(process.join)
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    for _, pipe in workers:
        pipe.close()
