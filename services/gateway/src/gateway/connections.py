"""Kept connections to one service: httpcore's own, without httpcore's pool (decision 0006)."""

from collections.abc import Sequence
from itertools import cycle
from typing import cast

import httpcore

CONNECT_SECONDS_MAX = 2.0
KEPT_SECONDS = 15.0  # far below the 75 s after which a service closes an idle connection itself


class Connections:
    """Gives out a connection that nobody else uses: the one used last, else a new one.

    A service may have several processes: a new connection goes to the next of `addresses` (host,
    port), or to one after it while that cannot be reached.
    """

    def __init__(self, addresses: Sequence[tuple[str, int]]) -> None:
        host, port = addresses[0]
        self.origin = httpcore.Origin(b"http", host.encode("ascii"), port)
        self._next = cycle(addresses)
        self._attempts = max(2, len(addresses))
        # The cast: httpcore declares a stand-in for where anyio is missing, and that one is seen.
        self._network = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())
        self._idle: list[httpcore.AsyncHTTP11Connection] = []

    async def take(self) -> httpcore.AsyncHTTP11Connection:
        """Return a connection, which must be given back. Raises ConnectError, ConnectTimeout."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return await self._connect()

    async def give_back(self, connection: httpcore.AsyncHTTP11Connection) -> None:
        """Keep a connection whose last answer is complete; close any other."""
        if not connection.is_idle():
            await connection.aclose()
            return
        self._idle.append(connection)
        if self._idle[0].has_expired():  # the oldest of a busier time
            await self._idle.pop(0).aclose()

    async def aclose(self) -> None:
        """Close what is kept."""
        while self._idle:
            await self._idle.pop().aclose()

    async def _connect(self) -> httpcore.AsyncHTTP11Connection:
        """Return a new connection; another attempt is safe, since nothing was sent yet."""
        for left in reversed(range(self._attempts)):
            host, port = next(self._next)
            try:
                stream = await self._network.connect_tcp(host, port, timeout=CONNECT_SECONDS_MAX)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not left:
                    raise
            else:
                return httpcore.AsyncHTTP11Connection(
                    self.origin, stream, keepalive_expiry=KEPT_SECONDS
                )
        raise AssertionError("the last attempt returned or raised")
