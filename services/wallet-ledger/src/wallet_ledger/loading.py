"""Wallets that no lane has in memory: what several lanes ask for at once is one statement."""

import asyncio
from collections.abc import Mapping, Sequence, Set

from wallet_ledger import store
from wallet_ledger.domain import Wallet
from wallet_ledger.own_connection import CLOSE_SECONDS, OwnConnection

GATHER_SECONDS = 0.001
"""So long a statement waits for others to ask, unless somebody cannot go on without it."""

Asked = tuple[int, Set[str], "asyncio.Future[Mapping[str, Wallet]]"]


class Loading:
    """Reads wallets for all lanes of a process, one statement at a time, on its own connection."""

    def __init__(self, dsn: str) -> None:
        self._loop = asyncio.get_running_loop()
        self._connection = OwnConnection(dsn)
        self._asked: list[Asked] = []
        self._soon: asyncio.TimerHandle | None = None
        self._reading: asyncio.Task[None] | None = None

    def ask(self, partition: int, wallet_ids: Set[str]) -> "asyncio.Future[Mapping[str, Wallet]]":
        """Return the wallets named, once they are read; ends as `store.load_wallets` does."""
        found: asyncio.Future[Mapping[str, Wallet]] = self._loop.create_future()
        found.add_done_callback(_look_at)
        self._asked.append((partition, wallet_ids, found))
        if self._reading is None and self._soon is None:
            self._soon = self._loop.call_later(GATHER_SECONDS, self.hurry)
        return found

    def hurry(self) -> None:
        """Read what was asked for: somebody waits for it."""
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        if self._asked and self._reading is None:
            self._reading = asyncio.create_task(self._read_all(), name="loading wallets")

    async def _read_all(self) -> None:
        """Read what is asked for; it begins when all who are deciding now have asked."""
        while self._asked:
            asked, self._asked = self._asked, []
            try:
                rows = await self._read(asked)
            except Exception as error:  # noqa: BLE001 - each who waits is told
                await self._connection.drop()
                for _, _, found in asked:
                    if not found.done():
                        found.set_exception(error)
            else:
                for partition, wallet_ids, found in asked:
                    if not found.done():
                        found.set_result({w: rows[partition, w] for w in wallet_ids})
        self._reading = None

    async def _read(self, asked: Sequence[Asked]) -> dict[tuple[int, str], Wallet]:
        connection = await self._connection.get()
        wanted = [(partition, wallet_id) for partition, ids, _ in asked for wallet_id in ids]
        return await store.load_wallets(connection, wanted)

    async def close(self) -> None:
        """End, after the lanes."""
        if self._soon is not None:
            self._soon.cancel()
        if self._reading is not None:
            await asyncio.wait({self._reading}, timeout=CLOSE_SECONDS)
        await self._connection.drop()


def _look_at(found: "asyncio.Future[Mapping[str, Wallet]]") -> None:
    """Take note of a failure that nobody may be waiting for: who needs the wallets asks again."""
    if not found.cancelled():
        found.exception()
