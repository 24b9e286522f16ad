"""The route class of every service: who may is asked first, then the body is read, strictly."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import APIRouter
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from web.problems import Problem, invalid
from web.strict_json import InvalidJson, parse
from web.tokens import Allow

Handler = Callable[[Request], Coroutine[Any, Any, Response]]
UNREAD: object = object()


class StrictRequest(Request):
    """A request whose body is parsed once, by web.strict_json."""

    _parsed: object = UNREAD

    async def json(self) -> Any:
        """Return the parsed body. Raises Problem 422, which never quotes the body."""
        if self._parsed is UNREAD:
            try:
                self._parsed = parse(await self.body())
            except InvalidJson as error:
                raise invalid("body", error.reason) from None
        return self._parsed


class StrictRoute(APIRoute):
    """Authenticates before it reads; strict JSON or 415; a repeated query parameter is 422."""

    def get_route_handler(self) -> Handler:
        """Wrap FastAPI's own handler, which validates and calls the endpoint."""
        handle = super().get_route_handler()
        dependants = list(_walk(self.dependant))
        guards = [item.call for item in dependants if isinstance(item.call, Allow)]
        names = {field.alias for item in dependants for field in item.query_params}
        reads_body = self.body_field is not None

        async def strict(request: Request) -> Response:
            request = StrictRequest(request.scope, request.receive)
            for guard in guards:
                await guard(request)
            if request.scope["query_string"]:
                _refuse_repeats(request, names)
            if reads_body and not _is_json(request) and await request.body():
                raise Problem("unsupported-media-type")
            return await handle(request)

        return strict


def router(prefix: str = "") -> APIRouter:
    """Return a router whose routes are strict."""
    return APIRouter(prefix=prefix, route_class=StrictRoute)


def _walk(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _walk(inner)


def _refuse_repeats(request: Request, names: set[str]) -> None:
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name in seen and name in names:
            raise invalid(name, "is given more than once")
        seen.add(name)


def _is_json(request: Request) -> bool:
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return media_type == "application/json" or (
        media_type.startswith("application/") and media_type.endswith("+json")
    )
