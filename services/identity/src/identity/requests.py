"""What the routes take from a request besides its body."""

from typing import Annotated, Final
from uuid import uuid4

from fastapi import Depends
from starlette.requests import Request

from events.envelope import Cause
from identity.keyed import Keyed
from identity.resources import Resources
from web.idempotency import IdempotencyKey, caller_of, fingerprint
from web.tokens import principal_of

TEXT_MAX: Final = 200


async def resources_of(request: Request) -> Resources:
    """Return what this process works with."""
    return request.app.state.resources


async def cause_of(request: Request) -> Cause:
    """Return what an event names as its cause: the gateway's id of the request, and the trace."""
    request_id = request.headers.get("x-request-id") or uuid4().hex
    traceparent = request.headers.get("traceparent")
    return Cause(
        correlation_id=_plain(request_id) or uuid4().hex,
        traceparent=None if traceparent is None else _plain(traceparent) or None,
    )


def _plain(text: str) -> str:
    return text if text.isascii() and text.isprintable() and len(text) <= TEXT_MAX else ""


async def keyed_of(request: Request, key: IdempotencyKey) -> Keyed:
    """Return the command's key, bound to the caller, the path and the body."""
    mark = fingerprint(request.method, request.url.path, await request.json())
    return Keyed(caller_of(await principal_of(request), mark), key, mark, await cause_of(request))


async def address_of(request: Request) -> str:
    """Return where the client is, as the gateway says, which alone sets this header."""
    forwarded = request.headers.getlist("x-forwarded-for")
    if forwarded:
        return forwarded[-1].rpartition(",")[2].strip()[:TEXT_MAX]
    return request.client.host if request.client else "unknown"


async def prefers_english(request: Request) -> bool:
    """Tell whether Accept-Language puts English before Indonesian, the language of the house."""
    weights = {"en": 0.0, "id": 0.0}
    for part in request.headers.get("accept-language", "")[:TEXT_MAX].split(","):
        tag, _, weight = part.partition(";")
        language = tag.strip().lower().partition("-")[0]
        if language in weights:
            weights[language] = max(weights[language], _weight(weight))
    return weights["en"] > weights["id"]


def _weight(parameter: str) -> float:
    name, _, value = parameter.strip().partition("=")
    if name.strip().lower() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0


ResourcesOf = Annotated[Resources, Depends(resources_of)]
CauseOf = Annotated[Cause, Depends(cause_of)]
KeyedOf = Annotated[Keyed, Depends(keyed_of)]
AddressOf = Annotated[str, Depends(address_of)]
PrefersEnglish = Annotated[bool, Depends(prefers_english)]
