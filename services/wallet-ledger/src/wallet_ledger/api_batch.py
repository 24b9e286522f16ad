"""Many entries of tills in one request: for a channel that collects them and sends them later."""

from typing import Annotated, Any, Final

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from wallet_ledger import models
from wallet_ledger.batches import Batches
from web.kept import JSON
from web.problems import invalid
from web.route import router
from web.tokens import Principal, allow

PATH: Final = "/api/v1/ledger/batch"

api = router()

Channel = Annotated[Principal, Depends(allow("channel"))]
ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {"model": models.BatchAnswer, "description": "What became of each entry, in order"}
}


@api.post(PATH, responses=ANSWER)
async def batch(request: Request, body: models.BatchRequest, channel: Channel) -> Response:
    """Enter up to 1,000 entries, each under a key of its own and with an outcome of its own.

    `atomic`: all or none; the first refusal is answered with 409 and its `index`, and no key is
    used. Without it each entry succeeds or is refused by itself, as if it had come alone.
    """
    keys = [entry.key for entry in body.entries]
    if len(set(keys)) != len(keys):
        first = next(n for n, key in enumerate(keys) if key in keys[:n])
        raise invalid(f"entries.{first}.key", "is the key of an entry before it")
    batches: Batches = request.app.state.batches
    if body.atomic:
        status, content = await batches.all_or_none(channel, body.entries)
    else:
        status, content = 200, await batches.each(request, channel, body.entries)
    response = Response(content, status)
    if status == 200:
        response.raw_headers = [JSON, (b"content-length", str(len(content)).encode())]
    else:
        response.headers["content-type"] = "application/problem+json"
    return response
