"""The writer of one partition: drains what waits, decides in memory, commits it as one group."""

import asyncio
import contextlib
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import UTC, datetime

import asyncpg
from uuid_utils.compat import uuid7

from events import log, outcomes
from events.failures import DATABASE_AWAY
from events.leases import Leases
from wallet_ledger import store
from wallet_ledger.answers import Answer
from wallet_ledger.domain import Wallet
from wallet_ledger.group import Decision, Moment, Order, decide_group

logger = logging.getLogger(__name__)

GROUP_MAX = 256
QUEUE_MAX = 2_000
WALLETS_MAX = 5_000
COMMIT_SECONDS_MAX = 10.0
RETRY_SECONDS = 0.3


class NotOwner(Exception):
    """Another process writes this partition, or nobody does yet."""


class QueueFull(Exception):
    """More commands wait than this lane will hold."""


class Undecidable(Exception):
    """The database refuses this command alone, again and again: a fault of ours."""


Waiting = tuple[Order, asyncio.Future[Answer]]


def is_about_the_group(error: Exception) -> bool:
    """Tell whether some command of the group is to blame: data or integrity errors, or ours.

    Not the database's absence, and not a fence: then the whole group is tried again.
    """
    if isinstance(error, asyncpg.PostgresError):
        return (getattr(error, "sqlstate", None) or "")[:2] in ("22", "23")
    return not isinstance(error, DATABASE_AWAY) or isinstance(error, asyncpg.DataError)


class Lane:
    """One partition's queue, connection, epoch and wallets in memory."""

    def __init__(self, partition: int, dsn: str, leases: Leases, poke: Callable[[], None]) -> None:
        self.partition = partition
        self.lease = f"writer/{partition}"
        self._dsn = dsn
        self._leases = leases
        self._poke = poke
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue(QUEUE_MAX)
        self._group: list[Waiting] = []
        self._connection: asyncpg.Connection | None = None
        self._epoch: int | None = None
        self._position = 0
        self._wallets: OrderedDict[str, Wallet] = OrderedDict()

    @property
    def owned(self) -> bool:
        """True while this process writes the partition, as far as it knows."""
        return self._epoch is not None and self._leases.holds(self.lease)

    async def submit(self, order: Order) -> Answer:
        """Return the order's own outcome once its group is committed.

        Raises NotOwner, QueueFull, Undecidable. If the caller stops waiting, the order took effect
        once or not at all: asking again under the same key tells.
        """
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        try:
            self._queue.put_nowait((order, answer))
        except asyncio.QueueFull:
            raise QueueFull(self.lease) from None
        return await answer

    async def run(self) -> None:
        """Own and serve the partition until cancelled."""
        try:
            while True:
                try:
                    await self._serve()
                except DATABASE_AWAY as error:
                    await self._lose_hold(error)
        finally:
            await self._disconnect()
            self._turn_away()

    async def _lose_hold(self, error: Exception) -> None:
        """Forget epoch and wallets. The group stays: it is looked up under the next epoch."""
        logger.warning("partition %d begins again: %r", self.partition, error)
        self._epoch = None
        if getattr(error, "sqlstate", None) not in (log.FENCED, log.OTHER_POSITION):
            await self._disconnect()
            await asyncio.sleep(RETRY_SECONDS)

    async def _serve(self) -> None:
        """Commit one group."""
        if not self.owned and not await self._own():
            self._epoch = None
            self._turn_away()
            await asyncio.sleep(RETRY_SECONDS)
            return
        if not self._group:
            self._group = await self._drain()
        self._group = [(order, answer) for order, answer in self._group if not answer.done()]
        if self._group:
            await self._settle(self._group)
        self._group = []

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
        self._wallets.clear()
        self._epoch, self._position = await store.raise_epoch(self._connection, self.partition)
        logger.info("partition %d is ours, epoch %d", self.partition, self._epoch)
        return True

    async def _drain(self) -> list[Waiting]:
        """Return what waits, at most GROUP_MAX; nothing if nothing comes for a second."""
        try:
            async with asyncio.timeout(1.0):
                group = [await self._queue.get()]
        except TimeoutError:
            return []
        while len(group) < GROUP_MAX and not self._queue.empty():
            group.append(self._queue.get_nowait())
        return group

    async def _settle(self, group: list[Waiting]) -> None:
        """Commit `group`; halve it around a command that cannot be decided or written."""
        try:
            await self._commit(group)
        except Exception as error:
            if not is_about_the_group(error):
                raise
            logger.warning("partition %d: a group of %d: %r", self.partition, len(group), error)
            for order, _ in group:
                self._wallets.pop(order.wallet_id, None)
            if len(group) == 1:
                await self._settle_alone(group[0])
            else:
                middle = len(group) // 2
                await self._settle(group[:middle])
                await self._settle(group[middle:])

    async def _settle_alone(self, waiting: Waiting) -> None:
        """Decide the culprit anew: most likely its key was taken meanwhile in another partition."""
        try:
            await self._commit([waiting])
        except Exception as error:
            if not is_about_the_group(error):
                raise
            logger.critical("partition %d cannot write %s: %r", self.partition, waiting[0], error)
            self._wallets.pop(waiting[0].wallet_id, None)
            waiting[1].set_exception(Undecidable(waiting[0].key))

    async def _commit(self, group: list[Waiting]) -> None:
        """Look the keys up, load the wallets that are not in memory, decide, write, answer."""
        assert self._connection is not None
        assert self._epoch is not None
        orders = [order for order, _ in group]
        slots = list({(order.caller, order.key) for order in orders})
        earlier = await outcomes.find_all(self._connection, slots)
        await self._load({order.wallet_id for order in orders if order.command is not None})
        moment = Moment(self.partition, self._position, datetime.now(UTC), uuid7)
        decision = decide_group(orders, self._wallets, earlier, moment)
        if decision.outcomes:
            await store.append_group(
                self._connection, self.partition, self._epoch, self._position, decision
            )
            self._remember(decision)
        for (_, waiting), answer in zip(group, decision.answers, strict=True):
            if not waiting.done():
                waiting.set_result(answer)

    async def _load(self, wallet_ids: set[str]) -> None:
        assert self._connection is not None
        missing = wallet_ids - self._wallets.keys()
        while self._wallets and len(self._wallets) + len(missing) > WALLETS_MAX:
            self._wallets.popitem(last=False)
        if missing:
            self._wallets.update(
                await store.load_wallets(self._connection, self.partition, missing)
            )

    def _remember(self, decision: Decision) -> None:
        self._position += len(decision.events)
        for wallet_id, wallet in decision.wallets.items():
            self._wallets[wallet_id] = wallet
            self._wallets.move_to_end(wallet_id)
        self._poke()

    def _turn_away(self) -> None:
        """Tell all who wait that another process must be asked."""
        waiting, self._group = self._group, []
        while not self._queue.empty():
            waiting.append(self._queue.get_nowait())
        for _, answer in waiting:
            if not answer.done():
                answer.set_exception(NotOwner(self.lease))

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*DATABASE_AWAY):
                await connection.close(timeout=1)
