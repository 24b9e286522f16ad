"""The writer of one partition: drains what is ready, decides in memory, commits it as one group."""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from time import monotonic

import asyncpg

from events import log
from events.failures import DATABASE_AWAY
from events.leases import Leases
from wallet_ledger import claims, store
from wallet_ledger.answers import Answer, problem
from wallet_ledger.arrivals import Arrivals, NotOwner, QueueFull, Waiting, refused_at_once
from wallet_ledger.convoy import Convoy, Seat
from wallet_ledger.expiry import expiry_orders
from wallet_ledger.group import Decision, Order
from wallet_ledger.ids import new_id
from wallet_ledger.turn import Turn
from wallet_ledger.writing import COMMIT_SECONDS_MAX, is_about_the_group, write_group

logger = logging.getLogger(__name__)

WRITER = "writer/"
"""Names the lease of a partition's writer, before its number."""

RETRY_SECONDS = 0.3
TICK_SECONDS = 1.0
"""So often an idle lane looks at its lease and at holds whose time is over."""


Publish = Callable[[int, log.Appended, Sequence[log.NewEvent]], object]
"""Is told what was committed to a partition."""


class Undecidable(Exception):
    """The database refuses this command alone, again and again: a fault of ours."""


class Lane:
    """One partition's queue, connection, epoch and wallets in memory."""

    def __init__(
        self, partition: int, dsn: str, leases: Leases, convoy: Convoy, publish: Publish
    ) -> None:
        self.partition = partition
        self.lease = f"{WRITER}{partition}"
        self._dsn = dsn
        self._leases = leases
        self._convoy = convoy
        self._publish = publish
        self._arrivals = Arrivals(self.lease)
        self._guests: deque[tuple[asyncio.Event, asyncio.Event]] = deque()
        self._connection: asyncpg.Connection | None = None
        self._turn: Turn | None = None
        self._swept_at = 0.0

    @property
    def owned(self) -> bool:
        """True while this process writes the partition, as far as it knows."""
        return self._turn is not None and self._leases.holds(self.lease)

    async def submit(self, order: Order) -> Answer:
        """Return the order's own outcome once its group is committed.

        Raises NotOwner, QueueFull, Undecidable, and TimeoutError about ANSWER_SECONDS later. If the
        caller stops waiting, the order took effect once or not at all: asking again under the same
        key tells.
        """
        (answer,) = self.put([order])
        return await answer

    def put(self, orders: Sequence[Order]) -> list[asyncio.Future[Answer]]:
        """Put `orders` in line to be committed in one group (GROUP_MAX). Raises QueueFull."""
        waiting = self._arrivals.put(orders)
        if self._turn is not None:
            self._turn.expect(orders, self._look)
        return waiting

    def _look(self, _: object) -> None:
        """Look again at what waits: wallets have come."""
        self._arrivals.news.set()

    def begin(self, orders: Sequence[Order]) -> list[asyncio.Future[Answer]]:
        """As `put`, of a batch; whether it can be taken at all is seen by `ended`, too."""
        if not self.owned:
            return refused_at_once(orders, NotOwner(self.lease))
        try:
            return self.put(orders)
        except QueueFull as full:
            return refused_at_once(orders, full)

    @staticmethod
    async def ended(waiting: Sequence[asyncio.Future[Answer]]) -> list[Answer | None]:
        """Return each order's outcome, None where another process must be asked."""
        answers: list[Answer | None] = []
        for answer in waiting:
            try:
                answers.append(await answer)
            except NotOwner:
                answers.append(None)
            except (QueueFull, Undecidable, TimeoutError):
                answers.append(problem("unavailable"))
        return answers

    @asynccontextmanager
    async def lent(self) -> AsyncGenerator[Turn]:
        """Give the partition's turn to somebody who writes several at once; the lane waits.

        Whoever cannot tell whether what he wrote was committed calls `Turn.spoil`. Raises NotOwner.
        """
        granted, returned = asyncio.Event(), asyncio.Event()
        self._guests.append((granted, returned))
        self._arrivals.news.set()
        try:
            async with asyncio.timeout(COMMIT_SECONDS_MAX):
                await granted.wait()
            if self._turn is None or not self.owned:
                raise NotOwner(self.lease)
            yield self._turn
        finally:
            returned.set()

    async def seize(self) -> None:
        """Have the partition, whoever writes it now; an atomic batch over several needs that."""
        if not self.owned:
            await self._leases.seize(self.lease)
            self._arrivals.news.set()

    async def run(self) -> None:
        """Own and serve the partition until cancelled."""
        ticking = asyncio.create_task(self._tick(), name=f"tick {self.partition}")
        try:
            while True:
                try:
                    await self._serve()
                except DATABASE_AWAY as error:
                    await self._lose_hold(error)
        finally:
            ticking.cancel()
            await self._disconnect()
            self._turn_away()

    async def _tick(self) -> None:
        """Wake the lane now and then, and tell those who wait too long."""
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._arrivals.news.set()
            self._arrivals.give_up()

    async def _lose_hold(self, error: Exception) -> None:
        """Forget epoch and wallets. The group stays: it is decided anew under the next epoch."""
        logger.warning("partition %d begins again: %r", self.partition, error)
        self._turn = None
        if getattr(error, "sqlstate", None) not in (log.FENCED, log.OTHER_POSITION):
            await self._disconnect()
            await asyncio.sleep(RETRY_SECONDS)

    async def _serve(self) -> None:
        """Commit one group, or let a guest write."""
        stays = self._turn is not None and self._leases.stays(self.lease)
        if (self._turn is None or self._turn.spoilt or not stays) and not await self._own():
            self._turn = None
            self._turn_away()
            await asyncio.sleep(RETRY_SECONDS)
            return
        while self._guests:
            await self._let_in(*self._guests.popleft())
        if self._turn is None or self._turn.spoilt:
            return
        await self._sweep(self._turn)
        if self._guests:  # they came during the sweep, and `take` forgets news of before it waits
            return
        group = await self._arrivals.take(self._turn.is_ready_for)
        if group:
            with self._convoy.seat() as seat:
                await self._settle(self._turn, group, seat)
        self._arrivals.group = []

    async def _let_in(self, granted: asyncio.Event, returned: asyncio.Event) -> None:
        granted.set()
        await returned.wait()

    async def _own(self) -> bool:
        """Take the lease and a new epoch, and only then read where the partition is.

        Raising the epoch waits for an append in flight, of a connection that was lost too: after it
        that append has either been committed, and its keys are found, or can only fail.
        """
        if await self._leases.take(self.lease) is None:
            return False
        if self._connection is None:
            self._connection = await asyncpg.connect(
                self._dsn, command_timeout=COMMIT_SECONDS_MAX, timeout=COMMIT_SECONDS_MAX
            )
        epoch, position = await store.raise_epoch(self._connection, self.partition)
        if not await store.is_whole(self._connection, self.partition):
            return False  # its views were dropped, and are being filled again
        claimed = await claims.kept_here(self._connection)
        source = None if claimed else self._convoy.loading
        self._turn = Turn(
            self.partition, self._connection, epoch, position, source=source, claims=claimed
        )
        logger.info("partition %d is ours, epoch %d", self.partition, epoch)
        return True

    async def _sweep(self, turn: Turn) -> None:
        """Put in line what ends the holds whose time is over, by the database's clock."""
        now = monotonic()
        if now - self._swept_at < TICK_SECONDS:
            return
        self._swept_at = now
        for order in await expiry_orders(turn.connection, self.partition):
            with contextlib.suppress(QueueFull):
                (ended,) = self.put([order])
                ended.add_done_callback(_look_away)

    async def _settle(self, turn: Turn, group: list[Waiting], seat: Seat) -> None:
        """Commit `group`; halve it around a command that cannot be decided or written."""
        try:
            await self._commit(turn, group, seat)
        except Exception as error:
            if not is_about_the_group(error):
                raise
            logger.warning("partition %d: a group of %d: %r", self.partition, len(group), error)
            turn.forget(order.wallet_id for order, _ in group)
            if len(group) == 1:
                await self._settle_alone(turn, group[0], seat)
            else:
                middle = len(group) // 2
                await self._settle(turn, group[:middle], seat)
                await self._settle(turn, group[middle:], seat)

    async def _settle_alone(self, turn: Turn, waiting: Waiting, seat: Seat) -> None:
        """Decide the culprit anew: most likely its key was taken meanwhile in another partition."""
        try:
            await self._commit(turn, [waiting], seat)
        except Exception as error:
            if not is_about_the_group(error):
                raise
            logger.critical("partition %d cannot write %s: %r", self.partition, waiting[0], error)
            turn.forget([waiting[0].wallet_id])
            waiting[1].set_exception(Undecidable(waiting[0].key))

    async def _commit(self, turn: Turn, group: list[Waiting], seat: Seat) -> None:
        """Decide, write and answer."""
        orders = [order for order, _ in group]
        decision = await write_group(turn, orders, datetime.now(UTC), new_id, seat.append)
        self._convoy.afterwards(partial(self._tell, group, decision))

    def _tell(self, group: Sequence[Waiting], decision: Decision) -> None:
        """Publish what was committed, and answer."""
        self.committed(decision)
        for (_, waiting), answer in zip(group, decision.answers, strict=True):
            if not waiting.done():
                waiting.set_result(answer)

    def committed(self, decision: Decision) -> None:
        """Say that a group is in the log: its events are published at once."""
        if decision.events and decision.appended is not None:
            self._publish(self.partition, decision.appended, decision.events)

    def _turn_away(self) -> None:
        """Tell all who wait that another process must be asked."""
        self._arrivals.turn_away()
        while self._guests:
            self._guests.popleft()[0].set()

    async def _disconnect(self) -> None:
        self._turn = None
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*DATABASE_AWAY):
                await connection.close(timeout=1)


def _look_away(ended: asyncio.Future[Answer]) -> None:
    """Take note of how an order of our own ended: nobody waits for it, the next sweep tells."""
    if not ended.cancelled():
        ended.exception()
