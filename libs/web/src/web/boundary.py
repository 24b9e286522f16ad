"""The outermost layer: bodies are bounded while they are read, and no exception gets past it."""

import logging
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from web.failures import is_passing, problem_of
from web.problems import Problem

BODY_BYTES_MAX: Final = 1024 * 1024
DRAIN_BYTES_MAX: Final = 16 * 1024 * 1024

log = logging.getLogger(__name__)


class Boundary:
    """ASGI middleware: 413 over `body_bytes_max` (counted, also when chunked), 503 or 500 else."""

    def __init__(self, app: ASGIApp, *, body_bytes_max: int = BODY_BYTES_MAX) -> None:
        self.app = app
        self.body_bytes_max = body_bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request; lifespan passes untouched."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        started = False

        async def send_noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            declared = _content_length(scope)
            if declared > self.body_bytes_max:
                await _drain(scope, receive, declared)
                await Problem("payload-too-large").response()(scope, receive, send)
                return
            await self.app(scope, _counted(scope, receive, self.body_bytes_max), send_noted)
        except Problem as problem:
            await problem.response()(scope, receive, send)
        except Exception as error:
            _report(scope, error)
            if started:
                raise
            await problem_of(error).response()(scope, receive, send)


def _counted(scope: Scope, receive: Receive, bytes_max: int) -> Receive:
    """Return `receive` that raises 413 as soon as more than `bytes_max` have come."""
    count = 0

    async def receive_counted() -> Message:
        nonlocal count
        message = await receive()
        count += len(message.get("body", b""))
        if count > bytes_max:
            if message.get("more_body", False):
                await _drain(scope, receive, count)
            raise Problem("payload-too-large")
        return message

    return receive_counted


async def _drain(scope: Scope, receive: Receive, size: int) -> None:
    """Read the rest, within limits: a client that is still sending would miss our answer."""
    if size > DRAIN_BYTES_MAX or any(name == b"expect" for name, _ in scope["headers"]):
        return
    count, more = 0, True
    while more and count < DRAIN_BYTES_MAX:
        message = await receive()
        count += len(message.get("body", b""))
        more = bool(message.get("more_body", False))


def _content_length(scope: Scope) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 20 else DRAIN_BYTES_MAX + 1
    return 0


def _report(scope: Scope, error: Exception) -> None:
    """Log what happened, without query, header or body, which may hold secrets."""
    what = f"{scope['method']} {scope['path']}"
    if is_passing(error):
        log.warning("%s: not available: %r", what, error)
    else:
        log.error("%s: unhandled", what, exc_info=error)
