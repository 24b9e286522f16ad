"""A connection that one writer or reader keeps for itself, made when it is needed."""

import contextlib

import asyncpg

from events.failures import DATABASE_AWAY
from wallet_ledger.writing import COMMIT_SECONDS_MAX

CONNECT_SECONDS = 2.0
CLOSE_SECONDS = 1.0


class OwnConnection:
    """At most one connection to `dsn`; whoever sees it fail drops it, the next use makes one."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._connection: asyncpg.Connection | None = None

    async def get(self) -> asyncpg.Connection:
        """Return it. Raises one of DATABASE_AWAY if there is none to be had in CONNECT_SECONDS."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._dsn, command_timeout=COMMIT_SECONDS_MAX, timeout=CONNECT_SECONDS
            )
        return self._connection

    async def drop(self) -> None:
        """Close it, if there is one; CLOSE_SECONDS at most."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*DATABASE_AWAY):
                await connection.close(timeout=CLOSE_SECONDS)
