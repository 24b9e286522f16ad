"""One service behind the gateway: what is asked of it, for how long, and how often at a time."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Sequence
from urllib.parse import urlsplit

from gateway.connections import Connection, Connections, NotConnected
from gateway.exchange import HELD_BYTES_MAX, Broken, Exchange
from gateway.headers import Headers
from web.problems import Problem

REPEATABLE = frozenset({b"GET", b"HEAD"})

_TARGET = re.compile(rb"[\x21-\x7e]+")
_FORBIDDEN = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_log = logging.getLogger(__name__)


class Answer:
    """A service's answer: `held` is its beginning, or all of it when it is `whole`.

    Must be closed: what is not whole still comes on a connection of its own.
    """

    __slots__ = ("_connection", "_exchange", "_upstream", "headers", "held", "status", "whole")

    def __init__(
        self, upstream: "Upstream", connection: Connection, exchange: Exchange, held: bytes
    ) -> None:
        self._upstream = upstream
        self._connection = connection
        self._exchange = exchange
        self.status = exchange.status
        self.headers: Headers = exchange.headers
        self.held = held
        self.whole = exchange.over

    async def rest(self) -> AsyncIterator[bytes]:
        """Yield what follows `held`. Raises Problem 503 if it breaks off or stalls."""
        while not self._exchange.over:
            yield await self._upstream.more(self._exchange)

    def close(self) -> None:
        """Give the connection back."""
        self._upstream.done(self._connection)


class Upstream:
    """Requests to one service, at most `in_flight_max` at a time: more is refused, never queued."""

    def __init__(
        self, name: str, urls: Sequence[str], *, in_flight_max: int, answer_seconds_max: float
    ) -> None:
        self.name = name
        self.host = urlsplit(urls[0]).netloc.encode("ascii")
        self._connections = Connections([_address(name, url) for url in urls])
        self._in_flight_max = in_flight_max
        self._in_flight = 0
        self._answer_seconds_max = answer_seconds_max

    def close(self) -> None:
        """Close the kept connections."""
        self._connections.close()

    async def ask(
        self, method: bytes, target: bytes, headers: Headers, body: bytes | None = None
    ) -> Answer:
        """Send one request and return its answer, which must be closed.

        Up to `HELD_BYTES_MAX` are held back until the answer is complete, so that a service that
        dies or stalls is seen before the client is told anything; what is longer streams.
        Raises Problem 503 (down, cut off, too slow, too much in flight), 422 (a field that
        HTTP/1.1 forbids).
        """
        if self._in_flight >= self._in_flight_max:
            raise self._unavailable(f"{self._in_flight} requests in flight")
        request = encoded(method, target, headers, body)
        self._in_flight += 1
        try:
            return await self._ask(method, request)
        except BaseException as error:
            self._in_flight -= 1
            if isinstance(error, Broken | NotConnected | TimeoutError):
                raise self._unavailable(f"{type(error).__name__} {error}") from error
            raise

    async def more(self, exchange: Exchange) -> bytes:
        """Return the next part of a long answer. Raises Problem 503."""
        try:
            return await exchange.wait(self._answer_seconds_max)
        except (Broken, TimeoutError) as error:
            raise self._unavailable(f"{type(error).__name__} {error}") from error

    def done(self, connection: Connection) -> None:
        """Take back the connection of an answer."""
        self._in_flight -= 1
        self._connections.give_back(connection)

    async def whole(self, target: bytes, extra: Sequence[tuple[bytes, bytes]] = ()) -> Answer:
        """GET `target` for the gateway itself and return the complete answer. Raises Problem."""
        answer = await self.ask(b"GET", target, [(b"host", self.host), *extra])
        answer.close()
        if not answer.whole:
            raise self._unavailable(f"{target.decode('ascii')} is over {HELD_BYTES_MAX} bytes")
        return answer

    async def _ask(self, method: bytes, request: bytes) -> Answer:
        """Ask, and return the beginning of the answer. A read is asked again once.

        Only a read: anything else may have been done by the service before it broke.
        """
        deadline = asyncio.get_running_loop().time() + self._answer_seconds_max
        head = method == b"HEAD"
        try:
            return await self._attempt(request, deadline, head=head)
        except Broken as error:
            if method not in REPEATABLE:
                raise
            _log.info("%s broke (%r): the read is asked again", self.name, error)
            return await self._attempt(request, deadline, head=head)

    async def _attempt(self, request: bytes, deadline: float, *, head: bool) -> Answer:
        """Ask once, on a connection that is closed here if anything goes wrong."""
        connection = await self._connections.take()
        try:
            exchange = connection.ask(request, head=head)
            held = await exchange.wait(deadline - asyncio.get_running_loop().time())
        except BaseException:
            connection.abort()
            raise
        return Answer(self, connection, exchange, held)

    def _unavailable(self, why: str) -> Problem:
        """Return the 503; why it is one is for our log alone."""
        _log.warning("%s unavailable: %s", self.name, why)
        return Problem("unavailable", "The service does not answer at the moment.")


def encoded(method: bytes, target: bytes, headers: Headers, body: bytes | None) -> bytes:
    """Return a request as it goes over the wire.

    Raises Problem 422 for bytes that HTTP/1.1 forbids, which could end a line where we do not.
    """
    if not _TARGET.fullmatch(target) or _FORBIDDEN.search(b"".join([v for _, v in headers])):
        raise Problem("invalid-request", "The query or a header field holds forbidden bytes.")
    fields = b"\r\n".join([name + b": " + value for name, value in headers])
    return b"%b %b HTTP/1.1\r\n%b\r\n\r\n%b" % (method, target, fields, body or b"")


def _address(name: str, url: str) -> tuple[str, int]:
    """Return host and port. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"{name}: {url} is not a plain http address")
    return parts.hostname, parts.port or 80
