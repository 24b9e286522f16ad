"""Which partitions this process writes, among all live processes of wallet-ledger."""

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

import httpx

from events.failures import DATABASE_AWAY
from events.leases import Holder, Leases
from wallet_ledger.sharing import shares

logger = logging.getLogger(__name__)

ROUND_SECONDS = 0.5
ANSWERING_SECONDS_MAX = 5.0
ASK_SECONDS = 0.05
PRESENT = "process/"


class Fellows:
    """Says of every partition whether this process may write and publish it.

    A process is live while it holds a lease of its own. The relay of a partition goes where its
    writer is, so that the work of a process grows with its share alone.
    """

    def __init__(self, leases: Leases, partitions: int, client: httpx.AsyncClient) -> None:
        self._leases = leases
        self._partitions = range(partitions)
        self._client = client
        self._presence = PRESENT + leases.owner
        self._mine: frozenset[int] = frozenset()
        self.seen: Mapping[str, Holder] = {}
        self._allow(self._mine)

    async def run(self) -> None:
        """Join, then share for ever. Ends only by cancellation."""
        await self._until_answering()
        joined = False
        while True:
            try:
                if not joined:
                    await self._leases.succeed()
                    joined = True
                await self._look()
            except DATABASE_AWAY as error:
                logger.warning("shares stay as they are: %r", error)
            await asyncio.sleep(ROUND_SECONDS)

    async def _until_answering(self) -> None:
        """Wait until others can pass requests on to us: before that we own nothing."""
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWERING_SECONDS_MAX):
                while True:
                    with suppress(httpx.HTTPError):
                        await self._client.get(f"{self._leases.address}/livez")
                        return
                    await asyncio.sleep(ASK_SECONDS)

    async def _look(self) -> None:
        """See who lives and who writes what, and settle what is ours."""
        if not self._leases.holds(self._presence):
            await self._leases.take(self._presence)
        self.seen = await self._leases.holders()
        live = {holder.owner for name, holder in self.seen.items() if name.startswith(PRESENT)}
        writers = {n: self.seen.get(f"writer/{n}") for n in self._partitions}
        target = shares(live, {n: w.owner if w else None for n, w in writers.items()})
        mine = frozenset(n for n, owner in target.items() if owner == self._leases.owner)
        if mine != self._mine:
            logger.info("of %d processes, ours are the partitions %s", len(live), sorted(mine))
        self._mine = mine
        self._allow(mine)

    def _allow(self, mine: frozenset[int]) -> None:
        others = [n for n in self._partitions if n not in mine]
        self._leases.leave([f"{work}/{n}" for n in others for work in ("writer", "relay")])
