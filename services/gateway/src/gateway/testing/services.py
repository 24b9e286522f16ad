"""Services on loopback that say exactly the bytes they are told."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from gateway.testing.client import close_stream

GUEST = b"guest-token"
TOKEN_BODY = b'{"access_token":"guest-token","expires_in":1800}'


@dataclass(frozen=True, slots=True)
class Received:
    """One request as a service got it; names of fields in lower case, values as they came."""

    line: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes

    def values(self, name: bytes) -> list[bytes]:
        """Return every value of a field."""
        return [value for field, value in self.headers if field == name]


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
            await close_stream(writer)


async def _read_request(reader: asyncio.StreamReader) -> Received:
    head = (await reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
    pairs = (field.split(b":", 1) for field in head[1:])
    headers = tuple((name.lower(), value.lstrip()) for name, value in pairs)
    length = int(dict(headers).get(b"content-length", b"0"))
    return Received(head[0], headers, await reader.readexactly(length))
