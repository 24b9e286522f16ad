"""The name of a request on its way through the house: X-Request-Id and W3C trace context."""

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from gateway.headers import Headers, values

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._~:-]{1,128}")
_TRACEPARENT = re.compile(
    rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}"
)


@dataclass(frozen=True, slots=True)
class Trace:
    """`request_id` as it is logged and answered, `traceparent` as it is passed on."""

    request_id: bytes
    traceparent: bytes
    tracestate: bytes | None


def trace_of(headers: Headers) -> Trace:
    """Return the client's own trace where it is valid, else a new one.

    Source: W3C Trace Context, section 3.2: a broken or doubled `traceparent` is replaced, and its
    `tracestate` goes with it.
    """
    request_id = _only(values(headers, b"x-request-id"), _REQUEST_ID)
    traceparent = _only(values(headers, b"traceparent"), _TRACEPARENT)
    tracestate = values(headers, b"tracestate") if traceparent is not None else []
    return Trace(
        request_id=request_id or secrets.token_hex(16).encode("ascii"),
        traceparent=traceparent or _new_traceparent(),
        tracestate=b",".join(tracestate) or None,
    )


def _only(given: Sequence[bytes], valid: re.Pattern[bytes]) -> bytes | None:
    """Return the one value if there is exactly one and it is valid."""
    return given[0] if len(given) == 1 and valid.fullmatch(given[0]) else None


def _new_traceparent() -> bytes:
    """Return a sampled trace context with random ids."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01".encode("ascii")
