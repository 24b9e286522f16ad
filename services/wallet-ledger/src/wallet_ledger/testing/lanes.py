"""A process of wallet-ledger as far as writing goes: its lanes, convoy and leases, no HTTP."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from events import background
from events.leases import Leases
from wallet_ledger.convoy import convoy_to
from wallet_ledger.lane import Lane, Publish

OWNED_SECONDS_MAX = 30


def tell_nobody(*_: object) -> None:
    """Publish nothing of what is committed."""


@asynccontextmanager
async def writing(
    dsn: str, *partitions: int, publish: Publish = tell_nobody, killed: bool = False
) -> AsyncGenerator[list[Lane]]:
    """Give the lanes of `partitions`, which may not own them yet; `killed`: it ends without a word.

    Its leases are kept as long as it lives, and given up at the end.
    """
    async with (
        asyncpg.create_pool(dsn, min_size=1, max_size=4) as pool,
        convoy_to(dsn) as convoy,
    ):
        leases = Leases(pool, "http://127.0.0.1:1")
        lanes = [Lane(n, dsn, leases, convoy, publish) for n in partitions]
        tasks = [background.start(lane.run(), lane.lease) for lane in lanes]
        tasks.append(background.start(leases.keep(), "leases"))
        try:
            yield lanes
        finally:
            await background.stop(*tasks)
            if not killed:
                await leases.release()


async def owned(lanes: Sequence[Lane]) -> None:
    """Wait until all of `lanes` may write. Raises TimeoutError after OWNED_SECONDS_MAX."""
    async with asyncio.timeout(OWNED_SECONDS_MAX):
        while not all(lane.owned for lane in lanes):
            await asyncio.sleep(0.02)
