"""Long work over partitions in several processes: one core decodes while the other one does too."""

import asyncio
import contextlib
import gc
import os
import pickle
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from multiprocessing import forkserver, get_context
from multiprocessing.process import BaseProcess
from typing import Any, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

Work = Callable[[Item], AsyncIterator[Result]]
"""What is done with one item: a function of a module, since another process imports it by name."""

WORTH_EVENTS = 30_000
"""Fewer are done sooner here: a process takes a second to import the house."""

STARTING = get_context("forkserver")
"""One process imports what the work needs, once, and forks for whoever asks, as often as asked:
it has no threads and no loop, which a fork of this process would have."""

NICENESS = 5
RESULTS_WAITING_MAX = 100


class WorkFailed(Exception):
    """A process of ours ended, or failed in a way that cannot be carried here as it was."""


class Connection(Protocol):
    """One end of a pipe to another process."""

    def send(self, obj: Any, /) -> None:
        """Send one object."""
        ...

    def recv(self) -> Any:
        """Wait for one object. Raises EOFError."""
        ...

    def close(self) -> None:
        """Close this end."""
        ...


def processes_for(events: int) -> int:
    """Return how many processes are worth their start for so many events."""
    return 1 if events < WORTH_EVENTS else min(os.cpu_count() or 1, 8)


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
    waiting: asyncio.Queue[tuple[bool, Any]] = asyncio.Queue(RESULTS_WAITING_MAX)
    left = list(reversed(items))
    get_ready(work.__module__)
    workers = [_begin(work) for _ in range(min(processes, len(items)))]
    tasks = [asyncio.create_task(_drive(pipe, left, waiting)) for _, pipe in workers]
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


def _begin(work: Work[Any, Any]) -> tuple[BaseProcess, Connection]:
    ours, theirs = STARTING.Pipe()
    process = STARTING.Process(target=_serve, args=(work, theirs), daemon=True)
    process.start()
    theirs.close()
    return process, ours


async def _drive(
    pipe: Connection, left: list[Any], waiting: asyncio.Queue[tuple[bool, Any]]
) -> None:
    """Give one process item after item and pass on what it says."""
    try:
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


async def _end(
    workers: Sequence[tuple[BaseProcess, Connection]], tasks: Sequence[asyncio.Task[None]]
) -> None:
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


def _serve(work: Work[Any, Any], pipe: Connection) -> None:
    """Do items until nobody asks any more. Runs in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)  # millions of small objects, hardly a cycle among them
    with contextlib.suppress(EOFError, BrokenPipeError):
        while True:
            item = pipe.recv()
            try:
                asyncio.run(_do(work, item, pipe))
            except BrokenPipeError:
                return
            except Exception as error:  # noqa: BLE001 - it is raised where the work was asked for
                pipe.send(("failed", _portable(error)))
            else:
                pipe.send(("done", None))


async def _do(work: Work[Any, Any], item: Any, pipe: Connection) -> None:
    async for result in work(item):
        pipe.send(("result", result))


def _portable(error: Exception) -> Exception:
    """Return `error` if it can be carried to another process, else one that says what it was."""
    try:
        pickle.loads(pickle.dumps(error))  # noqa: S301 - our own
    except Exception:  # noqa: BLE001 - whatever keeps it from being carried
        return WorkFailed(repr(error))
    return error
