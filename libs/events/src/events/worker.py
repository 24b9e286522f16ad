"""A process that does items of work until nobody asks any more, and whoever is forked for it."""

import asyncio
import contextlib
import gc
import os
import pickle
import signal
from collections.abc import AsyncIterator, Callable, Generator, Sequence
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple, Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

Work = Callable[[Item], AsyncIterator[Result]]
"""What is done with one item: a function of a module, since another process imports it by name."""

NICENESS = 5
FORKING = get_context("fork")


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


class Worker(NamedTuple):
    """A process, and our end of the pipe to it: work first, then item after item."""

    process: BaseProcess
    pipe: Connection


_ahead: list[Worker] = []


@contextlib.contextmanager
def forked_ahead(processes: int) -> Generator[None]:
    """Have processes that wait for the work of this block, each a fork of this one as it is now.

    So they import nothing and are there at once. Only before this process has threads or a loop,
    of which a fork would be half a copy. A block that needs none of them has lost a few ms.
    """
    for _ in range(processes if processes > 1 else 0):
        ours, theirs = FORKING.Pipe()
        not_theirs = [worker.pipe for worker in _ahead] + [ours]
        process = FORKING.Process(target=_forked, args=(theirs, not_theirs), daemon=True)
        process.start()
        theirs.close()
        _ahead.append(Worker(process, ours))
    try:
        yield
    finally:
        for process, pipe in _ahead:
            pipe.close()
            process.join()
        _ahead.clear()


def waiting_worker() -> Worker | None:
    """Return a process that was forked ahead and does nothing yet, which is then the caller's."""
    return _ahead.pop() if _ahead else None


def _forked(pipe: Connection, not_ours: Sequence[Connection]) -> None:
    """Serve with this end alone: with others' ends nobody would notice that their process died."""
    for other in not_ours:
        other.close()
    _ahead.clear()
    serve(pipe)


def serve(pipe: Connection) -> None:
    """Do the work that comes first with the items that follow. Runs in a process of its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.nice(NICENESS)
    gc.freeze()
    gc.set_threshold(100_000, 20, 100)  # millions of small objects, hardly a cycle among them
    with contextlib.suppress(EOFError, BrokenPipeError):
        work: Work[Any, Any] = pipe.recv()
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
