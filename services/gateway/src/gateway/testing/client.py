"""A client that sends the bytes it is given, and the gateway that it talks to."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

import httptools
from starlette.types import ASGIApp

from gateway.server import server

ANSWER_SECONDS_MAX = 20.0


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


async def close_stream(writer: asyncio.StreamWriter) -> None:
    """Close, and wait until it is: an open socket would be a warning later on."""
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


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

    async def until_closed(self) -> bytes:
        """Return what still comes until the gateway ends the connection."""
        async with asyncio.timeout(ANSWER_SECONDS_MAX):
            return await self._reader.read()

    async def close(self) -> None:
        """Hang up."""
        await close_stream(self._writer)


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
