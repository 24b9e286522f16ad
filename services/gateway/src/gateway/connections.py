"""Kept connections to one service, each for one request at a time (decision 0017)."""

import asyncio
from collections.abc import Sequence
from itertools import cycle
from typing import cast

import httptools

from gateway.exchange import Broken, Exchange

CONNECT_SECONDS_MAX = 2.0
KEPT_SECONDS = 15.0  # far below the 75 s after which a service closes an idle connection itself


class NotConnected(Exception):
    """The service cannot be reached: nothing was sent."""


class Connection(asyncio.Protocol):
    """One connection; what comes on it belongs to the exchange under way, else it is the end."""

    def __init__(self) -> None:
        self.closed = False
        self.idle_since = 0.0  # on the event loop's clock, seconds
        self._exchange: Exchange | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Be ready for a request."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is not asyncio's own

    @property
    def server_port(self) -> int:
        """The port at the other end."""
        assert self._transport is not None, "it is connected"
        return self._transport.get_extra_info("peername")[1]

    def ask(self, request: bytes, *, head: bool) -> Exchange:
        """Send a request, whole; return its exchange. `head`: the answer has no body."""
        transport = self._transport
        assert transport is not None, "it is connected"
        self._exchange = Exchange(transport, head=head)
        if self.closed:
            self._exchange.ended(None)
        else:
            transport.write(request)
        return self._exchange

    def data_received(self, data: bytes) -> None:
        """Give the bytes to the exchange; a connection on which anything else comes is closed."""
        if self._exchange is None:
            self.abort()
            return
        try:
            self._exchange.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._exchange.fail(Broken(repr(error)))
            self.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Note the end, which for some answers is where they are complete."""
        self.closed = True
        if self._exchange is not None:
            self._exchange.ended(exc)

    def release(self) -> bool:
        """End the exchange; tell whether another may follow. If not, the connection is closed."""
        exchange, self._exchange = self._exchange, None
        if exchange is not None and exchange.reusable and not self.closed:
            return True
        self.abort()
        return False

    def abort(self) -> None:
        """Close at once: whatever is still on its way is not wanted."""
        self.closed = True
        if self._transport is not None:
            self._transport.abort()


class Connections:
    """Gives out a connection that nobody else uses: the one used last, else a new one.

    A service may have several processes: a new connection goes to the next of `addresses` (host,
    port), or to one after it while that cannot be reached.
    """

    def __init__(self, addresses: Sequence[tuple[str, int]]) -> None:
        self._next = cycle(addresses)
        self._attempts = max(2, len(addresses))
        self._idle: list[Connection] = []

    async def take(self) -> Connection:
        """Return a connection, which must be given back. Raises NotConnected."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed and now - connection.idle_since < KEPT_SECONDS:
                return connection
            connection.abort()
        return await self._connect()

    def give_back(self, connection: Connection) -> None:
        """Keep a connection whose last answer is complete; close any other."""
        if not connection.release():
            return
        now = connection.idle_since = asyncio.get_running_loop().time()
        self._idle.append(connection)
        oldest = self._idle[0]
        if oldest.closed or now - oldest.idle_since >= KEPT_SECONDS:  # of a busier time
            self._idle.pop(0).abort()

    def close(self) -> None:
        """Close what is kept."""
        while self._idle:
            self._idle.pop().abort()

    async def _connect(self) -> Connection:
        """Return a new connection; another attempt is safe, since nothing was sent yet."""
        loop = asyncio.get_running_loop()
        error: Exception | None = None
        for _ in range(self._attempts):
            host, port = next(self._next)
            try:
                async with asyncio.timeout(CONNECT_SECONDS_MAX):
                    made = await loop.create_connection(Connection, host, port)
            except (OSError, TimeoutError) as failed:
                error = failed
            else:
                return made[1]
        raise NotConnected(repr(error)) from error
