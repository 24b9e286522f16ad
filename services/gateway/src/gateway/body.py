"""Reading a request's body. web.boundary counts its bytes on the way, the door its seconds."""

from starlette.types import Receive

from gateway.headers import Headers, values


class ClientGone(Exception):
    """The client hung up before its request was complete: nobody is left to answer."""


async def read_body(headers: Headers, receive: Receive) -> bytes | None:
    """Return the whole body, None where the request announces none.

    Raises ClientGone, and what `receive` raises: Problem 413 over the limit, 422 if too slow.
    """
    if not values(headers, b"content-length") and not values(headers, b"transfer-encoding"):
        return None
    parts: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientGone
        parts.append(message.get("body", b""))
        if not message.get("more_body", False):
            return b"".join(parts)
