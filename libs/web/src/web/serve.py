"""Runs an application until SIGTERM or SIGINT, then lets what is under way finish."""

import asyncio
import gc
import logging
import sys
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from web.settings import ServiceSettings

GRACE_SECONDS: Final = 3
KEEP_ALIVE_SECONDS: Final = 75  # longer than any of our clients keeps a connection
GC_YOUNG: Final = 20_000
LOG_FORMAT: Final = "%(asctime)s %(levelname)s %(name)s %(message)s"


def configure_logging(level: str) -> None:
    """Log one line each to stderr."""
    logging.basicConfig(level=level.upper(), format=LOG_FORMAT, stream=sys.stderr, force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)


class JoinedWrites:
    """A transport that sends what is written in one turn of the event loop in one piece.

    uvicorn writes the head and the body of an answer one after the other, which are two system
    calls, and two awakenings of the reader.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send `data` at the end of this turn."""
        if not self._parts:
            self._loop.call_soon(self._flush)
        self._parts.append(data)

    def write_now(self, data: bytes) -> None:
        """Send `data` at once, after what was to be sent at the end of this turn."""
        self._parts.append(data)
        self._flush()

    def is_closing(self) -> bool:
        """Tell whether the connection is closed or about to be."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Close it, once everything is sent."""
        self._flush()
        self._transport.close()

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if parts:
            self._transport.write(b"".join(parts))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class JoiningProtocol(HttpToolsProtocol):
    """uvicorn's own protocol on a transport that joins its writes."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Begin a connection."""
        super().connection_made(transport)
        self.transport = JoinedWrites(transport, self.loop)  # pyright: ignore[reportAttributeAccessIssue]


def settle_memory() -> None:
    """Leave what was made at the start out of garbage collection, and collect less often.

    A service keeps many small objects for long; to walk over all of them again and again is work
    for nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_YOUNG, 20, 50)


def run(
    app: FastAPI,
    settings: ServiceSettings,
    *,
    protocol: type[HttpToolsProtocol] = JoiningProtocol,
) -> None:
    """Serve `app` on the settings' host and port; return after a graceful stop."""
    configure_logging(settings.log_level)
    settle_memory()
    uvicorn.Server(
        uvicorn.Config(
            app,
            http=protocol,
            host=settings.host,
            port=settings.port,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # who asked is the gateway's to know
            ws="none",
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=GRACE_SECONDS,
        )
    ).run()
