"""For tests of the gateway: services that say exactly the bytes they are told, and a raw client."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httptools
from starlette.types import ASGIApp

from gateway.server import server

GUEST = b"guest-token"
TOKEN_BODY = b'{"access_token":"guest-token","expires_in":1800}'
ANSWER_SECONDS_MAX = 20.0


@dataclass(frozen=True, slots=True)
class Received:
    """One request as a service got it; names of fields in lower case, values as they came."""

    line: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def values(self, name: bytes) -> list[bytes]:
        """Return every value of a field."""
        return [value for field, value in self.headers if field == name]


@dataclass(frozen=True, slots=True)
class Answered:
    """One answer as a client got it; names of fields in lower case."""

    status: int
    headers: tuple[tuple[str, bytes], ...]
    body: bytes

    def header(self, name: str) -> bytes | None:
        """Return the only value of a field, or None."""
        found = [value for field, value in self.headers if field == name]
        assert len(found) <= 1, f"{name} came {len(found)} times"
        return found[0] if found else None


Script = Callable[[Received, asyncio.StreamWriter], Awaitable[None]]


def answer(body: bytes, *, status: bytes = b"200 OK", fields: bytes = b"") -> bytes:
    """Return a whole answer as bytes; `fields` end in CRLF each."""
    length = str(len(body)).encode()
    kind = b"" if b"content-type" in fields.lower() else b"Content-Type: application/json\r\n"
    return b"HTTP/1.1 %b\r\n%b%bContent-Length: %b\r\n\r\n%b" % (status, kind, fields, length, body)


async def say_ok(_: Received, writer: asyncio.StreamWriter) -> None:
    """The script of a service in good health."""
    writer.write(answer(b"{}"))


class FakeService:
    """A service on loopback that follows `script` and remembers what it `received`."""

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.script: Script = say_ok
        self.connections = 0
        self.url = ""
        self._serving: set[asyncio.Task[None]] = set()

    @property
    def last(self) -> Received:
        """Return the newest request."""
        return self.received[-1]

    @asynccontextmanager
    async def serving(self) -> AsyncGenerator["FakeService"]:
        """Serve inside the block, on a free port."""
        listener = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port: int = listener.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        try:
            yield self
        finally:
            listener.close()
            for task in self._serving:
                task.cancel()
            await asyncio.gather(*self._serving, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._serving.add(asyncio.create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not writer.is_closing():
                request = await _read_request(reader)
                if request.line.startswith(b"POST /internal/token "):
                    writer.write(answer(TOKEN_BODY))
                else:
                    self.received.append(request)
                    await self.script(request, writer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            await _close(writer)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close, and wait until it is: an open socket would be a warning later on."""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


async def _read_request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
    pairs = (field.split(b":", 1) for field in head[1:])
    headers = tuple((name.lower(), value.lstrip()) for name, value in pairs)
    length = int(dict(headers).get(b"content-length", b"0"))
    return Received(head[0], headers, await reader.readexactly(length))


class _AnswerParser:
    """What httptools tells about one answer after the other."""

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[str, bytes]] = []
        self._body = bytearray()
        self.answers: list[Answered] = []

    def feed(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_message_begin(self) -> None:
        self._headers, self._body = [], bytearray()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("ascii").lower(), value))

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        self.answers.append(Answered(status, tuple(self._headers), bytes(self._body)))


class RawClient:
    """One connection to the gateway that sends what it is given."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = _AnswerParser()

    async def send(self, raw: bytes) -> None:
        """Write bytes as they are."""
        self._writer.write(raw)
        await self._writer.drain()

    async def answer(self) -> Answered:
        """Return the next final answer. Raises ConnectionError if the connection ends before."""
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            while True:
                while self._parser.answers:
                    if (found := self._parser.answers.pop(0)).status >= 200:
                        return found
                data = await self._reader.read(65536)
                if not data:
                    raise ConnectionError("closed before an answer was complete")
                self._parser.feed(data)

    async def is_closed(self) -> bool:
        """Wait until the gateway ends the connection; nothing more may come on it."""
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            return await self._reader.read(1) == b""

    async def close(self) -> None:
        """Hang up."""
        await _close(self._writer)


@dataclass(frozen=True, slots=True)
class Running:
    """A gateway on loopback."""

    port: int

    async def connect(self) -> RawClient:
        """Return a new connection to it."""
        return RawClient(*await asyncio.open_connection("127.0.0.1", self.port))

    async def ask(self, raw: bytes) -> Answered:
        """Send one request on a connection of its own and return the answer."""
        client = await self.connect()
        try:
            await client.send(raw)
            return await client.answer()
        finally:
            await client.close()

    async def get(self, target: str, fields: str = "") -> Answered:
        """GET `target` with `fields`, which end in CRLF each."""
        return await self.ask(f"GET {target} HTTP/1.1\r\nHost: g\r\n{fields}\r\n".encode())


@asynccontextmanager
async def running(app: ASGIApp) -> AsyncGenerator[Running]:
    """Serve `app` as the gateway is served, inside the block."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        serving = server(app, host="127.0.0.1", port=port)
        task = asyncio.create_task(serving.serve(sockets=[listener]))
        try:
            yield Running(port)
        finally:
            serving.should_exit = True
            await task
