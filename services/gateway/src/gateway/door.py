"""The outermost layer: a bound on everything, a name for every request, safe fields on answers."""

import asyncio

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from gateway.headers import secured, values
from gateway.tracing import Trace, trace_of
from web.problems import Problem


class Door:
    """ASGI middleware that lets `open_max` requests in at a time; beyond that 503 at once."""

    def __init__(self, app: ASGIApp, *, open_max: int, body_seconds_max: float) -> None:
        self._app = app
        self._open_max = open_max
        self._body_seconds_max = body_seconds_max
        self._open = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; lifespan passes untouched."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope, receive, send, self._body_seconds_max)
        if self._open >= self._open_max:
            full = Problem("unavailable", "Too many requests at the moment.")
            await full.response()(scope, visit.receive, visit.send)
            return
        self._open += 1
        try:
            await self._app(scope, visit.receive, visit.send)
        finally:
            self._open -= 1


class _Visit:
    """One request: its `receive` has a deadline, its `send` adds what every answer carries."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, body_seconds_max: float) -> None:
        self._trace: Trace = trace_of(scope["headers"])
        self._receive = receive
        self._send = send
        self._deadline = asyncio.get_running_loop().time() + body_seconds_max
        self._waits = bool(values(scope["headers"], b"expect"))
        self._too_slow = False
        scope["kembalian.trace"] = self._trace

    async def receive(self) -> Message:
        """Return the next part of the body. Raises Problem 422 when its time is over."""
        try:
            async with asyncio.timeout_at(self._deadline):
                return await self._receive()
        except TimeoutError as error:
            self._too_slow = True
            raise Problem("invalid-request", "The body did not arrive in time.") from error

    async def send(self, message: Message) -> None:
        """Send the next part of the answer; its start gets the request's name."""
        if message["type"] == "http.response.start":
            headers = [field for field in message.get("headers", ()) if field[0] != b"x-request-id"]
            headers.append((b"x-request-id", self._trace.request_id))
            if self._leaves_a_body_behind(message["status"]):
                headers.append((b"connection", b"close"))
            message["headers"] = secured(headers)
        await self._send(message)

    def _leaves_a_body_behind(self, status: int) -> bool:
        """Tell whether the client may still send, or never send, the body that it announced.

        A client that waits for `100 Continue` and is refused keeps its body, and its next
        request on the connection would be read as one.
        """
        return self._too_slow or (self._waits and status >= 400)
