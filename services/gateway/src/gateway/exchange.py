"""One request's answer as it comes in: parsed by httptools, held or streamed as raw bytes."""

import asyncio

import httptools

HELD_BYTES_MAX = 1024 * 1024
"""So much of an answer is held back until it is complete."""

AHEAD_BYTES_MAX = 256 * 1024
"""So much of a longer answer is read ahead of the client."""

FRAMED = frozenset({b"content-length", b"transfer-encoding"})
SWITCHING = 101


class Broken(Exception):
    """The connection ended, or what came is not HTTP, before the answer was complete."""


class Exchange:
    """What httptools tells of one answer. `wait` for it: whole, or its first HELD_BYTES_MAX."""

    __slots__ = (
        "_ahead_bytes_max",
        "_error",
        "_head",
        "_headers_complete",
        "_keeps_alive",
        "_parts",
        "_paused",
        "_size",
        "_surplus",
        "_transport",
        "_waiter",
        "complete",
        "headers",
        "parser",
        "status",
    )

    def __init__(self, transport: asyncio.Transport, *, head: bool) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.complete = False
        self._head = head
        self._headers_complete = False
        self._keeps_alive = False
        self._parts: list[bytes] = []
        self._size = 0
        self._ahead_bytes_max = HELD_BYTES_MAX
        self._surplus = False
        self._paused = False
        self._error: Exception | None = None
        self._transport = transport
        self._waiter: asyncio.Future[None] | None = None

    @property
    def reusable(self) -> bool:
        """Tell whether another request may follow on the connection."""
        return self.complete and self._keeps_alive and not self._surplus

    @property
    def over(self) -> bool:
        """Tell whether the answer is complete and all of it was returned."""
        return self.complete and not self._parts

    async def wait(self, seconds: float) -> bytes:
        """Return what has come of the body since the last call, at least something or the end.

        The first call waits for the whole answer, or for HELD_BYTES_MAX. Raises Broken, and
        TimeoutError after `seconds`.
        """
        if not self._ready():
            loop = asyncio.get_running_loop()
            self._waiter = loop.create_future()
            timer = loop.call_later(seconds, self.fail, TimeoutError(f"no answer in {seconds} s"))
            try:
                if self._paused:
                    self._paused = False
                    self._transport.resume_reading()
                await self._waiter
            finally:
                self._waiter = None
                timer.cancel()
        if self._error is not None:
            raise self._error
        held = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        self._ahead_bytes_max = 1
        return held

    def fail(self, error: Exception) -> None:
        """End an answer that is not complete."""
        if not self.complete and self._error is None:
            self._error = error
            self._wake()

    def ended(self, error: Exception | None) -> None:
        """The connection is over: so is an answer that says nothing of its length."""
        unframed = not any(name in FRAMED for name, _ in self.headers)
        if self._headers_complete and unframed and error is None:
            self._finish(keeps_alive=False)
        self.fail(Broken(f"closed before the answer was complete: {error!r}"))

    # What httptools calls.

    def on_message_begin(self) -> None:
        """An answer begins. A second one was not asked for."""
        self._surplus = self._surplus or self.complete
        self.headers = self.headers if self.complete else []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a field."""
        if not self.complete:
            self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Keep the status; an answer to HEAD ends here, whatever length it speaks of."""
        if self.complete:
            return
        self.status = self.parser.get_status_code()
        self._headers_complete = self.status >= 200
        if self._head and self._headers_complete:
            self._finish(keeps_alive=self.parser.should_keep_alive())

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body; read no further ahead than may be held."""
        if self.complete:
            self._surplus = True
            return
        self._parts.append(body)
        self._size += len(body)
        if self._size >= self._ahead_bytes_max:
            self._wake()
        if self._size >= max(self._ahead_bytes_max, AHEAD_BYTES_MAX) and not self._paused:
            self._paused = True
            self._transport.pause_reading()

    def on_message_complete(self) -> None:
        """The answer is whole, unless it was one of those that only precede it (100, 103)."""
        if self._headers_complete and not self.complete:
            self._finish(keeps_alive=self.parser.should_keep_alive())
        elif self.status == SWITCHING:
            self.fail(Broken("the service changes the protocol"))

    def _ready(self) -> bool:
        return self.complete or self._error is not None or self._size >= self._ahead_bytes_max

    def _finish(self, *, keeps_alive: bool) -> None:
        self.complete, self._keeps_alive = True, keeps_alive
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
