"""Who does what now: leases by the database's clock, each with an epoch, renewed every second."""

import asyncio
import logging
from uuid import uuid4

import asyncpg

from events.failures import DATABASE_AWAY

logger = logging.getLogger(__name__)

LEASE_SECONDS = 5.0
RENEW_SECONDS = 1.0
QUERY_SECONDS = 3.0

TAKE = "SELECT log.take_lease($1, $2, $3, $4)"
RENEW = "SELECT log.renew_leases($1, $2, $3)"
RELEASE = "SELECT log.release_leases($1)"
HOLDER = "SELECT owner, address FROM log.lease WHERE name = $1 AND expires_at > clock_timestamp()"


class Leases:
    """The leases of one process. `address` is where it answers, for those who must pass on."""

    def __init__(self, pool: asyncpg.Pool, address: str) -> None:
        self._pool = pool
        self._address = address
        self.owner = uuid4().hex
        self._held: dict[str, float] = {}

    def holds(self, name: str) -> bool:
        """Tell whether `name` is surely still ours: renewed less than LEASE_SECONDS ago.

        Only a hint that saves work. What must be safe is guarded by an epoch or a fence.
        """
        return asyncio.get_running_loop().time() - self._held.get(name, -1e9) < LEASE_SECONDS

    async def take(self, name: str) -> int | None:
        """Take the lease `name`; return its epoch, or None while another owner holds it.

        Raises TimeoutError or asyncpg's errors while the database is away.
        """
        now = asyncio.get_running_loop().time()
        async with asyncio.timeout(QUERY_SECONDS):
            epoch = await self._pool.fetchval(TAKE, name, self.owner, self._address, LEASE_SECONDS)
        if epoch is not None:
            self._held[name] = now
        return epoch

    async def holder(self, name: str) -> tuple[str, str] | None:
        """Return (owner, address) of who holds `name` now, or None."""
        row = await self._pool.fetchrow(HOLDER, name)
        return None if row is None else (row["owner"], row["address"])

    def drop(self, name: str) -> None:
        """Forget a lease that turned out to be another's."""
        self._held.pop(name, None)

    async def keep(self) -> None:
        """Renew for ever what is held; drop what another owner took. Ends only by cancellation."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            if not self._held:
                continue
            names, now = list(self._held), asyncio.get_running_loop().time()
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
