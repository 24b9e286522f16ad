"""Kept connections to one service: httpcore's own, without httpcore's pool (decision 0006)."""

from typing import cast

import httpcore

CONNECT_SECONDS_MAX = 2.0
KEPT_SECONDS = 15.0  # far below the 75 s after which a service closes an idle connection itself


class Connections:
    """Gives out a connection that nobody else uses: the one used last, else a new one."""

    def __init__(self, host: str, port: int) -> None:
        self.origin = httpcore.Origin(b"http", host.encode("ascii"), port)
        self._host = host
        self._port = port
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
        """Return a new connection; a second attempt is safe, since nothing was sent yet."""
        for last in (False, True):
            try:
                stream = await self._network.connect_tcp(
                    self._host, self._port, timeout=CONNECT_SECONDS_MAX
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if last:
                    raise
            else:
                return httpcore.AsyncHTTP11Connection(
                    self.origin, stream, keepalive_expiry=KEPT_SECONDS
                )
        raise AssertionError("the last attempt returned or raised")
