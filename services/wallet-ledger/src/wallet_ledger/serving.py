"""From a request to its order: what all calls that move money have in common."""

import re
from random import getrandbits
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from events.envelope import Cause
from wallet_ledger.answers import Answer
from wallet_ledger.domain import Command
from wallet_ledger.group import Order
from wallet_ledger.handlers import Ledger
from web.idempotency import fingerprint
from web.tokens import Principal

TRACEPARENT: Final = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
REQUEST_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,64}")


def cause_of(request_id: str, trace: str) -> Cause:
    """Return what the event says of its origin: the request's id and trace, if they are such.

    A request without an id gets one: to find it again, not to keep a secret.
    """
    named = request_id and REQUEST_ID.fullmatch(request_id)
    traced = trace and TRACEPARENT.fullmatch(trace)
    correlation = request_id if named else f"{getrandbits(128):032x}"
    return Cause(correlation, traceparent=trace if traced else None)


async def serve(
    request: Request, principal: Principal, key: str, wallet_id: str, asked: Command | Answer
) -> Response:
    """Let the ledger decide `asked` under the caller's key, and answer with the kept bytes.

    An answer instead of a command refuses it without a look at the wallet, unless it is a repeat.
    Where nobody knows the wallet, `wallet_id` is any name that a repeat gives again.
    """
    ledger: Ledger = request.app.state.ledger
    headers = request.headers
    body = await request.json() if await request.body() else None
    order = Order(
        caller=principal.caller,
        key=key,
        fingerprint=fingerprint(request.method, request.url.path, body),
        wallet_id=wallet_id,
        asked=asked,
        cause=cause_of(headers.get("x-request-id", ""), headers.get("traceparent", "")),
    )
    return await ledger.serve(request, order)
