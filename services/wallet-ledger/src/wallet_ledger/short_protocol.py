"""A way past uvicorn for short requests: read, answered and counted here, one at a time.

httptools parses, as for every request. What is on a short path is not told to uvicorn until that is
necessary: when it turns out not to be plain, or when the client sends the next request before this
one is answered. Then it becomes uvicorn's as if it had been from the beginning.
"""

import asyncio
from abc import ABC, abstractmethod
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from wallet_ledger.till_shortcut import BODY_BYTES_MAX, FORMS, Fields, Headers, headers_of
from web.serve import JoinedWrites, JoiningProtocol


class Short:
    """A request on a short path, while it is read or answered.

    `cycle`: what it has become, if uvicorn had to be told of it.
    """

    __slots__ = ("body", "complete", "cycle", "fields", "headers", "keep_alive", "path")

    def __init__(self, path: bytes, fields: Fields, headers: Headers, *, keep_alive: bool) -> None:
        self.path = path
        self.fields = fields
        self.headers = headers
        self.keep_alive = keep_alive
        self.body = b""
        self.complete = False
        self.cycle: RequestResponseCycle | None = None


class ShortProtocol(JoiningProtocol, ABC):
    """Reads short requests and gives each to `received`, which answers it or takes the long way."""

    _short: Short | None = None
    _idle_since: float | None = None
    _idle_timer: asyncio.TimerHandle | None = None

    @abstractmethod
    def accepts_short(self) -> bool:
        """Tell whether short requests are taken at all, now."""

    @abstractmethod
    def received(self, short: Short) -> None:
        """Take a short request that is complete."""

    def answer(self, short: Short, data: bytes, *, keep_alive: bool) -> None:
        """Send the whole answer, head and body, to a short request that is not gone."""
        cast("JoinedWrites", self.transport).write_now(data)
        if not keep_alive:
            self.transport.close()
        cycle = short.cycle
        if cycle is not None:
            cycle.response_started = cycle.response_complete = True
            cycle.on_response()
            return
        self._short = None
        self.server_state.total_requests += 1
        self._idle_since = self.loop.time()
        if self._idle_timer is None:
            self._idle_timer = self.loop.call_later(self.timeout_keep_alive, self._look_idle)

    def take_long_way(self, short: Short) -> None:
        """Start a request as uvicorn would have done, a moment later."""
        self._start_asgi_task(short.cycle or self._hand_over(short), cast("Any", self.app))

    def is_gone(self, short: Short) -> bool:
        """Tell whether nobody waits for the answer any more."""
        cycle = short.cycle
        return self._short is not short if cycle is None else cycle.disconnected

    # What the parser says. uvicorn's own part is done for what is not short, or no longer.

    def on_message_begin(self) -> None:
        """Gather a head; what is still in hand becomes uvicorn's, which keeps the order."""
        if self._short is not None:
            self._hand_over(self._short)
        self._idle_since = None
        self.url = b""
        self.headers = []

    def on_header(self, name: bytes, value: bytes) -> None:
        """Note a field."""
        self.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Begin a short request, or tell uvicorn of another one."""
        if self.url in FORMS and self._may_begin():
            headers = headers_of(self.headers)
            if headers is not None:
                keep_alive = cast("Any", self.parser).should_keep_alive()
                self._short = Short(self.url, self.headers, headers, keep_alive=keep_alive)
                return
        self._tell_uvicorn(self.url, self.headers)
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body; a long one is none of a short request."""
        short = self._short
        if short is None:
            super().on_body(body)
            return
        short.body += body
        if len(short.body) > BODY_BYTES_MAX:
            self.take_long_way(short)

    def on_message_complete(self) -> None:
        """Pass on what is complete."""
        short = self._short
        if short is None:
            super().on_message_complete()
        else:
            short.complete = True
            self.received(short)

    def _may_begin(self) -> bool:
        """Tell whether a request may be short now: nothing is in hand, nothing special asked."""
        parser = cast("Any", self.parser)
        before = cast("RequestResponseCycle | None", self.cycle)
        return (
            self.accepts_short()
            and (before is None or before.response_complete)
            and parser.get_method() == b"POST"
            and parser.get_http_version() == "1.1"
            and not parser.should_upgrade()
            and not self.flow.write_paused
        )

    def _tell_uvicorn(self, url: bytes, fields: Fields) -> None:
        """Tell uvicorn of a head what it did not hear."""
        super().on_message_begin()
        self.url = url
        for name, value in fields:
            super().on_header(name, value)

    def _hand_over(self, short: Short) -> RequestResponseCycle:
        """Make of a short request one of uvicorn's, whose task is not started.

        Not by uvicorn's own `on_headers_complete`: the parser may be beyond this request already.
        """
        self._short = None
        self._tell_uvicorn(short.path, short.fields)
        path = self.root_path + short.path.decode()
        scope = cast("dict[str, Any]", self.scope)
        scope |= {"method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
        cycle = RequestResponseCycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=short.keep_alive,
            on_response=self.on_response_complete,
        )
        cycle.body += short.body
        cycle.more_body = not short.complete
        cycle.message_event.set()
        short.cycle = self.cycle = cycle
        return cycle

    # What happens to the connection.

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget what was in hand: if it was ordered, asking again under its key tells."""
        self._short = None
        if self._idle_timer is not None:
            self._idle_timer.cancel()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close the connection, after the answer to what is in hand."""
        if self._short is None:
            super().shutdown()
        else:
            self._short.keep_alive = False

    def _look_idle(self) -> None:
        """Close a connection that was idle for too long: one timer for all of its requests."""
        left = float(self.timeout_keep_alive)
        if self._idle_since is not None:
            left -= self.loop.time() - self._idle_since
        if left <= 0:
            self.timeout_keep_alive_handler()
        else:
            self._idle_timer = self.loop.call_later(left, self._look_idle)
