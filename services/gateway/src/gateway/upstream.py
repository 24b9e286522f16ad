"""One service behind the gateway: what is asked of it, for how long, and how often at a time."""

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpcore

from gateway.connections import Connections
from gateway.headers import Headers
from web.problems import Problem

HELD_BYTES_MAX = 1024 * 1024
REPEATABLE = frozenset({b"GET", b"HEAD"})

_BROKEN = (httpcore.NetworkError, httpcore.RemoteProtocolError)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """A service's answer: `held` is its beginning, or all of it when `rest` is None."""

    status: int
    headers: Headers
    held: bytes
    rest: AsyncIterator[bytes] | None


@dataclass(frozen=True, slots=True)
class _Begun:
    """An answer whose beginning is here, and the connection that it comes on."""

    connection: httpcore.AsyncHTTP11Connection
    response: httpcore.Response
    answer: Answer


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
        self._timeouts = {"read": answer_seconds_max, "write": answer_seconds_max}

    async def aclose(self) -> None:
        """Close the kept connections."""
        await self._connections.aclose()

    @asynccontextmanager
    async def exchange(
        self, method: bytes, target: bytes, headers: Headers, body: bytes | None = None
    ) -> AsyncGenerator[Answer]:
        """Send one request and yield its answer, which is valid inside the block only.

        Up to `HELD_BYTES_MAX` are held back until the answer is complete, so that a service that
        dies or stalls is seen before the client is told anything; what is longer streams.
        Raises Problem 503 (down, cut off, too slow, too much in flight), 422 (a field that
        HTTP/1.1 forbids).
        """
        if self._in_flight >= self._in_flight_max:
            raise self._unavailable(f"{self._in_flight} requests in flight")
        self._in_flight += 1
        begun: _Begun | None = None
        try:
            request = self._request(method, target, headers, body)
            async with asyncio.timeout(self._answer_seconds_max):
                begun = await self._begin(request)
            yield begun.answer
        except httpcore.LocalProtocolError as error:
            raise Problem("invalid-request", "A header field holds forbidden bytes.") from error
        except (*_BROKEN, httpcore.TimeoutException, TimeoutError) as error:
            raise self._unavailable(f"{type(error).__name__} {error}") from error
        finally:
            self._in_flight -= 1
            if begun is not None:
                await begun.response.aclose()
                await self._connections.give_back(begun.connection)

    async def whole(self, target: bytes, extra: Sequence[tuple[bytes, bytes]] = ()) -> Answer:
        """GET `target` for the gateway itself and return the complete answer. Raises Problem."""
        async with self.exchange(b"GET", target, [(b"host", self.host), *extra]) as answer:
            if answer.rest is not None:
                raise self._unavailable(f"{target.decode('ascii')} is over {HELD_BYTES_MAX} bytes")
            return answer

    def _request(
        self, method: bytes, target: bytes, headers: Headers, body: bytes | None
    ) -> httpcore.Request:
        """Return the request with its bytes as they are."""
        origin = self._connections.origin
        url = httpcore.URL(scheme=origin.scheme, host=origin.host, port=origin.port, target=target)
        return httpcore.Request(
            method, url, headers=list(headers), content=body, extensions={"timeout": self._timeouts}
        )

    async def _begin(self, request: httpcore.Request) -> _Begun:
        """Ask, and return the beginning of the answer. A read is asked again once.

        Only a read: anything else may have been done by the service before it broke.
        """
        try:
            return await self._attempt(request)
        except httpcore.ConnectError:
            raise  # tried twice already
        except _BROKEN as error:
            if request.method not in REPEATABLE:
                raise
            _log.info("%s broke (%r): the read is asked again", self.name, error)
            return await self._attempt(request)

    async def _attempt(self, request: httpcore.Request) -> _Begun:
        """Ask once, on a connection that is closed here if anything goes wrong."""
        connection = await self._connections.take()
        try:
            response = await connection.handle_async_request(request)
            parts = response.aiter_stream()
            held: list[bytes] = []
            size = 0
            rest: AsyncIterator[bytes] | None = None
            async for part in parts:
                held.append(part)
                size += len(part)
                if size >= HELD_BYTES_MAX:
                    rest = parts
                    break
        except BaseException:
            await connection.aclose()
            raise
        answer = Answer(response.status, response.headers, b"".join(held), rest)
        return _Begun(connection, response, answer)

    def _unavailable(self, why: str) -> Problem:
        """Return the 503; why it is one is for our log alone."""
        _log.warning("%s unavailable: %s", self.name, why)
        return Problem("unavailable", "The service does not answer at the moment.")


def _address(name: str, url: str) -> tuple[str, int]:
    """Return host and port. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme != "http" or not parts.hostname:
        raise ValueError(f"{name}: {url} is not a plain http address")
    return parts.hostname, parts.port or 80
