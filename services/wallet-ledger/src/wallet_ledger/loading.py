"""Wallets that no lane has in memory: what several lanes ask for at once is one statement."""

import asyncio
import contextlib
from collections.abc import Sequence, Set

import asyncpg

from events.failures import DATABASE_AWAY
from wallet_ledger import store
from wallet_ledger.domain import Wallet
from wallet_ledger.writing import COMMIT_SECONDS_MAX

CONNECT_SECONDS = 2.0
CLOSE_SECONDS = 1.0

Asked = tuple[int, Set[str], "asyncio.Future[dict[str, Wallet]]"]


class Loading:
    """Reads wallets for all lanes of a process, one statement at a time, on its own connection."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._loop = asyncio.get_running_loop()
        self._connection: asyncpg.Connection | None = None
        self._asked: list[Asked] = []
        self._reading: asyncio.Task[None] | None = None

    async def wallets(self, partition: int, wallet_ids: Set[str]) -> dict[str, Wallet]:
        """Return the wallets named, as `store.load_wallets` does. Raises what it raises."""
        found: asyncio.Future[dict[str, Wallet]] = self._loop.create_future()
        self._asked.append((partition, wallet_ids, found))
        if self._reading is None:
            self._reading = asyncio.create_task(self._read_all(), name="loading wallets")
        return await found

    async def _read_all(self) -> None:
        """Read what is asked for; it begins when all who are deciding now have asked."""
        while self._asked:
            asked, self._asked = self._asked, []
            try:
                rows = await self._read(asked)
            except Exception as error:  # noqa: BLE001 - each who waits is told
                await self._disconnect()
                for _, _, found in asked:
                    if not found.done():
                        found.set_exception(error)
            else:
                for partition, wallet_ids, found in asked:
                    if not found.done():
                        found.set_result({w: rows[partition, w] for w in wallet_ids})
        self._reading = None

    async def _read(self, asked: Sequence[Asked]) -> dict[tuple[int, str], Wallet]:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._dsn, command_timeout=COMMIT_SECONDS_MAX, timeout=CONNECT_SECONDS
            )
        wanted = [(partition, wallet_id) for partition, ids, _ in asked for wallet_id in ids]
        return await store.load_wallets(self._connection, wanted)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*DATABASE_AWAY):
                await connection.close(timeout=CLOSE_SECONDS)

    async def close(self) -> None:
        """End, after the lanes."""
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=CLOSE_SECONDS)
        await self._disconnect()
