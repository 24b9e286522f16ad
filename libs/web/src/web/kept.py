"""Answers that are kept as bytes and given again as they were."""

from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from web.problems import MEDIA_TYPE

JSON: Final = (b"content-type", b"application/json")
PROBLEM: Final = (b"content-type", MEDIA_TYPE.encode())
REPLAYED: Final = (b"idempotent-replayed", b"true")


class KeptResponse(Response):
    """A response of bytes that were made before: nothing is rendered or encoded."""

    def __init__(self, status: int, body: bytes, *, replayed: bool = False) -> None:
        self.status_code = status
        self.body = body
        self.background = None
        self.raw_headers = [
            PROBLEM if status >= 400 else JSON,
            (b"content-length", str(len(body)).encode()),
        ]
        if replayed:
            self.raw_headers.append(REPLAYED)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the two messages of the answer."""
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.body", "body": self.body})
