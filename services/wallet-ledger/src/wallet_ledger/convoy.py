"""Groups of several partitions in one commit: what is ready at the same time goes together.

A statement and its commit cost PostgreSQL about as much for fifty entries as for three, so a busy
process writes the groups of all lanes that are ready as one. Nothing else depends on it: a group
that goes alone, on its lane's own connection, is written by the same rules, and what is refused to
a convoy is tried by each lane alone, which then finds out whom it was about.

A convoy leaves once nobody who may still join it is deciding and no commit is on its way: at once,
while there is little to do. It leaves PATIENCE_SECONDS after its first group was ready at the
latest, so that a slow commit does not hold up the others.

Whoever waits for an answer is told when the next convoy is on its way: the database then works
while answers are written, and does not wait for that.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager

from events.failures import DATABASE_AWAY
from wallet_ledger import store
from wallet_ledger.group import Decision
from wallet_ledger.loading import Loading
from wallet_ledger.own_connection import CLOSE_SECONDS, OwnConnection
from wallet_ledger.store import Group
from wallet_ledger.turn import Turn
from wallet_ledger.writing import append, is_undone

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.1

Ready = tuple[Group, "asyncio.Future[bool]"]
"""A group that could go, and whether it did: False where it must go alone."""


class Convoy:
    """Writes for all lanes of a process, by a connection of its own; `loading` reads for all."""

    def __init__(self, dsn: str) -> None:
        self.loading = Loading(dsn)
        self._loop = asyncio.get_running_loop()
        self._connection = OwnConnection(dsn)
        self._ready: list[Ready] = []
        self._untold: list[Callable[[], object]] = []
        self._deciding = 0
        self._under_way = 0
        self._carrying: asyncio.Task[None] | None = None
        self._patience: asyncio.TimerHandle | None = None

    @contextmanager
    def seat(self) -> Generator["Seat"]:
        """Give a lane its seat, from when it begins to decide a group until that is written."""
        self._deciding += 1
        seat = Seat(self)
        try:
            yield seat
        finally:
            seat.leave()

    def decided(self) -> None:
        """Take note that a lane has decided: it waits for nobody, or goes alone."""
        self._deciding -= 1
        self._loop.call_soon(self._look)

    @contextmanager
    def under_way(self) -> Generator[None]:
        """Have a commit under way inside the block."""
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1
            self._loop.call_soon(self._look)

    async def carry(self, group: Group) -> bool:
        """Return True when `group` is committed, with others; False if it must go alone.

        Raises what makes it unknown whether it was committed.
        """
        went: asyncio.Future[bool] = self._loop.create_future()
        self._ready.append((group, went))
        if self._patience is None:
            self._patience = self._loop.call_later(PATIENCE_SECONDS, self._leave)
        return await went

    def afterwards(self, tell: Callable[[], object]) -> None:
        """Call `tell` when what is ready by then has left, or soon if nothing is."""
        if not self._untold:  # else somebody will look, or is about to tell
            self._loop.call_soon(self._look)
        self._untold.append(tell)

    def _look(self) -> None:
        """Leave if there is nobody to wait for, and have told who waits.

        Called a turn of the event loop later than what it looks at: lanes that were told in the
        same turn have drained their queues by then, and are deciding or ready.
        """
        if self._ready and not self._deciding and not self._under_way:
            self._leave()
        if self._untold:  # after what has just left, whose task begins first
            self._loop.call_soon(self._tell_all)

    def _tell_all(self) -> None:
        untold, self._untold = self._untold, []
        for tell in untold:
            tell()

    def _leave(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None
        ready, self._ready = self._ready, []
        if len(ready) > 1 and self._carrying is None:
            self._carrying = asyncio.create_task(self._carry(ready), name="convoy")
        else:
            _send_alone(ready)

    async def _carry(self, ready: Sequence[Ready]) -> None:
        with self.under_way():
            try:
                connection = await self._connection.get()
            except DATABASE_AWAY as error:
                logger.warning("no connection for a convoy: %r", error)
                _send_alone(ready)
                self._carrying = None
                return
            try:
                await store.append_groups(connection, sorted(group for group, _ in ready))
            except Exception as error:  # noqa: BLE001 - each lane is told
                if is_undone(error):
                    _send_alone(ready)
                else:
                    _tell(ready, error)
                    await self._connection.drop()
            else:
                for _, went in ready:
                    if not went.done():
                        went.set_result(True)
            finally:
                self._carrying = None

    async def close(self) -> None:
        """End, after the lanes: a commit that is under way is waited for a moment."""
        if self._carrying is not None:
            await asyncio.wait({self._carrying}, timeout=CLOSE_SECONDS)
        self._tell_all()
        await self._connection.drop()
        await self.loading.close()


class Seat:
    """One lane's place in the next convoy, for its first write: a second one goes alone."""

    def __init__(self, convoy: Convoy) -> None:
        self._convoy = convoy
        self._taken = True

    async def append(self, turn: Turn, decision: Decision) -> None:
        """Write a decision, with others if that can be. Raises as `writing.append` does."""
        may_join = self._taken and not turn.claims and not decision.touched
        self.leave()
        group = Group(turn.partition, turn.epoch, turn.position, decision)
        if may_join and await self._convoy.carry(group):
            return
        with self._convoy.under_way():
            await append(turn, decision)

    def leave(self) -> None:
        """Give the seat up."""
        if self._taken:
            self._taken = False
            self._convoy.decided()


def _send_alone(ready: Sequence[Ready]) -> None:
    for _, went in ready:
        if not went.done():
            went.set_result(False)


def _tell(ready: Sequence[Ready], error: Exception) -> None:
    for _, went in ready:
        if not went.done():
            went.set_exception(error)


@asynccontextmanager
async def convoy_to(dsn: str) -> AsyncGenerator[Convoy]:
    """Give a convoy for the lanes that run inside the block; it connects when it is needed."""
    convoy = Convoy(dsn)
    try:
        yield convoy
    finally:
        await convoy.close()
