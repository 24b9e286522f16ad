"""Who does what now: leases by the database's clock, each with an epoch, renewed every second."""

import asyncio
import logging
from collections.abc import Collection
from time import monotonic
from typing import NamedTuple
from uuid import uuid4

import asyncpg

from events.failures import DATABASE_AWAY

logger = logging.getLogger(__name__)

LEASE_SECONDS = 5.0
RENEW_SECONDS = 1.0
QUERY_SECONDS = 3.0
SEIZED_SECONDS = 5.0
"""So long a lease that was seized is not given up again, whatever `leave` says."""

TAKE = "SELECT log.take_lease($1, $2, $3, $4)"
RENEW = "SELECT log.renew_leases($1, $2, $3)"
RELEASE = "SELECT log.release_leases($1)"
RELEASE_ONE = "SELECT log.release_lease($1, $2)"
SEIZE = "SELECT log.seize_lease($1, $2, $3, $4)"
SUCCEED = "SELECT log.succeed($1, $2)"
HOLDER = "SELECT owner, address FROM log.lease WHERE name = $1 AND expires_at > clock_timestamp()"
HOLDERS = "SELECT name, owner, address FROM log.lease WHERE expires_at > clock_timestamp()"


class Holder(NamedTuple):
    """Who holds a lease: its id, new with every start, and where it answers."""

    owner: str
    address: str


class Leases:
    """The leases of one process. `address` is where it answers, for those who must pass on."""

    def __init__(self, pool: asyncpg.Pool, address: str) -> None:
        self._pool = pool
        self.address = address
        self.owner = uuid4().hex
        self._held: dict[str, float] = {}
        self._seized: dict[str, float] = {}
        self._left: frozenset[str] = frozenset()

    def holds(self, name: str) -> bool:
        """Tell whether `name` is surely still ours: renewed less than LEASE_SECONDS ago.

        Only a hint that saves work. What must be safe is guarded by an epoch or a fence.
        """
        return monotonic() - self._held.get(name, -1e9) < LEASE_SECONDS

    def leave(self, names: Collection[str]) -> None:
        """Leave `names`, and no others, to other processes.

        One of them that we hold is ours until whoever works under it asks `stays`, finishes what
        is in hand and calls `take` again: that call gives it up.
        """
        now = monotonic()
        self._seized = {n: at for n, at in self._seized.items() if now - at < SEIZED_SECONDS}
        self._left = frozenset(names) - self._seized.keys()

    def stays(self, name: str) -> bool:
        """Tell whether `name` is ours and is to remain so."""
        return name not in self._left and self.holds(name)

    async def take(self, name: str) -> int | None:
        """Take the lease `name`; return its epoch, or None while it is another's, or left to one.

        Raises TimeoutError or asyncpg's errors while the database is away.
        """
        if name in self._left:
            await self._give_up(name)
            return None
        epoch = await self._call(TAKE, name, self.owner, self.address, LEASE_SECONDS)
        if epoch is None:
            self.drop(name)
        return epoch

    async def seize(self, name: str) -> int:
        """Take the lease `name` although another process may hold it; return its epoch.

        It is kept for SEIZED_SECONDS at least. What must not be written by two is guarded by an
        epoch of its own, which is to be raised next.
        """
        epoch = await self._call(SEIZE, name, self.owner, self.address, LEASE_SECONDS)
        assert epoch is not None
        self._seized[name] = self._held[name]
        self._left -= {name}
        return epoch

    async def _call(self, statement: str, name: str, *rest: object) -> int | None:
        """Return the epoch of a lease that is ours now, else None."""
        now = monotonic()
        async with asyncio.timeout(QUERY_SECONDS):
            epoch = await self._pool.fetchval(statement, name, *rest)
        if epoch is not None:
            self._held[name] = now
        return epoch

    async def _give_up(self, name: str) -> None:
        if self._held.pop(name, None) is not None:
            async with asyncio.timeout(QUERY_SECONDS):
                await self._pool.execute(RELEASE_ONE, name, self.owner)

    async def succeed(self) -> None:
        """Free what a process that died at our own address still holds by its leases."""
        async with asyncio.timeout(QUERY_SECONDS):
            await self._pool.execute(SUCCEED, self.owner, self.address)

    async def holder(self, name: str) -> Holder | None:
        """Return who holds `name` now, or None."""
        row = await self._pool.fetchrow(HOLDER, name)
        return None if row is None else Holder(row["owner"], row["address"])

    async def holders(self) -> dict[str, Holder]:
        """Return who holds what now, of all leases of the database."""
        async with asyncio.timeout(QUERY_SECONDS):
            rows = await self._pool.fetch(HOLDERS)
        return {row["name"]: Holder(row["owner"], row["address"]) for row in rows}

    def drop(self, name: str) -> None:
        """Forget a lease that turned out to be another's."""
        self._held.pop(name, None)

    async def keep(self) -> None:
        """Renew for ever what is held; drop what another owner took. Ends only by cancellation."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            if not self._held:
                continue
            names, now = list(self._held), monotonic()
            try:
                async with asyncio.timeout(QUERY_SECONDS):
                    rows = await self._pool.fetch(RENEW, names, self.owner, LEASE_SECONDS)
            except DATABASE_AWAY as error:
                logger.warning("leases not renewed: %s", error)
                continue
            renewed = {row[0] for row in rows}
            for name in set(names) & set(self._held):
                if name in renewed:
                    self._held[name] = now
                else:
                    logger.warning("lease %s is another's now", name)
                    self.drop(name)

    async def release(self) -> None:
        """Give up all leases, so that the next process takes over at once."""
        self._held.clear()
        try:
            async with asyncio.timeout(QUERY_SECONDS):
                await self._pool.execute(RELEASE, self.owner)
        except DATABASE_AWAY as error:
            logger.info("leases left to run out: %s", error)
