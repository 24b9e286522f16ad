"""Passing a request on and its answer back: bytes in, the same bytes out."""

import logging
from collections.abc import Mapping

from starlette.types import Receive, Scope, Send

from gateway import headers as fields
from gateway.body import ClientGone, read_body
from gateway.routing import Service, service_for
from gateway.service_token import GuestToken
from gateway.tracing import Trace
from gateway.upstream import Answer, Upstream
from web.problems import MEDIA_TYPE, Problem

HEADER_BYTES_MAX = 32 * 1024
QUERY_BYTES_MAX = 16 * 1024
CONTENT_TYPE = b"content-type"

_log = logging.getLogger(__name__)


class Proxy:
    """The ASGI application behind every public path. Refuses by raising Problem."""

    def __init__(self, upstreams: Mapping[Service, Upstream], guest: GuestToken) -> None:
        self._upstreams = upstreams
        self._guest = guest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Choose the service, ask it, and pass its answer back. Raises Problem."""
        try:
            body = await read_body(scope["headers"], receive)  # first: what is left unread in a
        except ClientGone:  # connection that closes would reset it before the answer is seen
            return
        service = service_for(scope["raw_path"])
        if service is None:
            raise Problem("not-found", "There is nothing under this path.")
        if (
            len(scope["query_string"]) > QUERY_BYTES_MAX
            or fields.size(scope["headers"]) > HEADER_BYTES_MAX
        ):
            raise Problem("invalid-request", "The query or the header fields are too long.")
        await self._exchange(scope, send, self._upstreams[service], body)

    async def _exchange(
        self, scope: Scope, send: Send, upstream: Upstream, body: bytes | None
    ) -> None:
        """Ask `upstream` and pass its answer back. Raises Problem."""
        onward = await self._onward(scope, upstream, body)
        query: bytes = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        answer = await upstream.ask(scope["method"].encode("ascii"), target, onward, body)
        try:
            _refuse_raw_failure(upstream, answer)
            await _pass_back(answer, send)
        finally:
            answer.close()

    async def _onward(
        self, scope: Scope, upstream: Upstream, body: bytes | None
    ) -> list[tuple[bytes, bytes]]:
        """Return the fields for the service: the client's own, then what the gateway says."""
        trace: Trace = scope["kembalian.trace"]
        onward = [(b"host", upstream.host), *fields.from_client(scope["headers"])]
        if not fields.values(onward, b"authorization"):
            onward.append((b"authorization", await self._guest.authorization()))
        if body is not None:
            onward.append((b"content-length", str(len(body)).encode("ascii")))
        if scope.get("client"):
            onward.append((b"x-forwarded-for", scope["client"][0].encode("ascii")))
        onward.append((b"x-request-id", trace.request_id))
        onward.append((b"traceparent", trace.traceparent))
        if trace.tracestate is not None:
            onward.append((b"tracestate", trace.tracestate))
        return onward


async def _pass_back(answer: Answer, send: Send) -> None:
    """Send a service's answer: what was held at once, the rest as it comes.

    Once half an answer is out, only silence can follow: the connection is closed.
    """
    headers = fields.from_service(answer.headers)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.whole:
        await send({"type": "http.response.body", "body": answer.held})
        return
    await send({"type": "http.response.body", "body": answer.held, "more_body": True})
    try:
        async for part in answer.rest():
            await send({"type": "http.response.body", "body": part, "more_body": True})
    except Problem as problem:
        _log.warning("an answer broke off, its connection is closed: %s", problem)
        return
    await send({"type": "http.response.body", "body": b""})


def _refuse_raw_failure(upstream: Upstream, answer: Answer) -> None:
    """Raise Problem 503 for a 5xx that does not say what is wrong: a crash, not an answer."""
    if answer.status < 500:
        return
    media_types = [value.lower() for value in fields.values(answer.headers, CONTENT_TYPE)]
    if not any(value.startswith(MEDIA_TYPE.encode("ascii")) for value in media_types):
        _log.warning("%s answers %d without a problem", upstream.name, answer.status)
        raise Problem("unavailable", "The service does not answer at the moment.")
