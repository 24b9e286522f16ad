"""Many entries of tills in one request: for a channel that collects them and sends them later."""

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Receive

from wallet_ledger import models
from wallet_ledger.batches import Batches
from wallet_ledger.plain_batch import entries_of
from web.kept import JSON
from web.problems import invalid
from web.route import Handler, StrictRoute
from web.tokens import Principal, allow

PATH: Final = "/api/v1/ledger/batch"
ALLOWED: Final = allow("channel")


class BatchRoute(StrictRoute):
    """Serves a plain batch without the models; all else as a strict route does."""

    def get_route_handler(self) -> Handler:
        """Wrap the handler that validates by the models."""
        handle = super().get_route_handler()

        async def plain_or_not(request: Request) -> Response:
            channel = await ALLOWED(request)
            if request.headers.getlist("content-type") != ["application/json"]:
                return await handle(request)
            body = await request.body()
            entries = None if request.scope["query_string"] else entries_of(body)
            if entries is None:
                return await handle(Request(request.scope, _again(body)))
            batches: Batches = request.app.state.batches
            return _outcomes(await batches.each(request, channel, entries))

        return plain_or_not


api = APIRouter(route_class=BatchRoute)

Channel = Annotated[Principal, Depends(ALLOWED)]
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
    return _outcomes(content) if status == 200 else _refusal(content, status)


def _outcomes(content: bytes) -> Response:
    response = Response(content)
    response.raw_headers = [JSON, (b"content-length", str(len(content)).encode())]
    return response


def _refusal(content: bytes, status: int) -> Response:
    response = Response(content, status)
    response.headers["content-type"] = "application/problem+json"
    return response


def _again(body: bytes) -> Receive:
    """Return what gives a body that was read already once more."""

    async def receive() -> Message:
        return {"type": "http.request", "body": body, "more_body": False}

    return receive
